"""The flagship's sampler and its likelihood are one model; running ahead changes nothing; long pieces; all meters. V voices, T steps."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import PAIRS, SKETCHER_CHECKPOINT, SKETCHER_CONFIG, tiny_committee, tiny_committee_composer, tiny_sketcher, tiny_sketcher_composer

from musicgen.composers import left_to_right, step_by_step
from musicgen.composers.left_to_right import SketcherComposer
from musicgen.composers.plan import Plan, plan_sketch
from musicgen.models.committee import Committee
from musicgen.models.sketcher import Sketcher
from musicgen.music.chorale import REST, Chorale
from musicgen.music.constraints import VoiceRanges
from musicgen.music.score import Meter
from musicgen.music.sketch import Sketch
from musicgen.sampling.draw import Fill, SamplingOptions, log_softmax
from musicgen.sampling.left_to_right import fill_left_to_right
from musicgen.tokenizers.grid import GridTokenizer

COMPOSERS = [tiny_sketcher_composer(), tiny_committee_composer()]


def fond_of_holding(span: int = SKETCHER_CONFIG.span) -> SketcherComposer:
    """More often than not all voices hold, as in music."""
    model = tiny_sketcher(replace(SKETCHER_CONFIG, span=span))
    with torch.no_grad():
        for head in model.heads:
            head.to_scores.bias[SKETCHER_CONFIG.sounds] += 6.0
    return SketcherComposer("fond-of-holding", model, PAIRS, SKETCHER_CHECKPOINT)


def tune(first_line: str, steps: int = 48, steps_each: int = 2, seed: int = 0) -> Chorale:
    """Four voices in notes of equal length, drawn at random from a narrow range; the top voice a fifth above the others."""
    pitch = np.random.default_rng(seed).integers(57, 65, (4, steps // steps_each)) + np.array([[7], [0], [0], [0]])
    onset = np.tile(np.arange(steps) % steps_each == 0, (4, 1))
    like = Chorale.parse(f"{first_line}\n" + "\n".join(f"{voice} . {'- ' * (steps - 1)}" for voice in "SATB"))
    return like.replaced(pitch=pitch.repeat(steps_each, axis=1), onset=onset)


# Where a given voice rests, the others may too; ids are just those that may be written: nothing is barred, no draw is bent.
UNBARRED = GridTokenizer("pair", fermatas="struck", phrases=True)
ANY_PITCH = (VoiceRanges(((0, 127),) * 4),)
FREE = "? " * 8
SKETCHES = [
    Sketch.parse(f"S {FREE}\nA . - - - - - - -\nT {FREE}\nB {FREE}", ANY_PITCH),
    Sketch.parse(f"S C5 - D5 - - - E5 -\nA . - - - - - - -\nT {FREE}\nB ? ? ? ? C3 - ? ?", ANY_PITCH),
    Sketch.parse(f"S C5 - D5 - - - E5 - ? ? C5 -\nA . - - - - - - - - - - -\nT {FREE} ? ? ? ?\nB {FREE} F3 - - ?", ANY_PITCH),
]


@pytest.mark.parametrize("build", [tiny_sketcher, tiny_committee])
def test_what_is_drawn_is_as_likely_as_the_likelihood_says(build, monkeypatch) -> None:
    """Sampling cell by cell, alone or in a batch, and judging all at once, are the same model."""
    model: Sketcher | Committee = build(replace(SKETCHER_CONFIG, vocab_size=UNBARRED.size, input_size=UNBARRED.size + 2))
    composer = SketcherComposer("unbarred", model, UNBARRED, SKETCHER_CHECKPOINT)
    fills: list[Fill] = []

    def keep(*task):
        fills.append(fill_left_to_right(*task))
        return fills[-1]

    monkeypatch.setattr(step_by_step, "fill_left_to_right", keep)
    for sketches in (SKETCHES, SKETCHES[:1], SKETCHES[1:2]):
        filled = composer.fill_many(sketches, range(len(sketches)))
        for index, (sketch, chorale) in enumerate(zip(sketches, filled, strict=True)):
            # What is foretold is not read, as if it were free; lanes meet it.
            read = Sketch(chorale, sketch.free | step_by_step.is_foretold(sketch.free), ANY_PITCH)
            nats = np.where(sketch.free, composer.nats_of_free(read, chorale).nats, 0.0)
            drawn = fills[-1].log_probability[index, :, : chorale.steps]
            np.testing.assert_allclose(nats, -drawn, atol=1e-4)
            assert (nats[sketch.free] > 0).all()


@pytest.mark.parametrize("composer", COMPOSERS, ids=lambda composer: composer.name)
def test_the_likelihood_of_a_cell_knows_nothing_of_later_free_cells(composer: SketcherComposer) -> None:
    """Nor how long a note with a fermata is: its conditions are those of a sketch."""
    text = "S C5 - D5 - - - E5^ - {} C5 -\nA A4 - - - G4 - - - {} E4 -\nT C4 - - - - - - - {} G3 -\nB C3 - - - - - - - {} C3 -"
    held, moving = (Chorale.parse(text.format(*cells)) for cells in (["- -"] * 4, ["F5 -", "- B3", "D4 E4", "- A2"]))
    for keep in ("", "A"):
        one, other = (
            composer.nats_of_free(Sketch.for_voices(held, keep), piece).nats for piece in (held, replace_alto(moving, held, keep))
        )
        assert np.array_equal(one[:, :8], other[:, :8])
        assert (one[0, 8:] != other[0, 8:]).all()


def replace_alto(piece: Chorale, like: Chorale, keep: str) -> Chorale:
    """The piece, with the alto of another if that is what is given."""
    is_kept = np.array([[voice in keep] for voice in "SATB"])
    return piece.replaced(pitch=np.where(is_kept, like.pitch, piece.pitch), onset=np.where(is_kept, like.onset, piece.onset))


@pytest.mark.parametrize("meters", ["4/4, pickup 4", "6/8, pickup 3"])
def test_running_ahead_changes_nothing_but_the_number_of_runs(meters: str, monkeypatch) -> None:
    composer = fond_of_holding()
    pair = [Sketch.for_voices(tune(meters, steps=24, steps_each=4, seed=seed)) for seed in range(2)]
    runs: list[int] = []
    advance = composer.model.advance

    def count(past, memory, *others):
        runs.append(memory.shape[1])
        return advance(past, memory, *others)

    monkeypatch.setattr(composer.model, "advance", count)
    for sketches in (pair[:1], pair):
        music, counts = [], []
        for together in (left_to_right.AHEAD_TOGETHER, 0):
            with monkeypatch.context() as patch:
                patch.setattr(left_to_right, "AHEAD_TOGETHER", together)
                music.append([composer.fill_many(sketches, range(seed, seed + len(sketches))) for seed in range(2)])
            counts.append(list(runs))
            runs.clear()
        assert music[0] == music[1]
        ahead, singly = counts
        assert set(singly) == {1}
        # Some guesses were right and saved a run, some were not.
        assert 0 < len(singly) - len(ahead) < ahead.count(2)


def test_a_long_piece_is_written_as_it_is_judged(monkeypatch) -> None:
    """Twelve bars, attention reaches 16 steps at a time: what is given is kept, and the last bars' logits are those of a full pass."""
    composer = replace(fond_of_holding(span=16), options=SamplingOptions(temperature=1.0))
    piece = tune("4/4, D minor", 12 * 16, steps_each=4)
    free = np.ones_like(piece.onset)
    free[0], free[:, 4 * 16 : 6 * 16] = False, False
    sketch = Sketch(piece, free)
    late: dict[tuple[int, int], np.ndarray] = {}

    def listen(logits_of, *others):
        def heard(ids, voice, step):
            logits = logits_of(ids, voice, step)
            late.update({(voice, step): logits[0]} if step >= 10 * 16 else {})
            return logits

        return fill_left_to_right(heard, *others)

    monkeypatch.setattr(step_by_step, "fill_left_to_right", listen)
    (filled,) = composer.fill_many([sketch], [0])
    assert sketch.keeps(filled)
    assert (filled.pitch != REST).all()
    whole = composer.log_p(filled, sketch.free)
    assert late.keys() == {(voice, step) for voice, step in np.argwhere(free).tolist() if step >= 10 * 16}
    for cell, logits in late.items():
        np.testing.assert_allclose(log_softmax(logits), whole[cell], atol=1e-4)


FIRST_LINES = [
    *("4/4, C major", "3/4, G minor, pickup 4", "2/2, F major, pickup 8", "6/8, D major, pickup 2", "3/2, E minor, pickup 3"),
    *("12/8, B minor", "5/4, A major, pickup 1", "4/4 3/4@20 3/2@32, Bb major, pickup 4", "3/4 2/4@12 6/8@20, C minor"),
]


def test_all_meters_pickups_and_changes_of_meter() -> None:
    """In one batch, where positions in the bar differ from piece to piece, as alone, where some steps are run ahead."""
    composer = fond_of_holding()
    tunes = [Sketch.for_voices(tune(line, steps=36 if "@" in line else 12, seed=number)) for number, line in enumerate(FIRST_LINES)]
    plans = [plan_sketch(Plan(1, Meter.parse(meter), pickup_quarters=1), 0) for meter in ("4/4", "3/4", "2/2", "6/8", "3/2")]
    sketches = [*tunes, *plans]
    for number, (sketch, filled) in enumerate(zip(sketches, composer.fill_many(sketches, range(len(sketches))), strict=True)):
        assert sketch.keeps(filled)
        assert np.take_along_axis(sketch.allowed_pitches(), filled.pitch[..., None].astype(int), axis=-1)[..., 0][sketch.free].all()
        for field in ("meters", "pickup", "key", "steps"):
            assert getattr(filled, field) == getattr(sketch.given, field)
        assert composer.fill(sketch, number) == filled


def test_the_meter_is_heard() -> None:
    composer = tiny_sketcher_composer()
    lines = ["4/4", "3/4", "3/2", "4/4, pickup 4", "4/4, pickup 1", "4/4 3/4@16"]
    nats = [composer.nats(tune(f"{line}, C major")).nats.sum() for line in lines]
    assert len(set(nats)) == len(lines)
    assert composer.nats(tune("2/2, C major")).nats.sum() == nats[0]  # as long a bar


def test_guidance_and_drafts_leave_the_likelihood_alone() -> None:
    piece = tune("4/4, G major")
    composer = replace(tiny_sketcher_composer(), options=SamplingOptions(temperature=0.8, drafts=3, draft_temperature=0.8, guidance=3.0))
    before = composer.nats(piece).nats
    composer.fill(Sketch.for_voices(piece, "S"), 1)
    assert np.array_equal(composer.nats(piece).nats, before)
