import pytest
from pieces import drawn

from musicgen.corpus.sources import bach_folder, read_source
from musicgen.corpus.splits import bach_entries
from musicgen.music.convert import to_chorale
from musicgen.music.pitch import Key, Spelling
from musicgen.music.spelling import spell_notes


def names(text):
    return [str(spelling) for spelling in spell_notes(drawn(text)).values()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4/4, C major\nS D5 D#5 E5", "D5 D#5 E5"),
        ("4/4, C major\nS E5 D#5 D5", "E5 Eb5 D5"),
        ("4/4, C major\nS G4 G#4 A4", "G4 G#4 A4"),
        ("4/4, C major\nS A4 Ab4 G4", "A4 Ab4 G4"),
        ("4/4, A minor\nS E4 F#4 G#4 A4", "E4 F#4 G#4 A4"),
        ("4/4, C minor\nS C5 B4 Bb4 A4 Ab4 G4", "C5 B4 Bb4 A4 Ab4 G4"),
        ("4/4, F# major\nS F#4 F4 F#4", "F#4 E#4 F#4"),
        ("4/4, Gb major\nS F#4 F4 F#4", "Gb4 F4 Gb4"),
    ],
)
def test_a_line_is_spelled_by_key_and_direction(text, expected):
    assert names(text) == expected.split()


def test_a_chord_is_spelled_together():
    """Neither line moves by a semitone: what sounds with it decides."""
    flat = spell_notes(drawn("4/4, C minor\nS Ab4\nA F4\nT Db4\nB Db3"))
    assert [str(spelling) for spelling in flat.values()] == ["Ab4", "F4", "Db4", "Db3"]


def test_a_pitch_struck_again_keeps_its_name_whatever_sounds_with_it():
    """As Bach's always does."""
    alone = [
        names(f"4/4, A minor\nS Eb5\nA {alto}\nT {tenor}\nB {bass}")[0] for alto, tenor, bass in (("C5", "G4", "C4"), ("F#4", "A4", "B3"))
    ]
    assert alone == ["Eb5", "D#5"]
    assert len(set(names("4/4, A minor\nS Eb5 Eb5 G5\nA C5 F#4 E4\nT G4 A4 B4\nB C4 B3 E3")[:2])) == 1


def test_what_sounds_together_is_spelled_by_the_names_it_has_got():
    """From recipe 8: by the usual names of what sounds with them alone, both would be E#."""
    spelled = spell_notes(drawn("4/4, E minor\nS F4 F4 G4\nA D4 D#4 D4\nT D4 A#3 B3\nB A#3 G3 G3"))
    assert [str(spelled[0, step]) for step in (0, 1)] == ["F4", "F4"]


def test_every_note_and_no_rest_is_spelled_as_it_sounds():
    chorale = drawn("S C5 - . D5 D5\nA . - - - F#4")
    spelled = spell_notes(chorale)
    assert set(spelled) == {(0, 0), (0, 3), (0, 4), (1, 4)}
    assert all(spelling.pitch == chorale.pitch[place] for place, spelling in spelled.items())


@pytest.mark.parametrize("fifths", range(-7, 8))
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_every_pitch_can_be_written_in_every_key(fifths, mode):
    chorale = drawn("S " + " ".join(str(Spelling.at_fifths((7 * pitch + 5) % 12 - 5, pitch)) for pitch in range(48, 84)))
    spelled = spell_notes(chorale.replaced(key=Key(fifths, mode)))
    assert [spelling.pitch for spelling in spelled.values()] == list(range(48, 84))


def test_bach_is_spelled_as_printed():
    """Every sixth chorale; over all of them 24 of 92,029 notes differ, 8 in one piece whose signature is not its key."""
    right = total = 0
    for entry in [entry for entry in bach_entries() if not entry.duplicate_of][::6]:
        score = read_source(bach_folder() / entry.file, entry.parts).score
        chorale = to_chorale(score, range(4)).chorale
        spelled = spell_notes(chorale)
        ticks = score.ticks_per_quarter // 4
        for voice, part in enumerate(score.parts):
            written = [note for note in part.notes if (voice, note.start // ticks) in spelled and note.start % ticks == 0]
            right += sum(spelled[voice, note.start // ticks] == note.spelling for note in written)
            total += len(written)
    assert total > 12_500
    assert right / total > 0.9995
