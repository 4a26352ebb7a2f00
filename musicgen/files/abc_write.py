"""A Score as ABC 2.1: a voice for each line of the music, whole, one after the other; notes as they sound.

Programs differ in how far an accidental reaches, to the octave or beyond it: one is written wherever any of them would err.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby, pairwise

from musicgen.files.abc_text import encoded, quoted, syllable
from musicgen.files.musicxml_write import Layout, laid_out
from musicgen.files.notation import Bar, Event
from musicgen.files.page import Line, Page, Staff
from musicgen.files.plain_writing import CLEFS, Sung, at_concert_pitch, hidden_rests, sung, verses, written_quarters
from musicgen.music.pitch import Key, Spelling
from musicgen.music.score import Clef, Note, Score

BARS_IN_A_LINE = 4
_UNIT = Fraction(1, 2)  # L:1/8
_SIGN = {-3: "___", -2: "__", -1: "_", 0: "=", 1: "^", 2: "^^", 3: "^^^"}
_CLEFS = CLEFS | {"F3": "baritone"}


@dataclass
class Voice:
    """One line of a staff; `number` is what ABC calls it. `altered`: the signs of the bar so far, by letter and octave."""

    number: int
    page: Page
    line: Line
    index: int
    altered: dict[tuple[str, int], int] = field(default_factory=dict)
    key: Key = field(default_factory=Key)


def abc_bytes(score: Score, layout: Layout = "open") -> bytes:
    """Raises NotationError with part, bar and beat where no note value fits."""
    score, bars, staves = laid_out(at_concert_pitch(score), layout)
    voices: list[Voice] = []
    for number, staff in enumerate(staves):
        page = Page(score, staff, f"P{number + 1}")
        voices += [Voice(len(voices) + 1 + index, page, line, index) for index, line in enumerate(staff.lines)]
    lines = [*_header(score, staves, voices, bars), *(line for voice in voices for line in _body(voice, bars))]
    return "\n".join([*lines, ""]).encode()


def _header(score: Score, staves: Sequence[Staff], voices: Sequence[Voice], bars: Sequence[Bar]) -> list[str]:
    tempo = [f"Q:1/4={change.quarters_per_minute:g}" for change in score.tempos[:1] if change.start == 0]
    groups = [[str(voice.number) for voice in voices if voice.page.staff is staff] for staff in staves]
    shown = " ".join(group[0] if len(group) == 1 else f"({' '.join(group)})" for group in groups)
    key = _key(voices[0].page.key_at(0))
    return ["%abc-2.1", "X:1", f"T:{encoded(score.title)}", f"M:{bars[0].meter}", "L:1/8", *tempo, f"%%score [{shown}]", f"K:{key}"]


def _clef(clef: Clef) -> str:
    sign, line, octaves = clef
    if sign == "percussion":
        return "perc"
    return _CLEFS.get(f"{sign}{line}", f"{sign}{line}") + (f"{'-' if octaves < 0 else '+'}8" if octaves else "")


def _name(voice: Voice) -> str:
    """Of a staff that two parts share each has its own name."""
    parts = voice.page.staff.parts
    name = parts[voice.line.part].name if len(parts) > 1 else voice.page.staff.name
    return f" name={quoted(name)}" if voice.line.first else ""


def _key(key: Key) -> str:
    return key.tonic_name + ("m" if key.mode == "minor" else "")


# --- music


def _body(voice: Voice, bars: Sequence[Bar]) -> Iterator[str]:
    """Where a meter or a key changes a new line begins, with both: music21 overlooks one alone, and one that stands within a line."""
    texts = [sung(voice.line, verse) for verse in verses(voice.line)]
    changes = _change_bars(voice.page, bars)
    first = 1 if bars[0].number == 0 else 0  # a pick-up stands before the bars of its line
    starts = sorted({0, *range(first + BARS_IN_A_LINE, len(bars), BARS_IN_A_LINE), *changes})
    yield f"V:{voice.number} clef={_clef(voice.page.staff.clef)}{_name(voice)}"
    for start, end in pairwise([*starts, len(bars)]):
        if start in changes or (changes and start == 0):
            yield from (f"M:{bars[start].meter}", f"K:{_key(voice.page.key_at(bars[start].start))}")
        yield " | ".join(_bar(voice, bars[index], index) for index in range(start, end)) + (" |]" if end == len(bars) else " |")
        yield from (f"w: {_words(text[start:end])}" for text in texts)


def _change_bars(page: Page, bars: Sequence[Bar]) -> list[int]:
    keys = [change.start for change in page.score.keys if change.start]
    return [index for index in range(1, len(bars)) if bars[index].meter != bars[index - 1].meter or bars[index].start in keys]


def _bar(voice: Voice, bar: Bar, index: int) -> str:
    events = voice.line.bars[index]
    voice.altered, voice.key = {}, voice.page.key_at(bar.start)
    hidden, groups = hidden_rests(voice.page.staff, index), _tuplets(events)
    words: list[str] = []
    for event in events:
        before = _changes(voice, bar, event) + _marks(voice, bar, event) + groups.get(event.start, "")
        text = before + _event(voice, event, (voice.index, event.start) in hidden)
        is_beamed = bool(event.beams) and event.beams[0] in ("continue", "end")
        words = [*words[:-1], words[-1] + text] if is_beamed and words else [*words, text]
    return " ".join(words)


def _tuplets(events: Sequence[Event]) -> dict[Fraction, str]:
    """Where one begins: `(3:2:4` are three notes in the time of two, written as four events."""
    groups = {}
    for tuplet, members in groupby(events, key=lambda event: event.tuplet):
        if tuplet is not None:
            groups[tuplet.start] = f"({tuplet.actual}:{tuplet.normal}:{len(list(members))}"
    return groups


def _tick(voice: Voice, bar: Bar, position: Fraction) -> int:
    return bar.start + voice.page.ticks(position - bar.lead)


def _changes(voice: Voice, bar: Bar, event: Event) -> str:
    """Keys within a bar and tempos that begin with this event; a tempo stands in the first voice alone."""
    start, end, score = _tick(voice, bar, event.start), _tick(voice, bar, event.end), voice.page.score
    said = ""
    if start > bar.start and start in [change.start for change in score.keys]:
        voice.key, voice.altered = voice.page.key_at(start), {}
        said += f"[K:{_key(voice.key)}]"
    tempos = [change for change in score.tempos if change.start and start <= change.start < end] if voice.number == 1 else []
    return said + "".join(f"[Q:1/4={change.quarters_per_minute:g}]" for change in tempos)


def _marks(voice: Voice, bar: Bar, event: Event) -> str:
    """Words over the first voice and under the last staff, at the event they stand with."""
    start, end, staff = _tick(voice, bar, event.start), _tick(voice, bar, event.end), voice.page.staff
    mine = [mark for mark in staff.marks if start <= mark.start < end and voice.index == (0 if mark.is_above else len(staff.lines) - 1)]
    return "".join(quoted(f"{'^' if mark.is_above else '_'}{mark.text}") for mark in mine)


def _event(voice: Voice, event: Event, hidden: bool) -> str:
    length = _length(written_quarters(event))
    graces = "".join(_pitch(voice, note) for note in event.graces)
    before = ("{/" if len(event.graces) == 1 else "{") + graces + "}" if graces else ""
    if not event.notes:
        return before + ("x" if hidden else "z") + length
    fermata = "!fermata!" if any(note.fermata for note in event.notes) and not event.tied_on else ""
    tie = "-" if event.tied_on else ""
    pitches = "".join(_pitch(voice, note) for note in event.notes)
    return f"{before}{fermata}{pitches if len(event.notes) == 1 else f'[{pitches}]'}{length}{tie}"


def _length(quarters: Fraction) -> str:
    """In eighths: `2`, `3/2`, `/2`."""
    units = quarters / _UNIT
    above = "" if units.numerator == 1 else str(units.numerator)
    return above if units.denominator == 1 else f"{above}/{units.denominator}"


def _pitch(voice: Voice, note: Note) -> str:
    """`C` is middle C, `c` an octave above it."""
    name = voice.page.spelling(note)
    sign = _SIGN[name.alteration] if _needs_sign(voice, name) else ""
    if sign:
        voice.altered[name.letter, name.octave] = name.alteration
    if name.octave >= 5:
        return sign + name.letter.lower() + "'" * (name.octave - 5)
    return sign + name.letter + "," * (4 - name.octave)


def _needs_sign(voice: Voice, name: Spelling) -> bool:
    """Unless the signature says it and no sign of this bar anything else, or the only sign of its letter is its own."""
    held: Mapping[tuple[str, int], int] = {place: sign for place, sign in voice.altered.items() if place[0] == name.letter}
    if not held:
        return voice.key.alteration(name.letter) != name.alteration
    return held != {(name.letter, name.octave): name.alteration}


# --- words


def _words(bars: Sequence[Sequence[Sung | None]]) -> str:
    return " | ".join(_sung([each for each in bar if each is not None]) for bar in bars)


def _sung(notes: Sequence[Sung]) -> str:
    """Syllables with their hyphens; `*` is a note without one, `_` one that the syllable before is held over."""
    text = ""
    for note in notes:
        if note.lyric is None:
            text = f"{text.rstrip(' ')}_ " if note.is_held else f"{text} * "
            continue
        text += syllable(note.lyric.text) + ("-" if note.lyric.is_joined else " ")
    return " ".join(text.split())
