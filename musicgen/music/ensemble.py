"""Ensemble: what a corpus says of its voices, top to bottom: what each is called, and how low and how high it goes.

Bach's choir is one of them, the usual one. Whoever knows no more than how many voices there are has a numbered one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from musicgen.errors import CheckpointError, ConfigError, NotationError
from musicgen.music.instruments import clef_of, program_of
from musicgen.music.score import Clef

Range = tuple[int, int]

CHOIR_NAMES = ("soprano", "alto", "tenor", "bass")
CHOIR_LETTERS = "SATB"
# Lowest and highest note of each voice over the 391 distinct Bach chorales of music21's corpus.
CHOIR_RANGES = ((57, 81), (53, 74), (48, 69), (36, 64))
LEAST_VOICES, MOST_VOICES = 2, 8  # of a corpus to learn from
LOWEST, HIGHEST = 21, 108  # of a corpus to learn from: a piano's keys
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8"}


def titled(name: str) -> str:
    """`violin I` -> `Violin I`."""
    return name[:1].upper() + name[1:]


def plain(name: str) -> str:
    """By which names are compared: `Violin II` and `violin 2.` are one."""
    return " ".join(_ROMAN.get(word, word) for word in re.findall(r"[^\W_]+", name.casefold()))


def unlike(names: Iterable[str]) -> tuple[str, ...]:
    """Different names for all: those of equal names get numbers, `Violin 1`, `Violin 2`."""
    wanted = [" ".join(name.split()) for name in names]
    plains = [plain(name) for name in wanted]
    counted: dict[str, int] = {}
    made = []
    for name, key in zip(wanted, plains, strict=True):
        counted[key] = counted.get(key, 0) + 1
        made.append(f"{name} {counted[key]}" if plains.count(key) > 1 else name)
    return tuple(made) if len(set(plains)) == len(plains) else unlike(made)


@dataclass(frozen=True)
class Ensemble:
    """names: all different, top to bottom; ranges: lowest and highest pitch of each.

    meter, keys: what its pieces are in most often, for a piece of which nothing is asked; empty where nobody says.
    """

    names: tuple[str, ...]
    ranges: tuple[Range, ...]
    meter: str = ""
    keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "keys", tuple(self.keys))
        object.__setattr__(self, "ranges", tuple((int(lowest), int(highest)) for lowest, highest in self.ranges))
        if len(self.names) != len(self.ranges) or len({plain(name) for name in self.names}) < len(self.names):
            raise ConfigError(f"an ensemble of the names {', '.join(self.names)} and {len(self.ranges)} ranges: a name and a range each")
        if bad := [name for name in self.names if not plain(name) or plain(name).isdigit() or "," in name]:
            raise ConfigError(f"a voice cannot be called {bad[0]!r}; a name has letters and no comma")
        if not all(0 <= lowest <= highest <= 127 for lowest, highest in self.ranges):
            raise ConfigError(f"ranges {self.ranges}: lowest first, each from 0 to 127")

    @property
    def voices(self) -> int:
        return len(self.names)

    @property
    def is_choir(self) -> bool:
        """Soprano, alto, tenor and bass: what is known of four-voice chorales, of cadences, phrases and part-writing, is about these."""
        return self.names == CHOIR_NAMES

    @property
    def is_numbered(self) -> bool:
        """Nothing is known but the number of voices."""
        return self == numbered(self.voices)

    @property
    def letters(self) -> str:
        """What options call the voices, a letter each: SATB, or 1234."""
        return CHOIR_LETTERS if self.is_choir else "123456789"[: self.voices]

    @property
    def titles(self) -> tuple[str, ...]:
        """As parts of a score are named."""
        return tuple(titled(name) for name in self.names)

    @property
    def programs(self) -> tuple[int, ...]:
        return tuple(program_of(name) for name in self.names)

    @property
    def clefs(self) -> tuple[Clef | None, ...]:
        """None where the writer chooses: a choir's."""
        if self.is_choir or self.is_numbered:
            return (None,) * self.voices
        return tuple(clef_of(name, *compass) for name, compass in zip(self.names, self.ranges, strict=True))

    def letters_in(self, text: str) -> str:
        """`"bs"` -> `"SB"`, `"4,1"` and `"Cello, Violin I"` -> `"14"`: letters of voices, from the top."""
        letters = text.upper() if self.is_choir else "".join(self._letters_of(item) for item in re.split(r"\s*,\s*", text.strip()))
        if not letters or set(letters) - set(self.letters):
            if self.is_choir:
                raise NotationError(f"{text!r} names no voices; write one or more of the letters {CHOIR_LETTERS}, like S or SB")
            raise NotationError(f"{text!r} names no voices; write numbers, like 1 or 12, or names, with commas between: {self}")
        return "".join(letter for letter in self.letters if letter in letters)

    def _letters_of(self, item: str) -> str:
        """Of a name, or of numbers one after the other."""
        named = [letter for letter, name in zip(self.letters, self.names, strict=False) if plain(name) == plain(item)]
        return named[0] if named else item or "?"

    def index(self, letter: str) -> int:
        return self.letters.index(letter)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; empty for Bach's choir, so that what was written before there were others reads the same."""
        if self == BACHS_CHOIR:
            return {}
        voices = {"names": list(self.names), "ranges": [list(compass) for compass in self.ranges]}
        return voices | {"meter": self.meter, "keys": list(self.keys)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], voices: int = len(CHOIR_NAMES)) -> Ensemble:
        """What `to_dict` said; of nothing, the usual one of so many voices."""
        if not values:
            return usual(voices)
        try:
            names, ranges = tuple(str(name) for name in values["names"]), tuple((low, high) for low, high in values["ranges"])
            found = cls(names, ranges, str(values.get("meter", "")), tuple(str(key) for key in values.get("keys", ())))
        except (KeyError, TypeError, ValueError, ConfigError) as error:
            raise CheckpointError(f"what is said of the ensemble cannot be read ({error}); make it again") from None
        return found

    def __str__(self) -> str:
        """`1 Violin I, 2 Viola`; `soprano, alto, tenor, bass`."""
        if self.is_choir:
            return ", ".join(self.names)
        return ", ".join(f"{number} {name}" for number, name in enumerate(self.names, start=1))


BACHS_CHOIR = Ensemble(CHOIR_NAMES, CHOIR_RANGES)


@lru_cache(maxsize=64)
def numbered(voices: int) -> Ensemble:
    """`voice 1`, `voice 2`, ..., each as low and as high as it likes."""
    return Ensemble(tuple(f"voice {number}" for number in range(1, voices + 1)), ((0, 127),) * voices)


def usual(voices: int) -> Ensemble:
    """Of four voices Bach's choir; of others, whose names nobody says, a numbered one."""
    return BACHS_CHOIR if voices == len(CHOIR_NAMES) else numbered(voices)
