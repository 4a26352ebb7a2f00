import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from oddities import chorale, line, score
from sung import HYMN

from musicgen.errors import ConfigError
from musicgen.files.musicxml_write import musicxml_bytes
from musicgen.music.score import FiguresAt
from musicgen.rendering.edition import Edition
from musicgen.rendering.engraving import svg_pages


def elements(score, edition):
    return ET.fromstring(musicxml_bytes(edition.written(score), edition.layout))


def test_a_plain_edition_changes_nothing():
    assert Edition().written(HYMN) == HYMN


def test_clefs_are_written_at_the_first_bar():
    root = elements(chorale(), Edition(clefs="c"))
    assert [(clef.findtext("sign"), clef.findtext("line")) for clef in root.iter("clef")] == [
        ("C", "1"),
        ("C", "3"),
        ("C", "4"),
        ("F", "4"),
    ]


def test_clefs_of_voices_that_share_a_staff_are_refused():
    with pytest.raises(ConfigError, match="a staff for each voice"):
        Edition(layout="two-staff", clefs="c")


@pytest.mark.parametrize("layout", ["open", "two-staff"])
def test_figures_stand_before_notes_of_the_bass_and_fill_its_time(layout):
    root = elements(chorale(), Edition(layout, figures=True))
    *upper, lowest = root.findall("part")
    assert not any(part.find(".//figured-bass") for part in upper)
    told = [
        (bar.get("number"), [(figure.findtext("prefix"), figure.findtext("figure-number")) for figure in figures.iter("figure")])
        for bar in lowest.findall("measure")
        for figures in bar.iter("figured-bass")
    ]
    assert told[0] == ("1", [("sharp", None)])
    for bar in lowest.findall("measure"):
        children = list(bar)
        for index, child in enumerate(children):
            if child.tag == "figured-bass":
                after = next(each for each in children[index:] if each.tag == "note")
                total = sum(int(each.findtext("duration")) for each in children[: index + 1] if each.tag == "figured-bass")
                assert after.find("rest") is None
                assert total > 0


def test_figures_are_said_again_after_a_barline_and_not_under_a_tie():
    tied = replace(
        score(line("E5:6 F5:2"), line("C4:5/2 D4:11/2")), figures=(FiguresAt(0, 1200, ((6, None),)), FiguresAt(1200, 3360, ((7, None),)))
    )
    told = [
        (bar.get("number"), figures.findtext("figure/figure-number"), figures.findtext("duration"))
        for bar in elements(tied, Edition()).findall("part")[1].findall("measure")
        for figures in bar.iter("figured-bass")
    ]
    assert [each[:2] for each in told] == [("1", "6"), ("1", "7"), ("2", "7")]  # the first bar has 2 + 1/2, 3/2


@pytest.mark.parametrize(("choir", "clefs"), [("SATB", "G2 F4"), ("SSAA", "G2 G2"), ("TTBB", "G2-1 F4")])
def test_voices_that_share_a_staff_share_their_clef(choir, clefs):
    found = elements(chorale(choir=choir), Edition("two-staff")).iter("clef")
    told = (clef.findtext("sign") + clef.findtext("line") + clef.findtext("clef-octave-change", "") for clef in found)
    assert " ".join(told) == clefs


def test_figures_and_words_are_in_the_picture():
    (page, *_) = svg_pages(Edition(figures=True).written(chorale()))
    assert page.count('class="fb"') == len(Edition(figures=True).written(chorale()).figures)
    (page, *_) = svg_pages(HYMN)
    assert page.count('class="verse"') == sum(len(note.lyrics) for note in HYMN.parts[0].notes)
    assert page.count('class="slur"') == 3


def test_a_hymn_book_has_the_words_once():
    four = chorale()
    sung = Edition(lyrics="all").written(with_tune_words(four))
    assert len(list(elements(with_tune_words(four), Edition(lyrics="all")).iter("lyric"))) > 2 * len(four.parts[0].notes)
    root = ET.fromstring(musicxml_bytes(sung, "two-staff"))
    assert [bool(part.findall(".//lyric")) for part in root.findall("part")] == [True, False]
    assert root.findtext(".//group-barline") == "no"  # it would run through the words
    assert not list(elements(with_tune_words(four), Edition(lyrics="none")).iter("lyric"))


def test_midi_has_the_words_that_are_asked_for():
    sung = {lyrics: Edition(lyrics=lyrics).played(with_tune_words(chorale())) for lyrics in ("tune", "all", "none")}
    has = {lyrics: [any(note.lyrics for note in part.notes) for part in score.parts] for lyrics, score in sung.items()}
    assert has == {"tune": [True, False, False, False], "all": [True] * 4, "none": [False] * 4}


def with_tune_words(score):
    from dataclasses import replace

    from sung import sung

    notes = sung(score.parts[0].notes, "la " * 20)
    return replace(score, parts=(replace(score.parts[0], notes=notes), *score.parts[1:]))
