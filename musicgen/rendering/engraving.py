"""The score as a picture: SVG pages through verovio, PNG through resvg. Both come with `musicgen[score]`; no system program is needed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from musicgen.errors import MissingExtraError
from musicgen.files.atomic import write_all
from musicgen.files.musicxml_write import Layout, musicxml_bytes
from musicgen.music.score import Score
from musicgen.rendering.system_breaks import bar_ends, even_breaks, head, with_breaks
from musicgen.rendering.under_the_staff import SYSTEM, is_crowded, with_clear_figures

Paper = Literal["a4", "letter"]
PAPERS: dict[Paper, tuple[int, int]] = {"a4": (2100, 2970), "letter": (2159, 2794)}  # width and height in tenths of a millimetre
PAGE_WIDTH, PAGE_HEIGHT = PAPERS["a4"]
_MARGIN = 120
_OPTIONS = {
    "pageWidth": PAGE_WIDTH,
    "pageHeight": PAGE_HEIGHT,
    "adjustPageHeight": True,  # no white below a short piece
    "pageMarginLeft": _MARGIN,
    "pageMarginRight": _MARGIN,
    "pageMarginTop": _MARGIN,
    "pageMarginBottom": _MARGIN,
    "scale": 36,
    "font": "Leland",
    "footer": "none",
    "header": "auto",
    "spacingSystem": 6,
    "svgViewBox": True,
    "lyricWordSpace": 2.0,  # of 1.2: else words of two notes may look like one
    "extenderLineMinSpace": 3.0,  # of 1.5: no lines that are but dots
}
_FULL_LINES = {"minLastJustification": 0.5}  # of 0.8: lines of ours are about equal, and the last is no exception
_UNITS = (9, 8, 7)  # half a space between lines in tenths of a millimetre: staves of 7.2, 6.4 and 5.6 mm
_STAFF_SPACING: dict[Layout, int] = {"open": 9, "two-staff": 14}  # two voices a staff need room for stems and fermatas
_MARKED_SPACINGS = (0.3, 0.4, 0.5, 0.6)  # of 0.25: room for a numeral under each beat, and for long ones
_EXCERPT = {
    "pageHeight": 60_000,  # as high as verovio goes; what is left over is cut off
    "pageMarginLeft": 40,
    "pageMarginRight": 20,
    "pageMarginTop": 20,
    "pageMarginBottom": 20,
    "header": "none",
}
_MUSIC_FONTS = (_OPTIONS["font"], "Leipzig")  # signs that the first has not are set in verovio's own
_SIGN_ALONE = re.compile(r"(</prefix>)(?=\s*</figure>)")  # verovio gives such a figure no room, and words are set over it
_AFTER_SIGN = 35  # thousandths of its size between a sign and its figure, which else touch
_DOUBLE_SIGNS, _SIGN_SIZE = {"\U0001d12a": "\ue263", "\U0001d12b": "\ue264"}, 16 / 9  # as verovio sets the other signs
_SVG = "{http://www.w3.org/2000/svg}"
_SERIF = "STIXGeneral"  # the nearest to verovio's Times that comes with matplotlib, which music21 installs


def svg_pages(score: Score, layout: Layout = "open", paper: Paper = "a4") -> list[str]:
    """One SVG document for each page, the last as high as its music."""
    _verovio()  # pages that were drawn before are kept, but what is missing is missing
    width, height = PAPERS[paper]
    options = {"spacingStaff": _STAFF_SPACING[layout], "pageWidth": width, "pageHeight": height}
    data = _SIGN_ALONE.sub(r"\1<figure-number>&#160;</figure-number>", musicxml_bytes(score, layout).decode())
    return list(_marked_pages(data, tuple(options.items())) if score.marks else _pages(data, tuple(options.items())))


@lru_cache(maxsize=2)
def _marked_pages(data: str, options: tuple[tuple[str, Any], ...]) -> tuple[str, ...]:
    """Wide enough for the words under the staff."""
    for spacing in _MARKED_SPACINGS:
        pages = _pages(data, (*options, ("spacingLinear", spacing)))
        if not any(map(is_crowded, pages)):
            break
    return tuple(map(with_clear_figures, pages))


@lru_cache(maxsize=2)
def _pages(data: str, options: tuple[tuple[str, Any], ...]) -> tuple[str, ...]:
    """Kept, since a picture is often wanted as SVG, PNG and PDF."""
    toolkit, chosen = _fitted(data, dict(options))
    pages = _drawn(toolkit)
    systems = sum(page.count(SYSTEM) for page in pages)
    if systems == 1:
        return tuple(pages)
    toolkit.setOptions({"breaks": "none"})
    toolkit.redoLayout()
    (endless,) = _drawn(toolkit)
    breaks = even_breaks(bar_ends(endless), systems, head(endless))
    return tuple(_drawn(_loaded(with_breaks(data, breaks), chosen | {"breaks": "line"} | _FULL_LINES)))


def _fitted(data: str, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The piece on one page, with the largest staves that allow it; on several with those of the middle size, or with the small ones, if
    they save a page that has little on it."""
    tried: list[tuple[Any, dict[str, Any]]] = []
    for unit in _UNITS:
        chosen = options | {"unit": unit}
        tried.append((_loaded(data, chosen | {"breaks": "auto"}), chosen))
        if tried[-1][0].getPageCount() == 1:
            return tried[-1]
    _, middle, small = tried
    pages = middle[0].getPageCount()
    first, last = (middle[0].renderToSVG(page).count(SYSTEM) for page in (1, pages))
    return small if 2 * last <= first and small[0].getPageCount() < pages else middle


def svg_of_bars(score: Score, first: int, last: int, width: int, layout: Layout = "open") -> str:
    """One SVG document of the bars `first` to `last`, counted from 0, without a title, `width` tenths of a millimetre wide."""
    data = musicxml_bytes(score, layout).decode()
    options = _EXCERPT | {"pageWidth": width, "spacingStaff": _STAFF_SPACING[layout], "breaks": "auto"}
    (page,) = _drawn(_loaded(data, options, (first, last)))  # lines as verovio fills them: it loses bars of a selection with breaks of ours
    return page


def _loaded(data: str, options: dict[str, Any], bars: tuple[int, int] | None = None) -> Any:
    toolkit = _toolkit(options)
    if bars:
        toolkit.select({"measureRange": f"{bars[0] + 1}-{bars[1] + 1}"})
    if not toolkit.loadData(data):
        raise RuntimeError("verovio refused MusicXML that musicgen wrote")
    return toolkit


def _drawn(toolkit: Any) -> list[str]:
    return [str(toolkit.renderToSVG(page)) for page in range(1, toolkit.getPageCount() + 1)]


def write_svg(score: Score, path: str | PathLike[str], layout: Layout = "open") -> list[Path]:
    """The first page goes to `path`, page 2 of x.svg to x-2.svg, and so on. Returns the paths."""
    return write_all(svg_files(score, path, layout))


def write_png(score: Score, path: str | PathLike[str], width: int = 1600, layout: Layout = "open") -> list[Path]:
    """As `write_svg`, on white, `width` pixels wide."""
    return write_all(png_files(score, path, width, layout))


def svg_files(score: Score, path: str | PathLike[str], layout: Layout = "open", paper: Paper = "a4") -> dict[Path, bytes]:
    """What `write_svg` writes, page by page."""
    return _paged(path, [page.encode() for page in svg_pages(score, layout, paper)])


def png_files(
    score: Score, path: str | PathLike[str], width: int = 1600, layout: Layout = "open", paper: Paper = "a4"
) -> dict[Path, bytes]:
    """What `write_png` writes, page by page."""
    return _paged(path, [png_bytes(page, width) for page in svg_pages(score, layout, paper)])


def _paged(path: str | PathLike[str], pages: list[bytes]) -> dict[Path, bytes]:
    first = Path(path)
    paths = [first, *(first.with_name(f"{first.stem}-{number}{first.suffix}") for number in range(2, len(pages) + 1))]
    return dict(zip(paths, pages, strict=True))


def _verovio() -> Any:
    try:
        import verovio
    except ImportError as error:
        raise MissingExtraError("a score picture", "verovio", "score") from error
    return verovio


def _toolkit(options: dict[str, Any]) -> Any:
    verovio = _verovio()
    verovio.enableLog(verovio.LOG_ERROR)
    toolkit = verovio.toolkit()
    toolkit.setOptions(_OPTIONS | options)
    toolkit.resetXmlIdSeed(1)  # the same score gives the same bytes
    return toolkit


# --- pixels


def png_bytes(svg: str, width: int) -> bytes:
    try:
        import resvg_py
    except ImportError as error:
        raise MissingExtraError("a PNG picture", "resvg-py", "score") from error
    fonts = text_fonts()
    data = resvg_py.svg_to_bytes(
        svg_string=plain_text(svg), width=width, background="white", font_files=fonts, serif_family=_SERIF if fonts else None
    )
    return bytes(data)


def text_fonts() -> list[str]:
    """Files of the plain, bold, italic and bold italic letters. Without one all text would be missing from a picture, and a server may
    have none of its own."""
    found = find_spec("matplotlib")
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" if found and found.origin else None
    return [str(folder / f"STIXGeneral{style}.ttf") for style in ("", "Bol", "Italic", "BolIta")] if folder else []


def plain_text(svg: str) -> str:
    """The same picture in the SVG that resvg draws rightly: texts without nesting, and the music font's symbols in them as paths.

    resvg measures the empty space between nested spans, and cannot load the font that the note of `♩ = 72` is set in.
    """
    ET.register_namespace("", _SVG.strip("{}"))
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ET.fromstring(svg)
    for parent in list(root.iter()):
        for index, child in enumerate(list(parent)):
            if child.tag == f"{_SVG}text":
                parent[index] = _flat(child)
    return ET.tostring(root, encoding="unicode")


def _flat(text: ET.Element) -> ET.Element:
    runs = list(_runs(text, {}))
    group = ET.Element(f"{_SVG}g")
    if not runs:
        return group
    place = {name: runs[0][1].get(name, default) for name, default in (("x", "0"), ("y", "0"), ("text-anchor", "start"))}
    while runs and runs[0][1].get("font-family") in _MUSIC_FONTS:
        symbols, style = runs.pop(0)
        size = float(style["font-size"].removesuffix("px"))
        place["x"] = _add_symbols(group, symbols, style["font-family"], float(place["x"]), place["y"], size)
    flat = ET.SubElement(group, f"{_SVG}text", {**place, "xml:space": "preserve"})
    x = float(place["x"])
    for run, style in runs:
        size = float(style["font-size"].removesuffix("px"))
        if style.get("font-family") in _MUSIC_FONTS:  # the bow between two words that are sung to one note
            _add_symbols(group, run, style["font-family"], x, place["y"], size)
            continue
        x += _width(run, size)
        is_new_line = style.get("y", place["y"]) != place["y"]
        kept = {name: value for name, value in style.items() if name.startswith("font-") or (is_new_line and name in ("x", "y"))}
        span = ET.SubElement(flat, f"{_SVG}tspan", kept)
        span.text = run
    return group


def _runs(element: ET.Element, inherited: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The pieces of text inside an element, each with its attributes and those it inherits."""
    style = inherited | {name: value for name, value in element.attrib.items() if name != "id" and name != "class"}
    if element.tag not in (f"{_SVG}text", f"{_SVG}tspan"):
        return
    if len(element) == 0 and element.text:
        yield from _signs_apart(element.text, style)
    for child in element:
        yield from _runs(child, style)


def _signs_apart(text: str, style: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Double accidentals of figures, which verovio leaves to fonts that few have, in its own."""
    for run in re.split(f"([{''.join(_DOUBLE_SIGNS)}])", text):
        if run in _DOUBLE_SIGNS:
            size = float(style["font-size"].removesuffix("px")) * _SIGN_SIZE
            yield _DOUBLE_SIGNS[run], style | {"font-family": _MUSIC_FONTS[1], "font-size": f"{size:g}px"}
        elif run:
            yield run, style


def _add_symbols(group: ET.Element, symbols: str, font: str, x: float, y: str, size: float) -> str:
    """Paths for the symbols; returns where the text goes on."""
    for symbol in symbols.strip():
        outline, advance = _glyph(font, f"{ord(symbol):04X}")
        if outline:
            at = ET.SubElement(group, f"{_SVG}g", transform=f"translate({x:.1f},{y}) scale({size / 1000:.4f})")
            at.append(ET.fromstring(outline.replace("<g ", f'<g xmlns="{_SVG.strip("{}")}" ', 1)))
        x += (advance + (_AFTER_SIGN if font != _OPTIONS["font"] else 0)) * size / 1000
    return f"{x:.1f}"


def _width(text: str, size: float) -> float:
    """Of a line of text in the plain font; nothing where that is not there."""
    plain = next((name for name in text_fonts() if name.endswith("General.ttf")), None)
    if plain is None:
        return 0.0
    from matplotlib.font_manager import get_font

    font = get_font(plain)
    font.set_size(100, 72)
    font.set_text(text)
    return float(font.get_width_height()[0]) / 64 * size / 100


@lru_cache
def _glyph(font: str, code: str) -> tuple[str, float]:
    """The path of a music symbol and how far it moves the pen, in thousandths of the font size, from verovio's own files."""
    import verovio

    folder = Path(verovio.__file__).parent / "data"
    found = ET.parse(folder / f"{font}.xml").getroot().find(f".//g[@c='{code}']")
    advance = float(found.get("h-a-x", "0")) if found is not None else 0.0
    outline = folder / font / f"{code}.xml"
    return (outline.read_text(encoding="utf-8") if outline.exists() else "", advance)
