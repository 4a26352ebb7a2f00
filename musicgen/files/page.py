"""A staff of the page, its voices bar by bar, and the accidentals that its notes need."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from musicgen.files.musicxml_words import Words
from musicgen.files.notation import Bar, Event
from musicgen.music.pitch import Key, Spelling, spell
from musicgen.music.score import Clef, Note, Part, Score, TextAt
from musicgen.music.transposition import CONCERT, Transposition

ACCIDENTALS = {-3: "triple-flat", -2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp", 3: "triple-sharp"}
"""MusicXML's names of alterations."""


@dataclass(frozen=True)
class Line:
    """One voice of a staff, bar by bar. `part`: 0, or 1 for the lower of two parts that share the staff; `first` of its part.

    words: those that are written under it; is_bass: whether figures stand under it.
    """

    part: int
    first: bool
    bars: tuple[tuple[Event, ...], ...]
    words: Words | None = None
    is_bass: bool = False


@dataclass(frozen=True)
class Staff:
    """One staff of the page. `parts`: one, or two that share it with stems up and down; `marks`: words over or under it."""

    name: str
    parts: tuple[Part, ...]
    clef: Clef
    lines: tuple[Line, ...]
    has_tempos: bool = False
    marks: tuple[TextAt, ...] = ()

    @property
    def is_shared(self) -> bool:
        return len(self.parts) > 1

    @property
    def transposition(self) -> Transposition:
        """Two parts on one staff are written as they sound."""
        return CONCERT if self.is_shared or self.parts[0].is_drum else self.parts[0].transposition


@dataclass(frozen=True)
class Page:
    """What every bar of a staff needs to know."""

    score: Score
    staff: Staff
    part_id: str

    def key_at(self, tick: int) -> Key:
        """As it is written."""
        return self.transposition_at(tick).key(self._sounding_key_at(tick))

    def transposition_at(self, tick: int) -> Transposition:
        return self.staff.transposition.in_key(self._sounding_key_at(tick))

    def _sounding_key_at(self, tick: int) -> Key:
        keys = self.score.keys
        index = bisect_right([change.start for change in keys], tick) - 1
        return keys[max(index, 0)].key if keys else Key()

    def spelling(self, note: Note) -> Spelling:
        """As it is written."""
        sounding = note.spelling or spell(note.pitch, self._sounding_key_at(note.start))
        return self.transposition_at(note.start).spelling(sounding)

    def rest_color(self, line: int, start: int, end: int) -> str | None:
        """That of the rest of a line that fills [start, end) in ticks."""
        rests = self.staff.parts[self.staff.lines[line].part].colored_rests
        return next((rest.color for rest in rests if rest.start <= start and end <= rest.end), None)

    def ticks(self, quarters: Fraction) -> int:
        return int(quarters * self.score.ticks_per_quarter)


@dataclass(frozen=True, slots=True)
class _Sign:
    """A note of the bar: its place, its part of the staff, the key there, its line, its alteration; struck, not tied over."""

    place: tuple[int, Fraction, Note]
    part: int
    key: Key
    line: tuple[str, int]
    alteration: int
    is_struck: bool


def accidentals(page: Page, bars: Sequence[Bar], index: int) -> dict[tuple[int, Fraction, Note], str]:
    """The sign that a note of a voice needs: one holds for its line of the staff until the barline, in all voices.

    As a courtesy a note that was altered in the bar before gets its sign back, and where two parts share a staff, each has its own signs.
    """
    holding: dict[tuple[str, int], int] = {}
    own: dict[tuple[str, int], set[int]] = {}  # the parts that have read what holds for a line
    shown: dict[tuple[int, Fraction, Note], str] = {}
    key = page.key_at(bars[index].start)
    before = {sign.line: sign.alteration for sign in _signs(page, bars, index - 1)} if index else {}
    for sign in _signs(page, bars, index):
        if sign.key != key:
            key, holding, own = sign.key, {}, {}
        if not sign.is_struck:
            continue
        line, alteration = sign.line, sign.alteration
        plain = key.alteration(line[0])
        is_new = holding.get(line, plain) != alteration or (line not in holding and before.get(line, alteration) != alteration)
        if is_new:
            own[line] = set()
        if is_new or (alteration != plain and own.get(line) and sign.part not in own[line] and not _is_unison(sign, shown, page)):
            shown[sign.place] = ACCIDENTALS[alteration]
        holding[line] = alteration
        own.setdefault(line, set()).add(sign.part)
    return shown


def _is_unison(sign: _Sign, shown: Mapping[tuple[int, Fraction, Note], str], page: Page) -> bool:
    """Whether the other part's note on the same line has its sign at the same moment: one is enough for both."""
    return any(start == sign.place[1] and page.spelling(note) == page.spelling(sign.place[2]) for _, start, note in shown)


def _signs(page: Page, bars: Sequence[Bar], index: int) -> Iterator[_Sign]:
    """Every note of the bar in time."""
    bar = bars[index]
    events = [(event.start, number, line.part, event) for number, line in enumerate(page.staff.lines) for event in line.bars[index]]
    for start, number, part, event in sorted(events, key=lambda item: item[:2]):
        key = page.key_at(bar.start + page.ticks(start - bar.lead))
        for note in (*event.graces, *event.notes):
            name = page.spelling(note)
            is_struck = not event.tied_from or note in event.graces
            yield _Sign((number, start, note), part, key, (name.letter, name.octave), name.alteration, is_struck)
