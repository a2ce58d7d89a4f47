"""R-G11: the venue's steps, minima and listings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.plan_record import Plan
from tests.rules.accounts import AT, account, approved, blocked, decide, policy
from tests.rules.gated import BTC, OFF, RANGE, SWAP, stopped, trim


def test_r_g11_amounts_are_cut_to_the_step() -> None:
    (leg,) = approved(trim(58, {"trim": {"increment": "0.0333366"}}), "BTC").wish.legs  # 0.0666732 coins
    assert leg.qty == Decimal("-0.06667")
    (leg,) = approved(trim(58, {"trim": {"increment": "0.04"}}), "BTC").wish.legs
    assert leg.qty == Decimal("-0.08")


def listed(**filters: Any) -> Plan:
    body = account({"BTC": 58}, 42)
    body["markets"][BTC] |= filters
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


@pytest.mark.parametrize("filters", [{"min_notional": "5001"}, {"min_amount": "0.11"}, {"step": "0.2"}])
def test_r_g11_what_is_under_the_minimum_is_carried(filters: Mapping[str, str]) -> None:
    made = listed(**filters)
    assert stopped(made, "R-G11", "veto")
    assert "under the venue's least" in blocked(made, "BTC").not_passed[0].why


def test_r_g11_at_the_minimum_it_trades() -> None:
    assert listed(min_notional="5000", min_amount="0.1").actions != ()


def test_r_g11_a_halted_or_unlisted_market_waits() -> None:
    assert stopped(listed(active=False), "R-G11")
    body = account({"BTC": 58}, 42)
    del body["markets"][BTC]
    assert stopped(decide(body, policy({"BTC": 50}, **OFF), RANGE), "R-G11", "veto")


def test_r_g11_a_conversion_is_done_whole_or_not_at_all() -> None:
    old = {"symbol": SWAP, "purpose": "hedge", "contracts": "0.04", "opened_at": AT - timedelta(days=31)}
    body = account({"BTC": 54}, 36, futures=10, shorts={"BTC": 2}, memory={"hedges": [old]})
    body["markets"][BTC]["min_notional"] = "2001"
    assert stopped(decide(body, policy({"BTC": 50}), RANGE), "R-G11", "veto")
    body["markets"][BTC]["min_notional"] = "2000"
    assert decide(body, policy({"BTC": 50}), RANGE).actions != ()
