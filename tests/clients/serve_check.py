"""`musicgen serve` under schemathesis, for minutes: python tests/clients/serve_check.py --schemathesis PEER/bin/st --model markov

Not part of the test run. schemathesis lives in an environment of its own: pip install schemathesis. What it sends is random, so that
most of it is no music: a refusal (422) is no failure; an undocumented answer, a server error or a dead server is one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

NOT_ASKED = "positive_data_acceptance"  # what fits the schema may still be no music


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--schemathesis", default=shutil.which("st"), help="the program st")
    options.add_argument("--model", default="dice")
    options.add_argument("--examples", type=int, default=100, help="for each address")
    options.add_argument("--phases", default="examples,coverage,fuzzing")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--seconds", type=float, default=20, help="after which the server ends a request")
    asked = options.parse_args()
    musicgen = [str(Path(sys.executable).with_name("musicgen")), "serve", "--model", asked.model]
    command = [*musicgen, "--port", "0", "--seconds", str(asked.seconds)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        began = time.monotonic()
        code = subprocess.run([asked.schemathesis, "run", f"{address}/openapi.json", *_how(asked)], check=False).returncode
        print(f"schemathesis ended with {code} after {time.monotonic() - began:.0f} s; the server {_alive(address)}")
        return code
    finally:
        server.terminate()
        server.wait(20)


def _how(asked: argparse.Namespace) -> list[str]:
    numbers = ["--phases", asked.phases, "--max-examples", str(asked.examples), "--seed", str(asked.seed), "--request-timeout", str(asked.seconds + 60)]
    return ["--checks", "all", "--exclude-checks", NOT_ASKED, "--continue-on-failure", *numbers]


def _alive(address: str) -> str:
    body = json.dumps({"bars": 2, "seed": 1}).encode()
    request = urllib.request.Request(f"{address}/compose", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=200) as answer:
        return f"still composes ({answer.status})"


if __name__ == "__main__":
    sys.exit(main())
