from __future__ import annotations

from bot.backtest.ledger import HEDGES, Bookkeeper, ledger_of
from tests.unit.backtest.events import AT, D, at, booked, fill, flow, funding, n, seen

SWAP = "BTC/USDT:USDT"


def test_a_buy_is_told_apart_into_price_spread_and_fee() -> None:
    made, _ = booked(
        [
            seen(0, "1000"),
            fill(0.1, "2", "101", fee="0.2", fee_value="0.2"),
            seen(1, "1017.8", coins={"BTC": "2"}, prices={"BTC": "110"}),
        ],
        {"one": "100"},
    )
    assert made.parts["spot"] == {"gain": D(20), "fees": D("-0.2"), "spread": D(-2), "funding": D(0)}
    assert made.change == D("17.8")
    assert made.unexplained == 0


def test_a_fill_without_a_mid_says_so_and_hides_no_spread() -> None:
    made, _ = booked(
        [seen(0, "1000"), fill(0.1, "2", "101"), seen(1, "1018", coins={"BTC": "2"}, prices={"BTC": "110"})]
    )
    assert (made.unpriced, made.part("spread"), made.part("gain"), made.unexplained) == (1, *n(0, 18, 0))


def test_a_fee_whose_worth_nobody_knows_is_counted_as_unknown_and_not_as_nothing() -> None:
    unknown = fill(0.1, "1", "100", fee="0.001", fee_asset="BNB", fee_value=None)
    made, _ = booked([seen(0, "1000"), unknown, seen(1, "1000", coins={"BTC": "1"})], {"one": "100"})
    assert (made.unvalued, made.part("fees"), made.unexplained) == (1, *n(0, 0))


def test_a_fee_in_a_coin_that_equity_does_not_count_costs_it_nothing() -> None:
    outside = fill(0.1, "1", "100", fee="0.001", fee_asset="BNB", fee_value="0.3")
    made, _ = booked([seen(0, "1000"), outside, seen(1, "1000", coins={"BTC": "1"})], {"one": "100"})
    assert (made.part("fees"), made.unexplained) == n(0, 0)


def test_a_fee_in_another_coin_of_the_portfolio_is_paid_out_of_its_coins() -> None:
    prices = {"BTC": "100", "BNB": "300"}
    paid = fill(0.1, "1", "100", fee="0.001", fee_asset="BNB", fee_value="0.3")
    made, _ = booked(
        [
            seen(0, "1300", coins={"BNB": "1"}, prices=prices),
            paid,
            seen(1, "1309.69", coins={"BTC": "1", "BNB": "0.999"}, prices={"BTC": "100", "BNB": "310"}),
        ],
        {"one": "100"},
    )
    assert made.part("fees") == D("-0.3")
    assert made.by_asset == {"BNB": D("9.99"), "BTC": D("-0.3")}
    assert made.unexplained == 0


def test_each_purpose_keeps_its_own_gain_and_funding_is_shared_by_size() -> None:
    hedge = fill(0.1, "-3", "100", symbol=SWAP, purpose="hedge")
    index = fill(0.1, "-1", "100", symbol=SWAP, purpose="index", client_id="two")
    made, book = booked(
        [
            seen(0, "1000"),
            hedge,
            index,
            funding(0.5, "-8"),
            seen(1, "1048", contracts={"BTC": "-4"}, prices={"BTC": "90"}, marks={"BTC": "90"}),
        ],
        {"one": "100", "two": "100"},
    )
    assert {name: (made.part("gain", (name,)), made.part("funding", (name,))) for name in ("hedge", "index")} == {
        "hedge": n(30, 6),
        "index": n(10, 2),
    }
    assert made.net(HEDGES) == 48
    assert book.hedges == [(AT, D(0)), (at(1), D(48))]


def test_deposits_and_what_a_configuration_brings_are_no_gain() -> None:
    made, book = booked(
        [
            seen(0, "1000"),
            flow(0.5, "500"),
            flow(0.6, "1", "BTC"),
            seen(1, "1610", coins={"BTC": "1"}, prices={"BTC": "110"}),
            seen(2, "1710", coins={"BTC": "1", "ETH": "1"}, prices={"BTC": "110", "ETH": "100"}, rescoped="100"),
        ]
    )
    assert (made.flows, made.rescoped, made.change, made.unexplained) == n(610, 100, 0, 0)
    assert [worth for _, worth in book.flows] == [*n(500, 110, 100)]


def test_interest_is_a_part_of_its_own_and_transfers_are_none() -> None:
    events = [seen(0, "1000"), flow(0.5, "3", kind="interest"), flow(0.6, "400", kind="transfer"), seen(1, "1003")]
    made, _ = booked(events)
    assert (made.interest, made.change, made.unexplained) == n(3, 3, 0)


def test_what_somebody_else_sold_is_named_as_not_explained_and_gains_nothing() -> None:
    made, _ = booked(
        [
            seen(0, "1200", coins={"BTC": "2"}),
            seen(1, "1190", coins={"BTC": "1"}),  # sold by hand for 90
            seen(2, "1200", coins={"BTC": "1"}, prices={"BTC": "110"}),
        ]
    )
    assert (made.part("gain"), made.unexplained) == n(10, -10)


def test_a_position_that_vanished_gains_up_to_the_decision_that_misses_it() -> None:
    made, _ = booked(
        [
            seen(0, "1000"),
            fill(0.1, "2", "100", symbol=SWAP, purpose="bridge"),
            seen(1, "940", contracts={"BTC": "2"}, marks={"BTC": "70"}, prices={"BTC": "70"}),
            seen(2, "900", prices={"BTC": "60"}),  # forced to close at 55, with a fee of 10
            seen(3, "900", prices={"BTC": "200"}),
        ],
        {"one": "100"},
    )
    assert made.part("gain", ("bridge",)) == -80
    assert made.unexplained == -20


def test_a_span_begins_with_the_positions_of_before_it_and_their_purposes() -> None:
    events = [
        seen(0, "1000"),
        fill(0.1, "-2", "100", symbol=SWAP, purpose="hedge"),
        seen(1, "1020", contracts={"BTC": "-2"}, marks={"BTC": "90"}, prices={"BTC": "90"}),
        seen(2, "1040", contracts={"BTC": "-2"}, marks={"BTC": "80"}, prices={"BTC": "80"}),
        seen(3, "1060", contracts={"BTC": "-2"}, marks={"BTC": "70"}, prices={"BTC": "70"}),
    ]
    made, _ = booked(events, {"one": "100"}, since=at(1), until=at(2))
    assert (made.opened, made.closed) == n(1020, 1040)
    assert (made.part("gain", ("hedge",)), made.unexplained) == n(20, 0)


def test_what_comes_after_the_last_decision_is_not_in_its_ledger() -> None:
    events = [seen(0, "1000"), seen(1, "1000"), fill(1.1, "1", "100", fee="5", fee_value="5")]
    made, _ = booked(events, {"one": "100"})
    assert (made.part("fees"), made.change, made.unexplained) == n(0, 0, 0)


def test_rows_without_equity_are_passed_over() -> None:
    made, _ = booked([seen(0, None), seen(1, "1000"), seen(2, None), seen(3, "1010"), seen(4, None)])
    assert (made.opened_at, made.closed_at, made.change) == (at(1), at(3), D(10))
    assert Bookkeeper("USDT", {}).ledger() is None


def test_a_ledger_is_read_back_as_it_was_told() -> None:
    made, _ = booked([seen(0, "1000"), fill(0.1, "2", "101"), seen(1, "1018", coins={"BTC": "2"})])
    assert ledger_of(made.body()) == made
