"""The n-grams of chorales: exact likelihoods, the same written as judged, all that is given kept, stored and found again."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pieces import first_steps

from musicgen.composers.chains import MarkovConfig
from musicgen.composers.contexts import FEATURES, RUNGS, TOKENIZER, Past, features_of, told
from musicgen.composers.loading import load_composer
from musicgen.composers.markov import MarkovComposer, is_foretold
from musicgen.composers.ngram_tables import TableReader
from musicgen.corpus.store import Corpus
from musicgen.errors import CheckpointError, ConfigError
from musicgen.models.checkpoint import load_tensors, save_tensors
from musicgen.models.ngram_counts import Counts
from musicgen.music.chorale import Chorale
from musicgen.music.rules import NoCrossing
from musicgen.music.sketch import Sketch
from musicgen.training.learned import learn

ROOT = Path(__file__).parents[2]
SETTINGS = (
    "model.pitch=pitch: voice own1 S B,motion: voice chord.own,class: voice own1.class phase",
    "model.rhythm=strike: voice phase age1 struck,strike: voice until rhythm8",
)


def small(pieces) -> Corpus:
    splits = ["train"] * 4 + ["valid"]
    chosen = [
        replace(piece, chorale=first_steps(piece.chorale, 64), split=split, near_copy_in=())
        for piece, split in zip(pieces, splits, strict=False)
    ]
    return Corpus("five", tuple(chosen), "f", "music21", {})


@pytest.fixture(scope="module")
def checkpoint(bach_pieces, tmp_path_factory):
    """Learned from the beginnings of four chorales."""
    folder = tmp_path_factory.mktemp("four")
    outcome = learn("markov", small(bach_pieces), folder, SETTINGS, lambda progress: None)
    assert 0.2 < outcome.best < 2
    return folder


@pytest.fixture(scope="module")
def composer(checkpoint) -> MarkovComposer:
    return MarkovComposer.load(checkpoint, lanes=2, drafts=2)


@pytest.fixture(scope="module")
def piece(bach_pieces) -> Chorale:
    """Two bars of a chorale that was not learned."""
    return first_steps(bach_pieces[8].chorale, 32)


def test_probabilities_of_every_cell_add_up_to_one(composer: MarkovComposer, piece: Chorale) -> None:
    log_p, cells, _ = composer._judged(piece)
    assert log_p.shape == (piece.pitch.size, TOKENIZER.size)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, atol=1e-5)
    assert (np.exp(log_p[cells.step == 0])[:, RUNGS:] == 0).all(), "at the first step there is nothing to hold"


def test_untrained_tables_expect_every_pitch_alike(composer: MarkovComposer, piece: Chorale) -> None:
    tables = composer.tables
    none = Counts.of(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    nothing = {"rhythm": replace(tables.rhythm, counts=none), "pitch": replace(tables.pitch, counts=none)}
    cut = Chorale(piece.pitch[:, :1], piece.onset[:, :1], piece.fermata[:1], key=piece.key)
    untrained = replace(composer, tables=replace(tables, **nothing))
    np.testing.assert_allclose(untrained.nats(cut).nats, np.log(RUNGS), rtol=1e-5)


def test_a_cell_knows_nothing_of_later_cells(composer: MarkovComposer, piece: Chorale) -> None:
    before = composer.nats(piece).nats
    pitch, onset = piece.pitch.copy(), piece.onset.copy()
    pitch[:, 20:] += 2
    onset[:, 20] = True
    pitch[3, 19:], onset[3, 19] = 50, True
    after = composer.nats(piece.replaced(pitch=pitch, onset=onset)).nats
    np.testing.assert_array_equal(before[:, :19], after[:, :19])
    np.testing.assert_array_equal(before[0, 19], after[0, 19], "the soprano is decided before the bass")
    assert (before[:, 20:] != after[:, 20:]).any()


def test_a_piece_that_is_written_is_foretold_as_one_that_is_read(composer: MarkovComposer, piece: Chorale) -> None:
    """Step by step, in two lanes of three drafts that change places, and all at once: also where a piece recalls itself."""
    judged, cells, ids = composer._judged(piece)
    reader = TableReader(composer.tables, composer.config.order, np.stack([told(piece).T] * 2))
    rows = np.full((6, *ids.shape), TOKENIZER.mask_id)
    for voice, step, expected in zip(cells.voice.tolist(), cells.step.tolist(), judged, strict=True):
        if step == 20 and voice == 0:
            reader.branch(np.array([1, 1]))
        logits = reader.logits(rows, voice, step)
        np.testing.assert_allclose(np.exp(logits), np.tile(np.exp(expected), (6, 1)), atol=1e-5)
        rows[:, voice, step] = ids[voice, step]


@pytest.mark.parametrize("seed", range(2))
def test_what_is_given_is_kept_and_a_seed_makes_its_music_again(composer: MarkovComposer, piece: Chorale, seed: int) -> None:
    sketches = [Sketch.for_voices(piece, "S"), Sketch.for_voices(piece, "AB").pin("S", "2:1", "D5")]
    filled = composer.fill_many(sketches, [seed, seed])
    for sketch, chorale in zip(sketches, filled, strict=True):
        assert sketch.keeps(chorale)
        assert sketch.allowed_pitches()[(*np.indices(chorale.pitch.shape), chorale.pitch)][sketch.free].all()
    assert composer.fill(sketches[0], seed) == filled[0]
    assert composer.fill(sketches[0], seed + 100) != filled[0]


def test_rules_between_voices_are_kept(composer: MarkovComposer, piece: Chorale) -> None:
    filled = composer.fill(Sketch.for_voices(piece, "S").with_rules(NoCrossing()), 1)
    assert (np.diff(filled.pitch, axis=0) <= 0).all()


def test_what_is_given_beside_free_cells_or_soon_after_is_foretold() -> None:
    free = np.zeros((4, 24), dtype=bool)
    free[1, 4:8] = True
    foretold = is_foretold(free)
    assert not (foretold & free).any()
    assert foretold[0].tolist() == [4 <= step < 16 for step in range(24)]


def test_features_know_the_past_and_voices_decided_before(piece: Chorale) -> None:
    """D5 held for a quarter, then a step up: of the alto, third to be decided."""
    chorale = Chorale.parse(
        """
        4/4, C major
        S  D5 -  -  -  E5 -  -  -
        A  F4 -  G4 -  ?  -  -  -
        T  A3 -  -  -  A3 -  -  -
        B  D3 -  -  -  C3 -  -  -
    """.replace("?", "G4")
    )
    ids, known, past = TOKENIZER.encode(chorale), told(chorale), Past.none(1)
    for step in range(4):
        past = past.after(ids[None, :, step] % RUNGS, ids[None, :, step] < RUNGS, known[step, :1])
    features = features_of(past, known[4:5], ids[None, :, 4] % RUNGS, ids[None, :, 4] < RUNGS, 1, [0, 3])
    named = dict(zip(FEATURES, features[0].tolist(), strict=True))
    assert {name: named[name] for name in ("voice", "phase", "quarter", "half-bar")} == {
        "voice": 1,
        "phase": 0,
        "quarter": 1,
        "half-bar": 4,
    }
    assert (named["move1"], named["S.moved"], named["B.moved"], named["T.moved"]) == (24 + 2, 24 + 2, 24 - 2, 49), "the tenor is still open"
    assert (named["S.above"], named["B.above"], named["S.was"], named["A.above"]) == (24 + 9, 24 - 19, 24 + 7, 24)
    assert named["struck"] == 1 + 2 * 3 + 2 * 9 + 27
    assert named["rhythm4"] == 0b1010, "struck at the first and third of the last four steps, the last one lowest"
    assert (named["own1.class"] - named["S.class"]) % 12 == 3
    assert bin(named["chord"]).count("1") == 2
    assert all(0 <= value < size for value, size in zip(named.values(), FEATURES.values(), strict=True))


def test_a_transposed_piece_reads_the_same(composer: MarkovComposer, piece: Chorale) -> None:
    np.testing.assert_allclose(composer.nats(piece.transposed(2)).nats, composer.nats(piece).nats, atol=1e-6)


def test_it_says_which_contexts_it_met(composer: MarkovComposer, piece: Chorale) -> None:
    voice, step = 3, int(np.flatnonzero(piece.onset[3])[2])
    explained = composer.explain(piece, voice, step)
    assert explained.probability == pytest.approx(np.exp(-composer.nats(piece).nats[voice, step]), rel=1e-4)
    config = composer.config
    assert len(explained.met) == sum(map(len, (config.rhythm, config.rhythm_recalled, config.pitch, config.pitch_recalled)))
    assert {met.known.get("voice", "bass") for met in explained.met} == {"bass"}
    assert any(met.recalled and met.times for met in composer.explain(piece, 0, 28).met)
    assert all(0 < met.probability <= 1 for met in explained.met)
    assert explained.lines()[0].startswith(explained.there)


def test_a_checkpoint_gives_back_what_was_learned(checkpoint, composer: MarkovComposer, piece: Chorale) -> None:
    again = load_composer(str(checkpoint), temperature=0.5)
    assert isinstance(again, MarkovComposer)
    assert again.options.temperature == 0.5
    assert again.config.pitch == ("pitch: voice own1 S B", "motion: voice chord.own", "class: voice own1.class phase")
    np.testing.assert_array_equal(again.nats(piece).nats, composer.nats(piece).nats)


def test_learning_does_not_hang_on_the_hash_seed(checkpoint, composer: MarkovComposer, bach_report, tmp_path) -> None:
    script = tmp_path / "learn.py"
    script.write_text(f"""
import sys
from pathlib import Path
from pieces import first_steps
from musicgen.composers.chains import MarkovConfig
from musicgen.composers.markov import MarkovComposer
from musicgen.corpus.store import load_corpus
from musicgen.models.checkpoint import save_tensors
pieces = [first_steps(piece.chorale, 64) for piece in load_corpus({str(bach_report.folder)!r}).all_pieces[:4]]
config = MarkovConfig(rhythm={composer.config.rhythm!r}, pitch={composer.config.pitch!r})
save_tensors(Path(sys.argv[1]), MarkovComposer.learn(pieces, [], config, lambda share: None))
""")
    again = tmp_path / "again.safetensors"
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "7",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        "OMP_NUM_THREADS": "1",
    }
    subprocess.run([sys.executable, str(script), str(again)], env=environment, check=True)
    assert again.read_bytes() == (checkpoint / "model.safetensors").read_bytes()


def test_tables_that_do_not_belong_to_their_config_are_refused(checkpoint, tmp_path) -> None:
    def broken(change) -> str:
        folder = tmp_path / "broken"
        folder.mkdir(exist_ok=True)
        tensors = load_tensors(checkpoint / "model.safetensors")
        change(tensors)
        save_tensors(folder / "model.safetensors", tensors)
        (folder / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
        with pytest.raises(CheckpointError) as error:
            MarkovComposer.load(folder)
        return str(error.value)

    assert "lack pitch.counts" in broken(lambda tensors: tensors.pop("pitch.counts"))
    assert "fit together" in broken(lambda tensors: tensors.update({"pitch.targets": tensors["pitch.targets"][:-1]}))
    assert "those of its config.json" in broken(lambda tensors: tensors.update({"rhythm.by_depth": tensors["rhythm.by_depth"][:, 1:]}))


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigError, match="each of the voices"):
        MarkovConfig(order=(0, 1, 2, 2))
    with pytest.raises(ConfigError, match="between 0 and 1"):
        MarkovConfig(discount=1.5)
    with pytest.raises(ConfigError, match="names 'own9'"):
        MarkovConfig(pitch=("pitch: voice own9",)).layouts  # noqa: B018
