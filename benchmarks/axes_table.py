"""The seven axes as a Markdown table and as a picture. Whatever a method does not have, or cannot do, is said in the cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from musicgen.evaluation.compare_picture import COLORS, svg_of

Method = dict[str, Any]
NONE = "–"
CAUTIONS = (
    "A learning curve counts the chorales learned from. The networks have also looked at the whole valid split to know when to stop,",
    "however few they learned from: with ten chorales and nothing else they would be worse. FLOPs of learning go up to the best look.",
)


def markdown(figures: dict[str, Any]) -> str:
    facts, methods = figures["circumstances"], figures["methods"]
    names = list(methods)
    where = f"{facts['date'][:10]}, seed {facts['seed']}, {facts['threads']} thread, {facts['processor']}"
    head = f"# Seven axes\n\n{where}; valid split unless said.\n"
    table = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for axis, rows in ROWS.items():
        table.append(f"| **{axis}** |" + " |" * len(names))
        table += [f"| {title} | " + " | ".join(_cell(cell, methods[name]) for name in names) + " |" for title, cell in rows.items()]
    notes = [f"- {name}: {method['read out']}" for name, method in methods.items() if "read out" in method]
    return "\n".join([head, *table, "", *CAUTIONS, "", "What can be read out, one beat of one chorale:", "", *notes, ""])


def _cell(cell: Callable[[Method], str], method: Method) -> str:
    try:
        return cell(method)
    except (KeyError, TypeError, IndexError):
        return NONE


def _nats(likelihood: dict[str, Any]) -> str:
    return f"{likelihood['nats_per_cell']:.3f} {likelihood['kind']}"


def _curve(column: Callable[[Any], str]) -> Callable[[Method], str]:
    def cell(method: Method) -> str:
        points = method["labelled data"]
        return ", ".join(f"{point['pieces']}: {column(point)}" if point["pieces"] else column(point) for point in points)

    return cell


def _rate(name: str) -> Callable[[Method], str]:
    return lambda method: "{:.2f} [{:.2f}, {:.2f}]".format(*method["quality"]["rates"][name])


def _given(keep: str) -> Callable[[Method], str]:
    def cell(method: Method) -> str:
        found = method["other tasks"][keep]
        return "refused" if isinstance(found, str) else f"{found:.1%}"

    return cell


def _flops(flops: float | None) -> str:
    return "not in torch" if not flops else f"{flops / 1e9:,.1f} G" if flops < 1e12 else f"{flops / 1e12:,.1f} T"


ROWS: dict[str, dict[str, Callable[[Method], str]]] = {
    "1 Labelled data": {
        "nats per cell after so many chorales": _curve(lambda point: f"{point['likelihood']['nats_per_cell']:.3f}"),
        "Bach's notes under 12 sopranos": _curve(lambda point: f"{point['notes']:.1%}"),
        "grade of these (Bach 4.9)": _curve(lambda point: f"{point['grade']:.1f}"),
    },
    "2 Compute": {
        "learning, s": lambda method: f"{method['compute']['learning_seconds']:,.0f}",
        "learning, FLOPs": lambda method: _flops(method["compute"]["learning_flops"]) if method["compute"]["numbers"] else NONE,
        "numbers learned": lambda method: f"{method['compute']['numbers']:,}",
        "writing 16 bars, s": lambda method: f"{method['compute']['writing_seconds']:.2f}",
        "writing 16 bars, FLOPs": lambda method: _flops(method["compute"]["writing_flops"]),
    },
    "3 Other tasks": {
        "Bach's notes, soprano given": _given("S"),
        "bass given": _given("B"),
        "soprano and bass given": _given("SB"),
        "alto and tenor given": _given("AT"),
        "Palestrina, nats, as it is": lambda method: _nats(method["other tasks"]["palestrina"]),
        "learned anew from 40 movements": lambda method: _nats(method["other tasks"]["palestrina, learned anew"]),
    },
    "4 Modelling power": {
        "nats per cell": lambda method: _nats(method["modelling power"]["likelihood"]),
        "Bach's notes under 30 sopranos": lambda method: f"{method['modelling power']['reconstruction']['notes']:.1%}",
        "Bach's pitch in cells": lambda method: f"{method['modelling power']['reconstruction']['cells']:.1%}",
    },
    "5 Domain knowledge put in": {
        "lines of code": lambda method: f"{method['domain knowledge']['lines']:,}",
        "rules, contexts, tables or conditions": lambda method: f"{method['domain knowledge']['features']}",
    },
    "6 What can be read out": {"see below": lambda method: "yes" if method["read out"] != "nothing" else "nothing"},
    "7 Quality, composed": {
        "parallel fifths per 100": _rate("parallel fifths per 100 transitions"),
        "parallel octaves per 100": _rate("parallel octaves and unisons per 100 transitions"),
        "measures in Bach's interval": lambda method: f"{method['quality']['inside']} of {method['quality']['measures']}",
        "grade, median": lambda method: "{:.1f} [{:.1f}, {:.1f}]".format(*method["quality"]["grade"]),
        "12 slices of a training piece": lambda method: (
            f"{method['quality']['copying']['percent']:.1f} % (longest {method['quality']['copying']['longest']})"
        ),
        "told from Bach by a network": lambda method: "{:.2f} [{:.2f}, {:.2f}]".format(*method["quality"]["discriminator"]),
        "its control, Bach from Bach": lambda method: "{:.2f} [{:.2f}, {:.2f}]".format(*method["quality"]["control"]),
    },
}


def picture(methods: dict[str, Method]) -> str:
    """Learning curves, and what quality costs."""
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    panels = figure.subplots(1, 3)
    _curves(panels[0], methods, lambda point: point["likelihood"]["nats_per_cell"], "nats per cell (deepbach: pseudo)")
    _curves(panels[1], methods, lambda point: point["grade"], "grade of harmonized sopranos")
    panels[1].set(yscale="log")  # dice would press the others together
    _cost(panels[2], methods)
    panels[1].legend(frameon=False)  # a grade every method has, nats not
    return svg_of(figure)


def _curves(panel: Any, methods: dict[str, Method], value: Callable[[Any], float], title: str) -> None:
    for place, (name, method) in enumerate(methods.items()):
        points = [point for point in method.get("labelled data", []) if _has(value, point)]
        if points and points[0]["pieces"]:
            sizes, color = [point["pieces"] for point in points], COLORS[place % len(COLORS)]
            panel.plot(sizes, [value(point) for point in points], marker="o", color=color, label=name)
        elif points:
            panel.axhline(value(points[0]), linestyle=":", color="grey")
            panel.annotate(name, (10, value(points[0])), fontsize=7)
    panel.set(xscale="log", xlabel="chorales learned from", title=title)


def _has(value: Callable[[Any], float], point: Any) -> bool:
    try:
        return value(point) is not None
    except (KeyError, TypeError):
        return False


def _cost(panel: Any, methods: dict[str, Method]) -> None:
    for name, method in methods.items():
        if "quality" in method and "compute" in method:
            seconds, (grade, low, high) = method["compute"]["writing_seconds"], method["quality"]["grade"]
            panel.errorbar(seconds, grade, yerr=[[grade - low], [high - grade]], marker="o", color="black")
            panel.annotate(name, (seconds, grade), xytext=(4, 4), textcoords="offset points")
    panel.set(xscale="log", yscale="log", xlabel="seconds for 16 bars", title="grade, composed (Bach: line)")
    panel.margins(x=0.25)
    if "bach" in methods:
        panel.axhline(methods["bach"]["quality"]["grade"][0], color="grey", linestyle=":")
