"""The daily summary: what a day came to, told once, whatever the record holds and however often the bot starts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.alerts.log import LogAlerts
from bot.alerts.outbox import Manners, Outbox
from bot.clocks import StepClock, host_utc_now
from bot.core.memory import Memory
from bot.daily import A_DAY, FILLS_A_PAGE, TURNS_A_PAGE, Daily, day_of, told
from bot.ports.alerts import DAILY
from bot.ports.errors import StoreError
from bot.ports.panorama import Paid, Turn, Worth
from bot.ports.store import AlertRow
from tests.unit.engine.world import FakeAlerts
from tests.unit.venues.simulated.scenes import START

D = Decimal
HOUR = timedelta(hours=1)
UNTIL = START + A_DAY
WITHOUT = " (1 fee without a price), funding paid −0.25"


@dataclass
class Shelf:
    """A record as far as a summary asks it: rows oldest first, handed out newest first and page by page."""

    turns_: list[Turn] = field(default_factory=list)
    worths: dict[int, Worth] = field(default_factory=dict)
    fills_: list[Mapping[str, Any]] = field(default_factory=list)
    paid: list[Paid] = field(default_factory=list)
    alerts_: list[AlertRow] = field(default_factory=list)
    beat_: Mapping[str, Any] = field(default_factory=dict)
    peak: Decimal | None = None
    broken: bool = False

    async def turns(self, limit: int, *, before: int | None = None) -> Sequence[Turn]:
        if self.broken:
            raise StoreError("locked")
        return [turn for turn in self.turns_[::-1] if before is None or turn.number < before][:limit]

    async def worth_at(self, number: int) -> Worth | None:
        known = [each for each in self.worths if each <= number]
        return self.worths[max(known)] if known else None

    async def page_of_fills(self, limit: int, *, skip: int = 0) -> Sequence[Mapping[str, Any]]:
        return self.fills_[::-1][skip : skip + limit]

    async def funding(self, limit: int) -> Sequence[Paid]:
        return self.paid[::-1][:limit]

    async def alerts(self, limit: int) -> Sequence[AlertRow]:
        return self.alerts_[::-1][:limit]

    async def beat(self) -> Mapping[str, Any] | None:
        return self.beat_ or None

    async def memory(self) -> Memory:
        return Memory(unit_peak=self.peak)

    async def close(self) -> None:
        return None

    def decided(self, at: datetime, unit: str | None = None, **summary: Any) -> None:
        number = len(self.turns_) + 1
        outcome = "actions" if summary.get("actions") else "blocked" if summary.get("blocked") else "hold"
        self.turns_.append(Turn(number, f"d{number}", at, outcome, {"regime": "bull", "stress": 0, **summary}))
        if unit is not None:
            self.worths[number] = Worth(number, at, D(100_000) * D(unit), D(unit))

    def filled(self, at: datetime, qty: str, price: str, fee: str | None = "1") -> None:
        value = None if fee is None else D(fee)
        self.fills_.append({"at": at, "qty": D(qty), "price": D(price), "fee_value": value, "asset": "BTC"})


def a_shelf() -> Shelf:
    shelf = Shelf(peak=D("1.2"), beat_={"kill": {"level": "off"}, "unknown_orders": 1})
    shelf.decided(START - HOUR, "1", actions=["trim ETH"])
    shelf.decided(START, "1.01")
    shelf.decided(START + 5 * HOUR, "1.02", actions=["trim BTC", "add SOL"], blocked=["add DOGE"])
    shelf.decided(UNTIL - HOUR, "1.05", actions=["trim BTC"])
    shelf.decided(UNTIL, "1.5", actions=["trim BTC"])
    shelf.filled(START - HOUR, "1", "900")
    shelf.filled(START + HOUR, "-2", "1000", "1.5")
    shelf.filled(UNTIL - HOUR, "1", "500", None)
    shelf.paid = [Paid(START + HOUR, "BTC/USDT:USDT", D("-0.25"))]
    shelf.alerts_ = [AlertRow(1, START - HOUR, "critical", "of before"), AlertRow(2, START + HOUR, "warning", "x")]
    return shelf


async def test_a_day_is_told_with_its_own_figures_and_nobody_elses() -> None:
    text = told(await day_of(a_shelf(), START, UNTIL), "USDT")  # type: ignore[arg-type] # only what is asked
    assert text.splitlines()[1:] == [
        "equity 105,000.00 USDT, +5.0 %; 12.5 % under its peak",
        "3 decisions, 2 acted: trim BTC × 2, add SOL × 1; refused or put off: add DOGE × 1",
        "2 fills on BTC: 2,500.00 USDT bought and sold (2.4 % of equity), fees 1.50" + WITHOUT,
        "regime bull, stress 0; may trade",
        "alerts: 1 warning; 1 unknown order",
    ]


async def test_a_day_longer_than_a_page_is_read_to_its_end() -> None:
    shelf = Shelf()
    shelf.decided(START - HOUR, "1")
    for number in range(TURNS_A_PAGE + 5):
        shelf.decided(START + timedelta(minutes=number), "1.1")
    for _ in range(FILLS_A_PAGE + 5):
        shelf.filled(START + HOUR, "1", "1")
    day = await day_of(shelf, START, UNTIL)  # type: ignore[arg-type] # only what is asked
    assert (len(day.turns), len(day.fills)) == (TURNS_A_PAGE + 5, FILLS_A_PAGE + 5)
    assert day.opening is not None


async def test_a_first_day_has_no_change_and_a_day_without_decisions_says_so() -> None:
    shelf = Shelf()
    empty = told(await day_of(shelf, START, UNTIL), "USDT")  # type: ignore[arg-type] # only what is asked
    assert empty.endswith("no decision was recorded; is the bot running?")
    shelf.decided(START + HOUR, "1")
    first = told(await day_of(shelf, START, UNTIL), "USDT")  # type: ignore[arg-type] # only what is asked
    assert "equity 100,000.00 USDT" in first
    assert "+" not in first
    assert "nothing was traded" in first


@dataclass
class Kept:
    """What outlives the process."""

    state: dict[str, bytes] = field(default_factory=dict)

    async def __call__(self, name: str, state: bytes | None = None) -> bytes | None:
        if state is not None:
            self.state[name] = state
        return self.state.get(name)


async def test_each_day_is_told_once_at_its_time_and_not_again_after_a_restart() -> None:
    clock, alerts, kept, shelf = StepClock(START + 7 * HOUR), FakeAlerts(), Kept(), a_shelf()

    async def look() -> int:
        await Daily(shelf, kept, clock, at=time(8), currency="USDT").look(alerts)  # type: ignore[arg-type]
        return len(alerts.told)

    assert await look() == 0  # the first start waits for a whole day of its own
    await clock.until(START + 8 * HOUR)
    assert await look() == 1
    assert await look() == 1
    await clock.until(START + 31 * HOUR)
    assert await look() == 1
    await clock.until(START + 80 * HOUR)  # three days on: only the last one
    assert await look() == 2
    assert alerts.told[0][0] == "info"


async def test_a_record_that_cannot_be_read_leaves_the_day_to_the_next_look() -> None:
    clock, alerts, kept, shelf = StepClock(START), FakeAlerts(), Kept(), a_shelf()
    daily = Daily(shelf, kept, clock, at=time(8), currency="USDT")  # type: ignore[arg-type] # only what is asked
    await daily.look(alerts)
    await clock.until(START + 9 * HOUR)
    shelf.broken = True
    with pytest.raises(StoreError):
        await daily.look(alerts)
    shelf.broken = False
    await daily.look(alerts)
    assert len(alerts.told) == 1


async def test_the_summary_goes_out_though_people_are_told_of_warnings_only() -> None:
    clock, sent = StepClock(START), list[str]()

    async def channel(_title: str, text: str, _level: str) -> str:
        sent.append(text)
        return ""

    outbox = Outbox(LogAlerts(clock.mono), channel, clock, host_utc_now, sender="main", manners=Manners("warning"))
    outbox.start()
    outbox.send("info", "a trifle")
    outbox.send("info", "the day", key=DAILY)
    async with asyncio.timeout(5):
        while not outbox.delivery().delivered:  # noqa: ASYNC110 - a test that looks on
            await asyncio.sleep(0.01)
    await outbox.close()
    assert sent == ["the day"]
