"""What one order makes of the account: leverage, gross exposure, an asset's share, each at its bound and beyond it."""

from __future__ import annotations

from decimal import Decimal

from bot.simulation.history import settings_of
from bot.simulation.limits import Limits, Standing
from bot.venues.simulated.exchange import Exchange
from tests.builders import an_intent
from tests.unit.venues.simulated.scenes import SPOT, SWAP, StillScene

D = Decimal
POLICY = settings_of(3_600, "cash").policy()  # BTC 30 %
CALM = Standing(D(1_000), D(100_000), D(10))


def limits(btc: str = "10") -> tuple[Limits, Exchange]:
    exchange = Exchange(StillScene(), opening={"USDT": D(100_000), "BTC": D(btc)})
    return Limits(exchange, POLICY), exchange


def test_a_short_at_more_leverage_than_may_be_is_told() -> None:
    judge, exchange = limits()
    sale = an_intent(symbol=SWAP, qty="-1")
    exchange.set_leverage(SWAP, 4)
    (told,) = judge.broken(sale, CALM, CALM)
    assert told == f"R-G8 {sale.client_id} opens at leverage 4, at most 3"
    exchange.set_leverage(SWAP, 3)
    assert judge.broken(sale, CALM, CALM) == []
    exchange.set_leverage(SWAP, 4)
    assert judge.broken(an_intent(symbol=SWAP, qty="1", reduce_only=True), CALM, CALM) == []


def test_gross_exposure_beyond_its_limit_is_told_for_what_adds_to_it() -> None:
    judge, _ = limits(btc="1000")  # 100,000 of coins
    poor = Standing(D(0), D(60_000), D(100))
    buy = an_intent(symbol=SPOT, qty="1")
    assert any("makes gross exposure 1.667" in told for told in judge.broken(buy, poor, poor))
    assert judge.broken(an_intent(symbol=SPOT, qty="-1"), poor, poor) == []
    assert judge.broken(buy, poor, Standing(D(0), D(70_000), D(100))) == []


def test_an_asset_taken_beyond_its_target_and_the_margin_over_it_is_told() -> None:
    judge, _ = limits()
    buy = an_intent(symbol=SPOT, qty="1")
    before, after = Standing(D(1_000), D(1_000), D(5)), Standing(D(1_000), D(1_000), D("5.8"))
    assert any("takes BTC from 0.500 to 0.580 of E, at most 0.55" in told for told in judge.broken(buy, before, after))
    assert not any("takes BTC" in told for told in judge.broken(buy, before, Standing(D(1), D(1_000), D("5.6"))))
