"""A piano roll as pages: lines of bars, in each the voices over each other or apart, pitches beside them, phrases and bars above.

All lengths are millimetres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import cos, pi, sin
from typing import TYPE_CHECKING

from musicgen.errors import NotationError
from musicgen.rendering.canvas import GRAY, INK, PALE, SHADE, SMALL, TEXT, Canvas, shortened, text_width, wrapped
from musicgen.rendering.roll import Phrase, Roll, RollBar, lines_of_bars
from musicgen.rendering.roll_look import LEADING, Item, Look, Strip, draw_legend, legend_of, legend_rows
from musicgen.rendering.roll_notes import APART, FULL, NAME, Frame, Panel, draw_notes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEFT, RIGHT, EDGE = 9.5, 4.5, 1.5
MOST_LEFT = 24.0  # for the names of drums
QUARTER, WIDEST_QUARTER = 7.0, 15.0  # as narrow as reads well, and as wide
ROW, LOW_ROW, DRUM_ROW = 1.25, 0.8, 2.3  # of a semitone, of voices apart, of a drum
LEAST_ROWS = 8
NUMBERS, PHRASES, BELOW = 2.8, 3.6, 3.5
STRIP, OVER_STRIP = 7.0, 1.5
BESIDE = 0.8  # the names of pitches
MOST_PAGES = 60


@dataclass(frozen=True)
class Plan:
    """Where everything comes: the lines, how wide a quarter is, what is under each other in a line."""

    roll: Roll
    look: Look

    @cached_property
    def lines(self) -> list[tuple[RollBar, ...]]:
        return lines_of_bars(self.roll.bars, self.room / (QUARTER if len(self.roll.panels) == 1 else QUARTER * 0.8), self.look.bars_a_line)

    @cached_property
    def left(self) -> float:
        """Where lines begin: to the right of the longest name of a row."""
        widest = max(text_width(name, SMALL) for panel in self.panels for name in panel.names.values())
        return min(max(LEFT, widest + EDGE + BESIDE), MOST_LEFT)

    @property
    def room(self) -> float:
        return self.look.width - self.left - RIGHT

    @cached_property
    def quarter(self) -> float:
        return min(WIDEST_QUARTER, self.room / max(line[-1].end - line[0].start for line in self.lines))

    @cached_property
    def panels(self) -> list[Panel]:
        return [_panel(self.roll, voices) for voices in self.roll.panels]

    @property
    def above(self) -> float:
        return NUMBERS + (PHRASES if self.roll.phrases else 0)

    @property
    def line_height(self) -> float:
        return self.above + sum(panel.height for panel in self.panels) + len(self.look.strips) * (STRIP + OVER_STRIP + NAME)

    @cached_property
    def heading(self) -> list[str]:
        return wrapped(self.look.heading, self.look.width - self.left - EDGE)

    @cached_property
    def legend(self) -> list[list[tuple[float, Item]]]:
        return legend_rows(legend_of(self.roll, self.look), self.look.width - self.left - EDGE)

    @property
    def head(self) -> float:
        rows = len(self.heading) + len(self.legend)
        return EDGE + LEADING * rows + (1.5 if rows else 0)

    @cached_property
    def pages(self) -> list[list[tuple[RollBar, ...]]]:
        fitting = max(1, int((self.look.page - self.head - EDGE + BELOW) // (self.line_height + BELOW)))
        count = -(-len(self.lines) // fitting)
        if count > MOST_PAGES:
            raise NotationError(f"{len(self.roll.bars)} bars would fill {count} pages, at most {MOST_PAGES} are drawn; name some bars")
        return [self.lines[first : first + fitting] for first in range(0, len(self.lines), fitting)]

    def page_height(self, lines: int) -> float:
        return self.head + lines * (self.line_height + BELOW) - BELOW + EDGE


def draw_roll(roll: Roll, look: Look) -> list[Figure]:
    """A figure a page."""
    plan = Plan(roll, look)
    return [_page(plan, lines) for lines in plan.pages]


def _page(plan: Plan, lines: Sequence[tuple[RollBar, ...]]) -> Figure:
    canvas = Canvas(plan.look.width, plan.page_height(len(lines)))
    draw_head(canvas, plan)
    y = plan.head
    for line in lines:
        draw_line(canvas, plan, line, plan.left, y)
        y += plan.line_height + BELOW
    return canvas.figure


def draw_head(canvas: Canvas, plan: Plan, y: float = EDGE) -> None:
    for number, text in enumerate(plan.heading):
        canvas.text(plan.left, y + LEADING * (number + 0.5), text)
    draw_legend(canvas, plan.left, y + LEADING * len(plan.heading), plan.legend, FULL * ROW)


def draw_line(canvas: Canvas, plan: Plan, line: Sequence[RollBar], x: float, y: float) -> None:
    """One line of bars; (x, y): its upper left corner, without the names of the pitches."""
    frame = Frame(canvas, line[0].start, line[-1].end, x, plan.quarter)
    _numbers(frame, line, y + plan.above - NUMBERS / 2)
    for phrase in plan.roll.phrases:
        _phrase(frame, phrase, y + PHRASES)
    top = y + plan.above
    for panel in plan.panels:
        _draw_panel(frame, plan, panel, line, top)
        top += panel.height
    for strip in plan.look.strips:
        bars = [(max(start, frame.start), min(end, frame.end), share / strip.full) for start, end, share in strip.bars]
        _draw_strip(frame, strip, [bar for bar in bars if bar[0] < bar[1]], top + OVER_STRIP)
        top += STRIP + OVER_STRIP + NAME


def _panel(roll: Roll, voices: tuple[int, ...]) -> Panel:
    drawn = [note.pitch for bar in roll.bars for note in roll.between(bar.start, bar.end) if note.voice in voices]
    drawn = drawn or [note.pitch for note in roll.notes if note.voice in voices]
    named = len(roll.panels) > 1
    if roll.voices[voices[0]].is_drum:
        return Panel(roll, voices, tuple(sorted(set(drawn), reverse=True)), DRUM_ROW, named)
    missing = max(0, LEAST_ROWS - (max(drawn) - min(drawn) + 3))
    lowest, highest = min(drawn) - 1 - missing // 2, max(drawn) + 1 + (missing + 1) // 2
    return Panel(roll, voices, tuple(range(highest, lowest - 1, -1)), LOW_ROW if named else ROW, named)


# --- around the notes


def _numbers(frame: Frame, line: Sequence[RollBar], y: float) -> None:
    """Of the bars, as many as there is room for."""
    free = 0.0
    for bar in line:
        text, x = str(bar.number), frame.x(bar.start)
        if bar.number and x >= free:
            frame.canvas.text(x + 0.4, y, text, SMALL, GRAY)
            free = x + text_width(text, SMALL) + 1.5


def _phrase(frame: Frame, phrase: Phrase, y: float) -> None:
    """A bracket from its beginning to its end, a fermata over the note that carries it; `y`: the bracket's line."""
    start, end = max(phrase.start, frame.start), min(phrase.end, frame.end)
    if start >= end:
        return
    left, right = frame.x(start) + 0.3, frame.x(end) - 0.3
    ticks = [(left, y + 0.8)] * (start == phrase.start), [(right, y + 0.8)] * (end == phrase.end)
    frame.canvas.lines([[*ticks[0], (left, y), (right, y), *ticks[1]]], GRAY, 0.5)
    middle = (phrase.fermata[0] + phrase.fermata[1]) / 2
    if frame.start <= middle < frame.end:
        _fermata(frame.canvas, frame.x(middle), y - 0.6)


def _fermata(canvas: Canvas, x: float, y: float) -> None:
    """An arc over a dot."""
    canvas.lines([[(x + 1.3 * cos(pi * part / 12), y - 1.5 * sin(pi * part / 12)) for part in range(13)]], INK, 0.8)
    canvas.shapes([[(x + 0.33 * cos(pi * part / 6), y - 0.15 + 0.33 * sin(pi * part / 6)) for part in range(12)]], INK)


def _draw_panel(frame: Frame, plan: Plan, panel: Panel, line: Sequence[RollBar], top: float) -> None:
    canvas = frame.canvas
    first, bottom = top + (NAME if panel.named else 0), top + panel.height
    if panel.named:
        canvas.text(frame.left, top + NAME / 2, shortened(panel.roll.voices[panel.voices[0]].name, frame.right - frame.left), TEXT)
    _rows(frame, panel, top)
    beats = [frame.x(beat) for bar in line for beat in bar.beats if beat != bar.start]
    canvas.lines([[(x, first), (x, bottom)] for x in beats], PALE, 0.3)
    barlines = [frame.x(bar.start) for bar in line[1:]]
    canvas.lines([[(x, first), (x, bottom)] for x in barlines], GRAY, 0.6)
    edges = [[(frame.left, first), (frame.left, bottom)], [(frame.right, first), (frame.right, bottom)]]
    canvas.lines([*edges, [(frame.left, first), (frame.right, first)], [(frame.left, bottom), (frame.right, bottom)]], GRAY, 0.6)
    notes = [note for note in plan.roll.between(frame.start, frame.end) if note.voice in panel.voices]
    draw_notes(frame, plan.look, panel, notes, top)


def _rows(frame: Frame, panel: Panel, top: float) -> None:
    """Every second row of drums is shaded, of pitches those outside the key."""
    scale = panel.roll.key.scale
    shaded = panel.rows[1::2] if panel.is_drum else [pitch for pitch in panel.rows if pitch % 12 not in scale]
    frame.canvas.boxes([(frame.left, top + panel.y(pitch), frame.right - frame.left, panel.row) for pitch in shaded], SHADE)
    for pitch, name in panel.names.items():
        text = shortened(name, MOST_LEFT - EDGE - BESIDE, SMALL)
        frame.canvas.text(frame.left - BESIDE, top + panel.y(pitch) + panel.row / 2, text, SMALL, GRAY, "right")


def _draw_strip(frame: Frame, strip: Strip, bars: Sequence[tuple[float, float, float]], top: float) -> None:
    """[start, end) and height of each bar, as a share of the whole."""
    canvas, base = frame.canvas, top + NAME + STRIP
    canvas.text(frame.left, top + NAME / 2, shortened(strip.title, frame.right - frame.left, SMALL), SMALL, GRAY)
    canvas.lines([[(frame.left, base - STRIP), (frame.left, base), (frame.right, base)]], GRAY, 0.6)
    canvas.text(frame.left - BESIDE, base - STRIP + 0.8, f"{strip.full:g}", SMALL, GRAY, "right")
    canvas.text(frame.left - BESIDE, base - 0.5, "0", SMALL, GRAY, "right")
    places = [(frame.x(start) + APART / 2, frame.x(end) - APART / 2, STRIP * min(share, 1)) for start, end, share in bars]
    canvas.boxes([(left, base - height, right - left, height) for left, right, height in places], strip.color, INK, 0.3)
