"""The options that say how music sounds, in MIDI and in sound, of every command that writes chorales."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

SoundOption = Annotated[
    str | None,
    typer.Option(
        metavar="<str>",
        help="What plays in MIDI and sound: choir, organ, strings, brass, piano, woodwinds, oboe, ..., or one a voice: 'oboe, choir'.",
    ),
]
SoundfontOption = Annotated[Path | None, typer.Option(metavar="FILE", help="A soundfont of your own for sound: .sf2 or .sf3.")]

PLAYING: Mapping[str, tuple[Any, Any]] = {
    "sound": (SoundOption, None),
    "soundfont": (SoundfontOption, None),
    "performance": (
        Annotated[bool, typer.Option("--performance", help="MIDI and sound as people play: phrases, breath, a ritardando, balance.")],
        False,
    ),
    "per_voice": (
        Annotated[bool, typer.Option("--per-voice", help="MIDI and sound of each voice too, as x-soprano.mid beside x.mid.")],
        False,
    ),
}


def playing(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an `Edition` that they stand for."""
    from musicgen.rendering.performance import Performance

    return {
        "sound": options["sound"],
        "soundfont": options["soundfont"],
        "performance": Performance() if options["performance"] else None,
        "per_voice": options["per_voice"],
    }
