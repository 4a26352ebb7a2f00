"""Building a corpus: every file of the source becomes a piece, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from musicgen.corpus.cleaning import drop_reason, make_piece
from musicgen.corpus.sources import bach_folder, music21_version, read_source
from musicgen.corpus.splits import bach_entries
from musicgen.corpus.store import CORPORA, Corpus, save_corpus
from musicgen.errors import ConfigError, nearest

CORPUS_NAMES = ("bach-chorales",)


@dataclass(frozen=True)
class CorpusReport:
    """What was built, where; dropped: file -> reason; bent: piece -> what was changed in it, one sentence each."""

    corpus: Corpus
    folder: Path
    dropped: Mapping[str, str]
    bent: Mapping[str, tuple[str, ...]]

    def lines(self) -> list[str]:
        """Every dropped file and every changed note, one a line."""
        dropped = [f"dropped {file}: {reason}" for file, reason in self.dropped.items()]
        return dropped + [f"bent {name}: {sentence}" for name, sentences in self.bent.items() for sentence in sentences]


def build_corpus(
    name: str = "bach-chorales", folder: Path = CORPORA, progress: Callable[[int, int, str], None] | None = None
) -> CorpusReport:
    """Builds `folder/name` from the installed music21, in seconds. `progress(done, total, file)` is called after each file."""
    if name not in CORPUS_NAMES:
        raise ConfigError(f"there is no corpus {name!r}; {nearest(name, (*CORPUS_NAMES, 'traditions'))}")
    source, entries = bach_folder(), bach_entries()
    known = {entry.file for entry in entries}
    pieces, dropped = [], {path.name: "no four-part chorale" for path in sorted(source.glob("bwv*")) if path.name not in known}
    for done, entry in enumerate(entries, start=1):
        reason = drop_reason(entry)
        if reason:
            dropped[entry.file] = reason
        else:
            pieces.append(make_piece(entry, read_source(source / entry.file, entry.parts)))
        if progress is not None:
            progress(done, len(entries), entry.file)
    corpus = save_corpus(folder / name, name, f"music21 {music21_version()}", pieces, dropped)
    bent = {piece.name: piece.remarks for piece in corpus.all_pieces if piece.remarks}
    return CorpusReport(corpus, folder / name, dropped, bent)
