"""Owns the summary of a run: its figures beside holding the first targets, as a JSON body and as tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.backtest import rivals
from bot.backtest.metrics import YEAR_DAYS, Figures, figures
from bot.backtest.result import Curve, Floats, Result
from bot.core.numbers import ZERO, plain, utc_text
from bot.render.words import money, percent

DAY_MS: Final = 86_400_000
CENT: Final = Decimal("0.01")
PERCENT: Final = ("total", "cagr", "volatility", "drawdown")
RATIO: Final = ("sharpe", "sortino", "calmar")
WORDS: Final[Mapping[str, str]] = {
    "total": "gain over the span",
    "cagr": "gain a year (CAGR)",
    "volatility": "volatility a year",
    "drawdown": "deepest drawdown",
    "sharpe": "Sharpe",
    "sortino": "Sortino",
    "calmar": "Calmar",
    "underwater_days": "longest time under a high, days",
}


def held(curve: Curve) -> Floats:
    """What the first row's equity became, bought at the first row's targets and left alone, (n,).

    Bought at mid prices without fees; an asset without a price keeps its last one; the rest lies in stables. What came
    in was put into the targets of its row.
    """
    return rivals.held(curve).equity


def summary(result: Result) -> dict[str, Any]:
    """Everything the screen shows, as JSON values: money as text, figures as numbers or null."""
    curve = result.curve
    known = curve.equity[np.isfinite(curve.equity)]
    days = float(curve.times_ms[-1] - curve.times_ms[0]) / DAY_MS
    mean = float(known.mean()) if len(known) else float("nan")
    traded = sum((trade.notional for trade in result.trades), ZERO)
    years = days / YEAR_DAYS
    turnover = float(traded) / mean / years if years > 0 and mean > 0 else None
    return {
        "name": result.name,
        "currency": result.currency,
        "since": utc_text(result.since),
        "until": utc_text(result.until),
        "cycles": len(curve),
        "equity": {"first": _money(known[:1]), "last": _money(known[-1:])},
        "figures": figures_body(figures(curve.times_ms, curve.equity, curve.flows)),
        "held": {
            "last": _money(held(curve)[-1:]),
            "figures": figures_body(figures(curve.times_ms, held(curve), curve.flows)),
        },
        "traded": {
            "fills": len(result.trades),
            "notional": plain(traded.quantize(CENT)),
            "turnover_per_year": turnover,
            "fees": plain(sum((trade.fee or ZERO for trade in result.trades), ZERO).quantize(CENT)),
            "slippage": plain(slippage(result).quantize(CENT)),
        },
        "payments": {
            kind: plain(sum((item.amount for item in result.payments if item.kind == kind), ZERO).quantize(CENT))
            for kind in ("funding", "interest")
        },
        "counts": dict(sorted(result.counts.items())),
        "notes": list(result.notes),
    }


def slippage(result: Result) -> Decimal:
    """What fills cost against the mid that their decision saw, accounting currency; those without one not counted."""
    paid = ((trade.qty, trade.price - trade.reference) for trade in result.trades if trade.reference is not None)
    return sum((qty * worse for qty, worse in paid), ZERO)


def _money(values: Floats) -> str | None:
    return plain(Decimal(repr(float(values[0]))).quantize(CENT)) if len(values) and np.isfinite(values[0]) else None


def figures_body(found: Figures) -> dict[str, Any]:
    """Figures as JSON values."""
    names = (*PERCENT, *RATIO, "underwater_days")
    body: dict[str, Any] = {name: getattr(found, name) for name in names}
    return {**body, "intervals": {name: list(bounds) for name, bounds in found.intervals.items()}}


# ---- for people


def summary_view(body: Mapping[str, Any]) -> RenderableType:
    """Two tables: figures beside holding, then what was done."""
    days = Text.assemble((str(body["name"]), "bold"), f"   {body['since'][:10]} to {body['until'][:10]}   ")
    days.append(f"{body['cycles']:,} cycles, amounts in {body['currency']}")
    parts: list[RenderableType] = [days, Text(), _beside(body), Text(), _done(body)]
    parts += [Text(f"note: {note}", style="yellow") for note in body["notes"]]
    return Group(*parts)


def _beside(body: Mapping[str, Any]) -> Table:
    table = Table("", "this", "90 % of resampled histories", "targets bought and held", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    mine, other = body["figures"], body["held"]["figures"]
    held_last = body["held"]["last"]
    table.add_row("equity at the end", money(body["equity"]["last"]), "", money(held_last) if held_last else "?")
    for name, word in WORDS.items():
        bounds = mine["intervals"].get(name)
        between = f"{_shown(name, bounds[0])} to {_shown(name, bounds[1])}" if bounds else ""
        table.add_row(word, _shown(name, mine[name]), between, _shown(name, other[name]))
    return table


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "too short to say"
    return percent(value) if name in PERCENT else f"{value:,.2f}" if name in RATIO else f"{value:,.1f}"


def _decisions(counts: Mapping[str, int]) -> str:
    holds, repeats = counts.get("holds", 0), counts.get("repeats", 0)
    return f"{counts.get('decisions', 0):,}; {holds:,} held, {repeats:,} refused what the one before refused"


def _done(body: Mapping[str, Any]) -> Table:
    traded, paid, counts = body["traded"], body["payments"], body["counts"]
    turnover = traded["turnover_per_year"]
    rows: list[Sequence[str]] = [
        ("fills", f"{traded['fills']:,}"),
        ("traded", money(traded["notional"])),
        ("turnover a year", "too short to say" if turnover is None else f"{turnover:.2f} x equity"),
        ("fees", money(traded["fees"])),
        ("slippage against the mid", money(traded["slippage"])),
        ("funding (+ received)", money(paid["funding"])),
        ("interest", money(paid["interest"])),
        ("decisions", _decisions(counts)),
    ]
    kinds = {name.partition(".")[2]: count for name, count in counts.items() if name.startswith("actions.")}
    rows.append(("actions", ", ".join(f"{kind} {count:,}" for kind, count in sorted(kinds.items())) or "none"))
    table = Table(box=None, pad_edge=False, show_header=False)
    for row in rows:
        table.add_row(*row)
    return table
