"""The options that say what is asked: one for each field of a `Request`, so that a flag and a line of a request file mean the same."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musicgen.cli.options import (
    DEFAULT_MODEL,
    QUANTIZE,
    ClefsOption,
    FiguresOption,
    JsonOption,
    Layout,
    LayoutOption,
    Lyrics,
    LyricsOption,
    OutputOption,
    Paper,
    PaperOption,
)
from musicgen.cli.playing_options import PLAYING, playing
from musicgen.errors import FileError
from musicgen.files.atomic import check_output

if TYPE_CHECKING:
    from musicgen.rendering.edition import Edition
    from musicgen.steering.request import Request

ORIGINAL, USUAL_ORIGINAL = "--original", 12  # as in steering.request


@dataclass(frozen=True)
class Output:
    """Where a command's results go."""

    paths: list[Path] | None
    edition: Edition
    as_json: bool
    save_request: Path | None
    report: Path | None
    annotate: bool


def _text(help: str, *names: str, **more: Any) -> Any:
    return Annotated[str | None, typer.Option(*names, help=help, **more)]


def _texts(help: str, *names: str) -> Any:
    return Annotated[list[str] | None, typer.Option(*names, metavar="<str>", help=f"{help} Also several times.")]


def _whole(help: str, **more: Any) -> Any:
    return Annotated[int | None, typer.Option(help=help, **more)]


def _number(help: str, **more: Any) -> Any:
    return Annotated[float | None, typer.Option(help=help, **more)]


def _flag(help: str, *names: str) -> Any:
    return Annotated[bool | None, typer.Option(*names, help=help)]


_OPTIONS: Mapping[str, Any] = {
    "bars": _whole("Length in bars; 12 if not said."),
    "meter": _text("4/4, 3/4, 6/8, ...; 4/4 if not said."),
    "key": _text("'G minor', 'Bb', 'f#', 'D dorian', ...; left to the seed if not said."),
    "pickup": _number("Quarters before the first barline; left to the seed if not said."),
    "phrase_bars": _whole("Bars between two fermatas; 2, in 3/4 4, if not said."),
    "phrases": _text("Lengths of the phrases in bars: 4+4+4+4."),
    "choir": _text("SATB, SSAA, TTBB, SAB, SA, beginners, strings, brass, saxophones, recorders, ...: ranges, clefs, instruments."),
    "tempo": _number("Quarters a minute.", show_default="80"),
    "part": _text("Name or number of the part that is the tune; found if not said."),
    "keep": _text(
        "Which voices of a whole score stay, by letters: S, SB, ..., for other ensembles by number or name; of a part alone, which it is.",
        show_default="S",
    ),
    "start": _text("Bar and beat where the region begins, like 3:2; the beginning if only --to is said.", "--from"),
    "end": _text("Bar and beat where it ends, like 5:1, which itself stays; the end if only --from is said.", "--to"),
    "voices": _text(
        "Voices to rewrite, by letters: ATB, ..., or '2,Viola' for other ensembles; alone, from beginning to end.", show_default="all"
    ),
    "pinned_color": _text("Notes of this color in the score stay, all else is rewritten: red, #ff0000."),
    "free_color": _text("Notes and rests of this color are rewritten, all else stays: blue, #0000ff."),
    "pin_part": _text("A part with notes that shall be in a voice, by its name, if that is not like 'Pins bass'."),
    "keep_share": _number("The share of the piece that stays, 0 to 1.", show_default="0.7"),
    "how": _text("Which notes are rewritten: those that the model finds unlikely, or random ones.", show_default="unlikely"),
    "quantize": _flag(QUANTIZE, "--quantize"),
    "separate": _flag("Tell the voices of a piano score or of chords apart first, as `musicgen separate` does.", "--separate"),
    "pin": _texts("A note that is given: 'B 4:3 C3' (voice, bar:beat, note), 'S 1:1-2:1 G4 A4 B4 A4' (equal notes over a span)."),
    "avoid": _texts("Notes that shall not occur: 'T 1-8 C5', 'T >F4' (nothing above F4)."),
    "only": _texts("Notes of these names, in any octave: 'A 3:2 F#'."),
    "rhythm": _texts("Note lengths, over and over: 'B 1-4 1/4', 'A 5:1-7:1 3/8 1/8'."),
    "chords": _text(
        "Symbols at places, '1:1 C, 1:3 G7/B'; numerals by bars, 'I V65 | vi . ii6 V7'; figures, '5 6 4-3'; or a lead sheet, song.abc."
    ),
    "chord_mode": _text("strict: only the chord's notes; loose: on the beats, with passing notes between.", show_default="strict"),
    "cadence": _texts("A phrase's end: 4:3=half, '8:3=perfect in D minor'; also imperfect, plagal, deceptive, phrygian."),
    "local_key": _texts("Only the notes of another key or mode for a while: '5-8 D minor', '1-4 E phrygian'."),
    "picardy": _flag("A major third, or none, in the last chord of minor.", "--picardy/--no-picardy"),
    "no_crossing": _flag("No voice above its upper neighbour.", "--no-crossing"),
    "spacing": _whole("At most so many semitones between soprano and alto, alto and tenor: 12 is an octave."),
    "leap": _whole("No voice leaps by more than so many semitones."),
    "no_parallels": _flag("No parallel fifths and octaves.", "--no-parallels"),
    "density": _number("Notes a quarter and voice, 0.4 (slow) to 2.5 (restless); Bach has 1.1."),
    "chromaticism": _number("Notes in 100 outside the key's scale, 0 to 30; Bach has 4.4."),
    "temperature": _number("Of the pitches, from 0 (strict) to 10 (wild); what is usual differs by model."),
    "top_p": _number("Only the likeliest notes that reach this probability together; 1 is all."),
    "sweeps": _number("For a model that redraws, like deepbach: how often; 16 is usual, more is slower."),
    "model": _text("A composer of `musicgen models`, or the folder of a checkpoint.", "--model", "-m", show_default=DEFAULT_MODEL),
    "seed": _whole("The same seed gives the same music. By default a random one, which is printed."),
    "count": _whole("Write several pieces, numbered c-001.mid, ..., with seeds counting up.", show_default="1"),
    "alternatives": _whole("Write several that differ from each other, numbered like --count."),
    "original": _whole(
        f"Refuse what shares so many slices with a training piece, {USUAL_ORIGINAL} if not said, and draw anew; needs the corpus.",
        metavar="[SLICES]",
    ),
    "rank": _flag("The best alternative first: likelihood, part-writing, originality.", "--rank"),
}
_WHICH_BARS = _texts("Bars to rewrite: 5, 5-8 or 2,5-8. A pick-up is bar 0.")
_NEW_BARS = _whole("How many new bars.", show_default="4")
_OUTPUT: Mapping[str, tuple[Any, Any]] = {
    "output": (OutputOption, None),
    "layout": (LayoutOption, Layout.OPEN),
    "clefs": (ClefsOption, None),
    "figures": (FiguresOption, False),
    "lyrics": (LyricsOption, Lyrics.TUNE),
    "paper": (PaperOption, Paper.A4),
    **PLAYING,
    "report": (Annotated[Path | None, typer.Option(help="Write what was asked, kept and found of each piece: r.md or r.json.")], None),
    "annotate": (Annotated[bool, typer.Option("--annotate", help="Write Roman numerals and cadences into the score.")], False),
    "request": (Annotated[Path | None, typer.Option(help="A request file; what is said by other options comes before it.")], None),
    "save_request": (Annotated[Path | None, typer.Option(help="Write what was asked, with the seed, as a request file: my.toml.")], None),
    "as_json": (JsonOption, False),
}


def described() -> dict[str, str]:
    """Field -> what it means, in a sentence."""
    return {name: annotation.__metadata__[0].help for name, annotation in _OPTIONS.items()}


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """`--original` alone gets its usual value: an option with or without a value is nothing that typer knows."""
    spelled = []
    for word, after in zip_longest(arguments, arguments[1:], fillvalue=""):
        spelled += [word, str(USUAL_ORIGINAL)] if word == ORIGINAL and not re.fullmatch(r"-?\d+", after) else [word]
    return spelled


def command(task: str, takes: tuple[str, ...]) -> Callable[[Callable[[Request, Output], None]], Callable[..., None]]:
    """A function of a request and its output as a command with an option for each field that the task takes."""
    asked = {name: _annotation(task, name) for name in takes}
    others = {name: annotation for name, (annotation, _) in _OUTPUT.items()}
    defaults = {name: default for name, (_, default) in _OUTPUT.items()}

    def decorate(run: Callable[[Request, Output], None]) -> Callable[..., None]:
        def called(**options: Any) -> None:
            from musicgen.rendering.edition import Edition

            given = {name: options[name] for name in asked if options[name] not in (None, [])}
            output = Output(
                options["output"],
                Edition(
                    options["layout"].value,
                    options["clefs"],
                    options["figures"],
                    options["lyrics"].value,
                    paper=options["paper"].value,
                    **playing(options),
                ),
                *(options[name] for name in ("as_json", "save_request", "report", "annotate")),
            )
            run(_request(task, options["request"], given, output), output)

        called.__doc__ = run.__doc__
        called.__annotations__ = asked | others
        parameters = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=defaults.get(name))
            for name, annotation in called.__annotations__.items()
        ]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return called

    return decorate


def _annotation(task: str, name: str) -> Any:
    if name == "source":
        called = "The tune" if task == "harmonize" else "The score of all voices"
        return Annotated[str | None, typer.Argument(metavar="SCORE", help=f"{called}: .mid, .musicxml, .mxl, .abc or .krn.")]
    if name == "bars" and task != "compose":
        return _WHICH_BARS if task in ("fill", "vary") else _NEW_BARS
    return _OPTIONS[name]


def _request(task: str, file: Path | None, given: Mapping[str, Any], output: Output) -> Request:
    """What the file asks, with the flags over it."""
    from musicgen.steering.request import Request, key_of, read_request

    values, origins = read_request(file) if file else ({}, {})
    if file and values.get("task", task) != task:
        raise FileError(file, f"a request to {values['task']}, not to {task}; use `musicgen {values['task']} --request {file}`")
    for path, suffixes in ((output.save_request, (".toml",)), (output.report, (".md", ".json"))):
        if path and path.suffix not in suffixes:
            raise FileError(path, f"this is written as {' or '.join(suffixes)}; choose such a name")
        if path:
            check_output(path)
    flags = {name: f"--{key_of(name).replace('_', '-')}" for name in given}
    return Request.from_values({**values, "task": task, **given}, {**origins, **flags})
