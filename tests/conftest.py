"""What tests of several folders share. With this file here, `pieces` can be imported from any of them."""

import pytest

from musicgen.corpus.cleaning import drop_reason, make_piece
from musicgen.corpus.sources import bach_folder, read_source
from musicgen.corpus.splits import bach_entries


@pytest.fixture(scope="session")
def bach_pieces():
    """All distinct chorales of the installed music21, read from its files in a few seconds."""
    entries = [entry for entry in bach_entries() if not drop_reason(entry)]
    return [make_piece(entry, read_source(bach_folder() / entry.file, entry.parts)) for entry in entries]
