"""What the server takes at most, and which models: whatever is larger, or names a file, is refused before any work."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from musicgen.errors import ConfigError, NotationError, nearest
from musicgen.music.chorale import Chorale
from musicgen.music.score import Score
from musicgen.steering.asks import names_sheet, phrase_lengths
from musicgen.steering.request import COUNTS_BARS, Request

LARGEST_WHOLE = 2**53 - 1  # beyond it JavaScript's numbers are not exact


@dataclass(frozen=True)
class Limits:
    """body: bytes; seconds: of one order; waiting: orders at once, the one in work among them; pieces: `count` or `alternatives`;
    bars, quarters: of a score, given or new; letters: of a text; texts: of a list."""

    body: int = 8_000_000
    seconds: float = 120.0
    waiting: int = 8
    pieces: int = 16
    bars: int = 200
    quarters: int = 1600
    letters: int = 2000
    texts: int = 100


def check_request(request: Request, limits: Limits, models: Collection[str]) -> None:
    """No field of a request that came from elsewhere may open a file: not `chords`, which may be a lead sheet, nor `model`, a folder."""
    if request.model is not None and request.model not in models:
        raise ConfigError(f"model: no model named {request.model[:80]!r}; {nearest(request.model, models)}")
    if request.chords is not None and names_sheet(request.chords):
        raise ConfigError("chords: a file cannot be named here; write the chords themselves, like 1:1 C, 1:3 G7/B")
    for name, value in request.given().items():
        _check_length(name, value, limits)
    for name in ("count", "alternatives"):
        if (getattr(request, name) or 1) > limits.pieces:
            raise ConfigError(f"{name}: {getattr(request, name)}; this server writes at most {limits.pieces} pieces at once")
    if request.task in COUNTS_BARS and isinstance(request.bars, int) and not 1 <= request.bars <= limits.bars:
        raise ConfigError(f"bars: {request.bars}; this server writes 1 to {limits.bars}")
    if request.phrases is not None and sum(phrase_lengths(request.phrases)) > limits.bars:
        raise ConfigError(f"phrases: more than {limits.bars} bars together; this server writes at most so many")


def _check_length(name: str, value: object, limits: Limits) -> None:
    texts = value if isinstance(value, tuple) else (value,)
    if len(texts) > limits.texts:
        raise ConfigError(f"{name}: {len(texts)} texts; at most {limits.texts} are read")
    longest = max((len(text) for text in texts if isinstance(text, str)), default=0)
    if longest > limits.letters:
        raise ConfigError(f"{name}: a text of {longest} letters; at most {limits.letters} are read")


def check_score(score: Score, limits: Limits) -> None:
    """Before the score is looked at bar by bar."""
    if score.end > limits.quarters * score.ticks_per_quarter or len(score.bar_starts()) > limits.bars + 2:
        raise NotationError(f"longer than {limits.bars} bars or {limits.quarters} quarters, the most that this server takes; send a part")


def check_length(chorale: Chorale, limits: Limits) -> None:
    """What shall be written, before a model sees it."""
    if len(chorale.bar_starts()) > limits.bars + 1 or chorale.steps > 4 * limits.quarters:
        raise ConfigError(f"longer than {limits.bars} bars or {limits.quarters} quarters, the most that this server writes; ask for fewer")
