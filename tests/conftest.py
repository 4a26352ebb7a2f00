"""What tests of several folders share. With this file here, `pieces` can be imported from any of them."""

import os
import pickle
from dataclasses import replace

# Before torch is imported: on shared cores two threads wait for each other, and the tests take six times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from filelock import FileLock

from musicgen.cli import main
from musicgen.corpus.build import build_corpus


@pytest.fixture(scope="session")
def of_all_workers(tmp_path_factory):
    """A folder of this run of the tests, the same one in all workers of xdist."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def bach_report(of_all_workers):
    """The report of building the corpus from the installed music21, once for all workers, in a few seconds."""
    kept = of_all_workers / "bach-report.pickle"
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            kept.write_bytes(pickle.dumps(build_corpus(folder=of_all_workers / "corpora")))
    report = pickle.loads(kept.read_bytes())
    pieces = [replace(piece, chorale=piece.chorale.replaced()) for piece in report.corpus.all_pieces]  # read-only again
    return replace(report, corpus=replace(report.corpus, all_pieces=tuple(pieces)))


@pytest.fixture(scope="session")
def bach_corpus(bach_report):
    return bach_report.corpus


@pytest.fixture(scope="session")
def bach_pieces(bach_corpus):
    """All distinct chorales."""
    return list(bach_corpus.all_pieces)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory, bach_pieces):
    """A folder with a small corpus, a tiny checkpoint and tunes, to read from."""
    from workshop import make_workshop  # only the command line's tests need torch for their fixtures

    return make_workshop(tmp_path_factory.mktemp("workshop"), bach_pieces)


@pytest.fixture
def at_work(workshop, tmp_path, monkeypatch):
    """A fresh current folder that sees the workshop's things."""
    for thing in workshop.iterdir():
        (tmp_path / thing.name).symlink_to(thing)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(at_work, capsys):
    """`run("compose", ...) -> (exit code, stdout, stderr)` in a fresh folder."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def good(run):
    """As `run`, for what must succeed; returns stdout."""

    def call(*arguments: str) -> str:
        code, out, err = run(*arguments)
        assert code == 0, err
        assert "Traceback" not in err
        return out

    return call


@pytest.fixture
def refused(run, at_work):
    """As `run`, for what must be refused with one line and without a new file; returns the line."""

    def call(*arguments: str) -> str:
        before = set(at_work.rglob("*"))
        code, out, err = run(*arguments)
        assert code == 2, err
        assert out == ""
        *remarks, line = err.splitlines()
        assert line.startswith("musicgen: error: ")
        assert not any(other.startswith("musicgen:") for other in remarks)
        assert "Traceback" not in err
        assert set(at_work.rglob("*")) <= before | {at_work / "out"}
        return line

    return call
