"""Several answers to one request: distinct, each with the seed that gives it again, the best first.

Shapes: V voices, T steps.

The score of an alternative is the mean log-probability of a free cell in a judge's eyes, less a penalty for what it does more often than
Bach, and for what it copies:

    score = -nats per free cell - sum of WEIGHTS x what a rate exceeds Bach's by - COPIED x slices from the LIMIT on, of the longest shared

Measured by benchmarks/ranking.py on the 75 sopranos of the valid split, eight harmonizations each by the flagship (the weights were chosen
on 40 of them, and hold on the others):
- The first in rank has 29.5 % of its pitches in common with Bach's own setting, the mean draw 26.7 % (difference: 1.5 to 4.0), and with
  nats of deepbach 29.2 %. Voices cross in 2.1 % of its slices instead of 3.6 %, and next to no parallels are left.
- Bach's own setting comes before all eight draws in 76 % of the pieces by nats of deepbach (chance: 11 %), and never by the flagship's own:
  draws at a temperature below 1 are likelier to their author than Bach is. To rank music of several authors, take another `judge`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import numpy as np

from musicgen.composers.composer import Composer
from musicgen.errors import ConfigError, NotationError
from musicgen.evaluation.copying import LIMIT, CopyIndex
from musicgen.evaluation.style import MEASURES
from musicgen.music.chorale import Chorale
from musicgen.music.sketch import Sketch
from musicgen.music.voice_leading import counts

# Per unit of the measure of that name in `evaluation.style`. Among draws of one sketch, nats per free cell vary by 0.036.
WEIGHTS = {"parallel fifths": 0.02, "parallel octaves": 0.02, "crossed slices": 0.002, "overlaps": 0.002}
COPIED = 0.05
NATS, SHARED = "nats per free cell", "slices shared with a piece that was learned"
DRAWS_EACH = 4  # seeds that are tried for each alternative asked
MOSTLY = 0.9


SketchOf = Callable[[int], Sketch]
"""Of a seed."""
Accepts = Callable[[int, Sketch, Chorale], bool]
"""Whether a seed's chorale will do at all."""


@dataclass(frozen=True, eq=False)
class Alternative:
    """`composer.fill(sketch, seed)`, of the seed's own sketch, gives this chorale.

    parts: what its score was made of; no score if it was not asked to be ranked.
    """

    chorale: Chorale
    seed: int
    score: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)


def alternatives(
    composer: Composer,
    sketch: Sketch | SketchOf,
    seed: int,
    count: int,
    rank: bool = True,
    distinct: float = 0.1,
    originality: CopyIndex | None = None,
    on_progress: Callable[[float], None] = lambda share: None,
    judge: Composer | None = None,
    accepts: Accepts = lambda seed, sketch, chorale: True,
    draws_each: int = DRAWS_EACH,
) -> list[Alternative]:
    """The best first, or by seed if not to be ranked. Any two differ, in pitch or onset, in a share `distinct` of the free cells at least.

    `sketch`: of them all, or of each seed; a later seed whose sketch has no room for what is asked (NotationError) is passed over.
    Seeds count up from `seed`. What is not accepted or too like an earlier one is passed over, and more are drawn, up to `draws_each`
    times as many as asked: where the sketch does not leave enough freedom, fewer are returned (`too_few` says so). Nats are of `judge`,
    the composer itself if not said; of one that states none, voice leading and originality alone make the score.
    """
    sketch_of = cache(_same(sketch) if isinstance(sketch, Sketch) else sketch)
    _check(sketch_of(seed), count, distinct, rank)
    seeds = range(seed, seed + draws_each * count)
    drawn = _distinct(composer, sketch_of, seeds, count, accepts, distinct, on_progress)
    found = [Alternative(chorale, each) for each, chorale in drawn]
    if not rank:
        return found
    ranked = [rated(each, sketch_of(each.seed), judge or composer, originality) for each in found]
    return sorted(ranked, key=lambda each: -cast(float, each.score))


def too_few(found: Sequence[Alternative], count: int, distinct: float) -> str:
    """A sentence if fewer were found than asked; else nothing."""
    if len(found) >= count:
        return ""
    return (
        f"only {len(found)} of {count} alternatives were found that differ in {100 * distinct:.3g} % of the free notes' time; "
        "free more, or let them be more alike"
    )


def difference(sketch: Sketch, one: Chorale, other: Chorale) -> float:
    """The share of the free cells that differ in pitch or onset; 1 for pieces of two lengths."""
    if one.pitch.shape != other.pitch.shape:
        return 1.0
    differs = (one.pitch != other.pitch) | (one.onset != other.onset)
    return float(differs[sketch.free].mean())


def _same(sketch: Sketch) -> SketchOf:
    return lambda seed: sketch


def _check(sketch: Sketch, count: int, distinct: float, rank: bool) -> None:
    if count < 1:
        raise ConfigError(f"{count} alternatives: at least 1")
    if not 0 <= distinct <= 1:
        raise ConfigError(f"alternatives that differ in a share of {distinct}: from 0, all are taken, to 1, no cell alike")
    if not sketch.free.any():
        raise NotationError("nothing is free in this sketch, so that it has no alternatives; free some notes")
    if rank and not sketch.given.ensemble.is_choir:
        raise NotationError(f"alternatives are ranked beside Bach's four voices, these are {sketch.given.ensemble}; ask for them unranked")


def _distinct(
    composer: Composer,
    sketch_of: SketchOf,
    seeds: Sequence[int],
    count: int,
    accepts: Accepts,
    distinct: float,
    on_progress: Callable[[float], None],
) -> list[tuple[int, Chorale]]:
    """Seed and chorale of the first that are unlike all before; as many as are missing are drawn together, over and over."""
    found: list[tuple[int, Chorale]] = []
    drawn, rest = 0, 1.0
    while len(found) < count and drawn < len(seeds):
        tried = seeds[drawn : drawn + count - len(found)]
        sketches = dict(_with_room(sketch_of, tried))
        filled = composer.fill_many(list(sketches.values()), list(sketches), _most_of(on_progress, rest)) if sketches else []
        for (each, sketch), chorale in zip(sketches.items(), filled, strict=True):
            if accepts(each, sketch, chorale) and all(difference(sketch, chorale, other) >= distinct for _, other in found):
                found.append((each, chorale))
        drawn, rest = drawn + len(tried), rest * (1 - MOSTLY)
    on_progress(1.0)
    return found


def _with_room(sketch_of: SketchOf, seeds: Iterable[int]) -> Iterator[tuple[int, Sketch]]:
    for seed in seeds:
        with suppress(NotationError):
            yield seed, sketch_of(seed)


def _most_of(on_progress: Callable[[float], None], rest: float) -> Callable[[float], None]:
    """Of the rest, MOSTLY goes to the draws at hand: seldom are more needed."""
    return lambda share: on_progress(1 - rest + rest * MOSTLY * share)


# --- the score


def rated(alternative: Alternative, sketch: Sketch, judge: Composer, originality: CopyIndex | None = None) -> Alternative:
    """With its score and what that is made of."""
    parts, score = {}, 0.0
    for name, value, points in _parts(alternative.chorale, sketch, judge, originality):
        parts[name] = value
        score += points
    return Alternative(alternative.chorale, alternative.seed, score, parts)


def _parts(chorale: Chorale, sketch: Sketch, judge: Composer, originality: CopyIndex | None) -> Iterator[tuple[str, float, float]]:
    """Name, value, and what it adds to the score."""
    nats = _nats_per_free_cell(chorale, sketch, judge)
    if nats is not None:
        yield NATS, nats, -nats
    counted = counts(chorale)
    for measure in MEASURES:
        if measure.events in WEIGHTS:
            rate = measure.scale * counted[measure.events] / max(1, counted[measure.chances])
            yield measure.name, rate, -WEIGHTS[measure.events] * max(0.0, rate - measure.bach.value)
    if originality is not None:
        run = originality.longest_run(chorale)
        shared = run.slices if run else 0
        yield SHARED, shared, -COPIED * max(0, shared - LIMIT + 1)


def _nats_per_free_cell(chorale: Chorale, sketch: Sketch, judge: Composer) -> float | None:
    """Of the free cells given the others if the judge can say so, else as they are in the whole piece; None if it states none."""
    model = cast(Any, judge)
    if hasattr(judge, "nats_of_free"):
        nats = model.nats_of_free(sketch, chorale).nats
    elif hasattr(judge, "nats"):
        nats = model.nats(chorale).nats
    else:
        return None
    return float(np.mean(nats[sketch.free], dtype=np.float64))
