"""Random subsets of a piece's cells, for models that fill in any order. R subsets, V voices, T steps."""

from __future__ import annotations

import numpy as np

from musicgen.music.chorale import BoolArray


def hidden_subsets(cells: BoolArray, count: int, rng: np.random.Generator) -> BoolArray:
    """(R, V, T) for cells (V, T): in each subset as many cells are hidden as a random order has still to come at a random rank.

    The ranks are equally spaced but for chance within their space, so that the mean over few subsets is near that over all.
    """
    return np.stack([hide_share(cells, share, rng) for share in shares_hidden(count, rng)])


def shares_hidden(count: int, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(R,) shares from above 0 to 1, one in each R-th, in random order."""
    return 1 - (rng.permutation(count) + rng.random(count)) / count


def hide_share(cells: BoolArray, share: float, rng: np.random.Generator) -> BoolArray:
    """(V, T) a random part of the cells, at least one of them."""
    hidden = np.zeros(cells.size, dtype=bool)
    places = np.flatnonzero(cells)
    hidden[rng.permutation(places)[: int(np.ceil(share * len(places)))]] = True
    return hidden.reshape(cells.shape)
