"""What the bot does to itself: breaker, runaway, a key that may withdraw, orders of nobody's (R-G13, R-G15, R-G1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.orders import OrderState
from bot.engine.guard import Guard
from bot.engine.verify import verify
from bot.ports.errors import Transient, VenueError
from bot.ports.venue import KeyReport
from bot.venues.simulated.exchange import OrderRequest
from bot.venues.simulated.mapping import request_of
from bot.venues.simulated.venue import SimulatedVenue
from tests.builders import D, a_policy, an_intent
from tests.unit.engine.world import World, a_world
from tests.unit.venues.simulated.scenes import SPOT, SWAP

FRAGILE = a_policy(limits={"drawdown": "0.20"})


async def a_fall(world: World, price: str = "50") -> None:
    """Prices halve, slowly enough that no single cycle takes it for a fault."""
    now = Decimal(100)
    while now > Decimal(price):
        now = max(Decimal(price), now * Decimal("0.9"))
        world.scene.move(SPOT, world.clock.now(), str(round(now, 1)))
        world.scene.move(SWAP, world.clock.now(), str(round(now, 1)))
        await world.cycle()


async def test_the_breaker_freezes_for_good_and_cancels_what_rests() -> None:
    world = await a_world(policy=FRAGILE, opening={"USDT": D(40_000), "BTC": D(400)})
    await world.cycle()
    await a_fall(world)
    assert world.kill.level == "freeze"
    assert world.kill.standing.by == "drawdown breaker"
    assert "20 % or more under its peak" in world.alerts.texts
    row = await world.controls.kill()
    assert row is not None
    assert (row.value, row.who) == ("freeze", "drawdown breaker")
    # One word in the table, however many cycles the fall lasts.
    await world.cycle()
    assert [row.what for row in await world.controls.read(0)] == ["kill"]


async def test_the_breaker_cancels_what_rests_in_the_very_cycle_that_it_trips() -> None:
    world = await a_world(policy=a_policy(limits={"drawdown": "0.05"}, execution={"maker_wait": "1h"}))
    world.venue.answers = ["rests"]
    await world.cycle()
    assert [row.state for row in (await world.orders())[SPOT]] == [OrderState.OPEN]
    for symbol in (SPOT, SWAP):
        world.scene.move(symbol, world.clock.now(), "88")
    await world.cycle()
    assert world.kill.standing.by == "drawdown breaker"
    assert [row.state for row in (await world.orders())[SPOT]] == [OrderState.CANCELLED]
    assert not world.exchange.open_orders()


async def test_a_resume_that_comes_while_the_breaker_trips_is_not_undone() -> None:
    world = await a_world(policy=FRAGILE, opening={"USDT": D(40_000), "BTC": D(400)})
    await world.cycle()
    await a_fall(world)
    guard, last = world.engine.guard, world.engine
    outcome = await world.cycle()
    await world.controls.request("resume", "", "anna", "seen")
    # The decision was made before anybody read the resume.
    await guard.breaker(outcome.plan, FRAGILE, last.cancel_own)
    await world.engine.requests.handle(FRAGILE)
    await guard.breaker(outcome.plan, FRAGILE, last.cancel_own)
    assert [row.what for row in await world.controls.read(0)] == ["kill", "resume"]


async def test_an_operators_resume_puts_the_peak_back_so_that_it_does_not_trip_again() -> None:
    world = await a_world(policy=FRAGILE, opening={"USDT": D(40_000), "BTC": D(400)})
    await world.cycle()
    await a_fall(world)
    await world.controls.request("resume", "", "anna", "seen")
    await world.cycle()
    await world.cycle()
    assert world.kill.level == "off"
    assert (await world.kinds()).count("peak.reset") == 1
    assert (await verify(world.record)).clean


async def test_a_resume_after_something_else_leaves_the_peak_alone() -> None:
    world = await a_world()
    await world.cycle()
    await world.controls.request("kill", "freeze", "anna", "lunch")
    await world.cycle()
    await world.controls.request("resume", "", "anna", "back")
    await world.cycle()
    assert "peak.reset" not in await world.kinds()


async def test_the_next_process_knows_that_the_breaker_froze() -> None:
    world = await a_world(policy=FRAGILE, opening={"USDT": D(40_000), "BTC": D(400)})
    await world.cycle()
    await a_fall(world)
    again = await world.restarted()
    await again.cycle()
    await again.controls.request("resume", "", "anna", "seen")
    await again.cycle()
    assert again.kill.level == "off"
    assert [row.what for row in await again.controls.read(0)] == ["kill", "resume"]


async def test_a_wish_sent_three_times_in_vain_halts_its_asset_until_it_is_rearmed() -> None:
    world = await a_world()
    world.venue.answers = ["missed"] * 3
    for _ in range(4):
        await world.cycle()
    assert (await world.store.memory()).halted_assets == ("BTC",)
    assert [body["asset"] for body in await world.bodies("asset.halted")] == ["BTC"]
    assert "BTC is halted: trim was sent 3 times" in world.alerts.texts
    await world.controls.request("rearm", "BTC", "anna", "")
    assert [item.wish.kind for item in (await world.cycle()).plan.actions] == ["trim"]


async def test_two_tries_in_vain_halt_nothing() -> None:
    world = await a_world()
    world.venue.answers = ["missed"] * 2
    for _ in range(3):
        await world.cycle()
    assert (await world.store.memory()).halted_assets == ()
    assert world.held() < D(600)


async def test_orders_that_the_venue_refuses_are_no_tries_and_halt_nothing() -> None:
    world = await a_world()
    world.venue.answers = ["refused"] * 4
    for _ in range(4):
        await world.cycle()
    memory = await world.store.memory()
    assert (memory.halted_assets, memory.wishes) == ((), {})
    assert [item.wish.kind for item in (await world.cycle()).plan.actions] == ["trim"]


async def test_an_open_order_under_our_prefix_that_nobody_here_intended_freezes() -> None:
    world = await a_world()
    foreign = an_intent(decision_id="d-of-another-machine", qty="-1", price="150", tif="gtc")
    world.exchange.place(request_of(foreign))
    await world.cycle()
    assert world.kill.level == "freeze"
    assert foreign.client_id in world.kill.standing.reason
    assert world.kill.standing.by == "orphan sweep"


async def test_somebody_elses_order_and_our_own_are_no_orphans() -> None:
    world = await a_world()
    world.exchange.place(OrderRequest(SPOT, "sell", "limit", amount=D(1), price=D(150), client_id="by-hand"))
    world.venue.answers = ["rests"]
    await world.cycle()
    assert OrderState.OPEN in {row.state for row in (await world.orders())[SPOT]}
    again = await world.restarted()
    await again.cycle()
    assert again.kill.level == "off"


class KeyVenue(SimulatedVenue):
    """Answers what the key may do, one report after the other, the last one for ever."""

    def __init__(self, world: World, answers: Sequence[bool | KeyReport | VenueError | None]) -> None:
        super().__init__(world.exchange, world.clock)
        self._answers = list(answers)
        self.asked = 0

    async def key(self) -> KeyReport:
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, VenueError):
            raise answer
        if isinstance(answer, KeyReport):
            return answer
        return KeyReport(can_trade_spot=True, can_trade_swap=True, can_withdraw=answer, ip_bound=True)


async def a_guarded_world(
    mode: str, answers: Sequence[bool | KeyReport | VenueError | None]
) -> tuple[World, Guard, KeyVenue]:
    world = await a_world()
    venue = KeyVenue(world, answers)
    parts = replace(world.parts, mode=mode, account=venue)
    return world, Guard(parts, world.engine.recorder, world.kill, world.engine.requests), venue


async def test_a_key_that_may_suddenly_withdraw_freezes_live_within_the_hour() -> None:
    world, guard, venue = await a_guarded_world("live", [False, True])
    await guard.look()
    await guard.look()
    assert (world.kill.level, venue.asked) == ("off", 1)
    await world.clock.until(world.clock.now() + timedelta(hours=1))
    await guard.look()
    assert world.kill.level == "freeze"
    assert "the key may withdraw" in world.kill.standing.reason


async def test_elsewhere_such_a_key_is_told_of_and_an_unknown_one_is_not() -> None:
    world, guard, _ = await a_guarded_world("testnet", [None, True])
    await guard.look()
    assert not world.alerts.told
    await world.clock.until(world.clock.now() + timedelta(hours=1))
    await guard.look()
    assert world.kill.level == "off"
    assert "the key may withdraw" in world.alerts.texts


GOOD = KeyReport(can_trade_spot=True, can_trade_swap=True, can_withdraw=False, ip_bound=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"can_trade_spot": False}, "spot trading no longer allowed"),
        ({"can_trade_swap": False}, "futures trading no longer allowed"),
        ({"ip_bound": False}, "binding to an address no longer allowed"),
    ],
)
async def test_a_permission_that_changes_freezes_live_until_a_resume(change: dict[str, Any], words: str) -> None:
    world, guard, venue = await a_guarded_world("live", [GOOD, replace(GOOD, **change)])
    await guard.look()
    await world.clock.until(world.clock.now() + timedelta(minutes=59))
    await guard.look()
    assert (world.kill.level, venue.asked) == ("off", 1)
    await world.clock.until(world.clock.now() + timedelta(minutes=1))
    await guard.look()
    assert (world.kill.level, world.kill.standing.by) == ("freeze", "key check")
    assert world.kill.standing.reason == f"the key's permissions changed at the venue: {words}"


async def test_what_cannot_be_told_just_now_is_no_change() -> None:
    silent = KeyReport(None, None, None, None, "timed out")
    world, guard, _ = await a_guarded_world("live", [GOOD, silent, GOOD, replace(GOOD, can_withdraw=True)])
    levels = []
    for _ in range(4):
        await guard.look()
        levels.append(world.kill.level)
        await world.clock.until(world.clock.now() + timedelta(hours=1))
    assert levels == ["off", "off", "off", "freeze"]
    assert world.kill.standing.reason.startswith("the key may withdraw")


async def test_a_key_that_could_not_be_asked_about_is_asked_about_with_the_next_cycle() -> None:
    world, guard, venue = await a_guarded_world("live", [False, Transient("timed out"), True])
    await guard.look()
    await world.clock.until(world.clock.now() + timedelta(hours=1))
    await guard.look()
    assert (world.kill.level, venue.asked) == ("off", 2)
    await guard.look()  # not an hour later
    assert world.kill.level == "freeze"


async def test_a_live_key_that_may_withdraw_from_the_start_freezes_at_once() -> None:
    world, guard, _ = await a_guarded_world("live", [True])
    await guard.look()
    assert world.kill.level == "freeze"


async def test_a_halt_with_open_futures_is_told_again_every_five_minutes() -> None:
    world = await a_world()
    await world.cycle()
    outcome = await world.cycle()
    guard, positions = world.engine.guard, outcome.snapshot.positions
    guard.exposed(positions)
    assert "halted with open futures" not in world.alerts.texts
    world.kill.set("halt", "test", "test")
    guard.exposed(positions)
    guard.exposed(positions)
    (told,) = [text for _, text in world.alerts.told if text.startswith("halted with open futures")]
    assert "-20.000 BTC/USDT:USDT, " in told
    assert told.endswith("% from liquidation")
