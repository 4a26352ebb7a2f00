"""How a sketch is cut."""

from musicgen.composers.rulebook.moments import find_moments
from musicgen.music.sketch import Sketch


def cut(text: str) -> list[int]:
    return [moment.start for moment in find_moments(Sketch.parse(text))]


def free(steps: int, voices: str = "ATB") -> str:
    return "".join(f"\n{voice}" + " ?" * steps for voice in voices)


def test_beats_are_the_meter_s() -> None:
    assert cut("4/4, C major" + free(16, "SATB")) == [0, 4, 8, 12]
    assert cut("6/8, C major, pickup 2" + free(14, "SATB")) == [0, 2, 8]
    assert cut("3/2, C major" + free(24, "SATB")) == [0, 8, 16]


def test_a_tune_in_quarters_cuts_halves_in_two() -> None:
    assert cut("2/2, C major\nS C5 - - - D5 - - - E5 - - - - - - -" + free(16)) == [0, 4, 8]


def test_a_fermata_is_one_moment_and_ends_a_phrase() -> None:
    moments = find_moments(Sketch.parse("4/4, C major\nS C5 - - - C5^ - - - - - - - D5 - - -" + free(16)))
    assert [moment.start for moment in moments] == [0, 4, 12]
    assert [moment.ending for moment in moments] == [0.0, 1.0, 1.0]
    assert [moment.fresh for moment in moments] == [True, False, True]


def test_given_and_free_cells_part_and_silence_is_shared() -> None:
    moments = find_moments(Sketch.parse("S C5 - ? ? . - - -\nA ? ? ? ? ? ? ? ?\nT ? ? ? ? ? ? ? ?\nB ? ? ? ? ? ? ? ?"))
    assert [(moment.start, bool(moment.free[0]), moment.rests) for moment in moments] == [
        (0, False, False),
        (2, True, False),
        (4, False, True),
    ]


def test_given_notes_know_their_neighbours() -> None:
    (moment,) = find_moments(Sketch.parse("4/4, C major\nS C5 - D5 -" + free(4)))
    first, second = moment.given
    assert (first.share, first.on_start, first.leads_in, first.leads_on) == (0.5, True, None, 2)
    assert (second.leads_in, second.leads_on) == (2, None)
