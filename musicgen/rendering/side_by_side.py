"""Two passages as one picture, side by side: the notes that they share in color, the bars around them in black, a caption over each.

The notes of a passage are those that sound in steps [start, end) of its chorale; whole bars are drawn, with their numbers in the piece.
Lengths are the pixels of verovio's pictures.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from xml.sax.saxutils import escape

from musicgen.files.atomic import atomic_write
from musicgen.files.musicxml_write import Layout
from musicgen.music.chorale import VOICE_LETTERS, Chorale
from musicgen.music.convert import TICKS_PER_STEP, to_score
from musicgen.music.score import Part, Score
from musicgen.rendering.engraving import png_bytes, svg_of_bars

SHARED = "#C1440E"  # dark orange: told from black in gray print and by the color-blind
PAGE_WIDTH = 1640  # of one passage, in tenths of a millimetre
WIDTH, GUTTER, MARGIN = 590, 30, 12
TITLE_SIZE, TEXT_SIZE, LINE = 17, 15, 20
LETTERS = 76  # of a caption that fit on a line
PIXELS = 2000  # of a PNG's width
_ROOT = re.compile(r'<svg [^>]*\bid="(\w+)"')
_NAMED = re.compile(r'(\bid="|href="#)')
_SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Steps [start, end) of a chorale, and what is said over its picture, a line each."""

    chorale: Chorale
    start: int
    end: int
    caption: Sequence[str] = ()

    def bars(self) -> tuple[int, int]:
        """The first and the last bar that it touches, counted from 0."""
        starts = self.chorale.bar_starts()
        begun = [sum(start <= step for start in starts) - 1 for step in (self.start, self.end - 1)]
        return begun[0], begun[1]


def shared_run_svg(left: Excerpt, right: Excerpt, title: str = "") -> str:
    """One SVG document, as high as the longer of the two."""
    captions = [[line for text in each.caption for line in textwrap.wrap(text, LETTERS)] for each in (left, right)]
    top = 2 * MARGIN + (LINE + MARGIN if title else 0) + LINE * max(map(len, captions))
    pictures = [_picture(left, "left"), _picture(right, "right")]
    height, width = top + max(tall for _, tall in pictures) + MARGIN, 2 * WIDTH + GUTTER
    drawn = [_text(title, MARGIN, MARGIN + TITLE_SIZE, TITLE_SIZE, ' font-weight="bold"')] if title else []
    for column, (lines, (picture, tall)) in enumerate(zip(captions, pictures, strict=True)):
        across, below = column * (WIDTH + GUTTER), top - MARGIN - LINE * (len(lines) - 1)
        drawn += [_text(line, across + MARGIN, below + LINE * row, TEXT_SIZE) for row, line in enumerate(lines)]
        drawn.append(picture.replace("<svg ", f'<svg x="{across}" y="{top}" width="{WIDTH}" height="{tall:.0f}" ', 1))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" viewBox="0 0 {width} {height:.0f}">'
    return "\n".join([head, *drawn, "</svg>\n"])


def write_shared_run(svg: str, path: str | PathLike[str]) -> Path:
    """Writes the picture, in pixels where the name ends in .png."""
    target = Path(path)
    atomic_write(target, png_bytes(svg, PIXELS) if target.suffix.lower() == ".png" else svg.encode())
    return target


def _picture(excerpt: Excerpt, name: str) -> tuple[str, float]:
    """The passage's SVG and its height; its names begin with `name`, for a document must have none twice."""
    layout: Layout = "two-staff" if excerpt.chorale.voices == len(VOICE_LETTERS) else "open"
    svg = svg_of_bars(_colored(excerpt), *excerpt.bars(), PAGE_WIDTH, layout)
    size, root = _SIZE.search(svg), _ROOT.search(svg)
    if size is None or root is None:
        raise RuntimeError("verovio drew a picture without a size or a name")
    svg = _NAMED.sub(rf"\1{name}-", svg).replace(f"#{root[1]} ", f"#{name}-{root[1]} ")  # the second are its style's
    return svg, WIDTH * float(size[2]) / float(size[1])


def _colored(excerpt: Excerpt) -> Score:
    score = to_score(excerpt.chorale)
    first, last = excerpt.start * TICKS_PER_STEP, excerpt.end * TICKS_PER_STEP

    def painted(part: Part) -> Part:
        notes = tuple(replace(note, color=SHARED) if note.start < last and note.end > first else note for note in part.notes)
        return replace(part, notes=notes)

    parts = [painted(part) for part in score.parts]
    if len(parts) == len(VOICE_LETTERS):
        parts = [replace(part, name=letter) for part, letter in zip(parts, VOICE_LETTERS, strict=True)]
    return replace(score, parts=tuple(parts), tempos=(), title="")


def _text(text: str, x: float, y: float, size: int, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" font-family="Times, serif" font-size="{size}px"{more}>{escape(text)}</text>'
