"""Tags: the questions a tagger answers about a piece, and the answers to each.

Meters that sound alike are one answer: 4/4 and 2/2, bars of which nobody can tell apart without the score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1
MOST_VOICES = 5
QUESTIONS: dict[str, tuple[str, ...]] = {
    "tradition": (
        "Bach chorale",
        "Palestrina mass",
        "Monteverdi madrigal",
        "Trecento song",
        "Classical string quartet",
        "German folk song",
        "Chinese folk song",
        "Irish dance tune",
    ),
    "mode": ("major", "minor"),
    "meter": ("2/4", "3/4", "4/4", "6/8", "4/2"),
    "voices": ("1", "2", "3", "4", "5 or more"),
}
SAME_METER = {"2/2": "4/4", "4/1": "4/2"}


def labels_of(facts: Sequence[Mapping[str, str]]) -> NDArray[np.int64]:
    """(N, Q) index of each piece's answer to each question; UNKNOWN where nobody knows it, or where it is not among the answers.

    A fact is what a score says, `{"meter": "2/2", "voices": "7"}`.
    """
    rows = [[_index(answers, _answer(question, piece.get(question, ""))) for question, answers in QUESTIONS.items()] for piece in facts]
    return np.array(rows, dtype=np.int64).reshape(len(facts), len(QUESTIONS))


def _index(answers: Sequence[str], answer: str) -> int:
    return answers.index(answer) if answer in answers else UNKNOWN


def _answer(question: str, fact: str) -> str:
    if question == "voices" and fact.isdecimal():
        return fact if int(fact) < MOST_VOICES else f"{MOST_VOICES} or more"
    return SAME_METER.get(fact, fact) if question == "meter" else fact
