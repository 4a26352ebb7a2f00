"""How well a model of events foretells real pieces, in nats an id and a note, exact: every id of every piece is paid for once.

An id is foretold from what came before it in its row of up to `window` ids, which begins at a bar.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from musicgen.corpus.shards import EventCorpus
from musicgen.errors import CorpusError
from musicgen.evaluation.intervals import bootstrap_ratio
from musicgen.generation.foretelling import Measured, cut_rows, measure, notes_of
from musicgen.generation.loading import EventModel
from musicgen.tokenizers.events import EventTokenizer

Interval = tuple[float, float]


@dataclass(frozen=True)
class EventLikelihood:
    """Nats an id and a note (all its ids, by the notes there are); intervals: 95 %, bootstrap over pieces; by kind of token."""

    nats_per_id: float
    interval: Interval
    nats_per_note: float
    note_interval: Interval
    nats_by_kind: dict[str, float]
    pieces: int
    ids: int
    notes: int
    kind: str = "exact"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        low, high = self.interval
        least, most = self.note_interval
        kinds = ", ".join(f"{name} {nats:.3f}" for name, nats in self.nats_by_kind.items())
        return [
            f"exact likelihood: {self.nats_per_id:.4f} nats an id, 95 % interval {low:.4f} to {high:.4f}",
            f"{self.nats_per_note:.3f} nats a note, {least:.3f} to {most:.3f}; "
            f"{self.pieces} pieces, {self.ids:,} ids, {self.notes:,} notes",
            f"an id of each kind: {kinds}",
        ]


def measure_event_likelihood(
    model: EventModel, corpus: EventCorpus, split: str, seed: int = 0, on_progress: Callable[[float], None] = lambda share: None
) -> EventLikelihood:
    """All pieces of the split. Refuses a corpus whose ids mean something else than the model's."""
    tokenizer = model.tokenizer
    if not tokenizer.means_the_same(EventTokenizer.load(corpus.tokenizer_folder)):
        raise CorpusError(f"{corpus.name}: its ids are not those of {model.name}; build it with --tokenizer {model.name}")
    if split not in corpus.splits:
        raise CorpusError(f"{corpus.name}: no piece is in the split {split}; choices: {', '.join(corpus.splits)}")
    pieces, window = corpus.pieces(split), model.network.config.window
    found = []
    for number in range(len(pieces)):
        rows = cut_rows(np.asarray(pieces.ids(number), dtype=np.int64), window, tokenizer.bar_ids)
        batches = [(row[None], np.ones((1, len(row)), np.float32)) for row in rows]
        found.append(measure(model.network, batches, tokenizer.size, "cpu"))
        on_progress((number + 1) / len(pieces))
    return _report(found, tokenizer, seed)


def _report(found: list[Measured], tokenizer: EventTokenizer, seed: int) -> EventLikelihood:
    nats = np.array([piece.nats.sum() for piece in found])
    ids = np.array([piece.counts.sum() for piece in found])
    notes = np.array([piece.counts @ notes_of(tokenizer) for piece in found])
    figures = Measured(np.sum([piece.nats for piece in found], axis=0), np.sum([piece.counts for piece in found], axis=0)).figures(
        tokenizer
    )
    return EventLikelihood(
        figures["nats_per_id"],
        bootstrap_ratio(nats, ids, seed),
        figures["nats_per_note"],
        bootstrap_ratio(nats, np.maximum(notes, 1e-9), seed),
        figures["nats_by_kind"],
        len(found),
        figures["ids"],
        figures["notes"],
    )
