"""`ballast accept`: a yes to the very edit that waits, after what it raises and what it would trade was shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from bot.clocks import host_utc_now
from bot.core.plan import plan
from bot.core.snapshot import parse
from bot.settings import load_text
from bot.settings.watch import edit_of
from bot.store.sql import SqlControls, SqlStore
from tests.contract.store.builders import a_run
from tests.unit.cli.ran import Ballast
from tests.unit.cli.recorded import BEAT, MAIN
from tests.unit.cli.snapshots import CONFIG, a_config_file, a_snapshot

BOLDER = CONFIG.replace("floor: 0.05", "floor: 0.01").replace("BTC: 0.6, ETH: 0.4", "BTC: 0.3, ETH: 0.7")


def url_of(ballast: Ballast) -> str:
    return f"sqlite+aiosqlite:///{ballast.folder / 'data' / 'ballast.db'}"


async def beaten(ballast: Ballast, edit: Mapping[str, Any] | None) -> None:
    """A bot that decided once under the careful file, and then says which edit waits."""
    (ballast.folder / "data").mkdir(exist_ok=True)
    policy, snapshot = load_text(CONFIG, {}).policy(), parse(json.dumps(a_snapshot({"BTC": 0.54, "ETH": 0.36})))
    store = SqlStore(url_of(ballast), host_utc_now)
    await store.open(MAIN, migrate=True)
    fence = await store.lead("test", 60)
    await store.start_run(a_run(), fence)
    await store.begin("c1", snapshot, policy, plan(snapshot, policy), [], [], fence)
    await store.beat({**BEAT, "edit": edit}, fence)
    await store.release(fence)
    await store.close()


async def asked(ballast: Ballast) -> list[tuple[str, str, str]]:
    controls = SqlControls(url_of(ballast), MAIN, host_utc_now)
    rows = await controls.read(0)
    await controls.close()
    return [(row.what, row.value, row.why) for row in rows]


def test_the_edit_that_waits_is_shown_and_accepted_by_its_name(ballast: Ballast) -> None:
    path = a_config_file(ballast.folder, BOLDER)
    edit = {"id": edit_of(path), "raises": ["targets.stables.floor: 0.05 → 0.01"]}
    asyncio.run(beaten(ballast, edit))
    ran = ballast("accept", "--config", path, "--yes", "--reason", "looked at")
    assert (ran.code, ran.err) == (0, "")
    assert "raises risk: targets.stables.floor: 0.05 → 0.01" in ran.out
    assert "of the book now" in " ".join(ran.out.split())
    assert asyncio.run(asked(ballast)) == [("accept", edit["id"], "looked at")]


def test_without_a_terminal_and_without_yes_nothing_is_asked(ballast: Ballast) -> None:
    path = a_config_file(ballast.folder, BOLDER)
    asyncio.run(beaten(ballast, {"id": edit_of(path), "raises": ["x: 1 → 2"]}))
    ran = ballast("accept", "--config", path)
    assert ran.code == 1
    assert "nobody to ask" in ran.err
    assert asyncio.run(asked(ballast)) == []


def test_a_file_that_was_edited_again_is_not_what_was_looked_at(ballast: Ballast) -> None:
    path = a_config_file(ballast.folder, BOLDER)
    asyncio.run(beaten(ballast, {"id": "00000000", "raises": ["x: 1 → 2"]}))
    ran = ballast("accept", "--config", path, "--yes")
    assert ran.code == 1
    assert "was edited again since the bot looked" in ran.err


def test_where_nothing_waits_it_says_so(ballast: Ballast) -> None:
    path = a_config_file(ballast.folder, CONFIG)
    asyncio.run(beaten(ballast, None))
    ran = ballast("accept", "--config", path, "--yes")
    assert (ran.code, ran.err.strip()) == (1, "no edit of the configuration waits for a yes")
