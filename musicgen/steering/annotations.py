"""What a report says, in the score itself: numerals and under them keys below the lowest staff, cadences above the top one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import lcm

from musicgen.errors import NotationError
from musicgen.music.chorale import STEPS_PER_QUARTER, Chorale
from musicgen.music.convert import nearest_step
from musicgen.music.phrases import Phrase, find_phrases, keys_to_cadences
from musicgen.music.resolution import rescaled
from musicgen.music.roman import find_numerals, key_letter
from musicgen.music.score import Score, TextAt


def marked(score: Score, chorale: Chorale) -> Score:
    """The score with marks for what `chorale`, the same music on the grid, is found to be; other parts may go on after it.

    A key's letter stands where the key begins.
    """
    phrases = find_phrases(chorale)
    found = [*_numerals(chorale, phrases), *_cadences(phrases)]
    steps = nearest_step(score, score.end)
    if any(mark.start >= steps for mark in found):
        raise NotationError(f"a score of {steps} sixteenths cannot be marked after a chorale of {chorale.steps}; use its own")
    score = rescaled(score, lcm(score.ticks_per_quarter, STEPS_PER_QUARTER))
    ticks_per_step = score.ticks_per_quarter // STEPS_PER_QUARTER
    marks = [replace(mark, start=mark.start * ticks_per_step) for mark in found]
    return replace(score, marks=tuple(sorted((*score.marks, *marks), key=lambda mark: mark.start)))


def _numerals(chorale: Chorale, phrases: Sequence[Phrase]) -> Iterator[TextAt]:
    """At steps; those of a cadence are in its key."""
    shown = None
    for numeral in find_numerals(chorale, keys_to_cadences(chorale, phrases)):
        letter = "" if numeral.key == shown else f"\n{key_letter(numeral.key)}:"
        yield TextAt(numeral.step, numeral.text + letter, is_above=False)
        shown = numeral.key


def _cadences(phrases: Sequence[Phrase]) -> Iterator[TextAt]:
    """At steps; an ending without a name of its own goes unmarked."""
    for phrase in phrases:
        if phrase.cadence.kind != "other":
            yield TextAt(phrase.cadence.step, f"{phrase.cadence.kind}, {phrase.key}")
