"""An epoch of training, all four voices, beside deepbach-pytorch 1.5.0: updates of both are timed turn by turn, the epoch is reckoned."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from report import OWN, PEER, circumstances, parser, print_report, progress, run_child, spread

PEER_SPLIT = (0.85, 0.10)  # of its windows: trained on, tested on after every epoch


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="deepbach", help="whose network and settings are timed: a name, or a checkpoint's folder")
    options.add_argument("--peer-python", required=True, help="Python with deepbach-pytorch (see README.md)")
    options.add_argument("--peer-batch", type=int, default=32, help="windows a step, the default of its train_from_scratch")
    options.add_argument("--peer-steps", type=int, default=60, help="timed for each of the four voices in a round")
    options.add_argument("--updates", type=int, default=10, help="of musicgen timed in a round")
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), chosen)
    figures = {"circumstances": facts, **figures}
    print_report(figures, lines(figures), chosen.json)


def measure(folder: Path, chosen: Any) -> dict[str, Any]:
    peer = run_child([chosen.peer_python, PEER, "prepare", folder / "peer", chosen.seed], chosen.threads).result
    (folder / "names.json").write_text(json.dumps(peer["chorales"]))
    dataset = run_child([sys.executable, OWN, "windows", folder / "names.json"], chosen.threads).result
    peer_command = [chosen.peer_python, PEER, "training", folder / "peer", chosen.peer_steps, chosen.peer_batch]
    own_command = [sys.executable, OWN, "training", chosen.model, chosen.updates]
    peer_rounds, own_rounds = [], []
    for number in range(chosen.rounds):
        peer_rounds.append(run_child([*peer_command, chosen.seed + number], chosen.threads))
        own_rounds.append(run_child([*own_command, chosen.seed + number], chosen.threads))
        steps, updates = peer_rounds[-1].result["train"], own_rounds[-1].result["update"]
        progress(f"round {number + 1} of {chosen.rounds}: peer {1000 * steps:.1f} ms a step, musicgen {updates:.3f} s an update")
    return {
        "peer": {
            **reckon_peer(dataset["windows"], chosen.peer_batch, [child.result for child in peer_rounds]),
            **{"pieces": dataset["pieces"], "versions": peer["versions"], "peak_mib": max(child.peak_mib for child in peer_rounds)},
        },
        "musicgen": {
            **reckon_own(dataset["windows"], [child.result for child in own_rounds]),
            "peak_mib": max(child.peak_mib for child in own_rounds),
        },
    }


def reckon_peer(windows: int, batch: int, rounds: list[dict[str, float]]) -> dict[str, Any]:
    """A prediction is one cell of one voice; each of its four networks makes one a window."""
    train_steps, valid_steps = (int(share * windows) // batch for share in PEER_SPLIT)
    train, valid = (median(row[phase] for row in rounds) for phase in ("train", "valid"))
    return {
        "windows": windows,
        "batch": batch,
        "train_steps_per_voice": train_steps,
        "predictions": 4 * train_steps * batch,
        "seconds_per_step": train,
        "steps_of_rounds": [row["train"] for row in rounds],
        "predictions_per_second": batch / train,
        "epoch_seconds": 4 * train_steps * train,
        "test_seconds": 4 * valid_steps * valid,
    }


def reckon_own(windows: int, rounds: list[dict[str, float]]) -> dict[str, Any]:
    update = median(row["update"] for row in rounds)
    rate = median(row["cells"] for row in rounds) / update
    first = rounds[0]
    return {
        "pieces": first["pieces"],
        "seconds_per_update": update,
        "updates_of_rounds": [row["update"] for row in rounds],
        "predictions_per_second": rate,
        "same_predictions_seconds": 4 * PEER_SPLIT[0] * windows / rate,
        "cells_of_all_transpositions": first["cells_of_all_transpositions"],
        "all_transpositions_seconds": first["cells_of_all_transpositions"] / rate,
        "updates_per_epoch": first["updates_per_epoch"],
        "own_epoch_seconds": first["updates_per_epoch"] * update,
    }


def lines(figures: dict[str, Any]) -> list[str]:
    peer, own = figures["peer"], figures["musicgen"]
    step = spread([1000 * seconds for seconds in peer["steps_of_rounds"]])
    update = spread(own["updates_of_rounds"])
    return [
        f"deepbach-pytorch: {peer['windows']:,} windows of {peer['pieces']} chorales in all transpositions, 85 % trained on:",
        f"  4 voices x {peer['train_steps_per_voice']:,} steps of {peer['batch']} = {peer['predictions']:,} predictions",
        f"  {1000 * peer['seconds_per_step']:.1f} ms a step [{step}], {peer['predictions_per_second']:,.0f} predictions a second, "
        f"{peer['peak_mib']:.0f} MiB",
        f"  an epoch: {minutes(peer['epoch_seconds'])}, and {minutes(peer['test_seconds'])} of testing",
        f"musicgen: {own['pieces']} chorales (the train split less near copies)",
        f"  {own['seconds_per_update']:.3f} s an update [{update}], {own['predictions_per_second']:,.0f} predictions a second, "
        f"{own['peak_mib']:.0f} MiB",
        f"  as many predictions as the peer's epoch: {minutes(own['same_predictions_seconds'])}, "
        f"{peer['epoch_seconds'] / own['same_predictions_seconds']:.1f} times as fast",
        f"  its own corpus in all transpositions, {own['cells_of_all_transpositions']:,} cells: "
        f"{minutes(own['all_transpositions_seconds'])}",
        f"  an epoch as musicgen counts, {own['updates_per_epoch']} updates, every piece once in some transposition: "
        f"{minutes(own['own_epoch_seconds'])}",
    ]


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"


if __name__ == "__main__":
    main()
