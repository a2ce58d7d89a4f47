"""R-G16: what is configured and adopted."""

from __future__ import annotations

from tests.rules.accounts import decide, policy, seen
from tests.rules.gated import RANGE, safety, stopped, trim


def test_r_g16_what_was_there_before_the_bot_is_left_alone_until_adopted() -> None:
    assert stopped(trim(memory={"owned": []}), "R-G16", "veto")
    assert trim(memory={"owned": ["BTC"]}).actions != ()
    assert trim().actions != ()


def test_r_g16_safety_acts_on_what_is_not_adopted_too() -> None:
    assert safety(memory={"owned": []}).actions != ()


def test_r_g16_coins_outside_the_configuration_are_not_counted() -> None:
    made = decide(seen({"BTC": 50, "XRP": 40}, 50), policy({"BTC": 50}), RANGE)
    assert made.assessment.equity == 100_000
    assert made.actions == ()
