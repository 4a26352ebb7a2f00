"""Figures of a continuo as MusicXML: they stand before the note of the bass that they belong to, each with the time until the next."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable

from musicgen.files.musicxml_text import add_text
from musicgen.files.page import ACCIDENTALS
from musicgen.music.score import FiguresAt


def add_figures(measure: ET.Element, figures: Iterable[FiguresAt], start: int, end: int, bar: int) -> None:
    """Those of a written note that fills ticks [start, end), of the bar that begins at `bar`.

    They begin with the note, or it has none. What goes on from an earlier note is said again after a barline, and before what is new.
    """
    inside = [each for each in figures if each.start < end and each.end > start]
    if len(inside) == 1 and inside[0].start < start != bar:
        return
    now = start
    for each in inside:
        stop = min(each.end, end)
        element = ET.SubElement(measure, "figured-bass")
        for number, sign in each.figures:
            figure = ET.SubElement(element, "figure")
            if sign is not None:
                add_text(figure, "prefix", ACCIDENTALS[sign])
            if number is not None:
                add_text(figure, "figure-number", number)
        add_text(element, "duration", stop - now)
        now = stop
