"""What spoke, from a record on disk: counted over all of it, newest and oldest decision alike."""

from __future__ import annotations

import asyncio

import pytest

from bot.core.plan_record import Plan
from tests.unit.cli.ran import Ballast
from tests.unit.cli.recorded import a_record
from tests.unit.cli.snapshots import a_config_file


@pytest.fixture
def config(ballast: Ballast) -> str:
    return str(a_config_file(ballast.folder))


@pytest.fixture
def plans(ballast: Ballast) -> list[Plan]:
    """Two recorded decisions, oldest first: a trim, a hold."""
    return asyncio.run(a_record(ballast.folder))


def test_the_tally_is_that_of_the_record(ballast: Ballast, config: str, plans: list[Plan]) -> None:
    made = ballast("decisions", "--config", config, "--fired", "--json").json
    assert made["decisions"] == 2
    trim = next(row for row in made["kinds"] if row["kind"] == "trim")
    assert (trim["count"], trim["first"]["decision_id"]) == (1, plans[0].decision_id)
    rules = {row["rule"]: row for row in made["rules"]}
    assert (rules["R-A3"]["acted"], rules["R-A3"]["first"]) == (1, plans[0].decision_id)
    assert rules["R-W2"]["held"] == 1
    assert "R-A9" in made["silent"]
    assert "R-A3" not in made["silent"]


def test_a_limit_counts_the_newest_only(ballast: Ballast, config: str, plans: list[Plan]) -> None:
    made = ballast("decisions", "--config", config, "--fired", "--json", "--limit", "1").json
    assert made["decisions"] == 1
    assert made["since"] == plans[1].body()["at"]
    assert {row["count"] for row in made["kinds"]} == {0}


def test_people_read_tables(ballast: Ballast, config: str, plans: list[Plan]) -> None:
    ran = ballast("decisions", "--config", config, "--fired")
    assert ran.code == 0
    assert plans[0].decision_id in ran.out
    assert "Never spoke" in ran.out


def test_where_nothing_is_recorded_it_says_so(ballast: Ballast, config: str) -> None:
    ran = ballast("decisions", "--config", config, "--fired")
    assert (ran.code, ran.out) == (1, "")
    assert "`ballast run` makes one" in ran.err
