"""S5 to S7, S13, S14, S20, S23 and S24 from their stored snapshots: each acting, each holding still."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.core.assessment import Readings, Trend
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.core.wishes import Wish
from tests.rules.accounts import EQUITY, actions, after, approved, blocked, decide, hold, legs, net, reads, verdicts
from tests.rules.scenarios import load

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
ETH, ETH_SWAP = "ETH/USDT", "ETH/USDT:USDT"
NEAR = Decimal("0.03")  # what fees leave of the table's numbers, which are before fees


def planned(name: str) -> Plan:
    return decide(*load(name))


def the(made: Plan, asset: str) -> Wish:
    return approved(made, asset).wish


def near(**sizes: str) -> Mapping[str, object]:
    return {symbol: pytest.approx(Decimal(size), abs=NEAR) for symbol, size in sizes.items()}


# ---- S5: a bear hedge instead of a sale


def test_s5_in_a_bear_regime_the_excess_is_hedged_and_no_spot_is_sold() -> None:
    made = planned("S5")
    assert made.assessment.regime == "bear"
    hedge = the(made, "BTC")
    assert (hedge.rule, hedge.kind, legs(hedge)) == ("R-A6", "hedge", {SWAP: Decimal(-10)})
    assert [item.asset for item in actions(made)] == ["BTC"]
    assert net(made, "BTC") == 55


def test_s5_what_is_still_over_is_held_in_the_next_cycle() -> None:
    snapshot, wanted = load("S5")
    then = decide(after(snapshot, decide(snapshot, wanted)), wanted)
    assert (then.actions, then.blocked) == ((), ())
    found = hold(then, "BTC", "R-A6")
    assert "hedged in bear: 5.0 points" in found.why
    assert found.nearest == "10.0 points over it (hard band), now 5.0"


def test_s5_under_half_a_band_nothing_is_hedged() -> None:
    made = planned("S5-holds")
    assert (made.assessment.regime, made.actions) == ("bear", ())


def test_s5_in_another_regime_there_is_no_bear_hedge() -> None:
    made = planned("S5-neutral")
    assert made.assessment.regime == "bull"
    assert legs(the(made, "BTC")) == {BTC: Decimal(-3), SWAP: Decimal(-2)}


# ---- S6: what dry powder reaches, and what a bridge does


def follow(name: str, plans: int) -> tuple[list[Mapping[str, Decimal]], Plan]:
    """What each of several plans did on ETH, and the plan after them."""
    snapshot, wanted = load(name)
    sizes: list[Mapping[str, Decimal]] = []
    for _ in range(plans):
        made = decide(snapshot, wanted)
        sizes.append(legs(the(made, "ETH")))
        snapshot = after(snapshot, made)
    return sizes, decide(snapshot, wanted)


def test_s6_with_dry_powder_enough_spot_is_bought_by_increments_to_target() -> None:
    sizes, ended = follow("S6-spot", 2)
    assert sizes[0] == {ETH: Decimal(5)}
    assert sizes[1] == {ETH: pytest.approx(Decimal(5), abs=NEAR)}
    assert ended.actions == ()
    assert net(ended, "ETH") == pytest.approx(Decimal(40), abs=NEAR)


def test_s6_with_half_of_it_a_bridge_brings_the_whole_increment() -> None:
    made = planned("S6-bridge")
    bridge = the(made, "ETH")
    assert (bridge.kind, bridge.rule) == ("bridge", "R-A12")
    assert legs(bridge) == near(**{ETH_SWAP: "5"})
    assert bridge.legs[0].leverage == 2
    spent = made.assessment.stables.liquid - (made.after.liquid_stables or 0) * EQUITY
    assert spent / EQUITY * 100 == pytest.approx(Decimal("2.5"), abs=NEAR)  # the margin


def test_s6_with_four_fifths_of_it_as_little_is_bridged_as_can_be() -> None:
    made = planned("S6-mix")
    assert legs(the(made, "ETH")) == near(**{ETH: "3", ETH_SWAP: "2"})
    assert net(made, "ETH") == pytest.approx(Decimal(35), abs=NEAR)


@pytest.mark.parametrize("name", ["S6-bridge", "S6-mix"])
def test_s6_once_dry_powder_is_spent_the_next_increment_waits_for_more(name: str) -> None:
    _sizes, then = follow(name, 1)
    assert then.actions == ()
    assert "dry powder" in hold(then, "ETH", "R-A11").why
    assert net(then, "ETH") == pytest.approx(Decimal(35), abs=NEAR)


def test_s6_a_falling_knife_is_neither_bought_nor_bridged() -> None:
    made = planned("S6-holds")
    assert made.actions == ()
    assert hold(made, "ETH").rule == "R-A10"


# ---- S7: a bridge by the route, and its conversion


def bridged() -> tuple[Snapshot, Policy, Plan]:
    snapshot, wanted = load("S7")
    made = decide(snapshot, wanted)
    return after(snapshot, made), wanted, made


def test_s7_by_the_route_five_of_margin_carry_ten() -> None:
    _then, _wanted, made = bridged()
    bridge = the(made, "SOL")
    assert legs(bridge) == near(**{"SOL/USDT:USDT": "10"})
    assert net(made, "SOL") == pytest.approx(Decimal(20), abs=NEAR)
    spent = made.assessment.stables.liquid / EQUITY - (made.after.liquid_stables or 0)
    assert spent * 100 == pytest.approx(Decimal(5), abs=NEAR)


def test_s7_the_conversion_goes_in_rounds_and_net_exposure_stays() -> None:
    snapshot, wanted, _made = bridged()
    table = {"SOL": reads(Trend.STRONG_UP, recovered=True), "BTC": reads(), "ETH": reads()}
    start = snapshot
    bought = closed = Decimal(0)
    for _ in range(25):
        made = decide(snapshot, wanted, table)
        rounds = [item for item in actions(made) if item.kind == "convert"]
        if not rounds:
            break
        (wish,) = rounds
        assert (wish.rule, wish.exposure_change) == ("R-A13", Decimal(0))
        assert [(leg.symbol, leg.reduce_only) for leg in wish.legs] == [("SOL/USDT:USDT", True), ("SOL/USDT", False)]
        half = decide(after(snapshot, made, only=1), wanted, table).assessment.exposure("SOL").net
        assert abs(half - made.assessment.exposure("SOL").net) <= Decimal("0.00501")
        bought, closed = bought + legs(wish)["SOL/USDT"], closed + legs(wish)["SOL/USDT:USDT"]
        snapshot = after(snapshot, made)
    assert bought == pytest.approx(Decimal(10), abs=NEAR)
    assert -closed == pytest.approx(Decimal(10), abs=NEAR)
    ended = decide(snapshot, wanted, table).assessment
    assert ended.exposure("SOL").contracts == 0
    assert ended.exposure("SOL").net == pytest.approx(Decimal("0.2"), abs=Decimal("0.0003"))
    # 5 of dry powder and 5 of released margin became spot; the floor of 10 is what is left
    spent = decide(start, wanted, table).assessment.stables.liquid - ended.stables.liquid
    assert spent / EQUITY * 100 == pytest.approx(Decimal(5), abs=NEAR)
    assert ended.stables.liquid >= Decimal("0.1") * (ended.equity or 0) - Decimal("0.00005") * EQUITY


def test_s7_without_a_recovery_the_bridge_stands() -> None:
    snapshot, wanted, _made = bridged()
    assert decide(snapshot, wanted).actions == ()


def test_s7_inside_its_band_nothing_is_bridged() -> None:
    assert planned("S7-holds").actions == ()


# ---- S13: a spike


def test_s13_a_running_move_of_five_atr_defers_everything_but_safety() -> None:
    made = planned("S13")
    assert [(item.cls, item.asset) for item in actions(made)] == [("safety", "ETH")]
    (verdict,) = blocked(made, "BTC").not_passed
    assert (verdict.gate, verdict.verdict, verdict.why) == ("R-G4", "defer", "running move of 5.0 ATR")
    assert verdict.until is not None
    assert verdict.until == made.at + timedelta(minutes=30)


def test_s13_without_a_move_nothing_is_deferred() -> None:
    made = planned("S13-holds")
    assert made.blocked == ()
    assert {item.asset for item in actions(made)} == {"BTC", "ETH"}


# ---- S14: shorts that pay


def test_s14_at_forty_percent_a_year_no_new_hedge_is_opened() -> None:
    trim = the(planned("S14-new"), "BTC")
    assert legs(trim) == {BTC: Decimal(-5)}
    assert "shorts pay 40.1%" in trim.why


def test_s14_the_old_hedge_becomes_a_sale() -> None:
    made = planned("S14-old")
    convert = the(made, "BTC")
    assert (convert.kind, legs(convert)) == ("convert", {SWAP: Decimal(2), BTC: Decimal(-2)})
    assert net(made, "BTC") == 53


def test_s14_under_the_limit_the_hedge_stands() -> None:
    assert planned("S14-holds").actions == ()


# ---- S20: parking and recall


def moved(made: Plan, kind: str) -> list[tuple[Decimal, str, str]]:
    return [(each.amount, each.source, each.to) for item in actions(made) if item.kind == kind for each in item.moves]


def test_s20_ten_lie_idle_beyond_floor_and_buffer_and_are_parked() -> None:
    assert moved(planned("S20"), "park") == [(Decimal(10_000), "spot", "earn")]


def test_s20_what_dry_powder_does_not_cover_is_recalled_before_the_next_add() -> None:
    snapshot, wanted = load("S20-recall")
    made = decide(snapshot, wanted)
    # two increments of 5 and their fees, of which P covers 5
    assert moved(made, "recall") == [(Decimal(5_010), "earn", "spot")]
    assert actions(made)[0].kind == "recall"
    assert (made.after.liquid_stables or 0) >= Decimal("0.0999")
    then = decide(after(snapshot, made), wanted)
    assert legs(the(then, "ETH"))[ETH] == pytest.approx(Decimal(5), abs=NEAR)


def test_s20_what_dry_powder_covers_recalls_nothing() -> None:
    made = planned("S20-covered")
    assert (moved(made, "recall"), legs(the(made, "BTC"))) == ([], {BTC: Decimal(5)})


def test_s20_less_than_a_hundredth_is_not_worth_parking() -> None:
    assert planned("S20-holds").actions == ()


# ---- S23: the breaker


def test_s23_sixty_percent_under_the_peak_the_bridge_is_closed_and_the_hedge_stays() -> None:
    made = planned("S23")
    (close,) = actions(made)
    assert (close.rule, close.kind, close.cls, legs(close)) == ("R-G13", "close", "safety", {ETH_SWAP: Decimal(-5)})
    assert close.legs[0].reduce_only
    assert [item.kind for item in made.events if item.kind.startswith("breaker")] == ["breaker.tripped"]
    short, held = -made.assessment.exposure("BTC").contracts, made.assessment.exposure("BTC").coins
    assert 0 < short <= held


def test_s23_from_then_on_nothing_but_safety_acts_until_an_operator_resumes() -> None:
    snapshot, wanted = load("S23")
    later = after(snapshot, decide(snapshot, wanted))
    table: Mapping[str, Readings] = {"BTC": reads(), "ETH": reads()}
    low = decide(later, wanted.model_copy(), table)
    assert low.actions == ()
    assert all(verdicts(item)["R-G13"] == "veto" for item in low.blocked)


def test_s23_under_the_limit_bridge_and_hedge_stand() -> None:
    assert planned("S23-holds").actions == ()


# ---- S24: pegs


def test_s24_of_two_stables_apart_neither_is_cash_and_nothing_is_bought() -> None:
    made = planned("S24-two")
    assert made.actions == ()
    assert made.assessment.stables.liquid == 0
    assert any("two stables 1.52% apart" in item for item in made.assessment.unknown)


def test_s24_of_three_the_one_that_is_off_is_no_cash() -> None:
    made = planned("S24-three")
    assert legs(the(made, "BTC")) == {BTC: Decimal(5)}
    assert made.assessment.stables.liquid == Decimal(32_000)  # 6 of USDT and 26 of FDUSD, none of the USDC
    assert any("USDC" in item for item in made.assessment.unknown)


def test_s24_within_a_hundredth_two_stables_are_still_cash() -> None:
    made = planned("S24-holds")
    assert made.assessment.stables.liquid == pytest.approx(Decimal(58_000), abs=1)
    assert legs(the(made, "BTC")) == {BTC: Decimal(5)}
