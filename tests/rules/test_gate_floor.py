"""R-G7: no order takes liquid stables under the floor."""

from __future__ import annotations

from decimal import Decimal

from tests.rules.accounts import approved, decide, legs, policy, reads, seen
from tests.rules.gated import BTC, RANGE, SWAP, stopped


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
        seen({"BTC": 42, "ETH": 0}, 9, earn=49, orders=[order]), policy({"BTC": 50, "ETH": 1}), {"BTC": reads()}
    )
    assert Decimal("1.4") < legs(approved(made, "BTC").wish)[BTC] < Decimal("1.5")


def test_r_g7_margin_is_paid_by_the_sale_of_the_same_trim() -> None:
    made = decide(seen({"BTC": 95}, 3, futures=2), policy({"BTC": 90}), RANGE)
    assert legs(approved(made, "BTC").wish) == {BTC: Decimal(-3), SWAP: Decimal(-2)}
    bare = policy({"BTC": 90}, trim={"prefer": "hedge"})
    made = decide(seen({"BTC": 95}, 2, futures=3), bare, RANGE)
    assert stopped(made, "R-G7")


def test_r_g7_a_short_is_reckoned_over_its_reference_and_not_at_the_limit_where_it_takes_least() -> None:
    room = Decimal("2.48")  # points over the floor: enough at the limit, not at the price at which it will fill
    bare = policy({"BTC": 86}, trim={"prefer": "hedge"})
    found = approved(decide(seen({"BTC": 95 - room}, 2, futures=3 + room), bare, RANGE), "BTC")
    (short,) = found.wish.legs
    assert short.leverage is not None
    assert short.limit is not None
    part = 1 / short.leverage + Decimal("0.0005")
    assert -short.qty * (2 * short.price - short.limit) * part <= room * 1_000
    assert [(item.gate, item.verdict) for item in found.not_passed] == [("R-G7", "resize")]
