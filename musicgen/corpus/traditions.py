"""Traditions: pieces of eight kinds from the installed music21, with composer or tradition, mode, meter and number of voices.

At most MOST pieces a tradition. Works stay together: the movements of a mass or a quartet, the versions of a tune are in one split.
Bach's chorales keep the splits that every other part of the project has, and near copies of held-out ones are left out.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from musicgen.corpus.cleaning import drop_reason, make_piece
from musicgen.corpus.labelled import LabelledCorpus, LabelledPiece, save_labelled
from musicgen.corpus.sources import bach_folder, music21_version, read_source
from musicgen.corpus.splits import SplitEntry, bach_entries
from musicgen.corpus.store import CORPORA
from musicgen.errors import FileError, MusicgenError
from musicgen.files.io import read_score
from musicgen.files.musicxml import score_of_text
from musicgen.music.chorale import STEPS_PER_QUARTER
from musicgen.music.score import Score

NAME = "traditions"
MOST = 150
MOST_STEPS = 2048  # of a piece: 128 bars of 4/4
FEWEST_NOTES = 16
MOSTLY = 0.9
NO_QUARTETS = ("k545",)  # a piano sonata among them
SPLITS = (("train", 0.6), ("valid", 0.2), ("test", 0.2))


@dataclass(frozen=True)
class Source:
    """A piece to be read. `says_mode`: whether its key signature can be trusted in that; `text`: one tune of an ABC file that holds many;
    `voices`: where the parts of the score are not them, since a violin that plays two notes at once is read as two."""

    tradition: str
    name: str
    file: Path
    work: str
    says_mode: bool = False
    text: str = ""
    voices: int = 0


@dataclass(frozen=True)
class TraditionsReport:
    """As `build.CorpusReport`; nothing is bent, onsets move to the nearest sixteenth."""

    corpus: LabelledCorpus
    folder: Path
    dropped: Mapping[str, str]
    bent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        return [f"dropped {file}: {reason}" for file, reason in self.dropped.items()]


def build_traditions(folder: Path = CORPORA, progress: Callable[[int, int, str], None] | None = None, most: int = MOST) -> TraditionsReport:
    """Builds `folder/traditions`, in minutes: most pieces go through music21's parser. `most`: pieces a tradition."""
    chosen = [_some(of_kind, most) for of_kind in find_sources()]
    splits = [split for of_kind in chosen for split in (split_works(of_kind)[source.work] for source in of_kind)]
    sources = [source for of_kind in chosen for source in of_kind]
    pieces, dropped = bach_pieces(most), dict[str, str]()
    for done, (source, split) in enumerate(zip(sources, splits, strict=True), start=1):
        try:
            pieces.append(labelled(source, _read(source), split))
        except MusicgenError as error:
            dropped[f"{source.tradition}, {source.name}"] = str(error)
        if progress is not None:
            progress(done, len(sources), source.name)
    corpus = save_labelled(folder / NAME, NAME, f"music21 {music21_version()}", pieces, dropped)
    return TraditionsReport(corpus, folder / NAME, dropped)


def find_sources() -> list[list[Source]]:
    """What music21 holds of each tradition but Bach's, one list a tradition."""
    root = bach_folder().parent
    quartets = [root / name for name in ("haydn", "mozart", "beethoven")]
    folk = root / "essenFolksong"
    return [
        [Source("Palestrina mass", file.stem, file, mass_of(file)) for file in files_under(root / "palestrina", ".krn")],
        [Source("Monteverdi madrigal", file.stem, file, file.stem) for file in files_under(root / "monteverdi", ".mxl")],
        [Source("Trecento song", file.stem, file, file.stem) for file in files_under(root / "trecento", ".xml", ".mxl")],
        [
            Source("Classical string quartet", f"{opus_of(file)} {file.stem}", file, opus_of(file), True, voices=4)
            for one in quartets
            for file in files_under(one, ".mxl")
            if opus_of(file) not in NO_QUARTETS
        ],
        [source for file in files_under(folk, ".abc") if _is_german(file) for source in _tunes("German folk song", file, True)],
        [
            source
            for file in files_under(folk, ".abc")
            if file.stem in ("han1", "han2")
            for source in _tunes("Chinese folk song", file, False)
        ],
        [source for file in files_under(root / "ryansMammoth", ".abc") for source in _tunes("Irish dance tune", file, True)],
    ]


def files_under(folder: Path, *suffixes: str) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in suffixes)


def mass_of(file: Path) -> str:
    """The mass that a movement belongs to, which the file names as its parent work."""
    match = re.search(r"^!!!OPR:\s*(.+)$", file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return match[1].strip() if match else file.stem


def opus_of(file: Path) -> str:
    return file.parent.name if file.stem.startswith("movement") else file.stem


def _is_german(file: Path) -> bool:
    return file.stem.startswith(("altdeu", "boehme", "erk", "fink", "zuccal", "ballad"))


def _tunes(tradition: str, file: Path, says_mode: bool) -> Iterator[Source]:
    """Each tune of an ABC file; versions of one tune bear one title, up to what stands after a dash."""
    for number, part in enumerate(re.split(r"^(?=X:)", file.read_text(encoding="utf-8", errors="replace"), flags=re.MULTILINE)[1:], 1):
        title = re.search(r"^T:\s*(.+)$", part, re.MULTILINE)
        work = title[1].split(" -- ")[0].strip().lower() if title else f"{file.stem} {number}"
        yield Source(tradition, f"{file.stem} {number}", file, work, says_mode, part)


def _some(sources: list[Source], most: int) -> list[Source]:
    """At most so many, always the same ones, of as many works as there are."""
    ranked = sorted(sources, key=lambda source: _digest(source.name))
    seen: dict[str, int] = {}
    turns = []
    for source in ranked:
        seen[source.work] = seen.get(source.work, 0) + 1
        turns.append((seen[source.work], source))
    return [source for _, source in sorted(turns, key=lambda turn: turn[0])[:most]]


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def split_works(sources: Sequence[Source]) -> dict[str, str]:
    """Work -> split, in an order that only names decide; a split has its share of the pieces, as near as whole works allow."""
    pieces = Counter(source.work for source in sources)
    splits, before = {}, 0
    for work in sorted(pieces, key=_digest):
        share, index = before / len(sources), 0
        while index < len(SPLITS) - 1 and share >= SPLITS[index][1] - 1e-9:
            share, index = share - SPLITS[index][1], index + 1
        splits[work], before = SPLITS[index][0], before + pieces[work]
    return splits


def _read(source: Source) -> Score:
    return score_of_text(source.file, source.text, "abc") if source.text else read_score(source.file)


def labelled(source: Source, score: Score, split: str) -> LabelledPiece:
    """The piece on the grid, its first MOST_STEPS, with what the source says of it."""
    parts = [[note for note in part.notes if note.duration] for part in score.parts if not part.is_drum]
    notes = on_grid(score)
    if notes.shape[1] < FEWEST_NOTES:
        raise FileError(source.file, f"only {notes.shape[1]} notes; at least {FEWEST_NOTES} are needed")
    facts = {"tradition": source.tradition, "voices": str(source.voices or sum(map(bool, parts)))}
    if source.says_mode and score.key is not None:
        facts["mode"] = score.key.mode
    if meter := main_meter(score):
        facts["meter"] = meter
    return LabelledPiece(source.name, f"{source.tradition}: {source.work}", split, notes, facts)


def main_meter(score: Score) -> str:
    """The meter of nine tenths of a piece, since bars cut short by a repeat have one of their own; empty if it has none such."""
    ends = [*[change.start for change in score.meters[1:]], score.end]
    lengths: dict[str, int] = {}
    for change, end in zip(score.meters, ends, strict=True):
        lengths[str(change.meter)] = lengths.get(str(change.meter), 0) + end - change.start
    meter = max(lengths, key=lambda name: lengths[name])
    return meter if lengths[meter] >= MOSTLY * score.end else ""


def on_grid(score: Score) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """(3, N) first step, step after the last and pitch of the notes that begin before MOST_STEPS."""
    ticks = score.ticks_per_quarter / STEPS_PER_QUARTER
    notes = [note for part in score.parts if not part.is_drum for note in part.notes if note.duration]
    starts, ends = (np.floor(np.array(times) / ticks + 0.5) for times in ([note.start for note in notes], [note.end for note in notes]))
    found = np.array([starts, np.maximum(ends, starts + 1), [note.pitch for note in notes]], dtype=np.int32).reshape(3, len(notes))
    found = found[:, np.lexsort(found[::-1])]
    found = found[:, found[0] < MOST_STEPS]
    found[1] = np.minimum(found[1], MOST_STEPS)
    return found


def bach_pieces(most: int) -> list[LabelledPiece]:
    """Chorales read without music21, their modes as the rest of the project has them."""
    pieces = []
    for entry in chosen_chorales(most):
        source = read_source(bach_folder() / entry.file, entry.parts)
        piece = labelled(Source("Bach chorale", entry.name, Path(entry.file), entry.name), source.score, entry.split)
        pieces.append(replace(piece, facts={**piece.facts, "mode": make_piece(entry, source).chorale.key.mode}))
    return pieces


def chosen_chorales(most: int) -> list[SplitEntry]:
    """Of the field's splits, three fifths of them of train; no near copies of what another split holds."""
    ranked = sorted(bach_entries(), key=lambda entry: _digest(entry.file))
    usable = [entry for entry in ranked if not drop_reason(entry) and not entry.near_copy_in]
    return [entry for split, share in SPLITS for entry in [one for one in usable if one.split == split][: round(most * share)]]
