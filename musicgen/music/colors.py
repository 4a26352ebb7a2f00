"""Colors of notes as `#rrggbb`, and the plain names that a musician calls them by. A name stands for all its shades."""

from __future__ import annotations

import re
from colorsys import rgb_to_hsv

from musicgen.errors import ConfigError, nearest

SHADES = {
    "red": "#ff0000",
    "orange": "#ff8000",
    "yellow": "#c8b400",
    "green": "#00a000",
    "cyan": "#00b4c8",
    "blue": "#0000ff",
    "purple": "#8000ff",
    "pink": "#ff00a0",
    "gray": "#808080",
}
BLACK = "#000000"

_HEX = re.compile(r"#(?:[0-9a-f]{2})?([0-9a-f]{6})")
# Where each hue ends, in degrees; MuseScore's four voices are #0065bf blue, #007f00 green, #c53f00 orange and #c31989 pink.
_HUES = (
    (14, "red"),
    (45, "orange"),
    (70, "yellow"),
    (165, "green"),
    (195, "cyan"),
    (260, "blue"),
    (300, "purple"),
    (345, "pink"),
    (360, "red"),
)


def written_color(text: str | None) -> str | None:
    """`#FF0000` or, with its opacity, `#80FF0000` -> `#ff0000`. None for black, which unmarked notes are, and for what is no such color."""
    match = _HEX.fullmatch((text or "").strip().lower())
    color = f"#{match[1]}" if match else BLACK
    return None if color == BLACK else color


def color_name(color: str) -> str:
    """`#c53f00` -> `orange`."""
    red, green, blue = (int(color[index : index + 2], 16) / 255 for index in (1, 3, 5))
    hue, saturation, value = rgb_to_hsv(red, green, blue)
    if saturation < 0.2 or value < 0.15:
        return "gray"
    return next(name for end, name in _HUES if 360 * hue <= end)


def wanted_color(text: str) -> str:
    """A color that a user asks for: a name of `SHADES`, or `#rrggbb` as the score has it."""
    word = text.strip().lower().replace("grey", "gray")
    if word in SHADES:
        return word
    color = written_color(word if word.startswith("#") else f"#{word}")
    if color is None:
        raise ConfigError(
            f"{text!r} is no color of a marked note (black is that of all the others); write #rrggbb or a name; {nearest(word, SHADES)}"
        )
    return color


def is_color(color: str | None, wanted: str) -> bool:
    """Whether a note's color is the wanted one: that color itself, or a shade of the name."""
    return color is not None and wanted in (color, color_name(color))


def shade(text: str) -> str:
    """`red` -> `#ff0000`: a color to write."""
    wanted = wanted_color(text)
    return SHADES.get(wanted, wanted)
