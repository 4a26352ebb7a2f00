"""The README's recipes: each command is run, and what it asks is kept. `python tests/test_recipes.py` draws all pictures of music anew."""

import json
import os
import re
import shlex
import shutil
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from test_architecture import ROOT, choir, readme, readme_commands

from musicgen import Part, read_score, to_score, write_score
from musicgen.cli import main

SOURCE = ROOT / "tests" / "recipes" / "tune.abc"
MOST_BYTES = 150_000
MOST_OF_FOUR_STAVES = 250_000
POINTS = 9
SECTION = readme("Recipes")
RECIPES = re.split(r"(?m)^(?=\*\*\d )", SECTION)[1:]
PICTURE = re.compile(r"\[picture\]\((tests/recipes/[^)]+)\)")


# The first picture, and the very command that is said to make it.
FIRST = re.search(r"!\[[^]]*\]\((\S+\.svg)\)\n\n\*[^`\n]*`(musicgen [^`]+)`", (ROOT / "README.md").read_text())


def fenced(language: str) -> str:
    return re.search(rf"(?s)```{language}\n(.*?)```", SECTION)[1]


def with_red_bar(part: Part, bar: int) -> Part:
    """The second bar, of so many ticks."""
    notes = (replace(note, color="#ff0000") if bar <= note.start < 2 * bar else note for note in part.notes)
    return replace(part, notes=tuple(notes))


def lay_out(folder: Path) -> None:
    """What the recipes begin with: a tune, a choir, the same with its second bar red, the request that the README shows."""
    for name in (SOURCE.name, "choir.musicxml"):
        (folder / name).unlink(missing_ok=True)  # a link to the workshop's, which others read
    shutil.copy(SOURCE, folder)
    score = to_score(choir(bars=8))
    write_score(score, folder / "choir.musicxml")
    write_score(
        replace(score, parts=tuple(with_red_bar(part, 4 * score.ticks_per_quarter) for part in score.parts)), folder / "marked.musicxml"
    )
    (folder / "chorale.toml").write_text(fenced("toml"))


@pytest.fixture
def laid_out(at_work):
    """Beside the tiny checkpoints."""
    lay_out(at_work)
    return at_work


def test_each_of_the_nine_points_has_a_recipe_with_a_picture():
    assert [int(recipe[2]) for recipe in RECIPES] == list(range(1, POINTS + 1))
    for recipe in RECIPES:
        (picture,) = PICTURE.findall(recipe)
        assert 0 < (ROOT / picture).stat().st_size < MOST_BYTES
        assert re.sub(r"-001(?=\.svg)", "", Path(picture).name) in recipe.split("](", 1)[1].split(")", 1)[1]


def test_the_first_picture_is_of_the_command_under_it():
    """Four staves and no title, as that command draws; its notes are not compared, for another processor may round them to others."""
    picture, command = ROOT / FIRST[1], shlex.split(FIRST[2])
    assert command[command.index("-o") + 1] == picture.name
    page = picture.read_text()
    assert len(page) < MOST_OF_FOUR_STAVES
    assert [name for name in ("Soprano", "Alto", "Tenor", "Bass") if f">{name}<" in page] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert "Engraved by Verovio" in page


@pytest.mark.parametrize("command", readme_commands(SECTION))
def test_a_recipe_keeps_what_it_asks(command, laid_out):
    words = shlex.split(command.replace("--bars 16", "--bars 4"))[1:]  # of these only their number is asked
    assert main([*words, "--report", "report.json"]) == 0
    reports = [json.loads(path.read_text()) for path in laid_out.glob("report*.json")]
    assert reports
    assert [asked for report in reports for asked in report["asked"] if not asked["kept"]] == []
    for name in (Path(word) for option, word in pairwise(words) if option == "-o"):
        assert list(laid_out.glob(f"{name.stem}*{name.suffix}"))


def test_the_recipe_in_python_keeps_the_tune(laid_out):
    names: dict[str, object] = {}
    exec(fenced("python"), names)
    tune, made = (read_score(path).parts[0].notes for path in ("tune.abc", "asked.musicxml"))
    assert [note.pitch for note in made] == [note.pitch for note in tune]
    assert names["sketch"].keeps(names["chorale"])


def draw() -> None:
    """The first picture and that of each recipe, by the shipped weights; the recipes' on two staves, to be smaller."""
    with tempfile.TemporaryDirectory() as name:
        for thing in ("checkpoints", "corpora"):
            (Path(name) / thing).symlink_to(ROOT / thing)
        os.chdir(name)
        lay_out(Path())
        main(shlex.split(FIRST[2])[1:])
        shutil.copy(Path(FIRST[1]).name, ROOT / FIRST[1])
        for recipe in RECIPES:
            for command in readme_commands(recipe):
                main([*shlex.split(command)[1:], "--layout", "two-staff"])
            picture = ROOT / PICTURE.search(recipe)[1]
            shutil.copy(picture.name, picture)


if __name__ == "__main__":
    draw()
