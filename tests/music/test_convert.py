"""Score <-> Chorale: exact for Bach, and a sentence for everything that does not fit the grid."""

from dataclasses import replace

import numpy as np
import pytest

from musicgen.errors import NotationError
from musicgen.music.chorale import REST, VOICES, Chorale
from musicgen.music.convert import MAX_REPORT, to_chorale, to_score
from musicgen.music.pitch import Key
from musicgen.music.score import KeyAt, Meter, MeterAt, Note, Part, Score

QUARTERS = "4/4, C major\nS  C5 - - -^ D5 - - -\nA  G4 - - -  G4 - - -\nT  E4 - - -  D4 - - -\nB  C3 - - -  B2 - - -"


def line(*notes, tpq=12, name="Flute", **fields):
    """A score of one part; notes as (start, duration, pitch) in ticks."""
    return Score((Part(name, tuple(Note(*note[:2], note[2]) for note in notes)),), tpq, **{"keys": (KeyAt(0, Key()),), **fields})


def test_every_chorale_of_bach_returns_exactly(bach_pieces):
    for piece in bach_pieces:
        conversion = to_chorale(to_score(piece.chorale))
        assert conversion.report == (), piece.name
        assert conversion.chorale == piece.chorale, piece.name


def test_fermatas_stand_on_all_voices():
    score = to_score(Chorale.parse(QUARTERS))
    assert [[note.fermata for note in part.notes] for part in score.parts] == [[True, False]] * 4
    assert [part.name for part in score.parts] == ["Soprano", "Alto", "Tenor", "Bass"]


def test_lower_voices_pause_on_their_last_note():
    score = to_score(Chorale.parse("S  C5 - - -^\nA  G4 - A4 -\nT  E4 - - -\nB  C3 D3 E3 ."))
    assert [[note.fermata for note in part.notes] for part in score.parts] == [[True], [False, True], [True], [False] * 3]


def test_triplets_are_rounded_and_reported():
    conversion = to_chorale(line((0, 4, 72), (4, 4, 74), (8, 4, 76), (12, 12, 77)))
    assert str(conversion.chorale).splitlines()[1].split()[1:] == ["C5", "D5", "-", "E5", "F5", "-", "-", "-"]
    assert conversion.report == (
        "voice 1, bar 1 beat 1.33: D5 was moved by 1/12 quarter to the sixteenth grid",
        "voice 1, bar 1 beat 1.67: E5 was moved by 1/12 quarter to the sixteenth grid",
    )


def test_of_two_notes_on_one_step_the_one_on_the_grid_stays():
    conversion = to_chorale(line((0, 9, 72), (9, 3, 74), (12, 12, 76), tpq=24))
    assert conversion.chorale.pitch.tolist() == [[72, 72, 76, 76]]
    assert conversion.report[-1] == "voice 1, bar 1 beat 1.38: D5 is left out: E5 stands on the same sixteenth"


def test_grace_notes_and_overlaps_are_reported():
    conversion = to_chorale(line((0, 0, 74), (0, 12, 72)))
    assert conversion.report == ("voice 1, bar 1 beat 1: D5 is left out: a grace note",)
    legato = to_chorale(line((0, 14, 72), (12, 12, 74)))
    assert legato.chorale.pitch.tolist() == [[72] * 4 + [74] * 4]
    assert legato.report == ("voice 1, bar 1 beat 1: C5 is cut short where D5 begins: a voice sings one note at a time",)


def test_rests_gaps_and_repeated_notes():
    chorale = to_chorale(line((12, 12, 72), (24, 12, 72), (48, 12, 72))).chorale
    assert chorale.pitch.tolist() == [[REST] * 4 + [72] * 8 + [REST] * 4 + [72] * 4]
    assert np.flatnonzero(chorale.onset[0]).tolist() == [0, 4, 8, 12, 16]


def test_pitches_out_of_every_range_are_kept():
    assert to_chorale(line((0, 12, 120))).chorale.pitch.tolist() == [[120] * 4]


def test_meters_keys_and_pickup():
    meters = (MeterAt(0, Meter(3, 4)), MeterAt(48, Meter(6, 8)))
    keys = (KeyAt(0, Key(2)), KeyAt(48, Key(-1)))
    conversion = to_chorale(line((0, 84, 72), meters=meters, keys=keys, pickup=12))
    assert conversion.chorale.meters == (MeterAt(0, Meter(3, 4)), MeterAt(16, Meter(6, 8)))
    assert (conversion.chorale.pickup, conversion.chorale.key) == (4, Key(2))
    assert conversion.report == ("the change to F major is not carried over: a chorale has one key",)


def test_a_missing_key_is_found_and_said(bach_pieces):
    piece = next(piece for piece in bach_pieces if piece.name == "bwv269")
    conversion = to_chorale(replace(to_score(piece.chorale), keys=()))
    assert conversion.chorale.key == piece.chorale.key
    assert conversion.report == ("no key signature: taken as G major",)


def two_staves(chorale):
    """The four voices on two staves, unisons merged as MIDI merges them."""
    parts = to_score(chorale).parts
    merged = [tuple(sorted(parts[a].notes + parts[b].notes, key=lambda note: note.start)) for a, b in ((0, 1), (2, 3))]
    return replace(to_score(chorale), parts=(Part("Upper", merged[0]), Part("Lower", merged[1])))


def test_two_staves_of_two_voices():
    chorale = Chorale.parse(QUARTERS)
    assert to_chorale(two_staves(chorale)).chorale == chorale


def test_held_notes_on_a_shared_staff_go_to_their_voice():
    chorale = Chorale.parse("S  C5 - D5 - E5 - - -\nA  G4 - - - F4 - E4 -\nT  E4 - - - D4 - - -\nB  C3 - - - D3 - C3 -")
    assert to_chorale(two_staves(chorale)).chorale == chorale


def test_one_part_of_chords_gives_its_voices():
    organ = Part("Organ", tuple(Note(0, 12, pitch) for pitch in (48, 64, 67, 72)))
    assert to_chorale(Score((organ,), 12)).chorale.pitch[:, 0].tolist() == [72, 67, 64, 48]


def test_a_voice_that_rests_on_a_shared_staff_is_reported():
    staff = Part("Choir", (Note(0, 12, 72), Note(0, 12, 65), Note(12, 12, 74), Note(24, 12, 72), Note(24, 12, 65)))
    conversion = to_chorale(Score((staff,), 12, keys=(KeyAt(0, Key()),)))
    assert conversion.chorale.pitch[:, ::4].tolist() == [[72, 74, 72], [65, REST, 65]]
    assert conversion.report == ("voice 2, bar 1 beat 2: rests: the part has fewer notes here than voices",)


def test_instruments_that_double_are_passed_over():
    score = to_score(Chorale.parse(QUARTERS))
    horn = replace(score.parts[0], name="Horn", notes=tuple(replace(note, pitch=note.pitch - 12) for note in score.parts[0].notes))
    drums = Part("Kit", (Note(0, 10, 36),), is_drum=True)
    conversion = to_chorale(replace(score, parts=(horn, *score.parts, drums)))
    assert conversion.chorale == Chorale.parse(QUARTERS)
    assert conversion.report == ("Horn is passed over: it is none of the voices",)


def test_voices_are_sorted_high_to_low_unless_named():
    score = to_score(Chorale.parse(QUARTERS), names=("1", "2", "3", "4"))
    shuffled = replace(score, parts=tuple(score.parts[index] for index in (3, 0, 2, 1)))
    assert to_chorale(shuffled).chorale == Chorale.parse(QUARTERS)
    crossed = replace(
        to_score(Chorale.parse(QUARTERS)), parts=tuple(replace(part, name=name) for part, name in zip(shuffled.parts, VOICES, strict=True))
    )
    assert to_chorale(crossed).chorale.pitch[0, 0] == 48


def test_two_voices():
    chorale = Chorale.parse("3/4, D minor\nS  D5 - - -\nA  F4 - - -")
    assert to_chorale(to_score(chorale)).chorale == chorale


@pytest.mark.parametrize(
    ("score", "problem"),
    [
        (Score(()), "no part has pitched notes"),
        (Score((Part("Kit", (Note(0, 10, 36),), is_drum=True),)), "1 Kit"),
        (line((0, 0, 72)), "no part has pitched notes"),
        (line((0, 12 * 1_000_000, 72)), "4000000 sixteenths long"),
        (line((0, 12, 72), tpq=24, meters=(MeterAt(0, Meter(5, 32)),)), "bar of 5/32"),
        (line((0, 24, 72), pickup=1), "pick-up ends off"),
        (Score((Part("Organ", tuple(Note(0, 12, pitch) for pitch in range(60, 72))),)), "chords of more than 8 notes"),
    ],
)
def test_what_cannot_be_read_is_refused(score, problem):
    with pytest.raises(NotationError, match=problem):
        to_chorale(score)


def test_unknown_part_lists_the_parts():
    with pytest.raises(NotationError, match=r"no part 3; the score's parts are 1 Flute"):
        to_chorale(line((0, 12, 72)), [2])


def test_a_long_report_is_cut():
    notes = [(12 * index + 1, 6, 72) for index in range(300)]
    report = to_chorale(line(*notes)).report
    assert len(report) == MAX_REPORT + 1
    assert report[-1] == "and 100 more of the same kinds"
