"""Event corpora on disk: pieces come back as they were written, whatever the size of a shard; a damaged corpus is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from musicgen.corpus.shards import NewPiece, load_events, write_events
from musicgen.errors import CorpusError


class Tokenizer:
    bos_id, eos_id = 1, 2

    def save(self, folder):
        (Path(folder) / "tokenizer.json").write_text("{}")


def new_pieces(count=20):
    rng = np.random.default_rng(0)
    return [
        NewPiece(
            f"piece {n}",
            ("train", "train", "valid", "test")[n % 4],
            rng.integers(5, 65536, rng.integers(0, 50)).astype(np.uint16),
            {"n": n, "losses": ["onsets: 3 moved"] * (n < 3)},
        )
        for n in range(count)
    ]


def write(folder, pieces, **more):
    return write_events("mine", "here", Tokenizer(), iter(pieces), folder=folder, **more)


@pytest.mark.parametrize("most_ids", [60, 1000])
def test_pieces_come_back(tmp_path, most_ids):
    made = new_pieces()
    write(tmp_path, made, dropped=[("a.mid", "empty")], most_ids=most_ids)
    corpus = load_events(tmp_path / "mine")
    for split in ("train", "valid", "test"):
        wanted = [piece for piece in made if piece.split == split]
        found = corpus.pieces(split)
        assert [piece.name for piece in found] == [piece.name for piece in wanted]
        assert found[-1].name == wanted[-1].name
        for piece, other in zip(found, wanted, strict=True):
            assert piece.ids.tolist() == [1, *other.ids.tolist(), 2]
        assert found.lengths().tolist() == [len(piece.ids) + 2 for piece in wanted]
        assert corpus.ids_in(split) == sum(len(piece.ids) + 2 for piece in wanted)
        assert all(np.load(path).size <= most_ids for path in corpus.folder.glob("*[0-9].npy"))
    assert len(list(corpus.folder.glob("train-*[0-9].npy"))) == (1 if most_ids == 1000 else 7)
    assert corpus.dropped() == {"a.mid": "empty"}
    assert "onsets in 3" in corpus.summary()
    rows = [json.loads(line) for line in (corpus.folder / "pieces.jsonl").read_text().splitlines()]
    assert [row["n"] for row in rows] == sorted(range(20), key=lambda n: ((0, 0, 1, 2)[n % 4], n))


def test_ids_are_read_from_the_disk_as_they_are_looked_at(tmp_path):
    ids = write(tmp_path, new_pieces()).pieces("train")[0].ids
    assert isinstance(ids.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        ids[0] = 3


def test_equal_corpora_have_equal_fingerprints_and_bytes(tmp_path):
    first, second = write(tmp_path / "a", new_pieces()), write(tmp_path / "b", new_pieces())
    assert first.fingerprint == second.fingerprint
    assert write(tmp_path / "c", new_pieces(19)).fingerprint != first.fingerprint


def test_a_new_corpus_leaves_nothing_of_the_old_one(tmp_path):
    write(tmp_path, new_pieces(), most_ids=60)
    write(tmp_path, new_pieces(4))
    assert sorted(path.name for path in (tmp_path / "mine").glob("train-*")) == ["train-00000.npy", "train-00000.starts.npy"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_writing_that_fails_leaves_the_old_corpus(tmp_path):
    before = write(tmp_path, new_pieces()).fingerprint

    def breaking():
        yield from new_pieces(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_events("mine", "here", Tokenizer(), breaking(), folder=tmp_path)
    assert load_events(tmp_path / "mine").fingerprint == before
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_damaged_ones_are_refused(tmp_path):
    corpus = write(tmp_path, new_pieces())
    with pytest.raises(CorpusError, match="no split 'tests'"):
        corpus.pieces("tests")
    with pytest.raises(IndexError):
        corpus.pieces("test")[99]
    with open(corpus.folder / "train-00000.npy", "r+b") as file:
        file.truncate(200)
    with pytest.raises(CorpusError, match="train-00000"):
        load_events(corpus.folder)
    (corpus.folder / "manifest.json").write_text("{}")
    with pytest.raises(CorpusError, match="no event tokens"):
        load_events(corpus.folder)
    with pytest.raises(CorpusError, match="no corpus here"):
        load_events(tmp_path)
