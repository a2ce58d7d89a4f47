"""An edited file under a running daemon: what takes effect when, what waits for a yes, what a broken one does."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from bot.engine.controls import ACCEPTS
from bot.settings.watch import edit_of
from tests.unit.test_daemon import World, world

__all__ = ["world"]


async def test_an_edit_takes_effect_at_a_cycles_boundary(world: World) -> None:
    daemon = world.daemon()
    await daemon.run(1)
    daemon = world.daemon()
    world.write("weight: 0.5, assets", "weight: 0.4, assets")
    world.write("weight: 0.5, floor", "weight: 0.6, floor")
    await daemon.run(1)
    assert world.plans[-1].assessment.exposure("BTC").target == Decimal("0.4")
    assert "the configuration was changed and is in force" in world.alerts.texts


async def test_a_broken_edit_keeps_the_old_configuration_freezes_and_lifts_by_itself(world: World) -> None:
    daemon = world.daemon()
    world.write("cycle: 10m", "cycle: soon")

    def mend(number: int) -> None:
        if number == 2:
            world.write("cycle: soon", "cycle: 10m")

    world.after_plan = mend
    await daemon.run(3)
    orders = [[leg for item in plan.actions for leg in item.wish.legs] for plan in world.plans]
    assert [bool(legs) for legs in orders] == [False, False, True]
    assert {plan.assessment.exposure("BTC").target for plan in world.plans} == {Decimal("0.5")}
    assert "the configuration cannot be read, frozen while it cannot" in world.alerts.texts
    assert await world.controls.kill() is None


async def test_an_edit_that_raises_risk_waits_for_a_yes_on_a_real_account(world: World) -> None:
    daemon = world.daemon(confirms=True)
    waited: list[object] = []

    async def seen() -> None:
        status = await world.record.status()
        waited.append(status and status["edit"])

    def act(number: int) -> None:
        if number == 1:
            world.write("weight: 0.5, assets", "weight: 0.9, assets")
            world.write("weight: 0.5, floor", "weight: 0.1, floor")

    world.after_plan = act
    await daemon.run(3)
    await seen()
    assert [plan.assessment.exposure("BTC").target for plan in world.plans] == [Decimal("0.5")] * 3
    assert waited == [{"id": edit_of(world.file), "raises": ["targets.stables.weight: 0.5 → 0.1"]}]
    assert world.alerts.texts.count("raises risk and waits for a yes") == 1

    world.after_plan = lambda _number: None
    await world.controls.request(ACCEPTS, "another", "test", "")
    world.write("weight: 0.9, assets", "weight: 0.5, assets")  # back as it was: nothing waits any more
    world.write("weight: 0.1, floor", "weight: 0.5, floor")
    await world.daemon(confirms=True).run(1)
    await seen()
    assert waited[-1] is None


async def test_a_yes_takes_the_edit_over_and_another_edits_yes_does_not(world: World) -> None:
    daemon = world.daemon(confirms=True)

    def act(number: int) -> None:
        if number == 1:
            world.write("weight: 0.5, assets", "weight: 0.4, assets")
            world.write("weight: 0.5, floor: 0.05", "weight: 0.6, floor: 0.01")

    world.after_plan = act
    await world.controls.request(ACCEPTS, "00000000", "test", "")
    running = asyncio.create_task(daemon.run(6))
    while len(world.plans) < 3:  # noqa: ASYNC110 - a test that looks on
        await asyncio.sleep(0)
    assert world.plans[-1].assessment.exposure("BTC").target == Decimal("0.5")
    await world.controls.request(ACCEPTS, edit_of(world.file), "test", "looked at")
    await running
    assert world.plans[-1].assessment.exposure("BTC").target == Decimal("0.4")
    assert "the configuration was changed and is in force" in world.alerts.texts


async def test_an_edit_that_lowers_risk_waits_for_nobody(world: World) -> None:
    daemon = world.daemon(confirms=True)
    world.write("weight: 0.5, assets", "weight: 0.4, assets")
    world.write("weight: 0.5, floor", "weight: 0.6, floor")
    await daemon.run(2)
    assert world.plans[-1].assessment.exposure("BTC").target == Decimal("0.4")


async def test_what_needs_a_restart_is_named_and_stays_as_it_was(world: World) -> None:
    daemon = world.daemon()
    world.write("mode: paper", "mode: testnet")
    await daemon.run(1)
    assert "needs a restart to take effect: mode" in world.alerts.texts
    status = await world.record.status()
    assert status is not None
    assert status["mode"] == "paper"
