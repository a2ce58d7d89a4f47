"""`ballast fleet`: what is missing or wrong is one line, and how a fleet stands is a table or JSON."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from bot.cli.fleet import address
from tests.unit.cli.ran import Ballast
from tests.unit.cli.recorded import a_record


def test_a_fleet_without_a_folder_or_a_record_is_wrong_usage(ballast: Ballast) -> None:
    ran = ballast("fleet", "--store", "postgresql://db/ballast")
    assert (ran.code, ran.err) == (64, "ballast fleet: --portfolios DIR is missing; see `ballast fleet --help`\n")
    ran = ballast("fleet", "run", "--portfolios", "nowhere")
    assert (ran.code, ran.err) == (64, "ballast fleet: --store URL is missing; see `ballast fleet --help`\n")
    ran = ballast("fleet", "status")
    assert ran.code == 64


def test_a_folder_without_a_good_portfolio_is_told_file_by_file(ballast: Ballast, tmp_path: Path) -> None:
    folder = tmp_path / "portfolios"
    ran = ballast("fleet", "--portfolios", str(folder), "--store", "postgresql://db/ballast")
    assert (ran.code, ran.err) == (1, f"{folder}: cannot be read: No such file or directory\n")
    folder.mkdir()
    ran = ballast("fleet", "--portfolios", str(folder), "--store", "postgresql://db/ballast")
    assert (ran.code, ran.err) == (1, f"{folder}: holds no NAME.yaml; each is one portfolio\n")
    (folder / "one.yaml").write_text("targets: 1\n")
    ran = ballast("fleet", "--portfolios", str(folder), "--store", "postgresql://db/ballast")
    assert ran.code == 1
    assert ran.err.startswith(f"{folder}/one.yaml: targets:")


def test_how_a_fleet_stands_is_told_to_people_and_machines(ballast: Ballast) -> None:
    asyncio.run(a_record(ballast.folder))
    store = f"sqlite:///{ballast.folder}/data/ballast.db"
    ran = ballast("fleet", "status", "--store", store)
    assert ran.code == 0
    assert "0 of 1 portfolios led by 0 workers" in ran.out
    body = json.loads(ballast("fleet", "status", "--store", store, "--json").out)
    assert [(each["portfolio"], each["leader"]) for each in body["portfolios"]] == [("main", None)]


def test_there_is_no_fleet_where_there_is_no_record(ballast: Ballast) -> None:
    ran = ballast("fleet", "status", "--store", f"sqlite:///{ballast.folder}/none.db")
    assert (ran.code, "`ballast fleet` makes one" in ran.err) == (1, True)


def test_an_address_needs_no_driver() -> None:
    assert address("postgresql://me@db/name") == address("postgres://me@db/name") == "postgresql+asyncpg://me@db/name"
    assert address("sqlite:///data/x.db") == "sqlite+aiosqlite:///data/x.db"
    assert address("postgresql+asyncpg://db/x") == "postgresql+asyncpg://db/x"
