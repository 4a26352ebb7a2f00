"""What lies ahead: how smoothly pins are met, with one lane and with several, and what each kind of request costs.

    python benchmarks/asked_ahead.py --count 30 --seed 1

Pinned are soprano and bass of two beats of each piece of the valid split; all else is free. Nats are the model's own, nothing given.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
from report import circumstances, parser, print_report, progress

from musicgen import Chorale, Plan, Sketch, load_composer, load_corpus, plan_sketch, with_cadences
from musicgen.music.chorale import REST
from musicgen.music.rules import Leap, NoCrossing
from musicgen.music.voice_leading import find_parallels

BEAT, NEAR = 4, 8  # steps
OUTER = (0, 3)
SHARES = (1 / 3, 2 / 3)  # of a piece, where its pins are
ROUNDS = 3


def pinned(piece: Chorale) -> tuple[Sketch, list[tuple[int, int]]]:
    """The piece with four notes pinned at most, and voice and step of each pin."""
    given = piece.replaced(pitch=np.full_like(piece.pitch, REST), onset=np.arange(piece.steps) == np.zeros((piece.voices, 1)))
    sketch, pins = Sketch(given, np.ones_like(piece.onset)), []
    for step in (int(piece.steps * share) // BEAT * BEAT for share in SHARES):
        for voice in OUTER:
            if piece.onset[voice, step] and piece.pitch[voice, step] != REST:
                pitch, onset, free = sketch.given.pitch.copy(), sketch.given.onset.copy(), sketch.free.copy()
                pitch[voice, step : step + BEAT], free[voice, step : step + BEAT] = piece.pitch[voice, step], False
                onset[voice, [step, step + BEAT]] = True
                sketch = Sketch(sketch.given.replaced(pitch=pitch, onset=onset), free)
                pins.append((voice, step))
    return sketch, pins


def met(lanes: int, pieces: list[Chorale], seed: int) -> dict[str, float]:
    """nats a cell near pins and elsewhere, parallels per 100 steps likewise, semitones by which outer voices come to their pins."""
    composer: Any = load_composer("flagship", lanes=lanes)
    tasks = [(sketch, pins) for sketch, pins in map(pinned, pieces) if pins]
    filled = composer.fill_many([sketch for sketch, _ in tasks], range(seed, seed + len(tasks)))
    near_nats, far_nats, leaps, parallels, steps = [], [], [], np.zeros(2), np.zeros(2)
    for (_, pins), chorale in zip(tasks, filled, strict=True):
        near = np.zeros(chorale.steps, dtype=bool)
        for voice, step in pins:
            near[step : step + NEAR] = True
            leaps.append(abs(int(chorale.pitch[voice, step]) - int(chorale.pitch[voice, step - 1])))
        nats = composer.nats(chorale).nats
        near_nats.append(nats[:, near].mean())
        far_nats.append(nats[:, ~near].mean())
        steps += near.sum(), (~near).sum()
        for event in find_parallels(chorale):
            parallels += near[event.step], not near[event.step]
    rates = 100 * parallels / steps
    return {
        "nats near": float(np.mean(near_nats)),
        "nats elsewhere": float(np.mean(far_nats)),
        "parallels near": rates[0],
        "parallels elsewhere": rates[1],
        "semitones to a pin": float(np.mean(leaps)),
    }


def costs(seed: int) -> dict[str, float]:
    """Processor seconds of 16 bars, model loaded, beside those of the free run."""
    composer, blind = load_composer("flagship"), load_composer("flagship", lanes=1)
    ways: dict[str, Callable[[Sketch, int], Chorale]] = {
        "free": blind.fill,
        "last chord": composer.fill,
        "planned cadences": lambda sketch, each: composer.fill(with_cadences(sketch, each), each),
        "three pins": lambda sketch, each: composer.fill(sketch.pin("B", "4:1", "C3").pin("S", "8:1", "C5").pin("T", "12:1", "G3"), each),
        "chords": lambda sketch, each: composer.fill(sketch.chords("1:1-9:1 I vi ii V I IV V I"), each),
        "rules": lambda sketch, each: composer.fill(sketch.with_rules(NoCrossing(), Leap(12)), each),
    }
    plans = [plan_sketch(Plan(bars=16), each) for each in range(seed, seed + ROUNDS)]
    blind.fill(plans[0], 0)
    seconds = dict.fromkeys(ways, 0.0)
    for each, sketch in enumerate(plans, start=seed):
        for name, way in ways.items():
            began = process_time()
            way(sketch, each)
            seconds[name] += (process_time() - began) / ROUNDS
    return seconds


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=30)
    chosen = options.parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    pieces = [piece.chorale for piece in load_corpus("bach-chorales").pieces("valid")][: chosen.count]
    rows = {}
    for lanes in (1, 8):
        progress(f"{len(pieces)} pieces with pins, {lanes} lanes")
        rows[f"{lanes} lanes"] = met(lanes, pieces, chosen.seed)
    progress("costs")
    seconds = costs(chosen.seed)
    lines = [f"{name}: " + ", ".join(f"{what} {value:.2f}" for what, value in row.items()) for name, row in rows.items()]
    lines += [f"{name}: {value:.2f} s, {value / seconds['free'] - 1:+.0%}" for name, value in seconds.items()]
    print_report({"circumstances": facts, "pins": rows, "processor seconds of 16 bars": seconds}, lines, chosen.json)


if __name__ == "__main__":
    main()
