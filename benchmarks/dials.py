"""Do the dials do what they say? Density, chromaticism and temperature asked against what is got; `--draw` makes a picture of it.

`--open-loop` measures the constants of musicgen/sampling/dials.py: what fixed offsets give, nothing being corrected on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from composed_style import limit_threads, number
from report import circumstances, parser, print_report, progress

from musicgen import Chorale, Plan, Sketch, load_composer, load_corpus, plan_sketch
from musicgen.evaluation.style import count
from musicgen.music.chorale import REST, STEPS_PER_QUARTER
from musicgen.sampling import dials

DENSITIES = (0.4, 0.6, 0.8, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5)
CHROMATICISMS = (0.0, 1.0, 2.0, 4.4, 7.0, 10.0, 15.0, 20.0, 30.0)
TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5)
UNITS = {"density": "notes per quarter and voice", "chromaticism": "% of notes outside the scale", "temperature": "nats per step"}
COLUMNS = ("density", "chromaticism", "nats", "off the eighths, %", "parallels per 100", "non-chord tones, %")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="flagship", help="a name, or the folder of a checkpoint")
    options.add_argument("--count", type=int, default=16, help="pieces for each setting")
    options.add_argument("--harmonize", action="store_true", help="the sopranos of the valid split, rather than empty sketches")
    options.add_argument("--open-loop", action="store_true", help="fixed offsets, for the constants of the dials")
    options.add_argument("--draw", type=Path, metavar="FILE", help="also draw asked against got, as .svg or .png")
    chosen = options.parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    limit_threads(chosen.threads)
    figures = {"circumstances": facts, "model": chosen.model, **measure(chosen)}
    print_report(figures, lines(figures), chosen.json)
    if chosen.draw:
        draw(figures, chosen.draw)


def measure(chosen: Any) -> dict[str, Any]:
    corpus = load_corpus()
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    if chosen.harmonize:
        sketches = [Sketch.for_voices(piece.chorale, keep="S") for piece in corpus.pieces("valid")[: chosen.count]]
    else:
        sketches = [plan_sketch(Plan(), seed) for seed in seeds]
    settings = {"density": DENSITIES, "chromaticism": CHROMATICISMS, "temperature": TEMPERATURES}
    if chosen.open_loop:
        settings = {"density": dials.OFFSETS, "chromaticism": dials.CHROMATIC_OFFSETS}
    found: dict[str, list[dict[str, float]]] = {}
    for dial, values in settings.items():
        for value in values:
            progress(f"{chosen.model} {dial} {value:g}")
            chorales = fill(chosen.model, dial, value, chosen.open_loop, sketches, seeds)
            found.setdefault(dial, []).append({"asked": value, **got(chorales, sketches, load_composer(chosen.model))})
    return {
        "open loop": chosen.open_loop,
        "bach": {split: of_bach([piece.chorale for piece in corpus.pieces(split)], chosen.model) for split in ("train", "valid")},
        "pieces": len(sketches),
        "got": found,
    }


def of_bach(chorales: Sequence[Chorale], model: str) -> dict[str, float]:
    return got(chorales, [Sketch.for_voices(chorale, keep="") for chorale in chorales], load_composer(model))


def fill(model: str, dial: str, value: float, open_loop: bool, sketches: Sequence[Sketch], seeds: Sequence[int]) -> list[Chorale]:
    name = {"density": "density_offset", "chromaticism": "chromatic_offset"}.get(dial)
    fixed = patch.object(dials, name, lambda asked, notes, among: np.full(len(notes), value)) if open_loop and name else nullcontext()
    with fixed:
        return load_composer(model, **{dial: 1.0 if open_loop else value}).fill_many(sketches, seeds)


def got(chorales: Sequence[Chorale], sketches: Sequence[Sketch], judge: Any) -> dict[str, float]:
    """Pooled over what was written; `spread`: standard deviations over pieces."""
    rows = np.array([_counts(chorale, sketch, judge) for chorale, sketch in zip(chorales, sketches, strict=True)])
    notes, quarters, foreign, short, nats, steps, parallels, transitions, dissonances, onsets = rows.sum(axis=0)
    shares = (notes / quarters, 100 * foreign / notes, nats / steps, 100 * short / notes, 100 * parallels / transitions)
    spread = {"density spread": np.std(rows[:, 0] / rows[:, 1]), "chromaticism spread": np.std(100 * rows[:, 2] / rows[:, 0])}
    return {**dict(zip(COLUMNS, (*shares, 100 * dissonances / onsets), strict=True)), **spread}


def _counts(chorale: Chorale, sketch: Sketch, judge: Any) -> tuple[float, ...]:
    strikes = chorale.onset & (chorale.pitch != REST) & sketch.free
    foreign = strikes & ~np.isin(chorale.pitch % 12, list(chorale.key.scale))
    style = count(chorale)
    return (
        strikes.sum(),
        sketch.free.sum() / STEPS_PER_QUARTER,
        foreign.sum(),
        strikes[:, chorale.bar_positions() % 2 == 1].sum(),
        judge.nats(chorale).nats[sketch.free].sum(),
        sketch.free.any(axis=0).sum(),
        style.get("parallel fifths", 0) + style.get("parallel octaves", 0),
        style["transitions inside"],
        style["non-chord tones"],
        style["notes"],
    )


def lines(figures: dict[str, Any]) -> list[str]:
    asked = "offset" if figures["open loop"] else "asked"
    table = [f"{'':14}{asked:>8}" + "".join(f"{name:>22}" for name in COLUMNS)]
    rows = [(f"Bach, {split}", "", row) for split, row in figures["bach"].items()]
    rows += [(dial, f"{row['asked']:g}", row) for dial, settings in figures["got"].items() for row in settings]
    for name, value, row in rows:
        cells = [
            f"{number(row[column])}{f' ±{number(row[spread])}' if (spread := f'{column} spread') in row else ''}" for column in COLUMNS
        ]
        table.append(f"{name:14}{value:>8}" + "".join(f"{cell:>22}" for cell in cells))
    return [*table, f"{figures['pieces']} pieces a setting by {figures['model']}; ± standard deviation over pieces"]


def draw(figures: dict[str, Any], path: Path) -> None:
    """One plot a dial: the line is what was asked, the dots are what was got, dotted is Bach."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text
    from matplotlib import pyplot

    bach = figures["bach"]["valid"]  # the model has learned the train split: it finds nothing there unlikely
    picture, plots = pyplot.subplots(1, len(figures["got"]), figsize=(4 * len(figures["got"]), 4))
    for plot, (dial, rows) in zip(plots, figures["got"].items(), strict=True):
        asked, column = [row["asked"] for row in rows], dial if dial in COLUMNS else "nats"
        values = [row[column] for row in rows]
        if dial in COLUMNS and not figures["open loop"]:
            plot.plot(asked, asked, color="0.7")
            plot.axhline(bach[column], color="0.7", linestyle=":", label="Bach")
            plot.errorbar(asked, values, [row[f"{column} spread"] for row in rows], fmt="o", color="black", markersize=4, linewidth=1)
        else:
            plot.plot(asked, values, "o-", color="black", markersize=4)
            plot.axhline(bach[column], color="0.7", linestyle=":", label="Bach")
        plot.set(xlabel=f"{dial} asked", ylabel=f"got: {UNITS[dial]}")
        plot.legend(frameon=False)
    picture.suptitle(f"{figures['model']}: {figures['pieces']} pieces a setting, mean and spread over pieces")
    picture.tight_layout()
    picture.savefig(path)


if __name__ == "__main__":
    main()
