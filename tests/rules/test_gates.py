"""R-G1 to R-G16, as far as they stand: each stopping something, each letting something through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.gate import TABLE
from bot.core.gates.kill import while_frozen
from bot.core.plan_record import Plan
from bot.core.wishes import CLASSES, ActionClass, Wish
from tests.rules.accounts import (
    AT,
    SATURDAY,
    account,
    actions,
    after,
    approved,
    blocked,
    decide,
    legs,
    net,
    policy,
    reads,
    seen,
    verdicts,
)

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
OFF: Mapping[str, Any] = {"hedge": {"enabled": False}}
RANGE = {name: reads() for name in ("BTC", "ETH", "SOL", "XRP")}
FLOOR: Mapping[str, Any] = {"stables": {"floor": "0.10", "refill": "0"}}


def trim(weight: Any = 58, config: Mapping[str, Any] | None = None, **more: Any) -> Plan:
    """BTC over its 50, sold without a hedge."""
    state = seen({"BTC": weight}, 100 - Decimal(str(weight)), **more)
    return decide(state, policy({"BTC": 50}, **{**OFF, **(config or {})}), RANGE)


def add(**more: Any) -> Plan:
    return decide(seen({"BTC": 42}, 58, **more), policy({"BTC": 50}, **OFF), RANGE)


def floor(**more: Any) -> Plan:
    return decide(seen({"BTC": 92}, 8, **more), policy({"BTC": 88}, **FLOOR, **OFF), RANGE)


def safety(**more: Any) -> Plan:
    return decide(seen({"BTC": 2}, 88, futures=10, shorts={"BTC": 3}, **more), policy({"BTC": 50}), {})


def unhedge(**more: Any) -> Plan:
    return decide(seen({"BTC": 48}, 42, futures=10, shorts={"BTC": 4}, **more), policy({"BTC": 50}), RANGE)


def convert(**more: Any) -> Plan:
    old = {"symbol": SWAP, "purpose": "hedge", "contracts": "0.04", "opened_at": AT - timedelta(days=31)}
    state = seen({"BTC": 54}, 36, futures=10, shorts={"BTC": 2}, memory={"hedges": [old]}, **more)
    return decide(state, policy({"BTC": 50}), RANGE)


def transfer(**more: Any) -> Plan:
    return decide(seen({"BTC": 58}, 42, **more), policy({"BTC": 50}), RANGE)


def stopped(made: Plan, gate: str, verdict: str = "defer") -> bool:
    return (
        made.actions == () and all(verdicts(item).get(gate) == verdict for item in made.blocked) and bool(made.blocked)
    )


# ---- the table


def test_the_table_of_gates_and_classes_is_the_rulebooks() -> None:
    asked = {f"{row.judge.__module__.rpartition('.')[2]}.{row.judge.__name__}": row.classes for row in TABLE}
    everyone = set(CLASSES)
    work = {"floor", "derisk", "upkeep", "normal"}
    expected: dict[str, set[ActionClass] | set[str]] = {
        "kill.judge": everyone,
        "data.fresh": everyone,
        "data.sane": everyone,
        "scope.judge": everyone,
        "runaway.judge": everyone,
        "window.schedule": {"normal"},
        "window.live": work,
        "pace.interval": work,
        "pace.cooldown": {"normal"},
        "pace.turnover": {"derisk", "normal"},
        "benefit.judge": {"normal"},
        "collar.judge": everyone,
        "filters.judge": everyone,
        "floor.judge": everyone - {"safety"},
        "leverage.judge": work,
        "net_short.judge": everyone - {"yield"},
    }
    assert {name: set(asked[name]) for name in expected} == expected


# ---- R-G1


FROZEN = {"control": {"kill": "freeze", "reason": "test"}}


@pytest.mark.parametrize(
    ("made", "passes"),
    [
        (safety(**FROZEN), True),
        (floor(**FROZEN), False),
        (transfer(**FROZEN), True),
        (convert(**FROZEN), True),
        (unhedge(**FROZEN), False),  # net exposure would rise
        (trim(**FROZEN), False),
        (add(**FROZEN), False),
    ],
    ids=["safety", "floor", "transfer", "convert", "unhedge", "trim", "add"],
)
def test_r_g1_freeze_lets_through_what_the_table_says(made: Plan, passes: bool) -> None:
    assert bool(made.actions) == passes
    assert passes or stopped(made, "R-G1", "veto")


@pytest.mark.parametrize(("change", "passes"), [("-0.01", True), ("0", False), ("0.01", False)])
def test_r_g1_freeze_lets_derisk_through_if_it_reduces(change: str, passes: bool) -> None:
    assert while_frozen(Wish("R-A16", "derisk", "derisk", "BTC", "", exposure_change=Decimal(change))) == passes


@pytest.mark.parametrize("make", [safety, floor, transfer, convert, unhedge, trim, add])
def test_r_g1_halt_lets_nothing_through(make: Any) -> None:
    assert stopped(make(control={"kill": "halt"}), "R-G1", "veto")


@pytest.mark.parametrize("make", [safety, floor, transfer, convert, unhedge, trim, add])
def test_r_g1_flatten_closes_positions_and_lets_nothing_else_through(make: Any) -> None:
    made = make(control={"kill": "flatten"})
    assert {(item.cls, item.kind) for item in actions(made)} <= {("safety", "flatten")}
    assert all(leg.reduce_only for item in actions(made) for leg in item.legs)
    assert all(verdicts(item).get("R-G1") == "veto" for item in made.blocked)
    assert {item.asset for item in actions(made)} == {"BTC"} & {
        item.asset for item in made.assessment.exposures if item.contracts
    }


@pytest.mark.parametrize("make", [safety, floor, transfer, convert, unhedge, trim, add])
def test_r_g1_off_stops_nothing(make: Any) -> None:
    assert make().actions != ()


# ---- R-G2, R-G3


def aged(kind: str, age: int) -> Plan:
    body = account({"BTC": 58}, 40, futures=2, shorts={"BTC": 1})
    at = (AT - timedelta(seconds=age)).isoformat()
    if kind == "quotes":
        body["tickers"] = {symbol: {**ticker, "at": at} for symbol, ticker in body["tickers"].items()}
    else:
        body[kind] = [{**item, "at": at} for item in body[kind]]
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


@pytest.mark.parametrize(("kind", "limit"), [("balances", 120), ("positions", 120)])
def test_r_g2_what_is_too_old_is_not_traded_on(kind: str, limit: int) -> None:
    assert stopped(aged(kind, limit + 1), "R-G2")
    assert aged(kind, limit).actions != ()


def test_r_g2_a_quote_too_old_is_no_price() -> None:
    made = aged("quotes", 31)
    assert (made.assessment.equity, made.actions) == (None, ())
    assert "quote 31 s old" in made.holds[0].why
    assert aged("quotes", 30).actions != ()


def test_r_g2_a_gap_in_what_was_read_stops_everything_that_needs_equity() -> None:
    made = trim(gaps=("balances: timed out",))
    assert (made.assessment.equity, made.actions) == (None, ())
    assert trim(gaps=("funding: timed out",)).actions != ()


def test_r_g2_a_book_too_old_is_no_book() -> None:
    body = account({"BTC": 58}, 42, books={BTC: 20_000})
    fresh = decide(body, policy({"BTC": 50}, **OFF), RANGE)
    assert verdicts(approved(fresh, "BTC")) == {"R-G5": "resize"}
    body["books"][BTC]["at"] = (AT - timedelta(seconds=31)).isoformat()
    body["tickers"][BTC]["quote_volume"] = "60000000"  # a thousandth is 60,000
    old = decide(body, policy({"BTC": 50}, **OFF), RANGE)
    assert legs(approved(old, "BTC").wish) == {BTC: Decimal(-5)}


def priced(bid: str | None, ask: str | None, last: str = "50000", **more: Any) -> Plan:
    body = account({"BTC": 58}, 42, unlisted=[SWAP], **more)
    body["tickers"][BTC] = {"bid": bid, "ask": ask, "last": last, "quote_volume": "100000000"}
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


@pytest.mark.parametrize(
    ("bid", "ask", "last"),
    [("0", "50005", "50000"), ("50006", "50005", "50000"), (None, None, "0")],
)
def test_r_g3_a_crossed_or_impossible_quote_is_no_price(bid: str | None, ask: str | None, last: str) -> None:
    made = priced(bid, ask, last)
    assert (made.assessment.equity, made.actions) == (None, ())
    assert [item.rule for item in made.holds] == ["R-G3"]


def test_r_g3_without_bid_and_ask_the_last_price_counts_and_is_flagged() -> None:
    made = priced(None, None)
    assert made.assessment.equity == 100_000
    assert made.assessment.exposure("BTC").notes == ("no bid and ask: last price",)


GOOD: Mapping[str, Any] = {"memory": {"last_good_prices": {BTC: "40000"}}}


def test_r_g3_a_jump_without_a_second_source_is_no_price() -> None:
    body = account({"BTC": 58}, 42, unlisted=[SWAP], **GOOD)
    body["books"] = {}
    made = decide(body, policy({"BTC": 50}, **OFF), RANGE)
    assert made.assessment.equity is None
    assert "jumped 25%" in made.holds[0].why
    body["memory"] = {"last_good_prices": {BTC: "41700"}}  # 19.9 %
    assert decide(body, policy({"BTC": 50}, **OFF), RANGE).actions != ()


@pytest.mark.parametrize("source", ["book", "perpetual", "candles"])
def test_r_g3_a_second_source_confirms_a_jump(source: str) -> None:
    trends = {"BTC": "range"} if source == "candles" else {}
    body = account({"BTC": 58}, 42, unlisted=[] if source == "perpetual" else [SWAP], trends=trends, **GOOD)
    if source != "book":
        body["books"] = {}
    made = decide(body, policy({"BTC": 50}, **OFF), RANGE)
    assert made.assessment.equity == 100_000
    assert "confirmed by a second source" in made.assessment.exposure("BTC").notes[0]


def test_r_g3_a_stale_perpetual_confirms_nothing() -> None:
    body = account({"BTC": 58}, 42, **GOOD)
    body["books"] = {}
    body["tickers"][SWAP]["at"] = (AT - timedelta(seconds=31)).isoformat()
    assert decide(body, policy({"BTC": 50}, **OFF), RANGE).assessment.equity is None


@pytest.mark.parametrize(("mark", "known"), [("60000", True), ("60001", False), ("5000", False)])
def test_r_g3_a_mark_far_from_the_spot_price_is_not_believed(mark: str, known: bool) -> None:
    body = account({"BTC": 58}, 40, futures=2, shorts={"BTC": 1})
    body["positions"][0]["mark_price"] = mark
    made = decide(body, policy({"BTC": 50}), RANGE)
    assert (made.assessment.equity is not None) == known


def test_r_g3_what_is_not_held_and_has_no_price_is_merely_left_alone() -> None:
    made = decide(seen({"BTC": 58}, 42), policy({"BTC": 50, "SOL": 10}, **OFF), RANGE)
    assert [item.asset for item in actions(made)] == ["BTC"]
    assert made.assessment.exposure("SOL").price is None


# ---- R-G5


WINDOW = {"windows": {"schedule": ["Mon-Fri 13:00-17:00"]}}


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (SATURDAY, datetime(2026, 3, 9, 13, tzinfo=UTC)),
        (AT, AT.replace(hour=13, second=0)),
        (AT.replace(hour=17, second=0), datetime(2026, 3, 6, 13, tzinfo=UTC)),
        (AT.replace(hour=13, second=0), None),
        (AT.replace(hour=16, minute=59), None),
    ],
)
def test_r_g5_a_schedule_defers_to_its_next_opening(at: datetime, opens: datetime | None) -> None:
    made = trim(config=WINDOW, at=at)
    if opens is None:
        assert made.actions != ()
        return
    assert [(item.gate, item.until) for item in blocked(made, "BTC").not_passed] == [("R-G5", opens)]


def wide(half_bp: str, make: Any) -> Plan:
    """The same account with a wider spread in its book."""
    half = Decimal(half_bp) / 10_000
    mid = Decimal(50_000)
    book = {"bids": [[str(mid * (1 - half)), "1000"]], "asks": [[str(mid * (1 + half)), "1000"]]}
    made: Plan = make(books_given={BTC: book, SWAP: book})
    return made


def with_books(body: dict[str, Any], books: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "books": dict(books)}


@pytest.mark.parametrize(("half_bp", "passes"), [("5", True), ("5.1", False)])
def test_r_g5_a_spread_over_ten_basis_points_defers(half_bp: str, passes: bool) -> None:
    def make(books_given: Mapping[str, Any]) -> Plan:
        return decide(with_books(account({"BTC": 58}, 42), books_given), policy({"BTC": 50}, **OFF), RANGE)

    made = wide(half_bp, make)
    assert bool(made.actions) == passes
    assert passes or stopped(made, "R-G5")


@pytest.mark.parametrize(("half_bp", "passes"), [("15", True), ("15.1", False)])
def test_r_g5_the_floor_may_pay_three_times_the_spread(half_bp: str, passes: bool) -> None:
    def make(books_given: Mapping[str, Any]) -> Plan:
        return decide(with_books(account({"BTC": 92}, 8), books_given), policy({"BTC": 88}, **FLOOR, **OFF), RANGE)

    made = wide(half_bp, make)
    assert bool([item for item in actions(made) if item.cls == "floor"]) == passes


def test_r_g5_safety_asks_no_spread() -> None:
    def make(books_given: Mapping[str, Any]) -> Plan:
        body = account({"BTC": 2}, 88, futures=10, shorts={"BTC": 3})
        return decide(with_books(body, books_given), policy({"BTC": 50}), {})

    assert wide("500", make).actions != ()


@pytest.mark.parametrize(("value", "points"), [(20_000, "-2"), (50_100, "-5")])
def test_r_g5_an_order_is_at_most_a_tenth_of_one_side(value: int, points: str) -> None:
    found = approved(trim(books={BTC: value}), "BTC")
    assert legs(found.wish)[BTC] == pytest.approx(Decimal(points), abs=Decimal("0.001"))
    assert verdicts(found) == ({"R-G5": "resize"} if value == 20_000 else {})


def test_r_g5_both_legs_of_a_split_shrink_alike() -> None:
    made = decide(seen({"BTC": 58}, 32, futures=10, books={SWAP: 10_000}), policy({"BTC": 50}), RANGE)
    assert legs(approved(made, "BTC").wish) == {BTC: Decimal("-1.5"), SWAP: Decimal(-1)}


def bookless(volume: str | None, median: str | None = None) -> Plan:
    body = account({"BTC": 58}, 42)
    body["books"] = {}
    body["tickers"][BTC]["quote_volume"] = volume
    body["history"] = {BTC: {"depth_median": median}} if median else {}
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


def test_r_g5_without_a_book_the_smaller_of_volume_and_median_counts() -> None:
    assert legs(approved(bookless("40000000"), "BTC").wish) == {BTC: Decimal(-4)}
    assert legs(approved(bookless("40000000", "30000"), "BTC").wish) == {BTC: Decimal(-3)}
    assert stopped(bookless(None), "R-G5")


# ---- R-G6


def episode(minutes: int, **more: Any) -> dict[str, Any]:
    at = AT - timedelta(minutes=minutes)
    body = {"subject": "BTC", "direction": "trim", "goal": "0.5", "opened_at": at, "rule": "R-A3", "sign": "down"}
    return {"memory": {"episodes": [{**body, "last_increment_at": at, "left": "0", "judged": True, **more}]}}


@pytest.mark.parametrize(("minutes", "passes"), [(14, False), (15, True)])
def test_r_g6_increments_are_a_quarter_of_an_hour_apart(minutes: int, passes: bool) -> None:
    made = trim(**episode(minutes))
    assert bool(made.actions) == passes
    if not passes:
        assert blocked(made, "BTC").not_passed[0].until == AT + timedelta(minutes=1)


def ended(hours: float, sign: str) -> dict[str, Any]:
    return {"memory": {"ended": {"BTC": {"at": AT - timedelta(hours=hours), "sign": sign}}}}


@pytest.mark.parametrize(
    ("hours", "sign", "passes"),
    [(3.9, "down", False), (4, "down", True), (4, "up", False), (23.9, "up", False), (24, "up", True)],
)
def test_r_g6_after_an_episode_comes_a_cooldown_longer_where_the_direction_turns(
    hours: float, sign: str, passes: bool
) -> None:
    made = trim(**ended(hours, sign))
    assert bool(made.actions) == passes
    assert passes or stopped(made, "R-G6")


def test_r_g6_a_turn_within_one_plan_meets_the_whipsaw_guard_too() -> None:
    bought = {"direction": "add", "sign": "up", "goal": "0.5"}
    made = trim(**episode(60, **bought))
    assert stopped(made, "R-G6")
    assert blocked(made, "BTC").not_passed[0].until == AT + timedelta(hours=24)
    assert [item.kind for item in made.events] == ["episode.ended"]


def test_r_g6_an_episode_that_never_traded_owes_no_cooldown() -> None:
    made = trim(**episode(60, direction="add", sign="up", last_increment_at=None))
    assert made.actions != ()


def spent(sold: str, bought: str = "0") -> dict[str, Any]:
    return {"memory": {"turnover": {"day": "2026-03-05", "sold": sold, "bought": bought}}}


def test_r_g6_turnover_makes_smaller_then_puts_off_to_the_next_day() -> None:
    found = approved(trim(**spent("0.17")), "BTC")
    assert (legs(found.wish), verdicts(found)) == ({BTC: Decimal(-3)}, {"R-G6": "resize"})
    made = trim(**spent("0.20"))
    assert stopped(made, "R-G6")
    assert blocked(made, "BTC").not_passed[0].until == datetime(2026, 3, 6, tzinfo=UTC)
    assert verdicts(approved(trim(**spent("0.15", "0.20")), "BTC")) == {}


def test_r_g6_turnover_does_not_ask_the_floor() -> None:
    assert floor(**spent("0.20")).actions != ()


def test_r_g6_turnover_counts_what_this_plan_did_before() -> None:
    wanted = policy({"BTC": 40, "ETH": 30}, pace={"turnover_per_day": "0.08"}, **OFF)
    made = decide(seen({"BTC": 48, "ETH": 38}, 14), wanted, RANGE)
    assert [legs(item) for item in actions(made)] == [{BTC: Decimal(-5)}, {"ETH/USDT": Decimal(-3)}]


def sends(seconds_ago: Sequence[int], hour: int = 0) -> dict[str, Any]:
    at = [AT - timedelta(seconds=second) for second in seconds_ago]
    return {"memory": {"submitted_at": at, "orders_last_hour": hour}}


def test_r_g6_orders_per_minute_and_per_hour_are_limited() -> None:
    assert stopped(trim(**sends([5] * 10)), "R-G6")
    assert trim(**sends([5] * 9)).actions != ()
    assert trim(**sends([61] * 10)).actions != ()
    assert stopped(trim(**sends([], 240)), "R-G6")
    assert trim(**sends([], 239)).actions != ()


def test_r_g6_safety_asks_no_pace() -> None:
    assert safety(**sends([5] * 10, 240)).actions != ()


# ---- R-G7, R-G8, R-G9


def test_r_g7_a_buy_that_would_pass_the_floor_is_cut_and_its_worst_price_stays_above() -> None:
    found = approved(decide(seen({"BTC": 42}, 8, earn=50), policy({"BTC": 50}), RANGE), "BTC")
    (leg,) = found.wish.legs
    assert leg.limit is not None
    assert leg.qty * leg.limit * Decimal("1.001") <= 3_000
    assert leg.limit >= leg.price


def test_r_g7_what_stays_above_the_floor_at_its_worst_price_is_not_cut() -> None:
    found = approved(decide(seen({"BTC": 42}, "10.2", earn="47.8"), policy({"BTC": 50}), RANGE), "BTC")
    assert (legs(found.wish), found.not_passed) == ({BTC: Decimal(5)}, ())


def test_r_g7_open_buys_and_their_fees_are_counted() -> None:
    order = {"symbol": "ETH/USDT", "side": "buy", "amount": "1", "price": "2500", "client_id": "b1", "state": "unknown"}
    made = decide(
        seen({"BTC": 42, "ETH": 0}, 8, earn=50, orders=[order]), policy({"BTC": 50, "ETH": 1}), {"BTC": reads()}
    )
    assert Decimal("0.4") < legs(approved(made, "BTC").wish)[BTC] < Decimal("0.5")


def test_r_g7_margin_is_paid_by_the_sale_of_the_same_trim() -> None:
    made = decide(seen({"BTC": 95}, 3, futures=2), policy({"BTC": 90}), RANGE)
    assert legs(approved(made, "BTC").wish) == {BTC: Decimal(-3), SWAP: Decimal(-2)}
    bare = policy({"BTC": 90}, trim={"prefer": "hedge"})
    made = decide(seen({"BTC": 95}, 2, futures=3), bare, RANGE)
    assert stopped(made, "R-G7")


def test_r_g8_gross_exposure_has_a_limit() -> None:
    wanted = policy({"BTC": 50}, limits={"gross": "0.45"}, **OFF)
    made = decide(seen({"BTC": 42}, 58), wanted, RANGE)
    assert stopped(made, "R-G8", "veto")
    wide_enough = policy({"BTC": 50}, limits={"gross": "0.47"}, **OFF)
    assert decide(seen({"BTC": 42}, 58), wide_enough, RANGE).actions != ()


def test_r_g8_margin_that_is_on_its_way_has_not_arrived() -> None:
    broken = {"broken": [{"action": "d1-1", "symbol": SWAP, "contracts": "-0.04", "opened_at": AT}]}
    wanted = policy({"BTC": 50})
    assert stopped(decide(seen({"BTC": 52}, "47.5", futures="0.5", memory=broken), wanted, RANGE), "R-G8")
    assert decide(seen({"BTC": 52}, 46, futures=2, memory=broken), wanted, RANGE).actions != ()


def test_r_g8_a_short_that_would_come_near_liquidation_is_not_opened() -> None:
    broken = {"broken": [{"action": "d1-1", "symbol": SWAP, "contracts": "-0.04", "opened_at": AT}]}
    wanted = policy({"BTC": 50}, hedge={"leverage": "3"}, limits={"top_up_distance": "0.34"})
    made = decide(seen({"BTC": 52}, "47.3", futures="0.7", memory=broken), wanted, RANGE)
    assert stopped(made, "R-G8", "veto")  # (700 - 1 of fee - 20 of maintenance) / 2,000 = 33.95 %
    assert decide(seen({"BTC": 52}, 46, futures=2, memory=broken), wanted, RANGE).actions != ()


def test_r_g9_a_short_beyond_the_coins_is_vetoed_orders_in_flight_counted() -> None:
    broken = {"broken": [{"action": "d1-1", "symbol": SWAP, "contracts": "-0.04", "opened_at": AT}]}
    wanted = policy({"BTC": 2, "ETH": 40}, hedge={"unwind": "0"})
    order = {"symbol": BTC, "side": "sell", "amount": "0.001", "price": "50000", "client_id": "b1", "state": "unknown"}
    made = decide(seen({"BTC": 2}, 88, futures=10, memory=broken, orders=[order]), wanted, RANGE)
    assert verdicts(made.blocked[0])["R-G9"] == "veto"


def test_r_g9_a_short_of_as_many_coins_as_are_held_is_not_vetoed() -> None:
    broken = {"broken": [{"action": "d1-1", "symbol": SWAP, "contracts": "-0.04", "opened_at": AT}]}
    wanted = policy({"BTC": 2, "ETH": 40}, hedge={"unwind": "0"})
    made = decide(seen({"BTC": 2}, 88, futures=10, memory=broken), wanted, RANGE)
    assert [item.rule for item in actions(made, "BTC")] == ["R-W7"]
    assert net(made, "BTC") == 0


# ---- R-G10


@pytest.mark.parametrize(("volatility", "passes"), [(0.05, False), (0.5, True), (None, True)])
def test_r_g10_benefit_must_be_worth_the_cost(volatility: float | None, passes: bool) -> None:
    made = decide(seen({"BTC": 55}, 45), policy({"BTC": 50}, **OFF), {"BTC": reads(volatility=volatility)})
    assert bool(made.actions) == passes
    assert passes or stopped(made, "R-G10", "veto")


def test_r_g10_a_small_drift_in_a_narrow_band_is_not_worth_its_cost() -> None:
    narrow = policy({"BTC": 50}, triggers={"band": {"points": "0.01"}}, **OFF)
    assert stopped(decide(seen({"BTC": 51}, 49), narrow, RANGE), "R-G10", "veto")
    assert decide(seen({"BTC": 52}, 48), narrow, RANGE).actions != ()


def test_r_g10_is_judged_once_for_the_whole_way() -> None:
    quiet = {"BTC": reads(volatility=0.05)}
    state = seen({"BTC": 55}, 45, **episode(60))
    assert decide(state, policy({"BTC": 50}, **OFF), quiet).actions != ()
    state = seen({"BTC": 55}, 45, **episode(60, judged=None))
    assert stopped(decide(state, policy({"BTC": 50}, **OFF), quiet), "R-G10", "veto")


def test_r_g10_both_figures_are_recorded() -> None:
    wish = approved(trim(55), "BTC").wish
    assert wish.cost is not None
    assert wish.benefit is not None
    assert (wish.cost.fees, wish.cost.spread, wish.cost.impact) == (Decimal(5), Decimal("0.5"), Decimal(0))
    # 3/2 x 0.25 x 0.05^2 x 60/365 x 100,000
    assert wish.benefit == pytest.approx(Decimal("15.41"), abs=Decimal("0.01"))


def test_r_g10_a_futures_leg_pays_for_its_later_close_and_its_funding() -> None:
    rate = {SWAP: {"rate": "-0.0001"}}  # shorts pay 10.95 % a year
    made = decide(seen({"BTC": 58}, 32, futures=10, funding=rate), policy({"BTC": 50}), RANGE)
    cost = approved(made, "BTC").wish.cost
    assert cost is not None
    assert cost.fees == Decimal(3) + 2 * Decimal(1)
    assert cost.funding == pytest.approx(Decimal("8.4"), abs=Decimal("0.01"))  # 2,000 x 10.95 % x 14/365


# ---- R-G11, R-G14


def test_r_g11_amounts_are_cut_to_the_step() -> None:
    (leg,) = approved(trim(58, {"trim": {"increment": "0.0333366"}}), "BTC").wish.legs  # 0.0666732 coins
    assert leg.qty == Decimal("-0.06667")
    (leg,) = approved(trim(58, {"trim": {"increment": "0.04"}}), "BTC").wish.legs
    assert leg.qty == Decimal("-0.08")


def listed(**filters: Any) -> Plan:
    body = account({"BTC": 58}, 42)
    body["markets"][BTC] |= filters
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


@pytest.mark.parametrize("filters", [{"min_notional": "5001"}, {"min_amount": "0.11"}, {"step": "0.2"}])
def test_r_g11_what_is_under_the_minimum_is_carried(filters: Mapping[str, str]) -> None:
    made = listed(**filters)
    assert stopped(made, "R-G11", "veto")
    assert "under the venue's least" in blocked(made, "BTC").not_passed[0].why


def test_r_g11_at_the_minimum_it_trades() -> None:
    assert listed(min_notional="5000", min_amount="0.1").actions != ()


def test_r_g11_a_halted_or_unlisted_market_waits() -> None:
    assert stopped(listed(active=False), "R-G11")
    body = account({"BTC": 58}, 42)
    del body["markets"][BTC]
    assert stopped(decide(body, policy({"BTC": 50}, **OFF), RANGE), "R-G11", "veto")


def test_r_g11_a_conversion_is_done_whole_or_not_at_all() -> None:
    old = {"symbol": SWAP, "purpose": "hedge", "contracts": "0.04", "opened_at": AT - timedelta(days=31)}
    body = account({"BTC": 54}, 36, futures=10, shorts={"BTC": 2}, memory={"hedges": [old]})
    body["markets"][BTC]["min_notional"] = "2001"
    assert stopped(decide(body, policy({"BTC": 50}), RANGE), "R-G11", "veto")
    body["markets"][BTC]["min_notional"] = "2000"
    assert decide(body, policy({"BTC": 50}), RANGE).actions != ()


def test_r_g14_an_order_has_a_largest_value() -> None:
    found = approved(trim(70, {"trim": {"increment": "0.15"}}), "BTC")
    assert (legs(found.wish), verdicts(found)) == ({BTC: Decimal(-10)}, {"R-G14": "resize"})


def test_r_g14_an_order_of_the_largest_value_is_not_cut() -> None:
    found = approved(trim(70, {"trim": {"increment": "0.10"}}), "BTC")
    assert (legs(found.wish), found.not_passed) == ({BTC: Decimal(-10)}, ())


def test_r_g14_every_order_has_a_worst_price_two_percent_away() -> None:
    (sale,) = approved(trim(), "BTC").wish.legs
    (buy,) = approved(add(), "BTC").wish.legs
    assert (sale.limit, buy.limit) == (Decimal(49_000), Decimal(51_000))


@pytest.mark.parametrize(("tries", "limit"), [(0, 51_000), (1, 52_000), (2, 54_000), (9, 54_000)])
def test_r_g14_safetys_collar_doubles_with_each_attempt_up_to_ten_percent(tries: int, limit: int) -> None:
    made = safety(memory={"wishes": {f"BTC:unhedge:{SWAP}:+": tries}})
    if tries > 2:
        assert stopped(made, "R-G15", "veto")
        return
    assert approved(made, "BTC").wish.legs[0].limit == limit


# ---- R-G15, R-G16


def test_r_g15_the_third_order_without_an_effect_halts_the_asset() -> None:
    key = {"memory": {"wishes": {f"BTC:trim:{BTC}:-": 3}}}
    assert stopped(trim(**key), "R-G15", "veto")
    assert trim(memory={"wishes": {f"BTC:trim:{BTC}:-": 2}}).actions != ()


@pytest.mark.parametrize("more", [{"control": {"halted_assets": ["BTC"]}}, {"memory": {"halted_assets": ["BTC"]}}])
def test_r_g15_a_halted_asset_is_left_alone(more: Mapping[str, Any]) -> None:
    assert stopped(trim(**more), "R-G15", "veto")
    assert trim(control={"halted_assets": ["ETH"]}).actions != ()


@pytest.mark.parametrize("state", ["open", "unknown"])
def test_r_g15_nothing_new_beside_an_order_in_flight(state: str) -> None:
    order = {"symbol": BTC, "side": "sell", "amount": "0.01", "price": "50000", "client_id": "b1", "state": state}
    assert stopped(trim(orders=[order]), "R-G15")
    assert trim(orders=[{**order, "symbol": "ETH/USDT"}]).actions != ()


def test_r_g16_what_was_there_before_the_bot_is_left_alone_until_adopted() -> None:
    assert stopped(trim(memory={"owned": []}), "R-G16", "veto")
    assert trim(memory={"owned": ["BTC"]}).actions != ()
    assert trim().actions != ()


def test_r_g16_safety_acts_on_what_is_not_adopted_too() -> None:
    assert safety(memory={"owned": []}).actions != ()


def test_r_g16_coins_outside_the_configuration_are_not_counted() -> None:
    made = decide(seen({"BTC": 50, "XRP": 40}, 50), policy({"BTC": 50}), RANGE)
    assert made.assessment.equity == 100_000
    assert made.actions == ()


def test_a_plan_after_a_full_trim_waits_for_its_interval() -> None:
    state = seen({"BTC": 65}, 35)
    wanted = policy({"BTC": 50}, **OFF)
    soon = after(state, decide(state, wanted, RANGE), later=timedelta(minutes=1))
    assert stopped(decide(soon, wanted, RANGE), "R-G6")
