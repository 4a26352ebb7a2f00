"""Rows to learn from: any process may ask for them, every excerpt is music of the corpus, holes are filled by what was there."""

import event_pieces as events
import numpy as np
import pytest

from musicgen.errors import CorpusError
from musicgen.generation.foretelling import Measured
from musicgen.training.language_config import LanguageTraining
from musicgen.training.streams import Rows, whole_rows

PLAIN = LanguageTraining(holes=0, lowest=0, highest=0)


def rows(config=PLAIN, window=160):
    return Rows(events.pieces(), events.tokenizer(), window, config)


def test_a_row_is_a_function_of_seed_update_and_number():
    config = LanguageTraining()
    one, same = rows(config).row(3, 5), rows(config).row(3, 5)
    assert np.array_equal(one.ids, same.ids)
    assert np.array_equal(one.weights, same.weights)
    for other in (rows(config).row(3, 6), rows(config).row(4, 5), rows(LanguageTraining(seed=2)).row(3, 5)):
        assert not np.array_equal(one.ids, other.ids)


def test_excerpts_are_parts_of_pieces_that_begin_with_bos_or_at_a_bar():
    whole = [ids.tolist() for ids in events.pieces().all_ids]
    tokenizer = events.tokenizer()
    begins = set()
    for number in range(20):
        row = rows().row(0, number)
        assert len(row.ids) == 161
        assert (row.weights == (row.ids != tokenizer.pad_id)).all()
        first, *more = np.split(row.ids, np.flatnonzero(row.ids == tokenizer.bos_id))
        begins.add("within" if len(first) else "start")
        for part in (first, *more):
            part = part[part != tokenizer.pad_id].tolist()
            assert any(part == ids[start : start + len(part)] for ids in whole for start in range(len(ids)))
            assert not part or part[0] in (tokenizer.bos_id, *tokenizer.bar_ids)
    assert begins == {"start", "within"}


def test_holes_are_filled_by_what_was_taken_out():
    tokenizer = events.tokenizer()
    whole = [ids[1:-1].tolist() for ids in events.pieces().all_ids]
    sizes = set()
    for number in range(20):
        row = rows(LanguageTraining(holes=1, lowest=0, highest=0), window=600).row(0, number)
        first = row.ids[: int(np.flatnonzero(row.ids == tokenizer.eos_id)[0]) + 1]
        fill = int(np.flatnonzero(first == tokenizer.fill_id)[0])
        context, middle = first[1:fill], first[fill + 1 : -1]
        back = tokenizer.without_hole(context, middle).tolist()
        assert any(back == ids[start : start + len(back)] for ids in whole for start in range(len(ids)))
        weights = row.weights[: len(first)]
        assert (weights[fill + 1 :] == 1).all()
        assert set(np.unique(weights[1:fill])) == {0, np.float32(0.3)}
        assert (first[: fill + 1][weights[: fill + 1] == 0] != tokenizer.hole_id).sum() == 1  # FILL
        sizes.add(int((context == tokenizer.hole_id).sum()))
    assert len(sizes) > 2


def test_pieces_are_moved_and_drums_stay():
    tokenizer = events.tokenizer()
    is_drum, is_pitch = ([token.startswith(kind) for token in tokenizer.tokens] for kind in ("PitchDrum", "Pitch_"))
    moved = Rows(events.pieces(0, 1), tokenizer, 600, LanguageTraining(holes=0, starts=1))
    heard = [moved.row(0, number).ids[:100] for number in range(30)]
    assert len({tuple(ids[np.array(is_pitch)[ids]]) for ids in heard}) > 6
    assert len({tuple(ids[np.array(is_drum)[ids]]) for ids in heard}) == 1


def test_every_id_of_the_valid_split_is_foretold_once():
    bars = events.tokenizer().bar_ids
    cut = whole_rows(events.pieces(), 100, bars, most=1000)
    assert sum(len(row) - 1 for row in cut) == sum(len(ids) - 1 for ids in events.pieces().all_ids)
    assert max(len(row) for row in cut) <= 101
    assert all(row[0] in (events.tokenizer().bos_id, *bars) for row in cut)
    assert len(whole_rows(events.pieces(), 100, bars, most=3)) == 3


def test_a_corpus_without_pieces_is_refused():
    with pytest.raises(CorpusError, match="no piece"):
        Rows(events.Pieces(()), events.tokenizer(), 100, PLAIN)


def test_pairs_of_ids_are_learned_with_holes_and_measured_by_the_note():
    tokenizer = events.tokenizer()
    paired = tokenizer.trained([ids[1:-1] for ids in events.pieces().all_ids], tokenizer.size + 40)
    merged = [[paired.bos_id, *paired.merged(ids[1:-1]), paired.eos_id] for ids in events.pieces().all_ids]
    pieces = events.Pieces(tuple(np.array(ids, np.uint16) for ids in merged))
    assert len(merged[0]) < len(events.pieces().all_ids[0])
    row = Rows(pieces, paired, 400, LanguageTraining(holes=1)).row(0, 0)
    assert {paired.fill_id, paired.hole_id} <= set(row.ids.tolist())
    counts = np.bincount(np.concatenate(merged), minlength=paired.size).astype(float)
    assert Measured(counts, counts).figures(paired)["notes"] == 6 * 3 * 32
