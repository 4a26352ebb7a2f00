"""Which bar each id of a stream stands in, by the ids that begin bars; two ways, for whole rows and for one id after the other.

Bars count from each BOS, or from where the row begins. From FILL on they count anew, so that the first bar after it has the number of
the first bar with a HOLE: what fills a hole knows where it belongs. Shapes: B rows, N ids. Knows ids, not music.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Marks:
    """The ids that bars are counted by."""

    bar_ids: tuple[int, ...]
    bos_id: int
    fill_id: int
    hole_id: int


def bar_numbers(ids: Tensor, marks: Marks) -> Tensor:
    """(B, N) of whole rows of ids (B, N)."""
    steps = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    counted = torch.isin(ids, torch.tensor(marks.bar_ids, dtype=torch.long, device=ids.device)).long().cumsum(1)
    begins = torch.where(ids == marks.bos_id, steps, 0).cummax(1).values
    # A row that starts in the middle of a piece may start with a Bar: nothing was counted before it.
    started = ids.gather(1, begins) == marks.bos_id
    number = counted - torch.where(started, counted.gather(1, begins), 0)
    later = torch.where(ids == marks.hole_id, steps, ids.shape[1]).flip(1).cummin(1).values.flip(1)
    hole = later.gather(1, begins)
    filled = torch.where(ids == marks.fill_id, steps, -1).cummax(1).values
    at_hole = torch.where(hole < filled, number.gather(1, hole.clamp(max=ids.shape[1] - 1)) - 1, 0).clamp(min=0)
    since = counted - counted.gather(1, filled.clamp(min=0))
    return torch.where(filled >= begins, at_hole + since, number)


class BarCount:
    """The same for one row, id by id."""

    def __init__(self, marks: Marks) -> None:
        self.bars, self.marks = frozenset(marks.bar_ids), marks
        self.number = 0
        self.hole: int | None = None

    def read(self, ids: Sequence[int]) -> list[int]:
        """The bar of each of the ids that come next."""
        return [self.step(id) for id in ids]

    def step(self, id: int) -> int:
        marks = self.marks
        if id in self.bars:
            self.number += 1
        elif id == marks.hole_id:
            self.hole = self.number if self.hole is None else self.hole
        elif id == marks.fill_id:
            self.number = max(0, (self.hole or 0) - 1)
        elif id == marks.bos_id:
            self.number, self.hole = 0, None
        return self.number
