"""A finished score to any file that its suffix names: notation through files, pages through engraving, sound through a synthesizer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

from musicgen.errors import FileError, MissingExtraError, nearest
from musicgen.files.atomic import check_output, write_all
from musicgen.files.io import MIDI, WRITABLE, score_bytes
from musicgen.music.clefs import with_clefs
from musicgen.music.score import Score
from musicgen.rendering.audio import samples_of
from musicgen.rendering.each_voice import voice_files
from musicgen.rendering.edition import PLAIN, Edition
from musicgen.rendering.encoding import ENCODERS, Samples, check_encoding, encoded

PICTURES = {".svg": "verovio", ".png": "resvg_py", ".pdf": "verovio"}
EXPORTABLE = (*WRITABLE, *PICTURES, *ENCODERS)

_SEEN = frozenset(EXPORTABLE) - {*MIDI, *ENCODERS}
_HEARD_IN = frozenset({*MIDI, *ENCODERS})
_SHOWS: Mapping[str, frozenset[str]] = {  # in which files a field of an Edition makes a difference
    "layout": _SEEN,
    "clefs": _SEEN,
    "figures": _SEEN - {".krn", ".abc"},
    "paper": frozenset(PICTURES),
    "lyrics": frozenset(EXPORTABLE) - {*ENCODERS},
    "sound": _HEARD_IN,
    "performance": _HEARD_IN,
    "per_voice": _HEARD_IN,
    "soundfont": frozenset(ENCODERS),
}


def check_export(path: str | PathLike[str]) -> None:
    """Refuses what `export_score` could not write: call it before a long computation."""
    suffix = Path(path).suffix.lower()
    if suffix not in EXPORTABLE:
        called = f"{suffix} files" if suffix else "files without a suffix"
        raise FileError(path, f"{called} cannot be written; {nearest(suffix, EXPORTABLE)}")
    if suffix in ENCODERS:
        return check_encoding(path)
    check_output(path)
    for package in {"verovio", PICTURES[suffix]} if suffix in PICTURES else ():
        if find_spec(package) is None:
            raise MissingExtraError(f"a {suffix} picture", package, "score")


def export_score(score: Score, paths: Sequence[Path], edition: Edition = PLAIN, source: Path | None = None) -> list[Path]:
    """Writes a score, its picture or its sound to each of `paths`, once all are ready, and never over the `source`.

    Returns what was written: of a picture each page, of an edition with a file for each voice these too.
    """
    files: dict[Path, bytes] = {}
    for path in paths:
        made = rendered(score, path, edition)
        for each in made.keys() & files.keys():
            raise FileError(each, "this is an output, and a page or a voice of another one has the same name; choose other names")
        files |= made
    for path in files:
        _spare(source, path)
    return write_all(files)


def rendered(score: Score, path: Path, edition: Edition = PLAIN) -> dict[Path, bytes]:
    """The files of a score that belong to `path`, not yet written."""
    suffix = path.suffix.lower()
    if suffix in _HEARD_IN:
        return _heard(score, path, edition)
    if suffix not in PICTURES:
        return {path: score_bytes(edition.written(score), path, edition.layout)}
    from musicgen.rendering.engraving import PAPERS, png_files, svg_files, svg_pages

    form, layout, paper = edition.written(score), edition.layout, edition.paper
    if suffix == ".svg":
        return svg_files(form, path, layout, paper)
    if suffix == ".png":
        return png_files(form, path, layout=layout, paper=paper)
    from musicgen.rendering.pdf_pages import pdf_bytes

    return {path: pdf_bytes(svg_pages(form, layout, paper), form.title, PAPERS[paper])}


def _heard(score: Score, path: Path, edition: Edition) -> dict[Path, bytes]:
    """As MIDI or as sound."""
    form, suffix = edition.played(score), path.suffix.lower()
    scores = {path: form, **(voice_files(form, path) if edition.per_voice else {})}
    if suffix in MIDI:
        return {target: score_bytes(each, target) for target, each in scores.items()}
    return {target: encoded(_samples(each, edition.soundfont), suffix) for target, each in scores.items()}


@lru_cache(maxsize=1)  # of some forms of one piece; a piece of half an hour is 600 MB
def _samples(score: Score, soundfont: Path | None) -> Samples:
    return samples_of(score, soundfont=soundfont)


def idle_fields(edition: Edition, paths: Iterable[Path]) -> list[str]:
    """Names of what an edition asks for that none of the files will show."""
    suffixes = {path.suffix.lower() for path in paths}
    return [name for name, shown in _SHOWS.items() if getattr(edition, name) != getattr(PLAIN, name) and not shown & suffixes]


def check_score(score: Score, paths: Iterable[Path], edition: Edition = PLAIN) -> None:
    """Refuses a score with notes that one of `paths` could not hold: call it before voices are added to a tune."""
    if edition.clefs is not None:
        with_clefs(score, edition.clefs)
    for path in paths:
        score_bytes(score, path, edition.layout)


def numbered(path: Path, count: int) -> list[Path]:
    """`c.mid` for one piece; `c-001.mid`, `c-002.mid`, … for several."""
    return [path] if count == 1 else [path.with_name(f"{path.stem}-{number:03d}{path.suffix}") for number in range(1, count + 1)]


def check_exports(paths: Sequence[Path], count: int = 1, source: Path | None = None) -> None:
    """`check_export` of every file that `count` pieces will be written to; none twice, nor the `source` they are made from."""
    seen: set[Path] = set()
    for target in (target for path in paths for target in (numbered(path, count) if path.name else [path])):
        check_export(target)
        if target.resolve() in seen:
            raise FileError(target, "this output is named twice; name each once")
        seen.add(target.resolve())
        _spare(source, target)


def _spare(source: Path | None, target: Path) -> None:
    if source is not None and target.exists() and source.exists() and target.samefile(source):
        raise FileError(target, "this is the source itself, and it would be overwritten; choose another name")
