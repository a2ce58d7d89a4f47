"""An operator freezes one asset: it is left alone until it is re-armed, and the others go on (R-G15)."""

from __future__ import annotations

from tests.unit.engine.world import a_world


async def test_a_frozen_asset_is_left_alone_until_it_is_rearmed() -> None:
    world = await a_world()
    await world.controls.request("halt-asset", "BTC", "anna", "delisting?")
    first = await world.cycle()
    assert not first.plan.actions
    assert "R-G15" in {verdict.gate for item in first.plan.blocked for verdict in item.not_passed}
    assert [body["why"] for body in await world.bodies("asset.halted")] == ["anna: delisting?"]
    assert not (await world.cycle()).plan.actions, "the request is carried out once, its effect stays"
    await world.controls.request("rearm", "BTC", "anna", "")
    assert [item.wish.kind for item in (await world.cycle()).plan.actions] == ["trim"]


async def test_an_asset_that_is_not_configured_freezes_nothing() -> None:
    world = await a_world()
    await world.controls.request("halt-asset", "DOGE", "anna", "")
    assert [item.wish.kind for item in (await world.cycle()).plan.actions] == ["trim"]
    assert (await world.store.memory()).halted_assets == ()


async def test_a_frozen_asset_stays_frozen_over_a_restart() -> None:
    world = await a_world()
    await world.controls.request("halt-asset", "BTC", "anna", "")
    await world.cycle()
    again = await world.restarted()
    assert not (await again.cycle()).plan.actions
    assert len(await again.bodies("asset.halted")) == 1
