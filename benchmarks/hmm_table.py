"""What Allan and Williams (2005) measured of their models, of ours: bits a beat of Bach's chords with his tune and without it, of the notes
of his voices, and of their ornaments. `python benchmarks/hmm_table.py --split valid`

Their symbols are of another corpus, split and key by key; ours are chord labels (root, quality, bass) of quarters in music21's chorales, so
that figures compare models within this table, not with the paper's. Labels that were not learned count as the nearest. All are told the
meter and where a fermata is struck; how long it is held, only what is given the tune.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from composed_style import limit_threads
from report import circumstances, parser, print_report, progress

from musicgen import Chorale, Sketch, load_composer, load_corpus
from musicgen.composers.hidden.evidence import Evidence
from musicgen.composers.hidden.forward import Reader, cell_nats
from musicgen.composers.hidden.harmony import chord_chain
from musicgen.composers.hidden.observed import ORDER, Observed
from musicgen.composers.hidden.reading import read
from musicgen.composers.hmm import HmmComposer
from musicgen.evaluation.intervals import bootstrap_ratio
from musicgen.models.hmm import FloatArray, log_sum

Figures = dict[str, float]
CHORDS, FOUND, VOICES, WHOLE = (
    "chords of Bach, bits a beat",
    "chords that are found for his tune",
    "voices under his chords, bits a beat",
    "cells, chords summed over, nats a cell",
)
UNIFORM, SEEN, NOTE = "all alike", "as often as seen", "as often as seen, and the tune's note"
CHAIN, HMM = "by the chain, without the tune", "by the hmm, given the tune"
BEST, DRAWN, BEST_BACH, DRAWN_BACH = (
    "the likeliest path (Viterbi), bits a beat",
    "a drawn path",
    "% of the likeliest that are Bach's",
    "% of the drawn",
)
NOTES, ORNAMENTS, ORNAMENTS_ALIKE = "notes of the skeleton, four voices", "ornaments, four voices", "ornaments, all figures alike"
PIECE, TUNE, UNDER = "the whole piece", "the soprano by itself", "alto, tenor and bass given the soprano"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="hmm", help="a model of kind hmm")
    options.add_argument("--split", default="valid", choices=("train", "valid", "test"))
    chosen = options.parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    limit_threads(chosen.threads)
    composer = load_composer(chosen.model)
    if not isinstance(composer, HmmComposer):
        raise SystemExit(f"{chosen.model} is no hmm; train one with `musicgen train hmm`")
    corpus = load_corpus()
    usual = usual_chords(composer, [piece.chorale for piece in corpus.pieces("train", near_copies=False)])
    all_pieces = [piece.chorale for piece in corpus.pieces(chosen.split)]
    pieces = [piece for piece in all_pieces if sings_throughout(piece)]
    measured = []
    for number, piece in enumerate(pieces):
        if number % 10 == 0:
            progress(f"{number} of {len(pieces)} pieces")
        measured.append(measure(composer, piece, usual[piece.key.mode], np.random.default_rng([chosen.seed, number])))
    figures = {
        "circumstances": facts,
        "split": chosen.split,
        "pieces": len(pieces),
        "left_out": len(all_pieces) - len(pieces),
        "tables": summary(measured, chosen.seed),
    }
    print_report(figures, lines(figures), chosen.json)


def sings_throughout(piece: Chorale) -> bool:
    """False where the soprano rests for a whole beat, whose chord no tune tells."""
    return not bool(Observed.of(piece).silent[0].all(axis=1).any())


def usual_chords(composer: HmmComposer, pieces: Sequence[Chorale]) -> dict[str, FloatArray]:
    """Of each mode (F,) log p of a chord, as often as it is in the pieces."""
    found = {}
    for mode, tables in composer.tables.items():
        labels = np.concatenate([read(piece, tables.labels).labels for piece in pieces if piece.key.mode == mode])
        counts = np.bincount(labels, minlength=len(tables.labels)) + 0.5
        found[mode] = np.log(counts / counts.sum())
    return found


def measure(composer: HmmComposer, piece: Chorale, usual: FloatArray, rng: np.random.Generator) -> dict[str, tuple[Figures, int]]:
    """Table -> sums by name, and over how many beats or cells."""
    beats = len(Observed.of(piece))
    whole = cell_nats(composer.foretelling[piece.key.mode], piece).sum()
    tune = cell_nats(composer.foretelling[piece.key.mode], piece, ORDER[:1]).sum()
    cells = {PIECE: whole / piece.pitch.size, TUNE: tune / piece.steps, UNDER: (whole - tune) / (piece.pitch.size - piece.steps)}
    return {
        **{table: (sums, beats) for table, sums in chords(composer, piece, usual, rng).items()},
        VOICES: (voices(composer, piece), beats),
        WHOLE: ({name: nats * piece.steps for name, nats in cells.items()}, piece.steps),
    }


def chords(composer: HmmComposer, piece: Chorale, usual: FloatArray, rng: np.random.Generator) -> dict[str, Figures]:
    """Sums of bits over the beats."""
    tables = composer.tables[piece.key.mode]
    bach = read(piece, tables.labels)
    foretelling, labels = composer.foretelling[piece.key.mode], bach.labels
    sketch = Sketch.for_voices(piece, "S")
    evidence = Evidence.of(sketch, sketch.allowed_pitches())
    _, chain = chord_chain(tables, evidence)

    def bits(path: Sequence[int]) -> float:
        weight = chain.start[path[0]] + sum(move[before, after] for move, before, after in zip(chain.moves, path, path[1:], strict=False))
        return float(chain.log_total() - weight) / np.log(2)

    before = np.append(len(tables.labels), labels[:-1])
    note = usual + foretelling.notes[0][:, bach.skeleton[0]].T
    best, drawn = chain.best(), chain.draw(rng)
    return {
        CHORDS: {
            UNIFORM: len(labels) * np.log2(len(tables.labels)),
            SEEN: -_log2(usual[labels]),
            CHAIN: -_log2(foretelling.chain[Observed.of(piece).places, before, labels]),
            NOTE: -_log2((note - log_sum(note, axis=1)[:, None])[np.arange(len(labels)), labels]),
            HMM: bits(labels.tolist()),
        },
        FOUND: {
            BEST: bits(best),
            DRAWN: bits(drawn),
            BEST_BACH: 100.0 * (best == labels).sum(),
            DRAWN_BACH: 100.0 * (drawn == labels).sum(),
        },
    }


def voices(composer: HmmComposer, piece: Chorale) -> Figures:
    """Sums of bits over the beats, as the likelihood has them, under Bach's chords."""
    tables = composer.foretelling[piece.key.mode]
    reader = Reader.of(tables, Observed.of(piece))
    total = ornaments = 0.0
    for beat, label in enumerate(read(piece, tables.labels).labels.tolist()):
        for turn, voice in enumerate(ORDER):
            total -= float(reader.prefixes(turn, voice, beat)[label, -1])
            ornaments -= ornament_log_p(reader, turn, voice, beat, label)
    alike = piece.voices * len(reader.seen) * np.log2(len(tables.figures.away))
    return {NOTES: (total - ornaments) / np.log(2), ORNAMENTS: ornaments / np.log(2), ORNAMENTS_ALIKE: alike}


def ornament_log_p(reader: Reader, turn: int, voice: int, beat: int, label: int) -> float:
    """Of what a voice does around its note of the skeleton."""
    seen, figures, weights = reader.seen, reader.tables.figures, reader.tables.weights
    note, length = int(reader.skeletons[voice, beat, label]), int(seen.lengths[beat])
    away = seen.cells[voice, beat, :length] - note
    same = (figures.away[:, :length] == away) & (figures.struck[:, :length] == seen.struck[voice, beat, :length])
    found = same.all(axis=1) & ~seen.silent[voice, beat].any()
    if not found.any():
        share = weights.resting if seen.resting[voice, beat] else weights.seldom
        return float(np.log(share) + reader.spelled[voice, beat, :length].sum())
    probability, _ = figures.after(voice, int(seen.last[voice, beat]), weights.scale)
    return float(np.log((reader.ways(turn, voice, beat)[label, figures.way] * probability[note])[found].sum()))


def _log2(logs: FloatArray) -> float:
    return float(logs.sum() / np.log(2))


def summary(measured: Sequence[dict[str, tuple[Figures, int]]], seed: int) -> dict[str, dict[str, Any]]:
    """Table -> name -> mean, and its 95 % interval over pieces."""
    found: dict[str, dict[str, Any]] = {}
    for table in measured[0]:
        counts = np.array([piece[table][1] for piece in measured])
        found[table] = {}
        for name in measured[0][table][0]:
            sums = np.array([piece[table][0][name] for piece in measured])
            found[table][name] = {"mean": float(sums.sum() / counts.sum()), "interval": bootstrap_ratio(sums, counts, seed)}
    return found


def lines(figures: dict[str, Any]) -> list[str]:
    printed = [
        f"{figures['split']}, {figures['pieces']} pieces; {figures['left_out']} left out, in which the soprano rests for a whole beat"
    ]
    for table, rows in figures["tables"].items():
        printed += ["", table]
        for name, figure in rows.items():
            low, high = figure["interval"]
            printed.append(f"  {name:45} {figure['mean']:8.3f}  [{low:.3f}, {high:.3f}]")
    return printed


if __name__ == "__main__":
    main()
