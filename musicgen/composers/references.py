"""Two composers to measure the others by: dice, the worst that keeps the rules, and Bach himself, the best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.composers.together import check_requests
from musicgen.errors import NotationError
from musicgen.music.chorale import STEPS_PER_QUARTER, Chorale
from musicgen.music.sketch import Sketch


class OneByOne:
    """`fill_many` for composers that gain nothing from a batch."""

    def fill(self, sketch: Sketch, seed: int) -> Chorale:
        raise NotImplementedError

    def fill_many(
        self, sketches: Sequence[Sketch], seeds: Sequence[int], on_progress: Callable[[float], None] = lambda share: None
    ) -> list[Chorale]:
        filled = []
        for number, (sketch, seed) in enumerate(zip(sketches, seeds, strict=True)):
            filled.append(self.fill(sketch, seed))
            on_progress((number + 1) / len(sketches))
        return filled


@dataclass(frozen=True)
class Dice(OneByOne):
    """A pitch at random on every quarter, uniform over what is allowed for its whole length."""

    name: str = "dice"

    def fill(self, sketch: Sketch, seed: int) -> Chorale:
        check_requests(self.name, sketch.given.ensemble, [sketch], [seed])
        rng = np.random.default_rng(seed)
        allowed = sketch.allowed_pitches()
        pitch, onset = sketch.given.pitch.copy(), sketch.given.onset.copy()
        positions = sketch.given.bar_positions()
        begins, holds = sketch.must_begin(), sketch.must_hold()
        for voice, step in np.argwhere(sketch.free):
            held = pitch[voice, step - 1] if step else -1
            beat = positions[step] % STEPS_PER_QUARTER == 0 or not sketch.free[voice, step - 1]
            struck = (beat and not holds[voice, step]) or begins[voice, step]
            onset[voice, step] = struck or not allowed[voice, step, held]
            if onset[voice, step]:
                pitch[voice, step] = rng.choice(np.flatnonzero(allowed[voice, step]))
            else:
                pitch[voice, step] = held
        return sketch.given.replaced(pitch=pitch, onset=onset)


@dataclass(frozen=True)
class Bach(OneByOne):
    """Returns the piece that the sketch was cut from; refuses any other sketch."""

    pieces: Sequence[Chorale]
    name: str = "bach"

    def fill(self, sketch: Sketch, seed: int) -> Chorale:
        for piece in self.pieces:
            if piece.pitch.shape == sketch.free.shape and sketch.keeps(piece):
                return piece
        raise NotationError("no chorale of Bach's has these given notes; choose another composer")
