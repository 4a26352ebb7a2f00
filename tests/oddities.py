"""Scores that writers and readers of music stumble over, one for each thing, drawn by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from musicgen.music.choirs import find_choir, for_choir
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.music.pitch import Key, Spelling
from musicgen.music.score import KeyAt, Meter, MeterAt, Note, Part, Score, TempoAt

TPQ = 480  # every 3rd and 5th of a beat, and its 32nd

CHORALE = """
{meter}, {key}, pickup 4
S  D5 -  -  - | C#5 - - -  D5 - - -  E5 - F5 -  E5 - - -^  | F5 - - -
A  A4 -  -  - | A4 - G4 -  A4 - - -  Bb4 - A4 - A4 - - -   | A4 - - -
T  F4 -  -  - | E4 - - -   F4 - - -  .  - D4 -  C#4 - - -  | D4 - - -
B  D3 -  -  - | A3 - - -   D3 - Eb3 - G3 - G#3 - A3 - - -  | D3 - - -
"""


def line(text: str, *, at: str = "0") -> tuple[Note, ...]:
    """`C4:1 Bb4:1/2^ R:1 Dx5g E5:2`: notes and their quarters one after the other; `^` a fermata, `g` a grace note, `+` a chord."""
    now, notes = Fraction(at), []
    for word in text.split():
        names, _, value = word.rstrip("^g").partition(":")
        length = Fraction(0) if word.endswith("g") else Fraction(value)
        for name in names.split("+"):
            if name != "R":
                spelled = Spelling.parse(name)
                notes.append(Note(int(now * TPQ), int(length * TPQ), spelled.pitch, spelling=spelled, fermata=word.endswith("^")))
        now += length
    return tuple(notes)


def score(*lines: str | tuple[Note, ...], meter: str = "4/4", key: str = "C", pickup: str = "0", **more: object) -> Score:
    parts = [Part(f"Voice {index + 1}", notes if isinstance(notes, tuple) else line(notes)) for index, notes in enumerate(lines)]
    return Score(
        tuple(parts),
        TPQ,
        (MeterAt(0, Meter.parse(meter)),),
        (KeyAt(0, Key.parse(key)),),
        (TempoAt(0, 80.0),),
        int(Fraction(pickup) * TPQ),
        **more,  # type: ignore[arg-type]
    )


def chorale(meter: str = "4/4", key: str = "D minor", choir: str = "SATB") -> Score:
    return for_choir(to_score(Chorale.parse(CHORALE.format(meter=meter, key=key))), find_choir(choir))


def changing(meters: str, *lines: str, keys: str = "") -> Score:
    """Meters by the quarter at which they begin, `0 4/4 4 3/4`, and keys, `0 C 8 Ab`."""
    plain = score(*lines)
    ticks = [(int(Fraction(start) * TPQ), value) for start, value in list(pairwise(meters.split()))[::2]]
    signs = [(int(Fraction(start) * TPQ), value) for start, value in list(pairwise(keys.split()))[::2]]
    return replace(
        plain,
        meters=tuple(MeterAt(start, Meter.parse(value)) for start, value in ticks),
        keys=tuple(KeyAt(start, Key.parse(value)) for start, value in signs) or plain.keys,
    )


_NAMES = ('S "1" %', "\\Alt {ä}", "T|&<b>", "*Baß!")

ODDITIES: dict[str, Score] = {
    "three four": score("C5:1 D5:1 E5:1 F5:3/2 E5:1/2 D5:1 C5:3", "C4:3 A3:2 G3:1 C4:3", meter="3/4"),
    "six eight": score("C5:3/2 D5:1 E5:1/2 F5:1/2 E5:1/2 D5:1/2 C5:3/2", "C4:3 G3:1 F3:1/2 C4:3/2", meter="6/8"),
    "pick-up": chorale(),
    "pick-up of three eighths": score("G4:1/2 A4:1/2 B4:1/2 C5:3/2 D5:3/2 E5:3/2", "R:3/2 C4:3 C4:3/2", meter="6/8", pickup="3/2"),
    "a rest in the pick-up": score("R:1/2 G4:1/2 C5:4 C5:3", "R:1 C4:4 C4:3", pickup="1"),
    "mixed meter": changing(
        "0 4/4 4 3/4 7 2/4 9 5/8 23/2 7/8 15 4/4", "C5:4 D5:3 E5:2 F5:1 E5:3/2 D5:2 C5:3/2 B4:4", "C4:9 F4:5/2 C4:7/2 G3:4"
    ),
    "a bar of seven": score("C5:1 D5:1 E5:1 F5:1 E5:1 D5:1 C5:1 C5:7", "C4:4 G3:3 C4:7", meter="7/4"),
    "long bars": score("C5:8 D5:4 E5:6 F5:2 C5:12", "C4:16 F4:4 C4:12", meter="4/2"),
    "five flats": score("Db5:1 Eb5:1 F5:1 Gb5:1 Ab5:2 Cb5:1 Bb4:1", "Bb3:2 Db4:1 Gb3:1 Ab3:3 A3:1", key="Db"),
    "seven sharps": score("C#5:1 E#5:1 B#4:1 F#5:1 E5:1 E#5:1 Fx5:1 G#5:1", "C#4:4 Bx3:2 C#4:2", key="C#"),
    "double sharps and flats": score("D#5:1 Cx5:1 D5:1/2 D#5:1/2 Fx5:1 Bbb4:2 Bb4:1 B4:1", "B3:2 A#3:1 Gx3:1 Ebb4:4", key="G# minor"),
    "signs that come and go": score("F#5:1 F5:1 F#4:1 F5:1 F5:1 F#5:1 Bb4:1 B4:1", "F4:1 F#4:1 Bb3:1 B3:1 C4:4"),
    "a sign that is tied over": score("F#5:6 F#5:1 F5:1 Bb4:5 Bb4:3", "C4:3 C#4:2 C#4:3 C4:8"),
    "ties over three bars": score("C5:1 D5:14 E5:1 F5:4", "C4:11 G3:9"),
    "full-bar rests": score("C5:4 R:12 D5:4 R:4", "R:4 C4:4 R:4 C4:4 R:4 C4:4"),
    "full-bar rests of 6/8": score("C5:3 R:6 D5:3", "R:3 C4:3 R:3 C4:3", meter="6/8"),
    "rests within bars": score("R:1/2 C5:3/2 R:1/4 D5:3/4 R:1 R:3/2 E5:5/2", "R:3 C4:1 R:1 C4:1/4 R:3/4 C4:2"),
    "a part that begins late": score("C5:4 D5:4 E5:4", "R:10 C4:2"),
    "triplets": score("C5:1/3 D5:1/3 E5:1/3 F5:2/3 E5:1/3 C5:2/3 D5:2/3 E5:2/3 R:1/3 F5:1/3 G5:1/3 C5:3", "C4:4 C4:4"),
    "triplets of sixteenths and halves": score("C5:1/6 D5:1/6 E5:1/6 F5:1/2 E5:1 D5:2 C5:4/3 D5:4/3 E5:4/3", "C4:8"),
    "quintuplets": score("C5:1/5 D5:1/5 E5:1/5 F5:1/5 G5:1/5 A5:1 G5:2", "C4:4"),
    "tuplets of 6/8": score("C5:3/4 D5:3/4 E5:3/8 F5:3/8 E5:3/8 D5:3/8", "C4:3", meter="6/8"),
    "grace notes": score("C5:1 D5g E5:1 F#5g G5g A5:1 Bb4g C5:1 D5g C5:4", "C4:4 C4:4"),
    "a grace note first": score("B4g C5:2 D5:2 R:1 E5g F5:3", "C4:8"),
    "dots and hooks": score("C5:3/4 D5:1/4 E5:1/4 F5:3/4 E5:7/8 D5:1/8 C5:1/2 B4:1/8 C5:1/8 D5:1/4 E5:7/2 D5:1/2", "C4:7 G3:1"),
    "short notes": score("C5:1/8 D5:1/8 E5:1/8 F5:1/8 G5:1/16 A5:1/16 G5:1/16 F5:1/16 E5:1/4 D5:3 C5:4", "C4:8"),
    "syncopes": score("C5:1/2 D5:1 E5:1 F5:1 E5:1/2 D5:3/2 C5:3/2 B4:1 C5:4", "C4:1 D4:2 E4:1 F4:3 E4:1 C4:4"),
    "repeated notes": score("C5:1 C5:1 C5:2 C5:4 C5:4", "C4:4 C4:4 C4:4"),
    "chords": score("C5+E5+G5:2 B4+D5:1 R:1 C5+E5:6 C5:2", "C3+C4:4 G3:4 C3+G3+C4:4"),
    "two voices in one part": score(line("C5:1 D5:1 E5:2 F5:4 R:4 E5:4") + line("C4:4 R:2 A4:2 G4:1 F4:3 C4:4"), "C3:16"),
    "two chromatic voices in one part": score(line("F#5:2 F5:2 F#5:4") + line("F4:1 F#4:2 F4:1 F4:4"), "C3:8"),
    "a key that changes": changing("0 4/4", "C5:4 D5:4 Eb5:4 F#5:4", "C4:4 G4:4 C4:4 A4:4", keys="0 C 4 G 8 Ab 12 C# minor"),
    "a key that changes within a bar": changing("0 4/4", "C5:2 F#5:2 D5:4", "C4:6 D4:2", keys="0 C 2 G"),
    "fermatas": score("C5:2 D5:1 E5:1^ F5:2 G5:2^ C5:6^ R:2", "C4:3 C4:1^ F4:4 C4:6^"),
    "high and low": score("C6:1 G7:1 C5:1 B3:1 E6:4", "C2:1 C1:1 Bb1:1 G3:1 C3:4"),
    "transposing instruments": chorale(choir="saxophones"),
    "brass": chorale(key="B minor", choir="brass"),
    "men": chorale(choir="TTBB"),
    "recorders": chorale(choir="recorders"),
    "one voice": score("C5:1 D5:1 E5:2 C5:4"),
    "eight voices": score(*[f"C{octave}:2 {name}{octave}:2 C{octave}:4" for octave in (5, 4, 3, 2) for name in "EG"]),
    "names": replace(
        chorale(),
        title='Grüß "dich" 100 % \\ {Gott} & <du> | !x!',
        parts=tuple(replace(part, name=name) for part, name in zip(chorale().parts, _NAMES, strict=True)),
    ),
    "tempos": replace(chorale(), tempos=(TempoAt(0, 60.0), TempoAt(2 * TPQ, 72.5), TempoAt(5 * TPQ, 50.0))),
}
