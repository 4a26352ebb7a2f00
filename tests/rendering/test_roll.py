"""Piano rolls: every note where it sounds, bars and beats as the meter has them, lines that lose no bar, boxes that are the notes."""

from dataclasses import replace
from itertools import pairwise

import pytest

from musicgen.errors import NotationError
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.music.score import Meter, MeterAt, Note, Part, Score
from musicgen.rendering.canvas import Canvas, spread
from musicgen.rendering.figures import pdf_of, svg_of
from musicgen.rendering.roll import lines_of_bars, roll_of
from musicgen.rendering.roll_look import LOOKS, THIN, Look
from musicgen.rendering.roll_notes import FULL, Frame, boxes_of
from musicgen.rendering.roll_picture import Plan, draw_roll

Q = 480
SHORT = Chorale.parse("""
    3/4, G minor, pickup 4
    S  D5 - - -^ | C5 - - - Bb4 - - - A4 - - -^
    A  G4 - - -  | A4 - - - G4  - - - F#4 - - -
    T  Bb3 - D4 - | C4 - - - D4 - - - D4 - - -
    B  G3 - - -  | A3 - - - D4 - - - D3 - - -
    """)


def band(bars: int = 4) -> Score:
    """Six tracks, some of chords, one of drums."""
    lead = [Note(beat * Q, Q, 69 + beat % 5) for beat in range(4 * bars)]
    chords = [Note(bar * 4 * Q, 4 * Q, pitch) for bar in range(bars) for pitch in (57, 60, 64)]
    low = [Note(beat * Q, Q // 2, 33) for beat in range(4 * bars)]
    hits = [Note(beat * Q, 60, 36 if beat % 2 else 38) for beat in range(4 * bars)]
    tracks = {"Drums": hits, "Lead": lead, "Piano": chords, "Strings": chords, "Guitar": chords, "Bass": low}
    return Score(tuple(Part(name, tuple(notes), is_drum=name == "Drums") for name, notes in tracks.items()))


def test_the_notes_of_a_roll_are_those_of_the_score(bach_pieces) -> None:
    score = to_score(bach_pieces[0].chorale)
    roll = roll_of(score)
    expected = [(voice, note.start / Q, note.end / Q, note.pitch) for voice, part in enumerate(score.parts) for note in part.notes]
    assert sorted((note.voice, note.start, note.end, note.pitch) for note in roll.notes) == sorted(expected)
    assert [voice.label for voice in roll.voices] == list("SATB")
    assert roll.panels == ((0, 1, 2, 3),)


def test_bars_beats_and_phrases() -> None:
    pickup, bar = roll_of(to_score(SHORT)).bars
    assert (pickup.number, pickup.start, pickup.end, pickup.beats) == (0, 0.0, 1.0, (0.0,))
    assert (bar.number, bar.start, bar.end, bar.beats) == (1, 1.0, 4.0, (1.0, 2.0, 3.0))
    first, second = roll_of(to_score(SHORT)).phrases
    assert (first.start, first.end, first.fermata) == (0.0, 1.0, (0.0, 1.0))
    assert (second.start, second.end, second.fermata) == (1.0, 4.0, (3.0, 4.0))
    compound = replace(band(1), meters=(MeterAt(0, Meter(6, 8)),))
    assert [bar.beats for bar in roll_of(compound).bars] == [(0.0, 1.5), (3.0, 4.5)]


def test_given_notes_are_those_of_another_score_at_any_resolution() -> None:
    score = to_score(SHORT)
    finer = replace(
        score.parts[0], notes=tuple(replace(note, start=2 * note.start, duration=2 * note.duration) for note in score.parts[0].notes)
    )
    roll = roll_of(score, given=Score((finer,), ticks_per_quarter=2 * Q))
    assert {note.voice for note in roll.notes if note.is_given} == {0}
    assert all(note.is_given for note in roll.of_voice(0))


@pytest.mark.parametrize(("longest", "most"), [(24.0, None), (9.0, None), (1.0, None), (24.0, 5)])
def test_lines_hold_every_bar_once_in_order(longest, most) -> None:
    bars = roll_of(band(17)).bars
    lines = lines_of_bars(bars, longest, most)
    assert [bar for line in lines for bar in line] == list(bars)
    lengths = [line[-1].end - line[0].start for line in lines]
    assert max(lengths) <= (20 if most else max(longest, 4.0))
    assert most or max(lengths) - min(lengths) <= 8.0


def test_bars_that_do_not_follow_each_other_stand_on_lines_of_their_own() -> None:
    roll = roll_of(band(9), bars="1-2,5")
    assert [[bar.number for bar in line] for line in lines_of_bars(roll.bars, 100.0)] == [[1, 2], [5]]
    with pytest.raises(NotationError, match="there is no bar 12"):
        roll_of(band(9), bars="12")


def test_a_band_is_drawn_track_by_track_with_drums_last() -> None:
    roll = roll_of(band())
    assert [roll.voices[voice].name for (voice,) in roll.panels] == ["Lead", "Piano", "Strings", "Guitar", "Bass", "Drums"]
    assert [voice.is_single for voice in roll.voices] == [False, True, False, False, False, True]
    drums = Plan(roll, Look()).panels[-1]
    assert list(drums.names.values()) == ["Acoustic Snare", "Bass Drum 1"]


def test_boxes_are_the_notes() -> None:
    """In bar 1 tenor and bass meet on D4, and share its row."""
    roll = roll_of(to_score(SHORT), given=Score(to_score(SHORT).parts[:1]))
    (panel,) = Plan(roll, Look()).panels
    frame = Frame(None, 0.0, 4.0, 10.0, 5.0)  # type: ignore[arg-type]
    boxes = dict(zip(roll.notes, boxes_of(frame, panel, roll.notes, 100.0), strict=True))
    met = [note for note in roll.notes if note.pitch == 62 and note.start == 2.0]
    assert [note.voice for note in met] == [2, 3]
    for note, (x, y, width, height) in boxes.items():
        assert x - 10 == pytest.approx(5 * note.start, abs=0.2)
        assert width == pytest.approx(5 * (note.end - note.start), abs=0.3)
        row = 100 + panel.row * (panel.rows[0] - note.pitch)
        assert row < y < y + height < row + panel.row
        share = (0.5 if note in met else 1.0) * (THIN if note.is_given else 1.0)
        assert height == pytest.approx(share * FULL * panel.row)
    upper, lower = (boxes[note] for note in met)
    assert upper[1] + upper[3] <= lower[1] + 1e-9


def test_the_voices_of_a_choir_differ_in_gray() -> None:
    def lightness(color: str) -> float:
        red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    shades = sorted(lightness(look.color) for look in LOOKS[:4])
    assert min(after - before for before, after in pairwise(shades)) > 35
    assert len({look.dashes for look in LOOKS}) == len(LOOKS)


def test_pictures_have_pages_and_equal_bytes() -> None:
    roll = roll_of(to_score(SHORT))
    (figure,), (again,) = draw_roll(roll, Look(85)), draw_roll(roll, Look(85))
    svg = svg_of(figure)
    assert svg == svg_of(again)
    assert ">Soprano</text>" in svg
    assert ">D5</text>" in svg
    assert figure.get_figwidth() * 25.4 == pytest.approx(85)
    assert pdf_of([Canvas(20, 10).figure] * 2).count(b"/Type /Page ") == 2


def test_lines_that_do_not_fit_on_a_page_go_to_the_next() -> None:
    assert len(Plan(roll_of(to_score(SHORT)), Look(85, page=60, bars_a_line=1)).pages) == 1  # the pick-up goes with its bar
    assert [len(page) for page in Plan(roll_of(band(3)), Look(60, page=200, bars_a_line=1)).pages] == [2, 1]
    with pytest.raises(NotationError, match="70 bars would fill 70 pages, at most 60"):
        draw_roll(roll_of(band(70)), Look(60, page=10, bars_a_line=1))


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(NotationError, match="no notes"):
        roll_of(Score((Part("Flute", (Note(0, 0, 60),)),)))


def test_labels_are_moved_apart_as_little_as_needed() -> None:
    assert spread([5.0, 1.0, 9.0], 2.0) == [5.0, 1.0, 9.0]
    assert spread([1.0, 1.0, 9.0], 2.0) == [0.0, 2.0, 9.0]
    placed = spread([1.0, 1.5, 2.0, 2.1], 1.0)
    assert placed == pytest.approx([0.15, 1.15, 2.15, 3.15])
