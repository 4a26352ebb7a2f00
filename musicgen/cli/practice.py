"""`musicgen practice`: tracks for singers, each with their own voice loud and the others soft."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musicgen.cli import screen
from musicgen.cli.options import DEFAULT_FOLDER, JsonOption, QuantizeOption, use_one_thread
from musicgen.cli.playing_options import SoundfontOption

if TYPE_CHECKING:
    from musicgen.rendering.practice import Practice, Rehearsal

ZIP = ".zip"


class Format(StrEnum):
    """Of the sound; `mid` is MIDI alone."""

    MP3 = "mp3"
    OGG = "ogg"
    FLAC = "flac"
    WAV = "wav"
    MID = "mid"


def practice(
    source: Annotated[Path, typer.Argument(metavar="SCORE", help="A score of 1 to 8 voices: .musicxml, .mxl, .mid, .abc or .krn.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .zip of all tracks, or a folder for them; out/SCORE-practice.zip if not said.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Of the sound; mid is MIDI alone.", show_default="mp3, or wav without lameenc")
    ] = None,
    own: Annotated[str, typer.Option(help="What plays one's own voice: piano, oboe, ..., or same.")] = "piano",
    sound: Annotated[
        str | None, typer.Option(metavar="<str>", help="What plays the others: choir, organ, strings, ...; as the score says if not said.")
    ] = None,
    softer: Annotated[float, typer.Option(help="Decibels from one's own voice down to each of the others.")] = 12.0,
    count_in: Annotated[int, typer.Option("--count-in", help="Bars that are counted before; 0 for none.")] = 1,
    click: Annotated[bool, typer.Option("--click", help="Clicks on every beat, all through.")] = False,
    tempo: Annotated[float | None, typer.Option(help="Quarters a minute; the score's if not said.")] = None,
    slower: Annotated[float, typer.Option(help="A share of the tempo: 0.8.")] = 1.0,
    split: Annotated[bool, typer.Option("--split", help="One's own voice on the right ear, all else on the left.")] = False,
    performance: Annotated[bool, typer.Option("--performance", help="With breath at fermatas and a ritardando.")] = False,
    quantize: QuantizeOption = False,
    soundfont: SoundfontOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make practice tracks: for each singer their own voice loud, the others soft.

    Each track is MIDI and sound, with a count-in; one more has all voices alike. A part of single notes is a voice; a staff of two is two.
    """
    use_one_thread()
    from musicgen.files.io import read_score
    from musicgen.rendering.performance import Performance
    from musicgen.rendering.practice import Practice, rehearsal
    from musicgen.steering.tasks import named

    stages = screen.Stages()
    suffix = _suffix(form)
    asked = Practice(
        own=None if own == "same" else own,
        others=sound,
        softer=softer,
        count_in=count_in,
        click=click,
        tempo=tempo,
        slower=slower,
        is_split=split,
        performance=Performance() if performance else None,
        soundfont=soundfont,
    )
    target = output or _default(source)
    _check_target(target, suffix)
    with stages("read"), named(source):
        score = read_score(source, quantize=quantize)
        piece = rehearsal(score, asked)
    with stages("play"), named(source):
        written = _written(target, piece, asked, source.stem, suffix)
    if not as_json:
        screen.remarks(score.remarks)
    _report(target, written, piece, score.remarks, stages, as_json)


def _suffix(form: Format | None) -> str:
    """Of the sound, with its dot; empty for none."""
    from musicgen.rendering.encoding import can_encode

    chosen = form or (Format.MP3 if can_encode(".mp3") else Format.WAV)
    return "" if chosen == Format.MID else f".{chosen.value}"


def _default(source: Path) -> Path:
    DEFAULT_FOLDER.mkdir(exist_ok=True)
    return DEFAULT_FOLDER / f"{source.stem}-practice{ZIP}"


def _check_target(target: Path, suffix: str) -> None:
    """Refuses what could not be written, before any work."""
    from musicgen.errors import FileError
    from musicgen.files.atomic import check_output
    from musicgen.rendering.encoding import check_encoding

    if target.suffix.lower() == ZIP:
        check_output(target)
    elif target.exists() and not target.is_dir():
        raise FileError(target, "this is a file; name a .zip, or a folder for the tracks")
    elif target.suffix and not target.is_dir():
        raise FileError(target, f"tracks go into a {ZIP} or a folder; choose such a name")
    elif not target.is_dir():
        check_output(target)
    if suffix:
        check_encoding((target if target.is_dir() else target.parent) / f"x{suffix}")


def _written(target: Path, piece: Rehearsal, asked: Practice, stem: str, suffix: str) -> list[Path | str]:
    """Writes all tracks once all are made; returns the names of a folder's files or those inside a zip."""
    from musicgen.files.atomic import atomic_write, write_all
    from musicgen.rendering.practice import practice_tracks, zipped

    files: dict[str, bytes] = {}
    count = len(piece.names) * (2 if suffix else 1)
    with screen.progress("playing") as show:
        for name, data in practice_tracks(piece, asked, suffix):
            files[f"{stem}-{name}"] = data
            show(len(files) / count, name)
    if target.suffix.lower() == ZIP:
        atomic_write(target, zipped(files))
        return list(files)
    target.mkdir(exist_ok=True)
    return list(write_all({target / name: data for name, data in files.items()}))


def _report(
    target: Path, written: list[Path | str], piece: Rehearsal, remarks: tuple[str, ...], stages: screen.Stages, as_json: bool
) -> None:
    voices = [part.name for part in piece.singers.voices]
    if as_json:
        told: dict[str, Any] = {
            "output": target,
            "files": written,
            "voices": voices,
            "accompaniment": [part.name for part in piece.singers.accompaniment],
            "tempo": piece.score.tempos[0].quarters_per_minute,
            "count_in_quarters": piece.lead / piece.score.ticks_per_quarter,
            "remarks": remarks,
            "seconds": stages.seconds,
        }
        return screen.result_json(told)
    screen.result(target)
    for name in written:
        screen.remark(f"  {Path(name).name}")
    screen.remark(f"{', '.join(voices)}; " + ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in stages.seconds.items()))
