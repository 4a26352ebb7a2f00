"""Composed and harmonized chorales beside Bach himself and dice: rates, the published grade, distances, and how much they copy."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from report import circumstances, parser, print_report, progress

from musicgen import Chorale, Plan, Sketch, load_composer, load_corpus, plan_sketch, with_cadences
from musicgen.evaluation.beside_bach import Reference
from musicgen.evaluation.copying import LIMIT, CopyIndex, CopyReport, measure_copying
from musicgen.evaluation.style import FAMILIES, MEASURES, compare_to_bach

COLUMN = 18


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", nargs="+", default=["flagship"], help="names, or folders of checkpoints; dice come last")
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
    corpus = load_corpus()
    index = CopyIndex(corpus.pieces("train"))
    reference = Reference.of(corpus)
    valid = [piece.chorale for piece in corpus.pieces("valid")]
    plans = [
        with_cadences(plan_sketch(Plan(bars=chosen.bars), chosen.seed + number), chosen.seed + number) for number in range(chosen.count)
    ]
    sopranos = [with_cadences(Sketch.for_voices(chorale, keep="S"), chosen.seed + number) for number, chorale in enumerate(valid)]
    sets: dict[str, Any] = {"bach, valid split": summarize(valid, index, reference, 0.0)}
    for name in (*chosen.model, "dice"):
        composer = load_composer(name)
        for title, sketches in (("composed", plans), ("harmonized", sopranos)):
            progress(f"{Path(name).name} {title}: {len(sketches)} pieces")
            began = time.process_time()
            chorales = composer.fill_many(sketches, range(chosen.seed, chosen.seed + len(sketches)))
            sets[f"{Path(name).name} {title}"] = summarize(chorales, index, reference, time.process_time() - began)
            if chosen.write and title == "composed":
                write_all(chorales, chosen.write, Path(name).name)
    bach = measure_copying(index, {piece.name: piece.chorale for piece in corpus.pieces("test")})
    return {"copying by bach, test split": copying(bach), "likeness of bach, test split": asdict(reference.bach), "sets": sets}


def summarize(chorales: list[Chorale], index: CopyIndex, reference: Reference, seconds: float) -> dict[str, Any]:
    """`seconds` of the processor's time, composing."""
    comparisons = compare_to_bach(chorales)
    return {
        "pieces": len(chorales),
        "seconds": seconds,
        "inside": sum(row.is_inside for row in comparisons),
        "rates": {row.name: asdict(row.rate) | {"is_inside": row.is_inside} for row in comparisons},
        "likeness": asdict(reference.measure(chorales)),
        "copying": copying(measure_copying(index, {f"{number:03}": chorale for number, chorale in enumerate(chorales, 1)})),
    }


def copying(report: CopyReport) -> dict[str, Any]:
    """The figures, and every run that is too long."""
    copies = [f"{name}: {run}" for name, run in report.runs.items() if run and run.slices >= LIMIT]
    return {**report.totals(), "copies": copies}


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
    for family, measures in FAMILIES.items():
        table.append(family.upper())
        for measure in measures:
            table.append(line(measure.name, beside(asdict(measure.bach)), [rate_cell(one["rates"][measure.name]) for one in sets.values()]))
    table.append(line("inside Bach's interval", "", [f"{one['inside']} of {len(MEASURES)}  " for one in sets.values()]))
    bach = figures["likeness of bach, test split"]
    for title, kind in (("GRADE, MEDIAN (Bach: test split)", "grades"), ("DISTANCE FROM BACH (Bach: test split)", "distances")):
        table.append(title)
        for name, rate in bach[kind].items():
            table.append(line(name, beside(rate), [likeness_cell(one["likeness"][kind][name]) for one in sets.values()]))
    table.append("COPYING")
    table += [line(*row) for row in copying_rows(figures["copying by bach, test split"], [one["copying"] for one in sets.values()])]
    spent = ", ".join(f"{title} {one['seconds']:.1f} s" for title, one in sets.items() if one["seconds"])
    copied = [f"{title} {copy}" for title, one in sets.items() for copy in one["copying"]["copies"]]
    return [*table, "* outside Bach's interval; above it where copying is concerned", *copied, f"processor time: {spent}"]


def beside(rate: dict[str, Any]) -> str:
    return f"{number(rate['value'])} [{number(rate['low'])}, {number(rate['high'])}]"


def likeness_cell(rate: dict[str, Any]) -> str:
    return f"{number(rate['value'])} ±{number((rate['high'] - rate['low']) / 2)}  "


def copying_rows(bach: dict[str, Any], sets: list[dict[str, Any]]) -> list[tuple[str, str, list[str]]]:
    """Name, Bach's test split and one cell a set. Copying less than Bach is no fault."""
    low, high = bach["interval"]
    shares = [f"{number(one['percent'])} {'*' if one['percent'] > high else ' '}" for one in sets]
    return [
        (f"sharing {LIMIT} slices with a training piece, %", f"{number(bach['percent'])} [{number(low)}, {number(high)}]", shares),
        ("longest run shared, slices", str(bach["longest"]), [f"{one['longest']}  " for one in sets]),
    ]


def rate_cell(rate: dict[str, Any]) -> str:
    return f"{number(rate['value'])} {' ' if rate['is_inside'] else '*'}"


def number(value: float) -> str:
    return "-" if value != value else f"{value:.{3 if abs(value) < 1 else 2 if abs(value) < 10 else 1}f}"


if __name__ == "__main__":
    main()
