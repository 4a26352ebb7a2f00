"""Which notes of a score are which voice: four parts, two staves of two voices each, or one part of chords.

A `Line` is one voice in ticks. Nothing is dropped in silence: whatever is passed over leaves a `Remark`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from statistics import fmean

from musicgen.errors import NotationError
from musicgen.music.chorale import VOICES
from musicgen.music.ensemble import MOST_VOICES
from musicgen.music.pitch import pitch_name
from musicgen.music.score import Note, Part, Score


@dataclass(frozen=True)
class Remark:
    """One sentence about a place; `voice` is left empty where the whole score is meant."""

    tick: int
    text: str
    voice: str = ""

    def sentence(self, score: Score) -> str:
        return f"{self.voice}, {score.place(self.tick)}: {self.text}" if self.voice else self.text


@dataclass(frozen=True)
class Line:
    """One voice in ticks: its notes in order of start; `part` is the index of the part it was read from."""

    name: str
    notes: tuple[Note, ...]
    part: int = 0

    def remark(self, note: Note, text: str) -> Remark:
        name = note.spelling or pitch_name(note.pitch)
        return Remark(note.start, f"{name} {text}", self.name)


FoundLine = tuple[Line, list[Remark]]
"""A voice, and what was passed over in it."""


def part_names(score: Score) -> str:
    """`1 Violin, 2 Choir`: how an error lists the parts of a score."""
    return ", ".join(f"{index + 1} {part.name or 'unnamed'}" for index, part in enumerate(score.parts)) or "none"


def pitched_parts(score: Score) -> list[int]:
    """Indices of the parts that hold pitched notes, not counting grace notes."""
    return [index for index, part in enumerate(score.parts) if not part.is_drum and any(note.duration for note in part.notes)]


def voice_of(name: str) -> str:
    """The voice a part is named after, `soprano` for `Soprano` and `S.`; empty for other names."""
    word = name.lower().strip(". ")
    return next((voice for voice in VOICES if word in (voice, voice[0])), "")


def covers(before: Note, note: Note) -> bool:
    """Whether `before` sounds through half of a note that begins under it; what overlaps by less is played legato."""
    return before.end > note.start and 2 * (min(before.end, note.end) - note.start) >= note.duration


def greatest_chord(part: Part) -> int:
    """The most notes that sound at once in a part, counted no further than MOST_VOICES + 1; grace notes do not count."""
    most, active = 0, list[Note]()
    ordered = sorted((note for note in part.notes if note.duration), key=lambda note: (note.start, -note.pitch))
    for start, group in groupby(ordered, key=lambda note: note.start):
        chord = list(group)
        active = [note for note in active if note.end > start]
        most = max(most, len(chord) + sum(covers(note, chord[0]) for note in active))
        if most > MOST_VOICES:
            return MOST_VOICES + 1
        active += chord
    return most


def find_lines(score: Score, parts: Sequence[int] | None = None) -> tuple[list[Line], list[Remark]]:
    """The voices, top to bottom, and what was passed over. `parts` are taken in the order given."""
    remarks: list[Remark] = []
    if parts is not None:
        unknown = [index for index in parts if not 0 <= index < len(score.parts)]
        if unknown:
            raise NotationError(f"no part {unknown[0] + 1}; the score's parts are {part_names(score)}")
        chosen = list(parts)
    else:
        chosen, remarks = choose_parts(score)
    found = lines_of(score, chosen)
    if parts is None and [voice_of(line.name) for line, _ in found] != list(VOICES):
        found.sort(key=lambda item: -mean_pitch(item[0]))
    lines, said = called(VOICES if len(found) == len(VOICES) else [f"voice {voice + 1}" for voice in range(len(found))], found)
    return lines, [*remarks, *said]


def lines_of(score: Score, parts: Sequence[int]) -> list[FoundLine]:
    """The voices of these parts, in their order, by the parts' names."""
    return [(replace(line, part=index), said) for index in parts for line, said in split_part(score.parts[index])]


def called(names: Sequence[str], found: Sequence[FoundLine]) -> tuple[list[Line], list[Remark]]:
    """The lines and what was passed over in them, by names."""
    lines = [replace(line, name=name) for name, (line, _) in zip(names, found, strict=True)]
    return lines, [replace(remark, voice=name) for name, (_, said) in zip(names, found, strict=True) for remark in said]


def mean_pitch(line: Line) -> float:
    return fmean(note.pitch for note in line.notes)


def choose_parts(score: Score) -> tuple[list[int], list[Remark]]:
    """The parts that are voices: those named soprano, alto, tenor and bass, else all that do not double another."""
    found = pitched_parts(score)
    if not found:
        raise NotationError(f"no part has pitched notes; the score's parts are {part_names(score)}")
    named = [[index for index in found if voice_of(score.parts[index].name) == voice] for voice in VOICES]
    chosen = [indices[0] for indices in named] if all(len(indices) == 1 for indices in named) else _undoubled(score, found)
    passed = [score.parts[index].name or f"part {index + 1}" for index in found if index not in chosen]
    return chosen, [Remark(0, f"{name} is passed over: it is none of the voices") for name in passed]


def _undoubled(score: Score, found: Sequence[int]) -> list[int]:
    """Parts that do not play the notes of a part before them, at whatever octave."""
    chosen: list[int] = []
    seen: set[frozenset[tuple[int, int]]] = set()
    for index in found:
        melody = frozenset((note.start, note.pitch % 12) for note in score.parts[index].notes)
        if melody not in seen:
            chosen.append(index)
            seen.add(melody)
    return chosen


def split_part(part: Part) -> list[FoundLine]:
    """The voices of one part, as many as it has notes at once, each with what was passed over in it."""
    ordered = sorted(part.notes, key=lambda note: (note.start, -note.pitch))
    voices = greatest_chord(part)
    if voices <= 1:
        return [(Line(part.name, tuple(ordered)), [])]
    if voices > MOST_VOICES:
        raise NotationError(
            f"the part {part.name or 'without a name'} has chords of more than {MOST_VOICES} notes, too many to tell voices apart"
        )
    return _deal(part.name, ordered, voices)


def _deal(name: str, notes: Sequence[Note], voices: int) -> list[tuple[Line, list[Remark]]]:
    """Deals chords out from the top; where there are fewer notes than free voices, to the voices whose last notes were nearest."""
    hands: list[list[Note]] = [[] for _ in range(voices)]
    remarks: list[list[Remark]] = [[] for _ in hands]
    remarks[0] += [Line(name, ()).remark(note, "is left out: a grace note") for note in notes if not note.duration]
    for start, group in groupby((note for note in notes if note.duration), key=lambda note: note.start):
        chord = list(group)
        idle = [voice for voice, hand in enumerate(hands) if not hand or not covers(hand[-1], chord[0])]
        chosen = min(combinations(idle, len(chord)), key=lambda taken: _distance(hands, taken, chord))
        for voice, note in zip(chosen, chord, strict=True):
            hands[voice].append(note)
        for voice in set(idle) - set(chosen):
            if (hands[voice][-1].end if hands[voice] else 0) == start:
                remarks[voice].append(Remark(start, "rests: the part has fewer notes here than voices", name))
    return [(Line(name, tuple(hand)), said) for hand, said in zip(hands, remarks, strict=True)]


def _distance(hands: Sequence[Sequence[Note]], taken: Sequence[int], chord: Sequence[Note]) -> int:
    """Semitones from the voices' last notes to a chord's notes, top to bottom."""
    return sum(abs(note.pitch - hands[voice][-1].pitch) for voice, note in zip(taken, chord, strict=True) if hands[voice])
