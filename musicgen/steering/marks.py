"""What a composer has marked in the score itself: notes and rests pinned or free by their color, pins in parts of their own.

Shapes: V voices, T steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm

import numpy as np

from musicgen.errors import ConfigError, NotationError
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, VOICES, BoolArray, Chorale, runs
from musicgen.music.colors import color_name, is_color, shade, wanted_color
from musicgen.music.convert import grid_lines, nearest_step
from musicgen.music.pitch import pitch_name
from musicgen.music.region import Region, kept_pieces, voice_lines, with_free
from musicgen.music.resolution import rescaled
from musicgen.music.score import ColoredRest, Note, Part, Score, counted
from musicgen.music.separate import Line, greatest_chord, part_names, voice_of
from musicgen.steering.pins import pinned_line, without_pins

_MOST_SPANS = 4  # of a voice, told one by one


@dataclass(frozen=True)
class _Colors:
    """`red`, which is all its shades, or `#ff0000`; None where a color says nothing."""

    pinned: str | None
    free: str | None

    def pins(self, color: str | None) -> bool:
        return self.pinned is not None and is_color(color, self.pinned)

    def frees(self, color: str | None) -> bool:
        """What has the free color; without one, what is not pinned."""
        if self.free is not None:
            return is_color(color, self.free)
        return self.pinned is not None and not self.pins(color)


def marked_region(score: Score, pinned_color: str | None = None, free_color: str | None = None, pin_part: str | None = None) -> Region:
    """The region that the marks of a score leave free, for `Sketch(region.chorale, region.free)` and `with_region`.

    free_color: notes and rests of that color are free, `blue` in all its shades, `#0000ff` as it is; all else stays. pinned_color: notes
    and rests of that color stay, all else is free; rests too, and bars of rests after the last note. Both: the free color is free, all
    else stays. A part whose name begins with Pins (or with `pin_part`) and names a voice, `Pins bass`, is no part of the piece: its notes
    are that voice's, which is free around them, but for notes of its own that have the pinned color. Where there are pins, voices that
    the score lacks are free altogether, if its parts are named Soprano, Alto, Tenor or Bass. A mark that cannot be followed is refused.
    """
    colors = _Colors(*(None if color is None else wanted_color(color) for color in (pinned_color, free_color)))
    source, pins = without_pins(rescaled(score, lcm(score.ticks_per_quarter, STEPS_PER_QUARTER)), pin_part)
    if pinned_color is free_color is None and not pins:
        raise ConfigError(
            "nothing is marked; name the color of the pinned or of the free notes, or add a part that is named like Pins bass"
        )
    _check_colors(source, colors, [color for color in (pinned_color, free_color) if color is not None])
    end = _end(source, pins.values(), colors)
    source, staves, added = _with_all_voices(source, may_add=colors.free is None or bool(pins))
    found, said = voice_lines(source, parts=staves)
    lines = tuple(_with_pins(source, line, pins, colors) for line in found)
    conversion = grid_lines(source, lines)
    chorale = _lengthened(conversion.chorale, nearest_step(source, end))
    free = np.array([_free_steps(source, chorale, line, line.name in {*pins, *added}, colors) for line in lines])
    if not free.any():
        raise NotationError(f"nothing is left free; {_colors_used(source)}")
    report = (*_new_voices(pins, added), *said)
    region = with_free(Region(source, lines, chorale, np.zeros_like(free), report, conversion.report), free, _task(chorale, free))
    _check_kept(region, set(pins), colors)
    return region


def colored(before: Score, after: Score, color: str) -> Score:
    """`after` with its new notes in a color (`red`, `#ff0000`): those that the part of that name in `before` does not have, as long."""
    known = {part.name: set(_sounding(before, [each for each in before.parts if each.name == part.name])) for part in before.parts}
    everywhere, paint = set(_sounding(before, before.parts)), shade(color)

    def painted(part: Part) -> Part:
        old = known.get(part.name, everywhere)
        is_new = [moment not in old for moment in _sounding(after, [part])]
        return replace(part, notes=tuple(replace(note, color=paint) if new else note for note, new in zip(part.notes, is_new, strict=True)))

    return replace(after, parts=tuple(map(painted, after.parts)))


def _sounding(score: Score, parts: Sequence[Part]) -> Iterator[tuple[Fraction, Fraction, int]]:
    """Start and length in quarters, and pitch, of every note."""
    quarter = score.ticks_per_quarter
    return ((Fraction(note.start, quarter), Fraction(note.duration, quarter), note.pitch) for part in parts for note in part.notes)


# --- the colors of a score


def _marked(score: Score) -> Iterator[tuple[Part, Note | ColoredRest]]:
    for part in score.parts:
        yield from ((part, note) for note in part.notes if note.color is not None)
        yield from ((part, rest) for rest in part.colored_rests)


def _colors_used(score: Score) -> str:
    """`the score's colors are #ff0000 red (12 notes, 1 rest), ...`."""
    notes = Counter(str(mark.color) for _, mark in _marked(score) if isinstance(mark, Note))
    rests = Counter(str(mark.color) for _, mark in _marked(score) if isinstance(mark, ColoredRest))
    if not notes and not rests:
        return (
            "no note of the score has a color; give it one in your notation program, and save MusicXML, which holds colors (MIDI does not)"
        )
    found = []
    for color in dict.fromkeys([*notes, *rests]):
        counts = [counted(kind[color], what) for kind, what in ((notes, "note"), (rests, "rest")) if kind[color]]
        found.append(f"{color} {color_name(color)} ({', '.join(counts)})")
    return f"the score's colors are {', '.join(found)}"


def _check_colors(score: Score, colors: _Colors, asked: Sequence[str]) -> None:
    """Refuses a color that nothing has, and a note that is pinned and free at once."""
    for color in asked:
        if not any(is_color(mark.color, wanted_color(color)) for _, mark in _marked(score)):
            raise NotationError(f"no note or rest is {color}; {_colors_used(score)}")
    if colors.free is None:
        return
    for part, mark in _marked(score):
        if colors.pins(mark.color) and colors.frees(mark.color):
            what = mark.spelling or pitch_name(mark.pitch) if isinstance(mark, Note) else "a rest"
            reason = f"{what}, {mark.color}, is pinned as {colors.pinned} and free as {colors.free}; choose two colors that differ"
            raise NotationError(reason, voice=part.name, place=score.place(mark.start))


# --- the voices


def _end(score: Score, pins: Iterable[Part], colors: _Colors) -> int:
    """Tick where the piece ends; bars of rests at its end belong to it where all is free that is not pinned."""
    rests = [rest.end for part in score.parts for rest in part.colored_rests]
    end = max([score.end, *rests, *(part.end for part in pins)])
    return max(end, score.written_end) if colors.frees(None) and score.written_end > score.bar_starts(end)[-1] else end


def _with_all_voices(score: Score, may_add: bool) -> tuple[Score, list[int] | None, list[str]]:
    """The score with a part for each voice, the parts that are the voices (None: to be found), and the voices that were added."""
    staves = [index for index, part in enumerate(score.parts) if not part.is_drum and (greatest_chord(part) or part.colored_rests)]
    named = {voice_of(score.parts[index].name): index for index in staves}
    if len(staves) >= len(VOICES):
        has_empty = len(staves) == len(VOICES) and not all(greatest_chord(score.parts[index]) for index in staves)
        ordered = [named[voice] for voice in VOICES] if set(named) == set(VOICES) else staves
        return score, ordered if has_empty else None, []
    if not may_add or sum(max(1, greatest_chord(score.parts[index])) for index in staves) >= len(VOICES):
        return score, None, []
    if "" in named or len(named) < len(staves):
        raise NotationError(f"which voices these are is not said: {part_names(score)}; name the parts Soprano, Alto, Tenor or Bass")
    added = [voice for voice in VOICES if voice not in named]
    program = score.parts[staves[0]].program if staves else 52
    choir = [score.parts[named[voice]] if voice in named else Part(voice.capitalize(), (), program) for voice in VOICES]
    others = [part for index, part in enumerate(score.parts) if index not in staves]
    return replace(score, parts=(*choir, *others)), list(range(len(VOICES))), added


def _with_pins(score: Score, line: Line, pins: dict[str, Part], colors: _Colors) -> Line:
    if line.name not in pins:
        return line
    return pinned_line(score, line, pins[line.name], [note for note in line.notes if colors.pins(note.color)])


def _lengthened(chorale: Chorale, steps: int) -> Chorale:
    """With rests up to `steps`."""
    more = max(0, steps - chorale.steps)
    pitch = np.pad(chorale.pitch, ((0, 0), (0, more)), constant_values=REST)
    onset = np.pad(chorale.onset, ((0, 0), (0, more)))
    if more:
        onset[:, chorale.steps] = chorale.pitch[:, -1] != REST
    return chorale.replaced(pitch=pitch, onset=onset, fermata=np.pad(chorale.fermata, (0, more)))


def _free_steps(score: Score, chorale: Chorale, line: Line, is_new: bool, colors: _Colors) -> BoolArray:
    """(T,) of one voice. `is_new`: its notes are all pinned, and it is free around them."""
    voice, part = VOICES.index(line.name), score.parts[line.part]
    kept = {nearest_step(score, note.start) for note in line.notes if note.duration and (is_new or not colors.frees(note.color))}
    free = np.zeros(chorale.steps, dtype=bool)
    for note in chorale.notes(voice):
        free[note.start : note.end] = note.start not in kept if note.pitch != REST else is_new or colors.frees(None)
    resting = chorale.pitch[voice] == REST
    for rest in part.colored_rests:
        span = slice(nearest_step(score, rest.start), nearest_step(score, rest.end))
        frees = not colors.pins(rest.color) if is_new else colors.frees(rest.color)
        free[span] = np.where(resting[span], frees, free[span])
    return free


def _check_kept(region: Region, pinned_voices: set[str], colors: _Colors) -> None:
    """Refuses a pinned note that could not be written as it is."""
    for voice, line in enumerate(region.lines):
        kept = {piece for note, piece in kept_pieces(region, voice, line.notes) if piece == note}
        for note in line.notes:
            if (line.name in pinned_voices or colors.pins(note.color)) and note not in kept:
                name = note.spelling or pitch_name(note.pitch)
                reason = f"{name} is pinned, but shares a sixteenth, the shortest value here, with what is free; pin that as well"
                raise NotationError(reason, voice=line.name, place=region.score.place(note.start))


# --- what is said of it


def _task(chorale: Chorale, free: BoolArray) -> str:
    """`rewritten, as marked: all of the alto; tenor from bar 1 beat 1 up to bar 2 beat 1`."""
    told = [_told(chorale, name, free[voice]) for voice, name in enumerate(VOICES) if free[voice].any()]
    return f"rewritten, as marked: {'; '.join(told)}"


def _told(chorale: Chorale, name: str, free: BoolArray) -> str:
    if free.all():
        return f"all of the {name}"
    spans = runs(free)
    places = [
        f"{chorale.place(start)} up to {chorale.place(end) if end < chorale.steps else 'the end'}" for start, end in spans[:_MOST_SPANS]
    ]
    more = [f"and {counted(len(spans) - _MOST_SPANS, 'other place')}"] if len(spans) > _MOST_SPANS else []
    return f"{name} from {', '.join([*places, *more])}"


def _new_voices(pins: dict[str, Part], added: Sequence[str]) -> Iterator[str]:
    for voice, part in pins.items():
        yield f"{part.name} is no part of the piece: its {counted(len(part.notes), 'note')} stand in the {voice}, which is new around them"
    yield from (f"the score has no {voice}: it is added" for voice in added if voice not in pins)
