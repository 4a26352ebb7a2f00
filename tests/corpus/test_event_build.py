"""Corpora of events from folders: whatever lies in them, each file is a piece or has its reason; stopped builds go on."""

import json
import os
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest
import symusic
from midi_hex import END, ONE_NOTE, smf

from musicgen.cli import main
from musicgen.corpus.bundled import BUNDLED, bundled_units
from musicgen.corpus.event_build import build_events, local_engine
from musicgen.corpus.midi_folder import find_units, read_unit
from musicgen.corpus.shards import load_events
from musicgen.errors import ConfigError, CorpusError, FileError
from musicgen.files.io import write_score
from musicgen.files.midi import score_of_midi
from musicgen.tokenizers.events import EventTokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return EventTokenizer.make()


def tune(seed=0, shift=0, tempo=120, ticks=480, count=24, program=0):
    """A MIDI file of one track with a melody that the seed decides."""
    made = symusic.Score(ticks)
    track = symusic.Track("melody", program, False)
    for number, pitch in enumerate(np.random.default_rng(seed).integers(55, 80, 200)[:count]):
        track.notes.append(symusic.Note(number * ticks // 2, ticks // 2, int(pitch) + shift, 80))
    made.tracks.append(track)
    made.tempos.append(symusic.Tempo(0, tempo))
    made.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    return made.dumps_midi()


def fill(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def build(folder, tokenizer, **more):
    return build_events("mine", find_units(folder / "music"), "here", tokenizer, folder / "corpora", local_engine(1), **more)


def number(value):
    """A number of seven bits a byte."""
    return bytes((value >> 21 & 127 | 128, value >> 14 & 127 | 128, value >> 7 & 127 | 128, value & 127))


NOTE = "90 3c 50 30 80 3c 40 "
HOSTILE = {
    "empty.mid": (b"", "empty"),
    "text.mid": (b"hello " * 50, "not a MIDI file"),
    "picture.mid": (b"\x89PNG" + bytes(80), "PNG"),
    "header-only.mid": (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0", "cut short"),
    "short-header.mid": (b"MThd\x00\x00", "cut short"),
    "cut.mid": (tune()[:-40], "cut short"),
    "zero-ticks.mid": (smf(ONE_NOTE, division=0), "0 ticks a quarter"),
    "smpte.mid": (smf(ONE_NOTE, division=0xE728), "film frames"),
    "format-2.mid": (smf(ONE_NOTE, file_format=2), "format 2"),
    "format-9.mid": (smf(ONE_NOTE, file_format=9), "format 9"),
    "no-notes.mid": (smf(END), "holds 0 notes"),
    "two-notes.mid": (smf(ONE_NOTE), "holds 1 notes"),
    "no-pitch.mid": (smf("00 90 bc 50 30 80 bc 40 " * 10 + "00 ff 2f 00"), "00 to 7f"),
    "no-status.mid": (smf("00 40 40 00 ff 2f 00"), "begins no MIDI event"),
    "long-number.mid": (smf("ff ff ff ff ff 90 3c 50 00 ff 2f 00"), "longer than four bytes"),
    "endless.mid": (smf(("00 " + NOTE) * 10 + number((1 << 28) - 1).hex() + NOTE + "00 ff 2f 00", division=96), "never ends"),
    "runs-over.mid": (smf((number((1 << 28) - 1).hex() + NOTE) * 12 + "00 ff 2f 00", division=96), "never ends"),
    "many-tracks.mid": (struct.pack(">4sIHHH", b"MThd", 6, 1, 3, 480) + tune()[14:], "1 of 3 tracks"),
    "broken.krn": (b"**kern\n4c\n", "cut off"),
    "broken.abc": (b"X:1\nK:C\n" + b"C" * 3 + b"99999999", "number 99999999"),
    "bomb.musicxml": (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "entities"),
    "no.mxl": (b"PK\x03\x04" + bytes(40), "zip"),
    "latin.abc": (b"X:1\nT:\xe9\nK:C\nCDEFGABc|\n", "UTF-8"),
}


def test_hostile_files_never_stop_a_build(tmp_path, tokenizer):
    fill(
        tmp_path / "music",
        {name: data for name, (data, _) in HOSTILE.items()} | {"good.mid": tune(), ".hidden.mid": tune(9), "a.txt": b"no"},
    )
    (tmp_path / "music" / "folder.mid").mkdir()
    os.mkfifo(tmp_path / "music" / "pipe.mid")
    report = build(tmp_path, tokenizer)
    assert [piece.name for split in report.corpus.splits for piece in report.corpus.pieces(split)] == ["good.mid"]
    assert set(report.dropped) == {*HOSTILE, "folder.mid", "pipe.mid"}
    for name, (_, reason) in HOSTILE.items():
        assert reason in report.dropped[name], name
        assert "\n" not in report.dropped[name]
        assert str(tmp_path) not in report.dropped[name]


def test_every_format_is_read_alike_and_the_same_music_is_one_piece(tmp_path, tokenizer):
    score = score_of_midi(tune())
    music = fill(tmp_path / "music", {"a/one.mid": tune(), "b/one.MIDI": tune(), "wrapped.kar": b"RIFF" + bytes(16) + tune()})
    write_score(score, music / "z.musicxml")
    report = build(tmp_path, tokenizer)
    assert set(report.dropped) == {"b/one.MIDI", "wrapped.kar", "z.musicxml"}
    assert all(reason.startswith("the same music as a/one.mid") for reason in report.dropped.values())


def test_transposed_or_faster_it_is_the_same_piece_and_with_another_note_it_is_not(tmp_path, tokenizer):
    other = score_of_midi(tune())
    fill(
        tmp_path / "music",
        {
            "a.mid": tune(),
            "b.mid": tune(shift=5),
            "c.mid": tune(tempo=87),
            "d.mid": tune(ticks=96),
            "e.mid": tune(1),
            "f.mid": tune(count=25),
        },
    )
    report = build(tmp_path, tokenizer)
    assert set(report.dropped) == {"b.mid", "c.mid", "d.mid"}
    assert other.parts


def rows(corpus):
    return {row["name"]: row for row in map(json.loads, (corpus.folder / "pieces.jsonl").read_text().splitlines())}


def test_families_stay_in_one_split(tmp_path, tokenizer):
    files = {f"song{seed}x.mid": tune(seed) for seed in range(12)}
    files |= {f"set/piece {n:02}.mid": tune(n + 20) for n in range(10)}  # a series, not versions
    files |= {"live.mid": tune(40), "live (2).mid": tune(41), "live copy.mid": tune(42), "live_3.mid": tune(43)}
    files |= {"theme.mid": tune(50, count=70), "theme and more.mid": tune(50, count=90)}
    report = build(fill(tmp_path, {f"music/{name}": data for name, data in files.items()}), tokenizer)
    found = rows(report.corpus)
    assert len({found[name]["family"] for name in files if name.startswith("live")}) == 1
    assert found["theme.mid"]["family"] == found["theme and more.mid"]["family"]
    assert len({found[name]["family"] for name in files if name.startswith(("song", "set"))}) == 22
    split_of = {row["family"]: row["split"] for row in found.values()}
    assert all(split_of[row["family"]] == row["split"] for row in found.values())
    assert min(report.corpus.counts().values()) >= 2
    assert report.corpus.counts()["train"] >= 18


def test_tracks_losses_and_ids_are_kept(tmp_path, tokenizer):
    fill(tmp_path / "music", {"a.mid": tune(program=40)})
    corpus = build(tmp_path, tokenizer).corpus
    row = rows(corpus)["a.mid"]
    assert row["tracks"] == [["melody", 40, False, 40]]
    assert corpus.ensembles("train") == [{"ids": row["count"], "tracks": row["tracks"]}]
    assert [loss.partition(":")[0] for loss in row["losses"]] == ["velocities"]
    piece = corpus.pieces("train")[0]
    assert piece.ids[1:-1].tolist() == tokenizer.encode(symusic.Score.from_midi(tune(program=40))).ids.tolist()
    assert EventTokenizer.load(corpus.tokenizer_folder) == tokenizer


def test_a_tunebook_is_many_pieces(tmp_path, tokenizer):
    tunes = "".join(
        f"X:{n}\nT:Tune {n}\nM:4/4\nL:1/8\nK:G\n{music}|\n\n" for n, music in ((1, "GABc d2d2 edcB"), (2, "g2e2 d2B2 AGAB"), (3, "99 99"))
    )
    report = build(fill(tmp_path, {"music/book.abc": tunes.encode()}), tokenizer)
    assert set(rows(report.corpus)) == {"book.abc 1", "book.abc 2"}
    assert {row["family"] for row in rows(report.corpus).values()} == {"book.abc 1", "book.abc 2"}
    assert set(report.dropped) == {"book.abc 3"}


def test_an_empty_folder_none_and_names_are_refused(tmp_path, tokenizer):
    (tmp_path / "music").mkdir()
    with pytest.raises(FileError, match="no scores"):
        build(tmp_path, tokenizer)
    with pytest.raises(FileError, match="no such folder"):
        find_units(tmp_path / "nowhere")
    fill(tmp_path / "music", {"a.mid": b"hello"})
    with pytest.raises(CorpusError, match=r"none of 1 files can be used, a.mid for one: this is something else"):
        build(tmp_path, tokenizer)
    for name in ("bach-chorales", "a/b", ".x"):
        with pytest.raises(ConfigError, match="cannot be the name"):
            build_events(name, [], "", tokenizer, tmp_path)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text('{"format": 1}')
    with pytest.raises(ConfigError, match="another kind"):
        build_events("old", [], "", tokenizer, tmp_path)


def test_a_stopped_build_goes_on_and_makes_the_same(tmp_path, tokenizer):
    fill(tmp_path / "music", {f"{seed:03}.mid": tune(seed) for seed in range(80)})
    whole = build(tmp_path, tokenizer).corpus.fingerprint
    read = []

    def stop(done, total, name):
        read.append(done)
        if len(read) == 2:
            raise KeyboardInterrupt

    (tmp_path / "again").mkdir()
    units = find_units(tmp_path / "music")
    with pytest.raises(KeyboardInterrupt):
        build_events("mine", units, "here", tokenizer, tmp_path / "again", local_engine(1), stop)
    assert [path.name for path in (tmp_path / "again").iterdir()] == [".mine.parts"]
    again = build_events("mine", units, "here", tokenizer, tmp_path / "again", local_engine(1), lambda done, *_: read.append(done))
    assert read == [32, 64, 80]
    assert again.corpus.fingerprint == whole
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["mine"]
    for path in (tmp_path / "corpora" / "mine").iterdir():
        assert (tmp_path / "again" / "mine" / path.name).read_bytes() == path.read_bytes()


KILLED = """
import os, sys
from pathlib import Path
from musicgen.corpus.event_build import build_events, local_engine
from musicgen.corpus.midi_folder import find_units
from musicgen.tokenizers.events import EventTokenizer

at = Path(sys.argv[1])
kill = lambda done, *_: os.kill(os.getpid(), 9)
build_events("mine", find_units(at / "music"), "here", EventTokenizer.load(at), at / "corpora", local_engine(1), kill)
"""


def test_a_killed_build_goes_on(tmp_path, tokenizer):
    fill(tmp_path / "music", {f"{seed:03}.mid": tune(seed) for seed in range(40)})
    tokenizer.save(tmp_path)
    assert subprocess.run([sys.executable, "-c", KILLED, tmp_path]).returncode == -signal.SIGKILL
    assert len(list((tmp_path / "corpora" / ".mine.parts").glob("*.json"))) == 1
    read = []
    corpus = build(tmp_path, tokenizer, progress=lambda done, *_: read.append(done)).corpus
    assert read == [40]
    assert sum(corpus.counts().values()) == 40


@pytest.mark.parametrize(("name", "least"), [("palestrina", 1300), ("monteverdi", 45), ("trecento", 90), ("quartets", 40)])
def test_what_music21_brings(name, least):
    units = bundled_units(name)
    assert len({unit.name for unit in units}) == len(units) >= least
    assert all(unit.work for unit in units)


def test_tunes_of_music21_and_joined_names():
    units = bundled_units("essen+monteverdi")
    assert len(units) > 8000
    score = read_unit(next(unit for unit in units if unit.tune == 3))
    assert score.note_num() > 8
    assert [meter.numerator for meter in score.time_signatures]
    with pytest.raises(ConfigError, match="essen"):
        bundled_units("esen")
    assert set(BUNDLED) == {"palestrina", "monteverdi", "trecento", "quartets", "essen", "folk"}


def test_byte_pairs_are_learned_from_train_and_written(tmp_path, tokenizer):
    fill(tmp_path / "music", {f"{seed:03}.mid": tune(seed) for seed in range(12)})
    corpus = build(tmp_path, tokenizer).corpus
    plain = {split: [piece.ids.tolist() for piece in corpus.pieces(split)] for split in corpus.splits}
    merged = build(tmp_path, tokenizer, bpe=tokenizer.size + 20).corpus
    merging = EventTokenizer.load(merged.tokenizer_folder)
    assert merging.size == tokenizer.size + 20
    for split in ("train", "valid", "test"):
        for ids, piece in zip(plain[split], merged.pieces(split), strict=True):
            assert len(piece.ids) < len(ids)
            assert merging.base(piece.ids).tolist() == ids


# --- the command line


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(fill(tmp_path, {"my-midi/a.mid": tune(), "my-midi/deep/b.mid": tune(1), "my-midi/c.mid": b"hello"}))
    assert main(["corpus", "build", "my-midi/", "--name", "mine", "--workers", "1", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["splits"], set(shown["dropped"])) == ({"train": 1, "valid": 1}, {"c.mid"})
    assert main(["corpus", "show", "mine"]) == 0
    assert "2 pieces (1 train, 1 valid) from my-midi" in capsys.readouterr().out
    assert main(["corpus", "show", "mine", "--split", "train"]) == 0
    assert "ids  " in capsys.readouterr().out
    learned = EventTokenizer.load("corpora/mine").size + 9
    assert main(["corpus", "build", "my-midi", "--name", "pairs", "--bpe", str(learned)]) == 0
    assert main(["corpus", "build", "my-midi", "--name", "like", "--tokenizer", "pairs"]) == 0
    capsys.readouterr()
    pairs, like = (load_events(name) for name in ("pairs", "like"))
    assert EventTokenizer.load(like.folder) == EventTokenizer.load(pairs.folder) != EventTokenizer.load("corpora/mine")
    assert [piece.ids.tolist() for piece in like.pieces("train")] == [piece.ids.tolist() for piece in pairs.pieces("train")]
    assert main(["corpus", "build", "my-midi", "--name", "x", "--tokenizer", "pairs", "--bpe", "2000"]) == 2
    assert "says all of the ids" in capsys.readouterr().err
    assert main(["corpus", "build", "my-midi", "--name", "x", "--tokenizer", "nothing"]) == 2
    assert "there is no model, no corpus and no folder" in capsys.readouterr().err
    assert main(["corpus", "build", "my-midi"]) == 2
    assert "--name mine" in capsys.readouterr().err
    assert main(["corpus", "build", "nowhere", "--name", "mine"]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert main(["corpus", "build", "my-midi", "--name", "x", "--kind", "mumidi"]) == 2
    assert "rows differ in length" in capsys.readouterr().err
