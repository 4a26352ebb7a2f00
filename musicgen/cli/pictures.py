"""Pictures of what pieces share with training pieces: the files that `evaluate copying --picture` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musicgen.cli import screen
from musicgen.errors import FileError

if TYPE_CHECKING:
    from musicgen.evaluation.copying import CopyIndex, SharedRun
    from musicgen.music.chorale import Chorale

USUAL, DRAWN = ".svg", (".svg", ".png")


def check_pictures(target: Path) -> None:
    """Refuses a file that is no picture, and a folder that cannot be made, before any work; makes the folder."""
    from musicgen.files.atomic import os_reason
    from musicgen.rendering.export import check_export

    if not _is_folder(target):
        if target.suffix.lower() not in DRAWN:
            raise FileError(target, f"what is shared is drawn as {' or '.join(DRAWN)}, or into a folder; choose such a name")
        return check_export(target)
    check_export(target / f"any{USUAL}") if target.is_dir() else check_export(Path(f"any{USUAL}"))
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(target, os_reason(error)) from None


def draw_runs(target: Path, index: CopyIndex, chorales: Mapping[str, Chorale], runs: Mapping[str, SharedRun | None]) -> list[str]:
    """A picture of each run, by the piece's path; returns the files."""
    from musicgen.rendering.side_by_side import write_shared_run

    found = {path: run for path, run in runs.items() if run}
    files = _files(target, list(found))
    with screen.progress("drawing") as show:
        for number, (file, (path, run)) in enumerate(zip(files, found.items(), strict=True), 1):
            write_shared_run(index.picture(Path(path).name, chorales[path], run), file)
            show(number / len(files), "")
    return [str(file) for file in files]


def _is_folder(target: Path) -> bool:
    return target.is_dir() or not target.suffix


def _files(target: Path, paths: Sequence[str]) -> list[Path]:
    """One for each piece, none twice: numbered, or in a folder by the pieces' names."""
    from musicgen.rendering.export import numbered

    if not _is_folder(target):
        return numbered(target, len(paths)) if paths else []
    names: dict[str, None] = {}
    for path in map(Path, paths):
        choices = [path.stem, path.name, *(f"{path.name}-{number}" for number in range(2, len(paths) + 2))]
        names[next(name for name in choices if name not in names)] = None
    return [target / f"{name}{USUAL}" for name in names]
