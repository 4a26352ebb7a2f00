"""`separate`: all notes of a score, from however many parts, as four parts of one voice each. No note is lost, added or changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal, Protocol

from musicgen.errors import ConfigError, NotationError, nearest
from musicgen.models.folders import checkpoint_folders
from musicgen.music.chorale import VOICES
from musicgen.music.pitch import pitch_name
from musicgen.music.score import Note, Part, Score, counted
from musicgen.music.separate import covers, part_names, pitched_parts
from musicgen.separation.assignment import Costs, FloatArray, assign
from musicgen.separation.notes import IntArray, Notes
from musicgen.separation.rule import RuleSeparator

Method = Literal["network", "rule"]
SHIPPED = "separator"
METHODS: tuple[Method, ...] = ("network", "rule")
MAX_NOTES = 60_000
PLACES_NAMED = 8


class Separator(Protocol):
    """What wants which note, and what motion costs beside it."""

    @property
    def name(self) -> str: ...

    @property
    def costs(self) -> Costs: ...

    def wanted(self, notes: Notes) -> FloatArray:
        """(N, V) what it costs to give a note to a voice."""
        ...


@dataclass(frozen=True)
class Separation:
    """A score of four parts, soprano to bass, and what a user should know of it, one sentence each."""

    score: Score
    method: str
    report: tuple[str, ...] = ()


def find_separator(method: str = "network") -> Separator:
    """`network` (the shipped one), `rule`, or the name or folder of a trained one."""
    if method == "rule":
        return RuleSeparator()
    folders = checkpoint_folders()
    folder = folders.get(SHIPPED if method == "network" else method, Path(method))
    if not (folder / "config.json").is_file():
        if method == "network":
            raise ConfigError("checkpoints/separator, the network, is not here; train it with `musicgen train separator` or name the rule")
        raise ConfigError(f"no way to separate is named {method!r}, and no folder of a trained separator; {nearest(method, METHODS)}")
    from musicgen.separation.network import NetworkSeparator  # the rule does without torch

    return NetworkSeparator.load(folder)


def separate(score: Score, method: str | Separator = "network", parts: Sequence[int] | None = None) -> Separation:
    """The notes of the pitched parts (or of `parts`, by index) as soprano, alto, tenor and bass.

    Each note keeps its start, length, pitch, spelling, fermata, loudness and color. Refused by place: more than four notes at once.
    """
    chosen = pitched_parts(score) if parts is None else list(parts)
    notes = sorted(
        (note for index in chosen for note in score.parts[index].notes if note.duration), key=lambda note: (note.start, -note.pitch)
    )
    graces = [note for index in chosen for note in score.parts[index].notes if not note.duration]
    _check(score, notes)
    separator = find_separator(method) if isinstance(method, str) else method
    arrays = Notes.of(notes, score.ticks_per_quarter)
    voices = assign(arrays, separator.wanted(arrays), separator.costs)
    lines = [[note for note, found in zip(notes, voices, strict=True) if found == voice] for voice in range(len(VOICES))]
    overlaps = _overlaps(score, lines)
    for grace in graces:
        lines[_voice_of_grace(grace, notes, voices)].append(grace)
    program = Counter(score.parts[index].program for index in chosen).most_common(1)[0][0]
    made = tuple(
        Part(name.capitalize(), tuple(sorted(line, key=lambda note: (note.start, note.duration, -note.pitch))), program)
        for name, line in zip(VOICES, lines, strict=True)
    )
    return Separation(replace(score, parts=made), separator.name, (*_told(score, chosen, made), *overlaps))


def _check(score: Score, notes: Sequence[Note]) -> None:
    """Refuses what four voices cannot sing."""
    if not notes:
        raise NotationError(f"no part has notes with a pitch; the score's parts are: {part_names(score)}")
    if len(notes) > MAX_NOTES:
        raise NotationError(f"the music has {len(notes):,} notes, at most {MAX_NOTES:,} are separated; split it into pieces")
    crowds = _crowds(notes)
    if crowds:
        most = max(count for _, count in crowds)
        raise NotationError(
            f"up to {most} notes sound at once, four voices sing {len(VOICES)}: {_places(score, [tick for tick, _ in crowds])}; "
            "take notes out there, or name fewer parts"
        )


def _places(score: Score, ticks: Sequence[int]) -> str:
    """`bar 1 beat 2, bar 3 beat 1 and 12 more places`"""
    named = ", ".join(score.place(tick) for tick in ticks[:PLACES_NAMED])
    return f"{named} and {counted(len(ticks) - PLACES_NAMED, 'more place')}" if len(ticks) > PLACES_NAMED else named


def _crowds(notes: Sequence[Note]) -> list[tuple[int, int]]:
    """Where more notes sound at once than there are voices, and how many."""
    found, active = list[tuple[int, int]](), list[Note]()
    for chord in Notes.of(notes, 1).groups():
        struck = list(notes[chord])
        active = [note for note in active if note.end > struck[0].start]
        count = len(struck) + sum(all(covers(note, new) for new in struck) for note in active)
        if count > len(VOICES):
            found.append((struck[0].start, count))
        active += struck
    return found


def _overlaps(score: Score, lines: Sequence[Sequence[Note]]) -> list[str]:
    """A sentence for all places where notes of a voice overlap a little; more than that is refused."""
    ticks = []
    for voice, line in zip(VOICES, lines, strict=True):
        for before, note in pairwise(line):
            if covers(before, note):
                reason = f"{pitch_name(before.pitch)} and {pitch_name(note.pitch)} sound at once and no voice is free; shorten one of them"
                raise NotationError(reason, voice=voice, place=score.place(note.start))
            if before.end > note.start:
                ticks.append(note.start)
    said = "notes of a voice overlap a little, as in legato playing, and are kept so"
    return [f"{said}: {_places(score, sorted(set(ticks)))}"] if ticks else []


def _voice_of_grace(grace: Note, notes: Sequence[Note], voices: IntArray) -> int:
    """That of the note it leads to: the nearest in pitch of those that begin with it or next."""
    start = next((note.start for note in notes if note.start >= grace.start), notes[-1].start)
    chord = [index for index, note in enumerate(notes) if note.start == start]
    return int(voices[min(chord, key=lambda index: abs(notes[index].pitch - grace.pitch))])


def _told(score: Score, chosen: Sequence[int], made: Sequence[Part]) -> list[str]:
    passed = [score.parts[index].name or f"part {index + 1}" for index in range(len(score.parts)) if index not in chosen]
    told = [f"{name} is passed over: it has no notes with a pitch" for name in passed]
    silent = [part.name.lower() for part in made if not part.notes]
    return [*told, *([f"no note was given to {' and '.join(silent)}"] if silent else [])]
