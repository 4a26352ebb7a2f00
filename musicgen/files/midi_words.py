"""The words of MIDI files on their notes: lyric events beside the notes, or a track of words alone, as karaoke files (.kar) have them.

Where a word ends is said in one of three ways: a hyphen after each syllable that is not its last, a space or a new line between words, or
not at all.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

from musicgen.files.midi_events import LYRIC, NOTE_ON, TEXT, TRACK_NAME, Track, decode_text, decode_words
from musicgen.music.score import Lyric, Note, Part
from musicgen.music.words import sung_together

_BESIDE = 8  # a syllable stands within an eighth of a quarter of its note
_LINE = re.compile(r"^[\\/]|[\r\n]")
_WORDS = re.compile(r"words|lyric|karaoke|text", re.IGNORECASE)
_MOST = 100_000

Syllable = tuple[int, Lyric]


def with_words(parts: Sequence[Part], owners: Sequence[int], tracks: Sequence[Track], ticks_per_quarter: int) -> tuple[Part, ...]:
    """Each track's words on the part, of those it holds, that begins the most notes with them; `owners`: the track of each part.

    Words of a track without notes go to any part, if no track has words beside its notes.
    """
    sung = list(parts)
    beside = [index for index, track in enumerate(tracks) if index in owners and any(event.kind == LYRIC for event in track.events)]
    alone = [index for index in range(len(tracks)) if index not in owners]
    for index in beside or alone:
        syllables = _syllables(tracks[index])
        those = [place for place, owner in enumerate(owners) if not beside or owner == index]
        free = [place for place in those if not parts[place].is_drum and sung[place] is parts[place]]
        if syllables and free:
            best = max(free, key=lambda place: len(_on_notes(parts[place].notes, syllables, ticks_per_quarter)))
            sung[best] = _with_lyrics(parts[best], _on_notes(parts[best].notes, syllables, ticks_per_quarter))
    return tuple(sung)


def _syllables(track: Track) -> list[Syllable]:
    """In order of time, words joined."""
    events = [event for event in track.events if event.kind == LYRIC]
    has_notes = any(event.kind == NOTE_ON for event in track.events)
    if not events and not has_notes and _is_karaoke(track):
        events = [event for event in track.events if event.kind == TEXT and not event.data.startswith(b"@")]
    texts: list[tuple[int, str]] = []
    for event in events[:_MOST]:
        text = _LINE.sub(" ", decode_words(event.data))
        if text.strip(" -_+") or not texts:
            texts.append((event.tick, text))
        elif not text.strip():
            texts[-1] = (texts[-1][0], texts[-1][1] + " ")
    texts = [(tick, text) for tick, text in texts if text.strip()]
    return [(tick, Lyric(text.strip().rstrip("-"), is_joined=joined)) for (tick, text), joined in zip(texts, _joints(texts), strict=True)]


def _is_karaoke(track: Track) -> bool:
    names = (decode_text(event.data) for event in track.events if event.kind == TRACK_NAME)
    return any(event.kind == TEXT and event.data.startswith(b"@") for event in track.events) or any(map(_WORDS.search, names))


def _joints(texts: Sequence[tuple[int, str]]) -> list[bool]:
    """Whether each syllable leads to the next."""
    said = [text for _, text in texts]
    if any(text.rstrip().endswith("-") for text in said):
        return [text.rstrip().endswith("-") for text in said]
    if not any(text != text.strip() for text in said[:-1]):
        return [False] * len(said)
    following = [*said[1:], " "]
    return [text == text.rstrip() and after == after.lstrip() for text, after in zip(said, following, strict=True)]


def _on_notes(notes: Iterable[Note], syllables: Iterable[Syllable], ticks_per_quarter: int) -> dict[int, tuple[Lyric, ...]]:
    """By the ticks where notes start; two on one note are sung together."""
    starts = sorted({note.start for note in notes})
    found: dict[int, tuple[Lyric, ...]] = {}
    for tick, lyric in syllables:
        place = bisect_left(starts, tick)
        near = min(starts[max(place - 1, 0) : place + 1], key=lambda start: abs(start - tick))
        if abs(near - tick) * _BESIDE <= ticks_per_quarter:
            found[near] = tuple(sung_together(found.get(near, ()), (lyric,)))
    return found


def _with_lyrics(part: Part, found: dict[int, tuple[Lyric, ...]]) -> Part:
    """Of notes that begin together the highest has them."""
    highest: dict[int, int] = {}
    for note in part.notes:
        highest[note.start] = max(note.pitch, highest.get(note.start, 0))
    notes = (replace(note, lyrics=found.get(note.start, ())) if note.pitch == highest[note.start] else note for note in part.notes)
    return replace(part, notes=tuple(notes))
