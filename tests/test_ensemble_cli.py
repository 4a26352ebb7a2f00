"""From a folder of duets to a model of one's own, and what it writes."""

import json

import pytest

from musicgen.files.io import read_score, write_score
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.music.instruments import BASS, TREBLE

SETTINGS = "training.updates=1 training.batch=1 training.window=16 model.width=8 model.heads=1 model.inner=8 model.embedding=4"
LAYERS = "model.condition_embedding=2 model.encoder_layers=1 model.decoder_layers=1"


@pytest.fixture
def duets(at_work):
    folder = at_work / "duets"
    folder.mkdir()
    for number, last in enumerate(("E5", "G5", "C5")):
        upper = f"C5 - - - D5 - E5 - F5 - - - {last} - - -"
        chorale = Chorale.parse(f"2/4, A major\n1 {upper}\n2 C3 - - - . - - - A2 - B2 - C3 - - -")
        write_score(to_score(chorale, ("Flute", "Cello"), 0), folder / f"{number}.musicxml")
    return folder


def test_gather_train_compose_harmonize_fill(duets, good, refused):
    told = json.loads(good("corpus", "gather", duets, "mine", "--folder", "own", "--json"))
    assert (told["voices"], sum(told["splits"].values())) == (["Flute", "Cello"], 3)
    settings = [word for setting in f"{SETTINGS} {LAYERS}".split() for word in ("--set", setting)]
    good("train", "flagship", "--corpus", "own/mine", "--run", "runs/mine", "-o", "mine", *settings)
    good("compose", "--model", "mine", "--bars", "1", "--seed", "1", "-o", "c.musicxml", "-o", "c.svg", "--report", "r.json")
    composed = read_score("c.musicxml")
    assert (str(composed.meters[0].meter), str(composed.key)) == ("2/4", "A major")
    parts = composed.parts
    assert [(part.name, part.clef) for part in parts] == [("Flute", TREBLE), ("Cello", BASS)]
    good("compose", "--model", "mine", "--bars", "1", "--seed", "1", "-o", "c.mid")
    assert [(part.name, part.program) for part in read_score("c.mid").parts] == [("Flute", 73), ("Cello", 42)]
    source = read_score(duets / "0.musicxml")
    good("harmonize", duets / "0.musicxml", "--model", "mine", "--keep", "Cello", "--seed", "1", "-o", "h.musicxml")
    assert read_score("h.musicxml").parts[1].notes == source.parts[1].notes
    good("fill", duets / "0.musicxml", "--model", "mine", "--voices", "1", "--from", "2:1", "--seed", "1", "-o", "f.musicxml")
    filled = read_score("f.musicxml")
    assert filled.parts[1].notes == source.parts[1].notes
    assert filled.parts[0].notes[0] == source.parts[0].notes[0]
    for task in ("vary", "continue", "precede"):
        good(task, duets / "0.musicxml", "--model", "mine", "--seed", "1", "-o", f"{task}.mid")
    assert "--choir is for four-voice chorales, mine writes for 1 Flute, 2 Cello" in refused(
        "compose", "--model", "mine", "--choir", "SSAA", "-o", "x.mid"
    )
    assert "four voices are needed" in refused("fill", duets / "0.musicxml", "--bars", "1", "-o", "x.mid")
    assert "2 voices: 1 Flute, 2 Cello" in good("corpus", "show", "own/mine")
