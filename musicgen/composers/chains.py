"""The chains of contexts that foretell a chorale, and the other settings of a MarkovComposer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from musicgen.composers.contexts import FEATURES, STRIKE_VIEWS, VIEWS
from musicgen.errors import ConfigError
from musicgen.models.ngram import Layout
from musicgen.music.chorale import VOICES

RHYTHM = (
    "strike: voice phase age1 S S.above",
    "strike: voice phase struck age1 rhythm8",
    "strike: voice phase age1 own1 B.above",
    "strike: voice half-bar struck rhythm4",
    "strike: voice phase S.above.class B.above.class A.above.class T.above.class age1",
    "strike: voice phase move1 age1 age2 move2",
    "strike: voice quarter phase until struck",
    "strike: voice phase rhythm.all struck age1",
    "strike: voice phase chord own1.class age1",
    "strike: voice phase S.moved B.moved A.moved T.moved",
    "strike: voice phase chord.own chord.before.own",
    "strike: voice half-bar struck rhythm.all rhythm4",
    "strike: voice until since phase rhythm.all",
    "strike: voice phase S.moved S.above.class age1 rhythm4",
)
RHYTHM_RECALLED = (
    "strike: phase rhythm8",
    "strike: phase move1 move2 age1",
    "strike: half-bar quarter rhythm8",
    "strike: phase struck rhythm8",
    "strike: phase S B own1",
)
PITCH = (
    "pitch: voice own1 own2 own3 phase",
    "motion: voice move1 move2 move3 age1",
    "pitch: voice S B own1 A T",
    "motion: voice S.above B.above S.moved B.moved A.above T.above",
    "motion: voice S.moved B.moved S.above B.above",
    "class: voice chord own1.class chord.beat",
    "motion: voice chord.own B.above chord.before.own",
    "pitch: voice own1 chord.before quarter until",
    "motion: voice S.above S.was age1 phase",
    "motion: voice B.above B.was phase move1",
    "pitch: voice until phase own1 B",
    "motion: voice A.above T.above A.was T.was",
    "class: voice S.class B.class A.class T.class own1.class",
    "class: voice own1.class S.beat B.beat A.beat T.beat",
    "motion: voice chord.own chord.before.own move1",
    "motion: voice S.above.class B.above.class own1.class",
    "class: voice chord.beat chord.beat.before phase",
    "pitch: voice chord own1",
    "motion: voice move1 S.moved S.above",
    "motion: voice age1 phase move1 rhythm4",
)
PITCH_RECALLED = ("motion: move1 move2 move3 age1", "pitch: phase own1 own2 rhythm4", "class: own1.class chord")


@dataclass(frozen=True)
class MarkovConfig:
    """order: the voices as they are decided within a step. rhythm, pitch: chains of contexts, `view: feature feature ...`, names in
    `contexts`; those recalled are counted in the piece so far, voice by voice. discount: what a context's counts are lowered by."""

    order: tuple[int, ...] = (0, 3, 1, 2)
    rhythm: tuple[str, ...] = RHYTHM
    rhythm_recalled: tuple[str, ...] = RHYTHM_RECALLED
    pitch: tuple[str, ...] = PITCH
    pitch_recalled: tuple[str, ...] = PITCH_RECALLED
    discount: float = 0.7

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(getattr(self, field.name), list):
                object.__setattr__(self, field.name, tuple(getattr(self, field.name)))
        if sorted(self.order) != list(range(len(VOICES))):
            raise ConfigError(f"order {self.order}: each of the voices 0 to {len(VOICES) - 1} once")
        if not 0 < self.discount < 1:
            raise ConfigError(f"discount {self.discount}: between 0 and 1")

    @property
    def layouts(self) -> dict[str, tuple[Layout, Layout]]:
        """What is learned and what is recalled, of rhythm and pitch."""
        return {
            "rhythm": (self._layout(STRIKE_VIEWS, self.rhythm), self._layout(STRIKE_VIEWS, self.rhythm_recalled)),
            "pitch": (self._layout(VIEWS, self.pitch), self._layout(VIEWS, self.pitch_recalled)),
        }

    def _layout(self, views: Mapping[str, int], chains: Sequence[str]) -> Layout:
        return Layout.parse(FEATURES, views, chains)
