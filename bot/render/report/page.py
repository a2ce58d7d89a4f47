"""Owns the page of a report: one HTML file with its styles, scripts and numbers inside. Asks no host for anything."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot import __version__
from bot.render.words import MINUS, UNKNOWN, money, percent

HERE: Final = Path(__file__).parent
STATIC: Final = HERE.parents[1] / "web" / "static"  # the dashboard's, as files: the chart and the mark
SHOWN: Final = ("series", "actions", "rivals")  # what the script draws
RATIOS: Final = ("total", "cagr", "volatility", "drawdown", "sharpe", "sortino", "calmar")
CENT: Final = Decimal("0.01")


def page(body: Mapping[str, Any]) -> str:
    """The whole file of a report's body."""
    busy = Counter(each["asset"] for each in body["actions"])
    assets = list(body["series"]["assets"])
    made = _environment().get_template("report.html")
    return made.render(
        body=body,
        ratios=RATIOS,
        parts=_parts(body),
        paid=_paid(body),
        assets=assets,
        busiest=max(assets, key=lambda asset: busy[asset]) if assets else "",
        kinds=sorted({each["kind"] for each in body["actions"]}),
        version=__version__,
        icon=base64.b64encode((STATIC / "favicon.svg").read_bytes()).decode(),
        styles=_inside(HERE / "report.css"),
        script=_inside(HERE / "report.js"),
        plot=_inside(STATIC / "vendor" / "uPlot.iife.min.js"),
        plot_styles=_inside(STATIC / "vendor" / "uPlot.min.css"),
        data=_data({name: body[name] for name in SHOWN}),
    )


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {
        "money": money,
        "percent": percent,
        "ratio": _ratio,
        "share": _share,
        "whole": _whole,
        "cost": _cost,
        "times": _times,
        "signed": _signed,
        "signed_money": signed_money,
        "mood": _mood,
    }
    return made


def _inside(path: Path) -> str:
    """Our own file as it is; in a page it must not end the element it stands in."""
    text = path.read_text(encoding="utf-8")
    if "</script" in text.lower() or "</style" in text.lower():
        raise ValueError(f"{path}: would end its own element in a page")
    return text


def _data(value: Mapping[str, Any]) -> str:
    """JSON that ends no element, whatever is written in it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


# ---- words


def signed_money(value: object) -> str:
    """``+1,234.50``; ``?`` where it is unknown."""
    text = money(value)
    return text if text in (UNKNOWN, "0.00") or text.startswith(MINUS) else f"+{text}"


def _signed(value: object) -> str:
    text = percent(value)
    return text if text == UNKNOWN or text.startswith(MINUS) else f"+{text}"


def _ratio(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)


def _share(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value * 100:.{digits}f} %".replace("-", MINUS)


def _cost(value: object) -> str:
    return "" if value is None else _whole(value)


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f} ×"


def _whole(value: object) -> str:
    return UNKNOWN if value is None else f"{Decimal(str(value)):,.0f}".replace("-", MINUS)


def _mood(value: float) -> str:
    return "good" if value > 0 else "bad" if value < 0 else ""


def _paid(body: Mapping[str, Any]) -> str:
    return str(Decimal(body["traded"]["fees"]) + Decimal(body["traded"]["slippage"]))


# ---- parts that add up


def parts_to_the_cent(told: Mapping[str, Any]) -> list[tuple[str, str, Decimal]]:
    """(name, why, value) in cents: what rounding leaves is in the last one, so that the column adds up as it stands."""
    made = [(part["name"], part["why"], Decimal(part["value"]).quantize(CENT)) for part in told["parts"]]
    rest = Decimal(told["change"]).quantize(CENT) - sum(value for _, _, value in made)
    name, why, value = made[-1]
    return [*made[:-1], (name, why, value + rest)]


def _parts(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A waterfall: each bar begins where the one before ended; the last one is all of it."""
    told = body["attribution"]
    if told is None:
        return []
    values = parts_to_the_cent(told)
    ends, level = [Decimal(0)], Decimal(0)
    for _, _, value in values:
        level += value
        ends.append(level)
    low, high = min(ends), max(ends)
    width = high - low or Decimal(1)

    def bar(begin: Decimal, end: Decimal) -> dict[str, Any]:
        first, last = sorted((begin, end))
        return {"x": f"{(first - low) / width * 100:.3f}", "width": f"{(last - first) / width * 100:.3f}"}

    zero = f"{-low / width * 100:.3f}"
    made = [
        {
            "name": name,
            "why": why,
            "shown": signed_money(value),
            "tone": "up" if value >= 0 else "down",
            "zero": zero,
            "total": False,
            **bar(ends[place], ends[place + 1]),
        }
        for place, (name, why, value) in enumerate(values)
    ]
    whole = {"name": "change of equity", "why": "", "shown": signed_money(level), "tone": "sum", "zero": zero}
    return [*made, {**whole, "total": True, **bar(Decimal(0), level)}]
