"""Owns transfers between own wallets on a real venue: sent once, found again in its history. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.core.orders import MoveIntent, Placed
from bot.ports.errors import Rejected
from bot.ports.venue import Gap, Permit
from bot.venues.ccxt import errors
from bot.venues.ccxt.broker import CcxtBroker
from bot.venues.ccxt.limits import Lane
from bot.venues.ccxt.line import Line
from bot.venues.ccxt.permits import Ticket
from bot.venues.ccxt.profiles import Moved

LOOK_BACK = timedelta(hours=1)  # before ``sent_before``: an intent lives for less
SURE_AFTER = timedelta(seconds=20)  # past it, no request that left in time can still arrive (recvWindow and time-out)
OUTCOMES: Mapping[str, Placed] = {"done": Placed.ACCEPTED, "pending": Placed.UNKNOWN, "failed": Placed.REJECTED}


class CcxtTransfers:
    """Port `Transfers`. Few venues' transfers carry an id of ours: one is known by its number, or by its looks."""

    def __init__(self, line: Line, broker: CcxtBroker) -> None:
        self._line = line
        self._broker = broker
        self._numbers: dict[str, str] = {}  # client id -> the venue's number
        self._left: set[str] = set()

    async def move(self, intent: MoveIntent, permit: Permit) -> tuple[Placed, str]:
        """Send one transfer once."""
        line = self._line
        if not line.profile.has_transfers(line.setup) and not line.profile.has_savings(line.setup):
            return Placed.REJECTED, f"{line.setup.environment} of {line.profile.id} has no transfers"
        try:
            line.profile.wallet(intent.source)
            line.profile.wallet(intent.to)
        except Rejected as rejected:
            return Placed.REJECTED, str(rejected)
        if intent.client_id in self._left:
            return Placed.EXISTS, f"{intent.client_id} was sent before; an intent is sent once"

        async def ask() -> str | None:
            line.traffic.check()
            async with line.turnstile.turn(Lane.ORDER):
                return await line.profile.send_move(line.client, intent)

        ticket = Ticket(intent, permit)
        try:
            error, number = await self._broker.send(ticket, ask)
        finally:
            if ticket.left:
                self._left.add(intent.client_id)
        if error is not None:
            return errors.of_write(error, left=ticket.left, known=line.profile.refusal(error))
        if not number:
            return Placed.UNKNOWN, "the answer names no transfer"
        self._numbers[intent.client_id] = number
        return Placed.ACCEPTED, ""

    async def find_move(self, intent: MoveIntent) -> Placed | Gap:
        """In the venue's history: by our id or its number, else by coin, amount and time among the unclaimed."""
        line = self._line
        what = f"transfer {intent.client_id}"
        rows = await line.private_gap(
            what,
            lambda: line.profile.moves(line.client, intent.source, intent.to, intent.sent_before - LOOK_BACK),
            Lane.LOOKUP,
        )
        if isinstance(rows, Gap):
            return rows
        number = self._numbers.get(intent.client_id)
        claimed = {known for client_id, known in self._numbers.items() if client_id != intent.client_id}
        found = next((row for row in rows if _is(row, intent, number, claimed)), None)
        if found is not None:
            self._numbers[intent.client_id] = found.venue_id
            return OUTCOMES[found.state]
        if number is not None or line.clock.now() < intent.sent_before + SURE_AFTER * float(line.setup.clock_speed):
            return Placed.UNKNOWN
        return Placed.REJECTED


def _is(row: Moved, intent: MoveIntent, number: str | None, claimed: set[str]) -> bool:
    if row.client_id is not None:
        return row.client_id == intent.client_id
    if number is not None:
        return row.venue_id == number
    return row.venue_id not in claimed and (row.asset, row.amount) == (intent.asset, intent.amount)
