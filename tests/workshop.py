"""A folder as a user of the command line has it: a small corpus, tiny checkpoints named like the shipped ones, tunes in every format."""

import zipfile
from dataclasses import replace
from pathlib import Path

import torch
from tiny import CHECKPOINT, SEPARATOR_CHECKPOINT, SKETCHER_CHECKPOINT, tiny_model, tiny_sketcher

from musicgen.corpus.store import Corpus, Piece, save_corpus
from musicgen.files.io import write_score
from musicgen.models.checkpoint import save_checkpoint
from musicgen.music.pitch import Key
from musicgen.music.score import TICKS_PER_QUARTER as Q
from musicgen.music.score import KeyAt, Note, Part, Score, TempoAt

ABC = "X:1\nT:Tune\nM:4/4\nL:1/4\nK:G\nD|G A B c|d B B2|A B/A/ G F|G3|]\n"
KRN = "**kern\n*M4/4\n*k[f#]\n=1\n4g\n4a\n4b\n4cc\n=2\n4dd\n4b\n2g\n==\n*-\n"


def odd_tune() -> Score:
    """A triplet, a grace note, a thirty-second pair and a fermata: nothing that the grid of a model can hold."""
    triplet = [Note(Q + number * Q // 3, Q // 3, pitch) for number, pitch in enumerate((71, 72, 74))]
    notes = [
        Note(0, Q, 67),
        *triplet,
        Note(2 * Q, 0, 74),
        Note(2 * Q, Q, 72),
        Note(3 * Q, Q // 8, 71),
        Note(3 * Q + Q // 8, Q - Q // 8, 69),
        Note(4 * Q, 4 * Q, 67, fermata=True),
    ]
    return Score((Part("Flute", tuple(notes), program=73),), keys=(KeyAt(0, Key(1)),), tempos=(TempoAt(0, 96.0),))


def plain_tune() -> Score:
    pitches = (67, 69, 71, 72, 74, 71, 69, 67)
    return Score((Part("Flute", tuple(Note(index * Q, Q, pitch) for index, pitch in enumerate(pitches))),), keys=(KeyAt(0, Key(1)),))


def write_tunes(folder: Path) -> None:
    """tune.musicxml, .mid, .mxl, .abc and .krn."""
    write_score(plain_tune(), folder / "tune.musicxml")
    write_score(plain_tune(), folder / "tune.mid")
    container = '<container><rootfiles><rootfile full-path="tune.musicxml"/></rootfiles></container>'
    with zipfile.ZipFile(folder / "tune.mxl", "w") as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.write(folder / "tune.musicxml", "tune.musicxml")
    (folder / "tune.abc").write_text(ABC)
    (folder / "tune.krn").write_text(KRN)


def make_workshop(folder: Path, pieces: list[Piece]) -> Path:
    shortest = sorted(pieces, key=lambda piece: piece.chorale.steps)
    chosen = [piece for split in ("train", "valid", "test") for piece in [p for p in shortest if p.split == split][:3]]
    corpus: Corpus = save_corpus(folder / "corpora" / "bach-chorales", "bach-chorales", "music21", chosen, {})
    checkpoint = replace(CHECKPOINT, corpus={"name": corpus.name, "fingerprint": corpus.fingerprint})
    save_checkpoint(folder / "checkpoints" / "deepbach", checkpoint, tiny_model().state_dict(), dtype=torch.float32)
    sketcher = replace(SKETCHER_CHECKPOINT, corpus=checkpoint.corpus)
    for name in ("flagship", "jsb16"):
        save_checkpoint(folder / "checkpoints" / name, sketcher, tiny_sketcher().state_dict(), dtype=torch.float32)
    separator = replace(SEPARATOR_CHECKPOINT, corpus=checkpoint.corpus)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = separator.build().state_dict()
    save_checkpoint(folder / "checkpoints" / "separator", separator, weights, dtype=torch.float32)
    write_tunes(folder)
    return folder
