"""`musicgen live`: plays with you, through MIDI ports."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicgen.cli import screen
from musicgen.cli.options import DEFAULT_MODEL, STOPPED, JsonOption, use_one_thread
from musicgen.errors import ConfigError
from musicgen.steering.request import seeds_from

if TYPE_CHECKING:
    from musicgen.live.beat import Beat
    from musicgen.live.click import Clicks
    from musicgen.live.loop import Loop
    from musicgen.live.rtmidi_port import RtMidiPort, Wanted
    from musicgen.live.turns import Turns
    from musicgen.live.worker import Beside, Fill

# Of two threads of Python the one that plays waits so long at most for the one that composes.
SWITCH_SECONDS = 0.0005


class Clock(StrEnum):
    """Whose beat it is."""

    OWN = "own"
    FOLLOW = "in"
    SEND = "out"


class Click(StrEnum):
    """When a click is heard."""

    NONE = "none"
    COUNT = "count"
    TURN = "turn"
    ALWAYS = "always"


class AnswerWhen(StrEnum):
    """When the answer comes."""

    AFTER = "after"
    ALONG = "along"


@dataclass(frozen=True)
class _Stage:
    """What a playing needs."""

    port: RtMidiPort
    beat: Beat
    beside: Beside
    fill: Fill
    seed: int


@dataclass(frozen=True)
class _Piece:
    """A playing in the making, and its usual tempo."""

    tempo: float
    make: Callable[[_Stage], Turns | Loop]


@dataclass(frozen=True)
class _Asked:
    """What both ways of playing have."""

    model: str
    temperature: float | None
    seed: int | None
    tempo: float | None
    clock: Clock
    click: Click | None
    count_in: int | None
    channel: int | None
    program: int | None
    latency: float
    turns: int | None
    as_json: bool


def live(
    listen: Annotated[bool, typer.Option("--listen", help="Answer what is played on a keyboard.")] = False,
    loop: Annotated[Path | None, typer.Option(help="Play a score of all voices round and round, different each time.")] = None,
    ports: Annotated[bool, typer.Option("--ports", help="List the MIDI ports.")] = False,
    source: Annotated[str | None, typer.Option("--in", help="A port to hear, by name, a part of it, or its number.")] = None,
    sink: Annotated[str | None, typer.Option("--out", help="A port to play to.")] = None,
    virtual: Annotated[
        str | None, typer.Option(metavar="NAME", help="Make a port of this name, for a sequencer to connect to: --virtual musicgen.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="alsa, jack, core or winmm; the first that answers if not said.")] = None,
    bars: Annotated[str | None, typer.Option(help="How long a phrase is, 4 if not said; of --loop which bars, 5-8, or 3:2-5:1.")] = None,
    answer: Annotated[AnswerWhen, typer.Option(help="After the phrase, or along with its repetition.")] = AnswerWhen.AFTER,
    voices: Annotated[str | None, typer.Option(help="Of --loop the voices that change, by letters: ATB.", show_default="all")] = None,
    keep_share: Annotated[float, typer.Option(min=0, max=1, help="Of --loop the share of the notes that stays each time.")] = 0.5,
    drift: Annotated[bool, typer.Option("--drift", help="Of --loop: vary what was heard last, not what is written.")] = False,
    tempo: Annotated[
        float | None, typer.Option(min=20, max=300, help="Quarters a minute; of --loop the score's.", show_default="80")
    ] = None,
    meter: Annotated[str, typer.Option(help="Of --listen.")] = "4/4",
    key: Annotated[str | None, typer.Option(help="Of --listen: 'G minor', 'Bb', ...; found if not said.")] = None,
    upbeat: Annotated[
        float | None, typer.Option(min=0, help="Quarters before the barline in which a phrase may begin.", show_default="half a bar")
    ] = None,
    clock: Annotated[Clock, typer.Option(help="One's own beat, or MIDI clock: follow the one that comes in, or send one out.")] = Clock.OWN,
    click: Annotated[
        Click | None, typer.Option(help="When it clicks; of --loop only while it counts in.", show_default="turn: while it is yours")
    ] = None,
    count_in: Annotated[int | None, typer.Option(min=0, max=8, help="Bars.", show_default="1, of --loop 0")] = None,
    through: Annotated[
        bool | None,
        typer.Option("--thru/--no-thru", help="Pass on what is played.", show_default="if --in and --out are two instruments"),
    ] = None,
    latency: Annotated[float, typer.Option(min=-500, max=500, help="Milliseconds by which a keyboard is heard late.")] = 0.0,
    channel: Annotated[int | None, typer.Option(min=1, max=16, help="Of all voices; one for each voice if not said.")] = None,
    program: Annotated[int | None, typer.Option(min=0, max=127, help="Set this sound, of General MIDI from 0: 19 is an organ.")] = None,
    turns: Annotated[int | None, typer.Option(min=1, help="End after so many answers or rounds; else Ctrl-C ends it.")] = None,
    model: Annotated[str, typer.Option("--model", "-m", help="A composer of `musicgen models`.")] = DEFAULT_MODEL,
    temperature: Annotated[float | None, typer.Option(min=0, max=10, help="Of the pitches.", show_default="the model's")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed gives the same music for the same tune.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Play with you through MIDI ports, in time.

    --listen: it counts in, you play a phrase of 4 bars, also with an upbeat, and it answers with the same tune in four voices. Begin in
    whichever bar you like. --loop FILE --bars 5-8: these bars go round, varied each time. --ports lists what there is to play to.
    """
    chosen = [name for name, is_on in (("--listen", listen), ("--loop", loop), ("--ports", ports)) if is_on]
    if len(chosen) != 1:
        raise ConfigError(f"live: {'choose one of' if not chosen else 'only one of'} --listen, --loop FILE and --ports")
    from musicgen.live.rtmidi_port import Wanted

    if ports:
        return _list_ports(system, as_json)
    own_channel = None if channel is None else channel - 1
    asked = _Asked(
        model=model,
        temperature=temperature,
        seed=seed,
        tempo=tempo,
        clock=clock,
        click=click,
        count_in=count_in,
        channel=own_channel,
        program=program,
        latency=latency,
        turns=turns,
        as_json=as_json,
    )
    wanted = Wanted(source, sink, virtual, system, hears=listen or clock == Clock.FOLLOW)
    if loop:
        return _play(wanted, asked, _looping(loop, bars or "", voices, keep_share, drift, asked))
    _play(wanted, asked, _listening(bars, meter, key, upbeat, answer, through, asked))


def _list_ports(system: str | None, as_json: bool) -> None:
    from musicgen.live.rtmidi_port import list_ports

    found = list_ports(system)
    if as_json:
        return screen.result_json({"system": found.system, "inputs": found.inputs, "outputs": found.outputs})
    for title, names in (("in", found.inputs), ("out", found.outputs)):
        for number, name in enumerate(names, 1):
            screen.result(f"--{title} {number}  {name}")
    if not found.inputs and not found.outputs:
        screen.remark(f"{found.system} has no ports yet; connect an instrument, or make one with --virtual musicgen")


def _listening(
    bars: str | None, meter: str, key: str | None, upbeat: float | None, answer: AnswerWhen, through: bool | None, asked: _Asked
) -> _Piece:
    from musicgen.composers.loading import ensemble_of
    from musicgen.live.harmonizer import Harmonizer
    from musicgen.live.turns import Manner, Turns
    from musicgen.steering.tasks import USUAL_TEMPO

    ensemble = ensemble_of(asked.model)
    manner = Manner.read(
        bars or "4",
        meter,
        key,
        count_in=1 if asked.count_in is None else asked.count_in,
        clicks=_click(asked, Click.TURN).value,
        when=answer.value,
        longest_upbeat=upbeat,
        channel=asked.channel,
        turns=asked.turns or math.inf,
    )

    def make(stage: _Stage) -> Turns:
        is_through = stage.port.is_between_two if through is None else through
        chosen = replace(manner, through=is_through)
        return Turns(stage.port.send, Harmonizer(stage.fill, ensemble), stage.beside, chosen, stage.seed, lambda: stage.beat.tempo, _say)

    return _Piece(USUAL_TEMPO, make)


def _looping(path: Path, place: str, voices: str | None, keep_share: float, drift: bool, asked: _Asked) -> _Piece:
    from musicgen.composers.loading import ensemble_of
    from musicgen.files.io import read_score
    from musicgen.live.loop import Loop
    from musicgen.live.variations import Theme
    from musicgen.steering.tasks import named

    score = read_score(path)
    with named(path):
        theme = Theme.of(score, place, ensemble_of(asked.model), voices, keep_share, asked.channel)

    def make(stage: _Stage) -> Loop:
        clicks: Clicks = _click(asked, Click.COUNT).value
        rounds = asked.turns or math.inf
        return Loop(
            stage.port.send,
            theme,
            stage.fill,
            stage.beside,
            stage.seed,
            count_in=asked.count_in or 0,
            clicks=clicks,
            drifts=drift,
            rounds=rounds,
            say=_say,
        )

    return _Piece(theme.tempo, make)


def _click(asked: _Asked, usual: Click) -> Click:
    """A sequencer whose clock is followed clicks itself."""
    return asked.click or (Click.NONE if asked.clock == Clock.FOLLOW else usual)


def _play(wanted: Wanted, asked: _Asked, piece: _Piece) -> None:
    from musicgen.live.beat import FollowedBeat, SteadyBeat
    from musicgen.live.rtmidi_port import open_port
    from musicgen.live.session import punctuality, run, set_program
    from musicgen.live.worker import Beside

    (seed,), tempo = seeds_from(asked.seed, 1), asked.tempo or piece.tempo
    with open_port(wanted) as port, Beside() as beside:
        fill = _composer(asked, beside)
        _introduce(port, seed, asked)
        set_program(port.send, asked.program, asked.channel)
        with _stopping(port) as stopped:
            beat = FollowedBeat(tempo) if asked.clock == Clock.FOLLOW else SteadyBeat(tempo, port.now())
            playing = piece.make(_Stage(port, beat, beside, fill, seed))
            run(port, beat, playing, asked.clock == Clock.SEND, asked.latency / 1000, _say)
        told = {"seed": seed, "turns": playing.record, "tempo": beat.tempo, **punctuality(playing.music.lateness, beat.tempo)}
        if asked.as_json:
            screen.result_json(told)
    if stopped:
        raise typer.Exit(STOPPED)


def _composer(asked: _Asked, beside: Beside) -> Fill:
    use_one_thread()
    from musicgen.composers.loading import ensemble_of, load_composer
    from musicgen.live.harmonizer import warm

    sys.setswitchinterval(SWITCH_SECONDS)
    dials = {} if asked.temperature is None else {"temperature": asked.temperature}
    fill = beside.filling(load_composer(asked.model, **dials))
    warm(fill, ensemble_of(asked.model))
    return fill


def _introduce(port: RtMidiPort, seed: int, asked: _Asked) -> None:
    heard = f"hearing {port.source}; " if port.source else ""
    ends = "Ctrl-C ends it"
    starts = "start the clock to begin" if asked.clock == Clock.FOLLOW else "counting in"
    _say(f"{heard}playing to {port.sink}; seed {seed}; {starts}; {ends}")


def _say(line: str) -> None:
    screen.remark(line)


@contextmanager
def _stopping(port: RtMidiPort) -> Iterator[list[int]]:
    """Ctrl-C, and whoever else wants an end, end the playing at its next moment, not in the middle of a message. Gives what came."""
    came: list[int] = []

    def stop(number: int, frame: object) -> None:
        came.append(number)
        port.stop()

    kinds = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {kind: signal.signal(kind, stop) for kind in kinds}
    try:
        yield came
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
