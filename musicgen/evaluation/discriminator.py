"""Discriminator: how well a small network, trained from scratch, tells generated pieces from real ones it has not seen.

0.5 is what a coin would reach. Every piece is judged by a network that learned from others (cross-validation by piece). The control sets
one random half of Bach against the other, of equally many pieces unless one control serves several sets: where it finds a difference, the
figure is worth nothing. What the network cannot see: key and register (`tokenizers.rolls`), length, pick-up, meter and mode (`matching`),
fermatas, titles, tempo. The network is that of `models.convnet`, after Choi, Fazekas and Sandler (2016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from musicgen.errors import NotationError
from musicgen.evaluation.intervals import share_interval
from musicgen.evaluation.matching import halves, inner_bars, matched
from musicgen.models.convnet import ConvNet, ConvNetConfig
from musicgen.models.fitting import FitConfig, Rolls, answer, fit
from musicgen.music.chorale import Chorale
from musicgen.tokenizers.rolls import voices_roll

FOLDS = 5
INNER = 0.15  # of the pieces learned from, for early stopping
FEWEST = 10  # of each set: less would leave a fold without one
WINDOW = 32
SHOWN = 5
FIT = FitConfig(window=WINDOW)
REAL, GENERATED = 0, 1

Interval = tuple[float, float]
OnProgress = Callable[[float], None]


@dataclass(frozen=True)
class Verdict:
    """`accuracy` of telling two sets apart, by piece, with its 95 % interval; `area` under the ROC curve.

    `real` and `generated`: index of each piece judged -> the probability that it is generated.
    """

    accuracy: float
    interval: Interval
    area: float
    real: dict[int, float]
    generated: dict[int, float]


@dataclass(frozen=True)
class Discrimination:
    """A verdict, and the same of two halves of Bach; `left_out`: pieces that no piece of the other set can stand against."""

    verdict: Verdict
    control_verdict: Verdict
    left_out: int

    @property
    def accuracy(self) -> float:
        return self.verdict.accuracy

    @property
    def interval(self) -> Interval:
        return self.verdict.interval

    @property
    def control(self) -> float:
        return self.control_verdict.accuracy

    @property
    def control_interval(self) -> Interval:
        return self.control_verdict.interval

    @property
    def is_fair(self) -> bool:
        """Whether the control is where chance would have it."""
        return self.control_interval[0] <= 0.5 <= self.control_interval[1]

    @property
    def pieces(self) -> int:
        """Pieces of both sets together that were judged."""
        return len(self.verdict.real) + len(self.verdict.generated)

    def to_dict(self) -> dict[str, Any]:
        return {
            "accuracy": self.accuracy,
            "interval": self.interval,
            "area": self.verdict.area,
            "control": self.control,
            "control_interval": self.control_interval,
            "control_area": self.control_verdict.area,
            "control_pieces": len(self.control_verdict.real) + len(self.control_verdict.generated),
            "is_fair": self.is_fair,
            "pieces": self.pieces,
            "left_out": self.left_out,
            "real": self.verdict.real,
            "generated": self.verdict.generated,
        }

    def named(self, real: Sequence[str], generated: Sequence[str]) -> dict[str, dict[str, float]]:
        """The probabilities by the names of the pieces, the least like Bach first."""
        sides = (("real", self.verdict.real, real), ("generated", self.verdict.generated, generated))
        return {side: {names[index]: share for index, share in _falling(shares)} for side, shares, names in sides}

    def piece_lines(self, names: Sequence[str]) -> list[str]:
        """The generated pieces that gave themselves away most, and those that passed best."""
        ranked = _falling(self.verdict.generated)
        show = [ranked[:SHOWN], ranked[-SHOWN:][::-1]] if len(ranked) > SHOWN else [ranked]
        titles = ("gave themselves away", "passed best")
        return [
            f"{title}: " + ", ".join(f"{names[index]} ({100 * share:.0f} %)" for index, share in part)
            for title, part in zip(titles, show, strict=False)
        ]

    def lines(self) -> list[str]:
        """Two figures, and what they rest on."""
        control = self.control_verdict
        return [
            f"told from Bach: {_share(self.verdict)}, {self.pieces} pieces",
            f"Bach from Bach: {_share(control)}, {len(control.real) + len(control.generated)} pieces"
            + ("" if self.is_fair else "; chance, 50 %, is outside: the figure above is worth nothing"),
            *([f"left out: {self.left_out} pieces without a counterpart of their meter and mode, or too short"] if self.left_out else []),
        ]


def _falling(shares: dict[int, float]) -> list[tuple[int, float]]:
    return sorted(shares.items(), key=lambda item: -item[1])


def _share(verdict: Verdict) -> str:
    low, high = verdict.interval
    return f"{100 * verdict.accuracy:.1f} % of the pieces [{100 * low:.1f}, {100 * high:.1f}], area {verdict.area:.2f}"


def discriminate(
    real: Sequence[Chorale],
    generated: Sequence[Chorale],
    seed: int = 1,
    on_progress: OnProgress = lambda share: None,
    *,
    more_real: Sequence[Chorale] = (),
    control: Callable[[OnProgress], Verdict] | None = None,
    fit_config: FitConfig = FIT,
    folds: int = FOLDS,
) -> Discrimination:
    """Equal seeds give equal verdicts. `real` must be pieces from which the generator has not learned; `more_real`, which the control
    draws its halves from too, may be any. `control`: gives a verdict of `bach_from_bach` that serves several sets. Refuses fewer than
    FEWEST pieces of a set that can be compared."""
    if len({chorale.voices for chorale in (*real, *generated, *more_real)}) > 1:
        raise NotationError("all pieces need the same number of voices; leave the others out, or compare them apart")
    usable = _usable(real, generated, seed)
    size = len(usable[REAL])
    if size < FEWEST:
        raise NotationError(
            f"{size} pieces of each set can be compared, at least {FEWEST} are needed: equally many of each meter and mode, and {WINDOW}"
            " steps long without pick-up and last bar"
        )
    first, second = ([pieces[index] for index in side] for side, pieces in zip(usable, (real, generated), strict=True))
    verdict = tell_apart(first, second, seed, lambda share: on_progress(share / 2), fit_config, folds)

    def show(share: float) -> None:
        on_progress((1 + share) / 2)

    beside = control(show) if control else bach_from_bach([*real, *more_real], size, seed, show, fit_config, folds)
    return Discrimination(_renamed(verdict, *usable), beside, len(real) + len(generated) - 2 * size)


def bach_from_bach(
    pieces: Sequence[Chorale],
    size: int,
    seed: int = 1,
    on_progress: OnProgress = lambda share: None,
    fit_config: FitConfig = FIT,
    folds: int = FOLDS,
) -> Verdict:
    """The control: two random halves of these pieces, of at most `size` each, told apart."""
    pool = _long_enough(pieces)
    halved = halves([pieces[index] for index in pool], size, seed)
    one, other = ([pool[index] for index in half] for half in halved)
    verdict = tell_apart([pieces[index] for index in one], [pieces[index] for index in other], seed, on_progress, fit_config, folds)
    return _renamed(verdict, one, other)


def _usable(real: Sequence[Chorale], generated: Sequence[Chorale], seed: int) -> tuple[list[int], list[int]]:
    """Indices of equally many pieces of both sets, long enough, of each meter and mode."""
    first, second = _long_enough(real), _long_enough(generated)
    chosen = matched([real[index] for index in first], [generated[index] for index in second], seed)
    return [first[index] for index in chosen[REAL]], [second[index] for index in chosen[GENERATED]]


def _long_enough(pieces: Sequence[Chorale]) -> list[int]:
    return [index for index, chorale in enumerate(pieces) if inner_bars(chorale, WINDOW)]


def _renamed(verdict: Verdict, real: Sequence[int], generated: Sequence[int]) -> Verdict:
    """With the indices that the caller's sets have."""
    names = [
        {names[index]: share for index, share in side.items()} for side, names in ((verdict.real, real), (verdict.generated, generated))
    ]
    return Verdict(verdict.accuracy, verdict.interval, verdict.area, *names)


def tell_apart(
    first: Sequence[Chorale],
    second: Sequence[Chorale],
    seed: int,
    on_progress: OnProgress = lambda share: None,
    config: FitConfig = FIT,
    folds: int = FOLDS,
) -> Verdict:
    """The cross-validated verdict over two sets as they are."""
    chorales = [*first, *second]
    labels = np.repeat([REAL, GENERATED], [len(first), len(second)])
    rolls = Rolls(
        [voices_roll(chorale) for chorale in chorales], [inner_bars(chorale, config.window) for chorale in chorales], labels[:, None]
    )
    parts = _folds(labels, folds, np.random.default_rng(seed))
    shares = np.zeros(len(chorales))
    for fold in range(folds):
        judged = np.flatnonzero(parts == fold)
        shares[judged] = _judge(rolls, np.flatnonzero(parts != fold), judged, 100 * seed + fold, config)
        on_progress((fold + 1) / folds)
    right = int(((shares > 0.5) == (labels == GENERATED)).sum())
    sides = [dict(enumerate(shares[labels == label].tolist())) for label in (REAL, GENERATED)]
    area = _area(shares[labels == GENERATED], shares[labels == REAL])
    return Verdict(right / len(labels), share_interval(right, len(labels)), area, *sides)


def _folds(labels: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(N,) the part of each piece; every part has its share of both labels."""
    folds = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        of_label = rng.permutation(np.flatnonzero(labels == label))
        folds[of_label] = np.arange(len(of_label)) % count
    return folds


def _judge(rolls: Rolls, learned: NDArray[np.int64], judged: NDArray[np.int64], seed: int, config: FitConfig) -> NDArray[np.float64]:
    """The probability that each judged piece is generated, by a network that has not seen it."""
    parts = _folds(rolls.labels[learned, 0], round(1 / INNER), np.random.default_rng(seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = ConvNet(ConvNetConfig(planes=rolls.rolls[0].shape[0])).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        fit(net, rolls.subset(learned[parts > 0]), rolls.subset(learned[parts == 0]), config, seed)
    shares: NDArray[np.float64] = answer(net, rolls.subset(judged), config)[0][:, GENERATED]
    return shares


def _area(high: NDArray[np.float64], low: NDArray[np.float64]) -> float:
    """How often a piece of the one set gets more than one of the other; a tie is half."""
    return float(((high[:, None] > low).mean() + (high[:, None] >= low).mean()) / 2)
