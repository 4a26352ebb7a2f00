"""The picture in the README, the layers and the promises about imports, checked against the code."""

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from workshop import ABC, KRN, plain_tune

import musicgen
from musicgen.cli import main
from musicgen.composers.loading import NO_COMPOSERS
from musicgen.composers.methods import LEARNED
from musicgen.files import write_score
from musicgen.models.checkpoint import load_model, read_checkpoint
from musicgen.models.folders import EVENT_KINDS, kind_of
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "musicgen"
HEAVY = ("torch", "music21", "mido", "miditok", "symusic", "verovio", "numpy")
TRAINING_NEEDS_NO = ("music21", "mido", "pretty_midi", "miditok", "symusic", "typer", "rich", "verovio")


def test_imports_point_down_only():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_public_names_are_sorted_and_each_is_there():
    assert musicgen.__all__ == sorted(musicgen.__all__)
    assert set(musicgen.__all__) == set(musicgen._HOMES)
    for name, home in musicgen._HOMES.items():
        assert getattr(musicgen, name) is getattr(importlib.import_module(home), name)


def python(code: str, folder: Path = ROOT, **environment: str) -> str:
    """Runs code in a fresh interpreter and returns what it printed."""
    known = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=known, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["musicgen", "musicgen.cli", "musicgen.files", "musicgen.errors"])
def test_nothing_heavy_is_imported_before_it_is_used(module):
    assert python(f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])").strip() == "[]"


def test_help_imports_nothing_heavy():
    code = f"import sys; from musicgen.cli import main; main(['compose', '--help']); print([n for n in {HEAVY} if n in sys.modules])"
    assert python(code).splitlines()[-1] == "[]"


def test_training_from_a_built_corpus_needs_torch_numpy_and_safetensors_alone(at_work):
    code = f"""
import sys
for name in {TRAINING_NEEDS_NO}:
    sys.modules[name] = None  # importing it now fails
from pathlib import Path
from musicgen.corpus.store import load_corpus
from musicgen.training.presets import train_preset
small = ["model.width=8", "model.embedding=4", "model.layers=1", "training.batch=2", "training.window=16", "training.updates=2"]
print(train_preset("deepbach", load_corpus(), Path("run"), Path("made"), small).finished)
"""
    assert python(code, at_work, OMP_NUM_THREADS="1").strip() == "True"


# --- the README


def readme(section: str = "") -> str:
    """The README, or its section of that name."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    if not section:
        return text
    return re.split(r"(?m)^## ", text.split(f"\n## {section}\n", 1)[1])[0]


def readme_blocks(text: str = "") -> list[list[str]]:
    """Lines of every code block, fenced or indented by four."""
    blocks, current, fenced = [], [], False
    for line in (text or readme()).splitlines():
        fence = line.lstrip().startswith("```")
        fenced = fenced != fence
        if fenced and not fence:
            current.append(line)
        elif not fenced and line.startswith("    "):
            current.append(line[4:])
        elif not fenced and current and (fence or line.strip()):
            blocks.append(current)
            current = []
    return [*blocks, current] if current else blocks


def readme_tree() -> list[str]:
    """Paths named in the block that draws musicgen/'s files; a line's first word, under the folders it is indented by."""
    for block in readme_blocks():
        if any(re.match(r"\s*musicgen/(\s|$)", line) for line in block):
            return list(paths_of(block))
    pytest.fail("the README draws no file tree with a line musicgen/")


def paths_of(block):
    """`  cli/   the command line` under `musicgen/` is musicgen/cli/; several names on a line are siblings."""
    parents: list[tuple[int, str]] = []
    for line in block:
        names = re.split(r"\s{2,}", line.strip())[0].split()
        indent = len(line) - len(line.lstrip())
        while parents and parents[-1][0] >= indent:
            parents.pop()
        above = "".join(name for _, name in parents)
        for name in names:
            if name.endswith("/") or "." in name:
                yield above + name
        if len(names) == 1 and names[0].endswith("/"):
            parents.append((indent, names[0]))


def test_the_tree_is_read_as_it_is_drawn():
    block = [
        "README.md  pyproject",
        "musicgen/",
        "  errors.py     what goes wrong",
        "  cli/    commands",
        "    app.py   the program",
        "tests/   mirrors",
    ]
    assert list(paths_of(block)) == [
        "README.md",
        "musicgen/",
        "musicgen/errors.py",
        "musicgen/cli/",
        "musicgen/cli/app.py",
        "tests/",
    ]


def test_the_readme_draws_what_is_there():
    """Placeholders like corpora/<name>/ and what .gitignore keeps out are not looked for."""
    named = [path for path in readme_tree() if "<" not in path and not path.startswith(("corpora/", "out/", "runs/", ".venv/"))]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_readme_draws_every_folder_of_the_package():
    folders = {f"musicgen/{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert folders - set(readme_tree()) == set()


def test_the_readme_draws_every_file_of_the_package():
    tree = " ".join(" ".join(block) for block in readme_blocks() if any(line.strip().startswith("musicgen/") for line in block))
    names = {path.name for path in PACKAGE.rglob("*.py") if not path.name.startswith("__")}
    assert sorted(name for name in names if not re.search(r"(^|\s|\()" + re.escape(name), tree)) == []


def test_every_picture_and_link_of_the_readme_is_there():
    links = re.findall(r"\]\(([^)#:]+)\)", readme())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("folder", sorted((ROOT / "checkpoints").glob("*/")), ids=lambda folder: folder.name)
def test_every_shipped_checkpoint_is_whole_and_plays(folder):
    assert {file.name for file in folder.iterdir()} >= {"config.json", "model.safetensors", "MODEL_CARD.md", "metrics.json"}
    assert (folder / "model.safetensors").stat().st_size <= 20_000_000
    if kind_of(folder) in EVENT_KINDS:
        written = musicgen.load_generator(str(folder)).generate(2, programs="0", seeds=[1])[0].score
        assert sum(len(part.notes) for part in written.parts) > 2
        return
    if kind_of(folder) in NO_COMPOSERS:
        assert not load_model(folder, read_checkpoint(folder)).training
        return
    sketch = musicgen.plan_sketch(musicgen.Plan(bars=1, pickup_quarters=0), 1)
    filled = musicgen.load_composer(str(folder)).fill(sketch, 1)
    assert (filled.pitch > 0).all()


def readme_commands(text: str = "") -> list[str]:
    """Every `musicgen ...` shown in a code block, without its prompt and comment; a backslash joins lines."""
    lines = [line for block in readme_blocks(text) for line in "\n".join(block).replace("\\\n", " ").splitlines()]
    commands = (re.sub(r"^\s*(\$ )?(\.venv/bin/)?|\s+#.*$", "", line) for line in lines)
    return [command for command in commands if re.match(r"musicgen [a-z]", command) and "..." not in command]


# Sixty pieces are composed, networks are trained, thousands of tunes read, minutes of music written; or it goes on until it is stopped:
# other tests have these, made small.
SLOW = (
    "musicgen compose --seed 2 -o a.mid",
    "musicgen practice",
    "musicgen live",
    "musicgen serve",
    "musicgen compare",
    "musicgen evaluate discriminator",
    "musicgen evaluate drift",
    "musicgen evaluate likelihood folk",
    "musicgen corpus build bach",
    "musicgen corpus build essen",
    "musicgen train tiny",
)


def test_the_readme_shows_commands():
    assert {command.split()[1] for command in readme_commands()} >= {"compose", "harmonize", "fill", "train", "corpus"}


@pytest.mark.parametrize("command", [c for c in readme_commands(readme().replace(readme("Recipes"), "")) if not c.startswith(SLOW)])
def test_a_command_of_the_readme_runs(command, at_work):
    """On a tiny checkpoint and a small corpus; four bars, the last number said; training for two updates of a tiny network."""
    words = shlex.split(command)[1:]
    words += ["--bars", "4"] if words[0] == "compose" else []
    for word in words:
        make_place_for(Path(word, "choir.musicxml") if word.endswith("/") else Path(word))
    if words[0] == "train" and words[1] in LEARNED:
        words += ["-o", "made"]
    elif words[0] == "train":
        layers = ("model.layers=1",) if words[1] == "deepbach" else ("model.encoder_layers=1", "model.decoder_layers=1", "model.inner=8")
        small = ("model.width=8", "model.embedding=4", *layers, "training.batch=2", "training.window=16", "training.updates=2")
        words += [f"--set={setting}" for setting in small] + ["-o", "made"]
    if words[:2] in (["corpus", "build"], ["corpus", "gather"]):
        words += ["--folder", "made"]
    assert main(words) == 0


CHOIR_BAR = """
    S  E5 -  -  -  D5 -  -  -  C5 -  -  -  -  -  -  -
    A  G4 -  -  -  G4 -  F4 -  E4 -  -  -  -  -  -  -
    T  C4 -  -  -  B3 -  -  -  G3 -  -  -  -  -  -  -
    B  C3 -  -  -  G3 -  -  -  C3 -  -  -  -  -  -  -
"""


def choir(bars: int) -> Chorale:
    bar = Chorale.parse(CHOIR_BAR)
    return Chorale(np.tile(bar.pitch, bars), np.tile(bar.onset, bars), np.tile(bar.fermata, bars))


def make_place_for(path: Path) -> None:
    """The folder of an output, and a tune, or a choir of that name, where the README names an input: outputs are written over it."""
    if path.is_absolute() or not path.suffix or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".abc", ".krn"):
        path.write_text(ABC if path.suffix == ".abc" else KRN)
    elif path.suffix == ".json":
        path.write_text(json.dumps({"valid": [choir(bars=2).pitch.T.tolist()]}))
    elif path.suffix in (".mid", ".musicxml"):
        write_score(to_score(choir(bars=8)) if path.stem in ("choir", "band") else plain_tune(), path)
