"""The decimal context decisions are reckoned in, whatever a library did to the caller's."""

from __future__ import annotations

from decimal import ROUND_UP, getcontext, localcontext

from bot.engine.arithmetic import decide
from tests.builders import a_policy, a_snapshot


def test_a_plan_is_the_same_to_the_byte_in_any_context() -> None:
    usual = decide(a_snapshot(), a_policy()).to_json()
    with localcontext() as ours:
        ours.prec, ours.rounding = 6, ROUND_UP
        made = decide(a_snapshot(), a_policy())
        assert (getcontext().prec, getcontext().rounding) == (6, ROUND_UP)
    assert made.to_json() == usual
