"""`roll` and `thought`, as a user calls them."""

import json

from test_architecture import choir

from musicgen.files.io import write_score
from musicgen.music.convert import to_score


def test_roll_draws_and_counts(good) -> None:
    assert good("roll", "tune.mid", "-o", "r.svg", "--bars", "2") == "r.svg\n"
    told = json.loads(good("roll", "tune.mid", "--bars", "2", "--given", "tune.mid", "--json"))
    assert [(note["pitch"], note["start"], note["given"]) for note in told["notes"]] == [
        ("D5", 4.0, True), ("B4", 5.0, True), ("A4", 6.0, True), ("G4", 7.0, True),
    ]  # fmt: skip
    assert told["files"] == []


def test_given_notes_that_are_not_there_are_counted(at_work, run) -> None:
    write_score(to_score(choir(bars=1)), at_work / "choir.mid")
    assert "notes of tune.mid are not in choir.mid" in run("roll", "choir.mid", "--given", "tune.mid", "-o", "r.svg")[2]
    assert "are not in" not in run("roll", "tune.mid", "--given", "tune.mid", "-o", "r.svg")[2]


def test_thought_tells_the_numbers_of_a_tune_that_is_harmonized_now(good) -> None:
    told = json.loads(good("thought", "tune.mid", "--at", "A 1:2", "--no-influence", "--seed", "1", "--json"))
    assert told["kind"] == "exact"
    assert {note["given"] for note in told["notes"] if note["voice"] == "soprano"} == {True}
    assert all(0 < note["p"] < 1 for note in told["notes"] if note["voice"] != "soprano")
    (spot,) = told["spots"]
    assert (spot["voice"], spot["place"]) == ("alto", "bar 1 beat 2")
    assert sum(choice["taken"] for choice in spot["choices"]) == 1


def test_thought_of_a_score_keeps_the_voices_that_are_named(at_work, good) -> None:
    write_score(to_score(choir(bars=1)), at_work / "choir.mid")
    told = json.loads(good("thought", "choir.mid", "--model", "deepbach", "--keep", "SB", "--json"))
    assert told["kind"] == "pseudo"
    assert {note["voice"] for note in told["notes"] if note["given"]} == {"soprano", "bass"}
    assert {note["voice"] for note in told["influence"]} == {"soprano", "bass"}
    assert told["nats"] > 0


def test_what_cannot_be_drawn_or_asked_is_refused_in_a_line(at_work, refused) -> None:
    write_score(to_score(choir(bars=1)), at_work / "choir.mid")
    assert ".gif files cannot be drawn; choices: .pdf, .png, .svg" in refused("roll", "choir.mid", "-o", "r.gif")
    assert "choir.mid: there is no bar 9" in refused("roll", "choir.mid", "--bars", "9", "-o", "r.svg")
    assert "rules states no probability of single notes" in refused("thought", "choir.mid", "--model", "rules", "-o", "t.svg")
    assert "what stands here is given" in refused("thought", "choir.mid", "--keep", "S", "--at", "S 1:1", "-o", "t.svg")
