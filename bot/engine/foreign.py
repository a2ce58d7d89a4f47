"""Owns the search for another writer on the account: orders and trades that this record cannot explain. Cancels none.

An id of our own make that the record does not hold was made by another instance, or by this one after the backup that
the record was restored from: both freeze, until an operator's resume. People and other programs are told of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.core.desk import contract_of
from bot.core.instruments import spot_symbol
from bot.core.orders import MODE_LETTERS, Fill
from bot.core.policy import Policy
from bot.engine.observe import sampled
from bot.engine.parts import Parts
from bot.engine.record import SKEW, Recorder
from bot.engine.stop import KillWatch
from bot.ports.venue import Gap

OURS = re.compile(rf"b[{''.join(sorted(MODE_LETTERS.values()))}][a-z2-7]{{24}}")
SWEEP_EVERY = timedelta(hours=1)  # venue time between two looks at all open orders
FIRST_LOOK = timedelta(days=1)  # how far back an account is searched that the record never saw
AT_ONCE = 40  # symbols whose trades are searched in one cycle
TRIES_MOST = 3  # for a symbol whose trades cannot be read
MANY = 10  # orders of others within an hour that are no person's any more
SHOWN = 5  # named in one message


class Foreign:
    """One portfolio's watch over its account. ``kill`` takes the freeze."""

    def __init__(self, parts: Parts, recorder: Recorder, kill: KillWatch) -> None:
        self._parts = parts
        self._recorder = recorder
        self._kill = kill
        self._swept_at: datetime | None = None
        self._since: datetime | None = None  # trades from here on are searched at the start
        self._compared_at: datetime | None = None
        self._waiting: list[tuple[str, int]] | None = None  # symbols still to search at the start, and tries so far
        self._empty = False  # the record never saw this account: what people did before is theirs
        self._told: set[str] = set()
        self._others: dict[str, datetime] = {}  # orders of others by the venue's id, when they traded

    async def look(self) -> None:
        """Before a decision: open orders hourly; at the start the trades since the record's last word too."""
        if not self._parts.sends:
            return
        at = self._parts.clock.now()
        if self._swept_at is None or at - self._swept_at >= SWEEP_EVERY:
            await self._sweep(at)
        if self._waiting is None:
            await self._begin(at)
        await self._search_on()

    async def changed(self, assets: Iterable[str]) -> None:
        """Coins came or went: see whether somebody else had a hand in it, beside us or instead."""
        names = set(assets)
        at = self._parts.clock.now()
        before, self._compared_at = self._compared_at or at, at
        policy = self._recorder.policy
        if not names or policy is None or not self._parts.sends:
            return
        since = before - self._parts.visible_within
        for symbol in _symbols(names, policy)[:AT_ONCE]:
            await self._search(symbol, since)

    # ---- orders

    async def _sweep(self, at: datetime) -> None:
        found = await self._parts.account.open_orders(())
        if isinstance(found, Gap):
            return
        self._swept_at = at
        strange = await self._strange({view.client_id: view.symbol for view in found if OURS.fullmatch(view.client_id)})
        if strange:
            names = _named(f"{symbol} {name}" for name, symbol in strange.items())
            self._kill.set("freeze", "orphan sweep", f"open orders that this record did not intend: {names}")

    async def _strange(self, mine: dict[str, str]) -> dict[str, str]:
        """Those client ids that the record does not hold and nobody was told of yet."""
        mine = {name: symbol for name, symbol in mine.items() if name not in self._told}
        if mine:
            known = {row.intent.client_id for row in await self._parts.store.orders_named(mine)}
            mine = {name: symbol for name, symbol in mine.items() if name not in known}
        self._told |= mine.keys()
        return dict(sorted(mine.items(), key=lambda item: (item[1], item[0])))

    # ---- trades

    async def _begin(self, at: datetime) -> None:
        """What the venue did since the record's last decision must be in the record: else it is an old one."""
        policy = self._recorder.policy
        if policy is None:
            return
        last = await self._parts.record.decisions(1)
        self._empty = not last
        self._since = (last[0].at if last else at - FIRST_LOOK) - SKEW
        self._waiting = [(symbol, 0) for symbol in sampled(policy)]

    async def _search_on(self) -> None:
        if not self._waiting or self._since is None:
            return
        now, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        for symbol, tries in now:
            if not await self._search(symbol, self._since, ours_only=self._empty) and tries + 1 < TRIES_MOST:
                self._waiting.append((symbol, tries + 1))

    async def _search(self, symbol: str, since: datetime, *, ours_only: bool = False) -> bool:
        """Judge one symbol's trades; whether they could be read."""
        fills = await self._parts.account.fills(symbol, since)
        if isinstance(fills, Gap):
            return False
        named = {fill.client_id: fill.symbol for fill in fills if fill.client_id and OURS.fullmatch(fill.client_id)}
        strange = await self._strange(named)
        if strange:
            newest = max(fill.at for fill in fills if fill.client_id in strange)
            text = (
                f"trades that this record knows nothing of, the last at {newest:%Y-%m-%d %H:%M:%S}Z: "
                f"{_named(f'{where} {name}' for name, where in strange.items())}; another bot is on this account, "
                "or the record is an older copy"
            )
            self._kill.set("freeze", "trade search", text)
        if not ours_only:
            await self._by_others(fills)
        return True

    async def _by_others(self, fills: Sequence[Fill]) -> None:
        """Trades of people are told of and decided upon afresh; a flood of them is another program."""
        strange = [fill for fill in fills if not (fill.client_id and OURS.fullmatch(fill.client_id))]
        orders = {order for fill in strange if (order := _order_of(fill)) not in self._others}
        # The venue's trades may name no client id; its order ids are in the record.
        rows = await self._parts.store.orders_named(venue_ids=orders) if orders else ()
        orders -= {row.venue_id for row in rows if row.venue_id}
        for fill in strange:
            order = _order_of(fill)
            if order not in orders:
                continue
            orders.discard(order)
            self._others[order] = fill.at
            text = f"{fill.qty:+f} {fill.symbol} at {fill.price:f} was traded by somebody else (order {order})"
            self._parts.alerts.send("warning", text, key=f"foreign:{order}")
        at = self._parts.clock.now()
        recent = [name for name, when in self._others.items() if at - when <= SWEEP_EVERY]
        self._others = {name: self._others[name] for name in recent}
        if len(recent) >= MANY and "others" not in self._told:
            self._told.add("others")
            text = f"{len(recent)} orders within an hour that are not ours: another program trades this account"
            self._kill.set("freeze", "trade search", text)


def _order_of(fill: Fill) -> str:
    """The venue's id of the order that a trade belongs to; the trade's own where it tells none."""
    return fill.venue_order_id or fill.trade_id


def _symbols(assets: Iterable[str], policy: Policy) -> list[str]:
    currency = policy.accounting_currency
    wanted = [asset for asset in sorted(assets) if asset in policy.assets]
    return [name for asset in wanted for name in (spot_symbol(asset, currency), contract_of(asset, policy).symbol)]


def _named(items: Iterable[str]) -> str:
    names = list(items)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
