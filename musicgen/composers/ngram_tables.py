"""Counted tables that read chorales: the cells of whole pieces and of pieces being written, and how likely each id is there.

Shapes: R rows, L lanes, V voices, T steps, N cells, F features, E contexts, P columns, K ids of `contexts.TOKENIZER`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.composers.contexts import NONE, RUNGS, TOKENIZER, Past, columns_of_sounds, columns_of_strikes, features_of, told
from musicgen.composers.together import stack
from musicgen.models.ngram import Layout, Mixture, count_earlier
from musicgen.models.ngram_counts import Entries
from musicgen.music.chorale import VOICES, BoolArray, Chorale
from musicgen.sampling.allowed import IdArray
from musicgen.sampling.draw import FloatArray

IntArray = NDArray[np.int64]
NOTHING = -1


@dataclass(frozen=True)
class Cells:
    """Cells in the order in which they are decided: features (N, F), own (N,) the last sound of the voice; piece, voice, step,
    sound, struck (N,) what is there."""

    features: IntArray
    own: IntArray
    piece: IntArray
    voice: IntArray
    step: IntArray
    sound: IntArray
    struck: BoolArray

    def chosen(self, which: NDArray[Any]) -> Cells:
        return Cells(*(getattr(self, field.name)[which] for field in fields(self)))

    @classmethod
    def of(cls, pieces: Sequence[Chorale], order: Sequence[int]) -> Cells:
        steps = max(piece.steps for piece in pieces)
        ids = stack([TOKENIZER.encode(piece) for piece in pieces], steps, 0)
        known = stack([told(piece).T for piece in pieces], steps, 0)
        sounds, struck = ids % RUNGS, ids < RUNGS
        pasts = [Past.none(len(pieces))]
        for at in range(steps - 1):
            pasts.append(pasts[-1].after(sounds[..., at], struck[..., at], known[:, 0, at]))
        piece, step = np.nonzero(np.arange(steps) < np.array([[piece.steps] for piece in pieces]))
        past = Past(*(np.stack(arrays, axis=1)[piece, step] for arrays in zip(*pasts, strict=True)))
        now, hit = sounds[piece, :, step], struck[piece, :, step]
        parts = [
            cls(
                features_of(past, known[piece, :, step], now, hit, voice, order[:turn]).astype(np.int32),
                past.notes[:, voice, 0],
                piece,
                np.full(len(piece), voice),
                step,
                now[:, voice],
                hit[:, voice],
            )
            for turn, voice in enumerate(order)
        ]
        joined = cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))
        turn = np.argsort(order)[joined.voice]
        return joined.chosen(np.lexsort((turn, joined.step, joined.piece)))


@dataclass(frozen=True)
class Tables:
    """The two mixtures, and the probability of ids by both."""

    rhythm: Mixture
    pitch: Mixture

    def log_p(self, features: IntArray, own: IntArray, voice: IntArray, earlier_strikes: Entries, earlier_sounds: Entries) -> FloatArray:
        """(N, K) of cells, features (N, F); own, voice (N,); what followed the recalled contexts before in the piece."""
        is_struck = self.rhythm.log_probability(features, columns_of_strikes(len(own)), earlier_strikes, voice).astype(np.float64)
        # A voice that has not sounded yet has nothing to hold.
        is_struck = np.where((own == NONE)[:, None], [-np.inf, 0.0], is_struck)
        sounds = self.pitch.log_probability(features, columns_of_sounds(own), earlier_sounds, voice)
        held = np.where(np.arange(RUNGS) == own[:, None], is_struck[:, :1], -np.inf)
        return np.concatenate([is_struck[:, 1:] + sounds, held], axis=1)

    def judge(self, cells: Cells) -> FloatArray:
        """(N, K) of whole pieces."""
        return self.log_p(cells.features.astype(np.int64), cells.own, cells.voice, *self.earlier(cells))

    def earlier(self, cells: Cells) -> tuple[Entries, Entries]:
        """Strikes and sounds that followed the recalled contexts before, in the same voice of the piece."""
        lines, features = cells.piece * len(VOICES) + cells.voice, cells.features.astype(np.int64)
        strikes, sounds = self.rhythm.recalled, self.pitch.recalled
        is_struck = strikes.targets(columns_of_strikes(len(lines)), cells.struck.astype(np.int64))
        sounded = sounds.targets(columns_of_sounds(cells.own), cells.sound)
        return (
            count_earlier(strikes.keys(features), is_struck, lines, np.ones(len(lines), dtype=bool), strikes.width),
            count_earlier(sounds.keys(features), sounded, lines, cells.struck, sounds.width),
        )


class TableReader:
    """The tables while a batch is filled: what was, and what followed which context, of each lane."""

    def __init__(self, tables: Tables, order: Sequence[int], known: IntArray) -> None:
        """known (B, 6, T)"""
        self.tables, self.order, self.known = tables, order, known
        self.past = Past.none(len(known))
        self.steps_read = 0
        shape = (len(known), len(VOICES), known.shape[-1])
        self.memories = [_Memory.empty(shape, mixture.recalled) for mixture in (tables.rhythm, tables.pitch)]
        self.drafted: tuple[int, Past, IntArray] | None = None

    def logits(self, ids: IdArray, voice: int, step: int) -> FloatArray:
        drafts = len(ids) // len(self.known)
        while self.steps_read < step:
            self._read(ids[::drafts, :, self.steps_read])
            self.drafted = None
        if self.drafted is None or self.drafted[0] != step:
            self.drafted = (
                step,
                self.past.rows(np.repeat(np.arange(len(self.known)), drafts)),
                np.repeat(self.known[..., step], drafts, axis=0),
            )
        _, past, known = self.drafted
        now = ids[..., step]
        features = features_of(past, known, now % RUNGS, now < RUNGS, voice, self.order[: self.order.index(voice)])
        own = past.notes[:, voice, 0]
        earlier = [memory.recall(features, voice, step, drafts) for memory in self.memories]
        return self.tables.log_p(features, own, np.full(len(own), voice), *earlier)

    def branch(self, parents: IdArray) -> None:
        self.past, self.known, self.drafted = self.past.rows(parents), self.known[parents], None
        for memory in self.memories:
            memory.branch(parents)

    def _read(self, ids: IdArray) -> None:
        """The decided ids (L, V) of the next step."""
        step, sounds, struck = self.steps_read, ids % RUNGS, ids < RUNGS
        known = self.known[..., step]
        strikes, notes = self.memories
        for turn, voice in enumerate(self.order):
            features = features_of(self.past, known, sounds, struck, voice, self.order[:turn])
            own = self.past.notes[:, voice, 0]
            strikes.keep(
                features, columns_of_strikes(len(own)), struck[:, voice].astype(np.int64), voice, step, np.ones(len(own), dtype=bool)
            )
            notes.keep(features, columns_of_sounds(own), sounds[:, voice], voice, step, struck[:, voice])
        self.past = self.past.after(sounds, struck, known[:, 0])
        self.steps_read += 1


@dataclass
class _Memory:
    """keys, targets (L, V, T, E) of what is decided, NOTHING where nothing counts."""

    layout: Layout
    keys: IntArray
    targets: IntArray

    @classmethod
    def empty(cls, shape: tuple[int, int, int], layout: Layout) -> _Memory:
        keys = np.full((*shape, len(layout.contexts)), NOTHING)
        return cls(layout, keys, np.zeros_like(keys))

    def keep(self, features: IntArray, columns: IntArray, classes: IntArray, voice: int, step: int, counted: BoolArray) -> None:
        self.keys[:, voice, step] = np.where(counted[:, None], self.layout.keys(features), NOTHING)
        self.targets[:, voice, step] = self.layout.targets(columns, classes)

    def recall(self, features: IntArray, voice: int, step: int, drafts: int) -> Entries:
        """What followed the same keys before `step`, of rows (R, F)."""
        keys, width = self.layout.keys(features), self.layout.width
        before = self.keys[:, voice, :step]
        same = keys.reshape(len(before), drafts, 1, -1) == before[:, None]
        lane, draft, at, context = np.nonzero(same)
        places = ((lane * drafts + draft) * keys.shape[1] + context) * width + self.targets[lane, voice, at, context]
        return Entries.of_places(places, keys.shape, width)

    def branch(self, parents: IdArray) -> None:
        self.keys, self.targets = self.keys[parents], self.targets[parents]
