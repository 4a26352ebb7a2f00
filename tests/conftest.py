"""What tests of several folders share. With this file here, `pieces` can be imported from any of them."""

import os

# Before torch is imported: on shared cores two threads wait for each other, and the tests take six times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from musicgen.corpus.build import build_corpus


@pytest.fixture(scope="session")
def bach_report(tmp_path_factory):
    """The report of building the corpus from the installed music21, once for all tests, in a few seconds."""
    return build_corpus(folder=tmp_path_factory.mktemp("corpora"))


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
