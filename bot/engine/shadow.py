"""Owns the gap between what orders really came to and what paper made of them, and what the cost gate assumed. Pure.

Costs are fractions of what was traded, against the mid that the decision saw: above 0 is paid. The gate's assumption is
the recorded action's (R-G10), brought to what of it was traded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import is_swap
from bot.core.numbers import utc_text

Floats = NDArray[np.float64]
LEAST: Final = 30  # orders under which nothing is suggested
WORTH: Final = 0.1  # how far observed and assumed cost are apart before it is worth a word
SAMPLES: Final = 1_000
CHUNK: Final = 50  # samples drawn at a time
SURE: Final = (0.05, 0.95)
BP: Final = 10_000
OPENING_TIMES: Final = 2  # a futures leg that is opened is charged its later close too


@dataclass(frozen=True, slots=True)
class Done:
    """One order at its end, really and on paper: unsigned base units, prices and fees in accounting currency.

    ``reference`` is the mid that its decision saw. ``assumed``: the gate's fractions of what is traded, by component;
    None where the decision told none.
    """

    client_id: str
    at: datetime
    symbol: str
    kind: str
    buying: bool
    rested: bool
    asked: Decimal
    filled: Decimal
    price: Decimal | None
    fee: Decimal | None
    reference: Decimal | None
    paper_filled: Decimal
    paper_price: Decimal | None
    paper_fee: Decimal
    paper_told: bool
    paper_refused: str = ""
    assumed: Mapping[str, float] | None = None

    @property
    def notional(self) -> float:
        """What was really traded, accounting currency."""
        return float(self.filled * self.price) if self.price is not None else 0.0

    def against_mid(self, price: Decimal | None) -> float | None:
        """What a price costs against the mid, a fraction."""
        if price is None or not self.reference:
            return None
        return float(price / self.reference - 1) * (1 if self.buying else -1)


@dataclass(frozen=True, slots=True)
class Paid:
    """One funding payment, really and by the recorded rate and position; + = paid. ``paper`` None: untold."""

    at: datetime
    symbol: str
    paid: Decimal
    paper: Decimal | None


def assumed_of(body: Mapping[str, Any], action_id: str, symbol: str) -> dict[str, float] | None:
    """The gate's assumption for an order of an action, fractions of what that order trades; None where it told none.

    Fees and spread are charged twice for a futures leg that is opened, for its later close: once here. Of an action
    with two legs each bears its share by value, since only the sum is recorded.
    """
    action = next((each for each in body["actions"] if each["id"] == action_id), None)
    if action is None or "cost" not in action or not any(leg.get("symbol") == symbol for leg in action["legs"]):
        return None
    legs = [leg for leg in action["legs"] if "notional" in leg]
    plain = sum(float(leg["notional"]) for leg in legs)
    charged = sum(
        float(leg["notional"]) * (OPENING_TIMES if is_swap(leg["symbol"]) and not leg["reduce_only"] else 1)
        for leg in legs
    )
    if not plain:
        return None
    cost = action["cost"]
    return {
        "fees": float(cost["fees"]) / charged,
        "spread_and_impact": float(cost["spread"]) / charged + float(cost["impact"]) / plain,
    }


def gap(done: Sequence[Done], paid: Sequence[Paid], *, min_ratio: Decimal, pruned: int) -> dict[str, Any]:
    """All of it as JSON values; ``pruned``: decisions with orders whose snapshot is not kept any more."""
    return {
        "orders": len(done),
        "since": utc_text(min(each.at for each in done)) if done else None,
        "until": utc_text(max(each.at for each in done)) if done else None,
        "pruned": pruned,
        "takers": _takers([each for each in done if not each.rested]),
        "makers": _makers([each for each in done if each.rested]),
        "funding": _funding(paid),
        "gate": calibrated(done, min_ratio),
    }


def _takers(done: Sequence[Done]) -> dict[str, Any]:
    """Slippage against the mid, really and on paper, of what both filled; and what only one of them did."""
    known = [
        (each, worse, paper)
        for each in done
        if each.filled and each.paper_filled
        and (worse := each.against_mid(each.price)) is not None
        and (paper := each.against_mid(each.paper_price)) is not None
    ]  # fmt: skip
    weights = np.array([each.notional for each, _, _ in known])
    mine, theirs = np.array([worse for _, worse, _ in known]), np.array([paper for _, _, paper in known])
    return {
        "orders": len(done),
        "compared": len(known),
        "traded": float(weights.sum()),
        "slippage_bp": _mean(mine, weights),
        "paper_slippage_bp": _mean(theirs, weights),
        "gap_bp": _mean(mine - theirs, weights),
        "gap_interval_bp": _interval(mine - theirs, weights),
        "filled_share": _share([each.filled / each.asked for each in done if each.asked]),
        "paper_filled_share": _share([each.paper_filled / each.asked for each in done if each.asked]),
        "only_paper_filled": sum(bool(each.paper_filled and not each.filled) for each in done),
        "only_really_filled": sum(bool(each.filled and not each.paper_filled) for each in done),
        "paper_refused": sum(bool(each.paper_refused) for each in done),
    }


def _makers(done: Sequence[Done]) -> dict[str, Any]:
    """How often what rested was filled, really and on paper; a fill that paper had and we had not is missed."""
    told = [each for each in done if each.paper_told and not each.paper_refused]
    return {
        "orders": len(done),
        "told": len(told),
        "untold": sum(not each.paper_told for each in done),
        "paper_refused": sum(bool(each.paper_refused) for each in done),
        "filled": sum(bool(each.filled) for each in done),
        "both": sum(bool(each.filled and each.paper_filled) for each in told),
        "missed": sum(bool(each.paper_filled and not each.filled) for each in told),
        "only_really_filled": sum(bool(each.filled and not each.paper_filled) for each in told),
        "neither": sum(not each.filled and not each.paper_filled for each in told),
    }


def _funding(paid: Sequence[Paid]) -> dict[str, Any]:
    known = [(each, each.paper) for each in paid if each.paper is not None]
    return {
        "payments": len(paid),
        "compared": len(known),
        "untold": len(paid) - len(known),
        "paid": float(sum(each.paid for each, _ in known)),
        "paper_paid": float(sum(paper for _, paper in known)),
        "gap": float(sum(each.paid - paper for each, paper in known)),
    }


def calibrated(done: Sequence[Done], min_ratio: Decimal) -> dict[str, Any]:
    """Observed against assumed cost, and the ``costs.min_ratio`` that would make up for it; changes nothing."""
    rows: list[tuple[float, ...]] = []
    for each in done:
        worse, traded, assumed = each.against_mid(each.price), each.notional, each.assumed
        if each.filled and each.fee is not None and worse is not None and assumed is not None:
            expected = (assumed["fees"] * traded, assumed["spread_and_impact"] * traded)
            rows.append((traded, float(each.fee), worse * traded, *expected))
    columns: list[Floats] = [np.array([row[place] for row in rows], dtype=np.float64) for place in range(5)]
    value, fees, worse_paid, fees_assumed, worse_assumed = columns
    observed, assumed_paid = fees + worse_paid, fees_assumed + worse_assumed
    ratio = _ratio(observed, assumed_paid)
    ends = _ends(observed, assumed_paid)
    suggested = None
    sure = ends is not None and not ends[0] <= 1 <= ends[1]
    if len(rows) >= LEAST and sure and ratio is not None and abs(ratio - 1) >= WORTH:
        suggested = round(float(min_ratio) * max(0.0, ratio), 2)
    return {
        "orders": len(rows),
        "least_orders": LEAST,
        "traded": float(value.sum()),
        "fees_bp": _mean(fees, value, per=value),
        "fees_assumed_bp": _mean(fees_assumed, value, per=value),
        "spread_and_impact_bp": _mean(worse_paid, value, per=value),
        "spread_and_impact_assumed_bp": _mean(worse_assumed, value, per=value),
        "ratio": ratio,
        "ratio_interval": None if ends is None else list(ends),
        "min_ratio": float(min_ratio),
        "suggested_min_ratio": suggested,
    }


# ---- arithmetic


def _mean(values: Floats, weights: Floats, per: Floats | None = None) -> float | None:
    """Weighted mean in basis points; ``per``: values are amounts, to be divided by these."""
    whole = float(weights.sum())
    if not whole:
        return None
    return float(values.sum() / whole * BP) if per is not None else float((values * weights).sum() / whole * BP)


def _share(values: Sequence[Decimal]) -> float | None:
    return float(sum(values) / len(values)) if values else None


def _ratio(observed: Floats, assumed: Floats) -> float | None:
    whole = float(assumed.sum())
    return float(observed.sum()) / whole if whole > 0 else None


def _interval(values: Floats, weights: Floats) -> list[float] | None:
    ends = _ends(values * weights, weights)
    return None if ends is None else [ends[0] * BP, ends[1] * BP]


def _ends(amounts: Floats, per: Floats) -> tuple[float, float] | None:
    """Where 90 % of Σ amounts / Σ per lie over orders drawn with replacement; None with fewer than two orders."""
    size = len(amounts)
    if size < 2:  # noqa: PLR2004 - one order says nothing of another
        return None
    rng = np.random.default_rng(0)
    drawn: list[Floats] = []
    for _ in range(SAMPLES // CHUNK):
        rows = rng.integers(0, size, (CHUNK, size))
        whole = per[rows].sum(axis=1)
        drawn.append(amounts[rows].sum(axis=1)[whole > 0] / whole[whole > 0])
    found = np.concatenate(drawn)
    return (float(np.quantile(found, SURE[0])), float(np.quantile(found, SURE[1]))) if len(found) else None
