"""Harmonizing 16 bars, beside deepbach-pytorch 1.5.0: the same tune, as many redraws of each cell, turn by turn in one run."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from report import OWN, PEER, circumstances, middle, parser, print_report, progress, run_child, spread

PEER_CELLS_AT_ONCE = 8  # of each voice, its default


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="deepbach", help="a name, or the folder of a checkpoint")
    options.add_argument("--peer-python", help="Python with deepbach-pytorch (see README.md); without it only musicgen is measured")
    options.add_argument("--iterations", type=int, default=500, help="of the peer, its default")
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), chosen)
    figures = {"circumstances": facts, **figures}
    print_report(figures, lines(figures), chosen.json)


def measure(folder: Path, chosen: Any) -> dict[str, Any]:
    tune = folder / "tune.musicxml"
    piece = run_child([sys.executable, OWN, "tune", tune], chosen.threads).result
    sweeps = chosen.iterations * PEER_CELLS_AT_ONCE / piece["steps"]
    commands = {
        "musicgen": [sys.executable, OWN, "harmonize", chosen.model, tune, folder / "own.musicxml", sweeps, chosen.seed],
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
    return summarize(rounds, piece, sweeps, peer)


def summarize(rounds: dict[str, list[dict[str, float]]], piece: dict[str, Any], sweeps: float, peer: dict[str, Any]) -> dict[str, Any]:
    """Medians; updates a second are redraws of a cell in the time of sampling."""
    medians = {name: middle(rows) for name, rows in rounds.items()}
    updates = sweeps * rounds["musicgen"][0]["cells"]
    for name in medians.keys() & {"musicgen", "peer"}:
        medians[name]["updates_per_second"] = updates / medians[name]["sampling"]
    figures: dict[str, Any] = {"piece": piece, "updates": updates, "updates_per_cell": sweeps, "medians": medians, "rounds": rounds}
    if "peer" in medians:
        figures["ratio"] = {key: medians["peer"][key] / medians["musicgen"][key] for key in ("sampling", "whole")}
        figures["peer"] = {key: peer[key] for key in ("vocabulary", "versions")}
    return figures


def lines(figures: dict[str, Any]) -> list[str]:
    medians, rounds = figures["medians"], figures["rounds"]
    rows = [
        f"{figures['piece']['bars']} bars, {figures['updates']:.0f} updates, {figures['updates_per_cell']:.1f} a cell; "
        f"medians of {len(rounds['musicgen'])} rounds, extremes in brackets",
        f"{'':34}{'sampling, s':>20}{'updates/s':>11}{'import, s':>11}{'whole, s':>20}{'peak MiB':>10}",
    ]
    names = {"peer": "deepbach-pytorch", "musicgen": "musicgen, Python", "command": "musicgen harmonize (its defaults)"}
    rows += [row(title, medians[name], rounds[name]) for name, title in names.items() if name in medians]
    if "ratio" in figures:
        rows.append(f"sampling {figures['ratio']['sampling']:.1f} times as fast, whole {figures['ratio']['whole']:.1f} times as fast")
        rows.append(f"peer: {json.dumps(figures['peer']['versions'])}, random weights, vocabulary {figures['peer']['vocabulary']}")
    return rows


def row(title: str, middle: dict[str, float], rounds: list[dict[str, float]]) -> str:
    def cell(key: str, width: int) -> str:
        if key not in middle:
            return f"{'-':>{width}}"
        return f"{middle[key]:.2f} [{spread([one[key] for one in rounds])}]".rjust(width)

    rate = f"{middle['updates_per_second']:.0f}" if "updates_per_second" in middle else "-"
    start = f"{middle['import']:.2f}" if "import" in middle else "-"
    return f"{title:34}{cell('sampling', 20)}{rate:>11}{start:>11}{cell('whole', 20)}{middle['peak_mib']:>10.0f}"


if __name__ == "__main__":
    main()
