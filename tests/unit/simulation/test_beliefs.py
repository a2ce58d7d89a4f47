"""What a decision believes to hold is held against what it was told; what it says that it cannot count is not."""

from __future__ import annotations

from decimal import Decimal

from bot.engine.arithmetic import decide, exact
from bot.simulation.beliefs import Beliefs
from bot.simulation.ledger import Seen
from bot.venues.simulated.exchange import Exchange, OrderRequest
from tests.builders import a_policy, a_snapshot
from tests.unit.venues.simulated.scenes import SWAP, StillScene

D = Decimal


def violations(coins: str, mark: str) -> list[str]:
    """A process was told of a short of one coin and decides on one of ``coins`` at ``mark``, the price being 100."""
    exchange = Exchange(StillScene(depth=D(100_000)), opening={"USDT": D(100_000)})
    exchange.transfer("USDT", D(10_000), "spot", "futures", client_id="")
    exchange.place(OrderRequest(SWAP, "sell", "market", D(1)))
    seen = Seen()
    beliefs = Beliefs(seen)
    beliefs.told("main", exchange.positions())
    short = {"symbol": SWAP, "side": "short", "contracts": coins, "mark_price": mark, "entry_price": "100"}
    with exact():
        beliefs.decided("main", decide(a_snapshot(positions=[short]), a_policy()))
    return seen.violations


def test_a_position_of_another_size_than_was_told_is_seen() -> None:
    assert violations("1", "100") == []
    assert "believes to hold -2 BTC, there is -1" in violations("2", "100")[0]


def test_a_position_whose_mark_is_not_believed_is_not_held_against_the_decision() -> None:
    # Seed 7 of 2026-11-30: E is unknown then, and says so.
    assert violations("1", "300") == []
