"""Does the score of alternatives rank well? Sopranos of the valid split, harmonized several times over, Bach among the draws."""

from __future__ import annotations

from typing import Any

import numpy as np
from composed_style import limit_threads
from numpy.typing import NDArray
from report import circumstances, parser, print_report, progress

from musicgen import Chorale, Sketch, load_composer, load_corpus
from musicgen.composers.composer import Composer
from musicgen.evaluation.style import MEASURES, RESAMPLINGS
from musicgen.steering.alternatives import WEIGHTS, Alternative, rated
from musicgen.steering.variation import similarity

Figures = NDArray[np.float64]
OFFENCES = [measure.name for measure in MEASURES if measure.events in WEIGHTS]
ALIKE = "free cells with Bach's pitch, %"
BACH = "Bach's setting is before all draws, %, and by chance"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="flagship", help="who harmonizes")
    options.add_argument("--judge", nargs="+", default=["flagship", "deepbach"], help="whose nats the score is made of")
    options.add_argument("--draws", type=int, default=8, help="of each soprano")
    options.add_argument("--count", type=int, default=75, help="sopranos")
    chosen = options.parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    limit_threads(chosen.threads)
    figures = {"circumstances": facts, "model": chosen.model, "draws": chosen.draws, **measure(chosen)}
    print_report(figures, lines(figures), chosen.json)


def measure(chosen: Any) -> dict[str, Any]:
    settings = [piece.chorale for piece in load_corpus().pieces("valid")][: chosen.count]
    sketches = [Sketch.for_voices(setting, keep="S") for setting in settings]
    composer, drawn = load_composer(chosen.model), []
    for number in range(chosen.draws):
        progress(f"{chosen.model}: draw {number + 1} of {chosen.draws}, {len(settings)} sopranos")
        drawn.append(composer.fill_many(sketches, [chosen.seed + number] * len(sketches)))
    pieces = list(zip(settings, sketches, zip(*drawn, strict=True), strict=True))
    judges = {}
    for name in chosen.judge:
        progress(f"judged by {name}")
        judges[name] = summary([judged(*piece, load_composer(name)) for piece in pieces])
    return {"pieces": len(pieces), "judges": judges}


def judged(setting: Chorale, sketch: Sketch, draws: tuple[Chorale, ...], judge: Composer) -> dict[str, tuple[float, float]]:
    """Name -> (of the first in rank, mean of all draws)."""
    bach, *others = (rated(Alternative(each, 0), sketch, judge) for each in (setting, *draws))
    first = max(range(len(others)), key=lambda index: others[index].score or 0.0)
    alike = [_alike(sketch, setting, draw) for draw in draws]
    found = {name: (others[first].parts[name], float(np.mean([each.parts[name] for each in others]))) for name in OFFENCES}
    bach_first = 100.0 * ((bach.score or 0.0) > (others[first].score or 0.0))
    return {ALIKE: (alike[first], float(np.mean(alike))), **found, BACH: (bach_first, 100 / (1 + len(draws)))}


def _alike(sketch: Sketch, setting: Chorale, draw: Chorale) -> float:
    """`similarity` of the free voices alone, in percent."""
    given = 1 - sketch.free.mean()
    return float(100 * (similarity(setting, draw) - given) / (1 - given))


def summary(pieces: list[dict[str, tuple[float, float]]], seed: int = 0) -> dict[str, Any]:
    """The mean over pieces of either, and the 95 % interval of the first in rank less the mean draw, by bootstrap over pieces."""
    weights = np.random.default_rng(seed).multinomial(len(pieces), np.full(len(pieces), 1 / len(pieces)), RESAMPLINGS) / len(pieces)
    found = {}
    for name in pieces[0]:
        values: Figures = np.array([piece[name] for piece in pieces])
        low, high = np.percentile(weights @ (values[:, 0] - values[:, 1]), [2.5, 97.5])
        found[name] = {"first": float(values[:, 0].mean()), "all": float(values[:, 1].mean()), "low": float(low), "high": float(high)}
    return found


def lines(figures: dict[str, Any]) -> list[str]:
    table = [f"{figures['pieces']} sopranos, {figures['draws']} draws each by {figures['model']}"]
    for judge, rows in figures["judges"].items():
        table += ["", f"{'nats of ' + judge:52}{'first':>10}{'mean draw':>12}{'difference, 95 %':>22}"]
        for name, row in rows.items():
            between = f"[{row['low']:.2f}, {row['high']:.2f}]"
            table.append(f"{name:52}{row['first']:>10.2f}{row['all']:>12.2f}{between:>22}")
    return table


if __name__ == "__main__":
    main()
