"""What plays each voice, by a word: `organ`, `strings`, `oboe`, or one for each voice, `flute, oboe, clarinet, bassoon`; as programs.

Programs are General MIDI's, counted from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from musicgen.errors import ConfigError, nearest
from musicgen.music.choirs import CHOIRS
from musicgen.music.instruments import CHOIR, find_instrument
from musicgen.music.score import Part

_GROUPS: dict[str, tuple[int, ...]] = {
    "choir": (CHOIR,),
    "organ": (19,),
    "piano": (0,),
    "woodwinds": (73, 68, 71, 70),
    **{choir.name: tuple(singer.program for singer in choir.singers) for choir in CHOIRS if choir.singers[0].program != CHOIR},
}
SOUNDS = tuple(sorted(_GROUPS))


def programs_for(sound: str, voices: int) -> tuple[int, ...]:
    """Of each voice from the top. Groups of four are spread over fewer or more voices; of a list the last goes on."""
    words = [word.strip() for word in sound.split(",")]
    if len(words) > 1:
        return tuple(_programs(words[min(voice, len(words) - 1)])[0] for voice in range(voices))
    group = _programs(words[0])
    return tuple(group[round(voice * (len(group) - 1) / max(1, voices - 1))] for voice in range(voices))


def with_sound(parts: Sequence[Part], sound: str) -> tuple[Part, ...]:
    """Parts that the sound plays; drums stay."""
    programs = iter(programs_for(sound, sum(not part.is_drum for part in parts)))
    return tuple(part if part.is_drum else replace(part, program=next(programs)) for part in parts)


def _programs(word: str) -> tuple[int, ...]:
    if group := _GROUPS.get(word.casefold()):
        return group
    if word.isdecimal() and int(word) < 128:
        return (int(word),)
    if (instrument := find_instrument(word)) is None:
        raise ConfigError(f"no sound named {word!r}, nor an instrument, nor a General MIDI program from 0 to 127; {nearest(word, SOUNDS)}")
    return (instrument.program,)
