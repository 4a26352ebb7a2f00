"""What int8 costs a model of events: nats an id on its valid split, read id by id, with the matrices in float32 and in int8.

    python benchmarks/int8_cost.py folk --rows 64

Rows are whole pieces or their beginnings, up to the window; the interval is a bootstrap over rows of the difference.
"""

from __future__ import annotations

import numpy as np
import report
import torch

from musicgen.corpus.shards import load_events
from musicgen.evaluation.intervals import bootstrap_ratio
from musicgen.generation.loading import load_event_model
from musicgen.models.decoder import Decoder


def main() -> None:
    options = report.parser(__doc__.splitlines()[0])
    options.add_argument("model", nargs="?", default="folk")
    options.add_argument("--rows", type=int, default=64)
    options.add_argument("--ids", type=int, default=512)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    model = load_event_model(chosen.model)
    corpus = load_events(str(model.checkpoint.corpus["name"]))
    pieces = corpus.pieces("valid")
    numbers = np.random.default_rng(chosen.seed).permutation(len(pieces))[: chosen.rows]
    rows = [np.asarray(pieces.ids(int(number)), dtype=np.int64)[: min(chosen.ids, model.network.config.window)] for number in numbers]
    nats = {name: _nats(Decoder(model.network, int8=int8), rows, name) for name, int8 in (("float32", False), ("int8", True))}
    counts = np.array([len(row) - 1 for row in rows])
    figures = {name: float(found.sum() / counts.sum()) for name, found in nats.items()}
    low, high = bootstrap_ratio(nats["int8"] - nats["float32"], counts, chosen.seed)
    difference = figures["int8"] - figures["float32"]
    lines = [f"{name}: {value:.5f} nats an id" for name, value in figures.items()]
    lines.append(
        f"int8 costs {difference:+.5f} nats an id, 95 % interval {low:+.5f} to {high:+.5f}; {len(rows)} rows, {counts.sum():,} ids"
    )
    whole = {"circumstances": report.circumstances(chosen.seed, chosen.threads), "model": model.name, "ids": int(counts.sum())}
    report.print_report(whole | figures | {"difference": difference, "interval": [low, high]}, lines, chosen.json)


@torch.inference_mode()
def _nats(decoder: Decoder, rows: list[np.ndarray], name: str) -> np.ndarray:
    """(R,) of all ids of each row, all rows read together, padded on the right where they have ended."""
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), decoder.config.pad_id)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.from_numpy(row)
    cache, total = decoder.start(len(rows), length), torch.zeros(len(rows))
    for step in range(length - 1):
        logits = decoder.advance(ids[:, step : step + 1], cache).float()
        cost = torch.nn.functional.cross_entropy(logits, ids[:, step + 1], reduction="none")
        total += cost * (step + 1 < torch.tensor([len(row) for row in rows]))
        if step % 64 == 0:
            report.progress(f"{name}: {step} of {length}")
    return total.numpy()


if __name__ == "__main__":
    main()
