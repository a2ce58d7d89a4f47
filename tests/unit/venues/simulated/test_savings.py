"""Savings: what may go in and out, what it earns by venue time, and that no look changes it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.core.memory import Memory, fold_all
from bot.core.orders import Placed
from bot.core.snapshot import Balance, Saving
from bot.ports.venue import Gap, Savings
from bot.venues.simulated.exchange import Exchange, IncomeKind, Refusal, RefusalCode, Rules
from bot.venues.simulated.paper import ObservedScene
from bot.venues.simulated.venue import SimulatedVenue
from tests.unit.venues.simulated.accounts import HandClock, a_move, an_exchange
from tests.unit.venues.simulated.scenes import SPOT, START, D, StillScene, a_market, minutes
from tests.unit.venues.simulated.test_venue import yes

DAY = timedelta(days=1)


def parked(amount: str = "3650", scene: StillScene | None = None) -> Exchange:
    exchange = an_exchange(scene)
    exchange.transfer("USDT", D(amount), "spot", "earn")
    return exchange


def refusal_of_move(exchange: Exchange, amount: str, source: str, to: str, asset: str = "USDT") -> RefusalCode | None:
    before = exchange.dump()
    try:
        exchange.transfer(asset, D(amount), source, to)  # type: ignore[arg-type] # names that are no wallets too
    except Refusal as refusal:
        assert exchange.dump() == before
        return refusal.code
    return None


def test_what_is_parked_leaves_the_spot_wallet_and_comes_back_at_once() -> None:
    exchange = parked("1000")
    assert exchange.earn() == {"USDT": D(1000)}
    assert exchange.balances()["USDT"].free == D(9000)
    exchange.transfer("USDT", D(400), "earn", "spot")
    assert exchange.earn() == {"USDT": D(600)}
    assert exchange.balances()["USDT"].free == D(9400)


def test_a_year_at_three_per_cent_is_paid_daily_at_midnight_by_venue_time() -> None:
    exchange = parked("3650")  # 0.30 a day
    exchange.advance(START + DAY - timedelta(seconds=1))
    assert exchange.interest() == []
    exchange.advance(START + DAY)
    (paid,) = exchange.interest()
    assert (paid.kind, paid.asset, paid.amount, paid.at) == (IncomeKind.INTEREST, "USDT", D("0.3"), START + DAY)
    assert exchange.earn() == {"USDT": D("3650.3")}
    exchange.advance(START + 365 * DAY)
    total = sum(one.amount for one in exchange.interest())
    assert D(3650) * D("0.03") < total < D(3650) * D("0.0305")  # it earns on what it was paid
    assert exchange.income() == []


def test_half_a_day_earns_half_and_what_left_is_owed_until_midnight() -> None:
    exchange = parked("3650")
    exchange.advance(START + DAY / 2)
    exchange.transfer("USDT", D(3650), "earn", "spot")
    assert exchange.earn() == {}
    exchange.advance(START + DAY)
    assert [(one.amount, one.at) for one in exchange.interest()] == [(D("0.15"), START + DAY)]
    assert exchange.earn() == {"USDT": D("0.15")}


def test_what_left_without_a_whole_unit_owed_is_forgotten() -> None:
    exchange = parked("0.1")
    exchange.transfer("USDT", D("0.1"), "earn", "spot")
    exchange.advance(START + DAY)
    assert exchange.earn() == {}
    assert json.loads(exchange.dump())["earning"] == {}


def test_interest_is_the_same_however_often_somebody_looks() -> None:
    made = []
    for looks in (1, 7, 300):
        exchange = parked("1234.56789")
        for look in range(1, looks + 1):
            exchange.advance(START + 9.5 * DAY * look / looks)
        made.append([(one.at, one.amount) for one in exchange.interest()])
    assert made[0] == made[1] == made[2]
    assert len(made[0]) == 9


@pytest.mark.parametrize(
    ("amount", "source", "to", "asset", "code"),
    [
        ("0.09", "spot", "earn", "USDT", RefusalCode.MIN_AMOUNT),
        ("1", "spot", "earn", "BTC", RefusalCode.NO_SAVINGS),
        ("10001", "spot", "earn", "USDT", RefusalCode.INSUFFICIENT_BALANCE),
        ("500.00000001", "earn", "spot", "USDT", RefusalCode.INSUFFICIENT_BALANCE),
        ("1", "earn", "spot", "BTC", RefusalCode.INSUFFICIENT_BALANCE),
        ("1", "earn", "futures", "USDT", RefusalCode.BAD_PARAMETER),
        ("1", "futures", "earn", "USDT", RefusalCode.BAD_PARAMETER),
        ("1", "earn", "earn", "USDT", RefusalCode.BAD_PARAMETER),
        ("1", "spot", "attic", "USDT", RefusalCode.BAD_PARAMETER),
        ("0", "spot", "earn", "USDT", RefusalCode.BAD_PARAMETER),
        ("0.01", "earn", "spot", "USDT", None),  # any part of it may leave
        ("0.1", "spot", "earn", "USDT", None),
    ],
)
def test_a_move_that_cannot_be_is_refused_and_changes_nothing(
    amount: str, source: str, to: str, asset: str, code: RefusalCode | None
) -> None:
    assert refusal_of_move(parked("500"), amount, source, to, asset) == code


def test_savings_take_no_more_than_their_quota() -> None:
    exchange = Exchange(StillScene(), opening={"USDT": D(1000)}, rules=Rules(savings_quota=D(300)))
    assert refusal_of_move(exchange, "300.1", "spot", "earn") == RefusalCode.SAVINGS_QUOTA
    assert refusal_of_move(exchange, "300", "spot", "earn") is None
    assert refusal_of_move(exchange, "0.1", "spot", "earn") == RefusalCode.SAVINGS_QUOTA


def test_only_stablecoins_that_are_traded_here_are_offered() -> None:
    scene = StillScene()
    scene.listed["USDC/USDT"] = a_market()
    assert [one.product for one in an_exchange(scene).products()] == ["USDC001", "USDT001"]
    assert [one.asset for one in an_exchange().products()] == ["USDT"]


def test_savings_survive_a_restart_with_what_they_are_owed() -> None:
    scene = StillScene()
    straight, broken = parked("3650", scene), parked("3650", scene)
    for exchange in (straight, broken):
        exchange.advance(START + DAY * 1.25)
    broken = Exchange(scene, state=broken.dump())
    assert broken.dump() == straight.dump()
    assert broken.interest() == straight.interest()
    for exchange in (straight, broken):
        exchange.advance(START + DAY * 2)
    assert broken.dump() == straight.dump()
    assert len(broken.interest()) == 2


def test_an_account_kept_before_there_were_savings_still_loads() -> None:
    scene = StillScene()
    kept = json.loads(an_exchange(scene, futures="100").dump())
    del kept["earning"], kept["interest"]
    exchange = Exchange(scene, state=json.dumps(kept).encode())
    assert exchange.earn() == {}
    assert exchange.interest() == []
    exchange.transfer("USDT", D(100), "spot", "earn")
    assert exchange.earn() == {"USDT": D(100)}


# ---- through the ports


async def test_the_venue_says_what_it_offers_and_what_lies_there() -> None:
    exchange, clock = an_exchange(), HandClock()
    venue = SimulatedVenue(exchange, clock)
    port: Savings = venue
    assert await port.savings() == {"USDT": Saving(product="USDT001", rate=D("0.03"), instant=True, min=D("0.1"))}
    assert (await venue.kind()).can == ("swap", "transfer", "earn")
    assert await venue.move(a_move("100", to="earn", client_id="in"), yes) == (Placed.ACCEPTED, "")
    assert (await venue.move(a_move("100", to="earn", client_id="in"), yes))[0] == Placed.EXISTS
    assert await venue.find_move(a_move("100", to="earn", client_id="in")) == Placed.ACCEPTED
    balances = await venue.balances()
    assert not isinstance(balances, Gap)
    assert Balance(wallet="earn", asset="USDT", free=D(100), at=START) in balances
    much = a_move("101", source="earn", to="spot", client_id="much")
    assert (await venue.move(much, yes))[0] == Placed.REJECTED
    assert await venue.find_move(much) == Placed.REJECTED
    assert (await venue.move(a_move("100", source="earn", to="spot", client_id="out"), yes))[0] == Placed.ACCEPTED
    assert exchange.earn() == {}


async def test_interest_is_a_flow_that_the_memory_folds() -> None:
    exchange, clock = parked("3650"), HandClock()
    venue = SimulatedVenue(exchange, clock)
    clock.at = START + 2 * DAY
    events = await venue.flows(START + DAY)
    assert not isinstance(events, Gap)
    assert events[0].kind == "flow"
    assert events[0].body == {"asset": "USDT", "amount": "0.3", "kind": "interest"}
    assert [one.at for one in events] == [START + DAY, START + 2 * DAY]
    assert [flow.kind for flow in fold_all(events, Memory()).flows] == ["interest", "interest"]


async def test_without_a_stablecoin_no_savings_are_offered() -> None:
    bare = Exchange(StillScene(), opening={"USDT": D(10)}, rules=Rules(savings_assets=()))
    venue = SimulatedVenue(bare, HandClock())
    assert await venue.savings() == {}
    assert "earn" not in (await venue.kind()).can


async def test_a_paper_account_has_savings_of_its_own_and_they_earn_while_nobody_looks() -> None:
    scene, clock = ObservedScene(START), HandClock()
    venue = SimulatedVenue(Exchange(scene, opening={"USDT": D(10_000)}), clock)
    scene.saw_markets({SPOT: a_market()})
    await venue.move(a_move("3650", to="earn"), yes)
    clock.at = minutes(2 * 1440)
    balances = await venue.balances()
    assert not isinstance(balances, Gap)
    assert {(one.wallet, one.asset): one.total for one in balances}["earn", "USDT"] > D("3650.6")
    assert (await venue.kind()).can == ("earn",)
