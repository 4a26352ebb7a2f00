"""Compare: sets beside Bach and dice, as a table, as lines and as a page that opens offline."""

import re
from dataclasses import replace

import pytest

from musicgen.errors import NotationError
from musicgen.evaluation.compare import compare
from musicgen.evaluation.compare_page import report_page
from musicgen.evaluation.compare_text import columns_of, table_lines
from musicgen.evaluation.sets import Asked

ODD_NAME = "a <b> & $c$"


@pytest.fixture(scope="module")
def corpus(bach_corpus):
    chosen = [piece for split, count in (("train", 12), ("valid", 4), ("test", 6)) for piece in bach_corpus.pieces(split)[:count]]
    return replace(bach_corpus, all_pieces=tuple(chosen))


@pytest.fixture(scope="module")
def table(corpus):
    copies = [piece.chorale for piece in corpus.pieces("train")[:3]]
    return compare({ODD_NAME: copies}, corpus, asked=Asked(count=2, bars=4), discriminator=False)


def test_bach_is_nearest_and_dice_are_farthest(table, corpus):
    copies, bach, dice = table.rows
    assert (copies.name, bach.name, dice.name) == (ODD_NAME, "bach", "dice")
    assert list(bach.set.pieces) == [piece.name for piece in corpus.pieces("test")]
    assert table.distance_from_bach(bach) == pytest.approx(1)
    assert table.distance_from_bach(dice) > 2
    assert dice.grade.value > 4 * bach.grade.value
    assert dice.farness(dice.farthest()[0]) > 3
    assert copies.copying.copied == 3
    assert dice.copying.copied == 0


def test_without_a_corpus_and_references_there_are_style_measures_alone(table):
    alone = compare({"x": list(table.rows[0].set.pieces.values())}, references=False)
    assert [row.name for row in alone.rows] == ["x"]
    assert alone.rows[0].inside == table.rows[0].inside
    assert [column.head for column in columns_of(alone)] == ["pieces", "inside"]
    with pytest.raises(NotationError, match="no sets to compare"):
        compare({}, references=False)


def test_lines_have_a_row_a_set_and_say_what_could_not_be_measured(corpus):
    lines = list(table_lines(compare({}, corpus, asked=Asked(count=2, bars=4))))
    assert lines[0].split()[0] == "pieces"
    assert [line.split()[:2] for line in lines[1:3]] == [["bach", "6"], ["dice", "2"]]
    assert any(line.startswith("dice, farthest from Bach: ") for line in lines)
    assert any(line.startswith("dice, not measured: ") and "at least 10 are needed" in line for line in lines)


def test_the_page_holds_everything_it_shows(table):
    alone = compare({ODD_NAME: list(table.rows[0].set.pieces.values())}, references=False)
    page = report_page(alone, "musicgen compare x").decode()
    assert "a &lt;b&gt; &amp; $c$" in page
    assert "<b>" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*', page)
    assert page.count("<audio") == 1
    assert "musicgen compare x" in page
