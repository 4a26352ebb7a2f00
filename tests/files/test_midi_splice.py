"""A spliced file against mido: what goes in and comes out, event by event at absolute ticks."""

import io
from itertools import chain

import mido
import pytest

from musicgen.errors import ConfigError, FileError
from musicgen.files.midi_splice import find_lines, fitted, read_source, source_of, spliced
from musicgen.music.bars import bar_indices, bars_of, spans_of
from musicgen.music.score import Note, Part

BAR = 1920


def events_of(data):
    """Per track: (absolute tick, message without time), the end marks apart."""
    tracks = []
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        tick, found = 0, []
        for message in track:
            tick += message.time
            if message.type != "end_of_track":
                found.append((tick, message.copy(time=0)))
        tracks.append(found)
    return tracks


def midi(*tracks, type=1):
    """Bytes of lists of (absolute tick, message)."""
    file = mido.MidiFile(type=type, ticks_per_beat=480)
    for events in tracks:
        track, now = mido.MidiTrack(), 0
        for tick, message in sorted(events, key=lambda event: event[0]):
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def on(tick, pitch, channel=0, velocity=80):
    return tick, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)


def off(tick, pitch, channel=0):
    return tick, mido.Message("note_off", note=pitch, velocity=64, channel=channel)


def note(start, end, pitch, channel=0):
    return [on(start, pitch, channel), off(end, pitch, channel)]


def named(name, *events):
    return [(0, mido.MetaMessage("track_name", name=name)), *events]


CONDUCTOR = named(
    "Song",
    (0, mido.MetaMessage("time_signature", numerator=4, denominator=4)),
    (0, mido.MetaMessage("set_tempo", tempo=666_667)),
    (3 * BAR + 7, mido.MetaMessage("set_tempo", tempo=500_000)),
    (BAR, mido.MetaMessage("marker", text="Verse")),
    (2 * BAR, mido.MetaMessage("key_signature", key="Bb")),
)
AROUND = [
    (0, mido.Message("program_change", program=33)),
    (BAR + 11, mido.Message("control_change", control=64, value=127)),
    (BAR + 500, mido.Message("pitchwheel", pitch=-300)),
    (BAR + 500, mido.Message("sysex", data=[1, 2, 3, 99])),
    (BAR + 700, mido.Message("aftertouch", value=12)),
    (BAR + 900, mido.Message("polytouch", note=40, value=3)),
    (BAR + 960, mido.MetaMessage("lyrics", text="la")),
    (2 * BAR, mido.Message("control_change", control=64, value=0)),
]
BASS = [event for start in range(0, 4 * BAR, 480) for event in note(start, start + 470, 40 + start // 480 % 5)]
LEAD = [event for start in range(0, 4 * BAR, 240) for event in note(start, start + 240, 72 + start // 240 % 3, 1)]
FRESH = [Note(BAR + 10, 100, 50, 90), Note(BAR + 480, 480, 51, 33)]


def kept(before, after, fresh):
    """Checks that `after` is `before` without some notes and with `fresh`; returns the messages that are gone."""
    new = [(note.start, "note_on", note.pitch, note.velocity) for note in fresh] + [
        (note.end, "note_off", note.pitch, 64) for note in fresh
    ]
    left = list(after)
    for tick, kind, pitch, velocity in new:
        left.remove(next(e for e in left if e[0] == tick and e[1].type == kind and (e[1].note, e[1].velocity) == (pitch, velocity)))
    gone = list(before)
    for event in left:
        gone.remove(event)  # ValueError: something is there that was not
    assert [event for event in before if event not in gone or event[1].type not in ("note_on", "note_off")] == left
    return gone


@pytest.mark.parametrize("type", [0, 1])
def test_only_the_notes_of_the_region_are_exchanged(type):
    """The conductor, the other track, controllers, sysex, lyrics: all as they were, in their order."""
    tracks = [CONDUCTOR, named("Bass", *AROUND, *BASS), named("Lead", *LEAD)]
    data = midi(list(chain.from_iterable(tracks)), type=0) if type == 0 else midi(*tracks)
    source = source_of(data)
    result = spliced(source, [(BAR, 2 * BAR)], {0: FRESH})
    assert mido.MidiFile(file=io.BytesIO(result)).type == type
    before, after = events_of(data), events_of(result)
    changed = source.lines[0].track
    assert [t for i, t in enumerate(before) if i != changed] == [t for i, t in enumerate(after) if i != changed]
    gone = kept(before[changed], after[changed], FRESH)
    assert sorted(e[0] for e in gone) == sorted(e[0] for e in BASS if BAR <= e[0] < 2 * BAR)
    assert {e[1].channel for e in gone} == {0}


def test_nothing_exchanged_is_nothing_changed():
    data = midi(CONDUCTOR, named("Bass", *AROUND, *BASS), named("Lead", *LEAD))
    assert events_of(spliced(source_of(data), [], {0: [], 1: []})) == events_of(data)


def test_running_status_is_read():
    """90 3c 40 | 3c 00 | 3e 40 | 3e 00: a status byte once."""
    body = bytes.fromhex("00 90 3c 40  83 60 3c 00  00 3e 40  83 60 3e 00  00 ff 2f 00")
    data = b"MThd" + bytes.fromhex("00000006 0000 0001 01e0") + b"MTrk" + len(body).to_bytes(4, "big") + body
    result = spliced(source_of(data), [(480, 960)], {0: [Note(480, 480, 64, 7)]})
    assert [(tick, m.note, m.velocity) for tick, m in events_of(result)[0]] == [(0, 60, 64), (480, 60, 0), (480, 64, 7), (960, 64, 64)]


@pytest.mark.parametrize(
    ("events", "left"),
    [
        (note(BAR - 100, BAR + 300, 40), note(BAR - 100, BAR + 300, 40)),  # rings over the region's start: stays whole
        (note(BAR + 100, 3 * BAR, 40), []),  # begins in it and rang past its end: goes whole
        (note(BAR - 100, BAR + 300, 40) + note(BAR + 100, BAR + 500, 40), note(BAR - 100, BAR + 300, 40)),  # overlap of a pitch
        ([on(BAR - 100, 40), on(BAR + 100, 40), off(BAR + 500, 40)], [on(BAR - 100, 40), off(BAR + 500, 40)]),  # nothing hangs
        ([on(BAR + 100, 40), on(2 * BAR, 40), off(2 * BAR + 50, 40)], [on(2 * BAR, 40), off(2 * BAR + 50, 40)]),
        ([on(BAR + 100, 40), on(BAR + 200, 40), off(BAR + 500, 40)], []),
        ([on(BAR + 100, 40)], []),  # never ends
        ([off(BAR + 50, 40), *note(BAR + 100, BAR + 200, 40)], [off(BAR + 50, 40)]),  # ends nothing: stays
        ([on(BAR + 100, 40), on(BAR + 100, 40, velocity=0)], []),
        (note(2 * BAR, 2 * BAR + 5, 40), note(2 * BAR, 2 * BAR + 5, 40)),  # the end is not in it
    ],
)
def test_notes_at_the_edges(events, left):
    others = note(0, 5 * BAR, 90)
    result = spliced(source_of(midi(others + events)), [(BAR, 2 * BAR)], {0: []})
    assert sorted(events_of(result)[0], key=str) == sorted(others + left, key=str)


def test_new_notes_neither_end_nor_are_ended_by_what_stays():
    """At one tick the ends of new notes come first, new notes last."""
    data = midi(note(0, BAR, 40) + note(2 * BAR, 3 * BAR, 40))
    result = events_of(spliced(source_of(data), [(BAR, 2 * BAR)], {0: [Note(BAR, BAR, 40)]}))[0]
    ends = [(BAR, "note_off"), (BAR, "note_on"), (2 * BAR, "note_off"), (2 * BAR, "note_on"), (3 * BAR, "note_off")]
    assert [(tick, message.type) for tick, message in result] == [(0, "note_on"), *ends]
    assert [message.velocity for tick, message in result if tick == BAR] == [64, 80]


def test_a_track_is_added():
    bass = Part("Bass", (Note(BAR, 480, 36),), 33)
    drums = Part("Kit", (Note(0, 120, 38),), 0, is_drum=True)
    data = midi(CONDUCTOR, named("Lead", *LEAD))
    source = source_of(spliced(source_of(data), [], {}, [bass, drums]))
    assert [(line.name, line.part.program, line.part.is_drum) for line in source.lines[1:]] == [("Bass", 33, False), ("Kit", 0, True)]
    assert source.lines[1].part.notes == bass.notes
    assert len({line.channel for line in source.lines}) == 3
    assert events_of(data) == events_of(spliced(source_of(data), [], {}, [bass]))[:2]


def test_a_channel_is_added_to_a_file_of_one_track():
    data = midi(LEAD, type=0)
    result = spliced(source_of(data), [], {}, [Part("Bass", (Note(BAR, 480, 36),), 33)])
    assert mido.MidiFile(file=io.BytesIO(result)).type == 0
    assert [event for event in events_of(result)[0] if event[1].channel == 1] == events_of(data)[0]
    assert [line.part.program for line in source_of(result).lines] == [33, 0]
    full = midi([event for channel in range(16) for event in note(0, 9, 60, channel)], type=0)
    with pytest.raises(ConfigError, match="0 of MIDI's 15 channels are free"):
        spliced(source_of(full), [], {}, [Part("Bass", (), 33)])


def test_lines_are_found_by_name_and_number():
    data = midi(CONDUCTOR, named("Bass", *BASS), named("Solo", *LEAD), named("Solo", *note(0, 9, 50, 2)), named("Later", *AROUND[:1]))
    source = source_of(data)
    assert find_lines(["bass"], source) == [0]
    assert find_lines(["3", "BASS", "1"], source) == [0, 2]
    assert find_lines(["Later"], source) == [3]  # empty, but an instrument is chosen
    with pytest.raises(ConfigError, match="2 tracks are named 'Solo'; say which by its number: 1 Bass, 2 Solo, 3 Solo, 4 Later"):
        find_lines(["Solo"], source)
    with pytest.raises(ConfigError, match="no track is named 'Bas'; did you mean Bass\\? there are"):
        find_lines(["Bas"], source)


def test_bars_are_the_files_own():
    """A pick-up of a quarter, two bars of 4/4, then 3/4."""
    meters = [(0, (1, 4)), (480, (4, 4)), (480 + 2 * BAR, (3, 4))]
    conductor = [(tick, mido.MetaMessage("time_signature", numerator=n, denominator=d)) for tick, (n, d) in meters]
    bars = bars_of(source_of(midi(conductor, note(0, 100, 60) + note(480 + 2 * BAR + 1440, 9000, 60))).score, more=1)
    assert [(bar.number, bar.start, bar.end) for bar in bars] == [
        (0, 0, 480),
        (1, 480, 480 + BAR),
        (2, 480 + BAR, 480 + 2 * BAR),
        (3, 480 + 2 * BAR, 480 + 2 * BAR + 1440),
        (4, 480 + 2 * BAR + 1440, 480 + 2 * BAR + 2880),
        (5, 480 + 2 * BAR + 2880, 480 + 2 * BAR + 4320),
    ]
    assert bars[0].lead == 1440
    assert spans_of(bar_indices("0,2-3", bars), bars) == [(0, 480), (480 + BAR, 480 + 2 * BAR + 1440)]


@pytest.mark.parametrize(
    ("fresh", "kept", "left"),
    [
        ([(0, 10, 60)], [(5, 9, 60)], [(0, 5, 60)]),  # ends where its pitch is struck again
        ([(5, 10, 60)], [(0, 9, 60)], []),  # its pitch still rings
        ([(0, 10, 60), (4, 10, 60)], [], [(0, 4, 60), (4, 10, 60)]),
        ([(0, 10, 60), (0, 4, 60)], [], [(0, 10, 60)]),
        ([(90, 200, 60)], [], [(90, 100, 60)]),
        ([(0, 10, 61)], [(0, 9, 60)], [(0, 10, 61)]),
    ],
)
def test_no_pitch_is_struck_while_it_sounds(fresh, kept, left):
    def notes(spans):
        return [Note(start, end - start, pitch) for start, end, pitch in spans]

    found, changed = fitted(notes(fresh), notes(kept), 100)
    assert found == notes(left)
    assert changed == len(set(fresh) - set(left))


@pytest.mark.parametrize("number", [0, 7, 40])
def test_files_that_music21_writes(bach_pieces, number, tmp_path):
    import music21

    from musicgen.files.io import write_score
    from musicgen.music.convert import to_score

    write_score(to_score(bach_pieces[number].chorale), tmp_path / "a.musicxml")
    music21.converter.parse(tmp_path / "a.musicxml").write("midi", tmp_path / "a.mid")
    source = read_source(tmp_path / "a.mid")
    bars = bars_of(source.score)
    spans = spans_of(bar_indices("2-3", bars), bars)
    result = spliced(source, spans, {1: []})
    before, after = events_of((tmp_path / "a.mid").read_bytes()), events_of(result)
    alto = source.lines[1].track
    gone = kept(before[alto], after[alto], [])
    assert [t for i, t in enumerate(before) if i != alto] == [t for i, t in enumerate(after) if i != alto]
    strikes = [tick for tick, message in gone if message.type == "note_on" and message.velocity]
    assert strikes
    assert len(strikes) * 2 == len(gone)
    assert all(spans[0][0] <= tick < spans[0][1] for tick in strikes)


def test_other_scores_are_read_as_the_midi_that_is_written_of_them(bach_pieces, tmp_path):
    from musicgen.files.io import write_score
    from musicgen.music.convert import to_score

    score = to_score(bach_pieces[3].chorale)
    write_score(score, tmp_path / "a.musicxml")
    source = read_source(tmp_path / "a.musicxml")
    assert [line.name for line in source.lines] == ["Soprano", "Alto", "Tenor", "Bass"]


def test_bad_files_are_refused_by_name(tmp_path):
    for name, data in {"empty.mid": b"", "cut.mid": midi(LEAD)[:60], "silent.mid": midi(CONDUCTOR)}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(FileError, match=name):
            read_source(tmp_path / name)
