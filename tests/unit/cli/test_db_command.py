from __future__ import annotations

import asyncio

import pytest

from bot.store.parquet import column
from tests.unit.cli.ran import Ballast
from tests.unit.cli.recorded import a_record
from tests.unit.cli.snapshots import a_config_file


@pytest.fixture
def config(ballast: Ballast) -> str:
    asyncio.run(a_record(ballast.folder))
    return str(a_config_file(ballast.folder))


def test_an_export_says_what_it_wrote_and_touches_no_file_that_is_there(ballast: Ballast, config: str) -> None:
    ran = ballast("db", "export", "--out", "out", "--config", config)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("out: decisions 2, actions ")
    ids = [each["decision_id"] for each in ballast("decisions", "--config", config, "--json").json]
    assert column(ballast.folder / "out" / "decisions.parquet", "decision_id") == ids[::-1]
    again = ballast("db", "export", "--out", "out", "--config", config)
    assert (again.code, again.out) == (1, "")
    assert "out/decisions.parquet is there already; name a folder without it" in again.err
    some = ballast("db", "export", "--out", "some", "--since", "2030-01-01", "--config", config, "--json")
    assert some.json["rows"]["decisions"] == 0


def test_compacting_a_young_record_moves_nothing_and_says_why(ballast: Ballast, config: str) -> None:
    ran = ballast("db", "compact", "--config", config)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "nothing to move: no whole month that ended 90d before the last decision holds any.\n"
    assert not (ballast.folder / "data" / "archive").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("export", "--out", "out", "--since", "yesterday"), "--since: 'yesterday' is no date, must look like"),
        (("compact", "--older-than", "long"), "--older-than: 'long' is no duration"),
    ],
)
def test_a_span_that_is_none_is_told_in_one_line(
    ballast: Ballast, config: str, arguments: tuple[str, ...], line: str
) -> None:
    ran = ballast("db", *arguments, "--config", config)
    assert (ran.code, ran.out) == (1, "")
    assert line in ran.err
    assert ran.err.count("\n") == 1
