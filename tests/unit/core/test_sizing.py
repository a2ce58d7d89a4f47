from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.assessment import Exposure
from bot.core.memory import Episode
from bot.core.sizing import edge_of, goal_of, left_of, percent, points, sign_of, step
from tests.rules.accounts import AT, policy

FRACTIONS = st.decimals(0, 1, places=6)


def exposure(target: str = "0.5", low: str = "0.45", high: str = "0.55") -> Exposure:
    zero = Decimal(0)
    edges = Decimal(low), Decimal(high)
    return Exposure("BTC", "btc", Decimal(1), zero, zero, zero, zero, zero, zero, zero, Decimal(target), *edges, zero)


@given(FRACTIONS, st.decimals("0.001", "0.2", places=4), st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(1)]))
def test_a_step_is_never_more_than_the_excess_nor_than_a_stretched_increment(
    excess: Decimal, increment: Decimal, speed: Decimal
) -> None:
    size = step(excess, increment, speed)
    assert 0 <= size <= excess
    assert size <= increment * speed + increment / 10
    if speed and excess:
        assert size == excess or excess - size > increment / 10


@pytest.mark.parametrize(
    ("excess", "size"), [("0.06", "0.05"), ("0.055", "0.055"), ("0.0551", "0.05"), ("0.01", "0.01")]
)
def test_a_step_finishes_the_way_rather_than_leave_a_crumb(excess: str, size: str) -> None:
    assert step(Decimal(excess), Decimal("0.05")) == Decimal(size)


def test_there_is_no_step_without_an_excess() -> None:
    assert step(Decimal("-0.01"), Decimal("0.05")) == step(Decimal("0.05"), Decimal("0.05"), Decimal(0)) == 0


def test_goals_lie_at_the_target_the_edge_or_between() -> None:
    for goal, over, under in (("target", "0.5", "0.5"), ("edge", "0.548", "0.452"), ("midpoint", "0.524", "0.476")):
        wanted = policy({"BTC": 50}, triggers={"goal": goal})
        assert goal_of(exposure(), wanted, "over") == Decimal(over)
        assert goal_of(exposure(), wanted, "under") == Decimal(under)


def test_an_edge_is_never_on_the_other_side_of_the_target() -> None:
    narrow = exposure("0.004", "0.003", "0.005")
    assert (edge_of(narrow, "over"), edge_of(narrow, "under")) == (Decimal("0.004"), Decimal("0.004"))


def episode(**more: object) -> Episode:
    body = {"subject": "BTC", "direction": "trim", "goal": "0.5", "opened_at": AT, "rule": "R-A3", **more}
    return Episode.model_validate(body)


@pytest.mark.parametrize(
    ("more", "sign"),
    [({}, "down"), ({"direction": "add"}, "up"), ({"direction": "refill"}, "down"), ({"sign": "up"}, "up")],
)
def test_an_episodes_sign_is_the_recorded_one_else_its_directions(more: dict[str, str], sign: str) -> None:
    assert sign_of(episode(**more)) == sign


@pytest.mark.parametrize(("left", "counts"), [(None, None), ("0", None), ("0.005", None), ("0.0051", "0.0051")])
def test_a_crumb_left_of_an_increment_does_not_count(left: str | None, counts: str | None) -> None:
    assert left_of(episode(left=left), Decimal("0.05")) == (Decimal(counts) if counts else None)
    assert left_of(None, Decimal("0.05")) is None


def test_sentences_speak_in_points_and_percent() -> None:
    assert (points(Decimal("0.0525")), percent(Decimal("-0.525"))) == ("5.2", "-52.5%")
