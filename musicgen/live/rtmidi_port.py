"""The real port: python-rtmidi, for ALSA, JACK, CoreMIDI and Windows. Nobody else imports it, and it is imported only when it is used."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from musicgen.errors import ConfigError, MissingExtraError, MusicgenError, nearest
from musicgen.live.port import STOPPED, Heard

NAME = "musicgen"
_ON_ITS_WAY = 0.05  # seconds
_LOOPBACKS = ("midi through", "midi-bridge", NAME)  # not an instrument: never taken unless it is named


@dataclass(frozen=True)
class Wanted:
    """source, sink: names of ports, parts of names, or numbers from 1; virtual: a port of that name is made, for others to connect to,
    instead of each that is not named; system: `alsa`, `jack`, ..., the first that answers if not said."""

    source: str | None = None
    sink: str | None = None
    virtual: str | None = None
    system: str | None = None
    hears: bool = True


@dataclass(frozen=True)
class Ports:
    """system: what answers here; inputs can be heard, outputs played to."""

    system: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class RtMidiPort:
    """Opened by `with open_port(wanted) as port`. source, sink: names of what was opened, None for what was not."""

    def __init__(self, wanted: Wanted) -> None:
        self._inbox: SimpleQueue[Heard] = SimpleQueue()  # its `put` is safe in a signal handler and in the driver's thread
        self._in, self._out = _clients(wanted.system)
        self._named = wanted.virtual is None
        try:
            with _one_line():
                self.sink = _open(self._out, wanted.sink, wanted.virtual, "--out")
                self.source = _open(self._in, wanted.source, wanted.virtual, "--in") if wanted.hears else None
                self._in.ignore_types(sysex=True, timing=False, active_sense=True)
                self._in.set_callback(self._take)
        except MusicgenError:
            self.close()
            raise

    @property
    def is_between_two(self) -> bool:
        """Whether it hears one instrument and plays to another: who plays the first does not hear it from the second."""
        return bool(self._named and self.source) and self.source != self.sink

    def now(self) -> float:
        return time.monotonic()

    def send(self, message: bytes) -> None:
        with _one_line():
            self._out.send_message(message)

    def receive(self, until: float) -> Heard | None:
        wait = until - self.now()
        try:
            return self._inbox.get(timeout=wait) if wait > 0 else self._inbox.get_nowait()
        except Empty:
            return None

    def stop(self) -> None:
        """Ends what listens to this port."""
        self._inbox.put(Heard(self.now(), STOPPED))

    def close(self) -> None:
        """RtMidi's JACK takes a port away while JACK may still be playing it, so that nothing shall be on its way then. A program that
        ends without closing is worse: JACK then waits for its clients, and lets no others in."""
        self._in.cancel_callback()
        time.sleep(_ON_ITS_WAY)
        for client in (self._in, self._out):
            client.close_port()
            client.delete()

    def _take(self, event: tuple[Sequence[int], float], data: object) -> None:
        message = bytes(event[0])
        if message:
            self._inbox.put(Heard(self.now(), message))


@contextmanager
def open_port(wanted: Wanted) -> Iterator[RtMidiPort]:
    port = RtMidiPort(wanted)
    try:
        yield port
    finally:
        port.close()


def list_ports(system: str | None = None) -> Ports:
    sources, sinks = _clients(system)
    with _one_line():
        found = Ports(_rtmidi().get_api_display_name(sources.get_current_api()), tuple(sources.get_ports()), tuple(sinks.get_ports()))
    for client in (sources, sinks):
        client.delete()
    return found


def _rtmidi() -> Any:
    try:
        return importlib.import_module("rtmidi")
    except ImportError as error:
        raise MissingExtraError("playing live", "python-rtmidi", "live") from error


def _clients(system: str | None) -> tuple[Any, Any]:
    """A client that hears and one that plays, of the first system that answers."""
    rtmidi = _rtmidi()
    systems = {rtmidi.get_api_name(api): api for api in rtmidi.get_compiled_api() if api != rtmidi.API_RTMIDI_DUMMY}
    if system is not None and system not in systems:
        raise ConfigError(f"there is no MIDI system {system!r}; {nearest(system, systems)}")
    for api in [systems[system]] if system else systems.values():
        with _quiet(), _ignoring(rtmidi):
            return rtmidi.MidiIn(api, NAME), rtmidi.MidiOut(api, NAME)
    tried = ", ".join(rtmidi.get_api_display_name(api) for name, api in systems.items() if system in (None, name))
    remedy = "on Linux `sudo modprobe snd-seq` gives ALSA's sequencer, or start JACK; `musicgen compose` and others work without"
    raise MusicgenError(f"no MIDI system answers here; tried {tried}; {remedy}")


def _open(client: Any, name: str | None, virtual: str | None, option: str) -> str:
    ports = client.get_ports()
    if name is None and virtual is not None:
        client.open_virtual_port(virtual)
        return virtual
    index = find_port(ports, name, option)
    client.open_port(index, NAME)
    return str(ports[index])


def find_port(ports: Sequence[str], name: str | None, option: str) -> int:
    """The port of this name, of which this is a part, or of this number; without a name the only instrument there is."""
    instruments = [index for index, port in enumerate(ports) if not port.casefold().startswith(_LOOPBACKS)]
    said = f"ports are: {', '.join(f'{index + 1} {port}' for index, port in enumerate(ports))}" if ports else "there are none"
    if name is None:
        if len(instruments) == 1:
            return instruments[0]
        raise ConfigError(f"{option}: which port? {said}; name one, or make one with --virtual musicgen")
    exact = [index for index, port in enumerate(ports) if name == port]
    alike = [index for index, port in enumerate(ports) if name.casefold() in port.casefold()]
    if not exact and name.isdecimal() and 1 <= int(name) <= len(ports):
        return int(name) - 1
    if len(found := exact or alike) != 1:
        raise ConfigError(f"{option}: {'no port is' if not found else f'{len(found)} ports are'} named {name!r}; {said}")
    return found[0]


@contextmanager
def _ignoring(rtmidi: Any) -> Iterator[None]:
    """A system that does not answer is no error as long as another one may."""
    try:
        yield
    except (rtmidi.RtMidiError, OSError):
        return


@contextmanager
def _one_line() -> Iterator[None]:
    """What the driver says, in an error that a user can read."""
    try:
        yield
    except MusicgenError:
        raise
    except (_rtmidi().RtMidiError, NotImplementedError, OSError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise MusicgenError(f"the MIDI port failed: {reason}; `musicgen live --ports` lists what there is") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what ALSA's and JACK's libraries write past Python when they find no server."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
