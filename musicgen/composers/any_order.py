"""MaskedComposer: fills the free cells of sketches in any order, the given ones in sight from the first draw to the last.

Shapes: B pieces, V voices, T steps, K ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from musicgen.composers.composer import Likelihood
from musicgen.composers.together import OnProgress, check_requests, fill_in_batches, in_ensemble, stack
from musicgen.errors import CheckpointError
from musicgen.models.checkpoint import Checkpoint, built_from, load_model, read_checkpoint
from musicgen.models.masked import Masked
from musicgen.music.chorale import BoolArray, Chorale
from musicgen.music.ensemble import Ensemble
from musicgen.music.sketch import Sketch
from musicgen.sampling.allowed import Cells, IdArray
from musicgen.sampling.any_order import AnyOrderTask, Logits, OrderOptions, fill_any_order
from musicgen.sampling.draw import FloatArray, SamplingOptions, log_softmax
from musicgen.sampling.subsets import hidden_subsets
from musicgen.tokenizers.grid import GridTokenizer

# How many random subsets of a piece's cells the bound on its nats is measured on.
SUBSETS = 20
SUBSETS_TOGETHER = 5


@dataclass(frozen=True)
class MaskedComposer:
    """Any order from a Masked model; states a bound on the nats of whole pieces."""

    name: str
    model: Masked
    tokenizer: GridTokenizer
    checkpoint: Checkpoint
    options: SamplingOptions = SamplingOptions()
    order: OrderOptions = field(default_factory=OrderOptions)
    dials: ClassVar[tuple[str, ...]] = ("temperature", "top_p")

    @classmethod
    def load(cls, folder: Path, **dials: float) -> MaskedComposer:
        checkpoint = read_checkpoint(folder)
        if checkpoint.kind != "masked":
            raise CheckpointError(f"{folder}: holds a model of kind {checkpoint.kind!r}, a masked one is needed here")
        tokenizer = built_from(GridTokenizer, checkpoint.tokenizer)
        model = load_model(folder, checkpoint)
        assert isinstance(model, Masked)  # what kind "masked" builds
        expected, found = tokenizer.size, model.config.vocab_size
        if expected != found or tokenizer.hold_id is not None:
            raise CheckpointError(
                f"{folder}: the tokenizer has {expected} ids (held notes: {tokenizer.held}), the model {found}; train it again"
            )
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

    def nats(self, chorale: Chorale, seed: int = 0) -> Likelihood:
        """A bound: the mean over random orders of the nats that the chain rule gives in each, measured on SUBSETS subsets of the cells.

        The model's probability of a piece, its mean over orders, has at most this many nats (Jensen; Uria et al. 2014). In a random
        order of n cells, the cell of rank r is any of those that a random subset of r visible cells leaves hidden, so that the bound is
        the mean over ranks of the mean nats of the hidden cells. `nats` are unbiased for each cell.
        """
        ids = self.tokenizer.encode(chorale)
        hidden = hidden_subsets(np.ones(ids.shape, dtype=bool), SUBSETS, np.random.default_rng(seed))
        nats = np.concatenate([self._nats_of_hidden(chorale, ids, part) for part in np.split(hidden, SUBSETS // SUBSETS_TOGETHER)])
        weights = ids.size / hidden.sum(axis=(1, 2), keepdims=True)
        return Likelihood((nats * weights).mean(axis=0).astype(np.float32), "bound")

    def _nats_of_hidden(self, chorale: Chorale, ids: IdArray, hidden: BoolArray) -> FloatArray:
        """(R, V, T) of R subsets (R, V, T); 0 in visible cells."""
        lengths = [chorale.steps] * len(hidden)
        logits_of = self._reader([self.tokenizer.conditions(chorale)] * len(hidden), lengths)
        subsets, voices, steps = hidden.nonzero()
        logits = logits_of(np.where(hidden, self.tokenizer.mask_id, ids), (subsets, voices, steps))
        log_p = log_softmax(logits.astype(np.float64))
        nats = np.zeros(hidden.shape)
        nats[hidden] = -np.take_along_axis(log_p, ids[voices, steps][:, None], axis=-1)[:, 0]
        return nats

    def _fill_batch(self, sketches: Sequence[Sketch], seeds: Sequence[int], on_round: OnProgress) -> list[Chorale]:
        lengths = [sketch.given.steps for sketch in sketches]
        conditions = [self.tokenizer.conditions(sketch.given, sketch.fermata_sounding) for sketch in sketches]
        task = self._task(sketches, max(lengths))
        fill = fill_any_order(self._reader(conditions, lengths), task, self.options, self.order, seeds, on_round)
        return [self.tokenizer.decode(fill.ids[index, :, : sketch.given.steps], sketch.given) for index, sketch in enumerate(sketches)]

    def _task(self, sketches: Sequence[Sketch], steps: int) -> AnyOrderTask:
        ids = [np.where(sketch.free, self.tokenizer.mask_id, self.tokenizer.encode(sketch.given)) for sketch in sketches]
        return AnyOrderTask(
            ids=stack(ids, steps, self.tokenizer.boundary_id),
            free=stack([sketch.free for sketch in sketches], steps, False),
            sounding_allowed=stack([self.tokenizer.sounding_allowed(sketch) for sketch in sketches], steps, True),
            must_begin=stack([sketch.must_begin() for sketch in sketches], steps, False),
            must_hold=stack([sketch.must_hold() for sketch in sketches], steps, False),
            sounding_of_id=self.tokenizer.sounding_of_id,
            mask_id=self.tokenizer.mask_id,
        )

    def _reader(self, conditions: Sequence[IdArray], lengths: Sequence[int]) -> Logits:
        """The model as a function of ids (B, V, T), with a BOUNDARY step at either end as in training."""
        edged = [np.pad(rows, ((0, 0), (1, 1)), mode="edge") for rows in conditions]
        conditions_bct = torch.from_numpy(stack(edged, max(lengths) + 2, 0))
        lengths_b = torch.tensor(lengths) + 2
        boundary = self.tokenizer.boundary_id

        @torch.inference_mode()
        def logits_of(ids: IdArray, cells: Cells) -> FloatArray:
            edges = torch.from_numpy(np.pad(ids, ((0, 0), (0, 0), (1, 1)), constant_values=boundary))
            pieces, voices, steps = (torch.from_numpy(axis) for axis in cells)
            logits: FloatArray = self.model(edges, conditions_bct, lengths_b)[pieces, voices, steps + 1].numpy()
            return logits

        return logits_of
