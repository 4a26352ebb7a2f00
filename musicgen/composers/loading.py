"""Finding a composer by name: the reference composers, and every checkpoint folder under checkpoints/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from musicgen.composers.composer import Composer
from musicgen.composers.methods import METHODS, find_method
from musicgen.composers.references import Bach, Dice
from musicgen.errors import ConfigError, nearest
from musicgen.models.folders import EVENT_KINDS, checkpoint_folders, kind_of, told_ensemble
from musicgen.music.ensemble import Ensemble

DEFAULT = "flagship"
NO_COMPOSERS = {"unet": "musicgen separate", "convnet": "musicgen tag"}  # kinds of checkpoints that write no music, and what they are for


@dataclass(frozen=True)
class ComposerInfo:
    """A line of `musicgen models`."""

    name: str
    kind: str
    can: str
    where: str


def list_composers() -> list[ComposerInfo]:
    """Everything `load_composer` takes by name."""
    kinds = {name: (kind_of(folder), str(folder)) for name, folder in checkpoint_folders().items()}
    trained = [
        ComposerInfo(name, _about(kind, Path(folder)), "compose, harmonize, fill, evaluate", folder)
        for name, (kind, folder) in kinds.items()
        if kind not in NO_COMPOSERS and kind not in EVENT_KINDS
    ]
    return [
        *trained,
        ComposerInfo("rules", "rule book", "compose, harmonize, fill", "built in"),
        ComposerInfo("bach", "reference", "harmonize and fill his own chorales (needs the corpus)", "corpora/bach-chorales"),
        ComposerInfo("dice", "reference", "compose, harmonize, fill", "built in"),
    ]


def _about(kind: str, folder: Path) -> str:
    told = told_ensemble(folder)
    voices = f", {len(told.get('names', ()))} voices" if told else ""
    return f"{METHODS[kind].about}{voices}" if kind in METHODS else "unknown"


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
    if kind_of(folder) in NO_COMPOSERS:
        raise ConfigError(f"{name} writes no music, it is for `{NO_COMPOSERS[kind_of(folder)]}`; `musicgen models` lists what does")
    if kind_of(folder) in EVENT_KINDS:
        raise ConfigError(f"{name} writes any MIDI, not chorales; use it with `musicgen generate --model {name}`, `continue` or `infill`")
    from musicgen.models.checkpoint import read_checkpoint  # torch is loaded only by those who need it

    return find_method(read_checkpoint(folder).kind).load(folder, **dials)


def ensemble_of(name: str) -> Ensemble:
    """Whose voices a composer writes, by its name, before it is loaded; Bach's choir of whatever says nothing else."""
    folder = checkpoint_folders().get(name, Path(name))
    return Ensemble.from_dict(told_ensemble(folder))


def _rules() -> Composer:
    from musicgen.composers.rules import RulesComposer

    return RulesComposer()


def _bach() -> Composer:
    from musicgen.corpus.store import load_corpus

    return Bach([piece.chorale for piece in load_corpus("bach-chorales").all_pieces])
