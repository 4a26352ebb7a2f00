"""Who sings in a score: a voice for each part of single notes, two for a staff of a hymn book; what has chords or drums accompanies."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from musicgen.errors import NotationError
from musicgen.music.chorale import VOICES
from musicgen.music.ensemble import titled, unlike
from musicgen.music.score import Part, Score, counted
from musicgen.music.separate import greatest_chord, part_names, split_part

MOST_SINGERS = 8


class Singers(NamedTuple):
    """From the top of the page; all names differ."""

    voices: tuple[Part, ...]
    accompaniment: tuple[Part, ...]


def find_singers(score: Score) -> Singers:
    found: list[Part] = []
    others: list[Part] = []
    is_split = False
    for part in (part for part in score.parts if part.notes):
        if part.is_drum or greatest_chord(part) > 2:
            others.append(part)
        elif _is_two_voices(part):
            found += [replace(part, notes=line.notes) for line, _ in split_part(part)]
            is_split = True
        else:
            found.append(part)
    if not found:
        raise NotationError(
            f"no part has a voice of single notes; the parts are {part_names(score)}; `musicgen separate` tells the voices of chords apart"
        )
    if len(found) > MOST_SINGERS:
        raise NotationError(f"{counted(len(found), 'voice')}, at most {MOST_SINGERS} get tracks; leave some out")
    names = VOICES if is_split and len(found) == len(VOICES) else [part.name or "voice" for part in found]
    voices = tuple(replace(part, name=titled(name)) for part, name in zip(found, unlike(names), strict=True))
    return Singers(voices, tuple(others))


def _is_two_voices(part: Part) -> bool:
    """Whether two notes sound at once, and mostly begin together."""
    starts = [len(list(group)) for _, group in groupby(sorted(note.start for note in part.notes))]
    return greatest_chord(part) == 2 and 2 * starts.count(2) >= len(starts)
