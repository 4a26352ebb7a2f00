"""Tracks as a user names them, `0,33,drums` or `Bass:33`, and what General MIDI calls their programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from musicgen.errors import ConfigError
from musicgen.music.score import Part
from musicgen.tokenizers.event_tracks import DRUMS, TrackLabel, label_tracks

DRUM_WORDS = ("drums", "drum")
_ALLOWED = "programs are General MIDI numbers from 0 to 127, or drums"


def program_name(program: int) -> str:
    """`Electric Bass (finger)` for 33."""
    from pretty_midi import program_to_instrument_name

    return str(program_to_instrument_name(program))


def parse_programs(text: str) -> list[TrackLabel]:
    """`0,33,drums`: a track for each, named as General MIDI does; of two alike the second is called `... 2`."""
    words = [word.strip() for word in text.split(",")]
    parsed = [(word, *_program(word, f"programs {text!r}")) for word in words]
    if sum(is_drum for _, _, is_drum in parsed) > 1:
        raise ConfigError(f"programs {text!r}: drums are one track; name them once")
    counts: Counter[str] = Counter()
    named = []
    for _, program, is_drum in parsed:
        name = "Drums" if is_drum else program_name(program)
        counts[name] += 1
        named.append((f"{name} {counts[name]}" if counts[name] > 1 else name, program, is_drum))
    return label_tracks(named)


def parse_track(text: str) -> Part:
    """`Bass:33` or `Kit:drums`: a track without notes."""
    name, colon, program = text.rpartition(":")
    if not colon or not name.strip():
        raise ConfigError(f"{text!r} is no track to add; write name and program like Bass:33 or Kit:drums")
    number, is_drum = _program(program.strip(), f"the track {text!r}")
    return Part(name.strip(), (), number, is_drum)


def _program(word: str, where: str) -> tuple[int, bool]:
    if word.lower() in DRUM_WORDS:
        return 0, True
    if not (word.isascii() and word.isdigit()) or int(word) > 127:
        raise ConfigError(f"{where}: {word!r} is no program; {_ALLOWED}")
    return int(word), False


def labels_of(parts: Sequence[Part]) -> list[TrackLabel]:
    """The slots of these tracks."""
    return label_tracks([(part.name, part.program, part.is_drum) for part in parts])


def label_of_slot(slot: int) -> TrackLabel:
    """Of a track that the model chose itself."""
    return TrackLabel("Drums", 0, True, DRUMS) if slot == DRUMS else TrackLabel(program_name(slot), slot, False, slot)
