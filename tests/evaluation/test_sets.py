"""Sets: which files are pieces, which are left out and why, what rows are called."""

from pathlib import Path

import pytest

from musicgen.composers.references import Dice
from musicgen.corpus.store import Corpus
from musicgen.errors import ConfigError, FileError
from musicgen.evaluation.composed import compose_set
from musicgen.evaluation.sets import Asked, bach_set, composed_set, find_set, labels, read_set
from musicgen.files.io import write_score
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.music.score import Part, Score

FOUR = Chorale.parse("S C5 - D5 -\nA G4 - G4 -\nT E4 - D4 -\nB C3 - B2 -")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    score = to_score(FOUR)
    write_score(score, tmp_path / "a & <b>.mid")
    write_score(score, tmp_path / "c.musicxml")
    write_score(score, tmp_path / "c.mid")
    write_score(Score(score.parts[:3]), tmp_path / "three.mid")
    (tmp_path / "bad.mid").write_bytes(b"MThd\0\0\0\6")
    (tmp_path / "bad.musicxml").write_text("<score-partwise>")
    (tmp_path / "read me.txt").write_text("no music")
    return tmp_path


def test_what_can_be_read_is_read_and_the_rest_has_its_reason(mixed):
    found = read_set(mixed)
    assert list(found.pieces) == ["a & <b>.mid", "c.musicxml"]
    assert all(chorale.voices == 4 and chorale.steps == 4 for chorale in found.pieces.values())
    assert found.left_out.keys() == {"three.mid", "bad.musicxml"}  # bad.mid is taken for the same piece
    assert found.left_out["three.mid"] == "has 3 voices; pieces of 4 are measured"
    assert str(mixed) not in "".join(found.left_out.values())


def test_a_voice_that_only_rests_is_none(tmp_path):
    chorale = FOUR.replaced(pitch=FOUR.pitch.copy())
    parts = to_score(chorale).parts
    write_score(Score((*parts[:3], Part("Bass", ()))), tmp_path / "x.musicxml")
    with pytest.raises(FileError, match=r"3 voices|bass rests throughout"):
        read_set(tmp_path / "x.musicxml")


def test_a_set_without_pieces_is_refused(tmp_path):
    with pytest.raises(FileError, match="no scores are in this folder"):
        read_set(tmp_path)
    (tmp_path / "x.mid").write_bytes(b"MThd")
    (tmp_path / "y.mid").write_bytes(b"no")
    with pytest.raises(FileError, match=r"no piece of 4 voices is in this folder; x\.mid: .*, and 1 more of 2 files left out"):
        read_set(tmp_path)
    with pytest.raises(FileError, match=r"y\.mid: this is something else"):
        read_set(tmp_path / "y.mid")
    with pytest.raises(FileError, match="nowhere: there is no such file or folder"):
        read_set(tmp_path / "nowhere")


def test_a_name_is_a_file_a_folder_or_a_model(mixed):
    asked = Asked(count=2, bars=3, seed=5)
    assert list(find_set(str(mixed / "c.mid"), asked).pieces) == ["c.mid"]
    dice = find_set("dice", asked)
    assert list(dice.pieces) == ["seed 5", "seed 6"]
    assert dice.seconds is not None
    with pytest.raises(ConfigError, match=r"no file and no folder 'flagshp' is here; .*did you mean flagship"):
        find_set("flagshp", asked)


def test_a_model_composes_what_the_benchmarks_compose():
    composed = composed_set(Dice(), Asked(count=2))
    assert list(composed.pieces.values()) == compose_set(Dice(), count=2)


def test_what_is_asked_is_checked():
    with pytest.raises(ConfigError, match="0 pieces: at least 1"):
        Asked(count=0)
    with pytest.raises(ConfigError, match="0 bars"):
        Asked(bars=0)


def test_bach_is_what_no_model_has_learned_from(bach_pieces):
    corpus = Corpus("some", tuple(bach_pieces), "", "", {})
    assert set(bach_set(corpus).pieces) == {piece.name for piece in bach_pieces if piece.split == "test"}
    without = Corpus("some", tuple(piece for piece in bach_pieces if piece.split != "test"), "", "", {})
    assert set(bach_set(without).pieces) == {piece.name for piece in bach_pieces if piece.split == "valid"}
    learned = Corpus("some", tuple(piece for piece in bach_pieces if piece.split == "train"), "", "", {})
    assert bach_set(learned) is None


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (["a/x", "b/y/"], ["x", "y"]),
        (["a/x", "b/x", "c"], ["a/x", "b/x", "c"]),
        (["x", "x", "x"], ["x", "x (2)", "x (3)"]),
        (["x", "x", "x (2)"], ["x", "x (2)", "x (2) (2)"]),
        (["."], ["."]),
        (["bad\udcff"], ["bad\\udcff"]),
    ],
)
def test_no_two_rows_have_one_name(names, called):
    assert labels(names) == called
