"""Bad files through the whole program: one line that names the file, exit code 2, no traceback, no partial file."""

import errno
import io
import os
import struct
import zipfile
from pathlib import Path

import pytest

from musicgen.cli import main
from musicgen.files import read_score, write_score
from musicgen.music.score import Note, Part, Score

END = b"\x00\xff\x2f\x00"
NOTE = b"\x00\x90\x43\x50\x83\x60\x80\x43\x40"  # G4, a quarter


def midi(*tracks, division=480):
    chunks = (b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), division) + b"".join(chunks)


def long_note(ticks):
    variable = [ticks & 0x7F]
    while ticks := ticks >> 7:
        variable.insert(0, 0x80 | ticks & 0x7F)
    return b"\x00\x90\x43\x50" + bytes(variable) + b"\x80\x43\x40"


def xml(notes="", head=""):
    part = f'<part id="P"><measure number="1"><attributes><divisions>1</divisions></attributes>{notes}</measure></part>'
    listed = '<part-list><score-part id="P"><part-name>x</part-name></score-part></part-list>'
    return f'<?xml version="1.0"?>{head}<score-partwise version="4.0">{listed}{part}</score-partwise>'.encode()


def mxl(inner="score.musicxml", data=None):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", f'<container><rootfiles><rootfile full-path="{inner}"/></rootfiles></container>')
        archive.writestr("score.musicxml", xml(NOTE_XML) if data is None else data)
    return packed.getvalue()


NOTE_XML = "<note><pitch><step>G</step><octave>4</octave></pitch><duration>1</duration></note>"
BOMB = "<!DOCTYPE a [<!ENTITY a 'aaaaaaaa'>" + "".join(f"<!ENTITY {n} '{f'&{p};' * 10}'>" for p, n in ("ab", "bc", "cd", "de", "ef")) + "]>"
EXTERNAL = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'

REFUSED = {  # what is in the file, and a part of the reason
    "empty.mid": (b"", "the file is empty"),
    "empty.musicxml": (b"", "the file is empty"),
    "truncated.mid": (midi(NOTE + END)[:30], "cut short within track 1"),
    "truncated.mxl": (mxl()[:60], "a damaged, cut off or encrypted zip archive"),
    "truncated.musicxml": (xml(NOTE_XML)[:90], "not well-formed XML (unclosed token"),
    "picture.mid": (b"\x89PNG\r\n\x1a\n" + bytes(64), "this is a PNG picture, not a MIDI file"),
    "midi.musicxml": (midi(NOTE + END), "this is a MIDI file, not MusicXML"),
    "notes.txt": (b"G A B c", ".txt files cannot be read"),
    "zero-division.mid": (midi(NOTE + END, division=0), "0 ticks a quarter"),
    "percussion.mid": (midi(NOTE.replace(b"\x90", b"\x99").replace(b"\x80", b"\x89") + END), "no part has notes with a pitch"),
    "no-notes.mid": (midi(END), "the file holds no notes"),
    "no-notes.musicxml": (xml(), "there are no notes with a pitch"),
    "million-beats.mid": (midi(long_note(480 * 500_000) + END), "lasts 500,000 quarters; at most 50,000"),
    "meter-0.musicxml": (
        xml("<attributes><time><beats>0</beats><beat-type>4</beat-type></time></attributes>" + NOTE_XML),
        "bar 1: 0/4 is no meter",
    ),
    "broken-utf8.musicxml": (xml(NOTE_XML).replace(b">x<", b">\xff\xfe\xc3<"), "not well-formed XML (not well-formed (invalid token)"),
    "bomb.musicxml": (xml("<words>&f;</words>" + NOTE_XML, BOMB), "declares XML entities"),
    "external.musicxml": (xml("<words>&a;</words>" + NOTE_XML, EXTERNAL), "declares XML entities"),
    "zip-bomb.mxl": (mxl(data=bytes(60_000_000)), "would unpack to 60,000,084 bytes"),
    "traversal.mxl": (mxl("../../etc/passwd"), "its container names '../../etc/passwd'"),
    "too-high.mid": (midi(NOTE + NOTE.replace(b"\x43", b"\x7f") + END), "bar 1 beat 2: G9 is outside the soprano's range"),
    "every-range.mid": (
        midi(NOTE.replace(b"\x43", b"\x05") + NOTE.replace(b"\x43", b"\x7e") + END),
        "bar 1 beat 1: F-1 is outside the soprano's range",
    ),
    "smpte.mid": (midi(NOTE + END, division=0xE728), "counted in film frames (SMPTE)"),
    "tempo-0.mid": (midi(b"\x00\xff\x51\x03\x00\x00\x00" + NOTE + END), "a tempo of 0 microseconds a quarter"),
    "meter-0.mid": (midi(b"\x00\xff\x58\x04\x00\x02\x18\x08" + NOTE + END), "0/4 is no meter"),
    "20000-notes.mid": (midi(NOTE * 20_000 + END), "80000 sixteenths long, at most 65536"),
}
# Odd, but music: these are harmonized.
ODD = {
    "no-end.mid": midi(NOTE),
    "200-tracks.mid": midi(*[NOTE + END] * 200),
    "overlapping.mid": midi(b"\x00\x90\x43\x50\x10\x90\x43\x50\x83\x60\x80\x43\x40\x10\x80\x43\x40" + END),
}


@pytest.fixture
def harmonized(tmp_path, monkeypatch, capsys):
    """Exit code and last line on stderr of harmonizing a file; nothing new lies in the folder unless it went well."""
    monkeypatch.chdir(tmp_path)

    def call(name, output="out.mid"):
        before = set(Path().rglob("*"))
        code = main(["harmonize", name, "-m", "dice", "-o", output])
        out, err = capsys.readouterr()
        assert code in (0, 2), err
        assert "Traceback" not in err
        if code == 2:
            assert out == ""
            assert set(Path().rglob("*")) == before
            assert [line.startswith("musicgen: error: ") for line in err.splitlines()][-1]
        return code, err.splitlines()[-1]

    return call


@pytest.mark.parametrize("name", REFUSED)
def test_refused(harmonized, tmp_path, name):
    data, reason = REFUSED[name]
    (tmp_path / name).write_bytes(data)
    code, line = harmonized(name)
    assert code == 2
    assert line.startswith(f"musicgen: error: {name}: ")
    assert reason in line
    assert len(line) < 500


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_measured_is_refused_by_name(at_work, capsys, name):
    """Also what could be harmonized in another range: these files have no four voices."""
    Path(name).write_bytes(REFUSED[name][0])
    assert main(["evaluate", "copying", name]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith(f"musicgen: error: {name}: ")


@pytest.mark.parametrize("name", ODD)
def test_odd(harmonized, tmp_path, name):
    (tmp_path / name).write_bytes(ODD[name])
    assert harmonized(name)[0] == 0
    assert len(read_score(tmp_path / "out.mid").parts) == 4


def test_a_folder_named_mid(harmonized, tmp_path):
    (tmp_path / "a.mid").mkdir()
    assert harmonized("a.mid") == (2, "musicgen: error: a.mid: this is a folder; give the name of a file in it")


def tune(folder):
    write_score(Score((Part("Flute", (Note(0, 1920, 67),)),)), folder / "tune.mid")
    return "tune.mid"


def test_an_output_folder_that_is_not_there(harmonized, tmp_path):
    code, line = harmonized(tune(tmp_path), "nowhere/out.mid")
    assert code == 2
    assert "the folder nowhere does not exist" in line


@pytest.mark.parametrize("output", ["out.mid", "out.musicxml", "out.svg"])
def test_a_full_disk(harmonized, tmp_path, monkeypatch, output):
    name = tune(tmp_path)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, line = harmonized(name, output)
    assert code == 2
    assert "the disk is full" in line


def test_a_file_without_read_permission(harmonized, tmp_path, monkeypatch):
    name, real = tune(tmp_path), open

    def closed(file, *arguments, **options):
        if str(file) == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        return real(file, *arguments, **options)

    monkeypatch.setattr("builtins.open", closed)  # root may read everything, so the refusal is played
    code, line = harmonized(name)
    assert code == 2
    assert "no permission" in line


def test_an_old_file_stays_when_writing_fails(harmonized, tmp_path, monkeypatch):
    name = tune(tmp_path)
    (tmp_path / "out.mid").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    assert harmonized(name)[0] == 2
    assert (tmp_path / "out.mid").read_bytes() == b"old"
