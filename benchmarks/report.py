"""What the benchmarks share: the facts of the machine, children run one at a time on few threads, and printing. Standard library only.

The measuring process stays this small on purpose: a child's peak memory begins at its parent's.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
OWN, PEER = HERE / "own_worker.py", HERE / "peer_worker.py"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Child:
    """A finished child: what it printed last as JSON, wall seconds from start to exit, peak memory in MiB."""

    result: dict[str, Any]
    seconds: float
    peak_mib: float


def run_child(command: Sequence[str | Path], threads: int) -> Child:
    """Runs a command on so many threads; its failure ends the benchmark with its own words."""
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{errors.read()[-2000:]}")
        lines = out.read().strip().splitlines()
    result = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    kib = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Child(result, seconds, kib / 1024)


def parser(description: str) -> argparse.ArgumentParser:
    """The options of every benchmark."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return options


def circumstances(seed: int, threads: int) -> dict[str, Any]:
    """When, where and with what a figure was measured."""
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "commit": _commit(),
        "seed": seed,
        "threads": threads,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in ("musicgen", "torch", "numpy", "music21")},
    }


def print_report(figures: dict[str, Any], lines: Sequence[str], as_json: bool) -> None:
    """`figures` as JSON, or the circumstances and then `lines`."""
    if as_json:
        print(json.dumps(figures, indent=1))
        return
    facts = figures["circumstances"]
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    print(f"{facts['date']}  commit {facts['commit']}  seed {facts['seed']}")
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['threads']} threads used, load before {facts['load']}")
    print(f"Python {facts['python']}, {versions}\n")
    print("\n".join(lines))


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def middle(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of every figure over the rounds."""
    return {name: median(row[name] for row in rows) for name in rows[0]}


def spread(values: Sequence[float]) -> str:
    return f"{min(values):.2f}-{max(values):.2f}"


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(HERE), *words], capture_output=True, text=True, check=False).stdout.strip()

    changes = "+changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changes


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        names = [line.partition(":")[2].strip() for line in information.read_text().splitlines() if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
