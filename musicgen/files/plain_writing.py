"""What the writers of text share, kern, ABC and LilyPond: notes at sounding pitch, rests that need not be seen, syllables note by note."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from musicgen.files.metrical import VALUES, is_one_rest, split
from musicgen.files.notation import Bar, Event
from musicgen.files.page import Line, Staff
from musicgen.music.score import Lyric, Score
from musicgen.music.transposition import CONCERT

CLEFS = {"C1": "soprano", "C2": "mezzosoprano", "C3": "alto", "C4": "tenor", "F4": "bass", "G2": "treble"}
"""By sign and line, those that ABC and LilyPond call alike."""
QUARTERS = {value: length for length, value in VALUES.items()}
"""How long a note value with its dots is: `("quarter", 1)` is 3/2."""


def at_concert_pitch(score: Score) -> Score:
    """Transposing instruments written as they sound, in the clef that suits that."""
    parts = (part if part.transposition == CONCERT else replace(part, transposition=CONCERT, clef=None) for part in score.parts)
    return replace(score, parts=tuple(parts))


def written_quarters(event: Event) -> Fraction:
    """As the event looks: a note of a triplet of eighths is 1/2; a rest of the whole bar is as long as the bar."""
    return event.end - event.start if event.value is None else QUARTERS[event.value]


def rest_values(event: Event, bar: Bar) -> list[Fraction]:
    """The rests that fill a bar, where it has no value of its own: 5/8 is 3/8 and 2/8."""
    length = event.end - event.start
    return [length] if length in VALUES else [end - start for start, end in split(event.start, event.end, bar.meter, is_one_rest)]


def hidden_rests(staff: Staff, index: int) -> set[tuple[int, Fraction]]:
    """Line and start of the rests of a bar that the eye finds in another voice of the staff, or that only fill up a second voice."""
    hidden, seen = set(), set[tuple[Fraction, Fraction]]()
    for number, line in enumerate(staff.lines):
        rests = {(event.start, event.end) for event in line.bars[index] if not event.notes}
        hidden |= {(number, start) for start, end in rests if not line.first or (start, end) in seen}
        seen |= rests
    return hidden


# --- words


@dataclass(frozen=True, slots=True)
class Sung:
    """What a note of a line has in one verse; its lyric is None where it has nothing of its own.

    follows, leads: whether a hyphen comes before its syllable, or after it, where another syllable is there to lead to; is_held: whether
    the syllable is sung on over the next note, or this note is one that it is sung on over.
    """

    lyric: Lyric | None
    follows: bool = False
    leads: bool = False
    is_held: bool = False


def verses(line: Line) -> list[int]:
    """The numbers of those that any note of the line has."""
    if line.words is None:
        return []
    return sorted({lyric.verse for event in _struck(line.bars) for note in event.notes for lyric in note.lyrics})


def sung(line: Line, verse: int) -> list[list[Sung | None]]:
    """For each event of each bar what is sung where it is struck; None for rests and where a tie arrives."""
    joined = held = False
    found = []
    for events in line.bars:
        row: list[Sung | None] = []
        for event in events:
            held = held and bool(event.notes)
            if not event.notes or event.tied_from:
                row.append(None)
                continue
            lyric = next((each for note in event.notes for each in note.lyrics if each.verse == verse), None)
            if lyric and line.words:
                held = line.words.is_held(event.notes[0].start, lyric)
            row.append(Sung(lyric, joined, bool(lyric and line.words and line.words.leads(event.notes[0].start, verse)), held))
            joined = lyric.is_joined if lyric else joined
        found.append(row)
    return found


def _struck(bars: Sequence[Sequence[Event]]) -> Iterator[Event]:
    return (event for events in bars for event in events if event.notes and not event.tied_from)
