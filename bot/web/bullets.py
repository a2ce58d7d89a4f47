"""Owns where things stand on an asset's bullet: spot, futures and net exposure against band and target. No markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.render.words import percent, points

WIDTH: Final = 240.0  # units of the drawing, left to right
PAD: Final = 0.06  # of the range, at both ends
HARD: Final = 2.0  # bands: beyond it the trend is no longer asked (the rulebook's default)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the drawing."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bullet:
    """One asset. ``state``: inside, outside, beyond (the hard band) or unknown; None where a price is missing."""

    asset: str
    sleeve: str
    state: str
    item: Mapping[str, Any]
    zero: float
    band: Span
    target: float
    spot: Span | None
    futures: Span | None
    net: float | None
    says: str

    @property
    def signs(self) -> str:
        """Which way it is off, readable without colour."""
        if self.state in ("inside", "unknown"):
            return {"inside": "in band", "unknown": "unknown"}[self.state]
        way = "over" if (self.item["drift"] or 0) > 0 else "under"
        return f"far {way}" if self.state == "beyond" else way


def bullets(exposures: Sequence[Mapping[str, Any]]) -> list[Bullet]:
    """A bullet for each exposure of a plan (plan contract), each on its own scale."""
    return [bullet(item) for item in exposures]


def bullet(item: Mapping[str, Any]) -> Bullet:
    """Place one asset's numbers; what is unknown has no place."""
    low, high = float(item["band"][0]), float(item["band"][1])
    target = float(item["target"])
    known = [float(value) for value in (item["spot"], item["net"]) if value is not None]
    least, most = min(0.0, low, *known), max(high, target, *known, 1e-6)
    pad = (most - least) * PAD
    least, most = least - (pad if least < 0 else 0.0), most + pad

    def at(value: float) -> float:
        return round((value - least) / (most - least) * WIDTH, 2)

    def span(start: float, end: float) -> Span:
        left, right = sorted((at(start), at(end)))
        return Span(left, round(right - left, 2))

    spot, net = item["spot"], item["net"]
    return Bullet(
        asset=item["asset"],
        sleeve=item["sleeve"],
        state=state_of(item),
        item=item,
        zero=at(0.0),
        band=span(low, high),
        target=at(target),
        spot=None if spot is None else span(0.0, spot),
        futures=None if spot is None or net is None or not item["futures"] else span(spot, net),
        net=None if net is None else at(net),
        says=_says(item),
    )


def state_of(item: Mapping[str, Any]) -> str:
    """Where the net exposure is; the edges belong to the outside (R-W2)."""
    low, high = item["band"]
    net, target = item["net"], item["target"]
    half = high - target
    if net is None or half <= 0:
        return "unknown" if net is None else "inside" if low <= net <= high else "outside"
    share = round(abs(net - target), 9) / round(half, 9)
    if share < 1:
        return "inside"
    return "outside" if share < HARD else "beyond"


def _says(item: Mapping[str, Any]) -> str:
    """The drawing in words, for those who do not see it."""
    low, high = item["band"]
    return (
        f"{item['asset']}: net {percent(item['net'])} (spot {percent(item['spot'])}, futures "
        f"{percent(item['futures'])}), target {percent(item['target'])}, band {percent(low)} to {percent(high)}, "
        f"drift {points(item['drift'])} points"
    )
