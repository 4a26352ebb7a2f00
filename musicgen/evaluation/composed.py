"""The set by which composers are compared: sixty chorales of twelve bars from empty sketches, seed 1."""

from __future__ import annotations

from collections.abc import Callable

from musicgen.composers.composer import Composer
from musicgen.composers.plan import Plan, plan_sketch, with_cadences
from musicgen.music.chorale import Chorale
from musicgen.music.ensemble import BACHS_CHOIR

COUNT = 60
SEED = 1


def compose_set(
    composer: Composer,
    count: int = COUNT,
    seed: int = SEED,
    plan: Plan | None = None,
    on_progress: Callable[[float], None] = lambda share: None,
) -> list[Chorale]:
    """Piece number n, from 0, of the seed `seed` + n: key, pick-up, phrases and cadences as `musicgen compose` plans them."""
    seeds = range(seed, seed + count)
    ensemble = getattr(composer, "ensemble", BACHS_CHOIR)
    sketches = [with_cadences(plan_sketch(plan or Plan(), each, ensemble), each) for each in seeds]
    return composer.fill_many(sketches, seeds, on_progress)
