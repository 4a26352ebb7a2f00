"""Files a second of our corpus build beside miditok's own tokenizing of the same files, in one run and in turns, in one process each.

    python benchmarks/corpus_speed.py my-midi/ [--rounds 3]     # without a folder: 400 files that it writes, of 50 to 4,000 notes

Ours does more: checks against hostile bytes, two tracks of one program kept apart, what is lost reported, copies and families found,
shards written. miditok's does what `tokenize_dataset` does for a file, with a REMI of the same vocabulary: read, encode, write JSON. Times
are of the processor, since machines are shared; importing is left out of both.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import symusic

from musicgen.corpus.event_build import build_events, local_engine
from musicgen.corpus.midi_folder import find_units
from musicgen.tokenizers.events import EventTokenizer


def write_files(folder: Path, count: int = 400) -> Path:
    """Bands of one to seven tracks, played a little unevenly."""
    rng = np.random.default_rng(0)
    for number in range(count):
        score = symusic.Score(480)
        score.time_signatures.append(symusic.TimeSignature(0, *[(4, 4), (3, 4), (6, 8)][number % 3]))
        score.tempos.append(symusic.Tempo(0, float(rng.integers(60, 160))))
        for program in range(int(rng.integers(1, 8))):
            track = symusic.Track(f"track {program}", int(rng.integers(0, 128)), program == 3)
            for at in range(int(rng.integers(50, 600))):
                tick, length = at * 240 + int(rng.integers(0, 6)), int(rng.integers(60, 480))
                track.notes.append(symusic.Note(tick, length, int(rng.integers(30, 90)), int(rng.integers(30, 120))))
            score.tracks.append(track)
        (folder / f"song {number:04}x.mid").write_bytes(score.dumps_midi())
    return folder


def ours(source: Path, tokenizer: EventTokenizer, folder: Path) -> tuple[float, int]:
    """Processor seconds, and pieces written."""
    began = time.process_time()
    report = build_events("speed", find_units(source), "speed", tokenizer, folder, local_engine(1))
    return time.process_time() - began, sum(report.corpus.counts().values())


def miditoks(source: Path, tokenizer: EventTokenizer, folder: Path) -> tuple[float, int]:
    made, written = tokenizer._miditok, 0
    began = time.process_time()
    for path in sorted(source.rglob("*")):
        if path.suffix.lower() in (".mid", ".midi"):
            made._tokenize_dataset_file(path, root_dir=source.resolve(), out_dir=folder)
            written += 1
    return time.process_time() - began, written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="MIDI files; without it some are written")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    tokenizer = EventTokenizer.make()
    _ = tokenizer._miditok
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        source = chosen.folder or write_files(_made(work / "midi"))
        for number in range(chosen.rounds):
            mine, pieces = ours(source, tokenizer, _made(work / f"ours-{number}"))
            theirs, files = miditoks(source, tokenizer, _made(work / f"theirs-{number}"))
            print(
                f"round {number + 1}: ours {pieces / mine:.0f} files/s ({pieces} pieces, {mine:.2f} s), "
                f"miditok {files / theirs:.0f} files/s ({files} files, {theirs:.2f} s), {theirs / mine * pieces / files:.1f} times as fast"
            )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()
