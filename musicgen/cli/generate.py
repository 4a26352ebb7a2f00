"""`musicgen generate`, `continue` and `infill`: any MIDI, by models of events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicgen.cli import screen
from musicgen.cli.options import DEFAULT_FOLDER, JsonOption, seeds_from, use_one_thread
from musicgen.errors import ConfigError

if TYPE_CHECKING:
    from musicgen.files.midi_splice import MidiSource
    from musicgen.generation.generator import Chords
    from musicgen.generation.results import Generated
    from musicgen.music.pitch import Key

CONTINUE, CONTINUE_EVENTS = "continue", "continue-events"

Source = Annotated[Path, typer.Argument(metavar="FILE", help="A MIDI file of any kind; .musicxml, .mxl, .krn and .abc too.")]
Model = Annotated[str, typer.Option("--model", "-m", help="A model of events of `musicgen models`, or the folder of a checkpoint.")]
Outputs = Annotated[
    list[Path] | None,
    typer.Option(
        "--output",
        "-o",
        help="A file to write: .mid, .musicxml, .svg, .png, .wav, ... Also several times. "
        "Scores and pictures show what was played too freely for notes on the grid.",
    ),
]
ChordText = Annotated[
    str | None, typer.Option("--chords", help="A chord a bar, 'Am F C G', repeated; by bars, 'Am | F G'; at places, '1:1 C, 1:3 G7'.")
]
ChordMode = Annotated[str, typer.Option(help="strict: every note that begins is of the chord; loose: those on the beats.")]
KeyText = Annotated[str | None, typer.Option("--key", help="The key of Roman numerals among the chords: 'A minor'.")]
Temperature = Annotated[float, typer.Option(help="From 0 (the model's best guess) over 1 (its own distribution) to 10 (wild).")]
TopP = Annotated[float, typer.Option(help="Only the likeliest ids that reach this probability together; 1 is all.")]
Repetition = Annotated[
    float,
    typer.Option(help="Nats taken from what goes on as after the same 12 ids before: 0 none, 1 mild, 5 hardly ever again; below 0 sought."),
]
Seed = Annotated[int | None, typer.Option(min=0, help="The same seed gives the same music. By default a random one, which is printed.")]
Count = Annotated[int, typer.Option(min=1, max=999, help="Write several, drawn in one batch, numbered x-001.mid, ..., seeds counting up.")]


def generate(
    model: Model = "folk",
    bars: Annotated[int, typer.Option(help="Length in bars.")] = 16,
    tempo: Annotated[float | None, typer.Option(help="Quarters a minute; the model's choice if not said.")] = None,
    programs: Annotated[str | None, typer.Option(help="General MIDI programs from 0 and drums: 0,33,drums. If not said, any.")] = None,
    meter: Annotated[str, typer.Option(help="4/4, 3/4, 6/8, ...")] = "4/4",
    chords: ChordText = None,
    chord_mode: ChordMode = "strict",
    key: KeyText = None,
    temperature: Temperature = 1.0,
    top_p: TopP = 0.95,
    repetition: Repetition = 0.0,
    seed: Seed = None,
    count: Count = 1,
    output: Outputs = None,
    as_json: JsonOption = False,
) -> None:
    """Write a new piece for the tracks that are asked for."""
    use_one_thread()
    from musicgen.generation.generator import check_bars, check_tempo
    from musicgen.generation.tracks import parse_programs
    from musicgen.music.score import Meter

    check_bars(bars)
    check_tempo(tempo)
    asked = {
        "tempo": tempo,
        "programs": parse_programs(programs) if programs is not None else (),
        "meter": Meter.parse(meter),
        "chords": _chords(chords, chord_mode, key),
    }
    _run(
        lambda generator, **drawing: generator.generate(bars, **asked, **drawing),
        _Asked(model, "generated", None, temperature, top_p, repetition, seed, count, output, as_json),
    )


def continue_events(
    file: Source,
    model: Model = "folk",
    start: Annotated[int | None, typer.Option("--from", help="The first new bar; what begins there or later makes way.")] = None,
    bars: Annotated[int, typer.Option(help="How many new bars.")] = 8,
    chords: ChordText = None,
    chord_mode: ChordMode = "strict",
    key: KeyText = None,
    temperature: Temperature = 1.0,
    top_p: TopP = 0.95,
    repetition: Repetition = 0.0,
    seed: Seed = None,
    count: Count = 1,
    output: Outputs = None,
    as_json: JsonOption = False,
) -> None:
    """Go on from a bar of any MIDI file, or from its end, in its tracks, tempo and meter."""
    use_one_thread()
    from musicgen.generation.generator import check_bars

    check_bars(bars)
    source = _source(file)
    asked = {"start": start, "chords": _chords(chords, chord_mode, key, source)}
    _run(
        lambda generator, **drawing: generator.continue_(source, bars, **asked, **drawing),
        _Asked(model, f"{file.stem}-continued", file, temperature, top_p, repetition, seed, count, output, as_json),
    )


def infill(
    file: Source,
    model: Model = "folk",
    track: Annotated[list[str] | None, typer.Option(help="A track to write anew, by name or number. Also several times.")] = None,
    bars: Annotated[str | None, typer.Option(help="Bars to write: 5, 5-8 or 2,5-8, a pick-up is bar 0; all if not said.")] = None,
    add_track: Annotated[list[str] | None, typer.Option(help="A new track by name and program: Bass:33, Kit:drums. Also several.")] = None,
    chords: ChordText = None,
    chord_mode: ChordMode = "strict",
    key: KeyText = None,
    temperature: Temperature = 1.0,
    top_p: TopP = 0.95,
    repetition: Repetition = 0.0,
    seed: Seed = None,
    count: Count = 1,
    output: Outputs = None,
    as_json: JsonOption = False,
) -> None:
    """Write bars of some tracks of a MIDI file anew, or a new track to it.

    All else is heard by the model and stays in the file, event for event.
    """
    use_one_thread()
    from musicgen.generation.generator import find_region
    from musicgen.generation.tracks import parse_track

    source = _source(file)
    tracks, added = track or [], [parse_track(text) for text in add_track or ()]
    find_region(source, bars, tracks, added)
    asked = {"tracks": tracks, "added": added, "chords": _chords(chords, chord_mode, key, source)}
    _run(
        lambda generator, **drawing: generator.infill(source, bars, **asked, **drawing),
        _Asked(model, f"{file.stem}-filled", file, temperature, top_p, repetition, seed, count, output, as_json),
    )


def directed(arguments: Sequence[str]) -> list[str]:
    """`continue --model mine`, where mine is a model of events, is another command than with a composer of chorales."""
    words = list(arguments)
    if CONTINUE not in words:
        return words
    place = words.index(CONTINUE)
    named = [value for flag, value in _flags(words[place + 1 :]) if flag in ("--model", "-m")]
    from musicgen.models.folders import EVENT_KINDS, checkpoint_folders, kind_of

    if named and kind_of(checkpoint_folders().get(named[-1], Path(named[-1]))) in EVENT_KINDS:
        words[place] = CONTINUE_EVENTS
    elif any(flag == "--from" for flag, _ in _flags(words[place + 1 :])):
        raise ConfigError("continue --from is for models of events; name one with --model (`musicgen models` lists them)")
    return words


def _flags(words: Sequence[str]) -> list[tuple[str, str]]:
    """Each word as a flag with what belongs to it, behind `=` or as the next word."""
    following = [*words[1:], ""]
    return [(word.partition("=")[0], word.partition("=")[2] or after) for word, after in zip(words, following, strict=True)]


# --- what the commands share


def _chords(text: str | None, mode: str, key: str | None, source: MidiSource | None = None) -> Chords | None:
    """In the key that is said, else in the source's."""
    from musicgen.generation.generator import Chords
    from musicgen.music.pitch import Key

    said: Key | None = Key.parse(key) if key else source.score.key if source else None
    return Chords(text, mode, said) if text is not None else None


def _source(file: Path) -> MidiSource:
    from musicgen.files.midi_splice import read_source

    return read_source(file)


@dataclass(frozen=True)
class _Asked:
    """What is asked of every command alike."""

    model: str
    stem: str
    source: Path | None
    temperature: float
    top_p: float
    repetition: float
    seed: int | None
    count: int
    output: list[Path] | None
    as_json: bool


def _run(draw: Callable[..., list[Generated]], asked: _Asked) -> None:
    """Whatever can be refused is refused before a model is loaded."""
    from musicgen.files.midi import score_of_midi
    from musicgen.generation.loading import load_generator
    from musicgen.rendering.export import numbered
    from musicgen.rendering.midi_export import check_outputs, export_midi
    from musicgen.sampling.decoding import DecodingOptions

    seeds, stages = seeds_from(asked.seed, asked.count), screen.Stages()
    options = DecodingOptions(asked.temperature, asked.top_p, asked.repetition)
    paths = asked.output or [DEFAULT_FOLDER / f"{asked.stem}.mid"]
    if not asked.output:
        DEFAULT_FOLDER.mkdir(exist_ok=True)
    check_outputs(paths, asked.count, asked.source)
    with stages("load"):
        generator = load_generator(asked.model)
    with stages("draw"), screen.progress("drawing") as show:
        pieces = draw(generator, seeds=seeds, options=options, on_progress=lambda share: show(share, ""))
    with stages("write"):
        files = [
            export_midi(piece.midi, partial(score_of_midi, piece.midi), [numbered(path, asked.count)[index] for path in paths])
            for index, piece in enumerate(pieces)
        ]
    _report(generator.name, pieces, files, stages, asked.as_json)


def _report(name: str, pieces: Sequence[Generated], files: Sequence[Sequence[Path]], stages: screen.Stages, as_json: bool) -> None:
    if as_json:
        found = [
            {"seed": piece.seed, "remarks": list(piece.remarks), "files": [str(path) for path in written]}
            for piece, written in zip(pieces, files, strict=True)
        ]
        return screen.result_json({"model": name, "pieces": found, "seconds": stages.seconds})
    for piece, written in zip(pieces, files, strict=True):
        screen.remark(f"seed {piece.seed}" + "".join(f"; {remark}" for remark in piece.remarks))
        for path in written:
            screen.result(path)
    screen.remark(f"{name}; " + ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in stages.seconds.items()))
