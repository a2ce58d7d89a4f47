"""Owns how the gap between real orders and paper is shown, and what the cost gate might be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from bot.render.words import UNKNOWN, money, percent


def shadow_view(body: Mapping[str, Any], currency: str) -> RenderableType:
    """Lines, one subject each."""
    return Group(*(Text(line) for line in lines(body, currency)))


def lines(body: Mapping[str, Any], currency: str) -> list[str]:
    """What was compared, taker by taker, maker by maker, funding, the gate."""
    if not body["orders"]:
        return ["no order has come to its end yet, so there is nothing to compare", *_pruned(body)]
    head = f"{body['orders']} orders from {body['since'][:10]} to {body['until'][:10]}, amounts in {currency}"
    return [head, *_pruned(body), *_takers(body["takers"]), *_makers(body["makers"]), *_funding(body["funding"]),
            *_gate(body["gate"])]  # fmt: skip


def _pruned(body: Mapping[str, Any]) -> list[str]:
    count = body["pruned"]
    return [f"{count} decisions with orders are left out: their snapshots are not kept any more"] * bool(count)


def _takers(takers: Mapping[str, Any]) -> list[str]:
    if not takers["orders"]:
        return ["takers: none"]
    said = (
        f"takers: {takers['compared']} of {takers['orders']} compared, {money(takers['traded'])} traded; against the "
        f"mid {bp(takers['slippage_bp'])} really, {bp(takers['paper_slippage_bp'])} on paper: "
        f"gap {bp(takers['gap_bp'])}{_ends(takers['gap_interval_bp'], ' bp')}"
    )
    share = (
        f"takers: filled {percent(takers['filled_share'])} of what was asked, on paper "
        f"{percent(takers['paper_filled_share'])}; filled only really {takers['only_really_filled']}, "
        f"only on paper {takers['only_paper_filled']}, refused on paper {takers['paper_refused']}"
    )
    return [said, share]


def _makers(makers: Mapping[str, Any]) -> list[str]:
    if not makers["orders"]:
        return ["makers: none"]
    said = (
        f"makers: {makers['orders']}, of which {makers['filled']} were filled; paper can tell of {makers['told']} "
        f"(of {makers['untold']} no quote was recorded while they rested): both filled {makers['both']}, missed "
        f"{makers['missed']}, filled only really {makers['only_really_filled']}, neither {makers['neither']}"
    )
    return [said]


def _funding(funding: Mapping[str, Any]) -> list[str]:
    if not funding["payments"]:
        return ["funding: none"]
    said = (
        f"funding: {funding['compared']} of {funding['payments']} payments compared; {money(funding['paid'])} paid, "
        f"{money(funding['paper_paid'])} by the recorded rates: gap {money(funding['gap'])}"
    )
    return [said]


def _gate(gate: Mapping[str, Any]) -> list[str]:
    if not gate["orders"]:
        return ["cost gate (R-G10): no order with both an assumption and a fill yet"]
    said = (
        f"cost gate (R-G10): {gate['orders']} orders; fees {bp(gate['fees_bp'])} against "
        f"{bp(gate['fees_assumed_bp'])} assumed, spread and impact {bp(gate['spread_and_impact_bp'])} against "
        f"{bp(gate['spread_and_impact_assumed_bp'])}: {ratio(gate['ratio'])} times{_ends(gate['ratio_interval'])}"
    )
    return [said, _advice(gate)]


def _advice(gate: Mapping[str, Any]) -> str:
    now = f"costs.min_ratio {gate['min_ratio']:g}"
    if gate["orders"] < gate["least_orders"]:
        return f"cost gate: fewer than {gate['least_orders']} orders say too little; keep {now}"
    if gate["suggested_min_ratio"] is None:
        return f"cost gate: within noise or a tenth; keep {now}"
    return (
        f"cost gate: costs.min_ratio {gate['suggested_min_ratio']:g} instead of {gate['min_ratio']:g} would ask for as "
        f"much benefit as orders really cost; nothing is changed by itself"
    )


def bp(value: float | None) -> str:
    """Basis points."""
    return UNKNOWN if value is None else f"{value:.2f} bp".replace("-", "−")


def ratio(value: float | None) -> str:
    """A ratio."""
    return UNKNOWN if value is None else f"{value:.2f}".replace("-", "−")


def _ends(ends: list[float] | None, unit: str = "") -> str:
    return "" if ends is None else f" (90 % from {ratio(ends[0])} to {ratio(ends[1])}{unit})"
