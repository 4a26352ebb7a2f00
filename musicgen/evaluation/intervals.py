"""Intervals of shares and of ratios, 95 % each, and how they are written."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

NORMAL_95 = 1.959964
BOOTSTRAP = 2000


def share_interval(hits: int, count: int) -> tuple[float, float]:
    """95 % of hits / count, by Wilson's formula, which holds for few pieces and for shares near 0 and 1."""
    square = NORMAL_95**2
    middle = (hits + square / 2) / (count + square)
    half = NORMAL_95 / (count + square) * math.sqrt(hits * (count - hits) / count + square / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap_ratio(amounts: NDArray[Any], weights: NDArray[Any], seed: int) -> tuple[float, float]:
    """95 % interval of sum(amounts) / sum(weights), pieces drawn anew with replacement."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(amounts), size=(BOOTSTRAP, len(amounts)))
    ratios = amounts[drawn].sum(axis=1) / weights[drawn].sum(axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def told(interval: tuple[float, float], digits: int = 1) -> str:
    """`95 % interval 24.7% to 27.6%` of shares from 0 to 1."""
    low, high = interval
    return f"95 % interval {low:.{digits}%} to {high:.{digits}%}"
