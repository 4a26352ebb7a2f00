"""Two passages as one picture: all their bars, the shared notes and no others in color, no name twice."""

import re
import xml.etree.ElementTree as ET

import pytest

from musicgen.music.chorale import REST, Chorale
from musicgen.rendering.side_by_side import SHARED, Excerpt, shared_run_svg, write_shared_run

SVG = "{http://www.w3.org/2000/svg}"
SHORT = Chorale.parse("""
    3/4, G minor
    S  D5 - - - C5 - - - Bb4 - - - | A4 - - - - - - - D5 - - -
    A  G4 - - - A4 - - - G4  - - - | G4 - - - F#4 - - - A4 - - -
    T  Bb3 - - - D4 - - - D4 - - - | C4 - - - - - - - . - - -
    B  G3 - - - F#3 - - - G3 - - - | E3 - - - D3 - - - F3 - - -
    """)


def long(bars: int) -> Chorale:
    """With a pick-up of a quarter, so that bar 0 is the first one drawn."""
    rows = [" ".join(["C5 - - -"] + [f"{name} - - - - - - - D5 - - - C5 - - -"] * bars) for name in ("E5", "C5", "A4", "F4")]
    return Chorale.parse("4/4, pickup 4\n" + "\n".join(f"{letter} {row}" for letter, row in zip("SATB", rows, strict=True)))


def parts_of(svg: str) -> list[ET.Element]:
    return ET.fromstring(svg).findall(f"{SVG}svg")


def of_class(root: ET.Element, name: str) -> list[ET.Element]:
    return [group for group in root.iter(f"{SVG}g") if group.get("class", "").split(" ")[0] == name]


def colored(root: ET.Element) -> int:
    return sum(note.get("color") == SHARED for note in of_class(root, "note"))


def sounding(chorale: Chorale, start: int, end: int) -> int:
    notes = [note for voice in range(chorale.voices) for note in chorale.notes(voice)]
    return sum(note.pitch != REST and note.start < end and note.end > start for note in notes)


@pytest.mark.parametrize(("start", "end"), [(0, 24), (4, 20), (6, 7), (23, 24)])
def test_the_notes_of_the_passage_are_colored_and_no_others(start: int, end: int) -> None:
    left, right = parts_of(shared_run_svg(Excerpt(SHORT, start, end), Excerpt(long(3), 4, 8)))
    assert colored(left) == sounding(SHORT, start, end)
    assert colored(right) == 4
    assert len(of_class(right, "measure")) == 1


@pytest.mark.parametrize(("bars", "start", "end", "drawn"), [(40, 0, 644, 41), (40, 100, 300, 13), (3, 0, 4, 1), (3, 3, 5, 2)])
def test_all_bars_of_a_passage_are_drawn_also_over_many_lines(bars: int, start: int, end: int, drawn: int) -> None:
    (picture, _) = parts_of(shared_run_svg(Excerpt(long(bars), start, end), Excerpt(SHORT, 0, 4)))
    assert len(of_class(picture, "measure")) == drawn
    assert colored(picture) == sounding(long(bars), start, end)


def test_what_is_said_is_there_and_no_name_is_given_twice() -> None:
    svg = shared_run_svg(Excerpt(SHORT, 0, 12, ("<a> & b", "bar 1")), Excerpt(SHORT, 0, 12, ("c",)), "3 slices")
    said = ["".join(text.itertext()) for text in ET.fromstring(svg).findall(f"{SVG}text")]
    assert said == ["3 slices", "<a> & b", "bar 1", "c"]
    names = re.findall(r'\bid="([^"]+)"', svg)
    assert len(names) == len(set(names)) > 20
    used = re.findall(r'href="#([^"]+)"', svg)
    assert set(used) <= set(names)
    assert {name.split("-")[0] for name in used} == {"left", "right"}
    for rule in re.findall(r"#([\w-]+) path", svg):  # strokes of staff lines are drawn by a rule for the picture's own name
        assert rule in names


def test_a_passage_of_other_than_four_voices_has_a_staff_for_each() -> None:
    two = Chorale(SHORT.pitch[:2], SHORT.onset[:2], SHORT.fermata, SHORT.meters, SHORT.key)
    (left, _) = parts_of(shared_run_svg(Excerpt(two, 0, 12), Excerpt(two, 12, 24)))
    assert len(of_class(left, "staff")) == 2


def test_files(tmp_path) -> None:
    svg = shared_run_svg(Excerpt(SHORT, 0, 12), Excerpt(SHORT, 12, 24))
    assert write_shared_run(svg, tmp_path / "x.svg").read_text() == svg
    assert write_shared_run(svg, tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
