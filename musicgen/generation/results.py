"""What was drawn as what a user gets: notes of the tokens to notes in ticks, a new score, a file with some notes exchanged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from musicgen.files.midi import score_of_midi
from musicgen.files.midi_splice import MidiSource, Span, fitted, spliced
from musicgen.generation.timeline import Timeline
from musicgen.generation.tracks import label_of_slot
from musicgen.music.score import Meter, MeterAt, Note, Part, Score, TempoAt, counted
from musicgen.rendering.export import check_exports
from musicgen.rendering.midi_export import export_midi
from musicgen.sampling.event_steering import DrawnNote
from musicgen.tokenizers.event_tracks import TrackLabel

Lines = Sequence[Sequence[Note]]  # the notes of each track
USUAL_TEMPO = 120


@dataclass(frozen=True)
class Generated:
    """A whole MIDI file made from a seed, and what there is to say of it."""

    seed: int
    midi: bytes
    remarks: tuple[str, ...] = ()

    @property
    def score(self) -> Score:
        """Without notes there is none: a NotationError."""
        return score_of_midi(self.midi)

    def write(self, path: str | PathLike[str]) -> list[Path]:
        """To any file that its suffix names: .mid, .musicxml, .svg, .wav, ...; a picture has a file a page."""
        check_exports([Path(path)])
        return export_midi(self.midi, lambda: self.score, [Path(path)])


def in_ticks(drawn: DrawnNote, timeline: Timeline, region: Sequence[int]) -> Note:
    """A note of the plan's bar `drawn.bar`, which is token bar `region[drawn.bar]`."""
    bar = timeline.bars[region[drawn.bar]]
    return Note(timeline.tick(bar, drawn.position), max(1, round(drawn.length * timeline.step(bar))), drawn.pitch, drawn.velocity)


def notes_by_line(
    drawn: Sequence[DrawnNote], timeline: Timeline, region: Sequence[int], labels: Sequence[TrackLabel], kept: Lines
) -> list[list[Note]]:
    """For each line its new notes. Of lines that share a slot, as drums do, a pitch goes to the one that has it most often."""
    lines: dict[int, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        lines[label.slot].append(index)
    counts = [Counter(note.pitch for note in notes) for notes in kept]
    found: list[list[Note]] = [[] for _ in labels]
    for each in drawn:
        line = max(lines[each.slot], key=lambda index: counts[index][each.pitch])
        found[line].append(in_ticks(each, timeline, region))
    return found


def new_score(drawn: Sequence[DrawnNote], timeline: Timeline, labels: Sequence[TrackLabel], meter: Meter, tempo: float) -> Score:
    """A piece of its own; without labels a track for each slot that sounds. Notes end with the last bar."""
    labels = labels or [label_of_slot(slot) for slot in sorted({note.slot for note in drawn}, key=lambda slot: (slot < 0, slot))]
    found = notes_by_line(drawn, timeline, range(len(timeline.bars)), labels, [()] * len(labels))
    end = timeline.bars[-1].end
    parts = [
        Part(label.name, tuple(fitted(notes, (), end)[0]), label.program, label.is_drum) for label, notes in zip(labels, found, strict=True)
    ]
    return Score(tuple(parts), timeline.ticks_per_quarter, (MeterAt(0, meter),), (), (TempoAt(0, tempo),))


def with_exchanged(
    seed: int, source: MidiSource, spans: Sequence[Span], fresh: Mapping[int, Sequence[Note]], kept: Lines, added: Sequence[Part], end: int
) -> Generated:
    """The source with the notes of some lines exchanged in `spans`; `end`: where its tracks end at the earliest."""
    new: dict[int, list[Note]] = {}
    changed = 0
    for index, notes in fresh.items():
        new[index], cut = fitted_in(spans, notes, kept[index])
        changed += cut
    parts = [replace(part, notes=tuple(fitted_in(spans, part.notes, ())[0])) for part in added]
    remarks = [f"{counted(changed, 'new note')} cut or left out, where the region ends or the pitch sounds already."] if changed else []
    return Generated(seed, spliced(source, spans, new, parts, end), tuple(remarks))


def fitted_in(spans: Sequence[Span], notes: Sequence[Note], kept: Sequence[Note]) -> tuple[list[Note], int]:
    """New notes, each ending in the span in which it begins, and how many were changed."""
    found: list[Note] = []
    changed = 0
    for start, end in spans:
        inside, cut = fitted([note for note in notes if start <= note.start < end], kept, end)
        found += inside
        changed += cut
    return found, changed


def outside(notes: Sequence[Note], spans: Sequence[Span]) -> list[Note]:
    """Notes that begin in none of the spans."""
    return [note for note in notes if not any(start <= note.start < end for start, end in spans)]
