"""A finished score to any file that its suffix names: scores through files, pictures through engraving."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

from musicgen.errors import FileError, MissingExtraError, nearest
from musicgen.files.atomic import check_output
from musicgen.files.io import WRITABLE, write_score
from musicgen.files.musicxml_write import Layout
from musicgen.music.score import Score

PICTURES = {".svg": "verovio", ".png": "resvg_py"}
EXPORTABLE = (*WRITABLE, *PICTURES)


def check_export(path: str | PathLike[str]) -> None:
    """Refuses what `export_score` could not write: call it before a long computation."""
    suffix = Path(path).suffix.lower()
    if suffix not in EXPORTABLE:
        called = f"{suffix} files" if suffix else "files without a suffix"
        raise FileError(path, f"{called} cannot be written; {nearest(suffix, EXPORTABLE)}")
    check_output(path)
    for package in {"verovio", PICTURES[suffix]} if suffix in PICTURES else ():
        if find_spec(package) is None:
            raise MissingExtraError(f"a {suffix} picture", package, "score")


def export_score(score: Score, path: str | PathLike[str], layout: Layout = "open") -> list[Path]:
    """Writes a score or its picture and returns the paths: a picture has one for each page."""
    check_export(path)
    suffix = Path(path).suffix.lower()
    if suffix not in PICTURES:
        return [write_score(score, path, layout=layout)]
    from musicgen.rendering.engraving import write_png, write_svg

    return write_svg(score, path, layout) if suffix == ".svg" else write_png(score, path, layout=layout)


def numbered(path: Path, count: int) -> list[Path]:
    """`c.mid` for one piece; `c-001.mid`, `c-002.mid`, … for several."""
    return [path] if count == 1 else [path.with_name(f"{path.stem}-{number:03d}{path.suffix}") for number in range(1, count + 1)]


def check_exports(paths: Sequence[Path], count: int = 1, source: Path | None = None) -> None:
    """`check_export` of every file that `count` pieces will be written to; none may be the `source` they are made from."""
    for target in (target for path in paths for target in (numbered(path, count) if path.name else [path])):
        check_export(target)
        if source is not None and target.exists() and source.exists() and target.samefile(source):
            raise FileError(target, "this is the tune itself, and it would be overwritten; choose another name")
