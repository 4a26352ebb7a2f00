"""A PDF document, part by part: pages of drawing commands, shapes that recur, fonts of which only the letters used are embedded.

Knows no music. Its bytes depend on what is drawn alone, never on the day. After ISO 32000-1.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

POINTS = 72 / 254  # of a tenth of a millimetre


@dataclass
class Font:
    """A TrueType font and what has been set in it: the number of each glyph used, and its letter, so that text can be found and copied."""

    path: str
    name: str
    used: dict[int, str] = field(default_factory=dict)

    def encoded(self, text: str) -> str:
        """Glyph numbers as PDF wants them, four hexadecimal digits each; a letter that the font has not is its empty box."""
        glyphs = [(_letters(self.path).get(ord(letter), 0), letter) for letter in text]
        self.used |= dict(glyphs)
        return "".join(f"{glyph:04X}" for glyph, _ in glyphs)

    def width(self, text: str) -> float:
        """In thousandths of the font size."""
        return sum(_advances(self.path)[_letters(self.path).get(ord(letter), 0)] for letter in text)


def _read(path: str) -> Any:
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    return TTFont(path, recalcTimestamp=False)


_opened = lru_cache(_read)


@lru_cache
def _letters(path: str) -> dict[int, int]:
    font = _opened(path)
    return {code: font.getGlyphID(name) for code, name in font.getBestCmap().items()}


@lru_cache
def _advances(path: str) -> list[float]:
    font = _opened(path)
    return [font["hmtx"][name][0] * 1000 / font["head"].unitsPerEm for name in font.getGlyphOrder()]


@dataclass
class Document:
    """`shapes`: drawing commands by a name, drawn with `/name Do`. `pages`: drawing commands, all of one size in points."""

    width: float
    height: float
    title: str
    fonts: Sequence[Font]
    shapes: dict[str, str] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)

    def bytes(self) -> bytes:
        objects: list[bytes] = [b"", b"", b""]  # catalog, pages and resources, which name those that follow
        shapes = {name: _add(objects, _shape(commands)) for name, commands in self.shapes.items()}
        fonts = {font.name: _add_font(objects, font) for font in self.fonts if font.used}
        pages = []
        for commands in self.pages:
            content = _add(objects, _stream(commands.encode()))
            box = f"/MediaBox [0 0 {self.width:.3f} {self.height:.3f}]"
            pages.append(_add(objects, f"<< /Type /Page /Parent 2 0 R {box} /Resources 3 0 R /Contents {content} 0 R >>".encode()))
        info = _add(objects, f"<< /Title <FEFF{self.title.encode('utf-16-be').hex()}> /Producer (musicgen) >>".encode())
        objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
        objects[1] = f"<< /Type /Pages /Kids [{' '.join(f'{page} 0 R' for page in pages)}] /Count {len(pages)} >>".encode()
        objects[2] = f"<< /XObject {_names(shapes)} /Font {_names(fonts)} >>".encode()
        return _file(objects, info)


def _add(objects: list[bytes], data: bytes) -> int:
    objects.append(data)
    return len(objects)


def _names(numbers: Mapping[str, int]) -> str:
    return f"<< {' '.join(f'/{name} {number} 0 R' for name, number in numbers.items())} >>"


def _stream(data: bytes, entries: str = "") -> bytes:
    packed = zlib.compress(data, 9)
    return f"<< {entries}/Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode() + packed + b"\nendstream"


def _shape(commands: str) -> bytes:
    return _stream(commands.encode(), "/Type /XObject /Subtype /Form /BBox [-9999 -9999 9999 9999] ")


def _file(objects: Sequence[bytes], info: int) -> bytes:
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, data in enumerate(objects, 1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n".encode() + data + b"\nendobj\n")
    start = out.tell()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode())
    out.write(f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {info} 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


# --- fonts


def _add_font(objects: list[bytes], font: Font) -> int:
    """The glyphs keep their numbers, so that what is on the pages stays true."""
    name = f"MUSGEN+{font.name}"
    data = _subset(font.path, tuple(sorted(font.used)))
    file = _add(objects, _stream(data, f"/Length1 {len(data)} "))
    described = _add(objects, _descriptor(font.path, name, file))
    widths = " ".join(f"{glyph} [{_advances(font.path)[glyph]:g}]" for glyph in sorted(font.used))
    system = "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
    kind = f"/Type /Font /Subtype /CIDFontType2 /BaseFont /{name} {system} /CIDToGIDMap /Identity"
    inner = _add(objects, f"<< {kind} /FontDescriptor {described} 0 R /W [{widths}] >>".encode())
    unicode = _add(objects, _stream(_to_unicode(font.used).encode()))
    outer = f"/Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H"
    return _add(objects, f"<< {outer} /DescendantFonts [{inner} 0 R] /ToUnicode {unicode} 0 R >>".encode())


def _descriptor(path: str, name: str, file: int) -> bytes:
    font = _opened(path)
    scale = 1000 / font["head"].unitsPerEm
    head, across = font["head"], font["hhea"]
    box = " ".join(f"{value * scale:.0f}" for value in (head.xMin, head.yMin, head.xMax, head.yMax))
    heights = f"/Ascent {across.ascent * scale:.0f} /Descent {across.descent * scale:.0f} /CapHeight {across.ascent * scale:.0f}"
    slant = f"/ItalicAngle {font['post'].italicAngle:g} /StemV 80 /Flags 4"
    return f"<< /Type /FontDescriptor /FontName /{name} /FontBBox [{box}] {heights} {slant} /FontFile2 {file} 0 R >>".encode()


@lru_cache(maxsize=64)
def _subset(path: str, glyphs: tuple[int, ...]) -> bytes:
    import logging

    from fontTools.subset import Options, Subsetter  # type: ignore[import-untyped]

    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
    font = _read(path)
    options = Options(
        retain_gids=True, notdef_outline=True, layout_features=[], name_IDs=[], hinting=False, drop_tables=["FFTM", "GPOS", "GSUB"]
    )
    chooser = Subsetter(options)
    chooser.populate(gids=glyphs)
    chooser.subset(font)
    out = io.BytesIO()
    font.save(out, reorderTables=False)
    return out.getvalue()


def _to_unicode(used: Mapping[int, str]) -> str:
    rows = [f"<{glyph:04X}> <{letter.encode('utf-16-be').hex().upper()}>" for glyph, letter in sorted(used.items())]
    blocks = [rows[start : start + 100] for start in range(0, len(rows), 100)]
    ranges = "\n".join("\n".join([f"{len(block)} beginbfchar", *block, "endbfchar"]) for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapName /Letters def\n/CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n" + ranges + "\nendcmap\nend\nend\n"
    )
