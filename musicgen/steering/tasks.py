"""A request made ready: its sketches, and the way from what a composer makes of them to a finished score. No model is needed yet.

Whatever can be refused is refused here, before any work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from musicgen.composers.plan import Plan, plan_sketch, with_phrases
from musicgen.errors import FileError, NotationError, with_notes
from musicgen.files.io import read_score
from musicgen.music.chorale import VOICE_LETTERS, Chorale
from musicgen.music.convert import to_score
from musicgen.music.pitch import Key
from musicgen.music.region import find_region, with_region
from musicgen.music.rules import Leap, NoCrossing, NoParallels, Spacing, VoiceRule
from musicgen.music.score import Meter, Score
from musicgen.music.sketch import Sketch
from musicgen.music.tune import find_tune, with_voices
from musicgen.steering import asks
from musicgen.steering.request import Request, Task

USUAL_TEMPO = 80.0
HEARD = "what is kept is written as it was, but heard by the composer on the grid"
PHRASES_ASSUMED = "there are no fermatas: phrase ends were assumed; mark them with fermatas to choose"
# Keys before what is named in them; chords before single notes, so that a refusal names both.
_ASKS: Mapping[str, asks.Ask] = {
    "local_key": asks.local_key,
    "rhythm": asks.rhythm,
    "only": asks.only,
    "avoid": asks.avoid,
    "pin": asks.pin,
}


@dataclass(frozen=True, eq=False)
class Job:
    """sketches: one a seed; score_of: the finished score of a filled sketch; stem: a name for it; draft: the score with nothing
    rewritten, to see whether it can be written at all; remarks: what a user should know."""

    sketches: Sequence[Sketch]
    score_of: Callable[[Chorale], Score]
    stem: str
    draft: Score | None = None
    remarks: Sequence[str] = ()


def prepare(request: Request, seeds: Sequence[int]) -> Job:
    """Reads the source and makes a sketch for each seed."""
    makers: Mapping[Task, Callable[[Request, Sequence[int]], Job]] = {"compose": _compose, "harmonize": _harmonize, "fill": _fill}
    return makers[request.task](request, seeds)


def make_sketches(request: Request, seeds: Sequence[int]) -> Sequence[Sketch]:
    return prepare(request, seeds).sketches


def steered(sketch: Sketch, request: Request) -> Sketch:
    """The sketch bound by all that is asked of it."""
    for name, ask in _ASKS.items():
        sketch = _asked(sketch, request, name, ask)
    sketch = _asked(sketch, request, "cadence", partial(asks.cadence, picardy=bool(request.picardy)))
    rules = tuple(_rules(request))
    return sketch.with_rules(*rules) if rules else sketch


def _asked(sketch: Sketch, request: Request, name: str, ask: asks.Ask) -> Sketch:
    for text in getattr(request, name):
        with request.reading(name, text):
            sketch = ask(sketch, text)
    return sketch


def _rules(request: Request) -> Iterator[VoiceRule]:
    if request.no_crossing:
        yield NoCrossing()
    if request.spacing is not None:
        yield Spacing(request.spacing)
    if request.leap is not None:
        yield Leap(request.leap)
    if request.no_parallels:
        yield NoParallels()


# --- the tasks


def _compose(request: Request, seeds: Sequence[int]) -> Job:
    plan = _plan(request)
    sketches = [steered(_planned(plan, request, seed), request) for seed in seeds]
    return Job(sketches, partial(to_score, tempo=request.tempo or USUAL_TEMPO), "chorale")


def _planned(plan: Plan, request: Request, seed: int) -> Sketch:
    empty = plan_sketch(plan, seed)
    ends = tuple(_ends(request, empty.given))
    return plan_sketch(replace(plan, ends=ends), seed) if ends else empty


def _plan(request: Request) -> Plan:
    asked: dict[str, Any] = {"pickup_quarters": request.pickup, "phrase_bars": request.phrase_bars, "picardy": request.picardy}
    if request.meter is not None:
        with request.reading("meter", request.meter):
            asked["meter"] = Meter.parse(request.meter)
    if request.key is not None:
        with request.reading("key", request.key):
            asked["key"] = Key.parse(request.key)
    phrases = _phrases(request)
    asked |= {"bars": (sum(phrases) or None) if request.bars is None else request.bars, "phrases": phrases}
    return Plan(**{name: value for name, value in asked.items() if value is not None})


def _ends(request: Request, chorale: Chorale) -> Iterator[str]:
    """Where phrases end because cadences are asked for."""
    for text in request.cadence:
        with request.reading("cadence", text):
            yield asks.read_cadence(text, chorale).place


def _phrases(request: Request) -> tuple[int, ...]:
    if request.phrases is None:
        return ()
    with request.reading("phrases", request.phrases):
        return asks.phrase_lengths(request.phrases)


def _harmonize(request: Request, seeds: Sequence[int]) -> Job:
    path, score = _read(request)
    with named(path):
        tune = find_tune(score, request.part, request.keep or "S")
    sketch = steered(Sketch.for_voices(with_phrases(tune.chorale, _phrases(request)), tune.keep), request)
    remarks = _remarks(score, tune.report, tune.heard, tune.chorale)
    return Job([sketch] * len(seeds), partial(with_voices, tune), f"{path.stem}-harmonized", with_voices(tune, tune.chorale), remarks)


def _fill(request: Request, seeds: Sequence[int]) -> Job:
    path, score = _read(request)
    with named(path):
        bars = request.bars if isinstance(request.bars, tuple) else ()
        region = find_region(score, bars, request.start, request.end, request.voices or VOICE_LETTERS)
        sketch = Sketch(with_phrases(region.chorale), region.free)
    sketch = steered(sketch, request)
    remarks = _remarks(score, region.report, region.heard, region.chorale)
    return Job([sketch] * len(seeds), partial(with_region, region), f"{path.stem}-filled", with_region(region, region.chorale), remarks)


def _read(request: Request) -> tuple[Path, Score]:
    path = Path(request.source or "")
    return path, read_score(path, quantize=bool(request.quantize))


@contextmanager
def named(path: str | Path) -> Iterator[None]:
    """Errors in the music name its file."""
    try:
        yield
    except NotationError as error:
        raise with_notes(FileError(path, str(error)), error) from error


def _remarks(score: Score, report: Sequence[str], heard: Sequence[str], chorale: Chorale) -> list[str]:
    """What a user should know of a source before it is rewritten."""
    assumed = () if chorale.fermata.any() else (PHRASES_ASSUMED,)
    return [*score.remarks, *report, *(f"{HEARD}: {sentence}" for sentence in heard), *assumed]
