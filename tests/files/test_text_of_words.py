"""Texts that a plain format could take for something else; what stands around the notes: words, marks, figures, lines of syllables.

`tests/clients/round_trips.py` asks LilyPond itself.
"""

import re
from dataclasses import replace

import pytest
from heard import heard_in, music21_of, sounds
from oddities import line, score
from sung import HYMN, sung, words

from musicgen.files import read_score, write_score
from musicgen.files.abc_text import decoded, encoded
from musicgen.files.abc_write import abc_bytes
from musicgen.files.kern_write import kern_bytes
from musicgen.files.lilypond_write import lilypond_bytes
from musicgen.music.score import FiguresAt, Lyric, TempoAt, TextAt

TITLE = '"Say" 100% \\ ~ * ! <é> & {x} #\'()'
TEXTS = ("!wow", "*star", "=", "**kern", '"Lord"', "back\\slash", "Господь", "&amp;", "[V:2]", "w:", "{x}", "#", "H", "a-b", "X:2", "1.")


def with_texts(texts):
    notes = line("C4:1 D4:1 E4:1 F4:1 " * (len(texts) // 4))
    return score(tuple(replace(note, lyrics=(Lyric(text),)) for note, text in zip(notes, texts, strict=True)), title=TITLE)


@pytest.mark.parametrize("suffix", ["musicxml", "krn", "abc"])
def test_words_and_titles_come_back_whatever_their_signs(tmp_path, suffix):
    write_score(with_texts(TEXTS), tmp_path / f"o.{suffix}")
    again = read_score(tmp_path / f"o.{suffix}")
    assert [text.replace("∗", "*") for text in words(again.parts[0].notes)] == list(TEXTS)
    assert again.title == TITLE


def test_signs_of_abc_in_words_neither_cut_nor_shift_them(tmp_path):
    texts = ("100%", "a*b", "_x", "a~b", "a|b", "two words", "end", "*")
    write_score(with_texts(texts), tmp_path / "o.abc")
    assert words(read_score(tmp_path / "o.abc").parts[0].notes) == ["100\uff05", "a∗b", "\uff3fx", "a∼b", "a∣b", "two words", "end", "∗"]
    assert not set("%*|~") & set(re.sub(r"two~| \| ", "", re.findall("^w: (.*)$", abc_bytes(with_texts(texts)).decode(), re.MULTILINE)[0]))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"Fr\"ohlich", "Fröhlich"),
        (r"caf\'e \ss \AE \/o", "café ß Æ ø"),
        (r"\u00e9t&eacute;", "été"),
        (r"50\% \\ \& &amp;", "50% \\ & &"),
        ("AT&T &co", "AT&T &co"),
    ],
)
def test_escapes_of_abc(text, plain):
    assert decoded(text) == plain
    assert decoded(encoded(plain)) == plain


def test_a_hyphen_after_a_held_syllable_of_abc_joins_it(tmp_path):
    (tmp_path / "s.abc").write_text("X:1\nT:50\\% off % a comment\nM:4/4\nL:1/4\nK:C\nC D E F|G A B c|]\nw: al_-len die~wir | _ sind da\n")
    read = read_score(tmp_path / "s.abc")
    assert words(read.parts[0].notes) == ["al-", "", "len", "die wir_", "", "sind", "da", ""]
    assert read.title == "50% off"


def test_held_syllables_of_abc_have_lines(tmp_path):
    write_score(HYMN, tmp_path / "h.abc")
    assert "w: be den__ Her- | ren, den mäch- | ti-gen__ Kö-nig‿der |" in (tmp_path / "h.abc").read_text().replace("Lo- | ", "")
    assert words(read_score(tmp_path / "h.abc").parts[0].notes)[:4] == ["Lo-/Lo-", "be/be", "den_/den", "Her-"]


def test_lilypond_is_told_which_notes_a_syllable_is_sung_to():
    text = lilypond_bytes(HYMN).decode()
    assert "\\set melismaBusyProperties = #'(tieMelismaBusy)" in text  # else it takes the notes of a beam for one
    assert "d''4 b'8[( c''8]) d''4" in text
    assert '"be" "den" __ _ _ "Her" --' in text
    assert "melismaBusyProperties" not in lilypond_bytes(score(line("C4:1/2 D4:1/2"))).decode()
    assert "--" not in lilypond_bytes(score(sung(line("C4:1 D4:1"), "A- men-"))).decode().partition('"men"')[2]


MARKED = replace(
    score(line("C4:1 D4:1 E4:1 F4:1"), line("C3:2 D3:2")),
    tempos=(TempoAt(0, 72.0), TempoAt(480 * 3 + 240, 60.0)),
    marks=(TextAt(480, 'say "no" | 5% @[x]'), TextAt(960, "V7\nc:", is_above=False)),
    figures=(FiguresAt(480, 960, ((6, None), (None, 0))), FiguresAt(960, 1440, ((5, -1),))),
)


def test_marks_and_figures_stand_in_lilypond():
    text = lilypond_bytes(MARKED).decode()
    above, figures, below = (text.index(each) for each in ('s4*3^"say \\"no\\" | 5% @[x]"', "\\figuremode", "\\markup \\column"))
    assert above < figures < below
    assert "s4 <6 _!>4 <5->4 s4 }" in text
    assert 's4*2 s4*2_\\markup \\column { "V7" "c:" }' in text


@pytest.mark.parametrize(("write", "kind"), [(kern_bytes, "humdrum"), (abc_bytes, "abc")])
def test_marks_and_tempos_between_notes_are_kept_and_cost_no_note(write, kind):
    piece = music21_of(write(MARKED), kind)
    assert heard_in(piece)[0] in (sounds(MARKED), sounds(MARKED)[::-1])
    text = write(MARKED).decode()
    assert "60" in text
    assert "say" in text
    assert "V7 c" in text
