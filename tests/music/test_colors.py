"""Colors as files write them, and as musicians call them."""

import pytest

from musicgen.errors import ConfigError
from musicgen.music.colors import SHADES, color_name, is_color, shade, wanted_color, written_color


@pytest.mark.parametrize(
    ("text", "color"),
    [("#FF0000", "#ff0000"), ("#80FF0000", "#ff0000"), (" #c53f00 ", "#c53f00")]
    + [(text, None) for text in (None, "", "#000000", "#FF000000", "red", "#ff00", "#ff00000", "ff0000", "#gg0000")],
)
def test_what_a_file_says_of_a_color(text, color):
    assert written_color(text) == color


def test_a_name_stands_for_all_its_shades():
    shades = {
        "red": "#ff0000 #aa0000 #ff5555 #cc0022",
        "orange": "#ff8000 #c53f00 #ffaa00",
        "yellow": "#ffff00 #aaaa00",
        "green": "#00ff00 #007f00 #55ff7f",
        "cyan": "#00ffff #55aaaa",
        "blue": "#0000ff #0065bf #5555ff #00007f",
        "purple": "#aa00ff #800080",
        "pink": "#ff00aa #c31989 #ff69b4",
        "gray": "#808080 #cccccc #0a0a0a",
    }
    assert list(shades) == list(SHADES)
    assert all(color_name(shade(name)) == name for name in SHADES)
    for name, colors in shades.items():
        assert {color_name(color) for color in colors.split()} <= {name}, name
        assert all(is_color(color, wanted_color(name)) for color in colors.split())


def test_a_color_by_its_number_is_no_other():
    assert wanted_color("FF0000") == wanted_color("#80ff0000") == "#ff0000"
    assert is_color("#ff0000", "#ff0000")
    assert not is_color("#aa0000", "#ff0000")
    assert not is_color(None, "red")
    assert wanted_color(" Grey ") == "gray"


@pytest.mark.parametrize("text", ["rad", "", "#12345", "black", "#000000"])
def test_what_is_no_color_is_refused_with_the_names(text):
    with pytest.raises(ConfigError, match="red, yellow"):
        wanted_color(text)
