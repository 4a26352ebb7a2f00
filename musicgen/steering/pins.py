"""Parts of a score that pin notes of a voice: `Pins bass` holds what the bass must sing, and is no part of the piece."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from musicgen.errors import NotationError
from musicgen.music.chorale import VOICES
from musicgen.music.pitch import pitch_name
from musicgen.music.score import Note, Part, Score
from musicgen.music.separate import Line, part_names, voice_of

_PIN_PART = r"pins?|pinned"


def without_pins(score: Score, pin_part: str | None = None) -> tuple[Score, dict[str, Part]]:
    """The score without its pin parts, and these by the voice that each names.

    They are those whose name begins with the word Pin, Pins or Pinned, or with `pin_part`.
    """
    begins = re.compile(rf"\s*(?:{_PIN_PART if pin_part is None else re.escape(pin_part.strip())})(?!\w)", re.IGNORECASE)
    matches = [begins.match(part.name) for part in score.parts]
    if pin_part is not None and not any(matches):
        raise NotationError(f"no part's name begins with {pin_part!r}; the score's parts are {part_names(score)}")
    pins: dict[str, Part] = {}
    for part, match in zip(score.parts, matches, strict=True):
        if match is not None:
            voice = _pinned_voice(part, part.name[match.end() :], match[0].strip())
            pins[voice] = replace(part, notes=(*pins[voice].notes, *part.notes)) if voice in pins else part
    music = tuple(part for part, match in zip(score.parts, matches, strict=True) if match is None)
    return replace(score, parts=music), pins


def _pinned_voice(part: Part, name: str, word: str) -> str:
    voices = {voice_of(each) for each in re.findall(r"[^\W\d_]+", name)} - {""}
    if len(voices) != 1:
        examples = ", ".join(f"{word} {voice}" for voice in VOICES)
        raise NotationError(f"the part {part.name!r} does not say which voice it pins; name it one of {examples}")
    return voices.pop()


def pinned_line(score: Score, line: Line, pins: Part, kept: Sequence[Note]) -> Line:
    """A voice with nothing but its pins and the notes of its own that are `kept`; two notes at once are refused."""
    own = {(note.start, note.duration, note.pitch) for note in kept}
    added = [note for note in pins.notes if (note.start, note.duration, note.pitch) not in own]
    notes = sorted([*kept, *added], key=lambda note: (note.start, note.duration))
    for note, after in pairwise([note for note in notes if note.duration]):
        if note.end > after.start:
            first, second = (each.spelling or pitch_name(each.pitch) for each in (note, after))
            reason = f"{second} is pinned while the pinned {first} sounds; a voice sings one note at a time, take one of them back"
            raise NotationError(reason, voice=line.name, place=score.place(after.start))
    return replace(line, notes=tuple(notes))
