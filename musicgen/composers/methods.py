"""Methods: classes of composers, found by the kind that a checkpoint's config.json names. A new one is registered from its own file:

    register("mine", "a method of my own", MyComposer)

and is then trained, listed, loaded and measured like ours, in Python or with `musicgen --plugin my_composer.py train mine`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from musicgen.composers.composer import Composer
from musicgen.errors import CheckpointError, ConfigError, FileError, nearest
from musicgen.files.atomic import os_reason
from musicgen.music.chorale import Chorale

if TYPE_CHECKING:
    from torch import Tensor


class Loadable(Protocol):
    """What a class of composers needs to be found: `load(folder, **dials)` makes one of a checkpoint."""

    @classmethod
    def load(cls, folder: Path, **dials: float) -> Composer: ...


class Learnable(Loadable, Protocol):
    """What it needs to be trained by `musicgen train`: `config`, a frozen dataclass of its dials, and `learn`, from pieces to tables or
    weights by name. Networks of ours have the training loop instead (`training.presets`)."""

    config_type: ClassVar[type[Any]]

    @classmethod
    def learn(
        cls, pieces: Sequence[Chorale], valid: Sequence[Chorale], config: Any, on_progress: Callable[[float], None]
    ) -> Mapping[str, Tensor]: ...


@dataclass(frozen=True)
class Method:
    """`home`: module and class, imported when first used; or the class itself."""

    about: str
    home: tuple[str, str] | type[Loadable]

    def composer_type(self) -> type[Loadable]:
        if isinstance(self.home, tuple):
            found: type[Loadable] = getattr(importlib.import_module(self.home[0]), self.home[1])
            return found
        return self.home


METHODS: dict[str, Method] = {
    "quartet": Method("pseudo-Gibbs network", ("musicgen.composers.neural", "QuartetComposer")),
    "sketcher": Method("left-to-right network", ("musicgen.composers.left_to_right", "SketcherComposer")),
    "committee": Method("left-to-right networks", ("musicgen.composers.left_to_right", "SketcherComposer")),
    "masked": Method("any-order network", ("musicgen.composers.any_order", "MaskedComposer")),
    "markov": Method("n-gram mixture", ("musicgen.composers.markov", "MarkovComposer")),
    "hmm": Method("hidden Markov model", ("musicgen.composers.hmm", "HmmComposer")),
}
LEARNED = ["markov", "hmm"]  # what `musicgen train` learns without the training loop, by the kind


def register(kind: str, about: str, composer_type: type[Any]) -> None:
    """Makes a class of composers known for the rest of this process; a kind of ours is never replaced, one's own is."""
    if kind in METHODS and isinstance(METHODS[kind].home, tuple):
        raise ConfigError(f"{kind!r} is a method of musicgen's own; choose another name")
    if not callable(getattr(composer_type, "load", None)):
        raise ConfigError(f"{kind}: a class of composers needs a class method load(folder, **dials)")
    METHODS[kind] = Method(about, composer_type)
    if _can_learn(composer_type) and kind not in LEARNED:
        LEARNED.append(kind)


def find_method(kind: str) -> type[Loadable]:
    """The class of composers of that kind."""
    if kind not in METHODS:
        raise CheckpointError(f"no model of kind {kind!r}; {nearest(kind, METHODS)}; a method of your own is named with --plugin FILE")
    return METHODS[kind].composer_type()


def find_learnable(kind: str) -> type[Learnable]:
    """As `find_method`, of those that `musicgen train` learns without the training loop."""
    found: type[Any] = find_method(kind)
    if not _can_learn(found):
        raise ConfigError(f"{kind} cannot be trained: {found.__name__} has no config_type and learn")
    return found


def _can_learn(composer_type: type[Any]) -> bool:
    return hasattr(composer_type, "config_type") and callable(getattr(composer_type, "learn", None))


PLUGINS: list[Path] = []  # the files that have been run: without them their methods are not known


def load_plugin(path: Path) -> None:
    """Runs a Python file that registers methods."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise FileError(path, "is no Python file; a plugin is a .py file that calls musicgen.register(...)")
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except ConfigError as error:
        raise FileError(path, str(error)) from None
    except OSError as error:
        raise FileError(path, os_reason(error)) from None
    except Exception as error:
        raise FileError(path, f"the plugin does not run ({type(error).__name__}: {error}); mend it") from error
    if path not in PLUGINS:
        PLUGINS.append(path)
