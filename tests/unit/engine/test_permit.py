"""The last line before the socket."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.clocks import StepClock
from bot.core.orders import OrderIntent
from bot.core.snapshot import Kill
from bot.engine.permit import SendPermit
from bot.ports.errors import Denied
from tests.builders import NOON, D, a_move, an_intent


def a_permit(*allowed: OrderIntent, level: Kill = "off", held: float = 1e18, standing: str = "") -> SendPermit:
    permit = SendPermit(lambda: level, lambda: held, StepClock(NOON), standing=standing)
    permit.allow(allowed)
    return permit


def test_a_committed_intent_leaves_once() -> None:
    intent = an_intent()
    permit = a_permit(intent)
    permit(intent)
    with pytest.raises(Denied, match="sent once already"):
        permit(intent)


def test_asking_first_uses_nothing_up() -> None:
    intent = an_intent()
    permit = a_permit(intent)
    permit.check(intent)
    permit(intent)


@pytest.mark.parametrize(
    ("level", "frozen_too", "leaves"),
    [
        ("off", False, True),
        ("freeze", False, False),
        ("freeze", True, True),
        ("halt", True, False),
        ("flatten", True, False),
    ],
)
def test_the_kill_level_decides(level: Kill, frozen_too: bool, leaves: bool) -> None:
    intent = an_intent(while_frozen=frozen_too)
    permit = a_permit(intent, level=level)
    if leaves:
        permit(intent)
    else:
        with pytest.raises(Denied, match=f"kill level {level}"):
            permit(intent)


@pytest.mark.parametrize(
    ("level", "kind", "reduce_only", "leaves"),
    [
        ("flatten", "flatten", True, True),
        ("flatten", "flatten", False, False),
        ("flatten", "close", True, False),
        ("halt", "flatten", True, False),
    ],
)
def test_only_flatten_lets_what_flattens_through(level: Kill, kind: str, reduce_only: bool, leaves: bool) -> None:
    intent = an_intent(symbol="BTC/USDT:USDT", qty="1", price="102", kind=kind, reduce_only=reduce_only)
    permit = a_permit(intent, level=level)
    if leaves:
        permit(intent)
    else:
        with pytest.raises(Denied, match=f"kill level {level}"):
            permit(intent)


def test_nothing_leaves_without_a_lease() -> None:
    with pytest.raises(Denied, match="lease"):
        a_permit(an_intent(), held=0.0)(an_intent())


def test_nothing_leaves_after_its_time() -> None:
    late = an_intent(lasts=timedelta(0))
    with pytest.raises(Denied, match="had to leave before 2026-01-10T12:00:00Z"):
        a_permit(late)(late)


def test_what_no_decision_committed_stays() -> None:
    with pytest.raises(Denied, match="no committed intent"):
        a_permit(an_intent())(an_intent(decision_id="d2"))


@pytest.mark.parametrize("change", [{"qty": D(-2)}, {"qty": D(1)}, {"symbol": "ETH/USDT"}, {"reduce_only": True}])
def test_what_leaves_is_within_what_was_committed(change: dict[str, object]) -> None:
    intent = an_intent()
    values = {name: getattr(intent, name) for name in OrderIntent.__slots__}
    with pytest.raises(Denied, match="not within the committed"):
        a_permit(intent)(OrderIntent(**{**values, **change}))


def test_less_than_committed_may_leave() -> None:
    permit = a_permit(an_intent(qty="-1"))
    permit(an_intent(qty="-0.4"))


def test_a_transfer_leaves_as_it_was_committed_or_not_at_all() -> None:
    move = a_move()
    permit = SendPermit(lambda: "off", lambda: 1e18, StepClock(NOON))
    permit.allow([move])
    with pytest.raises(Denied, match="not as it was committed"):
        permit(a_move(amount="1001"))
    permit(move)


def test_a_standing_word_keeps_everything() -> None:
    with pytest.raises(Denied, match="goes nowhere"):
        a_permit(an_intent(), standing="the order goes nowhere")(an_intent())
