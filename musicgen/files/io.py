"""`read_score` and `write_score`: the suffix names the format. Guards against files that no reader should see."""

from __future__ import annotations

import os
import stat
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from musicgen.errors import FileError, NotationError, nearest
from musicgen.files.atomic import atomic_write, check_output, os_reason

if TYPE_CHECKING:
    from musicgen.music.score import Score

MIDI = (".mid", ".midi", ".kar")
NOTATION = (".musicxml", ".xml", ".mxl", ".krn", ".abc")
READABLE = MIDI + NOTATION
WRITABLE = (".mid", ".musicxml", ".xml", ".mxl", ".krn", ".abc", ".ly")
MAX_BYTES = 20_000_000

_SNIFFED = 4096
_KINDS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"MThd", "a MIDI file"),
    (b"OggS", "a sound"),
    (b"ID3", "a sound"),
    (b"fLaC", "a sound"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
)
_EXPECTED = {".mxl": "compressed MusicXML", ".krn": "kern text", ".abc": "ABC text", ".xml": "MusicXML", ".musicxml": "MusicXML"}


def read_score(path: str | PathLike[str], *, quantize: bool = False) -> Score:
    """Reads MIDI, MusicXML, kern or ABC. `quantize` moves notes that were played live to the grid; `Score.remarks` says how far."""
    if Path(path).is_dir():
        check_input(path)  # which says so, whatever its name ends in
    suffix = _suffix(path, READABLE, "read")
    check_input(path)
    if suffix in MIDI:
        from musicgen.files.midi import read_midi

        score = read_midi(path)
    else:
        from musicgen.files.musicxml import read_musicxml

        score = read_musicxml(Path(path))
    if not quantize:
        return score
    from musicgen.files.quantize import quantize as quantized

    return quantized(score)


def write_score(score: Score, path: str | PathLike[str], *, layout: Literal["open", "two-staff"] = "open") -> Path:
    """Writes MIDI, MusicXML, kern, ABC or LilyPond and returns the path.

    `layout` is for all but MIDI: a staff for each part, or two staves for four voices.
    """
    _suffix(path, WRITABLE, "written")
    check_output(path)
    atomic_write(path, score_bytes(score, path, layout))
    return Path(path)


def score_bytes(score: Score, path: str | PathLike[str], layout: Literal["open", "two-staff"] = "open") -> bytes:
    """The MIDI or notation that belongs into `path`; for a picture the MusicXML that it is drawn from. Nothing is written yet."""
    suffix = Path(path).suffix.lower()
    try:
        if suffix in MIDI:
            from musicgen.files.midi import midi_of_score

            return midi_of_score(score)
        return _notation(score, suffix, layout)
    except NotationError as error:
        raise FileError(path, f"not written: {error}") from error


def _notation(score: Score, suffix: str, layout: Literal["open", "two-staff"]) -> bytes:
    if suffix == ".krn":
        from musicgen.files.kern_write import kern_bytes

        return kern_bytes(score, layout)
    if suffix == ".abc":
        from musicgen.files.abc_write import abc_bytes

        return abc_bytes(score, layout)
    if suffix == ".ly":
        from musicgen.files.lilypond_write import lilypond_bytes

        return lilypond_bytes(score, layout)
    from musicgen.files.musicxml_write import musicxml_bytes
    from musicgen.files.zipped import zipped

    data = musicxml_bytes(score, layout)
    return zipped(data) if suffix == ".mxl" else data


def find_scores(path: str | PathLike[str]) -> list[Path]:
    """A file itself; of a folder every score in it, by name, once where a piece lies there in several formats."""
    folder = Path(path)
    if not folder.exists():
        raise FileError(path, "there is no such file or folder; check the name")
    if not folder.is_dir():
        return [folder]
    found: dict[str, Path] = {}
    for suffix in reversed(MIDI + NOTATION):  # notation before MIDI: it knows fermatas and spelling
        for file in folder.glob("*"):
            if file.suffix.lower() == suffix:
                found.setdefault(file.stem, file)
    if not found:
        raise FileError(path, f"no scores are in this folder; files that can be read end in {', '.join(READABLE)}")
    return [found[stem] for stem in sorted(found)]


def check_input(path: str | PathLike[str]) -> None:
    """Refuses what is missing, no file, without read permission, empty, too large, or something else than its suffix says."""
    suffix = Path(path).suffix.lower()
    head = _head(path)
    kind = next((kind for magic, kind in _KINDS if head.startswith(magic)), None)
    if suffix in MIDI:
        expected, fits = "a MIDI file", b"MThd" in head[:256]
    elif suffix == ".mxl":
        expected, fits = _EXPECTED[suffix], head.startswith(b"PK")
    else:
        expected, fits = _EXPECTED.get(suffix, "text"), _is_text(head)
    if not fits:
        raise FileError(path, f"this is {kind or 'something else'}, not {expected} as its name says; choose another file or mend the name")


def _head(path: str | PathLike[str]) -> bytes:
    """The first bytes of a file that may be read."""
    name = os.fspath(path)
    if not name or "\0" in name:
        raise FileError(repr(name), "this cannot be a file name; choose another")
    try:
        status = os.stat(name)
        if stat.S_ISDIR(status.st_mode):
            raise FileError(path, "this is a folder; give the name of a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise FileError(path, "this is a device or a pipe; give the name of a file")
        if status.st_size == 0:
            raise FileError(path, "the file is empty; choose another")
        if status.st_size > MAX_BYTES:
            size, most = status.st_size / 1e6, MAX_BYTES // 1_000_000
            raise FileError(path, f"the file has {size:,.0f} MB, at most {most} MB are read; choose a smaller one")
        with open(name, "rb") as file:
            return file.read(_SNIFFED)
    except OSError as error:
        raise FileError(path, os_reason(error)) from error


def _is_text(head: bytes) -> bool:
    """UTF-16 announces itself; any other text has no zero bytes."""
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or (b"\0" not in head and not any(head.startswith(magic) for magic, _ in _KINDS))


def _suffix(path: str | PathLike[str], allowed: tuple[str, ...], verb: str) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in allowed:
        called = f"{suffix} files" if suffix else "files without a suffix"
        raise FileError(path, f"{called} cannot be {verb}; {nearest(suffix, allowed)}")
    return suffix
