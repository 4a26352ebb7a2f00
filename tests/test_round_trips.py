"""Every format of music that is written is read back by a program that is not ours, note for note: music21, verovio, mido.

`tests/clients/round_trips.py` does the same over sixty chorales, with abc2midi and LilyPond too.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest
from heard import (
    Heard,
    differences,
    frame,
    frame_in,
    heard_by_verovio,
    heard_in,
    heard_in_midi,
    music21_of,
    names,
    sounds,
)
from oddities import ODDITIES

from musicgen.files import read_score, write_score
from musicgen.files.abc_write import abc_bytes
from musicgen.files.kern_write import kern_bytes
from musicgen.files.midi import midi_of_score
from musicgen.files.musicxml_write import musicxml_bytes
from musicgen.files.zipped import zipped
from musicgen.music.convert import to_score
from musicgen.music.score import Score

NEAR = Fraction(1, 40)  # of a quarter: ticks of MIDI, and the gap that a player leaves before a repeated note
GRACES = {"grace notes", "a grace note first"}
LOST_BY_MUSIC21 = {  # in ABC; abc2midi has them
    "chords": "ties of chords",
    "a key that changes within a bar": "keys within a line",
    "two voices in one part": "rests that are not seen",
}

every_oddity = pytest.mark.parametrize("name", ODDITIES)


@pytest.fixture(scope="module")
def chorales(bach_pieces) -> list[Score]:
    return [to_score(piece.chorale) for piece in islice(bach_pieces, 0, None, 200)]


def check_with_music21(data: bytes, kind: str, score: Score) -> None:
    piece = music21_of(data, kind)
    heard, spelled = heard_in(piece)
    if kind == "humdrum":
        assert len(heard) == len(score.parts)
    assert differences(heard, sounds(score)) == []
    assert sorted(each for part in spelled for each in part) == sorted(each for part in names(score) for each in part)
    found, expected = frame_in(piece), frame(score)
    if kind == "abc" and not found["bars"]:  # music21 makes none of so short a tune
        assert len(expected["bars"]) <= 2
        found["bars"] = expected["bars"]
    assert found == expected


def pitches(heard: Heard) -> list[list[int]]:
    """In order: sound gives a grace note some time, which it takes from a neighbour."""
    return [[each[2] for each in part] for part in heard]


@every_oddity
def test_kern_is_what_music21_reads(name: str) -> None:
    check_with_music21(kern_bytes(ODDITIES[name]), "humdrum", ODDITIES[name])


@every_oddity
def test_abc_is_what_music21_reads(name: str) -> None:
    if name not in LOST_BY_MUSIC21:
        check_with_music21(abc_bytes(ODDITIES[name]), "abc", ODDITIES[name])


@pytest.mark.parametrize("kind", ["musicxml", "humdrum"])
@every_oddity
def test_verovio_plays_what_is_written(name: str, kind: str) -> None:
    score = ODDITIES[name]
    heard = heard_by_verovio(musicxml_bytes(score) if kind == "musicxml" else kern_bytes(score), kind)
    expected = sounds(score, graces=False)
    if name in GRACES:
        assert pitches(heard) in (pitches(sounds(score)), pitches(sounds(score))[::-1])
        return
    found = differences(heard, expected, NEAR)
    assert [] in (found, differences(heard[::-1], expected, NEAR)), found  # lowest part first in kern


@every_oddity
def test_mido_finds_every_note_of_midi(name: str) -> None:
    score = ODDITIES[name]
    heard = heard_in_midi(midi_of_score(score))
    if name in GRACES:
        assert pitches(heard) == pitches(sounds(score))
        return
    assert differences(heard, sounds(score)) == []


def test_chorales_are_read_back_from_every_format(chorales: list[Score]) -> None:
    for score in chorales:
        check_with_music21(kern_bytes(score), "humdrum", score)
        check_with_music21(abc_bytes(score), "abc", score)
        assert differences(heard_by_verovio(musicxml_bytes(score), "musicxml"), sounds(score), NEAR) == []
        assert differences(heard_in_midi(midi_of_score(score)), sounds(score)) == []


@pytest.mark.parametrize("suffix", [".mxl", ".krn", ".abc"])
def test_what_is_written_is_read_by_musicgen_too(suffix: str, tmp_path: Path) -> None:
    score = ODDITIES["pick-up"]
    path = write_score(score, tmp_path / f"x{suffix}")
    back = read_score(path)
    assert sounds(back) == sounds(score)
    assert (back.pickup * score.ticks_per_quarter, back.keys[0].key) == (score.pickup * back.ticks_per_quarter, score.keys[0].key)


def test_hidden_rests_of_abc_are_read_by_musicgen(tmp_path: Path) -> None:
    score = ODDITIES["two voices in one part"]
    assert differences(sounds(read_score(write_score(score, tmp_path / "x.abc"))), sounds(score)) == []


def test_compressed_musicxml_is_the_same_music_on_any_day(tmp_path: Path) -> None:
    data = musicxml_bytes(ODDITIES["brass"])
    packed = zipped(data)
    assert packed == zipped(data)
    assert packed[30:38] == b"mimetype"
    (tmp_path / "x.mxl").write_bytes(packed)
    from music21 import converter

    heard, _ = heard_in(converter.parse(tmp_path / "x.mxl").toSoundingPitch())
    assert heard == sounds(ODDITIES["brass"])


@pytest.mark.parametrize("suffix", [".abc", ".krn", ".musicxml", ".mid"])
def test_voices_keep_their_names(chorales: list[Score], suffix: str, tmp_path: Path) -> None:
    soprano, *others = chorales[0].parts
    named = replace(chorales[0], parts=(replace(soprano, name='Röhr "alt" 2'), *others))
    read = read_score(write_score(named, tmp_path / f"x{suffix}"))
    quote = "''" if suffix == ".abc" else '"'  # which it has no way to write within a name
    assert [part.name for part in read.parts] == [f"Röhr {quote}alt{quote} 2", "Alto", "Tenor", "Bass"]
