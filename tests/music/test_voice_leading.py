import numpy as np
import pytest
from pieces import CROSSED_FOURTHS, FIFTHS_ACROSS_PHRASES, INNOCENT, VIOLATING, drawn

from musicgen.music import voice_leading
from musicgen.music.chorale import VOICES, Chorale
from musicgen.music.spelling import spell_notes
from musicgen.music.voice_leading import counts, find_events, find_parallels, parallel_moves, slices

ORACLE_PIECES = ("bwv66.6", "bwv268", "bwv39.7", "bwv397", "bwv436", "bwv301")


@pytest.mark.parametrize("rule", VIOLATING)
def test_a_breach_is_found_once_with_its_voices(rule):
    text, voices = VIOLATING[rule]
    found = [event for event in find_events(drawn(text)) if event.rule == rule]
    assert [event.voices for event in found] == [voices]


@pytest.mark.parametrize("rule", INNOCENT)
def test_what_only_looks_like_a_breach_is_none(rule):
    assert rule not in {event.rule for event in find_events(drawn(INNOCENT[rule]))}


def test_an_event_is_described_by_voices_and_place():
    text, _ = VIOLATING["parallel octaves"]
    chorale = drawn("3/4, pickup 2\n" + text)
    assert [event.describe(chorale) for event in find_parallels(chorale)] == ["soprano and bass, bar 1 beat 1: parallel octaves"]


def test_phrases_are_not_joined_by_parallels():
    chorale = drawn(FIFTHS_ACROSS_PHRASES)
    assert find_parallels(chorale) == []
    assert [event.voices for event in find_parallels(chorale, inside_phrases=False)] == [(2, 3)]
    assert counts(chorale)["transitions"] == 1
    assert counts(chorale)["transitions inside"] == 0


def test_crossed_fourths_are_no_fifths_to_the_ear_but_in_the_published_count():
    chorale = drawn(CROSSED_FOURTHS)
    assert find_parallels(chorale) == []
    assert counts(chorale)["parallel fifths"] == 1


def test_rests_make_no_parallels_and_a_second_rest_no_slice():
    chorale = drawn(
        """
        S  C5 .  D5 D5
        A  .  .  .  .
        T  .  .  .  .
        B  C3 .  D3 D3
        """
    )
    assert slices(chorale).start.tolist() == [0, 1, 2, 3]
    assert find_parallels(chorale) == []
    silent_twice = chorale.replaced(pitch=np.full_like(chorale.pitch, -1), onset=np.ones_like(chorale.onset))
    assert slices(silent_twice).start.tolist() == [0]


def test_an_empty_chorale_has_no_events():
    empty = Chorale(np.zeros((4, 0)), np.zeros((4, 0)), np.zeros(0))
    assert find_events(empty) == []
    assert counts(empty)["slices"] == 0


def test_bach_breaks_each_rule_as_often_as_published(bach_pieces):
    totals = {}
    for piece in bach_pieces:
        for name, number in counts(piece.chorale).items():
            totals[name] = totals.get(name, 0) + number
    published = {
        "pieces": 391,
        "full slices": 32376,
        "transitions": 31601,
        "transitions inside": 29858,
        "parallel fifths": 43,
        "parallel octaves": 21,
        "pieces without parallels": 346,
        "crossed slices": 880,
        "crossed slices SA": 89,
        "crossed slices AT": 519,
        "crossed slices TB": 276,
        "overlaps": 1691,
        "wide slices": 560,
        "notes out of range": 254,
    }
    assert {name: totals[name] for name in published} == published
    assert abs(totals["slices"] - 32646) < 10  # rests written in pieces
    assert abs(totals["notes"] - 92025) < 10


def test_parallels_of_each_pair_are_as_published(bach_pieces):
    def totals(interval):
        cuts = [slices(piece.chorale) for piece in bach_pieces]
        return sum(parallel_moves(cut, interval, crossed_fourths=True).sum(axis=1) for cut in cuts).tolist()

    assert totals(voice_leading.FIFTH) == [7, 17, 5, 13, 2, 10]  # SA ST SB AT AB TB, phrases joined
    assert totals(voice_leading.OCTAVE) == [1, 6, 5, 2, 9, 6]


def test_parallels_and_overlaps_are_those_music21_finds(bach_pieces):
    chorales = [piece.chorale for piece in bach_pieces if piece.name in ORACLE_PIECES]
    assert len(chorales) == len(ORACLE_PIECES)
    verdicts = [_music21_verdicts(chorale) for chorale in chorales]
    for chorale, (fifths, octaves, overlaps) in zip(chorales, verdicts, strict=True):
        cut = slices(chorale)
        assert _places(parallel_moves(cut, voice_leading.FIFTH)) == fifths
        assert _places(parallel_moves(cut, voice_leading.OCTAVE)) == octaves
        assert {(voice, index) for voice, index in _places(voice_leading.overlapping(cut))} == overlaps
    assert all(any(verdict[kind] for verdict in verdicts) for kind in range(3))


def _places(found):
    return {(int(row), int(index)) for row, index in np.argwhere(found)}


def _music21_verdicts(chorale):
    """Places (pair, transition) of parallel fifths and octaves, (voice, transition) of overlaps, by music21's VoiceLeadingQuartet."""
    from music21.note import Note
    from music21.voiceLeading import VoiceLeadingQuartet

    names = spell_notes(chorale)
    cut = slices(chorale)
    fifths, octaves, overlaps = set(), set(), set()
    pairs = list(zip(*(voices.tolist() for voices in voice_leading.voice_pairs(len(VOICES))), strict=True))

    def sounding(voice, step):
        start = max(start for start in np.flatnonzero(chorale.onset[voice]) if start <= step)
        return Note(str(names[voice, int(start)]).replace("b", "-"))

    for index in range(len(cut.start) - 1):
        if not cut.sounding[:, index].all():
            continue
        before, after = ([sounding(voice, step) for voice in range(4)] for step in cut.start[index : index + 2])
        for row, (upper, lower) in enumerate(pairs):
            quartet = VoiceLeadingQuartet(before[upper], after[upper], before[lower], after[lower])
            if quartet.parallelMotion("P5", allowOctaveDisplacement=True):
                fifths.add((row, index))
            if quartet.similarMotion() and all(interval.simpleName in ("P1", "P8") for interval in quartet.vIntervals):
                octaves.add((row, index))
            is_counted = bool(cut.transition[index] and cut.inside[index])
            if lower == upper + 1 and is_counted and quartet.voiceOverlap():
                overlaps.add((upper, index))
    return fifths, octaves, overlaps
