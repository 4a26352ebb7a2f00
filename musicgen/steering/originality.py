"""Originality: a draw that shares too long a run with a training piece is refused, and drawn anew with a seed that follows.

Only slices count in which something was free: what is given is nobody's copy. A run that is kept from its source breaks there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from musicgen.corpus.store import load_corpus
from musicgen.errors import CorpusError, NotationError
from musicgen.evaluation.copying import CopyIndex, SharedRun
from musicgen.music.chorale import Chorale
from musicgen.music.score import counted
from musicgen.music.sketch import Sketch
from musicgen.steering.request import Request

LEARNED_FROM = "bach-chorales"
DRAWS_EACH = 10  # seeds that are tried for each piece asked


@dataclass(frozen=True, eq=False)
class Originality:
    """Pieces that share `limit` slices or more with one of the index are refused; `name`: the option, for errors."""

    index: CopyIndex
    limit: int
    name: str = "original"

    @classmethod
    def of(cls, request: Request) -> Originality | None:
        """What a request asks; refused where no corpus is here to compare with."""
        if request.original is None:
            return None
        try:
            learned = load_corpus(LEARNED_FROM)
        except CorpusError as error:
            raise CorpusError(f"{request.where('original')}: needs the pieces that a model may have copied; {error}") from None
        return cls(CopyIndex(learned.pieces("train")), request.original, request.where("original"))

    def shared(self, sketch: Sketch, chorale: Chorale) -> SharedRun | None:
        """The longest run among the slices that are written anew."""
        return self.index.longest_run(chorale, np.any(sketch.free, axis=0))


@dataclass(eq=False)
class Search:
    """Judges draws one by one, and remembers what each of them shares, by its seed."""

    originality: Originality | None
    shared: dict[int, SharedRun | None] = field(default_factory=dict)

    def accepts(self, seed: int, sketch: Sketch, chorale: Chorale) -> bool:
        if self.originality is None:
            return True
        run = self.originality.shared(sketch, chorale)
        self.shared[seed] = run
        return run is None or run.slices < self.originality.limit

    @property
    def refused(self) -> Mapping[int, SharedRun]:
        limit = self.originality.limit if self.originality else 0
        return {seed: run for seed, run in self.shared.items() if run and run.slices >= limit}

    def remark(self) -> str:
        """How often something was drawn anew, and for what; nothing if never."""
        if self.originality is None or not self.refused:
            return ""
        return f"{self._said()}, and {'was' if len(self.refused) == 1 else 'were'} drawn anew"

    def too_few(self, found: int, count: int) -> str:
        """A sentence if fewer were found than asked; else nothing."""
        return f"only {found} of {counted(count, 'piece')} could be had in {counted(len(self.shared), 'draw')}" if found < count else ""

    def check_found(self, found: int) -> None:
        """Refuses the request where every draw was refused."""
        if self.originality is None or found or not self.refused:
            return
        remedy = "allow more slices, free more notes, or choose another seed or model"
        raise NotationError(f"{self.originality.name} {self.originality.limit}: all draws are refused; {self._said()}; {remedy}")

    def _said(self) -> str:
        assert self.originality is not None
        refused, limit = self.refused, self.originality.limit
        longest = max(refused.values(), key=lambda run: run.slices)
        seeds = f"seed {min(refused)}" if len(refused) == 1 else f"seeds {min(refused)} to {max(refused)}"
        shares = "shares" if len(refused) == 1 else "share"
        return (
            f"{len(refused)} of {counted(len(self.shared), 'draw')} ({seeds}) {shares} {counted(limit, 'slice')} or more "
            f"with a piece that was learned, the longest {longest}"
        )
