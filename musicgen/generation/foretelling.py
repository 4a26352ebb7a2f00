"""How well a model foretells streams of events: nats by id, and from them nats an id, a note and a kind of token.

Shapes: K ids of the vocabulary, B rows, N ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from musicgen.models.precision import product_dtype
from musicgen.tokenizers.events import EventTokenizer

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Measured:
    """`nats` (K,) that each id has cost in all, `counts` (K,) how often it had to be foretold."""

    nats: NDArray[np.float64]
    counts: NDArray[np.float64]

    @property
    def nats_per_id(self) -> float:
        return float(self.nats.sum() / max(1.0, self.counts.sum()))

    def figures(self, tokenizer: EventTokenizer) -> dict[str, Any]:
        """Nats an id, a note (all ids of all kinds, by the notes there are) and an id of each kind."""
        names = [tokenizer.type_names[number] for number in tokenizer.types]
        notes = float(self.counts @ notes_of(tokenizer))
        kinds = {}
        for name in dict.fromkeys(names):
            own = np.array([other == name for other in names])
            if self.counts[own].sum():
                kinds[name] = round(float(self.nats[own].sum() / self.counts[own].sum()), 4)
        return {
            "nats_per_id": round(self.nats_per_id, 4),
            "nats_per_note": round(float(self.nats.sum() / max(1.0, notes)), 4),
            "nats_by_kind": kinds,
            "ids": int(self.counts.sum()),
            "notes": int(notes),
        }


def notes_of(tokenizer: EventTokenizer) -> NDArray[np.float64]:
    """(K,) how many notes an id stands for: several with BPE."""
    of_base = np.array([token.startswith("Pitch") for token in tokenizer.tokens], dtype=np.float64)
    return np.array([of_base[list(piece)].sum() for piece in tokenizer.pairs.pieces]) if tokenizer.pairs else of_base


@torch.inference_mode()
def measure(module: nn.Module, batches: Sequence[tuple[IntArray, FloatArray]], vocab_size: int, device: str) -> Measured:
    """Of the ids that have a weight, in evaluation mode."""
    module.eval()
    nats, counts = np.zeros(vocab_size), np.zeros(vocab_size)
    for ids, weights in batches:
        known = torch.from_numpy(ids).to(device)
        cost = id_nats(module, known, device).cpu().numpy()
        counted = weights[:, 1:] > 0
        targets = ids[:, 1:][counted]
        nats += np.bincount(targets, cost[counted], vocab_size)
        counts += np.bincount(targets, minlength=vocab_size)
    return Measured(nats, counts)


def id_nats(module: nn.Module, ids: Tensor, device: str) -> Tensor:
    """(B, N - 1) nats of every id but the first, from ids (B, N); products in bf16 where that is fast, float32 logits."""
    with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=product_dtype(device) is torch.bfloat16):
        logits = module(ids[:, :-1])
    targets = ids[:, 1:]
    return nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)


def cut_rows(ids: IntArray, window: int, bar_ids: Sequence[int]) -> list[IntArray]:
    """A piece in rows of up to window + 1 ids, so that every id but the first is foretold once; cut at bars."""
    bars = np.flatnonzero(np.isin(ids, bar_ids))
    rows, start = [], 0
    while start + 1 < len(ids):
        end = start + window
        if end + 1 < len(ids):
            near = bars[(bars > start) & (bars <= end)]
            end = int(near[-1]) if len(near) else end
        rows.append(ids[start : end + 1])
        start = end
    return rows
