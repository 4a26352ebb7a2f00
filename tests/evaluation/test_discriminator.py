from dataclasses import replace

import numpy as np
import pytest

from musicgen.composers.loading import load_composer
from musicgen.errors import NotationError
from musicgen.evaluation.composed import compose_set
from musicgen.evaluation.discriminator import FIT, bach_from_bach, discriminate
from musicgen.evaluation.intervals import share_interval
from musicgen.evaluation.matching import halves, inner_bars, kind_of, matched
from musicgen.music.chorale import Chorale

QUICK = replace(FIT, updates=32, batch=8, look_every=16, windows_a_piece=2, average=0.5, learning_rate=1e-2)
TINY = replace(QUICK, updates=4)


@pytest.fixture(scope="module")
def bach(bach_pieces):
    return [piece.chorale for piece in bach_pieces if piece.split == "valid"]


@pytest.fixture(scope="module")
def verdict(bach):
    return discriminate(bach[:24], compose_set(load_composer("dice"), 24), 1, fit_config=QUICK, folds=3)


def test_dice_are_told_from_bach_and_bach_is_not_told_from_bach(verdict):
    assert verdict.accuracy > 0.9
    assert verdict.interval[0] > 0.75
    assert verdict.is_fair
    assert verdict.control < 0.75


def test_every_piece_that_has_a_counterpart_is_judged_once(verdict, bach):
    assert len(verdict.verdict.real) == len(verdict.verdict.generated) == verdict.pieces / 2
    assert verdict.left_out == 48 - verdict.pieces
    assert set(verdict.verdict.real) <= set(range(24))
    right = sum(share < 0.5 for share in verdict.verdict.real.values()) + sum(share > 0.5 for share in verdict.verdict.generated.values())
    assert verdict.accuracy == right / verdict.pieces


def test_equal_seeds_give_equal_verdicts_and_a_change_of_key_changes_nothing(bach):
    one, other = bach[:18], bach[30:48]
    first = discriminate(one, other, 3, fit_config=TINY, folds=2)
    moved = [chorale.transposed(number % 5 - 2) for number, chorale in enumerate(other)]
    assert discriminate(one, moved, 3, fit_config=TINY, folds=2).to_dict() == first.to_dict()
    assert discriminate(one, other, 4, fit_config=TINY, folds=2).to_dict() != first.to_dict()


def test_windows_begin_at_barlines_after_the_pickup_and_leave_the_last_bar_out(bach):
    chorale = next(chorale for chorale in bach if chorale.pickup == 4 and str(chorale.meter) == "4/4")
    starts = inner_bars(chorale, 32)
    last_bar = [start for start in chorale.bar_starts() if start >= 4][-1]
    assert starts[0] == 4
    assert starts[-1] + 32 == last_bar
    assert set(np.diff(starts)) == {16}
    whole = next(chorale for chorale in bach if chorale.pickup == 0 and str(chorale.meter) == "4/4" and chorale.steps % 16 == 0)
    assert inner_bars(whole, 32)[-1] + 32 == whole.steps - 16


def test_both_sets_get_equally_many_pieces_of_each_meter_and_mode(bach):
    first, second = matched(bach[:25], bach[25:], 1)
    kinds = [sorted(kind_of(side[index]) for index in chosen) for side, chosen in ((bach[:25], first), (bach[25:], second))]
    assert kinds[0] == kinds[1]
    assert len(first) > 15
    one, other = halves(bach, 20, 1)
    assert len(one) == len(other) == 20
    assert not set(one) & set(other)
    assert sorted(kind_of(bach[index]) for index in one) == sorted(kind_of(bach[index]) for index in other)


def test_pieces_that_are_too_short_leave_both_sets_equal_and_one_control_serves_several(bach):
    known = bach_from_bach(bach, 12, 1, fit_config=TINY, folds=2)
    assert len(known.real) == len(known.generated) == 12
    assert not set(known.real) & set(known.generated)
    short = [
        chorale.replaced(pitch=chorale.pitch[:, :32], onset=chorale.onset[:, :32], fermata=chorale.fermata[:32]) for chorale in bach[:8]
    ]
    found = discriminate([*short, *bach[8:25]], bach[25:], 1, control=lambda show: known, fit_config=TINY, folds=2)
    assert found.control_verdict is known
    assert len(found.verdict.real) == len(found.verdict.generated) >= 10
    assert min(found.verdict.real) >= 8


def test_too_few_pieces_and_other_numbers_of_voices_are_refused(bach):
    with pytest.raises(NotationError, match="at least 10"):
        discriminate(bach[:9], bach[9:40])
    two = [Chorale(chorale.pitch[:2], chorale.onset[:2], chorale.fermata) for chorale in bach[:20]]
    with pytest.raises(NotationError, match="voices"):
        discriminate(bach[20:40], two)


def test_the_interval_of_a_share_is_wilsons():
    assert share_interval(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)  # Newcombe 1998's formula by hand
    assert share_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
