from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.backtest.space import SpaceError, check_space, read_space, refused
from bot.settings import load_text
from bot.settings.placed import value_at, with_values
from tests.unit.backtest.tapes import CONFIG

SPACE = """
triggers.band.points: {from: 0.03, to: 0.10, step: 0.01}
trim.increment: {from: 0.01, to: 0.2, log: true}
triggers.goal: [target, edge, midpoint]
triggers.calendar: [null, monthly]
pace.cooldown: {from: 1h, to: 9h, step: 4h}
hedge.leverage: {from: 1, to: 3}
"""


class Seeded:
    """Draws by a seed, at the ends as often as between."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def draw_int(self, name: str, low: int, high: int, step: int, *, log: bool) -> int:
        return int(self._rng.choice(np.arange(low, high + 1, step)))

    def draw_float(self, name: str, low: float, high: float, step: float | None, *, log: bool) -> float:
        if step is None:
            return float(self._rng.choice([low, high, self._rng.uniform(low, high)]))
        return float(low + step * self._rng.integers(0, round((high - low) / step) + 1))

    def draw_word(self, name: str, words: Sequence[str]) -> str:
        return str(self._rng.choice(list(words)))


def lines_of(text: str) -> tuple[str, ...]:
    with pytest.raises(SpaceError) as told:
        check_space(read_space(text, "space.yaml"), "space.yaml", CONFIG, {})
    return told.value.lines


@given(st.integers(0, 10_000))
def test_whatever_is_drawn_is_exact_within_its_range_and_a_configuration_that_check_takes(seed: int) -> None:
    space = read_space(SPACE, "space.yaml")
    drawn = space.draw(Seeded(seed))
    assert Decimal("0.03") <= drawn["triggers.band.points"] <= Decimal("0.10")
    assert drawn["triggers.band.points"] % Decimal("0.01") == 0
    assert Decimal("0.01") <= drawn["trim.increment"] <= Decimal("0.2")
    assert drawn["pace.cooldown"] in ("1h", "5h", "9h")
    assert drawn["hedge.leverage"] in (1, 2, 3)
    text = with_values(CONFIG, drawn)
    assert refused(text, {}) == ""
    assert {key: value_at(text, key) for key in drawn} == drawn


@given(st.integers(0, 10_000))
def test_a_value_that_was_drawn_is_one_that_a_study_can_remember_and_draw_again(seed: int) -> None:
    space = read_space(SPACE, "space.yaml")
    drawn = space.draw(Seeded(seed))
    assert space.of(with_values(CONFIG, drawn), {}) is not None
    assert {name: each.placed(drawn[name]) is None for name, each in space.keys.items()} == dict.fromkeys(drawn, False)


def test_a_configuration_whose_value_lies_outside_is_no_point_of_the_space() -> None:
    space = read_space("triggers.band.points: {from: 0.06, to: 0.10, step: 0.01}", "space.yaml")
    assert space.of(CONFIG, {}) is None  # the default is 0.05


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("triggers.bnd.points: [1, 2]", "triggers.bnd.points: is no known key; did you mean band?"),
        ("triggres.goal: [1, 2]", "triggres.goal: is no known key; did you mean triggers?"),
        ("store.url: [a, b]", "store.url: is no key that a decision over the past depends on"),
        ("pace.cooldown.of: [1, 2]", "pace.cooldown.of: is no known key; nothing may stand below a single value"),
        ("triggers.band.points: 0.05", "triggers.band.points: is 0.05, must be a range {from: 0.03"),
        ("triggers.band.points: [0.05]", "triggers.band.points: holds 1 choices, must hold 2 to 100"),
        ("triggers.goal: [edge, edge]", "triggers.goal: holds edge twice"),
        ("triggers.band.points: {from: 0.1}", "triggers.band.points: lacks to, must be a range"),
        ("triggers.band.points: {from: 0.1, to: 0.05}", "triggers.band.points: from 0.1 must be below to 0.05"),
        ("triggers.band.points: {from: 0.1, to: wide}", "triggers.band.points: to is 'wide', must be a number"),
        ("triggers.band.points: {from: 0.1, till: 0.2}", "triggers.band.points: has a key till, must be a range"),
        ("triggers.band.points: {from: 0.1, to: 0.2, step: 0.03}", "step 0.03 does not lead from 0.1 to 0.2"),
        ("triggers.band.points: {from: 0.1, to: 0.2, step: 1}", "step 1 must be above 0 and at most the way"),
        ("triggers.band.points: {from: 0, to: 0.2, log: true}", "log is for numbers above 0 without a step"),
        ("pace.cooldown: {from: 1h, to: 2h}", "pace.cooldown: lacks step, which a range of durations must have"),
        ("pace.cooldown: {from: 1h, to: 5, step: 1h}", "pace.cooldown: to is 5, must be a duration such as 4h"),
        ("- a", "space.yaml: must be a map of keys"),
        ("a: {", "space.yaml: line 1"),
        (
            "trim.spot_share: {from: 0.5, to: 1.5, step: 0.5}",
            "trim.spot_share: 1.5 is refused: trim.spot_share: is 1.5",
        ),
        ("targets.stables.weight: [0.1, 0.4]", "targets.stables.weight: 0.4 is refused: targets.sleeves: "),
        ("triggers.goal: [edge, middle]", "triggers.goal: 'middle' is refused: triggers.goal: is 'middle', must be"),
    ],
)
def test_what_cannot_be_searched_is_one_clear_line(text: str, line: str) -> None:
    (said,) = lines_of(text)
    assert said.startswith("space.yaml: ")
    assert line in said


def test_every_fault_has_its_line() -> None:
    said = lines_of("triggers.bnd: [1, 2]\npace.cooldown: 4h\ntriggers.goal: [edge]")
    assert len(said) == 3


def test_a_key_that_the_environment_sets_is_not_searched_for_the_file_would_lose() -> None:
    env = {"BALLAST_TRIGGERS__GOAL": "edge"}
    with pytest.raises(SpaceError, match="is set by environment BALLAST_TRIGGERS__GOAL, which is stronger than any"):
        check_space(read_space("triggers.goal: [edge, target]", "space.yaml"), "space.yaml", CONFIG, env)


def test_several_keys_that_must_fit_together_are_choices_of_their_group() -> None:
    stables: dict[str, Any] = {"weight": Decimal("0.4"), "floor": Decimal("0.05")}
    sleeves = {"majors": {"weight": Decimal("0.6"), "assets": ["BTC"]}}
    other = "{stables: {weight: 0.4, floor: 0.05}, sleeves: {majors: {weight: 0.6, assets: [BTC]}}}"
    own = "{stables: {weight: 0.1, floor: 0.05}, sleeves: {majors: {weight: 0.9, assets: [BTC]}}}"
    space = read_space(f"targets: [{own}, {other}]", "space.yaml")
    check_space(space, "space.yaml", CONFIG, {})
    text = with_values(CONFIG, {"targets": {"stables": stables, "sleeves": sleeves}})
    assert load_text(text, {}).policy().assets == ("BTC",)
    assert space.of(text, {}) is not None


def test_equal_spaces_have_equal_digests_whatever_the_order() -> None:
    lines = SPACE.strip().splitlines()
    assert read_space("\n".join(lines), "a").digest() == read_space("\n".join(lines[::-1]), "b").digest()
    assert read_space("\n".join(lines[1:]), "a").digest() != read_space("\n".join(lines), "a").digest()
