"""N-grams with back-off against slow arithmetic: what is counted, backed off, left out and mixed."""

from collections import Counter

import numpy as np
import pytest

from musicgen.errors import CheckpointError, ConfigError
from musicgen.models.ngram import Layout, Mixture, back_off, count_earlier
from musicgen.models.ngram_counts import NOT_MET, Counts, Entries
from musicgen.models.ngram_fit import Events, fit_mixture, leave_out

FEATURES = {"a": 3, "b": 4, "c": 2}
VIEWS = {"as it is": 5, "shifted": 9}
LEARNED = Layout.parse(FEATURES, VIEWS, ["as it is: a b c", "shifted: b a", "as it is: c"])
RECALLED = Layout.parse(FEATURES, VIEWS, ["shifted: a b"])
DISCOUNT = 0.7
CLASSES = 5


def columns_of(features: np.ndarray) -> np.ndarray:
    """(n, 2, 5): the classes as they are, and as distances from feature b."""
    classes = np.arange(CLASSES)
    return np.stack([np.broadcast_to(classes, (len(features), CLASSES)), classes - features[:, 1, None] + 4], axis=1)


@pytest.fixture(scope="module")
def events() -> Events:
    rng = np.random.default_rng(3)
    features = np.stack([rng.integers(0, size, 300) for size in FEATURES.values()], axis=1)
    features = features[features[:, 1] < 3]  # the last value of b is never met
    classes = (features.sum(axis=1) + rng.integers(0, 2, len(features))) % CLASSES
    return Events(features, classes, features[:, 2], np.arange(len(features)) // 50, lambda some: columns_of(features[some]))


@pytest.fixture(scope="module")
def mixture(events: Events) -> Mixture:
    return fit_mixture(LEARNED, RECALLED, events, np.arange(len(events.classes)), DISCOUNT)


def earlier_of(events: Events) -> Entries:
    everything = np.ones(len(events.classes), dtype=bool)
    return count_earlier(RECALLED.keys(events.features), events.targets(RECALLED), events.pieces * 2 + events.groups, everything, 9)


def slow_back_off(events: Events, chain: tuple[str, tuple[str, ...]], known: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(K,) by the book: absolute discounting, the freed mass to the shorter context, uniform in the end."""
    view, names = chain
    which, places = list(VIEWS).index(view), [list(FEATURES).index(name) for name in names]
    targets = columns_of(events.features)[np.arange(len(events.classes)), which, events.classes]
    p = np.full(CLASSES, 1 / VIEWS[view])
    for length in range(len(places) + 1):
        alike = (events.features[:, places[:length]] == known[places[:length]]).all(axis=1)
        counts = Counter(targets[alike].tolist())
        total = sum(counts.values())
        if total:
            p = np.array([(max(counts[c] - DISCOUNT, 0) + DISCOUNT * len(counts) * p[k]) / total for k, c in enumerate(columns[which])])
    return p


def test_back_off_is_absolute_discounting_of_the_contexts_met(events: Events, mixture: Mixture) -> None:
    known = np.array([[a, b, c] for a in range(3) for b in range(4) for c in range(2)])
    columns = columns_of(known)
    entries = mixture.counts.entries(mixture.counts.rows(LEARNED.keys(known)))
    found = back_off(LEARNED, entries, columns, DISCOUNT)
    for event in range(len(known)):
        for number, chain in enumerate(LEARNED.chains):
            expected = slow_back_off(events, chain, known[event], columns[event])
            np.testing.assert_allclose(np.exp(found.log_p[event, number]), expected, rtol=1e-5)
    unmet = known[:, 1] == 3
    assert (found.depth[unmet, 0] == 1).all(), "a chain a b c whose b was never met knows a alone"
    assert (found.depth[~unmet, 0] == 3).all()


def test_no_two_contexts_share_a_key() -> None:
    known = np.array([[a, b, c] for a in range(3) for b in range(4) for c in range(2)])
    keys = LEARNED.keys(known)
    assert len({each for column in keys.T for each in set(column.tolist())}) == sum(len(set(column.tolist())) for column in keys.T)
    sizes = [np.prod([FEATURES[name] for name in names], dtype=int) for _, names in LEARNED.contexts]
    assert [len(set(column.tolist())) for column in keys.T] == sizes


def test_probabilities_add_up_to_one_wherever_they_are_asked(mixture: Mixture) -> None:
    known = np.array([[a, b, c] for a in range(3) for b in range(4) for c in range(2)])
    rng = np.random.default_rng(0)
    earlier = Entries.of_dense(rng.integers(0, 3, (len(known), len(RECALLED.contexts), 9)))
    log_p = mixture.log_probability(known, columns_of(known), earlier, known[:, 2])
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, atol=1e-5)


def test_nothing_counted_is_uniform(mixture: Mixture) -> None:
    none = Counts.of(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    empty = Mixture(LEARNED, RECALLED, none, mixture.by_depth, mixture.by_seen, DISCOUNT)
    known = np.array([[0, 1, 1], [2, 3, 0]])
    nothing = Entries.of_dense(np.zeros((2, len(RECALLED.contexts), 9), dtype=np.int64))
    np.testing.assert_allclose(empty.log_probability(known, columns_of(known), nothing, known[:, 2]), -np.log(CLASSES), rtol=1e-6)


def test_a_piece_is_left_out_as_if_it_had_never_been_counted(events: Events) -> None:
    keys, targets = LEARNED.keys(events.features), events.targets(LEARNED)
    others = leave_out(Counts.of(keys.ravel(), targets.ravel()), keys, targets, events.pieces, LEARNED.width)
    for piece in (0, 3):
        rest = events.pieces != piece
        counts = Counts.of(keys[rest].ravel(), targets[rest].ravel())
        expected = counts.entries(counts.rows(keys[~rest]))
        for found, wanted in zip(others(np.flatnonzero(~rest))[1:], expected[1:], strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_what_came_before_in_the_piece_is_counted_and_nothing_else(events: Events) -> None:
    keys, targets = RECALLED.keys(events.features), events.targets(RECALLED)
    table = earlier_of(events).dense(9)
    for event in (0, 1, 49, 50, 120, len(keys) - 1):
        for context in range(keys.shape[1]):
            before = [
                other
                for other in range(event)
                if (events.pieces[other], events.groups[other]) == (events.pieces[event], events.groups[event])
                and keys[other, context] == keys[event, context]
            ]
            expected = np.bincount(targets[before, context], minlength=9)
            np.testing.assert_array_equal(table[event, context], expected)


def test_fitted_powers_foretell_better_than_those_they_began_with(events: Events, mixture: Mixture) -> None:
    """And much better than chance: of five classes two are possible."""

    def nats(powers: Mixture) -> float:
        log_p = powers.log_probability(events.features, columns_of(events.features), earlier_of(events), events.groups)
        return -float(log_p[np.arange(len(log_p)), events.classes].mean())

    begun = Mixture(LEARNED, RECALLED, mixture.counts, np.full_like(mixture.by_depth, 0.5), np.zeros_like(mixture.by_seen), DISCOUNT)
    assert nats(mixture) < nats(begun)
    assert nats(mixture) < 0.9 < np.log(CLASSES)


def test_counts_are_stored_and_found_again(mixture: Mixture) -> None:
    """Also those that no byte holds."""
    many = Counts.of(np.repeat([3, 8, 8], [700, 1, 255]), np.repeat([4, 2, 1], [700, 1, 255]))
    for counts in (mixture.counts, many):
        again = Counts.unpacked(counts.packed(), 9)
        for found, stored in zip(vars(again).values(), vars(counts).values(), strict=True):
            np.testing.assert_array_equal(found, stored)
    assert many.rows(np.array([8, -5])).tolist() == [1, NOT_MET]
    assert many.entries(np.array([[1, 0]])).number.tolist() == [255, 1, 700]


@pytest.mark.parametrize("name", ["keys", "kinds", "targets", "counts"])
def test_counts_that_a_file_got_wrong_are_refused(mixture: Mixture, name: str) -> None:
    packed = mixture.counts.packed()
    for wrong in (packed[name][:-1], packed[name] * 0):
        with pytest.raises(CheckpointError):
            Counts.unpacked(packed | {name: wrong}, 9 if name != "targets" else 0)


def test_an_unknown_feature_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="names 'd'"):
        Layout.parse(FEATURES, VIEWS, ["as it is: a d"])
