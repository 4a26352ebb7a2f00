"""Sixty chorales and the oddities, written in every format of music and read back by others, note for note; what differs is printed.

    python tests/clients/round_trips.py [--count 60] [--formats midi,musicxml,kern,abc,lilypond]

Wanted: a built corpus, and for ABC and LilyPond the programs abc2midi and lilypond. Not part of the test run.
Exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import accumulate, chain, islice
from pathlib import Path

import mido

sys.path.insert(0, str(Path(__file__).parent.parent))

from heard import (
    Heard,
    differences,
    frame,
    frame_in,
    heard_by_abc2midi,
    heard_by_lilypond,
    heard_by_verovio,
    heard_in,
    heard_in_midi,
    music21_of,
    names,
    sounds,
)
from oddities import ODDITIES
from sung import HYMN

from musicgen.corpus.store import load_corpus
from musicgen.files.abc_write import abc_bytes
from musicgen.files.kern_write import kern_bytes
from musicgen.files.lilypond_write import lilypond_bytes
from musicgen.files.midi import midi_of_score
from musicgen.files.musicxml_write import Layout, musicxml_bytes
from musicgen.music.convert import to_score
from musicgen.music.score import Score

NEAR = Fraction(1, 15)  # of a quarter: ticks, gaps between notes, chords that abc2midi spreads
GRACES = ("grace notes", "a grace note first")
Case = tuple[str, Score, Layout]


def cases(count: int) -> Iterator[Case]:
    pieces = load_corpus("corpora/bach-chorales").all_pieces
    chorales = {piece.name: to_score(piece.chorale) for piece in islice(pieces, 0, None, max(1, len(pieces) // count))}
    for name, score in (ODDITIES | dict(islice(chorales.items(), count))).items():
        yield name, score, "open"
        if len(score.parts) == 4:
            yield name, score, "two-staff"


def played(heard: Heard, case: Case) -> list[str]:
    """What is heard in MIDI made by another program: graces take time from a neighbour, two parts of a staff are one."""
    name, score, _ = case
    expected = sounds(score, graces=False)
    if name in GRACES:
        found = sorted(each[2] for part in heard for each in part)
        allowed = [sorted(each[2] for part in sounds(score, graces=graces) for each in part) for graces in (True, False)]
        return [] if found in allowed else ["other pitches"]
    if len(heard) < len(expected):
        heard, expected = ([sorted(each for part in parts for each in part)] for parts in (heard, expected))
    return min(differences(heard, expected, NEAR), differences(heard[::-1], expected, NEAR), key=len)


def struck(heard: Heard, case: Case) -> list[str]:
    """As `played`, of programs that play both voices of a staff on one channel, where MIDI knows no unison: which pitches begin when."""
    allowed, found = ({(start, pitch) for part in parts for start, _, pitch in part} for parts in (sounds(case[1], graces=False), heard))
    return [f"{len(found - allowed)} notes too many, {len(allowed - found)} are missing"] if found != allowed else []


def read(data: bytes, kind: str, case: Case) -> list[str]:
    """What music21 reads otherwise: notes, names, bars, meters, keys."""
    _, score, _ = case
    piece = music21_of(data, kind)
    heard, spelled = heard_in(piece)
    flat = [sorted(each for part in parts for each in part) for parts in (heard, sounds(score))]
    found = [] if flat[0] == flat[1] else ["notes"]
    found += [] if sorted(chain.from_iterable(spelled)) == sorted(chain.from_iterable(names(score))) else ["names"]
    there, expected = frame_in(piece), frame(score)
    return found + [what for what in there if there[what] != expected[what] and there[what]]


def by_music21(write: Callable[[Score, Layout], bytes], kind: str) -> Callable[[Case], list[str]]:
    return lambda case: read(write(case[1], case[2]), kind, case)


def abc_played(case: Case) -> list[str]:
    heard, said = heard_by_abc2midi(abc_bytes(case[1], case[2]))
    return played(heard, case) + ([said] if said else [])


CHECKS: dict[str, dict[str, Callable[[Case], list[str]]]] = {
    "midi": {"mido": lambda case: played(heard_in_midi(midi_of_score(case[1])), case)},
    "musicxml": {
        "music21": by_music21(musicxml_bytes, "musicxml"),
        "verovio": lambda case: played(heard_by_verovio(musicxml_bytes(case[1], case[2]), "musicxml"), case) if case[2] == "open" else [],
    },
    "kern": {
        "music21": by_music21(kern_bytes, "humdrum"),
        "verovio": lambda case: played(heard_by_verovio(kern_bytes(case[1], case[2]), "humdrum"), case) if case[2] == "open" else [],
    },
    "abc": {"music21": by_music21(abc_bytes, "abc"), "abc2midi": abc_played},
}


def check(form: str, reader: str, reading: Callable[[Case], list[str]], todo: list[Case]) -> int:
    wrong = 0
    for case in todo:
        found = reading(case)
        if found:
            print(f"  {case[0]}, {case[2]}: {'; '.join(found)}")
        wrong += bool(found)
    print(f"{form} by {reader}: {len(todo) - wrong} of {len(todo)} alike", flush=True)
    return wrong


def check_lilypond(todo: list[Case]) -> int:
    wrong = 0
    for case, (heard, said) in zip(todo, heard_by_lilypond([lilypond_bytes(score, layout) for _, score, layout in todo]), strict=True):
        found = (played if case[2] == "open" else struck)(heard, case) + ([said] if said else [])
        if found:
            print(f"  {case[0]}, {case[2]}: {'; '.join(found)[:300]}")
        wrong += bool(found)
    print(f"lilypond by lilypond: {len(todo) - wrong} of {len(todo)} alike, without a warning", flush=True)
    return wrong


def check_words() -> int:
    """Which syllable LilyPond sings when, of each verse; it says a space where one is held."""
    unit, notes = HYMN.ticks_per_quarter, HYMN.parts[0].notes
    verses = sorted({lyric.verse for note in notes for lyric in note.lyrics})
    expected = [[(note.start / unit, each.text) for note in notes for each in note.lyrics if each.verse == verse] for verse in verses]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x.ly").write_bytes(lilypond_bytes(HYMN))
        subprocess.run(["lilypond", "-dno-print-pages", "--loglevel=WARNING", "x.ly"], cwd=folder, check=True)
        file = mido.MidiFile(Path(folder, "x.midi"), charset="utf-8")
    found = [list(zip(accumulate(each.time for each in track), track, strict=True)) for track in file.tracks]
    heard = [
        [(at / file.ticks_per_beat, each.text) for at, each in track if each.type == "lyrics" and each.text.strip()] for track in found
    ]
    is_same = [track for track in heard if track] == expected
    print(f"words by lilypond: {len(expected)} verses {'alike' if is_same else f'differ: {heard}'}")
    return int(not is_same)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--formats", default="midi,musicxml,kern,abc,lilypond")
    options = parser.parse_args()
    todo, wrong = list(cases(options.count)), 0
    for form in options.formats.split(","):
        for reader, reading in CHECKS.get(form, {}).items():
            if reader == "abc2midi" and not shutil.which(reader):
                print("abc by abc2midi: not checked, it is not installed")
            else:
                wrong += check(form, reader, reading, todo)
    if "lilypond" in options.formats and shutil.which("lilypond"):
        wrong += check_lilypond(todo) + check_words()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
