"""A Score as Humdrum's **kern: a spine for each staff, lowest first, as they are read from right to left; a second voice is a split.

Notes are written as they sound. Rows of a bar stand wherever a note of any voice begins; what goes on has a dot there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from musicgen.files.kern_words import HIDDEN
from musicgen.files.musicxml_write import Layout, laid_out
from musicgen.files.notation import Bar, Event
from musicgen.files.page import Line, Page
from musicgen.files.plain_writing import QUARTERS, Sung, at_concert_pitch, hidden_rests, rest_values, sung, verses
from musicgen.music.pitch import Key
from musicgen.music.score import Clef, Note, Score

_SIGNATURE = {1: [f"{letter}#" for letter in "fcgdaeb"], -1: [f"{letter}-" for letter in "beadgcf"]}
_BEAMS = {"begin": "L", "end": "J", "forward hook": "K", "backward hook": "k", "continue": ""}
_RECORDS = "!*="
_SIGN = {-3: "---", -2: "--", -1: "-", 0: "", 1: "#", 2: "##", 3: "###"}


@dataclass(frozen=True)
class Column:
    """A voice, or a verse of its text: what it says at each event, bar by bar. `spine`: the number of its staff or text."""

    spine: int
    page: Page
    line: Line
    number: int
    text: list[list[Sung | None]] | None = None


def kern_bytes(score: Score, layout: Layout = "open") -> bytes:
    """Raises NotationError with part, bar and beat where no note value fits."""
    score, bars, staves = laid_out(at_concert_pitch(score), layout)
    columns: list[Column] = []
    for number, staff in reversed(list(enumerate(staves))):
        page = Page(score, staff, f"P{number + 1}")
        spine = columns[-1].spine + 1 if columns else 0
        columns += [Column(spine, page, line, index) for index, line in enumerate(staff.lines)]
        texts = [(line, index, verse) for index, line in enumerate(staff.lines) for verse in verses(line)]
        columns += [Column(spine + 1 + at, page, line, index, sung(line, verse)) for at, (line, index, verse) in enumerate(texts)]
    rows = [*_header(score, columns, len(staves)), *_splits(columns)]
    for index in range(len(bars)):
        rows += _bar(score, columns, bars, index)
    rows += [*_every(columns, "=="), *_joins(columns), ["*-"] * (columns[-1].spine + 1)]
    title = [f"!!!OTL: {_clean(score.title)}"] if score.title else []
    return "\n".join([*title, *("\t".join(row) for row in rows), ""]).encode()


# --- head and foot


def _header(score: Score, columns: Sequence[Column], staves: int) -> list[list[str]]:
    spines = [next(column for column in columns if column.spine == spine) for spine in range(columns[-1].spine + 1)]
    rows = [["**text" if column.text else "**kern" for column in spines]]
    rows.append([f"*staff{column.page.part_id[1:]}" for column in spines])
    rows.append(["*" if column.text else f'*I"{_clean(column.page.staff.name)}' for column in spines])
    rows.append(["*" if column.text else _clef(column.page.staff.clef) for column in spines])
    return rows


def _clef(clef: Clef) -> str:
    sign, line, octaves = clef
    return f"*clef{sign}{('v' if octaves < 0 else '^') * abs(octaves)}{line}" if line else "*clefX"


def _splits(columns: Sequence[Column]) -> list[list[str]]:
    """The last path of a staff splits until there is one for each of its voices."""
    rows = []
    for column in columns:
        if column.text is None and column.number:
            before = [other for other in columns if other.spine != column.spine or other.number < column.number or other.text]
            shown = [other for other in before if other.spine <= column.spine or other.text or other.number == 0]
            rows.append(["*^" if (other.spine, other.number) == (column.spine, column.number - 1) else "*" for other in shown])
    return rows


def _joins(columns: Sequence[Column]) -> list[list[str]]:
    """Staff by staff: paths of two staves that ended in one row would run into each other."""
    rows, left = [], list(columns)
    for spine in {column.spine for column in columns if column.number and column.text is None}:
        rows.append(["*v" if column.spine == spine else "*" for column in left])
        left = [column for column in left if column.spine != spine or column.number == 0]
    return rows


def _every(columns: Sequence[Column], token: str) -> list[list[str]]:
    return [[token] * len(columns)]


# --- bars


def _bar(score: Score, columns: Sequence[Column], bars: Sequence[Bar], index: int) -> list[list[str]]:
    bar = bars[index]
    rows = _every(columns, f"={bar.number}-" if index == 0 else f"={bar.number}") if bar.number else []
    if index == 0 or bars[index - 1].meter != bar.meter:
        rows += _voices(columns, f"*M{bar.meter}")
    hidden = {id(column.page.staff): hidden_rests(column.page.staff, index) for column in columns}
    cells = [_cells(column, bar, index, hidden[id(column.page.staff)]) for column in columns]
    times = sorted({time for column in cells for time in column})
    ticks = [bar.start + int((time - bar.lead) * score.ticks_per_quarter) for time in times]
    for time, (start, end) in zip(times, pairwise([*ticks, bar.end]), strict=True):
        rows += _changes(score, columns, start, end)
        heights = max(len(column.get(time, [""])) for column in cells)
        for depth in range(heights, 0, -1):
            tokens = [column.get(time, []) for column in cells]
            rows.append([each[-depth] if depth <= len(each) else "." for each in tokens])
    return rows


def _changes(score: Score, columns: Sequence[Column], start: int, end: int) -> list[list[str]]:
    """Keys, tempos and words of a row that lasts from tick `start` to `end`; the key of the beginning too, if the score has none."""
    rows = []
    if start == 0 or start in [change.start for change in score.keys]:
        key = columns[0].page.key_at(start)
        rows += [*_voices(columns, _signature(key)), *_voices(columns, f"*{_tonic(key)}:")]
    tempos = (change.quarters_per_minute for change in score.tempos if start <= change.start < end)
    rows += [row for tempo in tempos for row in _voices(columns, f"*MM{tempo:g}")]
    for mark in score.marks:
        if start <= mark.start < end:
            at = next(i for i, column in enumerate(columns) if column.page.staff is columns[-1 if mark.is_above else 0].page.staff)
            text = f"!LO:TX:{'a' if mark.is_above else 'b'}:t={_clean(mark.text).replace(':', '&colon;')}"
            rows.append([text if index == at else "!" for index in range(len(columns))])
    return rows


def _voices(columns: Sequence[Column], token: str) -> list[list[str]]:
    return [["*" if column.text else token for column in columns]]


def _signature(key: Key) -> str:
    return f"*k[{''.join(_SIGNATURE[1 if key.fifths > 0 else -1][: abs(key.fifths)])}]"


def _tonic(key: Key) -> str:
    name = key.tonic_name.replace("b", "-")
    return name.lower() if key.mode == "minor" else name


def _cells(column: Column, bar: Bar, index: int, hidden: set[tuple[int, Fraction]]) -> dict[Fraction, list[str]]:
    """What a column says where its events begin: graces, each in a row of its own, and then the note."""
    cells: dict[Fraction, list[str]] = {}
    for number, event in enumerate(column.line.bars[index]):
        if column.text:
            cells[event.start] = [_syllable(column.text[index][number])]
        elif event.value is None:
            time = event.start
            for value in rest_values(event, bar):
                cells[time] = [f"{_recip(value)}r{'yy' if (column.number, event.start) in hidden else ''}"]
                time += value
        else:
            graces = [_grace(column.page, event, place) for place in range(len(event.graces))]
            cells[event.start] = [*graces, _token(column.page, event, (column.number, event.start) in hidden)]
    return cells


def _syllable(said: Sung | None) -> str:
    if said is None or said.lyric is None:
        return "."
    text = _clean(said.lyric.text)
    if not text:
        return "."
    if text[0] in _RECORDS or text == ".":
        text = HIDDEN + text  # else the line would be no row of data, or the word none
    return f"{'-' if said.follows else ''}{text}{'-' if said.lyric.is_joined else ''}"


def _token(page: Page, event: Event, hidden: bool) -> str:
    tuplet = event.tuplet
    assert event.value is not None
    value, dots = event.value
    length = QUARTERS[value, 0] * (Fraction(tuplet.normal, tuplet.actual) if tuplet else 1)
    recip = _recip(length) + "." * dots
    if not event.notes:
        return f"{recip}r{'yy' if hidden else ''}"
    before = "[" if event.tied_on and not event.tied_from else ""
    after = ("_" if event.tied_on else "]") if event.tied_from else ""
    tokens = [f"{before}{recip}{_pitch(page, note)}{after}" for note in event.notes]
    fermata = ";" if any(note.fermata for note in event.notes) and not event.tied_on else ""
    tokens[0] += fermata + "".join(_BEAMS[word] for word in event.beams)
    return " ".join(tokens)


def _grace(page: Page, event: Event, place: int) -> str:
    if len(event.graces) == 1:
        return f"8{_pitch(page, event.graces[0])}q"
    beam = "LL" if place == 0 else "JJ" if place == len(event.graces) - 1 else ""
    return f"16{_pitch(page, event.graces[place])}qq{beam}"


def _recip(length: Fraction) -> str:
    """Of a length in quarters the part of a whole note: 1 is `4`, 2/3 is `6`, 3/2 is `4.`, 8 is `0`, 8/3 is `3%2`."""
    if length == 8:
        return "0"
    if (Fraction(4) / length).denominator == 1:
        return str(Fraction(4) / length)
    undotted = Fraction(4) / (length * 2 / 3)
    if undotted.denominator == 1 or undotted == Fraction(1, 2):
        return f"{undotted if undotted.denominator == 1 else 0}."
    return "%".join(map(str, (Fraction(4) / length).as_integer_ratio()))


def _pitch(page: Page, note: Note) -> str:
    """`c` is middle C, `cc` an octave above it, `C` one below."""
    name = page.spelling(note)
    letters = name.letter.lower() * (name.octave - 3) if name.octave > 3 else name.letter * (4 - name.octave)
    return letters + _SIGN[name.alteration]


def _clean(text: str) -> str:
    return re.sub(r"[\s\x00-\x1f]+", " ", text).strip()
