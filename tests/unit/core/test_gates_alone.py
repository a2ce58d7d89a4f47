"""Gates asked of wishes that no rule makes: each holds by itself, whatever was planned before it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.assess import assess
from bot.core.desk import Desk
from bot.core.gates import data, filters, floor, leverage, pace, scope
from bot.core.snapshot import build
from bot.core.wishes import Leg, Wish
from tests.rules.accounts import AT, account, policy, reads

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
PRICE = Decimal(50_000)


def desk(body: dict[str, Any] | None = None, **config: Any) -> Desk:
    seen = build(body or account({"BTC": 60}, 30, futures=10))
    wanted = policy({"BTC": 50}, **config)
    return Desk(seen, wanted, *assess(seen, wanted, {"BTC": reads()}), "d1")


def wish(*legs: Leg, asset: str = "BTC", kind: Any = "add", **more: Any) -> Wish:
    return Wish("R-A11", kind, "normal", asset, "", legs=legs, **more)


def short(contracts: str, at: str | None = "2") -> Leg:
    return Leg(SWAP, Decimal(contracts), PRICE, "hedge", leverage=Decimal(at) if at else None)


def test_r_g2_balances_that_were_not_read_stop_a_wish_by_themselves() -> None:
    _, found = data.fresh(wish(), desk(account({"BTC": 60}, 30, futures=10, gaps=("balances: timed out",))))
    assert (found.verdict, found.why) == ("defer", "balances: timed out")


@pytest.mark.parametrize(("age_s", "verdict"), [(31, "defer"), (30, "pass"), (None, "pass")])
def test_r_g2_a_quote_too_old_stops_its_leg_by_itself(age_s: int | None, verdict: str) -> None:
    body = account({"BTC": 60}, 30, futures=10)
    body["tickers"][BTC]["at"] = None if age_s is None else (AT - timedelta(seconds=age_s)).isoformat()
    _, found = data.fresh(wish(Leg(BTC, Decimal("0.1"), PRICE)), desk(body))
    assert found.verdict == verdict
    if verdict == "defer":
        assert found.nearest == f"a quote of {BTC} at most 30 s old, now 31 s"


def test_r_g8_a_leverage_over_the_limit_or_none_at_all_is_refused() -> None:
    wanted = desk(limits={"leverage": 3})
    for at in ("3.5", None):
        _, found = leverage.judge(wish(short("-0.1", at)), wanted)
        assert (found.verdict, found.why) == ("veto", f"{SWAP}: leverage {at}")
    assert leverage.judge(wish(short("-0.1", "3")), wanted)[1].verdict == "pass"


def test_r_g16_what_is_not_configured_is_not_traded() -> None:
    _, found = scope.judge(wish(asset="XRP"), desk())
    assert (found.verdict, found.why) == ("veto", "XRP is not configured")


def test_r_g6_what_is_left_of_an_increment_waits_for_nothing() -> None:
    begun = {"subject": "BTC", "direction": "add", "goal": "0.5", "opened_at": AT, "rule": "R-A11", "sign": "up"}
    for left, verdict in (("0.05", "pass"), ("0", "defer")):
        body = {**begun, "last_increment_at": AT, "left": left, "judged": True}
        wanted = desk(account({"BTC": 42}, 58, memory={"episodes": [body]}))
        assert pace.interval(wish(exposure_change=Decimal("0.05")), wanted)[1].verdict == verdict


def test_r_g7_shorts_alone_are_cut_to_what_their_margin_may_take() -> None:
    wanted = desk(account({"BTC": 60}, 30, futures=10), hedge={"enabled": True})
    made, found = floor.judge(wish(short("-4", "2"), kind="trim"), wanted)
    assert found.verdict == "resize"
    (leg,) = made.legs
    assert -4 < leg.qty < 0
    assert leg.limit is None  # nothing is bought, so there is no price to lower
    worst = abs(leg.qty) * leg.price * (Decimal("0.5") + wanted.taker(SWAP))
    assert wanted.ledger.liquid - worst >= wanted.floor


def test_r_g11_without_a_known_equity_a_wish_has_no_share_of_it() -> None:
    unread = desk(account({"BTC": 60}, 30, futures=10, gaps=("balances: timed out",)))
    made, found = filters.judge(wish(Leg(BTC, Decimal("0.1"), PRICE), exposure_change=Decimal("0.05")), unread)
    assert found.verdict == "pass"
    assert made.exposure_change == 0


def test_r_g8_a_position_that_is_bought_back_to_nothing_has_no_distance() -> None:
    held = desk(account({"BTC": 60}, 30, futures=10, shorts={"BTC": 2}))
    assert held.ledger.distance is not None
    bought = wish(Leg(SWAP, Decimal("0.04"), PRICE, "hedge", leverage=Decimal(2)))
    assert held.after(bought).ledger.distance is None
    assert leverage.judge(bought, held)[1].verdict == "pass"


def test_r_g3_without_equity_or_without_a_sane_price_nothing_but_safety_goes_on() -> None:
    unread = desk(account({"BTC": 60}, 30, futures=10, gaps=("balances: timed out",)))
    bought = wish(Leg(BTC, Decimal("0.1"), PRICE))
    assert data.sane(bought, unread)[1].verdict == "defer"
    unpriced = wish(Leg("SOL/USDT", Decimal(1), Decimal(100)), asset="SOL")
    assert data.sane(unpriced, desk())[1].why == "SOL/USDT has no sane price"
    assert data.sane(bought, desk())[1].verdict == "pass"


def test_r_g7_only_what_is_bought_gets_a_lower_limit() -> None:
    held = desk(account({"BTC": 50}, 38, futures=10, shorts={"BTC": 2}))
    closed = Leg(SWAP, Decimal("0.01"), PRICE, "hedge", reduce_only=True)
    made, found = floor.judge(wish(closed, Leg(BTC, Decimal(2), PRICE)), held)
    assert found.verdict == "resize"
    assert [leg.limit is None for leg in made.legs] == [True, False]
