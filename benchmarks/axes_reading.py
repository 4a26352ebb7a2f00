"""What can be read out of each method about one beat of one chorale: an example in one line."""

from __future__ import annotations

from typing import Any

import numpy as np

from musicgen import Chorale, Composer, Sketch
from musicgen.music.pitch import pitch_name

AT = 16  # the step that is asked about


def read_out(name: str, composer: Composer, chorale: Chorale) -> str:
    """The same place of the same chorale for every method: its tenor, the fifth quarter."""
    if name in READERS:
        return READERS[name](composer, chorale)
    return _alternatives(composer, chorale) if hasattr(composer, "nats") else "nothing"


def _alternatives(composer: Any, chorale: Chorale) -> str:
    """What another note at this place would do to the likelihood of the whole piece: all that a network says without being opened."""
    voice, sung = 2, int(chorale.pitch[2, AT])
    end = int(next((step for step in range(AT + 1, chorale.steps) if chorale.onset[voice, step]), chorale.steps))
    start = int(np.flatnonzero(chorale.onset[voice, : AT + 1])[-1])
    nats = {}
    for pitch in range(sung - 4, sung + 5):
        row = chorale.pitch.copy()
        row[voice, start:end] = pitch
        nats[pitch] = float(composer.nats(chorale.replaced(pitch=row)).nats.sum())
    best = min(nats.values())
    costs = ", ".join(f"{pitch_name(pitch)} {nats[pitch] - best:+.1f}" for pitch in sorted(nats, key=nats.__getitem__)[:5])
    return f"{chorale.place(start)}, tenor {pitch_name(sung)}: nats of the piece with other notes there: {costs}"


def _rules(composer: Any, chorale: Chorale) -> str:
    told = composer.explain(Sketch.for_voices(chorale, "S"), 1)
    return str(told[min(4, len(told) - 1)])


def _hmm(composer: Any, chorale: Chorale) -> str:
    heard = composer.explain(Sketch.for_voices(chorale, "S"))[4]
    return f"{heard.place}: " + ", ".join(f"{chord} {share:.0%}" for chord, share in heard.chords)


def _markov(composer: Any, chorale: Chorale) -> str:
    return "; ".join(" ".join(line.split()) for line in composer.explain(chorale, 2, AT).lines()[:3])


READERS = {"rules": _rules, "hmm": _hmm, "markov": _markov}
