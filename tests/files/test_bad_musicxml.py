"""Bad scores: each gets one line that names the file and what to do. No traceback, no warning, no file beside it."""

from __future__ import annotations

import copy
import io
import re
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicgen.errors import FileError, MusicgenError, NotationError
from musicgen.files import write_score
from musicgen.files.musicxml import read_musicxml
from musicgen.files.musicxml_write import musicxml_bytes
from musicgen.music.score import Meter, MeterAt, Note, Part, Score

GOOD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>
<part id="P1"><measure number="1">
<attributes><divisions>2</divisions><key><fifths>0</fifths></key><time><beats>4</beats><beat-type>4</beat-type></time></attributes>
<note><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration><type>half</type></note>
<note><pitch><step>D</step><octave>4</octave></pitch><duration>4</duration><type>half</type></note>
</measure></part></score-partwise>
"""
KERN = "**kern\t**kern\n*M4/4\t*M4/4\n*k[b-]\t*k[b-]\n=1\t=1\n2C;\t[2e\n2D\t4e]\n.\t12f\n.\t12g\n.\t12a\n=2\t=2\n1C\t1e\n==\t==\n*-\t*-\n"
ABC = 'X:1\nT:A tune\nM:3/4\nL:1/8\nQ:1/4=96\nK:Dmin\nA2|:"Dm"d2 {e}(3fga f2-|f2 z2 [Ac]2:|\n'
BOMB = '<!DOCTYPE score-partwise [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><score-partwise>&b;</score-partwise>'
EXTERNAL = '<!DOCTYPE score-partwise [<!ENTITY a SYSTEM "file:///etc/passwd">]><score-partwise>&a;</score-partwise>'
CONTAINER = '<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'


def changed(old: str, new: str) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new).encode()


def zipped(**files: str | bytes) -> bytes:
    """`container` stands for META-INF/container.xml, other names have .xml added."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr("META-INF/container.xml" if name == "container" else f"{name.replace('__', '../')}.xml", text)
    return data.getvalue()


def encrypted() -> bytes:
    data = bytearray(zipped(container=CONTAINER, score=GOOD))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(signature, at + 1)
    return bytes(data)


XML = {
    "empty": (b"", "empty"),
    "spaces": (b"  \n ", "not well-formed"),
    "cut off": (GOOD[:400].encode(), "not well-formed"),
    "no XML": (b"once upon a time", "not well-formed"),
    "broken UTF-8": (GOOD.replace("Voice", "V\xf6ice").encode("latin-1"), "not well-formed"),
    "unknown encoding": (GOOD.replace("UTF-8", "klingon").encode(), "not well-formed"),
    "another XML": (b"<html><body/></html>", "not MusicXML"),
    "timewise": (b"<score-timewise/>", "timewise"),
    "entity bomb": (BOMB.encode(), "entities"),
    "external entity": (EXTERNAL.encode(), "entities"),
    "deep": (b"<a>" * 5000 + b"</a>" * 5000, "nested"),
    "no parts": (b"<score-partwise version='4.0'><part-list/></score-partwise>", "music21|no notes"),
    "no notes": (re.sub("<pitch>.*?</pitch>", "<rest/>", GOOD).encode(), "no notes"),
    "percussion only": (re.sub("<pitch>.*?</pitch>", "<unpitched/>", GOOD).encode(), "no notes"),
    "meter 0/4": (changed("<beats>4<", "<beats>0<"), "bar 1: 0/4 is no meter"),
    "meter 4/0": (changed("<beat-type>4<", "<beat-type>0<"), "4/0 is no meter"),
    "meter of words": (changed("<beats>4<", "<beats>four<"), "is no meter"),
    "divisions 0": (changed("<divisions>2<", "<divisions>0<"), "0 divisions"),
    "divisions missing": (changed("<divisions>2</divisions>", ""), "before any divisions"),
    "divisions of words": (changed("<divisions>2<", "<divisions>two<"), "is no number"),
    "a million beats": (changed("<duration>4<", "<duration>2000000<"), "a note of 1e\\+06 quarters"),
    "negative": (changed("<duration>4<", "<duration>-4<"), "a note of -2 quarters"),
    "tempo 0": (changed("</attributes>", '</attributes><sound tempo="0"/>'), "a tempo of 0"),
    "quarter tone": (changed("<octave>4<", "<alter>0.5</alter><octave>4<"), "between two semitones"),
    "octave 40": (changed("<octave>4<", "<octave>40<"), "outside MIDI|music21"),
    "twelve sharps": (changed("<fifths>0<", "<fifths>12<"), "12 signs"),
    "rhythm too fine": (changed("<divisions>2<", "<divisions>99991<"), "ticks a quarter|music21"),
}  # fmt: skip

MXL = {
    "no zip": (b"PK\x03\x04 not really", "damaged"),
    "cut off": (zipped(container=CONTAINER, score=GOOD)[:300], "damaged"),
    "encrypted": (encrypted(), "encrypted"),
    "no container": (zipped(score=GOOD), "META-INF"),
    "container of nothing": (zipped(container="<container/>", score=GOOD), "names no score"),
    "container names another": (zipped(container=CONTAINER, other=GOOD), "not in it"),
    "path traversal": (zipped(container=CONTAINER, score=GOOD, **{"__evil": "x"}), "outside itself"),
    "zip bomb": (zipped(container=CONTAINER, score=b" " * 30_000_000), "unpack"),
    "entity bomb inside": (zipped(container=CONTAINER, score=BOMB), "entities"),
}

TEXTS = {
    "no kern.krn": (b"just words\n", r"no \*\*kern"),
    "latin-1.krn": (KERN.encode() + b"!! \xf6\n", "byte"),
    "cut off.krn": (KERN[:60].encode(), "cut off"),
    "kern of rests.krn": (b"**kern\n=1\n4r\n*-\n", "no notes"),
    "no abc.abc": (b"just words\n", "no K:"),
    "latin-1.abc": (ABC.encode() + b"% \xf6\n", "byte"),
    "abc without notes.abc": (b"X:1\nK:C\nz4|\n", "no notes|music21"),
    "a long note.abc": (b"X:1\nM:4/4\nL:1/4\nK:C\nC1000000|\n", "1000000 among the notes"),
    "meter 0.abc": (b"X:1\nM:0/4\nL:1/4\nK:C\nCDEF|\n", "M: 0/4 is no meter"),
    "a long meter.abc": (b"X:1\nM:39991/8\nL:1/4\nK:C\nCDEF|\n", "is no meter"),
    "a broken meter.abc": (b"X:1\nM:[999:1/8\nL:1/4\nK:C\nCDEF|\n", "is no meter"),
    "a long meter.krn": (KERN.replace("M4/4", "M484/4").encode(), "is no meter"),
    "picture.abc": (b"\x89PNG\r\n\x1a\n\0\0", "PNG"),
}


def refused(path: Path, data: bytes, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_bytes(data)
    with pytest.raises(FileError, match=message) as error:
        read_musicxml(path)
    text = str(error.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert len(text) < 400 + len(str(path))
    assert capsys.readouterr() == ("", "")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("data", "message"), XML.values(), ids=XML)
def test_bad_musicxml(data: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(tmp_path / "bad.musicxml", data, message, capsys)


@pytest.mark.parametrize(("data", "message"), MXL.values(), ids=MXL)
def test_bad_mxl(data: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(tmp_path / "bad.mxl", data, message, capsys)


@pytest.mark.parametrize(("name", "data", "message"), [(name, *rest) for name, rest in TEXTS.items()], ids=TEXTS)
def test_bad_text(name: str, data: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(tmp_path / name, data, message, capsys)


def test_good_ones_are_read(tmp_path: Path) -> None:
    for name, data in {
        "a.musicxml": GOOD.encode(),
        "b.xml": GOOD.encode("utf-16"),
        "c.mxl": zipped(container=CONTAINER, score=GOOD),
    }.items():
        (tmp_path / name).write_bytes(data.replace(b'encoding="UTF-8"', b""))
        if name == "b.xml":
            (tmp_path / name).write_bytes(GOOD.replace("UTF-8", "UTF-16").encode("utf-16"))
        assert [note.pitch for note in read_musicxml(tmp_path / name).parts[0].notes] == [60, 62]
    assert len(list(tmp_path.iterdir())) == 3


def test_missing_folder_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        read_musicxml(tmp_path / "none.musicxml")
    with pytest.raises(FileError, match="folder"):
        read_musicxml(tmp_path)
    with pytest.raises(FileError, match="does not exist"):
        write_score(Score((Part("S", (Note(0, 480, 60),)),)), tmp_path / "nowhere" / "x.musicxml")


def test_nothing_to_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "old.musicxml"
    path.write_text("old")
    with pytest.raises(MusicgenError, match="no notes"):
        write_score(Score(()), path)
    with pytest.raises(MusicgenError, match="quantize"):
        write_score(Score((Part("S", (Note(7, 481, 60),)),)), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_control_characters_in_names_and_titles_stay_out() -> None:
    data = musicxml_bytes(Score((Part("S\x01<&", (Note(0, 480, 60),)),), title="A\x00B"))
    assert b"S&lt;&amp;" in data
    assert b"AB" in data


@st.composite
def mutations(draw: st.DrawFn, text: str) -> bytes:
    """Some bytes of a good file replaced, removed or doubled."""
    data = bytearray(text.encode())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        length = draw(st.integers(0, 12))
        data[at : at + length] = draw(
            st.one_of(
                st.binary(max_size=3),
                st.sampled_from(
                    [b"0", b"-", b"999", b"1/0", b"<note>", b"</measure>", b"[", b"|:", b"(3", b"^", b"\n", b"\t", b"*^", b"%", b"="]
                ),
            )
        )
    return bytes(data)


@st.composite
def mutated_trees(draw: st.DrawFn) -> bytes:
    """Elements of a good file moved, doubled, dropped or given another text: well-formed, but hardly music."""
    root = ET.fromstring(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        parents = [element for element in root.iter() if len(element)]
        if not parents:
            break
        parent = draw(st.sampled_from(parents))
        child = draw(st.sampled_from(list(parent)))
        other = draw(st.sampled_from(parents))
        action = draw(st.sampled_from(["drop", "double", "move", "text", "text"]))
        if action == "text":
            child.text = draw(st.sampled_from(["", "0", "-1", "3", "1.5", "H", "start", "1e9", "half", "2/0"]))
        else:
            other.append(copy.deepcopy(child))
        if action in ("drop", "move"):
            parent.remove(child)
    return ET.tostring(root)


FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def read_or_refuse(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        score = read_musicxml(path)
    except FileError:
        return
    try:
        musicxml_bytes(score)
    except MusicgenError:
        return


@FUZZ
@given(data=mutations(GOOD))
def test_fuzzed_musicxml(data: bytes, tmp_path: Path) -> None:
    read_or_refuse(tmp_path / "fuzz.musicxml", data)


@FUZZ
@given(data=mutated_trees())
def test_fuzzed_trees(data: bytes, tmp_path: Path) -> None:
    read_or_refuse(tmp_path / "fuzz.musicxml", data)


@FUZZ
@given(data=mutations(KERN))
def test_fuzzed_kern(data: bytes, tmp_path: Path) -> None:
    read_or_refuse(tmp_path / "fuzz.krn", data)


@FUZZ
@given(data=mutations(ABC))
def test_fuzzed_abc(data: bytes, tmp_path: Path) -> None:
    read_or_refuse(tmp_path / "fuzz.abc", data)


@settings(max_examples=60, deadline=None)
@given(
    notes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 2000), st.integers(0, 127)), min_size=1, max_size=12),
    tpq=st.integers(1, 24),
    meter=st.sampled_from(["4/4", "3/4", "6/8", "5/4", "7/8", "2/2", "9/16", "3/32"]),
    pickup=st.integers(0, 2),
)
def test_any_score_is_written_whole_or_refused(notes: list[tuple[int, int, int]], tpq: int, meter: str, pickup: int) -> None:
    part = Part("P", tuple(Note(start % (40 * tpq), duration % (9 * tpq), pitch) for start, duration, pitch in notes))
    score = Score((part,), tpq, (MeterAt(0, Meter.parse(meter)),), pickup=pickup)
    try:
        data = musicxml_bytes(score)
    except NotationError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert data.count(b"<step>") >= len(part.notes)
    assert not refusal or "quantize" in refusal
