"""Random requests of at least three kinds each: how many are kept, how many refused before any work, and what constraints cost.

    python benchmarks/kept_requests.py --count 1000 --seed 1 --model flagship

A request is kept if every given cell is as it was, every constraint and every rule holds, by their own judgement of the finished notes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from report import circumstances, parser, print_report, progress

from musicgen import load_composer
from musicgen.composers.plan import Plan, plan_sketch
from musicgen.errors import MusicgenError
from musicgen.music.pitch import Key
from musicgen.music.rules import Leap, NoCrossing, NoParallels, Spacing
from musicgen.music.score import Meter
from musicgen.music.sketch import Sketch

TOGETHER = 20
KEYS = ("C", "G", "F", "D", "Bb", "a", "d", "g", "e", "b")
Ask = Callable[[Sketch, np.random.Generator], Sketch]


def place(sketch: Sketch, rng: np.random.Generator) -> str:
    whole_bars = sketch.given.steps // sketch.given.bar_steps(sketch.given.meter) - 1
    return f"{rng.integers(1, whole_bars + 1)}:{rng.integers(1, sketch.given.meter.beats + 1)}"


def bars(sketch: Sketch, rng: np.random.Generator) -> str:
    first = int(rng.integers(1, 3))
    return f"{first}-{first + int(rng.integers(0, 2))}"


def letter(rng: np.random.Generator, letters: str = "SATB") -> str:
    return str(rng.choice(list(letters)))


def note(rng: np.random.Generator, voice: str) -> str:
    low, high = {"S": (62, 77), "A": (57, 71), "T": (52, 66), "B": (43, 58)}[voice]
    pitch = int(rng.integers(low, high))
    return ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")[pitch % 12] + str(pitch // 12 - 1)


def pin(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    voice = letter(rng)
    return sketch.pin(voice, place(sketch, rng), note(rng, voice))


def avoid(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    voice = letter(rng)
    return sketch.avoid(voice, bars(sketch, rng), f"{rng.choice(['', '>', '<'])}{note(rng, voice)}")


def only(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    return sketch.only(letter(rng), place(sketch, rng), "C E G" if rng.random() < 0.5 else "D F# A")


def rhythm(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    return sketch.rhythm(letter(rng), bars(sketch, rng), str(rng.choice(["1/4", "1/2", "1/8", "3/8 1/8", "1/4 1/8 1/8"])))


def cadence(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    return sketch.cadence(place(sketch, rng), rng.choice(["perfect", "imperfect", "half", "plagal", "deceptive"]))


def chords(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    first = place(sketch, rng)
    bar, beat = (int(part) for part in first.split(":"))
    end = f"{bar}:{beat + 1}" if beat < sketch.given.meter.beats else f"{bar + 1}:1"
    return sketch.chords(f"{first}-{end} {rng.choice(['C', 'G7', 'Am', 'Dm7', 'F', 'E7/G#', 'Bb', 'D'])}", strict=bool(rng.random() < 0.5))


def local_key(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    return sketch.local_key(bars(sketch, rng), Key.parse(str(rng.choice(KEYS))))


def rules(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    return sketch.with_rules([NoCrossing(), Spacing(12), Leap(9), NoParallels()][rng.integers(4)])


KINDS: dict[str, Ask] = {each.__name__: each for each in (pin, avoid, only, rhythm, cadence, chords, local_key, rules)}


def request(seed: int, takes_rules: bool, length: tuple[int, int] = (4, 8)) -> Sketch:
    """A sketch of three to six things asked, of at least three kinds; raises where they contradict each other. length: in bars."""
    rng = np.random.default_rng(seed)
    meter = Meter.parse(str(rng.choice(["4/4", "4/4", "3/4"])))
    sketch = plan_sketch(Plan(bars=int(rng.integers(length[0], length[1] + 1)), meter=meter, key=Key.parse(str(rng.choice(KEYS)))), seed)
    kinds = [name for name in KINDS if takes_rules or name != "rules"]
    chosen = [*rng.choice(kinds, 3, replace=False), *rng.choice(kinds, rng.integers(0, 4))]
    for kind in chosen:
        sketch = KINDS[kind](sketch, rng)
    return sketch


def is_kept(sketch: Sketch, filled: Any) -> bool:
    constraints = all(each.kept_by(sketch, filled) for each in sketch.constraints)
    return sketch.keeps(filled) and constraints and all(rule.kept_by(filled, sketch.free) for rule in sketch.rules)


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--model", default="flagship")
    arguments = options.parse_args()
    composer = load_composer(arguments.model)
    takes_rules = "lanes" in getattr(composer, "dials", ())
    outcome: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    sketches: list[tuple[int, Sketch]] = []
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        try:
            sketches.append((seed, request(seed, takes_rules)))
        except MusicgenError as error:
            outcome["refused before any work"] += 1
            reasons[str(error)] += 1
    start = perf_counter()
    for at in range(0, len(sketches), TOGETHER):
        for seed, sketch in sketches[at : at + TOGETHER]:
            try:
                kept = is_kept(sketch, composer.fill(sketch, seed))
                outcome["kept" if kept else "NOT KEPT"] += 1
                reasons.update([] if kept else [f"seed {seed} was not kept"])
            except MusicgenError as error:
                outcome["refused while composing"] += 1
                reasons[f"seed {seed}: {error}"] += 1
        progress(f"{at + TOGETHER} of {len(sketches)}: {dict(outcome)}")
    figures = {
        "circumstances": circumstances(arguments.seed, arguments.threads),
        "model": arguments.model,
        "requests": arguments.count,
        "outcome": dict(outcome),
        "seconds": perf_counter() - start,
        "reasons": dict(reasons.most_common(8)),
    }
    totals = ", ".join(f"{number} {what}" for what, number in outcome.most_common())
    examples = [f"  {reason}" for reason, _ in reasons.most_common(8)]
    print_report(figures, [f"{arguments.model}, {arguments.count} requests: {totals}", "for example:", *examples], arguments.json)


if __name__ == "__main__":
    main()
