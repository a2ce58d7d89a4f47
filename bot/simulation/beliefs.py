"""Owns what a decision rests on, held against the world: what it believes to hold, and who may write it down.

Outside the system: of the bot it reads only what was decided and recorded, of the world the exchange and the lease.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.core.events import Event
from bot.core.instruments import base_of, is_swap
from bot.core.numbers import ZERO
from bot.core.orders import MoveIntent, OrderIntent
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.store.sql import SqlStore
from bot.venues.simulated.exchange import PositionRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.simulation.ledger import Seen


class WatchedStore(SqlStore):
    """The product's store, whose accepted writes are held against the lease as it stood before they were asked for."""

    def __init__(self, url: str, utc_now: Callable[[], datetime], record: sqlite3.Connection, seen: Seen) -> None:
        super().__init__(url, utc_now)
        self._outside = record
        self._seen = seen

    async def append(self, events: Sequence[Event], fence: int) -> None:
        """As the store does it; I11."""
        led = self._led()
        await super().append(events, fence)
        self._must_lead(fence, led)

    async def begin(
        self,
        cycle_id: str,
        snapshot: Snapshot,
        policy: Policy,
        plan: Plan,
        intents: Sequence[OrderIntent],
        moves: Sequence[MoveIntent],
        fence: int,
    ) -> None:
        """As the store does it; I11."""
        led = self._led()
        await super().begin(cycle_id, snapshot, policy, plan, intents, moves, fence)
        self._must_lead(fence, led)

    def _led(self) -> int:
        row = self._outside.execute("SELECT max(fence) FROM leases").fetchone()
        return int(row[0] or 0)

    def _must_lead(self, fence: int, led: int) -> None:
        if led > fence:
            self._seen.violated(f"I11 the record was written under fence {fence} while {led} led")


class Beliefs:
    """What each process was told it holds, and whether it decided on that."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._told: dict[str, Mapping[str, Decimal]] = {}

    def told(self, process: str, positions: Sequence[PositionRecord] | None) -> None:
        """The exchange's positions at the instant at which a process was told of them; None: it was told nothing."""
        if positions is None:
            self._told.pop(process, None)
        else:
            self._told[process] = _summed((base_of(each.symbol), each.quantity) for each in positions)

    def decided(self, process: str, plan: Plan) -> None:
        """I6: a decision rests on the positions that there are, with the right sign and in coins.

        One whose mark is not known it counts nowhere, and says so: E is unknown then, and nothing is believed.
        """
        told = self._told.pop(process, None)
        named = [word.partition(": ")[0] for word in plan.assessment.unknown]
        unsure = {base_of(name) for name in named if "/" in name and is_swap(name)}
        items = [item for item in plan.assessment.exposures if item.asset not in unsure]
        believed = _summed((item.asset, item.contracts + item.index_contracts) for item in items)
        known = None if told is None else {asset: held for asset, held in told.items() if asset not in unsure}
        if known is not None and known != believed:
            self._seen.violated(f"I6 {plan.decision_id} believes to hold {_words(believed)}, there is {_words(known)}")


def _summed(amounts: Iterable[tuple[str, Decimal]]) -> Mapping[str, Decimal]:
    held: dict[str, Decimal] = {}
    for asset, quantity in amounts:
        held[asset] = held.get(asset, ZERO) + quantity
    return {asset: quantity for asset, quantity in held.items() if quantity}


def _words(held: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{quantity:f} {asset}" for asset, quantity in sorted(held.items())) or "nothing"
