"""Generator: a model of event streams as one who writes MIDI: new pieces, what comes next, what is missing in the middle.

Every result is a whole MIDI file. Several of one request are drawn in one batch, each from a seed of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np

from musicgen.errors import ConfigError, showing
from musicgen.files.midi import midi_of_score
from musicgen.files.midi_splice import MidiSource, find_lines, read_source
from musicgen.generation.context import Reader
from musicgen.generation.filling import Filling
from musicgen.generation.harmony import MODES, make_harmony
from musicgen.generation.results import USUAL_TEMPO, Generated, new_score, notes_by_line, outside, with_exchanged
from musicgen.generation.timeline import Timeline
from musicgen.generation.tracks import labels_of, parse_programs, parse_track
from musicgen.generation.windows import draw_streams, last_bars
from musicgen.music.bars import Bar, bar_indices, bars_of, spans_of
from musicgen.music.pitch import Key
from musicgen.music.score import TICKS_PER_QUARTER, Meter, MeterAt, Note, Part, Score
from musicgen.sampling.decoding import DecodingOptions, StreamModel
from musicgen.sampling.event_steering import EventPlan, EventSteer, Harmony
from musicgen.sampling.event_words import EventWords, Kind
from musicgen.tokenizers.event_meters import sayable
from musicgen.tokenizers.event_tracks import DRUMS, TrackLabel, seated
from musicgen.tokenizers.events import EventTokenizer

MOST_BARS = 2_000
TEMPOS = (10, 400)  # as steering.request has them
FOREVER = 1 << 40
COMMON, USUAL = Meter(), DecodingOptions()
LONGEST_BAR = 3  # a bar has at most so small a part of a window
_ABSENCE, _ABSENCE_LATER = 2, 8  # bars in which a track may be silent: of those asked for, of those that a file has
_ALL_SLOTS = (DRUMS, *range(128))

OnProgress = Callable[[float], None]


@dataclass(frozen=True)
class Chords:
    """A chart as `--chords` has it; `strict` or `loose`; the key of Roman numerals."""

    text: str
    mode: str = "strict"
    key: Key | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"chord mode {self.mode!r}; choices: {', '.join(MODES)}")

    def over(self, timeline: Timeline, region: Sequence[int]) -> Harmony:
        with showing(self.text):
            return make_harmony(self.text, self.mode, self.key, timeline, region)


class Generator:
    """`load_generator("folk").generate(bars=16, seeds=[1])`."""

    def __init__(
        self,
        name: str,
        model: StreamModel,
        tokenizer: EventTokenizer,
        known: Sequence[int] = (),
        ensembles: Sequence[tuple[int, Sequence[TrackLabel]]] = (),
    ) -> None:
        """`known`: slots that the model has learned, the most frequent first; other tracks are read and written as these. Empty: all.
        `ensembles`: sets of tracks that it has learned from, with how many ids they had."""
        self.name, self.model, self.tokenizer, self.known, self.ensembles = name, model, tokenizer, known, ensembles
        if not tokenizer.bar_ids:
            raise ConfigError(f"{name} was trained on tokens of the kind {tokenizer.kind}, which have no bars to ask for; train on remi")
        self.words = EventWords.of_tokenizer(tokenizer)

    @property
    def window(self) -> int:
        return int(self.model.config.window)

    # --- a new piece

    def generate(
        self,
        bars: int = 16,
        *,
        seeds: Sequence[int] = (0,),
        tempo: float | None = None,
        programs: str | Sequence[TrackLabel] = (),
        meter: Meter = COMMON,
        chords: str | Chords | None = None,
        options: DecodingOptions = USUAL,
        on_progress: OnProgress | None = None,
    ) -> list[Generated]:
        """`bars` bars for these programs, `"0,33,drums"`, or for those of one of the pieces it has learned from; a piece for each seed."""
        asked = seated(parse_programs(programs) if isinstance(programs, str) else programs, self.known)
        check_bars(bars)
        check_tempo(tempo)
        timeline = self._new_timeline(bars, meter)
        harmony = _harmony(chords, timeline, range(len(timeline.bars)))
        tracks = [asked or self._any_ensemble(seed) for seed in seeds]
        plans = [self._new_plan(labels, timeline, harmony, tempo) for labels in tracks]
        prompt = self._opening(timeline, tempo)
        steers = [self._steer(plan) for plan in plans]
        for steer in steers:
            steer.read(prompt[1:])
        self._draw([prompt] * len(seeds), steers, seeds, options, on_progress)
        return [
            Generated(seed, midi_of_score(new_score(steer.notes, timeline, labels, meter, tempo or steer.tempo or USUAL_TEMPO)))
            for seed, steer, labels in zip(seeds, steers, tracks, strict=True)
        ]

    def _any_ensemble(self, seed: int) -> list[TrackLabel]:
        """One of `ensembles`, as often as it was heard in training; none if none is known."""
        if not self.ensembles:
            return []
        weights = np.array([ids for ids, _ in self.ensembles], dtype=np.float64)
        chosen = np.random.default_rng((seed, len(weights))).choice(len(weights), p=weights / weights.sum())
        return list(self.ensembles[chosen][1])

    def _new_plan(self, labels: Sequence[TrackLabel], timeline: Timeline, harmony: Harmony | None, tempo: float | None) -> EventPlan:
        slots = tuple(label.slot for label in labels) or _ALL_SLOTS
        planned = tuple(timeline.planned(bar) for bar in timeline.bars)
        return EventPlan(planned, slots, harmony, _ABSENCE if labels else 0, tempo=tempo is None)

    def _opening(self, timeline: Timeline, tempo: float | None) -> list[int]:
        """BOS, the first bar with its meter, its first position, and there the tempo, the nearest that tokens know."""
        bar = timeline.bars[0]
        meter = self.words.meters.index((bar.beats, bar.unit))
        ids = [self.words.id_of(Kind.BAR), self.words.id_of(Kind.TIMESIG, meter), self.words.id_of(Kind.POSITION)]
        if tempo is not None:
            slowest, fastest = self.tokenizer.grid.tempos
            ids.append(self.words.id_of(Kind.TEMPO, round(min(max(tempo, slowest), fastest))))
        return [self.tokenizer.bos_id, *self.tokenizer.merged(np.array(ids)).tolist()]

    # --- what comes next

    def continue_(
        self,
        source: MidiSource | str | PathLike[str],
        bars: int = 8,
        *,
        start: int | None = None,
        seeds: Sequence[int] = (0,),
        chords: str | Chords | None = None,
        options: DecodingOptions = USUAL,
        on_progress: OnProgress | None = None,
    ) -> list[Generated]:
        """`bars` new bars from bar `start` on, after the last if not said. Notes that begin at `start` or later are taken out."""
        check_bars(bars)
        source = _source(source)
        begin, all_bars = _growth(source, bars, start)
        timeline = self._timeline(all_bars, source)
        region = timeline.within(range(begin, len(all_bars)))
        at, end = all_bars[begin].start, all_bars[-1].end
        labels = seated(labels_of([line.part for line in source.lines]), self.known)
        kept = [[note for note in line.part.notes if note.start < at] for line in source.lines]
        if not any(kept):
            raise ConfigError(f"there are no notes before bar {all_bars[begin].number} to go on from; continue from a later bar")
        plan = EventPlan(
            tuple(timeline.planned(timeline.bars[index]) for index in region),
            tuple(dict.fromkeys(label.slot for label, notes in zip(labels, kept, strict=True) if notes)),
            _harmony(chords, timeline, region),
            _ABSENCE_LATER,
        )
        before = replace(timeline, bars=timeline.bars[: region[0]])
        ids = Reader(self.tokenizer, self.words, before, labels, source.score.tempos).ids(kept).tolist()
        prompt = self._shown(ids)
        steers = [self._steer(plan) for _ in seeds]
        self._draw([prompt] * len(seeds), steers, seeds, options, on_progress)
        found = []
        for seed, steer in zip(seeds, steers, strict=True):
            fresh = notes_by_line(steer.notes, timeline, region, labels, kept)
            found.append(with_exchanged(seed, source, [(at, end), (end, FOREVER)], dict(enumerate(fresh)), kept, (), end))
        return found

    # --- what is missing

    def infill(
        self,
        source: MidiSource | str | PathLike[str],
        bars: str | None = None,
        *,
        tracks: Sequence[str] = (),
        added: Sequence[str | Part] = (),
        seeds: Sequence[int] = (0,),
        chords: str | Chords | None = None,
        options: DecodingOptions = USUAL,
        on_progress: OnProgress | None = None,
    ) -> list[Generated]:
        """These bars of these tracks anew, all bars if none are said; `added` tracks are new ones. All else is heard and stays."""
        source = _source(source)
        parts = [parse_track(track) if isinstance(track, str) else track for track in added]
        all_bars = bars_of(source.score)
        chosen, indices = find_region(source, bars, tracks, parts)
        spans = spans_of(indices, all_bars)
        timeline = self._timeline(all_bars, source)
        labels = seated(labels_of([*(line.part for line in source.lines), *parts]), self.known)
        kept = [outside(line.part.notes, spans) if index in chosen else line.part.notes for index, line in enumerate(source.lines)]
        region = timeline.within(indices)
        filling = Filling(
            self.model,
            Reader(self.tokenizer, self.words, timeline, labels, source.score.tempos),
            [*chosen, *range(len(source.lines), len(labels))],
            region,
            _harmony(chords, timeline, region),
        )
        nothing: list[tuple[Note, ...]] = [() for _ in parts]
        before = [line.part.notes for line in source.lines]
        each = [replace(options, seed=seed) for seed in seeds]
        found = []
        for seed, fresh in zip(seeds, filling.draw([*kept, *nothing], [*before, *nothing], each, on_progress), strict=True):
            filled = [replace(part, notes=tuple(notes)) for part, notes in zip(parts, fresh[len(source.lines) :], strict=True)]
            found.append(with_exchanged(seed, source, spans, {index: fresh[index] for index in chosen}, kept, filled, 0))
        return found

    # --- shared

    def _timeline(self, bars: Sequence[Bar], source: MidiSource) -> Timeline:
        return Timeline.of(bars, source.score.ticks_per_quarter, self.tokenizer.grid.positions)

    def _shown(self, ids: Sequence[int]) -> list[int]:
        """The last bars of a piece of base ids, with BOS if they are all of it."""
        shown = last_bars(ids, self.tokenizer.bar_ids, self.window // 2)
        merged: list[int] = self.tokenizer.merged(np.array(shown)).tolist()
        return [self.tokenizer.bos_id, *merged] if len(shown) == len(ids) else merged

    def _new_timeline(self, bars: int, meter: Meter) -> Timeline:
        """At the coarsest ticks that hold every position, but at least 480 a quarter."""
        grid = self.tokenizer.grid
        if sayable(meter.beats, meter.unit) is None:
            raise ConfigError(f"the meter {meter} is none that event models know; choose another, like 4/4")
        ticks = grid.ticks_per_quarter * -(-TICKS_PER_QUARTER // grid.ticks_per_quarter)
        score = Score((), ticks, (MeterAt(0, meter),))
        return Timeline.of(bars_of(score, bars - 1), ticks, grid.positions)

    def _steer(self, plan: EventPlan) -> EventSteer:
        return EventSteer(self.words, plan, longest_bar=self.window // LONGEST_BAR)

    def _draw(
        self,
        prompts: Sequence[Sequence[int]],
        steers: Sequence[EventSteer],
        seeds: Sequence[int],
        options: DecodingOptions,
        on_progress: OnProgress | None,
    ) -> None:
        each = [replace(options, seed=seed) for seed in seeds]
        draw_streams(self.model, prompts, steers, each, self.tokenizer.bar_ids, on_progress)


def _source(source: MidiSource | str | PathLike[str]) -> MidiSource:
    return source if isinstance(source, MidiSource) else read_source(source)


def _harmony(chords: str | Chords | None, timeline: Timeline, region: Sequence[int]) -> Harmony | None:
    if chords is None:
        return None
    return (Chords(chords) if isinstance(chords, str) else chords).over(timeline, region)


def _growth(source: MidiSource, bars: int, start: int | None) -> tuple[int, tuple[Bar, ...]]:
    """The place of the first new bar, and all bars up to the last new one."""
    there = bars_of(source.score)
    first, last = there[0].number, there[-1].number
    start = last + 1 if start is None else start
    if not first < start <= last + 1:
        raise ConfigError(
            f"there is nothing to go on from at bar {start}; the piece has bars {first} to {last}, choose {first + 1} to {last + 1}"
        )
    begin = start - first
    return begin, bars_of(source.score, max(0, begin + bars - len(there)))[: begin + bars]


def find_region(source: MidiSource, bars: str | None, tracks: Sequence[str], added: Sequence[Part] = ()) -> tuple[list[int], list[int]]:
    """Places of the lines, and of the bars, that `infill` is asked for."""
    if not tracks and not added:
        names = ", ".join(line.name for line in source.lines)
        raise ConfigError(f"no track is named; name one or several of {names}, or add one")
    all_bars = bars_of(source.score)
    if not bars:
        return find_lines(tracks, source), list(range(len(all_bars)))
    with showing(bars):
        return find_lines(tracks, source), bar_indices(bars, all_bars)


def check_tempo(tempo: float | None) -> None:
    if tempo is not None and not TEMPOS[0] <= tempo <= TEMPOS[1]:
        raise ConfigError(f"a tempo of {tempo:g} quarters a minute; {TEMPOS[0]} to {TEMPOS[1]} can be asked")


def check_bars(bars: int) -> None:
    if not 1 <= bars <= MOST_BARS:
        raise ConfigError(f"{bars} bars; 1 to {MOST_BARS} can be asked")
