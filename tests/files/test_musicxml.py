"""MusicXML, kern and ABC: what is read is what was written, and what is written reads back the same."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from music21 import corpus

from musicgen.errors import NotationError
from musicgen.files import write_score
from musicgen.files.musicxml import read_musicxml
from musicgen.files.musicxml_write import musicxml_bytes
from musicgen.music.pitch import Key, Spelling, spell
from musicgen.music.score import CHORDS_LEFT_OUT, KeyAt, Meter, MeterAt, Note, Part, Score, TempoAt

TPQ = 840

# Plain 4/4; 3/4 with pick-up and repeats; mixed meters; 3/2; grace notes; 32nds; a cut bar; five parts.
CHORALES = ("bwv66.6", "bwv269", "bwv3.6", "bwv10.7", "bwv27.6", "bwv304", "bwv362", "bwv123.6", "bwv299", "bwv315", "bwv432", "bwv161.6")


C_MAJOR = Key()


def melody(meter: str, text: str, key: Key = C_MAJOR, pickup: str = "0", tempo: float = 90.0) -> Score:
    """`60:1 62:1/3 r:2 g64`: pitch and quarters, a rest, a grace note; `^` after the pitch marks a fermata."""
    now, notes = Fraction(0), []
    for word in text.split():
        name, _, length = word.partition(":")
        if name.startswith("g"):
            notes.append(Note(int(now * TPQ), 0, int(name[1:]), spelling=spell(int(name[1:]), key)))
            continue
        if name != "r":
            pitch = int(name.rstrip("^"))
            notes.append(Note(int(now * TPQ), int(Fraction(length) * TPQ), pitch, spelling=spell(pitch, key), fermata="^" in name))
        now += Fraction(length)
    meters = (MeterAt(0, Meter.parse(meter)),)
    pickup_ticks = int(Fraction(pickup) * TPQ)
    return Score((Part("Soprano", tuple(notes)),), TPQ, meters, (KeyAt(0, key),), (TempoAt(0, tempo),), pickup_ticks, "A tune")


def facts(score: Score) -> dict[str, object]:
    """Everything that a round trip must keep, in quarters."""
    tpq = score.ticks_per_quarter

    def note_facts(note: Note) -> tuple[object, ...]:
        return Fraction(note.start, tpq), Fraction(note.duration, tpq), note.pitch, str(note.spelling), note.fermata

    return {
        "parts": [(part.name, sorted(map(note_facts, part.notes), key=str)) for part in score.parts],
        "meters": [(Fraction(change.start, tpq), change.meter) for change in score.meters],
        "keys": [(Fraction(change.start, tpq), change.key) for change in score.keys],
        "tempos": [(Fraction(change.start, tpq), change.quarters_per_minute) for change in score.tempos],
        "pickup": Fraction(score.pickup, tpq),
        "title": score.title,
    }


def reread(score: Score, folder: Path, layout: str = "open") -> Score:
    path = folder / "again.musicxml"
    write_score(score, path, layout=layout)  # type: ignore[arg-type]
    return read_musicxml(path)


def tree(score: Score, layout: str = "open") -> ET.Element:
    return ET.fromstring(musicxml_bytes(score, layout))  # type: ignore[arg-type]


def written(score: Score) -> list[str]:
    """`quarter`, `eighth.`, `rest`, with ~ where a tie goes on and a number in front of a tuplet's notes."""
    words = []
    for note in tree(score).iter("note"):
        value = (note.findtext("type") or "bar") + "." * len(note.findall("dot"))
        actual = note.findtext("time-modification/actual-notes") or ""
        tie = "~" if note.find("tie[@type='start']") is not None else ""
        words.append(f"{'r-' if note.find('rest') is not None else ''}{actual}{value}{tie}")
    return words


@pytest.fixture(scope="module")
def chorales() -> dict[str, Score]:
    return {name: read_musicxml(corpus.getWork(f"bach/{name}")) for name in CHORALES}


@pytest.mark.parametrize("name", CHORALES)
@pytest.mark.parametrize("layout", ["open", "two-staff"])
def test_chorales_come_back(chorales: dict[str, Score], name: str, layout: str, tmp_path: Path) -> None:
    score = chorales[name]
    if layout == "two-staff" and len(score.parts) != 4:
        pytest.skip("not four parts")
    assert facts(reread(score, tmp_path, layout)) == facts(score)


def test_a_chorale_is_read_as_it_stands(chorales: dict[str, Score]) -> None:
    score = chorales["bwv66.6"]
    assert [part.name for part in score.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert (score.ticks_per_quarter, score.pickup, score.key, score.title) == (4, 4, Key(3, "minor"), "")
    assert [str(note.spelling) for note in score.parts[0].notes[:4]] == ["C#5", "B4", "A4", "B4"]
    fermatas = [note.start for note in score.parts[0].notes if note.fermata]
    assert [score.place(tick) for tick in fermatas][:2] == ["bar 1 beat 3", "bar 2 beat 3"]


def test_repeats_are_written_out(chorales: dict[str, Score]) -> None:
    assert "repeats were written out" in chorales["bwv269"].remarks
    soprano = chorales["bwv269"].parts[0].notes
    first = [note.pitch for note in soprano if note.start < 84]
    second = [note.pitch for note in soprano if 84 <= note.start < 168]
    assert first == second


ODDITIES = {
    "triplets": melody("4/4", "60:1/3 62:1/3 64:1/3 65:2/3 67:1/3 69:1/6 71:1/6 72:1/6 74:1/6 76:1/6 77:1/6 79:1/3 r:1/3 81:1/3"),
    "quarter triplets": melody("3/4", "60:1 62:2/3 64:2/3 65:2/3 67:4/3 69:2/3 72:1 60:1/3 62:4/3 64:1/3 65:1"),
    "quintuplet": melody("4/4", "65:1/5 67:1/5 69:2/5 71:1/5 72:3"),
    "septuplet": melody("4/4", "65:1/7 67:1/7 69:2/7 71:3/7 72:3"),
    "thirty-seconds": melody("4/4", "60:1/8 62:1/8 64:1/8 65:1/8 67:1/4 69:1/8 71:1/8 72:3"),
    "syncopes": melody("4/4", "60:1/2 62:1 64:1 65:1 67:1/2 60:1/4 62:5/4 64:1/4 65:2 67:1/4"),
    "over three bars": melody("4/4", "r:7/4 69:13 70:5/4"),
    "6/8": melody("6/8", "60:1/2 62:1/2 64:1/2 65:1 67:1/2 69:2 71:1 r:3 64:3/4 65:1/4 67:1/2 60:9", Key(-5)),
    "12/8": melody("12/8", "60:1/2 60:3/2 62:1 64:1/2 71:3 69:3 r:3 67:6", Key(-3, "minor"), pickup="1/2", tempo=100.0),
    "2/2": melody("2/2", "60:1/2 62:1/2 64:1/2 65:1/2 67:1/4 69:1/4 71:1/2 72:1 74:3 72:1 r:4 71:2", Key(2), pickup="1"),
    "3/2": melody("3/2", "60:3 62:1 64:2 65:6 67:1 69:4 70:1"),
    "5/4": melody("5/4", "60:5 62:2 64:2 65:1 r:5 67:4"),
    "7/8": melody("7/8", "60:1/2 62:1/2 64:1/2 65:1/2 67:1/2 69:1/2 71:1/2 72:7/2"),
    "3/8": melody("3/8", "60:1/2 62:1/2 64:1/2 65:1/4 67:1/4 69:1/4 71:1/4 72:1/2 72:3/2"),
    "grace": melody("4/4", "g62 60:1 g59 g60 62:1 64:1/3 g61 62:1/3 60:1/3 60:1"),
    "five flats": melody("4/4", "61:1 63:1 65^:2 66:1 68:1 70:1 59:1", Key(-5)),
    "fermata over a tie": melody("4/4", "60:2 62^:5 60:1"),
    "minor": melody("4/4", "68:1 69:1 66:1 68:1", Key(0, "minor")),
}


@pytest.mark.parametrize("score", ODDITIES.values(), ids=ODDITIES)
def test_oddities_come_back(score: Score, tmp_path: Path) -> None:
    assert facts(reread(score, tmp_path)) == facts(score)


@pytest.mark.parametrize(
    ("meter", "text", "values"),
    [
        ("4/4", "60:1/4 62:5/4 64:1/2 65:2", "16th eighth.~ eighth eighth half"),
        ("4/4", "60:1/2 62:1 64:1 65:1 67:1/2", "eighth quarter eighth~ eighth quarter eighth"),
        ("4/4", "60:1 62:2 64:1", "quarter half quarter"),
        ("4/4", "60:1 62:3/2 64:3/2", "quarter quarter. quarter."),
        ("4/4", "60:5/2 62:3/2", "half~ eighth quarter."),
        ("4/4", "60:1 r:3 r:4 62:4", "quarter r-quarter r-half r-bar whole"),
        ("3/4", "60:1 r:2", "quarter r-quarter r-quarter"),
        ("3/4", "60:1/2 62:2 64:1/2", "eighth eighth~ quarter. eighth"),
        ("6/8", "60:1 62:1 64:1", "quarter eighth~ eighth quarter"),
        ("6/8", "60:2 r:1", "quarter.~ eighth r-eighth r-eighth"),
        ("12/8", "60:6 62:3/2 64:3 65:3/2", "whole. quarter. half. quarter."),
        ("2/2", "60:1/2 62:1 64:1/2 65:2", "eighth quarter eighth half"),
        ("3/4", "60:1/3 62:1/3 64:1/3 65:2/3 67:2/3 69:2/3", "3eighth 3eighth 3eighth 3quarter 3quarter 3quarter"),
        ("4/4", "60:2/3 r:1/3 62:3", "3quarter r-3eighth half."),
    ],
)
def test_values_are_a_copyists(meter: str, text: str, values: str) -> None:
    assert written(melody(meter, text)) == values.split()


def beams(score: Score) -> list[str]:
    return ["/".join(beam.text or "" for beam in note.findall("beam")) for note in tree(score).iter("note")]


def test_beams_follow_the_beat() -> None:
    assert beams(melody("4/4", "60:1/2 62:1/2 64:1/2 65:1/2 67:2")) == ["begin", "end", "begin", "end", ""]
    assert beams(melody("6/8", "60:1/2 62:1/2 64:1/2 65:1 67:1/2")) == ["begin", "continue", "end", "", ""]
    assert beams(melody("4/4", "60:3/4 62:1/4 64:1/4 65:3/4 67:2")) == ["begin", "end/backward hook", "begin/forward hook", "end", ""]
    assert beams(melody("2/4", "60:1/4 62:1/2 64:1/4 r:1/2 65:1/2")) == ["begin/forward hook", "continue", "end/backward hook", "", ""]


def accidentals(score: Score, layout: str = "open") -> list[str]:
    return [note.findtext("accidental") or "" for note in tree(score, layout).iter("note")]


def test_accidentals_hold_for_the_bar_and_return_as_a_courtesy() -> None:
    signs = accidentals(melody("4/4", "66:1 65:1 65:1 66:1 66:1 65:3", Key(1)))
    assert signs == ["", "natural", "", "sharp", "", "natural"]
    assert accidentals(melody("2/4", "65:2 66:2 66:2", Key(1))) == ["natural", "sharp", ""]
    assert accidentals(melody("2/4", "65:4 65:2", Key(1))) == [
        "natural",
        "",
        "natural",
    ]  # a tie carries its sign over the barline, no further


def test_voices_of_a_staff_share_accidentals() -> None:
    pitches = (66, 65, 54, 53)
    parts = tuple(
        Part(name, (Note(0, 1, pitch, spelling=spelling), Note(1, 3, pitch, spelling=spelling)))
        for name, pitch, spelling in zip("SATB", pitches, map(Spelling.parse, ("F#4", "F4", "F#3", "F3")), strict=True)
    )
    signs = accidentals(Score(parts, 1), "two-staff")
    assert signs == ["sharp", "sharp", "natural", "natural"] * 2


def test_parts_of_a_staff_have_signs_of_their_own_and_one_for_a_unison() -> None:
    soprano, alto = ["G4", "C5", "F#4", "G#4", "G#4"], ["F#4", "F#4", "F4", "G#4", "G4"]
    lines = [
        tuple(Note(at, 1, Spelling.parse(name).pitch, spelling=Spelling.parse(name)) for at, name in enumerate(each))
        for each in (soprano, alto)
    ]
    lower = tuple(Note(at, 1, 48) for at in range(5))
    signs = accidentals(
        Score((Part("S", lines[0]), Part("A", lines[1]), Part("T", lower), Part("B", lower)), 1, (MeterAt(0, Meter(5, 4)),)), "two-staff"
    )
    assert signs[:10] == ["", "", "sharp", "sharp", "", "sharp", "", "natural", "", "natural"]


def test_spelling_without_one_given_follows_the_key() -> None:
    score = melody("4/4", "61:1 63:1 66:1 68:1", Key(-5))
    bare = replace(score, parts=(replace(score.parts[0], notes=tuple(replace(note, spelling=None) for note in score.parts[0].notes)),))
    assert musicxml_bytes(bare) == musicxml_bytes(score)
    assert [step.text for step in tree(bare).iter("step")] == ["D", "E", "G", "A"]


def test_clefs_names_programs_and_the_last_bar() -> None:
    score = read_musicxml(corpus.getWork("bach/bwv66.6"))
    root = tree(score)
    clefs = [(clef.findtext("sign"), clef.findtext("clef-octave-change")) for clef in root.iter("clef")]
    assert clefs == [("G", None), ("G", None), ("G", "-1"), ("F", None)]
    assert [name.text for name in root.iter("part-name")] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert {program.text for program in root.iter("midi-program")} == {"53"}
    first, last = root.findall("part[1]/measure")[0], root.findall("part[1]/measure")[-1]
    assert (first.get("number"), first.get("implicit")) == ("0", "yes")
    assert last.findtext("barline/bar-style") == "light-heavy"
    assert sum(int(note.findtext("duration") or 0) for note in last.iter("note")) == 3 * int(root.findtext(".//divisions") or 0)
    assert [time.findtext("beats") for time in tree(score, "two-staff").iter("time")] == ["4", "4"]


def test_bytes_depend_on_the_score_alone() -> None:
    command = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_musicxml import *; sys.stdout.buffer.write(musicxml_bytes(ODDITIES['6/8']))"
    )
    again = subprocess.run([sys.executable, "-c", command, str(Path(__file__).parent)], check=True, capture_output=True).stdout
    assert again == musicxml_bytes(ODDITIES["6/8"])
    assert b"music21" not in again


def test_chords_and_overlaps_keep_every_note(tmp_path: Path) -> None:
    notes = (Note(0, 4, 48), Note(0, 1, 60), Note(0, 1, 64), Note(1, 2, 62), Note(3, 1, 64), Note(2, 2, 67))
    again = reread(Score((Part("Piano", notes, program=0),), 1, title="x"), tmp_path)
    read = sorted((note.start / 4, note.duration / 4, note.pitch) for part in again.parts for note in part.notes)
    assert read == sorted((note.start, note.duration, note.pitch) for note in notes)
    assert {part.program for part in again.parts} == {0}


def test_meters_keys_and_tempos_change(tmp_path: Path) -> None:
    score = replace(
        melody("4/4", "60:4 62:3 64:3 65:2 67:2 69:4"),
        meters=tuple(MeterAt(quarter * TPQ, Meter.parse(text)) for quarter, text in ((0, "4/4"), (4, "3/4"), (10, "2/2"))),
        keys=tuple(KeyAt(quarter * TPQ, key) for quarter, key in ((0, Key()), (4, Key(2)), (12, Key(-3, "minor")))),
        tempos=tuple(TempoAt(quarter * TPQ, value) for quarter, value in ((0, 90.0), (5, 72.0), (12, 61.5))),
    )
    again = facts(reread(score, tmp_path))
    for name in ("meters", "keys", "tempos"):
        assert again[name] == facts(score)[name]


def test_a_short_bar_inside_begins_the_meter_again(tmp_path: Path) -> None:
    score = replace(melody("4/4", "60:4 62:2 64:4 65:4"), meters=(MeterAt(0, Meter()), MeterAt(6 * TPQ, Meter())))
    assert facts(reread(score, tmp_path)) == facts(score)


def test_live_rhythm_names_the_place_and_the_remedy() -> None:
    notes = (Note(0, 480, 60), Note(487, 470, 62))
    with pytest.raises(NotationError, match=r"Soprano, bar 1 beat 1.99|Soprano, bar 1 beat 2.*--quantize"):
        musicxml_bytes(Score((Part("Soprano", notes),)))


def test_two_staves_want_four_voices() -> None:
    with pytest.raises(NotationError, match=r"this score has 1 part; use the layout"):
        musicxml_bytes(melody("4/4", "60:4"), "two-staff")


def test_a_transposing_instrument_is_read_as_it_sounds(tmp_path: Path) -> None:
    text = musicxml_bytes(melody("4/4", "62:1 66:3", Key(2))).decode()
    path = tmp_path / "clarinet.musicxml"
    transpose = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose></attributes>"
    path.write_text(text.replace("</attributes>", transpose, 1), encoding="utf-8")
    score = read_musicxml(path)
    assert [str(note.spelling) for note in score.parts[0].notes] == ["C4", "E4"]
    assert score.key == Key()
    assert "transposing instruments were read at sounding pitch" in score.remarks


def test_what_a_score_does_not_hold_is_said(tmp_path: Path) -> None:
    path = tmp_path / "song.musicxml"
    note = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>1</duration>{}</note>"
    slurs = ['<notations><slur type="start" number="1"/></notations>', '<notations><slur type="stop" number="1"/></notations>']
    accent = "<notations><articulations><accent/><staccato/></articulations><ornaments><trill-mark/></ornaments></notations>"
    sung = "<lyric><text>{}</text></lyric>"
    words = [slurs[0] + sung.format("A"), slurs[1] + sung.format("men"), accent]
    music = "".join(note.format(step, rest) for step, rest in zip("CDE", words, strict=True))
    text = musicxml_bytes(melody("3/4", "60:3")).decode()
    begin, end = text.index("<note>"), text.index("</note>") + len("</note>")
    path.write_text(f"{re.sub('<divisions>.*?<', '<divisions>1<', text[:begin])}{music}{text[end:]}", encoding="utf-8")
    assert read_musicxml(path).remarks == ("left out: 1 slur, 2 articulations, 1 ornament",)


def test_cue_notes_are_no_notes_of_the_tune(tmp_path: Path) -> None:
    path = tmp_path / "cue.musicxml"
    text = musicxml_bytes(melody("4/4", "g71 72:1 60:1 62:2")).decode()
    first, second = (match.start() for match in list(re.finditer("<note", text))[:2])
    text = text[:second] + re.sub("(<note[^>]*>)", r"\1<cue/>", text[second:], count=1)
    path.write_text(text[:first] + re.sub("<grace[^>]*>", "<grace/><cue/>", text[first:], count=1), encoding="utf-8")
    score = read_musicxml(path)
    assert [(note.start // score.ticks_per_quarter, note.pitch) for note in score.parts[0].notes] == [(1, 60), (2, 62)]
    assert "left out: 2 cue notes" in score.remarks


def test_grace_notes_of_abc_are_read(tmp_path: Path) -> None:
    path = tmp_path / "grace.abc"
    path.write_text("X:1\nT:T\nM:2/4\nL:1/4\nK:C\n{d}c B|c2|]\n")
    score = read_musicxml(path)
    assert [(note.pitch, note.duration > 0) for note in score.parts[0].notes] == [(74, False), (72, True), (71, True), (72, True)]
    assert not any("grace" in remark for remark in score.remarks)


def test_kern(tmp_path: Path) -> None:
    path = tmp_path / "two.krn"
    path.write_text(
        "**kern\t**kern\n*M4/4\t*M4/4\n*k[b-]\t*k[b-]\n4D\t4d\n=1\t=1\n2F;\t[2a;\n2A\t4a]\n.\t12b-\n.\t12g#\n.\t12a\n=2\t=2\n1DD\t1f\n==\t==\n*-\t*-\n"
    )
    score = read_musicxml(path)
    upper = [(str(note.spelling), Fraction(note.duration, 12), note.fermata) for note in score.parts[0].notes]
    third = Fraction(1, 3)
    expected = [("D4", 1, False), ("A4", 3, True), ("Bb4", third, False), ("G#4", third, False), ("A4", third, False), ("F4", 4, False)]
    assert upper == expected
    assert (score.ticks_per_quarter, score.pickup) == (12, 12)
    assert score.key == Key(-1, "minor")  # no mode in the file; the last bass note is D


def test_abc(tmp_path: Path) -> None:
    path = tmp_path / "tune.abc"
    path.write_text('X:1\nT:A reel\nM:3/4\nL:1/8\nQ:1/4=96\nK:Dmin\nA2|"Dm"d2 e2 (3fga|f4-f2|\nd6|]\n')
    score = read_musicxml(path)
    assert score.title == "A reel"
    assert score.key == Key(-1, "minor")
    assert [note.pitch for note in score.parts[0].notes] == [69, 74, 76, 77, 79, 81, 77, 74]
    assert [Fraction(note.duration, score.ticks_per_quarter) for note in score.parts[0].notes][-2:] == [3, 3]
    assert score.tempos[0].quarters_per_minute == 96
    assert CHORDS_LEFT_OUT in score.remarks


def test_a_tie_may_pass_from_voice_to_voice(tmp_path: Path) -> None:
    score = melody("4/4", "60:4 62:4")
    text = musicxml_bytes(score).decode().replace("<voice>1</voice>\n    <type>whole</type>", "<voice>2</voice><type>whole</type>")
    path = tmp_path / "voices.musicxml"
    path.write_text(text, encoding="utf-8")
    assert [note.pitch for part in read_musicxml(path).parts for note in part.notes] == [60, 62]
