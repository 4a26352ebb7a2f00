"""Composers that are trained networks: a checkpoint, a tokenizer and a sampler behind the Composer interface.

Shapes: B pieces, V voices, T steps, K ids, P = 129 things that can sound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from musicgen.composers.composer import Kind, Likelihood
from musicgen.composers.dials import dials_of
from musicgen.composers.together import check_requests, fill_in_batches, in_ensemble, stack
from musicgen.errors import CheckpointError
from musicgen.models.checkpoint import Checkpoint, built_from, load_model, read_checkpoint
from musicgen.models.precision import product_dtype
from musicgen.models.quartet import Quartet
from musicgen.music.chorale import STEPS_PER_QUARTER, BoolArray, Chorale
from musicgen.music.ensemble import Ensemble
from musicgen.music.sketch import Sketch
from musicgen.sampling.allowed import Cells, IdArray
from musicgen.sampling.draw import FloatArray, SamplingOptions, log_softmax
from musicgen.sampling.gibbs import GibbsTask, Logits, gibbs
from musicgen.tokenizers.grid import GridTokenizer

HOLD = 0


@dataclass(frozen=True)
class QuartetComposer:
    """DeepBach: pseudo-Gibbs sampling from a Quartet. Reads HOLD ids, since redrawing an onset then moves the whole note."""

    name: str
    model: Quartet
    tokenizer: GridTokenizer
    checkpoint: Checkpoint
    options: SamplingOptions = SamplingOptions()
    dials: ClassVar[tuple[str, ...]] = ("temperature", "start_temperature", "top_p", "sweeps", "density", "chromaticism")
    guesses_from: ClassVar[str] = "all other cells"
    kind: ClassVar[Kind] = "pseudo"

    @classmethod
    def load(cls, folder: Path, **dials: float) -> QuartetComposer:
        checkpoint = read_checkpoint(folder)
        if checkpoint.kind != "quartet":
            raise CheckpointError(f"{folder}: holds a model of kind {checkpoint.kind!r}, a quartet is needed here")
        tokenizer = built_from(GridTokenizer, checkpoint.tokenizer)
        expected, found = tokenizer.size, checkpoint.model.get("vocab_size")
        if expected != found or tokenizer.hold_id != HOLD:
            raise CheckpointError(
                f"{folder}: the tokenizer has {expected} ids (hold: {tokenizer.hold_id}), the model {found}; train it again"
            )
        model = load_model(folder, checkpoint, product_dtype())
        assert isinstance(model, Quartet)  # what kind "quartet" builds
        return cls(folder.name, model, tokenizer, checkpoint, cls.options.turned(folder.name, cls.dials, dials))

    @property
    def ensemble(self) -> Ensemble:
        return Ensemble.from_dict(self.checkpoint.ensemble, self.model.config.voices)

    def fill(self, sketch: Sketch, seed: int) -> Chorale:
        return self.fill_many([sketch], [seed])[0]

    def fill_many(
        self, sketches: Sequence[Sketch], seeds: Sequence[int], on_progress: Callable[[float], None] = lambda share: None
    ) -> list[Chorale]:
        """In batches of sketches of like length."""
        check_requests(self.name, self.ensemble, sketches, seeds)
        return fill_in_batches(self._fill_batch, [in_ensemble(sketch, self.ensemble) for sketch in sketches], seeds, on_progress)

    def nats(self, chorale: Chorale) -> Likelihood:
        """Pseudo: each cell given all others."""
        ids = self.tokenizer.encode(chorale)
        log_p = self.log_p(chorale, np.ones_like(chorale.onset))
        return Likelihood(-np.take_along_axis(log_p, ids[..., None], axis=-1)[..., 0].astype(np.float32), "pseudo")

    def guesses(self, chorale: Chorale, free: BoolArray) -> BoolArray:
        """(V, T) whether the likeliest id of each free cell, given all other cells, is the true one."""
        ids = self.tokenizer.encode(chorale)
        right: BoolArray = self.log_p(chorale, free).argmax(axis=-1) == ids
        return right & free

    def log_p(self, chorale: Chorale, free: BoolArray) -> FloatArray:
        """(V, T, K) pseudo: of each cell, given all others, whichever of them are free."""
        (log_p,) = self.log_p_without(chorale, free, np.zeros((1, *free.shape), dtype=bool))
        return np.asarray(log_p)

    def log_p_without(self, chorale: Chorale, free: BoolArray, hidden: BoolArray) -> FloatArray:
        """(N, V, T, K) as `log_p`, with the cells of hidden (N, V, T) hidden."""
        ids = np.where(hidden, self.tokenizer.mask_id, self.tokenizer.encode(chorale))
        pieces, voices, steps = (axis.ravel() for axis in np.indices(ids.shape))
        reader = self._reader([self.tokenizer.conditions(chorale)] * len(ids), [chorale.steps] * len(ids))
        logits = reader(ids, (pieces, voices, steps)).astype(np.float64)
        result: FloatArray = log_softmax(logits).reshape(*ids.shape, -1)
        return result

    def _fill_batch(self, sketches: Sequence[Sketch], seeds: Sequence[int], on_pass: Callable[[float], None]) -> list[Chorale]:
        lengths = [sketch.given.steps for sketch in sketches]
        conditions = [self.tokenizer.conditions(sketch.given, sketch.fermata_sounding) for sketch in sketches]
        task = self._task(sketches, max(lengths))
        logits_of = dials_of(self.tokenizer, sketches, task.sounding_allowed, self.options).by_cell(self._reader(conditions, lengths))
        fill = gibbs(logits_of, task, self.options, seeds, on_pass)
        return [self.tokenizer.decode(fill.ids[index, :, : sketch.given.steps], sketch.given) for index, sketch in enumerate(sketches)]

    def _task(self, sketches: Sequence[Sketch], steps: int) -> GibbsTask:
        tables = [self.tokenizer.sounding_allowed(sketch) for sketch in sketches]
        changes = [_rules_change(table) for table in tables]
        # A note is held on only where it may sound on: where the rules change, it may have to be struck anew.
        holds = [(sketch.must_hold() & ~change) | sketch.asked_hold() for sketch, change in zip(sketches, changes, strict=True)]
        ids = [self._start(*each) for each in zip(sketches, changes, holds, strict=True)]
        return GibbsTask(
            ids=stack(ids, steps, self.tokenizer.boundary_id),
            free=stack([sketch.free & ~hold for sketch, hold in zip(sketches, holds, strict=True)], steps, False),
            sounding_allowed=stack(tables, steps, True),
            must_begin=stack([sketch.must_begin() for sketch in sketches], steps, False),
            sounding_of_id=self.tokenizer.sounding_of_id,
            hold_id=HOLD,
            mask_id=self.tokenizer.mask_id,
        )

    def _start(self, sketch: Sketch, rules_change: BoolArray, holds: BoolArray) -> IdArray:
        """(V, T) the given ids; free cells hidden on the quarters and wherever a new note may be needed, held between."""
        ids = self.tokenizer.encode(sketch.given)
        quarters = (sketch.given.bar_positions() % STEPS_PER_QUARTER == 0) & ~holds
        hidden = sketch.free & (quarters | rules_change | sketch.must_begin()) & ~sketch.asked_hold()
        return np.where(hidden, self.tokenizer.mask_id, np.where(sketch.free, HOLD, ids))

    def _reader(self, conditions: Sequence[IdArray], lengths: Sequence[int]) -> Logits:
        """The model as a function of ids (B, V, T), with a BOUNDARY step at either end as in training."""
        steps = max(lengths)
        edged = [np.pad(rows, ((0, 0), (1, 1)), mode="edge") for rows in conditions]
        conditions_bct = torch.from_numpy(stack(edged, steps + 2, 0))
        lengths_b = torch.tensor(lengths) + 2
        boundary = self.tokenizer.boundary_id

        @torch.inference_mode()
        def logits_of(ids: IdArray, cells: Cells) -> FloatArray:
            edges = np.pad(ids, ((0, 0), (0, 0), (1, 1)), constant_values=boundary)
            pieces, voices, at = (torch.from_numpy(axis) for axis in cells)
            logits = self.model.logits_at(torch.from_numpy(edges), conditions_bct, lengths_b, (pieces, voices, at + 1))
            result: FloatArray = logits.float().numpy()
            return result

        return logits_of


def _rules_change(sounding_allowed: BoolArray) -> BoolArray:
    """(V, T) where other things may sound than at the step before (V, T, P); always at the first step."""
    change = np.ones(sounding_allowed.shape[:2], dtype=bool)
    change[:, 1:] = (sounding_allowed[:, 1:] != sounding_allowed[:, :-1]).any(axis=-1)
    return change
