"""Reading a v5 request: from its query or its body, typed or refused, and page by page."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.local_exchange.bybit.calls import order_number, order_text
from bot.local_exchange.bybit.errors import V5Error
from bot.local_exchange.bybit.said import Said


def of_query(query: str) -> Said:
    return Said(query.encode(), b"")


def test_a_body_of_json_reads_as_a_query_does() -> None:
    body = Said(b"", b'{"qty": "0.10", "price": 49000.5, "positionIdx": 0, "reduceOnly": true, "note": null}')
    assert (body.decimal("qty"), body.decimal("price"), body.whole_or_none("positionIdx")) == (
        Decimal("0.10"),
        Decimal("49000.5"),
        0,
    )
    assert body.flag("reduceOnly")
    assert "note" not in body


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"\xff"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(V5Error, match="10001"):
        Said(b"", body)


@pytest.mark.parametrize("value", ["", "-1", "1e5", "nan", "1.", "0x1", "1" * 21])
def test_what_is_no_plain_number_is_refused(value: str) -> None:
    with pytest.raises(V5Error, match="qty"):
        of_query(f"qty={value}").decimal("qty")


def test_words_are_of_a_list_limits_are_cut_and_spans_run_forward() -> None:
    assert of_query("side=Buy").one_of("side", ("Buy", "Sell")) == "Buy"
    assert of_query("").one_of("tif", ("GTC",), "GTC") == "GTC"
    assert (of_query("limit=900").limit(20, 50), of_query("").limit(20, 50)) == (50, 20)
    refused: list[tuple[str, Callable[[Said], object]]] = [
        ("side=buy", lambda said: said.one_of("side", ("Buy", "Sell"))),
        ("", lambda said: said.one_of("side", ("Buy", "Sell"))),
        ("limit=0", lambda said: said.limit(20, 50)),
        ("startTime=2&endTime=1", Said.span_ms),
        ("orderLinkId=a%20b", Said.link_id),
        ("cursor=page%3Ax", lambda said: said.page([1], lambda row: row, 1, 1)),
    ]
    for query, read in refused:
        with pytest.raises(V5Error, match="10001"):
            read(of_query(query))


@given(some.sets(some.integers(0, 10**9)), some.integers(1, 7), some.booleans())
def test_pages_give_every_row_once_newest_first_however_the_cursor_comes_back(
    numbers: set[int], size: int, escaped: bool
) -> None:
    rows = sorted(numbers, reverse=True)
    seen: list[int] = []
    cursor = ""
    for _ in range(len(rows) + 1):
        query = f"limit={size}" + (f"&cursor={cursor}" if cursor else "")
        given_rows, cursor = of_query(query).page(rows, lambda row: row, 20, 50)
        seen += given_rows
        if not cursor:
            break
        cursor = cursor.replace("%", "%25") if escaped else cursor
    assert (seen, cursor) == (rows, "")


@given(some.integers(0, 10**15))
def test_an_orders_number_reads_back_from_either_sides_text(number: int) -> None:
    assert order_number(order_text(number, "BTC/USDT")) == number
    assert order_number(order_text(number, "BTC/USDT:USDT")) == number


def test_a_number_that_was_never_given_out_names_nothing() -> None:
    assert order_number("zz") is None
