"""What the notebooks of the course share: a place to work in, sizes, and pictures small enough to be kept with them."""

from __future__ import annotations

import atexit
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded: on shared cores more threads are slower

import numpy as np
from IPython import get_ipython
from IPython.display import SVG, Markdown

from musicgen import Chorale, Corpus, build_corpus, load_corpus, to_score
from musicgen.cli import main
from musicgen.errors import CorpusError
from musicgen.music.chorale import REST
from musicgen.rendering.engraving import svg_of_bars

Size = TypeVar("Size")

IS_TINY = os.environ.get("MUSICGEN_COURSE") == "tiny"
ROOT = Path(__file__).resolve().parents[1]
if not Path("corpora").exists():
    os.chdir(ROOT)  # a notebook starts in its own folder; corpora/ and checkpoints/ lie beside it

FOLDER = Path(tempfile.mkdtemp(prefix="musicgen-course-"))  # for what is trained and composed on the way; gone when the notebook ends
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

COLORS = ("#c1440e", "#2a6f97", "#6a994e", "#5f4b8b")  # soprano, alto, tenor, bass


def size(full: Size, tiny: Size) -> Size:
    """How much to do: `full` for a reader, `tiny` where only it is checked that all runs."""
    return tiny if IS_TINY else full


def corpus() -> Corpus:
    """Bach's chorales; made from the installed music21 when asked for the first time, in some seconds."""
    try:
        return load_corpus("bach-chorales")
    except CorpusError:
        return build_corpus().corpus


def chorales(split: str, most: int | None = None) -> list[Chorale]:
    """The pieces of a split, as far as they may be learned from or measured on: no near copies of another split's."""
    return [piece.chorale for piece in corpus().pieces(split, near_copies=False)][:most]


def show(chorale: Chorale, bars: int = 99, width: int = 1800) -> Any:
    """The first bars as a score on two staves."""
    score = to_score(chorale, names=list("SATB"))
    last = min(bars, len(chorale.bar_starts())) - 1
    svg = svg_of_bars(replace(score, tempos=(), title=""), 0, last, width, "two-staff")
    return SVG(small(svg))


def small(svg: str) -> str:
    """The same picture in fewer bytes: no white space, no names that nothing refers to."""
    used = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"#([\w-]+) path", svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", svg)
    return re.sub(r">\s+<", "><", svg)


def roll(axes: Any, chorale: Chorale, steps: int | None = None) -> None:
    """Draws the notes of a chorale: a bar for each, from its onset to its end, a color for each voice."""
    for voice in range(chorale.voices):
        notes = [note for note in chorale.notes(voice) if note.pitch != REST and (steps is None or note.start < steps)]
        spans = [note.end - note.start - 0.25 for note in notes]
        axes.barh([note.pitch for note in notes], spans, left=[note.start for note in notes], height=0.8, color=COLORS[voice])
    axes.set(xlabel="step (a sixteenth)", ylabel="pitch (MIDI number)")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Any:
    """Rows as a table; numbers with three digits behind the point."""

    def cell(value: object) -> str:
        return f"{value:.3f}" if isinstance(value, float | np.floating) else str(value)

    lines = [head, ["---"] * len(head), *([cell(value) for value in row] for row in rows)]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def musicgen(arguments: str) -> None:
    """The command line, `musicgen ARGUMENTS`, with its output in the notebook; `{folder}` is a folder to write to."""
    said = StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = main(shlex.split(arguments.replace("{folder}", str(FOLDER))))
    print(said.getvalue().replace(str(FOLDER), "FOLDER").strip())
    if code:
        raise RuntimeError(f"musicgen {arguments} ended with {code}")


def keep(name: str, text: str) -> None:
    """`%%keep my_model.py` writes the rest of its cell to a file in FOLDER."""
    (FOLDER / name.strip()).write_text(text, encoding="utf-8")


if (shell := get_ipython()) is not None:
    shell.register_magic_function(keep, "cell")
