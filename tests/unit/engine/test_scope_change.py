"""A configuration that changes between two cycles: the unit value and the day's start go on as if nothing had."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bot.core.policy import Policy
from tests.builders import a_policy
from tests.unit.engine.world import a_world
from tests.unit.venues.simulated.scenes import SPOT, START, StillScene, a_market

D = Decimal
ETH = "ETH/USDT"


def of(weights: dict[str, str], **over: Any) -> Policy:
    rest = 1 - sum((D(weight) for weight in weights.values()), D(0))
    sleeves = {name.lower(): {"weight": weight, "assets": [name]} for name, weight in weights.items()}
    return a_policy(targets={"stables": {"weight": str(rest), "floor": "0.02"}, "sleeves": sleeves}, **over)


async def test_dropping_and_taking_up_a_coin_is_neither_loss_nor_profit() -> None:
    scene = StillScene(depth=D(100_000), spread=D("0.02"))
    scene.moves[ETH] = [(START, D(100))]
    scene.listed[ETH] = a_market()
    opening = {"USDT": D(10_000), "BTC": D(300), "ETH": D(600)}
    world = await a_world(policy=of({"BTC": "0.3", "ETH": "0.6"}), scene=scene, opening=opening, futures="0")
    await world.cycle()
    before = await world.store.memory()
    assert [before.unit_value, before.day_start_equity] == [1, 100_000]
    world.policy = of({"BTC": "0.75"})
    outcome = await world.cycle()
    memory = await world.store.memory()
    assert outcome.plan.assessment.read_equity == 40_000
    assert [outcome.plan.assessment.strange, memory.unit_value, memory.unit_peak] == ["", 1, 1]
    assert memory.day_start_equity == 40_000
    world.policy = of({"BTC": "0.3", "ETH": "0.6"})
    outcome = await world.cycle()
    memory = await world.store.memory()
    assert [outcome.plan.assessment.strange, memory.unit_value, memory.day_start_equity] == ["", 1, 100_000]
    assert world.kill.level == "off"


async def test_a_fall_of_price_at_the_same_time_is_a_loss() -> None:
    scene = StillScene(depth=D(100_000), spread=D("0.02"))
    scene.moves[ETH] = [(START, D(100))]
    scene.listed[ETH] = a_market()
    opening = {"USDT": D(10_000), "BTC": D(300), "ETH": D(600)}
    world = await a_world(policy=of({"BTC": "0.3", "ETH": "0.6"}), scene=scene, opening=opening, futures="0")
    await world.cycle()
    world.policy = of({"BTC": "0.75"})
    for symbol in (SPOT, "BTC/USDT:USDT"):
        scene.moves[symbol] = [*scene.moves[symbol], (START.replace(minute=1), D(90))]
    await world.cycle()
    memory = await world.store.memory()
    assert memory.unit_value == D("0.925")  # 3,000 of 40,000
