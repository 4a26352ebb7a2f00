"""A staff of the page, its voices bar by bar, and the accidentals that its notes need."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from musicgen.files.musicxml_words import Words
from musicgen.files.notation import Bar, Event
from musicgen.music.pitch import Key, Spelling, spell
from musicgen.music.score import Clef, Note, Part, Score, TextAt
from musicgen.music.transposition import CONCERT, Transposition

_ACCIDENTALS = {-3: "triple-flat", -2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp", 3: "triple-sharp"}


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


def accidentals(page: Page, bars: Sequence[Bar], index: int) -> dict[tuple[int, Fraction, Note], str]:
    """The sign that a note of a voice needs: one holds for its line of the staff until the barline, in all voices.

    A note that was altered in the bar before gets its sign back, as a courtesy.
    """
    holding: dict[tuple[str, int], int] = {}
    shown: dict[tuple[int, Fraction, Note], str] = {}
    key = page.key_at(bars[index].start)
    before = {line: alteration for _, _, line, alteration, _ in _sounding(page, bars, index - 1)} if index else {}
    for place, at, line, alteration, is_struck in _sounding(page, bars, index):
        if at != key:
            key, holding = at, {}
        expected = holding.get(line, key.alteration(line[0]))
        if is_struck and (expected != alteration or (line not in holding and before.get(line, alteration) != alteration)):
            shown[place] = _ACCIDENTALS[alteration]
        if is_struck:
            holding[line] = alteration
    return shown


def _sounding(page: Page, bars: Sequence[Bar], index: int) -> Iterator[tuple[tuple[int, Fraction, Note], Key, tuple[str, int], int, bool]]:
    """Every note of the bar in time: its place, the key, its line, its alteration, and whether it is struck and not tied over."""
    bar = bars[index]
    events = [(event.start, number, event) for number, line in enumerate(page.staff.lines) for event in line.bars[index]]
    for start, number, event in sorted(events, key=lambda item: item[:2]):
        key = page.key_at(bar.start + page.ticks(start - bar.lead))
        for note in (*event.graces, *event.notes):
            name = page.spelling(note)
            yield (number, start, note), key, (name.letter, name.octave), name.alteration, not event.tied_from or note in event.graces
