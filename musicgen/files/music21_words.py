"""The words that music21 has found: syllables as lyrics of notes, and slurs that only show what is sung to one of them."""

from __future__ import annotations

from typing import Any

from musicgen.files.verses import HELD, clean
from musicgen.music.score import Lyric
from musicgen.music.words import ELISION


def lyrics_of(element: Any) -> tuple[Lyric, ...]:
    """By verses, one each."""
    found: dict[int, Lyric] = {}
    for place, lyric in enumerate(element.lyrics, 1):
        pieces = lyric.components if lyric.isComposite else [lyric]
        text = ELISION.join(filter(None, (clean(piece.text or "") for piece in pieces)))
        verse = lyric.number or place
        if text and verse not in found:
            is_held = (pieces[-1].text or "").endswith(HELD)
            found[verse] = Lyric(text, verse, is_joined=pieces[-1].syllabic in ("begin", "middle"), is_held=is_held)
    return tuple(found[verse] for verse in sorted(found))


def is_sung(slur: Any) -> bool:
    """Over the notes of one syllable: only the first has words. Such slurs are written again with the words."""
    first, *others = slur.getSpannedElements() or [None]
    return first is not None and bool(first.lyrics) and not any(each.lyrics for each in others)
