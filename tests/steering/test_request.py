"""Requests as values, as TOML and as sketches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fill import CHOIR

from musicgen.composers.composer import Likelihood
from musicgen.composers.references import Dice
from musicgen.errors import ConfigError, FileError, MusicgenError
from musicgen.files import write_score
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.steering.request import CHOICES, COUNTS_BARS, FIELDS, LIMITS, READERS, TAKES, TASKS, Request, read_request, save_request
from musicgen.steering.tasks import make_sketches, prepare

PLAIN = Request(bars=4, key="C", pickup=0, meter="4/4")


def values_of(name):
    """What a field may hold, by what reads it."""
    least, most = LIMITS.get(name, (0, 1000))
    return {
        "_read_text": st.text(min_size=1),
        "_read_texts": st.lists(st.text(), min_size=1, max_size=3).map(tuple),
        "_read_original": st.integers(1, 10**9),
        "_read_whole": st.integers(int(least), int(min(most, 10**9))),
        "_read_number": st.floats(least, most),
        "_read_yes": st.booleans(),
    }[READERS[name].__name__]


@st.composite
def requests(draw):
    task = draw(st.sampled_from(TASKS))
    names = draw(st.lists(st.sampled_from([name for name in TAKES[task] if name != "bars"]), unique=True))
    if "source" in TAKES[task]:
        names = [*names, "source"]
    if "alternatives" in names:
        names = [name for name in names if name != "count"]
    names = [name for name in names if name != "rank" or "alternatives" in names]
    values = {name: draw(st.sampled_from(CHOICES[name]) if name in CHOICES else values_of(name)) for name in names}
    if "bars" in TAKES[task] and draw(st.booleans()):
        values["bars"] = draw(st.integers(1, 400) if task in COUNTS_BARS else values_of("pin"))
    return Request(task=task, **values)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(requests())
def test_a_request_comes_back_from_its_file(request):
    assert Request.parse(request.to_toml()) == request


def test_every_field_belongs_to_a_task():
    assert set(FIELDS) == {name for names in TAKES.values() for name in names}


def test_a_file_as_it_is_written():
    request = Request("fill", "choir.mid", bars=("5-8",), start=None, pin=("B 4:3 C3",), picardy=False, temperature=1, seed=7)
    lines = [
        'task = "fill"',
        'source = "choir.mid"',
        'bars = ["5-8"]',
        'pin = ["B 4:3 C3"]',
        "picardy = false",
        "temperature = 1.0",
        "seed = 7",
    ]
    assert request.to_toml().splitlines() == lines


def test_a_file_may_be_written_by_hand():
    text = '# mine\ntask = "fill"\nsource = "a.mid"\nbars = 5\npin = "B 4:3 C3"\nfrom = "3:2"\ntemperature = 1\n'
    assert Request.parse(text) == Request("fill", "a.mid", bars=("5",), pin=("B 4:3 C3",), start="3:2", temperature=1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bars = 4\npinn = 3", r"^r.toml: line 2, there is no key 'pinn'; did you mean pin\? choices: "),
        ("\n\nbars = 'x'", r"^r.toml: line 3, bars: 'x'; a whole number is needed$"),
        ("seed = true", r"^r.toml: line 1, seed: True; a whole number is needed$"),
        ("picardy = 1", r"^r.toml: line 1, picardy: 1; true or false is needed$"),
        ("temperature = nan", r"^r.toml: line 1, temperature: nan; a number is needed$"),
        ("key = true", r"key: True; a text, like"),
        ("pin = [1]", r"pin: \[1\]; a text or a list of texts"),
        ("count = 1000", r"^r.toml: line 1, count: 1000 is out of bounds; from 1 to 999 can be asked$"),
        ("seed = -1", r"seed: -1 is out of bounds; from 0 can be asked$"),
        ("task = 'cook'", r"'cook' is no task; choices: compose, "),
        ("task = ['fill']", r"no task"),
        ("task = 'fill'\nsource = 'a'\nmeter = '3/4'", r"^r.toml: line 3, meter is not for fill, but for compose; leave it out$"),
        ("task = 'fill'", r"^fill needs a score"),
        ("bars = ", r"^r.toml: not TOML: "),
        ("[pin]\nx = 3", r"pin: {'x': 3}; a text or a list"),
    ],
)
def test_what_is_no_request(text, message):
    with pytest.raises(MusicgenError, match=message):
        Request.parse(text, "r.toml")


def test_files(tmp_path):
    path = tmp_path / "r.toml"
    save_request(PLAIN, path)
    assert Request.from_values(*read_request(path)) == PLAIN
    with pytest.raises(FileError, match="no such file"):
        read_request(tmp_path / "x.toml")
    path.write_bytes(b"\xff")
    with pytest.raises(FileError, match="UTF-8"):
        read_request(path)


def test_all_that_is_asked_is_in_the_sketch():
    request = Request.parse(
        """
        bars = 4
        key = "A minor"
        pickup = 0
        pin = ["B 1:1 A2", "S 1:1-2:1 A4 B4 C5 A4"]
        avoid = ["T >F4", "SA 3:2 F#4"]
        only = ["A 3:3 C E"]
        rhythm = ["B 2-3 1/4", "T 1 3/8 1/8"]
        cadence = ["2:3=half"]
        local_key = ["3 C major"]
        no_crossing = true
        spacing = 12
        leap = 7
        no_parallels = true
        """
    )
    (sketch,) = make_sketches(request, [1])
    assert not sketch.free[0, :16].any()
    assert [note.pitch for note in sketch.given.notes(0)][:4] == [69, 71, 72, 69]
    assert sketch.given.pitch[3, 0] == 45
    allowed, begins, holds = sketch.allowed_pitches(), sketch.must_begin(), sketch.must_hold()
    assert not allowed[2, :, 66:].any()
    assert not allowed[:2, 36:40, 66].any()
    assert {pitch % 12 for pitch in allowed[1, 40].nonzero()[0]} == {0, 4}
    assert begins[3, 16:48:4].all()
    assert holds[2, [1, 5, 7]].all()
    assert begins[2, [6, 8, 14]].all()
    assert sketch.given.fermata[24]
    assert {pitch % 12 for pitch in allowed[3, 24].nonzero()[0]} == {4}
    assert len(sketch.rules) == 4


def test_each_seed_has_its_own_plan():
    sketches = make_sketches(Request(bars=2), range(20))
    assert len({str(sketch.given.key) for sketch in sketches}) > 3


def test_only_what_is_named_is_free(tmp_path):
    bar = " ".join(["-"] * 15)
    rows = "\n".join(f"{voice} {note} {bar} {note} {bar}" for voice, note in zip("SATB", ("C5", "G4", "E4", "C3"), strict=True))
    path = str(tmp_path / "choir.musicxml")
    write_score(to_score(Chorale.parse(f"4/4, C major\n{rows}")), path)
    (filled,) = make_sketches(Request("fill", path, bars=("2",), voices="AT"), [1])
    assert filled.free.sum() == 32
    (under,) = make_sketches(Request("harmonize", path, keep="SB"), [1])
    assert under.free.any(axis=1).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("name", "text", "message", "marks"),
    [
        ("pin", "B 4:9 C3", "bar 4, in 4/4, has no beat 9; its beats are 1 to 4", "    ^"),
        ("pin", "B 9:1 C3", "there is no bar 9; the piece has bars 1 to 4", "  ^"),
        ("pin", "B 1:1-4:7 C3", "has no beat 7", "        ^"),
        ("pin", "X 1:1 C3", "'X' names no voices", "^"),
        ("pin", "B 1:1 C3 H3", "'H3' is no note name", "         ^^"),
        ("pin", "B C3", "a place is needed", "  ^"),
        ("pin", "SB 1:1 C3", "several voices", "^^"),
        ("pin", "B 4:3", "nothing is asked there; write like B 4:3 C3", "     ^"),
        ("pin", "", "names no voices", "^"),
        ("avoid", "T 1-9 C5", "there is no bar 9", "    ^"),
        ("avoid", "T >X", "no note name", "  ^^"),
        ("only", "A 3:2 F# J", "'J4' is no note name", "         ^"),
        ("rhythm", "B 1-4 1/5", "names no note lengths", "      ^^^"),
        ("rhythm", "B 1-4 1/4 x", "names no note lengths", "      ^^^^^"),
        ("cadence", "4:3", "names no cadence; write a place and a kind, like 4:3=half", "^^^"),
        ("cadence", "4:3=hlaf", r"'hlaf' is no kind of cadence; did you mean half\?", "    ^^^^"),
        ("cadence", "4:8=half", "has no beat 8", "  ^"),
        ("cadence", "2:3=half in H", "'H' is no key", "         ^^^^"),
        ("local_key", "5-8", "names no place and key", "^^^"),
        ("local_key", "1-8 D minor", "there is no bar 8", "  ^"),
        ("local_key", "1-2 D dur", "is no key", "    ^^^^^"),
        ("meter", "waltz", "is no meter", ""),
        ("key", "H", "is no key", ""),
    ],
)
def test_a_caret_shows_what_is_wrong(name, text, message, marks):
    many = isinstance(getattr(PLAIN, name), tuple)
    request = PLAIN.changed(**{name: (text,) if many else text, "origins": {name: f"--{name}"}})
    with pytest.raises(MusicgenError, match=message) as raised:
        make_sketches(request, [1])
    assert str(raised.value).startswith(f'--{name} "{text}": ')
    notes = getattr(raised.value, "__notes__", [])
    assert notes == ([f"{text}\n{marks}"] if marks else [])


def test_what_contradicts_itself_names_both():
    with pytest.raises(
        MusicgenError, match=r'cadence "2:3=half": .*half cadence in C major at bar 2 beat 3 needs G in the bass here, but C'
    ):
        make_sketches(PLAIN.changed(pin=("B 2:3 C3",), cadence=("2:3=half",)), [1])


def test_the_wrong_line_of_a_long_text_is_shown():
    request = PLAIN.changed(pin=("B 1:1\n  C3\tH3",))
    with pytest.raises(MusicgenError) as raised:
        make_sketches(request, [1])
    assert raised.value.__notes__ == ["  C3 H3\n     ^^"]


def test_a_request_is_a_value():
    with pytest.raises(AttributeError):
        PLAIN.bars = 3
    with pytest.raises(ConfigError, match="out of bounds"):
        PLAIN.changed(leap=0)


# --- phrases


@pytest.mark.parametrize("seed", range(5))
def test_phrases_are_as_long_as_asked(seed):
    (sketch,) = make_sketches(Request(phrases="4+2+3", pickup=0, key="C"), [seed])
    assert sketch.given.steps == 9 * 16
    assert sketch.given.fermata.nonzero()[0].tolist()[:2] == [3 * 16 + 8, 5 * 16 + 8]
    assert sketch.given.fermata.sum() == 3


def test_phrases_of_a_tune(tmp_path):
    path = str(tmp_path / "tune.musicxml")
    write_score(to_score(Chorale.parse("4/4, C major\nS " + "C5 - - - " * 16)), path)
    (sketch,) = make_sketches(Request("harmonize", path, phrases="1+3"), [1])
    assert sketch.given.fermata.nonzero()[0].tolist() == [12, 60]
    with pytest.raises(ConfigError, match=r"phrases of 2 \+ 3 bars, 5 together, in 4 bars"):
        make_sketches(Request("harmonize", path, phrases="2+3"), [1])


@pytest.mark.parametrize("text", ["4+", "4+x", "0", "4,4", ""])
def test_what_is_no_phrase_plan(text):
    with pytest.raises(MusicgenError, match="no length of a phrase in bars; write like"):
        make_sketches(Request(phrases=text), [1])


def test_phrases_and_bars_must_agree():
    with pytest.raises(ConfigError, match=r"phrases of 4 \+ 4 bars, 8 together, in 9 bars"):
        make_sketches(Request(phrases="4+4", bars=9), [1])


@pytest.mark.parametrize("seed", range(8))
def test_a_cadence_at_the_end_takes_the_place_of_the_assumed_one(seed):
    (sketch,) = make_sketches(Request(bars=4, key="A minor", pickup=0, cadence=("2:1=half", "4:3=deceptive")), [seed])
    assert sketch.given.fermata.nonzero()[0].tolist() == [16, 56]
    assert {pitch % 12 for pitch in sketch.allowed_pitches()[3, 56].nonzero()[0]} == {5}


def test_an_assumed_end_makes_way_for_what_is_asked():
    request = Request(bars=4, key="A minor", pickup=0, chords="i | iv | i | V")
    job = prepare(request, [1])
    assert job.remarks == []  # the last chord that is asked is the end that is asked
    pinned = prepare(Request(bars=4, key="A minor", pickup=0, pin=("B 4:1-5:1 F3",)), [1])
    assert pinned.remarks == ["seed 1: what is asked leaves no room for the tonic at the end"]
    assert {pitch % 12 for pitch in job.pieces[0].sketch.allowed_pitches()[3, -1].nonzero()[0]} == {4}
    with pytest.raises(MusicgenError, match="the chord V at bar 4"):
        prepare(request.changed(cadence=("4:3=plagal",)), [1])


def test_a_piece_is_judged_once_for_all_seeds(at_work):
    class Judge(Dice):
        def nats(self, chorale):
            judged.append(chorale)
            return Likelihood(np.zeros(chorale.pitch.shape, dtype=np.float32), "exact")

    judged = []
    write_score(to_score(Chorale.parse(CHOIR)), "choir.musicxml")
    job = prepare(Request("vary", "choir.musicxml"), [1, 2, 3], Judge)
    assert (len(job.pieces), len(judged)) == (3, 1)
    assert (job.piece(9).sketch.free == job.pieces[0].sketch.free).all()
    assert len(judged) == 1


@pytest.mark.parametrize("asked", [{"rhythm": ("S 1/2 1/2",)}, {"rhythm": ("S 4 1",)}, {"pin": ("S 4 A4",)}])
def test_a_phrase_ends_with_a_note_that_is_asked_for(asked):
    for seed in range(4):
        (sketch,) = make_sketches(Request(bars=4, key="A minor", pickup=0, **asked), [seed])
        ends = sketch.given.fermata.nonzero()[0]
        assert len(ends) == 2
        assert (sketch.must_begin() | sketch.given.onset)[0, ends].all()
        assert not sketch.asked_hold()[0, ends].any()


@pytest.mark.parametrize(("picardy", "third"), [(True, 1), (False, 0)])
def test_the_last_third_of_minor(picardy, third):
    for seed in range(4):
        (sketch,) = make_sketches(Request(bars=2, key="A minor", picardy=picardy), [seed])
        assert third in {pitch % 12 for pitch in sketch.allowed_pitches()[1, -1].nonzero()[0]}
    (asked,) = make_sketches(Request(bars=2, key="A minor", pickup=0, picardy=picardy, cadence=("2:3=perfect",)), [1])
    assert third in {pitch % 12 for pitch in asked.allowed_pitches()[1, 24].nonzero()[0]}


@pytest.mark.parametrize(
    ("pins", "rule"),
    [
        (("S 1:1 C4", "A 1:1 D5"), {"no_crossing": True}),
        (("S 1:1 C5", "S 1:2 C4"), {"leap": 7}),
        (("B 1:1-1:3 C3 D3", "S 1:1-1:3 C5 D5"), {"no_parallels": True}),
        (("S 1:1 C5", "A 1:1 G3"), {"spacing": 12}),
    ],
)
def test_pins_that_break_a_rule_of_the_same_request_are_refused(pins, rule):
    asked = Request(bars=2, key="C", pickup=0, pin=pins)
    prepare(asked, [1])
    with pytest.raises(MusicgenError, match="the notes that are pinned break"):
        prepare(asked.changed(**rule), [1])
