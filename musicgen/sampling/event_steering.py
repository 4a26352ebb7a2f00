"""What may come next in a stream of event ids: a grammar under which every stream is music, as long and in the tracks that were asked.

Whatever the weights: bars come one after the other in their own meter, positions within a bar ascend, a program is one of those asked for
and is followed by a note that it can play, no pitch is struck twice at once, pitches keep to the chords. Shapes: K ids, B bars of the plan,
P positions of a bar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from musicgen.sampling.event_words import FOLLOWERS, NO_WORD, NOTE, BoolArray, EventWords, IntArray, Kind, follow_table
from musicgen.tokenizers.event_tracks import DRUMS

PITCHES = (21, 108)  # a piano's; what lies outside is noise on most instruments
DRUM_PITCHES = (35, 81)  # General MIDI's drums
MOST_AT_ONCE = 10  # notes of one track at one place
IDS_OF_NOTE, IDS_OF_BAR = 5, 2
NO_END = 1 << 30
_FOLLOW = follow_table()


@dataclass(frozen=True)
class PlannedBar:
    """A bar of the tokens: its meter, and the positions [first, stop) at which notes may begin."""

    beats: int
    unit: int
    first: int
    stop: int


@dataclass(frozen=True, eq=False)
class Harmony:
    """classes (B, P, 12): which pitch classes may begin there; room (B, P, 12): for how many positions such a note may last."""

    classes: BoolArray
    room: IntArray


@dataclass(frozen=True, eq=False)
class EventPlan:
    """What is asked of a stream.

    bars: one after the other; slots: the tracks, DRUMS for drums; harmony: for all pitched tracks. `absence`: after so many bars without a
    note a track has to sound, and at the latest in the last bar; 0: need not. `open_end`: the stream is a piece, not the middle of one: it
    would go on after the last bar, so that the next bar ends it; no two bars and not the last one are silent. `tempo`: the first place
    names one.
    """

    bars: tuple[PlannedBar, ...]
    slots: tuple[int, ...]
    harmony: Harmony | None = None
    absence: int = 4
    open_end: bool = True
    tempo: bool = False


@dataclass(frozen=True)
class DrawnNote:
    """`bar` of the plan; position, length and step as the tokens count them."""

    bar: int
    position: int
    slot: int
    pitch: int
    velocity: int
    length: int


Numbers = IntArray | int


class _State(NamedTuple):
    """What a word may depend on: where it stands, of which track, after which pitch. One for all ids or one for each (R,)."""

    bar: Numbers
    position: Numbers
    slot: Numbers
    pitch: Numbers


class EventSteer:
    """A `Steer` of decoding that follows a stream and reads its `notes` as they come.

    `room`: ids that may still be drawn; `longest_bar`: ids of a bar, after which it has to end. `ended`: all bars are there.
    """

    def __init__(self, words: EventWords, plan: EventPlan, room: int = NO_END, longest_bar: int = NO_END) -> None:
        self.words, self.plan, self.room, self.longest_bar = words, plan, room, longest_bar
        self.notes: list[DrawnNote] = []
        self.tempo, self.bar, self.ended = 0, -1, False
        self._read = self._in_bar = 0
        self._kind, self._position, self._slot, self._pitch, self._velocity = Kind.START, -1, DRUMS, 0, 0
        self._most_in_bar = longest_bar
        self._struck: set[tuple[int, int]] = set()
        self._sounded: dict[int, int] = {}

    # --- following

    def moved(self, prompt: int) -> None:
        """The next stream has a prompt of so many ids, which are not read: what it says is known."""
        self._read = prompt

    def done(self, ids: Sequence[int]) -> bool:
        self.read(ids)
        return self.ended

    def read(self, ids: Sequence[int]) -> None:
        """Whatever of a growing stream was not read yet."""
        new = ids[self._read :]
        self._read = len(ids)
        self.room -= len(new)
        self._in_bar += len(new)
        for kind, value in self.words.spoken(new):
            if not self.ended:
                self._take(kind, value)

    def _take(self, kind: Kind, value: int) -> None:
        self._kind = kind
        if kind == Kind.BAR and self.bar == len(self.plan.bars) - 1:
            self.ended = True
        elif kind == Kind.BAR:
            self._begin_bar()
        elif kind == Kind.EOS:
            self.ended = True
        elif kind == Kind.POSITION:
            self._position = value
            self._struck.clear()
        elif kind == Kind.PROGRAM:
            self._slot = value
        elif kind in (Kind.PITCH, Kind.PITCHDRUM):
            self._pitch = value
        elif kind == Kind.VELOCITY:
            self._velocity = value
        elif kind == Kind.TEMPO:
            self.tempo = value
        elif kind == Kind.DURATION:
            self._end_note(value)

    def _begin_bar(self) -> None:
        self.bar += 1
        self._position, self._in_bar = -1, 0
        left = len(self.plan.bars) - self.bar
        fair = min(self.longest_bar, 2 * self.room // left, self.room - (left - 1) * IDS_OF_BAR)
        self._most_in_bar = fair - 2 * IDS_OF_NOTE * (1 + len(self.plan.slots))  # what is begun has to end

    def _end_note(self, length: int) -> None:
        self._sounded[self._slot] = self.bar
        if (self._slot, self._pitch) not in self._struck:  # several words of one id may strike a pitch twice
            self._struck.add((self._slot, self._pitch))
            self.notes.append(DrawnNote(self.bar, self._position, self._slot, self._pitch, self._velocity, length))

    # --- what may come

    def allowed(self, ids: Sequence[int]) -> BoolArray:
        """(K,). Never empty before the end."""
        self.read(ids)
        state = _State(self.bar, self._position, self._slot, self._pitch)
        late, full = self._late(), self._in_bar >= self._most_in_bar
        good = np.zeros(self.words.size, dtype=bool)
        for kind in FOLLOWERS[self._kind]:
            first, values = self.words.first_words[kind]
            good[first] = self._rule(kind, values, state) & self._rule_now(kind, values, late, full)
        if self.words.longest > 1:
            self._check_on(good)
        return good

    def _rule(self, kind: Kind, values: IntArray, state: _State) -> BoolArray | bool:
        """Which words of a kind may come in a state; `state` of them all, or one for each (R,)."""
        plan, last = self.plan, len(self.plan.bars) - 1
        here = np.clip(state.bar, 0, last)
        found: BoolArray | bool = True
        if kind in (Kind.BAR, Kind.SPACE):
            found = state.bar < last + plan.open_end
        elif kind == Kind.EOS:
            found = state.bar == last
        elif kind == Kind.TIMESIG:
            found = values == self._bounds[2, here]
        elif kind == Kind.POSITION:
            found = (values >= np.maximum(self._bounds[0, here], state.position + 1)) & (values < self._bounds[1, here])
        elif kind == Kind.TEMPO:
            found = (state.bar == 0) & (plan.tempo and not self.tempo)
        elif kind == Kind.PROGRAM:
            found = self._is_slot[values - DRUMS]
        elif kind == Kind.PITCHDRUM:
            found = (state.slot == DRUMS) & _within(values, DRUM_PITCHES)
        elif kind == Kind.PITCH:
            found = (state.slot != DRUMS) & _within(values, PITCHES) & self._in_chord(here, state.position, values)
        elif kind == Kind.DURATION and plan.harmony is not None:
            found = (state.slot == DRUMS) | (values <= plan.harmony.room[here, state.position, state.pitch % 12])
        return found

    def _in_chord(self, bar: Numbers, position: Numbers, pitches: IntArray) -> BoolArray | bool:
        harmony = self.plan.harmony
        found: BoolArray | bool = True if harmony is None else harmony.classes[bar, position, pitches % 12]
        return found

    def _rule_now(self, kind: Kind, values: IntArray, late: Sequence[int], full: bool) -> BoolArray | bool:
        """What depends on what was struck and on who is to sound; of the next word alone."""
        if self.plan.tempo and not self.tempo and self._kind == Kind.POSITION:
            return kind == Kind.TEMPO
        if kind in (Kind.BAR, Kind.EOS, Kind.SPACE):
            return not late
        if kind == Kind.POSITION:
            return self._kind == Kind.TIMESIG or not (full or late)
        if kind == Kind.PROGRAM:
            return _none_of(values, self._filled(late, full))
        if kind in NOTE:
            return _none_of(values, [pitch for slot, pitch in self._struck if slot == self._slot])
        return True

    def _check_on(self, good: BoolArray) -> None:
        """Takes back ids whose later words may not come after those before them. `states` (4, R) of R ids, word by word."""
        words = self.words
        rows = np.flatnonzero(good & (words.kinds[:, 1] != NO_WORD))
        states = np.repeat(np.array([[self.bar], [self._position], [self._slot], [self._pitch]]), len(rows), axis=1)
        for column in range(1, words.longest):
            if not len(rows):
                return
            before, kinds, values = words.kinds[rows, column - 1], words.kinds[rows, column], words.values[rows, column]
            _take_all(states, before, words.values[rows, column - 1])
            fits = _FOLLOW[before, kinds]
            for kind in set(kinds[fits].tolist()):
                some = np.flatnonzero(fits & (kinds == kind))
                fits[some] = self._rule(Kind(kind), values[some], _State(*states[:, some]))
            good[rows[~fits]] = False
            if column + 1 < words.longest:
                left = fits & (words.kinds[rows, column + 1] != NO_WORD)
                rows, states = rows[left], states[:, left]

    def _late(self) -> Sequence[int]:
        """Slots of which all have to sound in this bar; or one of all slots, where nobody has for a whole bar, and in the last bar."""
        plan, is_last = self.plan, self.bar == len(self.plan.bars) - 1
        if self.bar < 0 or plan.bars[self.bar].first >= plan.bars[self.bar].stop:
            return ()
        quiet = self.bar - max(self._sounded.values(), default=-1)
        if plan.open_end and (quiet > 1 or (is_last and quiet)):
            return plan.slots
        if not plan.absence:
            return ()
        silent = {slot: self.bar - self._sounded.get(slot, -1) for slot in plan.slots}
        return [slot for slot, bars in silent.items() if bars >= plan.absence or (is_last and slot not in self._sounded)]

    def _filled(self, late: Sequence[int], full: bool) -> list[int]:
        """Slots that may not strike here, for they have struck enough, or others come first: at the first place of a bar those of which one
        has to sound in it, after at most a note of each slot before theirs. Left to the end of the bar, they would come in after it."""
        if late:
            lower = set[int]() if full else {slot for slot in self.plan.slots if slot < min(late)} - {slot for slot, _ in self._struck}
            return [slot for slot in self.plan.slots if slot not in late and slot not in lower]
        if full and self._kind != Kind.POSITION:
            return list(self.plan.slots)
        return [slot for slot, count in Counter(slot for slot, _ in self._struck).items() if count >= MOST_AT_ONCE]

    @cached_property
    def _bounds(self) -> IntArray:
        """(3, B): first position, stop, meter of each bar."""
        rows = [(bar.first, bar.stop, self.words.meters.index((bar.beats, bar.unit))) for bar in self.plan.bars]
        return np.array(rows, dtype=np.int64).T

    @cached_property
    def _is_slot(self) -> BoolArray:
        """(129,) of slots from DRUMS on."""
        return np.isin(np.arange(129) + DRUMS, self.plan.slots)


def _take_all(states: IntArray, kinds: IntArray, values: IntArray) -> None:
    """As `EventSteer` takes a word, for R of them."""
    bar, position, slot, pitch = states
    bar += kinds == Kind.BAR
    position[kinds == Kind.BAR] = -1
    for row, which in ((position, (Kind.POSITION,)), (slot, (Kind.PROGRAM,)), (pitch, NOTE)):
        taken = np.isin(kinds, which)
        row[taken] = values[taken]


def _none_of(values: IntArray, numbers: Sequence[int]) -> BoolArray | bool:
    return np.isin(values, numbers, invert=True) if numbers else True


def _within(values: IntArray, bounds: tuple[int, int]) -> BoolArray:
    return np.logical_and(values >= bounds[0], values <= bounds[1])
