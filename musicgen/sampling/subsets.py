"""Random subsets of a piece's cells, for models that fill in any order. B pieces, R subsets, V voices, T steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import BoolArray


def hidden_subsets(cells: BoolArray, count: int, rng: np.random.Generator) -> BoolArray:
    """(R, V, T) for cells (V, T): in each subset as many cells are hidden as a random order has still to come at a random rank.

    The ranks are equally spaced but for chance within their space, so that the mean over few subsets is near that over all.
    """
    return np.stack([hide_share(cells, share, rng) for share in shares_hidden(1, count, rng)[0]])


def shares_hidden(pieces: int, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(B, R) shares from above 0 to 1: of each piece one in each R-th, and there of all pieces one in each B-th part."""
    parts = np.stack([rng.permutation(pieces) for _ in range(count)], axis=1)
    within = (parts + rng.random((pieces, count))) / pieces
    shares: NDArray[np.float64] = 1 - (np.arange(count) + within) / count
    return shares


def hide_share(cells: BoolArray, share: float, rng: np.random.Generator) -> BoolArray:
    """(V, T) a random part of the cells, at least one of them."""
    hidden = np.zeros(cells.size, dtype=bool)
    places = np.flatnonzero(cells)
    hidden[rng.permutation(places)[: int(np.ceil(share * len(places)))]] = True
    return hidden.reshape(cells.shape)
