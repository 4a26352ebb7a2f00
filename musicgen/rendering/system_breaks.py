"""Where a line of music should end, so that the last is as full as the others. verovio alone fills lines one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

_BAR_WIDTH = re.compile(r'class="measure"[^>]*>.*?<path d="M(\d+) \d+ L(\d+) \d+"', re.DOTALL)

_METER_AT = re.compile(r'class="meterSig"[^>]*>.*?translate\((\d+)', re.DOTALL)


def bar_ends(svg: str) -> list[int]:
    """Where each bar ends in a picture of the piece on one endless line."""
    widths = [int(end) - int(start) for start, end in _BAR_WIDTH.findall(svg)]
    first = _BAR_WIDTH.search(svg)
    indent = int(first[1]) if first else 0  # the names of the parts make the first line shorter
    return [indent + end for end in accumulate(widths)]


def head(svg: str) -> int:
    """How wide the clef and the key are, which each line begins with; 0 if the picture has no meter after them."""
    first, meter = _BAR_WIDTH.search(svg), _METER_AT.search(svg)
    return int(meter[1]) - int(first[1]) if first and meter else 0


def even_breaks(ends: Sequence[float], systems: int, head: float = 0) -> list[int]:
    """Indices of the bars that begin a new line, after the first: the longest line is as short as it can be, since verovio presses one
    that is too long together. `head`: what stands before the first bar of every line but the first. Fewer where bars are few.
    """
    starts = [0.0, *(end - head for end in ends[:-1])]
    best: list[tuple[tuple[float, float], list[int]]] = [((end, end * end), []) for end in ends]
    for lines in range(1, min(systems, len(ends))):
        best = [best[0], *(_with_a_line(best, starts, ends, last, lines) for last in range(1, len(ends)))]
    return best[-1][1]


def _with_a_line(
    best: Sequence[tuple[tuple[float, float], list[int]]], starts: Sequence[float], ends: Sequence[float], last: int, lines: int
) -> tuple[tuple[float, float], list[int]]:
    """The best lines up to the bar `last`, and how long they are: the longest, and the sum of squares."""
    found = best[last]
    for first in range(last, lines - 1, -1):
        width = ends[last] - starts[first]
        if width > found[0][0]:
            break
        (longest, squares), cuts = best[first - 1]
        found = min(found, ((max(longest, width), squares + width * width), [*cuts, first]))
    return found


def with_breaks(musicxml: str, starts: Sequence[int]) -> str:
    """The bars of the first part at `starts` begin a line."""
    count = -1

    def mark(measure: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f'{measure[0]}<print new-system="yes"/>' if count in starts else measure[0]

    return re.sub(r"<measure [^>]*>", mark, musicxml)
