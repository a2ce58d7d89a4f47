"""The acceptance run against venues with one fault each, in process: what each fault is called, and what is left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

import pytest

from bot.clocks import StepClock
from bot.core.orders import Fill, MoveIntent, OrderIntent, OrderView, Placed
from bot.engine.certify import Ports, Report, Terms, Verdict, certify
from bot.engine.certify.run import prepared
from bot.ports.errors import Rejected, Transient
from bot.ports.venue import Gap, Permit
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.venue import SimulatedVenue
from tests.builders import D
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, StillScene


class Hurried(StepClock):
    """Host time goes on where somebody sleeps, at once."""

    def __init__(self) -> None:
        super().__init__(START)
        self.host_s = 0.0

    def mono(self) -> float:
        return self.host_s

    async def sleep(self, host_s: float) -> None:
        self.host_s += host_s
        await self.until(self.now() + timedelta(seconds=host_s))


class Sound(SimulatedVenue):
    """A venue without a fault."""


class NoPostOnly(Sound):
    async def place(self, intent: OrderIntent, permit: Permit) -> tuple[Placed, OrderView | None, str]:
        if intent.tif == "post_only":
            return Placed.REJECTED, None, "not supported"
        return await super().place(intent, permit)


class TakesPostOnly(Sound):
    async def place(self, intent: OrderIntent, permit: Permit) -> tuple[Placed, OrderView | None, str]:
        return await super().place(replace(intent, tif="gtc") if intent.tif == "post_only" else intent, permit)


class Forgetful(Sound):
    """Takes one client id for two orders while both stand."""

    async def place(self, intent: OrderIntent, permit: Permit) -> tuple[Placed, OrderView | None, str]:
        placed, view, why = await super().place(intent, permit)
        if placed == Placed.EXISTS:
            other = replace(intent, client_id=intent.client_id[:-1] + "x")
            return await super().place(other, lambda _intent: None)
        return placed, view, why


class Lazy(Sound):
    """Says it cancelled and does not."""

    async def cancel(self, intent: OrderIntent) -> OrderView | Gap:
        found = await self.find(intent)
        return found if found is not None else Gap("order", "no such order")


class Silent(Sound):
    """Never lists a trade."""

    async def fills(self, symbol: str, since: Any) -> Sequence[Fill] | Gap:
        del symbol, since
        return []


class Hedged(Sound):
    async def prepare(self, symbol: str, leverage: Decimal, margin: Literal["cross", "isolated"]) -> None:
        raise Rejected(f"the account is in hedge mode ({symbol}, {leverage}, {margin})")


class Stuck(Sound):
    """Takes a transfer and loses it."""

    async def move(self, intent: MoveIntent, permit: Permit) -> tuple[Placed, str]:
        permit(intent)
        return Placed.ACCEPTED, ""

    async def find_move(self, intent: MoveIntent) -> Placed | Gap:
        del intent
        return Placed.UNKNOWN


class Blind(Sound):
    async def find(self, intent: OrderIntent) -> OrderView | Gap | None:
        return Gap(f"order {intent.client_id}", "timed out")


class Away(Sound):
    async def balances(self) -> Any:
        raise Transient("in maintenance")


async def run(kind: type[SimulatedVenue], *, swap: bool = True) -> tuple[Report, Exchange]:
    clock = Hurried()
    scene = StillScene(spread=D("0.02"), settlements={SWAP: [(START + timedelta(hours=8), D("0.0001"))]})
    exchange = Exchange(scene, opening={"USDT": D(10_000)})
    venue = kind(exchange, clock, account="tested")

    @asynccontextmanager
    async def again() -> AsyncIterator[SimulatedVenue]:
        yield kind(exchange, clock)

    terms = Terms("run", SPOT, SWAP if swap else None, "USDT", D(50), 2, D(2), "cross")
    bench, _ = await prepared(Ports(venue, venue, venue, venue, clock, again), terms)
    report = Report("binance", "demo", "tested", START, "0", {}, bench.symbols, swap)
    return await certify(bench, report, lambda _item: None), exchange


def of(report: Report, name: str) -> Verdict:
    return next(item.verdict for item in report.items if item.name == name)


async def test_a_sound_venue_passes() -> None:
    report, exchange = await run(Sound)
    assert report.in_the_way == []
    assert exchange.open_orders() == []


@pytest.mark.parametrize(
    ("kind", "name", "verdict", "passed"),
    [
        (NoPostOnly, "post-only", Verdict.UNKNOWN, True),
        (TakesPostOnly, "post-only", Verdict.FAIL, False),
        (Forgetful, "duplicate, open", Verdict.FAIL, False),
        (Lazy, "cancel", Verdict.FAIL, False),
        (Silent, "trades", Verdict.UNKNOWN, False),
        (Hedged, "position mode", Verdict.FAIL, False),
        (Stuck, "transfer", Verdict.FAIL, False),
        (Blind, "look-up of nothing", Verdict.FAIL, False),
    ],
)
async def test_each_fault_has_its_name(kind: type[SimulatedVenue], name: str, verdict: Verdict, passed: bool) -> None:
    report, exchange = await run(kind)
    assert of(report, name) == verdict
    assert report.passed is passed
    assert exchange.positions() == []
    if kind not in (Lazy, Blind):
        assert exchange.open_orders() == []
        assert of(report, "nothing left") == Verdict.PASS or kind is Stuck


async def test_an_order_that_cannot_be_taken_out_is_said_loudly() -> None:
    report, exchange = await run(Lazy)
    last = report.items[-1]
    assert (last.name, last.verdict) == ("nothing left", Verdict.FAIL)
    assert exchange.open_orders()
    assert all(order.client_id in last.evidence for order in exchange.open_orders())


async def test_an_account_that_cannot_be_read_ends_it_before_the_first_order() -> None:
    with pytest.raises(Transient, match="in maintenance"):
        await run(Away)


async def test_spot_alone_moves_no_money_and_opens_nothing() -> None:
    report, exchange = await run(Sound, swap=False)
    assert report.passed
    assert not exchange.transfers()
    assert not {item.name for item in report.items} & {"short", "transfer", "funding"}
