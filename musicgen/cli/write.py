"""`musicgen compose`, `musicgen harmonize` and `musicgen fill`: new files of music."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musicgen.cli import screen
from musicgen.cli.options import (
    DEFAULT_MODEL,
    CountOption,
    JsonOption,
    Layout,
    LayoutOption,
    ModelOption,
    OutputOption,
    QuantizeOption,
    SeedOption,
    SweepsOption,
    TemperatureOption,
    TopPOption,
    default_outputs,
    given,
    seeds_from,
    use_one_thread,
)
from musicgen.errors import FileError, NotationError

if TYPE_CHECKING:
    from musicgen.composers.composer import Composer
    from musicgen.music.chorale import Chorale
    from musicgen.music.score import Score
    from musicgen.music.sketch import Sketch

HEARD = "what is kept is written as it was, but heard by the composer on the grid"
PHRASES_ASSUMED = "there are no fermatas: phrase ends were assumed; mark them with fermatas to choose"


def compose(
    bars: Annotated[int | None, typer.Option(help="Length in bars; 12 if not said.")] = None,
    meter: Annotated[str | None, typer.Option(help="4/4, 3/4, 6/8, ...; 4/4 if not said.")] = None,
    key: Annotated[str | None, typer.Option(help="'G minor', 'Bb', 'f#', ...; left to the seed if not said.")] = None,
    pickup: Annotated[float | None, typer.Option(help="Quarters before the first barline; left to the seed if not said.")] = None,
    phrase_bars: Annotated[int | None, typer.Option(help="Bars between two fermatas; 2, in 3/4 4, if not said.")] = None,
    model: ModelOption = DEFAULT_MODEL,
    seed: SeedOption = None,
    count: CountOption = 1,
    output: OutputOption = None,
    layout: LayoutOption = Layout.OPEN,
    tempo: Annotated[float, typer.Option(min=10, max=400, help="Quarters a minute.")] = 80.0,
    temperature: TemperatureOption = None,
    top_p: TopPOption = None,
    sweeps: SweepsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compose a new chorale.

    Four voices, written as MIDI, MusicXML or a picture; without -o as all three, in out/.
    """
    from musicgen.composers.plan import Plan, plan_sketch
    from musicgen.music.convert import to_score
    from musicgen.music.pitch import Key
    from musicgen.music.score import Meter

    asked = given(bars=bars, pickup_quarters=pickup, phrase_bars=phrase_bars)
    asked |= {"meter": Meter.parse(meter)} if meter is not None else {}
    asked |= {"key": Key.parse(key)} if key is not None else {}
    plan, seeds, stages = Plan(**asked), seeds_from(seed, count), screen.Stages()
    paths = _outputs(output, "chorale", count)
    with stages("load"):
        composer = _load(model, temperature, top_p, sweeps)
    with stages("compose"):
        filled = _fill(composer, [plan_sketch(plan, each) for each in seeds], seeds, "composing")
    with stages("write"):
        pieces = _write([to_score(chorale, tempo=tempo) for chorale in filled], filled, seeds, paths, layout)
    _report({"model": composer.name, "pieces": pieces, "seconds": stages.seconds}, as_json)
    if not as_json:
        other = seeds[-1] + 1
        screen.remark(f"next, another: musicgen compose --seed {other} --key 'G minor' --meter 3/4 --bars 16")
        screen.remark("next, several:  musicgen compose --count 5 -o c.mid -o c.svg")


def harmonize(
    tune: Annotated[Path, typer.Argument(help="The tune: .mid, .musicxml, .mxl, .abc or .krn.")],
    part: Annotated[str | None, typer.Option(help="Name or number of the part that is the tune; found if not said.")] = None,
    keep: Annotated[str, typer.Option(help="Which voices of a four-voice score stay, by letters: S, SB, ...")] = "S",
    quantize: QuantizeOption = False,
    model: ModelOption = DEFAULT_MODEL,
    seed: SeedOption = None,
    count: CountOption = 1,
    output: OutputOption = None,
    layout: LayoutOption = Layout.OPEN,
    temperature: TemperatureOption = None,
    top_p: TopPOption = None,
    sweeps: SweepsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write three voices under a tune.

    The tune stays note for note; alto, tenor and bass are new. Of a score of four voices the soprano stays, or what --keep says.
    """
    from musicgen.composers.plan import with_phrases
    from musicgen.files.io import read_score
    from musicgen.music.sketch import Sketch
    from musicgen.music.tune import find_tune, with_voices
    from musicgen.rendering.export import check_score

    seeds, stages = seeds_from(seed, count), screen.Stages()
    with stages("read"):
        score = read_score(tune, quantize=quantize)
        with _named(tune):
            found = find_tune(score, part, keep)
    paths = _outputs(output, f"{tune.stem}-harmonized", count, tune)
    check_score(with_voices(found, found.chorale), paths, layout.value)
    remarks = _remarks(score, found.report, found.heard, found.chorale)
    if not as_json:
        screen.remarks(remarks)
    with stages("load"):
        composer = _load(model, temperature, top_p, sweeps)
    with stages("harmonize"):
        sketch = Sketch.for_voices(with_phrases(found.chorale), found.keep)
        filled = _fill(composer, [sketch] * count, seeds, "harmonizing")
    with stages("write"):
        pieces = _write([with_voices(found, chorale) for chorale in filled], filled, seeds, paths, layout)
    _report({"model": composer.name, "remarks": remarks, "pieces": pieces, "seconds": stages.seconds}, as_json)
    if not as_json:
        screen.remark(f"next: other voices with --seed {seeds[-1] + 1}, several to choose from with --count 5 -o c.musicxml")


def fill(
    source: Annotated[Path, typer.Argument(metavar="SCORE", help="The score of four voices: .mid, .musicxml, .mxl, .abc or .krn.")],
    bars: Annotated[
        list[str] | None, typer.Option(help="Bars to rewrite: 5, 5-8 or 2,5-8, also several times. A pick-up is bar 0.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Bar and beat where the region begins, like 3:2; the beginning if only --to is said.")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", help="Bar and beat where it ends, like 5:1, which itself stays; the end if only --from is said."),
    ] = None,
    voices: Annotated[str, typer.Option(help="Voices to rewrite, by letters: ATB, ...; alone, from beginning to end.")] = "SATB",
    quantize: QuantizeOption = False,
    model: ModelOption = DEFAULT_MODEL,
    seed: SeedOption = None,
    count: CountOption = 1,
    output: OutputOption = None,
    layout: LayoutOption = Layout.OPEN,
    temperature: TemperatureOption = None,
    top_p: TopPOption = None,
    sweeps: SweepsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rewrite a region of a score.

    Bars, or a beginning and an end, in all voices or some; the rest of the score stays note for note. A note that is held over the
    region's end is struck again there, which is said.
    """
    from musicgen.composers.plan import with_phrases
    from musicgen.files.io import read_score
    from musicgen.music.region import find_region, with_region
    from musicgen.music.sketch import Sketch
    from musicgen.rendering.export import check_score

    seeds, stages = seeds_from(seed, count), screen.Stages()
    with stages("read"):
        score = read_score(source, quantize=quantize)
        with _named(source):
            region = find_region(score, bars or (), start, end, voices)
    paths = _outputs(output, f"{source.stem}-filled", count, source)
    check_score(with_region(region, region.chorale), paths, layout.value)
    remarks = _remarks(score, region.report, region.heard, region.chorale)
    if not as_json:
        screen.remarks(remarks)
    with stages("load"):
        composer = _load(model, temperature, top_p, sweeps)
    with stages("fill"), _named(source):
        sketch = Sketch(with_phrases(region.chorale), region.free)
        filled = _fill(composer, [sketch] * count, seeds, "filling")
    with stages("write"):
        pieces = _write([with_region(region, chorale) for chorale in filled], filled, seeds, paths, layout)
    _report({"model": composer.name, "remarks": remarks, "pieces": pieces, "seconds": stages.seconds}, as_json)
    if not as_json:
        screen.remark(f"next: another way with --seed {seeds[-1] + 1}, several to choose from with --count 5 -o c.musicxml")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors in the music name its file."""
    try:
        yield
    except NotationError as error:
        raise FileError(path, str(error)) from error


def _remarks(score: Score, report: Sequence[str], heard: Sequence[str], chorale: Chorale) -> list[str]:
    """What a user should know of a source before it is rewritten."""
    assumed = () if chorale.fermata.any() else (PHRASES_ASSUMED,)
    return [*score.remarks, *report, *(f"{HEARD}: {sentence}" for sentence in heard), *assumed]


def _outputs(output: Sequence[Path] | None, stem: str, count: int, source: Path | None = None) -> list[Path]:
    """The files to write, refused before any work if they could not be written."""
    from musicgen.rendering.export import check_exports

    paths = list(output) if output else default_outputs(stem)
    check_exports(paths, count, source)
    return paths


def _load(model: str, temperature: float | None, top_p: float | None, sweeps: float | None) -> Composer:
    use_one_thread()
    from musicgen.composers.loading import load_composer

    return load_composer(model, **given(temperature=temperature, top_p=top_p, sweeps=sweeps))


def _fill(composer: Composer, sketches: Sequence[Sketch], seeds: Sequence[int], label: str) -> list[Chorale]:
    with screen.progress(label) as show:
        return composer.fill_many(sketches, seeds, lambda share: show(share, ""))


def _write(
    scores: Sequence[Score], chorales: Sequence[Chorale], seeds: Sequence[int], paths: Sequence[Path], layout: Layout
) -> list[dict[str, Any]]:
    """A record of each piece and its files."""
    from musicgen.rendering.export import export_score, numbered

    pieces = []
    for index, (score, chorale, seed) in enumerate(zip(scores, chorales, seeds, strict=True)):
        targets = [numbered(path, len(scores))[index] for path in paths]
        files = [str(file) for file in export_score(score, targets, layout.value)]
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
