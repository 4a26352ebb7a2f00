"""Transposing instruments: written at their pitch, read at ours, and by music21 too; MIDI and mixed scores sound as they should."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from music21 import converter

from musicgen.errors import FileError
from musicgen.files import read_score, write_score
from musicgen.files.midi import midi_of_score, score_of_midi
from musicgen.files.musicxml import read_musicxml
from musicgen.files.musicxml_write import musicxml_bytes
from musicgen.music.choirs import CHOIRS, Choir, find_choir, for_choir, lifted
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.music.pitch import Key
from musicgen.music.score import KeyAt, Note, Part, Score
from musicgen.music.transposition import Transposition

CHORALE = """
4/4, D minor, pickup 4
S  D5 -  -  - | C#5 - - -  D5 - - -  E5 - F5 -  E5 - - -^  | F5 - - -
A  A4 -  -  - | A4 - G4 -  A4 - - -  Bb4 - A4 - A4 - - -   | A4 - - -
T  F4 -  -  - | E4 - - -   F4 - - -  .  - D4 -  C#4 - - -  | D4 - - -
B  D3 -  -  - | A3 - - -   D3 - Eb3 - G3 - G#3 - A3 - - -  | D3 - - -
"""
ALL_KEYS = [Key(fifths, mode) for fifths in range(-7, 8) for mode in ("major", "minor")]


def score_for(choir: Choir, key: Key | None = None) -> Score:
    chorale = Chorale.parse(CHORALE)
    chorale = lifted(chorale, [12 * round((sum(choir.ranges[voice]) / 2 - chorale.pitch[voice].max()) / 12 + 0.2) for voice in range(4)])
    return for_choir(to_score(chorale.replaced(key=key or chorale.key)), choir)


def notes(score: Score) -> list[tuple[object, ...]]:
    tpq = score.ticks_per_quarter
    return [
        (part.name, 4 * note.start / tpq, 4 * note.duration / tpq, note.pitch, note.fermata) for part in score.parts for note in part.notes
    ]


def spellings(score: Score) -> list[str]:
    return [str(note.spelling) for part in score.parts for note in part.notes]


def reread(score: Score, folder: Path) -> Score:
    path = folder / "score.musicxml"
    write_score(score, path)
    return read_score(path)


@pytest.mark.parametrize("choir", CHOIRS, ids=lambda choir: choir.name)
def test_what_a_choir_reads_comes_back_note_for_note(choir: Choir, tmp_path: Path) -> None:
    score = score_for(choir)
    again = reread(score, tmp_path)
    assert notes(again) == notes(score)
    assert spellings(again) == spellings(score)
    assert again.keys == score.keys
    assert [part.transposition for part in again.parts] == [singer.transposition for singer in choir.singers]
    assert [part.program for part in again.parts] == [singer.program for singer in choir.singers]
    assert musicxml_bytes(again) == musicxml_bytes(score)


@pytest.mark.parametrize("name", ["brass", "saxophones", "recorders", "SA"])
def test_music21_hears_the_same(name: str) -> None:
    score = score_for(find_choir(name))
    heard = converter.parseData(musicxml_bytes(score), format="musicxml").toSoundingPitch()
    sounding = [[each.pitch.midi for each in part.stripTies().flatten().notes] for part in heard.parts]
    assert sounding == [[note.pitch for note in part.notes] for part in score.parts]


@pytest.mark.parametrize("key", ALL_KEYS, ids=str)
def test_every_key_can_be_written_for_every_instrument(key: Key, tmp_path: Path) -> None:
    score = score_for(find_choir("saxophones"), key)
    signatures = [int(fifths.text or "") for fifths in ET.fromstring(musicxml_bytes(score)).iter("fifths")]
    assert max(map(abs, signatures)) <= 6
    assert [(3 + signature - key.fifths) % 12 for signature in signatures] == [5, 6, 5, 6]
    again = reread(score, tmp_path)
    assert again.keys[0].key == key
    assert notes(again) == notes(score)
    assert spellings(again) == spellings(score)


def test_a_trumpet_reads_a_tone_above(tmp_path: Path) -> None:
    score = score_for(find_choir("brass"))
    part = ET.fromstring(musicxml_bytes(score)).find("part")
    assert part is not None
    assert [part.findtext(f"measure/attributes/{tag}") for tag in ("key/fifths", "transpose/diatonic", "transpose/chromatic")] == [
        "1",
        "-1",
        "-2",
    ]
    written = [(note.findtext("pitch/step"), note.findtext("pitch/alter"), note.findtext("accidental")) for note in part.iter("note")]
    assert written[:3] == [("E", None, None), ("D", "1", "sharp"), ("E", None, None)]


def test_midi_sounds(tmp_path: Path) -> None:
    for name in ("saxophones", "recorders"):
        score = score_for(find_choir(name))
        assert notes(score_of_midi(midi_of_score(score))) == notes(score)


def test_four_voices_on_two_staves_are_written_as_they_sound() -> None:
    score = score_for(find_choir("saxophones"))
    root = ET.fromstring(musicxml_bytes(score, "two-staff"))
    assert not list(root.iter("transpose"))
    assert [fifths.text for fifths in root.iter("fifths")] == ["-1", "-1"]


def test_the_key_may_change_to_one_that_is_written_enharmonically(tmp_path: Path) -> None:
    tune = Part("Trumpet in Bb", tuple(Note(480 * beat, 480, 71 + beat % 3) for beat in range(12)), 56, transposition=Transposition(2, 1))
    score = Score((tune,), keys=(KeyAt(0, Key(0)), KeyAt(4 * 480, Key(5)), KeyAt(10 * 480, Key(-4))))
    root = ET.fromstring(musicxml_bytes(score))
    assert [fifths.text for fifths in root.iter("fifths")] == ["2", "-5", "-2"]
    assert [diatonic.text for diatonic in root.iter("diatonic")] == ["-1", "-2", "-1"]
    again = reread(score, tmp_path)
    assert notes(again) == notes(score)
    assert [change.key for change in again.keys] == [Key(0), Key(5), Key(-4)]


# --- what the reader makes of other programs' files


def edited(tmp_path: Path, score: Score, *changes: tuple[str, str]) -> Path:
    text = musicxml_bytes(score).decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "edited.musicxml"
    path.write_text(text, encoding="utf-8")
    return path


CONCERT_CLARINET = Score((Part("Clarinet in Bb", (Note(0, 480, 60), Note(480, 480, 64)), 71),))


def test_only_the_file_says_that_an_instrument_transposes(tmp_path: Path) -> None:
    """By its name or program a clarinet would; this score is written as it sounds, with a trumpet beside it that is not."""
    horn = Part("Horn in F", (Note(0, 960, 53),), 60, transposition=Transposition(7, 4))
    path = edited(tmp_path, replace(CONCERT_CLARINET, parts=(*CONCERT_CLARINET.parts, horn)))
    assert [[note.pitch for note in part.notes] for part in read_musicxml(path).parts] == [[60, 64], [53]]
    alone = edited(tmp_path, CONCERT_CLARINET)
    assert read_musicxml(alone).remarks == ()


@pytest.mark.parametrize(
    ("transpose", "pitches"),
    [
        ("<diatonic>-1</diatonic><chromatic>-2</chromatic>", [58, 62]),
        ("<chromatic>-2</chromatic>", [58, 62]),
        ("<chromatic>-2.0</chromatic><octave-change>-1</octave-change>", [46, 50]),
        ("<diatonic>0</diatonic><chromatic>0</chromatic><octave-change>-1</octave-change>", [48, 52]),
        ("<diatonic>0</diatonic><chromatic>0</chromatic>", [60, 64]),
    ],
)
def test_every_way_to_say_it_is_understood(transpose: str, pitches: list[int], tmp_path: Path) -> None:
    path = edited(tmp_path, CONCERT_CLARINET, ("</clef>", f"</clef><transpose>{transpose}</transpose>"))
    assert [note.pitch for note in read_musicxml(path).parts[0].notes] == pitches


def test_the_transposition_of_one_staff_is_not_the_other_ones(tmp_path: Path) -> None:
    path = edited(tmp_path, CONCERT_CLARINET, ("</clef>", '</clef><transpose number="2"><chromatic>-2</chromatic></transpose>'))
    assert [note.pitch for note in read_musicxml(path).parts[0].notes] == [60, 64]


@pytest.mark.parametrize(
    "transpose", ["<diatonic>-1</diatonic>", "<chromatic>-1.5</chromatic>", "<diatonic>9</diatonic><chromatic>1</chromatic>"]
)
def test_a_transposition_that_is_no_interval_is_refused(transpose: str, tmp_path: Path) -> None:
    path = edited(tmp_path, CONCERT_CLARINET, ("</clef>", f"</clef><transpose>{transpose}</transpose>"))
    with pytest.raises(FileError, match=r"part P1, bar 1: a transposition .*export the file again"):
        read_musicxml(path)


def test_a_clef_that_is_none_of_ours_is_chosen_anew(tmp_path: Path) -> None:
    for sign in ("TAB", "jianpu"):
        path = edited(tmp_path, CONCERT_CLARINET, ("<sign>G</sign>", f"<sign>{sign}</sign>"))
        assert read_musicxml(path).parts[0].clef is None
    path = edited(tmp_path, CONCERT_CLARINET, ("<sign>G</sign>", "<sign>C</sign>"), ("<line>2</line>", "<line>4</line>"))
    assert read_musicxml(path).parts[0].clef == ("C", 4, 0)
