"""Alternatives: distinct, each its own seed's music, ranked by what Bach does less often than they do."""

from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import pytest
from pieces import VIOLATING
from tiny import tiny_committee_composer, tiny_composer, tiny_masked_composer, tiny_sketcher_composer

from musicgen.composers.composer import Likelihood
from musicgen.composers.references import Dice, OneByOne
from musicgen.corpus.store import Piece
from musicgen.errors import ConfigError, NotationError
from musicgen.evaluation.copying import CopyIndex
from musicgen.evaluation.style import MEASURES
from musicgen.music.chorale import Chorale
from musicgen.music.sketch import Sketch, free_region
from musicgen.steering.alternatives import COPIED, NATS, SHARED, alternatives, difference, too_few

COMPOSERS = [Dice(), tiny_composer(), tiny_sketcher_composer(), tiny_committee_composer(), tiny_masked_composer()]
PARALLEL_FIFTHS = next(measure.name for measure in MEASURES if measure.events == "parallel fifths")
TUNE = Chorale.parse("""
    4/4, C major
    S  E5 - - - D5 - - - C5 - - - D5 - - - | E5 - - - D5 - - - C5^ - - - - - - -
    A  G4 - - - G4 - - - G4 - - - G4 - - - | G4 - - - F4 - - - E4 - - - - - - -
    T  C4 - - - B3 - - - C4 - - - B3 - - - | C4 - - - B3 - - - C4 - - - - - - -
    B  C3 - - - G3 - - - E3 - - - G3 - - - | C3 - - - G3 - - - C3 - - - - - - -
    """)
HARMONIZE = Sketch.for_voices(TUNE)


@dataclass(frozen=True)
class Script(OneByOne):
    """Writes the lines given, one a seed, over and over; finds any cell as unlikely as `nats` say of a chorale."""

    lines: list[Chorale]
    costs: list[float] = field(default_factory=list)
    name: str = "script"

    def fill(self, sketch, seed):
        return self.lines[seed % len(self.lines)]

    def nats(self, chorale):
        cost = next(cost for line, cost in zip(self.lines, self.costs, strict=True) if line == chorale)
        return Likelihood(np.full(chorale.pitch.shape, cost, dtype=np.float32), "exact")


class Counting(Dice):
    """Dice that note how many sketches were asked of them at once."""

    def __init__(self):
        super().__init__("counting")
        object.__setattr__(self, "asked", [])

    def fill_many(self, sketches, seeds, on_progress=lambda share: None):
        self.asked.append(list(seeds))
        return super().fill_many(sketches, seeds, on_progress)


def moved(semitones, voice=3, start=0, end=32):
    pitch = TUNE.pitch.copy()
    pitch[voice, start:end] += semitones
    return TUNE.replaced(pitch=pitch)


# --- distinct


@pytest.mark.parametrize("composer", COMPOSERS, ids=lambda each: each.name)
def test_each_is_its_own_seeds_music_and_no_two_are_alike(composer):
    found = alternatives(composer, HARMONIZE, seed=3, count=3, distinct=0.1)
    assert len(found) == 3
    for each in found:
        assert each.chorale == composer.fill(HARMONIZE, each.seed)
        assert HARMONIZE.keeps(each.chorale)
    assert all(difference(HARMONIZE, one.chorale, other.chorale) >= 0.1 for one, other in combinations(found, 2))
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_equal_seeds_give_equal_alternatives():
    first, again = (alternatives(Dice(), HARMONIZE, seed=5, count=3) for _ in range(2))
    assert [(each.seed, each.score) for each in first] == [(each.seed, each.score) for each in again]


def test_what_is_too_like_an_earlier_one_is_passed_over_and_more_are_drawn():
    script = Script([TUNE, moved(0), moved(2), moved(2, end=4), moved(5)])
    found = alternatives(script, HARMONIZE, seed=0, count=3, rank=False, distinct=0.2)
    assert [each.seed for each in found] == [0, 2, 4]


def test_unlike_in_pitch_or_in_onset_of_free_cells_only():
    assert difference(HARMONIZE, TUNE, moved(2, end=16)) == 16 / 96
    struck = TUNE.onset.copy()
    struck[3, 2:8:2] = True
    assert difference(HARMONIZE, TUNE, TUNE.replaced(onset=struck)) == pytest.approx(2 / 96)
    other_tune = TUNE.replaced(pitch=np.where(np.arange(4)[:, None] == 0, TUNE.pitch + 1, TUNE.pitch))
    assert difference(HARMONIZE, TUNE, other_tune) == 0


def test_fewer_where_there_are_no_more():
    found = alternatives(Script([TUNE, moved(2)], [1, 2]), HARMONIZE, seed=0, count=5)
    assert len(found) == 2
    assert too_few(found, 5, 0.1).startswith("only 2 of 5 alternatives were found that differ in 10 %")
    assert too_few(found, 2, 0.1) == ""
    same = alternatives(Script([TUNE], [1]), HARMONIZE, seed=0, count=3, distinct=0)
    assert [each.seed for each in same] == [0, 1, 2]


def test_drawn_together():
    dice = Counting()
    alternatives(dice, HARMONIZE, seed=7, count=6)
    assert dice.asked == [[7, 8, 9, 10, 11, 12]]


def test_no_more_than_four_seeds_are_tried_for_each():
    dice = Counting()
    one_note = Sketch(TUNE, free_region(TUNE, [3], 0, 4))
    found = alternatives(dice, one_note, seed=0, count=10, distinct=1)
    tried = [seed for seeds in dice.asked for seed in seeds]
    assert tried == list(range(len(tried)))
    assert len(tried) <= 40
    assert len({int(each.chorale.pitch[3, 0]) for each in found}) == len(found)


def test_several_spots_at_once():
    spots = free_region(TUNE, [1], 0, 8) | free_region(TUNE, [2, 3], 24, 32)
    found = alternatives(Dice(), Sketch(TUNE, spots), seed=0, count=4, distinct=0.3)
    for each in found:
        assert np.array_equal(each.chorale.pitch[~spots], TUNE.pitch[~spots])


def test_progress_rises_to_the_end():
    for script in (Script([TUNE, moved(2)], [1, 2]), Script([TUNE, moved(2), moved(4), moved(7)], [1, 2, 3, 4])):
        shares = []
        alternatives(script, HARMONIZE, seed=0, count=4, on_progress=shares.append)
        assert shares == sorted(shares)
        assert shares[-1] == 1


# --- ranked


def test_the_likelier_one_is_first():
    script = Script([moved(3), TUNE, moved(-3)], [0.5, 0.25, 0.375])
    found = alternatives(script, HARMONIZE, seed=0, count=3)
    assert [each.seed for each in found] == [1, 2, 0]
    assert [each.parts[NATS] for each in found] == [0.25, 0.375, 0.5]
    assert [each.seed for each in alternatives(script, HARMONIZE, seed=0, count=3, rank=False)] == [0, 1, 2]


def test_nats_are_of_the_free_cells_and_of_the_judge():
    judge = tiny_sketcher_composer()
    for each in alternatives(Dice(), HARMONIZE, seed=0, count=2, judge=judge):
        assert each.parts[NATS] == pytest.approx(judge.nats_of_free(HARMONIZE, each.chorale).nats[1:].mean(), abs=1e-5)
    deepbach = tiny_composer()
    for each in alternatives(deepbach, HARMONIZE, seed=0, count=2):
        assert each.parts[NATS] == pytest.approx(deepbach.nats(each.chorale).nats[1:].mean(), abs=1e-5)
    assert NATS not in alternatives(Dice(), HARMONIZE, seed=0, count=1)[0].parts


@pytest.mark.parametrize("rule", ["parallel fifths", "parallel octaves", "parallel unisons", "voice crossing", "voice overlap"])
def test_each_offence_costs(rule):
    guilty = Chorale.parse(VIOLATING[rule][0])
    pitch = guilty.pitch.copy()
    pitch[:, pitch.shape[1] // 2 :] = pitch[:, :1]  # nothing moves: no offence
    innocent = guilty.replaced(pitch=pitch)
    sketch = Sketch(innocent, np.ones_like(innocent.onset))
    best, worst = alternatives(Script([guilty, innocent], [0.3, 0.3]), sketch, seed=0, count=2, distinct=0)
    assert best.chorale == innocent
    assert best.score == pytest.approx(-0.3)
    assert worst.score < -0.3


def test_a_score_is_what_its_parts_make_it():
    guilty = Chorale.parse(VIOLATING["parallel fifths"][0])
    (found,) = alternatives(Script([guilty], [0.4]), Sketch(guilty, np.ones_like(guilty.onset)), seed=0, count=1)
    assert found.parts[PARALLEL_FIFTHS] == 100
    bach = next(measure.bach.value for measure in MEASURES if measure.name == PARALLEL_FIFTHS)
    others = {name: rate for name, rate in found.parts.items() if name not in (PARALLEL_FIFTHS, NATS)}
    assert set(others.values()) <= {0, 100}
    overlaps = 0.002 * (100 - 5.6635) if 100 in others.values() else 0
    assert found.score == pytest.approx(-0.4 - 0.02 * (100 - bach) - overlaps)


def test_copies_rank_below_new_music(bach_pieces):
    original = bach_pieces[5].chorale
    index = CopyIndex([Piece("copied", "train", original)])
    new = original.replaced(pitch=np.where(np.arange(4)[:, None] == 3, original.pitch - 1, original.pitch))
    sketch = Sketch(original, np.ones_like(original.onset))
    best, worst = alternatives(Script([original, new], [0.3, 0.3]), sketch, seed=0, count=2, originality=index)
    assert best.chorale == new
    assert worst.parts[SHARED] > 20
    assert best.parts[SHARED] < 12
    free_of_charge = replace(worst, score=worst.score + COPIED * (worst.parts[SHARED] - 11))
    assert free_of_charge.score > -0.4


# --- refused


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"count": 0}, "0 alternatives: at least 1"),
        ({"distinct": 1.5}, "a share of 1.5"),
        ({"sketch": Sketch(TUNE, np.zeros_like(TUNE.onset))}, "nothing is free"),
    ],
)
def test_refused(asked, message):
    with pytest.raises((ConfigError, NotationError), match=message):
        alternatives(**{"composer": Dice(), "sketch": HARMONIZE, "seed": 0, "count": 2, **asked})


def test_fewer_voices_are_not_ranked():
    two = Chorale(TUNE.pitch[:2], TUNE.onset[:2], TUNE.fermata)
    sketch = Sketch(two, free_region(two, [1], 0, 32), ())
    with pytest.raises(NotationError, match="beside Bach's four voices, these are 1 voice 1, 2 voice 2"):
        alternatives(Dice(), sketch, seed=0, count=2)
    assert len(alternatives(Dice(), sketch, seed=0, count=2, rank=False)) == 2
