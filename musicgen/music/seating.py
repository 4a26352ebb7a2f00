"""Which parts of a score are the voices of an ensemble that need be no choir: by their names, else as the score has them, top to bottom."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from musicgen.music.ensemble import CHOIR_NAMES, Ensemble, plain, unlike
from musicgen.music.score import Score
from musicgen.music.separate import FoundLine, Line, Remark, called, choose_parts, lines_of, mean_pitch, pitched_parts, voice_of

# Semitones by which a voice may lie above the one over it, as the voices of a round do, or two violins.
NEAR = 4.0
# Words that programs give where no one has named a part.
_UNTELLING = re.compile(
    r"((musicxml|midi|untitled|unnamed|new|grand|acoustic|classical|right|left|upper|lower|choir|aahs|oohs|piano|part|track|staff|voice|"
    r"instrument|hand|channel|chn|rh|lh|[a-z]|\d+)( |$))*"
)


def is_telling(name: str) -> bool:
    """Whether a part's name says who plays it."""
    return _UNTELLING.fullmatch(plain(name)) is None


def own_lines(score: Score) -> tuple[list[Line], list[Remark]]:
    """The voices of a score, top to bottom, by the names of their parts where each has one of its own; else `voice 1`, `voice 2`, ...

    Four that have no names, or a choir's, are soprano to bass, those without names the higher above.
    """
    chosen, remarks = choose_parts(score)
    found = lines_of(score, chosen)
    names = [line.name for line, _ in found]
    has_names = _have_names(found)
    is_choir = sorted(map(voice_of, names)) == sorted(CHOIR_NAMES)
    if is_choir or (len(found) == len(CHOIR_NAMES) and not has_names):
        found.sort(key=lambda item: CHOIR_NAMES.index(voice_of(item[0].name)) if is_choir else -mean_pitch(item[0]))
        lines, said = called(CHOIR_NAMES, found)
    else:
        found = _in_order(found)
        numbers = [f"voice {number}" for number in range(1, len(found) + 1)]
        lines, said = called(unlike(line.name.replace(",", " ") for line, _ in found) if has_names else numbers, found)
    return lines, [*remarks, *said]


def ensemble_lines(score: Score, ensemble: Ensemble) -> tuple[list[Line], list[Remark]]:
    """The voices of an ensemble: the parts of its names, if all are there; else all voices of the score, however many, top to bottom."""
    found = lines_of(score, pitched_parts(score))
    order = seats([line.name for line, _ in found], ensemble.names)
    if order:
        lines, said = called(ensemble.names, [found[index] for index in order])
        rest = [line for index, (line, _) in enumerate(found) if index not in order]
        passed = [Remark(0, f"{line.name or f'part {line.part + 1}'} is passed over: it is none of the voices") for line in rest]
        return lines, [*passed, *said]
    chosen, remarks = choose_parts(score)
    found = _in_order(lines_of(score, chosen))
    if len(found) != ensemble.voices:
        return [line for line, _ in found], remarks
    lines, said = called(ensemble.names, found)
    return lines, [*remarks, *said]


def seats(found: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Which of the names `found` each of those `wanted` is, equal ones in their order; nothing if one is missing."""
    known = [plain(name) for name in unlike(found)]
    order = [known.index(plain(name)) for name in wanted if plain(name) in known]
    return order if len(order) == len(wanted) else []


def _have_names(found: Sequence[FoundLine]) -> bool:
    """Whether each is a part of its own, whose name says who plays it."""
    return len({line.part for line, _ in found}) == len(found) and all(is_telling(line.name) for line, _ in found)


def _in_order(found: list[FoundLine]) -> list[FoundLine]:
    """The score's, two choirs one after the other; from the top where it begins with the lower voices, or, of voices without names, where
    one lies well above the one over it."""
    means = [mean_pitch(line) for line, _ in found]
    far = [lower - upper > NEAR for upper, lower in pairwise(means)]
    is_ordered = means[0] >= means[-1] - NEAR if _have_names(found) else not any(far)
    return found if is_ordered else sorted(found, key=lambda item: -mean_pitch(item[0]))
