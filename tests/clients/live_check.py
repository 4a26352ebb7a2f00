"""`musicgen live` through a real MIDI system of this computer: ALSA's sequencer, or a JACK server that is started for it.

    python tests/clients/live_check.py [--system alsa|jack] [--model flagship]

A keyboard, a synthesizer and a sequencer are played here, in a process of their own; what they hear of `musicgen live` is checked, and how
well it keeps time is told. Needs python-rtmidi, and jackd (Debian: jackd2) where there is no /dev/snd/seq. Not run by pytest.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import fmean, quantiles

import rtmidi

SERVER = "musicgen_check"
TEMPO = 100.0
# Old Hundredth's first two lines with their upbeat: start and length in quarters from the first barline, pitch.
TUNE = [(-1, 1, 67), (0, 1, 67), (1, 1, 66), (2, 1, 64), (3, 1, 62), (4, 1, 67), (5, 1, 69), (6, 1, 71)]
TUNE += [(7, 1, 71), (8, 1, 71), (9, 1, 71), (10, 1, 69), (11, 1, 67), (12, 1, 72), (13, 1, 71), (14, 1, 69)]
STRAY = (0.02, -0.03, 0.04, 0.0, 0.05, -0.01)  # quarters, one after the other: no hand is exact


@contextmanager
def midi_system(wanted: str | None):
    """`alsa` or `jack`, whichever is there."""
    if wanted == "alsa" or (wanted is None and Path("/dev/snd/seq").exists()):
        yield "alsa"
        return
    jackd = shutil.which("jackd")
    if not jackd:
        sys.exit("live_check: no MIDI system: there is no /dev/snd/seq (modprobe snd-seq) and no jackd (apt-get install jackd2)")
    os.environ |= {"JACK_DEFAULT_SERVER": SERVER, "JACK_NO_AUDIO_RESERVATION": "1", "JACK_NO_START_SERVER": "1"}
    server = subprocess.Popen(
        [jackd, "-r", "-S", "-t", "5000", "-n", SERVER, "-d", "dummy", "-r", "48000", "-p", "128"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(2)
    try:
        yield "jack"
    finally:
        server.terminate()
        server.wait()


class Studio:
    """A keyboard and a synthesizer with ports of their own, and all that was heard with its time."""

    def __init__(self, system: str) -> None:
        api = {"alsa": rtmidi.API_LINUX_ALSA, "jack": rtmidi.API_UNIX_JACK}[system]
        self.heard: list[tuple[float, tuple[int, ...]]] = []
        self.out, self.into = rtmidi.MidiOut(api, "keyboard"), rtmidi.MidiIn(api, "synth")
        self.into.ignore_types(sysex=True, timing=False, active_sense=True)
        self.into.set_callback(lambda event, _: self.heard.append((time.monotonic(), tuple(event[0]))))

    def make_ports(self) -> None:
        self.out.open_virtual_port("keyboard out")
        self.into.open_virtual_port("synth in")

    def connect_to(self, name: str, plays: bool = False) -> None:
        """To the virtual port of that name, when it is there; it has one to play to only if it listens."""
        for client in (self.into, self.out) if plays else (self.into,):
            until = time.monotonic() + 60
            while not (found := [index for index, port in enumerate(client.get_ports()) if name in port]):
                assert time.monotonic() < until, f"no port {name}; there are {client.get_ports()}"
                time.sleep(0.1)
            client.open_port(found[0])

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        for client in (self.out, self.into):
            client.close_port()
            client.delete()

    def send(self, *message: int) -> None:
        self.out.send_message(message)

    def wait_for(self, wanted, seconds: float = 60.0) -> float:
        """The time of the first message heard of which `wanted` is true."""
        until, at = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            while at < len(self.heard):
                moment, message = self.heard[at]
                at += 1
                if wanted(message):
                    return moment
            time.sleep(0.002)
        raise AssertionError(f"not heard in {seconds} s")

    def play(self, tune, began: float, tempo: float) -> None:
        """A tune, from the time of its first barline on."""
        moments = []
        for index, (start, length, pitch) in enumerate(tune):
            begin = start + STRAY[index % len(STRAY)]
            moments += [(begin, 0x90, pitch, 75), (begin + 0.8 * length, 0x80, pitch, 0)]
        for at, *message in sorted(moments):
            time.sleep(max(0.0, began + at * 60 / tempo - time.monotonic()))
            self.send(*message)


def notes(heard, channels) -> list[tuple[float, float, int, int]]:
    """(start, end, channel, pitch) in seconds; what never ended is an error."""
    begun, found = {}, []
    for moment, message in heard:
        kind, key = message[0] & 0xF0, (message[0] & 0x0F, *message[1:2])
        if kind == 0x90 and message[2]:
            assert key not in begun, f"struck twice: {key}"
            begun[key] = moment
        elif kind in (0x80, 0x90) and key in begun:
            found.append((begun.pop(key), moment, *key))
    assert not begun, f"notes that never end: {begun}"
    return sorted(note for note in found if note[2] in channels)


def told(name: str, milliseconds: list[float], most: float = 60.0) -> None:
    """Nine of ten are within `most`; a busy machine delays single ones."""
    assert sorted(milliseconds)[int(0.9 * len(milliseconds))] < most, milliseconds
    worst = quantiles(milliseconds, n=100)[-1] if len(milliseconds) > 1 else milliseconds[0]
    figures = f"{fmean(milliseconds):.2f} ms on average, 99th centile {worst:.2f}, at most {max(milliseconds):.2f}"
    print(f"    {name}: {figures} ({len(milliseconds)})")


@contextmanager
def musicgen(*arguments: str):
    """The program, as a user starts it."""
    command = [sys.executable, "-m", "musicgen", "live", "--json", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def result(process, code: int = 0) -> dict:
    out, errors = process.communicate(timeout=60)
    assert process.returncode == code, f"exit code {process.returncode}: {errors}"
    assert "Traceback" not in errors, errors
    return json.loads(out)


# --- the checks


def check_ports(system: str, model: str) -> None:
    """The ports of others are listed."""
    with Studio(system) as studio:
        studio.make_ports()
        command = [sys.executable, "-m", "musicgen", "live", "--ports", "--json", "--system", system]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        assert any("keyboard out" in port for port in found["inputs"]), found
        assert any("synth in" in port for port in found["outputs"]), found


def check_turn(system: str, model: str) -> None:
    """A tune with an upbeat comes back note for note, in four voices, on the beat after it; what is played is passed on."""
    with Studio(system) as studio:
        studio.make_ports()
        names = ("--in", "keyboard out", "--out", "synth in", "--system", system)
        with musicgen("--listen", *names, "--tempo", str(TEMPO), "--turns", "1", "--model", model, "--seed", "1") as process:
            quarter = 60 / TEMPO
            began = studio.wait_for(lambda message: message[0] == 0x99 and message[2] > 0) + 4 * quarter
            studio.play(TUNE, began, TEMPO)
            outcome = result(process)
        assert outcome["turns"][0]["is_whole"], outcome
        starts = began + (15 + 4 * outcome["turns"][0]["waited_bars"]) * quarter  # on a busy machine it comes a bar later
        through = [note for note in notes(studio.heard, [0]) if note[0] < starts - 0.1]
        answer = [note for note in notes(studio.heard, range(4)) if note[0] >= starts - 0.1]
        tune = [note for note in answer if note[2] == 0]
        assert [pitch for *_, pitch in through] == [pitch for *_, pitch in TUNE]
        assert [pitch for *_, pitch in tune] == [pitch for *_, pitch in TUNE], [pitch for *_, pitch in tune]
        assert {channel for _, _, channel, _ in answer} == {0, 1, 2, 3}
        due = [starts + (start + 1) * quarter for start, _, _ in TUNE]
        off = [1000 * (note[0] - at) for note, at in zip(tune, due, strict=True)]
        print(
            f"    {outcome['turns'][0]}; the program's own account: {outcome['late_ms']} ms late on average, {outcome['latest_ms']} at most"
        )
        told("the answer's tune, off the beat of the first click", [abs(each) for each in off])


def check_interrupt(system: str, model: str) -> None:
    """Ctrl-C in the middle of a chord: every note ends, the exit code is 130, and the sequencer is told to stop."""
    with Studio(system) as studio:
        with (
            tempfile.TemporaryDirectory() as folder,
            musicgen("--loop", score(folder), "--virtual", "musicgen", "--system", system, "--clock", "out", "--model", model) as process,
        ):
            studio.connect_to("musicgen")
            studio.wait_for(lambda message: message[0] == 0x90)
            time.sleep(1.3)
            process.send_signal(signal.SIGINT)
            result(process, 130)
            time.sleep(0.2)
        assert notes(studio.heard, range(16)), "nothing was played"
        assert (0xFC,) in [message for _, message in studio.heard]
        assert any(message[:2] == (0xB0, 123) for _, message in studio.heard)


def check_clock_out(system: str, model: str) -> None:
    """24 clocks a quarter, evenly, while a composer works beside."""
    tempo = 120.0
    with Studio(system) as studio:
        with tempfile.TemporaryDirectory() as folder:
            arguments = (
                "--loop",
                score(folder),
                "--virtual",
                "musicgen",
                "--system",
                system,
                "--clock",
                "out",
                "--tempo",
                str(tempo),
                "--turns",
                "4",
                "--count-in",
                "2",
            )
            with musicgen(*arguments, "--model", model, "--keep-share", "0") as process:
                studio.connect_to("musicgen")
                outcome = result(process)
        clocks = [moment for moment, message in studio.heard if message == (0xF8,)]
        due = 60 / tempo / 24
        spans = [1000 * (later - earlier) for earlier, later in pairwise(clocks)]
        assert abs(fmean(spans) - 1000 * due) < 0.1, fmean(spans)
        told(f"clock out, off {1000 * due:.2f} ms between two", [abs(span - 1000 * due) for span in spans])
        seeds, late = [each["seed"] for each in outcome["turns"]], sum(each["is_late"] for each in outcome["turns"])
        assert len(set(seeds)) > 1, seeds
        print(f"    rounds by seed: {seeds}, not ready in time: {late}")
        print(f"    notes by its own account {outcome['late_ms']} ms late on average, {outcome['latest_ms']} at most")


def check_clock_in(system: str, model: str) -> None:
    """Follows a sequencer: starts with it, goes faster with it, pauses in silence, and goes on."""
    slow = 90.0
    fast = 132.0
    with Studio(system) as studio:
        with (
            tempfile.TemporaryDirectory() as folder,
            musicgen("--loop", score(folder), "--virtual", "musicgen", "--system", system, "--clock", "in", "--model", "dice") as process,
        ):
            studio.connect_to("musicgen", plays=True)
            time.sleep(6)  # it says nothing over MIDI before the clock starts
            assert not studio.heard
            beats: list[float] = []
            studio.send(0xFA)
            _clocks(studio, slow, 8, beats)
            _clocks(studio, fast, 8, beats)
            studio.send(0xFC)
            time.sleep(0.5)
            assert len(notes(studio.heard, range(4))) > 10
            paused = len(studio.heard)
            time.sleep(0.7)
            assert len(studio.heard) == paused, "it plays on after the stop"
            studio.send(0xFB)
            _clocks(studio, fast, 4, beats)
            assert len(studio.heard) > paused, "it does not go on"
            process.send_signal(signal.SIGTERM)
            result(process, 130)
        tops = [start for start, _, channel, _ in notes(studio.heard, [0]) if channel == 0]
        off = [min(abs(1000 * (start - beat)) for beat in beats) for start in tops]
        told("notes on the beats of the clock that is followed", off)


def _clocks(studio: Studio, tempo: float, quarters: int, beats: list[float]) -> None:
    began = time.monotonic()
    for number in range(24 * quarters):
        time.sleep(max(0.0, began + number * 60 / tempo / 24 - time.monotonic()))
        if number % 24 == 0:
            beats.append(time.monotonic())
        studio.send(0xF8)


def check_through(system: str, model: str) -> None:
    """How long it takes from a key to the synthesizer, by way of the program."""
    with Studio(system) as studio:
        studio.make_ports()
        names = ("--in", "keyboard out", "--out", "synth in", "--system", system)
        with musicgen("--listen", *names, "--click", "none", "--count-in", "8", "--model", "dice") as process:
            time.sleep(6)
            sent = []
            for number in range(200):
                sent.append(time.monotonic())
                studio.send(0x90 if number % 2 == 0 else 0x80, 60 + number // 2 % 12, 70)
                time.sleep(0.01)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            result(process, 130)
        came = [moment for moment, message in studio.heard if message[0] in (0x90, 0x80)]
        assert len(came) >= len(sent), (len(came), len(sent))
        told("from key to synthesizer", [1000 * (heard - at) for heard, at in zip(came, sent, strict=False)])


def score(folder: str) -> str:
    """Two bars in four voices, all of them in quarters."""
    from musicgen import Chorale, to_score, write_score

    rows = ["S G4 F#4 E4 D4 G4 A4 B4 B4", "A D4 D4 B3 B3 B3 D4 D4 D4", "T B3 A3 G3 F#3 G3 F#3 G3 G3", "B G2 D3 E3 B2 E3 D3 G2 G2"]
    cells = (" ".join(cell if index == 0 else f"{cell} - - -" for index, cell in enumerate(row.split())) for row in rows)
    path = Path(folder) / "loop.mid"
    write_score(to_score(Chorale.parse("4/4, G major\n" + "\n".join(cells)), tempo=96), path)
    return str(path)


CHECKS = (check_ports, check_turn, check_interrupt, check_clock_out, check_clock_in, check_through)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--system", choices=("alsa", "jack"))
    parser.add_argument("--model", default="flagship")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    failed = 0
    with midi_system(options.system) as system:
        print(f"{system}, model {options.model}")
        for check in CHECKS:
            if options.only not in check.__name__:
                continue
            try:
                check(system, options.model)
                print(f"ok      {check.__name__}: {check.__doc__}")
            except (AssertionError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAILED  {check.__name__}: {error}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
