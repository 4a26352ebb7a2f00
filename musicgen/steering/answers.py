"""What a composer answers to a request: a piece for each seed, or alternatives to choose from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from musicgen.composers.composer import Composer
from musicgen.corpus.store import load_corpus
from musicgen.errors import CorpusError
from musicgen.evaluation.copying import CopyIndex, SharedRun
from musicgen.music.chorale import Chorale
from musicgen.music.score import Score
from musicgen.steering.alternatives import DRAWS_EACH, alternatives, too_few
from musicgen.steering.originality import DRAWS_EACH as ORIGINAL_DRAWS_EACH
from musicgen.steering.originality import LEARNED_FROM, Search
from musicgen.steering.request import Request
from musicgen.steering.tasks import Job, Ready

DISTINCT = 0.1
UNSEARCHED = f"ranked without originality, for there is no corpus to compare with: `musicgen corpus build {LEARNED_FROM}` makes it"

Show = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Answer:
    """`composed` as the composer made it; score and what it is made of, where alternatives are ranked; `shared`: its longest run in common
    with a training piece, where originality is asked for."""

    ready: Ready
    composed: Chorale
    seed: int
    score: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    shared: SharedRun | None = None

    @property
    def chorale(self) -> Chorale:
        """As it sounds."""
        return self.ready.heard(self.composed)

    def written(self) -> Score:
        return self.ready.written(self.chorale)


@dataclass(frozen=True, eq=False)
class Answers:
    """remarks: what is less than was asked."""

    pieces: Sequence[Answer]
    remarks: Sequence[str] = ()


def answer(request: Request, job: Job, composer: Composer, seeds: Sequence[int], show: Show = lambda share: None) -> Answers:
    """One piece a seed; of `alternatives`, from the first seed on, those that were found, the best first if they are to be ranked.

    A seed gives the same piece, be it as one of several, as an alternative or alone. Where originality is asked for, seeds that follow
    stand in for those whose pieces are refused.
    """
    if request.alternatives is not None or job.originality:
        return _chosen(request, request.alternatives or len(seeds), job, composer, seeds[0], show)
    filled = composer.fill_many([piece.for_composer() for piece in job.pieces], seeds, show)
    return Answers([Answer(piece, each, seed) for piece, each, seed in zip(job.pieces, filled, seeds, strict=True)])


def _chosen(request: Request, count: int, job: Job, composer: Composer, seed: int, show: Show) -> Answers:
    """Those of many draws that are distinct, where alternatives are asked for, and original, where that is."""
    learned = _learned_pieces() if request.rank else None
    piece, search = cache(job.piece), Search(job.originality)
    distinct, draws = DISTINCT if request.alternatives else 0.0, ORIGINAL_DRAWS_EACH if job.originality else DRAWS_EACH
    found = alternatives(
        composer,
        lambda each: piece(each).for_composer(),
        seed,
        count,
        bool(request.rank),
        distinct,
        learned,
        show,
        accepts=search.accepts,
        draws_each=draws,
    )
    search.check_found(len(found))
    pieces = [Answer(piece(each.seed), each.chorale, each.seed, each.score, each.parts, search.shared.get(each.seed)) for each in found]
    said = [remark for each in pieces if each.seed != seed for remark in each.ready.remarks]
    unsearched = UNSEARCHED if request.rank and learned is None else ""
    fewer = too_few(found, count, distinct) if request.alternatives else search.too_few(len(found), count)
    return Answers(pieces, [remark for remark in (*said, search.remark(), fewer, unsearched) if remark])


def _learned_pieces() -> CopyIndex | None:
    """What a model may have learned by heart, if it is here."""
    try:
        return CopyIndex(load_corpus(LEARNED_FROM).pieces("train"))
    except CorpusError:
        return None
