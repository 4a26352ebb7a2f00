"""MusicXML (.musicxml .xml .mxl), kern and ABC into a Score, through music21, which sees only text that `untrusted` has let pass."""

from __future__ import annotations

import contextlib
import io
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from musicgen.errors import FileError, MusicgenError
from musicgen.files import abc_text, abc_words, kern_words
from musicgen.files.abc_accidentals import with_every_accidental
from musicgen.files.io import check_input
from musicgen.files.music21_told import NOTHING
from musicgen.files.musicxml_sounding import Writing, read_writing
from musicgen.files.untrusted import check_text, parse_musicxml, read_bytes, read_text, unzipped_score
from musicgen.files.verses import number_verses
from musicgen.music.score import CHORDS_LEFT_OUT, Score, counted


def read_musicxml(path: str | PathLike[str]) -> Score:
    """Every note as it was written; ties joined, repeats written out, transposing instruments at sounding pitch.

    A grace note has duration 0 and starts with the note it leads to. A staff with two voices becomes two parts. Bars that are shorter than
    the meter begin a new bar with a meter of the same value. Where the file names no mode, the key is minor if the last bass note is the
    tonic of the relative minor, else major. Chord symbols, cue notes, slurs, articulations, ornaments and unpitched percussion
    are left out; `Score.remarks` says so, and what else was done. Raises FileError, and nothing else, for anything that cannot be read so.
    """
    check_input(path)
    data, suffix = read_bytes(path), Path(path).suffix.lower()
    remarks: list[str] = []
    written: dict[str, Writing] = {}
    if suffix in (".krn", ".abc"):
        text = read_text(path, data)
        check_text(path, text, suffix)
        kind = "humdrum" if suffix == ".krn" else "abc"
    else:
        root = parse_musicxml(path, unzipped_score(path, data) if suffix == ".mxl" else data)
        _drop_chord_symbols(root, remarks)
        _silence_cues(root, remarks)
        number_verses(root)
        written = read_writing(root, path, remarks)
        text, kind = ET.tostring(root, encoding="unicode"), "musicxml"
    return score_of_text(path, text, kind, remarks, written)


def score_of_text(
    path: str | PathLike[str], text: str, kind: str, remarks: Iterable[str] = (), written: Mapping[str, Writing] | None = None
) -> Score:
    """What music21 finds in a text of this kind, `humdrum`, `abc` or `musicxml`, that was read from `path`."""
    with quiet(path):
        from musicgen.files.music21_score import score_of

        if kind == "abc":
            return replace(score_of(parsed(text, kind), path, remarks, told=abc_words.read_told(text)), title=abc_text.title(text))
        told = kern_words.read_told(text) if kind == "humdrum" else NOTHING
        return score_of(parsed(text, kind), path, remarks, written, told)


def parsed(text: str, kind: str) -> Any:
    """Parsing from memory: music21 neither opens an address nor leaves a pickle."""
    from music21 import converter

    return converter.parseData(with_every_accidental(text) if kind == "abc" else text, format=kind)


@contextlib.contextmanager
def quiet(path: str | PathLike[str]) -> Iterator[None]:
    """music21 warns on stderr and raises whatever broke inside it: the user gets one line instead."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    except MusicgenError as error:
        raise error if isinstance(error, FileError) else FileError(path, str(error)) from error
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FileError(path, f"music21 cannot read it ({reason}); check it in a notation program and export it again") from error


def _drop_chord_symbols(root: ET.Element, remarks: list[str]) -> None:
    for measure in root.iter("measure"):
        for symbol in measure.findall("harmony"):
            measure.remove(symbol)
            remarks.append(CHORDS_LEFT_OUT)  # said once, of however many


def _silence_cues(root: ET.Element, remarks: list[str]) -> None:
    """Cue notes are another player's: music21 would read them as the part's own. They become rests of their length."""
    count = 0
    for measure in root.iter("measure"):
        for cue in [note for note in measure.findall("note") if note.find("cue") is not None and note.find("rest") is None]:
            count += 1
            if cue.find("chord") is not None or cue.find("grace") is not None:
                measure.remove(cue)
            else:
                cue[:] = [ET.Element("rest"), *(child for child in cue if child.tag in ("duration", "voice", "type", "dot", "staff"))]
    if count:
        remarks.append(f"left out: {counted(count, 'cue note')}")
