"""Words under notes: which notes one syllable is sung to, how syllables join to words, and the same words under voices that have none.

A note's `lyrics` are the syllables that begin with it, at most one a verse. Grace notes lead to a note and have no words of their own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from musicgen.music.score import Lyric, Note, Part, Score

ELISION = "‿"  # between the words that are sung to one note


def has_words(part: Part) -> bool:
    return any(note.lyrics for note in part.notes)


def syllabics(notes: Iterable[Note]) -> dict[tuple[int, int], str]:
    """`begin`, `middle`, `end` or `single`, for each start of a syllable and its verse: is it joined to the one before, and to the next?"""
    sung = [(note.start, lyric) for note in sorted(notes, key=lambda note: note.start) for lyric in note.lyrics]
    last = {lyric.verse: start for start, lyric in sung}  # of a verse that breaks off, no hyphen leads into the void
    is_joined: dict[int, bool] = {}
    found = {}
    for start, lyric in sung:
        before, after = is_joined.get(lyric.verse, False), lyric.is_joined and start < last[lyric.verse]
        found[start, lyric.verse] = ("middle" if before else "begin") if after else "end" if before else "single"
        is_joined[lyric.verse] = after
    return found


def melismas(notes: Iterable[Note]) -> list[tuple[int, int]]:
    """The starts of the first and the last note of each group that one syllable is sung to.

    A rest ends it, and so does the last syllable of all, if no hyphen or line leads on: after it the words may be at an end.
    """
    mains = sorted((note for note in notes if note.duration), key=lambda note: note.start)
    chords = [list(chord) for _, chord in groupby(mains, key=lambda note: note.start)]
    sung = [[lyric for note in chord for lyric in note.lyrics] for chord in chords]
    last = max((index for index, lyrics in enumerate(sung) if lyrics), default=-1)
    found = []
    for index, lyrics in enumerate(sung):
        end = index
        if lyrics and (index < last or any(lyric.is_joined or lyric.is_held for lyric in lyrics)):
            while end + 1 < len(chords) and not sung[end + 1] and chords[end + 1][0].start <= chords[end][0].end:
                end += 1
        if end > index:
            found.append((chords[index][0].start, chords[end][0].start))
    return found


def with_words(score: Score) -> Score:
    """The words of the top voice that has any, under every other that has none: each singer needs them."""
    sung = next((part for part in score.parts if has_words(part) and not part.is_drum), None)
    if sung is None:
        return score
    parts = (part if part.is_drum or has_words(part) else replace(part, notes=laid_under(part.notes, sung.notes)) for part in score.parts)
    return replace(score, parts=tuple(parts))


def without_words(score: Score) -> Score:
    parts = (
        replace(part, notes=tuple(replace(note, lyrics=()) for note in part.notes)) if has_words(part) else part for part in score.parts
    )
    return replace(score, parts=tuple(parts))


def laid_under(notes: Sequence[Note], sung: Iterable[Note]) -> tuple[Note, ...]:
    """`notes` with the syllables of `sung`: each where its own note begins, or with the next note, if that begins before the next syllable.

    A syllable for which the voice strikes no note is sung with the one before, to the same note; one in which it rests is left out.
    """
    texts = sorted((note for note in sung if note.lyrics), key=lambda note: note.start)
    ends = {note.start: note.end for note in notes if note.duration}
    starts = sorted(ends)
    given: dict[int, tuple[Lyric, ...]] = {}
    for index, note in enumerate(texts):
        until = texts[index + 1].start if index + 1 < len(texts) else note.end
        own = bisect_left(starts, note.start)
        if own < len(starts) and starts[own] < max(until, note.start + 1):
            given[starts[own]] = note.lyrics
        elif (before := bisect_right(starts, note.start) - 1) >= 0 and ends[starts[before]] > note.start:
            given[starts[before]] = tuple(sung_together(given.get(starts[before], ()), note.lyrics))
    return tuple(_with_lyrics(notes, given))


def _with_lyrics(notes: Iterable[Note], given: dict[int, tuple[Lyric, ...]]) -> Iterator[Note]:
    """Of a chord the first note has them."""
    for note in notes:
        yield replace(note, lyrics=given.pop(note.start)) if note.duration and note.start in given else note


def sung_together(first: Iterable[Lyric], second: Iterable[Lyric]) -> Iterator[Lyric]:
    """By verses: `glo-` and `ri-` are `glori-`, the ends of two words are joined by a bow."""
    before, after = ({lyric.verse: lyric for lyric in lyrics} for lyrics in (first, second))
    for verse in sorted(before | after):
        if verse in before and verse in after:
            joint = "" if before[verse].is_joined else ELISION
            yield replace(after[verse], text=before[verse].text + joint + after[verse].text)
        else:
            yield before.get(verse) or after[verse]
