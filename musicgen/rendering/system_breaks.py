"""Where a line of music should end, so that the last is as full as the others. verovio alone fills lines one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

_BAR_WIDTH = re.compile(r'class="measure"[^>]*>.*?<path d="M(\d+) \d+ L(\d+) \d+"', re.DOTALL)


def bar_ends(svg: str) -> list[int]:
    """Where each bar ends in a picture of the piece on one endless line."""
    widths = [int(end) - int(start) for start, end in _BAR_WIDTH.findall(svg)]
    first = _BAR_WIDTH.search(svg)
    indent = int(first[1]) if first else 0  # the names of the parts make the first line shorter
    return [indent + end for end in accumulate(widths)]


def even_breaks(ends: Sequence[float], systems: int) -> list[int]:
    """Indices of the bars that begin a new line: those nearest to even shares of the whole. Fewer where bars are few."""
    shares = [ends[-1] * number / systems for number in range(1, systems)]
    starts = {min(range(len(ends)), key=lambda bar: abs(ends[bar] - share)) + 1 for share in shares}
    return sorted(start for start in starts if start < len(ends))


def with_breaks(musicxml: str, starts: Sequence[int]) -> str:
    """The bars of the first part at `starts` begin a line."""
    count = -1

    def mark(measure: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f'{measure[0]}<print new-system="yes"/>' if count in starts else measure[0]

    return re.sub(r"<measure [^>]*>", mark, musicxml)
