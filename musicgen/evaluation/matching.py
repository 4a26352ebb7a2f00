"""Which pieces of two sets may fairly be compared, so that what tells them apart is how they are written and not what was asked for.

Meter and mode belong to the order, not to the art: of each meter and mode, equally many pieces are taken from both sets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicgen.music.chorale import Chorale
from musicgen.music.harmony import find_key

Kind = tuple[str, str]


def kind_of(chorale: Chorale) -> Kind | None:
    """Meter and mode, the latter from the notes; None of a piece whose meter changes."""
    return (str(chorale.meter), find_key(chorale).mode) if len(chorale.meters) == 1 else None


def inner_bars(chorale: Chorale, steps: int) -> list[int]:
    """Where windows of so many steps may begin: at barlines, after the pick-up, and so that the last bar is in none.

    The pick-up would tell how the piece begins, the last bar how long it is: a short piece would end in every second window.
    """
    starts = [start for start in chorale.bar_starts() if start >= chorale.pickup]
    return [start for start in starts if start + steps <= starts[-1]]


def matched(first: Sequence[Chorale], second: Sequence[Chorale], seed: int) -> tuple[list[int], list[int]]:
    """Indices of equally many pieces of both sets of each kind, drawn at random where one has more of them."""
    rng = np.random.default_rng(seed)
    kinds = [[kind_of(chorale) for chorale in chorales] for chorales in (first, second)]
    chosen: tuple[list[int], list[int]] = ([], [])
    for kind in sorted({kind for kind in kinds[0] if kind is not None}):
        pieces = [[index for index, other in enumerate(side) if other == kind] for side in kinds]
        count = min(map(len, pieces))
        for side, of_kind in zip(chosen, pieces, strict=True):
            side.extend(sorted(rng.permutation(of_kind)[:count].tolist()))
    return sorted(chosen[0]), sorted(chosen[1])


def halves(chorales: Sequence[Chorale], size: int, seed: int) -> tuple[list[int], list[int]]:
    """Two disjoint halves drawn at random, of equally many pieces of each kind, together at most 2 x `size`."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(chorales)).tolist()
    pairs: list[tuple[int, int]] = []
    waiting: dict[Kind, int] = {}
    for index in order:
        kind = kind_of(chorales[index])
        if kind is None:
            continue
        if kind in waiting:
            pairs.append((waiting.pop(kind), index))
        else:
            waiting[kind] = index
    pairs = pairs[:size]
    return sorted(pair[0] for pair in pairs), sorted(pair[1] for pair in pairs)
