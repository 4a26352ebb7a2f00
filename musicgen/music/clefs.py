"""Clefs by name: `C1` and `soprano`, `treble8`, `S=C1 A=C3 T=C4 B=F4`, and `c`, those of Bach's own scores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from musicgen.errors import ConfigError, nearest
from musicgen.music.score import Clef, Score

BACHS = ("C1", "C3", "C4", "F4")
_NAMES: Mapping[str, str] = {
    "treble": "G2",
    "soprano": "C1",
    "mezzo": "C2",
    "alto": "C3",
    "tenor": "C4",
    "baritone": "F3",
    "bass": "F4",
    "treble8": "G8",
    "french": "G1",
}
_SETS: Mapping[str, tuple[str, ...]] = {"c": BACHS, "bach": BACHS, "old": BACHS, "modern": ("G2", "G2", "G8", "F4")}
_LINES = {"G": (1, 2), "C": (1, 2, 3, 4, 5), "F": (3, 4, 5)}
_EXAMPLE = "write c for soprano, alto, tenor and bass clefs, or like S=C1 A=C3 T=C4 B=F4"


def parse_clef(text: str) -> Clef:
    """`G2` `C1` `F4`, with `8` an octave lower: `G8`, `G2-8`; or by name."""
    code = _NAMES.get(text.strip().casefold(), text.strip().upper())
    match = re.fullmatch(r"([GCF])([1-5])?(-?8)?", code)
    line = int(match[2] or {"G": 2, "C": 3, "F": 4}[match[1]]) if match else 0
    if match is None or line not in _LINES[match[1]]:
        raise ConfigError(f"{text!r} is no clef; {nearest(text, (*_NAMES, 'C1', 'C3', 'C4', 'F4', 'G2', 'G8'))}")
    return match[1], line, -1 if match[3] else 0


def with_clefs(score: Score, asked: str) -> Score:
    """The parts in other clefs: a set for four voices, or one each for parts by first letter, number or name. The others keep theirs."""
    found = _SETS.get(asked.strip().casefold())
    if found is not None:
        if len(score.parts) != len(found):
            raise ConfigError(
                f"the clefs {asked!r} are for four voices, this score has {len(score.parts)}; name them one by one, like 1=C1"
            )
        wanted = dict(enumerate(found))
    else:
        wanted = dict(_asked(word, score) for word in re.split(r"[,\s]+", asked.strip()))
    parts = (replace(part, clef=parse_clef(wanted[index])) if index in wanted else part for index, part in enumerate(score.parts))
    return replace(score, parts=tuple(parts))


def check_clefs(asked: str) -> None:
    """Refuses what names no clefs for any score: call it before a long computation."""
    if asked.strip().casefold() in _SETS:
        return
    for word in re.split(r"[,\s]+", asked.strip()):
        name, equals, clef = word.partition("=")
        if not (name and equals and clef):
            raise ConfigError(f"the clefs {asked!r} are not understood; {_EXAMPLE}")
        parse_clef(clef)


def _asked(word: str, score: Score) -> tuple[int, str]:
    """Index of the part, and its clef."""
    wanted, _, clef = word.partition("=")
    names = [part.name.casefold() for part in score.parts]
    matching = [index for index, name in enumerate(names) if name.replace(" ", "") == wanted.casefold()]
    matching = matching or [index for index, name in enumerate(names) if len(wanted) == 1 and name.startswith(wanted.casefold())]
    if not matching and wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        matching = [int(wanted) - 1]
    if len(matching) != 1:
        there = ", ".join(f"{index + 1} {part.name}" for index, part in enumerate(score.parts))
        raise ConfigError(f"{word!r} names {len(matching) or 'no'} part{'s' * (len(matching) > 1)}; the parts are {there}")
    return matching[0], clef
