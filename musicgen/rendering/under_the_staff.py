"""What verovio overlooks of words and figures under a staff: words of neighbours that touch, and figures on the second line of words.

Reads and mends its SVG pages; lengths are theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

SYSTEM = 'class="system"'
_WORDS = re.compile(r'class="dir">\s*<text x="(\d+)" y="(\d+)".*?</text>', re.DOTALL)
_LINE = re.compile(r'class="text"(?: x="(\d+)" y="(\d+)")?>\s*<tspan font-size="(\d+)px">([^<]*)')
_FIGURE = re.compile(r'(?<=class="fb">)(?:\s*<text .*?</text>)+', re.DOTALL)
_PLACE = re.compile(r'(<text x="(\d+)" y=")(\d+)')
_NARROW, _CAPITAL, _OTHER = 0.3, 0.7, 0.5  # of the size, how wide letters are
_BETWEEN = 0.15  # of the size, at least left between two words
_CLEAR = 1.17  # of the size, from the line of words to the figure under it

Line = tuple[int, int, int, str]  # y, x, size, text: those of a row follow each other where they are sorted


def is_crowded(page: str) -> bool:
    """Whether two marks of words run into each other."""
    return any(_touch(left, right) for system in page.split(SYSTEM)[1:] for left, right in pairwise(sorted(_lines(system))))


def _touch(left: Line, right: Line) -> bool:
    y, x, size, text = left
    return right[0] == y and right[1] < x + size * (_width(text) + _BETWEEN)


def _lines(system: str) -> Iterator[Line]:
    for words in _WORDS.finditer(system):
        for x, y, size, text in _LINE.findall(words[0]):
            yield int(y or words[2]), int(x or words[1]), int(size), text


def _width(text: str) -> float:
    return sum(_NARROW if letter in "iIjl/:,. " else _CAPITAL if letter.isupper() else _OTHER for letter in text)


def with_clear_figures(page: str) -> str:
    """The figures of a system lower by as much as they stand too high."""
    head, *systems = re.split(f"(?={SYSTEM})", page)
    return "".join([head, *(_lowered(system) for system in systems)])


def _lowered(system: str) -> str:
    figures = [(int(x), int(y)) for figure in _FIGURE.finditer(system) for _, x, y in _PLACE.findall(figure[0])]
    lines = list(_lines(system))
    shift = max(
        (line[0] + int(_CLEAR * line[2]) - at for line in lines for left, at in figures if _covers(line, left, at)),
        default=0,
    )
    return _FIGURE.sub(lambda figure: _PLACE.sub(lambda place: f"{place[1]}{int(place[3]) + shift}", figure[0]), system)


def _covers(line: Line, left: int, at: int) -> bool:
    y, x, size, text = line
    return x - size < left < x + size * _width(text) and y - size < at < y + size
