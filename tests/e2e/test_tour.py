"""The demonstration, end to end: what the generated market makes the paper bot do, read from the record as JSON."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bot.render.fired import KINDS
from tests.e2e.folder import FULL, ROOT, Folder

# 300 cycles are five minutes of `make run`; two dozen show the same things.
CYCLES, MORE = (300, 20) if FULL else (24, 3)
STEP = {"BALLAST_LOCAL__SPEED": "step"}
ENDED = {"filled", "cancelled", "expired", "rejected", "denied"}
pytestmark = pytest.mark.timeout(900)
Rows = Sequence[Mapping[str, Any]]


def of_kind(decisions: Rows, kind: str) -> list[Mapping[str, Any]]:
    return [action for each in decisions for action in each["actions"] if action["kind"] == kind]


def filled_legs(action: Mapping[str, Any], orders: Rows) -> set[str]:
    """Symbols of the action's orders that are filled in whole."""
    return {
        order["symbol"]
        for order in orders
        if order["action_id"] == action["id"]
        and order["state"] == "filled"
        and Decimal(order["filled"]) == Decimal(order["amount"])
    }


@pytest.mark.parametrize("seed", [7, 1, 2, 3])
def test_the_tour_holds_a_trim_with_both_legs_an_add_and_a_hold_and_goes_on(seed: int, tmp_path: Path) -> None:
    folder = Folder(tmp_path, {**STEP, "BALLAST_LOCAL__SEED": str(seed)})
    done = folder.ballast("run", "--cycles", str(CYCLES))
    assert done.returncode == 0, done.stderr
    decisions, orders = folder.decisions(), folder.orders()
    assert len(decisions) == CYCLES

    trims, adds = of_kind(decisions, "trim"), of_kind(decisions, "add")
    assert [a["id"] for a in trims if len(a["legs"]) == 2 and len(filled_legs(a, orders)) == 2]
    assert [a["id"] for a in adds if filled_legs(a, orders)]
    holds = [hold for each in decisions for hold in each["holds"]]
    assert holds
    assert all(hold["why"] and hold["nearest"] for hold in holds)

    # Filled or explained: no order is still under way, and one that did not fill says why.
    assert {order["state"] for order in orders} <= ENDED
    assert [order for order in orders if order["state"] != "filled" and not order["why"]] == []
    assert {order["decision_id"] for order in orders} <= {each["decision_id"] for each in decisions}
    folder.proven()

    # The next start goes on: the same history and, cycle by cycle, the same account.
    again = folder.ballast("run", "--cycles", str(MORE))
    assert again.returncode == 0, again.stderr
    after = folder.decisions()
    assert [each["decision_id"] for each in after[:CYCLES]] == [each["decision_id"] for each in decisions]
    assert len(after) == CYCLES + MORE
    assert [each["at"] for each in after] == sorted({each["at"] for each in after})
    last, first = (Decimal(after[at]["equity"]) for at in (CYCLES - 1, CYCLES))
    assert abs(first / last - 1) < Decimal("0.02")
    held = [{row["asset"]: row["net"] for row in after[at]["exposures"]} for at in (CYCLES - 1, CYCLES)]
    assert held[1] == pytest.approx(held[0], abs=0.05)  # one cycle moves a slice or two, a fresh account all of it
    folder.proven()


# ---- the documented run: every kind of action, by config/tour.yaml and a person's commands

#: Kinds that happen in the first week, with an operator's flatten at its end; the whole run has them all.
EARLY = {"trim", "add", "bridge", "convert", "stop", "derisk", "risk_hedge", "transfer", "flatten"}
DUST = 1e-6


def the_tour() -> ModuleType:
    """docs/tour.py: the steps a person types."""
    spec = importlib.util.spec_from_file_location("docs_tour", ROOT / "docs" / "tour.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def first_of(tally: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any] | None]:
    return {row["kind"]: row["first"] for row in tally["kinds"]}


def test_every_kind_of_action_happens_in_the_documented_run_with_its_reason(tmp_path: Path) -> None:
    script = the_tour()
    steps = script.STEPS if FULL else (("run", "--cycles", "90"), *script.STEPS[1:3])
    script.play(tmp_path, steps)
    folder = Folder(tmp_path, {"BALLAST_CONFIG": str(script.CONFIG)})
    decisions = folder.decisions()
    assert len(decisions) == sum(int(step[2]) for step in steps if step[0] == "run")

    tally = script.told(tmp_path)
    first = first_of(tally)
    wanted = set(KINDS) - {"close"} if FULL else EARLY  # which the breaker's own run has, below
    assert {kind for kind in wanted if first[kind] is None} == set()
    by_id = {each["decision_id"]: each for each in decisions}
    for kind in wanted:
        found = first[kind]
        assert found is not None
        assert found["why"]
        actions = by_id[found["decision_id"]]["actions"]
        assert (found["asset"], found["why"]) in [(a["asset"], a["why"]) for a in actions if a["kind"] == kind]

    # What the articles ask to see, by rule: a trim with its hedge, a stop, a bridge that becomes spot, money that came.
    trims = of_kind(decisions, "trim")
    assert any({leg["symbol"] for leg in a["legs"]} == {"BTC/USDT", "BTC/USDT:USDT"} for a in trims)
    assert {a["rule"] for a in of_kind(decisions, "convert")} >= {"R-A13", "R-A8"}
    assert {a["rule"] for a in of_kind(decisions, "stop")} == {"R-A14"}
    assert {a["rule"] for a in of_kind(decisions, "risk_hedge")} == {"R-T5"}
    spoke = {row["rule"]: row for row in tally["rules"] if row["first"]}
    assert {"R-W2", "R-W4", "R-W5", "R-W9", "R-A1", "R-A8", "R-A16", "R-A20", "R-G1"} <= set(spoke)
    if FULL:
        assert "R-W1" in spoke
        assert {"R-A6", "R-A9", "R-A17", "R-A19"} <= {rule for rule, row in spoke.items() if row["acted"]}
        # A sale of hedged spot closes its share of the short in the same action.
        both = [a for a in of_kind(decisions, "derisk") if {leg["side"] for leg in a["legs"]} == {"buy", "sell"}]
        assert both

    # What holds in every one of them: no coin net short, and no plan of the bot's own that spends the floor.
    for each in decisions:
        assert [row["asset"] for row in each["exposures"] if row["net"] is not None and row["net"] < -DUST] == []
        assert [asset for asset, net in each["after"]["exposures"].items() if net is not None and net < -DUST] == []
        liquid, after = each["stables"]["liquid"], each["after"]["liquid_stables"]
        if liquid is not None and each["actions"] and not {a["class"] for a in each["actions"]} & {"safety"}:
            assert after >= min(liquid, each["stables"]["floor"]) - DUST
    folder.proven()


def test_the_breaker_closes_the_bridge_that_stands_and_freezes(tmp_path: Path) -> None:
    script = the_tour()
    script.break_early(tmp_path)
    found = first_of(script.told(tmp_path))["close"]
    assert found is not None
    assert (found["rule"], found["why"].startswith("R-G13: unit value")) == ("R-G13", True)
    folder = Folder(tmp_path, {"BALLAST_CONFIG": str(script.CONFIG)})
    assert folder.json("status")["kill"]["level"] == "freeze"
    assert folder.decisions()[-1]["actions"] == []
    folder.proven()


def test_the_same_seed_makes_the_same_decisions(tmp_path: Path) -> None:
    script = the_tour()
    made = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        script.play(tmp_path / name, [("run", "--cycles", "8")])
        folder = Folder(tmp_path / name, {"BALLAST_CONFIG": str(script.CONFIG)})
        made.append([(each["at"], each["actions"], each["blocked"], each["holds"]) for each in folder.decisions()])
    assert made[0] == made[1]
