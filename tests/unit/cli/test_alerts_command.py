from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.clocks import host_utc_now
from bot.store.sql import SqlStore
from tests.contract.store.builders import NOON, an_event
from tests.unit.cli.ran import Ballast
from tests.unit.cli.recorded import MAIN, a_record
from tests.unit.cli.snapshots import a_config_file


async def tell(folder: Path, *alerts: tuple[str, str]) -> None:
    store = SqlStore(f"sqlite+aiosqlite:///{folder / 'data' / 'ballast.db'}", host_utc_now)
    await store.open(MAIN, migrate=False)
    fence = await store.lead("test", 60)
    for number, (level, text) in enumerate(alerts):
        await store.append([an_event("alert", f"{text}:{number}", at=NOON, level=level, text=text)], fence)
    await store.release(fence)
    await store.close()


@pytest.fixture
def config(ballast: Ballast) -> str:
    asyncio.run(a_record(ballast.folder))
    return str(a_config_file(ballast.folder))


def test_a_bot_that_told_nothing_says_so(ballast: Ballast, config: str) -> None:
    ran = ballast("alerts", "--config", config)
    assert (ran.code, ran.out) == (0, "no alerts.\n")


def test_alerts_are_listed_newest_first_and_unread_until_somebody_says_so(ballast: Ballast, config: str) -> None:
    asyncio.run(tell(ballast.folder, ("warning", "the spread is wide"), ("critical", "halted")))
    ran = ballast("alerts", "--config", config)
    assert ran.out.index("halted") < ran.out.index("the spread is wide")
    assert ran.out.count("unread") == 2
    assert "`ballast resume` waits" in ran.out
    assert "count as read now" in ballast("alerts", "--config", config, "--read").out
    assert all(each["read"] for each in ballast("alerts", "--config", config, "--json").json)
    asyncio.run(tell(ballast.folder, ("info", "a day went by")))
    assert [each["read"] for each in ballast("alerts", "--config", config, "--json").json] == [False, True, True]


def test_nothing_is_resumed_over_an_unread_critical_alert(ballast: Ballast, config: str) -> None:
    asyncio.run(tell(ballast.folder, ("critical", "the breaker tripped")))
    ran = ballast("resume", "--yes", "--config", config)
    assert ran.code == 1
    assert ran.err == (
        "1 critical alerts are unread, the last: the breaker tripped; read them first: `ballast alerts --read`\n"
    )
    ballast("alerts", "--read", "--config", config)
    assert ballast("resume", "--yes", "--config", config).code == 0


def test_a_warning_does_not_stand_in_the_way_of_resume(ballast: Ballast, config: str) -> None:
    asyncio.run(tell(ballast.folder, ("warning", "the spread is wide")))
    assert ballast("resume", "--yes", "--config", config).code == 0


def test_a_bot_that_never_ran_can_be_resumed(ballast: Ballast) -> None:
    assert ballast("resume", "--yes", "--config", a_config_file(ballast.folder)).code == 0
