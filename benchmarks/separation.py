"""Voices told apart, by the network and by the rule: full and thin textures, moved music, and what each note was like that went astray."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from report import circumstances, parser, print_report, progress

from musicgen import load_corpus
from musicgen.evaluation.separation import measure_separation
from musicgen.files.atomic import atomic_write
from musicgen.separation.separator import METHODS, find_separator

TEXTURES = (("SATB", 0), ("SATB", 7), ("SATB", -12), ("SAB", 0), ("SAT", 0), ("SA", 0), ("TB", 0), ("SB", 0))
HEADER = "## Notes in their voice"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--split", default="valid")
    options.add_argument("--method", nargs="+", default=list(METHODS), help="network, rule, or folders of trained separators")
    options.add_argument("--write", type=Path, metavar="CHECKPOINT", help="also write the figures into its metrics.json and MODEL_CARD.md")
    chosen = options.parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    reports = measure(chosen)
    if chosen.write:
        write(chosen.write, chosen.split, reports, facts)
    print_report({"circumstances": facts, "split": chosen.split, "reports": reports}, table(chosen.split, reports), chosen.json)


def measure(chosen: Any) -> list[dict[str, Any]]:
    import torch

    torch.set_num_threads(chosen.threads)
    pieces = [piece.chorale for piece in load_corpus().pieces(chosen.split)]
    reports = []
    for method in chosen.method:
        separator = find_separator(method)
        for voices, semitones in TEXTURES:
            progress(f"{separator.name}, {voices} moved by {semitones}")
            report = measure_separation(separator, pieces, voices, semitones, chosen.seed)
            reports.append({"semitones": semitones, **report.to_dict()})
    return reports


def table(split: str, reports: list[dict[str, Any]]) -> list[str]:
    """A row a texture, as Markdown; then where notes of full textures went astray."""
    rows = [f"| {split} split | method | in their voice | 95 % | with the note before | 95 % |", "|---|---|---|---|---|---|"]
    for report in sorted(reports, key=lambda each: TEXTURES.index((each["voices"], each["semitones"]))):
        texture = report["voices"] + (f", moved by {report['semitones']}" if report["semitones"] else "")
        spans = [f"{report[name][0]:.2%} to {report[name][1]:.2%}" for name in ("interval", "links_interval")]
        rows.append(f"| {texture} | {report['method']} | {report['accuracy']:.2%} | {spans[0]} | {report['links']:.2%} | {spans[1]} |")
    return [*rows, "", *(where(report) for report in reports if (report["voices"], report["semitones"]) == TEXTURES[0])]


def where(report: dict[str, Any]) -> str:
    voices = ", ".join(f"{voice} {share:.2%}" for voice, share in report["by_voice"].items())
    places = ", ".join(f"{place} {share:.1%} of {notes:,}" for place, (share, notes) in report["where"].items())
    counts = f"{report['perfect']} of {report['pieces']} pieces without a wrong note"
    unisons = f"{report['unisons']} of {report['notes']:,} notes are unisons"
    return f"- {report['method']}, four voices: {voices}; notes {places}; {counts}; {unisons}"


def write(folder: Path, split: str, reports: list[dict[str, Any]], facts: dict[str, Any]) -> None:
    """Under the split's name, in place of what was measured before."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    metrics["separation"] = {**metrics.get("separation", {}), split: {"circumstances": facts, "reports": reports}}
    atomic_write(folder / "metrics.json", (json.dumps(metrics, indent=2) + "\n").encode())
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8").split(f"\n{HEADER}")[0].rstrip()
    tables = ["\n".join(table(known, measured["reports"])) for known, measured in sorted(metrics["separation"].items())]
    told = (
        f"Chorales with their voices merged as a keyboard plays them, by `benchmarks/separation.py`, seed {facts['seed']}.\n"
        "Voices in unison are one note, which is right with any of them. Letters: the voices that are merged, the others are silent."
    )
    atomic_write(folder / "MODEL_CARD.md", "\n\n".join([card, HEADER, told, *tables, ""]).rstrip("\n").encode() + b"\n")


if __name__ == "__main__":
    main()
