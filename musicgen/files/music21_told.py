"""What music21 does not read of ABC and kern, told to its parts and notes afterwards: words, fermatas, names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from musicgen.files.verses import HELD
from musicgen.music.score import Lyric

Sung = list[tuple[Lyric, ...]]  # of each note, chords counted once, grace notes not


class Told(NamedTuple):
    """What music21 has not read, of the parts that have notes, in their order; each empty where there is none."""

    words: Sequence[Sung] = ()
    fermatas: Sequence[Sequence[bool]] = ()
    names: Sequence[str] = ()


NOTHING = Told()


def attach(parts: Sequence[Any], told: Told, remarks: list[str]) -> None:
    """To music21's parts, and to their notes."""
    if not any(told):
        return
    from music21 import expressions, note

    found = [(part, notes) for part in parts if (notes := _notes(part))]
    if len(found) == len(told.names):
        for (part, _), name in zip(found, told.names, strict=True):
            part.partName = name or part.partName
    sounding = [notes for _, notes in found]
    for each, lyrics in _pairs(sounding, told.words, "the words", remarks):
        each.lyrics = [_of_music21(note, lyric) for lyric in lyrics]
    for each, is_held in _pairs(sounding, told.fermatas, "the fermatas", remarks):
        if is_held:
            each.expressions.append(expressions.Fermata())


def _notes(part: Any) -> list[Any]:
    from music21 import harmony

    return [each for each in part.flatten().notes if not each.duration.isGrace and not isinstance(each, harmony.Harmony)]


def _pairs(sounding: Sequence[Sequence[Any]], told: Sequence[Sequence[Any]], what: str, remarks: list[str]) -> list[tuple[Any, Any]]:
    """Notes of music21 and what is told of each; nothing, and a remark, where they are not as many."""
    if not told:
        return []
    if [len(notes) for notes in sounding] != [len(each) for each in told]:
        remarks.append(f"left out: {what}, which could not be told to the notes")
        return []
    return [pair for notes, each in zip(sounding, told, strict=True) for pair in zip(notes, each, strict=True)]


def _of_music21(note: Any, lyric: Lyric) -> Any:
    made = note.Lyric(lyric.text + (HELD if lyric.is_held else ""), number=lyric.verse, applyRaw=True)
    made.syllabic = "begin" if lyric.is_joined else "single"
    return made
