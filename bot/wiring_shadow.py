"""Owns the composition of the shadow: a record and the paper engine in, the gap between them out. Off the trading path.

Everything comes from what is recorded: a decision with orders keeps its snapshot with quotes and books, and the paper
engine is given the very intents at them. So it can be told again at any time, and cannot disturb who trades.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bot.core.events import Event
from bot.core.numbers import ZERO
from bot.core.orders import TERMINAL, OrderState
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.engine.shadow import Done, Paid, assumed_of, gap
from bot.ports.store import OrderRow, Record
from bot.venues.simulated.shadow import Shadow, ShadowAccount

EVERY_ORDER: Final = 10_000_000
SETTLED_WITHIN: Final = timedelta(minutes=5)  # of the instant that the rate was told for
NO_FILL: Final = frozenset({OrderState.DENIED, OrderState.ABSENT, OrderState.REJECTED})
TOLD_EVERY: Final = 100


@dataclass(slots=True)
class _Real:
    """What really came of an order: unsigned base units, their value, fees where every one is known."""

    filled: Decimal = ZERO
    value: Decimal = ZERO
    fee: Decimal | None = ZERO


@dataclass(slots=True)
class _Walk:
    """The record read once, oldest first."""

    latency: timedelta
    since: datetime | None
    orders: Mapping[str, list[OrderRow]]  # by decision
    ended: Mapping[str, datetime]
    real: Mapping[str, _Real]
    funding: list[Event]  # still to come, oldest first
    done: list[Done] = field(default_factory=list)
    paid: list[Paid] = field(default_factory=list)
    pruned: int = 0
    _accounts: list[tuple[ShadowAccount, dict[str, Done]]] = field(default_factory=list)
    _last: Snapshot | None = None

    def see(self, decision_id: str, plan_json: str, snapshot: Snapshot | None, policy: Policy) -> None:
        """One decision."""
        mine = [row for row in self.orders.get(decision_id, ()) if self._counts(row)]
        if snapshot is None:
            self.pruned += bool(mine)
            return
        self._settle(snapshot.at)
        for account, _ in self._accounts:
            account.saw(snapshot)
        self._close(snapshot.at)
        if mine:
            self._shadow(mine, json.loads(plan_json), snapshot, policy)
        self._last = snapshot

    def end(self) -> None:
        """Nothing more is recorded."""
        far = max((*self.ended.values(), *(event.at for event in self.funding)), default=None)
        if far is not None:
            self._settle(far + SETTLED_WITHIN)
            self._close(far + SETTLED_WITHIN)

    def _counts(self, row: OrderRow) -> bool:
        sent = row.submitted_at
        late = sent is not None and (self.since is None or sent >= self.since)
        return late and row.state in TERMINAL and row.state not in NO_FILL

    def _shadow(self, rows: Sequence[OrderRow], body: Mapping[str, Any], snapshot: Snapshot, policy: Policy) -> None:
        account = ShadowAccount(snapshot, policy.accounting_currency, self.latency)
        resting: dict[str, Done] = {}
        for row in sorted(rows, key=lambda each: (each.submitted_at or each.created_at, each.intent.leg)):
            intent = replace(row.intent, qty=row.sent_qty or row.intent.qty)
            rests = intent.tif != "ioc"
            shadow = account.place(intent, self.ended.get(intent.client_id) if rests else None)
            made = self._done(row, shadow, body, rests=rests)
            if rests and not shadow.refused and intent.client_id in self.ended and not _whole(shadow, made):
                resting[intent.client_id] = made
            else:
                self.done.append(made)
        if resting:
            self._accounts.append((account, resting))

    def _done(self, row: OrderRow, shadow: Shadow, body: Mapping[str, Any], *, rests: bool) -> Done:
        intent, real = row.intent, self.real.get(row.intent.client_id, _Real())
        made = Done(
            client_id=intent.client_id,
            at=row.submitted_at or row.created_at,
            symbol=intent.symbol,
            kind=intent.kind,
            buying=intent.qty > 0,
            rested=rests,
            asked=abs(row.sent_qty or intent.qty),
            filled=real.filled,
            price=real.value / real.filled if real.filled else None,
            fee=real.fee,
            reference=intent.reference,
            paper_filled=ZERO,
            paper_price=None,
            paper_fee=ZERO,
            paper_told=True,
            assumed=assumed_of(body, intent.action_id, intent.symbol),
        )
        return _with(made, shadow)

    def _close(self, at: datetime) -> None:
        """Orders that had ended before ``at`` are what they are."""
        for account, resting in self._accounts:
            for name, shadow in account.ended(at).items():
                self.done.append(_with(resting.pop(name), shadow))
        self._accounts = [each for each in self._accounts if each[1]]

    def _settle(self, at: datetime) -> None:
        """Funding paid up to ``at``, by the rate and the position last recorded before it."""
        while self.funding and self.funding[0].at <= at:
            event = self.funding.pop(0)
            if self.since is None or event.at >= self.since:
                symbol, paid = str(event.body["symbol"]), Decimal(str(event.body["paid"]))
                self.paid.append(Paid(event.at, symbol, paid, _paper_funding(self._last, symbol, event.at)))


async def shadow(
    record: Record, policy: Policy, latency: timedelta, since: datetime | None, told: Callable[[int], None]
) -> dict[str, Any]:
    """The gap of a whole record, or from ``since`` on, as `bot.engine.shadow.gap` has it; ``told`` hears decisions."""
    orders: dict[str, list[OrderRow]] = {}
    for order in await record.orders(EVERY_ORDER):
        orders.setdefault(order.intent.decision_id, []).append(order)
    ended: dict[str, datetime] = {}
    funding: list[Event] = []
    async for event in record.events():
        if event.kind == "order.state" and OrderState(event.body["state"]) in TERMINAL:
            ended[str(event.body["client_id"])] = event.at
        elif event.kind == "funding":
            funding.append(event)
    walk = _Walk(latency, since, orders, ended, _real(await record.fills()), sorted(funding, key=lambda each: each.at))
    count = 0
    async for row, snapshot, used in record.everything():
        walk.see(row.decision_id, row.plan_json, snapshot, used)
        count += 1
        if count % TOLD_EVERY == 0:
            told(count)
    walk.end()
    told(count)
    return gap(walk.done, walk.paid, min_ratio=policy.costs.min_ratio, pruned=walk.pruned)


def _real(fills: Sequence[Mapping[str, Any]]) -> dict[str, _Real]:
    found: dict[str, _Real] = {}
    for fill in fills:
        if fill["client_id"] is None:
            continue
        made = found.setdefault(fill["client_id"], _Real())
        made.filled += abs(fill["qty"])
        made.value += abs(fill["qty"]) * fill["price"]
        known = made.fee is not None and fill["fee_value"] is not None
        made.fee = made.fee + fill["fee_value"] if known and made.fee is not None else None
    return found


def _with(made: Done, shadow: Shadow) -> Done:
    return replace(
        made, paper_filled=shadow.filled, paper_price=shadow.average, paper_fee=shadow.fee, paper_told=shadow.told,
        paper_refused=shadow.refused,
    )  # fmt: skip


def _whole(shadow: Shadow, made: Done) -> bool:
    return shadow.filled >= made.asked


def _paper_funding(snapshot: Snapshot | None, symbol: str, at: datetime) -> Decimal | None:
    """What paper would have paid: the position as recorded before, at its mark, by the rate told for this instant."""
    if snapshot is None:
        return None
    rate = snapshot.funding.get(symbol)
    held = next((each for each in snapshot.positions if each.symbol == symbol and each.quantity), None)
    if rate is None or held is None or held.mark_price is None or rate.next_at is None:
        return None
    if abs(rate.next_at - at) > SETTLED_WITHIN:
        return None
    return held.quantity * held.mark_price * rate.rate
