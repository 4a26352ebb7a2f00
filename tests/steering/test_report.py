import json

import numpy as np
import pytest
from pieces import CADENCES, FIFTHS_ACROSS_PHRASES, VIOLATING, drawn

from musicgen.errors import NotationError
from musicgen.evaluation.style import MEASURES, measure
from musicgen.music.chorale import Chorale
from musicgen.music.constraints import PitchClasses
from musicgen.music.rules import NoCrossing, NoParallels
from musicgen.music.sketch import Sketch
from musicgen.steering.report import make_report

PHRASES = Chorale.parse(
    """
    4/4, C major
    S  C5 - - - D5 - - - B4 - - - C5 - - -^ | G4 - - - C5 - - - B4 - - - C5 - - -
    A  E4 - - - F4 - - - D4 - - - G4 - - -  | E4 - - - A4 - - - F4 - - - E4 - - -
    T  G3 - - - B3 - - - G3 - - - E4 - - -  | C4 - - - F4 - - - D4 - - - G3 - - -
    B  C3 - - - G3 - - - G3 - - - C3 - - -  | C3 - - - F3 - - - G3 - - - C3 - - -
    """
)


NAMES = {
    "parallel fifths": "parallel fifths per 100 transitions",
    "parallel octaves": "parallel octaves and unisons per 100 transitions",
    "parallel unisons": "parallel octaves and unisons per 100 transitions",
    "voice crossing": "voice crossings, % of slices",
    "voice overlap": "overlaps, % of transitions",
    "wide spacing": "upper voices over an octave apart, % of slices",
    "out of range": "outside text-book ranges, % of notes",
}


@pytest.fixture(scope="module")
def bach(bach_pieces):
    """BWV 197.10: B minor with phrases in D major, a pick-up and a Picardy third."""
    (chorale,) = [piece.chorale for piece in bach_pieces if "(BWV 197.10)" in piece.chorale.title]
    return chorale


def test_a_report_of_bach_names_his_phrases_and_his_chords(bach):
    report = make_report(bach)
    assert [(end.last, end.cadence, end.key) for end in report.phrases] == [
        ("bar 2 beat 4", "half", "B minor"),
        ("bar 5 beat 1", "perfect authentic", "B minor"),
        ("bar 7 beat 3", "perfect authentic", "D major"),
        ("bar 9 beat 3", "perfect authentic", "B minor"),
    ]
    assert report.phrases[3].numerals == ("V7", "I")
    assert report.phrases[3].chords == ("F#7", "B")
    assert report.final_chord == "B, I in B minor"
    assert [bar.bar for bar in report.chords] == list(range(10))
    assert report.chords[9].numerals == ("i64", "V7", "I")
    assert report.chords[9].places == ("bar 9 beat 1", "bar 9 beat 2", "bar 9 beat 3")
    assert report.chords[8].numerals[0] == "b: viio6"
    assert report.heading == "B minor, 4/4, 9 bars and a pick-up"


def test_what_sounds_on_at_a_barline_is_said_again():
    held = drawn(
        """
        S  C5 - - - - - - - - - - - - - - - | - - - - - - - - - - - - - - - -
        A  E4 - - - - - - - - - - - - - - - | - - - - - - - - - - - - - - - -
        T  G3 - - - - - - - - - - - - - - - | - - - - - - - - - - - - - - - -
        B  C3 - - - - - - - - - - - - - - - | - - - - - - - - - - - - - - - -
        """
    )
    assert [(bar.numerals, bar.places) for bar in make_report(held).chords] == [
        (("C: I",), ("bar 1 beat 1",)),
        (("I",), ("bar 2 beat 1",)),
    ]


def test_the_last_note_ends_a_phrase_without_a_fermata():
    report = make_report(PHRASES)
    assert [(end.first, end.last, end.has_fermata) for end in report.phrases] == [
        ("bar 1 beat 1", "bar 1 beat 4", True),
        ("bar 2 beat 1", "bar 2 beat 4", False),
    ]
    assert "bar 2 beat 4 (no fermata)" in report.markdown()


@pytest.mark.parametrize("kind", CADENCES)
def test_each_kind_of_cadence_is_named_in_its_key(kind):
    chorale = drawn(CADENCES[kind])
    (end,) = make_report(chorale).phrases
    assert end.cadence == kind
    assert end.key in ("C major", "A minor")


@pytest.mark.parametrize("rule", VIOLATING)
def test_a_breach_is_counted_and_shown_with_its_voices(rule):
    text, voices = VIOLATING[rule]
    letters = "".join("SATB"[voice] for voice in voices)
    findings = [finding for finding in make_report(drawn(text)).findings if any(place.startswith(letters) for place in finding.places)]
    assert NAMES[rule] in [finding.measure for finding in findings if finding.count == 1]


def test_rates_are_those_of_style_beside_what_bach_would_have_in_as_much_music(bach):
    rates, bachs = measure([bach]), {each.name: each.bach for each in MEASURES}
    findings = make_report(bach).findings
    assert len(findings) == 7
    for finding in findings:
        assert finding.rate == pytest.approx(rates[finding.measure].value)
        assert finding.bach == bachs[finding.measure]
        assert finding.count * finding.bach.value == pytest.approx(finding.bach_count * finding.rate)


def test_parallels_from_one_phrase_to_the_next_are_told_apart():
    report = make_report(drawn(FIFTHS_ACROSS_PHRASES))
    assert report.findings[0].count == 0
    assert len(report.joins) == 1
    assert "tenor and bass" in report.joins[0]
    assert report.joins[0] in report.markdown()


def test_what_no_one_sings_is_said_and_parallels_of_it_are_left_out():
    (place,) = make_report(drawn(VIOLATING["parallel fifths"][0]), unsung=[2]).findings[0].places
    assert place == "TB bar 1 beat 1.5 (not sung)"
    assert make_report(drawn(FIFTHS_ACROSS_PHRASES), unsung=[2]).joins == ()


def test_a_breach_in_what_was_given_is_said_to_be():
    chorale = drawn(VIOLATING["parallel fifths"][0])
    places = [make_report(chorale, Sketch.for_voices(chorale, keep)).findings[0].places[0] for keep in ("TB", "S")]
    assert places == ["TB bar 1 beat 1.5 (given)", "TB bar 1 beat 1.5"]


# --- what was asked


def test_what_was_asked_is_listed_and_kept():
    sketch = Sketch.for_voices(PHRASES).pin("B", "1:1", "C3").cadence("1:4", "perfect").with_rules(NoCrossing())
    report = make_report(PHRASES, sketch)
    assert [(each.kind, each.kept) for each in report.asked] == [
        ("given", True),
        ("given", True),
        ("phrases", True),
        ("constraint", True),
        ("constraint", True),
        ("rule", True),
    ]
    assert [each.what for each in report.asked[:3]] == ["soprano, whole", "bass, bar 1 beat 1: C3", "phrases end at bar 1 beat 4"]
    assert report.asked[4].what == "a perfect cadence in C major at bar 1 beat 4"
    assert report.all_kept
    assert "## Asked: 6 of 6 kept" in report.markdown()


def test_what_was_not_kept_is_said():
    sketch = Sketch.for_voices(PHRASES).pin("B", "1:1", "C3").cadence("1:4", "perfect").with_rules(NoParallels())
    pitch, onset = np.array(PHRASES.pitch), np.array(PHRASES.onset)
    pitch[3, :4], pitch[0, 4:8], pitch[3, 12:] = 40, 79, 55
    onset[3, 13:] = False
    other = PHRASES.replaced(pitch=pitch, onset=onset, fermata=np.zeros_like(PHRASES.fermata))
    report = make_report(other, sketch)
    kept = {each.what: each.kept for each in report.asked}
    assert not kept["soprano, whole"]
    assert not kept["bass, bar 1 beat 1: C3"]
    assert not kept["phrases end at bar 1 beat 4"]
    assert not kept["a perfect cadence in C major at bar 1 beat 4"]
    assert not report.all_kept
    assert "**NOT KEPT** | bass, bar 1 beat 1: C3" in report.markdown()


def test_more_constraints_can_be_asked_about():
    sketch = Sketch.for_voices(PHRASES)
    asked = (PitchClasses(3, 0, 4, frozenset({0})), PitchClasses(3, 0, 4, frozenset({2})))
    assert [each.kept for each in make_report(PHRASES, sketch, asked).asked[-2:]] == [True, False]


def test_passages_are_named_by_places_and_scattered_notes_are_counted():
    free = np.ones_like(PHRASES.onset)
    free[1, 4:28] = False
    free[2, ::8], free[2, 4::8] = True, True
    free[2] = True
    for start in range(0, 32, 8):
        free[2, start : start + 4] = False
    free[3, 0:8] = False
    texts = [each.what for each in make_report(PHRASES, Sketch(PHRASES, free)).asked]
    assert "alto, bar 1 beat 2 to bar 2 beat 3.75, 6 notes" in texts
    assert "tenor, bar 1 beat 3: G3" in texts
    assert "bass, bar 1 beat 1: C3 G3" in texts


# --- forms and edges


def test_a_report_is_json(bach):
    report = make_report(bach, Sketch.for_voices(bach), nats=np.full(bach.pitch.shape, np.nan, dtype=np.float32))
    back = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert back["all_kept"] is True
    assert back["likely"]["per_cell"] is None
    assert back["phrases"][2]["numerals"] == ["V", "I"]
    assert back["findings"][0]["bach"]["value"] == pytest.approx(0.144)


def test_nats_are_those_of_what_the_composer_wrote():
    nats = np.zeros(PHRASES.pitch.shape, dtype=np.float32)
    nats[0] = 9.0  # given: not the composer's
    nats[3, 16:20] = 2.0
    likely = make_report(PHRASES, Sketch.for_voices(PHRASES), nats=nats).likely
    assert likely.per_cell == pytest.approx(8 / 96)
    assert likely.bars == {1: 0.0, 2: pytest.approx(8 / 48)}
    assert np.isnan(likely.voices["soprano"])
    assert likely.least_likely[0] == "bass, bar 2 beat 1: C3, 8.0 nats"


def test_silence_has_a_report():
    report = make_report(drawn("S  . . . .\nA  . . . .\nT  . . . .\nB  . . . ."))
    assert (report.phrases, report.final_chord) == ((), "no chord")
    assert report.chords[0].numerals == ()
    assert "- |" in report.markdown()
    json.dumps(report.to_dict(), allow_nan=False)


def test_other_numbers_of_voices_have_no_rates():
    report = make_report(drawn("S  C5 - D5 -\nB  C3 - D3 -"))
    assert report.findings == ()
    assert report.chords[0].bar == 1


def test_a_report_is_of_the_sketch_s_own_piece():
    with pytest.raises(NotationError, match="its own piece"):
        make_report(PHRASES, Sketch.for_voices(drawn(CADENCES["half"])))
    with pytest.raises(NotationError, match="one for each cell"):
        make_report(PHRASES, nats=np.zeros((4, 3), dtype=np.float32))
