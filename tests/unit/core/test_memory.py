from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.events import Event
from bot.core.lots import LOTS_KEPT
from bot.core.memory import Memory, fold_all
from bot.core.numbers import plain

AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
SWAP = "BTC/USDT:USDT"


def folded(*facts: tuple[str, dict[str, Any]], every: timedelta = timedelta(minutes=1)) -> Memory:
    return fold_all(Event(f"k{at}", AT + at * every, kind, body) for at, (kind, body) in enumerate(facts))


def opened(**more: Any) -> tuple[str, dict[str, Any]]:
    return "episode.opened", {
        "subject": "BTC",
        "direction": "trim",
        "goal": 0.5,
        "rule": "R-A3",
        "sign": "down",
        **more,
    }


def worked(left: str, *, filled: bool = True) -> tuple[str, dict[str, Any]]:
    return "episode.worked", {"subject": "BTC", "left": left, "filled": filled}


ENDED = ("episode.ended", {"subject": "BTC"})


def fill(qty: str, symbol: str = "BTC/USDT", **more: Any) -> tuple[str, dict[str, Any]]:
    return "fill", {"symbol": symbol, "qty": qty, "price": "50000", "equity": "100000", **more}


def test_an_episode_is_opened_worked_and_ended() -> None:
    memory = folded(opened(), worked("0.02"))
    episode = memory.episode("BTC")
    assert episode is not None
    assert (episode.opened_at, episode.left, episode.last_increment_at) == (
        AT,
        Decimal("0.02"),
        AT + timedelta(minutes=1),
    )
    assert folded(opened(), worked("0.02"), ENDED).episode("BTC") is None


def test_the_interval_counts_from_the_last_fill_not_from_work_without_one() -> None:
    episode = folded(opened(), worked("0.02"), worked("0.02", filled=False)).episode("BTC")
    assert episode is not None
    assert episode.last_increment_at == AT + timedelta(minutes=1)


def test_an_episode_that_traded_leaves_its_sign_and_one_that_did_not_leaves_nothing() -> None:
    ended = folded(opened(), worked("0"), ENDED).ended
    assert (ended["BTC"].at, ended["BTC"].sign) == (AT + timedelta(minutes=2), "down")
    assert folded(opened(), worked("0", filled=False), ENDED).ended == {}
    assert folded(ENDED).ended == {}


def test_turnover_adds_up_by_day_and_side() -> None:
    turnover = folded(fill("-0.06"), fill("-0.04", SWAP), fill("0.02")).turnover
    assert turnover is not None
    assert (turnover.sold, turnover.bought) == (Decimal("0.05"), Decimal("0.01"))
    memory = folded(fill("-0.06"), fill("-0.04"), every=timedelta(days=1))
    assert memory.turnover is not None
    assert (memory.turnover.day, memory.turnover.sold) == ("2026-03-06", Decimal("0.02"))


def test_a_fill_of_yesterday_that_is_told_late_takes_nothing_from_todays_budgets_away() -> None:
    seen = ("seen", {"equity": "100000"})
    today = [seen, fill("-0.06", fee_value="30")]
    late = Event("late", AT - timedelta(days=1), "fill", fill("-0.04", fee_value="20")[1])
    later = Event("later", AT + timedelta(hours=1), "seen", {"equity": "90000"})
    before = folded(*today)
    memory = fold_all([late, later], before).at(later.at)
    assert memory.turnover is not None
    assert (memory.turnover.day, memory.turnover.sold) == ("2026-03-05", Decimal("0.05"))
    assert (memory.day_fees, memory.day_start_equity) == (Decimal("0.0005"), Decimal(100_000))
    assert memory.day_start_at == before.day_start_at == AT


def test_a_day_begins_with_the_equity_that_is_explained() -> None:
    # Seed 674 of 2026-12-01: balances of nothing at midnight were what the day began with, and hid its loss.
    memory = folded(("seen", {"equity": "67.34", "doubt": "-99932.66"}))
    assert memory.day_start_equity == 100_000


def test_a_day_that_a_wrong_clock_began_too_early_is_counted_by_the_right_one_again() -> None:
    early = Event("early", AT + timedelta(days=1), "seen", {"equity": "100000"})
    right = Event("right", AT + timedelta(minutes=1), "seen", {"equity": "100000"})
    sold = [Event(f"sold{at}", right.at + timedelta(minutes=at), "fill", fill("-0.06")[1]) for at in (0, 1)]
    memory = fold_all([early, sold[0], right, sold[1]]).at(right.at + timedelta(hours=1))
    assert memory.turnover is not None
    assert (memory.turnover.day, memory.turnover.sold) == ("2026-03-05", Decimal("0.03"))


def test_the_direction_of_the_last_trade_is_remembered() -> None:
    memory = folded(fill("-0.06"), fill("0.02"))
    assert memory.last_trades["BTC"].direction == "up"


def test_a_hedge_keeps_its_first_day_and_reason_while_it_grows_and_shrinks() -> None:
    memory = folded(fill("-0.04", SWAP, reason="R-A3"), fill("-0.02", SWAP, reason="R-A6"), fill("0.01", SWAP))
    (hedge,) = memory.hedges
    assert (hedge.contracts, hedge.opened_at, hedge.reason) == (Decimal("0.05"), AT, "R-A3")
    assert folded(fill("-0.04", SWAP), fill("0.04", SWAP)).hedges == ()


def test_purposes_are_kept_apart() -> None:
    memory = folded(fill("-0.04", SWAP, purpose="hedge"), fill("-0.02", SWAP, purpose="index"))
    assert {item.purpose: item.contracts for item in memory.hedges} == {
        "hedge": Decimal("0.04"),
        "index": Decimal("0.02"),
    }


def test_a_bridge_frees_margin_as_it_is_closed() -> None:
    memory = folded(fill("0.10", SWAP, purpose="bridge", leverage="2"), fill("-0.04", SWAP, purpose="bridge"))
    (bridge,) = memory.bridges
    assert (bridge.contracts, bridge.margin) == (Decimal("0.06"), Decimal(1500))


def test_funding_is_shared_over_hedges_by_size() -> None:
    memory = folded(
        fill("-0.03", SWAP, purpose="hedge"),
        fill("-0.01", SWAP, purpose="index"),
        ("funding", {"symbol": SWAP, "paid": "8"}),
    )
    assert {item.purpose: item.funding_paid for item in memory.hedges} == {"hedge": Decimal(6), "index": Decimal(2)}


def test_a_broken_pair_is_mended_by_the_fills_that_repair_it() -> None:
    broken = ("pair.broken", {"action": "d1-1", "symbol": SWAP, "contracts": "-0.04"})
    part = folded(broken, fill("-0.01", SWAP, repairs="d1-1"))
    assert [item.contracts for item in part.broken] == [Decimal("-0.03")]
    assert folded(broken, fill("-0.04", SWAP, repairs="d1-1")).broken == ()
    assert [item.contracts for item in folded(broken, fill("-0.04", SWAP)).broken] == [Decimal("-0.04")]


def test_a_broken_pair_is_mended_by_its_own_late_trades_too() -> None:
    broken = ("pair.broken", {"action": "d1-1", "symbol": SWAP, "contracts": "-0.04"})
    part = folded(broken, fill("-0.01", SWAP, action="d1-1"))
    assert [item.contracts for item in part.broken] == [Decimal("-0.03")]


def test_of_two_legs_that_are_owed_one_is_forgotten_alone() -> None:
    owed = [
        ("pair.broken", {"action": "d1-1", "symbol": symbol, "contracts": "-0.04"}) for symbol in (SWAP, "BTC/USDT")
    ]
    one = folded(*owed, ("pair.mended", {"action": "d1-1", "symbol": SWAP}))
    assert [item.symbol for item in one.broken] == ["BTC/USDT"]
    assert folded(*owed, ("pair.mended", {"action": "d1-1"})).broken == ()  # as older records say it


def test_sends_count_for_an_hour_and_wishes_until_the_position_moves() -> None:
    sent = ("order.submitted", {"wish": "BTC:trim:"})
    memory = folded(sent, sent, sent, every=timedelta(minutes=29))
    assert memory.wishes == {"BTC:trim:": 3}
    assert memory.at(AT + timedelta(minutes=61)).orders_last_hour == 2
    assert folded(sent, sent, ("position.moved", {"asset": "BTC"})).wishes == {}
    assert folded(sent, ("position.moved", {"asset": "ETH"})).wishes == {"BTC:trim:": 1}


def test_a_halted_asset_stays_so_until_it_is_re_armed() -> None:
    halted = ("asset.halted", {"asset": "BTC"})
    assert folded(halted, ("order.submitted", {"wish": "BTC:trim:"})).halted_assets == ("BTC",)
    rearmed = folded(halted, ("order.submitted", {"wish": "BTC:trim:"}), ("asset.rearmed", {"assets": ["BTC"]}))
    assert (rearmed.halted_assets, rearmed.wishes) == ((), {})


def test_the_peak_only_rises_until_it_is_reset() -> None:
    seen = [("seen", {"equity": value, "unit_value": value}) for value in ("1", "3", "2")]
    memory = folded(*seen)
    assert (memory.unit_value, memory.unit_peak) == (Decimal(2), Decimal(3))
    assert folded(*seen, ("peak.reset", {})).unit_peak == Decimal(2)


def test_a_position_that_vanished_is_remembered_and_no_hedge_any_more() -> None:
    memory = folded(fill("-0.04", SWAP), ("position.vanished", {"symbol": SWAP, "how": "liquidation"}))
    assert (memory.hedges, memory.vanished[SWAP].how) == ((), "liquidation")


def test_a_residual_of_nothing_is_forgotten() -> None:
    memory = folded(("residual", {"asset": "BTC", "amount": "0.1"}), ("residual", {"asset": "BTC", "amount": "0"}))
    assert memory.residuals == {}


# ---- what coins cost


def lots(memory: Memory, asset: str = "BTC") -> list[tuple[str, str | None]]:
    assert memory.lots is not None
    return [(plain(item.qty), None if item.cost is None else plain(item.cost)) for item in memory.lots.get(asset, ())]


def test_a_spot_fill_leaves_a_lot_and_a_sale_takes_the_first_away_first() -> None:
    daily = timedelta(days=1)
    memory = folded(fill("1", price="100"), fill("1", price="300"), fill("-1.5", price="400"), every=daily)
    assert lots(memory) == [("0.5", "150")]
    assert folded(fill("-1")).lots == {}  # more was sold than anybody knows of


def test_fees_of_a_fill_count_in_money_in_coins_and_in_a_third_coin() -> None:
    assert lots(folded(fill("1", price="100", fee="0.1", fee_asset="USDT"))) == [("1", "100.1")]
    assert lots(folded(fill("1", price="100", fee="0.001", fee_asset="BTC"))) == [("0.999", "100")]
    bnb = ("fill", {"symbol": "BNB/USDT", "qty": "1", "price": "600"})
    memory = folded(bnb, fill("1", price="100", fee="0.01", fee_asset="BNB", fee_value="6"))
    assert (lots(memory), lots(memory, "BNB")) == ([("1", "106")], [("0.99", "594")])
    assert lots(folded(fill("1", price="100", fee="0.01", fee_asset="BNB"))) == [("1", None)]


def test_a_perpetual_leaves_no_lot_and_coins_that_came_have_no_known_cost() -> None:
    assert folded(fill("-1", SWAP, purpose="hedge")).lots is None
    came = ("flow", {"asset": "BTC", "amount": "2", "kind": "deposit", "value": "100000"})
    went = ("flow", {"asset": "BTC", "amount": "-0.5", "kind": "withdrawal", "value": "-25000"})
    assert lots(folded(came, went, fill("1", price="100"))) == [("1.5", None), ("1", "100")]


def test_lots_of_one_day_are_one_and_few_are_kept_without_losing_coins_or_cost() -> None:
    memory = folded(*(fill("0.1", price=str(100 + number)) for number in range(10)))
    assert lots(memory) == [("1", "104.5")]
    many = folded(*(fill("1", price=str(100 * number)) for number in range(1, 61)), every=timedelta(days=1))
    assert many.lots is not None
    kept = many.lots["BTC"]
    assert len(kept) == LOTS_KEPT
    assert (sum(item.qty for item in kept), sum(item.cost or 0 for item in kept)) == (60, 183_000)
    assert [kept[0].qty, kept[0].cost] == [Decimal(1), Decimal(100)]  # the furthest apart stay apart


def test_a_memory_of_before_lots_stays_one_until_something_is_known() -> None:
    assert Memory().lots is None
    assert Memory.model_validate_json(folded(fill("1")).model_dump_json()) == folded(fill("1"))
    assert folded(("seen", {"equity": "100"})).lots == {}


# ---- what R-G15 counts


def submitted(order: str = "o1", wish: str = "BTC:trim:BTC/USDT:-") -> tuple[str, dict[str, Any]]:
    return "order.submitted", {"client_id": order, "wish": wish, "qty": "-1"}


def stated(state: str, order: str = "o1") -> tuple[str, dict[str, Any]]:
    return "order.state", {"client_id": order, "state": state, "why": ""}


WISH = "BTC:trim:BTC/USDT:-"


@pytest.mark.parametrize("state", ["rejected", "denied", "absent"])
def test_an_order_that_no_venue_took_is_no_try(state: str) -> None:
    assert folded(submitted(), stated(state)).wishes == {}
    memory = folded(submitted(), stated("cancelled"), submitted("o2"), stated(state, "o2"))
    assert (memory.wishes, memory.sent) == ({WISH: 1}, {})
    assert len(memory.submitted_at) == 2  # the pace counts sends, taken or not


@pytest.mark.parametrize("state", ["open", "filled", "cancelled", "expired"])
def test_an_order_that_was_taken_is_a_try_once(state: str) -> None:
    memory = folded(submitted(), stated(state), stated("rejected"))
    assert (memory.wishes, memory.sent) == ({WISH: 1}, {})


def test_an_order_of_unknown_outcome_counts_until_it_is_proven_absent() -> None:
    unknown = folded(submitted(), stated("unknown"))
    assert (unknown.wishes, unknown.sent) == ({WISH: 1}, {"o1": WISH})
    assert folded(submitted(), stated("unknown"), stated("absent")).wishes == {}


def test_a_refusal_told_after_the_position_moved_takes_nothing_from_later_tries() -> None:
    moved = ("position.moved", {"asset": "BTC"})
    memory = folded(submitted(), moved, submitted("o2"), stated("rejected"), stated("open", "o2"))
    assert memory.wishes == {WISH: 1}


@pytest.mark.parametrize("kind", ["transfer", "park", "recall"])
def test_money_that_arrived_ends_the_tries_of_every_kind_of_move(kind: str) -> None:
    tried = ("move.submitted", {"client_id": "m1", "wish": f"USDT:{kind}:"})
    assert folded(tried, tried).wishes == {f"USDT:{kind}:": 2}
    assert folded(tried, submitted(), ("move.state", {"state": "filled", "to": "spot"})).wishes == {WISH: 1}
    assert folded(tried, ("move.state", {"state": "rejected", "to": "spot"})).wishes == {f"USDT:{kind}:": 1}


# ---- shorts of several purposes on one contract


def short(purpose: str, qty: str) -> tuple[str, dict[str, Any]]:
    return fill(qty, SWAP, purpose=purpose)


@pytest.mark.parametrize(
    ("bought", "left"),
    [("1", {"hedge": 2, "risk": 2}), ("3", {"hedge": 2}), ("4", {"hedge": 1}), ("5", {}), ("6", {})],
)
def test_what_is_bought_back_beyond_its_purpose_was_short_for_another_one(bought: str, left: dict[str, int]) -> None:
    memory = folded(short("hedge", "-2"), short("risk", "-3"), short("risk", bought))
    assert {item.purpose: item.contracts for item in memory.hedges} == left
