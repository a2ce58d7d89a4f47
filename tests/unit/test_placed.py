from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.settings.placed import flow, value_at, with_values
from bot.settings.yaml_text import read_yaml

FILE = """\
# a portfolio
portfolio: main   # its name
targets:
  stables: {weight: 0.10, floor: 0.05}  # dry powder
  sleeves:
    majors:
      weight: 0.9
      assets: [BTC, ETH]
    # the end of the majors
triggers:
  band:
    points: 0.05

pace:   # nothing yet
log: {}
"""
NAMES = st.sampled_from(["a", "b", "c", "on", "true", "1INCH"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-999, 999),
    st.decimals(-99, 99, places=3),
    st.sampled_from(["4h", "BTC", "true", "0.5", "null", "a: b", "#", "é", "", "~", "1e3", "daily"]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
MAPS = st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=3), max_size=3)


def block(value: Any, indent: int = 0) -> str:
    """A map as a person writes it, one key a line, with remarks."""
    lines = []
    for name, each in value.items():
        key = flow(name)
        if isinstance(each, dict) and each:
            lines.append(f"{' ' * indent}{key}:  # of {indent}\n{block(each, indent + 2)}")
        else:
            lines.append(f"{' ' * indent}{key}: {flow(each)}  # as it is\n")
    return "".join(lines)


def test_a_value_is_changed_where_it_stands_and_every_remark_is_kept() -> None:
    text = with_values(
        FILE, {"triggers.band.points": Decimal("0.07"), "targets.stables.floor": Decimal("0.04"), "portfolio": "other"}
    )
    changed = [pair for pair in zip(FILE.splitlines(), text.splitlines(), strict=True) if pair[0] != pair[1]]
    assert changed == [
        ("portfolio: main   # its name", "portfolio: other   # its name"),
        (
            "  stables: {weight: 0.10, floor: 0.05}  # dry powder",
            "  stables: {weight: 0.10, floor: 0.04}  # dry powder",
        ),
        ("    points: 0.05", "    points: 0.07"),
    ]


def test_a_key_that_is_not_there_is_added_beside_its_neighbours() -> None:
    wanted = {
        "triggers.band.relative": Decimal("0.2"),
        "targets.stables.refill": Decimal("0.01"),
        "pace.cooldown": "4h",
        "log.level": "info",
        "trim.speed.strong_up": 0,
    }
    text = with_values(FILE, wanted)
    assert {key: value_at(text, key) for key in wanted} == wanted
    assert "# the end of the majors" in text
    assert "# nothing yet" in text
    assert value_at(text, "triggers.band.points") == Decimal("0.05")


def test_a_whole_block_is_replaced_and_what_follows_it_stays() -> None:
    text = with_values(FILE, {"targets.sleeves.majors": {"weight": Decimal("0.9"), "assets": ["BTC"]}})
    assert value_at(text, "targets.sleeves.majors.assets") == ["BTC"]
    assert "# the end of the majors" in text
    assert value_at(text, "triggers.band.points") == Decimal("0.05")


def test_an_empty_text_takes_a_first_key() -> None:
    assert read_yaml(with_values("", {"a.b": 1})) == {"a": {"b": 1}}


def test_a_key_where_nothing_stands_is_not_there() -> None:
    with pytest.raises(KeyError):
        value_at(FILE, "triggers.band.relative")


@given(VALUES)
def test_a_value_on_one_line_is_read_back_as_it_was(value: Any) -> None:
    assert read_yaml(f"key: {flow(value)}\n") == {"key": value}


@given(MAPS, NAMES, NAMES, VALUES)
def test_whatever_the_file_its_values_are_the_old_ones_but_for_the_one_that_was_placed(
    held: dict[str, Any], one: str, other: str, value: Any
) -> None:
    wanted = {name: dict(each) for name, each in held.items()}
    wanted.setdefault(one, {})[other] = value
    for text in (block(held), flow(held) + "\n"):
        assert read_yaml(with_values(text, {f"{one}.{other}": value})) == wanted
