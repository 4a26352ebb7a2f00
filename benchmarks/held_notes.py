"""Two ways to write a held note: how far can a single redraw move the music? `python benchmarks/held_notes.py`

A pseudo-Gibbs sampler redraws one cell given all others. Written as pairs (pitch, onset or held), a cell whose neighbour holds its pitch
has no other consistent value; written with HOLD, redrawing an onset moves the whole note.
"""

from __future__ import annotations

import numpy as np

from musicgen.corpus.store import load_corpus
from musicgen.music.chorale import Chorale


def free_to_change(chorale: Chorale) -> tuple[int, int, int]:
    """(cells, cells whose pitch one redraw can change under hold, under pair)."""
    onset = chorale.onset
    next_is_held = ~np.pad(onset, ((0, 0), (0, 1)), constant_values=True)[:, 1:]
    return onset.size, int(onset.sum()), int((onset & ~next_is_held).sum())


def main() -> None:
    pieces = load_corpus("bach-chorales").pieces("train")
    cells, under_hold, under_pair = np.sum([free_to_change(piece.chorale) for piece in pieces], axis=0)
    print(f"bach-chorales, train: {len(pieces)} pieces, {cells:,} cells")
    print(
        f"one redraw can change a note's pitch from {under_hold / cells:.1%} of the cells under hold, {under_pair / cells:.1%} under pair"
    )


if __name__ == "__main__":
    main()
