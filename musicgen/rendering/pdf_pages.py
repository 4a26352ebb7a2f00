"""verovio's SVG pages as one PDF document: what it draws with, as PDF's drawing commands; signs of music are shapes, text is text.

verovio draws in hundredths of a millimetre, downwards; PDF in points, upwards.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from musicgen.rendering.engraving import plain_text, text_fonts
from musicgen.rendering.pdf import POINTS, Document, Font

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_BOLD, _ITALIC = {"ending", "fing", "reh", "tempo"}, {"dir", "dynam", "mNum"}  # as in the style sheet of verovio's pages
_LINE = re.compile(r"M(-?[\d.]+)[ ,](-?[\d.]+) L(-?[\d.]+)[ ,](-?[\d.]+)\s*")
_ROUND = 0.5523  # of a radius: how far a Bezier curve's handles reach on a quarter of a circle


@dataclass(frozen=True)
class Style:
    """What an element has from those around it."""

    bold: bool = False
    italic: bool = False


@dataclass
class Drawing:
    """Writes one page into a document."""

    document: Document
    glyphs: Mapping[str, str]
    out: list[str] = field(default_factory=list)

    def draw(self, element: ET.Element, style: Style) -> None:
        kind = element.tag.removeprefix(_SVG)
        style = _styled(element, style)
        matrix = _matrix(element.get("transform", ""))
        if kind in ("defs", "style", "desc", "title") or "placeholder" in element.get("class", ""):
            return
        isolated = bool(matrix) or _color(element) is not None
        if isolated:
            self.out.append(f"q {_paint(_color(element))}{matrix}")
        if kind in ("svg", "g"):
            for child in element:
                self.draw(child, style)
        elif kind == "use":
            self.out.append(f"/{self._shape(element.get(_LINK, '').lstrip('#'))} Do")
        elif kind == "text":
            self.out.append(self._text(element, style))
        else:
            self.out.append(_SHAPES[kind](element))
        if isolated:
            self.out.append("Q")

    def _shape(self, reference: str) -> str:
        """The sign's own name, without what verovio adds for the page."""
        name = reference.split("-")[0]
        self.document.shapes.setdefault(name, f"{_path_commands(self.glyphs[reference], -1)}f")
        return name

    def _text(self, element: ET.Element, style: Style) -> str:
        """Runs of text one after the other from where the first begins, as the anchor of the whole says."""
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        lines: list[tuple[float, float, list[tuple[Font, float, str]]]] = [(x, y, [])]
        for span in element:
            if "y" in span.attrib:
                lines.append((float(span.get("x", x)), float(span.get("y", y)), []))
            size = float(span.get("font-size", "0").removesuffix("px"))
            lines[-1][2].append((self._font(span, style), size, (span.text or "").replace("\xa0", " ")))
        shift = {"middle": 0.5, "end": 1.0}.get(element.get("text-anchor", "start"), 0.0)
        return "\n".join(_set(left, top, runs, shift) for left, top, runs in lines if runs)

    def _font(self, span: ET.Element, style: Style) -> Font:
        bold = span.get("font-weight", "bold" if style.bold else "") == "bold"
        italic = span.get("font-style", "italic" if style.italic else "") == "italic"
        return self.document.fonts[bold + 2 * italic]


def pdf_bytes(pages: Sequence[str], title: str, paper: tuple[int, int]) -> bytes:
    """`pages`: of verovio; `paper`: width and height in tenths of a millimetre. Music stands at the top of its page."""
    width, height = (side * POINTS for side in paper)
    fonts = [Font(path, f"F{index}") for index, path in enumerate(text_fonts())]
    document = Document(width, height, title, fonts)
    for page in pages:
        root = ET.fromstring(plain_text(page))
        glyphs = {each.get("id", ""): each[0].get("d", "") for each in root.iterfind(f".//{_SVG}defs/{_SVG}g") if len(each)}
        drawing = Drawing(document, glyphs)
        scale = POINTS / 10
        drawing.out.append(f"{scale:.7f} 0 0 {-scale:.7f} 0 {height:.3f} cm 1 w")
        drawing.draw(root, Style())
        document.pages.append("\n".join(drawing.out))
    return document.bytes()


# --- style and place


def _styled(element: ET.Element, style: Style) -> Style:
    names = set(element.get("class", "").split())
    if names & _BOLD:
        return replace(style, bold=True)
    if names & _ITALIC:
        return replace(style, italic=True)
    return replace(style, bold=False) if "label" in names else style


def _color(element: ET.Element) -> str | None:
    found = element.get("fill") or element.get("color")
    return found if found and re.fullmatch(r"#[0-9A-Fa-f]{6}", found) else None


def _paint(color: str | None) -> str:
    """For lines and for what is filled."""
    if color is None:
        return ""
    parts = " ".join(f"{int(color[at : at + 2], 16) / 255:.3f}" for at in (1, 3, 5))
    return f"{parts} rg {parts} RG "


@lru_cache(maxsize=4096)
def _matrix(transform: str) -> str:
    commands = []
    for name, inside in re.findall(r"(\w+)\(([^)]*)\)", transform):
        values = [float(value) for value in re.split(r"[ ,]+", inside.strip())]
        x, y = values[0], values[-1] if len(values) > 1 or name == "scale" else 0.0
        commands.append(f"1 0 0 1 {x:g} {y:g} cm" if name == "translate" else f"{x:g} 0 0 {y:g} 0 0 cm")
    return " ".join(commands)


# --- shapes


def _path(element: ET.Element) -> str:
    line = _LINE.fullmatch(element.get("d", ""))
    if line:
        return f"{_pen(element)}{line[1]} {line[2]} m {line[3]} {line[4]} l S"
    commands = _path_commands(element.get("d", ""), 1)
    if element.get("fill") == "none":
        return f"{_pen(element)}{commands}S"
    return f"{_pen(element)}{commands}B" if element.get("stroke-width") else f"{commands}f"


def _pen(element: ET.Element) -> str:
    caps = {"round": 1, "square": 2}.get(element.get("stroke-linecap", ""), 0)
    joins = {"round": 1, "bevel": 2}.get(element.get("stroke-linejoin", ""), 0)
    dashes = element.get("stroke-dasharray", "").replace(",", " ")
    return f"{element.get('stroke-width', '1')} w {caps} J {joins} j [{dashes}] 0 d "


@lru_cache(maxsize=4096)
def _path_commands(path: str, upward: int) -> str:
    """`upward`: -1 turns a sign of music, which is drawn upwards, over."""
    from fontTools.pens.recordingPen import RecordingPen  # type: ignore[import-untyped]
    from fontTools.svgLib.path.parser import parse_path  # type: ignore[import-untyped]

    pen = RecordingPen()
    parse_path(path, pen)
    return "".join(_command(name, points, upward) for name, points in pen.value)


def _command(name: str, points: Sequence[Any], upward: int) -> str:
    places = " ".join(f"{x:g} {upward * y:g}" for x, y in points)
    return {"moveTo": f"{places} m ", "lineTo": f"{places} l ", "curveTo": f"{places} c ", "closePath": "h "}.get(name, "")


def _points(element: ET.Element) -> str:
    numbers = re.findall(r"-?[\d.]+", element.get("points", ""))
    pairs = [f"{x} {y}" for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    return " ".join([f"{pairs[0]} m", *(f"{pair} l" for pair in pairs[1:])])


def _polygon(element: ET.Element) -> str:
    return f"{_points(element)} h f"


def _polyline(element: ET.Element) -> str:
    return f"{_pen(element)}{_points(element)} S"


def _rectangle(element: ET.Element) -> str:
    return " ".join(element.get(name, "0") for name in ("x", "y", "width", "height")) + " re f"


def _ellipse(element: ET.Element) -> str:
    x, y, across, up = (float(element.get(name, 0)) for name in ("cx", "cy", "rx", "ry"))
    a, b = _ROUND * across, _ROUND * up
    curves = (
        (x + across, y + b, x + a, y + up, x, y + up),
        (x - a, y + up, x - across, y + b, x - across, y),
        (x - across, y - b, x - a, y - up, x, y - up),
        (x + a, y - up, x + across, y - b, x + across, y),
    )
    return f"{x + across:g} {y:g} m " + " ".join(" ".join(f"{value:g}" for value in curve) + " c" for curve in curves) + " f"


_SHAPES = {"path": _path, "polygon": _polygon, "polyline": _polyline, "rect": _rectangle, "ellipse": _ellipse}


# --- text


def _set(x: float, y: float, runs: Sequence[tuple[Font, float, str]], shift: float) -> str:
    """`shift`: the share of the line that stands left of `x`. Letters stand upright, so the axis is turned back for them."""
    width = sum(font.width(text) * size / 1000 for font, size, text in runs)
    return " ".join(["BT", f"1 0 0 -1 {x - shift * width:.2f} {y:g} Tm", *_shown(runs), "ET"])


def _shown(runs: Sequence[tuple[Font, float, str]]) -> Iterator[str]:
    for font, size, text in runs:
        if text:
            yield f"/{font.name} {size:g} Tf <{font.encoded(text)}> Tj"
