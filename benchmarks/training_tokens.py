"""Tokens a second that each preset learns on this machine, what an update holds in memory, and from them what a corpus costs.

    python benchmarks/training_tokens.py --threads 1

Measured: processor seconds of whole updates (rows, loss, gradient, AdamW, average) on a few rows. Reckoned: the same by the arithmetic
of the network, and from it what a GPU takes of which we know the peak and state the share that is reached.
"""

from __future__ import annotations

import sys
import time

import report

from musicgen.training.event_presets import EVENT_PRESETS

GPU_FLOPS, REACHED = 989e12, 0.35
"""bf16 of one H100 (NVIDIA's data sheet, dense), and the share of it that training is assumed to reach; smaller presets reach less."""
OF_PEAK = {"tiny": 0.03, "small": 0.15, "base": REACHED}
IDS_A_FILE = 6500
"""Ids of one MIDI file of about 1,300 notes in several tracks, at five ids a note."""


def main() -> None:
    options = report.parser(__doc__.splitlines()[0])
    options.add_argument("--preset", nargs="+", default=["tiny", "small"], choices=list(EVENT_PRESETS))
    options.add_argument("--rows", type=int, default=2, help="rows at once")
    options.add_argument("--updates", type=int, default=2)
    options.add_argument("--files", type=int, default=1_000_000)
    options.add_argument("--child", help="measure one in this process, as kind:preset")
    chosen = options.parse_args()
    if chosen.child:
        measure(*chosen.child.split(":"), chosen.rows, chosen.updates, chosen.threads)
        return
    figures = {"circumstances": report.circumstances(chosen.seed, chosen.threads), "rows": chosen.rows, "presets": {}}
    for preset in chosen.preset:
        for kind in ("causal", "lstm"):
            report.progress(f"{preset}, {kind}")
            numbers = [str(chosen.rows), "--updates", str(chosen.updates), "--threads", str(chosen.threads)]
            child = report.run_child([sys.executable, __file__, "--child", f"{kind}:{preset}", "--rows", *numbers], chosen.threads)
            figures["presets"][f"{preset}, {kind}"] = {**child.result, "peak_mib": child.peak_mib}
    figures["reckoned"] = {name: reckoned(name, chosen.files) for name in EVENT_PRESETS}
    report.print_report(figures, lines(figures), chosen.json)


def measure(kind: str, preset: str, rows: int, updates: int, threads: int) -> None:
    import json

    import numpy as np
    import torch

    from musicgen.tokenizers.events import EventTokenizer
    from musicgen.training.distributed import Ranks
    from musicgen.training.event_presets import resolve
    from musicgen.training.language import Learner
    from musicgen.training.streams import Rows

    torch.set_num_threads(threads)
    tokenizer = EventTokenizer.make()
    checkpoint, config = resolve(preset, tokenizer, [f"training.batch={rows}", "training.holes=0"], kind == "lstm", None)

    class Noise:
        """As many ids as are needed, of any kind."""

        def __len__(self) -> int:
            return 1

        def ids(self, number: int) -> np.ndarray:
            return np.random.default_rng(1).integers(5, tokenizer.size, 10_000)

        def lengths(self) -> np.ndarray:
            return np.array([10_000])

    learner = Learner(checkpoint, config, Ranks(), None)
    source = Rows(Noise(), tokenizer, learner.model.config.window, config)
    learner.update(source, 0)
    began = time.process_time()
    for update in range(updates):
        learner.update(source, update)
    seconds = time.process_time() - began
    ids = updates * rows * learner.model.config.window
    parameters = sum(weight.numel() for weight in learner.model.parameters())
    print(json.dumps({"parameters": parameters, "ids_a_processor_second": ids / seconds}))


def flops_an_id(preset: str) -> float:
    """Forward and backward: 6 for each weight of a matrix, and 12 T D of attention in each layer, halved since it looks back only."""
    sizes = EVENT_PRESETS[preset].causal
    width, inner, layers, window = sizes["width"], sizes["inner"], sizes["layers"], sizes["window"]
    return 6 * (layers * (4 * width**2 + 3 * width * inner) + 1226 * width) + 6 * layers * window * width


def reckoned(preset: str, files: int) -> dict[str, float]:
    """One pass over so many files on a GPU, and on 64 of which nine tenths is kept."""
    rate = GPU_FLOPS * OF_PEAK[preset] / flops_an_id(preset)
    hours = files * IDS_A_FILE / rate / 3600
    return {"flops_an_id": flops_an_id(preset), "ids_a_second": rate, "gpu_hours": hours, "hours_on_64": hours / 64 / 0.9}


def lines(figures: dict) -> list[str]:
    rows = ["| preset | parameters | measured: ids a processor second | peak MiB |", "|---|---|---|---|"]
    for name, row in figures["presets"].items():
        rows.append(f"| {name} | {row['parameters']:,} | {row['ids_a_processor_second']:,.0f} | {row['peak_mib']:.0f} |")
    rows += ["", "| reckoned | MFLOP an id | ids a second on one GPU | GPU hours a pass | hours on 64 |", "|---|---|---|---|---|"]
    for name, row in figures["reckoned"].items():
        cells = f"{row['flops_an_id'] / 1e6:.0f} | {row['ids_a_second']:,.0f} | {row['gpu_hours']:.2f} | {row['hours_on_64']:.3f}"
        rows.append(f"| {name} | {cells} |")
    return rows


if __name__ == "__main__":
    main()
