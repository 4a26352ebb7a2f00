from pathlib import Path

import pytest

from musicgen.corpus import traditions
from musicgen.corpus.splits import bach_entries
from musicgen.corpus.traditions import (
    Source,
    bach_pieces,
    build_traditions,
    chosen_chorales,
    find_sources,
    labelled,
    main_meter,
    split_works,
)
from musicgen.errors import FileError
from musicgen.music.score import Meter, MeterAt, Note, Part, Score


@pytest.fixture(scope="module")
def sources():
    return {of_kind[0].tradition: of_kind for of_kind in find_sources()}


def test_masses_quartets_and_tunes_are_works(sources):
    counts = {name: (len(of_kind), len({source.work for source in of_kind})) for name, of_kind in sources.items()}
    assert counts["Palestrina mass"] == (1318, 101)
    assert counts["Classical string quartet"] == (46, 16)
    assert counts["Irish dance tune"][1] > 1000
    assert not any(source.work == "k545" for source in sources["Classical string quartet"])


@pytest.mark.parametrize("tradition", ["Palestrina mass", "Classical string quartet", "German folk song"])
def test_a_work_is_in_one_split_and_each_has_its_share(sources, tradition):
    of_kind = sources[tradition]
    splits = split_works(of_kind)
    assert splits == split_works(of_kind[::-1])
    shares = [sum(splits[source.work] == split for source in of_kind) / len(of_kind) for split in ("train", "valid", "test")]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.1)


def test_bach_keeps_his_splits_without_near_copies():
    chosen = chosen_chorales(1000)
    assert [entry.near_copy_in for entry in chosen if entry.near_copy_in] == []
    assert {entry.split for entry in chosen} == {"train", "valid", "test"}
    assert any(entry.near_copy_in for entry in bach_entries())
    pieces = bach_pieces(10)
    splits = {entry.name: entry.split for entry in bach_entries()}
    assert [piece.split for piece in pieces] == ["train"] * 6 + ["valid"] * 2 + ["test"] * 2
    assert all(splits[piece.name] == piece.split for piece in pieces)
    assert all(piece.facts["voices"] == "4" and piece.facts["mode"] in ("major", "minor") for piece in pieces)


def test_a_small_corpus_of_tunes_is_built_with_what_their_source_says(sources, tmp_path, monkeypatch):
    broken = Source("Irish dance tune", "broken", tmp_path / "x.abc", "broken", text="X:1\nK:C\n")
    few = [*sources["Irish dance tune"][:3], broken]
    monkeypatch.setattr(traditions, "find_sources", lambda: [few])
    report = build_traditions(tmp_path, most=5)
    tunes = [piece for piece in report.corpus.all_pieces if piece.facts["tradition"] == "Irish dance tune"]
    assert len(tunes) == 3
    assert list(report.dropped) == ["Irish dance tune, broken"]
    assert tunes[0].facts["voices"] == "1"
    assert {"mode", "meter"} <= set(tunes[0].facts)
    assert (tunes[0].notes[1] > tunes[0].notes[0]).all()


def test_bars_cut_short_do_not_hide_the_meter():
    part = Part("", (Note(0, 480 * 40, 60),))
    changes = (MeterAt(0, Meter(3, 4)), MeterAt(480 * 6, Meter(1, 4)), MeterAt(480 * 7, Meter(3, 4)))
    assert main_meter(Score((part,), meters=changes)) == "3/4"
    assert main_meter(Score((part,), meters=(MeterAt(0, Meter(3, 4)), MeterAt(480 * 20, Meter(2, 4))))) == ""


def test_a_piece_of_few_notes_is_left_out():
    with pytest.raises(FileError, match="only 1 note"):
        labelled(Source("Irish dance tune", "one", Path("one.abc"), "one"), Score((Part("", (Note(0, 480, 60),)),)), "train")
