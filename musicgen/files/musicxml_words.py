"""The words under a staff as MusicXML: syllables, hyphens and lines, and a slur over the notes that one syllable is sung to."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass

from musicgen.files.musicxml_text import add_text
from musicgen.files.notation import Event
from musicgen.music.score import Lyric, Note
from musicgen.music.words import ELISION, melismas, syllabics


@dataclass(frozen=True)
class Words:
    """Those of one voice, by the ticks where its notes start, the last of them at `end`; `first`, `last`: of notes that a slur joins."""

    syllabics: dict[tuple[int, int], str]
    end: int
    first: frozenset[int]
    last: frozenset[int]

    @classmethod
    def of(cls, notes: Iterable[Note]) -> Words | None:
        """None of a voice without words, as most are."""
        notes = list(notes)
        if not any(note.lyrics for note in notes):
            return None
        groups = melismas(notes)
        end = max(note.start for note in notes)
        return cls(syllabics(notes), end, frozenset(first for first, _ in groups), frozenset(last for _, last in groups))

    def leads(self, start: int, verse: int) -> bool:
        """Whether the syllable goes on to another one of its word."""
        return self.syllabics[start, verse] in ("begin", "middle")

    def is_held(self, start: int, lyric: Lyric) -> bool:
        """Whether the syllable is sung on over the next note."""
        return start in self.first or (lyric.is_held and start < self.end)

    def add_slur(self, notations: ET.Element, event: Event, number: int) -> None:
        """From the first piece of the first note to the last piece of the last."""
        start = event.notes[0].start
        for kind, starts, is_tied in (("stop", self.last, event.tied_on), ("start", self.first, event.tied_from)):
            if start in starts and not is_tied:
                ET.SubElement(notations, "slur", type=kind, number=str(number + 1))

    def add_lyrics(self, element: ET.Element, event: Event) -> None:
        if event.tied_from:
            return
        for note in event.notes:
            for lyric in note.lyrics:
                parent = ET.SubElement(element, "lyric", number=str(lyric.verse))
                syllabic = self.syllabics[note.start, lyric.verse]
                texts = lyric.text.split(ELISION)
                for index, text in enumerate(texts):
                    if index:
                        add_text(parent, "elision", ELISION)
                    add_text(parent, "syllabic", _within(syllabic, index, len(texts)))
                    add_text(parent, "text", text)
                if self.is_held(note.start, lyric) and not self.leads(note.start, lyric.verse):
                    ET.SubElement(parent, "extend")


def _within(syllabic: str, index: int, count: int) -> str:
    """Of the words that are sung to one note, the first may end one that began before, the last begin one that goes on."""
    begins = index == count - 1 and syllabic in ("begin", "middle")
    ends = index == 0 and syllabic in ("end", "middle")
    return "middle" if begins and ends else "begin" if begins else "end" if ends else "single"
