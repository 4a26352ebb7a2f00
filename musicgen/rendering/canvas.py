"""A sheet on which boxes, lines and texts are drawn at millimetres from its upper left corner, with matplotlib; and how wide texts are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, GRAY, PALE, SHADE = "#000000", "#6b6b6b", "#cfcfcf", "#f1f1f1"
MM = 1 / 25.4  # inches
POINT = 25.4 / 72  # millimetres
TEXT, SMALL = 7.0, 6.0  # points

Point = tuple[float, float]
Dashes = tuple[float, ...]


class Canvas:
    """`Canvas(180, 60)`; all lengths are millimetres, y grows downwards; widths of lines and sizes of letters are points."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        self.figure: Figure = Figure(figsize=(width * MM, height * MM))
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)
        self.depth = 0

    def boxes(
        self, boxes: Sequence[tuple[float, float, float, float]], face: str | Sequence[str], edge: str = "none", line: float = 0
    ) -> None:
        """Rectangles (x, y, width, height)."""
        from matplotlib.collections import PolyCollection

        corners = [((x, y), (x + width, y), (x + width, y + height), (x, y + height)) for x, y, width, height in boxes]
        self._add(PolyCollection(corners, facecolors=face, edgecolors=edge, linewidths=line, joinstyle="miter"))

    def lines(self, lines: Sequence[Sequence[Point]], color: str = INK, width: float = 0.5, dashes: Dashes = ()) -> None:
        """Each through its points; dashes: on and off, in widths of the line."""
        from matplotlib.collections import LineCollection

        style: Any = (0, dashes) if dashes else "solid"
        self._add(LineCollection(lines, colors=color, linewidths=width, linestyles=style, capstyle="butt"))

    def shapes(self, shapes: Sequence[Sequence[Point]], face: str) -> None:
        """Filled polygons."""
        from matplotlib.collections import PolyCollection

        self._add(PolyCollection(shapes, facecolors=face, edgecolors="none"))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = TEXT,
        color: str = INK,
        across: Literal["left", "center", "right"] = "left",
        bold: bool = False,
    ) -> None:
        """`y`: the middle of small letters."""
        self.axes.text(
            x,
            y,
            plain_text(text),
            size=size,
            color=color,
            ha=across,
            va="center_baseline",
            weight="bold" if bold else "normal",
            zorder=self._next(),
        )

    def _add(self, collection: Any) -> None:
        collection.set_zorder(self._next())
        self.axes.add_collection(collection, autolim=False)

    def _next(self) -> int:
        """What is drawn later lies on top."""
        self.depth += 1
        return self.depth


def plain_text(text: str) -> str:
    """matplotlib reads $ as mathematics; what cannot be printed becomes a space."""
    return "".join(letter if letter.isprintable() else " " for letter in text).replace("$", r"\$")


@lru_cache(maxsize=4096)
def text_width(text: str, size: float = TEXT) -> float:
    """Millimetres."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)
    return float(width) * POINT


def wrapped(text: str, width: float, size: float = TEXT) -> list[str]:
    """Lines of at most `width` millimetres; a longer word stands alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def shortened(text: str, width: float, size: float = TEXT) -> str:
    """With an ellipsis where it is longer than `width` millimetres."""
    if text_width(text, size) <= width:
        return text
    kept = next((count for count in range(len(text), 0, -1) if text_width(f"{text[:count]}…", size) <= width), 0)
    return f"{text[:kept].rstrip()}…"


def spread(wanted: Sequence[float], apart: float) -> list[float]:
    """The same places, moved as little as keeps them `apart`; in the same order."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    groups: list[list[int]] = []
    centers: list[float] = []
    for index in order:
        groups.append([index])
        centers.append(wanted[index])
        while len(groups) > 1 and centers[-1] - centers[-2] < apart * (len(groups[-1]) + len(groups[-2])) / 2:
            last = groups.pop()
            groups[-1] += last
            centers.pop()
            centers[-1] = sum(wanted[each] for each in groups[-1]) / len(groups[-1])
    placed = [0.0] * len(wanted)
    for group, center in zip(groups, centers, strict=True):
        for turn, index in enumerate(group):
            placed[index] = center + apart * (turn - (len(group) - 1) / 2)
    return placed
