"""`musicgen fill` end to end: what is outside the region is in the new file as it was in the old one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_bad_input import REFUSED
from workshop import odd_tune

from musicgen.files import read_score, write_score
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_chorale, to_score
from musicgen.music.score import Note, Part

FLAGSHIP = ()
DICE = ("-m", "dice")
CHOIR = """
    3/4, G major, pickup 4
    S  D5 - - - | D5 - - - E5 - - - D5 - - - | B4 - - - - - - - D5 - - - | G5 - - - F#5 - - - E5 - - - | D5^ - - - - - - -
    A  B4 - - - | B4 - - - C5 - - - B4 - - - | G4 - - - - - - - - - - -  | - - - -  A4 - - -  C5 - - - | B4  - - - - - - -
    T  G4 - - - | G4 - - - G4 - - - G4 - - - | D4 - - - - - - - G4 - - - | G4 - - - D4 - - -  E4 - - - | G4  - - - - - - -
    B  G3 - - - | G3 - - - C3 - - - G3 - - - | G3 - - - - - - - B3 - - - | E3 - - - D3 - - -  C3 - - - | G3  - - - - - - -
    """
KRN = (
    "**kern\t**kern\t**kern\t**kern\n*M4/4\t*M4/4\t*M4/4\t*M4/4\n*k[]\t*k[]\t*k[]\t*k[]\n"
    + "".join(f"={bar}\t={bar}\t={bar}\t={bar}\n" + "2C\t2e\t2g\t2cc\n2GG\t2d\t2g\t2b\n" for bar in (1, 2, 3))
    + "==\t==\t==\t==\n*-\t*-\t*-\t*-\n"
)
ABC = "X:1\nT:Choir\nM:4/4\nL:1/2\nK:C\n" + "".join(
    f"V:{number} name={name}\n{bar}|{bar}|{bar}|]\n"
    for number, name, bar in ((1, "S", "cB"), (2, "A", "GG"), (3, "T", "ED"), (4, "B", "C,G,"))
)


@pytest.fixture
def choir(at_work):
    """A choir of five bars in two formats, its title, tempo and part names its own."""
    score = to_score(Chorale.parse(CHOIR), ("Cantus", "Altus", "Tenor", "Basis"), tempo=66.0)
    score = replace(score, title="Air")
    write_score(score, "choir.musicxml")
    write_score(score, "choir.mid")
    return score


def quarters(score, keep=lambda start, end: True):
    """Start, length, pitch, spelling and fermata of each part's notes, in quarters."""
    unit = score.ticks_per_quarter
    return [
        [(n.start / unit, n.duration / unit, n.pitch, n.spelling, n.fermata) for n in part.notes if keep(n.start / unit, n.end / unit)]
        for part in score.parts
    ]


def outside(start, end):
    """Notes that lie outside of bar 2, which is from quarter 4 to 7."""
    return end <= 4 or start >= 7


@pytest.mark.parametrize("model", [FLAGSHIP, DICE])
@pytest.mark.parametrize("suffix", ["musicxml", "mid"])
def test_a_bar_is_rewritten_and_the_rest_stays(good, choir, suffix, model):
    source = f"choir.{suffix}"
    out = good("fill", source, "--bars", "2", "--voices", "STB", "--seed", "3", *model, "-o", "a.musicxml", "-o", "a.mid")
    assert out.split() == ["a.musicxml", "a.mid"]
    before, after = read_score(source), read_score(f"a.{suffix}")
    assert quarters(after, outside) == quarters(before, outside)
    assert after.parts[1] == before.parts[1]
    assert quarters(after) != quarters(before)
    for score in (after, read_score("a.musicxml"), read_score("a.mid")):
        assert [(part.name, part.program) for part in score.parts] == [(part.name, part.program) for part in choir.parts]
        assert score.title == "Air"
        assert [(str(change.key), change.start) for change in score.keys] == [("G major", 0)]
        assert [(str(change.meter), change.start) for change in score.meters] == [("3/4", 0)]
        assert score.tempos[0].quarters_per_minute == 66
        assert score.pickup == score.ticks_per_quarter
    written, played = (to_chorale(read_score(f"a.{kind}")).chorale for kind in ("musicxml", "mid"))
    assert (written.pitch == played.pitch).all()
    assert (written.onset == played.onset).all()


def test_what_becomes_of_notes_at_the_edges_is_said(run, choir):
    where = ("--from", "2:2", "--to", "3:1", "--voices", "sa", *DICE)
    _, _, err = run("fill", "choir.musicxml", *where, "-o", "a.mid")
    lines = err.splitlines()
    assert lines[0] == "rewritten: soprano, alto; from bar 2 beat 2 up to bar 3 beat 1"
    assert "soprano, bar 2 beat 1: B4 reaches into the region: it ends where the composer ends it" in lines
    assert "alto, bar 3 beat 1: G4 began in the region and is held out of it: struck again here" in lines
    code, out, err = run("fill", "choir.musicxml", *where, "-o", "b.mid", "--json")
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["remarks"] == lines[: len(report["remarks"])]
    assert set(report) == {"model", "remarks", "pieces", "seconds"}


def test_equal_seeds_count_and_names(good, choir):
    report = json.loads(good("fill", "choir.mid", "--bars", "1,3", "--count", "2", "--seed", "3", "-o", "f.mid", "--json"))
    assert [(piece["seed"], piece["files"]) for piece in report["pieces"]] == [(3, ["f-001.mid"]), (4, ["f-002.mid"])]
    good("fill", "choir.mid", "--bars", "1", "--bars", "3", "--seed", "4", "-o", "one.mid")
    assert Path("f-001.mid").read_bytes() != Path("f-002.mid").read_bytes() == Path("one.mid").read_bytes()
    assert good("fill", "choir.mid", "--voices", "A", *DICE).split() == [
        f"out/choir-filled.{suffix}" for suffix in ("mid", "musicxml", "svg")
    ]


def test_every_bar_and_the_pickup_can_be_rewritten(good, choir):
    for number in range(5):
        good("fill", "choir.musicxml", "--bars", number, *DICE, "--seed", "1", "-o", "a.musicxml")
        span = (0, 1) if number == 0 else (3 * number - 2, 3 * number + 1)
        before, after = (
            quarters(score, lambda start, end, span=span: end <= span[0] or start >= span[1]) for score in (choir, read_score("a.musicxml"))
        )
        assert after[0] == before[0]
        assert after[2:] == before[2:]
        assert quarters(read_score("a.musicxml")) != quarters(choir)


def test_triplets_and_grace_notes_around_the_region_come_back(good):
    tune = odd_tune()
    others = [
        Part(name, tuple(Note(start, 960, pitch) for start in range(0, 3840, 960))) for name, pitch in (("A", 60), ("T", 55), ("B", 48))
    ]
    write_score(replace(tune, parts=(replace(tune.parts[0], name="S"), *others)), "odd.musicxml")
    out = good("fill", "odd.musicxml", "--bars", "2", *DICE, "-o", "a.musicxml", "-o", "a.svg")
    assert out.split() == ["a.musicxml", "a.svg"]
    before, after = (quarters(read_score(path), lambda start, end: start < 4) for path in ("odd.musicxml", "a.musicxml"))
    assert before == after
    assert len(before[0]) == 8


@pytest.mark.parametrize(("name", "text"), [("choir.krn", KRN), ("choir.abc", ABC)])
def test_kern_and_abc(good, at_work, name, text):
    Path(name).write_text(text)
    good("fill", name, "--bars", "2", *DICE, "--seed", "1", "-o", "a.musicxml")
    before, after = (quarters(read_score(path), lambda start, end: end <= 4 or start >= 8) for path in (name, "a.musicxml"))
    assert sorted(before) == sorted(after)
    assert sum(map(len, before)) == 16


def test_two_staves_are_read_and_written(good, choir):
    good("fill", "choir.musicxml", "--bars", "2", *DICE, "--layout", "two-staff", "--seed", "1", "-o", "a.musicxml")
    assert Path("a.musicxml").read_text().count("<score-part ") == 2
    good("fill", "a.musicxml", "--bars", "3", *DICE, "--voices", "TB", "-o", "b.musicxml")
    before, after = (to_chorale(read_score(path)).chorale for path in ("a.musicxml", "b.musicxml"))
    assert (before.pitch[:2] == after.pitch[:2]).all()
    assert (before.pitch[2:, 28:40] != after.pitch[2:, 28:40]).any()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "no region is named; name bars like 5-8, a beginning and an end like 3:2 and 5:1, or voices like ATB"),
        (("--bars", "3-9"), "choir.mid: there is no bar 9; the piece has bars 0 to 4; bar 0 is the pick-up"),
        (("--bars", "3-2"), "choir.mid: bars 3-2 run backwards; write 2-3"),
        (("--bars", "-1"), "choir.mid: '-1' names no bars; write like 5, 5-8 or 2,5-8"),
        (("--bars", "2", "--voices", "X"), "choir.mid: 'X' names no voices; write one or more of the letters SATB"),
        (("--bars", "2", "--to", "3:1"), "not by both"),
        (("--from", "2:4"), "choir.mid: bar 2, in 3/4, has no beat 4; its beats are 1 to 3"),
        (("--from", "2"), "choir.mid: '2' is no place; write bar and beat, like 3:2 or 3:2.5"),
        (("--from", "3:2", "--to", "3:1"), "choir.mid: a region from 3:2 to 3:1 holds nothing"),
        (("--bars", "2", "-o", "choir.mid"), "would be overwritten"),
        (("--bars", "2", "-o", "a.gif"), ".gif files cannot be written"),
        (("--bars", "2", "-o", "no/a.mid"), "the folder no does not exist"),
        (("--bars", "2", "-m", "nobody"), "no model named 'nobody'"),
        (("--bars", "2", "--seed", "-1"), "--seed"),
        (("--bars", "2", "--temperature", "nan"), "temperature"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(refused, choir, arguments, problem):
    assert problem in refused("fill", "choir.mid", *arguments, *([] if "-o" in arguments else ["-o", "a.mid"]))


def test_other_numbers_of_voices_name_the_file_and_its_parts(refused):
    line = refused("fill", "tune.musicxml", "--bars", "1", *DICE, "-o", "a.mid")
    assert "tune.musicxml: four voices are needed, soprano to bass, and 1 is found; the score's parts are 1 Flute" in line
    assert "missing.mid" in refused("fill", "missing.mid", "--bars", "1", "-o", "a.mid")


def test_notes_that_a_model_does_not_know_are_refused_with_their_place(refused, good, choir):
    parts = list(choir.parts)
    parts[3] = replace(parts[3], notes=(replace(parts[3].notes[0], pitch=30, spelling=None), *parts[3].notes[1:]))
    write_score(replace(choir, parts=tuple(parts)), "low.mid")
    assert "low.mid: bass, bar 0 beat 3: F#1 is outside the C2 to A5 that this model knows" in refused(
        "fill", "low.mid", "--bars", "2", "-o", "a.mid"
    )
    good("fill", "low.mid", "--bars", "0", "-o", "a.mid")  # what is rewritten is not read


def test_a_rhythm_that_cannot_be_notated_is_refused_before_sampling(refused, choir, monkeypatch):
    write_score(replace(choir, parts=(Part("Cantus", (Note(0, 333, 72), Note(333, 4000, 72))), *choir.parts[1:])), "live.mid")
    monkeypatch.setattr("musicgen.steering.tasks.load_composer", lambda *_: pytest.fail("a model was loaded"))
    assert "x.musicxml: not written: Cantus" in refused("fill", "live.mid", "--bars", "2", *DICE, "-o", "x.mid", "-o", "x.musicxml")
    assert not list(Path().glob("x.*"))


@pytest.mark.parametrize("name", REFUSED)
def test_bad_files_are_refused_by_name(refused, at_work, name):
    Path(name).write_bytes(REFUSED[name][0])
    assert refused("fill", name, "--bars", "1", *DICE, "-o", "a.mid").startswith(f"musicgen: error: {name}: ")
