from dataclasses import asdict

import numpy as np
import pytest
import torch

from musicgen.corpus.labelled import LabelledCorpus, LabelledPiece, load_labelled, save_labelled
from musicgen.errors import CheckpointError, ConfigError, CorpusError, NotationError
from musicgen.evaluation.tagger_card import publish_tagger
from musicgen.evaluation.tagging import Tagger, measure_tagger
from musicgen.music.convert import to_score
from musicgen.music.score import Score
from musicgen.tokenizers.tags import QUESTIONS
from musicgen.training.tagger import train_tagger

TINY = (
    "training.updates=40",
    "training.batch=8",
    "training.window=64",
    "training.look_every=20",
    "training.average=0.5",
    "model.widths=8,12",
)
FACTS = {"seconds": 1.0, "machine": "a test", "versions": {"musicgen": "0"}}


def notes_of(chorale, voices):
    rows = [(note.start, note.end, note.pitch) for voice in range(voices) for note in chorale.notes(voice) if note.pitch >= 0]
    return np.array(sorted(rows), dtype=np.int32).T


@pytest.fixture(scope="module")
def labelled(bach_pieces, tmp_path_factory):
    """Chorales, and their sopranos as if they were folk songs; no piece is in two splits."""
    pieces = []
    for number, piece in enumerate(bach_pieces[:48]):
        voices = 4 if number % 2 else 1
        facts = {"tradition": "Bach chorale" if voices == 4 else "German folk song", "voices": str(voices)}
        facts |= {"meter": str(piece.chorale.meter), "mode": piece.chorale.key.mode} if number > 3 else {}
        split = ("train", "train", "valid", "test")[number // 2 % 4]
        pieces.append(LabelledPiece(piece.name, piece.name, split, notes_of(piece.chorale, voices), facts))
    folder = tmp_path_factory.mktemp("labelled")
    save_labelled(folder, "toy", "tests", pieces, {"one": "a reason"})
    return load_labelled(folder)


@pytest.fixture(scope="module")
def tagger_folder(labelled, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints") / "toy-tagger"
    train_tagger(labelled, folder, TINY)
    return folder


@pytest.fixture(scope="module")
def tagger(tagger_folder):
    return Tagger.load(str(tagger_folder))


def test_one_voice_is_told_from_four_on_pieces_it_has_not_seen(tagger, labelled):
    report = measure_tagger(tagger, labelled)
    voices = report.questions["voices"]
    assert voices.accuracy > 0.9
    assert voices.pieces == len(labelled.pieces("test"))
    assert voices.accuracy > voices.most_frequent
    assert sum(sum(given.values()) for given in voices.confusion.values()) == voices.pieces
    assert sum(given.get(truth, 0) for truth, given in voices.confusion.items()) == round(voices.accuracy * voices.pieces)
    assert set(report.four_voices.confusion) == {"Bach chorale"}


def test_a_fact_that_nobody_knows_is_not_counted(tagger, labelled):
    known = [piece for piece in labelled.pieces("valid") if "mode" in piece.facts]
    assert measure_tagger(tagger, labelled, "valid").questions["mode"].pieces == len(known)


def test_the_split_it_learned_from_and_other_corpora_are_refused(tagger, labelled):
    with pytest.raises(CheckpointError, match="learned"):
        measure_tagger(tagger, labelled, "train")
    with pytest.raises(CheckpointError, match="learned"):
        measure_tagger(tagger, LabelledCorpus("other", labelled.all_pieces, "another fingerprint", "tests", {}))


def test_a_score_gets_every_answer_with_a_probability_whatever_its_key(tagger, bach_pieces):
    chorale = bach_pieces[60].chorale
    tags = tagger.tag(to_score(chorale))
    assert {question: set(shares) for question, shares in tags.items()} == {name: set(answers) for name, answers in QUESTIONS.items()}
    for shares in tags.values():
        assert sum(shares.values()) == pytest.approx(1)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert tagger.tag(to_score(chorale.transposed(3))) == tags
    with pytest.raises(NotationError, match="no note"):
        tagger.tag(Score(()))


def test_equal_trainings_give_equal_weights(tagger, labelled, tmp_path):
    train_tagger(labelled, tmp_path / "again", TINY)
    again = Tagger.load(str(tmp_path / "again")).net.state_dict()
    assert all(torch.equal(weight, again[name]) for name, weight in tagger.net.state_dict().items())


def test_card_and_metrics_tell_the_figures_of_held_out_works(tagger_folder, labelled):
    reports = publish_tagger(tagger_folder, labelled, FACTS, "musicgen train tagger")
    card = (tagger_folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"| voices | {100 * reports['test'].questions['voices'].accuracy:.1f} (" in card
    assert labelled.fingerprint in card
    assert (tagger_folder / "metrics.json").is_file()


def test_what_is_no_tagger_is_refused(tmp_path, labelled):
    from tiny import tiny_checkpoint

    with pytest.raises(CheckpointError, match="no tagger"):
        Tagger.load(str(tiny_checkpoint(tmp_path)))
    with pytest.raises(CheckpointError, match="no tagger named 'nowhere', and no checkpoint folder of that name"):
        Tagger.load("nowhere")
    with pytest.raises(CorpusError, match="has no split 'dev'"):
        labelled.pieces("dev")
    with pytest.raises(ConfigError, match="planes"):
        train_tagger(labelled, tmp_path / "x", ["model.planes=3"])


def test_a_labelled_corpus_is_read_as_written_and_a_damaged_one_refused(labelled, tmp_path):
    saved = save_labelled(tmp_path, "toy", "tests", labelled.all_pieces, labelled.dropped)
    read = load_labelled(tmp_path)
    assert read.fingerprint == saved.fingerprint == labelled.fingerprint
    assert [asdict(piece) | {"notes": piece.notes.tolist()} for piece in read.all_pieces] == [
        asdict(piece) | {"notes": piece.notes.tolist()} for piece in labelled.all_pieces
    ]
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"mode": "minor"', '"mode": "major"', 1), encoding="utf-8")
    with pytest.raises(CorpusError, match="do not match"):
        load_labelled(tmp_path)
    with pytest.raises(CorpusError, match="musicgen corpus build"):
        load_labelled(tmp_path / "none")
