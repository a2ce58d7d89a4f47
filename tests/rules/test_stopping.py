"""R-G1's flatten, R-G2's feeds, R-G4, R-G7, R-G9, R-G10's tax, R-G12, R-G13, R-G17, R-G18: stopping, letting go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.assess import assess
from bot.core.assessment import Readings, Trend
from bot.core.desk import Desk
from bot.core.gate import TABLE
from bot.core.gates.net_short import judge
from bot.core.numbers import utc_text
from bot.core.plan_record import Plan
from bot.core.wishes import CLASSES, Leg, Wish
from tests.rules.accounts import (
    AT,
    account,
    actions,
    approved,
    blocked,
    decide,
    legs,
    policy,
    reads,
    seen,
    spot,
    swap,
    verdicts,
)

BTC, SWAP, ETH_SWAP = spot("BTC"), swap("BTC"), swap("ETH")
RANGE = {name: reads() for name in ("BTC", "ETH", "SOL")}
OFF: Mapping[str, Any] = {"hedge": {"enabled": False}}


def ago(**span: int) -> str:
    return utc_text(AT - timedelta(**span))


def trim(**more: Any) -> Plan:
    config = more.pop("config", {})
    return decide(seen({"BTC": 58}, 42, **more), policy({"BTC": 50}, **{**OFF, **config}), RANGE)


def add(**more: Any) -> Plan:
    config = more.pop("config", {})
    return decide(seen({"BTC": 42}, 58, **more), policy({"BTC": 50}, **{**OFF, **config}), RANGE)


def floor(**more: Any) -> Plan:
    wanted, table = policy({"BTC": 88}, stables={"floor": "0.10", "refill": "0"}, **OFF), more.pop("table", RANGE)
    return decide(seen({"BTC": 92}, 8, **more), wanted, table)


def safety(**more: Any) -> Plan:
    return decide(seen({"BTC": 2}, 88, futures=10, shorts={"BTC": 3}, **more), policy({"BTC": 50}), RANGE)


def refused(made: Plan, gate: str, verdict: str) -> bool:
    return made.actions == () and bool(made.blocked) and all(verdicts(one).get(gate) == verdict for one in made.blocked)


def test_the_rest_of_the_table_of_gates_and_classes_is_the_rulebooks() -> None:
    asked = {f"{row.judge.__module__.rpartition('.')[2]}.{row.judge.__name__}": row.classes for row in TABLE}
    everyone = set(CLASSES)
    expected = {
        "depeg.judge": everyone,
        "breaker.tripped": everyone - {"safety"},
        "breaker.budgets": {"normal", "yield"},
        "breaker.approved": {"normal", "yield"},
        "spike.judge": everyone - {"safety"},
        "pace.orders": everyone - {"safety"},
    }
    assert {name: set(asked[name]) for name in expected} == expected


# ---- R-G1: flatten


def futures(kill: str, **more: Any) -> Plan:
    facts = [
        {"symbol": SWAP, "purpose": "hedge", "contracts": "0.1", "opened_at": ago(days=1)},
        {"symbol": SWAP, "purpose": "index", "contracts": "0.06", "opened_at": ago(days=1)},
    ]
    state = seen(
        {"BTC": 55, "ETH": 15}, 10, futures=20, shorts={"BTC": 8}, longs={"ETH": 5}, control={"kill": kill},
        memory={"hedges": facts}, **more,
    )  # fmt: skip
    return decide(state, policy({"BTC": 50, "ETH": 20}), RANGE)


def test_r_g1_flatten_closes_longs_then_shorts_and_says_by_how_much_net_rises() -> None:
    made = futures("flatten")
    long, short = actions(made)
    assert [(item.kind, item.cls, item.rule) for item in (long, short)] == [("flatten", "safety", "R-G1")] * 2
    assert legs(long) == {ETH_SWAP: Decimal(-5)}
    assert [(leg.purpose, leg.qty) for leg in short.legs] == [("hedge", Decimal("0.1")), ("index", Decimal("0.06"))]
    assert all(leg.reduce_only for item in (long, short) for leg in item.legs)
    assert short.exposure_change == Decimal("0.05")  # the index hedge was not in its net
    assert "rises by 5.0%" in short.why
    assert made.after.exposures["BTC"] == Decimal("0.55")


def test_r_g1_without_flatten_positions_stand() -> None:
    assert not any(item.kind == "flatten" for level in ("off", "freeze", "halt") for item in actions(futures(level)))


# ---- R-G2: configured feeds

GAP = {"gaps": ["feed dominance: its newest value is 3 d old, at most 2 d"]}
SAVED: Mapping[str, Any] = {
    "account": {"can": ["swap", "transfer", "earn"]},
    "savings": {"USDT": {"product": "USDT001", "rate": "0.04", "instant": True}},
}


def bridge(**more: Any) -> Plan:
    table = {**RANGE, "ETH": reads(Trend.STRONG_DOWN, bottoming=True)}
    wanted = policy({"ETH": 20, "BTC": 61}, stables={"floor": "0.15"})
    return decide(seen({"ETH": 10, "BTC": 65}, "9.5", futures=8, earn="7.5", **more), wanted, table)


def park(**more: Any) -> Plan:
    return decide(seen({"BTC": 75}, 25, **SAVED, **more), policy({"BTC": 75}, savings={"enabled": True}), RANGE)


@pytest.mark.parametrize(("make", "kind"), [(add, "add"), (bridge, "bridge"), (park, "park")])
def test_r_g2_a_stale_feed_blocks_adds_bridges_and_parking(make: Any, kind: str) -> None:
    assert kind in {item.kind for item in actions(make())}
    made = make(**GAP)
    assert kind not in {item.kind for item in actions(made)}
    (found,) = [item for item in made.blocked if item.wish.kind == kind]
    (verdict,) = [item for item in found.not_passed if item.gate == "R-G2"]
    assert (verdict.verdict, verdict.why) == ("defer", GAP["gaps"][0])
    assert verdict.nearest == "a fresh value of the configured feed dominance, now none"


@pytest.mark.parametrize("make", [trim, floor, safety])
def test_r_g2_a_stale_feed_blocks_nothing_else(make: Any) -> None:
    assert [legs(item) for item in actions(make(**GAP))] == [legs(item) for item in actions(make())]


# ---- R-G4: spikes


def bar(times: float, minutes: int = 10, **more: Any) -> Plan:
    """The last closed bar ranged over so many ATR, and closed so long ago."""
    read = reads(last_bar_true_range=100.0 * times, atr_before=100.0, closed_at=AT - timedelta(minutes=minutes))
    return decide(seen({"BTC": 58}, 42, **more), policy({"BTC": 50}, **OFF), {"BTC": read})


@pytest.mark.parametrize(("times", "minutes", "passes"), [(3.1, 10, False), (3.1, 30, True), (3.0, 10, True)])
def test_r_g4_a_bar_of_more_than_three_atr_defers_for_half_an_hour_from_its_close(
    times: float, minutes: int, passes: bool
) -> None:
    made = bar(times, minutes)
    assert bool(made.actions) == passes
    if not passes:
        (verdict,) = blocked(made, "BTC").not_passed
        assert (verdict.gate, verdict.verdict, verdict.until) == ("R-G4", "defer", AT + timedelta(minutes=20))


def running(close: float) -> Mapping[str, Readings]:
    """A move from the last close to the price of 50,000, against an ATR of 100."""
    return {"BTC": reads(close=close, atr=100.0)}


@pytest.mark.parametrize(("close", "passes"), [(49_690.0, False), (50_310.0, False), (49_700.0, True)])
def test_r_g4_a_running_move_of_more_than_three_atr_defers(close: float, passes: bool) -> None:
    assert bool(decide(seen({"BTC": 58}, 42), policy({"BTC": 50}, **OFF), running(close)).actions) == passes


def test_r_g4_the_cooling_off_lasts_half_an_hour_after_a_move_was_last_seen() -> None:
    assert refused(trim(memory={"spikes": {"BTC": ago(minutes=29)}}), "R-G4", "defer")
    assert trim(memory={"spikes": {"BTC": ago(minutes=30)}}).actions != ()


def wide(half_bp: str, median: str | None = None) -> Plan:
    half = Decimal(half_bp) / 10_000
    body = account({"BTC": 58}, 42, history={BTC: {"spread_median": median}} if median else {})
    price = Decimal(50_000)
    bid, ask = f"{price * (1 - half):f}", f"{price * (1 + half):f}"
    body["books"][BTC] = {"bids": [[bid, "1000"]], "asks": [[ask, "1000"]]}
    body["tickers"][BTC] |= {"bid": bid, "ask": ask}
    config = {"windows": {"max_spread_bp": "1000"}, "costs": {"min_ratio": "0"}}
    return decide(body, policy({"BTC": 50}, **OFF, **config), RANGE)


@pytest.mark.parametrize(
    ("half", "median", "passes"),
    [("26", None, False), ("25", None, True), ("6", "0.0002", False), ("5", "0.0002", True)],
)
def test_r_g4_a_spread_of_five_times_its_median_or_half_a_percent_defers(
    half: str, median: str | None, passes: bool
) -> None:
    made = wide(half, median)
    assert bool(made.actions) == passes
    assert passes or all("R-G4" in verdicts(item) for item in made.blocked)


def test_r_g4_the_floor_waits_no_longer_than_the_move_lasts() -> None:
    assert refused(floor(table=running(49_690.0)), "R-G4", "defer")
    assert floor(memory={"spikes": {"BTC": ago(minutes=1)}}).actions != ()
    read = {"BTC": reads(last_bar_true_range=400.0, atr_before=100.0, closed_at=AT)}
    assert floor(table=read).actions != ()


def test_r_g4_safety_transfers_and_a_market_that_stands_still_are_not_asked() -> None:
    assert [item.cls for item in actions(safety(memory={"spikes": {"BTC": ago(minutes=1)}}))] == ["safety"]
    spiked = {"spikes": {"BTC": ago(minutes=1)}}
    made = decide(seen({"BTC": 58}, 42, memory=spiked), policy({"BTC": 50}), RANGE)
    assert [item.kind for item in actions(made)] == ["transfer"]
    assert bar(0.0).actions != ()


# ---- R-G7: what a wish frees, what lies in which wallet


def test_r_g7_margin_that_a_conversion_releases_pays_for_its_spot() -> None:
    fact = {"symbol": SWAP, "contracts": "0.2", "margin": "5000", "opened_at": ago(days=31)}
    state = seen({"BTC": 40}, 9, futures=6, earn=45, longs={"BTC": 10}, memory={"bridges": [fact]})
    made = decide(state, policy({"BTC": 50}, stables={"floor": "0.097"}), RANGE)
    (convert,) = [item for item in actions(made) if item.kind == "convert"]
    assert legs(convert) == {SWAP: Decimal("-0.5"), BTC: Decimal("0.5")}  # 0.3 of P and 0.25 released


def test_r_g7_a_conversion_beyond_both_is_not_made() -> None:
    fact = {"symbol": SWAP, "contracts": "0.2", "margin": "5000", "opened_at": ago(days=31)}
    state = seen({"BTC": 40}, 9, futures=6, earn=45, longs={"BTC": 10}, memory={"bridges": [fact]})
    made = decide(state, policy({"BTC": 50}, stables={"floor": "0.0985"}), RANGE)
    assert not any(item.kind == "convert" for item in actions(made))


def test_r_g7_a_bridges_worst_price_stays_above_the_floor_too() -> None:
    (wish,) = [item for item in actions(bridge()) if item.kind == "bridge"]
    (leg,) = wish.legs
    assert leg.limit is not None
    assert abs(leg.qty) * leg.limit * Decimal("0.5005") <= 2_500


# ---- R-G10: tax


def test_r_g10_with_a_tax_on_a_sale_is_not_worth_it() -> None:
    made = trim(config={"costs": {"tax_rate": "0.25"}})
    assert refused(made, "R-G10", "veto")
    cost = blocked(made, "BTC").wish.cost
    assert cost is not None
    assert cost.tax == Decimal(1_250)  # what the coins cost is not known: 5,000 taxed in full


def test_r_g10_without_a_rate_no_tax_is_counted_and_an_add_owes_none() -> None:
    bought = approved(add(config={"costs": {"tax_rate": "0.25"}}), "BTC").wish.cost
    sold = approved(trim(), "BTC").wish.cost
    assert bought is not None
    assert sold is not None
    assert [bought.tax, sold.tax] == [Decimal(0), Decimal(0)]


# ---- R-G12: pegs


def pegged(btc: int, *, kill: str = "off", **prices: str) -> Plan:
    """BTC off its 50; USDT and as many of other stables."""
    body = account({"BTC": btc}, 20, control={"kill": kill})
    for name, price in prices.items():
        amount = Decimal(1_000 * (80 - btc)) / len(prices)
        body["balances"].append({"wallet": "spot", "asset": name, "free": str(amount), "locked": "0"})
        body["tickers"][spot(name)] = {"bid": price, "ask": price, "last": price}
    return decide(body, policy({"BTC": 50}, stables={"floor": "0", "assets": ["USDT", *prices]}, **OFF), RANGE)


def test_r_g12_two_stables_apart_are_neither_bought_nor_spent() -> None:
    made = pegged(58, USDC="0.985")
    assert refused(made, "R-G12", "veto")
    assert "two stables 1.52% apart" in blocked(made, "BTC").not_passed[0].why
    assert pegged(42, USDC="0.985").actions == ()


def test_r_g12_within_one_percent_nothing_is_stopped() -> None:
    assert legs(approved(pegged(58, USDC="0.991"), "BTC").wish)[BTC] < -4
    assert legs(approved(pegged(42, USDC="0.991"), "BTC").wish)[BTC] > 4


def test_r_g12_of_three_only_the_one_that_is_off_is_no_cash() -> None:
    made = pegged(42, USDC="0.985", FDUSD="1.0")
    assert made.assessment.stables.liquid == Decimal(39_000)
    assert approved(made, "BTC").wish.kind == "add"


def test_r_g12_the_accounting_currency_off_stops_all_but_safety() -> None:
    assert refused(pegged(58, USDC="1.02", FDUSD="1.02"), "R-G12", "veto")


def test_r_g12_safety_is_not_asked() -> None:
    body = account({"BTC": 2}, 60, futures=10, shorts={"BTC": 3})
    body["tickers"]["USDC/USDT"] = {"bid": "0.98", "ask": "0.98", "last": "0.98"}
    made = decide(body, policy({"BTC": 50}, stables={"floor": "0", "assets": ["USDT", "USDC"]}), RANGE)
    assert [item.cls for item in actions(made)] == ["safety"]


# ---- R-G13: the breaker


def peak(value: str) -> dict[str, Any]:
    return {"memory": {"unit_peak": value, "unit_value": "1", "equity_seen": "100000"}}


@pytest.mark.parametrize("make", [trim, add, floor])
def test_r_g13_sixty_percent_under_the_peak_nothing_but_safety_acts(make: Any) -> None:
    assert refused(make(**peak("2.5")), "R-G13", "veto")
    assert make(**peak("2.49")).actions != ()
    assert [item.cls for item in actions(safety(**peak("2.5")))] == ["safety"]


def test_r_g13_a_withdrawal_is_no_drawdown() -> None:
    gone = {"since": [{"money": "-150000", "flow": True}]}
    memory = {"unit_peak": "1", "unit_value": "1", "equity_seen": "250000", **gone}
    assert trim(memory=memory).actions != ()
    memory["since"] = []
    assert refused(trim(memory=memory), "R-G13", "veto")


def test_r_g13_a_higher_limit_holds_longer() -> None:
    assert trim(**peak("2.5"), config={"limits": {"drawdown": "0.61"}}).actions != ()


# ---- R-G17: an operator's yes

MANUAL: Mapping[str, Any] = {"config": {"approve": "manual"}}
KEY = f"BTC:trim:{BTC}:-"


def test_r_g17_a_plan_waits_for_an_operators_yes() -> None:
    made = trim(**MANUAL)
    assert refused(made, "R-G17", "defer")
    (verdict,) = blocked(made, "BTC").not_passed
    assert verdict.nearest == f"`ballast approve {made.decision_id}`"


@pytest.mark.parametrize(("until", "passes"), [(timedelta(minutes=1), True), (timedelta(0), False)])
def test_r_g17_a_yes_counts_until_it_expires(until: timedelta, passes: bool) -> None:
    for text in (utc_text(AT + until), (AT + until).isoformat()):
        assert bool(trim(**MANUAL, memory={"approvals": {KEY: text}}).actions) == passes


def test_r_g17_a_yes_to_something_else_is_not_enough() -> None:
    memory = {"approvals": {f"BTC:add:{BTC}:+": utc_text(AT + timedelta(hours=1))}}
    assert refused(trim(**MANUAL, memory=memory), "R-G17", "defer")


def test_r_g17_floor_and_safety_do_not_wait() -> None:
    manual = {"approve": "manual"}
    wanted = policy({"BTC": 88}, stables={"floor": "0.10", "refill": "0"}, **OFF, **manual)
    assert [item.cls for item in actions(decide(seen({"BTC": 92}, 8), wanted, RANGE))] == ["floor"]
    state = seen({"BTC": 2}, 88, futures=10, shorts={"BTC": 3})
    assert [item.cls for item in actions(decide(state, policy({"BTC": 50}, **manual), RANGE))] == ["safety"]


# ---- R-G18: budgets


@pytest.mark.parametrize(("fees", "passes"), [("0.005", False), ("0.0049", True)])
def test_r_g18_fees_of_the_day_have_a_budget(fees: str, passes: bool) -> None:
    made = trim(memory={"day": "2026-03-05", "day_fees": fees})
    assert bool(made.actions) == passes
    assert passes or refused(made, "R-G18", "veto")


@pytest.mark.parametrize(("start", "passes"), [("112000", False), ("111000", True)])
def test_r_g18_a_loss_of_a_tenth_stops_the_day(start: str, passes: bool) -> None:
    made = trim(memory={"day": "2026-03-05", "day_start_equity": start})
    assert bool(made.actions) == passes
    assert passes or refused(made, "R-G18", "veto")


def flow(kind: str, amount: str, asset: str = "USDT") -> dict[str, Any]:
    return {"at": ago(hours=2), "asset": asset, "amount": amount, "kind": kind}


@pytest.mark.parametrize(
    ("flows", "passes"),
    [
        ([flow("withdrawal", "-12000")], True),
        ([flow("withdrawal", "-0.24", "BTC")], True),
        ([flow("funding", "-12000")], False),  # what was paid is lost
        ([flow("transfer", "-12000")], False),  # what went between own wallets is still there
        ([], False),
    ],
    ids=["stables", "coins", "funding", "transfer", "nothing"],
)
def test_r_g18_what_was_withdrawn_is_not_a_loss(flows: list[dict[str, Any]], passes: bool) -> None:
    memory = {"day": "2026-03-05", "day_start_equity": "112000", "flows": flows}
    assert bool(trim(memory=memory).actions) == passes


def test_r_g18_a_deposit_hides_no_loss() -> None:
    memory = {"day": "2026-03-05", "day_start_equity": "100000", "flows": [flow("deposit", "12000")]}
    assert refused(trim(memory=memory), "R-G18", "veto")


@pytest.mark.parametrize(
    ("start", "kind", "amount", "passes"),
    [("112000", "withdrawal", "-12000", False), ("100000", "deposit", "12000", True)],
    ids=["hides no loss", "is no loss"],
)
def test_r_g18_what_came_or_went_before_the_day_was_first_seen_is_in_what_it_began_with(
    start: str, kind: str, amount: str, passes: bool
) -> None:
    began = {"day_start_equity": start, "day_start_at": ago(hours=1)}
    memory = {"day": "2026-03-05", "flows": [flow(kind, amount)], **began}
    assert bool(trim(memory=memory).actions) == passes
    assert bool(trim(memory={**memory, "day_start_at": ago(hours=3)}).actions) != passes


@pytest.mark.parametrize(("over", "passes"), [("0.01", True), ("0.25", True)])
def test_r_g18_an_asset_within_its_target_and_a_margin_is_not_stopped(over: str, passes: bool) -> None:
    assert bool(add(config={"limits": {"asset_over_target": over}}).actions) == passes


WIDE = {"turnover_per_day": "1", "turnover_derisk": "1"}  # what is under way counts there too


def test_r_g18_an_order_in_flight_counts_towards_an_assets_most() -> None:
    order = {"symbol": ETH_SWAP, "side": "buy", "amount": "8", "price": "2500", "client_id": "b1", "state": "unknown"}
    state = seen({"ETH": 15, "BTC": 40}, 25, futures=20, orders=[order])
    wanted = policy(
        {"ETH": 22, "BTC": 40}, stables={"floor": "0"}, limits={"asset_over_target": "0.10"}, pace=WIDE, **OFF
    )
    made = decide(state, wanted, RANGE)
    assert verdicts(blocked(made, "ETH")) == {"R-G18": "veto"}
    free = decide(state.model_copy(update={"orders": ()}), wanted, RANGE)
    assert approved(free, "ETH").wish.kind == "add"


def test_r_g18_the_floor_and_safety_do_not_ask_the_budgets() -> None:
    spent = {"memory": {"day": "2026-03-05", "day_fees": "0.01", "day_start_equity": "200000"}}
    assert [item.cls for item in actions(floor(**spent))] == ["floor"]
    assert [item.cls for item in actions(safety(**spent))] == ["safety"]


# ---- R-G9: the portfolio


@pytest.mark.parametrize(("index", "verdict"), [("0.3", "veto"), ("0.2", "pass")])
def test_r_g9_the_portfolio_is_never_net_short(index: str, verdict: str) -> None:
    fact = {"symbol": SWAP, "purpose": "index", "contracts": index, "opened_at": ago(days=1)}
    held = Decimal(index) * 50
    state, wanted = (
        seen({"BTC": 16}, 54, futures=30, shorts={"BTC": held}, memory={"hedges": [fact]}),
        policy({"BTC": 10}),
    )
    desk = Desk(state, wanted, *assess(state, wanted, RANGE))
    leg = Leg(SWAP, Decimal("-0.04"), Decimal(50_000), "hedge", leverage=Decimal(2))
    _wish, said = judge(Wish("R-A3", "trim", "normal", "BTC", "", legs=(leg,)), desk)
    assert said.verdict == verdict
    assert verdict == "pass" or "portfolio" in said.why
