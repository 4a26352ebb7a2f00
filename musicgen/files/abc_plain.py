"""The plainest ABC read directly, a hundred times as fast as through music21: one voice of notes, rests, ties and bars, as collections of
folk tunes have them by the thousand. Whatever else stands in a tune makes it not plain, and music21 has to read it.

An accidental holds to the barline, as the standard says and abc2midi does; music21 often forgets it after its first note.
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import lcm

from musicgen.errors import MusicgenError
from musicgen.files.abc_text import title
from musicgen.music.pitch import Key
from musicgen.music.score import KeyAt, Meter, MeterAt, Note, Part, Score

_FIELDS = frozenset("XTNORSCZBHADFGMLK")  # those that say nothing of the notes, and at the end those that are read
_TOKEN = re.compile(
    r"(?P<sound>((?P<accidental>\^\^|__|\^|_|=)?(?P<letter>[A-Ga-g])(?P<octaves>[,']*)|z)(?P<count>\d*)(?P<slashes>/*)(?P<divisor>\d*)(?P<tie>-?))"
    r"|(?P<bar>\|\]|\|\||\|)|[ \t\n]+"
)
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ALTERED = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
_SHARPS = "FCGDAEB"
_KEYS = {
    name: fifths for fifths, name in enumerate(("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#"), -7)
}
_LONGEST = 128

Sounding = tuple[Fraction, Fraction, int]  # start, length, pitch


def plain_score(text: str) -> Score | None:
    """The score of one tune, None if it is not plain."""
    fields, body = _parts(text)
    key, meter, unit = _key(fields.get("K", "")), _meter(fields.get("M", "")), _unit(fields.get("L", ""))
    if key is None or meter is None or unit is None:
        return None
    found = _read(body, _alterations(key), 4 * unit)
    if found is None or not found[0]:
        return None
    notes, bars = found
    full = meter.bar_quarters
    bars = [part for bar in bars for part in [*[full] * int(bar // full), *([bar % full] if bar % full else [])]]  # a line may end a bar
    pickup = bars[0] if len(bars) > 1 and bars[0] < full else Fraction(0)
    starts = _meter_starts(bars[1:] if pickup else bars, pickup, full)
    ticks = lcm(
        *(value.denominator for start, length, _ in notes for value in (start, length)), *(start.denominator for start in starts), 4
    )
    part = Part("Part 1", tuple(Note(int(start * ticks), int(length * ticks), pitch) for start, length, pitch in notes))
    meters = tuple(MeterAt(int(start * ticks), meter) for start in starts)
    return Score((part,), ticks, meters, (KeyAt(0, key),), pickup=int(pickup * ticks), title=title(text))


def _parts(text: str) -> tuple[dict[str, str], str]:
    """The first field of each letter up to K:, and the music after it. A field that is not known, or comes later, ends the reading."""
    fields: dict[str, str] = {}
    lines = text.splitlines()
    for number, line in enumerate(lines):
        letter, colon, value = line.partition(":")
        if colon and letter in _FIELDS:
            fields.setdefault(letter, value.strip())
        elif line.strip():
            return {}, line
        if letter == "K" and colon:
            return fields, "\n".join(line for line in lines[number + 1 :] if not line.startswith("%"))
    return {}, ""


def _key(text: str) -> Key | None:
    match = re.fullmatch(r"([A-G][b#]?)(m?)", text)
    if match is None or match[1] not in _KEYS:
        return None
    fifths = _KEYS[match[1]] - (3 if match[2] else 0)
    return Key(fifths, "minor" if match[2] else "major") if abs(fifths) <= 7 else None


def _meter(text: str) -> Meter | None:
    try:
        return Meter.parse({"C": "4/4", "C|": "2/2"}.get(text, text))
    except MusicgenError:
        return None


def _unit(text: str) -> Fraction | None:
    match = re.fullmatch(r"1/(1|2|4|8|16|32)", text)
    return Fraction(1, int(match[1])) if match else None


def _alterations(key: Key) -> dict[str, int]:
    """Letter -> what the signature does to it."""
    letters = _SHARPS[: key.fifths] if key.fifths > 0 else _SHARPS[key.fifths :] if key.fifths < 0 else ""
    return {letter: 1 if key.fifths > 0 else -1 for letter in letters}


def _read(body: str, signature: dict[str, int], unit: Fraction) -> tuple[list[Sounding], list[Fraction]] | None:
    """The notes, ties joined, and the lengths of the bars as they are written. None for a letter that is not plain."""
    notes: list[Sounding] = []
    bars, altered = [Fraction(0)], dict[str, int]()
    now, at, is_tied = Fraction(0), 0, False
    while at < len(body):
        match = _TOKEN.match(body, at)
        if match is None:
            return None
        at = match.end()
        if match["bar"]:
            bars.append(Fraction(0))
            altered = {}
        if match["sound"] is None:
            continue
        length = unit * _length(match["count"], match["slashes"], match["divisor"])
        pitch = _pitch(match["accidental"], match["letter"], match["octaves"], signature, altered) if match["letter"] else None
        if not 0 < length <= _LONGEST or (is_tied and notes[-1][2] != pitch) or not 0 <= (pitch or 0) <= 127:
            return None
        if is_tied:
            start, before, _ = notes.pop()
            notes.append((start, before + length, pitch or 0))
        elif pitch is not None:
            notes.append((now, length, pitch))
        is_tied = bool(match["tie"])
        now += length
        bars[-1] += length
    return None if is_tied else (notes, [length for length in bars if length])


def _length(count: str, slashes: str, divisor: str) -> Fraction:
    """`2`, `3/2`, `/`, `//`; 0 for what is no length."""
    if (divisor and len(slashes) != 1) or len(count + divisor) > 6 or len(slashes) > 5 or divisor == "0":
        return Fraction(0)
    return Fraction(int(count or 1), int(divisor) if divisor else 2 ** len(slashes))


def _pitch(accidental: str | None, letter: str, octaves: str, signature: dict[str, int], altered: dict[str, int]) -> int:
    """`C` is middle C, `c` an octave above it. An accidental is remembered for its letter, in all octaves, until `altered` is emptied."""
    step = letter.upper()
    if accidental:
        altered[step] = _ALTERED[accidental]
    octave = letter.islower() + octaves.count("'") - octaves.count(",")
    return 60 + 12 * octave + _STEPS[step] + altered.get(step, signature.get(step, 0))


def _meter_starts(bars: list[Fraction], start: Fraction, full: Fraction) -> list[Fraction]:
    """Where the meter is said again, since a bar before was short: as `music21_maps.irregular_bars` does. The last bar may be short."""
    starts, filled = [Fraction(0)], Fraction(0)
    for length in bars:
        if filled and filled + length > full:
            starts.append(start)
            filled = Fraction(0)
        filled = (filled + length) % full
        start += length
    return starts
