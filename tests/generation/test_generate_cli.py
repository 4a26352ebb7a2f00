"""The commands as a user types them, with a model that knows nothing."""

import json

import pytest
import symusic

from musicgen.files.io import read_score
from musicgen.files.midi import midi_of_score
from musicgen.files.midi_splice import read_source
from musicgen.generation.loading import load_generator
from musicgen.models.decoder import Decoder
from musicgen.music.score import Note, Part, Score


@pytest.fixture
def here(at_work, wild_folder):
    """The current folder with a model `wild` and a song of two tracks and four bars."""
    (at_work / "wild").symlink_to(wild_folder)
    lead = tuple(Note(at, 240, 72 + at // 480 % 5) for at in range(0, 4 * 1920, 480))
    bass = tuple(Note(at, 900, 40) for at in range(0, 4 * 1920, 960))
    (at_work / "song.mid").write_bytes(midi_of_score(Score((Part("Lead", lead, 80), Part("Bass", bass, 33)))))
    return at_work


def test_generate_writes_what_was_asked(here, good):
    command = ["generate", "--model", "wild", "--bars", "2", "--tempo", "90", "--programs", "0,drums", "--meter", "3/4", "--seed", "1"]
    out = json.loads(good(*command, "--chords", "Am F", "--count", "2", "-o", "x.mid", "-o", "x.musicxml", "--json"))
    assert [piece["seed"] for piece in out["pieces"]] == [1, 2]
    assert [piece["files"] for piece in out["pieces"]] == [["x-001.mid", "x-001.musicxml"], ["x-002.mid", "x-002.musicxml"]]
    score = read_score("x-001.mid")
    assert [part.program for part in score.parts] == [0, 0]
    assert [str(change.meter) for change in score.meters] == ["3/4"]
    assert [change.quarters_per_minute for change in score.tempos] == [90]
    assert len(score.bar_starts()) == 3
    good(*command, "--chords", "Am F", "-o", "again.mid")
    assert (here / "again.mid").read_bytes() == (here / "x-001.mid").read_bytes()


def test_continue_with_a_model_of_events_is_another_command(here, good, refused):
    assert good("continue", "song.mid", "--model=wild", "--from", "3", "--bars", "3", "--seed", "1", "-o", "long.mid") == "long.mid\n"
    before, after = read_source("song.mid"), read_source("long.mid")
    assert [line.name for line in after.lines] == ["Lead", "Bass"]
    assert [n for n in after.lines[0].part.notes if n.start < 3840] == [n for n in before.lines[0].part.notes if n.start < 3840]
    assert max(note.start for line in after.lines for note in line.part.notes) >= 4 * 1920
    good("continue", "song.mid", "-mwild", "--bars", "1", "--seed", "1", "-o", "one.mid")
    assert "is for models of events" in refused("continue", "song.mid", "--from", "3")


def test_only_a_command_is_a_command(here, good, refused):
    assert "continue: files without a suffix cannot be read" in refused("fill", "continue", "--from", "3:2", "-o", "x.mid")
    assert "continue: files without a suffix cannot be written" in refused("generate", "-o", "continue", "--model", "wild")
    assert "Go on from where a piece ends" in good("continue", "--help")
    assert "Go on from a bar of any MIDI file" in good("continue", "--help", "--model", "wild")


def test_what_was_played_freely_is_still_a_score(here, good):
    played = tuple(Note(at + at * 7 % 31, 211, 60 + at // 480 % 7) for at in range(0, 4 * 1920, 480))
    (here / "played.mid").write_bytes(midi_of_score(Score((Part("Lead", played, 80), Part("Bass", (Note(0, 480, 40),), 33)))))
    good("infill", "played.mid", "-m", "wild", "--track", "Bass", "--bars", "2", "--seed", "1", "-o", "x.mid", "-o", "x.musicxml")
    assert tuple(read_source("x.mid").lines[0].part.notes) == played
    lead = read_score("x.musicxml").parts[0]
    assert [note.pitch for note in lead.notes] == [note.pitch for note in played]


def test_infill_changes_its_region_alone(here, good):
    good(
        "infill",
        "song.mid",
        "-m",
        "wild",
        "--track",
        "bass",
        "--bars",
        "2-3",
        "--add-track",
        "Kit:drums",
        "--seed",
        "4",
        "-o",
        "new.wav",
        "-o",
        "new.mid",
    )
    before, after = read_source("song.mid"), read_source("new.mid")
    assert [(line.name, line.part.is_drum) for line in after.lines] == [("Lead", False), ("Bass", False), ("Kit", True)]
    assert after.lines[0] == before.lines[0]
    assert (here / "new.wav").read_bytes()[:4] == b"RIFF"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("infill song.mid --track Drums", "no track is named 'Drums'; there are, by name or number: 1 Lead, 2 Bass"),
        ("infill song.mid", "no track is named; name one or several of Lead, Bass"),
        ("infill song.mid --track Bass --bars 3-9", "there is no bar 9; the piece has bars 1 to 4"),
        ("infill song.mid --track Bass --bars x", "'x' names no bars"),
        ("infill song.mid --add-track Bass", "'Bass' is no track to add"),
        ("infill nothing.mid --track Bass", "nothing.mid: there is no such file"),
        ("infill song.mid --track Bass -o song.mid", "this is the source itself"),
        ("infill song.mid --track Bass -o x.txt", ".txt files cannot be written"),
        ("continue song.mid --from 7", "the piece has bars 1 to 4, choose 2 to 5"),
        ("generate --bars 0", "0 bars; 1 to"),
        ("generate --programs 200", "'200' is no program"),
        ("generate --tempo 9", "a tempo of 9 quarters a minute; 10 to 400"),
        ("generate --meter 5/32", "the meter 5/32 is none that event models know"),
        ("generate --meter five", "'five' is no meter"),
        ("generate --chords Hm", "Hm is no chord"),
        ("generate --chords V", "Roman numerals need a key"),
        ("generate --chords C --chord-mode firm", "choices: strict, loose"),
        ("generate --temperature 11", "temperature 11.0"),
        ("generate --top-p 0", "top_p 0"),
        ("generate --model nobody", "no model named 'nobody'"),
        ("generate --model flagship", "flagship is no model of events; use it with `musicgen compose`"),
        ("compose --model wild", "wild writes any MIDI, not chorales; use it with `musicgen generate --model wild`"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(here, refused, command, problem):
    words = command.split()
    model = [] if "--model" in words else ["--model", "wild"]
    output = [] if "-o" in words else ["-o", "out.mid"]
    assert problem in refused(*words, *model, *output)


def test_one_id_after_the_other_is_drawn_the_fast_way(wild, wild_folder):
    found = load_generator(str(wild_folder))
    assert isinstance(found.model, Decoder)
    assert found.generate(2, programs="0", seeds=[1])[0].midi == wild.generate(2, programs="0", seeds=[1])[0].midi


def test_models_lists_it(here, good):
    (here / "checkpoints").unlink()
    (here / "checkpoints").mkdir()
    (here / "checkpoints" / "mine").symlink_to(here / "wild")
    line = next(line for line in good("models").splitlines() if line.startswith("mine "))
    assert "Transformer over events" in line
    assert "generate, continue, infill" in line
    assert "--from" in good("continue", "--model", "mine", "--help")


def test_drift_of_pieces_that_a_model_writes(here, good):
    """Beside a corpus, here of one piece."""
    from musicgen.corpus.shards import NewPiece, write_events
    from musicgen.tokenizers.events import EventTokenizer

    tokenizer = EventTokenizer.load("wild")
    ids = tokenizer.encode(symusic.Score("song.mid")).ids
    write_events("songs", "this test", tokenizer, [NewPiece("song", "valid", ids)], folder=here)
    asked = ["--minutes", "1", "--count", "1", "--programs", "0", "--corpus", str(here / "songs")]
    found = json.loads(good("evaluate", "drift", "wild", *asked, "--json"))
    assert found["target"]["pieces"] == found["corpus"]["pieces"] == [1]
    assert found["corpus"]["minutes"][0]["density"] == pytest.approx(24 / 11.95, abs=0.02)  # 80 quarters a minute
