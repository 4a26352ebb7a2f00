"""A request made ready: its sketches, and the way from what a composer makes of them to a finished score. No model is needed yet.

Whatever can be refused is refused here, before any work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from musicgen.composers.composer import Composer
from musicgen.composers.loading import DEFAULT, ensemble_of, load_composer
from musicgen.composers.plan import Plan, plan_sketch, with_cadences, with_phrases
from musicgen.errors import ConfigError, FileError, NotationError, with_notes
from musicgen.files.io import read_score
from musicgen.music.choirs import SATB, Choir, find_choir, for_choir
from musicgen.music.chorale import STEPS_PER_QUARTER, Chorale
from musicgen.music.constraints import PitchClasses
from musicgen.music.convert import to_score
from musicgen.music.ensemble import Ensemble
from musicgen.music.modes import is_mode, key_of, scale_of
from musicgen.music.region import Region, find_region, with_region
from musicgen.music.rules import Leap, NoCrossing, NoParallels, Spacing, VoiceRule
from musicgen.music.score import CHORDS_LEFT_OUT, Meter, Score
from musicgen.music.sketch import Sketch
from musicgen.music.tune import find_part, find_tune, with_voices
from musicgen.separation.separator import separate
from musicgen.steering import asks
from musicgen.steering.marks import marked_region
from musicgen.steering.originality import Originality
from musicgen.steering.pins import without_pins
from musicgen.steering.remarks import PHRASES_ASSUMED, remarks_on
from musicgen.steering.request import DIALS, Request, Task
from musicgen.steering.variation import Commission, How, continue_score, precede_score, vary_score

USUAL_TEMPO = 80.0
FOR_CHOIRS = ("choir", "cadence", "picardy", "original", "rank", "separate", "pinned_color", "free_color", "pin_part")
USUAL_KEEP_SHARE = 0.7
USUAL_NEW_BARS = 4
OPEN_END = "what is asked leaves no room for the tonic at the end"
_ASKS: Mapping[str, asks.Ask] = {
    "rhythm": asks.rhythm,
    "only": asks.only,
    "avoid": asks.avoid,
}


@dataclass(frozen=True, eq=False)
class Ready:
    """A sketch of what shall sound, and the finished score of what a composer makes of it, for the choir that sings it.

    remarks: what in it is less than was asked.
    """

    sketch: Sketch
    score_of: Callable[[Chorale], Score]
    choir: Choir | None = None
    remarks: Sequence[str] = ()

    def for_composer(self) -> Sketch:
        """A choir that sounds higher than Bach's gets music composed where he wrote it."""
        return self.choir.prepare(self.sketch) if self.choir else self.sketch

    def heard(self, filled: Chorale) -> Chorale:
        """What a composer made of it, as it sounds."""
        return self.choir.restore(filled) if self.choir else filled

    def written(self, chorale: Chorale) -> Score:
        """With the ends of phrases that the composer was told of, be they marked in the score or not."""
        score = self.score_of(chorale)
        ends = np.flatnonzero(self.sketch.given.fermata) * score.ticks_per_quarter // STEPS_PER_QUARTER
        score = replace(score, phrase_ends=tuple(ends.tolist()))
        return for_choir(score, self.choir) if self.choir else score


@dataclass(frozen=True, eq=False)
class Job:
    """pieces: one a seed; piece: that of any other seed; stem: a name for their files; draft: the score with nothing rewritten, to see
    whether it can be written at all; remarks: what a user should know; originality: what is refused of a composer's draws."""

    pieces: Sequence[Ready]
    piece: Callable[[int], Ready]
    stem: str
    draft: Score | None = None
    remarks: Sequence[str] = ()
    originality: Originality | None = None


def prepare(request: Request, seeds: Sequence[int], composer: Callable[[], Composer] | None = None, source: Score | None = None) -> Job:
    """Reads the source and makes a sketch for each seed. `composer`: gives the one whose judgement is asked for, where it is: in `vary`.
    `source`: the score itself, where it has been read; then no file is opened, and the request's `source` is but its name."""
    ensemble = ensemble_of(request.model or DEFAULT)
    _check_ensemble(request, ensemble)
    originality = Originality.of(request)
    job = _prepare(request, seeds, composer or (lambda: load(request)), ensemble, source)
    return replace(job, originality=originality) if originality else job


def _prepare(request: Request, seeds: Sequence[int], composer: Callable[[], Composer], ensemble: Ensemble, source: Score | None) -> Job:
    if request.task == "compose":
        return _compose(request, seeds, ensemble)
    path, score = _read(request, source)
    if request.task == "harmonize":
        return _harmonize(request, seeds, ensemble, path, score)
    if request.task == "fill":
        return _fill(request, seeds, ensemble, path, score)
    return _rewritten(request, seeds, composer, ensemble, path, score)


def _check_ensemble(request: Request, ensemble: Ensemble) -> None:
    """Refuses what is about soprano, alto, tenor and bass, of a model of other voices."""
    asked = [name for name in FOR_CHOIRS if getattr(request, name) not in (None, (), False)]
    if asked and not ensemble.is_choir:
        raise ConfigError(f"{request.where(asked[0])} is for four-voice chorales, {request.model} writes for {ensemble}; leave it out")


def make_sketches(request: Request, seeds: Sequence[int]) -> list[Sketch]:
    return [piece.sketch for piece in prepare(request, seeds).pieces]


def load(request: Request) -> Composer:
    """The composer that is asked for, with its dials turned as asked."""
    dials = {name: value for name, value in request.given().items() if name in DIALS}
    return load_composer(request.model or DEFAULT, **dials)


def steered(sketch: Sketch, request: Request, choir: Choir | None = None) -> Sketch:
    """The sketch bound by all that is asked of it, and by what its choir can sing."""
    sketch = choir.bind(sketch) if choir else sketch
    sketch = _asked(sketch, request, "local_key", asks.local_key)
    unpinned = sketch.free
    sketch = _asked(sketch, request, "pin", asks.pin)  # before chords: figures stand over a bass that is given
    pinned = unpinned & ~sketch.free
    sketch = _asked(sketch, request, "chords", partial(asks.chords, strict=request.chord_mode != "loose"))
    for name, ask in _ASKS.items():
        sketch = _asked(sketch, request, name, ask)
    sketch = _asked(sketch, request, "cadence", partial(asks.cadence, picardy=bool(request.picardy)))
    rules = tuple(_rules(request))
    if broken := [rule.describe() for rule in rules if not rule.kept_by(sketch.given, pinned)]:
        raise NotationError(f"the notes that are pinned break what is asked of the voices: {', '.join(broken)}; take one of them back")
    return _with_struck_ends(sketch.with_rules(*rules) if rules else sketch)


def _with_struck_ends(sketch: Sketch) -> Sketch:
    """A phrase that was assumed to end where the top voice is asked to hold a note ends with that note."""
    holds = np.where(sketch.free[0], sketch.asked_hold()[0], ~sketch.given.onset[0])
    fermata = np.zeros_like(sketch.given.fermata)
    for end in np.flatnonzero(sketch.given.fermata):
        fermata[int(np.flatnonzero(~holds[: end + 1])[-1])] = True
    return sketch if (fermata == sketch.given.fermata).all() else replace(sketch, given=sketch.given.replaced(fermata=fermata))


def _choir(request: Request) -> Choir | None:
    if request.choir is None:
        return None
    with request.reading("choir", request.choir):
        return find_choir(request.choir)


def _asked(sketch: Sketch, request: Request, name: str, ask: asks.Ask) -> Sketch:
    texts = getattr(request, name) or ()
    for text in (texts,) if isinstance(texts, str) else texts:
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


def _compose(request: Request, seeds: Sequence[int], ensemble: Ensemble) -> Job:
    plan = _plan(request, ensemble)
    score_of, choir = partial(to_score, tempo=request.tempo or USUAL_TEMPO), _choir(request)

    def piece(seed: int) -> Ready:
        sketch, is_open = _planned(plan, request, seed, choir, ensemble)
        return Ready(with_cadences(sketch, seed, request.picardy), score_of, choir, (f"seed {seed}: {OPEN_END}",) if is_open else ())

    pieces = [piece(seed) for seed in seeds]
    stem = "chorale" if ensemble.is_choir else "piece"
    return Job(pieces, piece, stem, remarks=[remark for each in pieces for remark in each.remarks])


def _planned(plan: Plan, request: Request, seed: int, choir: Choir | None, ensemble: Ensemble) -> tuple[Sketch, bool]:
    """The sketch, and whether its last chord, the tonic if nothing else is asked, had to make way for what is."""
    empty = plan_sketch(plan, seed, ensemble)
    ends = tuple(_ends(request, empty.given))
    sketch = plan_sketch(replace(plan, ends=ends), seed, ensemble) if ends else empty
    if request.key is not None and is_mode(request.key):
        sketch = sketch.with_constraints(scale_of(request.key, 0, sketch.given.steps))
    left = tuple(each for each in sketch.constraints if not isinstance(each, PitchClasses))
    if request.chords:
        return steered(replace(sketch, constraints=left), request, choir), False  # the last one that is asked ends the piece
    try:
        return steered(sketch, request, choir), False
    except NotationError:
        if left == sketch.constraints:
            raise
        return steered(replace(sketch, constraints=left), request, choir), True


def _plan(request: Request, ensemble: Ensemble) -> Plan:
    asked: dict[str, Any] = {"pickup_quarters": request.pickup, "phrase_bars": request.phrase_bars, "picardy": request.picardy}
    if request.meter is not None:
        with request.reading("meter", request.meter):
            asked["meter"] = Meter.parse(request.meter)
    elif ensemble.meter:
        asked["meter"] = Meter.parse(ensemble.meter)
    if request.key is not None:
        with request.reading("key", request.key):
            asked["key"] = key_of(request.key)
            asked["picardy"] = False if request.picardy is None and is_mode(request.key) else request.picardy
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


def _harmonize(request: Request, seeds: Sequence[int], ensemble: Ensemble, path: Path, score: Score) -> Job:
    choir = _choir(request)
    with named(path):
        tune = find_tune(score, None if request.separate else request.part, request.keep, choir or SATB, ensemble)
        phrases = _phrases(request)
        sketch = Sketch.for_voices(with_phrases(tune.chorale, phrases), tune.keep)
    sketch = steered(sketch, request, choir)

    def piece(seed: int) -> Ready:
        return Ready(with_cadences(sketch, seed, request.picardy), partial(with_voices, tune), choir)

    if request.chords:
        score = replace(score, remarks=tuple(remark for remark in score.remarks if remark != CHORDS_LEFT_OUT))
    told = with_phrases(tune.chorale, phrases) if phrases else tune.chorale
    remarks = remarks_on(score, tune.report, tune.heard, told, f"{PHRASES_ASSUMED}, or say --phrases 2+2+2+2")
    return Job([piece(seed) for seed in seeds], piece, f"{path.stem}-harmonized", with_voices(tune, tune.chorale), remarks)


def _fill(request: Request, seeds: Sequence[int], ensemble: Ensemble, path: Path, score: Score) -> Job:
    with named(path):
        region = _region(request, score, ensemble)
        sketch = Sketch(with_phrases(region.chorale, free=region.free), region.free)
    ready = Ready(steered(sketch, request), partial(with_region, region))
    remarks = remarks_on(score, region.report, region.heard, region.chorale)
    return Job([ready] * len(seeds), lambda seed: ready, f"{path.stem}-filled", with_region(region, region.chorale), remarks)


def _region(request: Request, score: Score, ensemble: Ensemble) -> Region:
    """What is named, or what is marked in the score."""
    marks = (request.pinned_color, request.free_color, request.pin_part)
    is_named = bool(request.bars or request.start or request.end or request.voices)
    if is_named and any(marks):
        raise ConfigError("a region is named, or marked in the score by colors and parts of pins, not both; choose one")
    if any(marks) or (not is_named and ensemble.is_choir and without_pins(score)[1]):
        return marked_region(score, *marks)
    return find_region(score, _bars(request), request.start, request.end, request.voices, ensemble)


def _bars(request: Request) -> tuple[str, ...]:
    return request.bars if isinstance(request.bars, tuple) else ()


def _rewritten(
    request: Request, seeds: Sequence[int], composer: Callable[[], Composer], ensemble: Ensemble, path: Path, score: Score
) -> Job:
    is_drawn = request.task != "vary" or request.how == "random"

    @cache
    def commission(seed: int) -> Commission:
        with named(path):
            return _commission(request, score, seed, composer, ensemble)

    def piece(seed: int) -> Ready:
        asked = commission(seed if is_drawn else seeds[0])
        return Ready(steered(asked.sketch, request), asked.score)

    pieces = [piece(seed) for seed in seeds]
    first = commission(seeds[0])
    draft, region = first.score(first.region.chorale), first.region
    endings: Mapping[Task, str] = {"vary": "varied", "continue": "continued", "precede": "preceded"}
    stem = f"{path.stem}-{endings[request.task]}"
    return Job(pieces, piece, stem, draft, remarks_on(score, region.report, region.heard, region.chorale))


def _commission(request: Request, score: Score, seed: int, composer: Callable[[], Composer], ensemble: Ensemble) -> Commission:
    if request.task == "vary":
        how: How = "random" if request.how == "random" else "unlikely"
        judge = composer() if how == "unlikely" else None
        keep = USUAL_KEEP_SHARE if request.keep_share is None else request.keep_share
        return vary_score(score, keep, how, judge, seed, _bars(request), request.start, request.end, request.voices, ensemble)
    bars = request.bars if isinstance(request.bars, int) else USUAL_NEW_BARS
    if request.task == "continue":
        return continue_score(score, bars, seed, request.phrase_bars, request.picardy, ensemble)
    return precede_score(score, bars, seed, request.phrase_bars, ensemble)


def _read(request: Request, source: Score | None) -> tuple[Path, Score]:
    path = Path(request.source or "")
    score = source or read_score(path, quantize=bool(request.quantize))
    if not request.separate:
        return path, score
    with named(path):
        separation = separate(score, parts=[find_part(score, request.part)] if request.part else None)
    return path, replace(separation.score, remarks=(*score.remarks, *separation.report))


@contextmanager
def named(path: str | Path) -> Iterator[None]:
    """Errors in the music name its file."""
    try:
        yield
    except NotationError as error:
        raise with_notes(FileError(path, str(error)), error) from error
