"""R-A6, R-A9, R-A12 to R-A14, R-A19 and the cheapest route of R-A3: futures and savings, acting and holding still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.assessment import Readings, Trend
from bot.core.numbers import utc_text
from bot.core.plan_record import Plan
from bot.core.snapshot import Snapshot
from tests.rules.accounts import (
    AT,
    account,
    actions,
    after,
    decide,
    hold,
    keys,
    legs,
    net,
    policy,
    reads,
    run,
    seen,
    spot,
    swap,
)
from tests.rules.days import charts, moves
from tests.rules.gated import kinds, the

BTC, SWAP, SOL, SOL_SWAP = spot("BTC"), swap("BTC"), spot("SOL"), swap("SOL")
RANGE = {name: reads() for name in ("BTC", "ETH", "SOL")}
FALL = -0.003  # a day: a bear market
BEAR = charts({"BTC": moves(0, drift=FALL), "ETH": moves(1, drift=FALL)})
NO_INDEX: Mapping[str, Any] = {"hedge": {"index": {"enabled": False}}}


def ago(**span: int) -> str:
    return utc_text(AT - timedelta(**span))


# ---- R-A6: the bear hedge


def bear(btc: Any, *, shorts: Any = 0, memory: Mapping[str, Any] | None = None, **config: Any) -> Plan:
    """BTC of 50 and ETH of 15 in a bear regime whose overlay wants the same."""
    made = keys({"BTC": 50, "ETH": 15}, **{**NO_INDEX, **config})
    made["targets"]["regimes"] = {"bear": {"stables": "0.35", "sleeves": {"btc": "0.5", "eth": "0.15"}}}
    cash = 75 - Decimal(str(btc))
    held = {"BTC": shorts} if shorts else None
    body = account({"BTC": btc, "ETH": 15}, cash, futures=10, shorts=held, candles=BEAR, memory=memory)
    return decide(body, type(policy({"BTC": 50})).model_validate(made), RANGE)


def stood(days: int, reason: str = "R-A6") -> dict[str, Any]:
    fact = {"symbol": SWAP, "purpose": "hedge", "contracts": "0.2", "opened_at": ago(days=days), "reason": reason}
    return {"hedges": [fact], "last_bear_hedge": {"BTC": ago(days=days)}}


@pytest.mark.parametrize(("btc", "points"), [("52.5", "-2.5"), ("57", "-7"), ("60", "-10"), ("65", "-10")])
def test_r_a6_the_excess_over_the_neutral_target_is_hedged_up_to_the_bear_size(btc: str, points: str) -> None:
    hedge = the(bear(btc), "hedge")
    assert (hedge.rule, legs(hedge)) == ("R-A6", {SWAP: Decimal(points)})


def test_r_a6_under_half_a_band_over_neutral_nothing_is_hedged() -> None:
    assert bear("52.4").actions == ()


def test_r_a6_what_is_over_while_the_short_stands_is_not_sold() -> None:
    made = bear(66, shorts=10, memory=stood(1))
    assert made.actions == ()
    assert "hedged in bear" in hold(made, "BTC", "R-A6").why


def test_r_a6_beyond_the_hard_band_the_trim_acts_all_the_same() -> None:
    trim = the(bear(71, shorts=10, memory=stood(1)), "trim")
    assert trim.legs[0].symbol == BTC


def test_r_a6_one_hedge_per_max_age_and_asset_then_it_is_trimmed() -> None:
    assert "hedge" not in kinds(bear(65, memory={"last_bear_hedge": {"BTC": ago(days=29)}}))
    assert "trim" in kinds(bear(65, memory={"last_bear_hedge": {"BTC": ago(days=29)}}))
    assert "hedge" in kinds(bear(65, memory={"last_bear_hedge": {"BTC": ago(days=30)}}))


def test_r_a6_a_bear_hedge_beside_an_older_short_of_a_trim_stands_too() -> None:
    assert bear(66, shorts=10, memory=stood(2, "R-A3")).actions == ()


def test_r_a6_where_no_short_may_be_opened_the_excess_is_trimmed() -> None:
    made = bear(65, hedge={"enabled": False})
    assert legs(the(made, "trim")) == {BTC: Decimal(-5)}


def stepping(btc: Any = 58, *, futures: Any = 10, **more: Any) -> Snapshot:
    """BTC over its neutral target of 50; without an overlay a bear regime wants 30 of it."""
    return seen({"BTC": btc, "ETH": 9}, 91 - Decimal(str(btc)) - futures, futures=futures, candles=BEAR, **more)


STEPPED = policy({"BTC": 50, "ETH": 15}, **NO_INDEX)


def sold(plans: Sequence[Plan], symbol: str = BTC) -> Decimal:
    """What plans sold of a symbol, points."""
    acted = [item for made in plans for item in actions(made)]
    return -sum((legs(item).get(symbol, Decimal(0)) for item in acted), Decimal(0))


def test_r_a6_the_step_to_the_bear_target_is_sold_once_the_hedge_stands_and_leaves_it_alone() -> None:
    made = decide(stepping(65), STEPPED, RANGE)
    assert [(item.rule, legs(item)) for item in actions(made, "BTC")] == [("R-A6", {SWAP: Decimal(-10)})]
    then = decide(after(stepping(65), made), STEPPED, RANGE)
    assert [(item.rule, legs(item)) for item in actions(then, "BTC")] == [("R-T2", {BTC: Decimal(-5)})]


@pytest.mark.parametrize(
    ("shorts", "opened", "points"), [(6, 1, "-4"), (6, 24, None), (9.8, 1, None)], ids=["young", "old", "small"]
)
def test_r_a6_what_a_slice_left_of_the_hedge_is_completed_within_a_day(
    shorts: float, opened: int, points: str | None
) -> None:
    fact = {"symbol": SWAP, "purpose": "hedge", "contracts": str(Decimal(str(shorts)) / 50), "reason": "R-A6: bear"}
    memory = {"hedges": [{**fact, "opened_at": ago(hours=opened)}], "last_bear_hedge": {"BTC": ago(hours=opened)}}
    made = bear(65, shorts=shorts, memory=memory)
    hedges = [legs(item) for item in actions(made) if item.rule == "R-A6"]
    assert hedges == ([{SWAP: Decimal(points)}] if points else [])


@pytest.mark.parametrize("futures", [10, 0], ids=["prefunded", "its margin is sent first"])
def test_r_t2_the_bear_step_sells_what_lies_between_the_targets_and_never_what_is_hedged(futures: int) -> None:
    plans = [made for _, made in run(stepping(futures=futures), STEPPED, 9, RANGE)]
    first = actions(plans[0], "BTC")
    assert [item.kind for item in first] == (["hedge"] if futures else ["transfer"])
    assert sold(plans, SWAP) == pytest.approx(Decimal(8), abs=Decimal("0.05"))
    assert sold(plans) == pytest.approx(Decimal(20), abs=Decimal("0.1"))
    assert net(plans[-1], "BTC") == pytest.approx(Decimal(30), abs=Decimal("0.1"))
    assert actions(plans[-1], "BTC") == []


def test_r_t2_where_a_gate_keeps_the_hedge_back_the_step_goes_ahead_once() -> None:
    wanted = policy({"BTC": 50, "ETH": 15}, **NO_INDEX, windows={"schedule": ["Sat 01:00-02:00"]})
    plans = [made for _, made in run(stepping(), wanted, 9, RANGE)]
    assert {(item.rule, item.kind) for made in plans for item in actions(made, "BTC")} == {("R-T2", "derisk")}
    assert sold(plans) == pytest.approx(Decimal(20), abs=Decimal("0.1"))
    assert actions(plans[-1], "BTC") == []  # the eight over neutral are the hedge's, whose window opens on Saturday


def test_r_t2_less_than_a_point_to_the_bear_target_is_not_stepped() -> None:
    assert actions(decide(stepping("30.9"), STEPPED, RANGE), "BTC") == []


# ---- R-A9: the index hedge


def index(*, stables: int = 40, have: int = 0, funding: str = "0", drift: float = FALL, **config: Any) -> Plan:
    """40 of BTC and 20 of ETH, both at their bear target, betas 1 and 0.3."""
    made = keys({"BTC": 40, "ETH": 20}, **config)
    made["targets"]["regimes"] = {"bear": {"stables": "0.4", "sleeves": {"btc": "0.4", "eth": "0.2"}}}
    days = {"BTC": moves(0, drift=drift), "ETH": moves(1, drift=drift)}
    fact = {"symbol": SWAP, "purpose": "index", "contracts": str(Decimal(have) / 50), "opened_at": ago(days=1)}
    body = account(
        {"BTC": 40, "ETH": 20}, stables - 20, futures=20, candles=charts(days),
        shorts={"BTC": have} if have else None, memory={"hedges": [fact] if have else []},
        funding={SWAP: {"rate": funding}},
    )  # fmt: skip
    return decide(body, type(policy({"BTC": 50})).model_validate(made), RANGE)


ONLY_BTC: Mapping[str, Any] = {"hedge": {"index": {"assets": ["BTC"]}}}


def test_r_a9_in_a_bear_regime_the_index_is_shorted_by_increments() -> None:
    made = index(**ONLY_BTC)
    betas = made.assessment.market.betas
    wanted = Decimal("0.5") * (betas["BTC"] * Decimal("0.4") + betas["ETH"] * Decimal("0.2"))
    assert Decimal("0.2") < wanted < Decimal("0.25")
    hedge = the(made, "index_hedge")
    assert (hedge.rule, hedge.cls, legs(hedge)) == ("R-A9", "derisk", {SWAP: Decimal(-5)})
    assert hedge.legs[0].purpose == "index"


def test_r_a9_it_counts_in_gross_and_not_in_the_net_of_its_asset() -> None:
    made = index(**ONLY_BTC)
    assert net(made, "BTC") == 40
    assert made.after.gross_leverage == Decimal("0.65")


@pytest.mark.parametrize(("have", "change"), [(20, None), (25, None), (30, Decimal(5)), (10, Decimal(-5))])
def test_r_a9_a_hedge_within_a_fifth_of_what_is_wanted_is_left_alone(have: int, change: Decimal | None) -> None:
    found = [legs(item)[SWAP] for item in actions(index(have=have, **ONLY_BTC)) if item.kind == "index_hedge"]
    assert (found[0] if found else None) == (None if change is None else pytest.approx(change, abs=Decimal("3.1")))
    assert not found or found[0] * (change or 0) > 0


@pytest.mark.parametrize(("drift", "funding"), [(0.003, "0"), (FALL, "-0.0002")])
def test_r_a9_outside_bear_or_over_the_funding_limit_it_is_unwound(drift: float, funding: str) -> None:
    close = the(index(have=20, drift=drift, funding=funding, **ONLY_BTC), "index_hedge")
    assert (close.legs[0].reduce_only, close.legs[0].purpose, legs(close)) == (True, "index", {SWAP: Decimal(5)})


def test_r_a9_a_perpetual_with_a_long_on_it_is_not_shorted_it_has_one_side() -> None:
    def shorted(**more: Any) -> set[str]:
        state = seen({"BTC": 40, "ETH": 20}, 30, futures=10, candles=BEAR, **more)
        made = decide(state, policy({"BTC": 50, "ETH": 40}), RANGE)
        return {item.asset for item in actions(made) if item.kind == "index_hedge"}

    assert shorted() == {"BTC", "ETH"}
    assert shorted(longs={"ETH": 2}) == {"BTC"}


def test_r_a9_outside_bear_nothing_is_shorted() -> None:
    assert "index_hedge" not in kinds(index(drift=0.003, **ONLY_BTC))
    assert "index_hedge" not in kinds(index(hedge={"index": {"enabled": False}}))


# ---- R-A12: bridges


def bridging(
    read: Readings | None = None, *, route: str = "spot", long: Any = 0, floor: str = "0.15", **more: Any
) -> Plan:
    """SOL at 10 of its 20, BTC inside its band of 61; liquid 17.5, of it 8 in the futures wallet; the rest parked."""
    wanted = policy(
        {"SOL": 20, "BTC": 61}, stables={"floor": floor}, **{"add": {"route": route}, **more.pop("config", {})}
    )
    held, futures = 65 - Decimal(str(long)), 8 + Decimal(str(long)) / 2
    earn = 100 - 10 - held - futures - Decimal("9.5")
    longs = {"BTC": long} if long else None
    state = seen({"SOL": 10, "BTC": held}, "9.5", futures=futures, earn=earn, longs=longs, **more)
    return decide(state, wanted, {**RANGE, "SOL": read or reads(Trend.STRONG_DOWN, bottoming=True)})


def test_r_a12_a_bottoming_laggard_is_bridged_at_two_times() -> None:
    bridge = the(bridging(), "bridge")
    (leg,) = bridge.legs
    assert (leg.symbol, leg.leverage, leg.purpose) == (SOL_SWAP, Decimal(2), "bridge")
    assert legs(bridge)[SOL_SWAP] == pytest.approx(Decimal(5), abs=Decimal("0.02"))


def test_r_a12_by_the_route_it_needs_no_bottoming_but_leave_to_add() -> None:
    assert "bridge" in kinds(bridging(reads(Trend.RANGE), route="bridge"))
    assert "bridge" not in kinds(bridging(reads(Trend.STRONG_DOWN), route="bridge"))
    assert "bridge" not in kinds(bridging(reads(Trend.RANGE)))


@pytest.mark.parametrize(
    "more",
    [
        {"funding": {SOL_SWAP: {"rate": "0.00023"}}},  # longs pay 25.2 % a year
        {"funding": {SOL_SWAP: {"rate": "0", "at": "2026-03-05T11:49:00Z"}}},
        {"config": {"bridge": {"enabled": False}}},
        {"account": {"can": []}},
        {"memory": {"vanished": {SOL_SWAP: {"at": "2026-03-04T12:30:00Z", "how": "adl"}}}},
        {"memory": {"vanished": {SOL_SWAP: {"at": "2026-01-04T12:30:00Z", "how": "liquidation"}}}},
    ],
    ids=["funding", "funding unknown", "off", "no futures", "vanished", "liquidated"],
)
def test_r_a12_no_bridge_where_one_of_its_conditions_fails(more: Mapping[str, Any]) -> None:
    assert "bridge" not in kinds(bridging(**more))


def test_r_a12_at_neutral_funding_it_is_bridged() -> None:
    assert "bridge" in kinds(bridging(funding={SOL_SWAP: {"rate": "0.0001"}}))


def test_r_a12_a_bridge_that_is_not_worth_its_cost_leaves_the_step_to_spot() -> None:
    """What longs pay makes the bridge too dear; bought in spot, the same step is worth its cost."""
    wanted = policy({"BTC": 50, "SOL": 20}, add={"route": "bridge"})
    state = seen({"BTC": 50, "SOL": 12}, 28, futures=10, funding={SOL_SWAP: {"rate": "0.0002"}})
    made = decide(state, wanted, RANGE)
    assert [(item.wish.kind, [word.gate for word in item.not_passed]) for item in made.blocked] == [
        ("bridge", ["R-G10"])
    ]
    (add,) = actions(made, "SOL")
    assert (add.kind, set(legs(add))) == ("add", {SOL})
    assert "its bridge is not worth its cost" in add.why


def test_r_a12_a_bridge_that_another_gate_keeps_back_is_waited_for() -> None:
    wanted = policy({"BTC": 50, "SOL": 20}, add={"route": "bridge"}, limits={"gross": "0.6"})
    made = decide(seen({"BTC": 50, "SOL": 12}, 28, futures=10), wanted, RANGE)
    assert [(item.wish.kind, item.not_passed[-1].gate) for item in made.blocked] == [("bridge", "R-G8")]
    assert made.actions == ()


def test_r_a12_a_bridge_that_passes_is_not_bought_in_spot_as_well() -> None:
    wanted = policy({"BTC": 50, "SOL": 20}, add={"route": "bridge"})
    made = decide(seen({"BTC": 50, "SOL": 12}, 28, futures=10), wanted, RANGE)
    assert [item.kind for item in actions(made, "SOL")] == ["bridge"]


def test_r_a12_all_bridges_together_stay_within_their_limit() -> None:
    made = legs(the(bridging(long=7), "bridge"))
    assert made[SOL_SWAP] == pytest.approx(Decimal(3), abs=Decimal("0.001"))
    assert made[SOL] == pytest.approx(Decimal(1), abs=Decimal("0.02"))  # what is left of dry powder
    assert "bridge" not in kinds(bridging(long="9.9"))


def test_r_a11_the_mix_of_spot_and_margin_is_what_dry_powder_bears() -> None:
    found = legs(the(bridging(floor="0.135"), "bridge"))
    assert found == {
        SOL: pytest.approx(Decimal(3), abs=Decimal("0.02")),
        SOL_SWAP: pytest.approx(Decimal(2), abs=Decimal("0.02")),
    }


def test_r_a11_where_dry_powder_covers_the_increment_nothing_is_bridged() -> None:
    assert "bridge" not in kinds(bridging(floor="0.12"))


# ---- R-A13, R-A14: a bridge's life


def standing(
    read: Readings | None = None, *, entry: Any = 100, days: int = 1, paid: int = 0, rate: str = "0", **more: Any
) -> Plan:
    """Ten points of SOL long at 2, entered at a price (the mark is 100); spot has the money to convert it."""
    fact = {
        "symbol": SOL_SWAP,
        "contracts": "100",
        "margin": "5000",
        "opened_at": ago(days=days),
        "funding_paid": str(paid),
    }
    body = account(
        {"SOL": 10, "BTC": 60}, 12, futures=18, longs={"SOL": 10}, memory={"bridges": [fact]},
        funding={SOL_SWAP: {"rate": rate}},
    )  # fmt: skip
    body["positions"] = [{**item, "entry_price": str(entry)} for item in body["positions"]]
    body |= more
    return decide(body, policy({"SOL": 20, "BTC": 60}, stables={"floor": "0.05"}), {**RANGE, "SOL": read or reads()})


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ({"read": reads(Trend.STRONG_UP, recovered=True)}, "recovery confirmed"),
        ({"read": reads(at_support=True), "entry": 102}, "at support in a loss of 2.0%"),
        ({"rate": "0.0003"}, "longs pay 32.8"),
        ({"paid": 100}, "funding budget"),
        ({"days": 7, "paid": 20}, "stagnating"),
        ({"days": 30}, "30 days old"),
    ],
    ids=["recovery", "support", "funding", "budget", "stagnating", "age"],
)
def test_r_a13_a_bridge_becomes_spot_in_rounds(case: Mapping[str, Any], why: str) -> None:
    convert = the(standing(**case), "convert")
    assert (convert.rule, convert.cls, convert.exposure_change) == ("R-A13", "upkeep", Decimal(0))
    assert [leg.symbol for leg in convert.legs] == [SOL_SWAP, SOL]  # what is closed pays for what is bought
    # a round of half a point of equity, which a loss or a gain of the bridge moves by a little
    assert legs(convert) == {
        SOL_SWAP: pytest.approx(Decimal("-0.5"), abs=Decimal("0.01")),
        SOL: pytest.approx(Decimal("0.5"), abs=Decimal("0.01")),
    }
    assert why in convert.why


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"read": reads(at_support=True), "entry": 106},  # more than mild
        {"read": reads(at_support=True), "entry": 98},  # no loss
        {"rate": "0.0002"},
        {"paid": 99},
        {"days": 7, "paid": 20, "entry": 99},  # it gained more than it paid
        {"days": 29},
    ],
)
def test_r_a13_otherwise_a_bridge_stands(case: Mapping[str, Any]) -> None:
    assert "convert" not in kinds(standing(**case))


def test_r_a13_released_margin_comes_back_before_it_pays_for_spot() -> None:
    body: dict[str, Any] = {"balances": [
        {"wallet": "spot", "asset": "USDT", "free": "200", "locked": "0"},
        {"wallet": "futures", "asset": "USDT", "free": "24800", "locked": "5000"},
        {"wallet": "spot", "asset": "SOL", "free": "100", "locked": "0"},
        {"wallet": "spot", "asset": "BTC", "free": "1.2", "locked": "0"},
    ]}  # fmt: skip
    made = standing(reads(recovered=True), **body)
    assert "convert" not in kinds(made)
    (move,) = the(made, "transfer").moves
    assert (move.source, move.to) == ("futures", "spot")


@pytest.mark.parametrize(("entry", "paid"), [(112, 0), (110, 200)])
def test_r_a14_at_a_loss_of_a_tenth_with_its_funding_the_bridge_is_closed(entry: int, paid: int) -> None:
    stop = the(standing(entry=entry, paid=paid), "stop")
    assert (stop.rule, stop.cls, stop.legs[0].reduce_only) == ("R-A14", "safety", True)
    assert legs(stop) == {SOL_SWAP: pytest.approx(-10, abs=Decimal("0.2"))}  # an order is a tenth of what E is now


def test_r_a14_a_smaller_loss_stops_nothing() -> None:
    assert "stop" not in kinds(standing(entry=110))  # 9.1 %


def test_r_a14_where_one_was_stopped_no_bridge_is_opened_for_seven_days() -> None:
    assert "bridge" not in kinds(bridging(memory={"stopped_bridges": {"SOL": ago(days=6)}}))
    assert "bridge" in kinds(bridging(memory={"stopped_bridges": {"SOL": ago(days=7)}}))
    short = {"bridge": {"stagnation": "1d"}}
    assert "bridge" not in kinds(bridging(memory={"stopped_bridges": {"SOL": ago(days=6)}}, config=short))


def test_r_a14_a_losing_bridge_is_never_doubled() -> None:
    wanted = policy({"SOL": 20, "BTC": 60}, stables={"floor": "0.10"}, add={"route": "bridge"})
    body = account({"SOL": 8, "BTC": 63}, 14, futures=15, longs={"SOL": 4})
    table = {**RANGE, "SOL": reads()}
    assert "bridge" in kinds(decide(body, wanted, table))
    body["positions"] = [{**item, "entry_price": "106"} for item in body["positions"]]
    assert "bridge" not in kinds(decide(body, wanted, table))
