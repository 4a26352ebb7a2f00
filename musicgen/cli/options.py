"""Options that several commands share."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from musicgen.corpus.store import Corpus


class Layout(StrEnum):
    """How four voices are written."""

    OPEN = "open"
    TWO_STAFF = "two-staff"


class Lyrics(StrEnum):
    """Whose words are written."""

    TUNE = "tune"
    ALL = "all"
    NONE = "none"


class Paper(StrEnum):
    """What a page is as large as."""

    A4 = "a4"
    LETTER = "letter"


QUANTIZE = "Move notes that were played live to the grid."
QuantizeOption = Annotated[bool, typer.Option("--quantize", help=QUANTIZE)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
LayoutOption = Annotated[Layout, typer.Option(help="A staff for each voice, or two staves.")]
PaperOption = Annotated[Paper, typer.Option(help="The size of a page of .pdf, .svg and .png.")]
ClefsOption = Annotated[
    str | None, typer.Option(help="c: soprano, alto, tenor and bass clefs, as in Bach's scores; or by voices: 'S=C1 A=C3 T=C4 B=F4'.")
]
FiguresOption = Annotated[bool, typer.Option("--figures", help="Write the figures of a continuo under the bass.")]
LyricsOption = Annotated[
    Lyrics, typer.Option(help="Words of the tune: under its own voice, under all voices, or none. MIDI has the first verse.")
]
OutputOption = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", help="A file to write: .mid, .musicxml, .pdf, .svg, .png, .mp3, ... Give it several times for several."),
]
CorpusOption = Annotated[str, typer.Option(help="A corpus by its name under corpora/, by its folder, or a JSON file of step matrices.")]
SplitOption = Annotated[str, typer.Option(help="The pieces to measure: train, valid or test.")]
ModelArgument = Annotated[str, typer.Argument(help="A composer of `musicgen models`, or the folder of a checkpoint.")]

STOPPED = 130  # the exit code of what Ctrl-C has ended
DEFAULT_CORPUS = "bach-chorales"
DEFAULT_MODEL = "flagship"  # as in composers.loading, which is not imported before it is needed
DEFAULT_FOLDER = Path("out")
DEFAULT_SUFFIXES = (".mid", ".musicxml", ".svg")


def default_outputs(stem: str) -> list[Path]:
    """The files of a command without -o; their folder is made."""
    DEFAULT_FOLDER.mkdir(exist_ok=True)
    return [DEFAULT_FOLDER / f"{stem}{suffix}" for suffix in DEFAULT_SUFFIXES]


def corpus_if_there(name: str, without: str) -> Corpus | None:
    """The corpus to measure beside; the usual one may be missing, and then a remark says what there is, or is not, `without` it."""
    from musicgen.cli import screen
    from musicgen.corpus.matrices import load_any_corpus
    from musicgen.errors import CorpusError

    try:
        return load_any_corpus(name)
    except CorpusError as error:
        if name != DEFAULT_CORPUS:
            raise
        screen.remark(f"{without}: {error}")
        return None


def use_one_thread() -> None:
    """Call it before torch is loaded. The steps of sampling are small: a second thread gains nothing on an idle machine, and on a busy
    one (two cores, a training run beside) it waited so long for the first that 16 bars took 108 s instead of 6 s."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
