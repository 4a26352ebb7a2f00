"""What a composer thinks of a piece: how likely each note was, what else might stand at a spot, and what its choice hangs on.

Probabilities are the model's own, at temperature 1 and without the dials, rules and constraints that it writes under: those that
`evaluate likelihood` sums. Their kind is exact (a cell given what is kept and all before it) or pseudo (a cell given all others).

Influence is measured by occlusion: a note is hidden from the model, onset to end, and the nats count by which this moves what the model
expects (Kullback and Leibler, `composers.expecting.moved`). Attention is not asked: it says where a layer looked, not what came of it.
Shapes: V voices, T steps, N notes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from musicgen.composers.composer import Kind
from musicgen.composers.expecting import Expected, Occluding, expected, moved
from musicgen.errors import ConfigError, NotationError, pointing, showing
from musicgen.music.chorale import REST, BoolArray, Chorale, GridNote
from musicgen.music.pitch import pitch_name
from musicgen.music.places import step_at
from musicgen.sampling.draw import FloatArray

STEPS_TOGETHER = 4096  # of copies of a piece, each with other notes hidden
LIKELIEST = 8
BEFORE, AFTER = 24, 20  # steps around a spot, whose bars are looked at

OnProgress = Callable[[float], None]


@dataclass(frozen=True)
class NoteThought:
    """probability: that this pitch begins here; nats: of all cells of the note, its length too; both None where the note is given."""

    note: GridNote
    probability: float | None
    nats: float | None


@dataclass(frozen=True)
class Choice:
    """Something that may stand at a spot: a pitch or REST, struck or held on; is_taken: it does."""

    pitch: int
    struck: bool
    probability: float
    is_taken: bool


@dataclass(frozen=True)
class Spot:
    """A cell, and what may stand there, the likeliest first and what is taken among them.

    start, end: steps of the bars around it; influence: the nats that each other note of these bars is worth to it.
    """

    voice: int
    step: int
    start: int
    end: int
    choices: tuple[Choice, ...]
    influence: tuple[tuple[GridNote, float], ...] = ()


@dataclass(frozen=True)
class Thought:
    """notes in order of time, rests left out; influence: of each given note on all free cells together, in nats, by the voice that it
    moves (V,)."""

    model: str
    chorale: Chorale
    free: BoolArray
    expected: Expected
    notes: tuple[NoteThought, ...]
    influence: tuple[tuple[GridNote, FloatArray], ...] = ()
    spots: tuple[Spot, ...] = ()

    @property
    def kind(self) -> Kind:
        return self.expected.kind

    @property
    def given(self) -> str:
        return self.expected.given

    @property
    def nats(self) -> float:
        return float(self.expected.nats.sum())

    def is_given(self, note: GridNote) -> bool:
        return not self.free[note.voice, note.start]

    def place(self, note: GridNote) -> str:
        return self.chorale.place(note.start)

    def name(self, pitch: int) -> str:
        return "rest" if pitch == REST else pitch_name(pitch, self.chorale.key)

    def least_likely(self, count: int = 5) -> list[NoteThought]:
        judged = [thought for thought in self.notes if thought.probability is not None]
        return sorted(judged, key=lambda thought: thought.probability or 0.0)[:count]

    def to_dict(self) -> dict[str, Any]:
        free = int(self.free.sum())
        return {
            "model": self.model,
            "kind": self.kind,
            "given": self.given,
            "key": str(self.chorale.key),
            "nats": self.nats,
            "nats_per_free_cell": self.nats / free,
            "notes": [self._told(each.note) | {"p": each.probability, "nats": each.nats} for each in self.notes],
            "influence": [self._told(note) | {"moved": self._by_voice(nats)} for note, nats in self.influence],
            "spots": [self._spot_dict(spot) for spot in self.spots],
        }

    def _told(self, note: GridNote) -> dict[str, Any]:
        place, voice = self.place(note), self.chorale.voice_name(note.voice)
        length = (note.end - note.start) / 4
        return {"place": place, "voice": voice, "pitch": self.name(note.pitch), "quarters": length, "given": self.is_given(note)}

    def _by_voice(self, nats: FloatArray) -> dict[str, float]:
        return {self.chorale.voice_name(voice): float(nats[voice]) for voice in range(self.chorale.voices) if self.free[voice].any()}

    def _spot_dict(self, spot: Spot) -> dict[str, Any]:
        choices = [
            {"pitch": self.name(choice.pitch), "held": not choice.struck, "p": choice.probability, "taken": choice.is_taken}
            for choice in spot.choices
        ]
        influence = [self._told(note) | {"nats": nats} for note, nats in spot.influence]
        place = self.chorale.place(spot.step)
        return {"place": place, "voice": self.chorale.voice_name(spot.voice), "choices": choices, "influence": influence}


def think(
    composer: object,
    chorale: Chorale,
    free: BoolArray,
    spots: Sequence[str] = (),
    influence: bool = True,
    on_progress: OnProgress = lambda share: None,
) -> Thought:
    """Of a whole piece of which some cells were free (V, T). Spots, `"A 3:2"`: voice, bar and beat of a free cell.

    `influence`: of the given notes on the whole piece; where there are spots, of the notes around each of them instead, given or not.
    """
    if not free.any():
        raise ConfigError("everything is given, so there is nothing to ask a model about; keep fewer voices")
    cells = [_cell(text, chorale, free) for text in spots]
    name = str(getattr(composer, "name", composer))
    known = expected(composer, chorale, free)
    if spots and known.log_p is None:
        raise ConfigError(f"{name} says how likely a note is, not what else might stand there; leave --at out, or choose the flagship")
    if influence and not isinstance(composer, Occluding):
        raise ConfigError(f"{name} cannot be asked with notes hidden, so it says nothing of influence; leave that out")
    notes = _notes(chorale)
    thoughts = tuple(_thought(known, free, note) for note in notes if note.pitch != REST)
    found = [Spot(voice, step, *_around(chorale, step), _choices(known, chorale, voice, step)) for voice, step in cells]
    of_given: tuple[tuple[GridNote, FloatArray], ...] = ()
    if influence and found:
        found = [_influenced(composer, chorale, free, spot, notes, _part(on_progress, turn, len(found))) for turn, spot in enumerate(found)]
    elif influence:
        given = [note for note in notes if not free[note.voice, note.start] and note.pitch != REST]
        of_given = tuple(zip(given, _moved_by(composer, chorale, free, given, free, on_progress).sum(axis=-1), strict=True))
    return Thought(name, chorale, free, known, thoughts, of_given, tuple(found))


def _notes(chorale: Chorale) -> list[GridNote]:
    return sorted((note for voice in range(chorale.voices) for note in chorale.notes(voice)), key=lambda note: (note.start, note.voice))


def _thought(known: Expected, free: BoolArray, note: GridNote) -> NoteThought:
    """Of a note that is given in part, its first cell decides."""
    if not free[note.voice, note.start]:
        return NoteThought(note, None, None)
    probability = float(np.exp(-known.nats[note.voice, note.start]))
    return NoteThought(note, probability, float(known.nats[note.voice, note.start : note.end].sum()))


def _cell(text: str, chorale: Chorale, free: BoolArray) -> tuple[int, int]:
    letters = chorale.ensemble.letters
    with showing(text):
        letter, _, place = text.strip().partition(" ")
        if letter.upper() not in letters or not letter or not place.strip():
            raise NotationError(f"{text!r} is no spot; write voice, bar and beat, like {letters[1]} 3:2; voices are {', '.join(letters)}")
        with pointing(text.index(place), len(place)):
            step = step_at(place, chorale)
    voice = letters.index(letter.upper())
    if not free[voice, step]:
        reason = "what stands here is given, so the model was not asked; name a spot of another voice"
        raise NotationError(reason, voice=chorale.voice_name(voice), place=chorale.place(step))
    return voice, step


def _choices(known: Expected, chorale: Chorale, voice: int, step: int) -> tuple[Choice, ...]:
    there = int(chorale.pitch[voice, step]), bool(chorale.onset[voice, step])
    choices = [Choice(pitch, struck, chance, (pitch, struck) == there) for pitch, struck, chance in known.likeliest(voice, step)]
    return tuple(choice for rank, choice in enumerate(choices) if rank < LIKELIEST or choice.is_taken)


def _around(chorale: Chorale, step: int) -> tuple[int, int]:
    starts = chorale.bar_starts()
    return max(start for start in starts if start <= max(step - BEFORE, 0)), min(
        start for start in [*starts, chorale.steps] if start >= min(step + AFTER, chorale.steps)
    )


# --- influence


def _influenced(composer: Any, chorale: Chorale, free: BoolArray, spot: Spot, notes: Sequence[GridNote], on_progress: OnProgress) -> Spot:
    """Of every note around but the spot's own."""
    near = [note for note in notes if note.pitch != REST and note.start < spot.end and note.end > spot.start]
    others = [note for note in near if not (note.voice == spot.voice and note.start <= spot.step < note.end)]
    at = np.zeros_like(free)
    at[spot.voice, spot.step] = True
    nats = _moved_by(composer, chorale, free, others, at, on_progress)[:, spot.voice, spot.step]
    return replace(spot, influence=tuple((note, float(each)) for note, each in zip(others, nats, strict=True)))


def _moved_by(
    composer: Any, chorale: Chorale, free: BoolArray, notes: Sequence[GridNote], cells: BoolArray, on_progress: OnProgress
) -> FloatArray:
    """(N, V, T) nats by which hiding each note moves what is expected at the cells."""
    whole, found = composer.log_p(chorale, free), [np.zeros((0, *free.shape))]
    together = max(1, STEPS_TOGETHER // chorale.steps)
    for first in range(0, len(notes), together):
        some = notes[first : first + together]
        hidden = np.zeros((len(some), *free.shape), dtype=bool)
        for row, note in zip(hidden, some, strict=True):
            row[note.voice, note.start : note.end] = True
        without = composer.log_p_without(chorale, free, hidden)
        found.append(np.where(hidden, 0.0, moved(whole, without, cells)))
        on_progress(min(1.0, (first + together) / len(notes)))
    return np.concatenate(found)


def _part(on_progress: OnProgress, before: int, total: int) -> OnProgress:
    return lambda share: on_progress((before + share) / total)
