"""Networks of 2, 3, 5 and 8 voices, untrained: given cells stay, every voice keeps to its range, and whose voices they are is kept."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from tiny import CONFIG, MASKED_CONFIG, SKETCHER_CONFIG

from musicgen.composers.any_order import MaskedComposer
from musicgen.composers.left_to_right import SketcherComposer
from musicgen.composers.loading import ensemble_of, load_composer
from musicgen.composers.neural import QuartetComposer
from musicgen.composers.plan import Plan, plan_sketch
from musicgen.composers.references import Dice
from musicgen.corpus.store import Corpus, Piece
from musicgen.errors import ConfigError, NotationError
from musicgen.models.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from musicgen.music.chorale import REST, Chorale
from musicgen.music.ensemble import BACHS_CHOIR, Ensemble
from musicgen.music.sketch import Sketch
from musicgen.training.batches import transpositions
from musicgen.training.presets import PRESETS, find_preset, train_preset
from musicgen.training.tasks import without_orphans

TINY = {"deepbach": CONFIG, "flagship": SKETCHER_CONFIG, "masked": MASKED_CONFIG}
COMPOSERS = {"deepbach": QuartetComposer, "flagship": SketcherComposer, "masked": MaskedComposer}
SIZES = {"embedding", "condition_embedding", "width", "heads", "inner", "layers", "encoder_layers", "decoder_layers", "dropout", "hidden"}


def ensemble(voices: int) -> Ensemble:
    return Ensemble(tuple(f"Player {chr(65 + voice)}" for voice in range(voices)), tuple((76 - 5 * v, 90 - 5 * v) for v in range(voices)))


def corpus_of(voices: int) -> Corpus:
    """One piece, of the highest and lowest notes of each voice."""
    players = ensemble(voices)
    pitch = np.repeat(np.array(players.ranges)[:, [0, 1, 1, 0]], 4, axis=1)
    chorale = Chorale(pitch, np.ones_like(pitch, dtype=bool), np.zeros(16, dtype=bool), ensemble=players)
    pieces = (Piece("a", "train", chorale), Piece("b", "valid", chorale))
    return Corpus("mine", pieces, "f", "here", {}, ensemble=players)


def composer_of(preset: str, voices: int, folder):
    found = find_preset(preset).for_corpus(corpus_of(voices))
    model = replace(
        found.model, **{name: value for name, value in asdict(TINY[preset]).items() if name in SIZES and hasattr(found.model, name)}
    )
    checkpoint = Checkpoint(found.kind, asdict(model), asdict(found.tokenizer), {}, {}, ensemble(voices).to_dict())
    with torch.random.fork_rng():
        torch.manual_seed(1)
        save_checkpoint(folder, checkpoint, checkpoint.build().state_dict(), dtype=torch.float32)
    return COMPOSERS[preset].load(folder, **({"sweeps": 2} if preset == "deepbach" else {}))


def within_ranges(chorale: Chorale) -> bool:
    return all(
        ((row == REST) | ((row >= lowest) & (row <= highest))).all()
        for row, (lowest, highest) in zip(chorale.pitch, chorale.ensemble.ranges, strict=True)
    )


@pytest.mark.parametrize(
    ("preset", "voices"), [("masked", 3), *((preset, voices) for preset in ("deepbach", "flagship") for voices in (2, 3, 5, 8))]
)
def test_given_cells_stay_and_ranges_hold(preset, voices, tmp_path):
    composer = composer_of(preset, voices, tmp_path)
    assert composer.ensemble == ensemble(voices) == ensemble_of(str(tmp_path))
    empty = plan_sketch(Plan(bars=1), 1, composer.ensemble)
    piece = Dice().fill(empty, 1)
    given = np.random.default_rng(voices).random(piece.onset.shape) < 0.9
    kept = Sketch(piece, ~without_orphans(given, piece.onset))
    filled = composer.fill_many([empty, kept], [1, 2])
    assert kept.keeps(filled[1])
    assert all(within_ranges(chorale) and chorale.ensemble == composer.ensemble for chorale in filled)
    assert filled[0] == composer.fill(empty, 1)
    assert np.isfinite(composer.nats(filled[0]).nats).all()


def test_a_sketch_of_which_nobody_says_whose_it_is_is_the_models_own(tmp_path):
    composer = composer_of("flagship", 2, tmp_path)
    filled = composer.fill(Sketch.parse("1 ? ? ? ?\n2 C5 - - -"), 1)
    assert filled.ensemble == composer.ensemble
    assert within_ranges(filled)
    with pytest.raises(NotationError, match=r"a sketch of 3 voices; .* writes 2: 1 Player A, 2 Player B"):
        composer.fill(Sketch.parse("1 ?\n2 ?\n3 ?"), 1)


def test_four_players_are_no_choir_nor_a_choir_they(tmp_path):
    composer = composer_of("flagship", 4, tmp_path)
    with pytest.raises(NotationError, match=r"a sketch for soprano, alto, tenor, bass; .* writes for 1 Player A"):
        composer.fill(Sketch.parse("S ?\nA ?\nT ?\nB ?"), 1)
    assert within_ranges(composer.fill(Sketch.parse("S ?\nA ?\nT ?\nB ?", ensemble=ensemble(4)), 1))
    for name in ("rules",):
        with pytest.raises(NotationError, match=r"a sketch for 1 Player A"):
            load_composer(name).fill(plan_sketch(Plan(bars=1), 1, ensemble(4)), 1)


def test_presets_take_on_the_voices_of_a_corpus_and_leave_a_choirs_as_they_are(bach_corpus):
    for name in PRESETS:
        assert find_preset(name).for_corpus(bach_corpus) == find_preset(name)
        found = find_preset(name).for_corpus(corpus_of(5))
        assert (found.model.voices, found.tokenizer.lowest, found.tokenizer.highest) == (5, 56, 90)
    assert find_preset("flagship").for_corpus(corpus_of(5)).model.order == (0, 4, 1, 2, 3)
    assert find_preset("flagship").for_corpus(corpus_of(2)).model.order == (0, 1)


def test_pieces_are_transposed_within_their_own_ranges():
    piece = corpus_of(2).all_pieces[0].chorale
    narrow = piece.replaced(pitch=np.clip(piece.pitch, [[78], [73]], [[89], [84]]))
    assert [int(moved.pitch[0, 0]) - 78 for moved in transpositions(narrow, 6)] == [-2, -1, 0, 1]


@pytest.mark.parametrize("preset", ["markov", "hmm", "separator"])
def test_what_learns_a_choir_says_so(preset, tmp_path):
    with pytest.raises(ConfigError, match=f"{preset} learns four-voice chorales, mine is for 1 Player A, 2 Player B; choose flagship"):
        train_preset(preset, corpus_of(2), tmp_path / "run", tmp_path / "out")


def test_an_ensemble_is_written_down_only_where_it_is_no_choir(tmp_path):
    composer_of("flagship", 2, tmp_path / "two")
    assert read_checkpoint(tmp_path / "two").ensemble == ensemble(2).to_dict()
    plain = replace(read_checkpoint(tmp_path / "two"), ensemble=BACHS_CHOIR.to_dict())
    assert '"ensemble"' not in plain.to_json()
