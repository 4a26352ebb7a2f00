"""Rules, statistics and deep models side by side on seven axes: labelled data, compute, other tasks, modelling power, domain knowledge,
what can be read out, and quality. One command makes the table (seven_axes.md) and the picture (seven_axes.svg) beside it.

What is measured is kept under --runs, method by method and axis by axis: stopped at any time, the command goes on. With --remeasure NAME
a method is measured anew. The checkpoints of the learning curves are trained first, which takes most of the time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import axes
import learning_curves
import torch
from axes_reading import read_out
from axes_table import markdown, picture
from report import HERE, circumstances, parser, print_report, progress

from musicgen import Composer, load_composer, load_corpus
from musicgen.files.atomic import atomic_write

ORDER = ("dice", "bach", "rules", "markov", "hmm", "flagship", "deepbach")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--runs", type=Path, default=Path("runs") / "seven_axes", help="where checkpoints and figures are kept")
    options.add_argument("--count", type=int, default=60, help="chorales that each method composes")
    options.add_argument("--model", action="append", choices=ORDER, help="only this method; may be given several times")
    options.add_argument("--remeasure", action="append", default=[], choices=ORDER, help="a method whose figures are made anew")
    options.add_argument("--untrained", action="store_true", help="train nothing: learning curves of what has been trained")
    options.add_argument("--show", action="store_true", help="measure nothing: table and picture of what has been measured, gaps and all")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    chosen.runs.mkdir(parents=True, exist_ok=True)
    facts = circumstances(chosen.seed, chosen.threads)
    corpus = load_corpus()
    if not (chosen.untrained or chosen.show):
        learning_curves.train_all(corpus, chosen.runs / "learning_curves", chosen.seed, chosen.threads)
    bench = axes.Bench(corpus, chosen.count, chosen.seed, chosen.runs)
    for name in () if chosen.show else chosen.model or ORDER:
        measure(name, bench, anew=name in chosen.remeasure)
    figures = {"circumstances": facts, "methods": {name: kept(chosen.runs, name) for name in ORDER if kept(chosen.runs, name)}}
    if not chosen.model:
        atomic_write(HERE / "seven_axes.md", markdown(figures).encode())
        atomic_write(HERE / "seven_axes.svg", picture(figures["methods"]).encode())
    print_report(figures, [markdown(figures)], chosen.json)


def measure(name: str, bench: axes.Bench, anew: bool) -> None:
    composer: Composer = load_composer(name)
    work = {  # the quick ones first
        "domain knowledge": lambda: axes.domain_knowledge(name, composer),
        "read out": lambda: read_out(name, composer, bench.valid[0]),
        "compute": lambda: axes.compute(name, composer, bench),
        "quality": lambda: axes.quality(composer, bench),
        "modelling power": lambda: axes.modelling_power(composer, bench),
        "labelled data": lambda: axes.labelled_data(name, bench),
        "other tasks": lambda: axes.other_tasks(name, composer, bench),
    }
    found: dict[str, Any] = {} if anew else kept(bench.runs, name)
    for axis, measured in work.items():
        is_kept = axis in found and axis != "domain knowledge"  # which follows from the code of today, and takes no time
        if is_kept or (name == "bach" and axis not in ("quality", "domain knowledge")):
            continue
        progress(f"{name}: {axis}")
        found[axis] = measured()
        atomic_write(_path(bench.runs, name), json.dumps(found, indent=1).encode())


def kept(runs: Path, name: str) -> dict[str, Any]:
    path = _path(runs, name)
    return json.loads(path.read_text()) if path.is_file() else {}


def _path(runs: Path, name: str) -> Path:
    return runs / f"{name}.json"


if __name__ == "__main__":
    main()
