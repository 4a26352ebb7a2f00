"""Which part of a score is the tune, what a model hears of it, and the tune's own notes back in the finished score.

A model works on sixteenths. A tune with triplets, thirty-seconds, grace notes or swing is heard rounded, and `Tune.heard` says where;
what is written out are its own notes, tick for tick.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import lcm
from statistics import fmean

import numpy as np

from musicgen.errors import NotationError
from musicgen.music.choirs import SATB, Choir, lifted
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, Chorale
from musicgen.music.convert import grid_lines, nearest_step, seated, voice_notes
from musicgen.music.ensemble import BACHS_CHOIR, Ensemble, Range, titled
from musicgen.music.pitch import Spelling, pitch_name
from musicgen.music.resolution import rescaled
from musicgen.music.score import KeyAt, Note, Part, Score, counted
from musicgen.music.seating import ensemble_lines
from musicgen.music.separate import Line, Remark, covers, find_lines, greatest_chord, part_names, pitched_parts, voice_of

_TUNE_NAME = re.compile(r"\b(soprano?|melod\w*|tune|cantus|canto|vocals?|voice|voix|voce|lead|singer|descant)\b", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"(part|track|voice|staff) ?\d*", re.IGNORECASE)  # what readers and programs call a part without a name
_NO_TUNE_NAME = re.compile(r"\b(alto|tenor|baritone|bass|drums?)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Tune:
    """What is given of a piece, `parts` and `chorale` from the top voice to the lowest.

    parts: the source's own notes, None for a voice that is not given; chorale: the given voices on the grid, the others silent; keep:
    letters of the voices that shall stay; report: how the tune was found; heard: where the grid differs from the notes.
    """

    score: Score
    parts: tuple[Part | None, ...]
    chorale: Chorale
    keep: str
    report: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()


def find_tune(
    score: Score, part: str | int | None = None, keep: str | None = None, choir: Choir = SATB, ensemble: Ensemble = BACHS_CHOIR
) -> Tune:
    """The tune of a score; of a score of as many voices as the ensemble has, all of them.

    Without `part` (a name, or a number from 1) it is a part named like a tune, else the highest part of single notes, else the top notes
    of the highest part. It is the one voice that `keep` names, a bass to be figured; if none is named the soprano, or in an ensemble of
    one's own the first that can play it. A kept voice that is not given or outside its range is refused; other choirs than Bach's sing
    it octaves higher or lower if that brings it within their ranges, and the report says so.
    """
    kept = ensemble.letters_in(keep) if keep is not None else ""
    if not pitched_parts(score):
        raise NotationError(f"no part has notes with a pitch; the score's parts are: {part_names(score)}")
    lines, passed = ([], ()) if part is not None else _all_voices(score, ensemble)
    if lines:
        tune = _given_voices(score, lines, kept or ensemble.letters[0], passed, ensemble)
    else:
        tune = _single_part(score, _choose(score, part), kept, ensemble)
    if choir != SATB:
        tune = _in_reach(tune, choir)
    names, ranges = (choir.names, choir.ranges) if ensemble.is_choir else (ensemble.names, ensemble.ranges)
    for letter in tune.keep:
        _check_voice(tune, ensemble.index(letter), names, ranges)
    return tune


def with_voices(tune: Tune, filled: Chorale, programs: int | None = None) -> Score:
    """The finished score: the kept voices with their own notes, the others from the filled chorale; the source's meters, keys and tempos.

    A kept note without a spelling is given one, a kept part without a name of its own that of its voice. Ticks are made finer where the
    source's cannot hold a sixteenth. Fermatas are the tune's: those that a composer was merely told of are not written. `programs`: of
    the new voices, if not the ensemble's own.
    """
    _check_kept(tune, filled)
    filled = filled.replaced(fermata=tune.chorale.fermata)
    given = replace(tune.score, parts=tuple(part or Part("", ()) for part in tune.parts))
    source = rescaled(given, lcm(given.ticks_per_quarter, STEPS_PER_QUARTER))
    written = voice_notes(filled, source.ticks_per_quarter // STEPS_PER_QUARTER)
    ensemble, parts = tune.chorale.ensemble, []
    for voice, (letter, name, part, notes) in enumerate(zip(ensemble.letters, ensemble.titles, source.parts, written, strict=True)):
        if letter in tune.keep:
            own = "" if _PLACEHOLDER.fullmatch(part.name) else part.name
            parts.append(replace(part, name=own or name, notes=spelled(source, part.notes, notes)))
        else:
            new = seated(Part(name, notes), ensemble, voice)
            parts.append(new if programs is None else replace(new, program=programs))
    return replace(source, parts=tuple(parts), keys=source.keys or (KeyAt(0, tune.chorale.key),))


def _all_voices(score: Score, ensemble: Ensemble) -> tuple[list[Line], tuple[str, ...]]:
    """The lines of a score of all voices, top to bottom, and what was passed over; no lines for any other score."""
    lines, remarks = _lines_of_choir(score) if ensemble.is_choir else _lines_of_others(score, ensemble)
    return (lines, tuple(remark.sentence(score) for remark in remarks)) if len(lines) == ensemble.voices else ([], ())


def _lines_of_choir(score: Score) -> tuple[list[Line], list[Remark]]:
    found = [index for index in pitched_parts(score) if _is_like_a_voice(score.parts[index])]
    named = [index for index in found if voice_of(score.parts[index].name)]
    if len(found) != len(pitched_parts(score)) and len(named) != BACHS_CHOIR.voices:
        return [], []
    lines, remarks = find_lines(score)
    named_tune = _named_tune(score)
    return ([], []) if named_tune is not None and lines and named_tune != lines[0].part else (lines, remarks)


def _lines_of_others(score: Score, ensemble: Ensemble) -> tuple[list[Line], list[Remark]]:
    if not all(_is_like_a_voice(score.parts[index]) for index in pitched_parts(score)):
        return [], []
    return ensemble_lines(score, ensemble)


def _is_like_a_voice(part: Part) -> bool:
    """Whether a part is one voice, or two that mostly begin together, as on a staff of a hymn book."""
    most = greatest_chord(part)
    if most != 2:
        return most <= 1
    starts = [len(list(group)) for _, group in groupby(sorted(note.start for note in part.notes))]
    return 2 * starts.count(2) >= len(starts)


def _given_voices(score: Score, lines: list[Line], keep: str, passed: tuple[str, ...], ensemble: Ensemble) -> Tune:
    """A tune with all voices."""
    conversion = grid_lines(score, lines, ensemble=ensemble)
    shared = [sum(line.part == other.part for other in lines) > 1 for line in lines]
    parts = [
        replace(score.parts[line.part], name=titled(line.name), notes=line.notes) if is_shared else score.parts[line.part]
        for line, is_shared in zip(lines, shared, strict=True)
    ]
    staying = keep if ensemble.is_choir else ", ".join(ensemble.names[ensemble.index(letter)] for letter in keep)
    number = "four" if ensemble.is_choir else "both" if ensemble.voices == 2 else f"all {ensemble.voices}"
    report = (f"{number} voices are given; {staying} {'stays' if len(keep) == 1 else 'stay'}", *passed)
    return Tune(score, tuple(parts), conversion.chorale, keep, report, conversion.report)


def _single_part(score: Score, index: int, keep: str, ensemble: Ensemble) -> Tune:
    """A tune alone: the top notes of one part, beside silent voices. It is the one voice that is kept, or that it fits."""
    part = score.parts[index]
    notes = tuple(top_notes(part))
    keep = keep or ensemble.letters[0 if ensemble.is_choir else _fitting(notes, ensemble.ranges)]
    voice = ensemble.index(keep) if len(keep) == 1 else 0
    report = [f"the tune is part {index + 1}, {part.name or 'unnamed'}"] if len(pitched_parts(score)) > 1 else []
    if len(notes) < len(part.notes):
        report.append(f"the tune takes the top notes of its chords; left out under them: {counted(len(part.notes) - len(notes), 'note')}")
    if not ensemble.is_choir:
        report.append(f"the tune is played by {ensemble.names[voice]}; --keep names another voice")
    conversion = grid_lines(score, [Line(ensemble.names[voice], notes, index)])
    silent = ((voice, ensemble.voices - 1 - voice), (0, 0))
    onset = np.pad(conversion.chorale.onset, silent)
    onset[:, 0] = True
    pitch = np.pad(conversion.chorale.pitch, silent, constant_values=REST)
    chorale = conversion.chorale.replaced(pitch=pitch, onset=onset, ensemble=ensemble)
    parts = tuple(replace(part, notes=notes) if each == voice else None for each in range(ensemble.voices))
    return Tune(score, parts, chorale, keep, tuple(report), conversion.report)


def _fitting(notes: Sequence[Note], ranges: Sequence[Range]) -> int:
    """The first voice that can play all of it, or else the first."""
    sounding = [note.pitch for note in notes if note.duration]
    fits = (low <= min(sounding) and max(sounding) <= high for low, high in ranges)
    return next((voice for voice, does_fit in enumerate(fits) if does_fit), 0)


def _choose(score: Score, part: str | int | None) -> int:
    """Index of the part that is the tune."""
    if part is not None:
        return find_part(score, str(part))
    named = _named_tune(score)
    if named is not None:
        return named
    found = pitched_parts(score)
    single = [index for index in found if len(list(top_notes(score.parts[index]))) == len(score.parts[index].notes)]
    return max(single or found, key=lambda index: fmean(note.pitch for note in score.parts[index].notes))


def _named_tune(score: Score) -> int | None:
    """The first part that is named like a tune. `Piano (voice 1)`, a reader's name for one of two voices of a staff, is none."""
    found = [(index, re.sub(r"\(voice \d+\)", "", score.parts[index].name)) for index in pitched_parts(score)]
    likely = (index for index, name in found if voice_of(name) == "soprano" or (_TUNE_NAME.search(name) and not _NO_TUNE_NAME.search(name)))
    return next(likely, None)


def find_part(score: Score, wanted: str) -> int:
    """Index of the part of that name, or of that number from 1."""
    matching = [index for index, part in enumerate(score.parts) if part.name.casefold() == wanted.strip().casefold()]
    if not matching and wanted.strip().isdecimal() and 1 <= int(wanted) <= len(score.parts):
        matching = [int(wanted) - 1]
    if len(matching) != 1:
        problem = f"{len(matching)} parts are named {wanted!r}; choose by number" if matching else f"there is no part {wanted!r}"
        raise NotationError(f"{problem}; the score's parts are: {part_names(score)}")
    if matching[0] not in pitched_parts(score):
        raise NotationError(f"the part {wanted!r} has no notes with a pitch; the score's parts are: {part_names(score)}")
    return matching[0]


def top_notes(part: Part) -> Iterator[Note]:
    """The notes of a part that are its tune: all, or of chords the highest, without the notes that move under a held one.

    A note that begins under a higher one is no tune note, unless the two overlap a little, as in legato playing.
    """
    above: Note | None = None
    for _, group in groupby(sorted(part.notes, key=lambda note: (note.start, -note.pitch)), key=lambda note: note.start):
        chord = list(group)
        sounding = [note for note in chord if note.duration]
        top = sounding[0] if sounding else None
        if top and above and above.pitch > top.pitch and covers(above, top):
            top = None
        lost = max((note.pitch for note in sounding if note is not top), default=-1)
        yield from (note for note in chord if not note.duration and note.pitch > lost)
        if top:
            yield top
            above = top


def _check_voice(tune: Tune, voice: int, names: Sequence[str], ranges: Sequence[Range]) -> None:
    """Refuses a voice that is not given, or that no singer of it could sing."""
    part, name, (low, high) = tune.parts[voice], names[voice], ranges[voice]
    if part is None:
        given = ", ".join(known for known, other in zip(names, tune.parts, strict=True) if other is not None)
        letter = tune.chorale.ensemble.letters[voice]
        raise NotationError(f"the {name} cannot be kept: the score gives no more than the {given}; leave {letter} out")
    outside = next((note for note in part.notes if note.duration and not low <= note.pitch <= high), None)
    if outside is None:
        return
    lowest, highest = _compass(part)
    octaves = _octaves_to_fit([part], [(low, high)])
    remedy = f"its compass {pitch_name(lowest)} to {pitch_name(highest)} fits in no octave; transpose it or change single notes"
    if octaves is not None:
        remedy = f"transpose it by {_by_octaves(octaves)} and it fits"
    compass = f"the {name}'s range of {pitch_name(low)} to {pitch_name(high)}"
    reason = f"{outside.spelling or pitch_name(outside.pitch)} is outside {compass}; {remedy}"
    raise NotationError(reason, voice=part.name or name, place=tune.score.place(outside.start))


def _in_reach(tune: Tune, choir: Choir) -> Tune:
    """The kept voices in the nearest octave in which the choir can sing them all; as they are if there is none."""
    kept = [tune.chorale.ensemble.index(letter) for letter in tune.keep]
    given = [part for voice, part in enumerate(tune.parts) if voice in kept and part is not None]
    octaves = _octaves_to_fit(given, [choir.ranges[voice] for voice in kept]) if len(given) == len(kept) else None
    if not octaves:
        return tune
    parts = tuple(_moved(part, octaves) if voice in kept and part else part for voice, part in enumerate(tune.parts))
    chorale = lifted(tune.chorale, [12 * octaves if voice in kept else 0 for voice in range(tune.chorale.voices)])
    singers = " and ".join(choir.names[voice] for voice in kept)
    return replace(
        tune, parts=parts, chorale=chorale, report=(*tune.report, f"moved {_by_octaves(octaves)}, to where {singers} can reach it")
    )


def _moved(part: Part, octaves: int) -> Part:
    def moved(note: Note) -> Note:
        spelling = replace(note.spelling, octave=note.spelling.octave + octaves) if note.spelling else None
        return replace(note, pitch=note.pitch + 12 * octaves, spelling=spelling)

    return replace(part, notes=tuple(map(moved, part.notes)))


def _compass(part: Part) -> tuple[int, int]:
    pitches = [note.pitch for note in part.notes if note.duration]
    return min(pitches), max(pitches)


def _octaves_to_fit(parts: Sequence[Part], ranges: Sequence[tuple[int, int]]) -> int | None:
    """The fewest octaves by which all parts move into their ranges."""
    spans = [(*_compass(part), *compass) for part, compass in zip(parts, ranges, strict=True)]
    fitting = [o for o in range(-9, 10) if all(low <= lowest + 12 * o and highest + 12 * o <= high for lowest, highest, low, high in spans)]
    return min(fitting, key=abs, default=None)


def _by_octaves(octaves: int) -> str:
    return f"{counted(abs(octaves), 'octave')} {'up' if octaves > 0 else 'down'}"


def _check_kept(tune: Tune, filled: Chorale) -> None:
    """Refuses a chorale that is not this tune's: the added voices would not fit under it."""
    given = tune.chorale
    if filled.pitch.shape != given.pitch.shape:
        raise NotationError(
            f"a chorale of {filled.voices} voices and {filled.steps} steps under a tune of {given.steps}; fill the tune's own"
        )
    kept = [tune.chorale.ensemble.index(letter) for letter in tune.keep]
    changed = (filled.pitch[kept] != given.pitch[kept]) | (filled.onset[kept] != given.onset[kept])
    if changed.any():
        step = int(np.flatnonzero(changed.any(axis=0))[0])
        voice = given.voice_name(kept[int(changed[:, step].argmax())])
        raise NotationError(
            "the filled chorale has another note than the tune; fill the tune's own chorale", voice=voice, place=given.place(step)
        )


def spelled(source: Score, notes: tuple[Note, ...], written: tuple[Note, ...]) -> tuple[Note, ...]:
    """The source's notes, each with a spelling: its own, or that of its note on the grid."""
    step_ticks = source.ticks_per_quarter // STEPS_PER_QUARTER
    spellings = {(note.start // step_ticks, note.pitch): note.spelling for note in written}

    def spelling(note: Note) -> Spelling | None:
        return note.spelling or spellings.get((nearest_step(source, note.start), note.pitch))

    return tuple(replace(note, spelling=spelling(note)) for note in notes)
