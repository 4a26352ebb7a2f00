"""The notebooks of the course run from top to bottom, made small, and are kept with their outputs."""

import re
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.utils import run_sync
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
COURSE = ROOT / "course"
NOTEBOOKS = sorted(COURSE.glob("*.ipynb"))
MOST_BYTES = 400_000

sys.path.append(str(COURSE))


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_there_are_five():
    assert [path.stem for path in NOTEBOOKS] == ["1_data", "2_preprocessing", "3_training", "4_testing", "5_your_own_model"]


@pytest.fixture(scope="module")
def kernel():
    """One for all notebooks, as the imports take longer than all that they do."""
    manager = AsyncKernelManager(kernel_name="python3")
    yield manager
    if manager.has_kernel:
        run_sync(manager.shutdown_kernel)(now=True)


def forget_all(kernel, where):
    """What a new kernel would not know: names, the course's tools with their folder, the numbers of cells; it goes on in `where`."""
    lines = ("import os, sys", f"os.chdir({str(where)!r})", "sys.modules.pop('tools', None)")
    again = ("get_ipython().reset()", "get_ipython().execution_count = 0")
    cell = nbformat.v4.new_code_cell("\n".join([*lines, *again]))
    client = NotebookClient(nbformat.v4.new_notebook(cells=[cell]), kernel)
    client.execute()
    client.kc.stop_channels()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom(path, kernel, at_work, monkeypatch):
    from run import run  # the course's own

    monkeypatch.setenv("MUSICGEN_COURSE", "tiny")
    before = {file.name for file in at_work.iterdir()}
    if kernel.has_kernel:
        forget_all(kernel, at_work)
    notebook = run(path, at_work, kernel)
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == list(range(1, len(code_cells(path)) + 1))
    assert {file.name for file in at_work.iterdir()} == before, "it leaves files behind"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_with_its_outputs(path):
    assert path.stat().st_size < MOST_BYTES
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "python course/run.py runs it and keeps its outputs"
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert any("image/svg+xml" in output.get("data", {}) or "image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_says_what_is_learned_and_has_exercises_with_answers(path):
    notebook = nbformat.read(path, as_version=4)
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "You will learn" in prose.split("\n## ")[0]
    exercises, answers = prose.split("\n## Exercises")[1].split("\n## Answers")
    asked = re.findall(r"(?m)^(\d)\. ", exercises)
    assert len(asked) >= 3
    assert re.findall(r"\*\*(\d)\.\*\*", answers) == asked


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_names_no_machine(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"/home/|/Users/|/root/|/work/|/tmp/", text)
