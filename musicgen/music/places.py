"""Places as a musician writes them, `5-8` or `3:2.5`, to steps of a chorale and back to errors that say what there is.

Bars are counted as `Chorale.place` counts them, the pick-up as bar 0; beats are the meter's, a dotted quarter in 6/8, from 1.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from musicgen.errors import NotationError, pointing
from musicgen.music.bars import each_item, named_bars
from musicgen.music.chorale import STEPS_PER_QUARTER, Chorale
from musicgen.music.ensemble import BACHS_CHOIR
from musicgen.music.score import Meter

_PLACE = re.compile(r"\s*([0-9]{1,6})\s*:\s*([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*")
# Two digits after the point, as places are printed, tell all sixteenths apart: 1.33 is the second third of a beat of 6/8.
_PRINTED = Fraction(1, 100)


class _Bar(NamedTuple):
    """Steps [start, end); `lead`: what a pick-up lacks of a whole bar."""

    start: int
    end: int
    lead: int
    meter: Meter

    @property
    def beat_steps(self) -> Fraction:
        return self.meter.beat_quarters * STEPS_PER_QUARTER


def voice_letters(text: str) -> str:
    """`"bs"` -> `"SB"`: letters of a choir's voices, from the top."""
    return BACHS_CHOIR.letters_in(text)


def bar_spans(text: str, chorale: Chorale) -> list[tuple[int, int]]:
    """Steps [start, end) of each item of `5`, `5-8` or `2,5-8`; both bars of a range belong to it."""
    return each_item(text, lambda item: _bar_span(item, chorale))


def _bar_span(item: str, chorale: Chorale) -> tuple[int, int]:
    match = named_bars(item)
    first, last = int(match[1]), int(match[2] or match[1])
    with pointing(match.start(1), len(match[1])):
        start = _bar(first, chorale).start
    with pointing(match.start(2 if match[2] else 1), len(match[2] or match[1])):
        end = _bar(last, chorale).end
    if last < first:
        raise NotationError(f"bars {first}-{last} run backwards; write {last}-{first}")
    return start, end


def step_at(text: str, chorale: Chorale, is_end: bool = False) -> int:
    """The step of `3:2` or `3:2.5`, bar and beat. As an end, the first beat after the last bar is a place too."""
    match = _PLACE.fullmatch(text)
    if match is None:
        raise NotationError(f"{text!r} is no place; write bar and beat, like 3:2 or 3:2.5")
    number, beat = int(match[1]), Fraction(match[2])
    if is_end and beat == 1 and number == _last_bar(chorale) + 1:
        return chorale.steps
    with pointing(match.start(1), len(match[1])):
        bar = _bar(number, chorale)
    exact = (beat - 1) * bar.beat_steps - bar.lead
    step = bar.start + round(exact)
    ends_piece = is_end and step == chorale.steps and exact + bar.lead < chorale.bar_steps(bar.meter)
    if not (bar.start <= step < bar.end or ends_piece):
        raise NotationError(f"bar {number}, in {bar.meter}, has no beat {match[2]}; {_beats(bar)}").at(*match.span(2))
    if abs(exact - round(exact)) > _PRINTED * bar.beat_steps:
        raise NotationError(f"{text.strip()} lies between two sixteenths, the shortest value of a chorale; choose a place on one")
    return step


def _last_bar(chorale: Chorale) -> int:
    return len(chorale.bar_starts()) - (1 if chorale.pickup else 0)


def _bar(number: int, chorale: Chorale) -> _Bar:
    starts, first = chorale.bar_starts(), 0 if chorale.pickup else 1
    if not 0 <= number - first < len(starts):
        pickup = "; bar 0 is the pick-up" if chorale.pickup else ""
        raise NotationError(f"there is no bar {number}; the piece has bars {first} to {_last_bar(chorale)}{pickup}")
    start, end = [*starts, chorale.steps][number - first :][:2]
    meter = chorale.meter_at(max(start, chorale.pickup))
    return _Bar(start, end, chorale.bar_steps(meter) - chorale.pickup if number == 0 else 0, meter)


def _beats(bar: _Bar) -> str:
    first = 1 + bar.lead / bar.beat_steps
    last = 1 + (bar.lead + bar.end - bar.start - 1) // bar.beat_steps
    texts = [f"{float(beat):.2f}".rstrip("0").rstrip(".") for beat in (first, last)]
    return f"its beats are {texts[0]} to {texts[1]}" if first < last else f"its only beat is {texts[0]}"


def span_at(text: str, chorale: Chorale) -> tuple[int, int]:
    """Steps [start, end) of bars `5`, `5-8`, of a beat `3:2`, or from one place up to another `3:2-5:1`."""
    first, dash, last = text.replace("–", "-").partition("-")
    if ":" not in text:
        return _bar_span(text, chorale)
    start = step_at(first, chorale)
    if not dash:
        return start, min(start + beat_steps_at(start, chorale), chorale.steps)
    with pointing(len(first) + 1, len(last)):
        end = step_at(last, chorale, is_end=True)
    if end <= start:
        raise NotationError(f"{text.strip()} holds nothing; its end must come after its beginning")
    return start, end


def note_steps(text: str, count: int, chorale: Chorale) -> list[tuple[int, int]]:
    """[start, end) of each of `count` equal notes over a span; from a lone place `3:2` each lasts a beat."""
    if count < 1:
        raise NotationError(f"no notes are named for {text.strip()}; write at least one, like C4")
    start, end = span_at(text, chorale)
    if ":" in text and "-" not in text:
        end = start + count * (end - start)
        if end > chorale.steps:
            raise NotationError(f"{count} notes of a beat from {text.strip()} on reach beyond the end; name fewer")
    length = Fraction(end - start, count)
    if length.denominator != 1:
        raise NotationError(f"{count} notes do not divide {text.strip()}, {end - start} sixteenths, evenly; name another number")
    return [(start + index * int(length), start + (index + 1) * int(length)) for index in range(count)]


def beat_steps_at(step: int, chorale: Chorale) -> int:
    return beat_steps(chorale.meter_at(step))


def beat_steps(meter: Meter) -> int:
    """At least a step, where a beat is a thirty-second."""
    return max(1, int(meter.beat_quarters * STEPS_PER_QUARTER))
