"""Owns what a report tells of a result: rivals, attribution, costs of bands, series to draw, what is unknown. Pure.

The body is JSON: money as exact text, figures and series as numbers or null. `bot.render.report` makes pages of it; it
is the same of a run over the past and of a live record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot.backtest import rivals
from bot.backtest.ledger import EXACT, HEDGES, PARTS, PURPOSES, Ledger
from bot.backtest.metrics import YEAR_DAYS, drawdowns, figures, growth
from bot.backtest.result import Curve, Result
from bot.backtest.rivals import Rival
from bot.backtest.summary import DAY_MS, figures_body, summary
from bot.core.numbers import ZERO, milliseconds, plain

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
POINTS: Final = 1_500  # rows that a chart draws
USUAL_COST: Final = 0.001  # of what is traded, where nothing was
TINY: Final = Decimal("1e-6")

WORDS: Final[Mapping[str, str]] = {
    "held": "targets bought and held",
    "rebalancing": "rebalancing",
    "hedges": "hedges",
    "bridges": "bridges",
    "outside": "perpetuals of others",
    "fees": "fees",
    "spread": "spread and impact",
    "funding": "funding",
    "savings": "savings",
    "other": "other income",
    "unexplained": "not explained",
}
WHY: Final[Mapping[str, str]] = {
    "held": "what prices did to the first targets, bought once and left alone",
    "rebalancing": "what prices did to the spot that was really held, beyond that: buying, selling, waiting in stables",
    "hedges": "what prices did to shorts that hedge (spot, risk, index)",
    "bridges": "what prices did to longs that stand for spot to come",
    "outside": "what prices did to positions that no order of this bot made",
    "fees": "paid to the venue",
    "spread": "fills against the mid that their decision saw",
    "funding": "received less paid",
    "savings": "interest",
    "other": "insurance, bonuses",
    "unexplained": "what no recorded fact explains: trades by hand, forced closings, rounding",
}


def report(result: Result, *, lived: bool = False) -> dict[str, Any]:
    """The body of a report; ``lived``: of a record rather than of a run over the past."""
    curve = result.curve
    cost = cost_rate(result)
    known = _rivals(result, cost)
    return {
        **summary(result),
        "lived": lived,
        "cost_rate": cost,
        "rivals": [_rival_body(curve, key, words, rival) for key, words, rival in known],
        "attribution": attribution(result),
        "bands": _bands(curve, cost),
        "tracking": {"error": rivals.tracking_error(curve, curve.equity), "drift": rivals.drift(curve)},
        "series": _series(curve, known),
        "actions": list(_actions(result)),
        "unknown": unknown(result, lived=lived),
        "config": dict(result.config),
    }


def cost_rate(result: Result) -> float:
    """What trading spot cost per unit traded, fees and spread; the usual fee where none was traded."""
    spot = (trade for trade in result.trades if trade.purpose == "spot")
    traded = float(sum((trade.notional for trade in spot), ZERO))
    if result.ledger is None or traded <= 0:
        return USUAL_COST
    paid = -float(result.ledger.part("fees", ("spot",)) + result.ledger.part("spread", ("spot",)))
    return max(0.0, paid / traded)


# ---- beside others


def _rivals(result: Result, cost: float) -> list[tuple[str, str, Rival]]:
    curve = result.curve
    period = str(result.config.get("triggers.calendar"))
    period = period if period in rivals.PERIODS else "monthly"
    found = [
        ("held", "bought and held", rivals.held(curve, cost)),
        ("calendar", f"calendar only ({period})", rivals.by_calendar(curve, cost, period)),
        ("bands", "bands only", rivals.by_bands(curve, cost)),
    ]
    if curve.hedges is not None:
        found.append(("unhedged", "never hedged", Rival(curve.equity - curve.hedges, 0, 0.0, 0.0)))
    return found


def _rival_body(curve: Curve, key: str, words: str, rival: Rival) -> dict[str, Any]:
    known = rival.equity[np.isfinite(rival.equity)]
    return {
        "key": key,
        "name": words,
        "last": _number(known[-1]) if len(known) else None,
        "figures": figures_body(figures(curve.times_ms, rival.equity, curve.flows)),
        "trades": rival.trades,
        "turnover": _turnover(curve, rival) if rival.trades else None,
        "costs": _number(rival.costs) if rival.trades else None,
        "tracking": rivals.tracking_error(curve, rival.equity),
    }


def _bands(curve: Curve, cost: float) -> list[dict[str, Any]]:
    """The same targets with bands of a width all around, traded plainly."""
    made = [(width, rivals.by_bands(curve, cost, width)) for width in rivals.BANDS]
    return [{"width": width, **_rival_body(curve, f"band{width}", f"±{width:.0%}", rival)} for width, rival in made]


def _turnover(curve: Curve, rival: Rival) -> float | None:
    known = rival.equity[np.isfinite(rival.equity)]
    years = float(curve.times_ms[-1] - curve.times_ms[0]) / DAY_MS / YEAR_DAYS if len(curve) else 0.0
    return rival.traded / float(known.mean()) / years if years > 0 and len(known) and known.mean() > 0 else None


# ---- where the money went


def attribution(result: Result) -> dict[str, Any] | None:
    """The change of equity in parts that add up to it exactly; None where equity was never known."""
    ledger = result.ledger
    if ledger is None:
        return None
    with localcontext(EXACT):
        held = _held_gain(result.curve)
        values = {
            "held": held,
            "rebalancing": ledger.part("gain", ("spot",)) - held,
            "hedges": ledger.part("gain", HEDGES),
            "bridges": ledger.part("gain", ("bridge",)),
            "outside": ledger.part("gain", ("outside",)),
            "fees": ledger.part("fees"),
            "spread": ledger.part("spread"),
            "funding": ledger.part("funding"),
            "savings": ledger.interest,
            "other": ledger.other,
            "unexplained": ledger.unexplained,
        }
    rare = ("outside", "other")
    return {
        **{name: plain(getattr(ledger, name)) for name in ("opened", "closed", "flows", "rescoped", "change")},
        "parts": [
            {"key": key, "name": WORDS[key], "why": WHY[key], "value": plain(value)}
            for key, value in values.items()
            if value or key not in rare
        ],
        "purposes": [_purpose(ledger, purpose) for purpose in PURPOSES if purpose in ledger.parts],
        "assets": {asset: plain(value) for asset, value in ledger.by_asset.items()},
        "against_held": plain(ledger.change - held),
        "hedging": plain(ledger.net(HEDGES)),
        "unpriced": ledger.unpriced,
        "unvalued": ledger.unvalued,
    }


def _held_gain(curve: Curve) -> Decimal:
    """What the first targets gained, left alone and traded for nothing."""
    worth = rivals.held(curve).equity
    known = worth[np.isfinite(worth)]
    gained = float(known[-1] - known[0] - curve.flows.sum()) if len(known) else 0.0
    return Decimal(repr(gained)).quantize(TINY)


def _purpose(ledger: Ledger, purpose: str) -> dict[str, Any]:
    parts = {name: plain(ledger.part(name, (purpose,))) for name in PARTS}
    return {"purpose": purpose, **parts, "net": plain(ledger.net((purpose,)))}


# ---- what is drawn


def drawn_rows(curve: Curve) -> Rows:
    """The rows that a chart of so many points shows: evenly apart, and the deepest drawdown with its high."""
    size = len(curve)
    if size <= POINTS:
        return np.arange(size)
    worth = growth(curve.equity, curve.flows)
    down = drawdowns(worth)
    deepest = int(np.argmax(down))
    extra = [0, deepest, int(np.argmax(worth[: deepest + 1])), int(np.argmax(worth)), size - 1]
    return np.unique(np.concatenate((np.linspace(0, size - 1, POINTS).round().astype(np.int64), extra)))


def _series(curve: Curve, known: Sequence[tuple[str, str, Rival]]) -> dict[str, Any]:
    """Columns of the rows that are drawn: seconds, money to the cent, shares of equity in percent."""
    rows = drawn_rows(curve)
    lines = {"mine": curve.equity, **{key: rival.equity for key, _, rival in known}}
    falls = {key: -drawdowns(growth(line, curve.flows)) * 100 for key, line in lines.items()}
    return {
        "at": (curve.times_ms[rows] // 1000).tolist(),
        "equity": {key: _column(line[rows], 2) for key, line in lines.items()},
        "drawdown": {key: _column(line[rows], 2) for key, line in falls.items()},
        "assets": {
            asset: {
                "price": _column(curve.price[rows, place], None),
                **{
                    word: _column(getattr(curve, word)[rows, place] * 100, 2)
                    for word in ("net", "spot", "target", "low", "high")
                },
            }
            for place, asset in enumerate(curve.assets)
        },
    }


def _column(values: Floats, digits: int | None) -> list[float | None]:
    """Numbers short enough for a page; None is unknown. ``digits`` None: five significant ones."""
    return [
        None if not np.isfinite(value) else float(f"{value:.5g}") if digits is None else round(value, digits)
        for value in values.tolist()
    ]


def _actions(result: Result) -> Iterator[dict[str, Any]]:
    """Every action, oldest first, with what its orders came to."""
    filled: dict[str, list[Any]] = {}
    for trade in result.trades:
        filled.setdefault(trade.action_id, []).append(trade)
    for body in result.decisions:
        at_ms = milliseconds_of(body["at"])
        for action in body["actions"]:
            mine = filled.get(action["id"], [])
            bought = sum((trade.qty * trade.price for trade in mine), ZERO)
            traded = sum((trade.notional for trade in mine), ZERO)
            yield {
                "at": at_ms // 1000,
                "id": action["id"],
                "kind": action["kind"],
                "rule": action["rule"],
                "asset": action["asset"],
                "side": 0 if not mine else 1 if bought > 0 else -1,
                "moved": bool(action["legs"]) and all("symbol" not in leg for leg in action["legs"]),
                "traded": round(float(traded), 2),
                "price": _number(abs(mine[-1].price / mine[-1].coins_each)) if mine else None,
                "perpetual": bool(mine) and mine[-1].purpose != "spot",
                "why": action["why"],
            }


def milliseconds_of(text: str) -> int:
    """An instant as a decision tells it."""
    return milliseconds(datetime.fromisoformat(text))


def _number(value: object) -> float | None:
    number = float(str(value))
    return float(f"{number:.7g}") if np.isfinite(number) else None


# ---- what nobody can know


def unknown(result: Result, *, lived: bool) -> list[str]:
    """What a reader must bear in mind: general first, then what this span in particular did not tell."""
    ledger = result.ledger
    told = list(LIVED if lived else PAST)
    if ledger is None:
        told.append("Equity was known at no decision: nothing can be told apart.")
    elif ledger.unexplained and abs(ledger.unexplained) > TINY:
        told.append(
            f"{plain(ledger.unexplained.quantize(Decimal('0.01')))} {result.currency} of the change is explained by no "
            "recorded fact (trades by hand, forced closings)."
        )
    if ledger is not None and ledger.unpriced:
        told.append(f"{ledger.unpriced:,} fills have no mid to compare with: their spread is part of the gain.")
    if ledger is not None and ledger.unvalued:
        told.append(f"{ledger.unvalued:,} fees are in coins whose worth nobody knew: they are not counted.")
    blind = int((~np.isfinite(result.curve.equity)).sum())
    if blind:
        told.append(f"At {blind:,} of {len(result.curve):,} rows equity was unknown; they are left out.")
    return [*told, *(f"{note[:1].upper()}{note[1:]}." for note in result.notes)]


PAST: Final = (
    "Survivorship: only what was recorded is traded, and what died before is rarely recorded.",
    "Depth and spread are modelled from turnover, and own orders move no price for others.",
    "Look-ahead: a decision sees closed bars alone; a test changes the future and finds no past decision changed.",
    "Hindsight: whoever chose these settings may have seen these prices; no test finds that.",
    "The rivals trade at mids at the rate that this run paid on average, in any size and at any hour.",
    "Never hedged: the curve without what hedges brought; what would have been bought with it is not played again.",
    "The intervals resample the days there were: a market that was never seen is in none of them.",
)
LIVED: Final = (
    "The rivals trade at mids at the rate that this account paid on average, in any size and at any hour.",
    "Never hedged: equity without what hedges brought; what would have been bought with it is not played again.",
    "The intervals resample the days there were: a market that was never seen is in none of them.",
    "Deposits and withdrawals are no gain: they are taken out at the price of the first decision that saw them.",
)
