"""What a history holds against the bot while it plays: orders that rest under a stop, and an end by another's lease."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from bot.daemon import Daemon
from bot.simulation.faults import Plan
from bot.simulation.history import LEASE_S, LEFT_MOST_S, LOOK_EVERY_S, History
from bot.simulation.loop import Process
from bot.venues.simulated.exchange import OrderRequest

D = Decimal
LOOKS = int(LEFT_MOST_S / LOOK_EVERY_S) + 1
NAME = "bp" + "a" * 24


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """One process that leads; an order of ours rests, far from the market."""
    made = History(Plan(5, 0.5, 3_600, "fifo", ()), tmp_path)
    world, process = made.world, Process("main 1")
    made._daemons.append((process, cast("Daemon", None)))  # noqa: SLF001
    world.cycled.add(process.name)
    price = world.exchange.scene.price("BTC/USDT", world.time.now())
    assert price
    world.exchange.advance(world.time.now())
    market = world.listed["BTC/USDT"]
    world.exchange.place(
        OrderRequest("BTC/USDT", "buy", "limit", market.down(D("0.01")), (price / 2).quantize(market.tick or D(1)),
                     client_id=NAME)
    )  # fmt: skip
    yield made
    world.record.close()


def looked(history: History, times: int) -> list[str]:
    for _ in range(times):
        history._looks_for_leftovers()  # noqa: SLF001
    return history.world.seen.violations


@pytest.mark.parametrize("level", ["halt", "flatten"])
def test_an_order_that_rests_for_half_a_minute_under_a_stop_is_seen(history: History, level: str) -> None:
    history.world.request("kill", level, "test")
    assert looked(history, LOOKS - 1) == []
    assert looked(history, 1) == [f"L4 {NAME} rests 32 s after {level}"]


@pytest.mark.parametrize("level", ["freeze", "off"])
def test_an_order_may_rest_where_no_stop_has_it_cancelled(history: History, level: str) -> None:
    history.world.request("kill", level, "test")
    assert looked(history, 2 * LOOKS) == []


def test_the_half_minute_begins_when_the_venue_can_be_reached_and_has_answered(history: History) -> None:
    world = history.world
    world.request("kill", "halt", "test")
    looked(history, LOOKS - 1)
    world.unanswered(7_200.0)
    assert looked(history, LOOKS) == []
    assert world.unanswered_until_s - world.loop.time() == 60.0  # a client's time-out bounds it
    world.unanswered_until_s = 0.0
    world.out_until = world.time.now() + timedelta(hours=1)
    assert looked(history, LOOKS) == []
    world.out_until = world.time.now()
    assert looked(history, LOOKS) == [f"L4 {NAME} rests 32 s after halt"]


def test_another_machine_leads_while_it_lives_and_until_its_lease_has_run_out(history: History) -> None:
    assert not history._does_second_lead()  # noqa: SLF001
    second = Process("second 2")
    second.on_death.append(history._second_died)  # noqa: SLF001
    history._daemons.append((second, cast("Daemon", None)))  # noqa: SLF001
    assert history._does_second_lead()  # noqa: SLF001
    second.kill()
    assert history._does_second_lead()  # noqa: SLF001
    assert history._second_until_s == history.loop.time() + LEASE_S  # noqa: SLF001
    history._second_until_s = history.loop.time()  # noqa: SLF001
    assert not history._does_second_lead()  # noqa: SLF001
