"""The command line end to end, in process: what is on stdout, what on stderr, which files, which exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from workshop import odd_tune

from musicgen.composers.methods import METHODS
from musicgen.corpus import build
from musicgen.corpus.splits import bach_entries
from musicgen.corpus.store import load_corpus
from musicgen.evaluation.copying import LIMIT
from musicgen.evaluation.style import MEASURES
from musicgen.files import read_score, write_score
from musicgen.music.chorale import RANGES
from musicgen.music.convert import to_score
from musicgen.music.score import Note, Part, Score

VERBS = (
    "",
    "compose",
    "harmonize",
    "fill",
    "train",
    "models",
    "corpus",
    "corpus build",
    "corpus show",
    "evaluate",
    "evaluate likelihood",
    "evaluate reconstruction",
    "evaluate style",
    "evaluate copying",
)
SMALL = [
    f"--set={setting}" for setting in ("model.width=8", "model.embedding=4", "model.layers=1", "training.batch=2", "training.window=16")
]


@pytest.mark.parametrize("verb", VERBS)
def test_help(good, verb):
    assert "Usage: musicgen" in good(*verb.split(), "--help")


def test_no_arguments_is_help_and_version_is_a_line(good):
    assert good() == good("--help")
    assert good("--version").startswith("musicgen 0.")


# --- compose


def test_what_is_proposed_next_names_the_model(run):
    assert "another: musicgen compose --model dice --seed 4 --key" in run("compose", "-m", "dice", "--bars", "2", "--seed", "3")[2]


def test_compose_writes_and_prints_paths(good):
    out = good("compose", "--bars", "1")
    assert out.split() == ["out/chorale.mid", "out/chorale.musicxml", "out/chorale.svg"]
    assert all(Path(path).stat().st_size > 100 for path in out.split())
    assert [part.name for part in read_score("out/chorale.musicxml").parts] == ["Soprano", "Alto", "Tenor", "Bass"]


def test_compose_says_seed_times_and_what_next(run):
    _, _, err = run("compose", "--bars", "2", "--seed", "41", "-o", "a.mid")
    assert "seed 41" in err
    assert all(word in err for word in ("load", "compose", "write", "next"))


def test_what_is_asked_is_in_the_file(good):
    good("compose", "--bars", "2", "--meter", "3/4", "--key", "F# minor", "--pickup", "1", "--tempo", "66", "-o", "a.musicxml")
    score = read_score("a.musicxml")
    assert (str(score.meters[0].meter), str(score.key), score.pickup) == ("3/4", "F# minor", score.ticks_per_quarter)
    assert score.tempos[0].quarters_per_minute == 66
    assert score.end == 6 * score.ticks_per_quarter


def test_equal_seeds_give_equal_bytes_and_others_do_not(good):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        good("compose", "--bars", "1", "--seed", seed, "-o", f"{name}.mid", "-o", f"{name}.musicxml", "-o", f"{name}.svg")
    for suffix in (".mid", ".musicxml", ".svg"):
        a, b, c = (Path(name + suffix).read_bytes() for name in "abc")
        assert a == b != c


def test_count_numbers_files_and_each_has_its_own_seed(good):
    report = json.loads(good("compose", "--bars", "1", "--count", "3", "--seed", "5", "-o", "c.mid", "--json"))
    assert [(piece["seed"], piece["files"]) for piece in report["pieces"]] == [(4 + n, [f"c-00{n}.mid"]) for n in (1, 2, 3)]
    good("compose", "--bars", "1", "--seed", "6", "-o", "one.mid")
    assert Path("one.mid").read_bytes() == Path("c-002.mid").read_bytes()


def test_a_random_seed_is_printed_and_gives_the_piece_again(good):
    report = json.loads(good("compose", "--bars", "1", "-o", "a.mid", "--json"))
    good("compose", "--bars", "1", "--seed", report["pieces"][0]["seed"], "-o", "b.mid")
    assert Path("a.mid").read_bytes() == Path("b.mid").read_bytes()


def test_layouts_and_pictures(good):
    good("compose", "-m", "dice", "--bars", "3", "--layout", "two-staff", "-o", "a.musicxml", "-o", "a.png")
    assert Path("a.musicxml").read_text().count("<score-part ") == 2
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


# --- harmonize


@pytest.mark.parametrize("suffix", ["musicxml", "mid", "mxl", "abc", "krn"])
def test_harmonize_reads_every_format_and_keeps_the_tune(good, suffix):
    out = good("harmonize", f"tune.{suffix}", "-o", "a.mid", "-o", "a.musicxml")
    assert out.split() == ["a.mid", "a.musicxml"]
    source, score = read_score(f"tune.{suffix}"), read_score("a.musicxml")
    assert sounds(score, 0) == sounds(source, 0)
    assert len(score.parts) == 4
    for part, (low, high) in zip(score.parts, RANGES, strict=True):
        assert all(low <= note.pitch <= high for note in part.notes)


def sounds(score, part):
    """Start and length in quarters, and pitch, of every note: grace notes have length 0."""
    return [(note.start / score.ticks_per_quarter, note.duration / score.ticks_per_quarter, note.pitch) for note in score.parts[part].notes]


def test_triplets_and_grace_notes_come_back_as_written(good):
    write_score(odd_tune(), "odd.musicxml")
    good("harmonize", "odd.musicxml", "-o", "a.musicxml")
    assert sounds(read_score("a.musicxml"), 0) == sounds(odd_tune(), 0)
    assert read_score("a.musicxml").parts[0].name == "Flute"
    assert Path("a.musicxml").read_text().count("<fermata") == 4  # the tune's one, under which all voices pause


def test_assumed_phrases_are_said_and_not_written(run):
    _, _, err = run("harmonize", "tune.musicxml", "-o", "a.musicxml")
    assert "phrase ends were assumed" in err
    assert "<fermata" not in Path("a.musicxml").read_text()


def test_harmonize_several_ways(good):
    report = json.loads(good("harmonize", "tune.mid", "--count", "2", "--seed", "3", "-o", "h.mid", "--json"))
    assert [piece["files"] for piece in report["pieces"]] == [["h-001.mid"], ["h-002.mid"]]
    assert Path("h-001.mid").read_bytes() != Path("h-002.mid").read_bytes()


@pytest.mark.parametrize("second", ["x.musicxml", "x.svg"])
def test_a_rhythm_that_cannot_be_notated_is_refused_before_sampling(refused, monkeypatch, second):
    write_score(Score((Part("Flute", (Note(0, 333, 67), Note(333, 667, 69))),), 1000), "live.mid")
    monkeypatch.setattr("musicgen.steering.tasks.load_composer", lambda *_: pytest.fail("a model was loaded"))
    assert f"{second}: not written: Flute, bar 1 beat 1" in refused("harmonize", "live.mid", "-m", "dice", "-o", "x.mid", "-o", second)
    assert not list(Path().glob("x.*"))


def test_an_output_is_named_once(refused):
    assert "x.mid: this output is named twice" in refused("compose", "-m", "dice", "-o", "x.mid", "-o", "./x.mid")


def test_a_page_is_no_other_output(refused):
    line = refused("compose", "-m", "dice", "--bars", "40", "-o", "x.svg", "-o", "x-2.svg")
    assert "x-2.svg: this is an output, and a page or a voice of another one" in line
    assert not list(Path().glob("x*"))


def test_what_no_file_will_show_is_said(run):
    asked = ("compose", "-m", "dice", "--bars", "1", "--figures", "--per-voice", "--lyrics", "none")
    assert "none of these files shows --figures\n" in run(*asked, "-o", "a.mid")[2]
    assert "none of these files shows --figures --per-voice\n" in run(*asked, "-o", "a.krn")[2]
    assert "none of these files" not in run(*asked, "-o", "a.mid", "-o", "a.musicxml")[2]


def test_a_file_for_each_voice_spares_the_source(refused):
    tune = Path("tune.mid").read_bytes()
    Path("x-alto.mid").write_bytes(tune)
    assert "x-alto.mid: this is the source itself" in refused("harmonize", "x-alto.mid", "-m", "dice", "--per-voice", "-o", "x.mid")
    assert Path("x-alto.mid").read_bytes() == tune
    assert [path.name for path in Path().glob("x*")] == ["x-alto.mid"]


def test_keep_soprano_and_bass_of_four_voices(good):
    good("compose", "-m", "dice", "--bars", "2", "-o", "four.musicxml")
    good("harmonize", "four.musicxml", "--keep", "SB", "-o", "a.musicxml")
    before, after = read_score("four.musicxml"), read_score("a.musicxml")
    assert [sounds(before, part) == sounds(after, part) for part in range(4)] == [True, False, False, True]


def test_the_tune_is_never_overwritten(refused, at_work):
    assert "would be overwritten" in refused("harmonize", "tune.mid", "-m", "dice", "-o", "tune.mid")
    Path("c-001.mid").write_bytes(Path("tune.mid").read_bytes())
    assert "would be overwritten" in refused("harmonize", "c-001.mid", "-m", "dice", "--count", "2", "-o", "c.mid")


def test_part_by_name(refused, good):
    assert "1 Flute" in refused("harmonize", "tune.mid", "--part", "Horn", "-o", "a.mid")
    good("harmonize", "tune.mid", "--part", "flute", "-m", "dice", "-o", "a.mid")


# --- corpus, train, evaluate, models


def test_corpus_build_reports_what_was_dropped(good, monkeypatch):
    """Of every twentieth file; the whole corpus is built for other tests, by the same function."""
    some = bach_entries()[::20]
    monkeypatch.setattr(build, "bach_entries", lambda: some)
    report = json.loads(good("corpus", "build", "--folder", "made", "--json"))
    assert sum(report["splits"].values()) + sum(entry.file in report["dropped"] for entry in some) == len(some) > 15
    assert len(report["dropped"]) > 1
    assert Path("made/bach-chorales/manifest.json").exists()


def test_corpus_show(good):
    assert "9 pieces" in good("corpus", "show")
    assert len(good("corpus", "show", "--split", "valid").splitlines()) == 3
    assert len(json.loads(good("corpus", "show", "--split", "test", "--json"))["pieces"]) == 3


def test_train_gives_a_checkpoint_that_composes(good):
    out = good("train", "deepbach", *SMALL, "--set", "training.updates=3", "--run", "run", "-o", "made")
    assert out.split() == ["made"]
    assert {path.name for path in Path("made").iterdir()} == {"config.json", "model.safetensors", "MODEL_CARD.md", "metrics.json"}
    assert "--set training.updates=3" in Path("made/MODEL_CARD.md").read_text()
    assert json.loads(Path("made/metrics.json").read_text())["updates"] == 3
    good("compose", "-m", "made", "--bars", "2", "-o", "a.mid")
    assert "nats per cell" in good("evaluate", "likelihood", "made")


def test_the_flagship_is_trained_on_step_matrices_and_measured_on_others(good):
    piece = [[72, 67, 64, 48]] * 4 + [[71, 67, 62, 55]] * 4 + [[72, 67, 64, 48]] * 8
    Path("own.json").write_text(json.dumps({"train": [piece], "valid": [piece]}))
    Path("held_back.json").write_text(json.dumps({"test": [piece, piece]}))
    small = [f"model.{name}=16" for name in ("width", "inner", "embedding", "condition_embedding")]
    small += ["model.encoder_layers=1", "model.decoder_layers=1"]
    settings = [part for setting in [*small, "training.updates=3", "training.batch=2"] for part in ("--set", setting)]
    good("train", "jsb16", "--corpus", "own.json", *settings, "--run", "run", "-o", "made")
    assert json.loads(Path("made/metrics.json").read_text())["kind"] == "exact"
    assert "exact (without the price of being told the key" in Path("made/MODEL_CARD.md").read_text()
    report = json.loads(good("evaluate", "likelihood", "made", "--data", "held_back.json", "--split", "test", "--json"))
    assert (report["kind"], report["pieces"], report["cells"]) == ("exact", 2, 2 * 16 * 4)
    good("compose", "-m", "made", "--bars", "1", "-o", "a.mid")
    good("harmonize", "tune.mid", "-m", "made", "-o", "b.mid")


def test_ctrl_c_in_training_says_how_to_go_on_and_the_same_command_does(run, good, monkeypatch):
    from musicgen.training import loop

    command = ("train", "deepbach", *SMALL, "--set", "training.updates=3", "--run", "run", "-o", "made")
    real, calls = loop.update_once, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(loop, "update_once", interrupted)
    code, out, err = run(*command)
    assert (code, out) == (130, "")
    assert "the same command goes on" in err
    assert not list(Path("made").iterdir())
    monkeypatch.setattr(loop, "update_once", real)
    assert json.loads(good(*command, "--json"))["updates"] == 3


def test_train_refuses_wrong_settings(refused):
    assert "did you mean batch" in refused("train", "--set", "training.bach=3", "--run", "run", "-o", "made")
    assert "cannot be set" in refused("train", "--set", "model.vocab_size=3", "--run", "run", "-o", "made")
    assert "choices" in refused("train", "--device", "toaster", "--run", "run", "-o", "made")


def test_evaluate_a_model(good):
    likelihood = json.loads(good("evaluate", "likelihood", "deepbach", "--json"))
    assert (likelihood["kind"], likelihood["pieces"]) == ("pseudo", 3)
    assert 2 < likelihood["nats_per_cell"] < 6  # random weights: about ln 48
    assert json.loads(good("evaluate", "reconstruction", "bach", "--json"))["notes"] == 1
    assert "Bach's pitch" in good("evaluate", "reconstruction", "dice", "--keep", "SB")


def test_evaluate_refuses_pieces_that_a_model_has_learned_from(refused, good, at_work):
    assert "has learned from the train split" in refused("evaluate", "likelihood", "deepbach", "--split", "train")
    good("evaluate", "likelihood", "deepbach", "--split", "train", "--seen")
    config = json.loads(Path("checkpoints/deepbach/config.json").read_text())
    Path("other").mkdir()
    Path("other/config.json").write_text(json.dumps(config | {"corpus": {"name": "mine", "fingerprint": "f00"}}))
    Path("other/model.safetensors").symlink_to(Path("checkpoints/deepbach/model.safetensors").resolve())
    assert "was trained on mine f00" in refused("evaluate", "likelihood", "other")


def test_style_of_files_and_folders(good, refused):
    good("compose", "-m", "dice", "--bars", "4", "--count", "2", "-o", "x.mid")
    Path("folder").mkdir()
    for number in (1, 2):
        Path(f"x-00{number}.mid").rename(f"folder/{number}.mid")
    assert "parallel fifths" in good("evaluate", "style", "folder")
    report = json.loads(good("evaluate", "style", "folder/1.mid", "folder/2.mid", "--json"))
    assert (len(report["rates"]), report["likeness"]["pieces"]) == (len(MEASURES), 2)
    assert report["likeness"]["grades"]["all nine together"]["value"] > 2 * report["bach"]["grades"]["all nine together"]["value"]
    Path("empty").mkdir()
    assert "no scores" in refused("evaluate", "style", "empty")
    assert "there is no corpus here" in refused("evaluate", "style", "folder", "--corpus", "mine")


def test_what_cannot_be_measured_is_left_out_of_a_folder_and_said(run, at_work):
    Path("folder").mkdir()
    write_score(to_score(load_corpus().pieces("train")[0].chorale), "folder/good.mid")
    Path("folder/cut.mid").write_bytes(Path("folder/good.mid").read_bytes()[:100])
    Path("folder/tune.mid").write_bytes(Path("tune.mid").read_bytes())
    for measured in ("style", "copying"):
        code, out, err = run("evaluate", measured, "folder", "--json")
        assert code == 0
        report = json.loads(out)
        assert report.get("pieces", len(report.get("runs", [0]))) == 1
        assert "folder/cut.mid: left out; the file is cut short" in err
        assert "folder/tune.mid: left out; has 1 voice" in err


def test_style_without_a_corpus_has_rates_alone(run, at_work):
    write_score(to_score(load_corpus().pieces("train")[0].chorale), "one.mid")
    Path("corpora").unlink()
    code, out, err = run("evaluate", "style", "one.mid", "--json")
    assert code == 0
    assert json.loads(out)["likeness"] is None
    assert "no grade and no distances: bach-chorales: there is no corpus here" in err


def test_copying_says_which_chorale_and_which_bars(good, refused):
    good("compose", "-m", "dice", "--bars", "4", "-o", "dice.musicxml")
    learned = load_corpus().pieces("train")[0]
    write_score(to_score(learned.chorale.transposed(2)), "folder.musicxml")
    Path("folder").mkdir()
    Path("folder.musicxml").rename("folder/copy.musicxml")
    report = json.loads(good("evaluate", "copying", "dice.musicxml", "folder", "--json"))
    dice, copy = report["runs"]
    assert (report["limit"], report["pieces"], report["copied"], report["control"]["pieces"]) == (LIMIT, 2, 1, 3)
    assert (copy["piece"], copy["source"], copy["shift"], copy["slices"]) == ("folder/copy.musicxml", learned.name, 2, report["longest"])
    assert dice["slices"] < 5
    lines = good("evaluate", "copying", "folder", "--limit", "100").splitlines()
    assert f"of {learned.chorale.title}, moved 2 semitones up" in lines[0]
    assert lines[1].startswith("0 of 1 pieces share 100 slices or more")
    assert lines[2].startswith("bach-chorales, test split: 0 of 3 pieces")
    assert "tune.mid: has 1 voice; pieces of 4 are measured" in refused("evaluate", "copying", "folder", "tune.mid")


def test_copying_draws_what_is_shared(good, refused):
    learned = load_corpus().pieces("train")[0]
    for name in ("one.musicxml", "two.musicxml", "two.mid"):
        write_score(to_score(learned.chorale.transposed(2)), name)
    lines = good("evaluate", "copying", "one.musicxml", "two.musicxml", "two.mid", "--picture", "drawn/here").splitlines()
    files = ["drawn/here/one.svg", "drawn/here/two.mid.svg", "drawn/here/two.svg"]
    assert sorted(lines[-3:]) == files == sorted(map(str, Path("drawn/here").iterdir()))
    assert learned.chorale.title in Path("drawn/here/one.svg").read_text()
    report = json.loads(good("evaluate", "copying", "one.musicxml", "two.mid", "--picture", "p.png", "--json"))
    assert report["pictures"] == ["p-001.png", "p-002.png"]
    assert "drawn as .svg or .png, or into a folder" in refused("evaluate", "copying", "one.musicxml", "--picture", "p.pdf")
    assert "one.musicxml: " in refused("evaluate", "copying", "one.musicxml", "--picture", "one.musicxml")


def test_tag_leaves_out_what_cannot_be_read(run, at_work, refused):
    Path("folder").mkdir()
    Path("folder/tune.mid").write_bytes(Path("tune.mid").read_bytes())
    Path("folder/cut.mid").write_bytes(Path("tune.mid").read_bytes()[:60])
    code, out, err = run("tag", "folder", "--json")
    assert code == 0
    assert list(json.loads(out)) == ["folder/tune.mid"]
    assert "folder/cut.mid: left out; " in err
    assert refused("tag", "folder/cut.mid").startswith("musicgen: error: folder/cut.mid: ")


def test_models(good):
    names = [info["name"] for info in json.loads(good("models", "--json"))]
    assert {"deepbach", "bach", "dice"} <= set(names)
    assert all(name in good("models") for name in names)


# --- endings


def test_a_bug_of_ours_is_one_line_and_debug_shows_it(run, monkeypatch):
    def broken(*arguments):
        raise ValueError("two\nlines")

    monkeypatch.setattr("musicgen.composers.loading.list_composers", broken)
    monkeypatch.setenv("MUSICGEN_DEBUG", "")
    code, out, err = run("models")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "bug of ours (ValueError: two lines)" in err
    code, _, err = run("--debug", "models")
    assert code == 1
    assert "Traceback" in err


def test_a_bug_of_a_plugin_is_not_called_ours_alone(run, at_work, monkeypatch):
    monkeypatch.setattr("musicgen.composers.methods.PLUGINS", [])
    monkeypatch.setattr("musicgen.composers.methods.METHODS", dict(METHODS))
    monkeypatch.setenv("MUSICGEN_DEBUG", "")
    Path("mine.py").write_text(
        "import dataclasses, musicgen\n"
        "@dataclasses.dataclass\nclass Dials:\n    x: int = 1\n"
        "class Mine:\n    config_type = Dials\n"
        "    def learn(*arguments): raise ValueError('oh')\n    def load(*arguments): pass\n    def fill(*arguments): pass\n"
        "musicgen.register('mine', 'broken', Mine)\n"
    )
    code, out, err = run("--plugin", "mine.py", "train", "mine", "-o", "made")
    assert (code, out) == (1, "")
    assert "this is a bug of mine.py, or of ours (ValueError: oh)" in err
    assert not list(Path("made").iterdir())


def test_ctrl_c_leaves_no_file(run, at_work, monkeypatch):
    from musicgen.composers.references import Dice

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Dice, "fill", interrupted)
    before = set(at_work.iterdir())
    code, out, err = run("compose", "-m", "dice", "-o", "a.mid")
    assert (code, out, len(err.splitlines())) == (130, "", 1)
    assert set(at_work.iterdir()) == before


def test_a_reader_that_leaves_early_is_no_error(at_work):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "musicgen", "corpus", "show", "--split", "train"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_under_stdout_is_said(at_work):
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "musicgen", "models"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [done.stderr.strip()]


@pytest.mark.parametrize(
    "arguments",
    [
        "frobnicate",
        "compose --bras 3",
        "compose --bars three",
        "compose --bars 0",
        "compose --meter 4/0",
        "compose --meter waltz",
        "compose --key H",
        "compose --pickup 9",
        "compose --seed -1",
        "compose --count 0",
        "compose --tempo nan",
        "compose --temperature nan",
        "compose --top-p 0",
        "compose --sweeps 0",
        "compose -m flagship --sweeps 3",
        "evaluate likelihood flagship --data corpora/bach-chorales",
        "compose -m nobody",
        "compose -m corpora",
        "compose -o missing/a.mid",
        "compose -o a.gif",
        "compose -o a",
        "compose -o corpora",
        "compose -o tune.mid/a.mid",
        "harmonize",
        "harmonize missing.mid -o a.mid",
        "harmonize tune.mid -o missing/a.mid",
        "harmonize tune.mid --keep X -o a.mid",
        "harmonize tune.mid --keep SB -o a.mid",
        "harmonize tune.mid --part 9 -o a.mid",
        "corpus",
        "corpus build beatles",
        "corpus show nix",
        "corpus show --split nix",
        "train madonna",
        "train --corpus nix",
        "evaluate likelihood dice",
        "evaluate likelihood deepbach --split nix",
        "evaluate style missing.mid",
        "evaluate copying missing.mid",
        "evaluate copying tune.mid --corpus nix",
        "evaluate copying tune.mid --limit 0",
    ],
)
def test_what_cannot_be_is_refused_in_one_line(refused, arguments):
    refused(*arguments.split())
