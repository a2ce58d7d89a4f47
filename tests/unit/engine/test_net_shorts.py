"""I8 of a record: what own orders did is told from what a venue, an owner or a bad answer did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.orders import OrderState
from bot.engine.arithmetic import decide, exact
from bot.engine.net_shorts import NetShorts
from bot.ports.store import DecisionRow, OrderRow
from tests.builders import NOON, a_policy, a_snapshot, an_intent

D = Decimal
SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
LATER = NOON + timedelta(hours=1)


def a_short(coins: str) -> dict[str, Any]:
    return {"symbol": SWAP, "side": "short", "contracts": coins, "mark_price": "100", "entry_price": "100"}


def body_of(word: str = "", unknown: Sequence[str] = ()) -> dict[str, Any]:
    """A decision that did nothing, or had a word of ``word`` about BTC."""
    return {"actions": [{"rule": word, "asset": "BTC"}] if word else [], "blocked": [], "unknown": list(unknown)}


def decided(
    seen: NetShorts,
    *,
    at: datetime = NOON,
    coins: str = "10",
    short: str = "4",
    body: Mapping[str, Any] | None = None,
    **over: Any,
) -> None:
    snapshot = a_snapshot(at=at, balances={"USDT": "35000", "BTC": coins}, positions=[a_short(short)], **over)
    row = DecisionRow(1, f"d{at:%H}", f"c{at:%H}", at, "1", "", "{}", "hold")
    seen.add(row, body or body_of(), snapshot, a_policy())


def a_fill(symbol: str, qty: str, **over: Any) -> dict[str, Any]:
    at = NOON + timedelta(minutes=5)
    return {"client_id": OURS.intent.client_id, "symbol": symbol, "qty": qty, "price": "100", "at": at, **over}


def an_order(**over: Any) -> OrderRow:
    return OrderRow(an_intent(**over), OrderState.FILLED, D(7), NOON)


OURS = an_order()


def faults(seen: NetShorts, *fills: Mapping[str, Any], orders: Sequence[OrderRow] = (OURS,)) -> list[str]:
    return seen.faults(fills, orders)


def test_a_net_short_that_own_sales_made_is_told() -> None:
    seen = NetShorts()
    decided(seen)
    decided(seen, at=LATER, coins="3", body=body_of("R-A7"))
    (told,) = faults(seen, a_fill(SPOT, "-7"))
    assert told == "d13: BTC is short 4 against 3 held: own orders took 7 of 6"


def test_a_net_short_that_an_own_short_made_is_told_fees_in_coins_counted() -> None:
    seen = NetShorts()
    decided(seen, coins="4.005", short="0")
    decided(seen, at=LATER, coins="3.995", short="4", body=body_of("R-A7"))
    assert faults(seen, a_fill(SWAP, "-4")) == []  # five thousandths were left
    assert faults(seen, a_fill(SWAP, "-4"), a_fill(SPOT, "0", fee="0.01", fee_asset="BTC"))


def test_no_coins_beside_a_short_that_stands_is_no_net_short_of_ours() -> None:
    seen = NetShorts()
    decided(seen)
    decided(seen, at=LATER, coins="0", body=body_of("R-A7"))
    decided(seen, at=LATER + timedelta(hours=1))
    assert faults(seen, a_fill(SPOT, "-1")) == []


@pytest.mark.parametrize(
    "doubt",
    [
        {"gaps": ("balances: timed out",)},
        {"gaps": ("positions: 429",)},
        {"body": body_of(unknown=["equity: -80% of it came or went without explanation"])},
        {"body": body_of(unknown=["equity: the account holds nothing that counts"])},
    ],
)
def test_what_could_not_be_read_or_was_not_believed_is_not_judged(doubt: Mapping[str, Any]) -> None:
    seen = NetShorts()
    decided(seen)
    decided(seen, at=LATER, coins="0", **doubt)
    assert faults(seen, a_fill(SPOT, "-10")) == []
    decided(seen, at=LATER + timedelta(hours=1), coins="0", body=body_of("R-A7"))
    assert len(faults(seen, a_fill(SPOT, "-10"))) == 1  # what the doubted one hid is seen by the next


def test_a_net_short_that_nobody_buys_back_is_told_whoever_made_it() -> None:
    seen = NetShorts()
    decided(seen)
    decided(seen, at=LATER, coins="0", body=body_of("R-A3"))
    assert faults(seen) == ["d13: BTC is short 4 against 0 held, and it was left so"]


def test_a_short_on_the_market_as_a_whole_is_no_net_short() -> None:
    seen = NetShorts()
    memory = {"hedges": [{"symbol": SWAP, "purpose": "index", "contracts": "4", "opened_at": NOON, "reason": "R-A9"}]}
    decided(seen, coins="0", memory=memory)
    assert faults(seen) == []


def test_an_order_of_an_index_hedge_takes_no_coins_and_nor_does_a_trade_of_somebody_else() -> None:
    seen = NetShorts()
    decided(seen)
    decided(seen, at=LATER, coins="3", body=body_of("R-A7"))
    index = an_order(symbol=SWAP, qty="-7", purpose="index")
    sale = a_fill(SWAP, "-7", client_id=index.intent.client_id)
    assert faults(seen, sale, orders=[index]) == []
    assert faults(seen, a_fill(SPOT, "-7", client_id="")) == []
    assert faults(seen, a_fill(SPOT, "-7"))


def test_zeros_at_the_end_of_a_number_change_no_word_of_a_decision() -> None:
    # Seed 140 of 2026-11-30: a short of 0.420 coins was told so, and as 0.42 when the decision was made again.
    def told(coins: str, price: str) -> str:
        snapshot = a_snapshot(balances={"USDT": "35000"}, positions=[a_short(coins)], price=price)
        with exact():
            plan = json.loads(decide(snapshot, a_policy()).to_json())
        return json.dumps({key: plan[key] for key in ("actions", "blocked", "holds", "unknown") if key in plan})

    assert "short 0.42 coins" in told("0.420", "100")
    assert told("0.420", "100.00") == told("0.42", "100")
