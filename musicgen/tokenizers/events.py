"""EventTokenizer: any MIDI <-> one stream of ids, through miditok's vocabularies, with tracks that stay apart.

It is its tokenizer.json and no more, in the form of miditok's save_pretrained; miditok itself, slow to import, is asked only to make one,
to train BPE and for kinds other than REMI. K ids, N ids of a piece.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ConfigError, FileError, NotationError, nearest
from musicgen.files.atomic import atomic_write, os_reason
from musicgen.tokenizers import holes
from musicgen.tokenizers.event_grid import EventGrid, IntArray
from musicgen.tokenizers.event_piece import piece_of_score
from musicgen.tokenizers.event_tracks import DRUMS, TrackLabel
from musicgen.tokenizers.remi import RemiIds, remi_ids

Ids = NDArray[np.uint16]
FILE = "tokenizer.json"
SPECIALS = ("PAD", "BOS", "EOS", "FILL", "HOLE")
CLASSES = {"remi": "REMI"}
OURS = "musicgen"  # the part of the file that miditok does not read


@dataclass(frozen=True)
class Encoded:
    """`losses`: one plain line each, what the ids do not hold of the file."""

    ids: Ids
    tracks: tuple[TrackLabel, ...]
    losses: tuple[str, ...]


@dataclass(frozen=True)
class EventTokenizer:
    """`text` is tokenizer.json. Made by `make` and `load`; equal texts are equal tokenizers."""

    text: str = field(repr=False)

    @classmethod
    def make(cls, kind: str = "remi", **settings: Any) -> EventTokenizer:
        """`settings` are those of EventGrid."""
        if kind not in CLASSES:
            raise ConfigError(f"there is no kind of event tokens {kind!r}; {nearest(kind, CLASSES)}")
        unknown = sorted(set(settings) - set(EventGrid.__dataclass_fields__))
        if unknown:
            raise ConfigError(f"event tokens have no setting {unknown[0]!r}; {nearest(unknown[0], EventGrid.__dataclass_fields__)}")
        grid = EventGrid(**settings)
        import miditok

        config = miditok.TokenizerConfig(special_tokens=list(SPECIALS), **grid.miditok_settings())
        made = getattr(miditok, CLASSES[kind])(config)
        tokens = sorted(made.vocab, key=lambda token: int(made.vocab[token]))
        return cls(_text({**made.to_dict(), OURS: {"kind": kind, "grid": asdict(grid), "tokens": tokens}}))

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> EventTokenizer:
        """From the folder of a corpus or a checkpoint, or from the file itself."""
        path = Path(folder) if Path(folder).suffix == ".json" else Path(folder) / FILE
        try:
            found = cls(path.read_text(encoding="utf-8"))
            _ = found.kind, found.grid, found.tokens
        except OSError as error:
            raise FileError(path, os_reason(error)) from error
        except (ValueError, KeyError, TypeError, ConfigError) as error:
            raise FileError(path, f"is no tokenizer of this program ({error}); build the corpus or train again") from error
        return found

    def save(self, folder: str | PathLike[str]) -> None:
        """Writes tokenizer.json into the folder, which is made if it is missing."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        atomic_write(Path(folder) / FILE, self.text.encode())

    # --- what the ids are

    @cached_property
    def kind(self) -> str:
        return str(self._parsed[OURS]["kind"])

    @cached_property
    def grid(self) -> EventGrid:
        return EventGrid(**self._parsed[OURS]["grid"])

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """The base vocabulary: `Pitch_60`, `Program_33`, `Program_-1` for drums, `Bar_None`, `TimeSig_3/4`, `Tempo_90.0`, `Position_12`."""
        return tuple(self._parsed[OURS]["tokens"])

    @cached_property
    def id_of(self) -> dict[str, int]:
        """Token -> id in the base vocabulary."""
        return {token: number for number, token in enumerate(self.tokens)}

    @property
    def size(self) -> int:
        """K."""
        return len(self.tokens)

    @property
    def pad_id(self) -> int:
        return self.id_of["PAD_None"]

    @property
    def bos_id(self) -> int:
        return self.id_of["BOS_None"]

    @property
    def eos_id(self) -> int:
        return self.id_of["EOS_None"]

    @property
    def fill_id(self) -> int:
        return self.id_of["FILL_None"]

    @property
    def hole_id(self) -> int:
        return self.id_of["HOLE_None"]

    @cached_property
    def bar_ids(self) -> tuple[int, ...]:
        """Ids that begin a bar."""
        return tuple(number for number, token in enumerate(self.tokens) if token.startswith("Bar_"))

    # --- kinds of tokens

    @cached_property
    def type_names(self) -> tuple[str, ...]:
        """`Pitch`, `Program` ..., the specials first."""
        return tuple(dict.fromkeys(token.partition("_")[0] for token in self.tokens))

    @cached_property
    def types(self) -> IntArray:
        """(K,) number of each id's kind in `type_names`."""
        return np.array([self.type_names.index(token.partition("_")[0]) for token in self.tokens])

    @cached_property
    def followers(self) -> NDArray[np.bool_]:
        """(types, types) which kind may follow which in a piece or a middle. miditok's graph, less what its encoder never writes."""
        names = self.type_names
        allowed = np.zeros((len(names), len(names)), dtype=bool)
        for kind, following in REMI_FOLLOWERS.items():
            for other in following:
                allowed[names.index(kind), names.index(other)] = True
        return allowed

    def shift_table(self, semitones: int) -> IntArray | None:
        """(K,) id -> the id so many semitones higher; drums stay. What would leave MIDI's pitches moves back by octaves."""
        table = np.arange(self.size)
        for pitch in range(128):
            moved = pitch + semitones
            while not 0 <= moved <= 127:
                moved += -12 if moved > 127 else 12
            table[self.id_of[f"Pitch_{pitch}"]] = self.id_of[f"Pitch_{moved}"]
        return table

    # --- music <-> ids

    def encode(self, score: Any) -> Encoded:
        """Of a symusic.Score of any resolution, which is left as it is. No BOS, no EOS."""
        if score.end() > MOST_QUARTERS * score.ticks_per_quarter:
            raise NotationError(f"the piece lasts over {MOST_QUARTERS:,} quarters, look for a note that never ends")
        piece = piece_of_score(score, self.grid)
        return Encoded(remi_ids(piece, self._remi, self.grid).astype(np.uint16), piece.tracks, piece.losses)

    def decode(self, ids: Sequence[int] | NDArray[Any], tracks: Sequence[TrackLabel] | None = None) -> Any:
        """A symusic.Score at `grid.ticks_per_quarter`; with `tracks` each has its name and program again, in their order."""
        score = self._miditok.decode(np.asarray(ids, dtype=np.int64))
        return score if tracks is None else _labelled(score, tracks)

    def bar_of(self, ids: Sequence[int] | NDArray[Any]) -> NDArray[np.int32]:
        """(N,) the bar each id stands in, from 0; before the first Bar: 0."""
        bars: NDArray[np.int32] = np.maximum(np.cumsum(np.isin(ids, self.bar_ids)) - 1, 0).astype(np.int32)
        return bars

    def with_hole(self, ids: Sequence[int] | NDArray[Any], slots: Sequence[int], bars: range) -> tuple[Ids, Ids]:
        """(context, middle): see `holes`."""
        context, middle = holes.with_hole(np.asarray(ids, dtype=np.int64), slots, bars, self._hole_ids)
        return context.astype(np.uint16), middle.astype(np.uint16)

    def without_hole(self, context: Sequence[int] | NDArray[Any], middle: Sequence[int] | NDArray[Any]) -> Ids:
        """The piece again, its hole filled by the middle."""
        joined = holes.without_hole(np.asarray(context, dtype=np.int64), np.asarray(middle, dtype=np.int64), self._hole_ids)
        return joined.astype(np.uint16)

    # --- inside

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        return dict(json.loads(self.text))

    @cached_property
    def _remi(self) -> RemiIds:
        return RemiIds.of(self.id_of, self.grid)

    @cached_property
    def _hole_ids(self) -> holes.HoleIds:
        is_of = {name: self.types == number for number, name in enumerate(self.type_names)}
        slot = np.full(self.size, holes.NO_SLOT)
        for program in range(DRUMS, 128):
            slot[self.id_of[f"Program_{program}"]] = program
        return holes.HoleIds(
            is_of["Bar"], is_of["TimeSig"], is_of["Position"], is_of["Tempo"], is_of["Pitch"] | is_of["PitchDrum"], slot, self.hole_id
        )

    @cached_property
    def _miditok(self) -> Any:
        import miditok

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / FILE
            path.write_text(self.text, encoding="utf-8")
            return getattr(miditok, self._parsed["tokenization"])(params=path)


MOST_QUARTERS = 50_000
REMI_FOLLOWERS: dict[str, tuple[str, ...]] = {
    "BOS": ("Bar",),
    "FILL": ("Bar",),
    "Bar": ("TimeSig",),
    "TimeSig": ("Position", "Bar", "EOS"),
    "Position": ("Program", "Tempo"),
    "Tempo": ("Program", "Position", "Bar", "EOS"),
    "Program": ("Pitch", "PitchDrum"),
    "Pitch": ("Velocity",),
    "PitchDrum": ("Velocity",),
    "Velocity": ("Duration",),
    "Duration": ("Program", "Position", "Bar", "EOS"),
}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=lambda array: array.tolist()) + "\n"


def _labelled(score: Any, tracks: Iterable[TrackLabel]) -> Any:
    """Tracks in the order of their labels, those without a label after them."""
    by_slot = {(DRUMS if track.is_drum else track.program): track for track in score.tracks}
    known = []
    for label in tracks:
        track = by_slot.pop(label.slot, None)
        if track is not None:
            track.name, track.program, track.is_drum = label.name, label.program, label.is_drum
            known.append(track)
    left = list(by_slot.values())
    score.tracks.clear()
    for track in (*known, *left):
        score.tracks.append(track)
    return score
