"""The words of ABC, its `w:` lines, its fermatas and the names of its voices, read for music21, which lacks them.

A line of words belongs to the line of music before it, further ones are further verses. `-` parts syllables, `_` holds one over another
note, `*` passes a note over, `|` goes on to the next bar, `~` is a space within a syllable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from musicgen.files.abc_text import decoded, uncommented
from musicgen.files.music21_told import Sung, Told
from musicgen.music.score import Lyric

_FIELD = re.compile(r"^([A-Za-z+]):(?![|:])(.*)$")
_MUSIC = re.compile(
    r"(?P<fermata>!(?:inverted)?fermata!|\+fermata\+|H)|"
    r'(?P<aside>"[^"]*"|![^!\s|]*!|\+[a-z.()<>]+\+|\{[^}]*\})|\[V:(?P<voice>[^\]]*)\]|\[[A-Za-z]:[^\]]*\]'
    r"|(?P<note>\[(?![|\d:])[^\]]*[A-Ga-g][^\]]*\]|[A-Ga-g])|(?P<bar>\|)"
)
_WORD = re.compile(r"(?:\\.|[^\s\-_*|\\])+|[-_*|]|\s+")
_NAME = re.compile(r"^V:\s*([^\s\]]+)[^\n]*?\s(?:name|nm)=(?:\"([^\"\n]*)\"|(\S+))", re.MULTILINE)
_SPACE = re.compile(r"(?<!\\)~")


@dataclass
class _Voice:
    """Bars counted at each note; `first`: the note that the line of music before begins with."""

    notes: Sung = field(default_factory=list)
    bars: list[int] = field(default_factory=list)
    fermatas: list[bool] = field(default_factory=list)
    bar: int = 0
    first: int = 0
    verse: int = 0
    is_held: bool = False


def read_told(text: str) -> Told:
    """Of the first tune."""
    found = {name: voice for name, voice in _voices(text).items() if voice.notes}
    named = {match[1]: decoded(match[2] or match[3] or "") for match in reversed(list(_NAME.finditer(text)))}
    sung, held = [voice.notes for voice in found.values()], [voice.fermatas for voice in found.values()]
    names = [named.get(name, "") for name in found]
    return Told(sung if any(map(any, sung)) else (), held if any(map(any, held)) else (), names if any(names) else ())


def _voices(text: str) -> dict[str, _Voice]:
    lines = text[text.find("K:") :].splitlines()
    voices, name = {"": _Voice()}, ""
    for line in lines[1:]:
        if re.match(r"X:", line):
            break
        found = _FIELD.match(line)
        if found is None:
            name = _add_music(voices, name, uncommented(line))
        elif found[1] == "V":
            name = _name(found[2])
            voices.setdefault(name, _Voice())
        elif found[1] == "w":
            _add_words(voices[name], uncommented(found[2]))
    return voices


def _name(value: str) -> str:
    return (value.split() or [""])[0]


def _add_music(voices: dict[str, _Voice], name: str, line: str) -> str:
    """The voice that goes on after the line."""
    begun = set()
    for match in _MUSIC.finditer(line):
        if match["voice"] is not None:
            name = _name(match["voice"])
        voice = voices.setdefault(name, _Voice())
        if name not in begun and (match["note"] or match["bar"]):
            begun.add(name)
            voice.first, voice.verse = len(voice.notes), 0
        voice.is_held |= match["fermata"] is not None
        if match["note"]:
            voice.notes.append(())
            voice.bars.append(voice.bar)
            voice.fermatas.append(voice.is_held)
            voice.is_held = False
        voice.bar += match["bar"] is not None
    return name


def _add_words(voice: _Voice, words: str) -> None:
    voice.verse += 1
    place, last = voice.first, len(voice.notes)
    for text, is_joined, is_held in _syllables(words, voice, place):
        if text is not None and place < last:
            voice.notes[place] = (*voice.notes[place], Lyric(text, voice.verse, is_joined, is_held))
        place += 1


def _syllables(words: str, voice: _Voice, place: int) -> Iterator[tuple[str | None, bool, bool]]:
    """One a note, None for one that nothing is begun on; whether a hyphen or a line leads on."""
    tokens = [token for token in _WORD.findall(words.strip()) if token.strip()]
    for index, token in enumerate(tokens):
        after = list(takewhile("-_|".__contains__, tokens[index + 1 :]))
        if token == "|":
            here = voice.bars[place - 1] if voice.first < place <= len(voice.bars) else voice.bars[voice.first] - 1 if voice.bars else 0
            while place < len(voice.bars) and voice.bars[place] <= here:
                yield None, False, False
                place += 1
        elif token == "-":
            if index and tokens[index - 1] == "-":  # a second one passes a note over
                yield None, False, False
                place += 1
        elif token in "_*":
            yield None, False, False
            place += 1
        else:
            text = decoded(_SPACE.sub(" ", token))
            yield text or None, "-" in after, "_" in after and "-" not in after
            place += 1
