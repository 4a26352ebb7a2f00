"""MarkovComposer: n-grams of a chorale. Each cell is held or struck, and if struck, at some pitch; counted contexts foretell both.

Shapes: B pieces, V voices, T steps, N cells, K ids of `contexts.TOKENIZER`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from musicgen.composers.chains import MarkovConfig
from musicgen.composers.composer import Kind, Likelihood
from musicgen.composers.contexts import TOKENIZER, IntArray, columns_of_sounds, columns_of_strikes, told
from musicgen.composers.explaining import Explanation, explain_cell
from musicgen.composers.ngram_tables import Cells, TableReader, Tables
from musicgen.composers.step_by_step import FORETOLD, StepByStep
from musicgen.composers.together import OnProgress, stack
from musicgen.errors import CheckpointError
from musicgen.models.checkpoint import Checkpoint, built_from, load_tensors, read_checkpoint
from musicgen.models.ngram import Mixture
from musicgen.models.ngram_counts import PACKED, Counts
from musicgen.models.ngram_fit import Events, fit_mixture
from musicgen.music.chorale import VOICES, BoolArray, Chorale
from musicgen.music.sketch import Sketch
from musicgen.sampling.allowed import IdArray
from musicgen.sampling.dials import Branch
from musicgen.sampling.draw import FloatArray, SamplingOptions
from musicgen.sampling.left_to_right import NOT_PINNED, Logits, OrderedTask
from musicgen.tokenizers.grid import GridTokenizer

FITTED = {"rhythm": 30_000, "pitch": 16_000}
"""How many cells, and how many notes, the powers of the chains are fitted to."""
FIT_SEED = 1
POWERS = ("by_depth", "by_seen")


@dataclass(frozen=True)
class MarkovComposer:
    """Left to right by n-grams; states exact likelihoods of whole pieces."""

    name: str
    tables: Tables
    config: MarkovConfig
    checkpoint: Checkpoint | None = None
    options: SamplingOptions = SamplingOptions(temperature=0.8, drafts=4, draft_temperature=0.8)
    config_type: ClassVar[type[Any]] = MarkovConfig
    dials: ClassVar[tuple[str, ...]] = ("temperature", "rhythm_temperature", "top_p", "drafts", "draft_temperature", "lanes")
    guesses_from: ClassVar[str] = "all that came before"
    kind: ClassVar[Kind] = "exact"
    tokenizer: ClassVar[GridTokenizer] = TOKENIZER

    @classmethod
    def learn(
        cls, pieces: Sequence[Chorale], valid: Sequence[Chorale], config: MarkovConfig, on_progress: Callable[[float], None]
    ) -> dict[str, Tensor]:
        """The counts and powers by name. `valid` is not looked at."""
        events = events_of(Cells.of(pieces, config.order))
        tensors: dict[str, Tensor] = {}
        for number, (name, layouts) in enumerate(config.layouts.items()):
            on_progress((1 + 2 * number) / 5)
            fitted = _some(len(events[name].classes), FITTED[name])
            mixture = fit_mixture(*layouts, events[name], fitted, config.discount)
            tensors |= {f"{name}.{part}": tensor for part, tensor in _as_tensors(mixture).items()}
        return tensors

    @classmethod
    def load(cls, folder: Path, **dials: float) -> MarkovComposer:
        checkpoint = read_checkpoint(folder)
        config = built_from(MarkovConfig, checkpoint.model)
        tensors = load_tensors(folder / "model.safetensors")
        tables = Tables(*(_mixture(folder, config, name, tensors) for name in ("rhythm", "pitch")))
        return cls(folder.name, tables, config, checkpoint, cls.options.turned(folder.name, cls.dials, dials))

    def fill(self, sketch: Sketch, seed: int) -> Chorale:
        return self.fill_many([sketch], [seed])[0]

    def fill_many(self, sketches: Sequence[Sketch], seeds: Sequence[int], on_progress: OnProgress = lambda share: None) -> list[Chorale]:
        """In batches of sketches of like length."""
        filler = StepByStep(self.name, TOKENIZER, self.config.order, self.options, self._reading, is_foretold, Weighed)
        return filler.fill_many(sketches, seeds, on_progress)

    def nats(self, chorale: Chorale) -> Likelihood:
        """Exact: each cell given those before it, steps in order and the voices in theirs, and meter, fermatas and key."""
        log_p, cells, ids = self._judged(chorale)
        nats = np.empty(ids.shape, dtype=np.float32)
        nats[cells.voice, cells.step] = -log_p[np.arange(len(log_p)), ids[cells.voice, cells.step]]
        return Likelihood(nats, "exact")

    def guesses(self, chorale: Chorale, free: BoolArray) -> BoolArray:
        """(V, T) whether the likeliest id of each free cell, given all before it, is the true one."""
        log_p, cells, ids = self._judged(chorale)
        right = np.zeros_like(free)
        right[cells.voice, cells.step] = log_p.argmax(axis=1) == ids[cells.voice, cells.step]
        return right & free

    def log_p(self, chorale: Chorale, free: BoolArray) -> FloatArray:
        """(V, T, K) exact: of each cell, given all before it, whichever are free."""
        judged, cells, ids = self._judged(chorale)
        log_p = np.empty((*ids.shape, judged.shape[1]))
        log_p[cells.voice, cells.step] = judged
        return log_p

    def explain(self, chorale: Chorale, voice: int, step: int) -> Explanation:
        """What was expected at a cell, given all before it, and from which contexts."""
        cells = Cells.of([chorale], self.config.order)
        return explain_cell(self.tables, cells, int(np.flatnonzero((cells.voice == voice) & (cells.step == step))[0]), chorale.key)

    def _judged(self, chorale: Chorale) -> tuple[FloatArray, Cells, IdArray]:
        cells = Cells.of([chorale], self.config.order)
        return self.tables.judge(cells), cells, TOKENIZER.encode(chorale)

    def _reading(self, sketches: Sequence[Sketch], task: OrderedTask) -> tuple[Logits, Branch]:
        known = stack([told(sketch.given).T for sketch in sketches], task.ids.shape[-1], 0)
        reader = TableReader(self.tables, self.config.order, known)
        return reader.logits, reader.branch


@dataclass(frozen=True)
class Weighed(OrderedTask):
    """Lanes wherever something given is foretold beside something that is not: a tune is harmonized in lanes throughout."""

    def near(self) -> BoolArray:
        pinned = self.pinned != NOT_PINNED
        both = pinned.any(axis=1) & (self.free & ~pinned).any(axis=1)
        return np.asarray(super().near() | both)


def is_foretold(free: BoolArray) -> BoolArray:
    """(V, T) given cells beside free ones, and for two beats after: n-grams cannot read ahead, but their surprise weighs the lanes."""
    some = np.pad(np.cumsum(free.any(axis=0)), (FORETOLD, 0))
    near = some[FORETOLD:] > np.pad(some, (1, 0))[: free.shape[1]]
    return np.asarray(~free & near)


def events_of(cells: Cells) -> dict[str, Events]:
    """Whether each cell is struck; what is sounded where it is."""
    notes = cells.chosen(np.flatnonzero(cells.struck))
    strikes = Events(cells.features, cells.struck.astype(np.int64), cells.voice, cells.piece, lambda some: columns_of_strikes(len(some)))
    sounds = Events(notes.features, notes.sound, notes.voice, notes.piece, lambda some: columns_of_sounds(notes.own[some]))
    return {"rhythm": strikes, "pitch": sounds}


def _some(count: int, most: int) -> IntArray:
    return np.sort(np.random.default_rng(FIT_SEED).permutation(count)[:most])


def _as_tensors(mixture: Mixture) -> dict[str, Tensor]:
    arrays = mixture.counts.packed() | {name: getattr(mixture, name) for name in POWERS}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _mixture(folder: Path, config: MarkovConfig, name: str, tensors: Mapping[str, Tensor]) -> Mixture:
    learned, recalled = config.layouts[name]
    missing = [f"{name}.{part}" for part in (*PACKED, *POWERS) if f"{name}.{part}" not in tensors]
    if missing:
        raise CheckpointError(f"{folder}: the tables lack {missing[0]}; train it again")
    arrays = {part: tensors[f"{name}.{part}"].numpy() for part in (*PACKED, *POWERS)}
    try:
        counts = Counts.unpacked(arrays, learned.width)
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {name}: {error}; train it again") from None
    expected = (len(VOICES), len(learned.chains) + len(recalled.chains))
    if any(arrays[part].shape[:2] != expected for part in POWERS):
        raise CheckpointError(f"{folder}: the powers of {name} are not those of its config.json; train it again")
    return Mixture(learned, recalled, counts, arrays["by_depth"], arrays["by_seen"], config.discount)
