"""The network's way: rolls of notes, a tiny U-Net that is trained for two updates, and what a checkpoint must be."""

import json
from collections import Counter

import numpy as np
import pytest
import torch

from musicgen.corpus.store import Corpus
from musicgen.errors import CheckpointError, ConfigError
from musicgen.music.chorale import STEPS_PER_QUARTER
from musicgen.music.convert import to_score
from musicgen.music.score import Note
from musicgen.separation import network
from musicgen.separation.network import NetworkSeparator, note_nats
from musicgen.separation.notes import Notes, merged
from musicgen.separation.rolls import LOWEST, ROWS, cells_of, picture_of, roll_of, sung_roll
from musicgen.separation.separator import separate
from musicgen.training.separating import SeparatorTraining, make_window, train_separator

TINY = ["model.channels=4,6", "training.updates=2", "training.batch=2", "training.window=32", "training.test_every=1"]


@pytest.fixture(scope="module")
def small(bach_corpus):
    shortest = sorted(bach_corpus.all_pieces, key=lambda piece: piece.chorale.steps)
    chosen = [piece for split in ("train", "valid") for piece in [p for p in shortest if p.split == split and not p.near_copy_in][:2]]
    return Corpus("small", tuple(chosen), "print", "music21", {})


@pytest.fixture(scope="module")
def trained(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "separator"
    updates = []
    outcome = train_separator(small, folder.with_name("run"), folder, TINY, updates.append)
    assert (outcome.finished, outcome.updates, len(updates)) == (True, 2, 2)
    return folder


def test_a_roll_of_merged_notes_is_that_of_the_voices(bach_pieces):
    chorale = bach_pieces[3].chorale
    roll, sung = sung_roll(chorale.pitch, chorale.onset)
    known = merged(chorale, STEPS_PER_QUARTER)
    assert (roll == roll_of(cells_of(known.notes), chorale.steps)).all()
    for row, start, voices in zip(known.notes.pitch - LOWEST, known.notes.start, known.sung, strict=True):
        assert (sung[voices, row, start]).all()


def test_music_far_from_a_choir_is_seen_where_a_choir_sings():
    low, high = (Notes.of([Note(0, 4, pitch), Note(0, 4, pitch - 7)], 4) for pitch in (72, 96))
    assert (cells_of(low).row == cells_of(high).row).all()
    wide = cells_of(Notes.of([Note(0, 1, pitch) for pitch in (127, 60, 0)], 4))
    assert wide.row.min() >= 0
    assert wide.row.max() < ROWS


def test_notes_off_the_grid_have_a_cell_each():
    triplets = Notes.of([Note(number * 160, 160, 60 + number) for number in range(3)] + [Note(480, 10, 64)], 480)
    cells = cells_of(triplets)
    assert cells.first.tolist() == [0, 1, 3, 4]
    assert (cells.last > cells.first).all()


def test_the_picture_counts_what_sounds_above_and_below():
    roll = torch.zeros(1, 2, 6, 1, dtype=torch.bool)
    roll[0, 0, [1, 4], 0] = True
    above, below = (4 * picture_of(roll))[0, 2:, :, 0].tolist()
    assert above == [2, 1, 1, 1, 0, 0]
    assert below == [0, 0, 1, 1, 1, 2]


def test_windows_follow_from_their_seed_and_silence_voices(small):
    chorale, config = small.all_pieces[0].chorale, SeparatorTraining(window=32, fewer=1.0, rests=0.0)
    for seed in range(5):
        roll, sung = make_window(chorale, config, np.random.default_rng(seed))
        assert (roll == make_window(chorale, config, np.random.default_rng(seed))[0]).all()
        assert (roll[0] == sung.any(axis=0)).all()
        assert sung.any(axis=(1, 2)).sum() <= 3
        assert not (roll[1] & ~roll[0]).any()


def test_a_trained_separator_gives_every_note_to_a_voice(trained, bach_pieces):
    separator = NetworkSeparator.load(trained)
    score = to_score(bach_pieces[7].chorale)
    made = separate(score, separator).score
    assert Counter(note for part in made.parts for note in part.notes) == Counter(note for part in score.parts for note in part.notes)
    assert len(made.parts) == 4


def test_what_a_note_is_given_are_probabilities_and_long_music_is_read_in_pieces(trained, bach_pieces, monkeypatch):
    model = NetworkSeparator.load(trained).model
    cells = cells_of(merged(bach_pieces[7].chorale, STEPS_PER_QUARTER).notes)
    whole = note_nats(model, cells)
    assert (whole < 0).all()
    assert (np.exp(whole).sum(axis=1) < 1 + 1e-6).all()
    monkeypatch.setattr(network, "SPAN", 64)
    monkeypatch.setattr(network, "AROUND", 32)
    assert np.allclose(note_nats(model, cells), whole, atol=1e-4)


def test_the_checkpoint_says_what_it_is(trained):
    assert json.loads((trained / "config.json").read_text())["corpus"]["fingerprint"] == "print"
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["corpus"]["train_pieces"] == 2
    assert [look["update"] for look in metrics["history"]] == [1, 2]
    assert "musicgen train separator --set model.channels=4,6" in (trained / "MODEL_CARD.md").read_text()


def test_a_run_that_was_stopped_goes_on_bit_for_bit(small, trained, tmp_path):
    stopped = train_separator(small, tmp_path / "run", tmp_path / "made", TINY, stop_after=1)
    assert (stopped.finished, stopped.updates, (tmp_path / "made").exists()) == (False, 1, False)
    assert train_separator(small, tmp_path / "run", tmp_path / "made", TINY).finished
    assert (tmp_path / "made" / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()


def test_another_seed_trains_another_network(small, trained, tmp_path):
    train_separator(small, tmp_path / "run", tmp_path / "made", [*TINY, "training.seed=2"])
    assert (tmp_path / "made" / "model.safetensors").read_bytes() != (trained / "model.safetensors").read_bytes()


def test_other_checkpoints_and_settings_are_refused(trained, small, tmp_path):
    config = json.loads((trained / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"kind": "quartet"}))
    with pytest.raises(CheckpointError, match="'quartet' tells no voices apart"):
        NetworkSeparator.load(tmp_path)
    for setting in ("model.inputs=3", "model.channels=1,1,1,1,1,1", "training.window=20", "training.fewer=2"):
        with pytest.raises(ConfigError):
            train_separator(small, tmp_path / "none", tmp_path / "none", [*TINY, setting])
    assert not (tmp_path / "none").exists()
