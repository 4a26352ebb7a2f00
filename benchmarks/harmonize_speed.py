"""Harmonizing 16 bars, beside deepbach-pytorch 1.5.0: the same tune, turn by turn in one run; composing once the model is loaded.

A model that redraws gets as many redraws of each cell as the peer makes; the others draw as they always do.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from report import OWN, PEER, circumstances, middle, parser, print_report, progress, run_child, spread

PEER_CELLS_AT_ONCE = 8  # of each voice, its default
DRAWS = {"sketcher": "each cell drawn once", "committee": "each cell drawn once", "masked": "each cell drawn once, some again"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="flagship", help="a name, or the folder of a checkpoint")
    options.add_argument("--peer-python", help="Python with deepbach-pytorch (see README.md); without it only musicgen is measured")
    options.add_argument("--iterations", type=int, default=500, help="of the peer, its default")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--count", type=int, default=60, help="chorales to compose in a batch")
    chosen = options.parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), chosen)
    figures = {"circumstances": facts, **figures}
    print_report(figures, lines(figures), chosen.json)


def measure(folder: Path, chosen: Any) -> dict[str, Any]:
    tune = folder / "tune.musicxml"
    piece = run_child([sys.executable, OWN, "tune", tune], chosen.threads).result
    kind = run_child([sys.executable, OWN, "kind", chosen.model], chosen.threads).result["kind"]
    sweeps = chosen.iterations * PEER_CELLS_AT_ONCE / piece["steps"]
    dials = json.dumps({} if kind in DRAWS else {"sweeps": sweeps})
    commands = {
        "musicgen": [sys.executable, OWN, "harmonize", chosen.model, tune, folder / "own.musicxml", dials, chosen.seed],
        "warm": [sys.executable, OWN, "warm", chosen.model, tune, dials, chosen.seed, chosen.count],
        "command": [
            *(sys.executable, "-m", "musicgen", "harmonize", tune, "-o", folder / "cli.musicxml"),
            *("--model", chosen.model, "--seed", chosen.seed),
        ],
    }
    peer: dict[str, Any] = {}
    if chosen.peer_python:
        peer = run_child([chosen.peer_python, PEER, "prepare", folder / "peer", chosen.seed], chosen.threads).result
        commands["peer"] = [
            *(chosen.peer_python, PEER, "harmonize", folder / "peer", tune, folder / "peer.musicxml"),
            *(chosen.iterations, chosen.seed),
        ]
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for number in range(chosen.rounds):
        for name, command in commands.items():
            child = run_child(command, chosen.threads)
            row = {key: value for key, value in child.result.items() if isinstance(value, int | float)}
            rounds[name].append({**row, "whole": child.seconds, "peak_mib": child.peak_mib})
            progress(f"round {number + 1} of {chosen.rounds}: {name} {child.seconds:.2f} s")
    return summarize(rounds, {"model": chosen.model, "kind": kind, "piece": piece}, sweeps, peer)


def summarize(rounds: dict[str, list[dict[str, float]]], facts: dict[str, Any], sweeps: float, peer: dict[str, Any]) -> dict[str, Any]:
    """Medians; updates a second are redraws of a cell in the time of sampling, of whoever redraws."""
    medians = {name: middle(rows) for name, rows in rounds.items()}
    updates = sweeps * rounds["musicgen"][0]["cells"]
    redrawing = {"peer"} if facts["kind"] in DRAWS else {"peer", "musicgen", "warm"}
    for name in medians.keys() & redrawing:
        medians[name]["updates_per_second"] = updates / medians[name]["sampling"]
    figures: dict[str, Any] = {**facts, "medians": medians, "rounds": rounds}
    if medians.keys() & redrawing:
        figures |= {"updates": updates, "updates_per_cell": sweeps}
    if "peer" in medians:
        figures["ratio"] = {key: medians["peer"][key] / medians["musicgen"][key] for key in ("sampling", "whole")}
        figures["peer"] = {key: peer[key] for key in ("vocabulary", "versions")}
    return figures


def lines(figures: dict[str, Any]) -> list[str]:
    medians, rounds = figures["medians"], figures["rounds"]
    rows = [
        f"{Path(figures['model']).name}: {figures['piece']['bars']} bars, {drawn(figures)}; "
        f"medians of {len(rounds['musicgen'])} rounds, extremes in brackets",
        f"{'':34}{'sampling, s':>20}{'updates/s':>11}{'import, s':>11}{'whole, s':>20}{'peak MiB':>10}",
    ]
    names = {"peer": "deepbach-pytorch", "musicgen": "musicgen, Python", "command": "musicgen harmonize (its defaults)"}
    rows += [row(title, medians[name], rounds[name]) for name, title in names.items() if name in medians]
    warm = {key: value for key, value in medians["warm"].items() if key in ("sampling", "updates_per_second")}
    rows.append(row("musicgen, warm: the same again", warm, rounds["warm"]))
    if "ratio" in figures:
        rows.append(f"sampling {figures['ratio']['sampling']:.1f} times as fast, whole {figures['ratio']['whole']:.1f} times as fast")
        rows.append(f"peer: {json.dumps(figures['peer']['versions'])}, random weights, vocabulary {figures['peer']['vocabulary']}")
    return [*rows, composed(figures["piece"]["bars"], medians["warm"], rounds["warm"])]


def drawn(figures: dict[str, Any]) -> str:
    """How often each cell was drawn, by whom."""
    updates = f"{figures['updates']:.0f} updates, {figures['updates_per_cell']:.1f} a cell" if "updates" in figures else ""
    if figures["kind"] not in DRAWS:
        return updates
    return DRAWS[figures["kind"]] + (f" (peer: {updates})" if updates else "")


def composed(bars: int, middle: dict[str, float], rounds: list[dict[str, float]]) -> str:
    """What else the warm process did, and its peak memory."""
    one, batch = (f"{middle[key]:.2f} s [{spread([round_[key] for round_ in rounds])}]" for key in ("compose", "batch"))
    many = f"{middle['count']:.0f} of {middle['count_bars']:.0f} bars in a batch {batch}"
    return f"warm too: composing {bars} bars {one}, {many}, peak {middle['peak_mib']:.0f} MiB"


def row(title: str, middle: dict[str, float], rounds: list[dict[str, float]]) -> str:
    def cell(key: str, width: int) -> str:
        if key not in middle:
            return f"{'-':>{width}}"
        return f"{middle[key]:.2f} [{spread([one[key] for one in rounds])}]".rjust(width)

    rate = f"{middle['updates_per_second']:.0f}" if "updates_per_second" in middle else "-"
    start = f"{middle['import']:.2f}" if "import" in middle else "-"
    peak = f"{middle['peak_mib']:.0f}" if "peak_mib" in middle else "-"
    return f"{title:34}{cell('sampling', 20)}{rate:>11}{start:>11}{cell('whole', 20)}{peak:>10}"


if __name__ == "__main__":
    main()
