import json

import numpy as np
import pytest
from tiny import tiny_sketcher_composer

from musicgen.corpus.matrices import load_any_corpus, read_matrices
from musicgen.errors import ConfigError, CorpusError, FileError
from musicgen.evaluation.likelihood import measure_likelihood
from musicgen.music.pitch import Key
from musicgen.tokenizers.grid import CONDITIONS, GridTokenizer

PIECE = [[72, 67, 64, 48], [72, 67, 64, 50], [74, 67, -1, 50], [74, 65, -1, 50]]


def written(folder, value):
    path = folder / "data.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_a_repeated_pitch_is_a_held_one(tmp_path) -> None:
    corpus = load_any_corpus(str(written(tmp_path, {"train": [PIECE], "valid": [PIECE[:2], PIECE]})))
    assert corpus.counts() == {"train": 1, "valid": 2}
    chorale = corpus.pieces("valid")[1].chorale
    assert chorale.pitch.T.tolist() == PIECE
    assert chorale.onset.astype(int).tolist() == [[1, 0, 1, 0], [1, 0, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0]]


def test_other_notes_make_another_fingerprint(tmp_path) -> None:
    first = read_matrices(written(tmp_path, {"train": [PIECE]})).fingerprint
    assert read_matrices(written(tmp_path, {"train": [PIECE[:3]]})).fingerprint != first
    assert read_matrices(written(tmp_path, {"train": [PIECE]})).fingerprint == first


def test_a_split_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(CorpusError, match="no split 'test'; it has valid"):
        read_matrices(written(tmp_path, {"valid": [PIECE]})).pieces("test")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{", "is not JSON"),
        ([PIECE], "does not hold an object of splits"),
        ({"dev": [PIECE]}, "does not hold an object of splits"),
        ({"train": []}, "holds no pieces"),
        ({"train": PIECE[0]}, "train piece 1 is no list"),
        ({"train": [[]]}, "train piece 1 has not 4 MIDI numbers"),
        ({"train": [[[60, 60, 60]]]}, "train piece 1 has not 4 MIDI numbers"),
        ({"train": [PIECE, [[60, 60, 60, 60], [60, 60]]]}, "train piece 2 has not 4 MIDI numbers"),
        ({"train": [[[60, 60, 60, 128]]]}, "has not 4 MIDI numbers"),
        ({"train": [[[60, 60, 60, 59.5]]]}, "has not 4 MIDI numbers"),
        ({"train": [[[60, 60, 60, "A"]]]}, "has not 4 MIDI numbers"),
        ({"train": [[[60, 60, 60, "48"]]]}, "has not 4 MIDI numbers"),
        ({"train": [[[60, 60, 60, True]]]}, "has not 4 MIDI numbers"),
        ({"train": [[[60, 60, 60, None]]]}, "has not 4 MIDI numbers"),
    ],
)
def test_what_are_no_step_matrices_is_refused_with_the_form(tmp_path, value, said: str) -> None:
    with pytest.raises(FileError, match=said):
        read_matrices(written(tmp_path, value))


def test_a_file_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(FileError, match=r"none\.json"):
        read_matrices(tmp_path / "none.json")


def test_likelihood_is_measured_on_them(tmp_path) -> None:
    pieces = [piece.chorale for piece in read_matrices(written(tmp_path, {"valid": [PIECE]})).pieces("valid")]
    report = measure_likelihood(tiny_sketcher_composer(), pieces)
    assert report.kind == "exact"
    assert report.cells == 16


def test_what_is_untold_does_not_reach_the_model(tmp_path) -> None:
    chorale = read_matrices(written(tmp_path, {"valid": [PIECE]})).pieces("valid")[0].chorale.replaced(key=Key(2, "minor"))
    told, untold = (GridTokenizer("pair", untold=names).conditions(chorale) for names in ((), ("key", "mode")))
    changed = [name for name, before, after in zip(CONDITIONS, told, untold, strict=True) if not np.array_equal(before, after)]
    assert changed == ["key", "mode"]
    assert not untold[-2:].any()
    with pytest.raises(ConfigError, match="choices: phase"):
        GridTokenizer(untold=("tempo",))


def test_of_the_key_only_its_signature_is_told(tmp_path) -> None:
    in_minor = [[72, 69, 64, 57]] * 8 + [[71, 68, 64, 52]] * 4 + [[72, 69, 64, 57]] * 8
    corpus = read_matrices(written(tmp_path, {"train": [in_minor]}))
    assert corpus.pieces("train")[0].chorale.key == Key(0, "major")
    assert np.exp(corpus.told_nats) == pytest.approx(12)
