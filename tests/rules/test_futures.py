"""R-A7, R-A8, R-A20: never net short, what becomes of a hedge, and the futures wallet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.assessment import Trend
from bot.core.plan_record import Plan
from bot.core.wishes import Move, Wish
from tests.rules.accounts import AT, actions, after, decide, hold, legs, net, policy, reads, seen

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
WANTED = policy({"BTC": 50})
RANGE = {name: reads() for name in ("BTC", "ETH", "SOL")}


def hedged(spot: Any, short: Any, *, futures: Any = 10, read: Any = None, wanted: Any = WANTED, **more: Any) -> Plan:
    cash = 100 - Decimal(str(spot)) - Decimal(str(futures))
    state = seen({"BTC": spot}, cash, futures=futures, shorts={"BTC": short}, **more)
    return decide(state, wanted, {"BTC": read or reads()})


# ---- R-A7


def test_r_a7_shorts_beyond_the_coins_are_bought_back_at_once_rounded_up() -> None:
    made = hedged(2, "3.0001", futures=10)
    (cover,) = [item for item in actions(made) if item.cls == "safety"]
    assert (cover.rule, cover.kind, cover.legs[0].reduce_only) == ("R-A7", "unhedge", True)
    assert cover.legs[0].qty == Decimal("0.02001")  # 0.020002 coins, up to the step
    assert made.after.exposures["BTC"] >= 0


def test_r_a7_shorts_up_to_the_coins_are_left_alone() -> None:
    assert [item for item in actions(hedged(3, 3)) if item.cls == "safety"] == []


def test_r_a7_a_lower_ratio_allows_fewer() -> None:
    half = policy({"BTC": 50}, hedge={"max_ratio": "0.5"})
    (cover,) = [item for item in actions(hedged(56, 30, futures=30, wanted=half)) if item.cls == "safety"]
    assert legs(cover) == {SWAP: Decimal(2)}


def test_r_a7_never_net_short_is_restored_even_while_equity_is_unknown() -> None:
    state = seen({"BTC": 2, "ETH": 20}, 68, futures=10, shorts={"BTC": 3})
    tickers = {symbol: ticker for symbol, ticker in state.tickers.items() if not symbol.startswith("ETH")}
    made = decide(state.model_copy(update={"tickers": tickers}), policy({"BTC": 50, "ETH": 20}), RANGE)
    assert made.assessment.equity is None
    assert [(item.cls, item.rule) for item in actions(made)] == [("safety", "R-A7")]


# ---- R-A8, in the order of the rule


def test_r_a8_under_the_lower_edge_the_hedge_is_unwound() -> None:
    made = hedged(48, 4)  # net 44
    (unwind,) = actions(made)
    assert (unwind.rule, unwind.kind, unwind.cls, legs(unwind)) == ("R-A8", "unhedge", "upkeep", {SWAP: Decimal(4)})
    assert "lower edge" in unwind.why


def test_r_a8_a_hedge_whose_spot_is_back_at_target_is_unwound_by_increments() -> None:
    (unwind,) = actions(hedged("50.5", 5))  # net 45.5
    assert legs(unwind) == {SWAP: Decimal(5)}
    small = policy({"BTC": 50}, trim={"increment": "0.02"})
    (unwind,) = actions(hedged("50.5", 5, wanted=small))
    assert legs(unwind) == {SWAP: Decimal(2)}


def least(amount: str) -> dict[str, Any]:
    """Markets whose contract takes no order under so many USDT."""
    row = {"maintenance_rate": "0.01", "maker": "0.0005", "taker": "0.0005", "step": "0.00001", "tick": "0.01"}
    return {"markets": {BTC: {**row, "min_notional": "5"}, SWAP: {**row, "min_notional": amount}}}


@pytest.mark.parametrize(("minimum", "closed"), [("2401", "5.4"), ("2400", "3"), ("5", "3")])
def test_r_a8_a_rest_under_the_venues_least_is_unwound_with_the_increment(minimum: str, closed: str) -> None:
    small = policy({"BTC": 50}, trim={"increment": "0.03"})
    (unwind,) = actions(hedged("50.5", "5.4", wanted=small, **least(minimum)))
    assert legs(unwind) == {SWAP: Decimal(closed)}


def test_r_a8_a_hedge_that_is_still_needed_stands() -> None:
    made = hedged("50.6", 5)
    assert made.actions == ()
    assert hold(made, "BTC", "R-A8").why.startswith("hedged")


def fact(days: int = 1, reason: str = "R-A3") -> dict[str, Any]:
    opened = AT - timedelta(days=days)
    body = {"symbol": SWAP, "purpose": "hedge", "contracts": "0.04", "opened_at": opened, "reason": reason}
    return {"memory": {"hedges": [body]}}


DOWN = reads(Trend.STRONG_DOWN, regime_trend=Trend.STRONG_DOWN)


@pytest.mark.parametrize(
    ("more", "read", "why"),
    [
        ({"funding": {SWAP: {"rate": "-0.000366"}}}, reads(), "shorts pay 40"),  # S14's old hedge
        (fact(31), reads(), "31 days old"),
        (fact(1), DOWN, "strong down"),
    ],
)
def test_r_a8_a_hedge_turns_into_a_sale_and_net_exposure_stays(more: Mapping[str, Any], read: Any, why: str) -> None:
    made = hedged(55, 2, read=read, **more)
    (convert,) = actions(made)
    assert (convert.kind, convert.cls, convert.exposure_change) == ("convert", "upkeep", Decimal(0))
    assert legs(convert) == {SWAP: Decimal(2), BTC: Decimal(-2)}
    assert [leg.symbol for leg in convert.legs] == [SWAP, BTC]  # the short first: never net short in between
    assert net(made, "BTC") == 53
    assert why in convert.why


@pytest.mark.parametrize(
    ("more", "read"),
    [(fact(29), reads()), (fact(1, "R-A6: bear"), DOWN), ({"funding": {SWAP: {"rate": "-0.0001"}}}, reads())],
)
def test_r_a8_a_young_cheap_or_bear_hedge_stands(more: Mapping[str, Any], read: Any) -> None:
    assert hedged(55, 2, read=read, **more).actions == ()


def test_r_a8_under_prefer_hedge_a_downturn_converts_nothing() -> None:
    wanted = policy({"BTC": 50}, trim={"prefer": "hedge"})
    assert hedged(54, 2, read=DOWN, wanted=wanted, **fact(1)).actions == ()


def test_r_a8_a_sale_for_the_floor_closes_the_same_share_of_the_short() -> None:
    wanted = policy({"BTC": 80}, stables={"floor": "0.10", "refill": "0"})
    made = decide(seen({"BTC": 90}, 6, futures=4, shorts={"BTC": 6}), wanted, RANGE)  # liquid 7
    (sale,) = [item for item in actions(made) if item.cls == "floor"]
    share = legs(sale)[BTC] / -90
    assert legs(sale)[SWAP] == pytest.approx(6 * share, abs=Decimal("0.001"))
    made = decide(seen({"BTC": 93}, 5, futures=2), wanted, RANGE)
    (sale,) = [item for item in actions(made) if item.cls == "floor"]
    assert set(legs(sale)) == {BTC}


def test_r_a8_a_split_trim_only_adds_its_own_short() -> None:
    made = hedged(60, 4, wanted=WANTED)  # net 56
    (trim,) = actions(made, "BTC")
    assert legs(trim) == {BTC: Decimal(-3), SWAP: Decimal(-2)}


# ---- R-A20


def moves(made: Plan) -> list[Move]:
    return [move for item in actions(made) for move in item.moves]


def test_r_a20_the_margin_of_a_hedge_is_sent_before_the_short_is_opened() -> None:
    state = seen({"BTC": 58}, 42)
    made = decide(state, WANTED, RANGE)
    (transfer,) = actions(made)
    assert (transfer.kind, transfer.cls, transfer.legs) == ("transfer", "upkeep", ())
    (move,) = moves(made)
    assert (move.source, move.to) == ("spot", "futures")
    # 40 % of the whole way of 8, at twice: 1.6, and a tenth more; over the 1.001 that the first step needs
    assert move.amount == Decimal("1760.00")
    (trim,) = actions(decide(after(state, made), WANTED, RANGE))
    assert legs(trim) == {BTC: Decimal(-3), SWAP: Decimal(-2)}


def test_r_a20_a_prefunded_wallet_needs_no_transfer() -> None:
    made = decide(seen({"BTC": 58}, 40, futures=2), WANTED, RANGE)
    assert (len(actions(made)), moves(made)) == (1, [])


def strained(futures: Any, stables: Any, **more: Any) -> Plan:
    """Twenty of ETH, all of it hedged, and what the futures wallet has for it; maintenance 0.2."""
    state = seen({"ETH": 20}, stables, futures=futures, shorts={"ETH": 20}, leverage=10, **more)
    return decide(state, policy({"ETH": 20}), {"ETH": reads()})


def test_r_a20_near_liquidation_the_wallet_is_topped_up_to_its_need() -> None:
    made = strained(6, 74)  # (6 - 0.2) / 20 = 29 %
    (move,) = moves(made)
    assert (move.source, move.to, move.amount) == ("spot", "futures", Decimal("4200.00"))


def test_r_a20_at_the_top_up_distance_nothing_is_sent() -> None:
    assert moves(strained("6.2", "73.8")) == []  # 30 %


def of_safety(made: Plan) -> list[Wish]:
    return [item for item in actions(made) if item.cls == "safety"]


def test_r_a20_under_the_liquidation_distance_a_hedge_becomes_a_sale() -> None:
    (convert,) = of_safety(strained(3, 77))  # 14 %
    assert (convert.kind, convert.legs[0].reduce_only) == ("convert", True)
    assert [leg.symbol for leg in convert.legs] == ["ETH/USDT:USDT", "ETH/USDT"]
    assert convert.exposure_change == 0
    assert of_safety(strained("3.2", "76.8")) == []


def test_r_a20_with_nothing_to_top_up_from_the_wider_distance_is_enough() -> None:
    (convert,) = of_safety(strained(6, 0, account={"can": ["swap"]}))
    assert convert.kind == "convert"
    assert of_safety(strained(8, 0, account={"can": ["swap"]})) == []


def test_r_a20_a_bridge_is_closed_before_a_hedge_is_converted() -> None:
    state = seen({"ETH": 20}, 60, futures=3, shorts={"ETH": 20}, longs={"BTC": 3}, leverage=10)
    (close,) = of_safety(decide(state, policy({"ETH": 20, "BTC": 10}), RANGE))
    assert (close.kind, close.asset, set(legs(close))) == ("close", "BTC", {SWAP})
    assert close.exposure_change < 0


def test_r_a20_the_largest_position_goes_first_by_value_not_by_coins() -> None:
    state = seen({"BTC": 20, "SOL": 5}, 60, futures=3, shorts={"BTC": 20, "SOL": 5}, leverage=10)
    (convert,) = of_safety(decide(state, policy({"BTC": 20, "SOL": 5}), RANGE))
    assert convert.asset == "BTC"


def test_r_a20_coins_that_may_not_be_sold_do_not_keep_a_short_from_closing() -> None:
    wanted = policy({"ETH": 20}, keep={"ETH": "8"})
    state = seen({"ETH": 20}, 77, futures=3, shorts={"ETH": 20}, leverage=10)
    (close,) = of_safety(decide(state, wanted, RANGE))
    assert (close.kind, set(legs(close))) == ("close", {"ETH/USDT:USDT"})


@pytest.mark.parametrize(
    ("hours", "futures", "swept"), [(24, 8, "5.00"), (23, 8, None), (24, "3.9", None), (24, 4, "1.00")]
)
def test_r_a20_twice_the_need_for_a_day_is_swept_back(hours: int, futures: Any, swept: str | None) -> None:
    idle = {"surplus_since": AT - timedelta(hours=hours)}  # the need of a short of 4 is 2
    made = hedged(54, 4, futures=futures, memory=idle)
    found = [move.amount for move in moves(made) if move.source == "futures"]
    assert found == ([Decimal(swept) * 1000] if swept else [])


# ---- whose a short is


def both(hedge: str, risk: str) -> dict[str, Any]:
    """A short of which memory knows two purposes, in coins."""
    opened = AT - timedelta(days=1)
    parts = {"hedge": hedge, "risk": risk}
    return {
        "memory": {
            "hedges": [
                {"symbol": SWAP, "purpose": name, "contracts": size, "opened_at": opened, "reason": "R-A3"}
                for name, size in parts.items()
            ]
        }
    }


def whose(wish: Wish) -> dict[str, Decimal]:
    return {leg.purpose: leg.qty for leg in wish.legs if leg.reduce_only}


def test_r_a7_what_is_bought_back_says_whether_it_was_short_for_a_hedge_or_for_risk() -> None:
    state = seen({"BTC": 2}, 88, futures=10, shorts={"BTC": 6}, **both("0.06", "0.06"))
    (cover,) = of_safety(decide(state, WANTED, RANGE))
    assert whose(cover) == {"hedge": Decimal("0.06"), "risk": Decimal("0.02")}
    state = seen({"BTC": 2}, 88, futures=10, shorts={"BTC": 3}, **both("0.06", "0"))
    (cover,) = of_safety(decide(state, WANTED, RANGE))
    assert whose(cover) == {"hedge": Decimal("0.02")}


def test_r_a20_a_short_closed_near_liquidation_is_closed_under_each_of_its_purposes() -> None:
    state = seen({"BTC": 20}, 77, futures=3, shorts={"BTC": 20}, leverage=10, **both("0.1", "0.3"))
    (convert,) = of_safety(decide(state, policy({"BTC": 20}), RANGE))
    assert whose(convert) == {"hedge": Decimal("0.05"), "risk": Decimal("0.15")}  # an order is a tenth of E


# ---- the pace of upkeep


def traded(minutes: int) -> dict[str, Any]:
    return {"memory": {"last_trades": {"BTC": {"at": AT - timedelta(minutes=minutes), "direction": "up"}}}}


def test_r_a8_the_increments_of_an_unwinding_come_an_interval_apart() -> None:
    made = hedged("50.5", 5, **traded(14))
    assert made.actions == ()
    held = hold(made, "BTC", "R-A8")
    assert held.nearest == "the next one from 2026-03-05T12:01:10Z, now 2026-03-05T12:00:10Z"
    assert [item.kind for item in actions(hedged("50.5", 5, **traded(15)))] == ["unhedge"]


def test_r_a8_a_conversion_waits_for_its_interval_too() -> None:
    costly = {"funding": {SWAP: {"rate": "-0.000366"}}}
    assert hedged(55, 2, **costly, **traded(14)).actions == ()
    assert [item.kind for item in actions(hedged(55, 2, **costly, **traded(15)))] == ["convert"]


# ---- money that is promised


def test_r_a20_a_standing_position_keeps_its_leverage_when_more_of_it_is_opened() -> None:
    """Another one would call margin for all of it."""
    wanted = policy({"BTC": 50}, hedge={"leverage": "1"})
    (trim,) = actions(hedged(60, 4, wanted=wanted), "BTC")
    assert [leg.leverage for leg in trim.legs if leg.symbol == SWAP] == [Decimal(2)]
    (trim,) = actions(decide(seen({"BTC": 60}, 30, futures=10), wanted, RANGE), "BTC")
    assert [leg.leverage for leg in trim.legs if leg.symbol == SWAP] == [Decimal(1)]
