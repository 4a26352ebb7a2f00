"""What is marked in the score is followed to the note, or refused."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import tiny_sketcher_composer

from musicgen.composers.plan import with_phrases
from musicgen.composers.references import Dice
from musicgen.errors import ConfigError, NotationError
from musicgen.files import read_score, write_score
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.music.region import with_region
from musicgen.music.resolution import rescaled
from musicgen.music.score import ColoredRest, Note, Part, Score
from musicgen.music.sketch import Sketch
from musicgen.steering.marks import colored, marked_region

# Two bars of 4/4 after a pick-up.
SOURCE = """
    4/4, C major, pickup 4
    S  E5 - - - | D5 - - - C5 - - - - - - - E5 - - - | E5 - - - D5 - - - C5^ - - -
    A  G4 - - - | G4 - F4 - E4 - - - - - - - G4 - - - | - - - - G4 - - - G4 - - -
    T  C4 - - - | B3 - - - G3 - - - . . . . C4 - - - | C4 - - - D4 - - - E4 - - -
    B  C3 - - - | G3 - - - C3 - - - - - - - C3 - - - | C3 - - - G3 - - - C3 - - -
    """


def choir() -> Score:
    return to_score(Chorale.parse(SOURCE))


def painted(score: Score, voice: str, color: str | None, *indices: int) -> Score:
    """Notes of a voice in a color; all of them where no index is named."""
    part = score.parts["SATB".index(voice)]
    notes = tuple(replace(note, color=color) if index in indices or not indices else note for index, note in enumerate(part.notes))
    return with_part(score, voice, replace(part, notes=notes))


def with_part(score: Score, voice: str, part: Part) -> Score:
    return replace(score, parts=tuple(part if index == "SATB".index(voice) else other for index, other in enumerate(score.parts)))


def resting(score: Score, voice: str, *spans: tuple[int, int], color: str = "#0000ff", name: str | None = None) -> Score:
    """A voice without notes and with colored rests, spans in quarters."""
    part = score.parts["SATB".index(voice)]
    rests = tuple(ColoredRest(480 * start, 480 * end, color) for start, end in spans)
    return with_part(score, voice, replace(part, name=name or part.name, notes=(), colored_rests=rests))


def free_text(region) -> list[str]:
    """A letter a quarter, `?` where it is free."""
    quarters = region.free.reshape(4, -1, 4)
    assert (quarters.all(axis=2) == quarters.any(axis=2)).all()
    return ["".join(".?"[int(free)] for free in row) for row in quarters.all(axis=2)]


def followed(region, composer=None) -> Score:
    """The score with the region filled; what is not free is seen to be as it was."""
    sketch = Sketch(with_phrases(region.chorale, free=region.free), region.free)
    filled = (composer or Dice()).fill(sketch, 3)
    assert sketch.keeps(filled)
    score = with_region(region, filled)
    for voice, line in enumerate(region.lines):
        spans = region.spans(voice)
        outside = {note for note in line.notes if all(note.end <= begin or note.start >= end for begin, end in spans)}
        assert {replace(note, spelling=None) for note in outside} <= {replace(note, spelling=None) for note in score.parts[line.part].notes}
    return score


def test_all_but_the_pinned_color_is_free():
    score = painted(painted(choir(), "S", "#ff0000"), "B", "#aa0000", 1, 4)
    region = marked_region(score, pinned_color="red")
    assert free_text(region) == ["........", "????????", "????????", "?.???.??"]
    assert region.report[0] == (
        "rewritten, as marked: all of the alto; all of the tenor; bass from bar 0 beat 4 up to bar 1 beat 1, "
        "bar 1 beat 2 up to bar 2 beat 1, bar 2 beat 2 up to the end"
    )
    written = followed(region)
    assert [note.color for note in written.parts[0].notes] == ["#ff0000"] * 7
    assert sorted(note.color for note in written.parts[3].notes if note.color) == ["#aa0000", "#aa0000"]


def test_a_color_by_its_number_is_that_shade_alone():
    score = painted(painted(choir(), "S", "#ff0000"), "B", "#aa0000", 1)
    assert free_text(marked_region(score, pinned_color="#FF0000"))[3] == "????????"


def test_only_the_free_color_is_free():
    score = painted(painted(choir(), "A", "#0000ff", 3), "B", "#0065bf", 0, 1)
    region = marked_region(score, free_color="blue")
    assert free_text(region) == ["........", "..??....", "........", "??......"]
    assert followed(region).parts[2].notes == rescaled(score, region.score.ticks_per_quarter).parts[2].notes


def test_with_both_colors_what_has_neither_stays():
    score = painted(painted(choir(), "S", "#ff0000"), "B", "#0000ff", 0)
    assert free_text(marked_region(score, pinned_color="red", free_color="blue")) == ["........"] * 3 + ["?......."]


def test_a_held_note_after_a_free_one_is_kept_and_a_tie_over_the_barline_is_one_note():
    region = marked_region(painted(choir(), "A", "#0000ff", 4), free_color="blue")
    assert free_text(region)[1] == "....??.."
    assert followed(region).parts[1].notes[-2].start == 6 * 480


def test_rests_of_the_free_color_are_filled_and_others_stay():
    score = choir()
    rest = ColoredRest(3 * 480, 4 * 480, "#00a000")
    score = with_part(score, "T", replace(score.parts[2], colored_rests=(rest,)))
    region = marked_region(score, free_color="green")
    assert free_text(region) == ["........", "........", "...?....", "........"]
    written = followed(region)
    assert any(note.start < 4 * 480 and note.end > 3 * 480 for note in written.parts[2].notes)
    assert written.parts[2].colored_rests == ()
    assert free_text(marked_region(painted(choir(), "T", "#00a000", 0), free_color="green"))[2] == "?......."


def test_staves_of_nothing_but_free_rests_are_filled():
    score = resting(resting(choir(), "A", (0, 3), (3, 8)), "T", (0, 2))
    region = marked_region(score, free_color="blue")
    assert free_text(region) == ["........", "????????", "??......", "........"]
    assert all(part.notes for part in with_region(region, Dice().fill(Sketch(with_phrases(region.chorale), region.free), 1)).parts[:2])


def test_staves_of_rests_are_voices_by_their_order_where_no_name_says_more():
    score = resting(choir(), "A", (0, 8))
    score = replace(score, parts=tuple(replace(part, name=f"Viol {index}") for index, part in enumerate(score.parts)))
    assert free_text(marked_region(score, free_color="blue"))[1] == "????????"


def test_free_rests_after_the_last_note_make_the_piece_longer():
    score = choir()
    longer = tuple(replace(part, colored_rests=(ColoredRest(8 * 480, 12 * 480, "#0000ff"),)) for part in score.parts)
    region = marked_region(replace(score, parts=longer), free_color="blue")
    assert free_text(region) == ["........????"] * 4
    assert followed(region).end == rescaled(score, region.score.ticks_per_quarter).end * 12 // 8


def test_bars_of_rests_at_the_end_are_free_where_only_pins_are_said():
    score = replace(painted(choir(), "S", "#ff0000"), written_end=13 * 480)
    assert free_text(marked_region(score, pinned_color="red"))[0] == "........?????"
    within_the_bar = replace(score, written_end=9 * 480)  # the last bar goes on for a quarter of rest
    assert free_text(marked_region(within_the_bar, pinned_color="red"))[0] == "........"


def test_pinned_rests_stay_silent():
    score = painted(choir(), "S", "#ff0000")
    score = with_part(score, "T", replace(score.parts[2], colored_rests=(ColoredRest(3 * 480, 4 * 480, "#ff0000"),)))
    region = marked_region(score, pinned_color="red")
    assert free_text(region)[2] == "???.????"
    followed(region)


def test_voices_that_the_score_lacks_are_added_around_pins():
    score = painted(choir(), "S", "#ff0000")
    region = marked_region(replace(score, parts=(score.parts[0], score.parts[3])), pinned_color="red")
    assert free_text(region) == ["........", "????????", "????????", "????????"]
    assert region.report[1:] == ("the score has no alto: it is added", "the score has no tenor: it is added")
    assert [part.name for part in followed(region).parts] == ["Soprano", "Alto", "Tenor", "Bass"]


# --- parts that pin


def tune_with(*pins: Part) -> Score:
    return replace(choir(), parts=(choir().parts[0], *pins))


def test_a_part_pins_notes_of_the_voice_that_it_names():
    bass = choir().parts[3].notes
    region = marked_region(tune_with(Part("Pins bass", (bass[1], bass[5]))))
    assert free_text(region) == ["........", "????????", "????????", "?.????.?"]
    assert region.report[1] == "Pins bass is no part of the piece: its 2 notes stand in the bass, which is new around them"
    written = followed(region)
    assert [part.name for part in written.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert written.parts[0].notes == rescaled(tune_with(), region.score.ticks_per_quarter).parts[0].notes


@pytest.mark.parametrize("name", ["Pin B", "pinned Bass", "PINS: bass", "Pins bass (voice 1)", "Pins  B."])
def test_names_of_parts_that_pin(name):
    assert free_text(marked_region(tune_with(Part(name, choir().parts[3].notes[1:2]))))[3] == "?.??????"


def test_a_name_of_ones_own_for_parts_that_pin():
    score = tune_with(Part("Wishes (tenor)", choir().parts[2].notes[:1]))
    assert free_text(marked_region(score, pin_part="wishes"))[2] == ".???????"


def test_the_notes_of_a_pinned_voice_make_room_but_for_the_pinned_color():
    score = painted(choir(), "B", "#ff0000", 0)
    score = replace(score, parts=(*score.parts, Part("Pins bass", (Note(480 * 5, 480, 50),))))
    region = marked_region(score)
    assert free_text(region) == ["........"] * 3 + ["?????.??"]
    region = marked_region(replace(score), pinned_color="red", free_color=None)
    assert free_text(region)[3] == ".????.??"
    assert [note.pitch for note in followed(region).parts[3].notes if note.start == 5 * region.score.ticks_per_quarter] == [50]


def test_two_pins_at_once_are_refused():
    score = painted(choir(), "B", "#ff0000", 0)
    score = replace(score, parts=(*score.parts, Part("Pins bass", (Note(240, 480, 50),))))
    with pytest.raises(NotationError, match=r"bass, bar 0 beat 4\.5: D3 is pinned while the pinned C3 sounds"):
        marked_region(score, pinned_color="red")
    same = replace(score, parts=(*score.parts[:4], Part("Pins bass", (Note(0, 480, 48),))))
    assert free_text(marked_region(same, pinned_color="red"))[3] == ".???????"


# --- refused


def test_a_color_that_nothing_has_is_refused_with_those_there_are():
    score = resting(painted(choir(), "S", "#ff0000", 0, 1), "A", (0, 8), color="#00a000")
    with pytest.raises(
        NotationError, match=r"no note or rest is blue; the score's colors are #ff0000 red \(2 notes\), #00a000 green \(1 rest\)$"
    ):
        marked_region(score, free_color="blue")
    with pytest.raises(NotationError, match=r"no note or rest is red; no note of the score has a color; .* save MusicXML"):
        marked_region(choir(), pinned_color="red")


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({}, ConfigError, "nothing is marked; .* like Pins bass"),
        ({"pinned_color": "rad"}, ConfigError, "did you mean red"),
        ({"pin_part": "Wishes"}, NotationError, "no part's name begins with 'Wishes'; the score's parts are 1 Soprano, 2 Alto"),
        (
            {"pinned_color": "red", "free_color": "#ff0000"},
            NotationError,
            "Soprano, bar 0 beat 4: E5, #ff0000, is pinned as red and free as",
        ),
    ],
)
def test_requests_that_say_nothing_or_two_things(asked, error, message):
    with pytest.raises(error, match=message):
        marked_region(painted(choir(), "S", "#ff0000", 0), **asked)


def test_nothing_left_free_is_refused():
    score = choir()
    score = with_part(score, "T", replace(score.parts[2], colored_rests=(ColoredRest(3 * 480, 4 * 480, "#ff0000"),)))
    for voice in "SATB":
        score = painted(score, voice, "#ff0000")
    with pytest.raises(NotationError, match=r"nothing is left free; the score's colors are #ff0000 red \(28 notes, 1 rest\)"):
        marked_region(score, pinned_color="red")


@pytest.mark.parametrize("name", ["Pins", "Pins viola", "Pins soprano and alto"])
def test_a_part_that_pins_must_name_its_voice(name):
    with pytest.raises(NotationError, match="does not say which voice it pins; name it one of Pins soprano, Pins alto"):
        marked_region(tune_with(Part(name, choir().parts[3].notes)))


def test_voices_without_names_are_not_guessed():
    score = Score((Part("Flute", (Note(0, 480, 72, color="#ff0000"),)),))
    with pytest.raises(NotationError, match="1 Flute; name the parts Soprano, Alto, Tenor or Bass"):
        marked_region(score, pinned_color="red")
    two = replace(choir(), parts=(choir().parts[0], painted(choir(), "B", "#0000ff").parts[3]))
    with pytest.raises(NotationError, match="four voices are needed, soprano to bass, and 2 are found"):
        marked_region(two, free_color="blue")


def ornamented(*notes: Note) -> Score:
    """Instead of the soprano's first note."""
    soprano = choir().parts[0]
    return with_part(choir(), "S", replace(soprano, notes=(*notes, *soprano.notes[1:])))


def test_what_shares_a_sixteenth_with_a_pinned_note_stays_too():
    score = ornamented(Note(0, 30, 76), Note(30, 30, 77, color="#ff0000"), Note(60, 420, 76))
    region = marked_region(score, pinned_color="red")
    assert region.free[0, :2].tolist() == [False, True]
    assert [(note.start, note.duration, note.pitch) for note in followed(region).parts[0].notes[:2]] == [(0, 30, 76), (30, 30, 77)]


def test_a_pinned_note_that_cannot_be_kept_alone_is_refused():
    """A grace note goes with its note; a triplet ends where no sixteenth begins."""
    for note in (Note(0, 0, 77, color="#ff0000"), Note(0, 160, 77, color="#ff0000")):
        with pytest.raises(NotationError, match=r"soprano, bar 0 beat 4: F5 is pinned, but shares a sixteenth"):
            marked_region(ornamented(note, Note(note.duration, 480 - note.duration, 76)), pinned_color="red")
    region = marked_region(ornamented(Note(0, 0, 77, color="#ff0000"), Note(0, 480, 76, color="#ff0000")), pinned_color="red")
    assert [note.pitch for note in followed(region).parts[0].notes[:2]] == [77, 76]


# --- new notes in a color, and the way through a file


def test_new_notes_get_their_color_and_old_ones_keep_theirs():
    score = painted(painted(choir(), "S", "#ff0000"), "B", "#ff0000", 1)
    region = marked_region(score, pinned_color="red")
    written = colored(score, followed(region), "blue")
    old = {(part.name, note.start * 4, note.duration * 4, note.pitch) for part in rescaled(score, 480).parts for note in part.notes}
    for part in rescaled(written, 4 * 480).parts:
        for note in part.notes:
            is_old = (part.name, note.start, note.duration, note.pitch) in old
            assert note.color in ((None, "#ff0000") if is_old else ("#0000ff",))
    assert {note.color for note in written.parts[1].notes} >= {"#0000ff"}
    assert colored(score, rescaled(score, 960), "blue") == rescaled(score, 960)


@pytest.mark.parametrize("composer", [Dice(), tiny_sketcher_composer()], ids=["dice", "flagship"])
def test_from_file_to_file_and_once_more(tmp_path, composer):
    """The new notes have the free color, so that what was written can be marked again, or filled again as it is."""
    score = painted(resting(choir(), "T", (0, 8)), "B", "#0000ff", 0, 1)
    path = write_score(score, tmp_path / "a.musicxml")
    first = read_score(path)
    region = marked_region(first, free_color="blue")
    again = read_score(write_score(colored(first, followed(region, composer), "blue"), tmp_path / "b.musicxml"))
    assert (marked_region(again, free_color="blue").free <= region.free).all()
    assert np.array_equal(marked_region(again, free_color="blue").free[2], region.free[2])
