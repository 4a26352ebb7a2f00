"""Work in several processes, one of which dies. This file imports little, since every process reads it."""

import os

from musicgen.corpus.pool import run_in_pool


class Deadly:
    """Dies of 5."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, chunk):
        if 5 in chunk:
            os._exit(1)
        for item in chunk:
            (self.folder / str(item)).write_text("done")

    def died(self, item):
        (self.folder / str(item)).write_text("died")


def test_a_file_that_ends_a_process_is_found_and_the_others_are_read(tmp_path):
    chunks = [tuple(range(first, first + 4)) for first in range(0, 12, 4)]
    assert sorted(run_in_pool(Deadly(tmp_path), chunks, 2)) == chunks
    assert {int(path.name) for path in tmp_path.iterdir() if path.read_text() == "died"} == {5}
    assert len(list(tmp_path.iterdir())) == 12
