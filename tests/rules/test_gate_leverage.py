"""R-G8: gross exposure, margin and distance to liquidation."""

from __future__ import annotations

from tests.rules.accounts import AT, decide, policy, seen
from tests.rules.gated import OFF, RANGE, SWAP, stopped


def test_r_g8_gross_exposure_has_a_limit() -> None:
    wanted = policy({"BTC": 50}, limits={"gross": "0.45"}, **OFF)
    made = decide(seen({"BTC": 42}, 58), wanted, RANGE)
    assert stopped(made, "R-G8", "veto")
    wide_enough = policy({"BTC": 50}, limits={"gross": "0.47"}, **OFF)
    assert decide(seen({"BTC": 42}, 58), wide_enough, RANGE).actions != ()


def test_r_g8_margin_that_is_on_its_way_has_not_arrived() -> None:
    broken = {"broken": [{"action": "d1-1", "symbol": SWAP, "contracts": "-0.04", "opened_at": AT}]}
    wanted = policy({"BTC": 50})
    assert stopped(decide(seen({"BTC": 52}, "47.5", futures="0.5", memory=broken), wanted, RANGE), "R-G8")
    assert decide(seen({"BTC": 52}, 46, futures=2, memory=broken), wanted, RANGE).actions != ()


def test_r_g8_a_short_that_would_come_near_liquidation_is_not_opened() -> None:
    broken = {"broken": [{"action": "d1-1", "symbol": SWAP, "contracts": "-0.04", "opened_at": AT}]}
    wanted = policy({"BTC": 50}, hedge={"leverage": "3"}, limits={"top_up_distance": "0.34"})
    made = decide(seen({"BTC": 52}, "47.3", futures="0.7", memory=broken), wanted, RANGE)
    assert stopped(made, "R-G8", "veto")  # (700 - 1 of fee - 20 of maintenance) / 2,000 = 33.95 %
    assert decide(seen({"BTC": 52}, 46, futures=2, memory=broken), wanted, RANGE).actions != ()


def test_r_g8_what_is_under_way_counts_as_if_it_had_filled() -> None:
    wanted = policy({"BTC": 50}, limits={"gross": "0.47"}, **OFF)
    state = {
        "symbol": "ETH/USDT",
        "side": "buy",
        "amount": "1.5",
        "price": "2000",
        "client_id": "bp1",
        "state": "unknown",
    }
    made = decide(seen({"BTC": 42}, 58, orders=[state]), wanted, RANGE)
    assert stopped(made, "R-G8", "veto")
    assert "under way" in next(word.why for word in made.blocked[0].not_passed if word.gate == "R-G8")
    closing = {**state, "symbol": "ETH/USDT:USDT", "reduce_only": True}
    assert decide(seen({"BTC": 42}, 58, orders=[closing]), wanted, RANGE).actions != ()
