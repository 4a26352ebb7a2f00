"""What is asked on the command line: every option alone, request files, reports, and errors with a caret."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_fill import CHOIR

from musicgen.files import read_score, write_score
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_chorale, to_score
from musicgen.music.score import Note, Part
from musicgen.steering.request import Request

DICE = ("-m", "dice")
PLAIN = (*DICE, "--bars", "4", "--key", "A minor", "--pickup", "0", "--seed", "1")


@pytest.fixture
def choir(at_work):
    score = to_score(Chorale.parse(CHOIR))
    write_score(score, "choir.musicxml")
    return score


def composed(good, *asked):
    good("compose", *PLAIN, *asked, "-o", "a.musicxml")
    return to_chorale(read_score("a.musicxml")).chorale


def test_pin(good):
    piece = composed(good, "--pin", "B 2:3 E3", "--pin", "S 1:1-2:1 A4 B4 C5 B4")
    assert piece.pitch[3, 24:28].tolist() == [52] * 4
    assert [note.pitch for note in piece.notes(0)][:4] == [69, 71, 72, 71]


def test_avoid(good):
    piece = composed(good, "--avoid", "T >F4", "--avoid", "SA 1-2 A4 C5")
    assert piece.pitch[2].max() <= 65
    assert not set(piece.pitch[:2, :32].ravel().tolist()) & {69, 72}


def test_only(good):
    assert set((composed(good, "--only", "A 1-2 E G#").pitch[1, :32] % 12).tolist()) <= {4, 8}


def test_chords(good):
    piece = composed(good, "--chords", "i V6 | i . iv V")
    assert set((piece.pitch[:, :8] % 12).ravel().tolist()) <= {9, 0, 4}
    assert (piece.pitch[3, 8:16] % 12 == 8).all()
    loose = composed(good, "--chords", "1:1 Am, 1:3 E7/G#, 2:1 Am", "--chord-mode", "loose")
    assert (loose.pitch[3, 8] % 12) == 8


def test_the_chords_of_a_lead_sheet(good, refused):
    Path("song.abc").write_text('X:1\nM:4/4\nL:1/4\nK:G\n"G"G A "D7/F#"A c|"G"B B G2|]\n')
    good("harmonize", "song.abc", "--chords", "song.abc", *DICE, "--seed", "1", "-o", "a.musicxml")
    bass = to_chorale(read_score("a.musicxml")).chorale.pitch[3] % 12
    assert (bass[8:16] == 6).all()
    assert set(bass[16:].tolist()) <= {7, 11, 2}
    assert "no chord symbols" in refused("harmonize", "tune.abc", "--chords", "tune.abc", *DICE, "-o", "b.mid")


def test_what_was_asked_is_not_missed(run):
    """What a tune does not say is remarked, but not where it is asked for."""
    Path("song.abc").write_text('X:1\nM:4/4\nL:1/4\nK:G\n"G"G A B c|"C"c B A G|"D7"A A B c|"G"B B G2|]\n')
    plain = run("harmonize", "song.abc", *DICE, "--seed", "1", "-o", "a.mid")[2]
    assert "chord symbols are left out; --chords FILE asks for them" in plain
    assert "phrase ends were assumed; to choose, mark them with fermatas, or say --phrases" in plain
    asked = run("harmonize", "song.abc", "--chords", "song.abc", "--phrases", "2+2", *DICE, "--seed", "1", "-o", "a.mid")[2]
    assert "chord symbols" not in asked
    assert "phrase ends" not in asked


def test_a_tune_that_was_played_is_told_in_a_sentence(run, choir):
    played = [replace(part, notes=tuple(replace(note, start=note.start + 1) for note in part.notes)) for part in choir.parts]
    write_score(replace(choir, parts=tuple(played)), "played.mid")
    places = [line for line in run("harmonize", "played.mid", *DICE, "--seed", "1", "-o", "a.mid")[2].splitlines() if "on the grid" in line]
    assert len(places) == 1
    assert "in many places, the first: soprano, bar 0 beat 3: D5 was moved by" in places[0]


def test_rhythm(good):
    piece = composed(good, "--rhythm", "B 1-2 1/8", "--rhythm", "A 1 3/8 1/8")
    assert piece.onset[3, :32].nonzero()[0].tolist() == list(range(0, 32, 2))
    assert piece.onset[1, :16].nonzero()[0].tolist() == [0, 6, 8, 14]


def test_cadence_and_local_key(good):
    piece = composed(good, "--local-key", "1-2 D minor", "--cadence", "2:3=half", "--cadence", "4:1=perfect in C major")
    assert (piece.pitch[3, [24, 48]] % 12).tolist() == [9, 0]
    assert piece.fermata[[24, 48]].all()
    assert not set((piece.pitch[:, :32] % 12).ravel().tolist()) & {3, 6, 8}


def test_church_modes(good, refused):
    good("compose", *DICE, "--bars", "4", "--key", "D dorian", "--seed", "1", "-o", "a.musicxml")
    piece = to_chorale(read_score("a.musicxml")).chorale
    assert set((piece.pitch % 12).ravel().tolist()) <= {2, 4, 5, 7, 9, 11, 0, 1}
    assert (piece.pitch[3, -1] % 12, str(piece.key)) == (2, "D minor")
    piece = composed(good, "--local-key", "2 E phrygian")
    assert set((piece.pitch[:, 16:32] % 12).ravel().tolist()) <= {0, 2, 4, 5, 7, 9, 11}
    assert "did you mean dorian?" in refused("compose", *DICE, "--key", "D dorain", "-o", "b.mid")


def test_picardy_and_phrases(good):
    for flag, third in (("--picardy", 1), ("--no-picardy", 0)):
        good("compose", *DICE, "--phrases", "2+2", "--key", "A minor", "--pickup", "0", flag, "--seed", "1", "-o", "a.musicxml")
        piece = to_chorale(read_score("a.musicxml")).chorale
        assert piece.steps == 64
        assert set((piece.pitch[:, -1] % 12).tolist()) <= {9, third, 4}


def test_asked_of_a_tune_and_of_a_region(good, choir):
    good("harmonize", "tune.musicxml", *DICE, "--pin", "B 1:1 G3", "--cadence", "2:4=perfect", "--phrases", "1+1", "-o", "h.musicxml")
    assert read_score("h.musicxml").parts[3].notes[0].pitch == 55
    good("fill", "choir.musicxml", "--bars", "2", *DICE, "--pin", "B 2:1 E3", "--avoid", "S >C5", "-o", "f.musicxml")
    piece = to_chorale(read_score("f.musicxml")).chorale
    assert piece.pitch[3, 16] == 52
    assert piece.pitch[0, 16:28].max() <= 72


def test_rules_are_kept_by_the_flagship(good):
    good(
        "compose",
        "--bars",
        "1",
        "--no-crossing",
        "--spacing",
        "12",
        "--leap",
        "9",
        "--no-parallels",
        "-o",
        "a.musicxml",
        "--report",
        "r.json",
    )
    asked = json.loads(Path("r.json").read_text())["asked"]
    assert sum(each["kind"] == "rule" for each in asked) == 4
    assert all(each["kept"] for each in asked)


def test_dials(good, refused):
    good("compose", "--bars", "2", "--key", "C", "--pickup", "0", "--density", "1.5", "--chromaticism", "0", "-o", "a.musicxml")
    assert set((to_chorale(read_score("a.musicxml")).chorale.pitch % 12).ravel().tolist()) <= {0, 2, 4, 5, 7, 9, 11}
    assert "dice has no dials; leave out density" in refused("compose", *DICE, "--density", "1", "-o", "b.mid")


# --- vary, continue, precede


def test_vary(good, choir):
    good("vary", "choir.musicxml", "--how", "random", "--keep-share", "0.8", *DICE, "--seed", "3", "-o", "v.musicxml")
    before, after = (to_chorale(read_score(path)).chorale.pitch for path in ("choir.musicxml", "v.musicxml"))
    assert 0.7 <= (before == after).mean() < 1
    good("vary", "choir.musicxml", "--bars", "2", "--seed", "3", "-o", "w.musicxml")  # by the flagship's judgement
    assert (to_chorale(read_score("w.musicxml")).chorale.pitch == before)[:, 28:].all()


def test_vary_needs_a_judge(refused, choir):
    assert "states no likelihood" in refused("vary", "choir.musicxml", *DICE, "-o", "a.mid")


@pytest.mark.parametrize("task", ["continue", "precede"])
def test_continue_and_precede(good, choir, task):
    good(task, "choir.musicxml", "--bars", "3", *DICE, "--count", "2", "-o", "c.musicxml")
    piece = to_chorale(choir).chorale
    for number in (1, 2):
        longer = to_chorale(read_score(f"c-00{number}.musicxml")).chorale
        kept = longer.pitch[:, : piece.steps] if task == "continue" else longer.pitch[:, -piece.steps :]
        assert longer.steps > piece.steps + 24
        assert (kept == piece.pitch).all()


# --- choirs, marks, alternatives


def test_choirs(good, run, refused):
    good("compose", *PLAIN, "--choir", "SAB", "-o", "a.musicxml", "--report", "r.json")
    assert [part.name for part in read_score("a.musicxml").parts] == ["Soprano", "Alto", "Baritone"]
    assert json.loads(Path("r.json").read_text())["all_kept"]
    good("compose", *PLAIN, "--choir", "recorders", "--pin", "S 1:1 A5", "-o", "b.musicxml")
    first, *_, last = read_score("b.musicxml").parts
    assert first.notes[0].pitch == 81
    assert last.name == "Bass Recorder"
    _, _, err = run("harmonize", "tune.musicxml", *DICE, "--choir", "TTBB", "-o", "d.musicxml")
    assert "moved 1 octave down" in err
    assert [part.name for part in read_score("d.musicxml").parts] == ["Tenor 1", "Tenor 2", "Bass 1", "Bass 2"]
    assert "did you mean SATB?" in refused("compose", *PLAIN, "--choir", "SATT", "-o", "c.mid")


def test_colors_and_pins_in_the_score(good, refused, choir):
    notes = tuple(replace(note, color="#ff0000") if note.start == 0 else note for note in choir.parts[0].notes)
    write_score(replace(choir, parts=(replace(choir.parts[0], notes=notes), *choir.parts[1:])), "marked.musicxml")
    good("fill", "marked.musicxml", "--free-color", "red", *DICE, "-o", "a.musicxml")
    before, after = to_chorale(choir).chorale, to_chorale(read_score("a.musicxml")).chorale
    assert (before.pitch == after.pitch)[:, 4:].all()
    assert (before.pitch == after.pitch)[1:].all()
    assert "not both" in refused("fill", "marked.musicxml", "--free-color", "red", "--bars", "2", *DICE, "-o", "b.mid")
    pins = Part("Pins bass", (Note(0, choir.ticks_per_quarter, 48),))
    write_score(replace(choir, parts=(*choir.parts, pins)), "pins.musicxml")
    good("fill", "pins.musicxml", *DICE, "-o", "c.musicxml")
    assert to_chorale(read_score("c.musicxml")).chorale.pitch[3, 0] == 48


def test_alternatives(good, refused):
    asked = ("compose", "--bars", "1", "--key", "C", "--pickup", "0", "--seed", "3", "--alternatives", "3")
    report = json.loads(good(*asked, "--rank", "-o", "a.mid", "--json"))
    scores = [piece["score"] for piece in report["pieces"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == len({piece["seed"] for piece in report["pieces"]}) == 3
    assert good(*asked, "-o", "b.mid").split() == ["b-001.mid", "b-002.mid", "b-003.mid"]
    assert "choose one" in refused(*asked, "--count", "2", "-o", "c.mid")
    assert "--rank: how many" in refused("compose", "--rank", "-o", "c.mid")


def notes_of(path):
    return [[(note.start, note.end, note.pitch) for note in part.notes] for part in read_score(path).parts]


@pytest.mark.parametrize(
    "asked",
    [
        ("compose", "--bars", "1"),
        ("compose", "--bars", "1", "--choir", "SA"),
        ("harmonize", "tune.musicxml"),
        ("vary", "choir.musicxml", "--how", "random"),
        ("continue", "choir.musicxml", "--bars", "1"),
    ],
)
def test_an_alternative_is_what_its_seed_gives_alone(good, choir, asked):
    found = json.loads(good(*asked, "--seed", "3", "--alternatives", "2", "-o", "a.musicxml", "--json"))["pieces"]
    assert len(found) == 2
    for piece in found:
        good(*asked, "--seed", str(piece["seed"]), "-o", "b.musicxml")
        assert notes_of(piece["files"][0]) == notes_of("b.musicxml")


def test_a_seed_that_plans_no_room_for_what_is_asked_is_passed_over(good, refused):
    asked = ("compose", *DICE, "--bars", "2", "--key", "C", "--pin", "S 0:4 G4")  # not every seed has a pick-up
    found = json.loads(good(*asked, "--seed", "1", "--alternatives", "6", "-o", "a.mid", "--json"))["pieces"]
    seeds = [piece["seed"] for piece in found]
    passed_over = next(seed for seed in range(1, seeds[-1]) if seed not in seeds)
    assert "0:4" in refused(*asked, "--seed", str(passed_over), "-o", "b.mid")


def test_fewer_alternatives_than_asked_is_said(run, choir):
    code, out, err = run("fill", "choir.musicxml", "--bars", "0", "--voices", "A", *DICE, "--alternatives", "60", "-o", "a.mid")
    assert code == 0
    assert len(out.split()) < 60
    assert "of 60 alternatives were found" in err


def test_what_a_composer_cannot_keep_is_refused(refused):
    assert "dice cannot keep rules between voices" in refused("compose", *PLAIN, "--leap", "1", "-o", "a.mid")


# --- request files, reports, marks


def test_a_request_is_saved_and_gives_the_same_piece(good):
    asked = ("--pin", "B 1:3 E3", "--no-crossing", "--leap", "9", "--cadence", "2:3=half")
    good("compose", "--bars", "2", "--key", "a", "--pickup", "0", *asked, "-o", "a.mid", "--save-request", "r.toml")
    request = Request.parse(Path("r.toml").read_text())
    assert (request.pin, request.leap, request.model) == (("B 1:3 E3",), 9, None)
    assert request.seed is not None
    good("compose", "--request", "r.toml", "-o", "b.mid")
    assert Path("a.mid").read_bytes() == Path("b.mid").read_bytes()


def test_flags_come_before_the_file(good, refused):
    Path("r.toml").write_text('bars = 4\nmodel = "dice"\nkey = "A minor"\npickup = 0\npin = ["B 2:3 E3"]\nseed = 4\n')
    good("compose", "--request", "r.toml", "--pin", "B 2:3 A3", "--key", "D minor", "-o", "a.musicxml", "--save-request", "s.toml")
    request = Request.parse(Path("s.toml").read_text())
    assert (request.pin, request.key, request.seed, request.bars) == (("B 2:3 A3",), "D minor", 4, 4)


def test_the_source_may_be_in_the_file(good, refused, choir):
    Path("r.toml").write_text('task = "fill"\nsource = "choir.musicxml"\nbars = "2"\nmodel = "dice"\n')
    assert good("fill", "--request", "r.toml", "-o", "a.mid").split() == ["a.mid"]
    line = refused("compose", "--request", "r.toml", "-o", "b.mid")
    assert "r.toml: a request to fill, not to compose; use `musicgen fill --request r.toml`" in line


def test_reports(good):
    out = good("compose", *PLAIN, "--cadence", "2:3=half", "-o", "a.mid", "--report", "r.md")
    assert out.split() == ["a.mid", "r.md"]
    assert "half cadence in A minor at bar 2 beat 3" in Path("r.md").read_text()
    good("compose", *PLAIN, "--count", "2", "-o", "a.mid", "--report", "r.json")
    assert all(json.loads(Path(f"r-00{number}.json").read_text())["all_kept"] for number in (1, 2))


@pytest.mark.parametrize("choir", ["SAB", "SA", "recorders"])
def test_a_rule_is_judged_among_those_who_sing(good, choir):
    good("compose", "--choir", choir, "--bars", "1", "--spacing", "9", "--no-crossing", "--seed", "3", "-o", "a.mid", "--report", "r.json")
    report = json.loads(Path("r.json").read_text())
    assert [each["what"] for each in report["asked"] if each["kind"] == "rule"] == [
        "no crossing",
        "upper voices at most 9 semitones apart",
    ]
    assert report["all_kept"]


def test_marks_in_the_score_beside_a_longer_part(good, choir):
    organ = Part("Organ", (Note(0, 2 * choir.end, 48),))
    write_score(replace(choir, parts=(*choir.parts, organ)), "longer.musicxml")
    good("fill", "longer.musicxml", "--bars", "1", *DICE, "--annotate", "-o", "a.musicxml")
    *voices, last = read_score("a.musicxml").parts
    assert last.notes[0].end == 2 * max(part.notes[-1].end for part in voices)
    assert "<words" in Path("a.musicxml").read_text()


@pytest.mark.parametrize(("flag", "third"), [("--picardy", 1), ("--no-picardy", 0)])
def test_a_continuation_ends_with_the_third_that_is_asked_for(good, flag, third):
    good("compose", *PLAIN, "-o", "a.musicxml")
    for seed in ("1", "2"):
        good("continue", "a.musicxml", "--bars", "2", *DICE, flag, "--seed", seed, "-o", "b.musicxml")
        assert {pitch % 12 for pitch in to_chorale(read_score("b.musicxml")).chorale.pitch[:, -1]} <= {9, third, 4}


def test_marks_in_the_score(good):
    good("compose", *PLAIN, "--cadence", "4:3=half", "--annotate", "-o", "a.musicxml")
    assert "half, A minor" in Path("a.musicxml").read_text()


# --- what cannot be


@pytest.mark.parametrize(
    ("option", "text", "marks", "message"),
    [
        ("--pin", "B 4:9 C3", "    ^", 'musicgen: error: --pin "B 4:9 C3": bar 4, in 4/4, has no beat 9; its beats are 1 to 4'),
        ("--avoid", "X C5", "^", "'X' names no voices"),
        ("--only", "A 3:2 H", "      ^", "no note name"),
        ("--rhythm", "B 1-9 1/4", "    ^", "there is no bar 9"),
        ("--cadence", "4:3=hlaf", "    ^^^^", "did you mean half?"),
        ("--chords", "1:1 C, 1:9 G", "         ^", "has no beat 9"),
        ("--chords", "I Q", "  ^", "Q is no chord"),
        ("--local-key", "1-2 D dur", "    ^^^^^", "is no key"),
    ],
)
def test_a_caret_under_what_is_wrong(run, option, text, marks, message):
    code, out, err = run("compose", *PLAIN, option, text, "-o", "a.mid")
    assert (code, out) == (2, "")
    *shown, line = err.splitlines()
    assert shown == [text, marks]
    assert message in line
    assert not Path("a.mid").exists()


def test_a_caret_in_the_name_of_a_region(run, choir):
    _, _, err = run("fill", "choir.musicxml", "--bars", "2,3-9", *DICE, "-o", "a.mid")
    assert err.splitlines()[:2] == ["2,3-9", "    ^"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("compose --request missing.toml", "missing.toml: there is no such file"),
        ("compose --request tune.mid", "tune.mid: "),
        ("compose --save-request r.txt", "r.txt: this is written as .toml"),
        ("compose --save-request missing/r.toml", "missing"),
        ("compose --report r.pdf", "r.pdf: this is written as .md or .json"),
        ("compose --spacing 0", "--spacing: 0 is out of bounds; from 1 to 127"),
        ("compose --density 9", "--density: 9.0 is out of bounds"),
        ("compose --leap x", "'--leap'"),
        ("compose --phrases 4+x", "no length of a phrase"),
        ("compose --phrases 4+4 --bars 9", "8 together, in 9 bars"),
        ("vary choir.musicxml --keep-share 2", "--keep-share: 2.0 is out of bounds; from 0 to 1"),
        ("vary choir.musicxml --how well", "--how: 'well'; choices: random, unlikely"),
        ("vary", "vary needs a score"),
        ("continue choir.musicxml --bars 0", "0 bars: from 1 to"),
        ("precede tune.musicxml", "four voices are needed"),
    ],
)
def test_refusals(refused, choir, arguments, message):
    assert message in refused(*arguments.split(), *DICE, "-o", "a.mid")


def test_a_contradiction_names_both(refused):
    line = refused("compose", *PLAIN, "--pin", "B 2:3 C3", "--cadence", "2:3=half", "-o", "a.mid")
    assert "a half cadence in A minor at bar 2 beat 3 needs E in the bass here, but C is given" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pinn = 3", "r.toml: line 1, there is no key 'pinn'; did you mean pin?"),
        ("bars = 4\n\npin = ['B 1:1 H3']", "r.toml: line 3, pin \"B 1:1 H3\": 'H3' is no note name"),
        ("bars = [", "r.toml: not TOML"),
        ("keep = 'S'", "r.toml: line 1, keep is not for compose, but for harmonize"),
    ],
)
def test_a_file_that_is_wrong(refused, text, message):
    Path("r.toml").write_text(text)
    assert message in refused("compose", *DICE, "--request", "r.toml", "-o", "a.mid")
