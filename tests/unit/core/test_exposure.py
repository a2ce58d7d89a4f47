from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.core.desk import Ledger
from bot.core.exposure import band_of, exposures, ledger, prices, stables
from bot.core.policy import Policy
from bot.core.snapshot import build
from tests.rules.accounts import account, policy

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
WANTED = policy({"BTC": 50})


def counted(wanted: Policy = WANTED, **changes: Any) -> tuple[Ledger, list[str]]:
    book, unknown, _ = ledger(build({**account({"BTC": 50}, 40, futures=10), **changes}), wanted)
    return book, unknown


def balance(wallet: str, asset: str, free: str, locked: str = "0") -> dict[str, str]:
    return {"wallet": wallet, "asset": asset, "free": free, "locked": locked}


def position(contracts: str, side: str = "short", **more: Any) -> dict[str, Any]:
    body = {"symbol": SWAP, "side": side, "contracts": contracts, "entry_price": "50000", "mark_price": "50000"}
    return {**body, "leverage": "2", **more}


def test_equity_is_coins_and_wallets_and_unrealised_profit_and_no_coin_twice() -> None:
    wallets = [
        balance("spot", "BTC", "0.5", "0.25"),
        balance("earn", "BTC", "0.25"),
        balance("spot", "USDT", "1000", "500"),
        balance("earn", "USDT", "300"),
        balance("futures", "USDT", "2000", "700"),
        balance("spot", "DOGE", "1000000"),  # not configured: shown elsewhere, never counted
    ]
    book, unknown = counted(balances=wallets, positions=[position("0.1", entry_price="52000")])
    assert book.equity == 50_000 + 1_500 + 300 + 2_700 + Decimal("0.1") * 2_000
    assert (book.coins["BTC"], book.free["BTC"]) == (Decimal(1), Decimal("0.5"))
    assert book.unrealised == 200
    assert unknown == []


def test_liquid_is_free_spot_and_available_margin_where_it_can_be_moved() -> None:
    book, _ = counted(positions=[position("0.1")])
    assert book.liquid == 40_000 + 10_000
    fixed, _ = counted(account={"can": ["swap"]})
    assert fixed.liquid == 40_000
    parked, _ = counted(balances=[balance("earn", "USDT", "500"), balance("spot", "USDT", "10", "90")])
    assert (parked.liquid, parked.earn, parked.equity) == (Decimal(10), Decimal(500), Decimal(600))


def test_one_wallet_for_both_counts_once() -> None:
    wallet = [balance("unified", "USDT", "3000", "1000"), balance("unified", "BTC", "0.1")]
    book, _ = counted(balances=wallet, account={"unified": True})
    assert (book.equity, book.liquid, book.futures_balance) == (Decimal(9_000), Decimal(3_000), Decimal(4_000))
    assert book.free["BTC"] == Decimal("0.1")


def test_open_buys_and_their_fees_are_not_liquid_beyond_what_the_venue_locked() -> None:
    order = {"symbol": BTC, "side": "buy", "amount": "0.2", "price": "50000", "client_id": "b1", "state": "open"}
    book, _ = counted(orders=[order])
    assert book.reserved == Decimal("10010.0")
    locked = [balance("spot", "USDT", "30000", "9000")]
    book, _ = counted(orders=[{**order, "filled": "0.1"}], balances=locked)
    assert book.reserved == 0
    sale = {**order, "side": "sell"}
    assert counted(orders=[sale])[0].reserved == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tickers": {}}, "BTC: no ticker"),
        ({"positions": [position("0.1", entry_price=None)]}, "neither entry price nor unrealised PnL"),
        ({"balances": []}, "holds nothing that counts"),
        ({"gaps": ["balances: timed out"]}, "balances: timed out"),
        ({"gaps": ["positions: timed out"]}, "positions: timed out"),
    ],
)
def test_what_is_held_and_cannot_be_valued_makes_equity_unknown(changes: dict[str, Any], says: str) -> None:
    book, unknown = counted(**changes)
    assert book.equity is None
    assert any(says in item for item in unknown)


def test_a_gap_elsewhere_is_listed_and_does_not_blind() -> None:
    book, unknown = counted(gaps=["funding: timed out"])
    assert book.equity == 100_000
    assert unknown == ["funding: timed out"]


def test_profit_the_venue_reports_serves_where_there_is_no_entry_price() -> None:
    book, _ = counted(positions=[position("0.1", entry_price=None, unrealised_pnl="-7")])
    assert (book.unrealised, book.equity) == (Decimal(-7), Decimal(99_993))


def test_multiplier_contracts_map_to_their_coins() -> None:
    wanted = policy({"BTC": 50}, aliases={"1000BTC": {"asset": "BTC", "multiplier": "1000"}})
    held = position("0.0001", side="short", symbol="1000BTC/USDT:USDT", entry_price="50000000", mark_price="50000000")
    book, _ = counted(wanted, positions=[held])
    assert book.contracts["BTC"] == Decimal("-0.1")
    assert (book.futures_weight("BTC"), book.unrealised) == (Decimal("-0.05"), Decimal(0))


def test_an_index_hedge_is_in_gross_and_not_in_net() -> None:
    fact = {"symbol": SWAP, "purpose": "index", "contracts": "0.04", "opened_at": "2026-03-01T00:00:00Z"}
    book, _ = counted(positions=[position("0.1")], memory={"hedges": [fact]})
    assert (book.contracts["BTC"], book.index["BTC"]) == (Decimal("-0.06"), Decimal("-0.04"))
    assert (book.net("BTC"), book.gross) == (Decimal("0.47"), Decimal("0.55"))


def test_other_stables_count_at_their_price_and_blind_without_one() -> None:
    wanted = policy({"BTC": 50}, stables={"floor": "0.05", "assets": ["USDT", "USDC"]})
    held = [balance("spot", "USDT", "100"), balance("spot", "USDC", "200")]
    quotes = {BTC: {"last": "50000"}, "USDC/USDT": {"bid": "0.99", "ask": "1.00"}}
    assert counted(wanted, balances=held, tickers=quotes)[0].liquid == 299
    assert counted(wanted, balances=held)[0].equity is None


def test_margin_is_the_venues_else_notional_over_leverage() -> None:
    assert counted(positions=[position("0.1")])[0].margins["BTC"] == 2_500
    assert counted(positions=[position("0.1", initial_margin="900")])[0].margins["BTC"] == 900
    assert counted(positions=[position("0.1", maintenance_margin="0")])[0].maintenance == 0
    assert counted(positions=[position("0.1")])[0].maintenance == 50


def test_the_band_is_the_tighter_width_and_half_a_point_around_nothing() -> None:
    assert band_of("BTC", Decimal("0.5"), WANTED) == Decimal("0.05")
    assert band_of("BTC", Decimal("0.08"), WANTED) == Decimal("0.02")
    assert band_of("BTC", Decimal(0), WANTED) == Decimal("0.005")
    off = policy({"BTC": 50}, triggers={"band": {"points": None, "relative": None}})
    assert band_of("BTC", Decimal("0.5"), off) == 1


def test_exposures_say_where_each_asset_stands() -> None:
    book, _ = counted(positions=[position("0.1")])
    (found,) = exposures(book, {"BTC": Decimal("0.5")}, WANTED, {}, {"BTC": ["flagged"]})
    assert (found.spot, found.futures, found.net) == (Decimal("0.5"), Decimal("-0.05"), Decimal("0.45"))
    assert (found.drift, found.band, found.notes) == (Decimal("-0.05"), Decimal("0.05"), ("flagged",))
    assert (found.band_low, found.band_high) == (Decimal("0.45"), Decimal("0.55"))


def test_dry_powder_is_what_is_liquid_over_the_floor_and_never_negative() -> None:
    book, _ = counted()
    assert stables(book, WANTED).dry_powder == 45_000
    poor, _ = counted(balances=[balance("spot", "BTC", "1"), balance("spot", "USDT", "10")])
    assert stables(poor, WANTED).dry_powder == 0


def quote(price: str) -> dict[str, str]:
    return {"bid": price, "ask": price, "last": price}


@pytest.mark.parametrize(("spot", "swap"), [("50000", "80000"), ("30000", "50000")])
def test_of_a_first_spot_price_and_a_perpetuals_that_are_far_apart_neither_is_believed(spot: str, swap: str) -> None:
    seen = build({**account({"BTC": 50}, 50), "tickers": {BTC: quote(spot), SWAP: quote(swap)}, "books": {}})
    found, marks = prices(seen, WANTED)
    assert (found["BTC"].value, marks["BTC"].value) == (None, None)


def test_a_short_is_not_valued_by_a_mark_that_the_first_spot_quote_denies() -> None:
    short = position("1", mark_price="80000")
    book, unknown = counted(tickers={BTC: quote("50000"), SWAP: quote("80000")}, books={}, positions=[short])
    assert book.equity is None
    assert any("away from" in line for line in unknown)


def test_the_book_tells_which_of_the_two_lies() -> None:
    book = {"bids": [["50000", "1"]], "asks": [["50001", "1"]]}
    seen = build({
        **account({"BTC": 50}, 50), "tickers": {BTC: quote("50000"), SWAP: quote("80000")}, "books": {BTC: book},
    })  # fmt: skip
    found, marks = prices(seen, WANTED)
    assert (found["BTC"].value, marks["BTC"].value) == (Decimal(50_000), None)


def test_a_perpetual_that_is_not_traded_denies_no_price() -> None:
    made = account({"BTC": 50}, 50)
    markets = {**made["markets"], SWAP: {**made["markets"][SWAP], "active": False}}
    seen = build({**made, "tickers": {BTC: quote("50000"), SWAP: quote("80000")}, "books": {}, "markets": markets})
    assert prices(seen, WANTED)[0]["BTC"].value == 50_000
