"""The corpus as it is built from the installed music21."""

import shutil
import warnings
from collections import Counter

import numpy as np
import pytest

from musicgen.corpus.build import build_corpus
from musicgen.corpus.sources import bach_folder, read_source
from musicgen.corpus.splits import SPLITS, bach_entries
from musicgen.errors import ConfigError, CorpusError
from musicgen.music.chorale import RANGES, REST
from musicgen.music.pitch import Key


def by_name(corpus, name):
    return next(piece for piece in corpus.all_pieces if piece.name == name)


def test_counts_are_those_of_the_field(bach_corpus):
    assert bach_corpus.counts() == {"train": 224, "valid": 75, "test": 77, "extra": 15}
    assert [len(bach_corpus.pieces(split)) for split in SPLITS] == [224, 75, 77, 15]
    assert len(bach_corpus.pieces("train", near_copies=False)) == 222
    with pytest.raises(CorpusError, match="train, valid"):
        bach_corpus.pieces("dev")


def test_notes_and_fermatas(bach_corpus):
    chorales = [piece.chorale for piece in bach_corpus.all_pieces]
    assert sum(int((chorale.onset & (chorale.pitch != REST)).sum()) for chorale in chorales) == 92_026
    assert sum(int(chorale.fermata.sum()) for chorale in chorales) == 2_411
    lowest = [min(int(c.pitch[v][c.pitch[v] != REST].min()) for c in chorales) for v in range(4)]
    highest = [max(int(c.pitch[v].max()) for c in chorales) for v in range(4)]
    assert list(zip(lowest, highest, strict=True)) == list(RANGES)


def test_every_file_is_a_piece_or_has_a_reason(bach_report):
    kept = {piece.file for piece in bach_report.corpus.all_pieces}
    files = {path.name for path in bach_folder().glob("bwv*")}
    assert kept | set(bach_report.dropped) == files
    assert not kept & set(bach_report.dropped)
    assert bach_report.dropped["bwv279.mxl"] == "the same piece as bwv158.4.mxl"


def test_every_changed_note_is_reported(bach_report):
    assert set(bach_report.bent) == {"bwv185.6", "bwv248.64-s", "bwv299", "bwv315", "bwv36.4-2", "bwv432"}
    assert bach_report.bent["bwv432"][1] == "soprano, bar 4 beat 2.88: G4 is left out: A4 stands on the same sixteenth"
    assert len(bach_report.lines()) == len(bach_report.dropped) + sum(map(len, bach_report.bent.values()))


def test_no_piece_twice_even_transposed(bach_corpus):
    def shape(chorale):
        first = chorale.pitch[0][chorale.pitch[0] != REST][0]
        return np.where(chorale.pitch == REST, -99, chorale.pitch - first).tobytes()

    assert max(Counter(shape(piece.chorale) for piece in bach_corpus.all_pieces).values()) == 1


def test_near_copies_across_splits_are_marked(bach_corpus):
    """A variant of at least 0.95 in a piece's valid or test twin is a mark on the piece outside, in both directions of the table."""
    split = {piece.file: piece.split for piece in bach_corpus.all_pieces}
    for piece in bach_corpus.all_pieces:
        for other, share in piece.variants:
            if share >= 0.95 and other in split and piece.split in ("train", "extra") and split[other] in ("valid", "test"):
                assert split[other] in piece.near_copy_in
    marked = {piece.name: piece.near_copy_in for piece in bach_corpus.all_pieces if piece.near_copy_in}
    assert marked == {"bwv176.6": ("valid",), "bwv324": ("valid",), "bwv416": ("test",), "bwv69.6-a": ("test",)}


@pytest.mark.parametrize("name", ["bwv10.7", "bwv27.6", "bwv120.8-a", "bwv248.9-1", "bwv299", "bwv69.6"])
def test_read_as_music21_reads(name):
    """music21's own parser is the oracle for pitches, times and pick-ups."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from music21 import converter

        entry = next(entry for entry in bach_entries() if entry.name == name)
        stream = converter.parse(bach_folder() / entry.file, forceSource=True)
    score = read_source(bach_folder() / entry.file, entry.parts).score
    for part, index in zip(score.parts, entry.parts, strict=True):
        notes = stream.parts[index].stripTies().flatten().notes
        theirs = [(round(note.offset * 480), round(note.quarterLength * 480), pitch.midi) for note in notes for pitch in note.pitches]
        assert [(note.start, note.duration, note.pitch) for note in part.notes] == theirs


def test_keys_titles_and_bars(bach_corpus):
    assert by_name(bach_corpus, "bwv269").chorale.title == "Aus meines Herzens Grunde (BWV 269)"
    assert by_name(bach_corpus, "bwv269").chorale.key == Key.parse("G major")
    assert by_name(bach_corpus, "bwv10.7").chorale.key == Key.parse("G minor")
    assert by_name(bach_corpus, "bwv244.15").chorale.key == Key.parse("D major")  # only its soprano is marked with four sharps
    mixed = by_name(bach_corpus, "bwv27.6").chorale
    assert [(change.start, str(change.meter)) for change in mixed.meters] == [(0, "4/4"), (224, "3/2")]
    odd = by_name(bach_corpus, "bwv261").chorale  # one bar of two quarters; the bars after it stay where they are written
    assert [change.start for change in odd.meters] == [0, 172]
    assert 164 in odd.bar_starts()


def test_unknown_corpus_names_the_choices(tmp_path):
    with pytest.raises(ConfigError, match="bach-chorales"):
        build_corpus("bach-choral", tmp_path)


def test_damaged_source_file(tmp_path):
    entry = bach_entries()[0]
    shutil.copy(bach_folder() / entry.file, tmp_path)
    copy = tmp_path / entry.file
    copy.write_bytes(copy.read_bytes()[:2000])
    with pytest.raises(CorpusError, match="damaged"):
        read_source(copy, entry.parts)
