"""Owns the last word on one history: the record read by SQL against the exchange's own ledger, and nothing else.

Outside the system: it knows the tables and the exchange, and uses nothing of `bot.engine`. Ids I and L are those of the
invariants; an empty answer means that all of them held.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from bot.core.instruments import is_swap
from bot.core.numbers import ZERO
from bot.core.orders import TERMINAL, TRANSITIONS, OrderState
from bot.simulation.ledger import Create
from bot.venues.simulated.exchange import Exchange, TradeRecord

OWN = re.compile(r"b[pdtl][a-z2-7]{24}")
LIQUIDATION = re.compile(r"autoclose-|adl|settlement", re.IGNORECASE)
ALL = 1_000_000
FLOWS_WITHIN = timedelta(hours=1)
ENDS = frozenset(state.value for state in TERMINAL)


class Audit:
    """One record and one exchange, compared. Every method answers with what is wrong, one line each."""

    def __init__(self, record: sqlite3.Connection, exchange: Exchange, creates: Sequence[Create] = ()) -> None:
        self._sql = record
        self._exchange = exchange
        self._creates = creates
        symbols = sorted(exchange.scene.markets())
        self._trades = [
            trade
            for symbol in symbols
            for trade in exchange.trades(symbol, None, ALL)
            if OWN.fullmatch(trade.client_id)
        ]
        self._placed = [
            order
            for symbol in symbols
            for order in exchange.orders(symbol, None, ALL)
            if OWN.fullmatch(order.client_id)
        ]

    def all(self) -> list[str]:
        """Every check."""
        checks = (
            self.orphans, self.created_once, self.fills, self.filled, self.within, self.ended, self.nothing_rests,
            self.histories, self.decisions, self.transfers, self.flows,
        )  # fmt: skip
        return [wrong for check in checks for wrong in check()]

    def edges(self) -> Counter[str]:
        """How often each road of the order table was taken."""
        taken: Counter[str] = Counter()
        for steps in self._histories().values():
            for before, after in pairwise(steps):
                if before != after:
                    taken[f"{before}>{after}"] += 1
        return taken

    def done(self) -> Counter[str]:
        """What orders that filled did, by kind of action, market and side: "trim spot sell"."""
        rows = self._sql.execute("SELECT kind, symbol, qty FROM orders WHERE CAST(filled AS REAL) > 0")
        return Counter(
            f"{kind} {'futures' if is_swap(symbol) else 'spot'} {'buy' if Decimal(qty) > 0 else 'sell'}"
            for kind, symbol, qty in rows
        )

    def fill_count(self) -> int:
        """Own trades at the exchange."""
        return len(self._trades)

    # ---- orders

    def orphans(self) -> list[str]:
        """I3: every own order at the exchange has its intent, every intent its decision."""
        known = {row[0] for row in self._sql.execute("SELECT client_id FROM orders")}
        wrong = [f"I3 {each.client_id} is at the exchange and not in the record" for each in self._placed
                 if each.client_id not in known]  # fmt: skip
        lost = self._sql.execute(
            "SELECT o.client_id FROM orders o LEFT JOIN decisions d "
            "ON d.book_id = o.book_id AND d.decision_id = o.decision_id WHERE d.number IS NULL"
        )
        return wrong + [f"I3 {row[0]} has no decision" for row in lost]

    def created_once(self) -> list[str]:
        """I2: a client id came to the exchange as one create, and made at most one order."""
        came = Counter(each.client_id for each in self._creates)
        made = Counter(each.client_id for each in self._placed)
        return [f"I2 {name} came {count} times as a create" for name, count in came.items() if count > 1] + [
            f"I2 {name} made {count} orders" for name, count in made.items() if count > 1
        ]

    def fills(self) -> list[str]:
        """I5: the fills booked are the exchange's trades, to the digit, each once."""
        booked: dict[tuple[str, str], tuple[str, Decimal, Decimal, Decimal]] = {}
        wrong: list[str] = []
        rows = self._sql.execute("SELECT symbol, trade_id, client_id, qty, price, fee FROM fills WHERE client_id <> ''")
        for symbol, trade_id, client_id, qty, price, fee in rows:
            if not OWN.fullmatch(client_id or ""):
                continue
            key = (symbol, trade_id)
            if key in booked:
                wrong.append(f"I5 trade {trade_id} on {symbol} is booked twice")
            booked[key] = (client_id, Decimal(qty), Decimal(price), Decimal(fee or 0))
        real = {(trade.symbol, str(trade.trade_id)): _figures(trade) for trade in self._trades}
        wrong += [f"I5 trade {key} of {real[key][0]} is not booked" for key in sorted(real.keys() - booked.keys())]
        wrong += [f"I5 {key} of {booked[key][0]} is booked and was never traded"
                  for key in sorted(booked.keys() - real.keys())]  # fmt: skip
        return wrong + [
            f"I5 {key} is booked as {booked[key]}, was {real[key]}"
            for key in sorted(real.keys() & booked.keys())
            if real[key] != booked[key]
        ]

    def filled(self) -> list[str]:
        """I5: what an order filled is the sum of its trades."""
        summed: dict[str, Decimal] = {}
        for trade in self._trades:
            summed[trade.client_id] = summed.get(trade.client_id, ZERO) + trade.amount
        rows = self._sql.execute("SELECT client_id, filled FROM orders")
        return [
            f"I5 {name} filled {summed.get(name, ZERO):f}, the record says {filled}"
            for name, filled in rows
            if Decimal(filled) != summed.get(name, ZERO)
        ]

    def within(self) -> list[str]:
        """I4: no order was placed or filled beyond its intent, and a leg's orders not beyond each other's bound."""
        intents = {row[0]: abs(Decimal(row[1])) for row in self._sql.execute("SELECT client_id, qty FROM orders")}
        return [
            f"I4 {each.client_id}: {each.amount:f} placed, {each.filled:f} filled, intended {intents[each.client_id]:f}"
            for each in self._placed
            if each.client_id in intents and max(each.amount, each.filled) > intents[each.client_id]
        ]

    def ended(self) -> list[str]:
        """L1: after the faults every intent, and every transfer, came to an end."""
        last = self._last_at()
        return [
            f"L1 {what} {name} is still {state}"
            for what, table in (("order", "orders"), ("transfer", "transfers"))
            for name, state, at in self._sql.execute(f"SELECT client_id, state, created_at FROM {table}")  # noqa: S608
            if state not in ENDS and at < last
        ]

    def nothing_rests(self) -> list[str]:
        """L2: no own order rests at the exchange that an earlier cycle placed."""
        last = datetime.fromisoformat(self._last_at())
        return [
            f"L2 {each.client_id} rests at the exchange since {each.created_at}"
            for each in self._exchange.open_orders()
            if OWN.fullmatch(each.client_id) and each.created_at < last
        ]

    def histories(self) -> list[str]:
        """I16: every order went only where orders may go."""
        return [
            f"I16 {name} went from {before} to {after}"
            for name, steps in self._histories().items()
            for before, after in pairwise(steps)
            if before != after and OrderState(after) not in TRANSITIONS[OrderState(before)]
        ]

    def _histories(self) -> dict[str, list[str]]:
        made: dict[str, list[str]] = {}
        for name, state in self._sql.execute("SELECT client_id, state FROM order_events ORDER BY id"):
            made.setdefault(name, []).append(state)
        return made

    # ---- decisions and money

    def decisions(self) -> list[str]:
        """I12: a cycle decided once; a decision that sent has its snapshot (I3)."""
        twice = self._sql.execute("SELECT cycle_id, count(*) FROM decisions GROUP BY cycle_id HAVING count(*) > 1")
        blind = self._sql.execute(
            "SELECT DISTINCT o.decision_id FROM orders o JOIN decisions d ON d.decision_id = o.decision_id "
            "LEFT JOIN snapshots s ON s.number = d.number WHERE s.number IS NULL"
        )
        return [f"I12 cycle {row[0]} decided {row[1]} times" for row in twice] + [
            f"I3 decision {row[0]} sent orders and has no snapshot" for row in blind
        ]

    def transfers(self) -> list[str]:
        """I5 for transfers: made at the exchange exactly where the record says they arrived."""
        made = {each.client_id for each in self._exchange.transfers(None, ALL) if each.client_id}
        rows = dict(self._sql.execute("SELECT client_id, state FROM transfers").fetchall())
        wrong = [f"I3 transfer {name} was made and is not in the record" for name in sorted(made - rows.keys())]
        return wrong + [
            f"I5 transfer {name} is {state}, at the exchange it was {'made' if name in made else 'never made'}"
            for name, state in sorted(rows.items())
            if state in ENDS and (state == "filled") != (name in made)
        ]

    def flows(self) -> list[str]:
        """I6: deposits and withdrawals since the first decision are booked, each once; the bot asks once an hour."""
        first = self._sql.execute("SELECT min(at), max(at) FROM decisions").fetchone()
        if first[0] is None:
            return []
        since, upto = datetime.fromisoformat(first[0]), datetime.fromisoformat(first[1]) - FLOWS_WITHIN
        real = sorted(
            (each.asset, each.amount if each.kind == "deposit" else -each.amount)
            for each in self._exchange.flows(None, ALL)
            if since < each.at < upto
        )
        rows = self._sql.execute("SELECT asset, amount, at FROM cash_flows WHERE kind IN ('deposit', 'withdrawal')")
        booked = sorted(
            (asset, Decimal(amount)) for asset, amount, at in rows if since < datetime.fromisoformat(at) < upto
        )
        return [] if booked == real else [f"I6 flows booked {booked}, at the exchange {real}"]

    def _last_at(self) -> str:
        found = self._sql.execute("SELECT max(at) FROM decisions").fetchone()[0]
        return str(found or "9999-12-31T00:00:00+00:00")  # before the first decision everything is recent


def _figures(trade: TradeRecord) -> tuple[str, Decimal, Decimal, Decimal]:
    sign = 1 if trade.side == "buy" else -1
    return trade.client_id, sign * trade.amount, trade.price, trade.fee
