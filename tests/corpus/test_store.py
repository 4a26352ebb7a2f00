"""A corpus on disk: loaded as saved, or refused with the command that mends it."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from musicgen.corpus.store import ARRAYS, MANIFEST, Piece, load_corpus, save_corpus
from musicgen.errors import CorpusError, FileError
from musicgen.music.chorale import Chorale

REBUILD = "musicgen corpus build bach-chorales"


@pytest.fixture
def small(tmp_path):
    text = "4/4, G minor, pickup 1\nS  C5 -  D5 -^\nA  G4 -  .  -\nT  E4 -  -  -\nB  C3 C3 G2 -"
    pieces = [Piece(name, "train", Chorale.parse(text), ("test",), (("b.mxl", 0.9),), ("a remark",)) for name in ("b", "a")]
    return tmp_path / "small", save_corpus(tmp_path / "small", "small", "tests", pieces, {"c": "a reason"})


def test_loaded_as_saved(small):
    folder, corpus = small
    loaded = load_corpus(folder)
    assert loaded == corpus
    assert [piece.name for piece in loaded.all_pieces] == ["a", "b"]
    assert sorted(path.name for path in folder.iterdir()) == [MANIFEST, ARRAYS]


def test_all_of_bach_loads_as_built(bach_report):
    assert load_corpus(bach_report.folder) == bach_report.corpus


def test_a_name_is_looked_up_under_corpora(bach_report, monkeypatch):
    monkeypatch.chdir(bach_report.folder.parent)
    monkeypatch.setattr("musicgen.corpus.store.CORPORA", bach_report.folder.parent)
    assert load_corpus("bach-chorales").fingerprint == bach_report.corpus.fingerprint


def test_fingerprint_sees_notes_and_labels_but_no_titles(small, tmp_path):
    _, corpus = small
    first, second = corpus.all_pieces

    def fingerprint(**changes):
        changed = Piece(**{**vars(first), **changes})
        return save_corpus(tmp_path / "other", "small", "tests", [changed, second], {}).fingerprint

    pitch = first.chorale.pitch.copy()
    pitch[3] += 1
    assert fingerprint() == corpus.fingerprint == fingerprint(chorale=first.chorale.replaced(title="x"))
    assert len({corpus.fingerprint, fingerprint(split="test"), fingerprint(chorale=first.chorale.replaced(pitch=pitch))}) == 3


def test_missing_corpus(tmp_path):
    with pytest.raises(CorpusError, match=REBUILD):
        load_corpus(tmp_path / "none")


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-40])


def _other_format(path):
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))


def _other_split(path):
    path.write_text(path.read_text().replace('"train"', '"test"', 1))


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        (ARRAYS, _truncate),
        (ARRAYS, lambda path: path.unlink()),
        (ARRAYS, lambda path: path.write_bytes(b"")),
        (ARRAYS, lambda path: path.write_bytes(b"no archive at all")),
        (MANIFEST, _truncate),
        (MANIFEST, lambda path: path.write_text("[]")),
        (MANIFEST, lambda path: path.write_bytes(b"\xff\xfe")),
        (MANIFEST, _other_format),
        (MANIFEST, _other_split),
    ],
)
def test_damage_is_refused(small, tmp_path, file, damage):
    folder = shutil.copytree(small[0], tmp_path / "copy")
    damage(folder / file)
    with pytest.raises(CorpusError, match=REBUILD):
        load_corpus(folder)


def test_nothing_is_unpickled(small):
    folder, _ = small
    np.savez(folder / "pickled.npz", pitch=np.array([object()], dtype=object), onset=np.zeros(1), fermata=np.zeros(1))
    (folder / "pickled.npz").rename(folder / ARRAYS)
    with pytest.raises(CorpusError, match=REBUILD):
        load_corpus(folder)


def test_folder_that_cannot_be_made(tmp_path, small):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError):
        save_corpus(tmp_path / "file" / "x", "x", "tests", small[1].all_pieces, {})


def test_loading_needs_numpy_alone():
    heavy = "music21", "torch", "mido", "pretty_midi", "miditok", "symusic"
    code = f"import sys, musicgen.corpus.store; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
