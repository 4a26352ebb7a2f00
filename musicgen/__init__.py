"""musicgen: a composer fills the free cells of a sketch.

    from musicgen import Sketch, find_tune, load_composer, read_score, with_voices, write_score

    tune = find_tune(read_score("tune.musicxml"))
    chorale = load_composer("deepbach").fill(Sketch.for_voices(tune.chorale, keep="S"), seed=1)
    write_score(with_voices(tune, chorale), "harmonized.musicxml")

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musicgen.composers.composer import Composer
    from musicgen.composers.loading import list_composers, load_composer
    from musicgen.composers.methods import register
    from musicgen.composers.plan import Plan, plan_sketch, with_cadences
    from musicgen.corpus.build import build_corpus
    from musicgen.corpus.shards import EventCorpus, load_events
    from musicgen.corpus.store import Corpus, load_corpus
    from musicgen.errors import MusicgenError
    from musicgen.files.io import read_score, write_score
    from musicgen.files.midi import from_pretty_midi, to_pretty_midi
    from musicgen.generation.generator import Chords, Generator
    from musicgen.generation.loading import load_generator
    from musicgen.models.hub import from_pretrained, push_to_hub
    from musicgen.music.chorale import Chorale
    from musicgen.music.convert import to_chorale, to_score
    from musicgen.music.ensemble import Ensemble
    from musicgen.music.pitch import Key
    from musicgen.music.region import find_region, with_region
    from musicgen.music.score import Meter, Note, Part, Score
    from musicgen.music.sketch import Sketch
    from musicgen.music.tune import find_tune, with_voices
    from musicgen.rendering.edition import Edition
    from musicgen.rendering.engraving import write_png, write_svg
    from musicgen.rendering.export import export_score
    from musicgen.rendering.performance import Performance
    from musicgen.sampling.draw import SamplingOptions
    from musicgen.tokenizers.events import EventTokenizer

_HOMES = {
    "Chorale": "musicgen.music.chorale",
    "Chords": "musicgen.generation.generator",
    "Composer": "musicgen.composers.composer",
    "Corpus": "musicgen.corpus.store",
    "Edition": "musicgen.rendering.edition",
    "Ensemble": "musicgen.music.ensemble",
    "EventCorpus": "musicgen.corpus.shards",
    "EventTokenizer": "musicgen.tokenizers.events",
    "Generator": "musicgen.generation.generator",
    "Key": "musicgen.music.pitch",
    "Meter": "musicgen.music.score",
    "MusicgenError": "musicgen.errors",
    "Note": "musicgen.music.score",
    "Part": "musicgen.music.score",
    "Performance": "musicgen.rendering.performance",
    "Plan": "musicgen.composers.plan",
    "SamplingOptions": "musicgen.sampling.draw",
    "Score": "musicgen.music.score",
    "Sketch": "musicgen.music.sketch",
    "build_corpus": "musicgen.corpus.build",
    "export_score": "musicgen.rendering.export",
    "find_region": "musicgen.music.region",
    "find_tune": "musicgen.music.tune",
    "from_pretrained": "musicgen.models.hub",
    "from_pretty_midi": "musicgen.files.midi",
    "list_composers": "musicgen.composers.loading",
    "load_composer": "musicgen.composers.loading",
    "load_corpus": "musicgen.corpus.store",
    "load_events": "musicgen.corpus.shards",
    "load_generator": "musicgen.generation.loading",
    "plan_sketch": "musicgen.composers.plan",
    "push_to_hub": "musicgen.models.hub",
    "read_score": "musicgen.files.io",
    "register": "musicgen.composers.methods",
    "to_chorale": "musicgen.music.convert",
    "to_pretty_midi": "musicgen.files.midi",
    "to_score": "musicgen.music.convert",
    "with_cadences": "musicgen.composers.plan",
    "with_region": "musicgen.music.region",
    "with_voices": "musicgen.music.tune",
    "write_png": "musicgen.rendering.engraving",
    "write_score": "musicgen.files.io",
    "write_svg": "musicgen.rendering.engraving",
}

__all__ = [
    "Chorale",
    "Chords",
    "Composer",
    "Corpus",
    "Edition",
    "Ensemble",
    "EventCorpus",
    "EventTokenizer",
    "Generator",
    "Key",
    "Meter",
    "MusicgenError",
    "Note",
    "Part",
    "Performance",
    "Plan",
    "SamplingOptions",
    "Score",
    "Sketch",
    "build_corpus",
    "export_score",
    "find_region",
    "find_tune",
    "from_pretrained",
    "from_pretty_midi",
    "list_composers",
    "load_composer",
    "load_corpus",
    "load_events",
    "load_generator",
    "plan_sketch",
    "push_to_hub",
    "read_score",
    "register",
    "to_chorale",
    "to_pretty_midi",
    "to_score",
    "with_cadences",
    "with_region",
    "with_voices",
    "write_png",
    "write_score",
    "write_svg",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'musicgen' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
