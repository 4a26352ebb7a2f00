"""Files of music, of any kind and from anyone, as symusic scores: what a corpus of events is made of. Knows no tokens."""

from __future__ import annotations

import contextlib
import re
import signal
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from musicgen.errors import FileError, MusicgenError
from musicgen.files.abc_plain import plain_score
from musicgen.files.io import MIDI, READABLE, check_input, read_score
from musicgen.files.midi import MAX_QUARTERS, midi_of_score
from musicgen.files.midi_events import MAX_DIVISION, MAX_EVENTS, decode_midi
from musicgen.files.musicxml import score_of_text
from musicgen.files.untrusted import check_text, read_bytes, read_text
from musicgen.music.score import Score

FEWEST_NOTES = 8
SECONDS = 120  # of processor time, for one file
PIANO = 0
_TOP_PITCH = 127
_WRAPPED = 256  # bytes that other programs put before a MIDI file, at most


@dataclass(frozen=True)
class Unit:
    """One piece to be read. `tune`: which of an ABC file that holds many, from 0; `work`: pieces of one never stand in two splits."""

    file: Path
    name: str
    tune: int | None = None
    work: str = ""


def find_units(folder: Path) -> list[Unit]:
    """Every score under a folder, by name; hidden files and folders are passed over."""
    if not folder.is_dir():
        raise FileError(folder, "there is no such folder; give the folder that your files lie in")
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in READABLE and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not files:
        raise FileError(folder, f"no scores are in this folder or under it; files that can be read end in {', '.join(READABLE)}")
    return [unit for path in files for unit in units_of_file(path, path.relative_to(folder).as_posix())]


def units_of_file(path: Path, name: str, work: str = "") -> list[Unit]:
    """One, or one for each tune of an ABC file."""
    if path.suffix.lower() != ".abc":
        return [Unit(path, name, None, work)]
    with contextlib.suppress(MusicgenError):
        tunes = tunes_of(path)
        if len(tunes) > 1:
            return [Unit(path, f"{name} {number}", number - 1, work) for number in range(1, len(tunes) + 1)]
    return [Unit(path, name, None, work)]


@lru_cache(maxsize=2)
def tunes_of(path: Path) -> tuple[str, ...]:
    """The tunes of an ABC file, each from its X: line on; what stands before the first belongs to none."""
    check_input(path)
    return tuple(re.split(r"^(?=X:)", read_text(path, read_bytes(path)), flags=re.MULTILINE)[1:])


def read_unit(unit: Unit) -> Any:
    """A symusic.Score in ticks, with at least FEWEST_NOTES notes. Raises MusicgenError, and nothing else, for what cannot be read."""
    with _in_time(unit.file):
        score = _symusic_score(unit.file, _midi_of(unit))
        if score.note_num() < FEWEST_NOTES:
            raise FileError(unit.file, f"holds {score.note_num()} notes; a piece needs at least {FEWEST_NOTES}")
        return score


def _midi_of(unit: Unit) -> bytes:
    """The file itself, or the notation as our writer puts it into MIDI."""
    suffix = unit.file.suffix.lower()
    if suffix in MIDI:
        check_input(unit.file)
        return read_bytes(unit.file)
    if suffix != ".abc":
        return midi_of_score(read_score(unit.file))
    score = _abc_score(unit)
    return midi_of_score(replace(score, parts=tuple(replace(part, program=PIANO) for part in score.parts)))


def _abc_score(unit: Unit) -> Score:
    """Of the tune, which names no instrument."""
    tunes = tunes_of(unit.file)
    text = tunes[unit.tune or 0] if tunes else read_text(unit.file, read_bytes(unit.file))
    check_text(unit.file, text, ".abc")
    if plain := plain_score(text):
        return plain
    return score_of_text(unit.file, text, "abc")


def _symusic_score(path: Path, data: bytes) -> Any:
    """symusic reads a file in a hundredth of our reader's time, and less carefully: what it may have misread, ours looks at."""
    import symusic

    data = data[max(data.find(b"MThd", 0, _WRAPPED), 0) :]
    _check_chunks(path, data)
    try:
        score = symusic.Score.from_midi(data, sanitize_data=True)  # unsanitized, a pitch over 127 breaks its memory
    except Exception as error:
        _refuse(path, data, str(error))
    times = [track.notes.numpy() for track in score.tracks]
    notes = sum(len(array["time"]) for array in times)
    if notes > MAX_EVENTS:
        raise FileError(path, f"has {notes:,} notes, at most {MAX_EVENTS:,} are read; split it")
    if any(_TOP_PITCH in array["pitch"] for array in times):
        _check_bytes(path, data)  # a pitch that is no pitch reads as the highest
    if any(array["time"].min(initial=0) < 0 or array["duration"].min(initial=0) < 0 for array in times):
        raise FileError(path, "its times run over; look for a pause or a note that never ends")
    if _end(score) > MAX_QUARTERS * score.ticks_per_quarter:
        raise FileError(path, f"lasts over {MAX_QUARTERS:,} quarters; look for a pause or a note that never ends")
    return score


def _end(score: Any) -> int:
    """Ticks until the last note has ended and the last meter and tempo have come."""
    maps = [array["time"] for array in (score.time_signatures.numpy(), score.tempos.numpy())]
    ends = [array["time"].astype(np.int64) + array["duration"] for array in (track.notes.numpy() for track in score.tracks)]
    return max((int(array.max()) for array in (*maps, *ends) if len(array)), default=0)


def _check_chunks(path: Path, data: bytes) -> None:
    """What can be seen without reading events. Whatever looks odd is left to our own reader, which knows what to say, or to let pass."""
    if data[:4] != b"MThd" or len(data) < 14:
        return _check_bytes(path, data)
    size, file_format, declared, division = struct.unpack_from(">IHHH", data, 4)
    position, tracks = 8 + size, 0
    while position + 8 <= len(data):
        tracks += data[position : position + 4] == b"MTrk"
        position += 8 + struct.unpack_from(">I", data, position + 4)[0]
    if size < 6 or file_format > 1 or not 0 < division <= MAX_DIVISION or position > len(data) or tracks < declared:
        _check_bytes(path, data)


def _check_bytes(path: Path, data: bytes) -> None:
    try:
        decode_midi(data)
    except MusicgenError as error:
        raise FileError(path, str(error)) from error


def _refuse(path: Path, data: bytes, reason: str) -> NoReturn:
    _check_bytes(path, data)
    raise FileError(path, f"the MIDI reader cannot read it ({' '.join(reason.split())[:120]}); export it again")


@contextlib.contextmanager
def _in_time(path: Path) -> Iterator[None]:
    """No file may hold up the others. Only the main thread of a process can be interrupted; elsewhere a file takes its time."""

    def late(*_: Any) -> NoReturn:
        raise FileError(path, f"could not be read in {SECONDS} seconds of work; choose a smaller or simpler file")

    try:
        before = signal.signal(signal.SIGPROF, late)
    except (ValueError, AttributeError):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
