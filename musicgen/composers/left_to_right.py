"""SketcherComposer: the flagship. One pass over the piece, each free cell drawn once, with sight of all that is given.

Shapes: B pieces, V voices, T steps, K ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from musicgen.composers.composer import Kind, Likelihood
from musicgen.composers.step_by_step import StepByStep, is_foretold
from musicgen.composers.together import stack
from musicgen.errors import CheckpointError
from musicgen.models.checkpoint import Checkpoint, built_from, load_model, read_checkpoint
from musicgen.models.committee import Committee
from musicgen.models.recall import Recalled, in_steps
from musicgen.models.sketcher import Sketcher
from musicgen.music.chorale import BoolArray, Chorale
from musicgen.music.ensemble import Ensemble
from musicgen.music.sketch import Sketch
from musicgen.sampling.allowed import IdArray
from musicgen.sampling.dials import Branch
from musicgen.sampling.draw import FloatArray, SamplingOptions, log_softmax
from musicgen.sampling.left_to_right import Logits, OrderedTask
from musicgen.tokenizers.grid import CONDITIONS, GridTokenizer

PHASE = CONDITIONS.index("phase")
AHEAD_TOGETHER = 2  # of more pieces, some step is seldom held by all


@dataclass(frozen=True)
class SketcherComposer:
    """Left to right from a Sketcher or a Committee; states exact likelihoods, of whole pieces and of any free cells given the others."""

    name: str
    model: Sketcher | Committee
    tokenizer: GridTokenizer
    checkpoint: Checkpoint
    options: SamplingOptions = SamplingOptions(temperature=0.8, drafts=4, draft_temperature=0.8, guidance=2.0)
    dials: ClassVar[tuple[str, ...]] = (
        *("temperature", "rhythm_temperature", "top_p", "density", "chromaticism"),
        *("drafts", "draft_temperature", "guidance", "lanes"),
    )
    guesses_from: ClassVar[str] = "what is kept and all that came before"
    kind: ClassVar[Kind] = "exact"

    @classmethod
    def load(cls, folder: Path, **dials: float) -> SketcherComposer:
        checkpoint = read_checkpoint(folder)
        if checkpoint.kind not in ("sketcher", "committee"):
            raise CheckpointError(f"{folder}: holds a model of kind {checkpoint.kind!r}, a sketcher or a committee is needed here")
        tokenizer = built_from(GridTokenizer, checkpoint.tokenizer)
        model = load_model(folder, checkpoint)
        assert isinstance(model, Sketcher | Committee)  # what these kinds build
        expected, found = tokenizer.size, model.config.vocab_size
        if expected != found or tokenizer.hold_id is not None:
            raise CheckpointError(
                f"{folder}: the tokenizer has {expected} ids (held notes: {tokenizer.held}), the model {found}; train it again"
            )
        return cls(folder.name, model, tokenizer, checkpoint, cls.options.turned(folder.name, cls.dials, dials))

    @property
    def ensemble(self) -> Ensemble:
        return Ensemble.from_dict(self.checkpoint.ensemble, len(self.model.config.order))

    def fill(self, sketch: Sketch, seed: int) -> Chorale:
        return self.fill_many([sketch], [seed])[0]

    def fill_many(
        self, sketches: Sequence[Sketch], seeds: Sequence[int], on_progress: Callable[[float], None] = lambda share: None
    ) -> list[Chorale]:
        """In batches of sketches of like length."""
        filler = StepByStep(
            self.name, self.tokenizer, self.model.config.order, self.options, self._reading, is_foretold, ensemble=self.ensemble
        )
        with self.model.guided(self.options.guidance):
            return filler.fill_many(sketches, seeds, on_progress)

    def nats(self, chorale: Chorale) -> Likelihood:
        """Exact: each cell given those before it, steps in order, and the conditions."""
        return self.nats_of_free(Sketch(chorale, np.ones_like(chorale.onset)), chorale)

    def nats_of_free(self, sketch: Sketch, filled: Chorale) -> Likelihood:
        """Exact, of the free cells given the others; 0 in given cells."""
        ids = self.tokenizer.encode(filled)
        nats = -np.take_along_axis(self.log_p(filled, sketch.free), ids[..., None], axis=-1)[..., 0]
        return Likelihood(np.where(sketch.free, nats, 0.0).astype(np.float32), "exact")

    def guesses(self, chorale: Chorale, free: BoolArray) -> BoolArray:
        """(V, T) whether the likeliest id of each free cell, given the others and all before it, is the true one."""
        ids = self.tokenizer.encode(chorale)
        right: BoolArray = self.log_p(chorale, free).argmax(axis=-1) == ids
        return right & free

    def log_p(self, chorale: Chorale, free: BoolArray) -> FloatArray:
        """(V, T, K) exact: of each free cell, given the others and all before it."""
        (log_p,) = self.log_p_without(chorale, free, np.zeros((1, *free.shape), dtype=bool))
        return np.asarray(log_p)

    @torch.inference_mode()
    def log_p_without(self, chorale: Chorale, free: BoolArray, hidden: BoolArray) -> FloatArray:
        """(N, V, T, K) as `log_p`, with the cells of hidden (N, V, T) neither given nor read as the past."""
        count, mask = len(hidden), self.tokenizer.mask_id
        edged = self._edged([self.tokenizer.encode(chorale)] * count, chorale.steps)
        gone, open_ = (torch.from_numpy(np.pad(cells, ((0, 0), (0, 0), (1, 1)))) for cells in (hidden, hidden | free))
        conditions, lengths = self._conditions([self.tokenizer.conditions(chorale)] * count, [chorale.steps] * count)
        logits = self.model(edged.masked_fill(open_, mask), conditions, lengths, edged.masked_fill(gone, mask))[:, :, 1:-1]
        result: FloatArray = log_softmax(logits.numpy().astype(np.float64))
        return result

    def _reading(self, sketches: Sequence[Sketch], task: OrderedTask) -> tuple[Logits, Branch]:
        lengths = [sketch.given.steps for sketch in sketches]
        conditions = [self.tokenizer.conditions(sketch.given, sketch.fermata_sounding) for sketch in sketches]
        reader = _Reader(self.model, self._edged(list(task.ids), max(lengths)), *self._conditions(conditions, lengths))
        return reader.logits, reader.branch

    def _edged(self, ids: Sequence[IdArray], steps: int) -> Tensor:
        """(B, V, T + 2) with a BOUNDARY step at either end, as in training."""
        boundary = self.tokenizer.boundary_id
        edged = [np.pad(piece, ((0, 0), (1, 1)), constant_values=boundary) for piece in ids]
        return torch.from_numpy(stack(edged, steps + 2, boundary))

    def _conditions(self, conditions: Sequence[IdArray], lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
        """(B, C, T + 2) and the lengths (B,), both with the BOUNDARY steps."""
        edged = [np.pad(rows, ((0, 0), (1, 1)), mode="edge") for rows in conditions]
        return torch.from_numpy(stack(edged, max(lengths) + 2, 0)), torch.tensor(lengths) + 2


class _Reader:
    """The model while a batch is filled: what it has read so far is kept, so that each step is run once.

    One piece's step is too little work for one run of the decoder. Where a step is likely to hold all that sounds, the step after it is run
    along with it, as if it did, which counts only if it does.
    """

    @torch.inference_mode()
    def __init__(self, model: Sketcher | Committee, sketch: Tensor, conditions: Tensor, lengths: Tensor) -> None:
        self.model = model
        self.sketch = sketch
        self.piece = torch.arange(len(sketch))  # of each lane
        self.memory = model.reader(sketch, conditions, lengths)
        self.cache = model.new_cache(len(sketch), sketch.shape[-1])
        self.recall = model.recall(sketch[..., 0], sketch.shape[-1])  # BOUNDARY
        self.views = model.advance(in_steps([self.recall.now]), self.memory[:, :1], self.cache, 0)
        self.guessed: Tensor | None = None
        self.steps_read = 0
        self.drafted: tuple[Recalled, Tensor] | None = None
        # Sixteenths off the eighths, counted from the BOUNDARY step.
        self.in_phase = bool(conditions[:, PHASE].eq(conditions[:1, PHASE]).all())
        self.likely_holds = (conditions[0, PHASE] % 2 == 1).tolist()

    @torch.inference_mode()
    def logits(self, ids: IdArray, voice: int, step: int) -> FloatArray:
        while self.steps_read <= step:
            if self.steps_read:
                self.recall.read(torch.from_numpy(ids[:: len(ids) // len(self.piece), :, self.steps_read - 1]))
            self.steps_read += 1
            self._advance(self.steps_read)
            self.drafted = None
        if self.drafted is None:
            drafts = len(ids) // len(self.piece)
            past = Recalled(*(rows.repeat_interleave(drafts, dim=0) for rows in self.recall.now))
            self.drafted = past, self.views[:, 0].repeat_interleave(drafts, dim=0)
        past, views = self.drafted
        result: FloatArray = self.model.decide(voice, views[:, voice], past, torch.from_numpy(ids[..., step])).numpy()
        return result

    @torch.inference_mode()
    def branch(self, parents: IdArray) -> None:
        """Each lane goes on from the one named."""
        lanes = torch.from_numpy(parents)
        self.piece, self.views = self.piece[lanes], self.views[lanes]
        self.cache = self.cache.of(lanes, self.steps_read + 1 + (self.guessed is not None))  # the BOUNDARY too
        self.recall.branch(lanes)
        self.guessed, self.drafted = None if self.guessed is None else self.guessed[lanes], None

    def _advance(self, step: int) -> None:
        if self.guessed is not None and torch.equal(self.guessed, self.recall.now.before):
            self.views, self.guessed = self.views[:, 1:], None
            return
        self.guessed = self._if_held(step) if self._looks_ahead(step) else None
        steps = [self.recall.now] if self.guessed is None else [self.recall.now, self.recall.peek(self.guessed)]
        self.views = self.model.advance(in_steps(steps), self.memory[self.piece, step : step + len(steps)], self.cache, step)

    def _looks_ahead(self, step: int) -> bool:
        return len(self.piece) <= AHEAD_TOGETHER and self.in_phase and self.likely_holds[step]

    def _if_held(self, step: int) -> Tensor:
        """(B, V) the ids of a step whose free cells hold what sounded before."""
        before, given = self.recall.now.before, self.sketch[self.piece, :, step]
        held = torch.where(before < self.model.config.sounds, before + self.model.config.sounds, before)
        return torch.where(given == self.model.config.mask_id, held, given)
