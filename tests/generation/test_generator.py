"""Pieces, continuations and fillings by a model with random weights, checked from outside: mido and symusic read what was written."""

import io
from dataclasses import replace

import mido
import numpy as np
import pytest
import symusic

from musicgen.errors import ConfigError, MusicgenError, NotationError
from musicgen.files.midi import midi_of_score
from musicgen.files.midi_splice import source_of
from musicgen.generation.generator import Chords, Generator
from musicgen.generation.tracks import parse_programs, parse_track
from musicgen.models.causal import Causal, CausalConfig
from musicgen.music.bars import bars_of
from musicgen.music.pitch import Key
from musicgen.music.score import Meter, MeterAt, Note, Part, Score, TempoAt
from musicgen.sampling.decoding import DecodingOptions
from musicgen.tokenizers.event_tracks import TrackLabel
from musicgen.tokenizers.events import EventTokenizer

COMMON = Meter()
AM_F = {0: {9, 0, 4}, 1: {5, 9, 0}}


def config_of(tokenizer):
    specials = (tokenizer.bar_ids, tokenizer.fill_id, tokenizer.hole_id, tokenizer.bos_id, tokenizer.pad_id)
    return CausalConfig(tokenizer.size, *specials, width=16, heads=2, layers=1, inner=16, window=192)


def band(bars=8, meter=COMMON, pickup=0):
    """Four tracks, two of one program, drums; a note of the bass rings over every other barline."""
    bar = int(meter.bar_quarters * 480)
    starts = [pickup + index * bar for index in range(bars)] + ([0] if pickup else [])
    lead = [Note(start + at, 200, 60 + at // 240 % 7, 90) for start in starts for at in range(0, bar if start else pickup or bar, 240)]
    bass = [Note(start, bar + 100, 36 + index % 3, 70) for index, start in enumerate(sorted(starts))][::2]
    kit = [Note(start, 60, 38, 100) for start in starts]
    parts = [Part("Lead", lead, 0), Part("Pad", [replace(note, pitch=note.pitch - 12) for note in lead[::2]], 0)]
    parts += [Part("Bass", bass, 33), Part("Kit", kit, 0, is_drum=True)]
    ordered = [replace(part, notes=tuple(sorted(part.notes, key=lambda note: note.start))) for part in parts]
    return source_of(midi_of_score(Score(tuple(ordered), meters=(MeterAt(0, meter),), tempos=(TempoAt(0, 97.5),), pickup=pickup)))


def tracks_of(midi):
    """Name -> (program, channel, absolute messages that are not notes, notes as (start, end, pitch, velocity))."""
    found = {}
    for track in mido.MidiFile(file=io.BytesIO(midi)).tracks:
        tick, sounding, notes, others = 0, {}, [], []
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                assert (message.channel, message.note) not in sounding, "a pitch is struck while it sounds"
                sounding[message.channel, message.note] = (tick, message.velocity)
            elif message.type in ("note_on", "note_off"):
                start, velocity = sounding.pop((message.channel, message.note))
                notes.append((start, tick, message.note, velocity))
            elif message.type != "end_of_track":
                others.append((tick, message.copy(time=0)))
        assert not sounding
        found[track.name] = (others, notes)
    return found


@pytest.mark.parametrize(("meter", "seed"), [(Meter(4, 4), 1), (Meter(18, 8), 4), (Meter(2, 2), 5)])
def test_a_new_piece_is_what_was_asked(wild, meter, seed):
    pieces = wild.generate(3, seeds=[seed, seed + 50], tempo=91.5, programs=parse_programs("0,33,0,drums"), meter=meter)
    for piece in pieces:
        score = symusic.Score.from_midi(piece.midi)
        signatures = [(change.time, change.numerator, change.denominator) for change in score.time_signatures]
        assert signatures == [(0, meter.beats, meter.unit)]
        assert [round(tempo.qpm, 2) for tempo in score.tempos] == [91.5]
        assert [(track.program, track.is_drum) for track in score.tracks] == [(0, False), (33, False), (0, False), (0, True)]
        bar = meter.bar_quarters * score.tpq
        onsets = {note.time // bar for track in score.tracks for note in track.notes}
        assert onsets <= set(range(3))
        assert max(onsets) == 2
        assert score.end() <= 3 * bar
        for message in (message for track in mido.MidiFile(file=io.BytesIO(piece.midi)).tracks for message in track):
            assert message.type != "note_on" or (message.channel == 9) == (track_name(piece, message.channel) == "Drums")
        tracks_of(piece.midi)
    assert pieces[0].midi != pieces[1].midi


def track_name(piece, channel):
    return next(line.name for line in source_of(piece.midi).lines if line.channel == channel)


def test_a_piece_longer_than_the_window_has_all_its_bars(wild):
    """And nobody is silent for more than four bars."""
    piece = wild.generate(12, seeds=[3], programs=parse_programs("0,drums"))[0]
    for part in piece.score.parts:
        bars = sorted({note.start // 1920 for note in part.notes})
        assert max(np.diff([-1, *bars, 12])) <= 4
    assert sum(len(part.notes) for part in piece.score.parts) * 5 > wild.window


def test_without_programs_and_tempo_the_model_chooses(wild):
    score = wild.generate(4, seeds=[2])[0].score
    assert 20 <= score.tempos[0].quarters_per_minute <= 300
    assert len(score.tempos) == 1
    assert len(score.parts) >= 1


def test_equal_seeds_give_equal_music_alone_and_in_a_batch(wild):
    options = DecodingOptions(temperature=0.9, top_p=0.9, repetition=1.0)
    asked = {"programs": parse_programs("0,33"), "options": options}
    together = wild.generate(3, seeds=[5, 6, 7], **asked)
    assert wild.generate(3, seeds=[6], **asked)[0] == together[1]
    assert [piece.seed for piece in together] == [5, 6, 7]


def test_byte_pair_encoding_changes_no_promise(event_tokenizer):
    source = band(4)
    ids = event_tokenizer.encode(symusic.Score.from_midi(midi_bytes(source))).ids
    merging = event_tokenizer.trained([ids], len(event_tokenizer.tokens) + 60)
    model = Causal(config_of(merging)).eval()
    generator = Generator("merging", model, merging)
    assert generator.words.longest > 3
    piece = generator.generate(2, seeds=[1], programs=parse_programs("0,33,drums"), chords=Chords("Am F"))[0]
    assert [(part.program, part.is_drum) for part in piece.score.parts] == [(0, False), (33, False), (0, True)]
    assert max(note.start for part in piece.score.parts for note in part.notes) // 1920 == 1
    filled = generator.infill(source, "2", tracks=["Bass"], seeds=[1])[0]
    assert tracks_of(filled.midi)["Lead"] == tracks_of(midi_bytes(source))["Lead"]


def test_tokens_without_bars_are_refused(wild):
    with pytest.raises(ConfigError, match="of the kind tsd, which have no bars"):
        Generator("tsd", wild.model, EventTokenizer.make("tsd", positions=12))


def test_requests_in_words_and_files(wild, tmp_path):
    """As one would ask in a notebook."""
    (tmp_path / "song.mid").write_bytes(midi_bytes(band(3)))
    piece = wild.infill(tmp_path / "song.mid", "2", tracks=["bass"], added=["Oboe:68"], chords="Am", seeds=[1])[0]
    assert piece.write(tmp_path / "new.mid") == [tmp_path / "new.mid"]
    assert source_of((tmp_path / "new.mid").read_bytes()).lines[-1].name == "Oboe"
    asked = {"seeds": [1], "chords": "Am"}
    assert wild.generate(1, programs="0", **asked) == wild.generate(1, programs=parse_programs("0"), **asked)


# --- chords


def test_chords_hold_bar_by_bar_and_repeat(wild):
    """What is held into the next chord belongs to it too."""
    piece = wild.generate(4, seeds=[4], programs=parse_programs("0,drums,33"), chords=Chords("Am F"))[0]
    notes = [note for part in piece.score.parts if not part.is_drum for note in part.notes]
    assert len({note.start // 1920 for note in notes}) > 2
    assert all(note.pitch % 12 in AM_F[bar % 2] for note in notes for bar in range(note.start // 1920, -(-note.end // 1920)))


def test_chords_at_places_and_numerals(wild):
    chords = Chords("1:1 C, 2:3 V/V, 3:1 N.C.", key=Key(0))
    piece = wild.generate(3, seeds=[9], programs=parse_programs("0"), chords=chords)[0]
    for note in piece.score.parts[0].notes:
        if note.start < 1920 + 960:
            assert note.pitch % 12 in {0, 4, 7}
        elif note.start < 3840:
            assert note.pitch % 12 in {2, 6, 9}
    with pytest.raises(NotationError, match="Roman numerals need a key"):
        wild.generate(2, chords=Chords("I V"))
    with pytest.raises(MusicgenError, match="H7"):
        wild.generate(2, chords=Chords("C H7"))


# --- going on


@pytest.mark.parametrize(("start", "meter", "pickup"), [(None, Meter(), 0), (5, Meter(), 480), (7, Meter(3, 4), 0)])
def test_what_comes_next_leaves_what_was(wild, start, meter, pickup):
    source = band(8, meter, pickup)
    bars = bars_of(source.score, 12)
    first = start or bars[-13].number + 1
    at = next(bar.start for bar in bars if bar.number == first)
    end = next(bar.end for bar in bars if bar.number == first + 4)
    for piece in wild.continue_(source, 5, start=start, seeds=[1]):
        before, after = tracks_of(midi_bytes(source)), tracks_of(piece.midi)
        assert list(before) == list(after)
        for name in before:
            assert before[name][0] == after[name][0]
            assert [note for note in before[name][1] if note[0] < at] == [note for note in after[name][1] if note[0] < at]
        new = [note for _, notes in after.values() for note in notes if note[0] >= at]
        assert new
        assert all(note[1] <= end for note in new)
        assert max(note[0] for note in new) >= next(bar.start for bar in bars if bar.number == first + 4)


def midi_bytes(source):
    from musicgen.files.midi_splice import spliced

    return spliced(source, [], {})


def test_where_there_is_nothing_to_go_on_from(wild):
    for start in (1, 0, 10):
        with pytest.raises(ConfigError, match=f"at bar {start}; the piece has bars 1 to 8, choose 2 to 9"):
            wild.continue_(band(), start=start)


# --- filling


@pytest.mark.parametrize(
    ("tracks", "bars", "meter", "pickup"),
    [
        (["Bass"], "3-4", Meter(), 0),
        (["Lead", "Kit"], "0,2,5-8", Meter(), 480),
        (["2"], None, Meter(6, 8), 0),
    ],
)
def test_only_the_region_is_filled(wild, tracks, bars, meter, pickup):
    source = band(8, meter, pickup)
    chosen = {source.lines[int(name) - 1].name if name.isdigit() else name for name in tracks}
    everything = bars_of(source.score)
    numbers = {bar.number for bar in everything} if bars is None else {0, 2, 5, 6, 7, 8} if pickup else {3, 4}
    spans = [(bar.start, bar.end) for bar in everything if bar.number in numbers]

    def outside(notes):
        return [note for note in notes if not any(start <= note[0] < end for start, end in spans)]

    for piece in wild.infill(source, bars, tracks=tracks, seeds=[1]):
        before, after = tracks_of(midi_bytes(source)), tracks_of(piece.midi)
        assert list(before) == list(after)
        for name in before:
            assert before[name][0] == after[name][0]
            if name in chosen:
                assert outside(before[name][1]) == outside(after[name][1])
                assert set(after[name][1]) - set(outside(after[name][1]))
                assert set(before[name][1]) != set(after[name][1])
            else:
                assert before[name][1] == after[name][1]


def test_a_new_track_is_written_under_chords(wild):
    source = band(4)
    piece = wild.infill(source, added=[parse_track("Cello:42")], chords=Chords("Am F"), seeds=[3])[0]
    again = source_of(piece.midi)
    cello = again.lines[-1].part
    assert (cello.name, cello.program, again.lines[:-1]) == ("Cello", 42, source.lines)
    assert {note.start // 1920 for note in cello.notes} <= set(range(4))
    assert cello.notes
    assert all(note.pitch % 12 in AM_F[note.start // 1920 % 2] for note in cello.notes)
    assert all(note.end <= 4 * 1920 for note in cello.notes)


class Listening(Causal):
    """Keeps what it is told first."""

    heard = None

    def advance(self, ids, cache):
        self.heard = ids[0].tolist() if self.heard is None else self.heard
        return super().advance(ids, cache)


def heard_by(tokenizer, ask, window):
    """The tokens that a model reads before it draws."""
    model = Listening(replace(config_of(tokenizer), window=window)).eval()
    ask(Generator("listening", model, tokenizer))
    return [tokenizer.tokens[id] for id in model.heard], model.heard


def programs_by_bar(words):
    """The notes' programs in each bar, and of each hole."""
    notes, holes, bar = {}, {}, -1
    for word, after in zip(words, [*words[1:], ""], strict=True):
        bar += word.startswith("Bar")
        if word.startswith("Program"):
            (notes if after.startswith("Pitch") else holes).setdefault(bar, set()).add(word.removeprefix("Program_"))
    return notes, holes


def test_the_model_is_told_of_the_hole_and_of_all_around_it(event_tokenizer):
    """Lead 0, pad 7 (as its slot), bass 33 in every other bar, drums -1; bars 3 and 5 are odd ones."""
    words, _ = heard_by(event_tokenizer, lambda generator: generator.infill(band(6), "3-4", tracks=["Bass", "Kit"]), 2000)
    notes, holes = programs_by_bar(words)
    assert (words[0], words[-1], words.count("Bar_None")) == ("BOS_None", "FILL_None", 6)
    assert holes == {2: {"33", "-1"}, 3: {"33", "-1"}}
    assert notes == {bar: {"0", "7"} | ({"-1"} if bar not in (2, 3) else set()) | ({"33"} if bar in (0, 4) else set()) for bar in range(6)}
    positions = {word for word in words if word.startswith("Position")}
    assert positions == {f"Position_{place}" for place in range(0, 48, 6)}


def test_where_a_window_is_short_the_bars_around_the_hole_are_told(event_tokenizer):
    words, ids = heard_by(event_tokenizer, lambda generator: generator.infill(band(20), "10", tracks=["Lead"]), 400)
    notes, holes = programs_by_bar(words)
    assert len(ids) < 400
    assert 3 <= len(notes) < 20
    assert len(holes) == 1
    assert 0 < next(iter(holes)) < len(notes) - 1


def test_what_comes_next_is_drawn_from_the_last_bars(event_tokenizer):
    words, ids = heard_by(event_tokenizer, lambda generator: generator.continue_(band(20), 1), 400)
    assert words[0] == "Bar_None"
    assert 100 < len(ids) <= 200
    whole, _ = heard_by(event_tokenizer, lambda generator: generator.continue_(band(4), 1, start=3), 2000)
    assert (whole[:2], whole.count("Bar_None")) == (["BOS_None", "Bar_None"], 2)
    assert "Tempo_97.0" in whole


def test_too_much_for_a_window_is_refused(wild, event_tokenizer):
    small = Generator("small", wild.model.__class__(replace(wild.model.config, window=40)).eval(), event_tokenizer)
    with pytest.raises(ConfigError, match="window of 40 has no room"):
        small.infill(band(4), "2", tracks=["Bass"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0,128", "'128' is no program"),
        ("", "'' is no program"),
        ("drums,drums", "drums are one track"),
        ("piano", "'piano' is no program"),
    ],
)
def test_programs_that_cannot_be(text, problem):
    with pytest.raises(ConfigError, match=problem):
        parse_programs(text)


def test_tracks_of_one_program_have_names_and_slots_of_their_own():
    labels = parse_programs("0,0,drums,33")
    assert [label.name for label in labels] == ["Acoustic Grand Piano", "Acoustic Grand Piano 2", "Drums", "Electric Bass (finger)"]
    assert len({label.slot for label in labels}) == 4
    assert [label.program for label in labels] == [0, 0, 0, 33]


def test_without_programs_a_piece_has_the_tracks_of_one_that_was_learned_from(wild):
    trio = [TrackLabel("Violin", 40, False, 40), TrackLabel("Violin", 40, False, 47), TrackLabel("Cello", 42, False, 42)]
    alone = [TrackLabel("Flute", 73, False, 73)]
    generator = Generator("wild", wild.model, wild.tokenizer, (), [(300, trio), (100, alone)])
    heard = [[(part.name, part.program) for part in piece.score.parts] for piece in generator.generate(4, seeds=range(12))]
    expected = [[(label.name, label.program) for label in labels] for labels in (trio, alone)]
    assert {tuple(map(tuple, each)) for each in heard} == {tuple(each) for each in expected}
    assert heard.count(expected[0]) > heard.count(expected[1])
    assert heard[5] == [(part.name, part.program) for part in generator.generate(4, seeds=[5])[0].score.parts]
