"""Streams drawn from any weights under the grammar: always whole, always what was asked."""

import numpy as np
import pytest

from musicgen.sampling.event_steering import DRUMS, EventPlan, EventSteer, Harmony, PlannedBar
from musicgen.sampling.event_words import FOLLOWERS, EventWords, Kind
from musicgen.tokenizers.events import EventTokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return EventTokenizer.make("remi", positions=12)


@pytest.fixture(scope="module")
def words(tokenizer):
    return EventWords.of_tokenizer(tokenizer)


def drawn(words, plan, seed, sharpness=3.0, room=1 << 30, longest_bar=1 << 30, favoured=None):
    """The stream of a steer whose model has a fixed random liking for every id, other ones for every seed."""
    rng = np.random.default_rng(seed)
    liking = rng.normal(size=words.size) * sharpness
    if favoured is not None:
        liking[words.kinds[:, 0] == favoured] += 30
    steer, ids = EventSteer(words, plan, room, longest_bar), []
    while not steer.ended:
        allowed = steer.allowed(ids)
        assert allowed.any(), words.spoken(ids[-8:])
        ids.append(int(np.where(allowed, liking + rng.gumbel(size=words.size), -np.inf).argmax()))
        steer.done(ids)
        assert len(ids) < 20_000
    return steer, ids


def bars(count, beats=4, unit=4, positions=12):
    return tuple(PlannedBar(beats, unit, 0, beats * positions) for _ in range(count))


def test_the_grammar_is_the_tokenizers_graph(tokenizer):
    names = [name.upper() for name in tokenizer.type_names]
    for kind, following in FOLLOWERS.items():
        if kind not in (Kind.START, Kind.SPACE):
            row = tokenizer.followers[names.index(kind.name)]
            assert {names[index] for index in np.flatnonzero(row)} == {other.name for other in following} - {"SPACE"}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("favoured", [None, Kind.BAR, Kind.PROGRAM, Kind.POSITION])
def test_whatever_the_weights_a_stream_is_what_was_asked(words, tokenizer, seed, favoured):
    plan = EventPlan(bars(6, 6, 8), (DRUMS, 0, 33))
    steer, ids = drawn(words, plan, seed, favoured=favoured, longest_bar=200)
    kinds = [kind for kind, _ in words.spoken(ids)]
    assert kinds.count(Kind.BAR) == 7 - (kinds[-1] == Kind.EOS)  # the next bar ends the last one, or EOS does
    assert {note.slot for note in steer.notes} == {DRUMS, 0, 33}
    assert {steer.words.meters[value] for kind, value in words.spoken(ids) if kind == Kind.TIMESIG} == {(6, 8)}
    onsets = [(note.bar, note.position) for note in steer.notes]
    assert onsets == sorted(onsets)
    struck = [(note.bar, note.position, note.slot, note.pitch) for note in steer.notes]
    assert len(set(struck)) == len(struck)
    for slot in plan.slots:  # nobody is silent for more than four bars
        heard = [-1, *sorted({note.bar for note in steer.notes if note.slot == slot})]
        assert max(np.diff(heard)) <= 4
    score = tokenizer.decode([*ids[:-1]])
    assert sum(len(track.notes) for track in score.tracks) == len(steer.notes)
    assert {-1 if track.is_drum else track.program for track in score.tracks} == {-1, 0, 33}


@pytest.mark.parametrize("favoured", [Kind.BAR, Kind.POSITION])
def test_who_was_silent_too_long_comes_in_where_a_bar_begins_to_sound(words, favoured):
    """And not at its end, after a crowd of notes that only put it off."""
    plan = EventPlan(bars(9), (0, 33, 48), absence=2)
    entries = 0
    for seed in range(3):
        steer, _ = drawn(words, plan, seed, favoured=favoured, longest_bar=200)
        heard = dict.fromkeys(plan.slots, -1)
        for number in range(9):
            notes = [note for note in steer.notes if note.bar == number]
            for slot in [slot for slot in plan.slots if number - heard[slot] >= plan.absence]:
                entry = next(index for index, note in enumerate(notes) if note.slot == slot)
                assert notes[entry].position == notes[0].position
                assert entry < len(plan.slots)
                entries += 1
            heard |= {note.slot: number for note in notes}
    assert entries


def test_a_middle_ends_with_eos_and_fits_its_room(words):
    plan = EventPlan(bars(4), (0, 5), open_end=False)
    for seed in range(2):
        steer, ids = drawn(words, plan, seed, room=300, favoured=Kind.PROGRAM)
        assert len(ids) <= 300
        assert ids[-1] == words.id_of(Kind.EOS)
        assert words.spoken(ids).count((Kind.BAR, 0)) == 4
        assert {note.bar for note in steer.notes} == {0, 1, 2, 3}  # the room is shared fairly
        assert steer.tempo == 0


def test_notes_begin_within_the_part_of_a_bar_that_is_there(words):
    plan = EventPlan((PlannedBar(4, 4, 36, 48), PlannedBar(4, 4, 0, 12), PlannedBar(4, 4, 5, 5)), (0,))
    steer, _ = drawn(words, plan, 1, favoured=Kind.POSITION)
    assert {(note.bar, note.position // 12) for note in steer.notes} == {(0, 3), (1, 0)}


def test_the_first_place_names_the_tempo_and_no_other_does(words):
    steer, ids = drawn(words, EventPlan(bars(3), (0,), tempo=True), 2)
    spoken = words.spoken(ids)
    assert [kind for kind, _ in spoken].count(Kind.TEMPO) == 1
    assert spoken[3] == (Kind.TEMPO, steer.tempo)


def test_pitches_keep_to_the_chords_and_end_with_them(words):
    classes = np.zeros((4, 48, 12), dtype=bool)
    classes[:2, :, [0, 4, 7]] = True
    classes[2:, :, [2, 7, 11]] = True
    room = np.full((4, 48, 12), 7, dtype=np.int64)
    steer, _ = drawn(words, EventPlan(bars(4), (DRUMS, 0, 40), Harmony(classes, room)), 3)
    pitched = [note for note in steer.notes if note.slot != DRUMS]
    assert {note.pitch % 12 for note in pitched if note.bar < 2} == {0, 4, 7}
    assert {note.pitch % 12 for note in pitched if note.bar >= 2} == {2, 7, 11}
    assert max(note.length for note in pitched) == 7
    assert max(note.length for note in steer.notes if note.slot == DRUMS) > 7


def test_ids_of_several_words_obey_word_by_word(tokenizer):
    """As BPE makes them: `Program_0 Pitch_60`, `Bar TimeSig_4/4 Position_0`, `Duration Bar`, ..."""
    rng = np.random.default_rng(5)
    base = list(tokenizer.tokens)
    long = [(base[a], base[b]) for a, b in rng.integers(5, len(base), (3000, 2))]
    long += [("Bar_None", "TimeSig_4/4", f"Position_{place}") for place in range(48)]
    long += [("Duration_1.0.12", "Bar_None", "TimeSig_4/4"), ("Duration_1.0.12", "Program_0", "Pitch_61"), ("Program_33", "Pitch_60")]
    words = EventWords.of([*((token,) for token in base), *long], 12)
    classes = np.ones((5, 48, 12), dtype=bool)
    classes[:, :, 1] = False
    steer, ids = drawn(words, EventPlan(bars(5), (0, 33), Harmony(classes, np.full((5, 48, 12), 48))), 1)
    singles = [token for id in ids for token in (base[id : id + 1] or long[id - len(base)])]
    assert len(singles) > len(ids)
    plain = EventWords.of([(token,) for token in base], 12)
    again = EventSteer(plan=EventPlan(bars(5), (0, 33)), words=plain)
    stream = []
    for token in singles:
        number = tokenizer.id_of[token]
        if again.ended:
            break
        stream.append(number)
        again.done(stream)
    assert again.notes == steer.notes
    assert {note.pitch % 12 for note in steer.notes} <= set(range(12)) - {1}
    assert {note.bar for note in steer.notes} <= set(range(5))
