"""A Score as LilyPond source: one variable for each line of the music, then the score that puts them on staves, for print and for MIDI.

Pitches are absolute, in Dutch names, as LilyPond has them unless told otherwise; transposing instruments are written for their players.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from musicgen.files.lilypond_rows import figures, marks, silence, skip, string
from musicgen.files.musicxml_write import Layout, laid_out
from musicgen.files.notation import Bar, Event
from musicgen.files.page import Line, Page, Staff
from musicgen.files.plain_writing import CLEFS, Sung, hidden_rests, rest_values, sung, verses
from musicgen.music.pitch import Spelling
from musicgen.music.score import Clef, Score
from musicgen.music.transposition import CONCERT

VERSION = "2.24.0"
_ENDINGS = {-3: "eseses", -2: "eses", -1: "es", 0: "", 1: "is", 2: "isis", 3: "isisis"}
_NUMBERS = {"breve": "\\breve", "whole": "1", "half": "2", "quarter": "4", "eighth": "8"}
# LilyPond's names of General MIDI's first eighty programs; the others are played on a piano.
# fmt: off
_INSTRUMENTS = (
    "acoustic grand", "bright acoustic", "electric grand", "honky-tonk", "electric piano 1", "electric piano 2", "harpsichord", "clav",
    "celesta", "glockenspiel", "music box", "vibraphone", "marimba", "xylophone", "tubular bells", "dulcimer", "drawbar organ",
    "percussive organ", "rock organ", "church organ", "reed organ", "accordion", "harmonica", "concertina", "acoustic guitar (nylon)",
    "acoustic guitar (steel)", "electric guitar (jazz)", "electric guitar (clean)", "electric guitar (muted)", "overdriven guitar",
    "distorted guitar", "guitar harmonics", "acoustic bass", "electric bass (finger)", "electric bass (pick)", "fretless bass",
    "slap bass 1", "slap bass 2", "synth bass 1", "synth bass 2", "violin", "viola", "cello", "contrabass", "tremolo strings",
    "pizzicato strings", "orchestral harp", "timpani", "string ensemble 1", "string ensemble 2", "synthstrings 1", "synthstrings 2",
    "choir aahs", "voice oohs", "synth voice", "orchestra hit", "trumpet", "trombone", "tuba", "muted trumpet", "french horn",
    "brass section", "synthbrass 1", "synthbrass 2", "soprano sax", "alto sax", "tenor sax", "baritone sax", "oboe", "english horn",
    "bassoon", "clarinet", "piccolo", "flute", "recorder", "pan flute", "blown bottle", "shakuhachi", "whistle", "ocarina",
)
# fmt: on
_SYLLABLES = "\\set melismaBusyProperties = #'(tieMelismaBusy) "  # else the notes of a beam or a slur had one syllable together
_CLEFS = CLEFS | {"C5": "baritone", "F3": "varbaritone", "F5": "subbass", "G1": "french"}


@dataclass(frozen=True)
class Voice:
    """A line of a staff; `letter` tells its variables from the others. `grace_ticks`: where any voice has grace notes, and how many."""

    letter: str
    page: Page
    line: Line
    index: int
    graces: dict[int, int]


def lilypond_bytes(score: Score, layout: Layout = "open") -> bytes:
    """Raises NotationError with part, bar and beat where no note value fits."""
    score, bars, staves = laid_out(score, layout)
    graces = _grace_ticks(score)
    voices: list[Voice] = []
    for number, staff in enumerate(staves):
        page = Page(score, staff, f"P{number + 1}")
        voices += [Voice(_letters(len(voices) + index), page, line, index, graces) for index, line in enumerate(staff.lines)]
    lines = [*_header(score), *_global(voices[0].page, bars)]
    for voice in voices:
        lines += [*_music(voice, bars), *_texts(voice)]
    return "\n".join([*lines, *_score_block(score, bars, staves, voices), ""]).encode()


def _grace_ticks(score: Score) -> dict[int, int]:
    counts: dict[int, int] = {}
    for part in score.parts:
        for tick, notes in groupby(sorted(note.start for note in part.notes if not note.duration)):
            counts[tick] = max(counts.get(tick, 0), len(list(notes)))
    return counts


def _letters(index: int) -> str:
    """LilyPond's names have no digits."""
    return chr(ord("A") + index % 26) * (1 + index // 26)


# --- what all voices share


def _header(score: Score) -> list[str]:
    return [f'\\version "{VERSION}"', "", "\\header {", f"  title = {string(score.title)}", "  tagline = ##f", "}", ""]


def _global(page: Page, bars: Sequence[Bar]) -> list[str]:
    """Meters, tempos and the bar lines, as silence."""
    lines = []
    for index, bar in enumerate(bars):
        length = Fraction(bar.end - bar.start, page.score.ticks_per_quarter)
        is_short = length != bar.meter.bar_quarters and index < len(bars) - 1
        meter = f"\\time {bar.meter} " if index == 0 or bars[index - 1].meter != bar.meter else ""
        partial = f"\\partial {skip(length)} " if is_short else ""
        lines.append(f"  {meter}{partial}{_tempos_and_skips(page.score, bar)}")
    return ["global = {", *lines, '  \\bar "|."', "}", ""]


def _tempos_and_skips(score: Score, bar: Bar) -> str:
    within = [change for change in score.tempos if bar.start <= change.start < bar.end]
    return silence(score, bar, {change.start: f"\\tempo 4 = {round(change.quarters_per_minute)} @" for change in within})


# --- a voice


def _music(voice: Voice, bars: Sequence[Bar]) -> Iterator[str]:
    yield f"music{voice.letter} = {{"
    yield f"  \\autoBeamOff {_SYLLABLES if voice.line.words else ''}{_clef(voice.page.staff.clef)}"
    for index, bar in enumerate(bars):
        check = "| " if index < len(bars) - 1 else ""  # the last bar may be as much shorter as a pick-up is long
        yield f"  {_bar(voice, bar, index)} {check}% {bar.number}"
    yield from ("}", "")


def _clef(clef: Clef) -> str:
    sign, line, octaves = clef
    if sign == "percussion":
        return "\\clef percussion"
    name = _CLEFS[f"{sign}{line}"]
    return f'\\clef "{name}{"_" if octaves < 0 else "^"}{1 + 7 * abs(octaves)}"' if octaves else f"\\clef {name}"


def _bar(voice: Voice, bar: Bar, index: int) -> str:
    hidden = hidden_rests(voice.page.staff, index)
    words: list[str] = []
    for tuplet, events in groupby(voice.line.bars[index], key=lambda event: event.tuplet):
        inside = [word for event in events for word in _event(voice, bar, event, (voice.index, event.start) in hidden)]
        words += [f"\\tuplet {tuplet.actual}/{tuplet.normal} {{", *inside, "}"] if tuplet else inside
    return " ".join(words)


def _event(voice: Voice, bar: Bar, event: Event, hidden: bool) -> Iterator[str]:
    tick = bar.start + voice.page.ticks(event.start - bar.lead)
    yield from _key(voice, tick)
    yield from _graces(voice, event, tick)
    if not event.notes:
        yield from _rest(voice, bar, event, hidden)
        return
    names = [_pitch(voice.page.spelling(note)) for note in event.notes]
    fermata = "\\fermata" if any(note.fermata for note in event.notes) and not event.tied_on else ""
    tie = "~" if event.tied_on else ""
    yield (names[0] if len(names) == 1 else f"<{' '.join(names)}>") + _value(event) + tie + _beam(event) + _slur(voice, event) + fermata


def _key(voice: Voice, tick: int) -> Iterator[str]:
    """As it is written for the player, and how far that is from what sounds."""
    page = voice.page
    if tick and tick not in [change.start for change in page.score.keys]:
        return
    key, transposition = page.key_at(tick), page.transposition_at(tick)
    if transposition != (page.transposition_at(tick - 1) if tick else CONCERT):
        yield f"\\transposition {_pitch(transposition.reversed().spelling(Spelling('C', 0, 4)))}"
    yield f"\\key {_pitch(Spelling.parse(key.tonic_name + '3'))} \\{key.mode}"


def _graces(voice: Voice, event: Event, tick: int) -> Iterator[str]:
    """Where another voice has grace notes this one waits for them: LilyPond would set bar lines and clefs apart."""
    notes = event.graces
    names = [_pitch(voice.page.spelling(note)) for note in notes]
    missing = voice.graces.get(tick, 0) - len(notes)
    silence = [f"s{'8' if voice.graces[tick] == 1 else f'16*{missing}'}"] if missing > 0 else []
    if len(notes) == 1 and not silence:
        yield f"\\acciaccatura {names[0]}8"
    elif notes or silence:
        beamed = [
            f"{name}16{'[' if len(names) > 1 and place == 0 else ']' if 0 < place == len(names) - 1 else ''}"
            for place, name in enumerate(names)
        ]
        yield f"\\grace {{ {' '.join([*silence, *beamed])} }}"


def _rest(voice: Voice, bar: Bar, event: Event, hidden: bool) -> Iterator[str]:
    if hidden:
        yield f"s{skip(event.end - event.start)}"
    elif event.value is None:
        yield f"R{skip(event.end - event.start)}" if len(rest_values(event, bar)) > 1 else f"R1*{(event.end - event.start) / 4}"
    else:
        yield f"r{_value(event)}"


def _value(event: Event) -> str:
    assert event.value is not None
    name, dots = event.value
    return _NUMBERS.get(name, name.removesuffix("th").removesuffix("nd")) + "." * dots


def _beam(event: Event) -> str:
    return {"begin": "[", "end": "]"}.get(event.beams[0], "") if event.beams else ""


def _slur(voice: Voice, event: Event) -> str:
    """Over the notes that one syllable is sung to."""
    words, start = voice.line.words, event.notes[0].start
    if words is None:
        return ""
    return ")" * (start in words.last and not event.tied_on) + "(" * (start in words.first and not event.tied_from)


def _pitch(name: Spelling) -> str:
    """`c` is the C below middle C, `c'` middle C."""
    return name.letter.lower() + _ENDINGS[name.alteration] + ("'" * (name.octave - 3) if name.octave >= 3 else "," * (3 - name.octave))


# --- words


def _texts(voice: Voice) -> Iterator[str]:
    for verse in verses(voice.line):
        yield f"verse{voice.letter}{_letters(verse - 1)} = \\lyricmode {{"
        for bar in sung(voice.line, verse):
            yield f"  {' '.join(_syllable(said) for said in bar if said is not None)}".rstrip()
        yield from ("}", "")


def _syllable(said: Sung) -> str:
    """`_` passes a note over, `__` draws the line of a syllable that is held."""
    if said.lyric is None:
        return "_"
    return string(said.lyric.text) + (" --" if said.leads else " __" if said.is_held else "")


# --- the score


def _score_block(score: Score, bars: Sequence[Bar], staves: Sequence[Staff], voices: Sequence[Voice]) -> list[str]:
    lines = [line for staff in staves for line in _staff(staff, [voice for voice in voices if voice.page.staff is staff], len(staves))]
    is_sung = any(voice.line.words for voice in voices)
    group = "PianoStaff" if staves[0].is_shared and not is_sung else "ChoirStaff"
    inner = [*marks(score, bars, True), *lines, *figures(score, bars), *marks(score, bars, False)]
    return ["\\score {", f"  \\new {group} <<", *inner, "  >>", "  \\layout { }", "  \\midi { }", "}"]


def _staff(staff: Staff, voices: Sequence[Voice], count: int) -> Iterator[str]:
    names = [part.name for part in staff.parts] if staff.is_shared else [staff.name]
    shown = "\\markup \\column { " + " ".join(map(string, names)) + " }" if staff.is_shared else string(staff.name)
    yield f'    \\new Staff \\with {{ instrumentName = {shown} midiInstrument = "{_instrument(staff.parts[0].program)}" }} <<'
    yield "      \\global"
    for voice in voices:
        yield f'      \\new Voice = "{voice.letter}" {{ {_stems(voice)}\\music{voice.letter} }}'
    yield "    >>"
    for voice in voices:
        for verse in verses(voice.line):
            yield f'    \\new Lyrics \\lyricsto "{voice.letter}" \\verse{voice.letter}{_letters(verse - 1)}'


def _instrument(program: int) -> str:
    return _INSTRUMENTS[program if program < len(_INSTRUMENTS) else 0]


def _stems(voice: Voice) -> str:
    if len(voice.page.staff.lines) == 1:
        return ""
    second = voice.line.part if voice.page.staff.is_shared else voice.index % 2
    return "\\voiceTwo " if second else "\\voiceOne "
