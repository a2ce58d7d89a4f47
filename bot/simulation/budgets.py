"""Owns the audit of what a history may take: orders per minute, turnover, fees and loss a day, and where it ends.

Outside the system, as `bot.simulation.audit`: the record's rows by SQL, the exchange's own trades, the written policy.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from bot.core.numbers import ZERO
from bot.core.policy import Policy
from bot.simulation.ledger import Create
from bot.venues.simulated.exchange import Exchange, TradeRecord

SLACK = Decimal("0.02")  # of E: prices move between a decision and its fills, and E with them
ROUNDED = Decimal("1.01")  # an order is cut to steps and priced at the tick
ALL = 1_000_000
QUIET_TRADES = timedelta(minutes=5)
#: A decision bears the instant its reading began at, by its own clock: what it saw may be of so much earlier or later.
READING = timedelta(minutes=1)
NO_TIME = timedelta(0)
SECONDS = "%Y-%m-%dT%H:%M:%S"  # as the record writes instants, up to there
SPANS = (("minute", timedelta(minutes=1)), ("hour", timedelta(hours=1)))


class Sent(NamedTuple):
    """One order as the record has it: when its decision was made and of which class its action was."""

    client_id: str
    decision: str
    at: datetime
    cls: str
    action: str
    leg: int
    symbol: str
    value: Decimal  # signed, at the price it was sized at
    filled: Decimal


class Budgets:
    """One history against its policy. ``clocks_right``: whether every clock in it showed the right time."""

    def __init__(
        self,
        record: sqlite3.Connection,
        exchange: Exchange,
        creates: Sequence[Create],
        policy: Policy,
        *,
        clocks_right: bool,
    ) -> None:
        self._sql = record
        self._exchange = exchange
        self._creates = creates
        self._policy = policy
        self._clocks_right = clocks_right
        self._sent = list(_sent(record))
        self._plans = {row.decision: self._plan(row.decision) for row in self._sent}
        self._turn = {decision: number for number, decision in enumerate(self._plans)}  # in the order they were made
        self._decision_of = {row.client_id: row.decision for row in self._sent}
        symbols = sorted(exchange.scene.markets())
        trades = [
            trade
            for name in symbols
            for trade in exchange.trades(name, None, ALL)
            if trade.client_id in self._decision_of
        ]
        self._trades = sorted(trades, key=lambda trade: trade.at)

    def all(self) -> list[str]:
        """Every check; one line per fault."""
        checks = (self.pace, self.turnover, self.fees, self.loss, self.sizes, self.legs, self.ending)
        return [wrong for check in checks for wrong in check()]

    # ---- while it ran

    def pace(self) -> Iterator[str]:
        """I10, R-G6: no more orders leave in a minute and in an hour than may; safety's are not asked."""
        if not self._clocks_right:
            return
        safe = {row.client_id for row in self._sent if row.cls == "safety"}
        left = sorted(each.left for each in self._creates if each.client_id not in safe)
        most = {"minute": self._policy.pace.orders_per_minute, "hour": self._policy.pace.orders_per_hour}
        for word, span in SPANS:
            limit = most[word]
            for first, last in zip(left, left[limit:], strict=False):
                if last - first < span:
                    yield f"I10 {limit + 1} orders left within a {word}, the last at {last}; at most {limit} may"
                    break

    def turnover(self) -> Iterator[str]:
        """I10, R-G6: what a decision adds to what was bought or sold that UTC day stays within the day's budget.

        Its own trades are in what it asks for. Those of earlier decisions count whenever that day they came: an order
        under way is counted as well.
        """
        limits = {"normal": self._policy.pace.turnover_per_day, "derisk": self._policy.pace.turnover_derisk}
        for decision, rows in self._decisions():
            equity = self._equity(decision)
            at = rows[0].at
            for cls, limit in limits.items():
                for sign, word in ((1, "bought"), (-1, "sold")):
                    asked = sum((sign * row.value for row in rows if row.cls == cls and sign * row.value > 0), ZERO)
                    if not asked or not equity:
                        continue
                    share = asked / equity + sum(
                        (
                            _value(trade) / self._equity_of(trade, equity)
                            for trade in self._day(decision, at)
                            if _sign(trade) == sign
                        ),
                        ZERO,
                    )
                    if share > limit + SLACK:
                        what = f"brings what was {word} that day to {share:.1%} of E, {cls} may {limit}"
                        yield f"I10 decision {decision} {what}"

    def fees(self) -> Iterator[str]:
        """I10, R-G18: once the day's fees are spent nothing normal is sent."""
        limit = self._policy.limits.fees_per_day
        for decision, rows in self._decisions():
            equity = self._equity(decision)
            if not equity or not any(row.cls in ("normal", "yield") for row in rows):
                continue
            at = rows[0].at
            paid = sum((self._fee(trade) for trade in self._day(decision, at) if trade.at <= at), ZERO)
            if paid / equity > limit + SLACK * limit:
                spent = f"fees of {paid / equity:.3%} of E that day, at most {limit}"
                yield f"I10 decision {decision} was sent after {spent}"

    def loss(self) -> Iterator[str]:
        """I10, R-G18: after a day's loss, what was withdrawn apart, nothing normal is sent."""
        limit = self._policy.limits.loss_per_day
        for decision, rows in self._decisions():
            equity, at = self._equity(decision), rows[0].at
            start, began = self._begun_with(at)
            if not equity or not start or not any(row.cls in ("normal", "yield") for row in rows):
                continue
            # Whoever came or left while money was read may be in it or not: the day is held against the less of both.
            left = max(
                self._withdrawn(began + early, at + late)
                for early in (-READING, NO_TIME, READING)
                for late in (-READING, NO_TIME, READING)
            )
            lost = (start - equity - left) / start
            if lost > limit + SLACK:
                yield f"I10 decision {decision} was sent after a loss of {lost:.1%} of E that day, at most {limit}"

    def sizes(self) -> Iterator[str]:
        """R-G14: no order is larger than one order may be."""
        limit = self._policy.limits.order_value_max
        for row in self._sent:
            equity = self._equity(row.decision)
            if equity and abs(row.value) > limit * equity * ROUNDED:
                yield f"R-G14 {row.client_id} is {abs(row.value) / equity:.1%} of E, at most {limit}"

    def legs(self) -> Iterator[str]:
        """I4: what all orders of a leg filled is at most the leg."""
        filled: dict[tuple[str, str, int], Decimal] = {}
        for row in self._sent:
            key = (row.decision, row.action, row.leg)
            filled[key] = filled.get(key, ZERO) + row.filled
        for (decision, action, leg), done in filled.items():
            actions = {item["id"]: item for item in self._plans[decision]["actions"]}
            if action not in actions:
                yield f"I3 action {action} has orders and is not in its decision"
            elif done > Decimal(actions[action]["legs"][leg]["amount"]):
                yield f"I4 leg {leg} of {action} filled {done:f} of {actions[action]['legs'][leg]['amount']}"

    # ---- how it ended

    def ending(self) -> Iterator[str]:
        """L3: in the end E is known, every asset is in its band or the last decision says why not; I6: what it saw."""
        last = self._sql.execute("SELECT decision_id, number FROM decisions ORDER BY number DESC LIMIT 1").fetchone()
        if last is None:
            return
        plan = self._plan(last[0])
        if plan["equity"] is None:
            yield f"L3 in the end E is unknown: {'; '.join(plan['unknown'][:3])}"
        yield from _unsaid(plan)
        yield from self._seen(last[1])

    def out_of_band(self) -> Counter[str]:
        """By rule: why what is out of its band in the end is so; "in band" for the rest."""
        last = self._sql.execute("SELECT decision_id FROM decisions ORDER BY number DESC LIMIT 1").fetchone()
        plan = self._plan(last[0]) if last else {"exposures": ()}
        return Counter(why for item in plan["exposures"] for why in [_why(item, plan)])

    def _seen(self, number: int) -> Iterator[str]:
        """I6: coins that nothing moved since are as the last decision saw them, to the last unit."""
        row = self._sql.execute("SELECT at, body FROM snapshots WHERE number = ?", (number,)).fetchone()
        if row is None:
            return
        at = datetime.fromisoformat(row[0])
        moved = self._moved_since(at - QUIET_TRADES)
        told: dict[str, Decimal] = {}
        for item in json.loads(zlib.decompress(row[1])).get("balances", ()):
            if item["wallet"] == "spot":
                amount = Decimal(item["free"]) + Decimal(item.get("locked") or 0)
                told[item["asset"]] = told.get(item["asset"], ZERO) + amount
        for asset, held in self._exchange.balances().items():
            there = held.free + held.locked
            if asset in self._policy.assets and asset not in moved and told.get(asset, ZERO) != there:
                yield f"I6 the last decision saw {told.get(asset, ZERO):f} {asset}, there are {there:f}"

    def _moved_since(self, at: datetime) -> set[str]:
        symbols = sorted(self._exchange.scene.markets())
        traded = {
            trade.symbol for name in symbols for trade in self._exchange.trades(name, None, ALL) if trade.at >= at
        }
        moved = {symbol.partition("/")[0] for symbol in traded}
        moved |= {each.asset for each in self._exchange.flows(None, ALL) if each.at >= at}
        return moved | {each.asset for each in self._exchange.transfers(None, ALL) if each.at >= at}

    # ---- what it is made of

    def _plan(self, decision: str) -> Mapping[str, Any]:
        row = self._sql.execute("SELECT plan FROM decisions WHERE decision_id = ?", (decision,)).fetchone()
        plan: Mapping[str, Any] = json.loads(zlib.decompress(row[0]))
        return plan

    def _equity(self, decision: str) -> Decimal | None:
        equity = self._plans[decision]["equity"]
        return None if equity is None else Decimal(equity)

    def _decisions(self) -> Iterator[tuple[str, list[Sent]]]:
        made: dict[str, list[Sent]] = {}
        for row in self._sent:
            made.setdefault(row.decision, []).append(row)
        yield from made.items()

    def _day(self, decision: str, at: datetime) -> list[TradeRecord]:
        """Trades of the UTC day for decisions before this one: by their order, since the venue has its own clock."""
        turn = self._turn[decision]
        return [
            trade
            for trade in self._trades
            if trade.at.date() == at.date() and self._turn[self._decision_of[trade.client_id]] < turn
        ]

    def _equity_of(self, trade: TradeRecord, otherwise: Decimal) -> Decimal:
        """E as the decision knew it that a trade was made for."""
        return self._equity(self._decision_of[trade.client_id]) or otherwise

    def _fee(self, trade: TradeRecord) -> Decimal:
        return trade.fee if trade.fee_asset == self._policy.accounting_currency else trade.fee * trade.price

    def _begun_with(self, at: datetime) -> tuple[Decimal | None, datetime]:
        """E of the day's first decision that knew it, and when; only those that sent are kept, others are read.

        By a clock that was behind the first one bears an instant of the evening before.
        """
        midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        day, next_day = (each.strftime(SECONDS) for each in (midnight - READING, midnight + timedelta(days=1)))
        rows = self._sql.execute(
            "SELECT plan, at FROM decisions WHERE at >= ? AND at < ? ORDER BY number", (day, next_day)
        )
        for packed, made_at in rows:
            equity = json.loads(zlib.decompress(packed))["equity"]
            if equity is not None:
                return Decimal(equity), datetime.fromisoformat(made_at)
        return None, at

    def _withdrawn(self, began: datetime, at: datetime) -> Decimal:
        """What left since less what came, at the prices of the moment; what was before, the day began with."""
        total = ZERO
        for flow in self._exchange.flows(None, ALL):
            if began < flow.at <= at:
                stable = flow.asset == self._policy.accounting_currency
                price = Decimal(1) if stable else self._exchange.scene.price(f"{flow.asset}/USDT", flow.at) or ZERO
                total += flow.amount * price * (1 if flow.kind == "withdrawal" else -1)
        return total


def _sent(record: sqlite3.Connection) -> Iterator[Sent]:
    rows = record.execute(
        "SELECT o.client_id, o.decision_id, d.at, a.class, o.action_id, o.leg, o.symbol, o.qty, "
        "COALESCE(o.reference, o.price), o.filled FROM orders o "
        "JOIN decisions d ON d.book_id = o.book_id AND d.decision_id = o.decision_id "
        "JOIN actions a ON a.book_id = o.book_id AND a.action_id = o.action_id "
        "WHERE o.state <> 'denied' ORDER BY o.id"
    )
    for name, decision, at, cls, action, leg, symbol, qty, price, filled in rows:
        value = Decimal(qty) * Decimal(price)
        yield Sent(name, decision, datetime.fromisoformat(at), cls, action, leg, symbol, value, Decimal(filled))


def _value(trade: TradeRecord) -> Decimal:
    return trade.amount * trade.price


def _sign(trade: TradeRecord) -> int:
    return 1 if trade.side == "buy" else -1


def _outside(item: Mapping[str, Any]) -> bool:
    low, high = item["band"]
    return item["net"] is not None and not low <= item["net"] <= high


def _words(asset: str, plan: Mapping[str, Any]) -> list[str]:
    """The rules and gates that have a word on an asset."""
    made = [str(item["rule"]) for part in ("actions", "holds") for item in plan[part] if item["asset"] == asset]
    for item in plan["blocked"]:
        if item["asset"] == asset:
            stopped = [one["gate"] for one in item["gates"]["not_passed"] if one["verdict"] in ("defer", "veto")]
            made.append(" ".join([str(item["rule"]), "stopped by", *dict.fromkeys(stopped)]))
    return made


def _unsaid(plan: Mapping[str, Any]) -> Iterator[str]:
    for item in plan["exposures"]:
        if _outside(item) and not _words(item["asset"], plan):
            yield f"L3 {item['asset']} is at {item['net']}, out of its band {item['band']}, and nothing says why"


def _why(item: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    return (_words(item["asset"], plan) or ["nothing said"])[0] if _outside(item) else "in band"
