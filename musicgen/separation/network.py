"""The network: a U-Net looks at the whole roll and says of each note how likely it is each voice's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from musicgen.errors import CheckpointError
from musicgen.models.checkpoint import Checkpoint, load_model, read_checkpoint
from musicgen.models.unet import UNet
from musicgen.separation.assignment import Costs, FloatArray
from musicgen.separation.notes import Notes
from musicgen.separation.rolls import Cells, cells_of, picture_of, roll_of

KIND = "unet"
SPAN, AROUND = 1024, 128  # steps that are looked at together, and what is seen of the music to both sides of them


@dataclass(frozen=True, eq=False)
class NetworkSeparator:
    """`weight`: of a nat beside the costs of motion, entries and crossings, which were chosen on the valid split."""

    name: str
    model: UNet
    checkpoint: Checkpoint | None = None
    weight: float = 4.0
    costs: Costs = Costs(motion=0.1, crossing=1.0, entry=1.0)

    @classmethod
    def load(cls, folder: Path) -> NetworkSeparator:
        checkpoint = read_checkpoint(folder)
        if checkpoint.kind != KIND:
            raise CheckpointError(f"{folder}: a checkpoint of kind {checkpoint.kind!r} tells no voices apart; name one of kind {KIND!r}")
        model = load_model(folder, checkpoint)
        assert isinstance(model, UNet)
        return cls(folder.name, model, checkpoint)

    def wanted(self, notes: Notes) -> FloatArray:
        """(N, V) weighed nats, the mean over the cells of a note."""
        return -self.weight * note_nats(self.model, cells_of(notes))


@torch.inference_mode()
def note_nats(model: UNet, cells: Cells) -> FloatArray:
    """(N, V) mean log probability of each voice over the cells of each note."""
    steps = -(-cells.steps // model.multiple) * model.multiple
    roll = torch.from_numpy(roll_of(cells, steps))
    heard = np.concatenate([_look(model, roll, start, min(start + SPAN, steps)) for start in range(0, steps, SPAN)], axis=2)
    # A long note is summed by the difference of two running sums.
    summed = np.concatenate([np.zeros((*heard.shape[:2], 1)), heard.cumsum(axis=2, dtype=np.float64)], axis=2)  # (V, P, steps + 1)
    means: FloatArray = (summed[:, cells.row, cells.last] - summed[:, cells.row, cells.first]) / (cells.last - cells.first)
    return means.T


def _look(model: UNet, roll: torch.Tensor, start: int, end: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """(V, P, end - start) log probabilities; what lies beyond the edges of the music is silence."""
    first, last = max(0, start - AROUND), min(roll.shape[2], end + AROUND)
    logits = model(picture_of(roll[None, :, :, first:last]))[0]
    return logits.log_softmax(dim=0)[:, :, start - first : end - first].numpy()  # type: ignore[no-any-return]
