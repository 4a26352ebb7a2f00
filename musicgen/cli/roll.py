"""`musicgen roll`: a score as a piano roll; `musicgen thought`: what a model thinks of one, as a picture and as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musicgen.cli import screen
from musicgen.cli.options import DEFAULT_FOLDER, DEFAULT_MODEL, JsonOption, QuantizeOption, use_one_thread
from musicgen.steering.request import seeds_from

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from musicgen.evaluation.thought import Spot, Thought
    from musicgen.rendering.roll import Roll
    from musicgen.steering.thinking import Subject

NARROWEST, WIDEST = 60, 1000
SHOWN = 4  # choices of a spot, notes that move it

DrawnOption = Annotated[
    list[Path] | None, typer.Option("--output", "-o", help="A picture to write: .svg, .png or .pdf. Give it several times for several.")
]
WidthOption = Annotated[
    float,
    typer.Option(min=NARROWEST, max=WIDEST, help="How wide the picture is, in millimetres: 85 fits a column of a paper, 180 its page."),
]
BarsOption = Annotated[str | None, typer.Option(help="The bars to draw, like 5, 5-8 or 2,5-8; all if not said.")]
LineOption = Annotated[int | None, typer.Option(min=1, max=200, help="Bars on a line; as many as read well if not said.")]


def roll(
    source: Annotated[Path, typer.Argument(metavar="SCORE", help="Any score: .mid, .musicxml, .mxl, .abc or .krn.")],
    output: DrawnOption = None,
    given: Annotated[Path | None, typer.Option(help="A score whose notes were given, like the tune; they are drawn thinner.")] = None,
    bars: BarsOption = None,
    bars_a_line: LineOption = None,
    width: WidthOption = 180,
    quantize: QuantizeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Draw a score as a piano roll.

    Few voices of single notes are drawn over each other, in colors that gray print tells apart too; a band track by track, drums below.
    """
    from musicgen.files.io import read_score
    from musicgen.rendering.figures import write_figures
    from musicgen.rendering.roll import not_in, roll_of
    from musicgen.rendering.roll_look import Look
    from musicgen.rendering.roll_picture import draw_roll
    from musicgen.steering.tasks import named

    paths = _outputs(output, f"{source.stem}-roll", as_json)
    score = read_score(source, quantize=quantize)
    known = read_score(given, quantize=quantize) if given else None
    with named(source):
        drawn = roll_of(score, known, bars)
        files = write_figures(draw_roll(drawn, Look(width, bars_a_line=bars_a_line)), paths) if paths else []
    if as_json:
        return screen.result_json(_roll_dict(drawn) | {"files": files})
    missing = not_in(score, known) if known else 0
    screen.remarks([*score.remarks, *([f"{missing} notes of {given} are not in {source}"] if missing else [])])
    for file in files:
        screen.result(file)


def thought(
    source: Annotated[
        Path | None, typer.Argument(metavar="[SCORE]", help="A score of all voices, or a tune, which is harmonized; else one is composed.")
    ] = None,
    output: DrawnOption = None,
    model: Annotated[str, typer.Option(help="A composer of `musicgen models`, or the folder of a checkpoint.")] = DEFAULT_MODEL,
    keep: Annotated[str | None, typer.Option(help="The voices that are given, by letters: S, SB, ...; none if not said.")] = None,
    at: Annotated[list[str] | None, typer.Option(help="A spot to look at: voice, bar and beat, 'A 3:2'; also several times.")] = None,
    influence: Annotated[bool, typer.Option(help="Measure how much each given note, or each note around a spot, moves the model.")] = True,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of what is composed or harmonized now.", show_default="random")] = None,
    bars: BarsOption = None,
    bars_a_line: LineOption = None,
    width: WidthOption = 180,
    quantize: QuantizeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Draw what a model thinks of a chorale.

    How probable each note was, in shades; at a spot what else might stand there, and which notes that hangs on. Each note is judged given
    what the model's likelihood gives it, which the picture says.
    """
    use_one_thread()
    from musicgen.composers.expecting import Occluding
    from musicgen.composers.loading import load_composer
    from musicgen.evaluation.thought import think
    from musicgen.files.io import read_score
    from musicgen.rendering.figures import write_figures
    from musicgen.steering.thinking import find_subject

    paths = _outputs(output, f"{source.stem if source else 'chorale'}-thought", as_json)
    (first,) = seeds_from(seed, 1)
    score = read_score(source, quantize=quantize) if source else None
    composer = load_composer(model)
    subject = find_subject(composer, model, source, score, keep, first)
    can = isinstance(composer, Occluding)
    with screen.progress("asking") as show:
        thinking = think(composer, subject.chorale, subject.free, at or (), influence and can, lambda share: show(share, ""))
    files = write_figures(_figures(thinking, width, bars, bars_a_line), paths) if paths else []
    if as_json:
        return screen.result_json(thinking.to_dict() | {"remarks": subject.remarks, "files": files})
    _say(thinking, subject, files)
    if influence and not can:
        screen.remark(f"{thinking.model} cannot be asked with notes hidden, so nothing is said of influence")


def _outputs(output: list[Path] | None, stem: str, as_json: bool) -> list[Path]:
    """Refused before any work if they could not be written; none where only numbers are asked for."""
    from musicgen.rendering.figures import check_drawn

    if not output and as_json:
        return []
    if not output:
        DEFAULT_FOLDER.mkdir(exist_ok=True)
    paths = list(output) if output else [DEFAULT_FOLDER / f"{stem}.svg"]
    for path in paths:
        check_drawn(path)
    return paths


def _figures(thinking: Thought, width: float, bars: str | None, bars_a_line: int | None) -> list[Figure]:
    from musicgen.evaluation.thought_picture import piece_figures, spot_figure

    if thinking.spots:
        return [spot_figure(thinking, spot, width) for spot in thinking.spots]
    return piece_figures(thinking, width, bars, bars_a_line)


def _roll_dict(drawn: Roll) -> dict[str, Any]:
    from musicgen.music.pitch import pitch_name

    names = [voice.name for voice in drawn.voices]
    notes = [
        {
            "voice": names[note.voice],
            "pitch": note.pitch if drawn.voices[note.voice].is_drum else pitch_name(note.pitch, drawn.key),
            "start": note.start,
            "end": note.end,
            "given": note.is_given,
        }
        for bar in drawn.bars
        for note in drawn.notes
        if bar.start <= note.start < bar.end
    ]
    bars = [{"bar": bar.number, "start": bar.start, "end": bar.end} for bar in drawn.bars]
    return {"key": str(drawn.key), "voices": names, "bars": bars, "notes": notes}


def _say(thinking: Thought, subject: Subject, files: list[Path]) -> None:
    screen.remarks(subject.remarks)
    for file in files:
        screen.result(file)
    cells = int(thinking.free.sum())
    screen.remark(
        f"{thinking.model}: {thinking.nats:.1f} nats over {cells:,} free cells, {thinking.nats / cells:.3f} a cell ({thinking.kind})"
    )
    for spot in thinking.spots:
        screen.remark(_spot_line(thinking, spot))
    if not thinking.spots:
        from musicgen.evaluation.thought_picture import percent

        least = (
            f"{thinking.chorale.voice_name(each.note.voice)} {thinking.name(each.note.pitch)} in {thinking.place(each.note)}, "
            f"{percent(each.probability or 0.0)}"
            for each in thinking.least_likely()
        )
        screen.remark(f"least likely: {'; '.join(least)}")


def _spot_line(thinking: Thought, spot: Spot) -> str:
    from musicgen.evaluation.thought_picture import percent

    chorale = thinking.chorale
    shown = [choice for rank, choice in enumerate(spot.choices) if rank < SHOWN or choice.is_taken]
    choices = [
        f"{'' if choice.struck else 'held '}{thinking.name(choice.pitch)} {percent(choice.probability)}{' (taken)' * choice.is_taken}"
        for choice in shown
    ]
    moving = sorted(spot.influence, key=lambda each: -each[1])[:SHOWN]
    notes = [
        f"{chorale.voice_name(note.voice)} {thinking.name(note.pitch)} in {thinking.place(note)} ({nats:.2f})" for note, nats in moving
    ]
    hangs = f"; it hangs on, in nats: {', '.join(notes)}" if notes else ""
    return f"{chorale.voice_name(spot.voice)}, {chorale.place(spot.step)}: {', '.join(choices)}{hangs}"
