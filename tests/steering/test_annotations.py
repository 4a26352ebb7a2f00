from dataclasses import replace

import mido
import pytest
from music21 import converter
from pieces import CADENCES, drawn

from musicgen.errors import NotationError
from musicgen.files import read_score, write_score
from musicgen.music.convert import to_chorale, to_score
from musicgen.music.resolution import rescaled
from musicgen.music.score import Note, Part, TextAt
from musicgen.rendering.engraving import plain_text, svg_pages
from musicgen.steering.annotations import marked


@pytest.fixture(scope="module")
def bach(bach_pieces):
    """BWV 197.10: B minor with phrases in D major and a pick-up."""
    (chorale,) = [piece.chorale for piece in bach_pieces if "(BWV 197.10)" in piece.chorale.title]
    return chorale


def test_marks_are_numerals_keys_and_cadences_at_their_ticks(bach):
    score = marked(to_score(bach), bach)
    quarter = score.ticks_per_quarter
    assert score.marks[:3] == (TextAt(0, "i\nb:", False), TextAt(2 * quarter, "V6", False), TextAt(3 * quarter, "i", False))
    assert [(mark.start / quarter, mark.text) for mark in score.marks if mark.is_above] == [
        (8, "half, B minor"),
        (17, "perfect authentic, B minor"),
        (27, "perfect authentic, D major"),
        (35, "perfect authentic, B minor"),
    ]


def test_marks_change_no_note(bach):
    score = to_score(bach)
    assert replace(marked(score, bach), marks=()) == score
    assert to_chorale(marked(score, bach)).chorale == to_chorale(score).chorale


def test_coarse_ticks_are_made_finer_and_marks_go_with_them(bach):
    coarse = rescaled(to_score(bach), 2)  # nothing in it is shorter than an eighth
    score = marked(coarse, bach)
    assert score.ticks_per_quarter == 4
    assert rescaled(score, 480).marks == marked(to_score(bach), bach).marks


@pytest.mark.parametrize("layout", ["open", "two-staff"])
def test_music21_reads_the_marks_where_they_stand(bach, tmp_path, layout):
    score = marked(to_score(bach), bach)
    write_score(score, tmp_path / "m.musicxml", layout=layout)
    stream = converter.parse(tmp_path / "m.musicxml")
    top, bottom = (
        sorted((float(text.getOffsetInHierarchy(stream)), text.content) for text in part.recurse().getElementsByClass("TextExpression"))
        for part in (stream.parts[0], stream.parts[-1])
    )
    quarter = score.ticks_per_quarter
    assert top == [(mark.start / quarter, mark.text) for mark in score.marks if mark.is_above]
    assert bottom == [(mark.start / quarter, mark.text) for mark in score.marks if not mark.is_above]


def test_midi_has_markers_and_texts_and_the_same_notes(bach, tmp_path):
    score = marked(to_score(bach), bach)
    write_score(score, tmp_path / "m.mid")
    write_score(to_score(bach), tmp_path / "plain.mid")
    events, tick = [], 0
    for message in mido.MidiFile(tmp_path / "m.mid", charset="utf-8").tracks[0]:
        tick += message.time
        if message.type in ("marker", "text") and message.text != "fermata":
            events.append((tick, message.type, message.text.removesuffix(", fermata")))
    expected = [(mark.start, "marker" if mark.is_above else "text", mark.text.replace("\n", " ")) for mark in score.marks]
    assert sorted(events) == sorted(expected)
    assert read_score(tmp_path / "m.mid") == read_score(tmp_path / "plain.mid")


def test_a_marked_file_is_read_as_the_plain_one(bach, tmp_path):
    write_score(marked(to_score(bach), bach), tmp_path / "m.musicxml")
    write_score(to_score(bach), tmp_path / "plain.musicxml")
    marked_score, plain = read_score(tmp_path / "m.musicxml"), read_score(tmp_path / "plain.musicxml")
    assert (marked_score, marked_score.remarks) == (plain, plain.remarks)


def test_the_key_stands_under_its_numeral_in_print(bach):
    (page,) = svg_pages(marked(to_score(bach), bach))
    for svg in (page, plain_text(page)):
        assert "perfect authentic, D major" in svg
        assert "viio6" in svg
        assert svg.index("vi7") < svg.index("D:") < svg.index("V65")
    spans = plain_text(page)
    assert 'y="' in spans[: spans.index("D:")].rsplit("<tspan", 1)[1]


def test_another_piece_is_refused(bach):
    with pytest.raises(NotationError, match="use its own"):
        marked(to_score(drawn(CADENCES["half"])), bach)


def test_another_part_may_go_on_after_the_voices(bach):
    score = to_score(bach)
    organ = Part("Organ", (Note(0, 2 * score.end, 48),))
    longer = replace(score, parts=(*score.parts, organ))
    assert marked(longer, bach).marks == marked(score, bach).marks
