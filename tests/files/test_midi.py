"""MIDI in and out: exact ticks, the form that sequencers expect, the pick-up as MuseScore writes it."""

import io
from dataclasses import replace

import mido
import pretty_midi
import pytest
from bach_scores import NAMES, bach, bare
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_hex import END, ONE_NOTE, chunk, raw, smf

from musicgen.errors import FileError, NotationError
from musicgen.files import read_score, write_score
from musicgen.files.midi import from_pretty_midi, midi_of_score, score_of_midi, to_pretty_midi
from musicgen.files.midi_events import decode_midi, encode_number
from musicgen.music.pitch import Key
from musicgen.music.score import KeyAt, Meter, MeterAt, Note, Part, Score, TempoAt, TextAt
from musicgen.music.tune import find_tune


def notes_of(score, part=0):
    return [(note.start, note.duration, note.pitch, note.velocity) for note in score.parts[part].notes]


def score_of(*notes, **fields):
    return Score(parts=(Part("Tune", tuple(notes)),), **fields)


def again(score):
    return score_of_midi(midi_of_score(score))


def oracle(score):
    return mido.MidiFile(file=io.BytesIO(midi_of_score(score)), charset="utf-8")


# --- reading


def test_one_note_with_defaults():
    score = score_of_midi(smf(ONE_NOTE, division=96))
    assert notes_of(score) == [(0, 480, 60, 80)]
    assert score.ticks_per_quarter == 96
    assert score.meters == (MeterAt(0, Meter(4, 4)),)
    assert score.tempos == (TempoAt(0, 120.0),)
    assert (score.parts[0].name, score.parts[0].program, score.pickup) == ("Track 1", 0, 0)
    assert score.remarks == ("The file has no time signature; 4/4 is assumed.",)


def test_everything_a_file_says():
    conductor = """
        00 ff 03 05 54 69 74 6c 65     # name: Title
        00 ff 58 04 03 02 18 08        # 3/4
        00 ff 59 02 fd 01              # three flats, minor
        00 ff 51 03 0b 71 b0           # 750,000 microseconds: 80 quarters a minute
        8b 20 ff 58 04 06 03 24 08     # at 1440: 6/8
        00 ff 51 03 07 a1 20           # 120
        00 ff 2f 00
    """
    oboe = """
        00 ff 03 04 4f 62 6f 65        # name: Oboe
        00 c4 44                       # channel 5, program 68
        00 94 3c 50  00 40 51          # C4, and E4 with running status
        83 60 3c 00  00 40 00          # both end, as note-on without velocity
        00 ff 2f 00
    """
    score = score_of_midi(smf(conductor, oboe))
    assert score.title == "Title"
    assert score.meters == (MeterAt(0, Meter(3, 4)), MeterAt(1440, Meter(6, 8)))
    assert score.keys == (KeyAt(0, Key(-3, "minor")),)
    assert score.tempos == (TempoAt(0, 80.0), TempoAt(1440, 120.0))
    assert [(part.name, part.program, part.is_drum) for part in score.parts] == [("Oboe", 68, False)]
    assert notes_of(score) == [(0, 480, 60, 80), (0, 480, 64, 81)]
    assert score.remarks == ()


def test_format_0_is_split_by_channel():
    track = """
        00 ff 03 04 53 6f 6e 67        # name: Song
        00 c0 34  00 c9 00             # programs
        00 90 3c 50  00 91 30 50  00 99 24 50
        83 60 80 3c 40  00 81 30 40  00 89 24 40
        00 ff 2f 00
    """
    score = score_of_midi(smf(track, file_format=0))
    assert score.title == "Song"
    found = [(part.name, part.program, part.is_drum) for part in score.parts]
    assert found == [("Song channel 1", 52, False), ("Song channel 2", 0, False), ("Song channel 10", 0, True)]


@pytest.mark.parametrize(
    ("events", "expected", "remark"),
    [
        pytest.param("00 90 3c 50 60 90 3c 51 60 80 3c 00 60 80 3c 00", [(0, 192, 80), (96, 192, 81)], "1 note began while", id="overlap"),
        pytest.param("00 90 3c 50 00 90 3c 51 60 80 3c 00 60 80 3c 00", [(0, 96, 80), (0, 192, 81)], "1 note began while", id="unison"),
        pytest.param("00 90 3c 50 60 90 3c 51 00 80 3c 00 60 80 3c 00", [(0, 96, 80), (96, 96, 81)], "", id="on before off"),
        pytest.param(
            "00 90 3c 50 60 90 3c 51 60 80 3c 00 60 90 3c 52 60 80 3c 00",
            [(0, 96, 80), (96, 96, 81), (288, 96, 82)],
            "1 note had no end",
            id="an end is missing",
        ),
        pytest.param("00 90 3c 50 60 90 3e 50 60 80 3e 00", [(0, 192, 80), (96, 96, 80)], "1 note had no end", id="open at the end"),
        pytest.param("00 90 3c 50 00 80 3c 00", [(0, 1, 80)], "1 note had no length", id="instant"),
        pytest.param("00 80 3c 00 00 90 3c 50 60 80 3c 00 00 80 3c 00", [(0, 96, 80)], "", id="stray ends"),
    ],
)  # fmt: skip
def test_pairing(events, expected, remark):
    score = score_of_midi(smf(f"{events} {END}"))
    assert [(start, duration, velocity) for start, duration, _, velocity in notes_of(score)] == expected
    rest = score.remarks[1:]  # the first is about the missing time signature
    assert len(rest) == (1 if remark else 0)
    assert all(remark in line for line in rest)


def test_the_program_at_the_first_note_counts():
    score = score_of_midi(smf(f"00 c0 05 00 c0 06 60 90 3c 50 60 80 3c 00 00 c0 07 {END}"))
    assert score.parts[0].program == 6
    assert score.remarks[1:] == ("Track 1: the instrument changes on the way; the first is kept.",)
    assert score_of_midi(smf(f"00 90 3c 50 00 c0 07 60 80 3c 00 {END}")).parts[0].program == 7


def test_no_end_mark_is_said():
    score = score_of_midi(smf("00 90 3c 50 60 80 3c 00"))
    assert notes_of(score) == [(0, 96, 60, 80)]
    assert "Track 1 has no end mark; it ends with its last event." in score.remarks


@pytest.mark.parametrize(
    ("meters", "pickup", "expected"),
    [
        ("00 ff 58 04 01 02 18 08 83 60 ff 58 04 04 02 18 08", 480, [(0, "4/4")]),
        ("00 ff 58 04 01 03 18 08 81 70 ff 58 04 06 03 24 08", 240, [(0, "6/8")]),
        ("00 ff 58 04 02 02 18 08 83 60 ff 58 04 04 02 18 08", 0, [(0, "2/4"), (480, "4/4")]),  # not a whole bar
        ("00 ff 58 04 04 02 18 08 8f 00 ff 58 04 03 02 18 08", 0, [(0, "4/4"), (1920, "3/4")]),  # not shorter
        ("00 ff 58 04 04 02 18 08 8f 00 ff 58 04 04 02 18 08", 0, [(0, "4/4")]),  # said again
    ],
)
def test_pickup_as_musescore_writes_it(meters, pickup, expected):
    score = score_of_midi(smf(f"{meters} {END}", ONE_NOTE))
    assert score.pickup == pickup
    assert [(change.start, str(change.meter)) for change in score.meters] == expected


@pytest.mark.parametrize(("name", "expected"), [("c3 a9", "é"), ("e9", "é"), ("41 00 0a 42", "AB"), ("ff fe", "ÿþ")])
def test_names_in_any_encoding(name, expected):
    size = len(bytes.fromhex(name))
    assert score_of_midi(smf(f"00 ff 03 {size:02x} {name} {ONE_NOTE.strip()}")).parts[0].name == expected


def test_a_key_that_does_not_exist_is_left_out_and_said():
    score = score_of_midi(smf(f"00 ff 59 02 0b 00 {END}", ONE_NOTE))
    assert score.keys == ()
    assert any("key signature" in line for line in score.remarks)


def test_wrapped_files_and_foreign_chunks():
    plain = smf(ONE_NOTE)
    riff = b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + plain
    foreign = plain[:14] + chunk(b"XFIH", b"abc") + plain[14:] + b"trailing"
    assert notes_of(score_of_midi(riff)) == notes_of(score_of_midi(foreign)) == [(0, 480, 60, 80)]


def test_karaoke(tmp_path):
    path = tmp_path / "a.kar"
    path.write_bytes(smf(f"00 ff 03 05 57 6f 72 64 73 00 ff 01 03 40 54 41 {END}", ONE_NOTE))
    assert notes_of(read_score(path)) == [(0, 480, 60, 80)]


def shortened(score, by):
    return replace(score, parts=tuple(replace(p, notes=tuple(replace(n, duration=n.duration - by) for n in p.notes)) for p in score.parts))


def test_the_tick_that_musescore_takes_is_given_back():
    score = bach("bwv66.6")
    back = again(shortened(score, by=1))
    assert back.parts == score.parts
    assert back.remarks == ("163 notes ended one tick early, as MuseScore writes them; the tick was given back.",)
    assert again(shortened(score, by=2)).parts == shortened(score, by=2).parts


def test_a_few_notes_that_end_early_stay_so():
    notes = (Note(0, 479, 60), Note(480, 480, 62), Note(960, 400, 64))
    assert again(score_of(*notes)).parts[0].notes == notes


# --- writing


@pytest.mark.parametrize("name", NAMES)
def test_bach_there_and_back(name, tmp_path):
    score = bach(name)
    path = write_score(score, tmp_path / "a.mid")
    back = read_score(path)
    assert back == score
    assert back.remarks == ()


@pytest.mark.parametrize("ticks_per_quarter", [4, 96, 10080])
def test_other_resolutions_are_written_at_480(ticks_per_quarter):
    score = bach("bwv66.6", ticks_per_quarter)
    back = again(score)
    assert back.ticks_per_quarter == 480
    assert bare(back) == bare(score)
    assert (back.pickup, score.pickup) == (480, ticks_per_quarter)


def test_ticks_that_480_cannot_hold():
    score = score_of(Note(0, 1, 60), Note(3, 4, 62), ticks_per_quarter=7)
    back = again(score)
    assert back.ticks_per_quarter == 3360
    assert bare(back) == bare(score)
    assert again(score_of(Note(0, 1, 60), ticks_per_quarter=32749)).ticks_per_quarter == 32749
    with pytest.raises(NotationError, match="quantize"):
        midi_of_score(score_of(Note(0, 1, 60), ticks_per_quarter=32771))


def test_the_form_that_sequencers_expect():
    """Read by mido, which knows nothing of our reader."""
    midi = oracle(bach("bwv66.6"))
    assert (midi.type, midi.ticks_per_beat) == (1, 480)
    assert [track.name for track in midi.tracks] == ["bwv66.6", "Soprano", "Alto", "Tenor", "Bass"]
    channels = [{message.channel for message in track if not message.is_meta} for track in midi.tracks]
    assert channels == [set(), {0}, {1}, {2}, {3}]
    assert [message.type for message in midi.tracks[0]] == [
        "track_name", "set_tempo", "time_signature", "key_signature", "time_signature", "end_of_track",
    ]  # fmt: skip
    tempo, short, key, full = midi.tracks[0][1:5]
    assert tempo.tempo == 833333
    assert (short.numerator, short.denominator, full.numerator, full.denominator, full.time) == (1, 4, 4, 4, 480)
    assert key.key == "A"
    assert all(track[1].type == "program_change" and track[1].program == 52 for track in midi.tracks[1:])
    lengths = {sum(message.time for message in track) for track in midi.tracks}
    assert lengths == {480 + 9 * 1920}  # every track ends with the last bar


def test_same_score_same_bytes():
    score = bach("bwv66.6")
    assert midi_of_score(score) == midi_of_score(bach.__wrapped__("bwv66.6"))


def test_a_small_file_byte_for_byte():
    score = Score(parts=(Part("A", (Note(0, 240, 60, 80), Note(240, 240, 60, 80)), 19),), keys=(KeyAt(0, Key(-1)),), title="é")
    expected = """
        4d 54 68 64 00 00 00 06 00 01 00 02 01 e0
        4d 54 72 6b 00 00 00 20
        00 ff 03 02 c3 a9             # title in UTF-8
        00 ff 51 03 0b 71 b0          # no tempo was given: 80
        00 ff 58 04 04 02 18 08       # 4/4
        00 ff 59 02 ff 00             # one flat, major
        8f 00 ff 2f 00                # a whole bar
        4d 54 72 6b 00 00 00 1f
        00 ff 03 01 41
        00 c0 13                      # church organ
        00 90 3c 50
        81 70 80 3c 40                # ends before
        00 90 3c 50                   # it is struck again
        81 70 80 3c 40
        8b 20 ff 2f 00
    """
    data = midi_of_score(score)
    assert data.hex(" ") == raw(expected).hex(" ")


def test_meter_key_and_tempo_changes_return():
    score = score_of(
        *(Note(480 * i, 480, 60 + i) for i in range(12)),
        meters=(MeterAt(0, Meter(3, 4)), MeterAt(1440, Meter(6, 8)), MeterAt(2880, Meter(2, 2))),
        keys=(KeyAt(0, Key(2)), KeyAt(1440, Key(-3, "minor"))),
        tempos=(TempoAt(0, 90.0), TempoAt(960, 61.5)),
    )
    back = again(score)
    assert back.parts == score.parts
    assert (back.meters, back.keys, back.tempos) == (score.meters, score.keys, score.tempos)


@pytest.mark.parametrize(
    ("pickup", "meter"), [(480, "4/4"), (960, "4/4"), (240, "4/4"), (720, "4/4"), (60, "3/4"), (240, "6/8"), (480, "6/8"), (480, "2/2")]
)
def test_pickup_returns(pickup, meter):
    score = score_of(Note(0, pickup, 60), Note(pickup, 480, 62), pickup=pickup, meters=(MeterAt(0, Meter.parse(meter)),))
    back = again(score)
    assert (back.pickup, back.meters, back.parts[0].notes) == (pickup, score.meters, score.parts[0].notes)


def test_pickup_before_a_change_of_meter():
    meters = (MeterAt(0, Meter(4, 4)), MeterAt(480 + 1920, Meter(3, 4)))
    back = again(score_of(Note(0, 4800, 60), pickup=480, meters=meters))
    assert (back.pickup, back.meters) == (480, meters)


@pytest.mark.parametrize("pickup", [0, 480])
def test_a_short_bar_inside_begins_the_meter_again(pickup):
    meters = (MeterAt(0, Meter()), MeterAt(pickup + 1920 + 960, Meter()))
    back = again(score_of(Note(0, pickup + 6720, 60), pickup=pickup, meters=meters))
    assert (back.pickup, back.meters) == (pickup, meters)


def test_a_meter_said_again_at_a_barline_is_dropped():
    meters = tuple(MeterAt(tick, Meter()) for tick in (0, 480, 480 + 1920, 480 + 3 * 1920))
    assert again(score_of(Note(0, 9000, 60), pickup=480, meters=meters)).meters == meters[:1]


@pytest.mark.parametrize(("ticks", "expected"), [(160, 480), (1760, 0)])
def test_a_pickup_that_no_meter_measures_gets_a_rest_in_front(ticks, expected):
    back = again(
        score_of(Note(0, ticks, 60, fermata=True), Note(ticks, 480, 62), pickup=ticks, keys=(KeyAt(0, Key(1)), KeyAt(ticks, Key(2))))
    )
    barline = expected or 1920
    assert back.pickup == expected
    assert notes_of(back) == [(barline - ticks, ticks, 60, 80), (barline, 480, 62, 80)]
    assert back.keys == (KeyAt(0, Key(1)), KeyAt(barline, Key(2)))
    assert [note.fermata for note in back.parts[0].notes] == [True, False]


def test_fermatas_return_through_markers():
    score = score_of(Note(0, 480, 60), Note(480, 480, 62, fermata=True))
    assert [m.text for m in oracle(score).tracks[0] if m.type == "marker"] == ["fermata"]
    assert [note.fermata for note in again(score).parts[0].notes] == [False, True]


def test_grace_notes_sound_before_their_main_note():
    back = again(score_of(Note(0, 0, 59), Note(0, 480, 60), Note(480, 0, 64), Note(480, 0, 65), Note(480, 480, 67)))
    assert [(start, duration, pitch) for start, duration, pitch, _ in notes_of(back)] == [
        (0, 60, 59), (60, 300, 60),  # there is no time before the first note
        (360, 60, 64), (420, 60, 65), (480, 480, 67),
    ]  # fmt: skip
    assert back.remarks == ()


def test_grace_notes_take_at_most_half_of_the_note_before_and_never_sound_with_it():
    back = again(score_of(Note(0, 480, 60), Note(480, 60, 62), *(Note(540, 0, 62) for _ in range(3)), Note(540, 420, 64)))
    assert [(start, duration, pitch) for start, duration, pitch, _ in notes_of(back)] == [
        (0, 480, 60), (480, 30, 62), (510, 10, 62), (520, 10, 62), (530, 10, 62), (540, 420, 64),
    ]  # fmt: skip
    assert back.remarks == ()


def test_fermatas_of_a_performance_have_one_marker():
    parts = tuple(Part(name, (Note(480 + late, 480, 60, fermata=True),)) for name, late in (("A", 0), ("B", 5), ("C", 9)))
    midi = oracle(Score(parts=parts, marks=(TextAt(483, "half cadence"),)))
    assert [m.text for m in midi.tracks[0] if m.type == "marker"] == ["half cadence, fermata"]


def test_a_grace_note_at_the_beginning_does_not_hide_its_main_note():
    back = again(score_of(Note(0, 0, 74), Note(0, 0, 76), Note(0, 120, 72), Note(120, 360, 71)))
    assert [(note.start, note.duration, note.pitch) for note in find_tune(back).parts[0].notes] == [
        (0, 40, 74), (40, 40, 76), (80, 40, 72), (120, 360, 71),
    ]  # fmt: skip


def test_many_parts_use_ports_and_never_the_drum_channel():
    parts = tuple(Part(f"P{i}", (Note(0, 480, 60),), program=i) for i in range(40))
    drums = Part("Drums", (Note(0, 480, 36),), program=0, is_drum=True)
    score = Score(parts=(*parts, drums))
    midi = oracle(score)
    places = []
    for track in midi.tracks[1:]:
        port = next((message.port for message in track if message.type == "midi_port"), 0)
        (channel,) = {message.channel for message in track if not message.is_meta}
        places.append((port, channel))
    assert len(set(places)) == 41
    assert [channel for _, channel in places].count(9) == 1
    assert again(score).parts == score.parts


def test_a_score_without_notes_is_a_bar_of_silence():
    midi = oracle(Score(parts=(Part("A", ()),)))
    assert [sum(message.time for message in track) for track in midi.tracks] == [1920, 1920]


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (score_of(Note(0, 1, 60), tempos=(TempoAt(0, 0.0),)), "tempo of 0"),
        (score_of(Note(0, 1, 60), tempos=(TempoAt(0, 1.0),)), "tempo of 1"),
        (score_of(Note(0, 1, 60), tempos=(TempoAt(0, float("nan")),)), "tempo of nan"),
        (Score(parts=(Part("A", (Note(0, 1, 60),), 128),)), "program 128"),
        (score_of(Note(0, 480 * 1_000_000, 60)), "1,000,000 quarters"),
        (Score(parts=(Part("A", ()),) * 1000), "1000 parts"),
    ],
)
def test_what_midi_cannot_hold_is_refused_without_a_file(score, words, tmp_path):
    with pytest.raises(FileError, match=words):
        write_score(score, tmp_path / "a.mid")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [0, 0x40, 0x7F, 0x80, 0x2000, 0x3FFF, 0x4000, 0x1FFFFF, 0x200000, 0xFFFFFFF])
def test_numbers_as_mido_writes_them(value):
    assert list(encode_number(value)) == mido.midifiles.meta.encode_variable_int(value)


def test_reads_what_mido_writes():
    midi = mido.MidiFile(type=1, ticks_per_beat=100)
    track = midi.add_track("Tune")
    for pitch in range(60, 72):
        track.append(mido.Message("note_on", note=pitch, velocity=70, time=3, channel=5))
        track.append(mido.Message("pitchwheel", pitch=100, time=5, channel=5))
        track.append(mido.Message("sysex", data=(1, 2, 3)))
        track.append(mido.Message("note_off", note=pitch, time=200, channel=5))
    file = io.BytesIO()
    midi.save(file=file)
    assert notes_of(score_of_midi(file.getvalue())) == [(208 * i + 3, 205, 60 + i, 70) for i in range(12)]
    assert decode_midi(file.getvalue()).tracks[0].end == 208 * 12


def line(gaps):
    """A part that repeats and changes pitches, in steps of five ticks; never one tick short of a line as MuseScore is."""
    notes, tick = [], 0
    for rest, duration, pitch in gaps:
        notes.append(Note(tick + 5 * rest, 5 * duration, pitch))
        tick = notes[-1].end
    return tuple(notes)


GAPS = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 800), st.integers(59, 61)), min_size=1, max_size=12)
LINES = st.lists(GAPS, min_size=1, max_size=18)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(LINES, st.integers(1, 63).map(lambda n: Meter(n, 8)), st.integers(0, 62))
def test_any_score_returns(lines, meter, eighths):
    pickup = 240 * (eighths % meter.beats)
    parts = tuple(Part(f"P{i}", line(gaps), program=i) for i, gaps in enumerate(lines))
    score = Score(parts=parts, meters=(MeterAt(0, meter),), tempos=(TempoAt(0, 99.5),), pickup=pickup, title="T")
    assert again(score) == score


# --- pretty_midi


@pytest.mark.parametrize("name", NAMES)
def test_pretty_midi_keeps_ticks(name):
    score = bach(name)
    pretty = to_pretty_midi(score)
    assert [instrument.name for instrument in pretty.instruments] == ["Soprano", "Alto", "Tenor", "Bass"]
    for part, instrument in zip(score.parts, pretty.instruments, strict=True):
        ticks = sorted((pretty.time_to_tick(n.start), pretty.time_to_tick(n.end), n.pitch) for n in instrument.notes)
        assert ticks == sorted((note.start, note.end, note.pitch) for note in part.notes)
    back = from_pretty_midi(pretty)
    assert (back.parts, back.meters, back.pickup, back.tempos) == (score.parts, score.meters, score.pickup, score.tempos)


def test_from_a_pretty_midi_made_by_hand():
    pretty = pretty_midi.PrettyMIDI(resolution=220, initial_tempo=60)
    instrument = pretty_midi.Instrument(program=40, name="Violin")
    instrument.notes = [pretty_midi.Note(90, 67, start=0.5, end=1.0), pretty_midi.Note(90, 69, start=1.0, end=1.75)]
    pretty.instruments.append(instrument)
    score = from_pretty_midi(pretty)
    assert score.ticks_per_quarter == 220
    assert (score.parts[0].name, score.parts[0].program) == ("Violin", 40)
    assert notes_of(score) == [(110, 110, 67, 90), (220, 165, 69, 90)]
    assert score.tempos == (TempoAt(0, 60.0),)


def test_what_pretty_midi_cannot_hold():
    with pytest.raises(NotationError, match="pretty_midi cannot hold"):
        to_pretty_midi(score_of(Note(0, 480 * 21_000, 60)))
