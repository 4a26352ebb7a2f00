"""What a trained tagger says of itself: metrics.json and MODEL_CARD.md, from its figures on held-out works."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musicgen.corpus.labelled import LabelledCorpus
from musicgen.evaluation.tagging import QuestionReport, Tagger, TaggerReport, measure_tagger
from musicgen.models.checkpoint import write_text

LIMITS = """
It knows these answers and no others: a fugue of Bach's or a waltz is given whichever of them is nearest, with a probability that says
nothing of that. What gives a piece away can be trivial. A folk tune has one voice and a madrigal five, so the figure among pieces of four
voices stands apart above. Key, register, tempo and instruments are hidden from it, and halved or doubled note values were practised, but
how editions bar and how encodings write ornaments are not hidden. 4/4 and 2/2 are one answer, 4/1 and 4/2 too. The modes of masses,
madrigals, Trecento and Chinese songs were not taught: what it answers there is which of major and minor is nearer. The movements of one
work are in one split, but intervals count pieces as if each stood alone; of string quartets there are few works.

The notes it learned from are not part of it: the licences of music21's encodings differ.
"""


def publish_tagger(folder: Path, corpus: LabelledCorpus, facts: Mapping[str, Any], command: str) -> dict[str, TaggerReport]:
    """Measures the tagger in `folder` on valid and test and writes both files. `facts`: how it was trained, `command`: with which."""
    tagger = Tagger.load(str(folder))
    reports = {split: measure_tagger(tagger, corpus, split) for split in ("valid", "test")}
    metrics = {**facts, **{split: report.to_dict() for split, report in reports.items()}}
    write_text(folder / "metrics.json", json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / "MODEL_CARD.md", _card(folder.name, tagger, corpus, reports["test"], facts, command))
    return reports


def _card(name: str, tagger: Tagger, corpus: LabelledCorpus, test: TaggerReport, facts: Mapping[str, Any], command: str) -> str:
    counts = corpus.counts()
    parameters = sum(weight.numel() for weight in tagger.net.parameters())
    rows = {**test.questions, "tradition, among four voices": test.four_voices}
    table = "\n".join(f"| {question} | {_cells(row)} |" for question, row in rows.items())
    return f"""# {name}

Says of a score what it is like: `musicgen tag FILE` names composer or tradition, mode, meter and number of voices, with probabilities.

| | |
|---|---|
| model | a fully convolutional network over piano rolls (after Choi, Fazekas and Sandler 2016), {parameters:,} parameters |
| learned from | {counts["train"]} pieces of {corpus.name} ({corpus.source}), early stopping on {counts["valid"]} of other works |
| corpus fingerprint | `{corpus.fingerprint}` |
| training | {facts["seconds"] / 60:.0f} minutes on {facts["machine"]} |
| versions | {", ".join(f"{package} {number}" for package, number in facts["versions"].items())} |

Right on the test split, {counts["test"]} pieces of {test.works} works that it has not seen:

| question | right, % (95 %) | pieces | most frequent answer, % | mean probability given, % |
|---|---|---|---|---|
{table}

Traditions, one by one:

{_confusion(test.questions["tradition"])}

Meters:

{_confusion(test.questions["meter"])}
{LIMITS}
Make it again, once `musicgen corpus build {corpus.name}` has been run:

    {command}
"""


def _cells(row: QuestionReport) -> str:
    low, high = row.interval
    figures = f"{100 * row.accuracy:.1f} ({100 * low:.1f} to {100 * high:.1f}) | {row.pieces}"
    return f"{figures} | {100 * row.most_frequent:.1f} | {100 * row.confidence:.1f}"


def _confusion(row: QuestionReport) -> str:
    """A line for each truth, a column for each answer."""
    answers = list(dict.fromkeys([*row.confusion, *(answer for given in row.confusion.values() for answer in given)]))
    head = " | ".join(["is, and is taken for", *answers, "right, %"])
    lines = [f"| {head} |", "|---" * (len(answers) + 2) + "|"]
    for truth, given in row.confusion.items():
        share = f"{100 * row.by_answer[truth]['accuracy']:.0f}"
        lines.append(f"| {' | '.join([truth, *(str(given.get(answer, 0) or '') for answer in answers), share])} |")
    return "\n".join(lines)
