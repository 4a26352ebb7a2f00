"""`musicgen compose`, `musicgen harmonize` and `musicgen fill`: new files of music."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.cli import screen
from musicgen.cli.options import DEFAULT_MODEL, Layout, default_outputs, given, seeds_from, use_one_thread
from musicgen.cli.steering_options import Output, command
from musicgen.steering.request import TAKES

if TYPE_CHECKING:
    from musicgen.composers.composer import Composer
    from musicgen.music.chorale import Chorale
    from musicgen.steering.request import Request
    from musicgen.steering.tasks import Job

ANOTHER = (
    "next, another: musicgen compose --seed {} --key 'G minor' --meter 3/4 --bars 16",
    "next, several:  musicgen compose --count 5 -o c.mid -o c.svg",
)
OTHER_VOICES = ("next: other voices with --seed {}, several to choose from with --count 5 -o c.musicxml",)
ANOTHER_WAY = ("next: another way with --seed {}, several to choose from with --count 5 -o c.musicxml",)


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


def _run(request: Request, output: Output, doing: str, suggestions: Sequence[str]) -> None:
    """Whatever can be refused is refused before a model is loaded."""
    from musicgen.rendering.export import check_score
    from musicgen.steering.request import save_request
    from musicgen.steering.tasks import named, prepare

    seeds, stages = seeds_from(request.seed, request.count or 1), screen.Stages()
    with stages("read"):
        job = prepare(request, seeds)
    paths = _outputs(output.paths, job, len(seeds), request.source)
    if job.draft:
        check_score(job.draft, paths, output.layout.value)
    if not output.as_json:
        screen.remarks(job.remarks)
    with stages("load"):
        composer = _load(request)
    with stages(request.task), named(request.source) if request.source else nullcontext():
        filled = _fill(composer, job, seeds, doing)
    with stages("write"):
        pieces = _write(job, filled, seeds, paths, output.layout)
        if output.save_request:
            save_request(request.changed(seed=seeds[0]), output.save_request)
    remarks = {"remarks": job.remarks} if request.source else {}
    _report({"model": composer.name, **remarks, "pieces": pieces, "seconds": stages.seconds}, output.as_json)
    if not output.as_json:
        for suggestion in suggestions:
            screen.remark(suggestion.format(seeds[-1] + 1))


def _outputs(output: Sequence[Path] | None, job: Job, count: int, source: str | None) -> list[Path]:
    """The files to write, refused before any work if they could not be written."""
    from musicgen.rendering.export import check_exports

    paths = list(output) if output else default_outputs(job.stem)
    check_exports(paths, count, Path(source) if source else None)
    return paths


def _load(request: Request) -> Composer:
    use_one_thread()
    from musicgen.composers.loading import load_composer

    dials = given(temperature=request.temperature, top_p=request.top_p, sweeps=request.sweeps)
    return load_composer(request.model or DEFAULT_MODEL, **dials)


def _fill(composer: Composer, job: Job, seeds: Sequence[int], doing: str) -> list[Chorale]:
    with screen.progress(doing) as show:
        return composer.fill_many(job.sketches, seeds, lambda share: show(share, ""))


def _write(job: Job, chorales: Sequence[Chorale], seeds: Sequence[int], paths: Sequence[Path], layout: Layout) -> list[dict[str, Any]]:
    """A record of each piece and its files."""
    from musicgen.rendering.export import export_score, numbered

    pieces = []
    for index, (chorale, seed) in enumerate(zip(chorales, seeds, strict=True)):
        targets = [numbered(path, len(chorales))[index] for path in paths]
        files = [str(file) for file in export_score(job.score_of(chorale), targets, layout.value)]
        pieces.append({"seed": seed, "key": str(chorale.key), "meter": str(chorale.meter), "files": files})
    return pieces


def _report(outcome: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return screen.result_json(outcome)
    for piece in outcome["pieces"]:
        screen.remark(f"seed {piece['seed']}: {piece['key']}, {piece['meter']}")
        for file in piece["files"]:
            screen.result(file)
    screen.remark(f"{outcome['model']}; " + ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in outcome["seconds"].items()))
