"""Each rule from chord to chord, on a pair of chords that breaks it once and on one that looks like it and does not."""

import numpy as np
import pytest
from pieces import VIOLATING

from musicgen.composers.rulebook.leading import breaches, melodic
from musicgen.composers.rulebook.moments import find_moments
from musicgen.composers.rulebook.space import State, space_of
from musicgen.composers.rulebook.voicings import NONE, Voicings, leading_class, seventh_class
from musicgen.music.pitch import Key, parse_pitch
from musicgen.music.sketch import Sketch

HOME = Key.parse("A minor")
SPACE = space_of(HOME, ())
MOMENT = find_moments(Sketch.parse("\n".join(f"{voice}" + " ?" * 8 for voice in "SATB")))[1]


def state(root: str, quality: str, key: Key = HOME, function: str | None = None) -> State:
    wanted = parse_pitch(f"{root}4") % 12, quality, key
    fits = (each for each in SPACE.states if (each.sounding.root, each.sounding.quality, each.key) == wanted)
    return next(each for each in fits if function in (None, each.functional.function))


def voicing(notes: str, chord: State | None = None) -> Voicings:
    pitches = np.array([[parse_pitch(name) for name in notes.split()]])
    members = sum(1 << each for each in {int(pitch) % 12 for pitch in pitches[0]})
    leads = (NONE, NONE) if chord is None else (leading_class(chord), seventh_class(chord))
    return Voicings(pitches, pitches, np.zeros(1), *(np.array([each]) for each in (members, *leads)))


def found(name: str, before: str, after: str, first: State | None = None, second: State | None = None) -> float:
    counts = breaches(voicing(before, first), voicing(after, second), MOMENT, HOME)
    return float(counts[name][0, 0]) if name in counts else 0.0


@pytest.mark.parametrize(
    ("text_rule", "rule"), [("parallel fifths",) * 2, ("parallel octaves",) * 2, ("parallel unisons", "parallel octaves")]
)
def test_parallels_are_those_that_are_found_in_a_score(text_rule: str, rule: str) -> None:
    rows = [line.split()[1:] for line in VIOLATING[text_rule][0].strip().splitlines()]
    before, after = (" ".join(row[step] for row in rows) for step in (0, 2))
    assert found(rule, before, after) == 1
    assert found(rule, before, before) == 0


DOMINANT, TONIC = state("E", "7"), state("A", "m")


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        ("leading note unresolved", ("G#4 E4 D4 E3", "E4 C4 C4 A3"), ("G#4 E4 D4 E3", "A4 E4 C4 A3")),
        ("inner leading note unresolved", ("B4 G#4 D4 E3", "A4 E4 C4 A3"), ("B4 G#4 D4 E3", "C5 A4 C4 A3")),
        ("seventh unresolved", ("B4 G#4 D4 E3", "C5 A4 E4 A3"), ("B4 G#4 D4 E3", "A4 A4 C4 A3")),
        ("diminished fourth", ("C5 A4 E4 A3", "G#4 E4 D4 E3"), ("C5 A4 E4 A3", "B4 G#4 D4 E3")),
        ("overlap", ("C5 A4 E4 A3", "G#4 G#4 D4 E3"), ("C5 A4 E4 A3", "B4 G#4 D4 E3")),
        ("all one way", ("C5 A4 E4 A3", "D5 B4 G4 E4"), ("C5 A4 E4 A3", "B4 G#4 E4 E3")),
        ("fifths by contrary motion", ("C5 A4 E4 A3", "B4 G#4 B3 E4"), ("C5 A4 E4 A3", "B4 G#4 E4 E3")),
    ],
)
def test_a_rule_is_broken_once_and_kept(rule: str, bad: tuple[str, str], good: tuple[str, str]) -> None:
    chords = (DOMINANT, TONIC) if "resolved" in rule else (TONIC, DOMINANT)
    assert found(rule, *bad, *chords) == 1
    assert found(rule, *good, *chords) == 0


def test_an_augmented_second_is_found_both_ways() -> None:
    fourth = state("D", "m")
    assert found("augmented second", "A4 F4 D4 D3", "B4 G#4 E4 E3", fourth, DOMINANT) == 1
    assert found("augmented second", "B4 G#4 E4 E3", "A4 F4 D4 D3", DOMINANT, fourth) == 1
    assert found("augmented second", "F4 D4 A3 D3", "E4 B3 G#3 E3", fourth, DOMINANT) == 0


def test_a_cross_relation_is_a_note_altered_in_another_voice() -> None:
    assert found("cross-relation", "G4 E4 C4 C3", "B4 G#4 E4 E3") == 0 + 1
    assert found("cross-relation", "E5 G4 C4 C3", "E5 G#4 B3 E3") == 0


def test_three_notes_of_a_line() -> None:
    def line(*names: str) -> dict[str, float]:
        ways = (voicing(f"{name} C4 G3 C3").first for name in names)
        return {rule: float(count[0, 0]) for rule, count in melodic(*ways, MOMENT).items()}

    assert line("E5", "F5", "E5")["tune turns back"] == 1
    assert line("E5", "F5", "G5")["tune turns back"] == 0
    assert line("E5", "E5", "E5")["tune stands still"] == 1
    assert line("C5", "G5", "A5")["leap not recovered"] == 1
    assert line("C5", "G5", "F5")["leap not recovered"] == 0


def test_given_voices_are_not_blamed() -> None:
    given = find_moments(Sketch.parse("S E5 - - - D5 - - -\nA ? ? ? ? ? ? ? ?\nT ? ? ? ? ? ? ? ?\nB A3 - - - G3 - - -"))[1]
    counts = breaches(voicing("E5 C5 A4 A3"), voicing("D5 B4 G4 G3"), given, HOME)
    assert counts["parallel fifths"][0, 0] == 1  # soprano and tenor, not soprano and bass
    assert counts["parallel octaves"][0, 0] == 1  # tenor and bass
