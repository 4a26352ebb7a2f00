"""Where checkpoints lie. Needs no torch: whoever only lists them must not wait for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EVENT_KINDS = ("causal", "lstm")  # of checkpoints that write any MIDI, not chorales: see `generation`


def checkpoint_folders() -> dict[str, Path]:
    """Name -> folder of every checkpoint in ./checkpoints and in the project's own checkpoints/; the nearer one wins."""
    found: dict[str, Path] = {}
    for root in (Path(__file__).resolve().parents[2] / "checkpoints", Path("checkpoints")):
        if root.is_dir():
            found |= {path.parent.name: path.parent for path in sorted(root.glob("*/config.json"))}
    return found


def kind_of(folder: Path) -> str:
    """The kind of a checkpoint, `unknown` if its config.json cannot be read."""
    try:
        return str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["kind"])
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"


def told_ensemble(folder: Path) -> dict[str, Any]:
    """What a checkpoint's config.json says of the voices it writes; empty where it says nothing."""
    try:
        return dict(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("ensemble", {}))
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
