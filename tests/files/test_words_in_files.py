"""Words of tunes: read from every format that holds them, and written under the same notes."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import mido
import pytest
from oddities import line, score
from sung import HYMN, TUNE, VERSES, sung, words

from musicgen.files import read_score, write_score
from musicgen.files.musicxml_write import musicxml_bytes
from musicgen.music.score import Lyric

FIRST = words(sung(TUNE, VERSES[0]))


def lyrics(score):
    return [words(part.notes) for part in score.parts]


def test_musicxml_gives_back_every_verse_under_its_notes(tmp_path):
    write_score(HYMN, tmp_path / "h.musicxml")
    again = read_score(tmp_path / "h.musicxml")
    assert lyrics(again) == [words(sung(TUNE, *VERSES))]
    assert again.remarks == ()  # its slurs are those of the words


def test_elements_are_those_of_the_format():
    root = ET.fromstring(musicxml_bytes(HYMN))
    notes = [note for note in root.iter("note") if note.find("lyric") is not None]
    told = [[(lyric.get("number"), [(child.tag, child.text) for child in lyric]) for lyric in note.findall("lyric")] for note in notes]
    assert told[0] == [("1", [("syllabic", "begin"), ("text", "Lo")]), ("2", [("syllabic", "begin"), ("text", "Lo")])]
    assert told[2][0] == ("1", [("syllabic", "single"), ("text", "den"), ("extend", None)])
    elided = next(verse for note in told for verse in note if ("elision", "‿") in verse[1])
    assert elided[1] == [("syllabic", "end"), ("text", "nig"), ("elision", "‿"), ("syllabic", "single"), ("text", "der")]


def test_slurs_stand_over_the_notes_of_one_syllable():
    root = ET.fromstring(musicxml_bytes(HYMN))
    marks = [(note.findtext("pitch/step"), slur.get("type")) for note in root.iter("note") for slur in note.iter("slur")]
    assert marks == [("B", "start"), ("C", "stop"), ("A", "start"), ("C", "stop"), ("C", "start"), ("B", "stop")]


def test_tied_pieces_of_a_note_have_its_words_once():
    tied = score(sung(line("G4:6 A4:2"), "long short"))
    root = ET.fromstring(musicxml_bytes(tied))
    assert [note.findtext("lyric/text") for note in root.iter("note")] == ["long", None, "short"]


def test_midi_holds_the_first_verse_with_a_space_after_words(tmp_path):
    write_score(HYMN, tmp_path / "h.mid")
    track = mido.MidiFile(tmp_path / "h.mid", charset="utf-8").tracks[1]
    assert [message.text for message in track if message.type == "lyrics"][:5] == ["Lo", "be ", "den ", "Her", "ren, "]
    assert lyrics(read_score(tmp_path / "h.mid")) == [[word.replace("_", "") for word in FIRST]]


def karaoke(*texts, kind="text", name="Words"):
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    file.tracks += [mido.MidiTrack(), mido.MidiTrack(), mido.MidiTrack()]
    file.tracks[1].append(mido.MetaMessage("track_name", name="Melody"))
    for pitch in (60, 62, 64, 65):
        file.tracks[1] += [mido.Message("note_on", note=pitch, time=0), mido.Message("note_off", note=pitch, time=480)]
    file.tracks[2].append(mido.MetaMessage("track_name", name=name))
    for index, text in enumerate(texts):
        file.tracks[2].append(mido.MetaMessage(kind, text=text, time=480 if index > 1 else 0))
    return file


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("@KMIDI KARAOKE FILE", "\\Hal", "le", "lu ", "/ja"), ["Hal-", "le-", "lu", "ja"]),
        (("@T song", "Hal-", "le-", "lu-", "ja"), ["Hal-", "le-", "lu-", "ja"]),
        (("@T song", "a", "b", "c", "d"), ["a", "b", "c", "d"]),
    ],
)
def test_karaoke_words_find_the_notes_and_their_ends(tmp_path, texts, expected):
    karaoke(*texts).save(tmp_path / "k.kar")
    assert lyrics(read_score(tmp_path / "k.kar")) == [expected]


def test_texts_that_nobody_sings_are_no_words(tmp_path):
    karaoke("made by hand", "by me", name="Comment").save(tmp_path / "k.mid")
    assert lyrics(read_score(tmp_path / "k.mid")) == [["", "", "", ""]]


ABC = """X:1
M:4/4
L:1/4
K:G
V:1
G | G G d "Am" (B/c/) | {A}d c [GB]2 |
w: Lo-be den Her-_ren, den \\-mäch-
w: 2.~A-men, a-men * | bar
A2 z2 |]
w: ti
V:2
D | D4 | D4 | D4 |]
"""


def test_words_of_abc_are_told_to_notes(tmp_path):
    (tmp_path / "s.abc").write_text(ABC)
    first, second = lyrics(read_score(tmp_path / "s.abc"))
    assert [word for word in first if word] == ["Lo-/2. A-", "be/men,", "den/a-", "Her-/men", "ren,", "den/bar", "-mäch-", "ti"]
    assert not any(second)


def test_words_of_abc_that_do_not_fit_its_notes_are_left_out_with_a_remark(tmp_path):
    (tmp_path / "s.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nC D HE2|\nw: one two three\nF4|]\n")
    read = read_score(tmp_path / "s.abc")
    assert any("words" in remark for remark in read.remarks) == (lyrics(read)[0][2] != "three")


def test_words_of_kern_and_its_verses(tmp_path):
    rows = ["**kern **kern **text **text", "*M4/4 *M4/4 * *", "=1 =1 =1 =1", "2C 4c Al- Ky-", ". 4d -le- -ri-", "2D 4e . .", ". 4f -lu- -e",
            "=2 =2 =2 =2", "1E 1g -ja_ e-", "== == == ==", "*- *- *- *-"]  # fmt: skip
    (tmp_path / "s.krn").write_text("\n".join(row.replace(" ", "\t") for row in rows) + "\n")
    assert lyrics(read_score(tmp_path / "s.krn")) == [["Al-/Ky-", "le-/ri-", "", "lu-/e", "ja_/e-"], ["", "", ""]]


def test_notes_are_the_same_whatever_is_sung():
    (note,) = line("G4:1")
    assert replace(note, lyrics=(Lyric("la"),)) == note


def test_fermatas_of_abc_are_read_and_none_of_their_notes_is_lost(tmp_path):
    music = 'G A "H" B !fermata!G | A B {c}c Hd | +fermata+d "Hm"c H^B A | !trill!G A [GB] !invertedfermata!G |]'
    (tmp_path / "x.abc").write_text(f"X:1\nT:His Hymn\nM:4/4\nL:1/4\nK:G\n{music}\n")
    notes = [note for note in read_score(tmp_path / "x.abc").parts[0].notes if note.duration]
    assert len({note.start for note in notes}) == 16
    assert [index for index, note in enumerate(notes) if note.fermata] == [3, 7, 8, 10, 16]
