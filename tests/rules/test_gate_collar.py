"""R-G14: worst prices and the largest order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.rules.accounts import approved, legs, verdicts
from tests.rules.gated import BTC, SWAP, add, safety, trim


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


@pytest.mark.parametrize(("tries", "limit"), [(0, 51_000), (1, 52_000), (2, 54_000), (3, 55_000), (9, 55_000)])
def test_r_g14_safetys_collar_doubles_with_each_attempt_up_to_ten_percent(tries: int, limit: int) -> None:
    made = safety(memory={"wishes": {f"BTC:safety unhedge:{SWAP}:+": tries}})
    assert approved(made, "BTC").wish.legs[0].limit == limit


def test_r_g14_tries_of_the_same_order_in_another_class_do_not_widen_safetys_collar() -> None:
    made = safety(memory={"wishes": {f"BTC:unhedge:{SWAP}:+": 2}})
    assert approved(made, "BTC").wish.legs[0].limit == 51_000
