"""Practice tracks: one's own voice loud, the others soft, counted in; the same bytes for the same score."""

import io
import json
import zipfile
from dataclasses import replace

import mido
import numpy as np
import pytest
from test_performance import BEAT, SCORE

from musicgen.cli import main
from musicgen.errors import ConfigError
from musicgen.files.io import write_score
from musicgen.files.midi import score_of_midi
from musicgen.rendering.practice import Practice, practice_tracks, rehearsal, zipped

NAMES = ["1-soprano.mid", "2-alto.mid", "3-tenor.mid", "4-bass.mid", "all.mid"]
SHORT = replace(SCORE, parts=tuple(replace(part, notes=part.notes[:2]) for part in SCORE.parts[:2]))


def files(score, practice, suffix=""):
    return dict(practice_tracks(rehearsal(score, practice), practice, suffix))


def volumes(data):
    tracks = mido.MidiFile(file=io.BytesIO(data)).tracks
    return [message.value for track in tracks for message in track if message.type == "control_change" and message.control == 7]


def test_each_singer_has_a_file_with_their_own_voice_loud():
    made = files(SCORE, Practice(others="choir"))
    assert list(made) == NAMES
    for own, name in enumerate(NAMES[:4]):
        parts = score_of_midi(made[name]).parts
        assert [part.name for part in parts] == ["Soprano", "Alto", "Tenor", "Bass", "Click"]
        assert [part.program for part in parts[:4]] == [0 if voice == own else 52 for voice in range(4)]
        loud = volumes(made[name])
        assert [voice for voice in range(4) if loud[voice] == 127] == [own]
        assert 40 * np.log10(127 / min(loud)) == pytest.approx(12, abs=0.3)
    assert volumes(made["all.mid"])[:4] == [127] * 4


def test_the_count_comes_before_every_note_and_clicks_go_on_if_asked():
    counted = score_of_midi(files(SCORE, Practice())["all.mid"])
    assert min(note.start for part in counted.parts[:4] for note in part.notes) == 4 * BEAT
    assert len(counted.parts[4].notes) == 4
    assert len(score_of_midi(files(SCORE, Practice(click=True))["all.mid"]).parts[4].notes) == 12
    assert len(score_of_midi(files(SCORE, Practice(count_in=0))["all.mid"]).parts) == 4


def test_tempo_and_slower():
    assert score_of_midi(files(SCORE, Practice(slower=0.5))["all.mid"]).tempos[0].quarters_per_minute == 40
    assert score_of_midi(files(SCORE, Practice(tempo=100, slower=0.9))["all.mid"]).tempos[0].quarters_per_minute == 90
    for wrong in ({"slower": 0.01}, {"tempo": 1000}, {"softer": -3}, {"own": "banjolele"}, {"others": "kazoo"}):
        with pytest.raises(ConfigError):
            Practice(**wrong)


def test_ones_own_voice_is_louder_in_sound_and_on_its_own_ear():
    import wave

    def heard(data):
        with wave.open(io.BytesIO(data)) as sound:
            return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2).astype(float)

    lone = replace(SHORT, parts=(SHORT.parts[0], replace(SHORT.parts[1], notes=SHORT.parts[1].notes[1:])))
    made = files(lone, Practice(own="oboe", softer=12, count_in=0, is_split=True), ".wav")
    assert list(made) == ["1-soprano.mid", "1-soprano.wav", "2-alto.mid", "2-alto.wav", "all.mid", "all.wav"]
    beat = slice(10_000, 30_000)  # the soprano is alone
    mine, others = heard(made["1-soprano.wav"])[beat], heard(made["2-alto.wav"])[beat]
    assert np.square(mine[:, 1]).mean() > 100 * np.square(mine[:, 0]).mean()
    assert np.square(others[:, 0]).mean() > 100 * np.square(others[:, 1]).mean()


def test_a_zip_is_the_same_bytes_and_a_folder_the_same_files(tmp_path, capsys):
    tune = write_score(SCORE, tmp_path / "x.mid")
    for name in ("a.zip", "b.zip", "tracks"):
        assert main(["practice", str(tune), "-o", str(tmp_path / name), "--format", "mid", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.replace("}\n{", "},{").join("[]"))
    assert (told[0]["voices"], told[0]["tempo"], told[0]["count_in_quarters"]) == (["Soprano", "Alto", "Tenor", "Bass"], 80, 4)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == [f"x-{name}" for name in NAMES]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / "tracks" / name).read_bytes()
    assert zipped({}) == zipped({})


@pytest.mark.parametrize(
    ("output", "reason"),
    [("x.rar", "into a .zip or a folder; choose such a name"), ("x.mid", "this is a file"), ("none/x.zip", "does not exist")],
)
def test_other_targets_are_refused(tmp_path, output, reason, capsys):
    tune = write_score(SCORE, tmp_path / "x.mid")
    assert main(["practice", str(tune), "-o", str(tmp_path / output), "--format", "mid"]) == 2
    assert reason in capsys.readouterr().err
