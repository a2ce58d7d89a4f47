"""Parameters: what is missing, illegal, doubled or strange is refused with the venue's code."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.local_exchange.errors import WireError
from bot.local_exchange.parameters import Parameters


def test_query_and_body_are_read_as_one() -> None:
    said = Parameters(b"symbol=BTCUSDT", b"quantity=1.50&client=a%2Fb")
    assert dict(said) == {"symbol": "BTCUSDT", "quantity": "1.50", "client": "a/b"}
    assert said.decimal("quantity") == Decimal("1.50")


@pytest.mark.parametrize(
    ("raw", "read", "code"),
    [
        (b"", lambda said: said.text("symbol"), -1102),
        (b"symbol=", lambda said: said.text("symbol"), -1102),
        (b"symbol=", lambda said: said.text_or_none("symbol"), -1105),
        (b"quantity=-1", lambda said: said.decimal("quantity"), -1100),
        (b"quantity=1e3", lambda said: said.decimal("quantity"), -1100),
        (b"quantity=NaN", lambda said: said.decimal("quantity"), -1100),
        (b"orderId=1.5", lambda said: said.whole("orderId"), -1100),
        (b"id=with%20space", lambda said: said.client_id("id"), -1100),
        (b"id=" + b"x" * 37, lambda said: said.client_id("id"), -1100),
        (b"reduceOnly=yes", lambda said: said.flag("reduceOnly"), -1100),
        (b"limit=0", lambda said: said.limit(500, 1000), -1130),
        (b"startTime=2&endTime=1", lambda said: said.span(), -1127),
        (b"symbol=A&symbols=%5B%22B%22%5D", lambda said: said.symbols(), -1128),
        (b"symbols=BTCUSDT", lambda said: said.symbols(), -1100),
        (b"symbols=%5B%5D", lambda said: said.symbols(), -1100),
        (b"symbol=btc/usdt", lambda said: said.symbols(), -1100),
        (b"a=1&reduceOnly=true", lambda said: said.only({"a"}), -1104),
    ],
)
def test_a_bad_parameter_is_refused(raw: bytes, read: Callable[[Parameters], Any], code: int) -> None:
    with pytest.raises(WireError) as error:
        read(Parameters(raw))
    assert error.value.code == code


def test_the_same_parameter_twice_is_refused_even_across_query_and_body() -> None:
    for query, body in ((b"a=1&a=2", b""), (b"a=1", b"a=1")):
        with pytest.raises(WireError) as error:
            Parameters(query, body)
        assert error.value.code == -1101


def test_absent_options_are_none_and_a_limit_is_cut_to_the_most() -> None:
    said = Parameters(b"limit=5000&reduceOnly=TRUE&symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D")
    assert [said.text_or_none("x"), said.decimal_or_none("x"), said.whole_or_none("x")] == [None, None, None]
    assert said.limit(500, 1000) == 1000
    assert said.flag("reduceOnly") is True
    assert said.flag("closePosition") is False
    assert said.symbols() == ["BTCUSDT", "ETHUSDT"]
