"""How often composed and harmonized chorales do what Bach does seldom or often, beside Bach's own rates and dice."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from report import circumstances, parser, print_report, progress

from musicgen import Chorale, Plan, Sketch, load_composer, load_corpus, plan_sketch
from musicgen.evaluation.style import MEASURES, compare_to_bach

COLUMN = 18


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="deepbach", help="a name, or the folder of a checkpoint")
    options.add_argument("--count", type=int, default=60, help="chorales to compose")
    options.add_argument("--bars", type=int, default=Plan().bars)
    options.add_argument("--write", type=Path, metavar="FOLDER", help="also write what was composed there, as MusicXML")
    chosen = options.parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    limit_threads(chosen.threads)
    figures = {"circumstances": facts, "model": chosen.model, **measure(chosen)}
    print_report(figures, lines(figures), chosen.json)


def limit_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def measure(chosen: Any) -> dict[str, Any]:
    valid = [piece.chorale for piece in load_corpus().pieces("valid")]
    plans = [plan_sketch(Plan(bars=chosen.bars), chosen.seed + number) for number in range(chosen.count)]
    sopranos = [Sketch.for_voices(chorale, keep="S") for chorale in valid]
    sets: dict[str, Any] = {"bach, valid split": summarize(valid, 0.0)}
    for name in (chosen.model, "dice"):
        composer = load_composer(name)
        for title, sketches in (("composed", plans), ("harmonized", sopranos)):
            progress(f"{Path(name).name} {title}: {len(sketches)} pieces")
            began = time.perf_counter()
            chorales = composer.fill_many(sketches, range(chosen.seed, chosen.seed + len(sketches)))
            sets[f"{Path(name).name} {title}"] = summarize(chorales, time.perf_counter() - began)
            if chosen.write and title == "composed":
                write_all(chorales, chosen.write, Path(name).name)
    return {"sets": sets}


def summarize(chorales: list[Chorale], seconds: float) -> dict[str, Any]:
    comparisons = compare_to_bach(chorales)
    return {
        "pieces": len(chorales),
        "seconds": seconds,
        "inside": sum(row.is_inside for row in comparisons),
        "rates": {row.name: asdict(row.rate) | {"is_inside": row.is_inside} for row in comparisons},
    }


def write_all(chorales: list[Chorale], folder: Path, name: str) -> None:
    from musicgen import to_score, write_score

    folder.mkdir(parents=True, exist_ok=True)
    for number, chorale in enumerate(chorales, 1):
        write_score(to_score(chorale), folder / f"{name}-{number:03}.musicxml")


def lines(figures: dict[str, Any]) -> list[str]:
    sets = figures["sets"]
    width = max(len(measure.name) for measure in MEASURES)
    titles = [f"{title} ({one['pieces']})" for title, one in sets.items()]
    columns = [max(COLUMN, len(title) + 2) for title in titles]

    def line(first: str, bach: str, cells: list[str]) -> str:
        return f"{first:{width}}{bach:>22}" + "".join(f"{cell:>{column}}" for cell, column in zip(cells, columns, strict=True))

    table = [line("", "Bach, 95 %", titles)]
    for measure in MEASURES:
        bach = f"{number(measure.bach.value)} [{number(measure.bach.low)}, {number(measure.bach.high)}]"
        table.append(line(measure.name, bach, [rate_cell(one["rates"][measure.name]) for one in sets.values()]))
    table.append(line("inside Bach's interval", "", [f"{one['inside']} of {len(MEASURES)}  " for one in sets.values()]))
    spent = ", ".join(f"{title} {one['seconds']:.1f} s" for title, one in sets.items() if one["seconds"])
    return [*table, "* outside Bach's interval", f"time: {spent}"]


def rate_cell(rate: dict[str, Any]) -> str:
    return f"{number(rate['value'])} {' ' if rate['is_inside'] else '*'}"


def number(value: float) -> str:
    return "-" if value != value else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


if __name__ == "__main__":
    main()
