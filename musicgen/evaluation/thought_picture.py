"""Pictures of a thought: the piece with each note shaded by its probability; a spot with what might stand there and what that hangs on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, log10
from typing import TYPE_CHECKING

from musicgen.evaluation.thought import Choice, Spot, Thought
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, GridNote
from musicgen.music.convert import to_score
from musicgen.rendering.canvas import GRAY, INK, PALE, SHADE, TEXT, Canvas, text_width
from musicgen.rendering.roll import Roll, roll_of
from musicgen.rendering.roll_look import INFLUENCE, LEADING, PROBABILITY, Look, Strip, look_of
from musicgen.rendering.roll_notes import with_signs
from musicgen.rendering.roll_picture import EDGE, Plan, draw_head, draw_line, draw_roll

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE = 140.0  # millimetres from which choices stand beside the rolls
CHOICES, BETWEEN = 50.0, 5.0
CHOICE, SHARES = 4.2, 16.0  # how high a choice is, how long its bar at most
MANY = 100  # bars a line: all of them
NOTHING = 0.0005  # what is less likely is not drawn, unless taken


def piece_figures(thought: Thought, width: float, bars: str | None = None, bars_a_line: int | None = None) -> list[Figure]:
    """A figure a page; under each line how much each given note moves the voices that are not given."""
    values = {(each.note.voice, each.note.start): each.probability for each in thought.notes}
    roll = _valued(thought, values, bars)
    heading = f"{thought.model}: probability that each note begins as it does, given {thought.given} ({thought.kind})"
    if thought.influence:
        heading += "; below, the nats by which hiding each given note moves what is expected of the others"
    return draw_roll(roll, Look(width, heading=heading, shades=PROBABILITY, strips=_strips(thought), bars_a_line=bars_a_line))


def spot_figure(thought: Thought, spot: Spot, width: float) -> Figure:
    """Probabilities around the spot, what its choice hangs on, and, beside or below, what may stand there."""
    plans = _plans(thought, spot, width - CHOICES - BETWEEN if width >= WIDE else width)
    choices = [choice for choice in spot.choices if choice.probability >= NOTHING or choice.is_taken]
    rolls, listed = sum(plan.page_height(1) for plan in plans), LEADING + CHOICE * len(choices) + 2 * EDGE
    canvas = Canvas(width, max(rolls, listed) if width >= WIDE else rolls + listed)
    y = 0.0
    for plan in plans:
        draw_head(canvas, plan, y + EDGE)
        draw_line(canvas, plan, plan.lines[0], plan.left, y + plan.head)
        y += plan.page_height(1)
    x, y = (width - CHOICES, EDGE) if width >= WIDE else (plans[0].left, rolls + EDGE)
    place = f"{thought.chorale.voice_name(spot.voice)}, {thought.chorale.place(spot.step)}"
    canvas.text(x, y + LEADING / 2, f"({'abc'[len(plans)]}) {place}")
    _draw_choices(canvas, thought, choices, x, y + LEADING)
    return canvas.figure


def _plans(thought: Thought, spot: Spot, width: float) -> list[Plan]:
    probable = {(each.note.voice, each.note.start): each.probability for each in thought.notes}
    worth: dict[tuple[int, int], float | None] = {(note.voice, note.start): nats for note, nats in spot.influence}
    title = f"(a) probability of each note, given {thought.given} ({thought.kind})"
    looks = [(probable, Look(width, heading=title, shades=PROBABILITY, bars_a_line=MANY))]
    if worth:
        title = f"(b) nats by which hiding each note moves what {thought.model} expects at the frame"
        looks.append((worth, Look(width, heading=title, shades=INFLUENCE, bars_a_line=MANY, names=False)))
    return [Plan(_around(thought, spot, values), look) for values, look in looks]


def _valued(thought: Thought, values: Mapping[tuple[int, int], float | None], bars: str | None = None) -> Roll:
    """Voices that never sound are not in it."""
    roll = roll_of(to_score(thought.chorale), bars=bars)
    sounding = [voice for voice in range(thought.chorale.voices) if (thought.chorale.pitch[voice] != REST).any()]
    notes = []
    for note in roll.notes:
        voice, step = sounding[note.voice], round(note.start * STEPS_PER_QUARTER)
        notes.append(replace(note, value=values.get((voice, step)), is_given=not thought.free[voice, step]))
    return replace(roll, notes=tuple(notes))


def _around(thought: Thought, spot: Spot, values: Mapping[tuple[int, int], float | None]) -> Roll:
    """The bars around a spot, with the note that stands there marked."""
    roll, name = _valued(thought, values), thought.chorale.ensemble.titles[spot.voice]
    start, end, at = (step / STEPS_PER_QUARTER for step in (spot.start, spot.end, spot.step))
    notes = [replace(note, is_marked=roll.voices[note.voice].name == name and note.start <= at < note.end) for note in roll.notes]
    return replace(roll, notes=tuple(notes), bars=tuple(bar for bar in roll.bars if start <= bar.start < end))


def _strips(thought: Thought) -> tuple[Strip, ...]:
    """One for each given voice, all as high."""
    totals: dict[int, list[tuple[GridNote, float]]] = {}
    for note, nats in thought.influence:
        totals.setdefault(note.voice, []).append((note, float(nats.sum())))
    if not totals:
        return ()
    full = _round_up(max(total for notes in totals.values() for _, total in notes))
    return tuple(
        Strip(
            f"influence of the {thought.chorale.voice_name(voice)}, nats",
            tuple((note.start / STEPS_PER_QUARTER, note.end / STEPS_PER_QUARTER, total) for note, total in notes),
            look_of(voice).color,
            full,
        )
        for voice, notes in sorted(totals.items())
    )


def _round_up(value: float) -> float:
    """To a round number."""
    if value <= 0:
        return 1.0
    power = 10.0 ** ceil(log10(value) - 1)
    return next(step * power for step in (1, 1.5, 2, 3, 5, 7.5, 10) if step * power >= value)


def _draw_choices(canvas: Canvas, thought: Thought, choices: list[Choice], x: float, y: float) -> None:
    """Name, bar, share; what is taken is black."""
    names = [f"{'' if choice.struck else 'held '}{with_signs(thought.name(choice.pitch))}" for choice in choices]
    left = x + max(text_width(name) for name in names) + 1.5
    canvas.boxes([(left, y, SHARES, CHOICE * len(choices))], SHADE)
    for row, (choice, name) in enumerate(zip(choices, names, strict=True)):
        middle = y + CHOICE * (row + 0.5)
        color = INK if choice.is_taken else GRAY
        canvas.text(left - 1, middle, name, TEXT, color, "right", choice.is_taken)
        canvas.boxes([(left, middle - 1.2, max(SHARES * choice.probability, 0.15), 2.4)], INK if choice.is_taken else PALE, INK, 0.4)
        taken = ", taken" if choice.is_taken else ""
        canvas.text(left + SHARES + 1, middle, f"{percent(choice.probability)}{taken}", TEXT, color, bold=choice.is_taken)


def percent(share: float) -> str:
    """`85 %`, `4.2 %`, `0.10 %`."""
    value = 100 * share
    if value < 0.01:
        return "< 0.01 %"
    return f"{value:.0f} %" if value >= 10 else f"{value:.1f} %" if value >= 1 else f"{value:.2f} %"
