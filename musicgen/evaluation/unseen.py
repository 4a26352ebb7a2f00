"""A figure on pieces that a model has learned from says nothing of what it will write: such a measurement is refused."""

from __future__ import annotations

from typing import Protocol

from musicgen.errors import CheckpointError


class Known(Protocol):
    """Any corpus."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...


def check_unseen(composer: object, corpus: Known, split: str) -> None:
    """Refuses the train split, and a corpus that is not the one the checkpoint was trained on: its splits may be others."""
    checkpoint = getattr(composer, "checkpoint", None)
    if checkpoint is None:
        return
    trained_on = checkpoint.corpus
    if split == "train":
        raise CheckpointError(f"{_name(composer)} has learned from the train split; choose valid or test, or add --seen")
    if trained_on.get("fingerprint") != corpus.fingerprint:
        learned = f"{trained_on.get('name', 'a corpus')} {str(trained_on.get('fingerprint') or 'unknown')[:16]}"
        raise CheckpointError(
            f"{_name(composer)} was trained on {learned}, this is {corpus.name} {corpus.fingerprint[:16]}: "
            "it may have learned from these pieces; build the corpus it was trained on, or add --seen"
        )


def _name(composer: object) -> str:
    return str(getattr(composer, "name", composer))
