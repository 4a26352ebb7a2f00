"""`musicgen corpus build FOLDER --name mine`, and of what music21 brings by name: corpora of event tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musicgen.cli import screen
from musicgen.errors import ConfigError, nearest
from musicgen.music.score import counted

if TYPE_CHECKING:
    from musicgen.corpus.event_build import Engine, EventReport
    from musicgen.corpus.shards import EventCorpus
    from musicgen.tokenizers.events import EventTokenizer

KIND = "remi"
POSITIONS = 24


def is_event_source(source: str, name: str | None) -> bool:
    """Whether `corpus build` is asked for event tokens: of a folder, or of a corpus that music21 brings."""
    from musicgen.corpus.bundled import is_bundled

    return bool(name) or is_bundled(source) or Path(source).is_dir()


def check_source(source: str) -> None:
    """Refuses what is neither a corpus by name nor a folder."""
    from musicgen.corpus.build import CORPUS_NAMES
    from musicgen.corpus.bundled import BUNDLED
    from musicgen.corpus.traditions import NAME

    if source not in (*CORPUS_NAMES, NAME):
        raise ConfigError(f"there is no folder and no corpus {source!r}; {nearest(source, (*CORPUS_NAMES, NAME, *BUNDLED))}")


@dataclass(frozen=True)
class Tokens:
    """What the ids of a corpus are to mean: a kind of miditok's with so many places in a beat, `bpe` ids learned, or as in `like`."""

    kind: str = KIND
    positions: int = POSITIONS
    bpe: int = 0
    like: str | None = None

    def tokenizer(self) -> EventTokenizer:
        from musicgen.generation.loading import find_tokenizer
        from musicgen.tokenizers.events import EventTokenizer

        if self.like is None:
            made = EventTokenizer.make(self.kind, positions=self.positions)
            if self.bpe:
                made.check_size(self.bpe)
            return made
        if replace(self, like=None) != Tokens():
            raise ConfigError(f"--tokenizer {self.like} says all of the ids; leave --kind, --positions and --bpe away")
        return find_tokenizer(self.like)


def build(source: str, name: str | None, folder: Path, tokens: Tokens, workers: int, on_ray: bool, as_json: bool) -> None:
    from musicgen.corpus.bundled import bundled_units, is_bundled
    from musicgen.corpus.event_build import build_events, check_name
    from musicgen.corpus.midi_folder import find_units
    from musicgen.corpus.sources import music21_version

    bundled = is_bundled(source) and not Path(source).is_dir()
    if not bundled and not name:
        raise ConfigError(f"{source} needs a name as a corpus; give one, as in: musicgen corpus build {source} --name mine")
    named = name or source
    check_name(named, folder)
    units = bundled_units(source) if bundled else find_units(Path(source))
    said = f"music21 {music21_version()}, {source}" if bundled else f"{Path(source).name}, {counted(len(units), 'piece')}"
    tokenizer = tokens.tokenizer()
    with screen.progress("reading") as show:

        def on_progress(done: int, total: int, file: str) -> None:
            show(done / total, f"{done:,} of {total:,}, {file[-40:]}")

        try:
            report = build_events(named, units, said, tokenizer, folder, _engine(workers, on_ray), on_progress, tokens.bpe)
        except KeyboardInterrupt:
            screen.remark("what was read so far is kept; the same command goes on from there")
            raise
    _say(report, as_json)


def _engine(workers: int, on_ray: bool) -> Engine:
    if on_ray:
        from musicgen.corpus.ray_build import ray_engine

        return ray_engine()
    from musicgen.corpus.event_build import local_engine

    return local_engine(workers)


def _say(report: EventReport, as_json: bool) -> None:
    corpus = report.corpus
    if as_json:
        return screen.result_json({**_shown(corpus), "folder": report.folder, "dropped": report.dropped})
    screen.remarks(report.lines())
    if corpus.manifest["dropped"]:
        screen.remark(f"every dropped file and its reason: {report.folder / 'dropped.jsonl'}")
    screen.result(corpus.summary())
    screen.result(report.folder)


def _shown(corpus: EventCorpus) -> dict[str, object]:
    return {
        "name": corpus.name,
        "source": corpus.source,
        "fingerprint": corpus.fingerprint,
        "splits": corpus.counts(),
        "ids": {split: corpus.ids_in(split) for split in corpus.splits},
        "losses": dict(corpus.manifest["losses"]),
    }


def show(corpus: EventCorpus, split: str | None, as_json: bool) -> None:
    """What is in a corpus of events, or the pieces of a split with their numbers of ids."""
    pieces = [{"name": name, "ids": count} for name, count in _named(corpus, split)] if split else []
    if as_json:
        return screen.result_json({**_shown(corpus), **({"pieces": pieces} if split else {})})
    if not split:
        return screen.result(corpus.summary())
    for piece in pieces:
        screen.result(f"{piece['ids']:>7} ids  {piece['name']}")


def _named(corpus: EventCorpus, split: str) -> list[tuple[str, int]]:
    pieces = corpus.pieces(split)
    return list(zip(pieces.names, pieces.lengths().tolist(), strict=True))
