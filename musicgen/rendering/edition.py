"""How a score looks and sounds: the same music in another edition, decided before any file is made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from musicgen.errors import ConfigError
from musicgen.music.clefs import check_clefs, with_clefs
from musicgen.music.figured_bass import with_figures
from musicgen.music.score import Score
from musicgen.music.sounds import programs_for, with_sound
from musicgen.music.words import with_words, without_words
from musicgen.rendering.markers import with_markers
from musicgen.rendering.performance import Performance, perform
from musicgen.rendering.synthesis import check_soundfont

if TYPE_CHECKING:
    from musicgen.files.musicxml_write import Layout
    from musicgen.rendering.engraving import Paper


Lyrics = Literal["tune", "all", "none"]


@dataclass(frozen=True)
class Edition:
    """`layout`: a staff for each part, or two staves for four voices; clefs: as in `music.clefs`; figures: of a continuo, under the bass;
    lyrics: the tune's words under the voices that have them, under all (on two staves they stand between them), or none, in MIDI too.

    sound: as in `music.sounds`; performance: None for what is written; soundfont: one of your own; per_voice: a file for each voice too;
    paper: of pictures and PDF."""

    layout: Layout = "open"
    clefs: str | None = None
    figures: bool = False
    lyrics: Lyrics = "tune"
    sound: str | None = None
    performance: Performance | None = None
    soundfont: Path | None = None
    per_voice: bool = False
    paper: Paper = "a4"

    def __post_init__(self) -> None:
        if self.sound is not None:
            programs_for(self.sound, 1)
        if self.soundfont is not None:
            check_soundfont(self.soundfont)
        if self.clefs is None:
            return
        check_clefs(self.clefs)
        if self.layout != "open":
            raise ConfigError(
                "clefs are for a staff for each voice, two staves have a treble and a bass clef; leave --clefs or --layout out"
            )

    def written(self, score: Score) -> Score:
        """The score that is written for eyes: as MusicXML, as other notation and as pictures."""
        score = score if self.lyrics == "all" and self.layout != "open" else self._sung(score)
        score = with_figures(score) if self.figures else score
        return with_clefs(score, self.clefs) if self.clefs is not None else score

    def played(self, score: Score) -> Score:
        """The score that is written for ears, with markers: as MIDI and as sound."""
        score = self._sung(score)
        score = with_markers(score if self.sound is None else replace(score, parts=with_sound(score.parts, self.sound)))
        return score if self.performance is None else perform(score, self.performance)

    def _sung(self, score: Score) -> Score:
        if self.lyrics == "none":
            return without_words(score)
        return with_words(score) if self.lyrics == "all" else score


PLAIN = Edition()
