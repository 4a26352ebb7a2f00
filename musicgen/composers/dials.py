"""The dials of a batch of sketches, as their tokenizer's ids say them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicgen.composers.together import stack
from musicgen.music.chorale import STEPS_PER_QUARTER, BoolArray
from musicgen.music.sketch import Sketch
from musicgen.sampling.dials import Dials, are_told
from musicgen.sampling.draw import SamplingOptions
from musicgen.tokenizers.grid import GridTokenizer


def dials_of(tokenizer: GridTokenizer, sketches: Sequence[Sketch], sounding_allowed: BoolArray, options: SamplingOptions) -> Dials:
    """`sounding_allowed` (B, V, T, P) as the sampler has it. Every free cell counts, also those where it is asked what they sound."""
    steps = sounding_allowed.shape[2]
    free = stack([sketch.free for sketch in sketches], steps, False)
    eighths = [sketch.given.bar_positions()[None] % (STEPS_PER_QUARTER // 2) == 0 for sketch in sketches]
    return Dials(
        free=free,
        told=are_told(sounding_allowed, free),
        on_eighth=stack(eighths, steps, True)[:, 0],
        strikes=tokenizer.strikes,
        outside=np.stack([tokenizer.outside_scale(sketch.given.key) for sketch in sketches]),
        density=options.density,
        chromaticism=options.chromaticism,
    )
