"""What stands in a row of its own in LilyPond, as silence with something said in it: tempos, words over and under the staves, figures."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, starmap

from musicgen.files.notation import Bar
from musicgen.music.score import Score

_FIGURE_SIGNS = {-3: "--", -2: "--", -1: "-", 0: "!", 1: "+", 2: "++", 3: "++"}


def string(text: str) -> str:
    return '"' + " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"') + '"'


def silence(score: Score, bar: Bar, said: dict[int, str]) -> str:
    """The bar as skips; what is `said` stands around one that begins with it, in place of `@`."""
    edges = [bar.start, *sorted(tick for tick in said if tick > bar.start), bar.end]
    skips = [(start, f"s{skip(Fraction(end - start, score.ticks_per_quarter))}") for start, end in pairwise(edges)]
    return " ".join(said.get(start, "@").replace("@", rest, 1) for start, rest in skips)


def skip(quarters: Fraction) -> str:
    return "4" if quarters == 1 else f"4*{quarters}"


def marks(score: Score, bars: Sequence[Bar], above: bool) -> list[str]:
    """Words in a row of their own."""
    side = "^" if above else "_"
    told = {mark.start: f"@{side}{_lines(mark.text)}" for mark in score.marks if mark.is_above == above}
    if not told:
        return []
    rows = (silence(score, bar, {tick: text for tick, text in told.items() if bar.start <= tick < bar.end}) for bar in bars)
    return [f"    \\new Dynamics {{ {' | '.join(rows)} }}"]


def _lines(text: str) -> str:
    lines = [string(line) for line in text.splitlines()]
    return lines[0] if len(lines) == 1 else f"\\markup \\column {{ {' '.join(lines)} }}"


def figures(score: Score, bars: Sequence[Bar]) -> list[str]:
    """Of a continuo; what goes on over a barline is said again."""
    if not score.figures:
        return []
    rows = []
    for bar in bars:
        within = [each for each in score.figures if each.start < bar.end and each.end > bar.start]
        edges = [edge for each in within for edge in (max(each.start, bar.start), min(each.end, bar.end))]
        said = [f"<{' '.join(starmap(_figure, each.figures))}>" for each in within]
        gaps = [("s", *edge) for edge in pairwise([bar.start, *edges, bar.end])]
        gaps[1::2] = [(text, start, end) for text, (_, start, end) in zip(said, gaps[1::2], strict=True)]
        rows.append(" ".join(f"{text}{skip(Fraction(end - start, score.ticks_per_quarter))}" for text, start, end in gaps if start < end))
    return [f"    \\new FiguredBass \\with {{ figuredBassAlterationDirection = #LEFT }} \\figuremode {{ {' | '.join(rows)} }}"]


def _figure(number: int | None, sign: int | None) -> str:
    return f"{'_' if number is None else number}{'' if sign is None else _FIGURE_SIGNS[sign]}"
