"""Against all paths, one by one."""

from itertools import pairwise, product

import numpy as np
import pytest

from musicgen.models.hmm import Chain, backed_off, log_sum


@pytest.fixture
def chain() -> Chain:
    """Three, two, four and three states; one move is impossible."""
    rng = np.random.default_rng(3)
    sizes = (3, 2, 4, 3)
    moves = [rng.normal(size=(before, after)) for before, after in pairwise(sizes)]
    moves[1][0, 2] = -np.inf
    return Chain(rng.normal(size=sizes[0]), moves)


def all_paths(chain: Chain) -> dict[tuple[int, ...], float]:
    """Weight of each path, not as a logarithm."""
    sizes = [len(chain.start), *(move.shape[1] for move in chain.moves)]
    return {
        path: float(np.exp(chain.start[path[0]] + sum(move[i, j] for move, i, j in zip(chain.moves, path, path[1:], strict=False))))
        for path in product(*map(range, sizes))
    }


def test_forward_and_backward_sum_over_all_paths(chain: Chain) -> None:
    paths = all_paths(chain)
    assert chain.log_total() == pytest.approx(np.log(sum(paths.values())))
    for place, (before, after) in enumerate(zip(chain.forward(), chain.backward(), strict=True)):
        through = [sum(weight for path, weight in paths.items() if path[place] == state) for state in range(len(before))]
        assert np.exp(before + after) == pytest.approx(np.array(through))


def test_posteriors_are_the_shares_of_paths(chain: Chain) -> None:
    paths = all_paths(chain)
    through = sum(weight for path, weight in paths.items() if path[2] == 2)
    assert chain.posteriors()[2][2] == pytest.approx(through / sum(paths.values()))


def test_the_best_path_is_the_heaviest(chain: Chain) -> None:
    paths = all_paths(chain)
    assert tuple(chain.best()) == max(paths, key=paths.__getitem__)


def test_paths_are_drawn_by_their_weight(chain: Chain) -> None:
    paths, rng = all_paths(chain), np.random.default_rng(0)
    total, count = sum(paths.values()), 4000
    drawn = [tuple(chain.draw(rng)) for _ in range(count)]
    for path in sorted(paths, key=paths.__getitem__)[-5:]:
        share = paths[path] / total
        assert drawn.count(path) / count == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / count))
    assert not any(path[1:3] == (0, 2) for path in drawn)


def test_a_chain_of_one_place(chain: Chain) -> None:
    alone = Chain(chain.start, [])
    assert alone.best() == [int(chain.start.argmax())]
    assert alone.posteriors()[0].sum() == pytest.approx(1)


def test_log_sum_of_the_impossible() -> None:
    assert log_sum(np.array([-np.inf, -np.inf])) == -np.inf
    assert log_sum(np.array([[0.0, -np.inf], [0.0, -np.inf]]), axis=0).tolist() == [pytest.approx(np.log(2)), -np.inf]


def test_back_off_leaves_nothing_impossible_and_sums_to_one() -> None:
    shares = backed_off(np.array([[3, 1, 0], [0, 0, 0]]), np.array([0.5, 0.25, 0.25]), strength=4.0)
    assert shares.tolist() == [[0.625, 0.25, 0.125], [0.5, 0.25, 0.25]]
