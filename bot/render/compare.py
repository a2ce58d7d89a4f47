"""Owns how a comparison is shown: one table for the whole span, one per window, best marked, noise said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.render.words import UNKNOWN, money, percent

BEST, ALIKE = "★", "≈"
ROWS: Final[Mapping[str, str]] = {
    "times": "money became, times",
    "total": "gain over the span",
    "cagr": "gain a year (CAGR)",
    "volatility": "volatility a year",
    "sharpe": "Sharpe",
    "drawdown": "deepest drawdown",
    "underwater_days": "longest time under a high, days",
    "turnover": "turnover a year, × equity",
    "fees": "fees",
    "funding": "funding (+ received)",
    "fills": "fills",
}
LEGEND: Final = f"{BEST} best   {ALIKE} as good within noise (90 % of histories resampled alike)"


def _ratio(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


SHOWN: Final[Mapping[str, Callable[[float], str]]] = {
    "times": _ratio,
    "total": percent,
    "cagr": percent,
    "volatility": percent,
    "sharpe": _ratio,
    "drawdown": percent,
    "underwater_days": lambda value: f"{value:.0f}",
    "turnover": _ratio,
    "fees": money,
    "funding": money,
    "fills": lambda value: f"{value:,.0f}",
}


def compare_view(body: Mapping[str, Any]) -> RenderableType:
    """The whole span, the windows, then what is no difference at all."""
    parts: list[RenderableType] = [_beside(body["whole"], f"whole, amounts in {body['currency']}"), Text()]
    for number, each in enumerate(body["windows"], 1):
        parts += [_beside(each, f"window {number} of {len(body['windows'])}"), Text()]
    parts.append(Text(LEGEND, style="dim"))
    parts += [Text(line) for line in differences(body["whole"])]
    seen: dict[str, list[str]] = {}
    for name, notes in body["notes"].items():
        for note in notes:
            seen.setdefault(note, []).append(name)
    for note, names in seen.items():
        whose = "" if len(names) == len(body["notes"]) else f"{', '.join(names)}: "
        parts.append(Text(f"note: {whose}{note}", style="yellow"))
    return Group(*parts)


def differences(beside: Mapping[str, Any]) -> list[str]:
    """A sentence per difference in Sharpe and gain a year: how large, how sure."""
    lines: list[str] = []
    for each in beside["differences"]:
        if each["figure"] not in ("sharpe", "cagr"):
            continue
        word, shown = ROWS[each["figure"]], SHOWN[each["figure"]]
        verdict = "within noise" if each["noise"] else "more than noise"
        span = f"90 % from {shown(each['low'])} to {shown(each['high'])}"
        lines.append(f"{word}: {each['of']} − {each['from']} = {shown(each['value'])} ({span}): {verdict}")
    return lines


def _beside(beside: Mapping[str, Any], title: str) -> RenderableType:
    table = Table("", *beside["runs"], box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for figure, word in ROWS.items():
        table.add_row(word, *(_cell(beside, figure, name) for name in beside["runs"]))
    head = Text.assemble((title, "bold"), f"   {beside['since'][:10]} to {beside['until'][:10]}")
    return Group(head, table)


def _cell(beside: Mapping[str, Any], figure: str, name: str) -> Text:
    value, best = beside["runs"][name][figure], beside["best"].get(figure)
    if value is None:
        return Text(f"{UNKNOWN}  ")
    mark = " "
    if best == name:
        mark = BEST
    elif best is not None and any(
        each["figure"] == figure and {each["of"], each["from"]} == {best, name} and each["noise"]
        for each in beside["differences"]
    ):
        mark = ALIKE
    return Text(f"{SHOWN[figure](value)} {mark}", style="bold" if best == name else "")
