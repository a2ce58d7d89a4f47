"""Owns what simulated accounts open with and how their bots are configured: those seeds draw, and the references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

FIVE = """
targets:
  stables: {weight: 0.15, floor: 0.05}
  sleeves:
    majors: {weight: 0.5, assets: {BTC: 0.6, ETH: 0.4}}
    others: {weight: 0.35, assets: [SOL, XRP, DOGE]}
pace: {cooldown: 0s, turnover_per_day: 0.6}
execution: {slice_max: 0.05}
"""
#: Two too heavy and two too light: four legs in one decision, in spot alone.
FOUR_LEGS = """
targets:
  stables: {weight: 0.15, floor: 0.05}
  sleeves:
    majors: {weight: 0.5, assets: {BTC: 0.5, ETH: 0.5}}
    others: {weight: 0.35, assets: [SOL, XRP]}
hedge: {enabled: false}
pace: {cooldown: 0s, turnover_per_day: 0.6}
execution: {slice_max: 0.10}
"""
#: One too heavy: half of a step is sold, half is hedged by a short; the margin for it is moved first.
TWO = """
targets:
  stables: {weight: 0.30, floor: 0.05}
  sleeves:
    majors: {weight: 0.7, assets: {BTC: 0.7, ETH: 0.3}}
pace: {cooldown: 0s, turnover_per_day: 0.6}
execution: {slice_max: 0.10, style: taker}
trim: {spot_share: 0.5}
"""
#: The same, and the short is old after half an hour: it is bought back, and as much is sold in spot.
AGEING = TWO + "hedge: {max_age: 30m}\n"


#: One is too heavy and within its band, so that nobody sells it; the other wants more than there is over the floor.
NO_MONEY = """
targets:
  stables: {weight: 0.06, floor: 0.05}
  sleeves:
    wide: {weight: 0.5, assets: [BTC], band: {points: 0.2, relative: null}}
    narrow: {weight: 0.44, assets: [ETH]}
triggers: {sleeve_band: {points: 0.3, relative: null}}
hedge: {enabled: false}
pace: {cooldown: 0s, turnover_per_day: 1.0}
execution: {slice_max: 0.10, style: taker}
"""


class Portfolio(NamedTuple):
    """Opening coins in spot, and the keys of the bot's configuration that are its own."""

    coins: Mapping[str, str]
    keys: str = FIVE


#: Mostly money that wants to be invested; mostly coins, to be trimmed and hedged; nothing but one coin.
DRAWN: Mapping[str, Portfolio] = {
    "cash": Portfolio({"USDT": "60000", "BTC": "0.2", "ETH": "2"}),
    "coins": Portfolio({"USDT": "6000", "BTC": "4", "ETH": "4", "SOL": "40"}),
    "one coin": Portfolio({"USDT": "5000", "BTC": "5"}),
}
#: What is disturbed once at every step and at every call, and for how many cycles.
REFERENCES: Mapping[str, tuple[Portfolio, int]] = {
    "four legs": (
        Portfolio({"USDT": "30000", "BTC": "0.325", "ETH": "12.22", "SOL": "97.8", "XRP": "9535"}, FOUR_LEGS),
        2,
    ),
    "trim and hedge": (Portfolio({"USDT": "48000", "BTC": "0.6076", "ETH": "7.096"}, TWO), 3),
    "convert": (Portfolio({"USDT": "48000", "BTC": "0.6076", "ETH": "7.096"}, AGEING), 3),
}
#: What neither seeds draw nor references are: places where one defence alone stands.
NARROW: Mapping[str, Portfolio] = {
    "at the floor": Portfolio({"USDT": "22000", "BTC": "0.3038", "ETH": "3.94"}, NO_MONEY),
}
PORTFOLIOS: Mapping[str, Portfolio] = {
    **DRAWN,
    **{name: portfolio for name, (portfolio, _) in REFERENCES.items()},
    **NARROW,
}


def configuration(portfolio: str, cycle_s: int) -> str:
    """The bot's configuration as text."""
    head = f"mode: paper\ncycle: {cycle_s}s\nlocal: {{seed: 1, scenario: random}}\nsignals: {{enabled: false}}\n"
    return head + PORTFOLIOS[portfolio].keys
