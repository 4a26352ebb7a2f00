"""ABC text rewritten for music21, so that each note that an accidental reaches carries its own. The rest stays for music21 to read.

Written out too is what else makes music21 change or drop a note: fields within a line, voices that take turns, accidentals of the key,
`A::`, the old marks `!` and `+trill+`, and `H`, a fermata. Rules: the ABC standard 2.1; abc2midi where that is silent (grace notes, a
new key in a bar).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# The text is mended, not the score: once read, a sharp of the key and one that should have been a natural look the same. `plain_score`
# knows no chord symbols, repeats and tuplets; music21's own carrying (under %abc-2.1) forgets chords, ties and double accidentals.
_TOKEN = re.compile(
    r"(?P<line>^[A-Za-z]:(?![|:]).*\n?)|(?P<inline>\[[A-Za-z]:[^][\n]*\])"
    r'|(?P<aside>%.*|"[^"\n]*"|![^!\s|]*!)|(?P<old>!|\+[a-z.()<>]+\+)'
    r"|(?P<bar>:+\|*:+|:*\|+[\]:]*|\[\|:*)"
    r"|(?P<sign>\^\^?|__?|=)?(?P<letter>[A-Ga-g])(?P<octaves>[,']*)|(?P<other>.|\n)",
    re.MULTILINE,
)
_KEY_LINE = re.compile(r"^K:(.*)\n?", re.MULTILINE)
_REACH = re.compile(r"^(?:%%|I:)propagate-accidentals\s+(not|octave|pitch)", re.MULTILINE)
_SIGNED = re.compile(r"(?<!\S)(\^\^?|__?|=)([A-Ga-g])(?!\S)")


@dataclass(slots=True)
class _Voice:
    """What holds at a place of one voice. A sign is an accidental as it is written, "" for none; a pitch is a letter with its octaves."""

    reach: str  # of an accidental: all octaves (pitch), its own (octave), or one note (not)
    of_key: dict[str, str]  # letter -> sign, for what music21 does not take from K:
    in_bar: dict[str, str] = field(default_factory=dict)
    sounding: dict[str, str] = field(default_factory=dict)  # pitch -> sign, of the last note or chord
    tied: dict[str, str] = field(default_factory=dict)  # into the note or chord that comes next
    arriving: dict[str, str] = field(default_factory=dict)  # tied into the one that sounds
    last: str = ""
    closes: str = ""  # the bracket that ends the chord or the grace notes
    text: list[str] = field(default_factory=list)

    def sign(self, written: str, letter: str, octaves: str) -> str:
        """A tied note keeps the accidental of the bar before, and does not hand it on."""
        pitch, step = letter + octaves, letter.upper()
        if not self.closes:
            self.begin()
        name = pitch if self.reach == "octave" else step
        if written and self.reach != "not":
            self.in_bar[name] = written
        found = written or self.in_bar.get(name) or self.arriving.get(pitch) or self.of_key.get(step, "")
        if self.closes != "}":
            self.sounding[pitch], self.last = found, pitch
        return found

    def begin(self) -> None:
        self.sounding, self.tied, self.arriving = {}, {}, self.tied

    def mark(self, mark: str) -> None:
        """Brackets and ties; whatever else stands between notes says nothing of accidentals."""
        if mark in "[{":
            self.closes = "]" if mark == "[" else "}"
            if mark == "[":
                self.begin()
        elif mark == self.closes:
            self.closes = ""
        elif mark == "-":
            self.tied |= {self.last: self.sounding[self.last]} if self.closes and self.last in self.sounding else self.sounding

    def bar(self, bar: str) -> str:
        self.in_bar, self.closes = {}, ""
        return ":||:" if re.fullmatch(r":+\|*:+", bar) else bar  # of `A::` music21 makes a field

    def key(self, value: str) -> None:
        self.of_key, self.in_bar = _of_key(value), {}


def with_every_accidental(text: str) -> str:
    """The same tunes, as ABC in which no accidental holds longer than for its note."""
    found = _REACH.search(text)
    text = re.sub(r"^%abc-", "% abc ", text)  # else music21 would carry once more
    return "".join(_tune(tune, found[1] if found else "pitch") for tune in re.split(r"^(?=X:)", text, flags=re.MULTILINE))


def _tune(text: str, reach: str) -> str:
    """Its voices one after the other: music21 begins a part at every V:."""
    key = _KEY_LINE.search(text)
    if key is None:
        return text
    head, voices = text[: key.end()], {"": _Voice(reach, _of_key(key[1]))}
    voice = voices[""]
    for match in _TOKEN.finditer(text, key.end()):
        letter, value = _field(match)
        if letter == "V":
            name = value.split()[0] if value.split() else ""
            voice = voices.setdefault(name, _Voice(reach, _of_key(key[1]), text=[f"V:{value}\n"]))
        else:
            voice.text.append(_written(voice, match, letter, value))
    again = "".join(f"{line}\n" for line in re.findall(r"^[LMK]:.*", head, re.MULTILINE))  # a voice before may have changed them
    bodies = [voice.text if place < 2 else [voice.text[0], again, *voice.text[1:]] for place, voice in enumerate(voices.values())]
    return head + "\n".join("".join(body) for body in bodies if body)


def _field(match: re.Match[str]) -> tuple[str, str]:
    """Letter and value of a field, on a line of its own or within one; else two empty words."""
    line = match["line"] or (match["inline"] or "")[1:-1]
    letter, _, value = line.partition(":")
    return letter, value.partition("%")[0].strip()


def _written(voice: _Voice, match: re.Match[str], letter: str, value: str) -> str:
    if letter == "K":
        voice.key(value)
    if match["inline"]:
        return f"\n{letter}:{value}\n" if letter in "KLMQ" else ""
    if match["letter"]:
        return voice.sign(match["sign"] or "", match["letter"], match["octaves"]) + match["letter"] + match["octaves"]
    if match["bar"]:
        return voice.bar(match["bar"])
    if match["other"] == "H":  # music21 would pass over its note too
        return ""
    if match["other"] == "x":  # a rest that is not seen, which music21 would pass over
        return "z"
    if match["other"]:
        voice.mark(match["other"])
    return "" if match["old"] else match[0]


def _of_key(value: str) -> dict[str, str]:
    """`K:D =c`, `K:D exp _b ^f`, and the pipes' `K:HP`."""
    words = value.partition("%")[0].split()
    signs = dict.fromkeys("ABCDEFG", "=") if "exp" in words else {"F": "^", "C": "^"} if words[:1] in (["HP"], ["Hp"]) else {}
    return signs | {letter.upper(): sign for sign, letter in _SIGNED.findall(" ".join(words))}
