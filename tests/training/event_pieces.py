"""Pieces of events for the tests of training: two tracks and drums, in bars of four quarters, out of a few motifs."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import symusic

from musicgen.models.checkpoint import Checkpoint
from musicgen.tokenizers.events import EventTokenizer


@dataclass(frozen=True)
class Pieces:
    """As a split of a corpus gives them."""

    all_ids: tuple[np.ndarray, ...]

    def __len__(self):
        return len(self.all_ids)

    def ids(self, number):
        return self.all_ids[number]

    def lengths(self):
        return np.array([len(ids) for ids in self.all_ids])


@cache
def tokenizer() -> EventTokenizer:
    return EventTokenizer.make()


def score(seed: int, bars: int = 8) -> symusic.Score:
    rng = np.random.default_rng(seed)
    made = symusic.Score(480)
    made.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    made.tempos.append(symusic.Tempo(0, 120))
    for program, is_drum, low in ((0, False, 60), (33, False, 36), (0, True, 35)):
        track = symusic.Track(program=program, is_drum=is_drum)
        motif = rng.integers(0, 12, 4)
        for step in range(bars * 4):
            track.notes.append(symusic.Note(step * 480, 480, int(low + motif[step % 4]), 80))
        made.tracks.append(track)
    return made


@cache
def pieces(start: int = 0, end: int = 6) -> Pieces:
    made = tokenizer()
    return Pieces(tuple(np.array([made.bos_id, *made.encode(score(seed)).ids, made.eos_id], np.uint16) for seed in range(start, end)))


def checkpoint(kind: str = "causal", window: int = 128, **settings) -> Checkpoint:
    made = tokenizer()
    known = {name: getattr(made, name) for name in ("bar_ids", "fill_id", "hole_id", "bos_id", "pad_id")}
    sizes = {"width": 16, "layers": 2, "window": window, **({"heads": 2, "inner": 24} if kind == "causal" else {}), **settings}
    return Checkpoint(kind, {"vocab_size": made.size, **known, **sizes}, {"kind": "remi", "file": "tokenizer.json"}, {"name": "motifs"}, {})
