"""Chorales of music21's corpus as Scores, built here by hand so that the readers under test play no part in it."""

from fractions import Fraction
from functools import cache

from musicgen.music.pitch import Key
from musicgen.music.score import KeyAt, Meter, MeterAt, Note, Part, Score, TempoAt

NAMES = ("bwv66.6", "bwv269", "bwv347", "bwv281", "bwv10.7")


@cache
def bach(name, ticks_per_quarter=480):
    from music21 import corpus

    stream = corpus.parse(f"bach/{name}")
    first = stream.parts[0].getElementsByClass("Measure").first()
    signature, key = first.timeSignature, first.keySignature
    meter = Meter(signature.numerator, signature.denominator)
    is_short = first.duration.quarterLength < meter.bar_quarters
    return Score(
        parts=tuple(
            _part(part, name, ticks_per_quarter) for name, part in zip(("Soprano", "Alto", "Tenor", "Bass"), stream.parts, strict=True)
        ),
        ticks_per_quarter=ticks_per_quarter,
        meters=(MeterAt(0, meter),),
        keys=(KeyAt(0, Key(key.sharps)),),
        tempos=(TempoAt(0, 72.0),),
        pickup=int(first.duration.quarterLength * ticks_per_quarter) if is_short else 0,
        title=name,
    )


def _part(stream, name, ticks_per_quarter):
    def ticks(quarters):
        exact = Fraction(quarters) * ticks_per_quarter
        assert exact.denominator == 1
        return int(exact)

    notes = stream.stripTies().flatten().notes
    return Part(name, tuple(Note(ticks(n.offset), ticks(n.quarterLength), n.pitch.midi) for n in notes))


def bare(score):
    """Per part: (start, duration, pitch) in quarters, whatever the resolution."""
    unit = score.ticks_per_quarter
    return [sorted((Fraction(n.start, unit), Fraction(n.duration, unit), n.pitch) for n in part.notes) for part in score.parts]
