"""R-A10 and R-A11: when a laggard may be added to, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bot.core.assess import assess
from bot.core.assessment import Readings, Trend
from bot.core.desk import Desk
from bot.core.plan_record import Plan
from bot.core.rules.add import wish
from bot.core.wishes import Hold, Wish
from tests.rules.accounts import (
    AT,
    actions,
    after,
    approved,
    blocked,
    decide,
    hold,
    legs,
    policy,
    reads,
    seen,
    verdicts,
)

WANTED = policy({"BTC": 50})
BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"


def under(by: Any, read: Readings, *, stables: Any = None, **more: Any) -> Plan:
    weight = 50 - Decimal(str(by))
    return decide(seen({"BTC": weight}, 100 - weight if stables is None else stables, **more), WANTED, {"BTC": read})


# ---- R-A10: whether


@pytest.mark.parametrize(
    ("read", "points"),
    [
        (reads(Trend.STRONG_UP), "5"),
        (reads(Trend.WEAKENING_UP), "5"),
        (reads(Trend.RANGE), "5"),
        (reads(Trend.STABILISING_DOWN, at_support=True), "5"),
        (reads(Trend.STABILISING_DOWN, oversold=True), "5"),
        (reads(Trend.STABILISING_DOWN, bottoming=True), "5"),
        (reads(Trend.STABILISING_DOWN), "2.5"),
        (reads(Trend.STRONG_DOWN, bottoming=True), "5"),
    ],
)
def test_r_a10_a_laggard_may_be_added_to(read: Readings, points: str) -> None:
    assert legs(approved(under(8, read), "BTC").wish) == {BTC: Decimal(points)}


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (reads(Trend.STRONG_DOWN), "falling knife"),
        (reads(Trend.STRONG_DOWN, oversold=True), "falling knife"),
        (reads(Trend.RANGE, overextended=True), "overextended"),
        (reads(Trend.STRONG_UP, parabolic=True), "parabolic"),
        (reads(None), "trend unknown"),
    ],
)
def test_r_a10_a_laggard_must_wait(read: Readings, why: str) -> None:
    made = under(8, read)
    assert made.actions == ()
    found = hold(made, "BTC")
    assert (found.rule, why in found.why, bool(found.nearest)) == ("R-A10", True, True)


@pytest.mark.parametrize(("regime", "stress", "speaks"), [("bear", 0, "bear"), ("neutral", 2, "stress 2")])
def test_r_a10_in_a_bear_regime_or_under_stress_nothing_is_added(regime: str, stress: int, speaks: str) -> None:
    found = asked(regime=regime, stress=stress)
    assert isinstance(found, Hold)
    assert speaks in found.why


def test_r_a10_in_a_neutral_regime_and_under_little_stress_it_is() -> None:
    assert isinstance(asked(regime="neutral", stress=1), Wish)


def asked(**more: Any) -> Wish | Hold | None:
    """The rule alone, on an assessment whose regime and stress are given."""
    snapshot = seen({"BTC": 42}, 58)
    assessment, ledger = assess(snapshot, WANTED, {"BTC": reads()})
    return wish(Desk(snapshot, WANTED, replace(assessment, **more), ledger), "BTC")


@pytest.mark.parametrize(
    ("read", "nearest"),
    [
        (reads(Trend.STRONG_DOWN, rsi=34.0), "RSI 34, needs under 30"),
        (reads(overextended=True, close=130.0, ema_fast=100.0, atr=8.0), "a close of at most 124 (3 ATR over EMA)"),
        (reads(overextended=True, close=130.0, ema_fast=100.0, atr=8.0), "now 130"),
        (reads(Trend.STRONG_UP, parabolic=True), "a rise under 100.0% in 14 days"),
        (reads(None), "50 fresh closed bars of 4h, now 0"),
    ],
)
def test_r_a10_a_hold_names_what_is_needed_and_what_is_there(read: Readings, nearest: str) -> None:
    assert nearest in hold(under(8, read), "BTC").nearest


def test_r_a10_stress_without_an_alarm_says_how_its_level_comes_down() -> None:
    calm = asked(stress=2, alarms=())
    assert isinstance(calm, Hold)
    assert calm.nearest == "stress under 2, now 2 (no alarm now, a level less after 3 calmer daily closes)"
    loud = asked(stress=2, alarms=("volatility", "correlation"))
    assert isinstance(loud, Hold)
    assert loud.nearest == "stress under 2, now 2 (volatility, correlation)"


# ---- R-A11: with what


def test_r_a11_a_gap_is_closed_by_increments() -> None:
    assert legs(approved(under(12, reads()), "BTC").wish) == {BTC: Decimal(5)}
    assert legs(approved(under("5.5", reads()), "BTC").wish) == {BTC: Decimal("5.5")}


def test_r_a11_inside_the_band_nothing_is_bought() -> None:
    assert under("4.9", reads()).actions == ()


def test_r_a11_a_short_on_the_asset_is_closed_before_spot_is_bought() -> None:
    state = seen({"BTC": 50}, 44, futures=6, shorts={"BTC": 6})
    made = decide(state, WANTED, {"BTC": reads()})
    (first,) = actions(made)
    assert (first.kind, first.legs[0].reduce_only, set(legs(first))) == ("unhedge", True, {SWAP})
    assert legs(first)[SWAP] > 0


def test_r_a11_without_a_short_spot_is_bought_at_once() -> None:
    assert set(legs(approved(under(8, reads()), "BTC").wish)) == {BTC}


def test_r_a11_spot_is_bought_with_what_is_above_the_floor() -> None:
    made = under(8, reads(), stables=8, earn=50)  # what is parked is in equity, not in reach
    assert Decimal("2.98") < legs(approved(made, "BTC").wish)[BTC] < 3
    assert legs(approved(under(8, reads(), stables=12, earn=46), "BTC").wish) == {BTC: Decimal(5)}


def test_r_a11_money_in_the_futures_wallet_comes_over_before_it_is_spent() -> None:
    state = seen({"BTC": 42}, 2, futures=56)
    made = decide(state, WANTED, {"BTC": reads()})
    (transfer,) = actions(made)
    assert (transfer.rule, transfer.kind, transfer.cls) == ("R-A20", "transfer", "upkeep")
    (move,) = transfer.moves
    assert (move.source, move.to, move.amount) == ("futures", "spot", Decimal("3005.00"))
    arrived = decide(after(state, made), WANTED, {"BTC": reads()})
    assert legs(approved(arrived, "BTC").wish)[BTC] == pytest.approx(Decimal(5), abs=Decimal("0.005"))


def test_r_a11_money_that_cannot_come_over_is_not_spent() -> None:
    rooted: Mapping[str, Any] = {"account": {"can": ["swap"]}}
    made = under(8, reads(), stables=7, futures=51, **rooted)  # the floor is 5 points
    assert Decimal("1.98") < legs(approved(made, "BTC").wish)[BTC] < 2
    tried = under(8, reads(), stables=2, futures=56, memory={"wishes": {"BTC:transfer:": 2}})
    assert Decimal("1.98") < legs(approved(tried, "BTC").wish)[BTC] < 2


def test_r_a11_an_addition_names_the_sales_that_pay_for_it_and_only_those() -> None:
    both = policy({"BTC": 40, "ETH": 40, "SOL": 15}, stables={"floor": "0"}, hedge={"enabled": False})
    table = {name: reads() for name in ("BTC", "ETH", "SOL")}
    made = decide(seen({"BTC": 52, "ETH": 34, "SOL": "10.5"}, "3.5"), both, table)
    sale, *adds = actions(made)
    assert [item.asset for item in (sale, *adds)] == ["BTC", "ETH", "SOL"]
    assert [bool(item.funded_by) for item in adds] == [True, True]
    rich = policy({"BTC": 40, "ETH": 34}, stables={"floor": "0"}, hedge={"enabled": False})
    made = decide(seen({"BTC": 48, "ETH": 28}, 24), rich, table)
    sale, add = actions(made)
    assert (sale.asset, add.asset, add.funded_by) == ("BTC", "ETH", ())


def test_r_a11_what_two_additions_take_together_is_funded_where_one_alone_would_not_be() -> None:
    wanted = policy({"BTC": 40, "ETH": 26, "SOL": 26}, stables={"floor": "0"}, hedge={"enabled": False})
    table = {name: reads() for name in ("BTC", "ETH", "SOL")}
    made = decide(seen({"BTC": 52, "ETH": 20, "SOL": 20}, 8), wanted, table)
    sale, first, second = actions(made)
    assert (first.funded_by, second.funded_by) == ((), (made.action_id(0),))
    assert sale.asset == "BTC"


def test_r_a11_a_sale_of_any_kind_that_pays_is_named_and_one_that_is_not_needed_is_not() -> None:
    """A hedge that turns into a sale brings money in too; what lies in the futures wallet pays for no spot."""
    wanted = policy({"BTC": 40, "ETH": 40}, stables={"floor": "0"})
    table = {name: reads() for name in ("BTC", "ETH")}
    dear: Mapping[str, Any] = {"funding": {SWAP: {"rate": "-0.000366"}}, "account": {"can": ["swap"]}}

    def bought(stables: int) -> tuple[Plan, Wish]:
        state = seen({"BTC": 45, "ETH": 30}, stables, futures=25 - stables, shorts={"BTC": 5}, **dear)
        made = decide(state, wanted, table)
        return made, approved(made, "ETH").wish

    made, add = bought(1)
    assert add.funded_by == (made.action_id(0),)
    assert actions(made)[0].kind == "convert"
    assert bought(12)[1].funded_by == ()


# ---- what is left of an addition


def working(left: str | None, minutes: int = 60) -> dict[str, Any]:
    at = AT.replace(hour=12 - minutes // 60, minute=0)
    body = {"subject": "BTC", "direction": "add", "goal": "0.5", "opened_at": at, "rule": "R-A11", "judged": True}
    return {"episodes": [{**body, "sign": "up", "left": left, "last_increment_at": at}]}


def test_r_a11_what_is_left_of_an_increment_follows_without_waiting_a_crumb_does_not_count() -> None:
    made = under(8, reads(), memory=working("0.02", minutes=0))
    assert legs(approved(made, "BTC").wish) == {BTC: Decimal(2)}
    made = under(8, reads(), memory=working("0.00002", minutes=0))
    assert verdicts(blocked(made, "BTC")) == {"R-G6": "defer"}
    made = under(8, reads(), memory=working("0.00002"))
    assert legs(approved(made, "BTC").wish) == {BTC: Decimal(5)}


# ---- R-A11: dry powder that is next to none


@pytest.mark.parametrize(("stables", "bought"), [("6.01", "1"), ("5.99", None), ("5.2", None)])
def test_r_a11_dry_powder_of_less_than_a_point_buys_no_part_of_a_larger_step(stables: str, bought: str | None) -> None:
    made = under(8, reads(), stables=stables, earn=58 - Decimal(stables))  # the floor takes five
    if bought is not None:
        assert legs(approved(made, "BTC").wish)[BTC] == pytest.approx(Decimal(bought), abs=Decimal("0.01"))
        return
    assert actions(made, "BTC") == []
    assert hold(made, "BTC", "R-A11").nearest.startswith("1001.00 of dry powder, now")


def test_r_a11_a_way_of_less_than_a_point_is_gone_with_less() -> None:
    episode = {"subject": "BTC", "direction": "add", "goal": "0.5", "opened_at": "2026-03-05T00:00:00Z"}
    memory = {"episodes": [{**episode, "rule": "R-A11", "sign": "up", "judged": True}]}
    made = under("0.4", reads(), stables="5.45", earn="44.95", memory=memory)
    assert legs(approved(made, "BTC").wish)[BTC] == pytest.approx(Decimal("0.4"), abs=Decimal("0.01"))
