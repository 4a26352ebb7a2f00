"""A file's notes as ids, bar by bar: what the model reads of it, before byte pair encoding if it has that.

N ids; a line is one track of the file, known to the tokens by its slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.generation.timeline import FINENESS, Timeline
from musicgen.music.score import Note, TempoAt
from musicgen.sampling.event_words import EventWords, Kind
from musicgen.tokenizers.event_tracks import DRUMS, TrackLabel
from musicgen.tokenizers.events import EventTokenizer

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reader:
    """Notes in ticks of the file -> ids with exactly the bars of the timeline."""

    tokenizer: EventTokenizer
    words: EventWords
    timeline: Timeline
    labels: Sequence[TrackLabel]
    tempos: Sequence[TempoAt]

    def ids(self, lines: Sequence[Sequence[Note]]) -> Ids:
        """(N,) of the notes of each line, in the order of `labels`."""
        ids = self.tokenizer.base(self.tokenizer.encode(self._score(lines)).ids)
        starts = self.bar_starts(ids)
        missing = self.timeline.bars[len(starts) - 1 :]
        heads = [id for bar in missing for id in self.head(bar.beats, bar.unit)]
        return np.append(ids, heads).astype(np.int64) if heads else ids[: starts[len(self.timeline.bars)]]

    def head(self, beats: int, unit: int) -> list[int]:
        """Bar and meter."""
        return [self.words.id_of(Kind.BAR), self.words.id_of(Kind.TIMESIG, self.words.meters.index((beats, unit)))]

    def bar_starts(self, ids: Ids) -> list[int]:
        """Where each bar begins, and the end."""
        return [*np.flatnonzero(np.isin(ids, self.tokenizer.bar_ids)).tolist(), len(ids)]

    def _score(self, lines: Sequence[Sequence[Note]]) -> object:
        import symusic

        timeline = self.timeline
        score = symusic.Score(FINENESS * timeline.ticks_per_quarter)
        meters = [(bar.beats, bar.unit) for bar in timeline.bars]
        for start, meter, before in zip(timeline.token_starts, meters, [None, *meters], strict=False):
            if meter != before:
                score.time_signatures.append(symusic.TimeSignature(start, *meter))
        for tempo in self.tempos:
            score.tempos.append(symusic.Tempo(timeline.token_tick(tempo.start), qpm=tempo.quarters_per_minute))
        for label, notes in zip(self.labels, lines, strict=True):
            track = symusic.Track(name=label.name, program=max(label.slot, 0), is_drum=label.slot == DRUMS)
            for note in notes:
                start = timeline.token_tick(note.start)
                track.notes.append(symusic.Note(start, max(1, FINENESS * note.duration), note.pitch, note.velocity))
            score.tracks.append(track)
        return score
