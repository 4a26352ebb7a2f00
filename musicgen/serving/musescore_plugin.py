"""MuseScore's plugin, copied to where MuseScore looks for plugins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from musicgen.errors import FileError
from musicgen.files.atomic import os_reason, write_all

HERE = Path(__file__).parent / "musescore"
VERSIONS = ("MuseScore3", "MuseScore4")
NAME = "musicgen"


def install(folder: Path | None = None) -> list[Path]:
    """Copies the plugin into `folder`, or into the plugin folder of each MuseScore that has been used here; returns the folders."""
    targets = [folder] if folder else list(_plugin_folders(Path.home()))
    if not targets:
        raise FileError(
            Path.home() / "Documents", f"no folder {' or '.join(VERSIONS)} in it; name the folder of plugins with --plugin-folder"
        )
    return [_copy(target / NAME) for target in targets]


def _copy(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(folder, os_reason(error)) from error
    write_all({folder / source.name: source.read_bytes() for source in sorted(HERE.iterdir()) if source.suffix in (".qml", ".js")})
    return folder


def _plugin_folders(home: Path) -> Iterator[Path]:
    """MuseScore makes its folder among the documents when it is first started."""
    for version in VERSIONS:
        yield from (documents / version / "Plugins" for documents in _documents(home) if (documents / version).is_dir())


def _documents(home: Path) -> list[Path]:
    """The folder of documents, which Linux may name in the user's language."""
    try:
        told = re.search(r'^XDG_DOCUMENTS_DIR="(.*)"', (home / ".config" / "user-dirs.dirs").read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        told = None
    named = [Path(told[1].replace("$HOME", str(home)))] if told else []
    return list(dict.fromkeys([*named, home / "Documents"]))
