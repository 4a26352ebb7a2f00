"""The church modes, as scales for a while or for a whole piece, over the major or minor key that a model knows them by."""

from __future__ import annotations

import re

from musicgen.errors import NotationError, nearest
from musicgen.music.constraints import Scale
from musicgen.music.pitch import Key

# Semitones above the final. Dorian and aeolian have the raised leading note of their cadences too, as music in them does.
MODES = {
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10, 11),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10, 11),
}
_MAJOR_THIRD = 4
_NAMED = re.compile(r"\s*([A-Ga-g][#b-]?)\s+([a-z]{3,})\s*", re.IGNORECASE)


def key_of(text: str) -> Key:
    """`G minor` itself; of `D dorian` the key with its final and its third, D minor."""
    final, mode = _final_and_mode(text)
    if mode is None:
        return Key.parse(text)
    return Key.parse(f"{final} {'major' if _MAJOR_THIRD in MODES[mode] else 'minor'}")


def is_mode(text: str) -> bool:
    """Whether it names a church mode, not a key."""
    return _final_and_mode(text)[1] is not None


def scale_of(text: str, start: int, end: int) -> Scale:
    """The notes of `D minor`, or of `D dorian`, in steps [start, end)."""
    key, (_, mode) = key_of(text), _final_and_mode(text)
    if mode is None:
        return Scale.of_key(key, start, end)
    return Scale(start, end, frozenset((key.tonic + above) % 12 for above in MODES[mode]), f"{key.tonic_name} {mode}", key)


def _final_and_mode(text: str) -> tuple[str, str | None]:
    match = _NAMED.fullmatch(text)
    if match is None or match[2].lower() in ("major", "minor", "maj", "min"):
        return text, None
    if match[2].lower() not in MODES:
        known = nearest(match[2].lower(), MODES)
        raise NotationError(f"{text!r} is no key; write like 'G major', 'F# minor', 'Bb' or 'd', or a mode: {known}")
    return match[1].upper()[0] + match[1][1:], match[2].lower()
