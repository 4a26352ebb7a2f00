"""What tests of several folders share. With this file here, `pieces` can be imported from any of them."""

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
