"""What schemathesis does with its random requests to `musicgen serve`, so that some of them are music; see `serve_check`.

It runs in schemathesis's environment, knows nothing of musicgen, and stands in the folder that schemathesis is run in.
"""

from __future__ import annotations

import random
from pathlib import Path

import schemathesis

# What is text to the schema, as a musician would write it.
TEXTS = {
    "pin": ["S 1:1 G4", ["B 2:1 G2", "A 1:2 D4"]],
    "avoid": ["T >E4", "S 1-2 B4"],
    "only": ["A 1:2 G B D"],
    "rhythm": ["B 1-2 1/4", "A 1 1/8"],
    "chords": ["I V65 | vi ii6", "1:1 G, 1:3 D7/F#", "5 6 | 4-3"],
    "cadence": ["2:3=half", ["1:3=imperfect", "2:3=perfect"], "2:4=deceptive in G"],
    "local_key": ["1-2 D major", "2 E phrygian"],
    "phrases": ["1+1", "2+2", "2"],
    "choir": ["TTBB", "SAB", "strings", "saxophones", "beginners"],
    "key": ["G", "Bb minor", "E phrygian", "C#"],
    "meter": ["3/4", "6/8", "3/2", "5/4"],
    "keep": ["S", "SB", "B"],
    "part": [1, "Tune"],
    "from": ["1:3", 2],
    "to": ["2:3", "2:1"],
    "voices": ["ATB", "B", "SA"],
    "pinned_color": ["red"],
    "free_color": ["#0000ff"],
}
MOST = 4  # fields a request, for of two that clash only one is looked at


@schemathesis.hook
def map_case(context, case):
    """Of what fits the schema: a score that is one, few fields, and texts of which most mean something."""
    if case.meta.generation.mode != "positive" or not isinstance(case.body, dict):
        return case
    chance = random.Random(repr(case.body))
    asked = [key for key in case.body if key not in ("score", "score_format")]
    body = {key: case.body[key] for key in chance.sample(asked, min(len(asked), MOST))}
    body |= {key: chance.choice(TEXTS[key]) for key in body if key in TEXTS and chance.random() < 0.8}
    example = context.operation.definition.raw["requestBody"]["content"]["application/json"]["example"]
    case.body = body | {key: example[key] for key in ("score", "score_format") if key in example}
    return case


@schemathesis.hook
def after_call(context, case, response):
    with Path("statuses").open("a") as file:
        file.write(f"{context.operation.label} {response.status_code}\n")
