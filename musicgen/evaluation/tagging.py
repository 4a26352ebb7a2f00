"""The tagger: what tradition a piece is from, its mode, meter and number of voices, each with probabilities; and how often it is right.

The network is that of `models.convnet`, after Choi, Fazekas and Sandler (2016). Shapes: N pieces, K answers to a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.corpus.labelled import LabelledCorpus
from musicgen.errors import CheckpointError, NotationError, nearest
from musicgen.evaluation.intervals import share_interval
from musicgen.models.checkpoint import Checkpoint, built_from, load_model, read_checkpoint
from musicgen.models.convnet import ConvNet
from musicgen.models.fitting import FitConfig, Rolls, answer
from musicgen.models.folders import checkpoint_folders, kind_of
from musicgen.music.score import Score
from musicgen.tokenizers.rolls import Roll, notes_roll, quarters, score_roll
from musicgen.tokenizers.tags import QUESTIONS, UNKNOWN, labels_of

KIND = "convnet"
DEFAULT = "tagger"
FOUR = "4"
Tags = dict[str, dict[str, float]]


@dataclass(frozen=True, eq=False)
class Tagger:
    """`tagger.tag(score)["mode"]` is {"minor": 0.9, "major": 0.1}, the likeliest first."""

    net: ConvNet
    config: FitConfig
    checkpoint: Checkpoint

    @classmethod
    def load(cls, name: str = DEFAULT) -> Tagger:
        """By the name of a checkpoint, or its folder."""
        folders = checkpoint_folders()
        folder = folders.get(name, Path(name))
        taggers = [each for each, where in folders.items() if kind_of(where) == KIND]
        if not (folder / "config.json").is_file():
            raise CheckpointError(f"no tagger named {name!r}, and no checkpoint folder of that name; {nearest(name, taggers)}")
        checkpoint = read_checkpoint(folder)
        if checkpoint.kind != KIND:
            raise CheckpointError(f"{name} is no tagger but a model of kind {checkpoint.kind!r}; {nearest(name, taggers)}")
        if checkpoint.tokenizer.get("questions") != {question: list(answers) for question, answers in QUESTIONS.items()}:
            raise CheckpointError(f"{name} answers other questions than this version asks; train it again: musicgen train tagger")
        net = load_model(folder, checkpoint)
        assert isinstance(net, ConvNet)
        return cls(net, built_from(FitConfig, checkpoint.training), checkpoint)

    def tag(self, score: Score) -> Tags:
        """Refuses a score without notes."""
        roll = score_roll(score)
        if not roll.any():
            raise NotationError("there is no note with a pitch to tag; choose a file with music")
        return {
            question: dict(sorted(zip(answers, map(float, shares[0]), strict=True), key=lambda pair: -pair[1]))
            for (question, answers), shares in zip(QUESTIONS.items(), self.answers([roll]), strict=True)
        }

    def answers(self, rolls: Sequence[Roll]) -> list[NDArray[np.float64]]:
        """(N, K) probabilities for each question."""
        nothing = np.full((len(rolls), len(QUESTIONS)), UNKNOWN)
        return answer(self.net, Rolls(rolls, [quarters(roll, self.config.window) for roll in rolls], nothing), self.config)


@dataclass(frozen=True)
class QuestionReport:
    """`confusion[truth][given]` in pieces; `most_frequent`: the share of the answer that is right most often, which needs no network;
    `confidence`: the mean probability of the answers given."""

    accuracy: float
    interval: tuple[float, float]
    pieces: int
    most_frequent: float
    confidence: float
    by_answer: dict[str, dict[str, Any]]
    confusion: dict[str, dict[str, int]]


@dataclass(frozen=True)
class TaggerReport:
    """`four_voices`: the tradition of pieces of four voices alone, whose number cannot give them away."""

    split: str
    works: int
    questions: dict[str, QuestionReport]
    four_voices: QuestionReport

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        rows = {**self.questions, "tradition, four voices": self.four_voices}
        width = max(map(len, rows))
        table = [
            f"{name:{width}}  {_percent(row)} of {row.pieces}, most frequent {100 * row.most_frequent:.0f} %" for name, row in rows.items()
        ]
        return [*table, *(line for name in ("tradition", "mode", "meter", "voices") for line in _confusion(name, self.questions[name]))]


def measure_tagger(tagger: Tagger, corpus: LabelledCorpus, split: str = "test") -> TaggerReport:
    """How often the likeliest answer is right, over pieces of held-out works; only of the corpus it learned from are those known."""
    if split == "train" or tagger.checkpoint.corpus.get("fingerprint") != corpus.fingerprint:
        raise CheckpointError(
            f"the tagger may have learned from the {split} split of this {corpus.name}; choose valid or test of its own corpus"
        )
    pieces = corpus.pieces(split)
    shares = tagger.answers([notes_roll(*piece.notes) for piece in pieces])
    labels = labels_of([piece.facts for piece in pieces])
    questions = {
        question: _report(answers, given, truth)
        for (question, answers), given, truth in zip(QUESTIONS.items(), shares, labels.T, strict=True)
    }
    four = labels[:, list(QUESTIONS).index("voices")] == QUESTIONS["voices"].index(FOUR)
    four_voices = _report(QUESTIONS["tradition"], shares[0][four], labels[four, 0])
    return TaggerReport(split, len({piece.work for piece in pieces}), questions, four_voices)


def _report(answers: Sequence[str], shares: NDArray[np.float64], truth: NDArray[np.int64]) -> QuestionReport:
    shares, truth = shares[truth != UNKNOWN], truth[truth != UNKNOWN]
    given = shares.argmax(axis=1)
    counts = np.zeros((len(answers), len(answers)), dtype=int)
    np.add.at(counts, (truth, given), 1)
    right, pieces, present = int(np.trace(counts)), len(truth), np.flatnonzero(counts.sum(axis=1)).tolist()
    by_answer = {
        answers[each]: {
            "accuracy": counts[each, each] / counts[each].sum(),
            "interval": share_interval(int(counts[each, each]), int(counts[each].sum())),
            "pieces": int(counts[each].sum()),
        }
        for each in present
    }
    confusion = {
        answers[each]: {answers[other]: int(counts[each, other]) for other in np.flatnonzero(counts[each]).tolist()} for each in present
    }
    most = float(counts.sum(axis=1).max() / pieces)
    return QuestionReport(
        right / pieces, share_interval(right, pieces), pieces, most, float(shares.max(axis=1).mean()), by_answer, confusion
    )


def _percent(row: QuestionReport) -> str:
    low, high = row.interval
    return f"{100 * row.accuracy:.1f} % right [{100 * low:.1f}, {100 * high:.1f}]"


def _confusion(question: str, row: QuestionReport) -> list[str]:
    lines = [f"{question}:"]
    for truth, given in row.confusion.items():
        wrong = ", ".join(f"{count} as {name}" for name, count in sorted(given.items(), key=lambda item: -item[1]) if name != truth)
        lines.append(f"  {truth}: {given.get(truth, 0)} of {row.by_answer[truth]['pieces']} right{'; ' + wrong if wrong else ''}")
    return lines
