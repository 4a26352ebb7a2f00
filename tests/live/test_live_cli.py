"""`musicgen live` at the command line, with a keyboard and a synthesizer that are not there."""

import json
import os
import signal
import sys
from contextlib import contextmanager

import pytest
from fake_port import FakePort, keys, notes

from musicgen.cli import main
from musicgen.errors import installing
from musicgen.files.io import write_score
from musicgen.live import rtmidi_port
from musicgen.live.port import STOPPED, Heard
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score

TUNE = [(4, 1, 67), (5, 1, 69), (6, 1, 71), (7, 1, 67)]


class Instruments(FakePort):
    source, sink, is_between_two = "keyboard", "synth", False
    interrupted_at = None

    def receive(self, until):
        if self.interrupted_at is not None and self.time >= self.interrupted_at:
            self.interrupted_at = None
            os.kill(os.getpid(), signal.SIGINT)
        return super().receive(until)

    def stop(self):
        self.script.insert(0, Heard(self.time, STOPPED))


@pytest.fixture
def instruments(monkeypatch):
    port = Instruments()

    @contextmanager
    def open_port(wanted):
        yield port

    monkeypatch.setattr(rtmidi_port, "open_port", open_port)
    switching, thread = sys.getswitchinterval(), os.environ.get("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", thread)
    yield port
    sys.setswitchinterval(switching)


def test_a_turn(instruments, capsys):
    instruments.script = keys(TUNE, tempo=60)
    code = main(["live", "--listen", "--bars", "1", "--tempo", "60", "--model", "dice", "--turns", "1", "--program", "19", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (told["turns"][0]["notes"], told["turns"][0]["key"]) == (4, "G major")
    assert {channel for _, _, channel, _ in notes(instruments.sent)} <= {0, 1, 2, 3}
    assert (0.0, bytes((0xC0, 19))) in instruments.sent


def test_ctrl_c_in_the_middle_of_a_chord(instruments, capsys, tmp_path):
    chorale = Chorale.parse(
        "4/4, C major\n" + "\n".join(f"{voice} {note} {'- ' * 15}" for voice, note in zip("SATB", ("E5", "G4", "C4", "C3"), strict=True))
    )
    write_score(to_score(chorale), tmp_path / "chord.mid")
    instruments.interrupted_at = 1.0
    before = signal.getsignal(signal.SIGINT)
    assert main(["live", "--loop", str(tmp_path / "chord.mid"), "--model", "dice", "--clock", "out", "--json"]) == 130
    told = capsys.readouterr()
    assert json.loads(told.out)["turns"][0]["round"] == 1
    assert "stopped" in told.err
    assert signal.getsignal(signal.SIGINT) == before
    assert len(notes(instruments.sent)) == 4
    assert instruments.sent[-1][1] == b"\xfc"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "choose one of --listen"),
        (["--listen", "--ports"], "only one of"),
        (["--listen", "--bars", "many"], "1 to 32 bars"),
        (["--listen", "--key", "H"], "is no key"),
        (["--loop", "nowhere.mid"], "no such file"),
        (["--listen", "--clock", "sun"], "sun"),
    ],
)
def test_what_is_refused_in_a_line(arguments, said, capsys):
    assert main(["live", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_without_the_extra_and_without_a_sequencer(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    assert main(["live", "--ports"]) == 2
    assert capsys.readouterr().err == f"musicgen: error: playing live needs python-rtmidi: {installing('live')}\n"


class Client:
    """Of a MIDI system with one port, which takes no other."""

    def __init__(self):
        self.is_there = True

    def get_ports(self):
        return ["Keystation 61"]

    def cancel_callback(self):
        pass

    close_port = cancel_callback

    def delete(self):
        self.is_there = False


def test_what_was_opened_is_closed_where_a_port_is_not_there(monkeypatch):
    clients = Client(), Client()
    monkeypatch.setattr(rtmidi_port, "_clients", lambda system: clients)
    with pytest.raises(rtmidi_port.ConfigError, match="no port is named 'organ'"):
        rtmidi_port.RtMidiPort(rtmidi_port.Wanted(sink="organ"))
    assert not any(client.is_there for client in clients)


def test_ports_by_name_by_number_and_by_chance():
    ports = ["Midi Through 14:0", "Keystation 61", "Piano left", "Piano right"]
    assert rtmidi_port.find_port(ports, "keystation", "--in") == 1
    assert rtmidi_port.find_port(ports, "3", "--in") == 2
    assert rtmidi_port.find_port(ports[:2], None, "--in") == 1
    for name, said in (("Piano", "2 ports are named"), ("Organ", "no port is named"), (None, "which port")):
        with pytest.raises(rtmidi_port.ConfigError, match=said):
            rtmidi_port.find_port(ports, name, "--in")
    with pytest.raises(rtmidi_port.ConfigError, match="there are none"):
        rtmidi_port.find_port([], None, "--out")
