import numpy as np
import pytest
import torch
from tiny import SKETCHER_CONFIG, TOKENIZER

from musicgen.errors import ConfigError, CorpusError
from musicgen.music.chorale import RANGES, REST
from musicgen.tokenizers.grid import GridTokenizer
from musicgen.training.batches import WindowSource, encode_piece, modulations, transpositions, whole_pieces
from musicgen.training.config import TrainingConfig, apply_settings
from musicgen.training.tasks import AllOthers, FreeCells

CONFIG = TrainingConfig(batch=6, window=40, hidden=0.5)
TASK = AllOthers(TOKENIZER, CONFIG)


@pytest.fixture(scope="module")
def chorales(bach_pieces):
    return [piece.chorale for piece in bach_pieces[:6]]


def test_a_batch_is_a_function_of_seed_and_number(chorales) -> None:
    first, again = (WindowSource(chorales, CONFIG, TASK).batch(5) for _ in range(2))
    assert torch.equal(first.ids, again.ids)
    assert not torch.equal(first.ids, WindowSource(chorales, CONFIG, TASK).batch(6).ids)


def test_targets_are_windows_of_transposed_pieces(chorales) -> None:
    source = WindowSource(chorales, CONFIG, TASK)
    versions = [encode_piece(TOKENIZER, moved).ids for chorale in chorales for moved in transpositions(chorale, CONFIG.transpose)]
    batch = source.batch(0)
    for targets, valid in zip(batch.targets.numpy(), batch.valid.numpy(), strict=True):
        window = np.where(valid, targets, TOKENIZER.boundary_id)
        assert any(
            (ids[:, start : start + window.shape[1]] == window).all()
            for ids in versions
            for start in range(ids.shape[1] - window.shape[1] + 1)
        )


def test_hidden_cells_are_masked_in_the_input_and_kept_in_the_target(chorales) -> None:
    batch = WindowSource(chorales, CONFIG, TASK).batch(1)
    hidden = batch.ids == TOKENIZER.mask_id
    assert 0 < hidden.sum() < hidden.numel()
    assert (batch.targets[hidden] < TOKENIZER.size).all()
    seen = batch.valid & ~hidden
    assert torch.equal(batch.ids[seen], batch.targets[seen])


def test_beginnings_and_ends_are_seen(chorales) -> None:
    source = WindowSource(chorales, CONFIG, TASK)
    batches = [source.batch(number) for number in range(20)]
    first = torch.cat([batch.valid[:, 0, 0] for batch in batches])
    last = torch.cat([batch.valid[:, 0, -1] for batch in batches])
    assert (~first).any()
    assert (~last).any()


def test_transpositions_stay_in_the_ranges(chorales) -> None:
    for chorale in chorales:
        moved = transpositions(chorale, 6)
        assert any(version == chorale for version in moved)
        for version in moved:
            for voice, (lowest, highest) in enumerate(RANGES):
                sounding = version.pitch[voice][version.pitch[voice] != REST]
                assert lowest <= sounding.min() <= sounding.max() <= highest


def test_a_modulation_is_the_same_piece_in_a_neighbouring_key(chorales) -> None:
    """Relative ids move by a fifth or two, and that is all that they do."""
    tokenizer = GridTokenizer("pair", relative=True)
    for chorale in chorales:
        plain = tokenizer.encode(chorale)
        moved = modulations(chorale)
        assert [version.key.fifths - chorale.key.fifths for version in moved] == [-2, -1, 1, 2]
        for version, fifths in zip(moved, (-2, -1, 1, 2), strict=True):
            moves = np.unique((tokenizer.encode(version) - plain)[chorale.pitch != REST])
            assert len(moves) == 1
            assert (moves[0] + 7 * fifths) % 12 == 0


def test_as_many_windows_modulate_as_asked(chorales) -> None:
    tokenizer = GridTokenizer("pair", relative=True)
    config = TrainingConfig(batch=40, window=40, transpose=0, modulate=0.25)
    source = WindowSource(chorales[:1], config, FreeCells(tokenizer, config))
    keys = torch.cat([source.batch(number).conditions[:, 3, 0] for number in range(10)])
    assert 0.15 < float((keys != chorales[0].key.fifths % 12).float().mean()) < 0.35


def test_whole_pieces_count_every_cell_once(chorales) -> None:
    cells = sum(int(batch.valid.sum()) for batch, _ in whole_pieces(chorales, TOKENIZER, batch=4))
    assert cells == sum(chorale.pitch.size for chorale in chorales)


def test_no_pieces_are_refused() -> None:
    with pytest.raises(CorpusError, match="no pieces"):
        WindowSource([], CONFIG, TASK)


def test_settings_change_one_field_and_keep_its_type() -> None:
    changed = apply_settings({"training": TrainingConfig()}, ["training.batch=8", "training.learning_rate=1e-4"])
    assert changed["training"] == TrainingConfig(batch=8, learning_rate=1e-4)


def test_a_setting_may_be_a_list() -> None:
    assert apply_settings({"model": SKETCHER_CONFIG}, ["model.order=3,0,1,2"])["model"].order == (3, 0, 1, 2)
    with pytest.raises(ConfigError, match="each voice once"):
        apply_settings({"model": SKETCHER_CONFIG}, ["model.order=3,3"])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("batch=8", "group.name=value"),
        ("training.batch", "group.name=value"),
        ("model.width=8", "no settings named 'model'"),
        ("training.bach=8", "did you mean batch"),
        ("training.batch=eight", "a value of type int"),
        ("training.batch=0", "at least 1"),
        ("training.hidden=2", "from 0 to 1"),
        ("training.learning_rate=nan", "a number of at least 0"),
        ("training.save_minutes=inf", "a number of at least 0"),
        ("training.seed=-5", "at least 0"),
    ],
)
def test_settings_that_do_not_exist_are_refused(setting: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        apply_settings({"training": TrainingConfig()}, [setting])
