"""Owns how two plans for the same snapshot differ, asset by asset; made from their JSON bodies."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from bot.core.numbers import ZERO
from bot.render.plan import leg_words, plain_table, verdict_words, wish_words
from bot.render.words import percent, whole_seconds

Body = Mapping[str, Any]


def difference_body(old: Body, new: Body) -> dict[str, Any]:
    """Both plans and, for every asset about which they say something else, what each says and which share it trades."""
    before, after = _trades(old), _trades(new)
    return {
        "old": dict(old),
        "new": dict(new),
        "differences": [
            {
                "asset": asset,
                "old": one,
                "new": other,
                "old_trades": _share(before.get(asset, ZERO), old),
                "new_trades": _share(after.get(asset, ZERO), new),
            }
            for asset, one, other in _differing(old, new)
        ],
        "old_trades": _share(sum(before.values(), ZERO), old),
        "new_trades": _share(sum(after.values(), ZERO), new),
    }


def difference_view(old: Body, new: Body) -> RenderableType:
    """A table of what the other configuration would do differently."""
    differing = _differing(old, new)
    if not differing:
        return Text(
            f"No difference: configurations {old['config_hash']} and {new['config_hash']} would do the same now."
        )
    table = plain_table()
    table.add_column("asset", no_wrap=True, style="bold")
    table.add_column(f"now ({old['config_hash']})", ratio=1, overflow="fold")
    table.add_column(f"then ({new['config_hash']})", ratio=1, overflow="fold", style="green")
    before, after = _trades(old), _trades(new)
    for asset, one, other in differing:
        table.add_row(
            asset,
            "\n".join([*one, *_trading(before.get(asset, ZERO), old)]) or "-",
            "\n".join([*other, *_trading(after.get(asset, ZERO), new)]) or "-",
        )
    whole = [(sum(each.values(), ZERO), body) for each, body in ((before, old), (after, new))]
    now, then = (percent(_share(total, body)) for total, body in whole)
    return Group(table, Text(f"This edit would trade {then} of the book now; without it {now} would be traded."))


def _trades(body: Body) -> dict[str, Decimal]:
    """What the orders of a plan buy and sell, by asset, in accounting currency; transfers trade nothing."""
    made: dict[str, Decimal] = {}
    for item in body["actions"]:
        for leg in item["legs"]:
            if "symbol" in leg:
                made[item["asset"]] = made.get(item["asset"], ZERO) + Decimal(str(leg["notional"]))
    return made


def _share(traded: Decimal, body: Body) -> float | None:
    """As a fraction of equity; None while that is unknown."""
    return float(traded / Decimal(body["equity"])) if body["equity"] else None


def _trading(traded: Decimal, body: Body) -> list[str]:
    return [f"  trades {percent(_share(traded, body))} of the book"] if traded else []


def _differing(old: Body, new: Body) -> list[tuple[str, list[str], list[str]]]:
    one, other = _words(old), _words(new)
    assets = sorted(one.keys() | other.keys())
    return [
        (asset, one.get(asset, []), other.get(asset, []))
        for asset in assets
        if one.get(asset, []) != other.get(asset, [])
    ]


def _words(body: Body) -> dict[str, list[str]]:
    """Everything a plan says of an asset, as lines; targets too, since they are what a configuration changes first."""
    said = {item["asset"]: [f"target {percent(item['target'])}"] for item in body["exposures"]}
    for item in body["actions"]:
        lines = said.setdefault(item["asset"], [])
        lines += [wish_words(item), *(f"  {leg_words(leg)}" for leg in item["legs"])]
    for item in body["blocked"]:
        lines = said.setdefault(item["asset"], [])
        lines += [f"refused: {wish_words(item)}", *(f"  {verdict_words(each)}" for each in item["gates"]["not_passed"])]
    for item in body["holds"]:
        said.setdefault(item["asset"], []).append(whole_seconds(f"holds ({item['rule']}): {item['why']}"))
    return {asset: [*dict.fromkeys(lines)] for asset, lines in said.items()}
