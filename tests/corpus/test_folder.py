"""A corpus of one's own files: what becomes a piece, what is dropped and why, and which split it is in."""

import json
from dataclasses import replace

import numpy as np
import pytest

from musicgen.corpus.folder import build_folder
from musicgen.corpus.store import load_corpus
from musicgen.errors import ConfigError, CorpusError
from musicgen.files.io import write_score
from musicgen.music.chorale import REST, Chorale
from musicgen.music.convert import to_score
from musicgen.music.ensemble import BACHS_CHOIR
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
    assert "it has 1 voice, a piece has 2 to 8" in report.dropped["tune.mid"]
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


def score_of(*rows, names):
    chorale = Chorale.parse("\n".join(f"{number} {row}" for number, row in enumerate(rows, start=1)))
    return to_score(chorale, names, 0)


def test_most_of_the_scores_decide_how_many_voices_there_are_and_what_they_are_called(tmp_path):
    folder = tmp_path / "duos"
    folder.mkdir()
    names = ("Flute", "Cello")
    for number in range(4):
        write_score(score_of(f"C5 - D5 E{number + 3}", "C3 - . G3", names=names), folder / f"{number}.mid")
    write_score(score_of("C3 - . F3", "C5 - D5 G5", names=names[::-1]), folder / "turned.mid")
    write_score(score_of("C5 A4", "C4 D4", "C3 F3", names=("Flute", "Viola", "Cello")), folder / "trio.mid")
    report = build_folder("duos", folder, tmp_path)
    assert report.dropped == {"trio.mid": "it has 3 voices, a piece here has 2; gather such scores by themselves"}
    corpus = load_corpus(tmp_path / "duos")
    assert corpus.ensemble.names == names
    learned = [piece.chorale for piece in corpus.pieces("train")]
    for voice, (lowest, highest) in enumerate(corpus.ensemble.ranges):
        sounding = np.concatenate([chorale.pitch[voice][chorale.pitch[voice] != REST] for chorale in learned])
        assert (lowest, highest) == (sounding.min() - 2, sounding.max() + 2)
    assert all(piece.chorale.ensemble == corpus.ensemble for piece in corpus.all_pieces)
    turned = next(piece.chorale for piece in corpus.all_pieces if piece.name == "turned")
    assert turned.pitch[:, 0].tolist() == [72, 48]
    assert "2 voices: 1 Flute, 2 Cello" in corpus.summary()
    assert (corpus.ensemble.meter, corpus.ensemble.keys) == ("4/4", ("C major",))
    assert build_folder("duos", folder, tmp_path).corpus.fingerprint == corpus.fingerprint
    named = build_folder("named", folder, tmp_path, voices=("Oboe", "Bassoon")).corpus
    assert (named.ensemble.names, named.fingerprint == corpus.fingerprint) == (("Oboe", "Bassoon"), False)
    with pytest.raises(CorpusError, match="none of 6 scores has the 5 voices named"):
        build_folder("named", folder, tmp_path, voices=tuple("ABCDE"))
    with pytest.raises(ConfigError, match="1 voice A: 2 to 8"):
        build_folder("named", folder, tmp_path, voices=("A",))


def test_four_voices_within_a_choirs_ranges_are_a_choir_and_a_quartet_is_none(tmp_path):
    rows = ("E5 - D5 C5", "C5 - B4 G4", "G4 - G4 E4", "C3 - G3 C3")
    cases = {
        "satb": (("Soprano", "Alto", "Tenor", "Bass"), rows, BACHS_CHOIR.names),
        "unnamed": (("", "Piano", "Track 3", ""), rows, BACHS_CHOIR.names),
        "high": (("", "", "", ""), ("E7 - D7 C7", *rows[1:]), ("Voice 1", "Voice 2", "Voice 3", "Voice 4")),
        "strings": (("Violin I", "Violin II", "Viola", "Cello"), rows, ("Violin I", "Violin II", "Viola", "Cello")),
    }
    for name, (parts, notes, found) in cases.items():
        (tmp_path / name).mkdir()
        write_score(score_of(*notes, names=parts), tmp_path / name / "one.musicxml")
        corpus = build_folder(f"c-{name}", tmp_path / name, tmp_path).corpus
        assert corpus.ensemble.names == found
        assert (corpus.ensemble == BACHS_CHOIR) == (found == BACHS_CHOIR.names)
        assert ("ensemble" in json.loads((tmp_path / f"c-{name}" / "manifest.json").read_text())) == (found != BACHS_CHOIR.names)


def test_a_folder_without_a_choir_and_a_name_that_is_taken_are_refused(scores, tmp_path):
    for path in scores.glob("bwv*"):
        path.unlink()
    (scores / "piano.mid").unlink()
    with pytest.raises(CorpusError, match=r"none of 2 scores has 2 to 8 voices, broken\.mid for one"):
        build_folder("mine", scores, tmp_path)
    for name in ("bach-chorales", "a/b"):
        with pytest.raises(ConfigError, match="cannot be the name"):
            build_folder(name, scores, tmp_path)
