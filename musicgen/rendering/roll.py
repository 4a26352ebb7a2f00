"""A piano roll as numbers, of any score: who sounds what from when to when, the bars and beats under it, where phrases end. Draws nothing.

Times are quarters from the beginning. A bar is counted as `Score.place` counts it, the pick-up as bar 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from musicgen.errors import NotationError, showing
from musicgen.music.bars import Bar, bar_indices, bars_of
from musicgen.music.ensemble import CHOIR_LETTERS, CHOIR_NAMES, plain
from musicgen.music.pitch import Key
from musicgen.music.score import Note, Part, Score
from musicgen.rendering.midi_export import with_key

TOGETHER = 5  # voices of single notes that share a panel
CHORDS = 0.1  # share of a voice's notes from which it is no voice of single notes


@dataclass(frozen=True, slots=True)
class RollNote:
    """[start, end) of a voice. value: what it is shaded by, None for nothing; is_marked: what a picture is about."""

    voice: int
    start: float
    end: float
    pitch: int
    is_given: bool = False
    value: float | None = None
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class RollVoice:
    """label: as short as it is written beside its notes; is_single: one note at a time, so that its notes are a line."""

    name: str
    label: str
    is_drum: bool = False
    is_single: bool = True


@dataclass(frozen=True, slots=True)
class RollBar:
    """beats: where its beats begin, the first at the barline unless it is a pick-up."""

    number: int
    start: float
    end: float
    beats: tuple[float, ...]


@dataclass(frozen=True)
class Phrase:
    """[start, end); fermata: [start, end) of the top note that carries it."""

    start: float
    end: float
    fermata: tuple[float, float]


@dataclass(frozen=True)
class Roll:
    """notes in order of time; bars: those that are drawn; panels: the voices that are drawn over each other, top to bottom."""

    voices: tuple[RollVoice, ...]
    notes: tuple[RollNote, ...]
    bars: tuple[RollBar, ...]
    phrases: tuple[Phrase, ...]
    key: Key
    panels: tuple[tuple[int, ...], ...]

    def of_voice(self, voice: int) -> list[RollNote]:
        return [note for note in self.notes if note.voice == voice]

    def between(self, start: float, end: float) -> list[RollNote]:
        """The notes that sound in [start, end), cut there."""
        sounding = (note for note in self.notes if note.start < end and note.end > start)
        return [replace(note, start=max(note.start, start), end=min(note.end, end)) for note in sounding]

    @property
    def has_given(self) -> bool:
        return any(note.is_given for note in self.notes) and not all(note.is_given for note in self.notes)


def roll_of(score: Score, given: Score | None = None, bars: str | None = None) -> Roll:
    """Parts without notes are left out, as grace notes are; given are the notes that begin at the same place in `given` too.

    `bars`: those that are drawn, `5-8` or `2,5-8`; all if not said.
    """
    score = with_key(score)
    parts = [part for part in score.parts if any(note.duration for note in part.notes)]
    if not parts:
        raise NotationError("the score has no notes, so there is nothing to draw")
    known = _sounds(given) if given else frozenset()
    notes = [_drawn(score, voice, note, known) for voice, part in enumerate(parts) for note in part.notes if note.duration]
    voices = tuple(RollVoice(name, label, part.is_drum, _is_single(part)) for part, (name, label) in zip(parts, _names(parts), strict=True))
    return Roll(
        voices,
        tuple(sorted(notes, key=lambda note: (note.start, note.voice, -note.pitch))),
        _bars(score, bars),
        _phrases(score, parts),
        score.keys[0].key,
        _panels(voices),
    )


def lines_of_bars(bars: Sequence[RollBar], longest: float, most: int | None = None) -> list[tuple[RollBar, ...]]:
    """The bars line by line: each at most `longest` quarters, unless a bar alone is longer, and at most `most` bars; lines about equal.

    Bars that do not follow each other stand on different lines.
    """
    stretches: list[list[RollBar]] = []
    for bar in bars:
        if not stretches or stretches[-1][-1].end != bar.start:
            stretches.append([])
        stretches[-1].append(bar)
    return [line for stretch in stretches for line in _even_lines(stretch, longest, most)]


def _even_lines(bars: Sequence[RollBar], longest: float, most: int | None) -> list[tuple[RollBar, ...]]:
    if most:
        led = 1 if bars[0].number == 0 else 0  # a pick-up counts for nothing
        cuts = [0, *range(most + led, len(bars), most), len(bars)]
        return [tuple(bars[first:last]) for first, last in pairwise(cuts)]
    whole = bars[-1].end - bars[0].start
    count = max(1, -int(-whole // longest))
    while True:
        lines = _filled(bars, whole / count)
        if count >= len(bars) or max(line[-1].end - line[0].start for line in lines) <= longest:
            return lines
        count += 1


def _filled(bars: Sequence[RollBar], length: float) -> list[tuple[RollBar, ...]]:
    """Each bar on the line in which its middle lies."""
    lines: dict[int, list[RollBar]] = {}
    for bar in bars:
        lines.setdefault(int(((bar.start + bar.end) / 2 - bars[0].start) // length), []).append(bar)
    return [tuple(line) for line in lines.values()]


def _drawn(score: Score, voice: int, note: Note, given: frozenset[tuple[int, int]]) -> RollNote:
    whole = score.ticks_per_quarter
    return RollNote(voice, note.start / whole, note.end / whole, note.pitch, _place(score, note) in given)


def not_in(score: Score, given: Score) -> int:
    """How many notes of `given` do not begin in the score at their place."""
    return len(_sounds(given) - _sounds(score))


def _sounds(score: Score) -> frozenset[tuple[int, int]]:
    return frozenset(_place(score, note) for part in score.parts for note in part.notes)


def _place(score: Score, note: Note) -> tuple[int, int]:
    """In 48ths of a quarter, which scores of any resolution share."""
    return round(48 * note.start / score.ticks_per_quarter), note.pitch


def _bars(score: Score, chosen: str | None) -> tuple[RollBar, ...]:
    """Up to the bar in which the last note ends, or those that are chosen of them."""
    bars, more = bars_of(score), 0
    while bars[-1].end < score.end:
        more += max(1, (score.end - bars[-1].end) // bars[-1].full)
        bars = bars_of(score, more)
    if chosen is not None:
        with showing(chosen):
            bars = tuple(bars[index] for index in bar_indices(chosen, bars))
    return tuple(_bar(bar, score.ticks_per_quarter) for bar in bars)


def _bar(bar: Bar, quarter: int) -> RollBar:
    beat = float(bar.meter.beat_quarters)
    start, end = bar.start / quarter, bar.end / quarter
    places = (start - bar.lead / quarter + beat * number for number in range(round((bar.end - bar.start + bar.lead) / quarter / beat) + 1))
    return RollBar(bar.number, start, end, tuple(place for place in places if start <= place < end))


def _phrases(score: Score, parts: Sequence[Part]) -> tuple[Phrase, ...]:
    """By the fermatas of the first part that has some."""
    marked = next((found for part in parts if (found := [note for note in part.notes if note.fermata])), [])
    phrases: list[Phrase] = []
    for note in marked:
        start, end = note.start / score.ticks_per_quarter, note.end / score.ticks_per_quarter
        phrases.append(Phrase(phrases[-1].end if phrases else 0.0, end, (start, end)))
    return tuple(phrases)


def _is_single(part: Part) -> bool:
    notes = sorted((note.start, note.end) for note in part.notes if note.duration)
    overlaps = sum(following[0] < note[1] for note, following in pairwise(notes))
    return not part.is_drum and overlaps <= CHORDS * len(notes)


def _names(parts: Sequence[Part]) -> list[tuple[str, str]]:
    """Names and labels: letters of a choir, else numbers."""
    names = [part.name.strip() or f"Part {number}" for number, part in enumerate(parts, 1)]
    choir = [letter for name in names for word, letter in zip(CHOIR_NAMES, CHOIR_LETTERS, strict=True) if plain(name) in (word, word[0])]
    labels = choir if len(choir) == len(names) and len(set(choir)) == len(choir) else [str(number) for number in range(1, len(names) + 1)]
    return list(zip(names, labels, strict=True))


def _panels(voices: Sequence[RollVoice]) -> tuple[tuple[int, ...], ...]:
    """Voices of single notes together, if they are few; else each voice apart, drums last."""
    if len(voices) <= TOGETHER and all(voice.is_single for voice in voices):
        return (tuple(range(len(voices))),)
    return tuple((index,) for index in sorted(range(len(voices)), key=lambda index: voices[index].is_drum))
