"""Which Bach chorale belongs to train, valid, test or extra: the field's split, file by file, so that figures can be compared.

A random split would test on tunes it trained on: about half the chorales share their tune with another file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

SPLITS = ("train", "valid", "test", "extra")


@dataclass(frozen=True)
class SplitEntry:
    """One file of the source: its split, the indices of its soprano, alto, tenor and bass parts, and its relatives.

    duplicate_of: the file that holds the same piece and is kept; near_copy_in: splits with a variant so close that training on this
    piece would spoil their figures; variants: other settings of the tune and the share of notes in common; title: the hymn, where a
    printed edition names it.
    """

    file: str
    split: str
    parts: tuple[int, ...]
    duplicate_of: str = ""
    near_copy_in: tuple[str, ...] = ()
    variants: Mapping[str, float] | None = None
    title: str = ""

    @property
    def name(self) -> str:
        """`bwv10.7` for `bwv10.7.mxl`."""
        return self.file.rsplit(".", 1)[0]


def bach_entries() -> tuple[SplitEntry, ...]:
    """The table, in order of file name."""
    table = json.loads(resources.files(__package__).joinpath("bach_chorales.json").read_text(encoding="utf-8"))
    return tuple(_entry(file, row) for file, row in sorted(table["files"].items()))


def _entry(file: str, row: Mapping[str, object]) -> SplitEntry:
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return SplitEntry(file, **tuples)  # type: ignore[arg-type]
