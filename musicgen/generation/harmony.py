"""A chord chart over the bars of a piece, as what each place of the tokens may hold.

The chart is read as `compose --chords` reads it (music/chord_chart). B bars of tokens, P positions of the longest.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby

import numpy as np

from musicgen.errors import NotationError
from musicgen.generation.timeline import Timeline, TokenBar
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, Chorale
from musicgen.music.chord_chart import parse_chords
from musicgen.music.chords import ChordAt
from musicgen.music.pitch import Key
from musicgen.music.score import Meter, MeterAt
from musicgen.sampling.event_steering import Harmony
from musicgen.sampling.event_words import IntArray

MODES = ("strict", "loose")
ENDLESS = 1 << 20
_NUMERAL = re.compile(r"(?:^|[\s|,])[b#]?[IViv]+")


def make_harmony(text: str, mode: str, key: Key | None, timeline: Timeline, region: Sequence[int]) -> Harmony:
    """Of the token bars `region` of a timeline. A chart by bars begins with the region and is repeated to its end; places are the piece's.

    `strict`: every note that begins is of the chord and lasts only while it is; `loose`: those that begin on a beat are of the chord.
    """
    if key is None and _NUMERAL.search(text):
        raise NotationError(f"chords {text!r}: Roman numerals need a key; say one like 'A minor', or write chord symbols")
    bars = [timeline.bars[index] for index in region]
    if ":" in text:
        everything = list(range(region[-1] + 1))
        chords = parse_chords(text, _grid([timeline.bars[index] for index in everything], key))
        starts = _starts([timeline.bars[index] for index in everything])
        spans = [_moved(chord, -starts[region[0]]) for chord in chords if chord.end > starts[region[0]]]
    else:
        spans = _repeated(text, bars, key)
    return _harmony(spans, bars, mode, timeline.positions)


def _moved(chord: ChordAt, steps: int) -> ChordAt:
    return replace(chord, start=max(0, chord.start + steps), end=chord.end + steps)


def _repeated(text: str, bars: Sequence[TokenBar], key: Key | None) -> list[ChordAt]:
    """By bars, over and over."""
    words = re.findall(r"[^\s|]+|\|", text)
    length = sum(not is_line for is_line, _ in groupby(words, key=lambda word: word == "|")) if "|" in words else len(words)
    length = max(1, length)
    starts, spans = _starts(bars), []
    for first in range(0, len(bars), length):
        covered = list(bars[first : first + length])
        chart = [*covered, *covered[-1:] * (length - len(covered))]
        spans += [_moved(chord, starts[first]) for chord in parse_chords(text, _grid(chart, key))]
    return [replace(chord, end=min(chord.end, starts[-1])) for chord in spans if chord.start < starts[-1]]


def _starts(bars: Sequence[TokenBar]) -> list[int]:
    """In sixteenths; and the end."""
    lengths = [STEPS_PER_QUARTER * 4 * bar.beats // bar.unit for bar in bars]
    return [0, *np.cumsum(lengths).tolist()]


def _grid(bars: Sequence[TokenBar], key: Key | None) -> Chorale:
    """A silent chorale of these bars, for places to be looked up. Its first bar is a pick-up if it is the file's, shorter than the next."""
    starts = _starts(bars)
    meters = [Meter(bar.beats, bar.unit) for bar in bars]
    pickup = starts[1] if len(bars) > 1 and bars[0].start == 0 and meters[0].bar_quarters < meters[1].bar_quarters else 0
    changes = [MeterAt(start, meter) for start, meter, before in zip(starts, meters, [None, *meters], strict=False) if meter != before]
    if pickup:
        changes = [MeterAt(0, meters[1]), *(change for change in changes[1:] if change.meter != meters[1] or change.start > pickup)]
    silent = np.full((1, starts[-1]), REST), np.zeros((1, starts[-1]), dtype=bool), np.zeros(starts[-1], dtype=bool)
    silent[1][0, 0] = True
    return Chorale(*silent, meters=tuple(changes), key=key or Key(), pickup=pickup)


def _harmony(chords: Sequence[ChordAt], bars: Sequence[TokenBar], mode: str, positions: int) -> Harmony:
    most = max(bar.beats for bar in bars) * positions
    classes = np.ones((len(bars), most, 12), dtype=bool)
    room = np.full((len(bars), most, 12), ENDLESS, dtype=np.int64)
    starts, begins = _starts(bars), [chord.start for chord in chords]
    leaves = _leaves(chords)
    for number, bar in enumerate(bars):
        step = Fraction(16, bar.unit * positions)  # sixteenths
        beat = Meter(bar.beats, bar.unit).beat_quarters * STEPS_PER_QUARTER
        for position in range(bar.beats * positions):
            place = starts[number] + position * step
            index = bisect_right(begins, place) - 1
            if index < 0 or place >= chords[index].end or (mode == "loose" and (position * step) % beat):
                continue
            classes[number, position] = [pitch_class in chords[index].classes for pitch_class in range(12)]
            if mode == "strict":
                exact = leaves[index] * place.denominator - place.numerator
                room[number, position] = np.maximum(1, exact * step.denominator // (step.numerator * place.denominator))
    return Harmony(classes, room)


def _leaves(chords: Sequence[ChordAt]) -> IntArray:
    """(C, 12) the sixteenth at which each pitch class of each chord is no longer of the chord; far away if nothing is asked after it."""
    leaves = np.full((len(chords), 12), ENDLESS, dtype=np.int64)
    for index in range(len(chords) - 2, -1, -1):
        chord, after = chords[index], chords[index + 1]
        if after.start > chord.end:
            continue
        for pitch_class in range(12):
            leaves[index, pitch_class] = leaves[index + 1, pitch_class] if pitch_class in after.classes else after.start
    return leaves
