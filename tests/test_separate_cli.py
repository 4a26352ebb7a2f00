"""`separate`, `evaluate separation`, `corpus gather` and `--separate`, as a user calls them."""

import json
from collections import Counter

import pytest
from test_architecture import choir

from musicgen.files.io import read_score, write_score
from musicgen.music.convert import to_score
from musicgen.music.score import Note, Part, Score


@pytest.fixture
def piano(at_work):
    """A choir of 20 notes a voice in one part."""
    score = to_score(choir(bars=4))
    notes = tuple(sorted((note for part in score.parts for note in part.notes), key=lambda note: note.start))
    write_score(Score((Part("Piano", notes, 0),), keys=score.keys), at_work / "piano.mid")
    return notes


def sounds(notes):
    return Counter((note.start, note.duration, note.pitch) for note in notes)


@pytest.mark.parametrize("method", ["rule", "network"])
def test_every_note_is_in_the_file_that_is_written(method, piano, good):
    assert good("separate", "piano.mid", "-o", "out.mid", "-o", "out.musicxml", "--method", method) == "out.mid\nout.musicxml\n"
    for name in ("out.mid", "out.musicxml"):
        score = read_score(name)
        scale = 480 // score.ticks_per_quarter
        found = [Note(scale * note.start, scale * note.duration, note.pitch) for part in score.parts for note in part.notes]
        assert sounds(found) == sounds(piano)


def test_json_says_how_many_notes_each_voice_got(piano, good):
    told = json.loads(good("separate", "piano.mid", "-o", "out.mid", "--method", "rule", "--part", "Piano", "--json"))
    assert told["method"] == "rule"
    assert sum(told["notes"].values()) == len(piano)
    assert told["files"] == ["out.mid"]


def test_bad_input_is_refused_in_a_line(piano, refused):
    assert "there is no part '2'" in refused("separate", "piano.mid", "--part", "2", "-o", "out.mid")
    assert "no way to separate is named 'nets'" in refused("separate", "piano.mid", "--method", "nets", "-o", "out.mid")
    assert "tells no voices apart" in refused("separate", "piano.mid", "--method", "flagship", "-o", "out.mid")
    assert "this is the source itself" in refused("separate", "piano.mid", "-o", "piano.mid")
    assert "writes no music, it is for `musicgen separate`" in refused("compose", "--model", "separator", "-o", "out.mid")


def test_a_crowd_names_the_file_and_the_place(at_work, refused):
    write_score(Score((Part("Piano", tuple(Note(480, 480, 50 + 4 * number) for number in range(5))),)), at_work / "crowd.mid")
    assert "crowd.mid: up to 5 notes sound at once, four voices sing 4: bar 1 beat 2" in refused("separate", "crowd.mid", "-o", "out.mid")


def test_a_piano_score_is_harmonized_anew_under_its_tune(piano, good):
    good("harmonize", "piano.mid", "--separate", "-o", "out.mid", "--seed", "1")
    made, told = read_score("out.mid"), json.loads(good("separate", "piano.mid", "-o", "s.mid", "--json"))
    assert [part.name for part in made.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert len(made.parts[0].notes) == told["notes"]["soprano"]
    assert sounds(made.parts[0].notes) == sounds(read_score("s.mid").parts[0].notes)


def test_both_methods_are_measured_side_by_side(good):
    reports = json.loads(good("evaluate", "separation", "--json", "--voices", "SB"))
    assert [report["method"] for report in reports] == ["separator", "rule"]
    assert all(0 < report["accuracy"] <= 1 for report in reports)
    assert "SATB merged" in good("evaluate", "separation", "--method", "rule", "--semitones", "5")


def test_what_the_network_learned_from_is_not_measured(refused):
    assert "separator has learned from the train split" in refused("evaluate", "separation", "--split", "train")


def test_a_folder_of_scores_becomes_a_corpus(piano, good, refused, at_work):
    (at_work / "scores").mkdir()
    (at_work / "piano.mid").rename(at_work / "scores" / "piano.mid")
    assert "mine: 1 pieces (1 train)" in good("corpus", "gather", "scores", "mine", "--separate", "--folder", "made")
    assert "1 pieces" in good("corpus", "show", "made/mine")
    assert "cannot be the name" in refused("corpus", "gather", "scores", "bach-chorales", "--folder", "made")
