import numpy as np
import pytest
from pieces import first_steps
from tiny import tiny_composer, tiny_sketcher_composer

from musicgen.composers.composer import Likelihood
from musicgen.composers.references import Bach, Dice
from musicgen.errors import ConfigError
from musicgen.evaluation.likelihood import measure_likelihood
from musicgen.evaluation.reconstruction import measure_reconstruction


class Uniform:
    name = "uniform"

    def nats(self, chorale) -> Likelihood:
        return Likelihood(np.full(chorale.pitch.shape, np.log(48), dtype=np.float32), "exact")


@pytest.fixture(scope="module")
def chorales(bach_pieces):
    return [piece.chorale for piece in bach_pieces[:4]]


def test_the_likelihood_of_uniform_is_ln_k(chorales) -> None:
    report = measure_likelihood(Uniform(), chorales)
    assert report.nats_per_cell == pytest.approx(np.log(48), rel=1e-6)
    assert report.interval == pytest.approx((np.log(48), np.log(48)), rel=1e-6)
    assert report.cells == sum(chorale.pitch.size for chorale in chorales)


def test_voices_average_to_the_whole_and_lie_in_the_interval(chorales) -> None:
    report = measure_likelihood(tiny_composer(), chorales)
    assert report.kind == "pseudo"
    assert np.mean(list(report.by_voice.values())) == pytest.approx(report.nats_per_cell, rel=1e-6)
    assert report.interval[0] <= report.nats_per_cell <= report.interval[1]
    assert all("pseudo" in line for line in report.lines()[:1])


def test_dice_state_no_likelihood(chorales) -> None:
    with pytest.raises(ConfigError, match="dice states no likelihood"):
        measure_likelihood(Dice(), chorales)


def test_bach_reconstructs_himself_and_dice_hardly(chorales) -> None:
    bach = measure_reconstruction(Bach(chorales), chorales)
    assert (bach.cells, bach.notes) == (1.0, 1.0)
    dice = measure_reconstruction(Dice(), chorales)
    assert dice.cells < 0.15
    assert bach.first_guesses is None
    assert set(dice.by_voice) == {"alto", "tenor", "bass"}
    assert dice.cells_interval[0] <= dice.cells <= dice.cells_interval[1]


def test_first_guesses_are_counted_over_the_notes_of_the_free_voices(chorales) -> None:
    class Altos(Dice):
        def guesses(self, chorale, free):
            return np.arange(4)[:, None].repeat(chorale.steps, axis=1) == 1

    report = measure_reconstruction(Altos(), chorales)
    altos, lower = (sum(int((c.onset & (c.pitch >= 0))[rows].sum()) for c in chorales) for rows in (slice(1, 2), slice(1, 4)))
    assert report.first_guesses == pytest.approx(altos / lower)
    short = [first_steps(chorales[0], 64)]
    assert measure_reconstruction(tiny_composer(1), short).first_guesses < 0.2
    exact = measure_reconstruction(tiny_sketcher_composer(), short)
    assert exact.first_guesses < 0.2
    assert exact.guessed_from == "what is kept and all that came before"
