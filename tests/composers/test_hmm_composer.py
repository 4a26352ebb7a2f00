"""The hidden Markov model of chorales: its likelihood against all pieces and all chords; its draws; what it keeps, refuses."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from musicgen.composers.hidden.evidence import Evidence
from musicgen.composers.hidden.foretelling import Figures, Foretelling, Weights
from musicgen.composers.hidden.forward import Reader, cell_nats
from musicgen.composers.hidden.harmony import chord_chain, find_path
from musicgen.composers.hidden.observed import DECIDED, ORDER, TOLD, WAYS, Observed
from musicgen.composers.hidden.reading import INTERVALS, MOTIONS, PAIRS
from musicgen.composers.hidden.symbols import LOWEST, PITCHES, Labels
from musicgen.composers.hidden.voices import Leading
from musicgen.composers.hmm import HmmComposer
from musicgen.corpus.store import Corpus
from musicgen.errors import CheckpointError, ConfigError, NotationError
from musicgen.music.chorale import REST, Chorale
from musicgen.music.rules import NoCrossing
from musicgen.music.sketch import Sketch
from musicgen.training.learned import learn

TWO = np.array([60, 67])  # the toy's pitches, of every voice
SOPRANO, BASS = ORDER[:1], ORDER[:2]


@pytest.fixture(scope="module")
def toy() -> Foretelling:
    """Two chords, two pitches, two figures: struck, and held from the beat before; whatever else it hangs on is drawn at random."""
    rng = np.random.default_rng(5)
    notes = np.full((4, 2, PITCHES), -np.inf)
    notes[..., TWO - LOWEST] = rng.normal(size=(4, 2, 2))
    return Foretelling(
        labels=Labels(np.array([[0, 0, 0], [7, 0, 7]])),
        chain=np.log(rng.dirichlet(np.ones(2), size=(TOLD, 3))),
        notes=notes,
        leading=Leading(rng.normal(size=(2, 4, MOTIONS)), rng.normal(size=(len(PAIRS), MOTIONS, INTERVALS, INTERVALS)), np.zeros(0)),
        ways=rng.dirichlet(np.ones(WAYS), size=(4, 2, TOLD, WAYS + 1, DECIDED)),
        figures=Figures.of(np.array([[0] * 4 + [1, 0, 0, 0], [0] * 8]), np.array([[0, 0, 7, 7, 0, 1]]), np.zeros(12), 1.0),
        compass=np.zeros((4, 128)),
        weights=Weights(seldom=0.0),
    )


def lines(beats: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Every way in which a voice may go: its pitches and onsets."""
    found = []
    for choices in product(*[[*TWO, None] if beat else [*TWO] for beat in range(beats)]):
        pitch, onset = np.zeros(4 * beats, dtype=int), np.zeros(4 * beats, dtype=bool)
        for beat, choice in enumerate(choices):
            pitch[4 * beat :] = pitch[4 * beat - 1] if choice is None else choice
            onset[4 * beat] = choice is not None
        found.append((pitch, onset))
    return found


def chorale_of(*voices: tuple[np.ndarray, np.ndarray]) -> Chorale:
    pitch, onset = (np.stack(rows) for rows in zip(*voices, strict=True))
    return Chorale(pitch, onset, np.zeros(pitch.shape[1], dtype=bool))


def with_bass(soprano, bass) -> Chorale:
    return chorale_of(soprano, lines(3)[0], lines(3)[0], bass)


def test_of_all_tunes_the_probabilities_sum_to_one(toy: Foretelling) -> None:
    tunes = [with_bass(tune, lines(3)[0]) for tune in lines(3)]
    assert len(tunes) == 2 * 3 * 3
    assert sum(np.exp(-cell_nats(toy, tune, SOPRANO).sum()) for tune in tunes) == pytest.approx(1)


def test_of_all_basses_to_a_tune_the_probabilities_sum_to_that_of_the_tune(toy: Foretelling) -> None:
    """So exp(-nats) of tune and bass, less those of the tune alone, is the bass's probability given the tune."""
    tune = lines(3)[8]
    both = [np.exp(-cell_nats(toy, with_bass(tune, bass), BASS).sum()) for bass in lines(3)]
    alone = np.exp(-cell_nats(toy, with_bass(tune, lines(3)[0]), SOPRANO).sum())
    assert sum(both) == pytest.approx(alone)
    assert len({round(share, 12) for share in both}) == len(both), "each bass has a probability of its own"


def test_of_all_pieces_of_a_beat_the_probabilities_sum_to_one(toy: Foretelling) -> None:
    assert sum(np.exp(-cell_nats(toy, chorale_of(*voices)).sum()) for voices in product(lines(1), repeat=4)) == pytest.approx(1)


def test_the_forward_algorithm_sums_over_all_chords(toy: Foretelling) -> None:
    piece = chorale_of(*(lines(3)[number] for number in (8, 3, 14, 5)))
    reader = Reader.of(toy, Observed.of(piece))
    sung = np.array([sum(reader.prefixes(turn, voice, beat)[:, -1] for turn, voice in enumerate(ORDER)) for beat in range(3)])
    total = 0.0
    for chords in product(range(2), repeat=3):
        moves = sum(toy.chain[reader.seen.places[beat], [-1, *chords][beat], chords[beat]] for beat in range(3))
        total += np.exp(moves + sum(sung[beat, chords[beat]] for beat in range(3)))
    assert np.exp(-cell_nats(toy, piece).sum()) == pytest.approx(total)


# --- learned


@pytest.fixture(scope="module")
def checkpoint(bach_pieces, tmp_path_factory):
    """Learned from five chorales."""
    chosen = [replace(piece, split=split, near_copy_in=()) for piece, split in zip(bach_pieces, ["train"] * 5 + ["valid"], strict=False)]
    folder = tmp_path_factory.mktemp("five")
    outcome = learn("hmm", Corpus("six", tuple(chosen), "f", "music21", {}), folder, (), lambda progress: None)
    assert 0.3 < outcome.best < 2
    return folder


@pytest.fixture(scope="module")
def composer(checkpoint) -> HmmComposer:
    return HmmComposer.load(checkpoint)


@pytest.fixture(scope="module")
def piece(bach_pieces) -> Chorale:
    """Two bars of a chorale that was not learned."""
    return cut(bach_pieces[8].chorale, 32)


def cut(whole: Chorale, steps: int) -> Chorale:
    return whole.replaced(pitch=whole.pitch[:, :steps], onset=whole.onset[:, :steps], fermata=whole.fermata[:steps])


def every_way(piece: Chorale, voice: int, step: int) -> list[Chorale]:
    """The piece with each id in that cell, held to its end: a hold, a rest, any pitch."""
    found = []
    for pitch in [REST, *range(128)] + [None] * (step > 0):
        row, struck = piece.pitch[voice].copy(), piece.onset[voice].copy()
        row[step:] = row[step - 1] if pitch is None else pitch
        struck[step:] = False
        struck[step] = pitch is not None
        pitches, onsets = piece.pitch.copy(), piece.onset.copy()
        pitches[voice], onsets[voice] = row, struck
        found.append(piece.replaced(pitch=pitches, onset=onsets))
    return found


@pytest.mark.parametrize(("voice", "step"), [(0, 0), (0, 4), (3, 5)])
def test_of_all_that_a_cell_may_hold_the_probabilities_sum_to_one(composer: HmmComposer, piece: Chorale, voice: int, step: int) -> None:
    """After a fermata too: were its length told, holding it and leaving it would not be of one distribution."""
    tables, told = composer.foretelling[piece.key.mode], np.arange(8) == 0
    shares = [np.exp(-cell_nats(tables, way, BASS)[voice, step]) for way in every_way(cut(piece, 8).replaced(fermata=told), voice, step)]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0


def test_a_cell_knows_nothing_of_later_cells(composer: HmmComposer, piece: Chorale) -> None:
    pitch, onset = piece.pitch.copy(), piece.onset.copy()
    pitch[:, 20:] += 2
    onset[:, 20] = True
    pitch[3, 19:], onset[3, 19] = 50, True
    before, after = composer.nats(piece), composer.nats(piece.replaced(pitch=pitch, onset=onset))
    assert before.kind == "exact"
    np.testing.assert_array_equal(before.nats[:3, :16], after.nats[:3, :16])
    np.testing.assert_array_equal(before.nats[[0, 3], 16:19], after.nats[[0, 3], 16:19], "the bass is decided before the alto")
    assert (before.nats[:, 20:] != after.nats[:, 20:]).any()


def test_how_long_a_fermata_is_held_is_paid_for(composer: HmmComposer) -> None:
    """Told where it is struck, the model must not know its length before: the same nats up to where the two go apart."""
    held, short = (
        Chorale.parse(f"""
            4/4, C major
            S  E5 -  -  -  D5 -  -  -  C5^ -  -  -  {end}  D5 -  -  -
            A  G4 -  -  -  -  -  -  -  E4  -  -  -  -  -  -  -  F4 -  -  -
            T  C4 -  -  -  B3 -  -  -  G3  -  -  -  -  -  -  -  A3 -  -  -
            B  C3 -  -  -  G3 -  -  -  C3  -  -  -  -  -  -  -  D3 -  -  -
        """)
        for end in ("-  -  -  -", "E5 -  -  -")
    )
    long, brief = composer.nats(held).nats, composer.nats(short).nats
    np.testing.assert_array_equal(long[:, :12], brief[:, :12])
    assert long[0, 12] > 0
    assert brief[0, 12] > 0
    assert not np.array_equal(long[:, 12:], brief[:, 12:])


def test_rests_and_wild_notes_are_seldom_and_possible(composer: HmmComposer, piece: Chorale) -> None:
    pitch, onset = piece.pitch.copy(), piece.onset.copy()
    pitch[0, :], onset[0, :] = REST, False
    onset[0, 0] = True
    pitch[3], onset[3] = np.tile([0, 127], 16), True
    strange = composer.nats(piece.replaced(pitch=pitch, onset=onset)).nats
    assert np.isfinite(strange).all()
    assert strange[3].sum() > 10 * composer.nats(piece).nats[3].sum()


def test_a_transposed_piece_has_the_same_chords(composer: HmmComposer, piece: Chorale) -> None:
    def labels(each: Chorale) -> np.ndarray:
        return Reader.of(composer.foretelling[each.key.mode], Observed.of(each)).skeletons

    np.testing.assert_array_equal(labels(piece.transposed(1)), labels(piece))


def test_other_than_four_voices_have_no_likelihood(composer: HmmComposer) -> None:
    with pytest.raises(NotationError, match="a piece of 2 voices"):
        composer.nats(Chorale.parse("S C5 - - -\nA E4 - - -"))


# --- drawn


def test_chords_are_drawn_as_likely_as_they_are(composer: HmmComposer, piece: Chorale) -> None:
    """Chords to a tune of two beats against all pairs of chords, and against what `explain` says."""
    sketch = Sketch.for_voices(cut(piece, 8), "S")
    states, chain = chord_chain(composer.tables[piece.key.mode], Evidence.of(sketch, sketch.allowed_pitches()))
    assert len(states) == 2
    exact = np.exp(chain.start[:, None] + chain.moves[0])
    exact /= exact.sum()
    rng, count = np.random.default_rng(1), 2000
    drawn = np.zeros_like(exact)
    for _ in range(count):
        drawn[tuple(find_path(chain, 1.0, rng))] += 1
    near = 4.5 * np.sqrt(exact * (1 - exact) / count) + 1 / count
    assert (np.abs(drawn / count - exact) <= near).all()
    assert (drawn > 0).sum() > 5
    heard = composer.explain(sketch)
    assert [beat.chords[0][1] for beat in heard] == pytest.approx([exact.sum(axis=1).max(), exact.sum(axis=0).max()])
    assert tuple(find_path(chain, 0.0, rng)) == np.unravel_index(exact.argmax(), exact.shape)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_given_is_kept_and_a_seed_makes_its_music_again(composer: HmmComposer, piece: Chorale, seed: int) -> None:
    sketches = [Sketch.for_voices(piece, "S"), Sketch.for_voices(piece, "AB").pin("S", "2:1", "D5"), Sketch.for_voices(piece, "")]
    filled = composer.fill_many(sketches, [seed] * 3)
    for sketch, chorale in zip(sketches, filled, strict=True):
        assert sketch.keeps(chorale)
        assert sketch.allowed_pitches()[(*np.indices(chorale.pitch.shape), chorale.pitch)][sketch.free].all()
        assert np.isfinite(composer.nats(chorale).nats).all()
    assert composer.fill(sketches[0], seed) == filled[0]
    assert composer.fill(sketches[2], seed + 100) != filled[2]


# --- refused


def test_rules_between_voices_are_refused(composer: HmmComposer, piece: Chorale) -> None:
    with pytest.raises(ConfigError, match="cannot keep rules between voices"):
        composer.fill(Sketch.for_voices(piece, "S").with_rules(NoCrossing()), 1)


def test_both_modes_must_be_learned(bach_pieces) -> None:
    minor = [piece.chorale for piece in bach_pieces[1:4]]
    with pytest.raises(ConfigError, match="no piece in major"):
        HmmComposer.learn(minor, [], HmmComposer.config_type(), lambda share: None)


def test_a_checkpoint_of_another_version_is_refused(checkpoint, tmp_path) -> None:
    config = (checkpoint / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"kind": "hmm"', '"kind": "markov"'))
    with pytest.raises(CheckpointError, match="an hmm is needed here"):
        HmmComposer.load(tmp_path)
    (tmp_path / "config.json").write_text(config.replace('"leap"', '"leep"'))
    with pytest.raises(CheckpointError, match="no setting 'leep'"):
        HmmComposer.load(tmp_path)
