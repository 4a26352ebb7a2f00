"""Score <-> Chorale: from ticks to the sixteenth grid and back, with a report of everything that did not fit.

Nothing is changed in silence: whoever converts can print `Conversion.report`, one sentence a change, in order of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from musicgen.errors import NotationError
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, BoolArray, Chorale, GridNote
from musicgen.music.ensemble import Ensemble, usual
from musicgen.music.harmony import find_key
from musicgen.music.pitch import Key, pitch_name
from musicgen.music.score import TICKS_PER_QUARTER, KeyAt, MeterAt, Note, Part, Score, TempoAt
from musicgen.music.separate import Line, Remark, find_lines
from musicgen.music.spelling import spell_notes

TICKS_PER_STEP = TICKS_PER_QUARTER // STEPS_PER_QUARTER
MAX_STEPS = 1 << 16  # 4,096 bars of 4/4: what is longer is a broken file
NOT_AT_ALL = Fraction(0)
MAX_REPORT = 200  # lines; a live recording can have thousands of moved notes


@dataclass(frozen=True)
class Conversion:
    """A chorale and what had to be changed to make it, one sentence each."""

    chorale: Chorale
    report: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Placed:
    """A note of the score and the steps it fills, [start, end)."""

    start: int
    end: int
    note: Note


def to_chorale(score: Score, parts: Sequence[int] | None = None) -> Conversion:
    """The voices of a score on the sixteenth grid, top to bottom. `parts`: indices of the parts to read; by default they are found."""
    lines, remarks = find_lines(score, parts)
    return grid_lines(score, lines, remarks)


def grid_lines(score: Score, lines: Sequence[Line], remarks: Sequence[Remark] = (), ensemble: Ensemble | None = None) -> Conversion:
    """The chorale of voices that are already told apart; meters, key and pick-up are the score's. `ensemble`: if not the usual one."""
    _check_grid(score, lines)
    remarks = list(remarks)
    placed = [_place_notes(line, score, remarks) for line in lines]
    steps = max((notes[-1].end for notes in placed if notes), default=0)
    if steps == 0:
        raise NotationError("there is no note to read")
    pitch, onset = np.full((len(lines), steps), REST, dtype=np.int16), np.zeros((len(lines), steps), dtype=bool)
    onset[:, 0] = True
    for voice, notes in enumerate(placed):
        for item in notes:
            pitch[voice, item.start : item.end] = item.note.pitch
            onset[voice, item.start] = True
            onset[voice, item.end : item.end + 1] = True
    meters = tuple(MeterAt(nearest_step(score, change.start), change.meter) for change in _meters_before(score, steps))
    pickup = nearest_step(score, score.pickup)
    chorale = Chorale(
        pitch, onset, _fermatas(placed, onset[0]), meters, score.key or Key(), pickup, score.title, ensemble or usual(len(lines))
    )
    if score.key is None:
        chorale = chorale.replaced(key=find_key(chorale))
        remarks.append(Remark(0, f"no key signature: taken as {chorale.key}"))
    remarks += [Remark(change.start, f"the change to {change.key} is not carried over: a chorale has one key") for change in score.keys[1:]]
    return Conversion(chorale, _sentences(score, remarks))


def nearest_step(score: Score, tick: int) -> int:
    """Step nearest to a tick, the later one of two."""
    return (2 * STEPS_PER_QUARTER * tick + score.ticks_per_quarter) // (2 * score.ticks_per_quarter)


def _moved(score: Score, tick: int) -> Fraction:
    """How far the nearest step lies from a tick, in quarters."""
    off = abs(nearest_step(score, tick) * score.ticks_per_quarter - tick * STEPS_PER_QUARTER)
    return Fraction(off, STEPS_PER_QUARTER * score.ticks_per_quarter) if off else NOT_AT_ALL


def _meters_before(score: Score, steps: int) -> list[MeterAt]:
    return [change for change in score.meters if change.start == 0 or nearest_step(score, change.start) < steps]


def _check_grid(score: Score, lines: Sequence[Line]) -> None:
    """Refuses what the sixteenth grid cannot hold at all: its barlines, or too many steps."""
    end = max((note.end for line in lines for note in line.notes), default=0)
    if nearest_step(score, end) > MAX_STEPS:
        raise NotationError(f"the music is {nearest_step(score, end)} sixteenths long, at most {MAX_STEPS} are read; split it into pieces")
    for change in score.meters:
        if (change.meter.bar_quarters * STEPS_PER_QUARTER).denominator != 1:
            raise NotationError(
                f"a bar of {change.meter} is no whole number of sixteenths, the shortest value of a chorale; write it in longer values",
                place=score.place(change.start),
            )
    for what, tick in [("pick-up", score.pickup), *(("meter change", change.start) for change in score.meters)]:
        if _moved(score, tick):
            raise NotationError(f"the {what} ends off the sixteenth grid; move it to a sixteenth", place=score.place(tick))


def _place_notes(line: Line, score: Score, remarks: list[Remark]) -> list[_Placed]:
    """The notes of a voice on the grid, in order, none overlapping."""
    kept = _one_a_step(line, score, remarks)
    following: list[tuple[int, Note | None]] = [*kept[1:], (MAX_STEPS, None)]
    placed = []
    for (start, note), (limit, after) in zip(kept, following, strict=False):
        if after is not None and note.end > after.start:
            remarks.append(line.remark(note, f"is cut short where {pitch_name(after.pitch)} begins: a voice sings one note at a time"))
        end = min(max(nearest_step(score, note.end), start + 1), limit)
        if _moved(score, note.start):
            remarks.append(line.remark(note, f"was moved by {_moved(score, note.start)} quarter to the sixteenth grid"))
        elif _moved(score, note.end) and (after is None or after.start > note.end):
            remarks.append(line.remark(note, f"ends {_moved(score, note.end)} quarter off the sixteenth grid: rounded"))
        placed.append(_Placed(start, end, note))
    return placed


def _one_a_step(line: Line, score: Score, remarks: list[Remark]) -> list[tuple[int, Note]]:
    """Step and note; of two notes on one step the one nearer to it stays, then the longer one."""
    kept: dict[int, Note] = {}
    for note in line.notes:
        if note.duration == 0:
            remarks.append(line.remark(note, "is left out: a grace note"))
            continue
        step = nearest_step(score, note.start)
        if step in kept:
            note, lost = sorted([note, kept[step]], key=lambda rival: (_moved(score, rival.start), -rival.duration))
            remarks.append(line.remark(lost, f"is left out: {pitch_name(note.pitch)} stands on the same sixteenth"))
        kept[step] = note
    return sorted(kept.items())


def _fermatas(placed: Sequence[Sequence[_Placed]], top_onset: BoolArray) -> BoolArray:
    """(T,) from the top voice; where that has none at all, from the others, at the top voice's note that sounds then."""
    marked = [[item.start for item in notes if item.note.fermata] for notes in placed]
    starts = marked[0] or sorted({start for voice in marked[1:] for start in voice})
    fermata = np.zeros(len(top_onset), dtype=bool)
    for start in starts:
        fermata[np.flatnonzero(top_onset[: start + 1])[-1]] = True
    return fermata


def _sentences(score: Score, remarks: Sequence[Remark]) -> tuple[str, ...]:
    ordered = sorted(remarks, key=lambda remark: remark.tick)
    lines = [remark.sentence(score) for remark in ordered[:MAX_REPORT]]
    if len(ordered) > MAX_REPORT:
        lines.append(f"and {len(ordered) - MAX_REPORT} more of the same kinds")
    return tuple(lines)


def to_score(
    chorale: Chorale, names: Sequence[str] | None = None, programs: int | Sequence[int] | None = None, tempo: float = 80.0
) -> Score:
    """One part a voice, named, heard and written as the ensemble's; rests as gaps, spelled; `tempo` in quarters a minute."""
    notes = voice_notes(chorale, TICKS_PER_STEP)
    written = [Part(name, line) for name, line in zip(names or chorale.ensemble.titles, notes, strict=True)]
    if programs is None:
        written = [seated(part, chorale.ensemble, voice) for voice, part in enumerate(written)]
    else:
        sounds = [programs] * chorale.voices if isinstance(programs, int) else programs
        written = [replace(part, program=program) for part, program in zip(written, sounds, strict=True)]
    return Score(
        tuple(written),
        TICKS_PER_QUARTER,
        tuple(MeterAt(change.start * TICKS_PER_STEP, change.meter) for change in chorale.meters),
        (KeyAt(0, chorale.key),),
        (TempoAt(0, tempo),),
        chorale.pickup * TICKS_PER_STEP,
        chorale.title,
    )


def seated(part: Part, ensemble: Ensemble, voice: int) -> Part:
    """With the program and the clef of a voice."""
    return replace(part, program=ensemble.programs[voice], clef=ensemble.clefs[voice])


def voice_notes(chorale: Chorale, ticks_per_step: int) -> list[tuple[Note, ...]]:
    """The notes of each voice, in ticks.

    All voices pause together: in each, the note that sounds as the top note's fermata ends carries one, as in Bach's scores.
    """
    spellings = spell_notes(chorale)
    pauses = [note.end - 1 for note in chorale.notes(0) if chorale.fermata[note.start : note.end].any()]

    def written(note: GridNote) -> Note:
        start, end = note.start * ticks_per_step, note.end * ticks_per_step
        fermata = any(note.start <= step < note.end for step in pauses)
        return Note(start, end - start, note.pitch, spelling=spellings[note.voice, note.start], fermata=fermata)

    return [tuple(written(note) for note in chorale.notes(voice) if note.pitch != REST) for voice in range(chorale.voices)]
