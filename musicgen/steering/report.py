"""Report: what was asked of a piece and whether it was kept, how each phrase ends, the chords, and its part-writing beside Bach's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import NotationError
from musicgen.evaluation.style import MEASURES, Measure, Rate, count, rate_of
from musicgen.music.chorale import REST, VOICE_LETTERS, Chorale
from musicgen.music.constraints import Constraint
from musicgen.music.phrases import Phrase, find_phrases, keys_to_cadences
from musicgen.music.pitch import pitch_name
from musicgen.music.roman import find_numerals, key_letter, roman
from musicgen.music.score import counted
from musicgen.music.sketch import Sketch
from musicgen.music.voice_leading import Event, Rule, find_events, find_parallels

Nats = NDArray[np.float32]
"""(V, T), of each cell"""

MOST_RUNS = 6  # of given cells in a voice, before they are only counted
MOST_NOTES = 4  # of a run, before they are only counted
MOST_PLACES = 5  # of one kind of breach
LEAST_LIKELY = 5  # notes

# Which breaches belong to which measure of `evaluation.style`, by what it counts.
RULES: dict[str, tuple[Rule, ...]] = {
    "parallel fifths": ("parallel fifths",),
    "parallel octaves": ("parallel octaves", "parallel unisons"),
    "crossed slices": ("voice crossing",),
    "overlaps": ("voice overlap",),
    "wide slices": ("wide spacing",),
    "notes out of range": ("out of range",),
    "non-chord tones": (),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that was asked, and whether the piece has it."""

    kind: Literal["given", "phrases", "constraint", "rule"]
    what: str
    kept: bool


@dataclass(frozen=True, slots=True)
class PhraseEnd:
    """A phrase from one place to another; `chords` and `numerals` are its last two, `key` is that of the cadence."""

    first: str
    last: str
    cadence: str
    key: str
    chords: tuple[str, ...]
    numerals: tuple[str, ...]
    has_fermata: bool


@dataclass(frozen=True, slots=True)
class BarChords:
    """The numerals of a bar, each with its beat's place; a key's letter stands before the first of each key: `D: V65`."""

    bar: int
    numerals: tuple[str, ...]
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """How often something happens, against what Bach's chorales have: his rate, and what it would come to in a piece of this size."""

    measure: str
    count: int
    rate: float
    bach: Rate
    bach_count: float
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Likely:
    """Nats per cell over what the composer wrote, by voice and by bar, and the notes it found least likely."""

    per_cell: float
    voices: dict[str, float]
    bars: dict[int, float]
    least_likely: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """`findings` are of four voices; `joins`: parallels from one phrase to the next; `likely` only where nats were given."""

    title: str
    heading: str
    asked: tuple[Asked, ...]
    phrases: tuple[PhraseEnd, ...]
    final_chord: str
    chords: tuple[BarChords, ...]
    findings: tuple[Finding, ...]
    joins: tuple[str, ...]
    likely: Likely | None = None

    @property
    def all_kept(self) -> bool:
        return all(each.kept for each in self.asked)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: what is not a number is None."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain | {"all_kept": self.all_kept}

    def markdown(self) -> str:
        from musicgen.steering.report_text import markdown

        return markdown(self)


def make_report(
    chorale: Chorale,
    sketch: Sketch | None = None,
    asked: Sequence[Constraint] = (),
    nats: Nats | None = None,
    composed: tuple[Sketch, Chorale] | None = None,
    unsung: Sequence[int] = (),
) -> Report:
    """`sketch`: what was to be filled, with all that it asks; `asked`: further constraints; `nats` of each cell, by a composer.

    `composed`: sketch and piece as the composer had them, where a choir sounds otherwise: rules are judged there. `unsung`: voices that
    no one sings.
    """
    if sketch is not None and sketch.free.shape != chorale.pitch.shape:
        raise NotationError(f"the sketch has (voices, steps) {sketch.free.shape}, the piece {chorale.pitch.shape}; report on its own piece")
    if nats is not None and nats.shape != chorale.pitch.shape:
        raise NotationError(f"nats of shape {nats.shape} for a piece of {chorale.pitch.shape}; one for each cell is needed")
    free = np.ones_like(chorale.onset) if sketch is None else sketch.free
    phrases = find_phrases(chorale)
    bars = len(chorale.bar_starts()) - (1 if chorale.pickup else 0)
    return Report(
        title=chorale.title,
        heading=f"{chorale.key}, {chorale.meter}, {counted(bars, 'bar')}" + (" and a pick-up" if chorale.pickup else ""),
        asked=tuple(_asked(chorale, sketch, asked, *(composed or (sketch, chorale)))) if sketch is not None else (),
        phrases=tuple(_phrase_end(chorale, phrase) for phrase in phrases),
        final_chord=_final_chord(chorale, phrases),
        chords=tuple(_bar_chords(chorale, phrases)),
        findings=tuple(_findings(chorale, free, unsung)) if chorale.ensemble.is_choir else (),
        joins=tuple(_joins(chorale, unsung)),
        likely=None if nats is None else _likely(chorale, free, nats),
    )


# --- what was asked


def _asked(chorale: Chorale, sketch: Sketch, more: Sequence[Constraint], prepared: Sketch, composed: Chorale) -> Iterator[Asked]:
    yield from _given(chorale, sketch)
    fermatas = np.flatnonzero(sketch.given.fermata)
    if len(fermatas):
        places = ", ".join(sketch.given.place(int(step)) for step in fermatas)
        yield Asked("phrases", f"phrases end at {places}", bool((chorale.fermata & chorale.onset[0])[fermatas].all()))
    for constraint in (*sketch.constraints, *more):
        yield Asked("constraint", constraint.describe(sketch), constraint.kept_by(sketch, chorale))
    for rule in prepared.rules:
        yield Asked("rule", rule.describe(), rule.kept_by(composed, prepared.free))


def _given(chorale: Chorale, sketch: Sketch) -> Iterator[Asked]:
    """What each voice has that is given: all of it, single notes by name, longer passages by their places, scattered ones by number."""
    given = sketch.given
    same = (chorale.pitch == given.pitch) & (chorale.onset == given.onset)
    for voice in range(given.voices):
        cells, name = ~sketch.free[voice], given.voice_name(voice)
        runs = _runs(cells)
        if cells.all():
            yield Asked("given", f"{name}, whole", bool(same[voice].all()))
        elif len(runs) > MOST_RUNS:
            notes = counted(int((given.onset[voice] & cells).sum()), "note")
            yield Asked("given", f"{name}, {notes} here and there", bool(same[voice][cells].all()))
        else:
            for start, end in runs:
                yield Asked("given", f"{name}, {_passage(given, voice, start, end)}", bool(same[voice, start:end].all()))


def _runs(cells: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[start, end) of each run of True."""
    edges = np.flatnonzero(np.diff(np.pad(cells.astype(np.int8), 1)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _passage(given: Chorale, voice: int, start: int, end: int) -> str:
    struck = [step for step in range(start, end) if given.onset[voice, step]]
    if len(struck) > MOST_NOTES:
        return f"{given.place(start)} to {given.place(end - 1)}, {counted(len(struck), 'note')}"
    pitches = [int(given.pitch[voice, step]) for step in struck]
    names = ["rest" if pitch == REST else pitch_name(pitch, given.key) for pitch in pitches]
    return f"{given.place(start)}: {' '.join(names)}"


# --- what was found


def _phrase_end(chorale: Chorale, phrase: Phrase) -> PhraseEnd:
    chords = (phrase.cadence.before, phrase.cadence.final)
    return PhraseEnd(
        chorale.place(phrase.start),
        chorale.place(phrase.cadence.step),
        phrase.cadence.kind,
        str(phrase.key),
        tuple(chord.name(phrase.key) for chord in chords if chord is not None),
        phrase.numerals,
        phrase.has_fermata,
    )


def _final_chord(chorale: Chorale, phrases: Sequence[Phrase]) -> str:
    """`G, I in G major`."""
    final = phrases[-1].cadence.final if phrases else None
    return f"{final.name(chorale.key)}, {roman(final, chorale.key)} in {chorale.key}" if final else "no chord"


def _bar_chords(chorale: Chorale, phrases: Sequence[Phrase]) -> Iterator[BarChords]:
    """What sounds on at a barline is said again."""
    found = find_numerals(chorale, keys_to_cadences(chorale, phrases))
    first, shown = 0 if chorale.pickup else 1, None
    for index, (start, end) in enumerate(pairwise([*chorale.bar_starts(), chorale.steps])):
        numerals = [numeral for numeral in found if start <= numeral.step < end]
        before = [numeral for numeral in found if numeral.step < start]
        if before and not any(numeral.step == start for numeral in numerals):
            numerals.insert(0, before[-1])
        texts = []
        for numeral in numerals:
            texts.append(numeral.text if numeral.key == shown else f"{key_letter(numeral.key)}: {numeral.text}")
            shown = numeral.key
        yield BarChords(first + index, tuple(texts), tuple(chorale.place(max(numeral.step, start)) for numeral in numerals))


def _findings(chorale: Chorale, free: NDArray[np.bool_], unsung: Sequence[int]) -> Iterator[Finding]:
    """Places that are heard come first."""
    counted_here = count(chorale)
    events = sorted(find_events(chorale), key=lambda event: _is_unsung(event, unsung))
    for measure in MEASURES:
        if measure.events in RULES:
            breaches = [event for event in events if event.rule in RULES[measure.events]]
            yield _finding(measure, counted_here, [_breach(event, chorale, free, unsung) for event in breaches])


def _finding(measure: Measure, counted_here: dict[str, float], places: Sequence[str]) -> Finding:
    chances = counted_here.get(measure.chances, 0)
    return Finding(
        measure.name,
        int(counted_here.get(measure.events, 0)),
        rate_of(measure, counted_here),
        measure.bach,
        measure.bach.value * chances / measure.scale,
        (*places[:MOST_PLACES], *([f"and {len(places) - MOST_PLACES} more"] if len(places) > MOST_PLACES else [])),
    )


def _joins(chorale: Chorale, unsung: Sequence[int]) -> Iterator[str]:
    inside = set(find_parallels(chorale))
    found = (event for event in find_parallels(chorale, inside_phrases=False) if event not in inside)
    return (event.describe(chorale) for event in found if not _is_unsung(event, unsung))


def _is_unsung(event: Event, unsung: Sequence[int]) -> bool:
    return not set(event.voices).isdisjoint(unsung)


def _breach(event: Event, chorale: Chorale, free: NDArray[np.bool_], unsung: Sequence[int]) -> str:
    """`TB bar 5 beat 2`, and whether those notes were given, or one of them is not sung."""
    letters = "".join(VOICE_LETTERS[voice] for voice in event.voices)
    is_given = not free[list(event.voices), event.step].any()
    remark = " (not sung)" if _is_unsung(event, unsung) else " (given)" if is_given else ""
    return f"{letters} {chorale.place(event.step)}{remark}"


# --- likelihood


def _likely(chorale: Chorale, free: NDArray[np.bool_], nats: Nats) -> Likely:
    priced = np.where(free, nats.astype(np.float64), np.nan)
    first = 0 if chorale.pickup else 1
    bars = pairwise([*chorale.bar_starts(), chorale.steps])
    notes = [note for voice in range(chorale.voices) for note in chorale.notes(voice) if free[voice, note.start]]
    price = [float(np.nansum(priced[note.voice, note.start : note.end])) for note in notes]
    dearest = sorted(zip(price, notes, strict=True), key=lambda pair: -pair[0])[:LEAST_LIKELY]
    return Likely(
        _mean(priced),
        {chorale.voice_name(voice): _mean(row) for voice, row in enumerate(priced)},
        {first + index: _mean(priced[:, start:end]) for index, (start, end) in enumerate(bars)},
        tuple(
            f"{chorale.voice_name(note.voice)}, {chorale.place(note.start)}: "
            f"{'rest' if note.pitch == REST else pitch_name(note.pitch, chorale.key)}, {cost:.1f} nats"
            for cost, note in dearest
        ),
    )


def _mean(priced: NDArray[np.float64]) -> float:
    """Over the cells that have a price; nan if none has."""
    known = priced[~np.isnan(priced)]
    return float(known.mean()) if known.size else float("nan")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
