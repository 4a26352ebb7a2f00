"""What a user should know of a source before it is rewritten, a sentence each."""

from __future__ import annotations

from collections.abc import Sequence

from musicgen.music.chorale import Chorale
from musicgen.music.score import Score

HEARD = "what is kept is written as it was, but heard by the composer on the grid"
MOST_PLACES = 4  # that are told one by one
PHRASES_ASSUMED = "there are no fermatas: phrase ends were assumed; to choose, mark them with fermatas"


def remarks_on(score: Score, report: Sequence[str], heard: Sequence[str], chorale: Chorale, assumed: str = PHRASES_ASSUMED) -> list[str]:
    """`report`: how the voices were found; `heard`: where they are off the grid; `assumed`: what is said where nothing tells phrases."""
    is_told = chorale.fermata.any() or not chorale.ensemble.is_choir
    return [*score.remarks, *report, *heard_on_grid(heard), *([] if is_told else [assumed])]


def heard_on_grid(places: Sequence[str]) -> list[str]:
    """A sentence for each place where the composer hears another rhythm than is written, or one for all of many."""
    if len(places) <= MOST_PLACES:
        return [f"{HEARD}: {place}" for place in places]
    return [f"{HEARD}, in many places, the first: {places[0]}; --quantize moves what is written there too"]
