"""Colors of notes and rests: as MuseScore writes them, and there and back."""

from dataclasses import replace
from pathlib import Path

import pytest

from musicgen.files import read_score, write_score
from musicgen.music.resolution import rescaled
from musicgen.music.score import ColoredRest, Note, Part, Score

# MuseScore 3.2 colors a note at its head, a rest as a whole; layout left out.
MUSESCORE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="3.1">
  <part-list>
    <score-part id="P1"><part-name>Soprano</part-name></score-part>
    <score-part id="P2"><part-name>Alto</part-name></score-part>
  </part-list>
  <part id="P1">
    <measure number="1" width="235.18">
      <attributes>
        <divisions>1</divisions>
        <key><fifths>0</fifths></key>
        <time><beats>4</beats><beat-type>4</beat-type></time>
        <clef><sign>G</sign><line>2</line></clef>
        </attributes>
      <note default-x="69.26" default-y="-15.00">
        <pitch><step>C</step><octave>5</octave></pitch>
        <duration>1</duration>
        <voice>1</voice>
        <type>quarter</type>
        <stem>down</stem>
        <notehead color="#FF0000">normal</notehead>
        </note>
      <note color="#80AA00FF">
        <pitch><step>D</step><octave>5</octave></pitch>
        <duration>1</duration>
        <voice>1</voice>
        <type>quarter</type>
        </note>
      <note color="#00FF00">
        <rest/>
        <duration>1</duration>
        <voice>1</voice>
        <type>quarter</type>
        </note>
      <note>
        <rest/>
        <duration>1</duration>
        <voice>1</voice>
        <type>quarter</type>
        </note>
      </measure>
    <measure number="2" width="151.73">
      <note>
        <pitch><step>E</step><octave>5</octave></pitch>
        <duration>2</duration>
        <tie type="start"/>
        <voice>1</voice>
        <type>half</type>
        <notations><tied type="start"/></notations>
        </note>
      <note color="#000000">
        <pitch><step>F</step><octave>5</octave></pitch>
        <duration>2</duration>
        <voice>1</voice>
        <type>half</type>
        </note>
      </measure>
    <measure number="3"><note><rest/><duration>4</duration><voice>1</voice></note></measure>
    </part>
  <part id="P2">
    <measure number="1"><attributes><divisions>1</divisions></attributes>
      <note><rest/><duration>4</duration><voice>1</voice></note></measure>
    <measure number="2"><note color="#00FF00"><rest/><duration>4</duration><voice>1</voice></note></measure>
    <measure number="3"><note><rest/><duration>4</duration><voice>1</voice></note></measure>
    </part>
  </score-partwise>
"""


@pytest.fixture
def read(tmp_path):
    def call(text: str = MUSESCORE) -> Score:
        path = tmp_path / "m.musicxml"
        path.write_text(text)
        return read_score(path)

    return call


def again(score: Score, folder: Path, layout: str = "open") -> Score:
    return read_score(write_score(score, folder / "again.musicxml", layout=layout))


def test_what_musescore_colors_is_read(read):
    score = read()
    quarter = score.ticks_per_quarter
    soprano, alto = score.parts
    assert [(str(note.spelling), note.color) for note in soprano.notes] == [
        ("C5", "#ff0000"),
        ("D5", "#aa00ff"),
        ("E5", None),
        ("F5", None),
    ]
    assert soprano.colored_rests == (ColoredRest(2 * quarter, 3 * quarter, "#00ff00"),)
    assert (alto.notes, alto.colored_rests) == ((), (ColoredRest(4 * quarter, 8 * quarter, "#00ff00"),))
    assert score.written_end == 12 * quarter


def test_a_staff_of_plain_rests_is_no_part(read):
    assert [part.name for part in read(MUSESCORE.replace('color="#00FF00"', "")).parts] == ["Soprano"]


def test_colors_come_back(read, tmp_path):
    score = read()
    assert again(score, tmp_path).parts == score.parts
    finer = rescaled(score, 12 * score.ticks_per_quarter)
    assert again(finer, tmp_path).parts == score.parts


def tied(second: str) -> str:
    """The last two notes are one, and the second of them has a color."""
    pitch = "<step>F</step><octave>5</octave></pitch>\n        <duration>2</duration>"
    text = MUSESCORE.replace(pitch, '<step>E</step><octave>5</octave></pitch><duration>2</duration><tie type="stop"/>')
    return text.replace('<note color="#000000">', f'<note color="{second}">')


def test_a_tied_note_has_the_color_of_any_of_its_pieces(read, tmp_path):
    score = read(tied("#0000FF"))
    note = score.parts[0].notes[-1]
    assert (note.duration, note.color) == (4 * score.ticks_per_quarter, "#0000ff")
    assert again(score, tmp_path).parts == score.parts


def test_a_tied_note_of_two_colors_is_told(read):
    first = MUSESCORE.index("<step>E</step>")
    text = tied("#0000FF")
    begin = text.rindex("<note>", 0, first)
    score = read(text[:begin] + '<note color="#FF0000">' + text[begin + 6 :])
    assert score.parts[0].notes[-1].color == "#ff0000"
    assert "Soprano, bar 2 beat 1: E5 is tied over with another color; the whole note was read as #ff0000" in score.remarks


def test_each_note_of_a_chord_and_a_grace_note_has_its_own(tmp_path):
    notes = (Note(0, 0, 71, color="#00aa00"), Note(0, 480, 60), Note(0, 480, 64, color="#ff0000"), Note(480, 480, 67, color="#0000ff"))
    score = Score((Part("Piano", notes),))
    assert [note.color for note in again(score, tmp_path).parts[0].notes] == ["#00aa00", None, "#ff0000", "#0000ff"]


@pytest.mark.parametrize("layout", ["open", "two-staff"])
def test_colored_rests_beside_plain_ones_and_other_voices(tmp_path, layout):
    """A rest of two colors, in a bar that rests altogether, and in a lower voice under the same rest of the upper."""
    upper = Part("S", (Note(0, 1920, 72), Note(3840, 1920, 74)), colored_rests=(ColoredRest(1920, 2400, "#ff0000"),))
    lower = Part("A", (Note(0, 1920, 65),), colored_rests=(ColoredRest(1920, 3840, "#0000ff"), ColoredRest(4320, 5760, "#ff0000")))
    others = (Part("T", (Note(0, 5760, 60),)), Part("B", (Note(0, 5760, 48),)))
    score = Score((upper, lower, *others))
    back = rescaled(again(score, tmp_path, layout), 480)
    for part, before in zip(back.parts, score.parts, strict=True):
        assert [(note.start, note.duration) for note in part.notes] == [(note.start, note.duration) for note in before.notes]
        assert covered(part) == covered(before)


def covered(part: Part) -> list[tuple[int, str]]:
    """Every sixteenth of the colored rests: one of two bars comes back as two."""
    return [(tick, rest.color) for rest in part.colored_rests for tick in range(rest.start, rest.end, 120)]


def test_a_score_without_colors_is_written_as_before(read, tmp_path):
    score = read()
    plain = replace(
        score,
        parts=tuple(replace(part, notes=tuple(replace(note, color=None) for note in part.notes), colored_rests=()) for part in score.parts),
    )
    assert b"color" not in write_score(plain, tmp_path / "plain.musicxml").read_bytes()


def test_colored_rests_do_not_reach_midi(read, tmp_path):
    assert [len(part.notes) for part in read_score(write_score(read(), tmp_path / "m.mid")).parts] == [4]
