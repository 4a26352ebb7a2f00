"""Tokens a second of generation against batch size, beside transformers' `generate` on a GPT-2 of the same size with random weights.

    python benchmarks/serving_speed.py --peer-python PEER/bin/python --preset small --threads 1

Turn by turn in one run, each turn a process of its own; sampling with top_p 0.95 on either side, a prompt of one id. README.md says how
PEER is made. On a shared machine trust the ratios, and the processor's time a token rather than the clock.
"""

from __future__ import annotations

import sys

import report

from musicgen.training.event_presets import EVENT_PRESETS

VOCABULARY = 1226
SIDES = {"model": "ours:model", "decoder": "ours:decoder", "int8": "ours:int8", "GPT-2": "peer"}
BATCHES = (1, 2, 4, 8, 16, 32)


def main() -> None:
    options = report.parser(__doc__.splitlines()[0])
    options.add_argument("--peer-python", help="the interpreter of the peer's environment; without it only ours is measured")
    options.add_argument("--preset", default="small", choices=list(EVENT_PRESETS))
    options.add_argument("--tokens", type=int, default=128)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--batch", type=int, nargs="+", default=list(BATCHES))
    chosen = options.parse_args()
    figures = {"circumstances": report.circumstances(chosen.seed, chosen.threads), "preset": chosen.preset, "tokens": chosen.tokens}
    sides = {name: side for name, side in SIDES.items() if chosen.peer_python or side != "peer"}
    sizes = EVENT_PRESETS[chosen.preset].causal
    numbers = [sizes["width"], sizes["heads"], sizes["layers"], sizes["inner"], VOCABULARY, chosen.tokens, chosen.threads, *chosen.batch]
    worker = report.HERE / "serving_worker.py"
    rounds = []
    for turn in range(chosen.rounds):
        for name, side in sides.items():
            report.progress(f"round {turn + 1}: {name}")
            python = chosen.peer_python if side == "peer" else sys.executable
            child = report.run_child([python, worker, side, *map(str, numbers)], chosen.threads)
            rounds.append({"side": name, "peak_mib": child.peak_mib, "batches": child.result})
    figures["rounds"] = rounds
    report.print_report(figures, _lines(rounds, sides, chosen.batch), chosen.json)


def _lines(rounds: list[dict], sides: dict[str, str], batches: list[int]) -> list[str]:
    def best(side: str, batch: int, what: str) -> float:
        values = [row["batches"][str(batch)][what] for row in rounds if row["side"] == side]
        return max(values) if what == "tokens_a_second" else min(values)

    names = list(sides)
    lines = ["| batch | " + " | ".join(f"{name}, tokens/s (processor ms a token)" for name in names) + " | decoder, int8 to GPT-2 |"]
    lines.append("|---" * (len(names) + 2) + "|")
    for batch in batches:
        cells = [f"{best(name, batch, 'tokens_a_second'):.0f} ({best(name, batch, 'processor_ms_a_token'):.2f})" for name in names]
        ratios = ""
        if "GPT-2" in names:
            peer = best("GPT-2", batch, "tokens_a_second")
            ratios = ", ".join(f"{best(name, batch, 'tokens_a_second') / peer:.1f}" for name in ("decoder", "int8"))
        lines.append(f"| {batch} | " + " | ".join(cells) + f" | {ratios} |")
    peaks = ", ".join(f"{name} {max(row['peak_mib'] for row in rounds if row['side'] == name):.0f} MiB" for name in names)
    return [*lines, "", f"peak memory: {peaks}"]


if __name__ == "__main__":
    main()
