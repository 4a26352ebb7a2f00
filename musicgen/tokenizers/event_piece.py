"""GridPiece: a symusic.Score on the grid of the tokens, in one order, with what the grid could not hold. And back to a symusic.Score.

N notes, M meters, P tempos; times in ticks of the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from musicgen.tokenizers.event_grid import EventGrid, IntArray, closest
from musicgen.tokenizers.event_meters import clean_meters
from musicgen.tokenizers.event_tracks import DRUMS, TrackLabel, label_tracks

MIDI_TEMPO = 120  # of a file that names none
EXACT = 0.25  # ticks by which a time may be off without being called moved; MuseScore ends notes one of its ticks early
SLOT, TICK, LENGTH, PITCH, VELOCITY = range(5)


@dataclass(frozen=True, eq=False)
class GridPiece:
    """`meters` (3, M): tick, beats, unit. `tempos` (2, P): tick, quarters a minute. `notes` (5, N): slot, tick, length, pitch, velocity, in
    the order of tick, slot, pitch, length. `losses`: one line each, what kind, a colon, and how much."""

    meters: IntArray
    tempos: IntArray
    notes: IntArray
    tracks: tuple[TrackLabel, ...]
    losses: tuple[str, ...]


def piece_of_score(score: Any, grid: EventGrid) -> GridPiece:
    """Of a symusic.Score in ticks of any resolution, which is left as it is."""
    scale = grid.ticks_per_quarter / score.ticks_per_quarter
    found = score.time_signatures.numpy()
    changes = sorted(zip(*(found[key].tolist() for key in ("time", "numerator", "denominator")), strict=True), key=lambda row: row[0])
    rows, losses = clean_meters([(tick * scale, beats, unit) for tick, beats, unit in changes], grid)
    meters = np.array(rows, dtype=np.int64).T
    sounding = [track for track in score.tracks if len(track.notes)]
    labels = label_tracks([(track.name, track.program, track.is_drum) for track in sounding])
    tempos, tempo_losses = _tempos(score, meters, scale, grid)
    notes, note_losses = _notes(sounding, labels, meters, scale, grid)
    losses = [*losses, *tempo_losses, *note_losses, *_merged(labels), *_left_out(score)]
    return GridPiece(meters, tempos, notes, tuple(labels), tuple(losses))


def steps_at(ticks: Any, meters: IntArray, grid: EventGrid) -> IntArray:
    """Ticks of a position at each tick."""
    section = np.searchsorted(meters[0], np.asarray(ticks) + EXACT, side="right") - 1
    return np.array([grid.step(unit) for unit in meters[2].tolist()])[np.maximum(section, 0)]


def rounded(exact: Any, meters: IntArray, grid: EventGrid) -> IntArray:
    """Times moved to the nearest position, the later of two equally near."""
    section = np.maximum(np.searchsorted(meters[0], exact + EXACT, side="right") - 1, 0)
    start, step = meters[0][section], steps_at(exact, meters, grid)
    ticks: IntArray = start + np.floor((np.maximum(exact, start) - start) / step + 0.5).astype(np.int64) * step
    return ticks


def _tempos(score: Any, meters: IntArray, scale: float, grid: EventGrid) -> tuple[IntArray, list[str]]:
    found = score.tempos.numpy()
    order = np.argsort(found["time"], kind="stable")
    ticks = rounded(found["time"][order] * scale, meters, grid)
    exact = 60_000_000 / np.maximum(found["mspq"][order].astype(np.float64), 1)
    tempos = np.clip(np.floor(exact + 0.5).astype(np.int64), *grid.tempos)
    outside = int((np.abs(tempos - exact) > 0.5).sum())
    if not len(ticks) or ticks[0] > 0:
        ticks, tempos = np.insert(ticks, 0, 0), np.insert(tempos, 0, MIDI_TEMPO)
    last = np.append(ticks[1:] != ticks[:-1], True)
    ticks, tempos = ticks[last], tempos[last]
    changed = np.insert(tempos[1:] != tempos[:-1], 0, True)
    losses = [f"tempos: {outside} outside {grid.tempos[0]} to {grid.tempos[1]} quarters a minute; the nearest is kept"] if outside else []
    fractions = int((np.abs(exact - np.round(exact)) > 0.005).sum())
    losses += [f"tempo fractions: {fractions} tempos are kept to the nearest whole number"] if fractions else []
    return np.stack([ticks[changed], tempos[changed]]), losses


def _notes(
    tracks: Sequence[Any], labels: Sequence[TrackLabel], meters: IntArray, scale: float, grid: EventGrid
) -> tuple[IntArray, list[str]]:
    arrays = [track.notes.numpy() for track in tracks]
    slots = np.repeat([label.slot for label in labels], [len(array["time"]) for array in arrays])
    if not len(slots):
        return np.zeros((5, 0), dtype=np.int64), []
    time, duration, pitch, velocity = (
        np.concatenate([array[key] for array in arrays]).astype(np.float64) for key in ("time", "duration", "pitch", "velocity")
    )
    ticks = rounded(time * scale, meters, grid)
    step = steps_at(ticks, meters, grid)
    wanted = duration * scale / step
    lengths = grid.lengths[closest(grid.lengths, wanted)] * step
    levels = grid.levels[closest(grid.levels, velocity)]
    notes = np.stack([slots, ticks, lengths, pitch.astype(np.int64), levels])
    losses = [
        *_moved("onsets", np.abs(ticks - time * scale) / grid.ticks_per_quarter, grid),
        *_moved("lengths", np.abs(lengths - duration * scale) / grid.ticks_per_quarter, grid),
    ]
    if off := int(np.abs(levels - velocity).max()):
        losses.append(f"velocities: rounded to {grid.velocities} levels, by at most {off}")
    return notes[:, np.lexsort((lengths, notes[PITCH], slots, ticks))], losses


def _moved(what: str, quarters: Any, grid: EventGrid) -> list[str]:
    moved = quarters > EXACT / grid.ticks_per_quarter + 1e-9
    return (
        [f"{what}: {int(moved.sum())} of {len(moved)} are moved to the grid, by at most {quarters.max():.3f} quarters"]
        if moved.any()
        else []
    )


def _merged(labels: Sequence[TrackLabel]) -> list[str]:
    drums = sum(label.is_drum for label in labels)
    pitched = len(labels) - drums
    shared = pitched - len({label.slot for label in labels if not label.is_drum})
    losses = [f"drums: {drums} drum tracks become one"] if drums > 1 else []
    return [*losses, f"tracks: {shared} of {pitched} share the program of another, 128 can stay apart"] if shared else losses


def _left_out(score: Any) -> list[str]:
    """What a score holds beside notes, tempos and meters."""
    counts = {
        "controllers": sum(len(track.controls) for track in score.tracks),
        "pitch bends": sum(len(track.pitch_bends) for track in score.tracks),
        "lyrics": sum(len(track.lyrics) for track in score.tracks),
        "key signatures": len(score.key_signatures),
        "markers": len(score.markers),
    }
    return [f"{what}: {count} are not in the tokens" for what, count in counts.items() if count]


def bar_starts(piece: GridPiece, grid: EventGrid) -> tuple[IntArray, IntArray]:
    """Where each bar begins up to the last note, tempo or meter, and the number of its meter."""
    until = max(int(piece.meters[0, -1]), int(piece.tempos[0, -1]), int(piece.notes[TICK].max(initial=0)))
    ends = [*piece.meters[0, 1:].tolist(), until + 1]
    found = [np.arange(start, end, grid.bar(beats, unit)) for (start, beats, unit), end in zip(piece.meters.T.tolist(), ends, strict=True)]
    return np.concatenate(found), np.repeat(np.arange(len(found)), [len(starts) for starts in found])


def lost_between(piece: GridPiece, again: GridPiece) -> list[str]:
    """What came back changed."""
    notes, tempos, meters = (
        len({*map(tuple, before.T.tolist())} - {*map(tuple, after.T.tolist())})
        for before, after in ((piece.notes, again.notes), (piece.tempos, again.tempos), (piece.meters, again.meters))
    )
    counts = {"notes": notes, "tempos": tempos, "meters": meters}
    return [f"{what} of this kind of tokens: {count} come back changed" for what, count in counts.items() if count]


def score_of_piece(piece: GridPiece, grid: EventGrid) -> Any:
    """A symusic.Score in ticks of the grid, each slot a track of that program, ordered by slot: what miditok reads."""
    import symusic

    score = symusic.Score(grid.ticks_per_quarter)
    for slot in sorted(set(piece.notes[SLOT].tolist())):
        track = symusic.Track(program=max(slot, 0), is_drum=slot == DRUMS)
        _, time, duration, pitch, velocity = piece.notes[:, piece.notes[SLOT] == slot]
        track.notes = symusic.Note.from_numpy(
            time.astype(np.int32), duration.astype(np.int32), pitch.astype(np.int8), velocity.astype(np.int8)
        )
        score.tracks.append(track)
    score.time_signatures = symusic.core.TimeSignatureTickList(
        [symusic.TimeSignature(tick, beats, unit) for tick, beats, unit in piece.meters.T.tolist()]
    )
    score.tempos = symusic.core.TempoTickList([symusic.Tempo(tick, tempo) for tick, tempo in piece.tempos.T.tolist()])
    return score
