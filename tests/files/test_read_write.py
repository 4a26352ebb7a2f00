"""`read_score` and `write_score`: the suffix names the format, whatever the kind of path."""

import subprocess
import sys
from pathlib import Path

import pytest
from bach_scores import bach, bare

from musicgen.errors import FileError
from musicgen.files import read_score, write_score


@pytest.mark.parametrize("name", ["a.mid", "A.MID", "a.musicxml", "a.xml"])
def test_there_and_back(tmp_path, name):
    score = bach("bwv66.6")
    path = write_score(score, str(tmp_path / name))
    assert path == tmp_path / name
    assert isinstance(path, Path)
    back = read_score(str(path))
    assert bare(back) == bare(score)
    assert back.pickup == back.ticks_per_quarter
    assert str(back.meter_at(0)) == "4/4"


def test_layout_reaches_musicxml_and_is_nothing_to_midi(tmp_path):
    score = bach("bwv66.6")
    texts = [write_score(score, tmp_path / "a.musicxml", layout=layout).read_text() for layout in ("open", "two-staff")]
    assert texts[0].count("<score-part ") > texts[1].count("<score-part ")
    midi = [write_score(score, tmp_path / "a.mid", layout=layout).read_bytes() for layout in ("open", "two-staff")]
    assert midi[0] == midi[1]


def test_importing_is_light():
    """music21, mido and numpy wait until a file is read."""
    code = "import sys, musicgen.files; print([m for m in ('music21', 'mido', 'pretty_midi', 'torch', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_folder_is_no_score(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="this is a folder; give the name of a file in it"):
        read_score(tmp_path)
