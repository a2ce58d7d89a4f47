"""R-A3: the cheapest of sale, short and mix."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.core.wishes import Wish
from tests.rules.accounts import (
    approved,
    decide,
    legs,
    policy,
    seen,
)
from tests.rules.gated import BTC, RANGE, SWAP

# ---- R-A3: the cheapest route


def routed(rate: str = "0", **config: Any) -> Wish:
    wanted = policy({"BTC": 50}, trim={"route": "cheapest"}, **config)
    made = decide(seen({"BTC": 58}, 32, futures=10, funding={SWAP: {"rate": rate}}), wanted, RANGE)
    return approved(made, "BTC").wish


def test_r_a3_the_cheapest_route_sells_where_a_short_would_cost_more() -> None:
    trim = routed()
    assert legs(trim) == {BTC: Decimal(-5)}
    # 5,000: 10 bp and 1 bp; 2 x 5 bp and 2 x 1 bp; three fifths and two fifths of them
    assert trim.notes["prices"] == {"sale": "5.50", "short": "6.00", "mix": "5.70"}


def test_r_a3_the_cheapest_route_shorts_where_funding_pays_for_it() -> None:
    trim = routed("0.0001")  # longs pay 10.95 % a year
    assert legs(trim) == {SWAP: Decimal(-5)}
    assert Decimal(trim.notes["prices"]["short"]) == pytest.approx(Decimal(-15), abs=Decimal("0.01"))


def test_r_a3_a_tax_makes_the_sale_dear() -> None:
    trim = routed(costs={"tax_rate": "0.25", "min_ratio": "0"})
    assert legs(trim) == {SWAP: Decimal(-5)}
    assert trim.notes["prices"]["sale"] == "1255.50"


def test_r_a3_without_known_funding_the_cheapest_route_leaves_the_short_unpriced() -> None:
    state = seen({"BTC": 58}, 32, futures=10).model_copy(update={"funding": {}})
    trim = approved(decide(state, policy({"BTC": 50}, trim={"route": "cheapest"}), RANGE), "BTC").wish
    assert legs(trim) == {BTC: Decimal(-5)}
    assert trim.notes["prices"] == {"sale": "5.50", "short": "unknown", "mix": "unknown"}


def test_r_a3_the_fixed_route_prices_nothing() -> None:
    made = decide(seen({"BTC": 58}, 32, futures=10), policy({"BTC": 50}), RANGE)
    assert approved(made, "BTC").wish.notes == {}
