"""Opens MIDI files of ours in LMMS, Rosegarden and MuseScore 3, and compares what they read with what was written. No part of the tests.

    apt-get install lmms rosegarden musescore3 xvfb openbox xdotool
    python tests/clients/daw_check.py [FILE.mid ...]

Without files it composes some: pick-ups, meters, sounds, performances. Rosegarden and LMMS have no way to convert a MIDI file from the
command line, so they are opened on a screen of their own, and their projects are saved with keys. Exit code 1 if anything differs.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from musicgen import read_score
from musicgen.files.midi_events import MARKER, decode_midi, decode_text
from musicgen.music.score import Score
from musicgen.rendering.synthesis import usual_soundfont

Played = tuple[Fraction, Fraction, int]  # start and length in quarters, pitch
ROSEGARDEN, LMMS = 960, 48  # ticks a quarter
KEYS_FAIL_AFTER = 60  # seconds
LATE = Fraction(1, 40)  # quarters by which LMMS, whose grid is coarse, may differ in a performance
WRITTEN = Fraction(1, 10)  # and MuseScore, which writes it in note values
DRAWN = Fraction(1, 2)  # MuseScore draws a note over a short rest at the end of a bar


@dataclass
class Heard:
    """What a program has read; None for what it does not keep."""

    tracks: dict[str, list[Played]]
    programs: list[int] | None = None
    tempos: list[tuple[Fraction, float]] | None = None
    meters: list[tuple[Fraction, str]] | None = None
    key: str | None = None
    markers: list[tuple[Fraction, str]] | None = None
    end: Fraction | None = None


# --- what was written


def written(path: Path) -> tuple[Score, Heard]:
    score = read_score(path)
    quarter = score.ticks_per_quarter
    notes = {
        part.name: sorted((Fraction(n.start, quarter), Fraction(n.duration, quarter), n.pitch) for n in part.notes) for part in score.parts
    }
    meters = [(Fraction(change.start, quarter), str(change.meter)) for change in score.meters]
    events = decode_midi(path.read_bytes()).tracks[0].events
    heard = Heard(
        notes,
        [part.program for part in score.parts],
        [(Fraction(change.start, quarter), change.quarters_per_minute) for change in score.tempos],
        [(Fraction(0), f"{score.pickup // (quarter // 4)}/16"), (Fraction(score.pickup, quarter), meters[0][1]), *meters[1:]]
        if score.pickup
        else meters,
        str(score.key),
        [(Fraction(event.tick, quarter), decode_text(event.data)) for event in events if event.kind == MARKER],
        Fraction(score.bar_starts()[-1], quarter),
    )
    return score, heard


# --- MuseScore


def musescore(path: Path, folder: Path) -> Heard:
    target = folder / f"{path.stem}.musicxml"
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    done = subprocess.run(["musescore3", "-o", target, path], env=environment, capture_output=True, timeout=120, check=False)
    if not target.exists():
        raise RuntimeError(f"MuseScore wrote nothing: {done.stderr.decode()[-300:]}")
    score, heard = written_score(target)
    heard.programs = [part.program for part in score.parts]
    heard.tracks = {name.split(", ", 1)[-1]: notes for name, notes in heard.tracks.items()}  # "Choir Aahs, Soprano"
    return heard


def written_score(path: Path) -> tuple[Score, Heard]:
    score = read_score(path)
    quarter = score.ticks_per_quarter
    notes = {
        part.name: sorted((Fraction(n.start, quarter), Fraction(n.duration, quarter), n.pitch) for n in part.notes) for part in score.parts
    }
    tempos = [(Fraction(change.start, quarter), change.quarters_per_minute) for change in score.tempos]
    meters = [(Fraction(change.start, quarter), str(change.meter)) for change in score.meters]
    if score.pickup:
        meters = [(Fraction(0), f"{score.pickup * 4 // quarter}/16"), (Fraction(score.pickup, quarter), meters[0][1]), *meters[1:]]
    return score, Heard(notes, None, tempos, meters, str(score.key), None, Fraction(score.bar_starts()[-1], quarter))


# --- programs that need a screen


def typed(command: list[str], keys: list[str], target: Path, folder: Path) -> None:
    """Runs a program on a screen of its own and saves its project: `keys` are xdotool's words, a second after each other."""
    lines = [f"sleep 1; xdotool {word}" for word in keys]
    script = "\n".join(
        [
            "openbox >/dev/null 2>&1 &",
            f"timeout {KEYS_FAIL_AFTER} {' '.join(command)} >/dev/null 2>&1 &",
            "sleep 12",
            *lines,
            f"for i in 1 2 3 4 5 6 7 8; do sleep 1; [ -s {target} ] && break; done; sleep 1",
        ]
    )
    environment = os.environ | {"XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    subprocess.run(
        ["xvfb-run", "-a", "--server-num=240", "-s", "-screen 0 1200x800x24", "bash", "-c", script],
        env=environment,
        capture_output=True,
        timeout=3 * KEYS_FAIL_AFTER,
        check=False,
    )
    if not target.exists():
        raise RuntimeError(f"{command[0]} saved nothing")


def rosegarden(path: Path, folder: Path) -> Heard:
    target = folder / f"{path.stem}.rg"
    main = f"search --name {path.name} windowactivate --sync"
    keys = ["key Return", "sleep 2", main, "key ctrl+s", "sleep 2", f"type {target}", "key Return"]
    typed(["rosegarden", "--nosound", "--nosplash", str(path)], keys, target, folder)
    root = ET.fromstring(gzip.decompress(target.read_bytes()))
    labels = {track.get("id"): track.get("label") or "" for track in root.iter("track")}
    key = next(
        (p.get("string") for event in root.iter("event") if event.get("type") == "keychange" for p in event if p.get("name") == "key"), None
    )
    programs = {device.get("id"): int(p.get("id", "-1")) for device in root.iter("instrument") for p in device.iter("program")}
    return Heard(
        {labels[segment.get("track")]: sorted(_segment_notes(segment)) for segment in root.iter("segment")},
        [programs[track.get("instrument")] for track in root.iter("track") if track.get("instrument") in programs] or None,
        [(Fraction(int(t.get("time", 0)), ROSEGARDEN), int(t.get("tempo", 0)) / 100_000) for t in root.iter("tempo")],
        [(Fraction(int(m.get("time", 0)), ROSEGARDEN), f"{m.get('numerator')}/{m.get('denominator')}") for m in root.iter("timesignature")],
        key,
        [(Fraction(int(m.get("time", 0)), ROSEGARDEN), m.get("name") or "") for m in root.iter("marker")],
    )


def _segment_notes(segment: ET.Element) -> list[Played]:
    """Ties joined. An event without a time follows the one before it; those of a chord begin together."""
    now, open_ties, notes = int(segment.get("start", 0)), dict[int, list[int]](), list[list[int]]()

    def take(event: ET.Element) -> int:
        nonlocal now
        at = int(event.get("absoluteTime", now + int(event.get("timeOffset", 0))))
        length = int(event.get("duration", 0))
        if event.get("type") == "note":
            values = {p.get("name"): p for p in event}
            pitch = int(values["pitch"].get("int", 0))
            if "tiedbackward" in values and pitch in open_ties:
                open_ties[pitch][1] = at + length - open_ties[pitch][0]
            else:
                notes.append([at, length, pitch])
                open_ties[pitch] = notes[-1]
            if "tiedforward" not in values:
                open_ties.pop(pitch, None)
        return at + length

    def read(group: ET.Element) -> None:
        nonlocal now
        for child in group:
            if child.tag == "event":
                now = take(child)
            elif child.tag == "chord":
                ends = [take(event) for event in child.iter("event")]
                now = max(ends, default=now)
            else:
                read(child)

    read(segment)
    return [(Fraction(at, ROSEGARDEN), Fraction(length, ROSEGARDEN), pitch) for at, length, pitch in notes]


LMMS_SETTINGS = """<?xml version="1.0"?>
<!DOCTYPE lmms-config-file>
<lmms version="1.2.2" configversion="2">
 <app nanimateafp="1" configured="1" openlastproject="0" nowmidi="1"/>
 <mixer audiodev="Dummy (no sound output)" mididev="Dummy (no MIDI support)"/>
 <paths workingdir="{folder}/lmms/" defaultsf2="{font}" artwork="/usr/share/lmms/themes/default/"/>
</lmms>
"""


def lmms(path: Path, folder: Path) -> Heard:
    (folder / "lmms" / "projects").mkdir(parents=True, exist_ok=True)
    (folder / ".lmmsrc.xml").write_text(LMMS_SETTINGS.format(folder=folder, font=usual_soundfont()))
    target = folder / f"{path.stem}.mmp"
    typed(["lmms", "--allowroot", "--import", str(path)], ["key ctrl+shift+s", "sleep 2", f"type {target}", "key Return"], target, folder)
    root = ET.parse(target).getroot()
    tracks, programs = {}, []
    for track in root.iter("track"):
        patterns = track.findall("pattern")
        if track.get("type") != "0" or not any(True for pattern in patterns for _ in pattern.iter("note")):
            continue
        tracks[track.get("name") or ""] = sorted(note for pattern in patterns for note in _pattern_notes(pattern))
        programs += [int(player.get("patch", -1)) for player in track.iter("sf2player")]
    curves = {pattern.get("name", ""): pattern for pattern in root.iter("automationpattern") if pattern.findall("time")}
    tempo = next((pattern for name, pattern in curves.items() if "empo" in name), None)
    tempos = None if tempo is None else [(Fraction(int(t.get("pos", 0)), LMMS), float(t.get("value", 0))) for t in tempo.iter("time")]
    return Heard(tracks, programs, tempos)


def _pattern_notes(pattern: ET.Element) -> Iterator[Played]:
    start = int(pattern.get("pos", 0))
    for note in pattern.iter("note"):  # key 57 is A4, which is MIDI's 69
        yield Fraction(start + int(note.get("pos", 0)), LMMS), Fraction(int(note.get("len", 0)), LMMS), int(note.get("key", 0)) + 12


# --- comparing


def differences(ours: Heard, theirs: Heard, late: Fraction, longer: Fraction) -> Iterator[str]:
    if list(ours.tracks) != list(theirs.tracks):
        yield f"tracks {list(theirs.tracks)} for {list(ours.tracks)}"
    for (name, mine), read in zip(ours.tracks.items(), theirs.tracks.values(), strict=False):
        if len(mine) != len(read):
            yield f"{name}: {len(read)} notes for {len(mine)}"
            continue
        moved = [
            (a, b) for a, b in zip(sorted(mine, key=_by_place), sorted(read, key=_by_place), strict=True) if not _same(a, b, late, longer)
        ]
        if moved:
            first, found = ([float(value) for value in note] for note in moved[0])
            yield f"{name}: {len(moved)} notes differ, first {first}, read as {found}"
    for what in ("programs", "key"):
        mine, read = getattr(ours, what), getattr(theirs, what)
        if read is not None and mine != read:
            yield f"{what}: {read} for {mine}"
    if theirs.meters is not None and [(at, _bar(m)) for at, m in theirs.meters] != [(at, _bar(m)) for at, m in ours.meters or ()]:
        yield f"meters {[(float(at), m) for at, m in theirs.meters]} for {[(float(at), m) for at, m in ours.meters or ()]}"
    if theirs.markers is not None and theirs.markers != ours.markers:
        yield f"markers {theirs.markers} for {ours.markers}"
    if theirs.tempos is not None:
        yield from _tempo_differences(ours.tempos or [], theirs.tempos)
    if theirs.end is not None and theirs.end != ours.end:
        yield f"ends at {float(theirs.end)} for {float(ours.end or 0)}"


def _by_place(note: Played) -> tuple[Fraction, int]:
    return note[0], note[2]


def _same(mine: Played, read: Played, late: Fraction, longer: Fraction) -> bool:
    return mine[2] == read[2] and abs(mine[0] - read[0]) <= late and -2 * late <= read[1] - mine[1] <= 2 * late + longer


def _bar(meter: str) -> Fraction:
    beats, unit = meter.split("/")
    return Fraction(4 * int(beats), int(unit))


def _tempo_differences(mine: list[tuple[Fraction, float]], read: list[tuple[Fraction, float]]) -> Iterator[str]:
    """At each of our changes, what they play then; to half a quarter a minute, for LMMS rounds to whole ones."""
    wrong = []
    for at, tempo in mine:
        theirs = [value for when, value in read if when <= at + LATE]
        if not theirs or abs(theirs[-1] - tempo) > 0.5:
            wrong.append((float(at), tempo, theirs[-1] if theirs else None))
    if wrong:
        yield f"{len(wrong)} of {len(mine)} tempos differ, first at {wrong[0][0]}: {wrong[0][2]} for {wrong[0][1]}"


PIECES = (
    ("plain", "--bars 8 --pickup 1"),
    ("waltz", "--bars 8 --meter 3/4 --pickup 1 --key Eb --tempo 96"),
    ("compound", "--bars 8 --meter 6/8 --pickup 0.5 --tempo 60 --key f#"),
    ("hall", "--bars 8 --meter 3/2 --pickup 0"),
    ("strings", "--bars 8 --pickup 0 --sound strings"),
    ("played", "--bars 8 --pickup 1 --performance"),
)


def composed(folder: Path) -> list[Path]:
    paths = []
    for name, options in PIECES:
        paths.append(folder / f"{name}.mid")
        words = f"-m musicgen compose --model rules --seed 3 {options} -o {paths[-1]}".split()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return paths


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o700)
        paths = [Path(word).absolute() for word in sys.argv[1:]] or composed(folder)
        clients: tuple[Callable[[Path, Path], Heard], ...] = (musescore, rosegarden, lmms)
        failed = 0
        for path in paths:
            _, ours = written(path)
            is_exact = all(at.denominator <= LMMS for notes in ours.tracks.values() for at, _, _ in notes)
            for client in clients:
                began = time.monotonic()
                try:
                    late = Fraction(0) if is_exact else WRITTEN if client is musescore else LATE
                    longer = DRAWN if client is musescore else Fraction(0)
                    found = list(differences(ours, client(path, folder), late, longer))
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    found = [str(error)]
                failed += bool(found)
                told = "; ".join(found) or "as written"
                print(f"{path.stem:10} {client.__name__:11} {told}  ({time.monotonic() - began:.0f} s)", flush=True)
        return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
