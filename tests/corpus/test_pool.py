"""Work in several processes, one of which dies. This file imports little, since every process reads it."""

import os
import subprocess
import sys
import time
from pathlib import Path

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


class Sleeping:
    """Says who works, and works for long."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, chunk):
        (self.folder / str(os.getpid())).write_text("working")
        time.sleep(60)

    def died(self, item):
        raise AssertionError(item)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_leave_with_a_parent_that_is_killed(tmp_path):
    program = (
        f"import pathlib, test_pool; list(test_pool.run_in_pool(test_pool.Sleeping(pathlib.Path({str(tmp_path)!r})), [(1,), (2,)], 2))"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parent, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    parent.kill()
    parent.wait()
    while any(map(is_alive, workers)) and time.monotonic() < until:
        time.sleep(0.1)
    assert len(workers) == 2
    assert not any(map(is_alive, workers))
