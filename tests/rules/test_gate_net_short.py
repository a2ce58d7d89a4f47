"""R-G9: never more short than held."""

from __future__ import annotations

from tests.rules.accounts import AT, actions, decide, net, policy, seen, verdicts
from tests.rules.gated import BTC, RANGE, SWAP


def test_r_g9_a_short_beyond_the_coins_is_vetoed_orders_in_flight_counted() -> None:
    broken = {"broken": [{"action": "d1-1", "symbol": SWAP, "contracts": "-0.04", "opened_at": AT}]}
    wanted = policy({"BTC": 2, "ETH": 40}, hedge={"unwind": "0"})
    order = {"symbol": BTC, "side": "sell", "amount": "0.001", "price": "50000", "client_id": "b1", "state": "unknown"}
    made = decide(seen({"BTC": 2}, 88, futures=10, memory=broken, orders=[order]), wanted, RANGE)
    assert verdicts(made.blocked[0])["R-G9"] == "veto"


def test_r_g9_a_short_of_as_many_coins_as_are_held_is_not_vetoed() -> None:
    broken = {"broken": [{"action": "d1-1", "symbol": SWAP, "contracts": "-0.04", "opened_at": AT}]}
    wanted = policy({"BTC": 2, "ETH": 40}, hedge={"unwind": "0"})
    made = decide(seen({"BTC": 2}, 88, futures=10, memory=broken), wanted, RANGE)
    assert [item.rule for item in actions(made, "BTC")] == ["R-W7"]
    assert net(made, "BTC") == 0
