"""MuseScore's plugin in a real MuseScore 3, in a window that no one sees: python tests/clients/musescore_plugin_check.py --into pictures/

Not part of the test run. Needed: apt-get install musescore3 xvfb xdotool imagemagick. It harmonizes a tune on four staves and on two, fills
bars of two voices, writes lengths that need ties and rests, and undoes; what MuseScore saves then is compared note for note with what the
server had answered, which a listener between the two has kept.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from musicgen import Sketch, find_tune, load_composer, read_score, with_voices, write_score
from musicgen.errors import MusicgenError
from musicgen.music.score import Note, Part, Score

PORT = 8765  # the plugin's
TUNE = """X:1
T:Old Hundredth
M:4/4
L:1/4
K:G
G | G F E D | G A B B | B B A G | c B A G | A B A G | E F G d | B G A c | B A G |]
"""
FERMATAS = (8, 16)  # which notes of it
PLUGINS = """<?xml version="1.0" encoding="UTF-8"?>
<museScore version="3.01"><Plugin><path>{path}</path><load>1</load><SC><key>musicgen</key><seq>Ctrl+Alt+M</seq></SC></Plugin></museScore>
"""
SETTINGS = "[application]\nstartup\\firstStart=false\nstartup\\showStartCenter=false\ncheckForUpdate=false\n"
SETTINGS += "[ui]\napplication\\startup\\showStartCenter=false\napplication\\startup\\showTours=false\n"
SHARED = ".local/share/MuseScore/MuseScore3"
HARMONIZE, FILL, SECOND = (50, 27), (127, 27), (60, 65)  # where the plugin's window has its buttons, at 0:0 without a window manager
PAPER = (500, 640)
Notes = list[tuple[float, float, int]]


class Between(BaseHTTPRequestHandler):
    """Hands on to the server, keeps what it answers; or answers itself, where `instead` says how."""

    target = ""
    answers: ClassVar[list[dict]] = []
    instead: Callable[[dict], dict] | None = None

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = urllib.request.Request(self.target + self.path, body, {"Content-Type": self.headers["Content-Type"]})
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        found = json.loads(content)
        if Between.instead:
            found = Between.instead(found)
        Between.answers.append({"status": status, "asked": json.loads(body), **found})
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, *arguments: object) -> None:
        pass


class MuseScore:
    """One score on a screen of its own; keys and clicks go to it."""

    def __init__(self, home: Path, screen: str, pictures: Path) -> None:
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "DISPLAY": screen,
            "QT_QUICK_BACKEND": "software",
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        self.session = home / SHARED / "session"
        self.pictures = pictures
        self.process: subprocess.Popen | None = None

    def convert(self, source: Path, target: Path) -> Path:
        quiet = {**self.environment, "QT_QPA_PLATFORM": "offscreen"}
        subprocess.run(["mscore3", source, "-o", target], env=quiet, check=True, capture_output=True)
        return target

    def open(self, score: Path) -> None:
        self.close()
        self.process = subprocess.Popen(["mscore3", score], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait_for_window(f"MuseScore 3: {score.stem}")
        self.settle()
        self.click(PAPER)

    def close(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.session.unlink(missing_ok=True)  # or MuseScore would ask whether to restore it

    def settle(self) -> None:
        """Until it has had nothing to do for two seconds."""
        idle, before = 0, -1
        for _ in range(240):
            ticks = sum(map(int, Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
            idle, before = (idle + 1 if ticks - before < 3 else 0), ticks
            if idle == 4:
                return
            time.sleep(0.5)

    def open_plugin(self) -> None:
        self.keys("ctrl+alt+m")
        self._wait_for_window("^musicgen$")
        self.settle()

    def _wait_for_window(self, name: str) -> None:
        subprocess.run(["xdotool", "search", "--sync", "--name", name], env=self.environment, check=True, timeout=120, capture_output=True)

    def keys(self, *keys: str) -> None:
        for key in keys:
            self._tell("key", key)
            time.sleep(0.7)

    def click(self, place: tuple[int, int]) -> None:
        self._tell("mousemove", str(place[0]), str(place[1]), "click", "1")
        time.sleep(1.2)

    def picture(self, name: str) -> None:
        target = self.pictures / f"{name}.png"
        subprocess.run(["import", "-window", "root", "-crop", "1060x880+0+0", target], env=self.environment, check=True)

    def saved(self, path: Path) -> Score:
        """As MuseScore has it now."""
        self.click(PAPER)
        self.keys("ctrl+s")
        self.settle()
        return read_score(self.convert(path, path.with_suffix(".musicxml")))

    def _tell(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env=self.environment, check=True)


def notes_of(part: Part, score: Score, start: float = 0.0, end: float = 1e9) -> Notes:
    """(start, quarters, pitch) of the notes that begin in [start, end) quarters."""
    quarter = score.ticks_per_quarter
    found = [(note.start / quarter, note.duration / quarter, note.pitch) for note in part.notes]
    return [note for note in found if start <= note[0] < end]


def answered(piece: dict, part: int, start: float = 0.0, end: float = 1e9) -> Notes:
    form = piece["notes"]
    quarter = form["ticks_per_quarter"]
    found = [(note["start"] / quarter, note["duration"] / quarter, note["pitch"]) for note in form["parts"][part]["notes"]]
    return [note for note in found if start <= note[0] < end]


def pressed(musescore: MuseScore, button: tuple[int, int]) -> dict:
    """Opens the plugin, presses a button, waits for the answer to be written."""
    count = len(Between.answers)
    musescore.open_plugin()
    musescore.click(button)
    for _ in range(240):
        time.sleep(0.5)
        if len(Between.answers) > count:
            break
    musescore.settle()
    assert len(Between.answers) > count, "the plugin has asked nothing"
    answer = Between.answers[-1]
    assert answer["status"] == 200, answer
    return answer


# --- the checks


def harmonizes_on_four_staves(musescore: MuseScore, folder: Path) -> None:
    path = musescore.convert(_tune_over_rests(folder, 3), folder / "four.mscx")
    before = read_score(musescore.convert(path, folder / "before.musicxml"))
    musescore.open(path)
    musescore.keys("ctrl+a")
    answer = pressed(musescore, HARMONIZE)
    musescore.picture("harmonized")
    notes = answer["asked"]["score"]["parts"][0]["notes"]
    assert [index for index, note in enumerate(notes) if note["fermata"]] == list(FERMATAS), "the fermatas that are asked for"
    first = musescore.saved(path)
    assert notes_of(first.parts[0], first) == notes_of(before.parts[0], before), "the tune is another"
    assert len(first.parts) == 4, [part.name for part in first.parts]
    for part in (1, 2, 3):
        assert notes_of(first.parts[part], first) == answered(answer["pieces"][0], part), f"voice {part}"
    musescore.click(SECOND)
    musescore.settle()
    second = musescore.saved(path)
    for part in (1, 2, 3):
        assert notes_of(second.parts[part], second) == answered(answer["pieces"][1], part), f"the second alternative's voice {part}"
    musescore.keys("ctrl+z", "ctrl+z")
    undone = musescore.saved(path)
    assert all(not part.notes for part in undone.parts[1:]), "undo leaves notes"


def harmonizes_on_two_staves(musescore: MuseScore, folder: Path) -> None:
    path = musescore.convert(_tune_over_rests(folder, 1), folder / "two.mscx")
    musescore.open(path)
    musescore.keys("ctrl+a")
    answer = pressed(musescore, HARMONIZE)
    musescore.picture("harmonized-two-staves")
    score = musescore.saved(path)
    assert len(score.parts) == 4, [part.name for part in score.parts]
    for part in (1, 2, 3):
        assert notes_of(score.parts[part], score) == answered(answer["pieces"][0], part), f"voice {part}"


def fills_bars(musescore: MuseScore, folder: Path) -> None:
    path = musescore.convert(_choir(folder), folder / "choir.mscx")
    before = read_score(musescore.convert(path, folder / "before.musicxml"))
    musescore.open(path)
    _select_bars(musescore, 3, 2, staves=2)
    answer = pressed(musescore, FILL)
    musescore.picture("filled")
    score = musescore.saved(path)
    assert answer["asked"]["voices"] == "SA", answer["asked"]["voices"]
    start, end = 5.0, 13.0  # after a pick-up of one quarter
    for part in (0, 1):
        assert notes_of(score.parts[part], score, start, end) == answered(answer["pieces"][0], part, start, end), f"voice {part}"
    for part in (2, 3):
        assert notes_of(score.parts[part], score) == notes_of(before.parts[part], before), f"voice {part} was not selected"
    for part in (0, 1):
        assert notes_of(score.parts[part], score, end + 1) == notes_of(before.parts[part], before, end + 1), "what comes after"


def writes_ties_and_rests(musescore: MuseScore, folder: Path) -> None:
    """Lengths of no single value, over barlines too, and rests between."""
    path = musescore.convert(_tune_over_rests(folder, 3), folder / "ties.mscx")
    lengths = [2.5, 1.25, 0.25, 5.0, -1.0, 2.25, -0.75, 3.5, -2.0]

    def instead(found: dict) -> dict:
        for piece in found["pieces"]:
            for part, shift in ((1, 0), (2, 1), (3, 2)):
                piece["notes"]["parts"][part]["notes"] = _of_lengths(lengths[shift:] + lengths[:shift], 32, 60 - 5 * part)
        return found

    Between.instead = instead
    musescore.open(path)
    musescore.keys("ctrl+a")
    answer = pressed(musescore, HARMONIZE)
    Between.instead = None
    musescore.picture("ties-and-rests")
    score = musescore.saved(path)
    assert len(score.parts) == 4, [part.name for part in score.parts]
    for part in (1, 2, 3):
        assert notes_of(score.parts[part], score) == answered(answer["pieces"][0], part), f"voice {part}"


def _of_lengths(lengths: list[float], quarters: float, pitch: int) -> list[dict]:
    """Notes of these lengths, over and over; a negative one is a rest."""
    notes, start = [], 0.0
    while start < quarters:
        for length in lengths:
            long = min(abs(length), quarters - start)
            if long > 0 and length > 0:
                notes.append({"start": int(start * 480), "duration": int(long * 480), "pitch": pitch, "spelling": "C4"})
            start += abs(length)
    for note in notes:
        note["spelling"] = {55: "G3", 50: "D3", 45: "A2"}[pitch]
    return notes


def _select_bars(musescore: MuseScore, first: int, count: int, staves: int) -> None:
    musescore.keys("ctrl+f", str(first), "Escape", *["ctrl+shift+Right"] * count, *["shift+Down"] * (staves - 1))


def _choir(folder: Path) -> Path:
    (folder / "tune.abc").write_text(TUNE)
    tune = find_tune(read_score(folder / "tune.abc"))
    chorale = load_composer("rules").fill(Sketch.for_voices(tune.chorale, keep="S"), seed=1)
    return write_score(with_voices(tune, chorale), folder / "choir.musicxml")


def _tune_over_rests(folder: Path, empty: int) -> Path:
    """The tune, and staves under it with nothing but rests."""
    (folder / "tune.abc").write_text(TUNE)
    score = read_score(folder / "tune.abc")
    tune = [replace(note, fermata=index in FERMATAS) for index, note in enumerate(score.parts[0].notes)]
    score = replace(score, parts=(replace(score.parts[0], notes=tuple(tune)),))
    names = ("Alto", "Tenor", "Bass") if empty == 3 else ("Bass",)
    below = tuple(replace(score.parts[0], name=name, notes=(Note(0, score.ticks_per_quarter, 50),)) for name in names)
    written = write_score(replace(score, parts=(*score.parts, *below)), folder / f"tune-{empty}.musicxml")
    return _without_notes_below(written)


def _without_notes_below(path: Path) -> Path:
    import xml.etree.ElementTree as ET

    root = ET.parse(path).getroot()
    for part in root.findall("part")[1:]:
        for note in part.iter("note"):
            for child in list(note):
                if child.tag not in ("duration", "voice", "type", "dot"):
                    note.remove(child)
            note.insert(0, ET.Element("rest"))
    path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
    return path


CHECKS: Mapping[str, Callable[[MuseScore, Path], None]] = {
    "harmonizes on four staves": harmonizes_on_four_staves,
    "harmonizes on two staves": harmonizes_on_two_staves,
    "fills bars": fills_bars,
    "writes ties and rests": writes_ties_and_rests,
}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--into", type=Path, default=Path("plugin-pictures"), help="a folder for pictures of the screen")
    options.add_argument("--model", default="rules")
    options.add_argument("--only", choices=CHECKS, action="append")
    asked = options.parse_args()
    asked.into.mkdir(parents=True, exist_ok=True)
    program = [sys.executable, "-m", "musicgen", "serve"]
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _settle(home, program)
        server = subprocess.Popen([*program, "--model", asked.model, "--port", "0"], stdout=subprocess.PIPE, text=True)
        Between.target = server.stdout.readline().strip()
        between = ThreadingHTTPServer(("127.0.0.1", PORT), Between)
        threading.Thread(target=between.serve_forever, daemon=True).start()
        command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1400x1000x24"]
        screen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        musescore = MuseScore(home, f":{screen.stdout.readline().strip()}", asked.into.resolve())
        try:
            return _run(musescore, Path(folder), asked.only or CHECKS)
        finally:
            musescore.close()
            screen.terminate()
            server.terminate()


def _settle(home: Path, program: list[str]) -> None:
    """A home in which MuseScore has been started before and has the plugin switched on."""
    data, settings, plugins = home / SHARED, home / ".config/MuseScore", home / "Documents/MuseScore3/Plugins"
    for folder in (data, settings, plugins):
        folder.mkdir(parents=True)
    subprocess.run([*program, "--install-plugin"], env={**os.environ, "HOME": str(home)}, check=True)
    (data / "plugins.xml").write_text(PLUGINS.format(path=plugins / "musicgen/musicgen.qml"))
    (settings / "MuseScore3.ini").write_text(SETTINGS)


def _run(musescore: MuseScore, folder: Path, names: list[str] | Mapping[str, object]) -> int:
    failures = 0
    for name in names:
        own = folder / name.replace(" ", "-")
        own.mkdir()
        try:
            CHECKS[name](musescore, own)
            print(f"{name}: as the server answered, note for note", flush=True)
        except (AssertionError, MusicgenError, subprocess.SubprocessError) as error:
            failures += 1
            musescore.picture(f"failed-{own.name}")
            print(f"{name}: FAILED, {error}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
