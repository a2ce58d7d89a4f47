"""Owns the eyes at the exchange's door: every create is seen, and held against the record as it is at that instant.

Outside the system: it reads the record by SQL and the exchange directly, and uses nothing of `bot.engine`.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.core.instruments import base_of, is_swap
from bot.core.numbers import ZERO
from bot.core.orders import OrderIntent, OrderView, Placed
from bot.simulation.ledger import Create
from bot.simulation.limits import Limits, Standing
from bot.simulation.loop import Process
from bot.venues.simulated.exchange import Refusal, RefusalCode
from bot.venues.simulated.mapping import request_of, view_of

if TYPE_CHECKING:
    from bot.simulation.world import World

KILLS = ("freeze", "halt", "flatten")  # from the least to the most
ACKNOWLEDGED_AFTER = timedelta(seconds=2)  # of a machine that is awake: the watch looks twice a second
OBEYED_WITHIN = timedelta(seconds=6)  # by its wall clock, whatever it slept
FURTHEST = Decimal("0.12")  # safety's collar, and what a market moves in the seconds between
FLOOR_TOLERANCE = Decimal("0.005")
SHORT_TOLERANCE = Decimal("0.001")  # of what is held: fees taken in base


class Eyes:
    """Sees what leaves and what arrives in one world."""

    def __init__(self, world: World, record: sqlite3.Connection) -> None:
        self._world = world
        self._record = record
        self._limits = Limits(world.exchange, world.settings.policy())
        self._left: set[str] = set()
        self._arrived: set[str] = set()
        self._taken: dict[str, Decimal] = {}

    def leaves(self, intent: OrderIntent, at: datetime, taken: Decimal) -> None:
        """An order goes through the last gate: committed (I1), once (I2), not while stopped (I9), in time (I12).

        ``taken``: the stables that others had taken when its decision was told what there is.
        """
        world, name = self._world, intent.client_id
        self._taken[name] = taken
        if name in self._left:
            world.seen.violated(f"I2 {name} left twice")
        self._left.add(name)
        row = self._record.execute("SELECT state, qty FROM orders WHERE client_id = ?", (name,)).fetchone()
        if row is None:
            world.seen.violated(f"I1 {name} left without a committed intent")
        elif row[0] != "submitted":
            world.seen.violated(f"I1 {name} left while its intent is {row[0]}")
        elif abs(intent.qty) > abs(Decimal(row[1])):
            world.seen.violated(f"I4 {name} left with {intent.qty}, committed was {row[1]}")
        if at - world.skewed_by() >= intent.sent_before:
            world.seen.violated(f"I12 {name} left at {at}, had to leave before {intent.sent_before}")
        self._stopped(intent)
        self._leads(intent)
        self._known(intent)
        self._formed(intent)

    def moves(self, client_id: str) -> None:
        """A transfer goes through the last gate: committed (I1), and no earlier one in doubt (I18)."""
        row = self._record.execute("SELECT state FROM transfers WHERE client_id = ?", (client_id,)).fetchone()
        if row is None or row[0] != "submitted":
            self._world.seen.violated(f"I1 transfer {client_id} left while it is {row[0] if row else 'not committed'}")
        doubted = self._record.execute("SELECT client_id FROM transfers WHERE state = 'unknown'").fetchone()
        if doubted is not None:
            self._world.seen.violated(f"I18 transfer {client_id} left while {doubted[0]} has no known outcome")

    def _leads(self, intent: OrderIntent) -> None:
        """I11: nothing leaves under a lease that somebody else took."""
        row = self._record.execute("SELECT fence FROM leases").fetchone()
        if row is not None and row[0] != intent.fence:
            self._world.seen.violated(f"I11 {intent.client_id} left under fence {intent.fence}, {row[0]} leads")

    def _known(self, intent: OrderIntent) -> None:
        """I11: nothing that opens or trades leaves on a symbol where an order's outcome is not known."""
        doubted = self._record.execute(
            "SELECT client_id FROM orders WHERE symbol = ? AND state = 'unknown' AND client_id <> ?",
            (intent.symbol, intent.client_id),
        ).fetchone()
        if doubted is not None and not intent.reduce_only:
            self._world.seen.violated(f"I11 {intent.client_id} left while {doubted[0]} on its symbol is unknown")

    def _formed(self, intent: OrderIntent) -> None:
        """I13, R-G14, I8: whole steps and ticks, a price near the market's, and what closes only closes."""
        exchange, name, seen = self._world.exchange, intent.client_id, self._world.seen
        market = self._world.listed.get(intent.symbol)
        grains = ((intent.qty, market.step), (intent.price, market.tick)) if market is not None else ()
        if any(grain and value % grain for value, grain in grains):
            seen.violated(f"I13 {name}: {intent.qty} at {intent.price} is not in whole steps and ticks")
        price = exchange.scene.price(intent.symbol, exchange.now)
        far = None if not price else (intent.price - price) / price * (1 if intent.qty > 0 else -1)
        if far is not None and far > FURTHEST and exchange.now >= self._world.shaken_until:
            seen.violated(f"R-G14 {name} would trade up to {far:.1%} beyond the market")
        held = sum((one.quantity for one in exchange.positions() if one.symbol == intent.symbol), ZERO)
        if is_swap(intent.symbol) and held * intent.qty < 0 and not intent.reduce_only:
            seen.violated(f"I8 {name} closes {held} {intent.symbol} and is not reduce-only")

    def _stopped(self, intent: OrderIntent) -> None:
        """I9: what stands in the control table for longer than the watch takes is obeyed.

        The highest level since the last resume stands, whatever was asked for later; one that is higher still and was
        not seen yet may be obeyed already.
        """
        rows = self._record.execute(
            "SELECT value, at FROM controls WHERE what = 'kill' AND value <> 'off' "
            "AND id > (SELECT COALESCE(MAX(id), 0) FROM controls WHERE what = 'resume') ORDER BY id"
        ).fetchall()
        stood = [KILLS.index(level) for level, at in rows if self._should_be_known(datetime.fromisoformat(at))]
        if not stood:
            return
        highest = max(stood)
        allowed = any(
            (level == "freeze" and intent.while_frozen) or (level == "flatten" and intent.reduce_only)
            for level, _ in rows
            if KILLS.index(level) >= highest
        )
        if not allowed:
            since = next(at for level, at in rows if KILLS.index(level) == highest)
            self._world.seen.violated(f"I9 {intent.client_id} left under {KILLS[highest]}, that stood since {since}")

    def _should_be_known(self, host_at: datetime) -> bool:
        time, now = self._world.time, self._world.time.host_now()
        return time.awake(host_at, now) >= ACKNOWLEDGED_AFTER or now - host_at >= OBEYED_WITHIN

    def arrives(self, intent: OrderIntent, left: datetime, process: Process) -> tuple[Placed, OrderView | None, str]:
        """The exchange takes the order, or refuses it; what it does to the account is held against I7 and I8."""
        world, exchange = self._world, self._world.exchange
        if intent.client_id in self._arrived:
            world.seen.violated(f"I2 {intent.client_id} arrived twice")
        self._arrived.add(intent.client_id)
        before = self._standing(intent.symbol)
        answer: tuple[Placed, OrderView | None, str]
        try:
            order = exchange.place(request_of(intent))
            answer = (Placed.ACCEPTED, view_of(order), "")
        except Refusal as refusal:
            exists = refusal.code == RefusalCode.DUPLICATE_CLIENT_ID
            answer = (Placed.EXISTS if exists else Placed.REJECTED, None, str(refusal))
        now, accepted = exchange.now, answer[0] == Placed.ACCEPTED
        world.seen.creates.append(
            Create(intent.client_id, intent.symbol, intent.qty, intent.price, left, now, process.name, accepted)
        )
        if accepted:
            after = self._standing(intent.symbol)
            self._bounds(intent, before, after)
            for wrong in self._limits.broken(intent, before, after):
                world.seen.violated(wrong)
        return answer

    def cash(self) -> Decimal:
        """Stables of all wallets, in quote."""
        exchange = self._world.exchange
        spot = exchange.balances()
        cash = exchange.earn().get("USDT", ZERO) + exchange.futures().margin_balance
        return cash + (sum((spot["USDT"].free, spot["USDT"].locked), ZERO) if "USDT" in spot else ZERO)

    def _standing(self, symbol: str) -> Standing:
        """Liquid stables and equity in quote, and the net coins of a symbol's base."""
        exchange = self._world.exchange
        spot, earn = exchange.balances(), exchange.earn()
        cash = equity = self.cash()
        for asset, held in spot.items():
            price = exchange.scene.price(f"{asset}/USDT", exchange.now)
            equity += (held.free + held.locked) * (price or ZERO)
        base = base_of(symbol)
        coins = (spot[base].free + spot[base].locked if base in spot else ZERO) + earn.get(base, ZERO)
        shorts = sum((one.quantity for one in exchange.positions() if base_of(one.symbol) == base), ZERO)
        return Standing(cash, equity, coins + shorts)

    def _bounds(
        self,
        intent: OrderIntent,
        before: Standing,
        after: Standing,
    ) -> None:
        """I7 and I8. What others took since the decision was told of its stables no order of ours took."""
        floor = self._world.floor
        if not is_swap(intent.symbol) and intent.qty > 0 and before[1] > 0 and after[1] > 0:
            others = self._world.taken - self._taken.get(intent.client_id, self._world.taken)
            was, now = (before[0] + others) / before[1], (after[0] + others) / after[1]
            if was >= floor and now < floor - FLOOR_TOLERANCE:
                self._world.seen.violated(f"I7 {intent.client_id} took stables from {was:.4f} to {now:.4f} of E")
        slack = abs(before[2]) * SHORT_TOLERANCE
        if intent.qty < 0 and before[2] >= 0 and after[2] < -slack:
            self._world.seen.violated(f"I8 {intent.client_id} made {base_of(intent.symbol)} net short: {after[2]}")
