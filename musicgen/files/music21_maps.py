"""Bars, meters, keys and tempos of music21 streams, by their start in quarters."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from typing import Any

from music21 import key, meter, stream, tempo
from music21.common.numberTools import opFrac

from musicgen.errors import FileError, NotationError
from musicgen.music.pitch import Key
from musicgen.music.score import Meter

_MINOR_MODES = ("minor", "aeolian", "dorian", "phrygian", "locrian")

Path = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class RawBar:
    start: Fraction
    length: Fraction


def quarters(value: Any) -> Fraction:
    return Fraction(opFrac(value))


def decimal(value: Fraction) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".")


def measures(part: Any) -> list[Any]:
    return list(part.getElementsByClass(stream.Measure)) or [part]


def changes(values: dict[Fraction, Any]) -> list[tuple[Fraction, Any]]:
    """Sorted, less those that repeat what already holds."""
    ordered = sorted(values.items())
    return [item for index, item in enumerate(ordered) if index == 0 or ordered[index - 1][1] != item[1]]


def bars_of(streams: Sequence[Any]) -> list[RawBar]:
    """Of the part with the most; a bar reaches to the next one, the last as far as its notes."""
    longest = max(streams, key=lambda part: len(measures(part)))
    bars = measures(longest)
    starts = [quarters(each.offset) if each is not longest else Fraction(0) for each in bars]
    ends = [*starts[1:], starts[-1] + quarters(bars[-1].highestTime)]
    return [RawBar(start, end - start) for start, end in zip(starts, ends, strict=True) if end > start]


def irregular_bars(bars: Sequence[RawBar], signatures: dict[Fraction, Meter]) -> tuple[dict[Fraction, Meter], Fraction]:
    """Meters by start, and the pick-up. A bar shorter than its meter, unless the next completes it, makes the next begin a meter again."""
    current = signatures[min(signatures)] if signatures else Meter()
    pickup = bars[0].length if len(bars) > 1 and bars[0].length < current.bar_quarters else Fraction(0)
    meters = {Fraction(0): current}
    filled = Fraction(0)
    for each in bars[1:] if pickup else bars:
        signature = _in_force(each, signatures)
        if (signature is not None and signature != current) or (filled and filled + each.length > current.bar_quarters):
            current = signature or current
            meters[each.start] = current
            filled = Fraction(0)
        longer = _longer_meter(each.length, current)
        if longer is not None and not filled and each is not bars[-1]:
            meters[each.start] = longer
            meters[each.start + each.length] = current
        else:
            filled = (filled + each.length) % current.bar_quarters
    return meters, pickup


def _in_force(each: RawBar, signatures: dict[Fraction, Meter]) -> Meter | None:
    starts = sorted(signatures)
    index = bisect_right(starts, each.start) - 1
    return signatures[starts[index]] if index >= 0 else None


def _longer_meter(length: Fraction, current: Meter) -> Meter | None:
    beats = length * current.unit / 4
    if length <= current.bar_quarters or beats.denominator != 1 or beats > 64:
        return None
    return Meter(int(beats), current.unit)


# --- meters, keys, tempos


def _found(streams: Sequence[Any], kind: type) -> list[tuple[Fraction, Any]]:
    return [
        (quarters(element.getOffsetInHierarchy(part)), element) for part in streams for element in part.recurse().getElementsByClass(kind)
    ]


def meters_of(streams: Sequence[Any], path: Path) -> dict[Fraction, Meter]:
    meters: dict[Fraction, Meter] = {}
    for start, found in _found(streams, meter.TimeSignature):
        try:
            meters.setdefault(start, Meter(found.numerator, found.denominator))
        except NotationError as error:
            raise FileError(path, f"quarter {decimal(start)}: {error}") from error
    return meters


def keys_of(streams: Sequence[Any], path: Path, last_bass: int) -> dict[Fraction, Key]:
    """A signature with its mode goes before one without."""
    keys: dict[Fraction, Key] = {}
    with_mode: set[Fraction] = set()
    for start, found in _found(streams, key.KeySignature):
        if found.sharps is None or start in with_mode or (start in keys and not isinstance(found, key.Key)):
            continue
        if abs(found.sharps) > 7:
            raise FileError(path, f"quarter {decimal(start)}: a key of {abs(found.sharps)} signs, at most 7 can be written")
        if isinstance(found, key.Key):
            with_mode.add(start)
            keys[start] = Key(found.sharps, "minor" if found.mode in _MINOR_MODES else "major")
        else:
            minor = Key(found.sharps, "minor")
            keys[start] = minor if last_bass % 12 == minor.tonic else Key(found.sharps)
    return keys


def tempos_of(streams: Sequence[Any], path: Path) -> dict[Fraction, float]:
    """Numbers only: a word such as Allegro says no tempo."""
    tempos: dict[Fraction, float] = {}
    for start, mark in _found(streams, tempo.MetronomeMark):
        per_minute = None if mark.numberImplicit else mark.getQuarterBPM()
        if per_minute is None:
            continue
        if not 1 <= per_minute <= 2000:
            raise FileError(path, f"quarter {decimal(start)}: a tempo of {per_minute:g}; 1 to 2000 quarters a minute are read")
        tempos[start] = float(per_minute)
    return tempos
