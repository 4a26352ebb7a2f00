"""Pictures of scores: every note is there, the text is visible, missing extras are named."""

from __future__ import annotations

import re
import struct
import sys
import xml.etree.ElementTree as ET
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from musicgen.errors import FileError, MissingExtraError
from musicgen.music.pitch import Key
from musicgen.music.score import FiguresAt, KeyAt, Meter, MeterAt, Note, Part, Score, TempoAt, TextAt
from musicgen.rendering.engraving import plain_text, png_bytes, svg_pages, write_png, write_svg
from musicgen.rendering.system_breaks import even_breaks
from musicgen.rendering.under_the_staff import SYSTEM, is_crowded, with_clear_figures

SVG = "{http://www.w3.org/2000/svg}"
PITCHES = {"Soprano": (72, 74, 76, 74), "Alto": (67, 67, 67, 67), "Tenor": (64, 62, 60, 59), "Bass": (48, 47, 48, 43)}


def chorale(bars: int = 8, title: str = "Ein Lied") -> Score:
    parts = tuple(
        Part(name, tuple(Note(tick, 1, pitches[tick % 4], fermata=tick % 16 == 15) for tick in range(4 * bars)))
        for name, pitches in PITCHES.items()
    )
    return Score(parts, 1, (MeterAt(0, Meter(4, 4)),), (KeyAt(0, Key(-1)),), (TempoAt(0, 72.0),), title=title)


def classes(svg: str) -> list[str]:
    return [element.get("class", "").split(" ")[0] for element in ET.fromstring(svg).iter(f"{SVG}g")]


def texts(svg: str) -> str:
    return " ".join("".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text"))


@pytest.mark.parametrize("layout", ["open", "two-staff"])
def test_a_chorale_is_one_page_with_all_its_notes(layout: str) -> None:
    pages = svg_pages(chorale(12), layout)  # type: ignore[arg-type]
    assert len(pages) == 1
    found = classes(pages[0])
    assert found.count("note") == 4 * 48
    assert found.count("fermata") == 4 * 3
    assert found.count("measure") == 12
    for word in ("Ein Lied", "Soprano", "Bass", "72"):
        assert word in texts(pages[0])


def test_no_system_is_left_nearly_empty() -> None:
    per_system: list[int] = []
    for name in classes(svg_pages(chorale(13))[0]):
        if name == "system":
            per_system.append(0)
        elif name == "measure":
            per_system[-1] += 1
    assert sum(per_system) == 13
    assert max(per_system) - min(per_system) <= 1


def test_no_line_is_longer_than_it_must_be_and_the_last_is_full() -> None:
    ends = [10.0, 12.0, 14.0, 24.0, 26.0, 36.0]
    assert even_breaks(ends, 3) == [2, 4]
    assert even_breaks(ends, 3, head=6) == [3, 4]  # what stands before later lines fills them too
    assert even_breaks([10.0, 20.0], 5) == [1]
    svg = svg_pages(chorale(13))[0]
    rights = [max(int(x) for x in re.findall(r"L(\d+) ", line)) for line in svg.split('class="system"')[1:]]
    assert max(rights) - min(rights) < 60


def figured(marks: tuple[TextAt, ...], *figures: tuple[int | None, int | None]) -> Score:
    parts = (Part("Soprano", tuple(Note(tick, 1, 60) for tick in range(8))), Part("Bass", tuple(Note(tick, 1, 48) for tick in range(8))))
    return Score(parts, 1, marks=marks, figures=(FiguresAt(1, 2, figures),))


def test_double_signs_of_figures_are_drawn_in_any_font() -> None:
    plain = plain_text(svg_pages(figured((), (3, 2), (2, -2)))[0])
    assert not {"\U0001d12a", "\U0001d12b"} & set(plain)
    assert "3" in texts(plain)
    bare = plain_text(svg_pages(figured((), (3, None), (2, None)))[0])
    assert plain.count("<path") == bare.count("<path") + 2


def test_long_words_under_the_staff_make_room_for_each_other() -> None:
    long = tuple(TextAt(tick, "viio6/V", is_above=False) for tick in range(8))
    assert not is_crowded(svg_pages(figured(long))[0])
    assert is_crowded(CROWDED)
    assert not is_crowded(CROWDED.replace("900", "1900"))


CROWDED = f"""<svg>{SYSTEM}>
<g class="dir"> <text x="100" y="500"> <tspan class="rend"> <tspan class="text"> <tspan font-size="400px">viio64/V</tspan> </tspan>
<tspan class="text" x="100" y="890"> <tspan font-size="400px">c:</tspan> </tspan> </tspan> </text> </g>
<g class="dir"> <text x="900" y="500"> <tspan class="text"> <tspan font-size="400px">V7</tspan> </tspan> </text> </g>
<g class="harm"> <g class="fb"> <text x="100" y="950"> <tspan>5</tspan> </text>
<text x="100" y="1340"> <tspan>3</tspan> </text> </g> </g>"""


def test_figures_stand_under_the_second_line_of_words() -> None:
    moved = re.findall(r'<text x="100" y="(\d+)"> <tspan>', with_clear_figures(CROWDED))
    assert moved == ["1358", "1748"]
    clear = CROWDED.replace('y="950"', 'y="1360"').replace('y="1340"', 'y="1750"')
    assert with_clear_figures(clear) == clear


def test_no_page_is_left_nearly_empty() -> None:
    assert [classes(page).count("system") for page in svg_pages(chorale(48))] == [5, 4]  # with larger staves 4, 4 and 1


def test_words_are_not_set_over_a_figure_that_is_a_sign_alone() -> None:
    score = figured((TextAt(1, "V\nc:", is_above=False),), (None, 1))
    (svg,) = svg_pages(score)
    (letter,) = re.findall(r'y="(\d+)">\s*<tspan[^>]*>c:', svg)
    assert int(re.findall(r'<text x="\d+" y="(\d+)"', svg)[-1]) > int(letter) + 300


def test_long_music_goes_on_over_the_page(tmp_path: Path) -> None:
    paths = write_svg(chorale(120), tmp_path / "long.svg")
    assert [path.name for path in paths[:2]] == ["long.svg", "long-2.svg"]
    assert sorted(paths) == sorted(tmp_path.iterdir())
    notes = sum(classes(path.read_text(encoding="utf-8")).count("note") for path in paths)
    assert notes == 4 * 480


def test_the_same_score_gives_the_same_picture() -> None:
    assert svg_pages(chorale()) == svg_pages(chorale())


def pixels(png: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and the decoded rows of an 8-bit RGBA or RGB picture, enough to see where ink is."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, color = struct.unpack(">IIBB", png[16:26])
    assert depth == 8
    channels = {2: 3, 6: 4}[color]
    data, at = b"", 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    raw, stride = zlib.decompress(data), width * channels
    rows, above = [], bytes(stride)
    for y in range(height):
        line = raw[y * (stride + 1) : (y + 1) * (stride + 1)]
        above = _unfiltered(line[0], line[1:], above, channels)
        rows.append(above[::channels])
    return width, height, rows


def _unfiltered(kind: int, line: bytes, above: bytes, step: int) -> bytes:
    row = bytearray(line)
    for x, value in enumerate(line):
        left, up, corner = (row[x - step] if x >= step else 0), above[x], (above[x - step] if x >= step else 0)
        estimate = left + up - corner
        paeth = min((left, up, corner), key=lambda each: abs(estimate - each))
        row[x] = (value + (0, left, up, (left + up) // 2, paeth)[kind]) & 255
    return bytes(row)


def ink(score: Score, width: int = 300) -> list[int]:
    """Dark pixels of each row."""
    found, height, rows = pixels(png_bytes(svg_pages(score)[0], width))
    assert found == width
    assert height > 50
    return [sum(value < 128 for value in row) for row in rows]


def test_text_is_visible_in_a_png() -> None:
    titled, bare = ink(chorale(2)), ink(chorale(2, title=""))
    assert sum(titled) > sum(bare) + 30
    unnamed = replace(chorale(2), parts=tuple(replace(part, name=f"{' ' * index}.") for index, part in enumerate(chorale(2).parts)))
    assert sum(ink(chorale(2))) > sum(ink(unnamed))


def test_the_note_of_a_tempo_mark_is_drawn() -> None:
    svg = svg_pages(chorale(2))[0]
    plain = ET.fromstring(plain_text(svg))
    assert not [span for span in plain.iter(f"{SVG}tspan") if "Leland" in span.get("font-family", "")]
    assert len(list(plain.iter(f"{SVG}path"))) == len(list(ET.fromstring(svg).iter(f"{SVG}path"))) + 1


def test_png_file(tmp_path: Path) -> None:
    (path,) = write_png(chorale(), tmp_path / "x.png", width=200)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(FileError, match="does not exist"):
        write_png(chorale(), tmp_path / "none" / "x.png", width=200)


@pytest.mark.parametrize(("package", "named"), [("verovio", "verovio"), ("resvg_py", "resvg-py")])
def test_missing_extras_are_named(package: str, named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{named}: .* -m pip install -e '.*\[score\]'"):
        write_png(chorale(2), tmp_path / "x.png")
    assert not list(tmp_path.iterdir())
