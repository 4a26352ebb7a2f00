"""EventTokenizer: any MIDI <-> one stream of ids, through miditok's vocabularies, with tracks that stay apart.

It is its tokenizer.json and no more, in the form of miditok's save_pretrained; miditok itself, slow to import, is asked only to make one,
to train BPE and for kinds other than REMI. K ids, N ids of a piece.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ConfigError, FileError, NotationError, nearest
from musicgen.files.atomic import atomic_write, os_reason
from musicgen.tokenizers import event_bpe, holes
from musicgen.tokenizers.event_bpe import Pairs
from musicgen.tokenizers.event_grid import EventGrid, IntArray
from musicgen.tokenizers.event_kinds import CLASSES, REMI, SPECIALS, Columns, check_bars, flat_tokens, followers_of, make_miditok
from musicgen.tokenizers.event_piece import GridPiece, bar_starts, lost_between, piece_of_score, score_of_piece
from musicgen.tokenizers.event_tracks import DRUMS, TrackLabel, with_labels
from musicgen.tokenizers.remi import REMI_FOLLOWERS, RemiIds, remi_ids
from musicgen.tokenizers.remi_score import RemiValues, score_of_remi

Ids = NDArray[np.uint16]
FILE = "tokenizer.json"
OURS = "musicgen"  # the part of the file that miditok does not read
MOST_QUARTERS = 50_000
SPACE_TYPE = "Space"  # of the sign that begins a bar under BPE


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

    def __reduce__(self) -> tuple[type[EventTokenizer], tuple[str]]:
        return EventTokenizer, (self.text,)

    @classmethod
    def make(cls, kind: str = REMI, **settings: Any) -> EventTokenizer:
        """`settings` are those of EventGrid."""
        unknown = sorted(set(settings) - set(EventGrid.__dataclass_fields__))
        if unknown:
            raise ConfigError(f"event tokens have no setting {unknown[0]!r}; {nearest(unknown[0], EventGrid.__dataclass_fields__)}")
        grid = EventGrid(**settings)
        made = make_miditok(kind, grid)
        ours = {"kind": kind, "grid": asdict(grid), "tokens": flat_tokens(made)}
        if kind != REMI:
            ours["followers"] = {name: list(following) for name, following in followers_of(made).items()}
        return cls(_text({**made.to_dict(), OURS: ours}))

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
        """K, with BPE more than the base vocabulary."""
        return len(self.pairs.pieces) if self.pairs else len(self.tokens)

    def means_the_same(self, other: EventTokenizer) -> bool:
        """Whether its ids mean what those of the other mean."""
        return (self.tokens, self.size) == (other.tokens, other.size) and (self.text == other.text or not self.pairs)

    @cached_property
    def pairs(self) -> Pairs | None:
        """BPE, if it was trained."""
        model = self._parsed.get("_model")
        return Pairs(model, self.id_of["Bar_None"]) if model else None

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
        """Ids that begin a bar; none where bars are numbered (octuple) or unknown (tsd)."""
        base = self.id_of.get("Bar_None", -1)
        if self.pairs:
            return tuple(number for number, piece in enumerate(self.pairs.pieces) if base in piece)
        return (base,) if base >= 0 else ()

    # --- kinds of tokens

    @cached_property
    def type_names(self) -> tuple[str, ...]:
        """`Pitch`, `Program` ..., the specials first."""
        return (*dict.fromkeys(token.partition("_")[0] for token in self.tokens), *((SPACE_TYPE,) if self.pairs else ()))

    @cached_property
    def types(self) -> IntArray:
        """(K,) number of each id's kind in `type_names`; of several base ids the kind of the first."""
        return self._types(0)

    @cached_property
    def last_types(self) -> IntArray:
        """As `types`, of the last base id: `followers[last_types[a], types[b]]` tells whether b may follow a."""
        return self._types(-1)

    @cached_property
    def followers(self) -> NDArray[np.bool_]:
        """(types, types) which kind may follow which in a piece or a middle: what the encoder writes, less than miditok's graph."""
        names = self.type_names
        allowed = np.zeros((len(names), len(names)), dtype=bool)
        for kind, following in self._followers.items():
            for other in following:
                allowed[names.index(kind), names.index(other)] = True
        if self.pairs:
            space, bar = names.index(SPACE_TYPE), names.index("Bar")
            allowed[:, space] = allowed[:, bar]
            allowed[space, bar] = True
        return allowed

    @cached_property
    def slots(self) -> IntArray:
        """Of each id of the base vocabulary the slot that it names, NO_SLOT of all but Program."""
        slots = np.full(len(self.tokens), holes.NO_SLOT)
        for program in range(DRUMS, 128):
            if (token := f"Program_{program}") in self.id_of:
                slots[self.id_of[token]] = program
        return slots

    def shift_table(self, semitones: int) -> IntArray | None:
        """(K,) id -> the id so many semitones higher; drums stay. What would leave MIDI's pitches moves back by octaves. None with BPE."""
        if self.pairs:
            return None
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
        if self.kind == REMI:
            return Encoded(self.merged(remi_ids(piece, self._remi, self.grid)), piece.tracks, piece.losses)
        ids = self._of_miditok(piece)
        again = piece_of_score(self._from_miditok(ids), self.grid)
        return Encoded(self.merged(ids), piece.tracks, (*piece.losses, *lost_between(piece, again)))

    def decode(self, ids: Sequence[int] | NDArray[Any], tracks: Sequence[TrackLabel] | None = None) -> Any:
        """A symusic.Score at `grid.ticks_per_quarter`; with `tracks` each has its name and program again, in their order."""
        base = self.base(ids)
        score = score_of_remi(base, self._remi_values, self.grid) if self.kind == REMI else self._from_miditok(base)
        return score if tracks is None else with_labels(score, tracks)

    def bar_of(self, ids: Sequence[int] | NDArray[Any]) -> NDArray[np.int32]:
        """(N,) the bar each id stands in, from 0; before the first Bar: 0. Without `bar_ids` all are 0."""
        bars: NDArray[np.int32] = np.maximum(np.cumsum(np.isin(ids, self.bar_ids)) - 1, 0).astype(np.int32)
        return bars

    def with_hole(self, ids: Sequence[int] | NDArray[Any], slots: Sequence[int], bars: range) -> tuple[Ids, Ids]:
        """(context, middle): see `holes`. REMI alone has bars to make holes in."""
        context, middle = holes.with_hole(self.base(ids), slots, bars, self._hole_ids)
        return self.merged(context), self.merged(middle)

    def without_hole(self, context: Sequence[int] | NDArray[Any], middle: Sequence[int] | NDArray[Any]) -> Ids:
        """The piece again, its hole filled by the middle."""
        return self.merged(holes.without_hole(self.base(context), self.base(middle), self._hole_ids))

    # --- byte pair encoding

    def trained(self, pieces: Sequence[NDArray[Any]], size: int) -> EventTokenizer:
        """Another tokenizer, with so many ids, learned from pieces of base ids."""
        self.check_size(size)
        made = event_bpe.train(self._made(), [np.asarray(ids, dtype=np.int64) for ids in pieces], size, self.id_of["Bar_None"])
        return EventTokenizer(_text({**made.to_dict(), OURS: self._parsed[OURS]}))

    def check_size(self, size: int) -> None:
        """Refuses numbers of ids that `trained` cannot learn."""
        if self.kind != REMI:
            raise ConfigError(f"byte pair encoding is for the kind {REMI}, not {self.kind}")
        if not len(self.tokens) < size < 2**16:
            raise ConfigError(f"{size} ids of byte pair encoding; {len(self.tokens) + 1:,} to {2**16 - 1:,} are allowed")

    def merged(self, ids: NDArray[Any]) -> Ids:
        """Base ids as the model reads them."""
        return (self.pairs.merged(np.asarray(ids, dtype=np.int64)) if self.pairs else np.asarray(ids)).astype(np.uint16)

    def base(self, ids: Sequence[int] | NDArray[Any]) -> IntArray:
        """Ids of the base vocabulary."""
        array = np.asarray(ids, dtype=np.int64)
        return self.pairs.base(array.tolist()) if self.pairs else array

    # --- inside

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        return dict(json.loads(self.text))

    @cached_property
    def _remi(self) -> RemiIds:
        return RemiIds.of(self.id_of, self.grid)

    @cached_property
    def _remi_values(self) -> RemiValues:
        return RemiValues.of(self.tokens, self.grid)

    @cached_property
    def _followers(self) -> dict[str, Sequence[str]]:
        return dict(REMI_FOLLOWERS if self.kind == REMI else self._parsed[OURS]["followers"])

    def _types(self, which: int) -> IntArray:
        base = [self.type_names.index(token.partition("_")[0]) for token in self.tokens]
        if not self.pairs:
            return np.array(base)
        return np.array([base[piece[which]] if piece else self.type_names.index(SPACE_TYPE) for piece in self.pairs.pieces])

    @cached_property
    def _hole_ids(self) -> holes.HoleIds:
        if self.kind != REMI:
            raise ConfigError(f"holes are made in bars of the kind {REMI}, not {self.kind}; build the corpus with --kind {REMI}")
        kinds = [token.partition("_")[0] for token in self.tokens]
        is_of = {name: np.array([kind == name for kind in kinds]) for name in self.type_names}
        pitches = is_of["Pitch"] | is_of["PitchDrum"]
        return holes.HoleIds(is_of["Bar"], is_of["TimeSig"], is_of["Position"], is_of["Tempo"], pitches, self.slots, self.hole_id)

    @cached_property
    def _miditok(self) -> Any:
        return self._made()

    def _made(self) -> Any:
        import miditok

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / FILE
            path.write_text(self.text, encoding="utf-8")
            return getattr(miditok, CLASSES[self.kind])(params=path)

    @cached_property
    def _columns(self) -> Columns | None:
        return Columns.of(self._miditok, self.id_of) if self._miditok.is_multi_voc else None

    def _of_miditok(self, piece: GridPiece) -> IntArray:
        check_bars(self.kind, len(bar_starts(piece, self.grid)[0]))
        found = self._miditok.encode(score_of_piece(piece, self.grid)).ids
        return self._columns.joined(found) if self._columns else np.array(found, dtype=np.int64)

    def _from_miditok(self, base: IntArray) -> Any:
        if self._columns:
            return self._miditok.decode(self._columns.rows(base))
        return self._miditok.decode(base[base >= len(SPECIALS)])


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=lambda array: array.tolist()) + "\n"
