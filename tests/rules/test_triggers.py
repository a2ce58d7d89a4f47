"""R-W2, R-W3, R-W7, R-W8: when something may have to be done."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.core.assessment import Trend
from bot.core.plan_record import Plan
from tests.rules.accounts import AT, actions, approved, decide, hold, legs, net, policy, reads, seen

RANGE = {name: reads() for name in ("BTC", "ETH", "SOL", "XRP")}
OFF: dict[str, Any] = {"hedge": {"enabled": False}}


def fired(made: Plan) -> dict[str, str]:
    return {item.subject: item.direction for item in made.assessment.triggers}


@pytest.mark.parametrize(
    ("net_points", "direction"), [("55", "over"), ("54.9999999", None), ("45", "under"), ("45.0000001", None)]
)
def test_r_w2_the_edges_of_an_assets_band_are_inclusive(net_points: str, direction: str | None) -> None:
    made = decide(seen({"BTC": net_points}, 100 - Decimal(net_points)), policy({"BTC": 50}), RANGE)
    assert fired(made).get("BTC") == direction


@pytest.mark.parametrize(
    ("target", "over", "acts"), [(8, 10, True), (8, "9.99", False), (30, 35, True), (30, 34, False)]
)
def test_r_w2_the_band_is_the_tighter_of_points_and_a_quarter_of_the_target(target: int, over: Any, acts: bool) -> None:
    made = decide(seen({"SOL": over}, 100 - Decimal(over)), policy({"SOL": target}, **OFF), RANGE)
    assert bool(actions(made)) == acts


def test_r_w2_what_is_not_wanted_is_sold_from_half_a_point_on_whatever_its_trend() -> None:
    sleeves = {"majors": {"weight": "0.5", "assets": ["BTC"]}, "old": {"weight": "0", "assets": ["SOL"]}}
    table = {"BTC": reads(), "SOL": reads(Trend.STRONG_UP)}
    made = decide(seen({"BTC": 50, "SOL": "0.5"}, "49.5"), policy(sleeves=sleeves), table)
    sale = approved(made, "SOL").wish
    assert (sale.kind, sale.cls, legs(sale)) == ("exit", "derisk", {"SOL/USDT": Decimal("-0.5")})
    assert net(made, "SOL") == 0
    made = decide(seen({"BTC": 50, "SOL": "0.49"}, "49.51"), policy(sleeves=sleeves), table)
    assert made.actions == ()


SLEEVE = {"majors": {"weight": "0.8", "assets": ["BTC", "ETH"]}}


def test_r_w2_a_sleeve_at_its_band_spreads_its_drift_over_members_of_the_same_sign() -> None:
    made = decide(seen({"BTC": 43, "ETH": 42}, 15), policy(sleeves=SLEEVE, **OFF), RANGE)
    assert fired(made) == {"BTC": "over", "ETH": "over"}
    goals = {item.subject: item.goal for item in made.assessment.triggers}
    assert goals == {"BTC": Decimal("0.4"), "ETH": Decimal("0.4")}
    assert legs(approved(made, "BTC").wish) == {"BTC/USDT": Decimal(-3)}


def test_r_w2_what_asset_actions_leave_over_is_nothing_when_they_cover_the_sleeve() -> None:
    made = decide(seen({"BTC": 46, "ETH": 40}, 14), policy(sleeves=SLEEVE, **OFF), RANGE)
    assert fired(made) == {"BTC": "over"}


def parts(btc: str, eth: str) -> list[str]:
    """Assets whose drift or part of the sleeve's fires; bands of 5, the sleeve's too."""
    state = seen({"BTC": btc, "ETH": eth}, 100 - Decimal(btc) - Decimal(eth))
    return sorted(fired(decide(state, policy(sleeves=SLEEVE, **OFF), RANGE)))


def test_r_w2_a_part_under_a_fifth_of_the_members_own_band_is_not_spread_to_it() -> None:
    assert parts("34", "39.1") == ["BTC"]  # 0.9 of a band of 5 are left over for ETH
    assert parts("34", "39") == ["BTC", "ETH"]


def test_r_w2_a_sleeve_inside_its_band_fires_nothing() -> None:
    made = decide(seen({"BTC": 43, "ETH": "41.99"}, "15.01"), policy(sleeves=SLEEVE, **OFF), RANGE)
    assert fired(made) == {}


# ---- the floor

FLOOR = {"floor": "0.10"}


def test_r_w3_a_refill_opens_beyond_the_tolerance_and_goes_half_a_point_over_the_floor() -> None:
    made = decide(seen({"BTC": "90.26"}, "9.74"), policy({"BTC": 88}, stables=FLOOR, **OFF), RANGE)
    (sale,) = actions(made)
    assert legs(sale)["BTC/USDT"] == pytest.approx(Decimal("-0.761"), abs=Decimal("0.001"))
    assert [item.body["subject"] for item in made.events] == ["stables"]


def test_r_w3_at_the_tolerance_it_does_not_open() -> None:
    made = decide(seen({"BTC": "90.25"}, "9.75"), policy({"BTC": 88}, stables=FLOOR, **OFF), RANGE)
    assert actions(made) == []


def test_r_w3_once_open_it_goes_on_past_the_floor_until_the_refill_is_there() -> None:
    episode = {"subject": "stables", "direction": "refill", "goal": "0.105", "opened_at": AT, "rule": "R-W3"}
    wanted = policy({"BTC": 88}, stables=FLOOR, **OFF)
    made = decide(seen({"BTC": "89.8"}, "10.2", memory={"episodes": [episode]}), wanted, RANGE)
    assert legs(actions(made)[0])["BTC/USDT"] == pytest.approx(Decimal("-0.3"), abs=Decimal("0.001"))
    made = decide(seen({"BTC": "89.5"}, "10.5", memory={"episodes": [episode]}), wanted, RANGE)
    assert actions(made) == []
    assert [item.kind for item in made.events] == ["episode.ended"]


def test_r_w3_nothing_is_sold_below_its_lower_edge_and_the_next_asset_gives_the_rest() -> None:
    wanted = policy({"BTC": 2, "ETH": 86}, stables={"floor": "0.10", "refill": "0"}, **OFF)
    made = decide(seen({"BTC": "5.6", "ETH": "89.4"}, 5), wanted, RANGE)
    sold = {item.asset: legs(item)[f"{item.asset}/USDT"] for item in actions(made) if item.cls == "floor"}
    assert sold == {"BTC": Decimal("-4.1"), "ETH": Decimal("-0.905")}
    assert net(made, "BTC") == Decimal("1.5")


def test_r_w3_sells_spot_only_and_an_increment_at_most() -> None:
    made = decide(seen({"BTC": 94}, 4, futures=2), policy({"BTC": 80}, stables=FLOOR), RANGE)
    (sale,) = [item for item in actions(made) if item.cls == "floor"]
    assert set(legs(sale)) == {"BTC/USDT"}
    assert legs(sale)["BTC/USDT"] == pytest.approx(Decimal("-4.505"), abs=Decimal("0.001"))
    made = decide(seen({"BTC": 96}, 2, futures=2), policy({"BTC": 80}, stables=FLOOR), RANGE)
    (sale,) = [item for item in actions(made) if item.cls == "floor"]
    assert legs(sale)["BTC/USDT"] == Decimal(-5)


# ---- one decision, broken pairs


def test_r_w8_two_triggers_on_one_drift_make_one_action_with_both_reasons() -> None:
    made = decide(seen({"BTC": 46, "ETH": 43}, 11), policy(sleeves=SLEEVE, **OFF), RANGE)
    assert len(actions(made, "BTC")) == len(actions(made, "ETH")) == 1
    liquid = policy({"BTC": 80}, stables={"floor": "0.10", "refill": "0"}, **OFF)
    made = decide(seen({"BTC": 92}, 8), liquid, RANGE)
    assert [item.rule for item in actions(made, "BTC")] == ["R-W3"]
    assert hold(made, "BTC").rule == "R-W8"


def test_r_w8_alone_each_reason_acts_by_itself() -> None:
    liquid = policy({"BTC": 80}, stables={"floor": "0.10", "refill": "0"}, **OFF)
    made = decide(seen({"BTC": 86}, 14), liquid, RANGE)
    assert [item.rule for item in actions(made, "BTC")] == ["R-A3"]


def broken(contracts: str, symbol: str = "BTC/USDT:USDT") -> dict[str, Any]:
    return {"broken": [{"action": "d1-1", "symbol": symbol, "contracts": contracts, "opened_at": AT}]}


def test_r_w7_a_short_that_is_missing_after_its_sale_is_opened() -> None:
    made = decide(seen({"BTC": 52}, 43, futures=5, memory=broken("-0.04")), policy({"BTC": 50}), RANGE)
    (mend,) = actions(made)
    assert (mend.rule, mend.cls, mend.repairs) == ("R-W7", "upkeep", "d1-1")
    assert legs(mend) == {"BTC/USDT:USDT": Decimal(-2)}


def test_r_w7_a_close_that_is_missing_is_reduce_only_and_never_more_than_the_short() -> None:
    state = seen({"BTC": 52}, 43, futures=5, shorts={"BTC": 1}, memory=broken("0.04"))
    (mend,) = actions(decide(state, policy({"BTC": 50}), RANGE))
    assert mend.legs[0].reduce_only
    assert legs(mend) == {"BTC/USDT:USDT": Decimal(1)}


@pytest.mark.parametrize("contracts", ["0.04", "-0.00005"])
def test_r_w7_what_is_owed_no_more_or_too_small_is_dropped(contracts: str) -> None:
    made = decide(seen({"BTC": 52}, 43, futures=5, memory=broken(contracts)), policy({"BTC": 50}), RANGE)
    assert actions(made) == []
    assert [item.kind for item in made.events if item.kind != "surplus"] == ["pair.mended"]


def test_r_w7_of_two_legs_owed_what_is_too_small_is_dropped_and_the_other_done() -> None:
    both = [*broken("-0.00005")["broken"], *broken("-0.06", "BTC/USDT")["broken"]]
    made = decide(seen({"BTC": 52}, 43, futures=5, memory={"broken": both}), policy({"BTC": 50}), RANGE)
    (mend,) = [item for item in actions(made) if item.rule == "R-W7"]
    assert set(legs(mend)) == {"BTC/USDT"}
    assert [item.body["symbol"] for item in made.events if item.kind == "pair.mended"] == ["BTC/USDT:USDT"]


def test_r_w7_without_a_broken_pair_nothing_is_mended() -> None:
    assert actions(decide(seen({"BTC": 52}, 43, futures=5), policy({"BTC": 50}), RANGE)) == []


def test_r_w7_a_missing_sale_sells_no_more_coins_than_are_free() -> None:
    state = seen({"BTC": 2}, 98, memory=broken("-0.06", "BTC/USDT"))
    (mend,) = [item for item in actions(decide(state, policy({"BTC": 2}), RANGE)) if item.rule == "R-W7"]
    assert legs(mend) == {"BTC/USDT": Decimal(-2)}
