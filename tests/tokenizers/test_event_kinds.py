"""Decoding whatever a model may write, byte pair encoding, and the kinds of tokens beside REMI; miditok is the oracle."""

import numpy as np
import pytest
from test_events import band, plain, random_score, score, track

from musicgen.errors import ConfigError, NotationError
from musicgen.tokenizers.event_piece import piece_of_score, score_of_piece
from musicgen.tokenizers.events import EventTokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return EventTokenizer.make()


@pytest.fixture(scope="module")
def merging(tokenizer):
    """With ids learned from pieces in which bars are alike."""
    return tokenizer.trained([tokenizer.encode(one).ids for one in (song(0), song(1), band())], tokenizer.size + 60)


def song(seed):
    beat = [(bar * 1920 + at, 60, pitch, 99) for bar in range(8) for at, pitch in ((0, 36), (480, 42), (960, 38), (1440, 42))]
    rng = np.random.default_rng(seed)
    tune = [(number * 480, 480, int(rng.integers(60, 64)), 99) for number in range(32)]
    return score([track(tune, "lead", 73), track(beat, "kit", 0, True)])


def heard(made):
    tracks, meters, tempos = plain(made)
    return sorted((program, drums, notes) for _, program, drums, notes in tracks if notes), meters, tempos


@pytest.mark.parametrize("seed", range(6))
def test_decodes_as_miditok(tokenizer, seed):
    ids = tokenizer.encode(random_score(seed)).ids
    assert heard(tokenizer.decode(ids)) == heard(tokenizer._miditok.decode(np.array(ids, dtype=np.int64)))


@pytest.mark.parametrize("seed", range(6))
def test_decodes_what_the_grammar_allows_as_miditok(tokenizer, seed):
    """Streams that a model may write: each kind of token may follow the one before it, values are at random."""
    rng = np.random.default_rng(seed)
    specials = np.isin(tokenizer.types, [tokenizer.type_names.index(name) for name in ("PAD", "BOS", "EOS", "FILL", "HOLE")])
    ids = [tokenizer.bar_ids[0]]
    while len(ids) < 300:
        allowed = np.flatnonzero(tokenizer.followers[tokenizer.types[ids[-1]]])
        kind = rng.choice([one for one in allowed if tokenizer.type_names[one] not in ("EOS", "Bar")] or allowed)
        kind = tokenizer.type_names.index("Bar") if rng.random() < 0.1 and tokenizer.type_names.index("Bar") in allowed else kind
        ids.append(int(rng.choice(np.flatnonzero((tokenizer.types == kind) & ~specials))))
    (notes, meters, tempos), (their_notes, their_meters, their_tempos) = (
        heard(tokenizer.decode(ids)),
        heard(tokenizer._miditok.decode(np.array(ids))),
    )
    assert (notes, meters) == (their_notes, their_meters)
    assert sorted([(0.0, 120.0), *tempos]) == sorted(their_tempos)  # which it puts before all


def test_decodes_anything(tokenizer):
    rng = np.random.default_rng(0)
    for length in (0, 1, 3, 50, 2000):
        tokenizer.decode(rng.integers(0, tokenizer.size, length)).dumps_midi()
    ids = tokenizer.encode(band()).ids
    for end in range(len(ids)):
        assert tokenizer.decode(ids[:end]).note_num() <= 10


def test_a_note_without_a_position_begins_with_its_bar(tokenizer):
    note = ["Program_0", "Pitch_60", "Velocity_127", "Duration_1.0.24"]
    ids = [tokenizer.id_of[one] for one in ("Bar_None", "TimeSig_3/4", "Position_24", *note, "Bar_None", "TimeSig_3/4", *note)]
    assert [one.time for one in tokenizer.decode(ids).tracks[0].notes] == [96, 288]
    assert heard(tokenizer.decode(ids))[0] == heard(tokenizer._miditok.decode(np.array(ids)))[0]


# --- byte pair encoding


def test_merged_ids_are_miditoks_and_fewer(tokenizer, merging):
    ids = tokenizer.encode(song(2)).ids
    merged = merging.encode(song(2)).ids
    assert len(merged) < len(ids) / 2
    assert merging.size == tokenizer.size + 60
    assert merged.tolist() == list(merging._miditok.encode(score_of_piece(piece_of_score(song(2), tokenizer.grid), tokenizer.grid)).ids)
    np.testing.assert_array_equal(merging.base(merged), ids)
    assert heard(merging.decode(merged)) == heard(tokenizer.decode(ids))


def test_merged_ids_know_bars_kinds_and_holes(tokenizer, merging):
    merged = merging.encode(song(0)).ids
    assert merging.bar_of(merged).max() == 7
    assert np.isin(merged, merging.bar_ids).sum() == 8
    assert merging.followers[merging.last_types[merged[:-1]], merging.types[merged[1:]]].all()
    context, middle = merging.with_hole(merged, [73], range(2, 4))
    wanted = tokenizer.with_hole(tokenizer.encode(song(0)).ids, [73], range(2, 4))
    np.testing.assert_array_equal(merging.base(context), wanted[0])
    np.testing.assert_array_equal(merging.base(middle), wanted[1])
    np.testing.assert_array_equal(merging.without_hole(context, middle), merged)
    assert merging.shift_table(1) is None
    assert {merging.pad_id, merging.bos_id, merging.eos_id, merging.fill_id, merging.hole_id} == set(range(5))


def test_a_trained_tokenizer_is_saved_with_its_pairs(merging, tmp_path):
    merging.save(tmp_path)
    again = EventTokenizer.load(tmp_path)
    assert again.encode(song(3)).ids.tolist() == merging.encode(song(3)).ids.tolist()


def test_sizes_that_cannot_be_are_refused(tokenizer):
    with pytest.raises(ConfigError, match="1,227 to 65,535"):
        tokenizer.trained([], 100)
    with pytest.raises(ConfigError, match="kind remi"):
        EventTokenizer.make("tsd").trained([], 2000)


# --- other kinds


@pytest.mark.parametrize("kind", ["tsd", "compound", "octuple"])
def test_other_kinds_come_back_or_say_what_did_not(kind, tmp_path):
    made = EventTokenizer.make(kind)
    made.save(tmp_path)
    assert EventTokenizer.load(tmp_path).encode(band()) is not None
    for given in (band(), random_score(3), random_score(5)):
        found = made.encode(given)
        piece, again = piece_of_score(given, made.grid), piece_of_score(made.decode(found.ids), made.grid)
        changed = [line for line in found.losses if "of this kind of tokens" in line]
        assert bool(changed) != (np.array_equal(piece.notes, again.notes) and np.array_equal(piece.tempos, again.tempos))
        assert kind == "octuple" or not changed
        ids = np.concatenate([[made.bos_id], found.ids, [made.eos_id]])
        assert made.followers[made.types[ids[:-1]], made.types[ids[1:]]].all()
        assert [one.name for one in made.decode(found.ids, found.tracks).tracks] == [label.name for label in found.tracks][
            : len(set(piece.notes[0]))
        ]
    assert ids.max() < made.size < 2**16


def test_rows_that_are_not_whole_are_left_away():
    made = EventTokenizer.make("octuple")
    ids = made.encode(band()).ids
    assert made.decode(ids[3:]).note_num() == 9
    assert made.decode(np.insert(ids, 5, made.eos_id)).note_num() == 9


def test_kinds_that_the_model_cannot_take_are_refused_with_the_reason():
    with pytest.raises(ConfigError, match="rows differ in length"):
        EventTokenizer.make("mumidi")
    with pytest.raises(NotationError, match="octuple tokens number 512"):
        EventTokenizer.make("octuple").encode(score([track([(1920 * 600, 480, 60, 80)])]))
    with pytest.raises(ConfigError, match="holes"):
        EventTokenizer.make("tsd").with_hole([5], [0], range(1))
