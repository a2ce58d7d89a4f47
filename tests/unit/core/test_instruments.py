from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.core.instruments import Market, base_of, is_swap, quote_of, spot_symbol, swap_symbol

FEES = {"maker": Decimal("0.001"), "taker": Decimal("0.001")}


def test_symbols_are_written_as_ccxt_writes_them() -> None:
    assert (spot_symbol("BTC", "USDT"), swap_symbol("BTC", "USDT")) == ("BTC/USDT", "BTC/USDT:USDT")
    for symbol, swap in (("BTC/USDT", False), ("BTC/USDT:USDT", True)):
        assert (is_swap(symbol), base_of(symbol), quote_of(symbol)) == (swap, "BTC", "USDT")


@given(st.decimals(0, 10**6, places=9), st.decimals("0.0001", 10, places=4))
def test_a_cut_amount_is_never_more_than_was_asked(amount: Decimal, step: Decimal) -> None:
    market = Market(step=step, **FEES)
    assert market.down(amount) <= amount <= market.up(amount)


def test_the_smallest_amount_is_the_largest_of_the_venues_minima() -> None:
    price = Decimal(30)
    assert Market(**FEES).smallest(price) == 0
    assert Market(step=Decimal("0.1"), **FEES).smallest(price) == Decimal("0.1")
    assert Market(step=Decimal("0.1"), min_amount=Decimal("0.4"), **FEES).smallest(price) == Decimal("0.4")
    assert Market(step=Decimal("0.1"), min_notional=Decimal(10), **FEES).smallest(price) == Decimal("0.4")


def test_a_reduce_only_order_owes_no_minimum_notional() -> None:
    market = Market(step=Decimal("0.1"), min_amount=Decimal("0.2"), min_notional=Decimal(100), **FEES)
    assert market.smallest(Decimal(30)) == Decimal("3.4")
    assert market.smallest(Decimal(30), reduce_only=True) == Decimal("0.2")


@pytest.mark.parametrize("fault", [{"step": "0"}, {"taker": "-0.1"}, {"min_amount": "NaN"}, {"surprise": "1"}])
def test_impossible_filters_are_refused(fault: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Market.model_validate({"maker": "0", "taker": "0", **fault})
