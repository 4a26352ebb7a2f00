"""A region is rewritten; every other note comes back tick for tick."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pieces import first_steps
from tiny import shipped_like, tiny_composer, tiny_sketcher_composer

from musicgen.composers.plan import with_phrases
from musicgen.composers.references import Bach, Dice
from musicgen.errors import ConfigError, NotationError
from musicgen.music.chorale import VOICES, Chorale
from musicgen.music.convert import to_chorale, to_score
from musicgen.music.pitch import Key, Spelling
from musicgen.music.region import find_region, with_region
from musicgen.music.score import KeyAt, Meter, MeterAt, Note, Part, Score, TempoAt
from musicgen.music.separate import find_lines
from musicgen.music.sketch import Sketch

HELD = """
    4/4, C major, pickup 4
    S  E5 - - - | D5 - - - C5 - - -  - - - - E5 - - - | E5 - - - D5 - - -  C5^ - - - B4 - - - | C5 - - - - - - - - - - -
    A  G4 - - - | G4 - F4 - E4 - - - - - - - G4 - - - | -  - - - - - - -   G4 - - -  G4 - - - | G4 - - - - - - - - - - -
    T  C4 - - - | B3 - - - G3 - - -  - - - - C4 - - - | C4 - - - - - - -   - - - -   D4 - - - | E4 - - - - - - - - - - -
    B  C3 - - - | G3 - - - C3 - - -  - - - - C3 - - - | C3 - - - D3 - - -  E3 - - -  G3 - - - | C3 - - - - - - - - - - -
    """
MIXED = "4/4 3/4@32 2/2@44, G major\n" + "\n".join(
    f"{voice} " + " ".join([pitch, "-", "-", "-", pitch, "-"] * 10) for voice, pitch in zip("SATB", ("D5", "B4", "G4", "G3"), strict=True)
)


def choir(chorale=None, **fields):
    return replace(to_score(chorale or Chorale.parse(HELD)), **fields)


def filled(region, composer=None, seed=1):
    return (composer or Dice()).fill(Sketch(with_phrases(region.chorale), region.free), seed)


def checked(score, composer=None, seed=1, **where):
    """The score with a region rewritten, once everything that is promised has been seen."""
    region = find_region(score, **where)
    chorale = filled(region, composer, seed)
    result = with_region(region, chorale)
    assert replace(result, parts=()) == replace(region.score, parts=(), keys=result.keys)
    assert [(part.name, part.program, part.is_drum) for part in result.parts] == [
        (part.name, part.program, part.is_drum) for part in score.parts
    ]
    for voice, line in enumerate(region.lines):
        outside = [note for note in line.notes if all(note.end <= begin or note.start >= end for begin, end in region.spans(voice))]
        assert [note for note in result.parts[line.part].notes if note in outside] == outside
    heard, before = to_chorale(result), to_chorale(score).chorale
    assert heard.report == ()
    steps = min(before.steps, heard.chorale.steps)
    free, again = region.free[:, :steps], (region.chorale.onset & ~before.onset)[:, :steps]
    assert np.array_equal(heard.chorale.pitch[:, :steps], chorale.pitch[:, :steps])
    assert np.array_equal(heard.chorale.onset[:, :steps] & ~free, (before.onset[:, :steps] & ~free) | again)
    # A note that ended at the region's beginning is not lengthened, whatever the composer says.
    struck = free & ~np.pad(free, ((0, 0), (1, 0)))[:, :-1] & before.onset[:, :steps]
    assert np.array_equal(heard.chorale.onset[:, :steps] & free, (chorale.onset[:, :steps] & free) | struck)
    return result


# --- promises, over Bach and every composer


def some_region(score, rng):
    chorale = to_chorale(score).chorale
    voices = "".join(rng.choice(list("SATB"), size=rng.integers(1, 5), replace=False))
    first, last = sorted(rng.integers(0, chorale.steps, size=2))
    places = [chorale.place(int(step)).removeprefix("bar ").replace(" beat ", ":") for step in (first, last + 1)]
    if last + 1 == chorale.steps:
        places[1] = None
    return {"start": places[0], "end": places[1], "voices": voices}


def test_random_regions_of_bach_with_dice(bach_pieces):
    rng = np.random.default_rng(5)
    for piece in bach_pieces[::15]:
        score = to_score(piece.chorale)
        checked(score, seed=1, **some_region(score, rng))


@pytest.mark.parametrize("make", [tiny_composer, shipped_like, tiny_sketcher_composer])
def test_random_regions_of_bach_with_networks(make, bach_pieces):
    rng, composer = np.random.default_rng(6), make()
    chosen = [piece for piece in bach_pieces if piece.chorale.steps < 200][::24]
    assert {piece.chorale.meter for piece in chosen} >= {Meter(4, 4), Meter(3, 4)}
    assert {piece.chorale.pickup > 0 for piece in chosen} == {True, False}
    for seed, piece in enumerate(chosen):
        score = to_score(first_steps(piece.chorale, 48))
        checked(score, composer, seed, **some_region(score, rng))


@pytest.mark.parametrize("make", [Dice, tiny_composer, tiny_sketcher_composer])
@pytest.mark.parametrize(
    "where",
    [
        {"bars": "3"},
        {"bars": "2,4"},
        {"bars": ("1", "3-4")},
        {"start": "2:3", "end": "4:2"},
        {"end": "2:1"},
        {"start": "3:1"},
        {"voices": "AT"},
    ],
)
def test_mixed_meters_and_ways_to_name_a_region(make, where):
    checked(to_score(Chorale.parse(MIXED)), make(), **where)


@pytest.mark.parametrize("make", [Dice, tiny_composer, tiny_sketcher_composer])
def test_held_notes_fermatas_and_a_pickup(make):
    for where in ({"bars": "0"}, {"bars": "1"}, {"bars": "2"}, {"start": "2:4", "end": "3:1"}, {"start": "1:3", "end": "2:3"}):
        result = checked(choir(), make(), **where)
        assert sum(note.fermata for note in result.parts[0].notes) == 1


def test_bach_puts_back_what_was_there(bach_pieces):
    piece = next(piece for piece in bach_pieces if piece.name == "bwv269")
    score = to_score(piece.chorale)
    region = find_region(score, "2-3", voices="ATB")
    assert region.chorale == piece.chorale
    assert with_region(region, filled(region, Bach([piece.chorale]))) == score


# --- edges


def test_a_note_held_out_of_the_region_is_struck_again_and_said():
    region = find_region(choir(), start="1:3.5", end="2:2", voices="SAT")
    assert region.report == (
        "rewritten: soprano, alto, tenor; from bar 1 beat 3.5 up to bar 2 beat 2",
        "soprano, bar 1 beat 2: C5 reaches into the region: it ends where the composer ends it",
        "alto, bar 1 beat 2: E4 reaches into the region: it ends where the composer ends it",
        "alto, bar 2 beat 2: G4 began in the region and is held out of it: struck again here",
        "tenor, bar 1 beat 2: G3 reaches into the region: it ends where the composer ends it",
        "tenor, bar 2 beat 2: C4 began in the region and is held out of it: struck again here",
    )
    again = region.chorale.onset & ~Chorale.parse(HELD).onset
    assert np.argwhere(again).tolist() == [[1, 24], [2, 24]]
    alto = with_region(region, filled(region)).parts[1].notes
    assert next((note.start, note.duration) for note in alto if note.start >= 24 * 120) == (24 * 120, 480)


def held_on(region):
    """A chorale in which every voice holds the note before the region to the region's end."""
    pitch, onset = region.chorale.pitch.copy(), region.chorale.onset.copy()
    for voice, step in np.argwhere(region.free):
        pitch[voice, step], onset[voice, step] = pitch[voice, step - 1], False
    return region.chorale.replaced(pitch=pitch, onset=onset)


def test_only_a_note_that_reached_into_the_region_may_be_held_on():
    region = find_region(choir(), start="1:3", end="2:1")  # C5, E4, G3 and C3 reach into it
    soprano = with_region(region, held_on(region)).parts[0].notes
    assert [(note.start // 120, note.duration // 120, note.pitch) for note in soprano[:4]] == [
        (0, 4, 76),
        (4, 4, 74),
        (8, 12, 72),
        (20, 4, 76),
    ]
    region = find_region(choir(), start="1:2", end="2:1")  # D5 ends where it begins
    soprano = with_region(region, held_on(region)).parts[0].notes
    assert [(note.start // 120, note.duration // 120, note.pitch) for note in soprano[:4]] == [
        (0, 4, 76),
        (4, 4, 74),
        (8, 12, 74),
        (20, 4, 76),
    ]


def test_the_fermata_of_a_note_held_out_of_the_region_goes_with_what_stays():
    region = find_region(choir(), start="2:2", end="2:3.5", voices="S")
    assert np.flatnonzero(region.chorale.fermata).tolist() == [30]
    soprano = with_region(region, filled(region)).parts[0].notes
    assert [note.start // 120 for note in soprano if note.fermata] == [30]


def test_a_region_twice_through_one_note():
    score = choir(Chorale.parse("4/4, C major\n" + "\n".join(f"{v} C{o}" + " -" * 47 for v, o in zip("SATB", (5, 4, 4, 3), strict=True))))
    region = find_region(score, ("1", "3"))
    assert "soprano, bar 2 beat 1: C5 began in the region and is held out of it: struck again here" in region.report
    soprano = with_region(region, Dice().fill(Sketch(region.chorale, region.free), 1)).parts[0].notes
    assert [(note.start // 120, note.duration // 120) for note in soprano if 16 <= note.start // 120 < 32] == [(16, 16)]


# --- off the grid


def test_triplets_graces_spelling_and_dynamics_around_a_region():
    bb = Spelling("A", 1, 4)
    odd = [
        Note(0, 0, 74, 70),
        Note(0, 0, 76, 70),
        *(Note(index * 160, 160, pitch, 90) for index, pitch in enumerate((72, 74, 76))),
        Note(480, 60, 74),
        Note(540, 420, 70, 91, bb),
        Note(960, 960, 72, 60, fermata=True),
        Note(1920, 0, 71),
        Note(1920, 1920, 72),
        Note(3840, 0, 74),
        Note(3840, 640, 70, 60, bb),
        Note(4480, 320, 72),
        Note(4800, 960, 72),
    ]
    others = [
        Part(name, tuple(Note(start, 960, pitch) for start in range(0, 5760, 960))) for name, pitch in (("", 65), ("Va", 57), ("Vc", 43))
    ]
    drums = Part("Kit", (Note(0, 480, 38),), 0, is_drum=True)
    score = Score(
        (drums, Part("Violin", tuple(odd), 40), *others),
        meters=(MeterAt(0, Meter()), MeterAt(3840, Meter(2, 4))),
        keys=(KeyAt(0, Key(-3)), KeyAt(3840, Key(1))),
        tempos=(TempoAt(0, 72.0), TempoAt(480, 60.5)),
        title="Air",
    )
    region = find_region(score, "2")
    assert any("off the" in line or "was moved" in line or "grace" in line for line in region.heard)
    result = with_region(region, filled(region))
    kept = [note for note in odd if not 1920 <= note.start < 3840]
    assert [replace(note, spelling=None) for note in result.parts[1].notes if not 1920 <= note.start < 3840] == [
        replace(note, spelling=None) for note in kept
    ]
    assert [note.spelling for note in result.parts[1].notes if note.pitch == 70 and note.velocity > 59 and note.spelling == bb]
    assert {note.velocity for note in result.parts[1].notes if 1920 <= note.start < 3840} == {80}
    assert [part.name for part in result.parts] == ["Kit", "Violin", "Alto", "Va", "Vc"]
    assert result.parts[0] == drums
    assert (result.title, result.meters, result.keys, result.tempos) == (score.title, score.meters, score.keys, score.tempos)


def soprano_of(*notes):
    """A choir at 24 ticks a quarter whose soprano is given, over held notes."""
    under = [Part(name, (Note(0, 192, pitch),)) for name, pitch in (("Alto", 65), ("Tenor", 57), ("Bass", 45))]
    return Score((Part("Soprano", tuple(Note(*note) for note in notes)), *under), 24, keys=(KeyAt(0, Key()),))


def test_notes_played_a_little_early_or_late_belong_where_they_are_heard():
    score = soprano_of((0, 47, 72), (46, 50, 74), (97, 50, 76), (142, 50, 77))  # bar 2 begins at 96
    region = find_region(score, start="1:3", end="2:3", voices="S")
    notes = with_region(region, filled(region)).parts[0].notes
    assert [(note.start, note.end) for note in notes if note.start < 48] == [(0, 47)]
    assert (notes[-1].start, notes[-1].duration, notes[-1].pitch) == (142, 50, 77)
    assert all(note.end <= 142 for note in notes[:-1])


def test_short_notes_at_the_edges_stay_on_their_side():
    score = soprano_of((0, 45, 72), (45, 3, 71), (48, 45, 72), (93, 3, 74), (96, 96, 76))
    region = find_region(score, start="1:3", end="2:1", voices="S")
    notes = with_region(region, filled(region)).parts[0].notes
    assert [(note.start, note.duration, note.pitch) for note in notes if not 48 <= note.start < 96] == [
        (0, 45, 72),
        (45, 3, 71),
        (96, 96, 76),
    ]


DURATIONS = (0, 1, 3, 4, 6, 8, 12, 16, 24, 25, 36, 48, 96)  # of 24 a quarter, 0 for a grace note
EVENTS = st.tuples(st.sampled_from(DURATIONS), st.sampled_from((0, 0, 2)), st.sampled_from((0, 0, 0, 1, 6, 24)), st.integers(60, 79))


def melody(events):
    """Notes one after another, wherever they fall, some overlapping a little, some apart, and one on the grid at the end."""
    notes, tick = [], 0
    for duration, overlap, gap, pitch in events:
        notes.append(Note(tick, duration + overlap * bool(duration), pitch))
        tick += duration + gap
    return (*notes, Note(tick, 12, 72))


@settings(max_examples=100, deadline=None)
@given(events=st.lists(EVENTS, max_size=16), first=st.integers(0, 29), length=st.integers(1, 32), seed=st.integers(0, 3))
def test_outside_the_region_every_tick_sounds_as_it_did(events, first, length, seed):
    line = melody(events)
    score = soprano_of(*((note.start, note.duration, note.pitch) for note in line))
    assume(len(find_lines(score)[0]) == 4)
    chorale = to_chorale(score).chorale
    first, last = min(first, chorale.steps - 1), min(first + length, chorale.steps)
    places = [chorale.place(step).removeprefix("bar ").replace(" beat ", ":") for step in (first, last)]
    region = find_region(score, start=places[0], end=None if last == chorale.steps else places[1], voices="S")
    ((begin, end),) = region.spans(0)
    result = with_region(region, filled(region, seed=seed))
    assert [part.notes for part in result.parts[1:]] == [
        tuple(replace(note, spelling=new.spelling) for note, new in zip(part.notes, other.notes, strict=True))
        for part, other in zip(score.parts[1:], result.parts[1:], strict=True)
    ]
    notes = [replace(note, spelling=None) for note in result.parts[0].notes]
    before, after = ([note for note in line if note.end <= begin and note.start < begin], [note for note in line if note.start >= end])
    assert [note for note in notes if note in before] == before
    assert [note for note in notes if note in after] == after
    new = [note for note in notes if note not in line]
    for one, other in pairwise(new):
        assert one.end <= other.start
    # At an edge a note may be heard on the other side; a little further off all is as it was.
    for tick in (*range(begin - 3), *range(end + 6, result.end)):
        assert sounding(notes, tick) == sounding(line, tick), tick
    assert all(sounding(notes, tick) for tick in range(begin, end - 3))


def sounding(notes, tick):
    return sorted(note.pitch for note in notes if note.start <= tick < note.end)


# --- where the voices are


def test_two_staves_become_four_parts_which_is_said():
    score = choir()
    parts = (Part("R", score.parts[0].notes + score.parts[1].notes), Part("L", score.parts[2].notes + score.parts[3].notes, 19))
    region = find_region(replace(score, parts=parts), "2")
    assert "R holds 2 voices: each is written as its own part" in region.report
    result = with_region(region, filled(region))
    assert [(part.name, part.program) for part in result.parts] == [("Soprano", 52), ("Alto", 52), ("Tenor", 19), ("Bass", 19)]


def test_one_part_of_chords():
    score = choir(Chorale.parse(MIXED))
    chords = Part(
        "Piano", tuple(sorted((note for part in score.parts for note in part.notes), key=lambda note: (note.start, -note.pitch))), 0
    )
    region = find_region(replace(score, parts=(chords,)), "2", voices="B")
    result = with_region(region, filled(region))
    assert [part.name for part in result.parts] == [voice.capitalize() for voice in VOICES]
    assert [part.notes for part in result.parts[:3]] == [part.notes for part in score.parts[:3]]


def test_parts_in_any_order_and_parts_beside_the_choir_stay_where_they_are():
    score = choir()
    organ = Part("Organ", tuple(Note(0, 480 * 8, pitch) for pitch in (48, 55, 64)), 19)
    score = replace(score, parts=(score.parts[3], organ, *score.parts[:3]))
    region = find_region(score, "2", voices="A")
    assert "Organ is passed over: it is none of the voices; it stays as it is" in region.report
    result = with_region(region, filled(region))
    assert [part.name for part in result.parts] == ["Bass", "Organ", "Soprano", "Alto", "Tenor"]
    assert [result.parts[index] == score.parts[index] for index in range(5)] == [True, True, True, False, True]


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        (slice(1), r"four voices are needed, soprano to bass, and 1 is found; .* 1 Soprano; `harmonize` adds voices"),
        (slice(3), r"and 3 are found; the score's parts are 1 Soprano, 2 Alto, 3 Tenor; `harmonize` adds voices"),
        (slice(0), r"no part has pitched notes"),
    ],
)
def test_other_numbers_of_voices(parts, problem):
    with pytest.raises(NotationError, match=problem):
        find_region(choir(parts=choir().parts[parts]), "2")


def test_five_voices_are_asked_to_be_named():
    parts = [replace(part, name=f"P{index}") for index, part in enumerate(choir().parts)]
    fifth = Part("P4", tuple(Note(start, 480, 66) for start in range(0, 1920, 480)))
    with pytest.raises(NotationError, match=r"and 5 are found; .*keep four, or name four of them Soprano, Alto, Tenor and Bass"):
        find_region(choir(parts=(*parts, fifth)), "2")


def test_a_part_with_chords_is_named_where_voices_are_too_many():
    parts = choir().parts
    chord = replace(parts[0], notes=(*parts[0].notes, Note(0, 480, 72)))
    with pytest.raises(NotationError, match=r"and 5 are found; .*4 Bass; Soprano holds 2 voices; keep four"):
        find_region(choir(parts=(chord, *parts[1:])), "2")


# --- refused


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ({"bars": "9"}, "there is no bar 9; the piece has bars 0 to 3; bar 0 is the pick-up"),
        ({"bars": "2-1"}, "run backwards"),
        ({"start": "2:1", "end": "1:3"}, "a region from 2:1 to 1:3 holds nothing; its end must come after"),
        ({"start": "2:1", "end": "2:1"}, "holds nothing"),
        ({"end": "0:4"}, "a region from the beginning to 0:4 holds nothing"),
        ({"start": "2:5"}, "bar 2, in 4/4, has no beat 5; its beats are 1 to 4"),
        ({"start": "4:1"}, "there is no bar 4"),
        ({"bars": "1", "voices": "AX"}, "one or more of the letters SATB"),
        ({"bars": "1", "voices": ""}, "one or more of the letters SATB"),
    ],
)
def test_regions_that_are_not_there(where, problem):
    with pytest.raises(NotationError, match=problem):
        find_region(choir(), **where)


def test_a_region_must_be_named_in_one_way():
    with pytest.raises(ConfigError, match="no region is named; name bars like 5-8"):
        find_region(choir())
    with pytest.raises(ConfigError, match="not by both"):
        find_region(choir(), "1", end="2:1")


def test_a_chorale_with_other_notes_outside_the_region_is_refused():
    region = find_region(choir(), "2")
    with pytest.raises(NotationError, match="other notes outside the region"):
        with_region(region, region.chorale.transposed(1))
    with pytest.raises(NotationError, match="other notes outside the region"):
        with_region(region, Chorale.parse(MIXED))
