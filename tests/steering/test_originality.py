"""Draws that share too long a run with a training piece are drawn anew, a bounded number of times, and it is said how often."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pieces import drawn

from musicgen.cli.steering_options import USUAL_ORIGINAL as CLI_USUAL
from musicgen.cli.steering_options import spelled_out
from musicgen.composers.references import OneByOne
from musicgen.corpus.store import Piece, load_corpus
from musicgen.errors import ConfigError, NotationError
from musicgen.evaluation.copying import LIMIT, CopyIndex
from musicgen.files import write_score
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.music.sketch import Sketch
from musicgen.steering.answers import answer
from musicgen.steering.originality import DRAWS_EACH, Originality
from musicgen.steering.request import USUAL_ORIGINAL, Request
from musicgen.steering.tasks import Job, Ready

LEARNED = drawn("""
    S  E5 -  D5 -  C5 -  D5 -  | E5 -  D5 -  C5 -  -  -
    A  G4 -  G4 -  A4 -  A4 -  | G4 -  F4 -  E4 -  -  -
    T  C4 -  B3 -  C4 -  A3 -  | B3 -  B3 -  G3 -  -  -
    B  C3 -  G3 -  F3 -  F#3 - | G3 -  G2 -  C3 -  -  -
    """)
COPY = LEARNED.transposed(3)
OWN = drawn("""
    S  E5 -  D5 -  C5 -  D5 -  | E5 -  D5 -  C5 -  -  -
    A  C5 -  G4 -  E4 -  G4 -  | G4 -  G4 -  G4 -  -  -
    T  G4 -  D4 -  A3 -  B3 -  | C4 -  D4 -  E4 -  -  -
    B  C3 -  B2 -  A2 -  G2 -  | C3 -  B2 -  C3 -  -  -
    """)
INDEX = CopyIndex([Piece("bwv1", "train", LEARNED)])


@dataclass(frozen=True)
class Script(OneByOne):
    """Writes the lines given, one a seed, over and over."""

    lines: list[Chorale]
    name: str = "script"

    def fill(self, sketch, seed):
        return self.lines[seed % len(self.lines)]


def ask(script: Script, seeds, sketch=None, limit: int = 7, **more):
    ready = Ready(sketch or Sketch(OWN, np.ones_like(OWN.onset)), to_score)
    job = Job([ready] * len(seeds), lambda seed: ready, "x", originality=Originality(INDEX, limit, "--original"))
    return answer(Request(original=limit, **more), job, script, seeds)


def test_a_copy_is_drawn_anew_with_the_seeds_that_follow():
    answers = ask(Script([COPY, COPY, OWN]), [0])
    (piece,) = answers.pieces
    assert (piece.seed, piece.composed) == (2, OWN)
    assert piece.shared.slices < 7
    (remark,) = answers.remarks
    assert remark.startswith("2 of 3 draws (seeds 0 to 1) share 7 slices or more with a piece that was learned, the longest 7 slices, ")
    assert "of bwv1, moved 3 semitones up, and were drawn anew" in remark
    assert ask(Script([COPY, COPY, OWN]), [2]).remarks == []


def test_each_of_several_pieces_is_original_and_a_limit_above_the_run_lets_it_pass():
    answers = ask(Script([OWN, COPY]), [0, 1, 2])
    assert [piece.seed for piece in answers.pieces] == [0, 2, 4]
    assert all(piece.composed == OWN for piece in answers.pieces)
    assert [piece.seed for piece in ask(Script([OWN, COPY]), [0, 1, 2], limit=8).pieces] == [0, 1, 2]


def test_alternatives_are_original_too():
    other = OWN.transposed(2)
    found = ask(Script([COPY, OWN, COPY, other]), [0], alternatives=2).pieces
    assert [piece.composed for piece in found] == [OWN, other]


def test_draws_are_bounded_and_none_that_will_do_is_refused():
    drawn_seeds = []

    class Counted(Script):
        def fill(self, sketch, seed):
            drawn_seeds.append(seed)
            return super().fill(sketch, seed)

    with pytest.raises(NotationError) as caught:
        ask(Counted([COPY]), [5])
    assert drawn_seeds == list(range(5, 5 + DRAWS_EACH))
    said = str(caught.value)
    assert said.startswith("--original 7: all draws are refused; 10 of 10 draws (seeds 5 to 14) share")
    assert "the longest 7 slices, bar 1 beat 1" in said
    assert "of bwv1, moved 3 semitones up; allow more slices" in said
    few = ask(Script([COPY] * (2 * DRAWS_EACH - 1) + [OWN]), [0, 1])
    assert [piece.seed for piece in few.pieces] == [2 * DRAWS_EACH - 1]
    assert few.remarks[-1] == "only 1 of 2 pieces could be had in 20 draws"


def test_what_is_given_is_nobodys_copy():
    """Only the slices with a free cell count: of the last beats there are three."""
    free = np.zeros_like(COPY.onset)
    free[1, 8:] = True
    assert [piece.seed for piece in ask(Script([COPY]), [0], Sketch(COPY, free), limit=4).pieces] == [0]
    with pytest.raises(NotationError, match="the longest 3 slices, bar 1 beat 3 to bar 1 beat 4"):
        ask(Script([COPY]), [0], Sketch(COPY, free), limit=3)


def test_a_run_ends_where_slices_do_not_count():
    counted = np.ones(COPY.steps, dtype=bool)
    counted[4:6] = False
    assert INDEX.longest_run(COPY).slices == 7
    assert INDEX.longest_run(COPY, counted).slices == 4
    assert INDEX.longest_run(COPY, np.zeros(COPY.steps, dtype=bool)) is None


# --- as an option and in a file


def test_one_limit_everywhere():
    assert LIMIT == USUAL_ORIGINAL == CLI_USUAL


def test_the_option_stands_with_a_number_or_alone():
    assert spelled_out(["compose", "--original"]) == ["compose", "--original", "12"]
    assert spelled_out(["compose", "--original", "-o", "x.mid"]) == ["compose", "--original", "12", "-o", "x.mid"]
    for written in (["compose", "--original", "8", "-o", "8"], ["compose", "--original=8"], ["--original", "-3"], []):
        assert spelled_out(written) == written


def test_in_a_request_file():
    assert Request.parse("original = true").original == LIMIT
    kept = Request.parse("original = 8")
    assert Request.parse(kept.to_toml()) == kept
    for wrong, said in (("false", "slices, or true"), ("0", "from 1"), ("2.5", "slices, or true")):
        with pytest.raises(ConfigError, match=said):
            Request.parse(f"original = {wrong}")
    with pytest.raises(ConfigError, match="original is not for vary"):
        Request(task="vary", source="x.mid", original=3)


def test_on_the_command_line(good, refused):
    learned = load_corpus().pieces("train")[0]
    write_score(to_score(learned.chorale), "train.musicxml")
    line = refused("harmonize", "train.musicxml", "-m", "bach", "--seed", "1", "--original", "-o", "x.mid")
    assert line.startswith("musicgen: error: train.musicxml: --original 12: all draws are refused; 10 of 10 draws (seeds 1 to 10)")
    assert learned.chorale.title in line
    (piece,) = json.loads(good("compose", "-m", "dice", "--bars", "2", "--seed", "1", "--original", "-o", "x.mid", "--json"))["pieces"]
    assert piece["shared"]["slices"] < LIMIT
    assert f"{piece['shared']['slices']} slice" in piece["shared_run"]
    Path("corpora").unlink()
    assert "--original: needs the pieces that a model may have copied" in refused("compose", "-m", "dice", "--original", "9", "-o", "y.mid")


def test_originality_is_a_matter_of_all_voices():
    """The same outer voices over other inner ones are no copy."""
    other = Chorale(np.where(np.arange(4)[:, None] == 1, OWN.pitch, LEARNED.pitch), LEARNED.onset, LEARNED.fermata)
    assert INDEX.longest_run(other).slices < 3
