"""Finding a composer by name: the reference composers, and every checkpoint folder under checkpoints/."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from musicgen.composers.composer import Composer
from musicgen.composers.methods import METHODS, find_method
from musicgen.composers.references import Bach, Dice
from musicgen.errors import ConfigError, nearest

DEFAULT = "flagship"


@dataclass(frozen=True)
class ComposerInfo:
    """A line of `musicgen models`."""

    name: str
    kind: str
    can: str
    where: str


def checkpoint_folders() -> dict[str, Path]:
    """Name -> folder of every checkpoint in ./checkpoints and in the project's own checkpoints/; the nearer one wins."""
    found: dict[str, Path] = {}
    for root in (Path(__file__).resolve().parents[2] / "checkpoints", Path("checkpoints")):
        if root.is_dir():
            found |= {path.parent.name: path.parent for path in sorted(root.glob("*/config.json"))}
    return found


def list_composers() -> list[ComposerInfo]:
    """Everything `load_composer` takes by name."""
    trained = [
        ComposerInfo(name, _about(_kind(folder)), "compose, harmonize, fill, evaluate", str(folder))
        for name, folder in checkpoint_folders().items()
    ]
    return [
        *trained,
        ComposerInfo("rules", "rule book", "compose, harmonize, fill", "built in"),
        ComposerInfo("bach", "reference", "harmonize and fill his own chorales (needs the corpus)", "corpora/bach-chorales"),
        ComposerInfo("dice", "reference", "compose, harmonize, fill", "built in"),
    ]


def _about(kind: str) -> str:
    return METHODS[kind].about if kind in METHODS else "unknown"


def _kind(folder: Path) -> str:
    """The kind of a checkpoint, read without torch."""
    try:
        return str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["kind"])
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"


def load_composer(name: str = DEFAULT, **dials: float) -> Composer:
    """A composer by name (`musicgen models` lists them) or by the path of a checkpoint folder.

    `dials`: fields of `SamplingOptions` for a trained one, where its usual ones are not wanted: temperature=0.8.
    """
    makers: dict[str, Callable[[], Composer]] = {"dice": Dice, "bach": _bach, "rules": _rules}
    folders = checkpoint_folders()
    if name in makers and dials:
        raise ConfigError(f"{name} has no dials; leave out {' and '.join(dials)}, or choose a trained model")
    if name in makers:
        return makers[name]()
    folder = folders.get(name, Path(name))
    if name not in folders and not (folder / "config.json").is_file():
        raise ConfigError(f"no model named {name!r}, and no checkpoint folder of that name; {nearest(name, [*folders, *makers])}")
    from musicgen.models.checkpoint import read_checkpoint  # torch is loaded only by those who need it

    return find_method(read_checkpoint(folder).kind).load(folder, **dials)


def _rules() -> Composer:
    from musicgen.composers.rules import RulesComposer

    return RulesComposer()


def _bach() -> Composer:
    from musicgen.corpus.store import load_corpus

    return Bach([piece.chorale for piece in load_corpus("bach-chorales").all_pieces])
