"""Where ccxt's words end: exact numbers, or none; states by what is filled; bars that are closed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.core.orders import OrderState
from bot.ports.errors import Malformed
from bot.venues.ccxt import mapping
from bot.venues.ccxt.profiles.binance import STATES, Binance

D = Decimal
S = OrderState
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("0.10000000000000000001", "0.10000000000000000001"),
        ("49999.99", "49999.99"),
        ("1E-8", "0.00000001"),
        (0.1, "0.1"),
        (3, "3"),
        (D("2.50"), "2.50"),
        ("-4", "-4"),
    ],
)
def test_numbers_keep_their_digits(said: Any, meant: str) -> None:
    assert mapping.decimal(said, "x") == D(meant)


@pytest.mark.parametrize("said", ["NaN", "Infinity", float("nan"), float("inf"), "abc", True, [], {}])
def test_what_is_no_number_is_malformed(said: Any) -> None:
    with pytest.raises(Malformed, match="price"):
        mapping.decimal_or_none(said, "price")


@pytest.mark.parametrize("said", [None, ""])
def test_nothing_said_is_none_and_never_zero(said: Any) -> None:
    assert mapping.decimal_or_none(said, "x") is None
    with pytest.raises(Malformed, match="x is missing"):
        mapping.decimal(said, "x")


def test_a_price_of_zero_is_no_price_and_a_negative_one_is_malformed() -> None:
    assert mapping.positive_or_none("0.000", "x") is None
    with pytest.raises(Malformed):
        mapping.positive_or_none("-1", "x")


@pytest.mark.parametrize("ms", ["x", -1, 0, 10**15])
def test_an_absurd_time_is_malformed(ms: Any) -> None:
    with pytest.raises(Malformed):
        mapping.instant(ms, "time")


@pytest.mark.parametrize(
    ("word", "filled", "state"),
    [
        ("NEW", "0", S.OPEN),
        ("NEW", "0.2", S.PARTLY_FILLED),
        ("PENDING_NEW", "0", S.OPEN),
        ("PARTIALLY_FILLED", "0.2", S.PARTLY_FILLED),
        ("PARTIALLY_FILLED", "1", S.FILLED),
        ("FILLED", "1", S.FILLED),
        ("FILLED", "0.9", S.EXPIRED),
        ("CANCELED", "0", S.CANCELLED),
        ("CANCELED", "0.3", S.CANCELLED),
        ("CANCELED", "1", S.FILLED),
        ("PENDING_CANCEL", "0.1", S.PARTLY_FILLED),
        ("REJECTED", "0", S.REJECTED),
        ("EXPIRED", "0", S.EXPIRED),
        ("EXPIRED", "0.4", S.EXPIRED),
        ("EXPIRED_IN_MATCH", "0", S.EXPIRED),
        (None, "0", S.OPEN),
        (None, "1", S.FILLED),
    ],
)
def test_the_state_is_by_what_is_filled_first_and_the_word_second(word: str | None, filled: str, state: S) -> None:
    said = Binance().state({"status": word})
    assert mapping.order_state(said, D(filled), D(1)) is state


def test_an_unknown_status_word_is_malformed() -> None:
    assert "HALTED" not in STATES
    with pytest.raises(Malformed, match="HALTED"):
        Binance().state({"status": "HALTED"})


def an_order(**more: Any) -> dict[str, Any]:
    return {
        "id": "7",
        "symbol": "BTC/USDT",
        "amount": "1.5",
        "filled": "0.5",
        "average": "100.05",
        "price": "100.1",
        "side": "buy",
    } | more


def test_contracts_become_base_units() -> None:
    view = mapping.order_view(an_order(), client_id="b", said=S.OPEN, size=D("0.001"))
    assert (view.amount, view.filled) == (D("0.0015"), D("0.0005"))


@pytest.mark.parametrize("broken", [{"amount": None}, {"filled": "-1"}, {"side": "both"}, {"average": "NaN"}])
def test_an_order_that_cannot_be_is_malformed(broken: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        mapping.order_view(an_order(**broken), client_id="b", said=S.OPEN)


def a_trade(**more: Any) -> dict[str, Any]:
    fee = {"cost": "0.0015", "currency": "BNB"}
    return {
        "id": "3",
        "order": "7",
        "symbol": "BTC/USDT",
        "amount": "1.5",
        "price": "100",
        "side": "sell",
        "timestamp": 1_700_000_000_000,
        "fee": fee,
    } | more


def test_a_sale_is_negative_and_its_fee_keeps_its_own_coin() -> None:
    fill = mapping.fill(a_trade(), client_id=None)
    assert (fill.qty, fill.fee, fill.fee_asset, fill.venue_order_id) == (D("-1.5"), D("0.0015"), "BNB", "7")


@pytest.mark.parametrize(
    "broken",
    [
        {"fee": None},
        {"fee": {"cost": "1", "currency": None}},
        {"amount": "0"},
        {"price": "0"},
        {"id": ""},
        {"side": None},
    ],
)
def test_a_trade_that_cannot_be_is_malformed(broken: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        mapping.fill(a_trade(**broken), client_id=None)


def test_bars_are_closed_sorted_and_once_each() -> None:
    rows = [[n * HOUR_MS, "1", "2", "0.5", "1.5", "9"] for n in (3, 1, 2, 2, 4)]
    found = mapping.bars(rows, "1h", now_ms=4 * HOUR_MS + 1)
    assert found[:, 0].tolist() == [HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS]
    assert mapping.bars([], "1h", now_ms=0).shape == (0, 6)


@pytest.mark.parametrize(
    "row", [["1", "2", "0.5", "1.5"], [1, 2, "x", 1, 9], [1, "NaN", 1, 1, 9], [0, 1, 1, 1, 9], [1, 1, 1, 1, -1]]
)
def test_bars_that_cannot_be_are_malformed(row: list[Any]) -> None:
    with pytest.raises(Malformed):
        mapping.bars([[HOUR_MS, *row]], "1h", now_ms=10 * HOUR_MS)


@pytest.mark.parametrize("frame", ["", "h", "4", "4y", "xh"])
def test_a_timeframe_that_is_none_is_told(frame: str) -> None:
    with pytest.raises(ValueError, match="timeframe"):
        mapping.span_ms(frame)
