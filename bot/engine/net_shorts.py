"""Owns I8 over a record: no own order made a coin net short, and one that somebody else made was not left alone. Pure.

What a decision read is a claim. Where it could not read, or did not believe what it read (R-W9), nothing is judged.
Where it believed it, a net short is ours if what was held before, with our own fills since, comes to less than nothing:
a venue that answers "no coins" beside a short that stands makes no net short of ours, nor does an owner who withdraws.
What is left to the bot then is to buy it back (R-A7), or to say why not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.core.instruments import base_of, is_swap
from bot.core.numbers import ONE, ZERO
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.ports.store import DecisionRow, OrderRow

MENDS = "R-A7"
UNREAD = ("balances", "positions", "savings", "account")
UNBELIEVED = "equity"  # what is unknown of E as a whole: it came or went without explanation, or nothing is held


@dataclass(frozen=True, slots=True)
class Net:
    """Coins held less coins short, per asset, as a decision at ``at`` believed it."""

    at: datetime
    coins: Mapping[str, Decimal]
    short: Mapping[str, Decimal]

    def of(self, asset: str) -> Decimal:
        """Coins, signed."""
        return self.coins.get(asset, ZERO) - self.short.get(asset, ZERO)


@dataclass(frozen=True, slots=True)
class Doubt:
    """An asset found net short by a decision: what was believed before it, None where nothing was."""

    decision: str
    asset: str
    before: Net | None
    now: Net
    unsaid: bool  # the decision neither bought it back nor said why not
    policy: Policy


@dataclass(slots=True)
class NetShorts:
    """What I8 needs of all decisions; `add` takes one, `faults` judges them against what was filled."""

    _last: Net | None = None
    _found: list[Doubt] = field(default_factory=list)

    def add(self, row: DecisionRow, body: Mapping[str, Any], snapshot: Snapshot, policy: Policy) -> None:
        """Take what a decision believed of coins and shorts."""
        if not _believed(body, snapshot):
            return
        now = _net(row.at, snapshot, policy)
        said = {str(item.get("asset")) for item in (*body["actions"], *body["blocked"]) if item.get("rule") == MENDS}
        self._found += [
            Doubt(row.decision_id, asset, self._last, now, asset not in said, policy)
            for asset in sorted(now.short)
            if now.of(asset) < 0
        ]
        self._last = now

    def faults(self, fills: Sequence[Mapping[str, Any]], orders: Iterable[OrderRow]) -> list[str]:
        """One line per net short of our own making, or that was passed over in silence."""
        index = {row.intent.client_id for row in orders if row.intent.purpose == "index"}
        own = (
            [fill for fill in fills if fill.get("client_id") and fill["client_id"] not in index] if self._found else []
        )
        return [line for doubt in self._found for line in _judged(doubt, own)]


def _judged(doubt: Doubt, own: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    asset, before, now = doubt.asset, doubt.before, doubt.now
    held = f"{asset} is short {now.short[asset]:f} against {now.coins.get(asset, ZERO):f} held"
    if before is not None and before.of(asset) >= 0:
        since = [fill for fill in own if before.at < fill["at"] <= now.at]
        ours = sum((_coins(fill, asset, doubt.policy) for fill in since), ZERO)
        if before.of(asset) + ours < 0:
            yield f"{doubt.decision}: {held}: own orders took {-ours:f} of {before.of(asset):f}"
            return
    if doubt.unsaid:
        yield f"{doubt.decision}: {held}, and it was left so"


def _coins(fill: Mapping[str, Any], asset: str, policy: Policy) -> Decimal:
    """By how many coins a fill changed what is held less what is short."""
    symbol, qty = str(fill["symbol"]), Decimal(str(fill["qty"]))
    named, coins = _asset_of(symbol, policy)
    if is_swap(symbol):
        return qty * coins if named == asset else ZERO
    fee = Decimal(str(fill.get("fee") or 0)) if fill.get("fee_asset") == asset else ZERO
    return (qty if base_of(symbol) == asset else ZERO) - fee


def _believed(body: Mapping[str, Any], snapshot: Snapshot) -> bool:
    return not any(gap.startswith(UNREAD) for gap in snapshot.gaps) and not any(
        str(word).startswith(UNBELIEVED) for word in body["unknown"]
    )


def _net(at: datetime, snapshot: Snapshot, policy: Policy) -> Net:
    coins: dict[str, Decimal] = {}
    short: dict[str, Decimal] = {}
    for balance in snapshot.balances:
        coins[balance.asset] = coins.get(balance.asset, ZERO) + balance.total
    index = {item.symbol for item in snapshot.memory.hedges if item.purpose == "index"}
    for position in snapshot.positions:
        asset, multiplier = _asset_of(position.symbol, policy)
        if position.quantity < 0 and asset in policy.assets and position.symbol not in index:
            short[asset] = short.get(asset, ZERO) - position.quantity * multiplier
    return Net(at, coins, short)


def _asset_of(symbol: str, policy: Policy) -> tuple[str, Decimal]:
    """What a contract is on, and how many coins one of its units is."""
    alias = policy.aliases.get(base_of(symbol))
    return (alias.asset, alias.multiplier) if alias else (base_of(symbol), ONE)
