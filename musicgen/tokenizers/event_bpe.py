"""Byte pair encoding of event ids, as miditok does it: often met runs of ids within a bar become one. Base ids <-> merged ids.

It is told by two fields of tokenizer.json; the library `tokenizers`, which miditok brings, does the work.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from musicgen.tokenizers.event_grid import IntArray

FIRST_LETTER = 33  # miditok's letter of id 0
SPACE = "▁"  # begins every bar


@dataclass(frozen=True, eq=False)
class Pairs:
    """`model` is the text of a `tokenizers.Tokenizer`."""

    model: str
    bar_id: int

    @cached_property
    def _tokenizer(self) -> Any:
        import tokenizers

        return tokenizers.Tokenizer.from_str(self.model)

    @cached_property
    def pieces(self) -> list[tuple[int, ...]]:
        """(K,) the base ids that each id stands for; none for the sign that begins a bar."""
        vocab: Mapping[str, int] = json.loads(self.model)["model"]["vocab"]
        found: list[tuple[int, ...]] = [()] * len(vocab)
        for letters, number in vocab.items():
            found[number] = tuple(ord(letter) - FIRST_LETTER for letter in letters if letter != SPACE)
        return found

    def merged(self, ids: IntArray) -> IntArray:
        """Bar by bar, so that no merged id reaches over a barline."""
        words = list(words_of(ids, self.bar_id))
        return np.array(self._tokenizer.encode(words, is_pretokenized=True).ids, dtype=np.int64)

    def base(self, ids: Sequence[int]) -> IntArray:
        pieces = self.pieces
        return np.array([one for number in ids for one in pieces[number]], dtype=np.int64)


def words_of(ids: IntArray, bar_id: int) -> Iterator[str]:
    """A letter an id, a word a bar."""
    for part in np.split(ids, np.flatnonzero(ids == bar_id)):
        if len(part):
            yield "".join(chr(one + FIRST_LETTER) for one in part.tolist())


def train(made: Any, pieces: Sequence[IntArray], size: int, bar_id: int) -> Any:
    """miditok's tokenizer, which is changed, with `size` ids learned from pieces of base ids."""
    made.train(size, model="BPE", iterator=[list(words_of(ids, bar_id)) for ids in pieces])
    return made
