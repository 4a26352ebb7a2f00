"""EventTokenizer: miditok's own encoding and decoding are the oracle, on MIDI that is written here."""

import dataclasses

import numpy as np
import pytest
import symusic

from musicgen.corpus.sources import bach_folder, read_source
from musicgen.corpus.splits import bach_entries
from musicgen.errors import ConfigError, FileError, NotationError
from musicgen.files.midi import midi_of_score
from musicgen.tokenizers.event_piece import piece_of_score, score_of_piece
from musicgen.tokenizers.events import EventTokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return EventTokenizer.make()


def track(notes, name="", program=0, is_drum=False):
    """Notes as (tick, duration, pitch, velocity)."""
    made = symusic.Track(name, program, is_drum)
    for note in notes:
        made.notes.append(symusic.Note(*note))
    return made


def score(tracks, meters=((0, 4, 4),), tempos=((0, 120),), tpq=480):
    made = symusic.Score(tpq)
    for one in tracks:
        made.tracks.append(one)
    made.time_signatures = symusic.core.TimeSignatureTickList([symusic.TimeSignature(*row) for row in meters])
    made.tempos = symusic.core.TempoTickList([symusic.Tempo(*row) for row in tempos])
    return symusic.Score.from_midi(made.dumps_midi())


def band():
    """Two basses, a melody with an odd name, drums; 3/4, then 6/8, at two tempos."""
    return score(
        [
            track([(0, 480, 40, 100), (480, 240, 43, 90)], "Bass", 33),
            track([(0, 1440, 28, 70)], "Bass two", 33),
            track([(720, 160, 72, 64), (880, 160, 74, 65), (1040, 160, 76, 66), (2880, 60, 77, 1)], "Flöte  №1 / лад", 73),
            track([(0, 60, 36, 127), (0, 60, 42, 30), (1440, 60, 38, 127)], "Kit", 0, True),
        ],
        meters=((0, 3, 4), (2880, 6, 8)),
        tempos=((0, 90), (1440, 132)),
    )


def plain(made, ticks_per_quarter=96):
    """What is heard of a symusic.Score: tracks with their notes, meters and tempos, times at one resolution."""
    scale = ticks_per_quarter / made.ticks_per_quarter
    return (
        [
            (one.name, one.program, one.is_drum, sorted((n.time * scale, n.duration * scale, n.pitch, n.velocity) for n in one.notes))
            for one in made.tracks
        ],
        [(m.time * scale, m.numerator, m.denominator) for m in made.time_signatures],
        [(t.time * scale, round(t.qpm, 2)) for t in made.tempos],
    )


def random_score(seed):
    rng = np.random.default_rng(seed)
    tpq = int(rng.choice([7, 96, 120, 480, 1024]))
    tracks = [
        track(
            [
                (int(rng.integers(0, 20 * tpq)), int(rng.integers(1, 10 * tpq)), int(rng.integers(0, 128)), int(rng.integers(1, 128)))
                for _ in range(40)
            ],
            "x",
            int(rng.integers(0, 3)),
            bool(rng.random() < 0.2),
        )
        for _ in range(4)
    ]
    meters = [(0, int(rng.integers(1, 20)), int(rng.choice([2, 4, 8, 16, 32])))]
    meters += [(int(rng.integers(1, 9 * tpq)), int(rng.integers(1, 20)), int(rng.choice([1, 2, 4, 8, 16]))) for _ in range(2)]
    tempos = sorted((int(rng.integers(0, 20 * tpq)), float(rng.uniform(10, 400))) for _ in range(4))
    return score(tracks, sorted(meters), tempos, tpq)


@pytest.mark.parametrize("seed", range(12))
def test_ids_are_miditoks_and_come_back(tokenizer, seed):
    """The ids of the vectorized encoder, miditok's encoder and its decoder agree."""
    made = random_score(seed)
    found = tokenizer.encode(made)
    piece = piece_of_score(made, tokenizer.grid)
    assert found.ids.tolist() == list(tokenizer._miditok.encode(score_of_piece(piece, tokenizer.grid)).ids)
    again = piece_of_score(tokenizer.decode(found.ids), tokenizer.grid)
    for before, after in ((piece.notes, again.notes), (piece.meters, again.meters), (piece.tempos, again.tempos)):
        np.testing.assert_array_equal(before, after)
    assert not any(line.startswith(("onsets", "lengths")) for line in again.losses)


def test_a_band_comes_back_with_tracks_names_drums_tempos_and_meters(tokenizer):
    found = tokenizer.encode(band())
    assert [line.partition(":")[0] for line in found.losses] == ["velocities"]
    tracks, meters, tempos = plain(tokenizer.decode(found.ids, found.tracks))
    given, given_meters, given_tempos = plain(band())
    assert [one[:3] for one in tracks] == [one[:3] for one in given]
    for (*_, notes), (*_, expected) in zip(tracks, given, strict=True):
        assert [note[:3] for note in notes] == [note[:3] for note in expected]
        assert max(abs(note[3] - other[3]) for note, other in zip(notes, expected, strict=True)) <= 2
    assert (meters, tempos) == (given_meters, given_tempos)


def test_two_tracks_of_one_program_have_slots_of_one_family(tokenizer):
    slots = [label.slot for label in tokenizer.encode(band()).tracks]
    assert slots == [33, 39, 73, -1]
    many = score([track([(0, 480, 60, 80)], f"part {number}", 40) for number in range(140)])
    found = tokenizer.encode(many)
    assert sorted({label.slot for label in found.tracks}) == list(range(128))
    assert "tracks: 12 of 140 share the program of another, 128 can stay apart" in found.losses


def test_triplets_and_thirtyseconds_are_exact_and_played_notes_close(tokenizer):
    exact = score([track([(n * 160, 160, 60, 127) for n in range(12)] + [(n * 60, 60, 72, 127) for n in range(16)])])
    assert tokenizer.encode(exact).losses == ()
    played = score([track([(n * 487 + 3, 206, 60, 127) for n in range(30)])])
    losses = tokenizer.encode(played).losses
    assert any(line.startswith("onsets: ") for line in losses)
    assert any(line.startswith("lengths: 30 of 30") for line in losses)
    there = np.array([n * 487 + 3 for n in range(30)]) / 480
    back = np.array([note.time for note in tokenizer.decode(tokenizer.encode(played).ids).tracks[0].notes]) / 96
    assert np.abs(there - back).max() <= 1 / 48 + 1e-9


@pytest.mark.parametrize(
    ("meters", "bars"),
    [
        (((0, 1, 4), (480, 4, 4)), [(0, 1, 4), (96, 4, 4)]),  # a pick-up as MuseScore writes it
        (((0, 4, 4), (2880, 3, 4)), [(0, 4, 4), (384, 2, 4), (576, 3, 4)]),  # cut short: the bar gets a meter of its own
        (((0, 18, 8),), [(0, 9, 8)]),
        (((0, 1, 1), (1920, 4, 32)), [(0, 2, 2), (384, 2, 16)]),
        (((0, 4, 4), (1900, 3, 4)), [(0, 4, 4), (384, 3, 4)]),  # no meter is so short: it waits
        (((0, 4, 4), (1919, 3, 4)), [(0, 4, 4), (384, 3, 4)]),  # a tick off is the barline
        ((), [(0, 4, 4)]),
    ],
)
def test_meters(tokenizer, meters, bars):
    found = tokenizer.encode(score([track([(n * 480, 480, 60, 127) for n in range(30)])], meters))
    assert plain(tokenizer.decode(found.ids))[1] == bars
    kept = len(meters) == len(bars) and all((b, u) == (d, v) for (_, b, u), (_, d, v) in zip(meters, bars, strict=True))
    assert kept or not meters or any(line.startswith(("bars", "meters")) for line in found.losses)
    assert [n.time for n in tokenizer.decode(found.ids).tracks[0].notes] == [n * 96 for n in range(30)]


def test_losses_name_what_the_tokens_do_not_hold(tokenizer):
    made = band()
    made.tracks[0].controls.append(symusic.ControlChange(0, 7, 100))
    made.tracks[0].pitch_bends.append(symusic.PitchBend(0, 100))
    made.tracks.append(track([(0, 60, 40, 100)], "more drums", 0, True))
    made.tracks.append(track([(0, 480 * 50, 40, 100)], "organ", 19))
    made.tempos.append(symusic.Tempo(2000, 700))
    made.tempos.append(symusic.Tempo(2100, 99.5))
    kinds = [line.partition(":")[0] for line in tokenizer.encode(made).losses]
    assert kinds == ["tempos", "tempo fractions", "lengths", "velocities", "drums", "controllers", "pitch bends"]
    made.tracks.append(track([(480 * 60_000, 480, 40, 100)]))
    with pytest.raises(NotationError, match="never ends"):
        tokenizer.encode(made)


def test_a_piece_without_notes(tokenizer):
    empty = tokenizer.encode(score([]))
    assert [tokenizer.tokens[one] for one in empty.ids] == ["Bar_None", "TimeSig_4/4", "Position_0", "Tempo_120.0"]
    assert tokenizer.decode([]).note_num() == 0


def test_saved_and_loaded_it_is_the_same_and_miditok_reads_it(tokenizer, tmp_path):
    import miditok

    tokenizer.save(tmp_path / "new")
    assert EventTokenizer.load(tmp_path / "new") == tokenizer
    theirs = miditok.MusicTokenizer.from_pretrained(tmp_path / "new")
    assert [token for token, _ in sorted(theirs.vocab.items(), key=lambda item: item[1])] == list(tokenizer.tokens)
    (tmp_path / "new" / "tokenizer.json").write_text('{"config": 1}')
    with pytest.raises(FileError, match="no tokenizer"):
        EventTokenizer.load(tmp_path / "new")
    with pytest.raises(FileError, match="no such file"):
        EventTokenizer.load(tmp_path)


def test_unknown_kinds_and_settings_are_refused():
    with pytest.raises(ConfigError, match="remi"):
        EventTokenizer.make("remy")
    with pytest.raises(ConfigError, match="positions"):
        EventTokenizer.make(position=12)
    with pytest.raises(ConfigError, match="12, 24"):
        EventTokenizer.make(positions=7)


def test_a_finer_grid_moves_played_notes_less(tokenizer):
    fine = EventTokenizer.make(positions=48)
    played = score([track([(n * 487 + 3, 206, 60, 127) for n in range(30)])])
    assert fine.encode(played).losses != tokenizer.encode(played).losses
    back = np.array([note.time for note in fine.decode(fine.encode(played).ids).tracks[0].notes]) / 192
    assert np.abs(back - np.array([n * 487 + 3 for n in range(30)]) / 480).max() <= 1 / 96 + 1e-9


# --- what models and steering read


def test_followers_hold_what_is_written_and_no_more_than_miditok(tokenizer):
    ids = np.concatenate([[tokenizer.bos_id], tokenizer.encode(band()).ids, [tokenizer.eos_id]])
    kinds = tokenizer.types[ids]
    assert tokenizer.followers[kinds[:-1], kinds[1:]].all()
    theirs = tokenizer._miditok.tokens_types_graph
    names = tokenizer.type_names
    for first, second in np.argwhere(tokenizer.followers):
        assert names[second] in theirs[names[first]] or names[first] in ("BOS", "FILL") or names[second] == "EOS"


def test_transposition_moves_pitches_and_leaves_drums(tokenizer):
    found = tokenizer.encode(band())
    up = tokenizer.decode(tokenizer.shift_table(5)[found.ids], found.tracks)
    for one, before in zip(up.tracks, band().tracks, strict=True):
        assert [n.pitch for n in one.notes] == [n.pitch + (0 if one.is_drum else 5) for n in before.notes]
    assert tokenizer.tokens[tokenizer.shift_table(5)[tokenizer.id_of["Pitch_125"]]] == "Pitch_118"
    assert tokenizer.tokens[tokenizer.shift_table(-5)[tokenizer.id_of["Pitch_2"]]] == "Pitch_9"


def test_bar_of(tokenizer):
    ids = np.concatenate([[tokenizer.bos_id], tokenizer.encode(band()).ids, [tokenizer.eos_id]])
    bars = tokenizer.bar_of(ids)
    assert bars[:2].tolist() == [0, 0]
    assert bars.max() == 2
    assert [tokenizer.tokens[one] for one in ids[np.flatnonzero(np.diff(bars)) + 1]] == ["Bar_None"] * 2


# --- holes


def words(tokenizer, ids):
    return " ".join(tokenizer.tokens[one].replace("_None", "") for one in ids)


def test_a_hole_as_it_reads(tokenizer):
    context, middle = tokenizer.with_hole(tokenizer.encode(band()).ids, [73, 33], range(0, 1))
    assert words(tokenizer, middle) == (
        "Bar TimeSig_3/4 Position_0 Program_33 Pitch_40 Velocity_99 Duration_1.0.24 Position_24 Program_33 Pitch_43 Velocity_91 "
        "Duration_0.12.24 Position_36 Program_73 Pitch_72 Velocity_63 Duration_0.8.24 Position_44 Program_73 Pitch_74 Velocity_67 "
        "Duration_0.8.24 Position_52 Program_73 Pitch_76 Velocity_67 Duration_0.8.24"
    )
    assert words(tokenizer, context).startswith("Bar TimeSig_3/4 HOLE Program_33 Program_73 Position_0 Tempo_90.0 Program_-1 PitchDrum_36")
    assert words(tokenizer, context).count("HOLE") == 1


@pytest.mark.parametrize("seed", range(8))
def test_holes_are_filled_by_what_was_taken_out(tokenizer, seed):
    rng = np.random.default_rng(seed)
    found = tokenizer.encode(random_score(seed))
    ids = np.concatenate([[tokenizer.bos_id], found.ids, [tokenizer.eos_id]])
    slots = [label.slot for label in found.tracks if rng.random() < 0.6] or [found.tracks[0].slot]
    last = int(tokenizer.bar_of(ids).max()) + 1
    start = int(rng.integers(0, last))
    bars = range(start, int(rng.integers(start, last + 3)) + 1)
    context, middle = tokenizer.with_hole(ids, slots, bars)
    np.testing.assert_array_equal(tokenizer.without_hole(context, middle), ids)
    taken = piece_of_score(tokenizer.decode(middle), tokenizer.grid).notes
    assert set(taken[0].tolist()) <= set(slots)
    hidden = context[np.isin(tokenizer.bar_of(context), list(bars))]
    names = tokenizer.types[hidden] == tokenizer.type_names.index("Program")
    of_notes = names & np.append(
        np.isin(tokenizer.types[hidden[1:]], [tokenizer.types[tokenizer.id_of[t]] for t in ("Pitch_0", "PitchDrum_0")]), False
    )
    assert not set(hidden[of_notes].tolist()) & {tokenizer.id_of[f"Program_{slot}"] for slot in slots}


def test_a_filling_of_other_slots_and_of_too_many_bars_is_left_away(tokenizer):
    ids = tokenizer.encode(band()).ids
    context, _ = tokenizer.with_hole(ids, [73], range(2, 3))
    _, other = tokenizer.with_hole(ids, [33, 73], range(0, 3))
    joined = tokenizer.decode(tokenizer.without_hole(context, other))
    assert [n.time for n in joined.tracks if n.program == 73 for n in n.notes] == [144, 176, 208, 576 + 72, 576 + 88, 576 + 104]
    assert sum(len(n.notes) for n in joined.tracks if n.program == 33) == 2
    np.testing.assert_array_equal(tokenizer.without_hole(ids, other), ids)


def test_a_window_that_begins_within_a_bar_keeps_its_beginning(tokenizer):
    ids = tokenizer.encode(band()).ids[3:]
    context, middle = tokenizer.with_hole(ids, [33, 73, -1], range(0, 1))
    first = int(np.flatnonzero(np.isin(ids, tokenizer.bar_ids))[0])
    np.testing.assert_array_equal(context[:first], ids[:first])
    np.testing.assert_array_equal(tokenizer.without_hole(context, middle), ids)


def test_labels_are_values():
    label = EventTokenizer.make().encode(band()).tracks[0]
    assert dataclasses.astuple(label) == ("Bass", 33, False, 33)


@pytest.mark.parametrize("entry", bach_entries()[::25], ids=lambda entry: entry.name)
def test_bachs_chorales_come_back_note_for_note(tokenizer, entry):
    """Four voices of one program, pick-ups, fermatas: read from the installed music21, written as MIDI, and back."""
    made = symusic.Score.from_midi(midi_of_score(read_source(bach_folder() / entry.file, entry.parts).score))
    found = tokenizer.encode(made)
    assert {line.partition(":")[0] for line in found.losses} <= {"velocities", "key signatures", "markers", "bars"}
    tracks, *_ = plain(tokenizer.decode(found.ids, found.tracks))
    given, *_ = plain(made)
    assert [one[:3] for one in tracks] == [one[:3] for one in given]
    assert [[note[:3] for note in notes] for *_, notes in tracks] == [[note[:3] for note in notes] for *_, notes in given]
    assert len({label.slot for label in found.tracks}) == len(given) >= 4
