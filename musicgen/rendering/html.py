"""HTML of one file that opens offline: elements whose texts are escaped, pictures and sounds inside, nothing from elsewhere.

    page("Title", tag("p", "a < b"), inline_svg(svg, "first", "what it shows"))

A policy in the head forbids a browser to load anything or to run any script. Knows no music.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 1rem/1.5 system-ui, sans-serif; color: CanvasText; background: Canvas; }
main { max-width: 76rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
h1, h2, h3 { line-height: 1.25; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
h1 { margin-top: 1rem; }
p, li, dd { max-width: 46rem; overflow-wrap: anywhere; }
figure { margin: 1.5rem 0; }
figcaption, caption, .small { font-size: .875rem; opacity: .85; }
caption { text-align: left; padding: .25rem 0; }
svg { width: 100%; height: auto; color: inherit; fill: currentColor; }
.wide { overflow-x: auto; }
.wide > svg { min-width: 48rem; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
dl { columns: 2 26rem; column-gap: 2.5rem; }
dl > div { break-inside: avoid; padding-bottom: .5rem; }
dt { font-weight: 600; }
dd { margin-left: 1.25rem; }
code { font-size: .9em; overflow-wrap: anywhere; }
audio { width: 100%; max-width: 28rem; display: block; margin: .5rem 0; }
.pieces { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 1rem 2rem; }
@media print { audio { display: none; } main { max-width: none; } figure, tr { break-inside: avoid; } }
""".strip()

_PROLOG = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|<desc>.*?</desc>", re.DOTALL)
_ID = re.compile(r'\sid="([^"]*)"')
_CLASS = re.compile(r'\sclass="([^"]*)"')
_REFERENCE = re.compile(r'((?:href=")#|url\(#)([^")]+)')
_RULES = re.compile(r"<style[^>]*>.*?</style>", re.DOTALL)
_NAME_IN_RULES = re.compile(r"([#.])([A-Za-z][\w-]*)")
_SIZE = re.compile(r'\s(?:width|height)="[^"]*"')


class Html(str):
    """Text that is HTML; any other text is escaped where it meets an element."""

    __slots__ = ()


def tag(name: str, /, *inside: str, **attributes: str) -> Html:
    """An element; of an attribute's name a last underscore falls off, and others become hyphens: `class_`, `aria_label`."""
    named = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{named}>{joined(inside)}</{name}>")


def joined(parts: Sequence[str], between: str = "") -> Html:
    return Html(between.join(part if isinstance(part, Html) else escape(part, quote=False) for part in parts))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> Html:
    """The first cell of a row is its head."""
    top = tag("tr", *(tag("th", cell, scope="col") for cell in head))
    lines = [tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in cells)) for first, *cells in rows]
    body = (tag("caption", caption), tag("thead", top), tag("tbody", *lines))
    return tag("div", tag("table", *body), class_="wide", tabindex="0", role="region", aria_label=caption)


def inline_svg(svg: str, name: str, label: str, ink: str = "") -> Html:
    """An SVG document as an element: as wide as the page lets it, its names begin with `name`, those that nobody refers to are left out.

    `label`: what it shows, for who cannot see it; `ink`: a color that becomes that of the page's text.
    """
    svg = _PROLOG.sub("", svg).strip()
    root, rest = svg[: svg.index(">") + 1], svg[svg.index(">") + 1 :]
    root = _SIZE.sub("", root).replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
    svg = _with_own_names(root + re.sub(r">\s+<", "><", rest), f"{name}-")
    return Html(svg.replace(ink, "currentColor") if ink else svg)


def _with_own_names(svg: str, prefix: str) -> str:
    """Names and classes that nothing in the picture refers to are left out; the names begin with `prefix`."""
    in_rules = {found[0] for rules in _RULES.findall(svg) for found in _NAME_IN_RULES.finditer(rules)}
    names = set(_ID.findall(svg)) & {*(name for _, name in _REFERENCE.findall(svg)), *(name[1:] for name in in_rules if name[0] == "#")}
    classes = {name[1:] for name in in_rules if name[0] == "."}

    def in_a_rule(found: re.Match[str]) -> str:
        return f"#{prefix}{found[2]}" if found[1] == "#" and found[2] in names else found[0]

    svg = _ID.sub(lambda found: f' id="{prefix}{found[1]}"' if found[1] in names else "", svg)
    svg = _CLASS.sub(lambda found: found[0] if classes & set(found[1].split()) else "", svg)
    svg = _REFERENCE.sub(rf"\1{prefix}\2", svg)
    return _RULES.sub(lambda rules: _NAME_IN_RULES.sub(in_a_rule, rules[0]), svg)


def sound(data: bytes, mime: str, label: str) -> Html:
    """A player of a sound that lies in the page."""
    source = f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
    return tag("audio", controls="controls", preload="none", src=source, aria_label=label)


def page(title: str, *inside: str, language: str = "en") -> bytes:
    head = (
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", title),
        Html(f"<style>{STYLE}</style>"),
    )
    document = tag("html", tag("head", *head), tag("body", tag("main", *inside)), lang=language)
    return f"<!DOCTYPE html>\n{document}\n".encode()
