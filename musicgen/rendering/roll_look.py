"""How a piano roll looks: a color and dashes for each voice, shades for values, and the legend that says what is what.

Colors differ in lightness too, and dashes and letters say the same again, so that the voices are told apart in gray print and by the
color-blind. What is given is a thin bar, what is composed a full one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from musicgen.rendering.canvas import GRAY, INK, TEXT, Canvas, Dashes, text_width
from musicgen.rendering.roll import Roll

THIN = 0.5  # of a full bar's height
SWATCH, BESIDE, BETWEEN, LEADING = 6.0, 1.2, 4.0, 4.4  # millimetres
SHADE, CLOSE = 3.0, 0.9  # a swatch of a scale, and what it keeps from the next


@dataclass(frozen=True, slots=True)
class VoiceLook:
    color: str
    dashes: Dashes


# Lightness (CIE L*) 45, 82, 62, 20: of a choir, those that are next to each other differ most.
LOOKS = (
    VoiceLook("#0072b2", ()),
    VoiceLook("#f5c242", (4, 1.5)),
    VoiceLook("#2fa589", (1, 1)),
    VoiceLook("#4a1942", (5, 1.2, 1, 1.2)),
    VoiceLook("#d55e00", (2, 1)),
    VoiceLook("#88ccee", (6, 2)),
    VoiceLook("#999933", (3, 1, 1, 1, 1, 1)),
    VoiceLook("#aa4499", (1, 2)),
)


def look_of(voice: int) -> VoiceLook:
    return LOOKS[voice % len(LOOKS)]


@dataclass(frozen=True)
class Shades:
    """Classes of values: rising bounds between them, a color for each, one more than bounds, and what is written after each color."""

    title: str
    bounds: tuple[float, ...]
    colors: tuple[str, ...]
    labels: tuple[str, ...]

    def color(self, value: float) -> str:
        return self.colors[bisect_right(self.bounds, value)]


# Of matplotlib's cividis, whose lightness rises evenly and which the color-blind see as others do.
PROBABILITY = Shades(
    "probability 0",
    (0.01, 0.05, 0.2, 0.5, 0.8),
    ("#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"),
    ("1", "5", "20", "50", "80", "100 %"),
)


INFLUENCE = Shades(
    "nats 0",
    (0.01, 0.03, 0.1, 0.3, 1.0),
    ("#ffffff", "#fee6ce", "#fdbe85", "#fd8d3c", "#d94801", "#7f2704"),
    ("0.01", "0.03", "0.1", "0.3", "1", "more"),
)


@dataclass(frozen=True)
class Strip:
    """Upright bars under each line: [start, end) in quarters and a height each; `full`: how high the strip is."""

    title: str
    bars: tuple[tuple[float, float, float], ...]
    color: str
    full: float


@dataclass(frozen=True)
class Look:
    """width, page: millimetres of a page, whose height nothing exceeds but a line alone; bars_a_line: as many as fit well if None.

    heading: what the picture shows, in words; names: whether the legend says who is who; shades: of notes that have values; strips: under
    each line.
    """

    width: float = 180.0
    page: float = 240.0
    bars_a_line: int | None = None
    heading: str = ""
    names: bool = True
    shades: Shades | None = None
    strips: tuple[Strip, ...] = ()


@dataclass(frozen=True)
class Item:
    """An entry of a legend: a box, `share` of a full bar high, or a dashed line through it; after: its distance from the next."""

    label: str
    face: str
    dashes: Dashes | None = None
    share: float = 1.0
    swatch: float = SWATCH
    after: float = BETWEEN

    @property
    def width(self) -> float:
        return self.swatch + BESIDE + text_width(self.label)


def legend_of(roll: Roll, look: Look) -> list[list[Item]]:
    """Groups of entries: who is who, what is given, the scale of the shades."""
    shaded = look.shades is not None
    kinds = [Item("given", GRAY, share=THIN), Item("composed", GRAY)] if roll.has_given else []
    groups = [_voices(roll, shaded), kinds[:1] if shaded else kinds] if look.names else []
    return [group for group in [*groups, _scale(look.shades) if look.shades else []] if group]


def _voices(roll: Roll, shaded: bool) -> list[Item]:
    """Of a panel that several share: the color of each, or its dashes where colors mean values."""
    if len(roll.panels) > 1 or len(roll.voices) == 1:
        return []
    looks = [look_of(voice) for voice in range(len(roll.voices))]
    return [
        Item(_named(roll, voice), GRAY if shaded else look.color, look.dashes, 0.0 if shaded else 1.0) for voice, look in enumerate(looks)
    ]


def _scale(shades: Shades) -> list[Item]:
    colors = zip(shades.labels, shades.colors, strict=True)
    return [
        Item(shades.title, "none", swatch=0, after=CLOSE),
        *(Item(label, color, swatch=SHADE, after=CLOSE) for label, color in colors),
    ]


def _named(roll: Roll, voice: int) -> str:
    name, label = roll.voices[voice].name, roll.voices[voice].label
    return name if name[:1].upper() == label else f"{label}  {name}"


def legend_rows(groups: Sequence[Sequence[Item]], width: float) -> list[list[tuple[float, Item]]]:
    """Each entry with its place from the left, row by row; a group begins a row if it does not fit into what is left of one."""
    rows: list[list[tuple[float, Item]]] = []
    end = width
    for group in groups:
        if end + sum(item.width + item.after for item in group) - group[-1].after > width:
            rows.append([])
            end = 0.0
        for item in group:
            if end + item.width > width and rows[-1]:
                rows.append([])
                end = 0.0
            rows[-1].append((end, item))
            end += item.width + item.after
        end += BETWEEN
    return rows


def draw_legend(canvas: Canvas, x: float, y: float, rows: Sequence[Sequence[tuple[float, Item]]], tall: float) -> None:
    """`tall`: how high a full bar is; y: where the first row begins."""
    for number, row in enumerate(rows):
        middle = y + LEADING * (number + 0.5)
        for left, item in row:
            height = tall * item.share
            if item.face != "none" and height:
                canvas.boxes([(x + left, middle - height / 2, item.swatch, height)], item.face, INK, 0.4)
            if item.dashes is not None:
                color = item.face if not height else INK
                canvas.lines([[(x + left, middle), (x + left + item.swatch, middle)]], color, 0.8, item.dashes)
            canvas.text(x + left + item.swatch + (BESIDE if item.swatch else 0), middle, item.label, TEXT)
