from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bot.clocks import host_utc_now
from bot.core.numbers import utc_text
from bot.core.plan_record import Plan
from bot.ports.store import ControlRow, Identity
from bot.render.status import PROMISED
from bot.store.sql import SqlControls, SqlStore
from tests.unit.cli.ran import Ballast
from tests.unit.cli.recorded import BEAT, MAIN, a_record
from tests.unit.cli.snapshots import CONFIG, a_config_file


@pytest.fixture
def config(ballast: Ballast) -> str:
    return str(a_config_file(ballast.folder))


@pytest.fixture
def plans(ballast: Ballast) -> list[Plan]:
    """Two recorded decisions, oldest first: a trim, a hold."""
    return asyncio.run(a_record(ballast.folder))


@pytest.mark.parametrize(
    "command", [["decisions"], ["orders"], ["explain", "d"], ["why", "BTC"], ["status"]], ids=" ".join
)
def test_where_nothing_is_recorded_it_says_what_would_make_a_record(
    ballast: Ballast, config: str, command: list[str]
) -> None:
    ran = ballast(*command, "--config", config)
    assert (ran.code, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 1
    assert "`ballast run` makes one" in ran.err
    assert not (ballast.folder / "data").exists()


def test_decisions_are_listed_newest_first_each_with_its_holds_and_their_reasons(
    ballast: Ballast, config: str, plans: list[Plan]
) -> None:
    found = ballast("decisions", "--config", config, "--json").json
    assert [each["decision_id"] for each in found] == [each.decision_id for each in reversed(plans)]
    assert [each["outcome"] for each in found] == ["hold", "actions"]
    assert found[1]["actions"] == plans[0].body()["actions"]
    assert all(hold["why"] for hold in found[0]["holds"])


def test_decisions_can_be_limited_and_asked_by_asset(ballast: Ballast, config: str, plans: list[Plan]) -> None:
    assert len(ballast("decisions", "--config", config, "--json", "--limit", "1").json) == 1
    about = ballast("decisions", "--config", config, "--json", "--asset", "BTC").json
    assert [each["decision_id"] for each in about] == [plans[0].decision_id]


def test_the_list_for_people_tells_trims_and_holds(ballast: Ballast, config: str, plans: list[Plan]) -> None:
    lines = [line.rstrip() for line in ballast("decisions", "--config", config).out.splitlines()]
    assert lines[1].startswith("2026-01-05 12:10:00")
    assert lines[1].endswith("hold")
    assert plans[0].decision_id in lines[2]
    assert lines[2].endswith("trim BTC −5.0")


def test_orders_hold_what_the_contract_promises(ballast: Ballast, config: str, plans: list[Plan]) -> None:
    (order,) = ballast("orders", "--config", config, "--json").json
    assert order["decision_id"] == plans[0].decision_id
    assert (order["symbol"], order["side"], order["amount"], order["filled"], order["state"]) == (
        "BTC/USDT",
        "sell",
        "0.06",
        "0.06",
        "filled",
    )
    assert order["client_id"].startswith("bp")
    assert order["created_at"].endswith("Z")
    assert "sell 0.06 BTC/USDT at 50,000.00" in ballast("orders", "--config", config).out


def test_a_decision_is_explained_by_the_beginning_of_its_id_with_what_followed(
    ballast: Ballast, config: str, plans: list[Plan]
) -> None:
    ran = ballast("explain", plans[0].decision_id[:9], "--config", config)
    assert ran.code == 0
    assert "Trim BTC −5.0 points" in ran.out
    assert "sell 0.06 BTC/USDT at 50,000.00: filled" in ran.out
    body = ballast("explain", plans[0].decision_id, "--config", config, "--json").json
    assert body["actions"] == plans[0].body()["actions"]
    assert [each["client_id"] for each in body["orders"]] == [each["client_id"] for each in body["fills"]]


async def _pruned(ballast: Ballast) -> int:
    store = SqlStore(f"sqlite+aiosqlite:///{ballast.folder / 'data' / 'ballast.db'}", host_utc_now)
    await store.open(MAIN, migrate=False)
    fence = await store.lead("test", 60)
    dropped = await store.prune(datetime(2027, 1, 1, tzinfo=UTC), fence)
    await store.close()
    return dropped


def test_a_decision_whose_snapshot_was_pruned_is_told_all_the_same(
    ballast: Ballast, config: str, plans: list[Plan]
) -> None:
    held = plans[1].decision_id
    before = ballast("explain", held, "--config", config)
    assert asyncio.run(_pruned(ballast)) > 0
    assert ballast("explain", held[:9], "--config", config).out == before.out


@pytest.mark.parametrize("prefix", ["nothing", "d"])
def test_an_id_that_names_none_or_several_is_told(
    ballast: Ballast, config: str, plans: list[Plan], prefix: str
) -> None:
    ran = ballast("explain", prefix, "--config", config)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"{prefix}: begins no decision's id, or those of several")


def test_why_tells_an_assets_band_its_word_and_the_nearest_flip(
    ballast: Ballast, config: str, plans: list[Plan]
) -> None:
    ran = ballast("why", "btc", "--config", config)
    said = " ".join(ran.out.split())
    hold = next(each for each in plans[1].holds if each.asset == "BTC")
    assert f"Holds ({hold.rule}): {hold.why}; nearest: {hold.nearest}." in said
    assert "49.0 % " in said
    assert "├─────────●─────────┤" in said
    assert ballast("why", "BTC", "--config", config, "--json").json["holds"][0]["nearest"] == hold.nearest


def test_why_of_an_asset_that_is_not_configured_names_those_that_are(
    ballast: Ballast, config: str, plans: list[Plan]
) -> None:
    ran = ballast("why", "DOGE", "--config", config)
    assert (ran.code, ran.err) == (1, "DOGE: is not configured, must be one of BTC, ETH\n")


def test_status_holds_what_the_contract_promises(ballast: Ballast, config: str, plans: list[Plan]) -> None:
    body = ballast("status", "--config", config, "--json").json
    assert PROMISED.keys() <= body.keys()
    assert (body["mode"], body["cycles"], body["equity"], body["kill"]["level"]) == ("paper", 2, "100000.00", "off")
    ran = ballast("status", "--config", config)
    assert ran.code == 0
    assert "100,000.00 USDT" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


def test_a_kill_that_no_bot_has_taken_up_yet_shows_in_the_status(
    ballast: Ballast, config: str, plans: list[Plan]
) -> None:
    ran = ballast("kill", "halt", "--reason", "odd fills", "--config", config)
    assert (ran.code, ran.err) == (0, "")
    kill = ballast("status", "--config", config, "--json").json["kill"]
    assert (kill["level"], kill["reason"]) == ("halt", "odd fills")
    assert kill["by"].startswith("cli")
    assert "kill switch halt: odd fills" in ballast("status", "--config", config).out


def test_a_resume_without_yes_asks_and_where_nobody_answers_nothing_happens(
    ballast: Ballast, config: str, plans: list[Plan]
) -> None:
    ballast("kill", "freeze", "--config", config)
    ran = ballast("resume", "--config", config)
    assert ran.code == 1
    assert "nobody to ask" in ran.err
    assert ballast("status", "--config", config, "--json").json["kill"]["level"] == "freeze"


def test_a_resume_with_yes_lifts_what_was_asked_for(ballast: Ballast, config: str, plans: list[Plan]) -> None:
    ballast("kill", "freeze", "--config", config)
    ran = ballast("resume", "--yes", "--config", config)
    assert (ran.code, ran.out, ran.err) == (0, "resumed.\n", "")
    assert ballast("status", "--config", config, "--json").json["kill"]["level"] == "off"


def test_a_resume_after_the_last_beat_shows_though_no_bot_runs(ballast: Ballast, config: str) -> None:
    kill = {"level": "halt", "reason": "test", "by": "cli", "at": "2026-01-05T12:00:00Z"}
    asyncio.run(a_record(ballast.folder, beat={**BEAT, "kill": kill}))
    assert ballast("status", "--config", config, "--json").json["kill"] == kill
    ballast("resume", "--yes", "--config", config)
    assert ballast("status", "--config", config, "--json").json["kill"]["level"] == "off"
    ballast.environment.setenv("BALLAST_KILL_SWITCH", "freeze")
    assert ballast("status", "--config", config, "--json").json["kill"]["level"] == "freeze"


def test_a_resume_says_which_source_still_says_more(ballast: Ballast, config: str, plans: list[Plan]) -> None:
    ballast.environment.setenv("BALLAST_KILL_SWITCH", "halt")
    ran = ballast("resume", "--yes", "--config", config)
    assert ran.code == 1
    assert ran.err.startswith("environment BALLAST_KILL_SWITCH: kill_switch still says halt")


def test_a_kill_before_the_first_start_is_kept_for_it(ballast: Ballast, config: str) -> None:
    assert ballast("kill", "halt", "--config", config).code == 0
    assert ballast("status", "--config", config, "--json").json["kill"]["level"] == "halt"


def test_adopt_and_rearm_are_requests_to_the_running_bot(ballast: Ballast, config: str, plans: list[Plan]) -> None:
    assert ballast("adopt", "--yes", "--config", config).code == 0
    assert ballast("rearm", "--config", config).code == 0
    assert ballast("rearm", "BTC", "--config", config).code == 0
    assert ballast("rearm", "DOGE", "--config", config).err == "DOGE: is not configured, must be one of BTC, ETH\n"
    asked = asyncio.run(requests(ballast))
    assert [(row.what, row.value) for row in asked] == [("adopt", ""), ("rearm", ""), ("rearm", "BTC")]


async def requests(ballast: Ballast) -> Sequence[ControlRow]:
    controls = SqlControls(f"sqlite+aiosqlite:///{ballast.folder / 'data' / 'ballast.db'}", MAIN, host_utc_now)
    try:
        return await controls.read(0)
    finally:
        await controls.close()


@pytest.mark.parametrize(("age_s", "code"), [(10, 0), (59, 0), (120, 1)])
def test_a_fresh_status_is_one_of_the_last_minute_or_three_cycles(
    ballast: Ballast, config: str, age_s: float, code: int
) -> None:
    beat_at = host_utc_now() - timedelta(seconds=age_s)
    asyncio.run(a_record(ballast.folder, beat={**BEAT, "beat_at": utc_text(beat_at)}))
    ran = ballast("status", "--fresh", "--config", config)
    assert ran.code == code
    assert ("is it running?" in ran.err) == bool(code)


def test_three_long_cycles_are_fresh_too(ballast: Ballast) -> None:
    config = a_config_file(ballast.folder, CONFIG + "cycle: 1h\nvenue: {environment: production}\n")
    beat_at = host_utc_now() - timedelta(hours=2)
    production = Identity("main", "paper", "binance", "production")
    asyncio.run(a_record(ballast.folder, identity=production, beat={**BEAT, "beat_at": utc_text(beat_at)}))
    assert ballast("status", "--fresh", "--config", config).code == 0


def test_a_database_is_made_once_and_then_needs_nothing(ballast: Ballast, config: str) -> None:
    assert ballast("db", "upgrade", "--config", config).out == "upgraded.\n"
    assert (ballast.folder / "data" / "ballast.db").is_file()
    assert ballast("db", "upgrade", "--config", config).out.startswith("nothing to do")


def test_what_another_mode_recorded_is_shown_with_a_note(ballast: Ballast, config: str) -> None:
    asyncio.run(a_record(ballast.folder, identity=Identity("main", "testnet", "binance", "local")))
    ran = ballast("decisions", "--config", config, "--json")
    assert len(ran.json) == 2
    assert ran.err == "note: nothing recorded for main (paper, binance local); showing main (testnet, binance local)\n"


def test_trades_are_listed_newest_first_and_told_as_csv_oldest_first(
    ballast: Ballast, config: str, plans: list[Plan]
) -> None:
    found = ballast("trades", "--config", config, "--json").json
    assert [(each["side"], each["amount"], each["decision_id"]) for each in found] == [
        ("sell", "0.06", plans[0].decision_id)
    ]
    lines = ballast("trades", "--config", config, "--csv").out.splitlines()
    assert lines[0].startswith("at,symbol,side,amount,price,notional,fee,")
    assert len(lines) == 2
    assert ",sell,0.06,50000,3000.00," in lines[1]
    assert "sell BTC/USDT" in ballast("trades", "--config", config).out


def test_decisions_as_csv_have_a_row_for_each_action_and_hold_with_its_reason(
    ballast: Ballast, config: str, plans: list[Plan]
) -> None:
    lines = ballast("decisions", "--config", config, "--csv").out.splitlines()
    assert lines[0] == "at,decision_id,equity,what,kind,asset,rule,exposure_change,why,gates,nearest"
    assert len(lines) == 1 + sum(len(each.actions) + len(each.blocked) + len(each.holds) for each in plans)
    assert lines[1].split(",")[1] == plans[0].decision_id


def test_a_list_is_csv_or_json_but_not_both(ballast: Ballast, config: str, plans: list[Plan]) -> None:
    for command in ("trades", "decisions"):
        ran = ballast(command, "--config", config, "--csv", "--json")
        assert (ran.code, ran.err) == (1, "--csv and --json: must be one of the two\n")
