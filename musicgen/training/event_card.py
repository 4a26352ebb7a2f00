"""The model card of a checkpoint of events, and what fine-tuning changed, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from musicgen.models.checkpoint import Checkpoint

KINDS = {"causal": "left-to-right Transformer, rotary positions, numbered bars", "lstm": "LSTM, numbered bars"}


def event_card(name: str, preset: str, checkpoint: Checkpoint, metrics: Mapping[str, Any], settings: Sequence[str], lstm: bool) -> str:
    """What it is, what it learned from, how good it is, and the command that makes it again."""
    corpus, valid, changed = metrics["corpus"], metrics["valid"], metrics.get("changed", {})
    start = checkpoint.corpus.get("from")
    words = ["musicgen train", preset, f"--corpus {corpus['name']}", *(["--lstm"] if lstm else []), *([f"--from {start}"] if start else [])]
    of, best = f"{valid['ids']:,} ids, {valid['notes']:,} notes", metrics["best_update"]
    command = " ".join([*words, *(f"--set {setting}" for setting in settings)])
    report = "\n".join(["", "What fine-tuning changed, nats on valid splits:", "", *changed_table(changed)]) + "\n" if changed else ""
    return f"""# {name}

Writes, continues and fills in pieces of any tracks: `musicgen generate --model {name}`, `musicgen continue FILE --model {name}`,
`musicgen infill FILE --model {name} --track Bass --bars 5-8`.

| | |
|---|---|
| model | {KINDS[checkpoint.kind]}; {metrics["parameters"]:,} parameters, {checkpoint.model["window"]} ids at once |
| learned from | {corpus["train_pieces"]:,} pieces of {corpus["name"]} ({corpus["source"]}){f", from {start} on" if start else ""} |
| corpus fingerprint | `{corpus["fingerprint"]}` |
| valid split | {valid["nats_per_id"]:.4f} nats an id, {valid["nats_per_note"]:.4f} a note, exact; {of} |
| holes filled, valid split | {metrics["valid_fill_nats_per_id"]:.4f} nats an id |
| training | {metrics["ids_seen"]:,} ids in {metrics["seconds"] / 60:.0f} minutes on {metrics["machine"]}; best at update {best} |
| versions | {", ".join(f"{package} {number}" for package, number in metrics["versions"].items())} |
{report}
Make it again, once the corpus {corpus["name"]} has been built:

    {command}

Notes only: it writes no words and no controllers, and what its tokenizer does not hold is not in it (`tokenizer.json`). The notes it
learned from are not part of it; with few pieces to learn from, passages of them can come back. Every dial is in config.json, every look
at the valid split in metrics.json.
"""


def changed_table(changed: Mapping[str, Any]) -> list[str]:
    """A row a corpus: an id, a note and the kinds of token that changed most, before and after."""
    lines = ["| corpus | nats an id | a note | changed most |", "|---|---|---|---|"]
    for name, sides in changed.items():
        before, after = sides["before"], sides["after"]
        shifts = {kind: after["nats_by_kind"].get(kind, cost) - cost for kind, cost in before["nats_by_kind"].items()}
        most = sorted(shifts, key=lambda kind: -abs(shifts[kind]))[:3]
        kinds = ", ".join(f"{kind} {before['nats_by_kind'][kind]:.3f} to {after['nats_by_kind'].get(kind, 0.0):.3f}" for kind in most)
        cells = [f"{before[what]:.4f} to {after[what]:.4f}" for what in ("nats_per_id", "nats_per_note")]
        lines.append(f"| {name} | {' | '.join(cells)} | {kinds} |")
    return lines


def changed_lines(changed: Mapping[str, Any]) -> list[str]:
    """The same for a terminal."""
    lines = []
    for name, sides in changed.items():
        before, after = sides["before"], sides["after"]
        lines.append(f"valid split of {name}: {before['nats_per_note']:.3f} nats a note before, {after['nats_per_note']:.3f} after")
        for kind, cost in before["nats_by_kind"].items():
            lines.append(f"    {kind:10} {cost:.3f} to {after['nats_by_kind'].get(kind, cost):.3f}")
    return lines
