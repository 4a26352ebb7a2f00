"""Why a table of n-grams expects what it does: the contexts that were met at a cell, how often, and what followed them, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from musicgen.composers.contexts import (
    CLASSES,
    FARTHEST,
    FEATURES,
    INTERVALS,
    NONE,
    OCTAVE,
    RUNGS,
    SOUNDS,
    TOKENIZER,
    UNKNOWN_CLASS,
    UNKNOWN_INTERVAL,
    columns_of_sounds,
    columns_of_strikes,
)
from musicgen.composers.ngram_tables import Cells, Tables
from musicgen.models.ngram import Mixture
from musicgen.music.chorale import VOICES
from musicgen.music.pitch import Key, pitch_name

LIKELIEST = 3


@dataclass(frozen=True)
class Met:
    """A chain at a cell. known: the longest context met, feature by feature; times: how often it was, in the corpus or, if `recalled`, in
    the piece so far; power: how much its word counts; likeliest: what it expects; probability: of what is there."""

    asked: str
    view: str
    known: dict[str, str]
    times: int
    recalled: bool
    power: float
    likeliest: tuple[tuple[str, float], ...]
    probability: float

    def __str__(self) -> str:
        known = ", ".join(f"{name} {value}" for name, value in self.known.items()) or "nothing known"
        likeliest = ", ".join(f"{what} {chance:.0%}" for what, chance in self.likeliest)
        where = "in this piece" if self.recalled else "in the corpus"
        return f"{self.asked} ({self.view}; {known}): met {self.times} times {where}, then {likeliest}; power {self.power:.2f}"


@dataclass(frozen=True)
class Explanation:
    """A cell: what is there, how likely it was, what was likeliest, and the chains, those that count most first."""

    there: str
    probability: float
    likeliest: tuple[tuple[str, float], ...]
    met: tuple[Met, ...]

    def lines(self) -> list[str]:
        expected = ", ".join(f"{what} {chance:.0%}" for what, chance in self.likeliest)
        return [f"{self.there}: {self.probability:.1%}; expected: {expected}", *(str(each) for each in self.met)]


def explain_cell(tables: Tables, cells: Cells, at: int, key: Key) -> Explanation:
    """The cell number `at` of the cells of one piece."""
    log_p = tables.judge(cells)[at]
    struck, sound = bool(cells.struck[at]), int(cells.sound[at])
    one, own = cells.chosen(np.array([at])), int(cells.own[at])
    strikes, sounds = (earlier.part(at, at + 1) for earlier in tables.earlier(cells))
    names = [sound_text(rung, key) for rung in range(RUNGS)]
    met = _met(tables.rhythm, one, columns_of_strikes(1), strikes, "whether", ["held", "struck"], int(struck), key)
    if struck:
        met += _met(tables.pitch, one, columns_of_sounds(one.own), sounds, "what", names, sound, key)
    texts = [*names, *(f"{name} held" for name in names)]
    there = sound if struck else RUNGS + own
    return Explanation(
        texts[there],
        float(np.exp(log_p[there])),
        _likeliest(np.exp(log_p), texts),
        tuple(sorted(met, key=lambda each: -abs(each.power) * max(each.times, 1) ** 0.5)),
    )


def _met(mixture: Mixture, one: Cells, columns: Any, earlier: Any, asked: str, names: list[str], there: int, key: Key) -> list[Met]:
    found = mixture.find(one.features.astype(np.int64), columns, earlier)
    powers = mixture.powers(found, one.voice)[0]
    result = []
    for number, (view, features) in enumerate((*mixture.learned.chains, *mixture.recalled.chains)):
        known = features[: int(found.depth[0, number])]
        values = {name: value_text(name, int(one.features[0, list(FEATURES).index(name)]), key) for name in known}
        p = np.exp(found.log_p[0, number])
        recalled, times = number >= len(mixture.learned.chains), round(float(found.times[0, number]))
        result.append(Met(asked, view, values, times, recalled, float(powers[number]), _likeliest(p, names), float(p[there])))
    return result


def _likeliest(p: Any, names: list[str]) -> tuple[tuple[str, float], ...]:
    return tuple((names[index], float(p[index])) for index in np.argsort(-p, kind="stable")[:LIKELIEST])


def value_text(feature: str, value: int, key: Key) -> str:
    """A feature's value as a musician says it."""
    if feature == "voice":
        return VOICES[value]
    if feature.startswith("chord"):
        return "+".join(class_text(each, key, own=feature.endswith("own")) for each in range(OCTAVE) if value >> each & 1) or "none"
    size = FEATURES[feature]
    if size == SOUNDS:
        return sound_text(value, key)
    if size == INTERVALS:
        return "unknown" if value == UNKNOWN_INTERVAL else f"{value - FARTHEST:+d}"
    if size == CLASSES and feature.endswith("above.class"):
        return "unknown" if value == UNKNOWN_CLASS else f"+{value}"
    return class_text(value, key) if size == CLASSES else str(value)


def sound_text(rung: int, key: Key) -> str:
    if rung in (0, NONE):
        return "rest" if rung == 0 else "nothing"
    return pitch_name(rung - 1 + TOKENIZER.ladder.start + TOKENIZER.shift(key), key)


def class_text(value: int, key: Key, own: bool = False) -> str:
    """`own`: counted from the voice's last note."""
    if own:
        return f"{value}"
    return "rest" if value == UNKNOWN_CLASS else sound_text(value + 2 * OCTAVE, key).rstrip("0123456789-")
