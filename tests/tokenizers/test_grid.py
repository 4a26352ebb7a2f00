import numpy as np
import pytest

from musicgen.errors import ConfigError, NotationError
from musicgen.music.chorale import REST, Chorale
from musicgen.music.constraints import PitchClasses, VoiceRanges
from musicgen.music.pitch import Key
from musicgen.music.sketch import Sketch
from musicgen.tokenizers.grid import CONDITION_SIZES, REST_ROW, GridTokenizer

TEXT = """
3/4, D minor, pickup 4
S  D5 -  -  -  | D5 -  C5^ -  .  -  -  -
A  A4 -  -  -  | A4 -  -   -  A4 -  -  -
T  F4 -  .  -  | D4 -  -   -  A3 -  -  -
B  D3 -  -  -  | D3 D3 -   -  A2 -  -  -
"""


@pytest.mark.parametrize("tokenizer", [GridTokenizer(), GridTokenizer("pair"), GridTokenizer("pair", relative=True)])
def test_decode_is_the_inverse_of_encode_for_every_chorale(tokenizer: GridTokenizer, bach_pieces) -> None:
    for piece in bach_pieces:
        ids = tokenizer.encode(piece.chorale)
        assert ids.min() >= 0
        assert ids.max() < tokenizer.size
        assert tokenizer.decode(ids, piece.chorale) == piece.chorale, piece.name


@pytest.mark.parametrize("held", ["hold", "pair"])
def test_repeated_and_held_differ(held: str) -> None:
    struck, sustained = (Chorale.parse("\n".join(f"{v} C4 {second}" for v in "SATB")) for second in ("C4", "-"))
    tokenizer = GridTokenizer(held)
    assert (tokenizer.encode(struck)[:, 1] != tokenizer.encode(sustained)[:, 1]).all()


def test_the_two_ways_to_hold() -> None:
    chorale = Chorale.parse("\n".join(f"{v} C4 - . -" for v in "SATB"))
    assert GridTokenizer("hold").encode(chorale)[0].tolist() == [26, 0, 1, 0]
    pairs = GridTokenizer("pair")
    assert [tuple(pairs.vocabulary.meaning(int(i))) for i in pairs.encode(chorale)[0]] == [
        ("pitch", 60),
        ("held pitch", 60),
        ("rest", 0),
        ("held rest", 0),
    ]


def test_conditions() -> None:
    chorale = Chorale.parse(TEXT)
    phase, beat, fermata, key, mode = GridTokenizer().conditions(chorale)
    assert phase.tolist() == [0, 1, 2, 3] * 3
    assert beat.tolist() == [2] * 4 + [0] * 4 + [1] * 4
    assert np.flatnonzero(fermata).tolist() == [6, 7]
    assert set(key) == {11}
    assert set(mode) == {1}


def test_fermatas_told_where_struck_do_not_tell_their_length() -> None:
    chorale = Chorale.parse(TEXT)
    assert np.flatnonzero(GridTokenizer("pair", fermatas="struck").conditions(chorale)[2]).tolist() == [6]


def test_phrases_are_counted_in_quarters_to_and_from_their_fermatas() -> None:
    chorale = Chorale.parse("""
        4/4, C major
        S  C5 -  -  -  D5^ -  -  -  E5 -  -  -  F5 -  -  -
        B  C3 -  -  -  -   -  -  -  -  -  -  -  -  -  -  -
    """)
    tokenizer = GridTokenizer("pair", phrases=True)
    until, since = tokenizer.conditions(chorale)[5:]
    assert until.tolist() == [1, 1, 1, 1, 0, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1]
    assert since.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert len(tokenizer.conditions(chorale)) == len(tokenizer.condition_sizes) == len(CONDITION_SIZES) + 2


def test_conditions_stay_in_their_sizes_for_every_chorale(bach_pieces) -> None:
    for piece in bach_pieces[::5]:
        conditions = GridTokenizer().conditions(piece.chorale)
        assert (conditions.min(axis=1) >= 0).all()
        assert (conditions.max(axis=1) < CONDITION_SIZES).all()


def test_a_pitch_outside_the_vocabulary_is_refused_with_its_place() -> None:
    with pytest.raises(NotationError, match=r"soprano, bar 1 beat 1\.5: C6 is outside the C2 to A5"):
        GridTokenizer().encode(Chorale.parse(TEXT.replace("C5^", "C6^")))


def test_what_may_sound_joins_ranges_constraints_and_given_notes() -> None:
    sketch = Sketch(Chorale.parse(TEXT), np.arange(4)[:, None].repeat(12, 1) == 1, (VoiceRanges(), PitchClasses(1, 0, 4, frozenset({9}))))
    table = GridTokenizer().sounding_allowed(sketch)
    assert np.flatnonzero(table[1, 0]).tolist() == [57, 69]
    assert np.flatnonzero(table[1, 4])[[0, -1]].tolist() == [53, 74]
    assert np.flatnonzero(table[0, 8]).tolist() == [REST_ROW]
    assert table[1, 8, REST_ROW]
    assert not table[1, 5, REST_ROW]
    assert np.flatnonzero(table[3, 11]).tolist() == [45]


def test_relative_ids_are_the_same_in_every_key() -> None:
    tokenizer = GridTokenizer("pair", relative=True)
    chorale = Chorale.parse(TEXT)  # one flat
    plain = chorale.transposed(-5)
    assert (plain.key.fifths, chorale.key.fifths) == (0, -1)
    assert (tokenizer.encode(chorale) == tokenizer.encode(plain)).all()
    assert (tokenizer.conditions(chorale)[3] != tokenizer.conditions(plain)[3]).all()
    sketch = Sketch(chorale, np.ones_like(chorale.onset), (VoiceRanges(),))
    ids = tokenizer.encode(chorale)
    may_sound = np.take_along_axis(tokenizer.sounding_allowed(sketch), tokenizer.sounding_of_id[ids][..., None], axis=-1)
    assert may_sound[chorale.pitch != REST].all()
    for voice, (lowest, highest) in enumerate(VoiceRanges().ranges):
        rungs = np.flatnonzero(tokenizer.sounding_allowed(sketch)[voice, 0, :REST_ROW])
        assert rungs[[0, -1]].tolist() == [lowest - 5, highest - 5]


@pytest.mark.parametrize("fifths", range(-7, 8))
def test_no_key_shifts_by_more_than_a_tritone(fifths: int) -> None:
    key = Key(fifths, "major")
    shift = GridTokenizer(relative=True).shift(key)
    assert -5 <= shift <= 6
    assert (key.tonic - shift) % 12 == 0
    assert GridTokenizer().shift(key) == 0


@pytest.mark.parametrize(
    "arguments", [{"fermatas": "heard"}, {"relative": True, "lowest": 5}, {"held": "tie"}, {"lowest": 70, "highest": 60}, {"highest": 128}]
)
def test_impossible_tokenizers_are_refused(arguments) -> None:
    with pytest.raises(ConfigError):
        GridTokenizer(**arguments)


def test_cells_say_what_each_id_says_by_itself() -> None:
    pitch, onset = GridTokenizer().cells(np.array([[0, 1, 2, 47]]))
    assert pitch.tolist() == [[REST, REST, 36, 81]]
    assert onset.tolist() == [[False, True, True, True]]
