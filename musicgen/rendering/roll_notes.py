"""The notes of a piano roll: the rows of a panel, the boxes that notes are, the lines that join a voice's notes, its label, drums.

All lengths are millimetres.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from musicgen.music.pitch import pitch_name
from musicgen.rendering.canvas import GRAY, INK, TEXT, Canvas, spread
from musicgen.rendering.roll import Roll, RollNote
from musicgen.rendering.roll_look import THIN, Look, look_of

FULL = 0.86  # of a row, that a note fills
NAME = 3.6  # over a panel that has its voice's name
APART, GAP, LABELS = 0.25, 2.4, 2.2  # between notes; between labels of voices, of pitches


@dataclass(frozen=True)
class Panel:
    """The rows of some voices, from the highest pitch down; of drums the sounds that they have."""

    roll: Roll
    voices: tuple[int, ...]
    rows: tuple[int, ...]
    row: float
    named: bool

    @property
    def is_drum(self) -> bool:
        return self.roll.voices[self.voices[0]].is_drum

    @property
    def height(self) -> float:
        return self.row * len(self.rows) + (NAME if self.named else 0)

    @cached_property
    def names(self) -> dict[int, str]:
        """What is written beside rows: the tonic triad, or its tonic and fifth where rows are low; of drums every row."""
        if self.is_drum:
            return {pitch: drum_name(pitch) for pitch in self.rows}
        key = self.roll.key
        steps = (0, 3 if key.mode == "minor" else 4, 7) if 3 * self.row >= LABELS else (0, 7)
        return {pitch: with_signs(pitch_name(pitch, key)) for pitch in self.rows if (pitch - key.tonic) % 12 in steps}

    def y(self, pitch: int) -> float:
        """Where its row begins, from the top of the panel."""
        return self.row * self.rows.index(pitch) + (NAME if self.named else 0)


@dataclass(frozen=True)
class Frame:
    """The stretch of time [start, end) that a line shows, from x on."""

    canvas: Canvas
    start: float
    end: float
    left: float
    quarter: float

    def x(self, time: float) -> float:
        return self.left + (time - self.start) * self.quarter

    @property
    def right(self) -> float:
        return self.x(self.end)


def draw_notes(frame: Frame, look: Look, panel: Panel, notes: Sequence[RollNote], top: float) -> None:
    if panel.is_drum:
        return _drums(frame, panel, notes, top)
    singles = [voice for voice in panel.voices if panel.roll.voices[voice].is_single]
    for voice in singles:
        _joints(frame, panel, voice, [note for note in notes if note.voice == voice], look.shades is not None, top)
    boxes = boxes_of(frame, panel, notes, top)
    by_face: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    for note, box in zip(notes, boxes, strict=True):
        by_face[face_of(note, look)].append(box)
    for face, some in by_face.items():
        frame.canvas.boxes(some, face, INK, 0.4)
    for note, (x, y, width, height) in zip(notes, boxes, strict=True):
        if note.is_marked:
            frame.canvas.boxes([(x - 0.5, y - 0.5, width + 1, height + 1)], "none", INK, 1.3)
    if len(panel.voices) > 1:
        _voice_labels(frame, panel, notes, top)


def face_of(note: RollNote, look: Look) -> str:
    if look.shades is None:
        return look_of(note.voice).color
    if note.value is None:
        return "#ffffff" if note.is_marked else GRAY
    return look.shades.color(note.value)


def boxes_of(frame: Frame, panel: Panel, notes: Sequence[RollNote], top: float) -> list[tuple[float, float, float, float]]:
    """(x, y, width, height) of each note; voices in unison share the row; given notes are thin."""
    boxes = []
    for note, (turn, count) in zip(notes, _shares(notes), strict=True):
        room = FULL * panel.row / count
        height = room * (THIN if note.is_given else 1)
        y = top + panel.y(note.pitch) + (1 - FULL) * panel.row / 2 + room * turn + (room - height) / 2
        width = frame.x(note.end) - frame.x(note.start)
        boxes.append((frame.x(note.start) + APART / 2, y, max(width - APART, 0.3), height))
    return boxes


def _shares(notes: Sequence[RollNote]) -> list[tuple[int, int]]:
    """Of each note, its turn among the voices that sound its pitch at a time with it, and how many these are."""
    by_pitch: dict[int, list[RollNote]] = defaultdict(list)
    for note in notes:
        by_pitch[note.pitch].append(note)
    shares = []
    for note in notes:
        voices = sorted({other.voice for other in by_pitch[note.pitch] if other.start < note.end and other.end > note.start})
        shares.append((voices.index(note.voice), len(voices)))
    return shares


def _joints(frame: Frame, panel: Panel, voice: int, notes: Sequence[RollNote], shaded: bool, top: float) -> None:
    """Thin lines from the end of each note to the next of its voice, where none is between."""
    own = look_of(voice)
    middle = panel.row / 2
    joints = [
        [(frame.x(after.start), top + panel.y(note.pitch) + middle), (frame.x(after.start), top + panel.y(after.pitch) + middle)]
        for note, after in pairwise(notes)
        if note.end == after.start and note.pitch != after.pitch
    ]
    frame.canvas.lines(joints, GRAY if shaded else own.color, 0.9, own.dashes)


def _voice_labels(frame: Frame, panel: Panel, notes: Sequence[RollNote], top: float) -> None:
    """Each voice's label beside its last note."""
    last = {note.voice: note for note in notes}
    ends = {voice: top + panel.y(note.pitch) + panel.row / 2 for voice, note in last.items()}
    for voice, y in zip(ends, spread([*ends.values()], GAP), strict=True):
        frame.canvas.text(frame.right + 1, y, panel.roll.voices[voice].label, TEXT, INK)


def _drums(frame: Frame, panel: Panel, notes: Sequence[RollNote], top: float) -> None:
    """A stroke is a diamond where it falls; how long a drum is written means nothing."""
    size = min(0.36 * panel.row, 0.11 * frame.quarter)
    centers = [(frame.x(note.start), top + panel.y(note.pitch) + panel.row / 2) for note in notes]
    frame.canvas.shapes([[(x, y - size), (x + size, y), (x, y + size), (x - size, y)] for x, y in centers], INK)


def drum_name(pitch: int) -> str:
    """What General MIDI calls it, `Acoustic Snare`; else its number."""
    from pretty_midi import note_number_to_drum_name

    return str(note_number_to_drum_name(pitch) or pitch)


def with_signs(name: str) -> str:
    """`F♯4` for F#4."""
    return name[0] + name[1:].replace("#", "♯").replace("b", "♭")
