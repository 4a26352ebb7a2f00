"""Our MusicXML in MuseScore 3 and LilyPond: 60 chorales, composed and harmonized, and the oddities, without one warning, and note for note.

    python tests/clients/notation_check.py [--folder FOLDER] [--count 60] [--seed 1] [--only NAME]

Needs mscore3 (Debian: musescore3) and lilypond, and the corpus bach-chorales for tunes. Each piece is written in another edition: staves,
clefs, words, figures, numerals. MuseScore reads it, saves it in its own format, opens that again, which finds corrupted scores, and exports
MusicXML, which must hold the same notes, words and figures. musicxml2ly and lilypond must finish it without a complaint. Not run by pytest.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from oddities import ODDITIES
from sung import HYMN, sung

from musicgen.composers.loading import load_composer
from musicgen.corpus.store import load_corpus
from musicgen.files import read_score, write_score
from musicgen.music.convert import to_score
from musicgen.music.score import Score
from musicgen.rendering.edition import Edition
from musicgen.rendering.export import export_score
from musicgen.steering.annotations import marked
from musicgen.steering.answers import answer
from musicgen.steering.request import Request
from musicgen.steering.tasks import prepare

EDITIONS = (
    Edition(),
    Edition(layout="two-staff"),
    Edition(clefs="c", lyrics="all"),
    Edition(figures=True),
    Edition(layout="two-staff", figures=True),
    Edition(clefs="A=C3 T=C4", figures=True, lyrics="none"),
)
PLANS = (
    {"key": "G major", "bars": 8},
    {"key": "Bb minor", "meter": "3/4", "pickup": 1.0, "bars": 8},
    {"key": "F# minor", "meter": "6/8", "pickup": 0.5, "bars": 8},
    {"key": "Db major", "choir": "TTBB", "bars": 8},
    {"key": "E minor", "choir": "SSAA", "chromaticism": 15.0, "bars": 8},
    {"key": "C minor", "density": 1.9, "bars": 6},
    {"key": "A major", "choir": "brass", "meter": "2/2", "bars": 6},
    {"key": "D dorian", "choir": "saxophones", "bars": 6},
)
# What MuseScore says without a fault, and whatever else is a complaint.
# Lines after syllables are measured anew whenever MuseScore opens what it has saved.
# Fermatas over rests and barlines are what its exporter of MusicXML leaves out, and says so of those over notes too, which it writes.
HARMLESS = re.compile(
    r"^(QStandardPaths: .*|annotations: direction type Fermata at tick \d+ not implemented|LyricsLine ticks changed.*"
    r"|convert <.*>\.\.\.|\s+to <.*>|\.\.\. success!|.*job\.json.*|\s*)$"
)
# Part names with `<` in them: MuseScore 3.2 takes them for its own tags when it opens what it has saved, and dies of it.
UNSAVEABLE = "names"
LILYPOND = re.compile(r"warning|error|programming|failed|unterminated|barcheck", re.IGNORECASE)


def pieces(count: int, seed: int, folder: Path) -> dict[str, tuple[Score, Edition]]:
    """Half of them composed, by plans of many kinds, half harmonized, three each under tunes of the valid split, every other with words."""
    composer = load_composer("flagship")
    found: dict[str, tuple[Score, Edition]] = {}

    def add(name: str, request: dict[str, object], seeds: range) -> None:
        asked = Request.from_values(request, {})
        for piece in answer(asked, prepare(asked, seeds), composer, seeds).pieces:
            score = marked(piece.written(), piece.chorale) if len(found) % 4 == 3 else piece.written()
            found[f"{len(found):03d} {name}"] = (score, _fitting(score, EDITIONS[len(found) % len(EDITIONS)]))
        print(f"{len(found)} {name}", file=sys.stderr, flush=True)

    composed = count // 2
    for number, plan in enumerate(PLANS):
        share = range(composed * number // len(PLANS), composed * (number + 1) // len(PLANS))
        add(
            f"composed {plan.get('choir', 'SATB')} {plan['key']}", {"task": "compose", **plan}, range(seed + share.start, seed + share.stop)
        )
    pieces = sorted(load_corpus("bach-chorales").pieces("valid"), key=lambda piece: piece.chorale.steps)
    for number in range(-(-(count - composed) // 3)):
        score = to_score(pieces[2 * number].chorale)
        tune = score.parts[0]
        if number % 2:
            tune = replace(tune, notes=sung(tune.notes, *(f"{verse}. wor- ds un- der *" + " the tune_ *" * 40 for verse in (1, 2))))
        path = folder / "tune.musicxml"
        write_score(replace(HYMN if number == 4 else replace(score, parts=(tune,)), title=f"Tune {number}"), path)
        add("harmonized", {"task": "harmonize", "source": str(path)}, range(seed, seed + min(3, count - len(found))))
    return found


def _fitting(score: Score, edition: Edition) -> Edition:
    """The plain one where the voices have no such staves or clefs."""
    is_satb = [part.name[:1] for part in score.parts] == list("SATB")
    return edition if is_satb or (edition.layout != "open" and len(score.parts) == 4) else EDITIONS[0]


def strange(folder: Path) -> dict[str, tuple[Score, Edition]]:
    """The oddities; those of four voices on two staves too; a repeat, which music21 writes out."""
    found = {name: (score, EDITIONS[0]) for name, score in {**ODDITIES, "words": HYMN}.items()}
    found |= {f"{name} on two staves": (score, EDITIONS[1]) for name, score in ODDITIES.items() if len(score.parts) == 4}
    found |= {f"{name} figured": (score, EDITIONS[3]) for name, score in ODDITIES.items() if len(score.parts) in (2, 4)}
    (folder / "repeat.abc").write_text("X:1\nM:4/4\nL:1/4\nK:G\nD|:G2 A B|1 c3 D:|2 c4|]\nw: In a-ny bar- two\n")
    return found | {"a repeat": (read_score(folder / "repeat.abc"), EDITIONS[0])}


def musescore(files: list[Path], folder: Path) -> tuple[dict[str, list[str]], dict[str, Path]]:
    """Complaints by the names of files, and what MuseScore exports of each."""
    complaints: dict[str, list[str]] = {}
    exported = {file.stem: folder / f"{file.stem} back.musicxml" for file in files}
    saved = {file: folder / f"{file.stem}.mscx" for file in files}
    for jobs in ([(file, saved[file]) for file in files], [(saved[file], exported[file.stem]) for file in files]):
        (folder / "job.json").write_text(json.dumps([{"in": str(source), "out": [str(target)]} for source, target in jobs]))
        said = run(["mscore3", "-j", str(folder / "job.json")], folder)
        name = ""
        for line in said.splitlines():
            match = re.match(r"convert <(.*)>", line)
            name = Path(match[1]).stem if match else name
            if not HARMLESS.match(line):
                complaints.setdefault(name, []).append(f"MuseScore: {line}")
        for source, target in jobs:
            if not target.exists():
                complaints.setdefault(source.stem, []).append("MuseScore: nothing written")
    return complaints, exported


def lilypond(files: list[Path], folder: Path) -> dict[str, list[str]]:
    complaints: dict[str, list[str]] = {}
    made = []
    for file in files:
        said = run(["musicxml2ly", "-o", f"{file.stem}.ly", file.name], folder)
        bad = [line for line in said.splitlines() if LILYPOND.search(line)]
        if bad or not (folder / f"{file.stem}.ly").exists():
            complaints.setdefault(file.stem, []).extend(f"musicxml2ly: {line}" for line in bad or ["nothing written"])
        made.append(f"{file.stem}.ly")
    for start in range(0, len(made), 40):
        said = run(["lilypond", "-dno-print-pages", *made[start : start + 40]], folder)
        name = ""
        for line in said.splitlines():
            match = re.match(r"Processing `(.*)\.ly'", line)
            name = match[1] if match else name
            if LILYPOND.search(line):
                complaints.setdefault(name, []).append(f"LilyPond: {line}")
    return complaints


def run(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", check=False)
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"error: {command[0]} ended with {done.returncode}\n")


def changed(ours: Path, theirs: Path) -> list[str]:
    """What MuseScore's export has otherwise: notes with pitch, spelling, time, fermata and words; keys, meters, figures."""
    first, second = read_score(ours), read_score(theirs)
    said = []
    for name, mine, their in (("notes", notes(first), notes(second)), ("figures", figures(ours), figures(theirs))):
        if mine != their:
            said.append(f"{name} of MuseScore's export: missing {list(mine - their)[:3]}, added {list(their - mine)[:3]}")
    return said


def notes(score: Score) -> Counter[object]:
    def at(tick: int) -> float:
        return round(tick / score.ticks_per_quarter, 4)

    drums = [part for part in score.parts if part.is_drum]
    return Counter(
        (at(note.start), at(note.duration), str(note.spelling), tuple((lyric.verse, lyric.text, lyric.is_joined) for lyric in note.lyrics))
        for part in score.parts
        if part not in drums
        for note in part.notes
    )


def figures(path: Path) -> Counter[str]:
    text = path.read_text(encoding="utf-8")
    return Counter(re.findall(r"<figure-number>(\d+)", text)) + Counter(re.findall(r"<prefix>([a-z-]+)", text))


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "notation-check")
    asked.add_argument("--count", type=int, default=60)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--only", default="", help="pieces with this in their name")
    options = asked.parse_args()
    if missing := [program for program in ("mscore3", "musicxml2ly", "lilypond") if not shutil.which(program)]:
        print(f"not here: {', '.join(missing)}; Debian's packages are musescore3 and lilypond")
        return 2
    options.folder = options.folder.resolve()
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    began = time.process_time()
    every = (pieces(options.count, options.seed, options.folder) if options.count else {}) | strange(options.folder)
    files = []
    for name, (score, edition) in every.items():
        if options.only in name:
            files += export_score(score, [options.folder / f"{re.sub(r'[^0-9A-Za-z-]+', '_', name)}.musicxml"], edition)
    print(f"{len(files)} files written, {time.process_time() - began:.0f} s of processor time", flush=True)
    complaints, exported = musescore([file for file in files if not file.stem.startswith(UNSAVEABLE)], options.folder)
    for file in files:
        if file.stem in exported and exported[file.stem].exists():
            complaints.setdefault(file.stem, []).extend(changed(file, exported[file.stem]))
    for name, lines in lilypond(files, options.folder).items():
        complaints.setdefault(name, []).extend(lines)
    bad = {name: lines for name, lines in complaints.items() if lines}
    for name, lines in bad.items():
        print(f"{name}:", *lines[:4], f"... {len(lines)} in all" if len(lines) > 4 else "", sep="\n    ")
    print(f"{len(files) - len(bad)} of {len(files)} without a complaint of MuseScore, musicxml2ly or LilyPond, and note for note")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
