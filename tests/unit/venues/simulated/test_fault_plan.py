"""A fault plan as text: what is well said is read and written back equal, what is not is one line that helps."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from bot.cli.app import app
from bot.venues.simulated.chaos import World, draw
from bot.venues.simulated.fault_plan import READERS, SHAPES, PlanError, plan_text, read_plan
from bot.venues.simulated.faults import Fault, FaultKind
from tests.unit.venues.simulated.scenes import D, StillScene


def test_every_kind_has_its_shape_and_every_field_is_read() -> None:
    assert SHAPES.keys() == set(FaultKind)
    assert READERS.keys() == {one.name for one in fields(Fault)} - {"kind"}


def test_a_plan_says_when_what_and_how_much() -> None:
    plan = read_plan(
        """[{"fault": "drop_after", "on": "create", "nth": 2, "times": 3},
            {"fault": "halt", "at_s": 90.5, "symbol": "BTC/USDT", "for_s": "600"},
            {"fault": "skew", "seconds": -5, "on": "GET /api/v3/time"},
            {"fault": "fill_after_cancel"}]"""
    )
    assert plan == (
        Fault(FaultKind.DROP_AFTER, on="create", nth=2, times=3),
        Fault(FaultKind.HALT, at_s=D("90.5"), symbol="BTC/USDT", for_s=D(600)),
        Fault(FaultKind.SKEW, seconds=D(-5), on="GET /api/v3/time"),
        Fault(FaultKind.FILL_AFTER_CANCEL, on="cancel"),
    )
    assert read_plan(plan_text(plan)) == plan


@given(st.integers(0, 10_000))
def test_every_drawn_plan_is_read_back_as_it_was(seed: int) -> None:
    plan = draw(seed, World(StillScene().markets()))
    assert read_plan(plan_text(plan)) == plan == draw(seed, World(StillScene().markets()))


def test_seeds_differ_and_together_draw_every_kind_but_never_many_of_what_does_not_heal() -> None:
    plans = [draw(seed, World(StillScene().markets())) for seed in range(60)]
    assert len(set(plans)) == len(plans)
    assert {fault.kind for plan in plans for fault in plan} == set(FaultKind)
    assert all(sum(fault.kind is FaultKind.DELIST for fault in plan) <= 1 for plan in plans)
    assert all(len({fault.kind for fault in plan}) < len(FaultKind) for plan in plans)  # each leaves some out


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is no JSON"),
        ("{}", "is dict, must be a list of faults"),
        ("[1]", 'faults[0]: is 1, must be an object with a "fault"'),
        ('[{"on": "any"}]', 'must be an object with a "fault"'),
        ('[{"fault": "rain"}]', "faults[0].fault: is 'rain', must be one of delay, drop_before"),
        ('[{"fault": "empty"}, {"fault": "delay"}]', "faults[1].seconds: is missing, a delay needs it"),
        ('[{"fault": "delay", "seconds": 0}]', "faults[0].seconds: is 0, must be above 0; only a clock goes back"),
        ('[{"fault": "delay", "seconds": true}]', "faults[0].seconds: is True, must be a number of seconds"),
        ('[{"fault": "delay", "seconds": "NaN"}]', "must be a number of seconds"),
        ('[{"fault": "empty", "seconds": 1}]', "faults[0].seconds: is no field of empty; it has at_s, on, nth"),
        ('[{"fault": "empty", "at_s": -1}]', "faults[0].at_s: is -1, must be a number of seconds from 0"),
        ('[{"fault": "empty", "nth": 0}]', "faults[0].nth: is 0, must be a whole number from 1"),
        ('[{"fault": "empty", "times": 1.5}]', "must be a whole number from 1"),
        ('[{"fault": "empty", "on": "POST"}]', "faults[0].on: is 'POST', must be any, create, cancel"),
        ('[{"fault": "empty", "done": 1}]', "faults[0].done: is 1, must be true or false"),
        ('[{"fault": "html", "status": 404}]', "faults[0].status: is 404, must be a status from 500 to 599"),
        ('[{"fault": "adl", "share": 1.5}]', "must be a share above 0 and at most 1"),
        ('[{"fault": "crash", "asset": "BTC", "share": 1}]', "faults[0].share: is 1, a crash must leave something"),
        ('[{"fault": "halt", "symbol": " "}]', "faults[0].symbol: is ' ', must be a name"),
        ('[{"fault": "manual_trade", "symbol": "BTC/USDT", "side": "up"}]', "must be buy or sell"),
        ('[{"fault": "depeg", "asset": "USDC", "price": 0}]', "faults[0].price: is 0, must be a number above 0"),
        ('[{"fault": "filters", "symbol": "BTC/USDT"}]', "changes no filter; name one of step, tick"),
        ('[{"fault": "halt", "symbol": "BTC/USDT", "for_s": 0}]', "must be a number of seconds above 0"),
    ],
)
def test_what_is_wrong_with_a_plan_is_one_line(text: str, why: str) -> None:
    with pytest.raises(PlanError) as raised:
        read_plan(text)
    assert why in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--faults", "missing.json"), "missing.json"),
        (("--faults", "{plan}"), "faults[0].fault: is 'rain'"),
        (("--faults", "{plan}", "--chaos", "3"), "is given beside --faults"),
    ],
)
def test_the_command_refuses_a_plan_it_cannot_follow(tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('[{"fault": "rain"}]', encoding="utf-8")
    said = [one.replace("{plan}", str(plan)) for one in arguments]
    state = str(tmp_path / "exchange.sqlite")
    result = CliRunner().invoke(app, ["local-exchange", "--state", state, *said], env={"COLUMNS": "500"})
    assert result.exit_code == 2
    assert why in " ".join(result.output.split())
