from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from bot.clocks import host_utc_now
from bot.core.plan import plan
from bot.core.plan_record import Plan
from bot.core.snapshot import parse
from bot.ports.store import ControlRow
from bot.settings import load_text
from bot.store.sql import SqlControls, SqlStore
from tests.contract.store.builders import a_run
from tests.unit.cli.ran import Ballast
from tests.unit.cli.recorded import MAIN
from tests.unit.cli.snapshots import CONFIG, a_config_file, a_snapshot

MANUAL = f"approve: manual\n{CONFIG}"


@pytest.fixture
def config(ballast: Ballast) -> str:
    return str(a_config_file(ballast.folder, MANUAL))


def url_of(ballast: Ballast) -> str:
    return f"sqlite+aiosqlite:///{ballast.folder / 'data' / 'ballast.db'}"


async def _recorded(ballast: Ballast, weights: dict[str, float]) -> Plan:
    (ballast.folder / "data").mkdir(exist_ok=True)
    policy = load_text(MANUAL, {}).policy()
    snapshot = parse(json.dumps(a_snapshot(weights)))
    made = plan(snapshot, policy)
    store = SqlStore(url_of(ballast), host_utc_now)
    await store.open(MAIN, migrate=True)
    fence = await store.lead("test", 60)
    await store.start_run(a_run(), fence)
    await store.begin("c1", snapshot, policy, made, [], [], fence)
    await store.release(fence)
    await store.close()
    return made


def a_decision(ballast: Ballast, weights: dict[str, float]) -> Plan:
    return asyncio.run(_recorded(ballast, weights))


async def _asked(ballast: Ballast) -> Sequence[ControlRow]:
    controls = SqlControls(url_of(ballast), MAIN, host_utc_now)
    rows = await controls.read(0)
    await controls.close()
    return rows


OVER = {"BTC": 0.64, "ETH": 0.20}


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_a_word_on_a_waiting_decision_is_asked_for_under_its_whole_id(ballast: Ballast, config: str, word: str) -> None:
    made = a_decision(ballast, OVER)
    ran = ballast(word, made.decision_id[:6], "--config", config, "--reason", "looked at it")
    assert (ran.code, ran.err) == (0, "")
    assert f"{word}{'d' if word == 'approve' else 'ed'}: Trim BTC −5.0 points (R-A3)." in ran.out
    (row,) = asyncio.run(_asked(ballast))
    assert (row.what, row.value, row.why) == (word, made.decision_id, "looked at it")


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_a_decision_in_which_nothing_waits_takes_no_word(ballast: Ballast, config: str, word: str) -> None:
    made = a_decision(ballast, {"BTC": 0.54, "ETH": 0.36})
    ran = ballast(word, made.decision_id, "--config", config)
    assert (ran.code, ran.out) == (1, "")
    assert "nothing in it waits for a yes" in ran.err
    assert asyncio.run(_asked(ballast)) == []


def test_an_unknown_decision_takes_no_word(ballast: Ballast, config: str) -> None:
    a_decision(ballast, OVER)
    ran = ballast("approve", "nothing", "--config", config)
    assert (ran.code, ran.out) == (1, "")
    assert "begins no decision's id" in ran.err
    assert asyncio.run(_asked(ballast)) == []
