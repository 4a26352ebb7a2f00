"""Which piece a composer is asked about: a score of all its voices, a tune that it harmonizes now, or a piece that it composes now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from musicgen.composers.composer import Composer
from musicgen.composers.loading import ensemble_of
from musicgen.composers.plan import with_phrases
from musicgen.music.chorale import BoolArray, Chorale
from musicgen.music.region import read_region
from musicgen.music.score import Score
from musicgen.music.separate import greatest_chord, pitched_parts
from musicgen.music.sketch import Sketch
from musicgen.steering.remarks import PHRASES_ASSUMED, heard_on_grid
from musicgen.steering.request import Request
from musicgen.steering.tasks import named, prepare


@dataclass(frozen=True)
class Subject:
    """A whole piece, which cells the composer was free to choose (V, T), and what a user should know of how it came about."""

    chorale: Chorale
    free: BoolArray
    remarks: tuple[str, ...] = ()


def find_subject(composer: Composer, model: str, source: Path | None, score: Score | None, keep: str | None, seed: int) -> Subject:
    """`keep`: the voices that are given; of a score of all voices none if not said, of a tune the tune itself.

    A tune, one part of single notes, is harmonized as `musicgen harmonize` would with this seed; without a score a piece is composed, as
    `musicgen compose` would.
    """
    if score is None or source is None:
        chorale, _, _ = _written(composer, Request("compose", model=model, seed=seed))
        return Subject(chorale, _free(chorale, keep), (f"composed now, with seed {seed}",))
    with named(source):
        if _is_tune(score):
            request = Request("harmonize", str(source), keep=keep, model=model, seed=seed)
            chorale, free, remarks = _written(composer, request, score)
            return Subject(chorale, free, (*remarks, f"harmonized now, with seed {seed}"))
        region = read_region(score, ensemble_of(model))
        chorale = with_phrases(region.chorale)
        assumed = () if region.chorale.fermata.any() or not chorale.fermata.any() else (PHRASES_ASSUMED,)
        return Subject(chorale, _free(chorale, keep), (*score.remarks, *region.report, *heard_on_grid(region.heard), *assumed))


def _written(composer: Composer, request: Request, score: Score | None = None) -> tuple[Chorale, BoolArray, tuple[str, ...]]:
    assert request.seed is not None
    job = prepare(request, [request.seed], source=score)
    (ready,) = job.pieces
    sketch = ready.for_composer()
    return composer.fill(sketch, request.seed), sketch.free, tuple(job.remarks)


def _is_tune(score: Score) -> bool:
    parts = pitched_parts(score)
    return len(parts) == 1 and greatest_chord(score.parts[parts[0]]) == 1


def _free(chorale: Chorale, keep: str | None) -> BoolArray:
    if keep is None:
        return chorale.onset | True
    return Sketch.for_voices(chorale, chorale.ensemble.letters_in(keep)).free
