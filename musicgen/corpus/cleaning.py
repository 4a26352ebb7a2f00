"""What is dropped, bent or found out on the way from a source file to a piece, and why."""

from __future__ import annotations

from musicgen.corpus.sources import SourceFile
from musicgen.corpus.splits import SplitEntry
from musicgen.corpus.store import Piece
from musicgen.music.chorale import REST, Chorale
from musicgen.music.convert import to_chorale
from musicgen.music.pitch import Key


def drop_reason(entry: SplitEntry) -> str:
    """Why a file is no piece of the corpus; empty if it is one."""
    return f"the same piece as {entry.duplicate_of}" if entry.duplicate_of else ""


def make_piece(entry: SplitEntry, source: SourceFile) -> Piece:
    """The chorale on the grid, with its mode found and a sentence for every note that was changed."""
    conversion = to_chorale(source.score, range(len(entry.parts)))
    chorale = conversion.chorale
    chorale = chorale.replaced(key=Key(chorale.key.fifths, "major" if ends_in_major(chorale) else "minor"), title=title_of(entry))
    variants = tuple(sorted((entry.variants or {}).items()))
    return Piece(entry.name, entry.split, chorale, entry.near_copy_in, variants, conversion.report, entry.file, source.sha256)


def ends_in_major(chorale: Chorale) -> bool:
    """The mode of a notated key, from the last bass note: the final of a major-like mode (ionian, mixolydian, lydian) or not.

    The files' own mode marks differ between the voices of one piece, and the last chord's third is raised in minor as often as not.
    """
    bass = chorale.pitch[-1]
    final = int(bass[bass != REST][-1])
    return (7 * final - chorale.key.fifths + 1) % 12 in (0, 1, 2)


def title_of(entry: SplitEntry) -> str:
    """`Aus meines Herzens Grunde (BWV 269)`; the files themselves carry their own names as titles."""
    number = entry.name.replace("bwv", "BWV ")
    return f"{entry.title} ({number})" if entry.title else number
