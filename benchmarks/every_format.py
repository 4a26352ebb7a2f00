"""Sixty chorales composed and written in every format that there is: notation, MIDI, pictures, PDF and sound, two processes at work."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from report import circumstances, parser, print_report, progress

from musicgen.rendering.export import EXPORTABLE

LIMIT = 120  # seconds for all, on two cores
SUFFIXES = tuple(suffix for suffix in EXPORTABLE if suffix != ".xml")  # another name of .musicxml


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="flagship", help="a name, or the folder of a checkpoint")
    options.add_argument("--count", type=int, default=60, help="chorales to compose")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--write", type=Path, metavar="FOLDER", help="keep the files there")
    options.add_argument("--formats", nargs="+", default=list(SUFFIXES), help="only these: .pdf .mp3")
    chosen = options.parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    with tempfile.TemporaryDirectory() as scratch:
        figures = {"circumstances": facts, "model": chosen.model, **measure(chosen, chosen.write or Path(scratch))}
    print_report(figures, lines(figures), chosen.json)


def measure(chosen: Any, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    shares = [list(seeds[start :: chosen.processes]) for start in range(chosen.processes)]
    progress(f"{chosen.count} pieces in {len(chosen.formats)} formats, {chosen.processes} processes")
    began, processor, files = time.perf_counter(), Counter[str](), 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(chosen.processes, context) as pool:
        for seconds, written in pool.map(work, shares, *([each] * len(shares) for each in (chosen.model, chosen.formats, folder))):
            processor += seconds
            files += written
    return {"files": files, "wall": time.perf_counter() - began, "processor": dict(processor)}


def work(seeds: list[int], model: str, suffixes: list[str], folder: Path) -> tuple[Counter[str], int]:
    """Composes in one batch, then writes piece by piece; seconds of processor time for each step and format, and how many files."""
    import torch

    from musicgen import Plan, load_composer, plan_sketch, with_cadences
    from musicgen.music.convert import to_score
    from musicgen.rendering.export import export_score

    torch.set_num_threads(1)
    seconds, files, mark = Counter[str](), 0, time.process_time()

    def lap(step: str) -> None:
        nonlocal mark
        seconds[step] += time.process_time() - mark
        mark = time.process_time()

    composer = load_composer(model)
    lap("load")
    chorales = composer.fill_many([with_cadences(plan_sketch(Plan(), seed), seed) for seed in seeds], seeds)
    lap("compose")
    for seed, chorale in zip(seeds, chorales, strict=True):
        for suffix in suffixes:
            files += len(export_score(to_score(chorale), [folder / f"{seed:03d}{suffix}"]))
            lap(suffix)
    return seconds, files


def lines(figures: dict[str, Any]) -> list[str]:
    within = "within" if figures["wall"] <= LIMIT else "over"
    total = sum(figures["processor"].values())
    return [
        f"{figures['files']} files in {figures['wall']:.1f} s, {within} {LIMIT} s; processor time {total:.1f} s",
        *(f"  {step:<10} {seconds:7.2f} s" for step, seconds in figures["processor"].items()),
    ]


if __name__ == "__main__":
    main()
