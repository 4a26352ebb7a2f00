"""Parts of an event corpus made on the machines of a Ray cluster, through Ray Data: the same parts, byte for byte, as one machine makes.

Every machine must see the folder of the files under the same path; parts come back to the machine that builds, which writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.corpus.event_build import make_part, part_of, write_part
from musicgen.errors import MissingExtraError

if TYPE_CHECKING:
    from musicgen.corpus.event_build import Chunk, Encoder, Engine


def ray_engine(address: str | None = None) -> Engine:
    """Of the cluster that this process is connected to, or of the one at `address`; without either Ray starts on this machine alone."""
    try:
        import ray.data
    except ImportError as error:
        raise MissingExtraError("building on a Ray cluster", "ray", "ray") from error

    def engine(chunks: Sequence[Chunk], tokenizer: Encoder, parts: Path) -> Iterator[Chunk]:
        if not chunks:
            return
        if not ray.is_initialized():
            ray.init(address, log_to_driver=False, include_dashboard=False)
        ray.data.DataContext.get_current().enable_progress_bars = False
        numbers = ray.data.from_items([{"number": number} for number in range(len(chunks))], override_num_blocks=len(chunks))
        for row in numbers.map(_Maker(tuple(chunks), tokenizer)).iter_rows():
            chunk = chunks[row["number"]]
            write_part(part_of(chunk, tokenizer, parts), json.loads(row["rows"]), row["ids"])
            yield chunk

    return engine


class _Maker:
    """What a machine does: the number of a chunk -> its part. A callable value, so that Ray ships it once a task."""

    def __init__(self, chunks: tuple[Chunk, ...], tokenizer: Encoder) -> None:
        self.chunks, self.tokenizer = chunks, tokenizer

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        rows, ids = make_part(self.chunks[row["number"]], self.tokenizer)
        return {"number": row["number"], "rows": json.dumps(rows), "ids": ids}
