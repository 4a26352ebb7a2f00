"""How a score looks and sounds: the same music in another edition, decided before any file is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicgen.music.score import Score

if TYPE_CHECKING:
    from musicgen.files.musicxml_write import Layout


@dataclass(frozen=True)
class Edition:
    """`layout`: a staff for each part, or two staves for four voices."""

    layout: Layout = "open"

    def written(self, score: Score) -> Score:
        """The score that is written for eyes: as MusicXML, as other notation and as pictures."""
        return score

    def played(self, score: Score) -> Score:
        """The score that is written for ears: as MIDI and as sound."""
        return score


PLAIN = Edition()
