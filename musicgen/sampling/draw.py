"""Drawing ids from logits: the options in, the result out. N cells, K ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ConfigError, nearest

FloatArray = NDArray[np.floating[Any]]
NOWHERE = -1


def check_temperature(value: float, name: str = "temperature") -> None:
    if not 0 <= value <= 10:
        raise ConfigError(f"{name} {value}: from 0 (strict) to 10 (wild)")


def check_top_p(value: float) -> None:
    if not 0 < value <= 1:
        raise ConfigError(f"top_p {value}: above 0, at most 1")


@dataclass(frozen=True)
class SamplingOptions:
    """temperature 1 = the model's own distribution, 0 = its best guess; top_p keeps the likeliest ids that reach this probability.

    sweeps: expected redraws of each free cell. start_temperature: annealing falls from it to `temperature` over the first half.
    rhythm_temperature: of whether a sound is struck or held, where each cell is drawn once; `temperature` is then that of the pitch struck.
    drafts, draft_temperature: there, each step is drafted so many times, and one is kept, at such a temperature of all voices together.
    lanes: there, in how many ways at once a piece goes on where something asked for lies ahead; the likeliest is kept.
    guidance: there, how many times counts what the model's tables say of intervals that pass into each other; 1 is as they were learned.
    density, chromaticism: notes per quarter and voice, and % of them outside the key's scale (`sampling.dials`); None as it comes.
    """

    temperature: float = 0.6
    start_temperature: float = 1.0
    top_p: float = 1.0
    sweeps: float = 16.0
    rhythm_temperature: float = 1.0
    drafts: int = 1
    draft_temperature: float = 1.0
    guidance: float = 1.0
    lanes: int = 8
    density: float | None = None
    chromaticism: float | None = None

    def __post_init__(self) -> None:
        for name in ("temperature", "start_temperature", "rhythm_temperature", "draft_temperature"):
            check_temperature(getattr(self, name), name)
        check_top_p(self.top_p)
        if not 0 <= self.guidance <= 10:
            raise ConfigError(f"guidance {self.guidance}: from 0 to 10, 1 is as the model has learned")
        if not 1 <= self.lanes <= 1000 or self.lanes != int(self.lanes):
            raise ConfigError(f"lanes {self.lanes}: a whole number from 1 to 1000, 8 is usual")
        if not 1 <= self.drafts <= 1000 or self.drafts != int(self.drafts):
            raise ConfigError(f"drafts {self.drafts}: a whole number from 1 to 1000, 4 is usual")
        if self.density is not None and not 0.4 <= self.density <= 2.5:
            raise ConfigError(f"density {self.density}: notes per quarter and voice, from 0.4 (slow) to 2.5 (restless); Bach has 1.1")
        if self.chromaticism is not None and not 0 <= self.chromaticism <= 30:
            raise ConfigError(f"chromaticism {self.chromaticism}: % of notes outside the key's scale, from 0 to 30; Bach has 4.4")
        for name in ("drafts", "lanes"):
            object.__setattr__(self, name, int(getattr(self, name)))
        if not 1 <= self.sweeps <= 1000:
            raise ConfigError(f"sweeps {self.sweeps}: from 1 to 1000, 16 is usual")

    def turned(self, model: str, takes: Sequence[str], dials: Mapping[str, Any]) -> SamplingOptions:
        """With the named fields changed, of those that a model takes."""
        for dial in dials:
            if dial not in takes:
                raise ConfigError(f"{model} has no dial {dial!r}; {nearest(dial, takes)}")
        return replace(self, **dials)


@dataclass(frozen=True)
class Fill:
    """ids (B, V, T) with every free cell drawn; log_probability (B, V, T) of each cell's last draw, 0 where nothing was drawn; stuck (B,)
    the first step where rules left no way, else NOWHERE."""

    ids: NDArray[np.int64]
    log_probability: FloatArray
    stuck: NDArray[np.int64] | None = None


def draw(
    logits: FloatArray, allowed: NDArray[np.bool_], noise: FloatArray, temperature: float | FloatArray, top_p: float = 1.0
) -> NDArray[np.int64]:
    """(N,) ids from logits (N, K), only where allowed (N, K); `noise` (N, K) is Gumbel, so equal noise gives equal draws.

    temperature: one for all, or (N, 1). The largest of logits + temperature * noise is a draw at that temperature (Gumbel 1954).
    """
    scores = np.where(allowed, logits, -np.inf)
    if top_p < 1:
        scores = np.where(_nucleus(scores / np.maximum(temperature, 1e-6), top_p), scores, -np.inf)
    drawn: NDArray[np.int64] = np.argmax(scores + temperature * noise, axis=-1)
    return drawn


def gumbel(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    return rng.gumbel(size=shape).astype(np.float32)


def log_sum(logits: FloatArray) -> FloatArray:
    """(..., K) -> (...) the logarithm of a sum, -inf of nothing; in a tenth of the time of NumPy's logaddexp.reduce."""
    logits = logits.astype(np.float64)
    most = np.maximum(logits.max(axis=-1, keepdims=True), np.finfo(np.float64).min)
    with np.errstate(divide="ignore"):
        result: FloatArray = np.log(np.exp(logits - most).sum(axis=-1)) + most[..., 0]
    return result


def log_softmax(scores: FloatArray) -> FloatArray:
    """Over the last axis; -inf stays -inf."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    result: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def _nucleus(scores: FloatArray, top_p: float) -> NDArray[np.bool_]:
    """True for the likeliest ids whose probabilities add up to top_p, the one that crosses it included."""
    order = np.argsort(-scores, axis=-1)
    probabilities = np.take_along_axis(np.exp(log_softmax(scores)), order, axis=-1)
    kept = np.cumsum(probabilities, axis=-1) - probabilities < top_p
    result: NDArray[np.bool_] = np.empty(kept.shape, dtype=bool)
    np.put_along_axis(result, order, kept, axis=-1)
    return result
