"""Each voice of a score by itself, under a name that says whose it is: `x-soprano.mid` beside `x.mid`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from musicgen.music.ensemble import unlike
from musicgen.music.score import Part, Score


def voice_files(score: Score, path: Path) -> dict[Path, Score]:
    """A score of one part for each that has notes, all as long as the whole."""
    voices = [part for part in score.parts if part.notes]
    end = max(score.end, score.written_end)
    return {
        path.with_name(f"{path.stem}-{name}{path.suffix}"): replace(score, parts=(part,), written_end=end)
        for name, part in zip(voice_names(voices), voices, strict=True)
    }


def voice_names(parts: Sequence[Part]) -> list[str]:
    """For file names, all different: `soprano`, `trumpet-1-in-bb`, `voice-3` where a part has no name."""
    words = ["-".join(re.findall(r"\w+", part.name.lower()))[:40] or f"voice-{number}" for number, part in enumerate(parts, 1)]
    return [name.replace(" ", "-") for name in unlike(words)]
