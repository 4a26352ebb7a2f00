"""A report as Markdown, to be read by whoever asked for the piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musicgen.steering.report import Likely, Report


def markdown(report: Report) -> str:
    parts = [f"# {report.title or 'Report'}\n\n{report.heading}"]
    if report.asked:
        kept = sum(each.kept for each in report.asked)
        rows = [("kept" if each.kept else "**NOT KEPT**", each.what) for each in report.asked]
        parts.append(_section(f"Asked: {kept} of {len(rows)} kept", _table(("", "what"), rows)))
    parts.append(_section("Phrases", [*_phrases(report), "", f"Final chord: {report.final_chord}."]))
    parts.append(_section("Chords", _chords(report)))
    if report.findings:
        parts.append(_section("Part-writing, beside Bach's", _findings(report)))
    if report.likely is not None:
        parts.append(_section("Likelihood", _likely(report.likely)))
    return "\n\n".join(parts) + "\n"


def _section(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"## {title}", "", *lines])


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _phrases(report: Report) -> Iterator[str]:
    rows = [
        (each.first, each.last + ("" if each.has_fermata else " (no fermata)"), each.cadence, each.key, _pair(each.numerals, each.chords))
        for each in report.phrases
    ]
    return _table(("from", "to", "cadence", "in", "chords"), rows)


def _pair(numerals: Sequence[str], chords: Sequence[str]) -> str:
    return f"{' – '.join(numerals)} ({' – '.join(chords)})" if chords else "no chord"


def _chords(report: Report) -> Iterator[str]:
    """A line a bar, set off as code so that the bars stand below each other."""
    width = max((len(str(bar.bar)) for bar in report.chords), default=1)
    return (f"    {bar.bar:{width}}  {'  '.join(bar.numerals) or '-'}" for bar in report.chords)


def _findings(report: Report) -> Iterator[str]:
    yield from _table(
        ("", "here", "rate", "Bach's rate, 95 %", "Bach in as much music", "where"),
        (
            (
                each.measure,
                str(each.count),
                number(each.rate),
                f"{number(each.bach.value)} [{number(each.bach.low)}, {number(each.bach.high)}]",
                number(each.bach_count),
                ", ".join(each.places),
            )
            for each in report.findings
        ),
    )
    yield ""
    yield "Bach's intervals are of all his chorales together; a single piece, by him too, lies further off."
    if report.joins:
        yield ""
        yield f"From one phrase to the next: {'; '.join(report.joins)}."


def _likely(likely: Likely) -> Iterator[str]:
    voices = ", ".join(f"{voice} {value:.3f}" for voice, value in likely.voices.items() if not isnan(value))
    yield f"{likely.per_cell:.3f} nats a cell ({voices})."
    yield f"By bars: {', '.join(f'{bar} {value:.2f}' for bar, value in likely.bars.items() if not isnan(value))}."
    yield ""
    yield "Least likely:"
    yield ""
    yield from (f"- {note}" for note in likely.least_likely)


def number(value: float) -> str:
    return "-" if isnan(value) else f"{value:.2f}"
