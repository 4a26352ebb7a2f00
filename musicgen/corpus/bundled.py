"""What the installed music21 holds beside Bach, by name, as units of a corpus of events.

Works stay together: masses, quartets, tunes of one title.

The encodings have licences of their own, some of which forbid commercial use or copies: nothing of them is part of this program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from musicgen.corpus.midi_folder import Unit, tunes_of, units_of_file
from musicgen.corpus.sources import bach_folder
from musicgen.corpus.traditions import NO_QUARTETS, files_under, mass_of, opus_of
from musicgen.errors import ConfigError, nearest

QUARTETS = ("haydn", "mozart", "beethoven")
FOLK = ("essenFolksong", "ryansMammoth", "oneills1850", "airdsAirs")


def bundled_units(name: str) -> list[Unit]:
    """The pieces of a corpus that music21 brings; `a+b` joins two."""
    found: list[Unit] = []
    for part in name.split("+"):
        if part not in BUNDLED:
            raise ConfigError(f"music21 brings no corpus {part!r} with it; {nearest(part, BUNDLED)}")
        found += BUNDLED[part]()
    return found


def is_bundled(name: str) -> bool:
    return all(part in BUNDLED for part in name.split("+"))


def _root() -> Path:
    return bach_folder().parent


def _palestrina() -> list[Unit]:
    files = files_under(_root() / "palestrina", ".krn")
    return [Unit(file, f"palestrina/{file.name}", None, f"mass {mass_of(file)}") for file in files]


def _whole(folder: str, *suffixes: str) -> Callable[[], list[Unit]]:
    return lambda: [Unit(file, f"{folder}/{file.name}", None, file.stem) for file in files_under(_root() / folder, *suffixes)]


def _quartets() -> list[Unit]:
    files = [file for composer in QUARTETS for file in files_under(_root() / composer, ".mxl") if opus_of(file) not in NO_QUARTETS]
    return [Unit(file, file.relative_to(_root()).as_posix(), None, opus_of(file)) for file in files]


def _folk(*folders: str) -> Callable[[], list[Unit]]:
    return lambda: [unit for folder in folders for file in files_under(_root() / folder, ".abc") for unit in _tunes(file)]


def _tunes(file: Path) -> Iterator[Unit]:
    """Versions of one tune bear one title, up to what stands after a dash."""
    name = file.relative_to(_root()).as_posix()
    tunes = tunes_of(file)
    for unit in units_of_file(file, name):
        title = re.search(r"^T:\s*(.+)$", tunes[unit.tune or 0], re.MULTILINE)
        yield Unit(unit.file, unit.name, unit.tune, title[1].split(" -- ")[0].strip().lower() if title else "")


BUNDLED: Mapping[str, Callable[[], list[Unit]]] = {
    "palestrina": _palestrina,
    "monteverdi": _whole("monteverdi", ".mxl"),
    "trecento": _whole("trecento", ".xml", ".mxl"),
    "quartets": _quartets,
    "essen": _folk("essenFolksong"),
    "folk": _folk(*FOLK),
}
