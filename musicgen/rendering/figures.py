"""matplotlib's figures as files: SVG whose text is text, PNG, and PDF with a page for each figure; equal figures are equal bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musicgen.errors import FileError, nearest
from musicgen.files.atomic import check_output, write_all

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = (".svg", ".png", ".pdf")
SCREEN, PRINT = 150, 300  # dots an inch


def check_drawn(path: Path) -> None:
    """Refuses what `figure_files` could not write: call it before a long computation."""
    suffix = path.suffix.lower()
    if suffix not in DRAWN:
        called = f"{suffix} files" if suffix else "files without a suffix"
        raise FileError(path, f"{called} cannot be drawn; {nearest(suffix, DRAWN)}")
    check_output(path)


def write_figures(figures: Sequence[Figure], paths: Sequence[Path]) -> list[Path]:
    """To each of `paths`, once all are ready; returns what was written."""
    files: dict[Path, bytes] = {}
    for path in paths:
        pages = figure_files(figures, path)
        for page in pages.keys() & files.keys():
            raise FileError(page, "two outputs would be written here, one of them as a page of a picture; choose other names")
        files |= pages
    return write_all(files)


def figure_files(figures: Sequence[Figure], path: Path) -> dict[Path, bytes]:
    """The first goes to `path`, the second of x.svg to x-2.svg, and so on; a PDF has them as its pages."""
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        return {path: pdf_of(figures)}
    drawn = [svg_of(figure).encode() if suffix == ".svg" else png_of(figure, PRINT) for figure in figures]
    names = [path, *(path.with_stem(f"{path.stem}-{number}") for number in range(2, len(drawn) + 1))]
    return dict(zip(names, drawn, strict=True))


def svg_of(figure: Figure) -> str:
    """The background is the page's."""
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "musicgen"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return file.getvalue()


def png_of(figure: Figure, dots: int = SCREEN) -> bytes:
    """`dots`: how many an inch."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dots)
    return file.getvalue()


def pdf_of(figures: Sequence[Figure]) -> bytes:
    """Fonts as publishers take them, TrueType."""
    import matplotlib
    from matplotlib.backends.backend_pdf import PdfPages

    file = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": 42}), PdfPages(file, metadata={"CreationDate": None}) as pages:
        for figure in figures:
            pages.savefig(figure)
    return file.getvalue()
