"""Savings through the ports: in process and over HTTP the same money, the same verdicts, the same interest."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bot.core.orders import MoveIntent, OrderIntent, Placed
from bot.core.snapshot import Saving
from bot.ports.errors import Denied
from bot.ports.venue import Gap
from tests.unit.venues.simulated.scenes import START

if TYPE_CHECKING:
    from bot.ports.venue import Savings
    from tests.contract.venue.conftest import World

D = Decimal
DAY = timedelta(days=1)


def a_move(client_id: str = "bm0", amount: str = "1000", source: str = "spot", to: str = "earn") -> MoveIntent:
    return MoveIntent(client_id, "d", "a", "USDT", D(amount), source, to, START + timedelta(minutes=1), 1)


def yes(intent: OrderIntent | MoveIntent) -> None:
    del intent


def no(intent: OrderIntent | MoveIntent) -> None:
    raise Denied(f"fenced: {intent.client_id}")


def needs_savings(world: World) -> None:
    if not world.has.savings:
        pytest.skip("no flexible savings here")


def read(answer: Placed | Gap) -> Placed:
    assert not isinstance(answer, Gap), answer
    return answer


async def wallets(world: World) -> dict[str, Decimal]:
    found = await world.venue.balances()
    assert not isinstance(found, Gap)
    liquid = {"unified": "spot"}
    return {liquid.get(one.wallet, one.wallet): one.free for one in found if one.asset == "USDT" and one.total}


async def test_an_instant_product_is_offered_and_the_account_can_earn(world: World) -> None:
    needs_savings(world)
    port: Savings = world.venue
    assert await port.savings() == {"USDT": Saving(product="USDT001", rate=D("0.03"), instant=True, min=D("0.1"))}
    assert "earn" in (await world.venue.kind()).can


async def test_money_is_parked_and_recalled_and_each_move_is_found(world: World) -> None:
    needs_savings(world)
    assert await world.venue.move(a_move(), yes) == (Placed.ACCEPTED, "")
    assert await wallets(world) == {"spot": D(9_000), "earn": D(1_000)}
    back = a_move("bback", "400", "earn", "spot")
    assert await world.venue.move(back, yes) == (Placed.ACCEPTED, "")
    assert await wallets(world) == {"spot": D(9_400), "earn": D(600)}
    assert await world.venue.find_move(a_move()) is Placed.ACCEPTED
    assert await world.venue.find_move(back) is Placed.ACCEPTED
    assert (await world.venue.move(back, yes))[0] is Placed.EXISTS
    assert await wallets(world) == {"spot": D(9_400), "earn": D(600)}


async def test_a_permit_that_says_no_parks_nothing(world: World) -> None:
    needs_savings(world)
    assert await world.venue.move(a_move(), no) == (Placed.DENIED, "fenced: bm0")
    assert world.exchange.earn() == {}


async def test_what_cannot_be_parked_or_recalled_is_refused(world: World) -> None:
    needs_savings(world)
    await world.venue.move(a_move("bfirst", "5"), yes)
    world.clock.at += timedelta(seconds=5)
    for move in (
        a_move("bless", "0.01"),
        a_move("bmore", "10000"),
        a_move("bback", "5.01", "earn", "spot"),
        a_move("bcross", "1", "earn", "futures"),
        a_move("bcross2", "1", "futures", "earn"),
    ):
        verdict, why = await world.venue.move(move, yes)
        assert why
        if verdict is Placed.UNKNOWN:  # a venue may say no in words that prove nothing: its history does
            world.clock.at += timedelta(minutes=2)
            verdict = read(await world.venue.find_move(move))
        assert (move.client_id, verdict) == (move.client_id, Placed.REJECTED)
    assert world.exchange.earn() == {"USDT": D(5)}


async def test_a_subscription_never_made_is_proven_absent_once_it_can_no_longer_arrive(world: World) -> None:
    needs_savings(world)
    await world.venue.move(a_move("bother", "7"), yes)
    world.clock.at = START + timedelta(minutes=2)
    assert await world.venue.find_move(a_move("bnever")) is Placed.REJECTED
    assert await world.venue.find_move(a_move("bnever", "7", "earn", "spot")) is Placed.REJECTED


async def test_interest_arrives_as_a_flow_at_midnight(world: World) -> None:
    needs_savings(world)
    await world.venue.move(a_move(amount="3650"), yes)
    world.clock.at = START + 2 * DAY
    found = await world.venue.flows(START + timedelta(hours=1))
    assert not isinstance(found, Gap)
    paid = [(one.at, one.body["amount"]) for one in found if one.body.get("kind") == "interest"]
    assert paid == [(START + DAY, "0.3"), (START + 2 * DAY, "0.30002465")]
    assert len({one.key for one in found}) == len(found)
    assert (await wallets(world))["earn"] == D("3650.60002465")


async def test_where_there_are_no_savings_nothing_is_offered_and_nothing_leaves(world: World) -> None:
    if world.has.savings:
        pytest.skip("savings are offered here")
    assert await world.venue.savings() == {}
    assert "earn" not in (await world.venue.kind()).can
    verdict, why = await world.venue.move(a_move(), yes)
    assert (verdict, bool(why)) == (Placed.REJECTED, True)
    assert world.exchange.transfers() == []
