"""The words for a venue in trouble: once when it begins, hourly while it lasts, once when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.snapshot import Balance, Position
from bot.engine.trouble import Trouble
from bot.ports.venue import Gap
from tests.builders import D
from tests.unit.engine.world import World, a_world
from tests.unit.venues.simulated.scenes import SPOT, SWAP, a_market

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ADDRESS = "binance GET https://x/api/v3/account?timestamp=1&signature=7b83c4674cc7"


class Bench:
    """One portfolio's troubles, told what a cycle read, a while later each time."""

    def __init__(self, world: World, mode: str) -> None:
        self.world = world
        self.trouble = Trouble(replace(world.parts, mode=mode), world.kill)

    async def look(self, *, later: timedelta = MINUTE, **over: Any) -> list[str]:
        """What is told about these reads."""
        clock, told = self.world.clock, self.world.alerts.told
        await clock.until(clock.now() + later)
        before = len(told)
        reads = await self.world.engine.observer.read(self.world.policy)
        self.trouble.look(replace(reads, **over), self.world.policy)
        return [text for _, text in told[before:]]


async def a_bench(mode: str = "live") -> Bench:
    return Bench(await a_world(), mode)


@pytest.mark.parametrize(
    ("why", "start"),
    [
        ("Unauthorized: balances: binance -2015", "the venue does not take the key for balances: binance -2015; look"),
        ("the venue refuses the key: -2015", "the venue does not take the key for balances: -2015; look"),
        ("RateLimited: quiet for 600 s", "the venue wants quiet and does not answer for balances: quiet for 600 s; "),
        ("Malformed: no number", "what the venue answers for balances cannot be read: no number; "),
        (
            f"Transient: balances: {ADDRESS} 503",
            "the venue cannot be read for balances: binance GET https://x/api/v3/account 503",
        ),
        ("timed out", "the venue cannot be read for balances: timed out; "),
    ],
)
async def test_each_trouble_has_its_line_without_what_a_signed_address_carries(why: str, start: str) -> None:
    bench = await a_bench()
    (line,) = await bench.look(balances=Gap("balances", why))
    assert line.startswith(start)
    assert "signature" not in line
    assert "\n" not in line


async def test_it_is_said_once_then_hourly_and_once_when_it_is_over() -> None:
    bench = await a_bench()
    away: dict[str, Any] = {"balances": Gap("balances", "timed out"), "quotes": Gap("quotes", "timed out")}
    assert len(await bench.look(**away)) == 1
    assert await bench.look(**away) == []
    (again,) = await bench.look(later=HOUR, **away)
    assert again.startswith("the venue cannot be read for balances, quotes: ")
    assert await bench.look() == ["the venue answers again after 62 min of trouble"]
    assert await bench.look() == []


@pytest.mark.parametrize(("mode", "level"), [("live", "freeze"), ("testnet", "off")])
async def test_a_key_refused_twice_in_a_row_freezes_real_money_only(mode: str, level: str) -> None:
    bench = await a_bench(mode)
    refused: dict[str, Any] = {"balances": Gap("balances", "Unauthorized: -2015")}
    await bench.look(**refused)
    await bench.look()
    await bench.look(**refused)
    await bench.world.kill.look()
    assert bench.world.kill.level == "off"  # never twice in a row
    await bench.look(**refused)
    await bench.world.kill.look()
    assert bench.world.kill.level == level


async def test_many_that_cannot_be_read_are_counted() -> None:
    bench = await a_bench()
    names = ("markets", "balances", "positions", "quotes")
    away: dict[str, Any] = {name: Gap(name, "timed out") for name in names}
    (line,) = await bench.look(**away)
    assert "for markets, balances, positions and 1 more: timed out" in line


async def test_coins_whose_market_is_gone_are_said_daily_until_it_is_back() -> None:
    bench = await a_bench()
    markets = {SWAP: a_market()}
    (line,) = await bench.look(markets=markets, quotes={})
    assert line.startswith("BTC/USDT is not listed any more and 600 BTC are held: without its price equity is unknown")
    assert await bench.look(markets=markets, quotes={}) == []
    assert len(await bench.look(later=DAY, markets=markets, quotes={})) == 1
    assert await bench.look() == ["BTC/USDT is traded again, or is not held any more"]


async def test_coins_whose_market_stands_still_keep_their_price() -> None:
    bench = await a_bench()
    (line,) = await bench.look(markets={SPOT: a_market(active=False), SWAP: a_market()})
    assert line == "BTC/USDT is halted and 600 BTC are held: nothing of it can be traded; the rest goes on"


async def test_a_position_without_a_market_is_named() -> None:
    bench = await a_bench()
    position = Position(symbol=SWAP, side="short", contracts=D("2.5"))
    (line,) = await bench.look(markets={SPOT: a_market()}, positions=[position])
    assert line.startswith("BTC/USDT:USDT is not listed any more and a position of -2.5 is open: no order can close it")


async def test_what_is_not_held_and_what_is_not_configured_is_nobodys_trouble() -> None:
    bench = await a_bench()
    rows = [Balance(wallet="spot", asset="BTC", free=D(0)), Balance(wallet="spot", asset="XYZ", free=D(5))]
    assert await bench.look(markets={SWAP: a_market()}, balances=rows) == []
