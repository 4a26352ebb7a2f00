"""What a model thinks: probabilities that add up to its likelihood, spots, and influence, which is none where nothing can be read."""

import numpy as np
import pytest
from pieces import first_steps
from tiny import tiny_composer, tiny_masked_composer, tiny_sketcher_composer

from musicgen.composers.composer import Likelihood
from musicgen.composers.expecting import expected, moved
from musicgen.composers.references import Dice
from musicgen.errors import ConfigError, NotationError
from musicgen.evaluation.thought import think
from musicgen.evaluation.thought_picture import percent, piece_figures, spot_figure
from musicgen.music.chorale import REST

MAKERS = [tiny_sketcher_composer, tiny_composer]


@pytest.fixture(scope="module")
def chorale(bach_pieces):
    return first_steps(next(piece.chorale for piece in bach_pieces if str(piece.chorale.meter) == "4/4" and not piece.chorale.pickup), 64)


def free_of(chorale, keep=""):
    free = np.ones_like(chorale.onset)
    free[[chorale.ensemble.index(letter) for letter in keep]] = False
    return free


def last(chorale, voice):
    return list(chorale.notes(voice))[-1]


class Uniform:
    name = "uniform"

    def nats(self, chorale) -> Likelihood:
        return Likelihood(np.full(chorale.pitch.shape, np.log(48), dtype=np.float32), "exact")


@pytest.mark.parametrize("make", MAKERS)
def test_the_nats_of_all_notes_are_the_likelihood(make, chorale) -> None:
    composer = make()
    thought = think(composer, chorale, free_of(chorale), influence=False)
    stated = composer.nats(chorale)
    assert thought.kind == stated.kind
    assert thought.nats == pytest.approx(float(stated.nats.sum()), rel=1e-5)
    rests = sum(
        stated.nats[note.voice, note.start : note.end].sum() for voice in range(4) for note in chorale.notes(voice) if note.pitch == REST
    )
    assert sum(each.nats for each in thought.notes) + rests == pytest.approx(thought.nats, rel=1e-5)
    assert all(0 < each.probability < 1 for each in thought.notes)


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_possible_at_a_cell_adds_up_to_one_and_holds_what_is_there(make, chorale) -> None:
    known = expected(make(), chorale, free_of(chorale))
    whole = np.exp(known.log_p).sum(axis=(2, 3))
    np.testing.assert_allclose(whole[:, 1:], 1, rtol=1e-5)
    assert (whole[:, 0] < 1 + 1e-5).all()  # a model may wish to hold on what is not there yet
    for voice, step in [(0, 0), (1, 17), (3, 40)]:
        choices = known.likeliest(voice, step)
        assert [chance for *_, chance in choices] == sorted((chance for *_, chance in choices), reverse=True)
        there = int(chorale.pitch[voice, step]), bool(chorale.onset[voice, step])
        (taken,) = [chance for pitch, struck, chance in choices if (pitch, struck) == there]
        assert taken == pytest.approx(np.exp(-known.nats[voice, step]), rel=1e-5)


@pytest.mark.parametrize("make", MAKERS)
def test_a_hidden_note_is_not_read_at_all(make, chorale) -> None:
    composer, free = make(), free_of(chorale, "S")
    note = list(chorale.notes(0))[3]
    hidden = np.zeros((1, *free.shape), dtype=bool)
    hidden[0, 0, note.start : note.end] = True
    other = chorale.pitch.copy()
    other[0, note.start : note.end] += 2
    with_it, with_another = (composer.log_p_without(each, free, hidden)[0, free] for each in (chorale, chorale.replaced(pitch=other)))
    np.testing.assert_allclose(with_it, with_another, atol=1e-5)
    assert np.abs(np.exp(composer.log_p(chorale, free)[free]) - np.exp(with_it)).max() > 1e-4
    nothing = composer.log_p_without(chorale, free, np.zeros_like(hidden))[0]
    np.testing.assert_array_equal(nothing, composer.log_p(chorale, free))


def test_what_comes_later_and_is_not_given_moves_nothing(chorale) -> None:
    """Left to right: a composed note after the spot cannot be read, a given one can."""
    thought = think(tiny_sketcher_composer(), chorale, free_of(chorale, "S"), ["A 2:1"])
    (spot,) = thought.spots
    later = {note.voice: nats for note, nats in spot.influence if note.start > spot.step}
    assert later[0] > 1e-7
    assert all(later[voice] == pytest.approx(0, abs=1e-10) for voice in (1, 2, 3))
    earlier = [nats for note, nats in spot.influence if note.end == spot.step and note.voice != spot.voice]
    assert min(earlier) > 10 * later[0]
    own = [note for note, _ in spot.influence if note.voice == spot.voice and note.start <= spot.step < note.end]
    assert own == []


def test_a_neighbour_moves_deepbach_more_than_a_far_note(chorale) -> None:
    thought = think(tiny_composer(), chorale, free_of(chorale, "S"), ["A 2:1"])
    (spot,) = thought.spots
    beside = [nats for note, nats in spot.influence if note.start <= spot.step < note.end]
    far = [nats for note, nats in spot.influence if abs(note.start - spot.step) >= 16]
    assert len(beside) == 3
    assert min(beside) > 10 * max(far)


def test_the_influence_of_given_notes_is_told_by_the_voice_that_they_move(chorale) -> None:
    thought = think(tiny_sketcher_composer(), chorale, free_of(chorale, "SB"))
    given = [note for voice in (0, 3) for note in chorale.notes(voice) if note.pitch != REST]
    assert sorted(note for note, _ in thought.influence) == sorted(given)
    for _, nats in thought.influence:
        assert nats[[0, 3]].tolist() == [0, 0]
        assert (nats[[1, 2]] > 0).all()
    assert [each.probability is None for each in thought.notes] == [each.note.voice in (0, 3) for each in thought.notes]
    told = thought.to_dict()
    assert set(told["influence"][0]["moved"]) == {"alto", "tenor"}
    assert {note["given"] for note in told["notes"] if note["voice"] == "bass"} == {True}


def test_moved_is_the_divergence_over_what_is_possible_in_both() -> None:
    whole = np.log(np.array([[[0.5, 0.5, 1e-300]]]))
    without = np.log(np.array([[[[0.9, 0.1, 1e-300]]], [[[0.5, 0.5, 1e-300]]]]))
    everywhere = np.ones((1, 1), dtype=bool)
    told = 0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1)
    np.testing.assert_allclose(moved(whole, without, everywhere)[:, 0, 0], [told, 0], atol=1e-12)
    barred = np.array([[[[np.log(0.5), np.log(0.5), -np.inf]]]])
    np.testing.assert_allclose(moved(np.log(np.array([[[0.2, 0.2, 0.6]]])), barred, everywhere), 0, atol=1e-12)
    assert moved(whole, without, ~everywhere).max() == 0


def test_composers_that_know_less_say_less(chorale) -> None:
    thought = think(Uniform(), chorale, free_of(chorale), influence=False)
    assert {round(each.probability, 6) for each in thought.notes} == {round(1 / 48, 6)}
    with pytest.raises(ConfigError, match="not what else might stand there"):
        think(Uniform(), chorale, free_of(chorale), ["A 2:1"], influence=False)
    with pytest.raises(ConfigError, match="cannot be asked with notes hidden"):
        think(Uniform(), chorale, free_of(chorale))
    for composer in (Dice(), tiny_masked_composer()):
        with pytest.raises(ConfigError, match="states no probability of single notes"):
            think(composer, chorale, free_of(chorale))


@pytest.mark.parametrize(
    ("spot", "message"),
    [("A", "is no spot"), ("X 2:1", "voices are S, A, T, B"), ("S 2:1", "given, so the model was not asked"), ("A 9:1", "no bar 9")],
)
def test_spots_that_do_not_exist_are_refused(spot, message, chorale) -> None:
    with pytest.raises(NotationError, match=message):
        think(Uniform(), chorale, free_of(chorale, "S"), [spot], influence=False)


def written(figure) -> list[str]:
    (sheet,) = figure.axes
    return [text.get_text() for text in sheet.texts]


def test_pictures_say_what_they_show(chorale) -> None:
    composer, free = tiny_sketcher_composer(), free_of(chorale, "S")
    thought = think(composer, chorale, free, ["A 2:1"])
    for width in (180, 85):
        texts = written(spot_figure(thought, thought.spots[0], width))
        assert "given what is kept and all that came before (exact)" in " ".join(texts)
        assert "(c) alto, bar 2 beat 1" in texts
        (taken,) = [text for text in texts if text.endswith(", taken")]
        (choice,) = [choice for choice in thought.spots[0].choices if choice.is_taken]
        assert taken == f"{percent(choice.probability)}, taken"
    (page,) = piece_figures(think(composer, chorale, free), 180)
    assert "influence of the soprano, nats" in written(page)


def test_shares_are_written_short() -> None:
    assert [percent(share) for share in (0.853, 0.0421, 0.00104, 0.00001)] == ["85 %", "4.2 %", "0.10 %", "< 0.01 %"]
