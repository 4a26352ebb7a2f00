"""`musicgen separate`: a score of chords as four voices; `evaluate separation`: how many find theirs; `corpus gather`: of many scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from musicgen.cli import screen
from musicgen.cli.options import (
    DEFAULT_CORPUS,
    CorpusOption,
    JsonOption,
    Layout,
    LayoutOption,
    OutputOption,
    QuantizeOption,
    SplitOption,
    default_outputs,
    use_one_thread,
)

MethodOption = Annotated[str, typer.Option(help="network, or rule (the least motion, no crossing); or the folder of a trained separator.")]


def separate(
    source: Annotated[Path, typer.Argument(metavar="SCORE", help="A piano score or chords: .mid, .musicxml, .mxl, .abc or .krn.")],
    output: OutputOption = None,
    method: MethodOption = "network",
    part: Annotated[
        list[str] | None,
        typer.Option(help="Name or number of a part to take notes from, also several times; all if not said."),
    ] = None,
    quantize: QuantizeOption = False,
    layout: LayoutOption = Layout.OPEN,
    as_json: JsonOption = False,
) -> None:
    """Tell the four voices of a piano score or of chords apart.

    Every note stays as it is and becomes a note of the soprano, alto, tenor or bass. More than four notes at once are refused.
    """
    use_one_thread()
    from musicgen.files.io import read_score
    from musicgen.music.tune import find_part
    from musicgen.rendering.edition import Edition
    from musicgen.rendering.export import check_exports, export_score
    from musicgen.separation.separator import find_separator
    from musicgen.separation.separator import separate as separated
    from musicgen.steering.tasks import named

    stages = screen.Stages()
    paths = list(output) if output else default_outputs(f"{source.stem}-separated")
    check_exports(paths, source=source)
    with stages("read"):
        score = read_score(source, quantize=quantize)
        with named(source):
            parts = [find_part(score, name) for name in part] if part else None
    with stages("load"):
        separator = find_separator(method)
    with stages("separate"), named(source):
        separation = separated(score, separator, parts)
    with stages("write"):
        files = export_score(separation.score, paths, Edition(layout.value))
    remarks = [*score.remarks, *separation.report]
    counts = {voice.name.lower(): len(voice.notes) for voice in separation.score.parts}
    if as_json:
        told = {"method": separation.method, "notes": counts, "remarks": remarks, "files": files, "seconds": stages.seconds}
        return screen.result_json(told)
    screen.remarks(remarks)
    for file in files:
        screen.result(file)
    screen.remark(f"{separation.method}; " + ", ".join(f"{count} notes {voice}" for voice, count in counts.items()))
    readable = next((file for file in files if file.suffix in (".musicxml", ".mid")), None)
    if readable:
        screen.remark(f"next: musicgen fill {readable} --voices ATB -o new.musicxml")


def separation(
    method: Annotated[list[str] | None, typer.Option(help="network, rule or a trained one, also several times; both if not said.")] = None,
    split: SplitOption = "valid",
    corpus: CorpusOption = DEFAULT_CORPUS,
    voices: Annotated[str, typer.Option(help="The voices that are merged, by letters; the others are silent.")] = "SATB",
    semitones: Annotated[int, typer.Option(min=-36, max=36, help="How far the pieces are moved first.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the intervals.")] = 1,
    seen: Annotated[bool, typer.Option("--seen", help="Measure although the network has learned from these pieces, or may have.")] = False,
    as_json: JsonOption = False,
) -> None:
    """How many notes find their voice again when the voices of chorales are merged into one part."""
    use_one_thread()
    from musicgen.corpus.matrices import load_any_corpus
    from musicgen.evaluation.separation import SeparationReport, measure_separation
    from musicgen.evaluation.unseen import check_unseen
    from musicgen.separation.separator import METHODS, Separator, find_separator

    separators = [find_separator(name) for name in method or METHODS]
    known = load_any_corpus(corpus)
    pieces = [piece.chorale for piece in known.pieces(split)]
    for separator in separators:
        if not seen:
            check_unseen(separator, known, split)

    def measured(separator: Separator) -> SeparationReport:
        with screen.progress(separator.name) as show:
            return measure_separation(separator, pieces, voices, semitones, seed, lambda share: show(share, ""))

    reports = [measured(separator) for separator in separators]
    if as_json:
        return screen.result_json([report.to_dict() for report in reports])
    for report in reports:
        for line in report.lines():
            screen.result(line)


def gather(
    scores: Annotated[Path, typer.Argument(help="A folder of scores of 2 to 8 voices, or with --separate for piano.")],
    name: Annotated[str, typer.Argument(help="What the corpus is called.")],
    separated: Annotated[bool, typer.Option("--separate", help="Tell the voices of each score apart first.")] = False,
    method: MethodOption = "network",
    voices: Annotated[
        str | None,
        typer.Option(help="What the voices are called, top to bottom: 'Violin I, Violin II, Viola, Cello'; as in the scores if not said."),
    ] = None,
    folder: Annotated[Path, typer.Option(help="The folder that corpora lie in.")] = Path("corpora"),
    as_json: JsonOption = False,
) -> None:
    """Make a corpus to learn from of your own scores.

    All pieces have as many voices as most of the scores; others are left out, which is said. A tenth is for valid, a tenth for test.
    """
    use_one_thread()
    from musicgen.corpus.folder import build_folder
    from musicgen.separation.separator import find_separator, separate

    separator = find_separator(method) if separated else None
    with screen.progress("reading") as show:
        report = build_folder(
            name,
            scores,
            folder,
            (lambda score: separate(score, separator).score) if separator else None,
            lambda done, total, file: show(done / total, file),
            [name.strip() for name in (voices or "").split(",") if name.strip()],
        )
    if as_json:
        told = {
            "folder": report.folder,
            "voices": report.corpus.ensemble.names,
            "splits": report.corpus.counts(),
            "dropped": dict(report.dropped),
            "bent": dict(report.bent),
        }
        return screen.result_json(told)
    screen.remarks(report.lines())
    screen.result(report.corpus.summary())
    screen.result(report.folder)
