"""A region of a score of an ensemble's voices, for a composer to rewrite, and the score with that region rewritten and nothing else.

Shapes: V voices, T steps. The composer hears the notes around the region on the grid; they are written as they were, tick for tick.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import lcm
from statistics import median_low

import numpy as np

from musicgen.errors import ConfigError, NotationError, showing
from musicgen.music.chorale import STEPS_PER_QUARTER, BoolArray, Chorale, runs
from musicgen.music.convert import grid_lines, nearest_step, voice_notes
from musicgen.music.ensemble import BACHS_CHOIR, Ensemble, titled
from musicgen.music.places import bar_spans, step_at
from musicgen.music.resolution import rescaled
from musicgen.music.score import ColoredRest, KeyAt, Note, Part, Score
from musicgen.music.seating import ensemble_lines
from musicgen.music.separate import Line, find_lines, part_names
from musicgen.music.sketch import Sketch, free_region
from musicgen.music.tune import spelled
from musicgen.music.words import laid_under

Span = tuple[int, int]

_VELOCITY = 80  # of a voice that has no note yet; a note's own default


@dataclass(frozen=True, eq=False)
class Region:
    """What may be rewritten of a score: `Sketch(region.chorale, region.free)` is a composer's task.

    score: the source, at ticks that hold a sixteenth; lines: its voices, top to bottom; chorale: the same on the grid, notes that the
    region's end would cut struck again there; free (V, T); report: what is rewritten, and what becomes of notes at its edges; heard:
    where the grid differs from the notes.
    """

    score: Score
    lines: tuple[Line, ...]
    chorale: Chorale
    free: BoolArray
    report: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()

    @property
    def step_ticks(self) -> int:
        return self.score.ticks_per_quarter // STEPS_PER_QUARTER

    def heard_at(self, tick: int) -> int:
        """The tick of the nearest step."""
        return nearest_step(self.score, tick) * self.step_ticks

    def spans(self, voice: int) -> list[Span]:
        """[start, end) of the free stretches of a voice, in ticks of the score."""
        return [(start * self.step_ticks, end * self.step_ticks) for start, end in runs(self.free[voice])]


def find_region(
    score: Score,
    bars: str | Sequence[str] = (),
    start: str | None = None,
    end: str | None = None,
    voices: str | None = None,
    ensemble: Ensemble = BACHS_CHOIR,
) -> Region:
    """The region of `bars` (`"5-8"`, `"2,5-8"`), or from `start` up to `end` (`"3:2"`, bar and beat; `end` itself stays), in `voices`.

    Without `start` it begins with the piece, without `end` it ends with it; voices alone, all if not said, are rewritten from beginning to
    end. `ensemble`: who the voices are.
    """
    letters = ensemble.letters_in(ensemble.letters if voices is None else voices)
    whole = read_region(score, ensemble)
    chorale = whole.chorale
    spans = _spans(chorale, [bars] if isinstance(bars, str) else bars, start, end, letters)
    free = np.zeros_like(chorale.onset)
    for span in spans:
        free |= free_region(chorale, [ensemble.index(letter) for letter in letters], *span)
    return with_free(whole, free, _task(chorale, spans, letters))


def with_free(whole: Region, free: BoolArray, task: str) -> Region:
    """A score of which nothing was free, with free cells (V, T); its report tells the task and what becomes of the notes at its edges."""
    region = replace(whole, chorale=_struck_again(whole.chorale, free), free=free)
    return replace(region, report=(task, *whole.report, *_edges(region)))


def read_region(score: Score, ensemble: Ensemble = BACHS_CHOIR) -> Region:
    """The voices of a whole score, with nothing free yet; what a user should know of how they were found is its report."""
    source = rescaled(score, lcm(score.ticks_per_quarter, STEPS_PER_QUARTER))
    lines, passed = voice_lines(source, ensemble)
    conversion = grid_lines(source, lines, ensemble=ensemble)
    return Region(source, lines, conversion.chorale, np.zeros_like(conversion.chorale.onset), tuple(passed), conversion.report)


def with_region(region: Region, filled: Chorale) -> Score:
    """The score with the region's notes from the filled chorale; every other note, part, meter, key and tempo as it was.

    A note that reaches into the region ends where the composer ends it. One that ends at the region's beginning is never lengthened: if
    the composer holds it on, it is struck again. Kept notes without a spelling are given one.
    """
    if filled.pitch.shape != region.free.shape or not Sketch(region.chorale, region.free).keeps(filled):
        raise NotationError("the filled chorale has other notes outside the region than the score; fill the region's own chorale")
    before = voice_notes(region.chorale, region.step_ticks)
    after = voice_notes(filled.replaced(fermata=region.chorale.fermata), region.step_ticks)
    lines = [_rewritten(region, voice, before[voice], after[voice]) for voice in range(len(region.lines))]
    parts = [part for index, part in enumerate(region.score.parts) for part in _parts(part, [line for line in lines if line.part == index])]
    return replace(region.score, parts=tuple(parts), keys=region.score.keys or (KeyAt(0, region.chorale.key),))


# --- which cells


def voice_lines(score: Score, ensemble: Ensemble = BACHS_CHOIR, parts: Sequence[int] | None = None) -> tuple[tuple[Line, ...], list[str]]:
    """The voices, top to bottom, and what a user should know of how they were found; from `parts`, or from those that are voices."""
    lines, remarks = find_lines(score, parts) if ensemble.is_choir else ensemble_lines(score, ensemble)
    voices = Counter(line.part for line in lines)
    shared = {
        index: f"{score.parts[index].name or f'part {index + 1}'} holds {count} voices" for index, count in voices.items() if count > 1
    }
    if len(lines) != ensemble.voices:
        count = "1 is" if len(lines) == 1 else f"{len(lines)} are"
        found = "; ".join([f"{count} found; the score's parts are {part_names(score)}", *shared.values()])
        raise NotationError(_other_number(len(lines), found, ensemble))
    split = [f"{sentence}: each is written as its own part" for sentence in shared.values()]
    said = [remark.sentence(score) + ("" if remark.voice else "; it stays as it is") for remark in remarks]
    whole = (line if line.part in shared else replace(line, notes=score.parts[line.part].notes) for line in lines)
    return tuple(whole), [*split, *said]


def _other_number(voices: int, found: str, ensemble: Ensemble) -> str:
    if ensemble.is_choir:
        remedy = "`harmonize` adds voices" if voices < ensemble.voices else "keep four, or name four of them Soprano, Alto, Tenor and Bass"
        return f"four voices are needed, soprano to bass, and {found}; {remedy}"
    few, many = "`harmonize` writes the others to one of them, or", "leave parts out, name these like the model's, or"
    remedy = f"{few if voices < ensemble.voices else many} choose a model that learned {voices} voices"
    return f"the model writes {ensemble.voices} voices, {ensemble}, and {found}; {remedy}"


def _spans(chorale: Chorale, bars: Sequence[str], start: str | None, end: str | None, letters: str) -> list[Span]:
    """[start, end) in steps."""
    if bars and (start, end) != (None, None):
        raise ConfigError("a region is named by bars or by its beginning and end, not by both; choose one")
    if bars:
        return [span for text in bars for span in _bar_spans(text, chorale)]
    if (start, end, letters) == (None, None, chorale.ensemble.letters):
        some = chorale.ensemble.letters[1:]
        raise ConfigError(f"no region is named; name bars like 5-8, a beginning and an end like 3:2 and 5:1, or voices like {some}")
    first = 0 if start is None else _step_at(start, chorale)
    last = chorale.steps if end is None else _step_at(end, chorale, is_end=True)
    if last <= first:
        raise NotationError(f"a region from {start or 'the beginning'} to {end or 'the end'} holds nothing; its end must come after")
    return [(first, last)]


def _bar_spans(text: str, chorale: Chorale) -> list[Span]:
    with showing(text):
        return bar_spans(text, chorale)


def _step_at(text: str, chorale: Chorale, is_end: bool = False) -> int:
    with showing(text):
        return step_at(text, chorale, is_end)


def _struck_again(chorale: Chorale, free: BoolArray) -> Chorale:
    """With onsets where kept notes and rests would have lost theirs; the fermata of such a note moves to what stays of it."""
    orphans = np.zeros_like(free)
    orphans[:, 1:] = free[:, :-1] & ~free[:, 1:] & ~chorale.onset[:, 1:]
    fermata = chorale.fermata.copy()
    for step in np.flatnonzero(orphans[0]):
        begin = int(np.flatnonzero(chorale.onset[0, :step])[-1])
        if fermata[begin]:
            fermata[begin], fermata[step] = False, True
    return chorale.replaced(onset=chorale.onset | orphans, fermata=fermata)


# --- reports


def _task(chorale: Chorale, spans: Sequence[Span], letters: str) -> str:
    names = ", ".join(chorale.voice_name(chorale.ensemble.index(letter)) for letter in letters)
    places = (f"{chorale.place(start)} up to {chorale.place(end) if end < chorale.steps else 'the end'}" for start, end in spans)
    return f"rewritten: {names}; from {', '.join(places)}"


def _edges(region: Region) -> Iterator[str]:
    """A sentence for each note of which only a piece is kept."""
    for voice, line in enumerate(region.lines):
        for note, piece in kept_pieces(region, voice, line.notes):
            if piece.start > note.start:
                yield line.remark(piece, "began in the region and is held out of it: struck again here").sentence(region.score)
            elif piece.end < note.end:
                yield line.remark(piece, "reaches into the region: it ends where the composer ends it").sentence(region.score)


# --- the way back


def kept_pieces(region: Region, voice: int, notes: Sequence[Note]) -> Iterator[tuple[Note, Note]]:
    """Each note of a voice with each piece of it that stays."""
    spans, starts = region.spans(voice), sorted(note.start for note in notes if note.duration)
    for note in notes:
        after = bisect_right(starts, note.start)
        following = starts[after] if after < len(starts) else region.score.end
        yield from ((note, piece) for piece in _pieces(region, note, following, spans))


def _pieces(region: Region, note: Note, following: int, spans: Sequence[Span]) -> Iterator[Note]:
    """All of a note, nothing, or what lies before, between and after the free `spans`; `following`: the tick where the next note begins.

    A note that sounds on both sides of an edge begins where it is heard to begin, on the grid, and ends likewise.
    """
    start = note.start
    for begin, end in spans:
        if note.duration == 0 and begin <= start < end:
            return
        heard = region.heard_at(start)
        if note.end <= begin or start >= end or (heard >= end and note.end > end):
            continue
        if heard < begin:
            yield replace(note, start=start, duration=begin - start, lyrics=note.lyrics if start == note.start else ())
        if region.heard_at(min(note.end, following)) <= end:
            return
        start = end
    yield replace(note, start=start, duration=note.end - start, lyrics=note.lyrics if start == note.start else ())


def _rewritten(region: Region, voice: int, before: tuple[Note, ...], after: tuple[Note, ...]) -> Line:
    """A voice with its kept notes and the new ones. `before`, `after`: the grid's notes of the source and of the filled chorale."""
    line, spans = region.lines[voice], region.spans(voice)
    notes = [piece for _, piece in kept_pieces(region, voice, spelled(region.score, line.notes, before))]
    velocity = median_low([note.velocity for note in line.notes] or [_VELOCITY])
    for begin, end in spans:
        # A note played a little before the region's end begins what follows; the new ones leave it room.
        limit = min((note.start for note in notes if begin < note.start < end), default=end)
        for note in (note for note in after if note.start < end and note.end >= begin):
            new = replace(note, duration=min(note.end, limit) - note.start, velocity=velocity)
            index = _reaching(region, voice, notes, new, begin)
            if new.start >= begin:
                notes.append(new)
            elif index is not None:
                notes[index] = replace(notes[index], duration=new.end - notes[index].start, fermata=new.fermata)
            elif new.end > begin:
                # The note that it goes on from is kept as it was written, with its fermata.
                notes.append(replace(new, start=begin, duration=new.end - begin, fermata=False))
    return replace(line, notes=_with_lost_words(line.notes, sorted(notes, key=lambda note: note.start), spans))


def _with_lost_words(before: Sequence[Note], after: Sequence[Note], spans: Sequence[Span]) -> tuple[Note, ...]:
    """New notes are sung to the words of those in whose place they stand."""
    lost = [note for note in before if note.lyrics and any(begin <= note.start < end for begin, end in spans)]
    if not lost:
        return tuple(after)
    kept = {note.start: note.lyrics for note in after if note.lyrics}
    sung = laid_under([note for note in after if note.start not in kept], lost)
    given = kept | {note.start: note.lyrics for note in sung if note.lyrics}
    return tuple(replace(note, lyrics=given.get(note.start, ())) if note.duration else note for note in after)


def _reaching(region: Region, voice: int, kept: Sequence[Note], note: Note, begin: int) -> int | None:
    """Index of the kept note that reached into the region at `begin` and is that note on the grid; None if none did."""
    if region.chorale.onset[voice, begin // region.step_ticks]:
        return None
    return next(
        (
            index
            for index, other in enumerate(kept)
            if other.end == begin and other.pitch == note.pitch and other.start % region.step_ticks == 0
        ),
        None,
    )


def _parts(part: Part, lines: Sequence[Line]) -> list[Part]:
    """A part of the source as it is written: itself with its voice's new notes, or a part for each of its voices, or as it was."""
    if not lines:
        return [part]
    alone = part.name if len(lines) == 1 else ""
    return [
        replace(part, name=alone or titled(line.name), notes=line.notes, colored_rests=_still_resting(part, line.notes)) for line in lines
    ]


def _still_resting(part: Part, notes: Sequence[Note]) -> tuple[ColoredRest, ...]:
    return tuple(rest for rest in part.colored_rests if all(note.end <= rest.start or note.start >= rest.end for note in notes))
