"""Tracks as event tokens know them: by a *slot*, the program number that stands for one track, so that two of one program stay two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

DRUMS = -1
PROGRAMS = 128
FAMILY = 8  # programs of one General MIDI family: pianos 0-7, chromatic percussion 8-15 ...


@dataclass(frozen=True)
class TrackLabel:
    """What a track is called and plays; `slot`: its Program in the tokens, -1 for drums."""

    name: str
    program: int
    is_drum: bool
    slot: int


def label_tracks(tracks: Sequence[tuple[str, int, bool]]) -> list[TrackLabel]:
    """A label for each (name, program, is drum). The first track of a program has it as its slot, others the last free one of its family,
    or any: a second violin has 47 whether a viola plays or not. All drums share one slot, and so do tracks when there are more than 128."""
    taken = {program for _, program, is_drum in tracks if not is_drum}
    seen: set[int] = set()
    labels = []
    for name, program, is_drum in tracks:
        slot = DRUMS if is_drum else program if program not in seen else _free_slot(program, taken)
        seen.add(program if not is_drum else DRUMS)
        taken.add(slot)
        labels.append(TrackLabel(name, program, is_drum, slot))
    return labels


def seated(labels: Sequence[TrackLabel], known: Sequence[int]) -> list[TrackLabel]:
    """The tracks in slots that a model has learned, `known` with the most frequent first: a track whose slot is none of them takes the
    first that is free of its family, or of all. Drums, and tracks for which none is left, stay where they are; so do all without `known`.
    """
    taken = {label.slot for label in labels}
    free = [slot for slot in known if slot != DRUMS and slot not in taken]
    moved = []
    for label in labels:
        if not label.is_drum and label.slot not in known and free:
            slot = next((slot for slot in free if slot // FAMILY == label.slot // FAMILY), free[0])
            free.remove(slot)
            label = replace(label, slot=slot)
        moved.append(label)
    return moved


def _free_slot(program: int, taken: set[int]) -> int:
    first = program - program % FAMILY
    family = range(first + FAMILY - 1, first - 1, -1)
    others = sorted(range(PROGRAMS), key=lambda slot: abs(slot - program))
    return next((slot for slot in (*family, *others) if slot not in taken), program)


def with_labels(score: Any, tracks: Iterable[TrackLabel]) -> Any:
    """A symusic.Score whose programs are slots, with its true names: tracks as their labels are ordered, those without one after them."""
    by_slot = {(DRUMS if track.is_drum else track.program): track for track in score.tracks}
    known = []
    for label in tracks:
        track = by_slot.pop(label.slot, None)
        if track is not None:
            track.name, track.program, track.is_drum = label.name, label.program, label.is_drum
            known.append(track)
    left = list(by_slot.values())
    score.tracks.clear()
    for track in (*known, *left):
        score.tracks.append(track)
    return score
