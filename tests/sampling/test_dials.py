"""The dials against arithmetic on a toy, and on tiny models: more asked is more got, and what is barred is not written."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from tiny import tiny_composer, tiny_sketcher_composer

from musicgen.composers.loading import load_composer
from musicgen.composers.plan import Plan, plan_sketch
from musicgen.errors import ConfigError
from musicgen.music.chorale import REST, Chorale
from musicgen.music.constraints import PitchClasses
from musicgen.music.pitch import Key
from musicgen.music.sketch import Sketch
from musicgen.sampling.dials import BARRED, CHROMATIC_GAIN, DENSITY_GAIN, Dials, are_told, chromatic_offset, density_offset
from musicgen.sampling.draw import SamplingOptions
from musicgen.sampling.left_to_right import NOT_PINNED, OrderedTask, fill_left_to_right
from musicgen.tokenizers.grid import GridTokenizer

# Ids: 0 and 1 two pitches, the second outside the scale; 2 and 3 the same held; 4 MASK. One voice, three steps.
SOUNDING = np.array([60, 61, 60, 61])
STRIKES, OUTSIDE = np.array([True, True, False, False]), np.array([[False, True, False, False]])
MASK = 4
LOGITS = np.log([[0.2, 0.3, 0.3, 0.2], [0.1, 0.1, 0.5, 0.3], [0.4, 0.2, 0.2, 0.2]])


def toy(pieces: int = 1, density: float | None = None, chromaticism: float | None = None) -> Dials:
    everywhere = np.ones((pieces, 1, 3), bool)
    return Dials(everywhere, ~everywhere, everywhere[:, 0], STRIKES, OUTSIDE.repeat(pieces, 0), density, chromaticism)


def toy_task(pieces: int) -> OrderedTask:
    shape = (pieces, 1, 3)
    nowhere = np.zeros(shape, bool)
    return OrderedTask(
        np.full(shape, MASK), ~nowhere, (0,), np.ones((*shape, 129), bool), nowhere, nowhere, SOUNDING, np.full(shape, NOT_PINNED)
    )


def toy_distribution(density: float, chromaticism: float) -> dict[tuple[int, ...], float]:
    """By hand: each step's odds, with the offsets that the steps before it give."""
    found = {}
    for cells in itertools.product(range(4), repeat=3):
        probability = 1.0
        for step, id_ in enumerate(cells):
            before = cells[:step]
            notes, foreign = sum(each < 2 for each in before), sum(each == 1 for each in before)
            may = {0, 1} if step == 0 else {0, 1, 2 + before[-1] % 2}
            of_density = float(density_offset(density, np.array([notes]), np.array([step]))[0])
            of_key = float(chromatic_offset(chromaticism, np.array([foreign]), np.array([notes]))[0])
            odds = np.exp(LOGITS[step])
            struck = odds[:2] * [1, np.exp(of_key)]
            odds[:2] = struck * odds[:2].sum() / struck.sum() * np.exp(of_density)
            probability *= odds[id_] / odds[list(may)].sum() if id_ in may else 0
        found[cells] = probability
    return {cells: probability for cells, probability in found.items() if probability > 0}


@pytest.mark.parametrize("turned", [True, False])
def test_draws_follow_the_distribution_that_the_offsets_give(turned: bool) -> None:
    """The same test fails where the dials are not turned."""
    pieces = 4000
    dials = toy(pieces, density=1.5, chromaticism=20.0) if turned else toy(pieces)
    logits_of, _ = dials.by_step(lambda ids, voice, step: np.tile(LOGITS[step], (len(ids), 1)))
    ids = fill_left_to_right(logits_of, toy_task(pieces), SamplingOptions(temperature=1.0), range(pieces)).ids[:, 0]
    expected = toy_distribution(1.5, 20.0)
    assert sum(expected.values()) == pytest.approx(1)
    assert len(expected) == 2 * 3 * 3
    drawn = np.array([(ids == cells).all(axis=1).sum() for cells in expected])
    wanted = pieces * np.array(list(expected.values()))
    chi_square = ((drawn - wanted) ** 2 / wanted).sum()
    assert (chi_square < 40.8) == turned  # 99.9 % with 17 degrees of freedom


def test_dials_that_are_not_turned_leave_the_sampler_as_it_is() -> None:
    def step_logits(ids, voice, step): ...

    def cell_logits(ids, cells): ...

    def branch(parents): ...

    assert toy().by_step(step_logits, branch) == (step_logits, branch)
    assert toy().by_cell(cell_logits) is cell_logits


def test_what_is_owed_is_made_good() -> None:
    cells = np.full(3, 400)
    few, enough, many = density_offset(1.0, np.array([95, 100, 105]), cells)
    assert few - enough == pytest.approx(5 * DENSITY_GAIN)
    assert enough - many == pytest.approx(5 * DENSITY_GAIN)
    few, enough, many = chromatic_offset(10.0, np.array([8, 10, 12]), np.full(3, 100))
    assert few - enough == pytest.approx(2 * CHROMATIC_GAIN)
    assert enough - many == pytest.approx(2 * CHROMATIC_GAIN)
    assert (chromatic_offset(0.0, np.array([0, 5]), np.full(2, 100)) == BARRED).all()


def test_offsets_rise_with_what_is_asked() -> None:
    nothing = np.zeros(1, int)
    densities = [float(density_offset(asked, nothing, nothing)[0]) for asked in np.linspace(0.4, 2.5, 22)]
    chromaticisms = [float(chromatic_offset(asked, nothing, nothing)[0]) for asked in np.linspace(0.4, 30, 75)]
    assert (np.diff(densities) > 0).all()
    assert (np.diff(chromaticisms) > 0).all()


def test_only_free_cells_that_are_drawn_are_counted() -> None:
    dials = replace(toy(density=1.0, chromaticism=10.0), free=np.array([[[False, True, True]]]))
    for ids, notes, foreign, cells in [([1, MASK, MASK], 0, 0, 0), ([1, 1, MASK], 1, 1, 1), ([0, 3, 1], 1, 1, 2)]:
        density, chromaticism = dials.offsets(dials.tally(np.array([[ids]]), np.array([0])))
        assert density == density_offset(1.0, np.array([notes]), np.array([cells]))
        assert chromaticism == chromatic_offset(10.0, np.array([foreign]), np.array([notes]))


def test_chromaticism_leaves_alone_how_likely_it_is_that_a_note_begins() -> None:
    dials = toy(chromaticism=5.0)
    cells = (np.array([0]), np.array([0]), np.array([1]))
    turned = dials.turn(LOGITS[1:2], cells, np.zeros(1), np.full(1, 1.5))[0]
    odds, before = np.exp(turned), np.exp(LOGITS[1])
    assert odds[:2].sum() == pytest.approx(before[:2].sum())
    assert odds[1] / odds[0] == pytest.approx(before[1] / before[0] * np.exp(1.5))
    assert odds[2:] == pytest.approx(before[2:])


def test_a_lane_is_counted_as_its_piece() -> None:
    """Two pieces, of which only the second may write in its first cell; its lanes are two of three."""
    dials = replace(toy(2, density=1.0), free=np.array([[[False, True, True]], [[True, True, True]]]))
    told: list[list[int]] = []
    logits_of, branch = dials.by_step(
        lambda ids, voice, step: np.tile(LOGITS[step], (len(ids), 1)), lambda parents: told.append(parents.tolist())
    )
    branch(np.array([0, 1, 1]))
    assert told == [[0, 1, 1]]
    turned = logits_of(np.array([[[0, MASK, MASK]]] * 6), 0, 1) - LOGITS[1]
    owed = [float(density_offset(1.0, np.array([notes]), np.array([cells]))[0]) for notes, cells in ((0, 0), (1, 1))]
    assert turned[:, 0] == pytest.approx([owed[0]] * 2 + [owed[1]] * 4)


COMPOSERS = [tiny_sketcher_composer(), tiny_composer(6.0)]


def filled(composer, sketches, **dials) -> list[Chorale]:
    options = composer.options.turned(composer.name, composer.dials, dials)
    return replace(composer, options=options).fill_many(sketches, range(len(sketches)))


def per_quarter(chorale: Chorale) -> float:
    return 4 * float((chorale.onset & (chorale.pitch != REST)).mean())


@pytest.mark.parametrize("composer", COMPOSERS, ids=lambda composer: composer.name)
def test_more_is_written_where_more_is_asked(composer) -> None:
    """Even of untrained models, which left alone strike a note in every second cell."""
    sketches = [plan_sketch(Plan(bars=2), seed) for seed in range(2)]
    got = [np.mean([per_quarter(chorale) for chorale in filled(composer, sketches, density=asked)]) for asked in (0.4, 1.0, 2.0)]
    assert np.diff(got).min() > 0.3


def test_what_is_asked_of_a_trained_model_is_got() -> None:
    sketches = [plan_sketch(Plan(bars=6), seed) for seed in range(2)]
    for asked in (0.6, 1.6):
        chorales = load_composer("flagship", density=asked, drafts=1).fill_many(sketches, [0, 1])
        assert np.mean([per_quarter(chorale) for chorale in chorales]) == pytest.approx(asked, rel=0.12)
    chorales = load_composer("flagship", chromaticism=12, drafts=1).fill_many(sketches, [0, 1])
    foreign = [~np.isin(chorale.pitch[chorale.onset] % 12, list(chorale.key.scale)) for chorale in chorales]
    assert np.concatenate(foreign).mean() == pytest.approx(0.12, abs=0.03)


@pytest.mark.parametrize("composer", COMPOSERS, ids=lambda composer: composer.name)
def test_no_chromaticism_is_no_note_outside_the_scale_but_what_is_asked(composer) -> None:
    """In D minor with Bb: a given alto of C sharps and G sharps, and for the tenor a bar in which only F sharp and A may sound."""
    key = Key.parse("D minor")
    given = Chorale.parse(
        "4/4, D minor\nS . " + "- " * 31 + "\nA C#4 - - - G#4 - - - " + "C#4 - - - " * 6 + "\nT . " + "- " * 31 + "\nB . " + "- " * 31
    )
    sketch = Sketch.for_voices(given, keep="A").with_constraints(PitchClasses(2, 16, 32, frozenset({6, 9})))
    music = filled(composer, [sketch] * 3, chromaticism=0)
    for chorale in music:
        foreign = chorale.onset & (chorale.pitch != REST) & ~np.isin(chorale.pitch % 12, list(key.scale))
        assert not foreign[[0, 3]].any()
        assert not foreign[2, :16].any()
    assert any((chorale.pitch[2, 16:] % 12 == 6).any() for chorale in music)
    plenty = filled(composer, [sketch], chromaticism=30)[0]
    assert (~np.isin(plenty.pitch[0] % 12, list(key.scale))).any()


def test_cells_are_told_where_a_usual_note_is_barred() -> None:
    """Not where the voice's range bars it throughout; padding says nothing."""
    sketch = Sketch.parse("S ? ? ? ?\nA ? ? ? ?\nT ? ? ? ?\nB C3 - - -", (PitchClasses(1, 2, 4, frozenset({2})),))
    table = np.pad(GridTokenizer("pair").sounding_allowed(sketch)[None], ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=True)
    table[:, 2, :4, 62:128] = False
    table[:, 2, :4, :58] = False
    free = np.pad(sketch.free[None], ((0, 0), (0, 0), (0, 1)))
    told = are_told(table, free)
    assert told[0, 1].tolist() == [False, False, True, True, False]
    assert not told[0, [0, 2], :4].any()


def test_the_tokenizer_knows_what_is_outside_the_scale() -> None:
    for tokenizer in (GridTokenizer("pair", relative=True), GridTokenizer("hold")):
        key = Key.parse("E major")
        chorale = Chorale.parse("4/4, E major\nS E4 F4 - G#4\nA C4 . . C#4\nT E4 - - -\nB E3 - - -")
        ids = tokenizer.encode(chorale)
        assert tokenizer.strikes[ids].tolist() == (chorale.onset & (chorale.pitch != REST)).tolist()
        assert np.argwhere(tokenizer.outside_scale(key)[ids]).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("dial", [{"density": 0.3}, {"density": 3}, {"chromaticism": -1}, {"chromaticism": 31}])
def test_what_is_off_the_scale_of_a_dial_is_refused(dial) -> None:
    with pytest.raises(ConfigError, match="Bach has"):
        SamplingOptions(**dial)
