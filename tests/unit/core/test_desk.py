from __future__ import annotations

from decimal import Decimal
from typing import Any

from bot.core.assess import assess
from bot.core.desk import Desk, contract_of
from bot.core.snapshot import build
from bot.core.wishes import Leg, Move, Wish
from tests.rules.accounts import account, policy, reads

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
PRICE = Decimal(50_000)


def desk(**more: Any) -> Desk:
    seen = build(account({"BTC": 60}, 30, futures=10, **more))
    wanted = policy({"BTC": 50})
    return Desk(seen, wanted, *assess(seen, wanted, {"BTC": reads()}), "d1")


def wish(*legs: Leg, moves: tuple[Move, ...] = ()) -> Wish:
    return Wish("R-A3", "trim", "normal", "BTC", "", legs=legs, moves=moves)


def test_a_sale_brings_its_money_less_the_fee() -> None:
    after = desk().after(wish(Leg(BTC, Decimal("-0.1"), PRICE))).ledger
    assert (after.coins["BTC"], after.free["BTC"]) == (Decimal("1.1"), Decimal("1.1"))
    assert after.stables_spot == 30_000 + 5_000 - 5


def test_a_purchase_takes_its_money_and_the_fee() -> None:
    after = desk().after(wish(Leg(BTC, Decimal("0.1"), PRICE))).ledger
    assert after.stables_spot == 30_000 - 5_000 - 5


def test_a_short_takes_margin_and_a_close_gives_it_back() -> None:
    opened = desk().after(wish(Leg(SWAP, Decimal("-0.1"), PRICE, "hedge", leverage=Decimal(2))))
    assert (opened.ledger.margins["BTC"], opened.ledger.futures_available) == (Decimal(2_500), Decimal("7497.5"))
    assert opened.ledger.net("BTC") == Decimal("0.55")
    closed = opened.after(wish(Leg(SWAP, Decimal("0.04"), PRICE, "hedge", reduce_only=True))).ledger
    assert (closed.margins["BTC"], closed.futures_available) == (Decimal(1_500), Decimal("8496.5"))


def test_index_legs_leave_net_exposure_alone() -> None:
    after = desk().after(wish(Leg(SWAP, Decimal("-0.1"), PRICE, "index", leverage=Decimal(2)))).ledger
    assert (after.net("BTC"), after.index["BTC"]) == (Decimal("0.6"), Decimal("-0.1"))
    assert after.gross == Decimal("0.65")


def test_money_on_its_way_has_left_and_not_arrived() -> None:
    moved = desk().after(wish(moves=(Move("USDT", Decimal(100), "spot", "futures"),)))
    assert (moved.ledger.stables_spot, moved.ledger.futures_available) == (Decimal(29_900), Decimal(10_000))
    assert moved.moving == {"futures": 100}
    back = desk().after(wish(moves=(Move("USDT", Decimal(100), "futures", "spot"),))).ledger
    assert (back.futures_available, back.futures_balance) == (Decimal(9_900), Decimal(9_900))


def test_dry_powder_and_drift_follow_the_plan() -> None:
    now = desk()
    assert (now.floor, now.dry_powder, now.drift("BTC")) == (Decimal(5_000), Decimal(35_000), Decimal("0.1"))
    after = now.after(wish(Leg(BTC, Decimal("-0.1"), PRICE)))
    assert (after.drift("BTC"), after.touched("BTC")) == (Decimal("0.05"), after.approved[0])
    assert now.touched("BTC") is None
    assert after.action_id(0) == "d1-1"


def test_the_distance_to_liquidation_is_what_the_balance_bears_per_notional() -> None:
    assert desk().ledger.distance is None
    assert desk(shorts={"BTC": 10}).ledger.distance == (Decimal(10_000) - 100) / 10_000


def test_a_contract_knows_how_many_coins_it_is() -> None:
    wanted = policy({"BTC": 50}, aliases={"1000BTC": {"asset": "BTC", "multiplier": "1000"}})
    assert contract_of("BTC", wanted).symbol == "1000BTC/USDT:USDT"
    assert contract_of("ETH", wanted).coins == 1
    seen = build(account({"BTC": 60}, 40))
    aliased = Desk(seen, wanted, *assess(seen, wanted, {}))
    assert aliased.asset_of("1000BTC/USDT:USDT") == ("BTC", Decimal(1000))
    assert aliased.asset_of("1000BTC/USDT") == ("1000BTC", Decimal(1))


def test_an_unlisted_symbol_costs_a_cautious_fee() -> None:
    assert (desk().taker(SWAP), desk().taker("ETH/USDT")) == (Decimal("0.0005"), Decimal("0.001"))


def test_all_reasons_of_one_direction_make_one_sentence() -> None:
    assert desk().why("BTC", "over").startswith("R-W2: net 60.0% is 10.0 points over")
    assert desk().why("BTC", "under") == ""
