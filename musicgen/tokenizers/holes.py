"""Holes in a piece of REMI ids: some tracks of some bars are taken out, and what was taken out is written by itself. Base vocabulary only.

N ids. A hole bar reads Bar TimeSig HOLE Program Program ... (the slots taken out), then what stays. The middle has Bar TimeSig of every
bar of the hole, and the notes taken out. What stands before the first Bar is never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.tokenizers.event_grid import IntArray
from musicgen.tokenizers.event_tracks import DRUMS

OF_NOTE = 4
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class HoleIds:
    """What must be known of each id (K,). `is_head`: a TimeSig; `slot` of a Program, -2 of all others; `hole`: the id of HOLE."""

    is_bar: BoolArray
    is_head: BoolArray
    is_position: BoolArray
    is_tempo: BoolArray
    is_pitch: BoolArray
    slot: IntArray
    hole: int

    def program(self, slot: int) -> int:
        """The id of a Program."""
        return int(np.flatnonzero(self.slot == slot)[0])


NO_SLOT = DRUMS - 1


def bar_numbers(ids: IntArray, known: HoleIds) -> IntArray:
    """(N,) the bar that each id stands in, from 0; -1 before the first Bar."""
    return np.cumsum(known.is_bar[ids]) - 1


def with_hole(ids: IntArray, slots: Sequence[int], bars: range, known: HoleIds) -> tuple[IntArray, IntArray]:
    """The context and the middle. `bars` counts from 0; those that the piece does not have are left away."""
    bar = bar_numbers(ids, known)
    inside = (bar >= bars.start) & (bar < bars.stop) & (bar >= 0)
    begins = np.flatnonzero(known.slot[ids] > NO_SLOT)
    begins = begins[begins + OF_NOTE <= len(ids)]
    taken_at = begins[inside[begins] & np.isin(known.slot[ids[begins]], slots)]
    taken = np.zeros(len(ids), dtype=bool)
    taken[(taken_at[:, None] + np.arange(OF_NOTE)).ravel()] = True
    stays = np.zeros(len(ids), dtype=bool)  # events that are not taken
    stays[begins] = True
    stays[taken_at] = False
    stays |= known.is_tempo[ids]
    group = np.cumsum(known.is_position[ids] | known.is_bar[ids])
    groups = int(group[-1]) + 1 if len(ids) else 1
    has_taken, has_left = (np.bincount(group[what], minlength=groups) > 0 for what in (taken, stays))
    emptied = known.is_position[ids] & has_taken[group] & ~has_left[group]
    heads = inside & (known.is_bar[ids] | known.is_head[ids])
    middle = ids[heads | taken | (known.is_position[ids] & has_taken[group])]
    after = np.flatnonzero(inside & known.is_head[ids]) + 1
    mark = [known.hole, *(known.program(slot) for slot in sorted(slots))]
    kept = ~(taken | emptied)
    place = np.insert(np.cumsum(kept), 0, 0)[after]
    return np.insert(ids[kept], np.repeat(place, len(mark)), np.tile(mark, len(place))), middle


def without_hole(context: IntArray, middle: IntArray, known: HoleIds) -> IntArray:
    """The piece in which the middle fills the hole of the context: `with_hole` undone. Notes of other slots or bars are left away."""
    outer, inner = _split(context, known), _split(middle, known)[1:]
    first = next((number for number, ids in enumerate(outer) if known.hole in ids), 0)
    for number in range(first, len(outer)):
        if known.hole in outer[number]:
            filling = inner[number - first] if number - first < len(inner) else []
            outer[number] = _filled(outer[number], filling, known)
    return np.array([one for ids in outer for one in ids], dtype=np.int64)


def _split(ids: IntArray, known: HoleIds) -> list[list[int]]:
    """What stands before the first Bar, then bar by bar."""
    return [part.tolist() for part in np.split(ids, np.flatnonzero(known.is_bar[ids]))]


def _filled(bar: list[int], filling: list[int], known: HoleIds) -> list[int]:
    """A bar without its mark and with the notes that fill it."""
    mark = bar.index(known.hole)
    end = mark + 1
    while end < len(bar) and _names_a_slot(bar, end, known):
        end += 1
    slots = {int(known.slot[one]) for one in bar[mark + 1 : end]}
    events, rest = _events(bar[end:], known)
    found = [event for event in _events(filling, known)[0] if event[1] in slots]
    written = bar[:mark]
    position = -1
    for event in sorted(events + found, key=_order):
        written += [*([] if event[0] == position else [event[0]]), *event[2]]
        position = event[0]
    return written + rest


def _names_a_slot(bar: list[int], at: int, known: HoleIds) -> bool:
    """A Program of a mark; after the Program of a note comes a pitch."""
    if known.slot[bar[at]] == NO_SLOT:
        return False
    following = bar[at + 1] if at + 1 < len(bar) else known.hole
    return not known.is_pitch[following]


Event = tuple[int, int, list[int]]  # id of the position, slot (NO_SLOT for a tempo, which comes first), ids


def _order(event: Event) -> tuple[int, ...]:
    """Position, slot, pitch, length."""
    position, slot, ids = event
    return (position, slot, *(ids[1::2] if slot != NO_SLOT else ()))


def _events(ids: list[int], known: HoleIds) -> tuple[list[Event], list[int]]:
    """The events of a bar, and what comes after the last of them: the EOS of a last bar."""
    events: list[Event] = []
    position, at, end = -1, 0, 0
    while at < len(ids):
        slot = int(known.slot[ids[at]])
        size = OF_NOTE if slot != NO_SLOT else 1
        if known.is_position[ids[at]]:
            position = ids[at]
        elif position >= 0 and at + size <= len(ids) and (slot != NO_SLOT or known.is_tempo[ids[at]]):
            events.append((position, slot, ids[at : at + size]))
            end = at + size
        at += size
    return events, ids[end:]
