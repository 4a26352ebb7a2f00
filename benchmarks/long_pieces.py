"""Does a long piece hold to its end? Long chorales by eighths: voice leading, dissonance, rhythm, likelihood, beside whole ones by Bach."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from composed_style import limit_threads, number
from numpy.typing import NDArray
from report import circumstances, parser, print_report, progress

from musicgen import Chorale, Plan, load_composer, load_corpus, plan_sketch, with_cadences
from musicgen.evaluation.style import RESAMPLINGS
from musicgen.music.chorale import REST, STEPS_PER_QUARTER
from musicgen.music.harmony import non_chord_tones
from musicgen.music.voice_leading import crossed, find_parallels, slices

Counts = dict[str, NDArray[np.float64]]
"""How often each thing happens at each step of a piece, (T,)."""

PARTS = 8
# Name, what is counted, of what it is a share, times what.
ROWS = (
    ("parallels per 100 transitions", "parallels", "transitions", 100),
    ("voice crossings, % of slices", "crossings", "slices", 100),
    ("non-chord tones, % of onsets", "non-chord tones", "onsets", 100),
    ("outside the key's scale, % of onsets", "foreign", "onsets", 100),
    ("onsets per quarter and voice", "onsets", "quarters", 1),
    ("nats per step, four voices", "nats", "steps", 1),
)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="flagship", help="a name, or the folder of a checkpoint")
    options.add_argument("--count", type=int, default=20, help="pieces to compose")
    options.add_argument("--bars", type=int, default=64)
    chosen = options.parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    limit_threads(chosen.threads)
    figures = {"circumstances": facts, "model": chosen.model, **measure(chosen)}
    print_report(figures, lines(figures), chosen.json)


def measure(chosen: Any) -> dict[str, Any]:
    composer = load_composer(chosen.model)
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    progress(f"{chosen.model}: {chosen.count} pieces of {chosen.bars} bars")
    began = time.perf_counter()
    chorales = composer.fill_many([with_cadences(plan_sketch(Plan(bars=chosen.bars), seed), seed) for seed in seeds], seeds)
    seconds = time.perf_counter() - began
    progress("measuring")
    parts = [in_parts(count(chorale, composer)) for chorale in chorales]
    bach = [in_parts(count(piece.chorale, composer), parts=1) for piece in load_corpus().pieces("valid")]
    return {
        "pieces": chosen.count,
        "bars": chosen.bars,
        "seconds": seconds,
        "bach": rates([piece[0] for piece in bach]),
        "parts": [rates([piece[part] for piece in parts]) for part in range(PARTS)],
    }


def count(chorale: Chorale, composer: Any) -> Counts:
    cut = slices(chorale)
    full, inside = cut.start[cut.full], cut.start[1:][cut.inside & cut.transition]
    strikes = chorale.onset & (chorale.pitch != REST)
    in_scale = np.isin(chorale.pitch % 12, list(chorale.key.scale))
    return {
        "parallels": _at(chorale, [event.step for event in find_parallels(chorale)]),
        "transitions": _at(chorale, inside),
        "crossings": _at(chorale, cut.start[crossed(cut).any(axis=0) & cut.full]),
        "slices": _at(chorale, full),
        "non-chord tones": non_chord_tones(chorale).sum(axis=0, dtype=float),
        "foreign": (strikes & ~in_scale).sum(axis=0, dtype=float),
        "onsets": strikes.sum(axis=0, dtype=float),
        "quarters": np.full(chorale.steps, chorale.voices / STEPS_PER_QUARTER),
        "nats": composer.nats(chorale).nats.sum(axis=0, dtype=float),
        "steps": np.ones(chorale.steps),
    }


def _at(chorale: Chorale, steps: Any) -> NDArray[np.float64]:
    return np.bincount(np.asarray(steps, dtype=np.int64), minlength=chorale.steps).astype(float)


def in_parts(counts: Counts, parts: int = PARTS) -> list[dict[str, float]]:
    """Sums over so many equal stretches of a piece."""
    split = {name: np.array_split(steps, parts) for name, steps in counts.items()}
    return [{name: float(stretches[part].sum()) for name, stretches in split.items()} for part in range(parts)]


def rates(pieces: list[dict[str, float]], seed: int = 0) -> dict[str, dict[str, float]]:
    """Each row over all pieces together, with its 95 % interval by bootstrap over pieces."""
    weights = np.random.default_rng(seed).multinomial(len(pieces), np.full(len(pieces), 1 / len(pieces)), RESAMPLINGS)
    found = {}
    for name, events, chances, scale in ROWS:
        of, among = (np.array([piece[counted] for piece in pieces]) for counted in (events, chances))
        low, high = np.percentile(scale * (weights @ of) / (weights @ among), [2.5, 97.5])
        found[name] = {"value": scale * of.sum() / among.sum(), "low": low, "high": high}
    return found


def lines(figures: dict[str, Any]) -> list[str]:
    width = max(len(name) for name, *_ in ROWS)
    eighths = "".join(f"{f'{part}/{PARTS}':>8}" for part in range(1, PARTS + 1))
    table = [f"{'':{width}}{'Bach, valid':>22}{eighths}{'last, 95 %':>20}"]
    for name, *_ in ROWS:
        cells = "".join(f"{number(part[name]['value']):>8}" for part in figures["parts"])
        last = figures["parts"][-1][name]
        table.append(f"{name:{width}}{interval(figures['bach'][name]):>22}{cells}{between(last):>20}")
    return [*table, f"{figures['pieces']} pieces of {figures['bars']} bars by {figures['model']}: {figures['seconds']:.1f} s"]


def interval(rate: dict[str, float]) -> str:
    return f"{number(rate['value'])} {between(rate)}"


def between(rate: dict[str, float]) -> str:
    return f"[{number(rate['low'])}, {number(rate['high'])}]"


if __name__ == "__main__":
    main()
