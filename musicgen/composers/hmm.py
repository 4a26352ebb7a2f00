"""A hidden Markov model of chorales after Allan and Williams, "Harmonising Chorales by Probabilistic Inference" (NIPS 2005).

Chords are hidden, the tune is observed; a second chain ornaments. All is counted, nothing fitted. `explain` tells what chords it hears.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from musicgen.composers.composer import Likelihood
from musicgen.composers.hidden.evidence import Evidence
from musicgen.composers.hidden.foretelling import Foretelling, Weights
from musicgen.composers.hidden.forward import cell_nats
from musicgen.composers.hidden.harmony import chord_chain, find_path, voicing_chain
from musicgen.composers.hidden.learning import count_all, foretelling_of, tables_of
from musicgen.composers.hidden.ornaments import Bounds, active_voices, ornament
from musicgen.composers.hidden.symbols import CELLS, IntArray
from musicgen.composers.hidden.tables import Smoothing, Tables
from musicgen.composers.hidden.writing import written
from musicgen.composers.references import OneByOne
from musicgen.composers.together import check_requests
from musicgen.errors import CheckpointError, NotationError
from musicgen.models.checkpoint import built_from, load_tensors, read_checkpoint
from musicgen.music.chorale import VOICES, BoolArray, Chorale
from musicgen.music.ensemble import BACHS_CHOIR
from musicgen.music.pitch import Mode
from musicgen.music.roman import roman
from musicgen.music.sketch import Sketch
from musicgen.sampling.draw import SamplingOptions

# Of each chain, beside drawing as counted: voice leading is as good as strict, ornaments are as varied as Bach's. Chosen by style on valid.
CHORD_HEAT, VOICE_HEAT = 0.85, 0.1


@dataclass(frozen=True)
class HmmConfig(Smoothing, Weights):
    """`least`: how often a chord label must be seen to be one of its own. The strengths were chosen on the valid split."""

    least: int = 2


@dataclass(frozen=True)
class Heard:
    """The likeliest chords of a beat, with their probabilities; names are Roman numerals."""

    step: int
    place: str
    chords: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class HmmComposer(OneByOne):
    """temperature: 1 is as it was chosen; above, bolder; 0 takes the likeliest chords and voices (Viterbi)."""

    name: str
    tables: Mapping[Mode, Tables]
    foretelling: Mapping[Mode, Foretelling]
    options: SamplingOptions = SamplingOptions(temperature=1.0)
    dials: ClassVar[tuple[str, ...]] = ("temperature",)
    config_type: ClassVar[type[Any]] = HmmConfig

    @classmethod
    def learn(
        cls, pieces: Sequence[Chorale], valid: Sequence[Chorale], config: HmmConfig, on_progress: Callable[[float], None]
    ) -> Mapping[str, Tensor]:
        """Counts; `valid` has no say, since the strengths are dials."""
        return {name: torch.from_numpy(counts) for name, counts in count_all(pieces, config.least, on_progress).items()}

    @classmethod
    def load(cls, folder: Path, **dials: float) -> HmmComposer:
        checkpoint = read_checkpoint(folder)
        if checkpoint.kind != "hmm":
            raise CheckpointError(f"{folder}: holds a model of kind {checkpoint.kind!r}, an hmm is needed here")
        config = built_from(HmmConfig, checkpoint.model)
        smoothing, weights = built_from(Smoothing, _part(config, Smoothing)), built_from(Weights, _part(config, Weights))
        counts = {name: tensor.numpy().astype(np.int64) for name, tensor in load_tensors(folder / "model.safetensors").items()}
        tables = tables_of(counts, smoothing)
        return cls(folder.name, tables, foretelling_of(counts, weights), cls.options.turned(folder.name, cls.dials, dials))

    def fill(self, sketch: Sketch, seed: int) -> Chorale:
        check_requests(self.name, BACHS_CHOIR, [sketch], [seed])
        if not sketch.free.any():
            return sketch.given
        rng = np.random.default_rng(seed)
        allowed = sketch.allowed_pitches()
        evidence = Evidence.of(sketch, allowed)
        tables = self.tables[sketch.given.key.mode]
        cells, struck = self._cells(tables, sketch, allowed, evidence, rng)
        return written(sketch, allowed, evidence.grid, cells, struck)

    def _cells(
        self, tables: Tables, sketch: Sketch, allowed: BoolArray, evidence: Evidence, rng: np.random.Generator
    ) -> tuple[IntArray, BoolArray]:
        """(V, B, 4) what sounds and what is struck."""
        heat = self.options.temperature
        skeleton = self._skeleton(tables, evidence, rng)
        bounds = Bounds.of(sketch, allowed, evidence)
        cells = np.where(evidence.certain[..., None], evidence.given, skeleton[..., None])
        struck = np.asarray(evidence.grid.cells(sketch.given.onset), dtype=bool) & (np.arange(CELLS) < evidence.grid.lengths[:, None])
        active = active_voices(tables, evidence, struck, bounds, heat, rng)
        ornament(tables, evidence, bounds, skeleton, active, cells, struck, heat, rng)
        return cells, struck

    def _skeleton(self, tables: Tables, evidence: Evidence, rng: np.random.Generator) -> IntArray:
        """(V, B)"""
        states, chords = chord_chain(tables, evidence)
        path = find_path(chords, self.options.temperature * CHORD_HEAT, rng)
        labels = np.array([state.labels[chosen] for state, chosen in zip(states, path, strict=True)])
        notes = np.array([state.notes[chosen] for state, chosen in zip(states, path, strict=True)])
        options, voices = voicing_chain(tables, evidence, labels, notes)
        chosen = find_path(voices, self.options.temperature * VOICE_HEAT, rng)
        return np.array([notes[choice] for notes, choice in zip(options, chosen, strict=True)]).T

    def nats(self, chorale: Chorale) -> Likelihood:
        """Exact: each cell given those before it, beat by beat, in a beat voice by voice, and meter, struck fermatas, key and length."""
        if chorale.voices != len(VOICES):
            raise NotationError(f"a piece of {chorale.voices} voices; {self.name} states likelihoods of {len(VOICES)}")
        return Likelihood(cell_nats(self.foretelling[chorale.key.mode], chorale).astype(np.float32), "exact")

    def explain(self, sketch: Sketch, most: int = 3) -> list[Heard]:
        """The chords of each beat, what the sketch gives considered: posterior probabilities, exact where the tune is given."""
        evidence = Evidence.of(sketch, sketch.allowed_pitches())
        tables = self.tables[sketch.given.key.mode]
        states, chain = chord_chain(tables, evidence)
        heard = []
        for start, state, shares in zip(evidence.grid.spans[:, 0].tolist(), states, chain.posteriors(), strict=True):
            by_label = np.bincount(state.labels, weights=shares, minlength=len(tables.labels))
            best = np.argsort(-by_label, kind="stable")[:most]
            key = sketch.given.key
            chords = tuple((roman(tables.labels.chord(int(label), key), key), float(by_label[label])) for label in best)
            heard.append(Heard(start, sketch.given.place(start), chords))
        return heard


def _part(config: HmmConfig, kind: type[Smoothing] | type[Weights]) -> dict[str, float]:
    return {field.name: getattr(config, field.name) for field in fields(kind)}
