"""The words of kern, its **text spines, told to the notes of the **kern spine to their left, further ones as further verses; and names.

music21 reads them only where staves are numbered, and of several verses the last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from musicgen.files.music21_told import Sung, Told
from musicgen.music.score import Lyric

HIDDEN = "\u200b"  # without width: before a word that begins as comments and interpretations do
_KERN, _TEXT = "**kern", "**text"
_NOTE = re.compile(r"[A-Ga-g]")
_GRACE = re.compile(r"[qQ]")


@dataclass(eq=False)
class _Spine:
    """`texts`: those of its words, by verses."""

    kind: str
    name: str = ""
    notes: Sung = field(default_factory=list)
    texts: list[_Spine] = field(default_factory=list)


def read_told(text: str) -> Told:
    """Of the staves from top to bottom, as music21 orders them."""
    spines: list[_Spine] = []
    first: list[_Spine] = []
    for line in text.splitlines():
        tokens = line.split("\t")
        if line.startswith("**"):
            first = spines = _spines(tokens)
        elif not spines or line.startswith(("!", "=")) or not line.strip():
            continue
        elif line.startswith("*"):
            spines = _next(spines, tokens)
        elif len(tokens) == len(spines):
            _add_row(spines, tokens)
    staves = [spine for spine in reversed(first) if spine.kind == _KERN and spine.notes]
    sung, names = [spine.notes for spine in staves], [spine.name for spine in staves]
    return Told(sung if any(map(any, sung)) else (), names=names if any(names) else ())


def _spines(kinds: Sequence[str]) -> list[_Spine]:
    spines = [_Spine(kind.strip()) for kind in kinds]
    kern: _Spine | None = None
    for spine in spines:
        kern = spine if spine.kind == _KERN else kern
        if spine.kind == _TEXT and kern:
            kern.texts.append(spine)
    return spines


def _next(spines: list[_Spine], tokens: Sequence[str]) -> list[_Spine]:
    """After a line of interpretations: `*^` parts a spine in two, `*v` joins neighbours, `*-` ends one, `*x` exchanges two."""
    if len(tokens) != len(spines):
        return spines
    for spine, token in zip(spines, tokens, strict=True):
        spine.name = spine.name or (token[3:].strip() if token.startswith('*I"') else "")
    after: list[_Spine] = []
    crossed = [index for index, token in enumerate(tokens) if token == "*x"]
    if len(crossed) == 2:
        spines = list(spines)
        spines[crossed[0]], spines[crossed[1]] = spines[crossed[1]], spines[crossed[0]]
    for index, (spine, token) in enumerate(zip(spines, tokens, strict=True)):
        if token == "*-" or (token == "*v" and index and tokens[index - 1] == "*v" and spines[index - 1] is spine):
            continue
        after += [spine, spine] if token == "*^" else [spine]
    return after


def _add_row(spines: Sequence[_Spine], tokens: Sequence[str]) -> None:
    said = {id(spine): token for spine, token in zip(spines, tokens, strict=True) if spine.kind == _TEXT}
    begun: set[int] = set()
    for spine, token in zip(spines, tokens, strict=True):
        if spine.kind != _KERN or not _NOTE.search(token) or _GRACE.search(token) or "r" in token:
            continue
        lyrics = () if id(spine) in begun else tuple(_lyrics([said.get(id(text), ".") for text in spine.texts]))
        begun.add(id(spine))
        spine.notes.append(lyrics)


def _lyrics(verses: Sequence[str]) -> list[Lyric]:
    texts = [(verse, token.strip().replace(HIDDEN, "")) for verse, token in enumerate(verses, 1)]
    found = [(verse, token, token.strip("-_|. " if token.strip("-_|. ") == "" else "-_| ")) for verse, token in texts]
    return [Lyric(text, verse, token.endswith("-"), token.endswith("_")) for verse, token, text in found if text]
