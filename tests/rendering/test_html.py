"""HTML whose texts are escaped, pictures that share a page without sharing names, sounds that lie in it."""

import base64
import re
import xml.etree.ElementTree as ET

import pytest

from musicgen.rendering.html import POLICY, Html, inline_svg, page, sound, table, tag

DRAWN = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="10px" height="5px" viewBox="0 0 10 5" id="root">
  <metadata>made by</metadata>
  <defs><g id="dot"><circle r="1"/></g><clipPath id="cut"><rect width="3" height="2"/></clipPath></defs>
  <style type="text/css">#root path {stroke:currentColor} g.hidden {visibility:hidden}</style>
  <g id="unused" class="note"><use xlink:href="#dot"/><path clip-path="url(#cut)" stroke="#000000"/></g>
  <g class="sb hidden"/>
</svg>"""


def test_texts_and_attributes_are_escaped_and_html_is_not():
    assert tag("p", "a < b & c", tag("b", '"x"')) == '<p>a &lt; b &amp; c<b>"x"</b></p>'
    assert tag("p", class_="a", aria_label='"<&') == '<p class="a" aria-label="&quot;&lt;&amp;"></p>'
    assert isinstance(tag("p"), Html)


def test_the_first_cell_of_a_row_is_its_head():
    made = table(["", "n"], [["<x>", "1"]], "what & why")
    assert '<th scope="row">&lt;x&gt;</th><td>1</td>' in made
    assert "<caption>what &amp; why</caption>" in made


def test_a_picture_has_names_of_its_own_and_the_size_of_the_page():
    made = inline_svg(DRAWN, "one", 'a "label"', ink="#000000")
    root = ET.fromstring(made)
    assert root.attrib.keys() & {"width", "height"} == set()
    assert (root.get("id"), root.get("role"), root.get("aria-label")) == ("one-root", "img", 'a "label"')
    assert re.findall(r'\bid="([^"]*)"', made) == ["one-root", "one-dot", "one-cut"]
    assert '"#one-dot"' in made
    assert "url(#one-cut)" in made
    assert "#one-root path {stroke" in made
    assert re.findall(r'class="([^"]*)"', made) == ["sb hidden"]  # a rule hides it
    assert 'stroke="currentColor"' in made
    assert '<rect width="3" height="2"' in made
    assert "made by" not in made


def test_what_a_page_holds_is_read_as_it_was_put_in():
    data = bytes(range(256))
    made = page("t < u", tag("h1", "x"), sound(data, "audio/wav", "play")).decode()
    assert made.startswith("<!DOCTYPE html>\n<html lang=")
    assert "<title>t &lt; u</title>" in made
    assert POLICY.replace("'", "&#x27;") in made
    (source,) = re.findall(r'<audio[^>]* src="data:audio/wav;base64,([^"]*)"', made)
    assert base64.b64decode(source, validate=True) == data


@pytest.mark.parametrize("name", ["script", "link", "img", "iframe"])
def test_nothing_is_loaded(name):
    assert f"<{name}" not in page("x", tag("p", "<script src='http://x'>")).decode()
