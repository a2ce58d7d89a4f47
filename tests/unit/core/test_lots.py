"""Tax lots: hand-checked purchases and sales by both methods, fees of every kind, transfers, and what is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.lots import EXACT, Entry, Lot, Method, entries_of, lot_book, lots, tax_of_sale

D = Decimal
START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def bought(hour: int, qty: str, price: str | None, asset: str = "BTC", **more: Any) -> Entry:
    return Entry(START + HOUR * hour, asset, D(qty), None if price is None else D(price), **more)


def sold(hour: int, qty: str, price: str, asset: str = "BTC", **more: Any) -> Entry:
    return bought(hour, f"-{qty}", price, asset, **more)


THREE = [bought(0, "1", "100"), bought(1, "1", "300"), bought(2, "1", "200")]


def test_the_first_coins_bought_are_the_first_sold() -> None:
    book = lot_book([*THREE, sold(3, "1.5", "400")])
    assert [(each.qty, each.cost, each.proceeds, each.gain) for each in book.realised] == [
        (D(1), D(100), D(400), D(300)),
        (D("0.5"), D(150), D(200), D(50)),
    ]
    assert [each.opened_at for each in book.realised] == [START, START + HOUR]
    assert [(lot.qty, lot.cost) for lot in book.lots["BTC"]] == [(D("0.5"), D(150)), (D(1), D(200))]


def test_the_dearest_coins_are_sold_first_under_highest_cost() -> None:
    book = lot_book([*THREE, sold(3, "1.5", "400")], "highest-cost")
    assert [(each.qty, each.cost, each.gain) for each in book.realised] == [
        (D(1), D(300), D(100)),
        (D("0.5"), D(100), D(100)),
    ]
    assert [(lot.qty, lot.cost) for lot in book.lots["BTC"]] == [(D(1), D(100)), (D("0.5"), D(100))]


def test_of_equal_cost_the_older_coins_go_first() -> None:
    book = lot_book([bought(0, "1", "100"), bought(1, "1", "100"), sold(2, "1", "90")], "highest-cost")
    assert book.realised[0].opened_at == START
    assert book.realised[0].gain == D(-10)


def test_a_fee_in_money_raises_the_cost_and_lowers_the_proceeds() -> None:
    book = lot_book([bought(0, "2", "100", fee=D("0.2")), sold(1, "1", "150", fee=D("0.15"))])
    assert (book.realised[0].cost, book.realised[0].proceeds) == (D("100.1"), D("149.85"))
    assert book.realised[0].gain == D("49.75")
    assert book.lots["BTC"][0].cost == D("100.1")


def test_a_fee_in_the_coin_itself_leaves_fewer_coins_for_the_same_money() -> None:
    book = lot_book(
        [
            bought(0, "2", "100", fee=D("0.002"), fee_asset="BTC"),
            sold(1, "1", "150", fee=D("0.001"), fee_asset="BTC"),
        ]
    )
    lot = book.lots["BTC"][0]
    (sale,) = book.realised
    assert lot.qty == D("0.997")
    assert sale.qty == D("1.001")
    assert sale.proceeds == D(150)
    assert sale.cost is not None
    assert lot.cost is not None
    assert sale.cost + lot.cost == D(200)
    assert abs(sale.cost - D(200) * D("1.001") / D("1.998")) < D("1e-18")


def test_a_fee_in_a_third_coin_sells_that_coin_for_what_it_was_worth() -> None:
    fee: dict[str, Any] = {"fee": D("0.01"), "fee_asset": "BNB", "fee_value": D(6)}
    book = lot_book([bought(0, "1", "500", "BNB"), bought(1, "1", "1000", **fee)])
    assert book.lots["BTC"][0].cost == D(1006)
    (paid,) = book.realised
    assert (paid.asset, paid.qty, paid.cost, paid.proceeds, paid.gain) == ("BNB", D("0.01"), D(5), D(6), D(1))
    assert book.lots["BNB"][0].qty == D("0.99")


def test_a_rebate_in_a_third_coin_brings_it_in() -> None:
    rebate: dict[str, Any] = {"fee": D("-0.01"), "fee_asset": "BNB", "fee_value": D(-6)}
    book = lot_book([bought(0, "1", "1000", **rebate)])
    assert book.lots["BTC"][0].cost == D(994)
    assert book.lots["BNB"] == (Lot("BNB", START, D("0.01"), D(6)),)


def test_a_fee_of_unknown_worth_leaves_the_cost_unknown() -> None:
    book = lot_book([bought(0, "1", "1000", fee=D("0.01"), fee_asset="BNB"), sold(1, "1", "1500")])
    sale = next(each for each in book.realised if each.asset == "BTC")
    assert sale.cost is None
    assert sale.gain is None


def test_a_deposit_is_a_lot_at_the_markets_price_and_says_so() -> None:
    book = lot_book([bought(0, "1", "100", transfer=True), sold(1, "0.25", "120")])
    assert book.lots["BTC"] == (Lot("BTC", START, D("0.75"), D(75), transferred=True),)
    assert book.realised[0].transferred
    assert book.realised[0].gain == D(5)


def test_a_deposit_at_an_unknown_price_has_no_cost_and_is_used_last_under_highest_cost() -> None:
    book = lot_book([bought(0, "1", None, transfer=True), bought(1, "1", "10"), sold(2, "1.5", "20")], "highest-cost")
    assert [(each.qty, each.cost, each.gain) for each in book.realised] == [
        (D(1), D(10), D(10)),
        (D("0.5"), None, None),
    ]
    assert book.lots["BTC"][0].cost is None


def test_a_withdrawal_takes_lots_away_without_a_gain() -> None:
    book = lot_book([*THREE, sold(3, "1.5", "400", transfer=True)])
    assert book.realised == []
    assert [(lot.qty, lot.cost, lot.opened_at) for lot in book.sent] == [
        (D(1), D(100), START),
        (D("0.5"), D(150), START + HOUR),
    ]
    assert sum(lot.qty for lot in book.lots["BTC"]) == D("1.5")


def test_coins_sold_without_a_lot_have_no_gain() -> None:
    book = lot_book([bought(0, "1", "100"), sold(1, "3", "120")])
    assert [(each.opened_at, each.qty, each.gain) for each in book.realised] == [
        (START, D(1), D(20)),
        (None, D(2), None),
    ]
    assert [each.proceeds for each in book.realised] == [D(120), D(240)]
    assert book.lots == {}


def test_entries_are_booked_in_order_of_time_whatever_their_order() -> None:
    entries = [*THREE, sold(3, "2", "400")]
    assert lot_book(entries).realised == lot_book(entries[::-1]).realised


def test_assets_are_kept_apart() -> None:
    made = lots([bought(0, "1", "100"), bought(0, "5", "2", "DOGE"), sold(1, "5", "3", "DOGE")])
    assert list(made) == ["BTC"]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (bought(0, "1", None), "a trade without a price"),
        (bought(0, "-1", None), "a trade without a price"),
        (bought(0, "1", "100", fee=D(1), fee_asset="BTC"), "takes all"),
    ],
)
def test_what_cannot_be_booked_is_refused_with_asset_and_time(entry: Entry, why: str) -> None:
    with pytest.raises(ValueError, match=f"BTC at 2026-01-05 .*{why}"):
        lot_book([entry])


# ---- recorded fills


def a_fill(symbol: str = "BTC/USDT", qty: str = "1", price: str = "100", **more: Any) -> dict[str, Any]:
    row = {"symbol": symbol, "trade_id": "t1", "client_id": "b1", "at": START, "qty": D(qty), "price": D(price)}
    return {
        **row,
        "fee": D("0.1"),
        "fee_asset": "USDT",
        "fee_value": D("0.1"),
        "asset": "BTC",
        "purpose": "spot",
        **more,
    }


def test_recorded_fills_become_entries_and_perpetuals_are_left_out() -> None:
    rows = [a_fill(), a_fill(symbol="BTC/USDT:USDT", qty="-1", purpose="hedge"), a_fill(qty="-0.5", price="200")]
    book = lot_book(entries_of(rows))
    assert book.lots["BTC"][0].cost == D("50.05")
    assert book.realised[0].gain == D("99.9") - D("50.05")


def test_a_recorded_fee_in_the_base_or_in_a_third_coin_is_told_apart() -> None:
    base, third = entries_of(
        [a_fill(fee_asset="BTC", fee=D("0.001")), a_fill(fee_asset="BNB", fee=D("0.01"), fee_value=D(6))]
    )
    assert (base.fee, base.fee_asset) == (D("0.001"), "BTC")
    assert (third.fee, third.fee_asset, third.fee_value) == (D("0.01"), "BNB", D(6))


def test_a_base_of_several_coins_is_counted_in_coins() -> None:
    row = a_fill("1000PEPE/USDT", "2", "0.01", asset="PEPE", fee=D("0.002"), fee_asset="1000PEPE")
    (entry,) = entries_of([row], coins_each={"1000PEPE": D(1000)})
    assert (entry.asset, entry.qty, entry.price, entry.fee, entry.fee_asset) == (
        "PEPE",
        D(2000),
        D("0.00001"),
        D(2),
        "PEPE",
    )


def test_a_fill_in_another_currency_is_refused() -> None:
    with pytest.raises(ValueError, match="ETH/BTC is not traded against USDT"):
        entries_of([a_fill("ETH/BTC")])


def test_a_fill_without_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="fill t1: price is None, must be a finite number"):
        entries_of([a_fill() | {"price": None}])


# ---- tax of a sale not yet made


def test_the_tax_is_the_rate_of_the_gain_over_the_lots_that_would_be_used() -> None:
    own = lots(THREE)["BTC"]
    assert tax_of_sale(own, D("1.5"), D(400), D("0.25")) == (D(600) - 250) / 4
    assert tax_of_sale(own, D("1.5"), D(400), D("0.25"), "highest-cost") == (D(600) - 400) / 4


def test_a_losing_sale_is_not_taxed_and_gives_nothing_back() -> None:
    own = lots(THREE)["BTC"]
    assert tax_of_sale(own, D(3), D(150), D("0.25")) == 0
    assert tax_of_sale(own, D(2), D(210), D("0.25")) == (D(420) - 400) * D("0.25")


def test_what_has_no_known_cost_is_taxed_in_full() -> None:
    own = (Lot("BTC", START, D(1), None),)
    assert tax_of_sale(own, D(2), D(100), D("0.5")) == D(100)


@pytest.mark.parametrize(("qty", "price"), [("0", "100"), ("-1", "100"), ("1", "0")])
def test_no_sale_is_no_tax(qty: str, price: str) -> None:
    assert tax_of_sale(lots(THREE)["BTC"], D(qty), D(price), D("0.3")) == 0


# ---- whatever is bought and sold

AMOUNTS = st.decimals("0.00000001", "1000", places=8)
PRICES = st.decimals("0.00000001", "100000", places=8)
FEES = st.decimals("0", "0.00000001", places=12)


@st.composite
def histories(draw: st.DrawFn) -> list[Entry]:
    made = []
    for hour in range(draw(st.integers(1, 25))):
        sign = draw(st.sampled_from([1, 1, -1]))
        fee_asset = draw(st.sampled_from(["", "BTC"]))
        made.append(
            Entry(
                START + HOUR * hour,
                "BTC",
                sign * draw(AMOUNTS),
                draw(PRICES),
                draw(FEES) / 2,
                fee_asset,
                transfer=draw(st.sampled_from([False, False, True])),
            )
        )
    return made


@pytest.mark.parametrize("method", ["fifo", "highest-cost"])
@given(entries=histories())
def test_coins_and_money_add_up_to_the_last_digit(method: Method, entries: list[Entry]) -> None:
    with localcontext(EXACT):  # any rounding in the sums below would be an error
        book = lot_book(entries, method)
        fee_coins = {id(each): each.fee if each.fee_asset else D(0) for each in entries}
        came = sum((each.qty - fee_coins[id(each)] for each in entries if each.qty > 0), D(0))
        went = sum((fee_coins[id(each)] - each.qty for each in entries if each.qty < 0), D(0))
        held = sum((lot.qty for lot in book.lots.get("BTC", ())), D(0))
        owed = sum((each.qty for each in book.realised if each.opened_at is None), D(0))
        owed += sum((lot.qty for lot in book.sent if lot.cost is None), D(0))
        assert held == came - went + owed

        paid = sum(
            (each.qty * (each.price or 0) + (0 if each.fee_asset else each.fee) for each in entries if each.qty > 0),
            D(0),
        )
        got = sum(
            (
                -each.qty * (each.price or 0) - (0 if each.fee_asset else each.fee)
                for each in entries
                if each.qty < 0 and not each.transfer
            ),
            D(0),
        )
        basis = sum((lot.cost or D(0) for lot in (*book.lots.get("BTC", ()), *book.sent)), D(0))
        gains = sum((each.gain for each in book.realised if each.gain is not None), D(0))
        unmatched = sum((each.proceeds or D(0) for each in book.realised if each.gain is None), D(0))
        assert gains + unmatched - basis == got - paid
        assert all(lot.qty > 0 for lot in book.lots.get("BTC", ()))


@given(entries=histories(), qty=AMOUNTS, price=PRICES)
def test_the_dearest_first_never_pays_more_tax(entries: list[Entry], qty: Decimal, price: Decimal) -> None:
    own = lots(entries).get("BTC", ())
    rate = D("0.25")
    dearest = tax_of_sale(own, qty, price, rate, "highest-cost")
    assert dearest <= tax_of_sale(own, qty, price, rate, "fifo") + D("1e-15")
