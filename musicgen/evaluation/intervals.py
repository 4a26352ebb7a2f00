"""Intervals of shares."""

from __future__ import annotations

import math

NORMAL_95 = 1.959964


def share_interval(hits: int, count: int) -> tuple[float, float]:
    """95 % of hits / count, by Wilson's formula, which holds for few pieces and for shares near 0 and 1."""
    square = NORMAL_95**2
    middle = (hits + square / 2) / (count + square)
    half = NORMAL_95 / (count + square) * math.sqrt(hits * (count - hits) / count + square / 4)
    return max(0.0, middle - half), min(1.0, middle + half)
