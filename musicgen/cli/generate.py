"""`musicgen generate`, `continue` and `infill`: any MIDI, by models of events."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from musicgen.cli import screen
from musicgen.cli.options import DEFAULT_FOLDER, JsonOption, use_one_thread
from musicgen.errors import ConfigError
from musicgen.steering.request import seeds_from

if TYPE_CHECKING:
    from musicgen.files.midi_splice import MidiSource
    from musicgen.generation.generator import Chords
    from musicgen.generation.results import Generated
    from musicgen.music.pitch import Key

DEFAULT = "folk"  # as in generation.loading, which is not imported before it is needed
CONTINUE, CONTINUE_EVENTS = "continue", "continue-events"

Source = Annotated[Path, typer.Argument(metavar="FILE", help="A MIDI file of any kind; .musicxml, .mxl, .krn and .abc too.")]
Model = Annotated[str, typer.Option("--model", "-m", help="A model of events of `musicgen models`, or the folder of a checkpoint.")]


@dataclass(frozen=True)
class Drawing:
    """What every command here takes: an option for each field."""

    chords: Annotated[
        str | None, typer.Option("--chords", help="A chord a bar, 'Am F C G', repeated; by bars, 'Am | F G'; at places, '1:1 C, 1:3 G7'.")
    ] = None
    chord_mode: Annotated[str, typer.Option(help="strict: every note that begins is of the chord; loose: those on the beats.")] = "strict"
    key: Annotated[str | None, typer.Option("--key", help="The key of Roman numerals among the chords: 'A minor'.")] = None
    temperature: Annotated[float, typer.Option(help="From 0 (the model's best guess) over 1 (its own distribution) to 10 (wild).")] = 1.0
    top_p: Annotated[float, typer.Option(help="Only the likeliest ids that reach this probability together; 1 is all.")] = 0.95
    repetition: Annotated[
        float,
        typer.Option(
            help="Nats taken from what goes on as after the same 12 ids before: 0 none, 1 mild, 5 hardly ever again; below 0 sought."
        ),
    ] = 0.0
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same music. By default a random one, which is printed.")
    ] = None
    count: Annotated[
        int, typer.Option(min=1, max=999, help="Write several, drawn in one batch, numbered x-001.mid, ..., seeds counting up.")
    ] = 1
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            help="A file to write: .mid, .musicxml, .svg, .png, .wav, ... Also several times. "
            "Scores and pictures show what was played too freely for notes on the grid.",
        ),
    ] = None
    as_json: JsonOption = False


def command(run: Callable[..., None]) -> Callable[..., None]:
    """A function of a Drawing and options of its own as a command with all of these."""
    own = list(inspect.signature(run, eval_str=True).parameters.values())[1:]
    shared = inspect.signature(Drawing, eval_str=True).parameters

    def called(**options: Any) -> None:
        run(Drawing(**{name: options.pop(name) for name in shared}), **options)

    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *shared.values())]
    called.__doc__ = run.__doc__
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return called


@command
def generate(
    drawing: Drawing,
    model: Model = DEFAULT,
    bars: Annotated[int, typer.Option(help="Length in bars.")] = 16,
    tempo: Annotated[float | None, typer.Option(help="Quarters a minute; the model's choice if not said.")] = None,
    programs: Annotated[
        str | None,
        typer.Option(help="General MIDI programs from 0 and drums: 0,33,drums. If not said, those of a piece that it has learned from."),
    ] = None,
    meter: Annotated[str, typer.Option(help="4/4, 3/4, 6/8, ...")] = "4/4",
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
        "chords": _chords(drawing),
    }
    _run(lambda generator, **options: generator.generate(bars, **asked, **options), drawing, model, "generated")


@command
def continue_events(
    drawing: Drawing,
    file: Source,
    model: Model = DEFAULT,
    start: Annotated[int | None, typer.Option("--from", help="The first new bar; what begins there or later makes way.")] = None,
    bars: Annotated[int, typer.Option(help="How many new bars.")] = 8,
) -> None:
    """Go on from a bar of any MIDI file, or from its end, in its tracks, tempo and meter."""
    use_one_thread()
    from musicgen.files.midi_splice import read_source
    from musicgen.generation.generator import check_bars

    check_bars(bars)
    source = read_source(file)
    asked = {"start": start, "chords": _chords(drawing, source)}
    _run(lambda generator, **options: generator.continue_(source, bars, **asked, **options), drawing, model, f"{file.stem}-continued", file)


@command
def infill(
    drawing: Drawing,
    file: Source,
    model: Model = DEFAULT,
    track: Annotated[list[str] | None, typer.Option(help="A track to write anew, by name or number. Also several times.")] = None,
    bars: Annotated[str | None, typer.Option(help="Bars to write: 5, 5-8 or 2,5-8, a pick-up is bar 0; all if not said.")] = None,
    add_track: Annotated[list[str] | None, typer.Option(help="A new track by name and program: Bass:33, Kit:drums. Also several.")] = None,
) -> None:
    """Write bars of some tracks of a MIDI file anew, or a new track to it.

    All else is heard by the model and stays in the file, event for event.
    """
    use_one_thread()
    from musicgen.files.midi_splice import read_source
    from musicgen.generation.generator import find_region
    from musicgen.generation.tracks import parse_track

    source = read_source(file)
    tracks, added = track or [], [parse_track(text) for text in add_track or ()]
    find_region(source, bars, tracks, added)
    asked = {"tracks": tracks, "added": added, "chords": _chords(drawing, source)}
    _run(lambda generator, **options: generator.infill(source, bars, **asked, **options), drawing, model, f"{file.stem}-filled", file)


class Commands(TyperGroup):
    """`continue` with a model of events is another command than with a composer of chorales."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if name != CONTINUE:
            return name, command, rest
        events = self.get_command(ctx, CONTINUE_EVENTS)
        assert events is not None
        parsed = events.make_context(CONTINUE, list(rest), resilient_parsing=True, ignore_unknown_options=True, allow_extra_args=True)

        def is_said(option: str) -> bool:
            source = parsed.get_parameter_source(option)
            return source is not None and source.name == "COMMANDLINE"

        from musicgen.generation.loading import is_generator

        if is_said("model") and is_generator(parsed.params["model"]):
            return name, events, rest
        if is_said("start"):
            raise ConfigError("continue --from is for models of events; name one with --model (`musicgen models` lists them)")
        return name, command, rest


# --- what the commands share


def _chords(drawing: Drawing, source: MidiSource | None = None) -> Chords | None:
    """In the key that is said, else in the source's."""
    from musicgen.generation.generator import Chords
    from musicgen.music.pitch import Key

    said: Key | None = Key.parse(drawing.key) if drawing.key else source.score.key if source else None
    return Chords(drawing.chords, drawing.chord_mode, said) if drawing.chords is not None else None


def _run(draw: Callable[..., list[Generated]], drawing: Drawing, model: str, stem: str, source: Path | None = None) -> None:
    """Whatever can be refused is refused before a model is loaded. `stem`: of the file, if none is named."""
    from musicgen.files.midi import score_of_midi
    from musicgen.generation.loading import load_generator
    from musicgen.rendering.export import check_exports, numbered
    from musicgen.rendering.midi_export import export_midi
    from musicgen.sampling.decoding import DecodingOptions

    seeds, stages = seeds_from(drawing.seed, drawing.count), screen.Stages()
    options = DecodingOptions(drawing.temperature, drawing.top_p, drawing.repetition)
    paths = drawing.output or [DEFAULT_FOLDER / f"{stem}.mid"]
    if not drawing.output:
        DEFAULT_FOLDER.mkdir(exist_ok=True)
    check_exports(paths, drawing.count, source)
    with stages("load"):
        generator = load_generator(model)
    with stages("draw"), screen.progress("drawing") as show:
        pieces = draw(generator, seeds=seeds, options=options, on_progress=lambda share: show(share, ""))
    with stages("write"):
        files = [
            export_midi(piece.midi, partial(score_of_midi, piece.midi), [numbered(path, drawing.count)[index] for path in paths])
            for index, piece in enumerate(pieces)
        ]
    _report(generator.name, pieces, files, stages, drawing.as_json)


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
