"""Learning: pieces to counts by name, and counts to tables. Each mode has chords of its own; voice leading and patterns are shared.

Counts are (N, D + 1): D ids and how often they were seen together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from musicgen.composers.hidden import foretelling
from musicgen.composers.hidden.foretelling import Figures, Foretelling, Weights
from musicgen.composers.hidden.observed import TOLD, Observed
from musicgen.composers.hidden.reading import (
    Read,
    activity_rows,
    around_rows,
    chain_rows,
    compass_rows,
    gather_labels,
    goes_directly,
    motion_rows,
    pair_rows,
    pattern_rows,
    read,
    shape_rows,
    slices,
    tally,
    tune_rows,
)
from musicgen.composers.hidden.symbols import LOWEST, PITCHES, IntArray, Labels
from musicgen.composers.hidden.tables import Patterns, Smoothing, Tables, chain_table, compass_of
from musicgen.composers.hidden.voices import Leading
from musicgen.errors import CheckpointError, ConfigError
from musicgen.music.chorale import Chorale
from musicgen.music.pitch import Mode

MODES: tuple[Mode, ...] = ("major", "minor")
OWN = ("labels", "chain", "tune", "shapes", "activity", *foretelling.OWN)
SHARED = ("pairs", "motions", "slice_pairs", "slice_motions", "patterns", "around", "compass", *foretelling.SHARED)
LEAST_PATTERN = 2


def count_all(pieces: Sequence[Chorale], least: int, on_progress: Callable[[float], None]) -> dict[str, IntArray]:
    """Everything that is kept in a checkpoint: `major.chain`, `pairs`, ..."""
    counts: dict[str, IntArray] = {}
    everything: list[tuple[Read, Observed, Labels]] = []
    for number, mode in enumerate(MODES):
        own = [piece for piece in pieces if piece.key.mode == mode and piece.steps]
        if not own:
            raise ConfigError(f"no piece in {mode} to learn from; an hmm needs some in each mode")
        labels = gather_labels(own, least)
        readings = [(read(piece, labels), Observed.of(piece)) for piece in own]
        everything += [(*reading, labels) for reading in readings]
        found = _own_counts([reading for reading, _ in readings], labels) | foretelling.own_counts(readings, labels)
        counts |= {f"{mode}.{name}": rows for name, rows in found.items()}
        on_progress((number + 1) / 3)
    counts |= _shared_counts([reading for reading, _, _ in everything]) | foretelling.shared_counts(everything)
    counts["compass"] = tally(compass_rows(piece) for piece in pieces)
    on_progress(1.0)
    return {name: rows.astype(np.int32) for name, rows in counts.items()}


def _own_counts(readings: Sequence[Read], labels: Labels) -> dict[str, IntArray]:
    return {
        "labels": labels.codes,
        "chain": tally(chain_rows(piece, len(labels)) for piece in readings),
        "tune": tally(tune_rows(piece, PITCHES) for piece in readings),
        "shapes": tally(shape_rows(piece) for piece in readings),
        "activity": tally(activity_rows(piece) for piece in readings),
    }


def _shared_counts(readings: Sequence[Read]) -> dict[str, IntArray]:
    patterns = np.concatenate([pattern_rows(piece) for piece in readings])
    around = np.concatenate([around_rows(piece) for piece in readings])
    kinds, which, often = np.unique(patterns, axis=0, return_inverse=True, return_counts=True)
    usual = np.flatnonzero(often >= min(LEAST_PATTERN, often.max()))
    place = np.full(len(kinds), -1)
    place[usual] = np.arange(len(usual))
    seen = np.concatenate([around, place[which.ravel()][:, None]], axis=1)
    cuts = [slices(piece) for piece in readings]
    return {
        "pairs": tally(pair_rows(piece.skeleton, goes_directly(piece)) for piece in readings),
        "motions": tally(motion_rows(piece.skeleton, np.diff(piece.labels) != 0) for piece in readings),
        "slice_pairs": tally(pair_rows(cut, np.ones((len(cut), cut.shape[1] - 1), dtype=bool)) for cut in cuts),
        "slice_motions": tally(motion_rows(cut, np.ones(cut.shape[1] - 1, dtype=bool)) for cut in cuts),
        "patterns": kinds[usual],
        "around": tally([seen[seen[:, -1] >= 0]]),
    }


def tables_of(counts: Mapping[str, IntArray], smoothing: Smoothing) -> dict[Mode, Tables]:
    expected = {*SHARED, *(f"{mode}.{name}" for mode in MODES for name in OWN)}
    if set(counts) != expected:
        wrong = sorted(set(counts) ^ expected)[0]
        raise CheckpointError(f"weights {wrong}: {'missing' if wrong in expected else 'not of an hmm'}; train the model again")
    leading = Leading.of(counts["pairs"], counts["motions"], smoothing.leading)
    cuts = Leading.of(counts["slice_pairs"], counts["slice_motions"], smoothing.leading)
    patterns = Patterns.of(counts["patterns"], counts["around"], smoothing.pattern)
    compass = compass_of(counts["compass"])
    return {
        mode: Tables.of(
            Labels(counts[f"{mode}.labels"]),
            {name: counts[f"{mode}.{name}"] for name in OWN},
            leading,
            cuts,
            patterns,
            compass,
            smoothing,
        )
        for mode in MODES
    }


def foretelling_of(counts: Mapping[str, IntArray], weights: Weights) -> dict[Mode, Foretelling]:
    """Of the same counts, what states likelihoods."""
    leading = Leading.of(counts["joins"], counts["leaps"], weights.joined)
    ways = foretelling.way_table(counts["ways"], weights.ways)
    compass = compass_of(counts["compass"])
    found: dict[Mode, Foretelling] = {}
    for mode in MODES:
        labels = Labels(counts[f"{mode}.labels"])
        notes = counts[f"{mode}.notes"]
        by_class = np.bincount((notes[:, 2] + LOWEST) % 12, weights=notes[:, 3], minlength=12) + 1
        figures = Figures.of(counts["patterns"], counts["around"], np.log(by_class / by_class.sum()), weights.figured)
        chain = chain_table(counts[f"{mode}.told"], TOLD, len(labels), weights.told)
        found[mode] = Foretelling(
            labels, chain, foretelling.note_table(notes, labels, weights.sung), leading, ways, figures, compass, weights
        )
    return found
