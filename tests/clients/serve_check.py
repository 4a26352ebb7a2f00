"""`musicgen serve` under schemathesis, for minutes: python tests/clients/serve_check.py --schemathesis PEER/bin/st --model markov

Not part of the test run. schemathesis lives in an environment of its own: pip install schemathesis. What it sends is random, and made a
little more like music by `serve_hooks`: a refusal (422) is no failure; an undocumented answer, a server error or a dead server is one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

# What fits the schema may still be no music, and what is music may take too long.
SETTINGS = """hooks = "{hooks}"
[checks]
not_a_server_error.expected-statuses = ["2XX", "3XX", "4XX", "503", "504"]
positive_data_acceptance.expected-statuses = ["2XX", "422", "503", "504"]
"""


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
        with TemporaryDirectory() as folder:  # schemathesis reads its settings there and leaves things behind
            (Path(folder) / "schemathesis.toml").write_text(SETTINGS.format(hooks=Path(__file__).with_name("serve_hooks.py")))
            run = [str(Path(asked.schemathesis).resolve()), "run", f"{address}/openapi.json", *_how(asked)]
            code = subprocess.run(run, check=False, cwd=folder).returncode
            answers = Counter((Path(folder) / "statuses").read_text().splitlines())
        print("\n".join(f"{answer}: {count}" for answer, count in sorted(answers.items())))
        print(f"schemathesis ended with {code} after {time.monotonic() - began:.0f} s; the server {_alive(address)}")
        return code
    finally:
        server.terminate()
        server.wait(20)


def _how(asked: argparse.Namespace) -> list[str]:
    numbers = {
        "max-examples": asked.examples,
        "seed": asked.seed,
        "request-timeout": asked.seconds + 60,
        "max-response-time": asked.seconds + 60,
    }
    said = [word for name, number in numbers.items() for word in (f"--{name}", str(number))]
    return ["--checks", "all", "--continue-on-failure", "--phases", asked.phases, *said]


def _alive(address: str) -> str:
    body = json.dumps({"bars": 2, "seed": 1}).encode()
    request = urllib.request.Request(f"{address}/compose", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=200) as answer:
        return f"still composes ({answer.status})"


if __name__ == "__main__":
    sys.exit(main())
