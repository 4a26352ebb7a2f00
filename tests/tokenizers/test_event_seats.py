"""Tracks that a model has not learned are read and written as others that it has."""

from musicgen.tokenizers.event_tracks import DRUMS, label_tracks, seated

KNOWN = (0, 40, 42, 41)


def slots(*programs: int) -> list[int]:
    tracks = [("Kit", 0, True) if program == DRUMS else (f"track {number}", program, False) for number, program in enumerate(programs)]
    labels = label_tracks(tracks)
    moved = seated(labels, KNOWN)
    assert [(label.name, label.program, label.is_drum) for label in moved] == tracks
    assert seated(labels, ()) == labels
    return [label.slot for label in moved]


def test_known_ones_stay():
    assert slots(42, 0, 41) == [42, 0, 41]


def test_a_second_violin_has_its_slot_with_a_viola_and_without():
    for programs in ((40, 40, 41, 42), (40, 40, 42), (40, 40)):
        labels = label_tracks([("", program, False) for program in programs])
        assert [label.slot for label in labels] == [40, 47, *programs[2:]]


def test_an_unknown_one_takes_the_most_frequent_of_its_family():
    assert slots(43, 73) == [40, 0]


def test_no_two_share_one():
    assert slots(40, 40, 73, 74) == [40, 42, 0, 41]


def test_drums_and_those_for_whom_none_is_left_stay():
    assert slots(DRUMS, 73, 74, 75, 76, 77) == [DRUMS, 0, 40, 42, 41, 77]
