"""`musicgen compose`, `harmonize`, `fill`, `vary`, `continue` and `precede`: new files of music."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.cli import screen
from musicgen.cli.options import DEFAULT_MODEL, default_outputs, use_one_thread
from musicgen.cli.steering_options import Output, command
from musicgen.steering.request import TAKES, seeds_from

if TYPE_CHECKING:
    from musicgen.composers.composer import Composer
    from musicgen.steering.answers import Answer
    from musicgen.steering.request import Request
    from musicgen.steering.tasks import Job

ANOTHER = (
    "next, another: {program} compose{model} --seed {seed} --key 'G minor' --meter 3/4 --bars 16",
    "next, several:  {program} compose{model} --count 5 -o c.mid -o c.svg",
)
OTHER_VOICES = ("next: other voices with --seed {seed}, several to choose from with --count 5 -o c.musicxml",)
ANOTHER_WAY = ("next: another way with --seed {seed}, several to choose from with --count 5 -o c.musicxml",)


@command("compose", TAKES["compose"])
def compose(request: Request, output: Output) -> None:
    """Compose a new chorale.

    Four voices, written as MIDI, MusicXML or a picture; without -o as all three, in out/.
    """
    _run(request, output, "composing", ANOTHER)


@command("harmonize", TAKES["harmonize"])
def harmonize(request: Request, output: Output) -> None:
    """Write three voices under a tune.

    The tune stays note for note; alto, tenor and bass are new. Of a score of four voices the soprano stays, or what --keep says.
    """
    _run(request, output, "harmonizing", OTHER_VOICES)


@command("fill", TAKES["fill"])
def fill(request: Request, output: Output) -> None:
    """Rewrite a region of a score.

    Bars, or a beginning and an end, in all voices or some; the rest of the score stays note for note. A note that is held over the
    region's end is struck again there, which is said.
    """
    _run(request, output, "filling", ANOTHER_WAY)


@command("vary", TAKES["vary"])
def vary(request: Request, output: Output) -> None:
    """Write a piece again, note by note different.

    The notes that the model finds least likely, or some at random, are rewritten; all others stay.
    """
    _run(request, output, "varying", ANOTHER_WAY)


@command("continue", TAKES["continue"])
def continue_(request: Request, output: Output) -> None:
    """Go on from where a piece ends.

    With a model of events any MIDI goes on: see `continue --model folk --help`.
    """
    _run(request, output, "continuing", ANOTHER_WAY)


@command("precede", TAKES["precede"])
def precede(request: Request, output: Output) -> None:
    """Write what comes before a piece."""
    _run(request, output, "composing", ANOTHER_WAY)


def _run(request: Request, output: Output, doing: str, suggestions: Sequence[str]) -> None:
    """Whatever can be refused is refused before a model is loaded."""
    from musicgen.rendering.export import check_score, idle_fields
    from musicgen.steering.answers import answer
    from musicgen.steering.request import save_request
    from musicgen.steering.tasks import named, prepare

    seeds, stages = seeds_from(request.seed, request.count or 1), screen.Stages()
    count = request.alternatives or len(seeds)
    loaded = cache(lambda: _load(request))
    with stages("read"):
        job = prepare(request, seeds, loaded)
    source = Path(request.source) if request.source else None
    paths = _outputs(output.paths, job, count, source)
    if job.draft:
        check_score(job.draft, paths, output.edition)
    idle = [f"--{name.replace('_', '-')}" for name in idle_fields(output.edition, paths)]
    known = [*job.remarks, *([f"none of these files shows {' '.join(idle)}"] if idle else [])]
    if not output.as_json:
        screen.remarks(known)
    with stages("load"):
        composer = loaded()
    with stages(request.task), named(request.source) if request.source else nullcontext(), screen.progress(doing) as show:
        answers = answer(request, job, composer, seeds, lambda share: show(share, ""))
    with stages("write"):
        pieces = _write(answers.pieces, count, paths, output, source)
        if output.save_request:
            save_request(request.changed(seed=seeds[0]), output.save_request)
    remarks = [*known, *answers.remarks]
    told = {"remarks": remarks} if remarks or request.source else {}
    _report({"model": composer.name, **told, "pieces": pieces, "seconds": stages.seconds}, output.as_json)
    if not output.as_json:
        screen.remarks(answers.remarks)
        for suggestion in suggestions:
            model = "" if request.model in (None, DEFAULT_MODEL) else f" --model {shlex.quote(request.model)}"
            screen.remark(suggestion.format(seed=seeds[-1] + 1, program=screen.program(), model=model))


def _outputs(output: Sequence[Path] | None, job: Job, count: int, source: Path | None) -> list[Path]:
    """The files to write, refused before any work if they could not be written."""
    from musicgen.rendering.export import check_exports

    paths = list(output) if output else default_outputs(job.stem)
    check_exports(paths, count, source)
    return paths


def _load(request: Request) -> Composer:
    use_one_thread()
    from musicgen.steering.tasks import load

    return load(request)


def _write(answers: Sequence[Answer], count: int, paths: Sequence[Path], output: Output, source: Path | None) -> list[dict[str, Any]]:
    """A record of each piece and its files, numbered as of `count`."""
    from musicgen.rendering.export import export_score, numbered
    from musicgen.steering.annotations import marked

    pieces = []
    for index, each in enumerate(answers):
        score = marked(each.written(), each.chorale) if output.annotate else each.written()
        written = export_score(score, [numbered(path, count)[index] for path in paths], output.edition, source)
        if output.report:
            written = [*written, _write_report(numbered(output.report, count)[index], each)]
        record = {
            "seed": each.seed,
            "key": str(each.chorale.key),
            "meter": str(each.chorale.meter),
            "files": [str(file) for file in written],
        }
        record |= {} if each.score is None else {"score": each.score, "parts": each.parts}
        pieces.append(record | ({"shared": asdict(each.shared), "shared_run": str(each.shared)} if each.shared else {}))
    return pieces


def _write_report(path: Path, answer: Answer) -> Path:
    from musicgen.files.atomic import atomic_write
    from musicgen.music.chorale import VOICES
    from musicgen.steering.report import make_report

    ready = answer.ready
    unsung = [VOICES.index(voice) for voice in ready.choir.left_out] if ready.choir else []
    report = make_report(answer.chorale, ready.sketch, composed=(ready.for_composer(), answer.composed), unsung=unsung)
    text = report.markdown() if path.suffix == ".md" else json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
    atomic_write(path, text.encode())
    return path


def _report(outcome: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return screen.result_json(outcome)
    for piece in outcome["pieces"]:
        score = f", score {piece['score']:.3f}" if "score" in piece else ""
        shared = f"; it shares {piece['shared_run']}" if "shared_run" in piece else ""
        screen.remark(f"seed {piece['seed']}: {piece['key']}, {piece['meter']}{score}{shared}")
        for file in piece["files"]:
            screen.result(file)
    screen.remark(f"{outcome['model']}; " + ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in outcome["seconds"].items()))
