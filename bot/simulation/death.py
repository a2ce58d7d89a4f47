"""Owns the look at a killed bot: what it left on disk against the exchange's own ledger of the same moment.

Outside the system, as the audit it goes further: tables and the exchange, nothing of `bot.engine`.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from bot.core.numbers import ZERO
from bot.simulation.audit import ALL, OWN, Audit

OPEN_STATES = ("intended", "submitted", "unknown", "open", "partly_filled")
FLOOR: Final = Decimal("0.05")
MAY_STAND: Final = timedelta(minutes=10)  # an order that rests, a slow cycle: exchange time, ten seconds of the host's


class Death(Audit):
    """What a killed process left, against the exchange's ledger of the same moment.

    Orders of the last decision may be anywhere on their way, and one of an earlier one may rest as a maker for a while:
    only what has ended by then must be booked, and only what is older must have ended.
    """

    def wrong(self) -> list[str]:
        """What must hold at any moment whatever."""
        checks = (
            self.orphans, self.created_once, self.sent_once, self.within, self.histories, self.decisions,
            self.booked, self.over, self.short, self.floor,
        )  # fmt: skip
        return self.sound() or [wrong for check in checks for wrong in check()]

    def all_wrong(self) -> list[str]:
        """What must hold after a clean end."""
        checks = (self.all, self.sent_once, self.short, self.floor)
        return self.sound() or [wrong for check in checks for wrong in check()]

    def sound(self) -> list[str]:
        """`PRAGMA integrity_check`."""
        try:
            found = [str(row[0]) for row in self._sql.execute("PRAGMA integrity_check")]
        except sqlite3.DatabaseError as error:
            found = [str(error)]
        return [] if found == ["ok"] else [f"the record's file is damaged: {line}" for line in found]

    def sent_once(self) -> list[str]:
        """I2: no more creates came to the exchange, refused ones too, than orders left by the record."""
        left = self._sql.execute("SELECT count(DISTINCT client_id) FROM order_events WHERE state = 'submitted'")
        count, came = int(left.fetchone()[0]), self._exchange.order_requests
        return [f"I2 {came} creates came to the exchange, {count} orders were sent"] if came > count else []

    def booked(self) -> list[str]:
        """I5: nothing is booked that was not traded, nothing twice, and the trades of ended orders all are."""
        filled = {row[0]: Decimal(row[1]) for row in self._sql.execute("SELECT client_id, filled FROM orders")}
        real = {
            (trade.symbol, str(trade.trade_id)): (trade.client_id, trade.amount, trade.price, trade.fee)
            for trade in self._trades
        }
        rows = Counter(
            ((symbol, trade_id), (client_id, abs(Decimal(qty)), Decimal(price), Decimal(fee or 0)))
            for symbol, trade_id, client_id, qty, price, fee in self._sql.execute(
                "SELECT symbol, trade_id, client_id, qty, price, fee FROM fills WHERE client_id <> ''"
            )
        )
        last = self._cut_off()
        lost = [
            f"I5 {each.client_id} filled {each.filled:f} at the exchange, {filled[each.client_id]:f} by the record"
            for each in self._placed
            if each.updated_at < last and each.filled != filled.get(each.client_id, each.filled)
        ]
        return (
            [f"I5 trade {key} is booked {count} times" for (key, _), count in rows.items() if count > 1]
            + [f"I5 {key} is booked as {told}, was {real.get(key)}" for key, told in rows if real.get(key) != told]
            + lost
        )

    def over(self) -> list[str]:
        """L1 and L2: nothing that the record or the exchange still has under way is older than it may be."""
        before = self._cut_off()
        rows = self._sql.execute("SELECT client_id, state, created_at FROM orders")
        return [
            f"L1 order {name} of {at} is still {state}"
            for name, state, at in rows
            if state in OPEN_STATES and datetime.fromisoformat(at) < before
        ] + [
            f"L2 {each.client_id} rests at the exchange since {each.created_at}"
            for each in self._exchange.open_orders()
            if OWN.fullmatch(each.client_id) and each.created_at < before
        ]

    def transfers(self) -> list[str]:
        """I5 for transfers: what arrived by the record is what the exchange moved. Over the wire they bear no name."""
        made = Counter((each.asset, each.amount, each.source, each.to) for each in self._exchange.transfers(None, ALL))
        rows = self._sql.execute("SELECT asset, amount, source, \"to\" FROM transfers WHERE state = 'filled'")
        booked = Counter((asset, Decimal(amount), source, to) for asset, amount, source, to in rows)
        return [f"I5 transfer {one} was made {made[one]} times, is booked {booked[one]} times"
                for one in sorted(made.keys() | booked.keys(), key=str) if made[one] != booked[one]]  # fmt: skip

    def _cut_off(self) -> datetime:
        """Of the last decision, less the time that what it found may still stand."""
        found = self._sql.execute("SELECT max(at) FROM decisions").fetchone()[0]
        return datetime.fromisoformat(found) - MAY_STAND if found else self._exchange.scene.start

    def short(self) -> list[str]:
        """I8: of no coin are more short than held."""
        shorts: dict[str, Decimal] = {}
        for position in self._exchange.positions():
            coin = position.symbol.partition("/")[0]
            shorts[coin] = shorts.get(coin, ZERO) + position.quantity
        held = {coin: there.free + there.locked for coin, there in self._exchange.balances().items()}
        return [
            f"I8 {coin}: {held.get(coin, ZERO):f} held, {quantity:f} in futures"
            for coin, quantity in shorts.items()
            if held.get(coin, ZERO) + quantity < 0
        ]

    def floor(self) -> list[str]:
        """I7: liquid stables, by the exchange's own balances, are at least the floor's share of equity."""
        wallet = self._exchange.futures()
        stables = wallet.available
        equity = wallet.margin_balance
        for coin, there in self._exchange.balances().items():
            amount = there.free + there.locked
            price = Decimal(1) if coin == wallet.asset else self._exchange.scene.price(
                f"{coin}/{wallet.asset}", self._exchange.now
            )  # fmt: skip
            if price is None:
                continue
            equity += amount * price
            stables += amount if coin == wallet.asset else ZERO
        if stables >= FLOOR * equity:
            return []
        return [f"I7 {stables:.2f} of {equity:.2f} {wallet.asset} are in stables, under the floor of {FLOOR}"]

    def left(self) -> str:
        """The least finished thing there is."""
        for table, what in (("orders", "an order"), ("transfers", "a transfer")):
            found = {row[0] for row in self._sql.execute(f"SELECT DISTINCT state FROM {table}")}  # noqa: S608
            for state in OPEN_STATES:
                if state in found:
                    return f"{what} {state.replace('_', ' ')}"
        return "nothing unfinished"

    def count(self, table: Literal["decisions", "orders"]) -> int:
        """Rows of a table."""
        return int(self._sql.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
