"""What operators ask through the control table: approvals, and resuming after the breaker (R-G17, R-G13)."""

from __future__ import annotations

from datetime import timedelta

from tests.builders import a_policy
from tests.unit.engine.world import World, a_world

MANUAL = a_policy(approve="manual")


async def a_waiting_world() -> tuple[World, str]:
    """A trim that waits for a yes, and the id of the decision that said so."""
    world = await a_world(policy=MANUAL)
    outcome = await world.cycle()
    assert not outcome.plan.actions
    assert [item.wish.kind for item in outcome.plan.blocked] == ["trim"]
    return world, outcome.plan.decision_id


async def test_an_approved_plan_acts_in_the_next_cycle() -> None:
    world, decision = await a_waiting_world()
    await world.controls.request("approve", decision, "anna", "looks right")
    assert [item.wish.kind for item in (await world.cycle()).plan.actions] == ["trim"]
    assert [body["keys"] for body in await world.bodies("approved")] == [["BTC:trim:BTC/USDT:-,BTC/USDT:USDT:-"]]


async def test_an_approval_runs_out_after_an_hour_of_venue_time() -> None:
    world, decision = await a_waiting_world()
    await world.controls.request("approve", decision, "anna", "")
    world.kill.set("freeze", "test", "not yet")
    assert not (await world.cycle()).plan.actions
    await world.controls.request("resume", "", "test", "")
    late = await world.cycle(later=timedelta(hours=1))
    assert not late.plan.actions
    assert {verdict.gate for item in late.plan.blocked for verdict in item.not_passed} == {"R-G17"}


async def test_a_rejected_plan_goes_on_waiting_and_is_recorded_as_rejected() -> None:
    world, decision = await a_waiting_world()
    await world.controls.request("reject", decision, "anna", "no")
    assert not (await world.cycle()).plan.actions
    assert [body["decision_id"] for body in await world.bodies("rejected")] == [decision]
    assert "approved" not in await world.kinds()


async def test_approving_what_nobody_decided_is_told_and_approves_nothing() -> None:
    world, _ = await a_waiting_world()
    await world.controls.request("approve", "dnone", "anna", "")
    assert not (await world.cycle()).plan.actions
    assert "there is no decision 'dnone'" in world.alerts.texts


async def test_a_plan_of_the_day_before_yesterday_cannot_be_approved() -> None:
    world, decision = await a_waiting_world()
    await world.controls.request("approve", decision, "anna", "")
    late = await world.cycle(later=timedelta(days=2))
    assert "trim" not in [item.wish.kind for item in late.plan.actions]
    assert "over a day old" in world.alerts.texts


async def test_a_restart_approves_nothing_anew() -> None:
    world, decision = await a_waiting_world()
    await world.controls.request("approve", decision, "anna", "")
    await world.cycle()
    again = await world.restarted()
    await again.cycle()
    assert len(await again.bodies("approved")) == 1
