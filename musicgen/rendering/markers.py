"""Markers for sequencers: where each phrase begins, and how it ends, `phrase 2` and `half cadence, G major`. Knows no files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import lcm

import numpy as np

from musicgen.errors import NotationError
from musicgen.music.chorale import STEPS_PER_QUARTER, Chorale
from musicgen.music.convert import to_chorale
from musicgen.music.phrases import find_phrases
from musicgen.music.resolution import rescaled
from musicgen.music.score import Score, TextAt


def with_markers(score: Score) -> Score:
    """The score with its phrases as marks; as it is where nothing tells their ends, or no voices can be told apart.

    A place that has words over it already keeps those alone.
    """
    if not score.phrase_ends and not any(note.fermata for part in score.parts for note in part.notes):
        return score
    try:
        chorale = _with_ends(to_chorale(score).chorale, score)
    except NotationError:
        return score
    score = rescaled(score, lcm(score.ticks_per_quarter, STEPS_PER_QUARTER))
    taken = {mark.start for mark in score.marks if mark.is_above}
    ticks_per_step = score.ticks_per_quarter // STEPS_PER_QUARTER
    found = (replace(mark, start=mark.start * ticks_per_step) for mark in _marks(chorale))
    marks = (*score.marks, *(mark for mark in found if mark.start not in taken))
    return replace(score, marks=tuple(sorted(marks, key=lambda mark: mark.start)))


def _with_ends(chorale: Chorale, score: Score) -> Chorale:
    """With a fermata on the top voice's note at each end of a phrase."""
    fermata, begins = chorale.fermata.copy(), np.flatnonzero(chorale.onset[0])
    for tick in score.phrase_ends:
        fermata[begins[begins * score.ticks_per_quarter <= tick * STEPS_PER_QUARTER][-1:]] = True
    return chorale.replaced(fermata=fermata)


def _marks(chorale: Chorale) -> Iterator[TextAt]:
    """At steps; an ending that has no name goes unmarked."""
    for number, phrase in enumerate(find_phrases(chorale), 1):
        cadence = phrase.cadence
        if cadence.step > phrase.start:
            yield TextAt(phrase.start, f"phrase {number}")
        if cadence.kind != "other":
            yield TextAt(cadence.step, f"{cadence.kind} cadence, {phrase.key}")
