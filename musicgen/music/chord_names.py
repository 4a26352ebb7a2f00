"""What a chord's name says: chord symbols (`G7/B`), Roman numerals (`V65/V`), figures over a bass (`6`, `4-3`).

music21 knows the theory, but reads what it does not know as something else (`V75`, `Vsus4`) and flats as it likes (`Bb` not at all, `B-7`
as a flat). So only names of the grammars below reach it. A suspension is two chords, one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from musicgen.errors import NotationError
from musicgen.music.pitch import LETTERS, Key, spell

# What follows the root, and the name that music21 has for it.
SUFFIXES = {
    **{name: name for name in ("", "m", "7", "m7", "maj7", "dim", "dim7", "aug", "m7b5", "6", "m6", "sus4", "sus2", "7sus4")},
    **{name: name for name in ("9", "m9", "7b9", "7#9", "7b5", "7#5", "add9", "mM7", "5")},
    **{"min": "m", "maj": "", "M": "", "min7": "m7", "M7": "maj7", "maj9": "M9", "M9": "M9", "min6": "m6", "min9": "m9"},
    **{"o": "dim", "°": "dim", "o7": "dim7", "°7": "dim7", "ø": "m7b5", "ø7": "m7b5", "+": "aug", "+7": "7#5", "aug7": "7#5"},
    **{"sus": "sus4", "7sus": "7sus4", "m(maj7)": "mM7", "mmaj7": "mM7", "add2": "add9"},
}
NO_CHORD = ("N.C.", "NC")
_SYMBOL = re.compile(r"([A-G])(bb|##|[b#-]?)([^/]*)(?:/([A-Ga-g])([b#-]?))?")

_NUMERAL = r"[b#]?(?:VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)"
_ROMAN = re.compile(
    rf"(?P<special>N6?|It6?|Ger(?:65?|43|42)?|Fr(?:43|6|42)?|Cad64)(?P<of>/{_NUMERAL})?"
    rf"|(?P<numeral>{_NUMERAL})(?P<quality>[o°ø+]|/o)?(?P<figures>[2-9]{{1,2}}-[2-9]{{1,2}}|64|65|6|7|43|42|2|9|53)?"
    rf"(?P<applied>(?:/{_NUMERAL})*)"
)
# Suspensions, and the inversion of the numeral to which each leads; None where that is no chord of the same bass.
SUSPENSIONS = {"4-3": "", "7-6": "6", "9-8": "", "6-5": "", "5-6": None, "8-7": "7", "64-53": "", "94-83": ""}

_FIGURE = re.compile(r"([#bn]?)([2-9])(\+?)")
_FIGURES = re.compile(rf"(?:{_FIGURE.pattern})*")
_SIGNS = ("#", "b", "n")
# What is written, and all that it stands for, from the top.
_WHOLE = {
    **dict.fromkeys(("", "3", "5", "8", "53", "83", "85", "853"), "53"),
    **dict.fromkeys(("6", "63", "86", "863"), "63"),
    **dict.fromkeys(("7", "73", "75", "753"), "753"),
    **dict.fromkeys(("65", "653"), "653"),
    **dict.fromkeys(("43", "643"), "643"),
    **dict.fromkeys(("2", "42", "642"), "642"),
    **dict.fromkeys(("4", "54"), "54"),
    **dict.fromkeys(("9", "93", "95", "953"), "953"),
    **dict.fromkeys(("97", "973", "9753"), "9753"),
    **{"64": "64", "74": "754", "754": "754", "52": "52", "94": "954", "954": "954", "76": "763", "763": "763"},
}
SYMBOLS_ALLOWED = "chord symbols like C, G7/B, F#m7b5 or Dsus4"
ROMANS_ALLOWED = "Roman numerals like V65, viio7, ii6, V7/V, bVI, N6, It6, Ger65, Fr43 or V4-3"
FIGURES_ALLOWED = "figures over a given bass like 6, 65, #6, 7/#, 4+2 or 4-3"
ALLOWED = f"there are {SYMBOLS_ALLOWED}; {ROMANS_ALLOWED}; {FIGURES_ALLOWED}"


@dataclass(frozen=True, slots=True)
class NamedChord:
    """Root, notes and bass as pitch classes; the bass is None where the name leaves it open."""

    root: int
    classes: frozenset[int]
    bass: int | None


@dataclass(frozen=True, slots=True)
class _Spelled:
    """The same as music21's note names, for the letters matter while figures are read."""

    root: str
    names: tuple[str, ...]
    bass: str

    def named(self) -> NamedChord:
        from music21 import pitch

        classes = {name: pitch.Pitch(name).pitchClass for name in {self.root, self.bass, *self.names}}
        return NamedChord(classes[self.root], frozenset(classes[name] for name in self.names), classes[self.bass])


def is_figures(name: str) -> bool:
    """`6`, `#`, `b7`; but `bVI` is a numeral."""
    return bool(re.match(r"[0-9]|[#bn]($|[0-9/-])", name))


def read_name(name: str, key: Key, bass: int | None = None) -> tuple[NamedChord, ...]:
    """One chord, two for a suspension, none for `N.C.`. `key`: of its place; `bass`: the pitch that is given there, if any."""
    if name in NO_CHORD:
        return ()
    if is_figures(name):
        if bass is None:
            raise NotationError(f"{name} is a figure over a bass, but no bass note is given there; pin one or write {SYMBOLS_ALLOWED}")
        return read_figures(name, bass, key)
    return (read_symbol(name),) if name[:1] in set(LETTERS) and not _ROMAN.fullmatch(name) else read_roman(name, key)


@lru_cache(maxsize=1024)
def read_symbol(name: str) -> NamedChord:
    """`G7/B`; flats may be `Bb` or `B-`."""
    from music21 import harmony

    chord = harmony.ChordSymbol(music21_figure(name))
    return NamedChord(chord.root().pitchClass, frozenset(chord.pitchClasses), chord.bass().pitchClass if "/" in name else None)


def music21_figure(name: str) -> str:
    """`Bbmaj9/D` -> `B-M9/D`."""
    match = _SYMBOL.fullmatch(name)
    if match is None or match[3] not in SUFFIXES:
        known = ", ".join(f"C{suffix}" for suffix in SUFFIXES if SUFFIXES[suffix] == suffix)
        raise NotationError(f"{name} is no chord symbol; {SYMBOLS_ALLOWED} are read, and of kinds {known}")
    letter, sign, suffix, low, low_sign = match.groups()
    if sign == "-" and suffix[:1].isdigit():
        raise NotationError(f"{name} means {letter}b{suffix} to some and {letter}m{suffix} to others; write the one that is meant")
    return f"{letter}{_flats(sign)}{SUFFIXES[suffix]}" + (f"/{low.upper()}{_flats(low_sign)}" if low else "")


def _flats(sign: str | None) -> str:
    return (sign or "").replace("b", "-")


# --- Roman numerals


@lru_cache(maxsize=1024)
def read_roman(name: str, key: Key) -> tuple[NamedChord, ...]:
    """`V65/V` in `key`. Its bass is stated by its figures. A figure counts the key's own notes: `I7` in C major holds a B."""
    match = _ROMAN.fullmatch(name)
    if match is None:
        raise NotationError(f"{name} is no chord; {ALLOWED}")
    if match["special"]:
        return (_chord(match["special"], "", "", match["of"] or "", key).named(),)
    numeral, quality, figures = match["numeral"], match["quality"] or "", match["figures"] or ""
    if numeral == "vii" and not quality:
        raise NotationError(f"{name} is written with its quality: viio{figures}, or viiø{figures} for a half-diminished seventh chord")
    if "-" not in figures:
        return (_chord(numeral, quality, figures, match["applied"], key).named(),)
    inversion = SUSPENSIONS.get(figures)
    if inversion is None:
        raise NotationError(
            f"{figures} is no suspension of {numeral}; there are {_listed([name for name, to in SUSPENSIONS.items() if to is not None])}"
        )
    resolved = _chord(numeral, quality, inversion, match["applied"], key)
    over, _, under = figures.partition("-")
    return _suspended(resolved, over, under, _goal(match["applied"], key)).named(), resolved.named()


def _chord(numeral: str, quality: str, figures: str, applied: str, key: Key) -> _Spelled:
    goal = _goal(applied, key)
    return _roman(_own_degree(numeral, goal) + quality.replace("°", "o").replace("ø", "/o") + figures, goal)


def _goal(applied: str, key: Key) -> Key:
    """The key in which an applied chord is counted: that of V in `V65/V`, major or minor as it is written."""
    for part in reversed(applied.split("/")[1:]):
        root = _roman(_own_degree(part, key), key).named().root
        key = Key.of_tonic(root, "minor" if part.lstrip("b#").islower() else "major")
    return key


def _own_degree(numeral: str, key: Key) -> str:
    """In minor, bVI is the VI that the key has, and #vii the raised seventh that music21's vii is already."""
    if key.mode == "minor" and numeral in ("bIII", "bVI", "bVII", "biii", "#vi", "#vii"):
        return numeral[1:]
    if numeral == "#vii":
        raise NotationError(f"#vii in {key} would be its tonic; viio is on the leading note already")
    return numeral


def _roman(figure: str, key: Key) -> _Spelled:
    from music21 import roman

    chord = roman.RomanNumeral(figure, _music21_key(key))
    return _Spelled(chord.root().name, tuple(pitch.name for pitch in chord.pitches), chord.bass().name)


def _music21_key(key: Key) -> Any:
    from music21 import key as music21_key

    return music21_key.Key(_flats(key.tonic_name), key.mode)


# --- figures


@lru_cache(maxsize=1024)
def read_figures(text: str, bass: int, key: Key) -> tuple[NamedChord, ...]:
    """Figures over `bass`, a pitch; what has no sign before it is as in the key's signature. `#`, `b`, `n` alone belong to the third."""
    low = _flats(str(spell(bass, key)).rstrip("-0123456789"))
    over, dash, under = text.partition("-")
    if not dash:
        return (_figured(text, low, key).named(),)
    if "-".join(_numbers(part) for part in (over, under)) not in SUSPENSIONS:
        raise NotationError(f"{text} is no suspension; there are {_listed(SUSPENSIONS)}, with or without signs")
    resolved = _figured(under, low, key)
    return _suspended(resolved, over, under, key).named(), resolved.named()


def _figured(text: str, low: str, key: Key) -> _Spelled:
    """All notes over the bass `low`, those too that its figures leave unsaid."""
    from music21 import chord

    signs = dict(_figures(text))
    numbers = _numbers(text)
    whole = "642" if numbers == "4" and signs[4] else _WHOLE.get(numbers)
    if whole is None:
        raise NotationError(f"{text} are no figures that are known; {FIGURES_ALLOWED}")
    names = _above(low, [(number, signs.get(number, "")) for number in map(int, whole)], key)
    root = low if "9" in whole or "54" in whole else chord.Chord([f"{name}4" for name in names]).root().name
    return _Spelled(root, names, low)


def _suspended(resolved: _Spelled, over: str, under: str, key: Key) -> _Spelled:
    """The chord before a suspension resolves: the notes `over` the bass in place of those `under` them."""
    gone = {number % 7 for number, _ in _figures(under)} - {1}  # the octave of the bass stays under a ninth
    kept = tuple(name for name in resolved.names if _number(name, resolved.bass) % 7 not in gone)
    held = {number % 7: sign for number, sign in _figures(over)}
    notes = _above(resolved.bass, _figures(over), key)
    return _Spelled(resolved.root, kept + tuple(note for note in notes if _number(note, resolved.bass) % 7 in held), resolved.bass)


def _figures(text: str) -> list[tuple[int, str]]:
    """`#64+` -> [(6, "#"), (4, "+")]; `7/#`: a sign alone is the third's. `7#` could mean that or a raised seventh, and is refused."""
    figures = []
    for part in text.split("/"):
        found = [(int(number), before or after) for before, number, after in _FIGURE.findall(part)]
        if part in _SIGNS:
            found = [(3, part)]
        elif not _FIGURES.fullmatch(part):
            raise NotationError(f"{text} are no figures; {FIGURES_ALLOWED}: signs go before their number, or alone, for the third")
        figures += found
    return figures


def _numbers(text: str) -> str:
    return "".join(sorted((str(number) for number, _ in _figures(text)), reverse=True))


def _above(low: str, figures: list[tuple[int, str]], key: Key) -> tuple[str, ...]:
    """Names of the bass `low` and of the notes over it; music21 adds more where the figures are not whole."""
    from music21.figuredBass import realizerScale

    scale = realizerScale.FiguredBassScale(_flats(key.tonic_name), key.mode)
    return tuple(scale.getPitchNames(f"{low}3", ",".join(f"{sign}{number}" for number, sign in figures)))


def _number(name: str, low: str) -> int:
    """The interval's number over the bass, 1 to 7."""
    return (LETTERS.index(name[0]) - LETTERS.index(low[0])) % 7 + 1


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
