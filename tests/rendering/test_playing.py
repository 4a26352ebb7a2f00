"""As a user asks for it: another sound, a file a voice, a soundfont of one's own; balance; sound files that end no process."""

import io
import shutil
from dataclasses import replace

import mido
import numpy as np
import pytest
from test_performance import SCORE

from musicgen.cli import main
from musicgen.errors import ConfigError, FileError
from musicgen.files.io import read_score, write_score
from musicgen.files.midi import Loudness, midi_of_score
from musicgen.music.score import Note, Part
from musicgen.rendering.audio import samples_of
from musicgen.rendering.edition import Edition
from musicgen.rendering.encoding import encoded
from musicgen.rendering.export import export_score
from musicgen.rendering.loudness import loudness
from musicgen.rendering.mixing import Seat, mixed, row, stems
from musicgen.rendering.performance import Performance
from musicgen.rendering.synthesis import check_soundfont, usual_soundfont

RATE = 11_025
CHORD = replace(SCORE, parts=tuple(replace(part, notes=part.notes[:1]) for part in SCORE.parts))


def test_a_file_for_each_voice_is_as_long_as_the_whole(tmp_path):
    edition = Edition(per_voice=True, sound="strings", performance=Performance())
    files = export_score(SCORE, [tmp_path / "x.mid"], edition)
    assert [file.name for file in files] == ["x.mid", "x-soprano.mid", "x-alto.mid", "x-tenor.mid", "x-bass.mid"]
    lengths = {sum(message.time for message in track) for file in files for track in mido.MidiFile(file).tracks}
    assert lengths == {SCORE.bar_starts()[-1]}
    assert [part.program for part in read_score(files[0]).parts] == [40, 40, 41, 42]
    assert [part.name for part in read_score(files[2]).parts] == ["Alto"]


def test_voices_of_odd_names_get_files_of_their_own(tmp_path):
    parts = tuple(replace(part, name=name) for part, name in zip(SCORE.parts, ("a/b", "a b", "", "Horn in F"), strict=True))
    names = [file.name for file in export_score(replace(SCORE, parts=parts), [tmp_path / "x.mid"], Edition(per_voice=True))]
    assert names == ["x.mid", "x-a-b-1.mid", "x-a-b-2.mid", "x-voice-3.mid", "x-horn-in-f.mid"]


def test_volume_and_place_are_for_a_mixer():
    midi = mido.MidiFile(file=io.BytesIO(midi_of_score(SCORE, [Loudness(127, 0)] * 4)))
    controls = [(m.channel, m.control, m.value) for track in midi.tracks for m in track if m.type == "control_change"]
    assert controls == [(channel, *each) for channel in range(4) for each in ((7, 127), (10, 0))]


def test_equal_velocities_are_equally_loud_whatever_plays():
    brass = [replace(part, program=program) for part, program in zip(CHORD.parts, (56, 56, 60, 58), strict=True)]
    levels = [loudness(sound, RATE) for sound in stems(CHORD, brass, RATE)]
    assert max(levels) - min(levels) < 1
    soft = replace(brass[1], notes=tuple(replace(note, velocity=40) for note in brass[1].notes))
    levels = [loudness(sound, RATE) for sound in stems(CHORD, [brass[0], soft], RATE)]
    assert levels[0] - levels[1] == pytest.approx(40 * np.log10(2), abs=2)


def test_voices_sit_from_left_to_right():
    assert [seat.pan for seat in row(3)] == [-0.4, 0, 0.4]
    assert row(1) == [Seat()]
    tone = np.ones((10, 1), np.float32)
    left, right = (mixed([tone], [Seat(pan=pan)])[0] for pan in (-1.0, 1.0))
    assert left == pytest.approx([1, 0], abs=1e-6)
    assert right == pytest.approx([0, 1], abs=1e-6)
    assert (mixed([tone], [Seat(-20, 0.4)]) ** 2).sum(axis=1) == pytest.approx(0.01 * np.ones(10))


def test_a_long_ogg_is_written_and_a_short_one_the_same_twice():
    """libsndfile 1.2 ended the process where so much was written at once, and numbered the stream by the clock."""
    soundfile = pytest.importorskip("soundfile")
    silence = np.zeros((8_000 * 300, 1), np.float32)
    assert soundfile.info(io.BytesIO(encoded(silence, ".ogg", 8_000, 0.95))).frames == len(silence)
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (4_000, 2)).astype(np.float32)
    data = encoded(noise, ".ogg", 8_000)
    assert data == encoded(noise, ".ogg", 8_000)
    assert soundfile.read(io.BytesIO(data))[0] == pytest.approx(noise, abs=1)


def test_a_soundfont_of_ones_own_plays(tmp_path):
    own = tmp_path / "My Font.sf2"
    shutil.copy(usual_soundfont(), own)
    assert np.array_equal(samples_of(CHORD, RATE, 1, own), samples_of(CHORD, RATE, 1))


def broken(data, kind):
    if kind == "text":
        return b"RIFF but no soundfont" * 100
    noise = np.random.default_rng(0)
    bytes_ = np.frombuffer(data, np.uint8).copy()
    start = data.find(b"pdta")
    bytes_[noise.integers(start + 1000, len(data), 20_000)] = noise.integers(0, 256, 20_000)
    return bytes_.tobytes()


@pytest.mark.parametrize("kind", ["text", "wild"])
def test_a_damaged_soundfont_is_one_line(tmp_path, kind, capsys):
    """What ends the process of the synthesizer does not end ours."""
    font, tune = tmp_path / "bad.sf2", tmp_path / "x.mid"
    font.write_bytes(broken(usual_soundfont().read_bytes(), kind))
    with pytest.raises(FileError, match=r"bad\.sf2: .*soundfont"):
        samples_of(CHORD, RATE, 1, font)
    if kind == "text":
        write_score(SCORE, tune)
        assert main(["practice", str(tune), "-o", str(tmp_path / "p.zip"), "--soundfont", str(font)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_what_cannot_be_played_is_refused_before_any_work(tmp_path):
    (tmp_path / "x.txt").write_text("no font")
    (tmp_path / "folder.sf2").mkdir()
    refused = (("x.txt", "ends in .sf2 or .sf3"), ("none.sf2", "no such file"), ("folder.sf2", "this is a folder; give"))
    for path, reason in ((tmp_path / name, reason) for name, reason in refused):
        with pytest.raises(FileError, match=reason):
            check_soundfont(path)
    with pytest.raises(ConfigError, match="banjolele"):
        Edition(sound="banjolele")


def test_a_band_is_mixed_as_its_soundfont_has_it():
    drums = Part("Drums", (Note(0, 240, 38),), is_drum=True)
    heard = samples_of(replace(CHORD, parts=(*CHORD.parts[:1], drums)), RATE)
    assert heard.shape[1] == 2
    assert np.abs(heard).max() > 0.05
