"""A corpus of one's own files: what becomes a piece, what is dropped and why, and which split it is in."""

from dataclasses import replace

import pytest

from musicgen.corpus.folder import build_folder
from musicgen.corpus.store import load_corpus
from musicgen.errors import ConfigError, CorpusError
from musicgen.files.io import write_score
from musicgen.music.convert import to_score
from musicgen.music.score import Note, Part, Score
from musicgen.separation.separator import separate


@pytest.fixture
def scores(tmp_path, bach_pieces):
    """Three chorales of four parts, one as a part of chords, a tune and a broken file."""
    folder = tmp_path / "scores"
    folder.mkdir()
    shortest = sorted(bach_pieces, key=lambda piece: piece.chorale.steps)[:4]
    for piece in shortest[:3]:
        write_score(to_score(piece.chorale), folder / f"{piece.name}.mid")
    score = to_score(shortest[3].chorale)
    notes = tuple(note for part in score.parts for note in part.notes)
    write_score(replace(score, parts=(Part("Piano", notes, 0),)), folder / "piano.mid")
    write_score(Score((Part("Flute", (Note(0, 480, 72),)),)), folder / "tune.mid")
    (folder / "broken.mid").write_bytes(b"MThd")
    return folder


def test_scores_of_four_voices_become_pieces_and_others_say_why_not(scores, tmp_path):
    report = build_folder("mine", scores, tmp_path)
    assert report.corpus.counts() == {"train": 1, "valid": 1, "test": 1} or sum(report.corpus.counts().values()) >= 3
    assert "it has 1 voices, a piece has 4" in report.dropped["tune.mid"]
    assert "cut short" in report.dropped["broken.mid"]
    assert load_corpus(tmp_path / "mine").fingerprint == report.corpus.fingerprint
    assert build_folder("mine", scores, tmp_path).corpus.fingerprint == report.corpus.fingerprint


def test_voices_are_told_apart_first_where_that_is_asked(scores, tmp_path):
    seen = []

    def voices_of(score):
        made = separate(score, "rule").score
        seen.append(len(score.parts))
        return made

    report = build_folder("mine", scores, tmp_path, voices_of)
    assert "piano" in {piece.name for piece in report.corpus.all_pieces}
    assert 1 in seen


def test_a_folder_without_a_choir_and_a_name_that_is_taken_are_refused(scores, tmp_path):
    for path in scores.glob("bwv*"):
        path.unlink()
    (scores / "piano.mid").unlink()
    with pytest.raises(CorpusError, match=r"none of 2 scores has four voices, broken\.mid for one"):
        build_folder("mine", scores, tmp_path)
    for name in ("bach-chorales", "a/b"):
        with pytest.raises(ConfigError, match="cannot be the name"):
            build_folder(name, scores, tmp_path)
