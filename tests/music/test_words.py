from dataclasses import replace

from oddities import line, score
from sung import HYMN, TUNE, VERSES, sung, words

from musicgen.music.region import find_region, with_region
from musicgen.music.tune import find_tune, with_voices
from musicgen.music.words import laid_under, melismas, syllabics, with_words, without_words


def test_syllabics_follow_the_hyphens_of_each_verse():
    notes = sung(line("C4:1 D4:1 E4:1 F4:1"), "a- b- c d", "e f- g h")
    assert [value for (_, verse), value in syllabics(notes).items() if verse == 1] == ["begin", "middle", "end", "single"]
    assert [value for (_, verse), value in syllabics(notes).items() if verse == 2] == ["single", "begin", "end", "single"]


def test_a_rest_ends_a_melisma_and_so_does_the_last_word():
    notes = sung(line("C4:1 D4:1 R:1 E4:1 F4:1 G4:1"), "a * * b *")
    assert melismas(notes) == [(0, 480)]
    assert melismas(sung(line("C4:1 D4:1 E4:1"), "* b_ *")) == [(480, 960)]


def test_syllables_wait_for_the_next_note_or_join_the_last():
    tune = sung(line("G4:1 A4:1 B4:1 C5:1 D5:2"), "one two- three four five")
    assert words(laid_under(line("E4:1 F4:1/2 G4:1/2 E4:2 F4:1/2 D4:3/2"), tune)) == ["one", "two-", "", "three~four", "five", ""]
    assert words(laid_under(line("E4:1/2 F4:1 G4:7/2"), tune)) == ["one", "", "twothree~four~five"]
    assert words(laid_under(line("E4:1 R:2 G4:3"), tune)) == ["one", "four~five"]


def test_a_tune_keeps_its_words_in_a_finished_score():
    tune = find_tune(HYMN)
    finished = with_voices(tune, tune.chorale)
    assert words(finished.parts[0].notes) == words(sung(TUNE, *VERSES))
    assert not any(note.lyrics for part in finished.parts[1:] for note in part.notes)


def test_words_under_all_voices_or_none():
    four = score(HYMN.parts[0].notes, "D4:4 D4:4", "B3:4 B3:4", "G3:4 G3:4", key="G")
    sung_by_all = with_words(four)
    assert all(words(part.notes)[0].startswith("Lo") for part in sung_by_all.parts)
    assert not any(note.lyrics for note in without_words(sung_by_all).parts[0].notes)


def test_a_voice_that_is_rewritten_is_sung_to_the_words_that_were_there():
    notes = sung(line("G4:1 A4:1 B4:1 C5:1 D5:4"), "one two three four five")
    source = score(notes, "E4:4 F4:4", "C4:4 A3:4", "C3:4 D3:4")
    source = replace(source, parts=tuple(replace(part, name=name) for part, name in zip(source.parts, "SATB", strict=True)))
    region = find_region(source, start="1:2", end="2:1", voices="S")
    pitch, onset = region.chorale.pitch.copy(), region.chorale.onset.copy()
    pitch[0, 4:16], onset[0, 4:16] = 72, False
    onset[0, [4, 8]] = True
    filled = with_region(region, region.chorale.replaced(pitch=pitch, onset=onset))
    assert words(filled.parts[0].notes) == ["one", "two", "three~four", "five"]
