"""Signs of life go beside the cycles: one that does not arrive is told once, and ends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any, Self

import pytest

from bot.engine.sign_of_life import AGAIN_S, SignsOfLife
from bot.ports.errors import StoreError, Transient
from tests.unit.engine.test_push import FakeClock, settled
from tests.unit.engine.world import FakeAlerts

pytestmark = pytest.mark.asyncio


class Switch:
    """Takes signs; fails while it is told to."""

    window_s, every_s = 120.0, 30.0

    def __init__(self) -> None:
        self.heard: list[Collection[str]] = []
        self.order = asyncio.Event()
        self.deaf = False
        self.ended = ""

    async def alive(self, symbols: Collection[str]) -> None:
        self.order.clear()
        if self.deaf:
            raise Transient("no line")
        self.heard.append(symbols)

    async def sent(self) -> None:
        await self.order.wait()

    async def disarm(self) -> None:
        self.ended = "disarmed"
        if self.deaf:
            raise Transient("no line")

    async def close(self) -> None:
        self.ended = "closed"


class Rows:
    """The store as far as it is asked: unfinished orders."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.broken = False

    async def orders(self) -> list[Any]:
        if self.broken:
            raise StoreError("disk full")
        return self.rows

    def rests(self, symbol: str, tif: str = "post_only") -> None:
        self.rows.append(SimpleNamespace(intent=SimpleNamespace(symbol=symbol, tif=tif)))


class Bench:
    def __init__(self) -> None:
        self.switch, self.store, self.clock, self.alerts = Switch(), Rows(), FakeClock(), FakeAlerts()
        self.signs = SignsOfLife(self.switch, self.store, self.clock, self.alerts)  # type: ignore[arg-type] # only what is asked

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.signs.run())
        await settled()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_a_sign_is_given_at_once_and_then_at_every_interval() -> None:
    async with Bench() as bench:
        await bench.clock.pass_s(95)
        assert len(bench.switch.heard) == 4


async def test_a_sign_names_what_rests_and_nothing_that_took_at_once() -> None:
    bench = Bench()
    bench.store.rests("BTC/USDT:USDT")
    bench.store.rests("ETH/USDT", "ioc")
    async with bench:
        assert bench.switch.heard == [{"BTC/USDT:USDT"}]


async def test_a_new_order_is_protected_without_waiting_for_the_interval() -> None:
    async with Bench() as bench:
        bench.store.rests("BTC/USDT")
        bench.switch.order.set()
        await settled()
        assert bench.switch.heard == [set(), {"BTC/USDT"}]


async def test_a_sign_that_does_not_arrive_is_told_once_tried_soon_again_and_told_when_it_is_over() -> None:
    bench = Bench()
    bench.switch.deaf = True
    async with bench:
        await bench.clock.pass_s(3 * AGAIN_S)
        assert [level for level, _ in bench.alerts.told] == ["warning"]
        assert "no line" in bench.alerts.texts
        assert "120 s after the last sign of life" in bench.alerts.texts
        bench.switch.deaf = False
        await bench.clock.pass_s(AGAIN_S)
        assert [level for level, _ in bench.alerts.told] == ["warning", "info"]
        assert not bench.task.done()


async def test_a_record_that_cannot_be_read_is_a_sign_that_does_not_arrive() -> None:
    bench = Bench()
    bench.store.broken = True
    async with bench:
        assert "disk full" in bench.alerts.texts
        assert not bench.task.done()


async def test_the_end_switches_it_off_and_only_tells_where_that_fails() -> None:
    bench = Bench()
    bench.switch.deaf = True
    await bench.signs.end(leads=True)
    assert bench.switch.ended == "disarmed"
    assert "could not be switched off" in bench.alerts.texts


async def test_who_no_longer_leads_leaves_the_new_leaders_switch_alone() -> None:
    bench = Bench()
    await bench.signs.end(leads=False)
    assert bench.switch.ended == "closed"
