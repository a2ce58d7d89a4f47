"""Owns the rulebook's scenarios: a configuration and an account each, and the stored snapshot files they are kept in.

`python -m tests.rules.scenarios` writes the files anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.numbers import canonical_json
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot, parse
from tests.rules.accounts import SATURDAY, account, keys
from tests.rules.leveraged_scenarios import LEVERAGED
from tests.rules.market_scenarios import MARKET

FOLDER = Path(__file__).parent / "snapshots"
NO_HEDGE = {"hedge": {"enabled": False}}
WINDOW = {"windows": {"schedule": ["Mon-Fri 13:00-17:00"]}}
#: BTC at its target of 50 beside laggards and winners that are at theirs.
FIFTY: Mapping[str, Any] = {"BTC": 50, "ETH": 15, "SOL": 15}
NO_REFILL = {"floor": "0.10", "refill": "0"}


@dataclass(frozen=True)
class Scenario:
    """A configuration (keys as an operator writes them) and an account as JSON values."""

    keys: Mapping[str, Any]
    account: Callable[[], dict[str, Any]]

    @property
    def policy(self) -> Policy:
        return Policy.model_validate(self.keys)


def _fifty(btc: float, stables: float, trend: str = "range", **more: Any) -> Callable[[], dict[str, Any]]:
    """BTC somewhere about its 50, ETH and SOL at their 15 each, 2 points of the stables in the futures wallet."""
    rest = (98 - btc - stables) / 2
    return lambda: account({"BTC": btc, "ETH": rest, "SOL": rest}, stables, futures=2, trends={"BTC": trend}, **more)


def _sixty_forty(btc: float, eth: float) -> Callable[[], dict[str, Any]]:
    return lambda: account({"BTC": btc, "ETH": eth}, 0, trends={"BTC": "range", "ETH": "range"})


def _floor(liquid: float, **more: Any) -> Callable[[], dict[str, Any]]:
    """Liquid stables beside BTC, the most overweight by far, and ETH."""
    return lambda: account({"BTC": 94 - liquid, "ETH": 6}, liquid, trends={"BTC": "range"}, **more)


def _hedged_and_short_of_cash(liquid: float) -> Callable[[], dict[str, Any]]:
    """S4's end: 57 of spot, 2 short of it (1 of margin, 1 available), and what is liquid altogether."""
    cash = liquid - 1
    return lambda: account({"BTC": 57, "ETH": 41 - cash}, cash, futures=2, shorts={"BTC": 2}, trends={"BTC": "range"})


SCENARIOS: Mapping[str, Scenario] = {
    "S1": Scenario(keys(FIFTY), _fifty(55, 13, "exhausted")),
    "S1-holds": Scenario(keys(FIFTY), _fifty(54.99, 13.01, "exhausted")),
    "S2": Scenario(keys(FIFTY), _fifty(45, 20, "at support")),
    "S2-holds": Scenario(keys(FIFTY), _fifty(45.01, 20, "at support")),
    "S3": Scenario(keys({"BTC": 60, "ETH": 40}, **NO_HEDGE), _sixty_forty(75, 25)),
    "S3-holds": Scenario(keys({"BTC": 60, "ETH": 40}, **NO_HEDGE), _sixty_forty(64.9, 35.1)),
    "S4": Scenario(keys({"BTC": 50, "ETH": 20}), lambda: account(
        {"BTC": 60, "ETH": 20}, 18, futures=2, trends={"BTC": "range"})),
    "S4-holds": Scenario(keys({"BTC": 50, "ETH": 20}), lambda: account(
        {"BTC": 54.9, "ETH": 20}, 23.1, futures=2, trends={"BTC": "range"})),
    "S8": Scenario(keys({"BTC": 50, "ETH": 35}, stables=NO_REFILL), _hedged_and_short_of_cash(7.003)),
    "S8-holds": Scenario(keys({"BTC": 50, "ETH": 35}, stables=NO_REFILL), _hedged_and_short_of_cash(9.75)),
    "S9": Scenario(keys(FIFTY, triggers={"band": {"points": "0.01"}}, **NO_HEDGE), _fifty(51, 17)),
    "S9-acts": Scenario(keys(FIFTY, triggers={"band": {"points": "0.01"}}, **NO_HEDGE), _fifty(55, 13)),
    "S10-holds": Scenario(keys(FIFTY), _fifty(56, 12, "strong up")),
    "S10": Scenario(keys(FIFTY), _fifty(60, 8, "strong up")),
    "S11": Scenario(keys(FIFTY), _fifty(56, 12, "exhausted")),
    "S11-holds": Scenario(keys(FIFTY), _fifty(54, 14, "exhausted")),
    "S16": Scenario(keys({"BTC": 80, "ETH": 8}, stables=NO_REFILL), _floor(8)),
    "S16-holds": Scenario(keys({"BTC": 80, "ETH": 8}, stables=NO_REFILL), _floor(9.75)),
    "S21-shut": Scenario(keys(FIFTY, **WINDOW), _fifty(55, 13, at=SATURDAY)),
    "S21-floor": Scenario(keys({"BTC": 80, "ETH": 8}, stables=NO_REFILL, **WINDOW), _floor(8, at=SATURDAY)),
    "S21-safety": Scenario(keys(FIFTY, **WINDOW), lambda: account(
        {"BTC": 2, "ETH": 15, "SOL": 15}, 66, futures=2, shorts={"BTC": 3}, at=SATURDAY)),
    "S21-thin": Scenario(keys(FIFTY, **NO_HEDGE), _fifty(55, 13, books={"BTC/USDT": 20_000})),
    "S21-deep": Scenario(keys(FIFTY, **NO_HEDGE), _fifty(55, 13, books={"BTC/USDT": 50_100})),
    **{name: Scenario(*parts) for name, parts in MARKET.items()},
    **{name: Scenario(*parts) for name, parts in LEVERAGED.items()},
}  # fmt: skip


def path(name: str) -> Path:
    """Where a scenario's snapshot is kept."""
    return FOLDER / f"{name}.json"


def text(name: str) -> str:
    """A scenario's snapshot as its file holds it."""
    return canonical_json(SCENARIOS[name].account()) + "\n"


def load(name: str) -> tuple[Snapshot, Policy]:
    """A scenario as its file holds it, and its policy."""
    return parse(path(name).read_text(encoding="utf-8"), name), SCENARIOS[name].policy


if __name__ == "__main__":
    for each in SCENARIOS:
        path(each).write_text(text(each), encoding="utf-8")
