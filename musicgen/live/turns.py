"""Question and answer at a keyboard: a phrase is played, and comes back in several voices, on the very beat after it.

Where a phrase begins is the player's choice; from there on it has so many bars. Its answer is begun while it is still being played, of
what was heard up to its middle, and finished when it has ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from musicgen.errors import ConfigError, NotationError
from musicgen.live.click import Clicks, Metronome
from musicgen.live.harmonizer import Answer, Harmonizer
from musicgen.live.listener import EARLY, Listener, Phrase, Window, begins, make_phrase
from musicgen.live.player import NEAR, Player, Send, Through
from musicgen.live.reply import Reply, made
from musicgen.live.worker import Task, Worker
from musicgen.music.chorale import STEPS_PER_QUARTER
from musicgen.music.pitch import Key
from musicgen.music.score import Meter, counted

When = Literal["after", "along"]
MOST_BARS = 32


@dataclass(frozen=True)
class Manner:
    """How turns are taken. longest_upbeat: quarters before a barline in which a phrase may begin, half a bar if not said.

    when: the answer comes after the phrase, or along with its repetition and then without the tune; turns: after so many it ends.
    channel: of all voices, one each if not said; through: what is played is passed on.
    """

    bars: int = 4
    meter: Meter = Meter()
    key: Key | None = None
    count_in: int = 1
    clicks: Clicks = "turn"
    when: When = "after"
    longest_upbeat: float | None = None
    channel: int | None = None
    through: bool = False
    turns: float = math.inf

    @classmethod
    def read(cls, bars: str, meter: str, key: str | None, **others: Any) -> Manner:
        """`"4"`, `"3/4"`, `"G minor"`; what cannot be is refused."""
        if not bars.isdecimal() or not 1 <= int(bars) <= MOST_BARS:
            raise ConfigError(f"--bars {bars}: a phrase has 1 to {MOST_BARS} bars, a whole number")
        read = Meter.parse(meter)
        if (read.bar_quarters / Fraction(1, STEPS_PER_QUARTER)).denominator != 1:
            raise NotationError(f"a bar of {read} is no whole number of sixteenths; choose another meter")
        return cls(int(bars), read, Key.parse(key) if key else None, **others)

    @property
    def bar(self) -> float:
        return float(self.meter.bar_quarters)

    @property
    def upbeat(self) -> float:
        return self.bar / 2 if self.longest_upbeat is None else self.longest_upbeat


@dataclass
class _Question:
    """A phrase that is being played. begun: the beginning of its answer, None too where nothing had been played yet."""

    window: Window
    is_prepared: bool = False
    begun: Task[Answer] | None = None

    @property
    def next_at(self) -> float:
        return self.window.end if self.is_prepared else self.window.middle


class Turns:
    """A `session.Playing`. `tempo`: quarters a minute, as it is when asked; `record`: what came of each turn."""

    def __init__(
        self,
        send: Send,
        harmonizer: Harmonizer,
        worker: Worker,
        manner: Manner,
        seed: int,
        tempo: Callable[[], float] = lambda: 120.0,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._harmonizer, self._worker, self._manner, self._seed = harmonizer, worker, manner, seed
        self._tempo, self._say = tempo, say
        self.music, self._through, self._listener = Player(send), Through(send), Listener()
        self._metronome = Metronome(send, manner.meter, self._clicks_at)
        self._question: _Question | None = None
        self._reply: Reply | None = None
        self._counted_in = self._opens = 0.0  # from `_opens` on a phrase may begin
        self._heard = np.zeros(12)
        self.record: list[dict[str, Any]] = []

    @property
    def is_over(self) -> bool:
        return len(self.record) >= self._manner.turns

    @property
    def next_at(self) -> float:
        asked = [each.next_at for each in (self._question, self._reply) if each]
        return min(self.music.next_at, self._metronome.next_at, *asked)

    def begin(self, position: float) -> None:
        """Counts in from the next barline on, and forgets a phrase that was broken off."""
        manner = self._manner
        first = math.ceil(position / manner.bar - NEAR) * manner.bar
        self._question = self._reply = None
        self._counted_in = first + manner.count_in * manner.bar
        self._opens = self._counted_in - (manner.upbeat if manner.count_in else 0)
        self._metronome.begin(first)

    def hear(self, message: bytes, position: float) -> None:
        if self._manner.through:
            self._through.pass_on(message)
        self._listener.hear(message, position)
        if begins(message) and self._question is None and position >= self._opens - EARLY:
            manner = self._manner
            self._question = _Question(Window.around(position, manner.meter, manner.bars, manner.upbeat))

    def advance(self, position: float) -> None:
        if self._question and not self._question.is_prepared and position >= self._question.window.middle - NEAR:
            self._prepare(self._question)
        if self._reply and position >= self._reply.ends - NEAR:
            self._tell(self._reply)
        if self._question and position >= self._question.window.end - NEAR:
            self._close(self._question)
        if self._reply:
            self._reply.advance(position, self.music.switch)
            self._opens = max(self._opens, self._reply.ends - self._manner.upbeat)
        self._metronome.advance(position)
        self.music.advance(position)

    def silence(self) -> None:
        self.music.silence()
        self._metronome.silence()
        self._through.silence()

    def _clicks_at(self, position: float) -> bool:
        clicks = self._manner.clicks
        if clicks in ("none", "always"):
            return clicks == "always"
        is_answering = self._reply is not None and self._reply.plays != "nothing" and self._manner.when == "after"
        return position < self._counted_in - NEAR or (clicks == "turn" and not is_answering)

    def _prepare(self, question: _Question) -> None:
        """At its middle, the beginning of its answer."""
        question.is_prepared = True
        phrase, seed = self._phrase(question.window, question.window.middle), self._next_seed
        if phrase:
            question.begun = self._worker.submit(lambda: self._harmonizer.begin(phrase, seed))

    def _close(self, question: _Question) -> None:
        """At its end. Where phrases follow each other, nothing may have been played: then there is nothing to answer."""
        window, begun, manner, seed = question.window, question.begun, self._manner, self._next_seed
        phrase = self._phrase(window, window.end)
        self._listener.forget(window.end)
        self._question, self._opens = None, window.end
        if phrase is None:
            return
        self._heard = phrase.heard
        whole = self._worker.submit(lambda: self._harmonizer.whole(phrase, seed, made(begun)))
        self._reply = Reply(window, phrase, begun, whole, manner.meter, manner.channel, has_tune=manner.when == "after")
        if manner.when == "along":
            self._question = _Question(window.later())

    def _phrase(self, window: Window, until: float) -> Phrase | None:
        played = self._listener.notes(window.start, until)
        if not played:
            return None
        compass = self._harmonizer.ensemble.ranges[0]
        return make_phrase(played, replace(window, end=until), self._manner.meter, compass, self._manner.key, self._heard)

    @property
    def _next_seed(self) -> int:
        return self._seed + len(self.record) + (1 if self._reply else 0)

    def _tell(self, reply: Reply) -> None:
        self._reply = None
        phrase, number = reply.phrase, len(self.record) + 1
        notes, late = len(phrase.score.parts[0].notes), round(60_000 * phrase.stray / self._tempo())
        is_whole = reply.plays == "whole" and not reply.problem
        told = {"turn": number, "notes": notes, "key": str(phrase.key), "late_ms": late, "waited_bars": reply.waited_bars}
        self.record.append(told | {"is_whole": is_whole, "problem": reply.problem})
        said = [f"turn {number}: {counted(notes, 'note')} in {phrase.key}, {late:+d} ms off the beat", *phrase.remarks]
        if reply.waited_bars:
            said.append(f"answered {counted(reply.waited_bars, 'bar')} later, when it was ready")
        if not is_whole:
            said.append(reply.problem or "the answer's second half was not ready in time")
        self._say("; ".join(said))
