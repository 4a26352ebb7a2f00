"""Runs the notebooks of the course from top to bottom and keeps their outputs: `python course/run.py`, or some of them, `run.py 3 5`.

`--check` keeps nothing; MUSICGEN_COURSE=tiny makes everything small, to see only that all runs.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
MINUTES = 20  # for one cell: a busy machine is slow


def run(path: Path, where: Path = FOLDER, kernel: KernelManager | None = None) -> nbformat.NotebookNode:
    """The notebook with the outputs that it has now; its kernel starts in the folder `where`. A `kernel` is used as it is, and stays."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(FOLDER), str(FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(where)}}
    client = NotebookClient(notebook, kernel, timeout=60 * MINUTES, kernel_name="python3", resources=resources)
    client.extra_arguments = ["--log-level=ERROR"]  # the kernel's remarks on its own wires
    client.execute()
    if kernel is not None:
        client.kc.stop_channels()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day: another diff every time
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return notebook


def main(arguments: list[str]) -> None:
    wanted = [argument for argument in arguments if not argument.startswith("-")]
    for path in sorted(FOLDER.glob("*.ipynb")):
        if wanted and not path.name.startswith(tuple(wanted)):
            continue
        began = time.monotonic()
        notebook = run(path)
        print(f"{path.name}: {time.monotonic() - began:.0f} s")
        if "--check" not in arguments:
            nbformat.write(notebook, path)


if __name__ == "__main__":
    main(sys.argv[1:])
