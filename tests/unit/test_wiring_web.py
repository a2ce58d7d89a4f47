"""The dashboard's composition: its token, what it must not know, when the bot runs without it, and what-if plans."""

from __future__ import annotations

import asyncio
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.settings import Settings, load
from bot.web.terms import WebRefused, WhatIfRefused
from bot.wiring_web import TOKEN_FILE, Planner, dashboard_beside, dashboard_of, edited, planned, settings_without_keys
from bot.wiring_web import token_of as token_in
from tests.unit.cli.recorded import MAIN, a_record
from tests.unit.cli.snapshots import CONFIG


def settings_in(folder: Path, more: str = "", **env: str) -> Settings:
    file = folder / "portfolio.yaml"
    store = f'store: {{url: "sqlite+aiosqlite:///{folder}/data/ballast.db"}}\n'
    file.write_text(CONFIG + store + more, encoding="utf-8")
    return load(file, env)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# ---- the token


def test_the_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first, fresh = token_in(tmp_path / "data")
    assert fresh
    assert len(first) >= 43
    assert stat.S_IMODE((tmp_path / "data" / TOKEN_FILE).stat().st_mode) == 0o600
    assert token_in(tmp_path / "data") == (first, False)
    other, _ = token_in(tmp_path / "elsewhere")
    assert other != first


def test_a_token_that_others_may_read_is_refused(tmp_path: Path) -> None:
    token_in(tmp_path)
    (tmp_path / TOKEN_FILE).chmod(0o640)
    with pytest.raises(WebRefused, match=r"others may read it; chmod 600"):
        token_in(tmp_path)


def test_a_weak_token_that_somebody_wrote_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / TOKEN_FILE).write_text("secret\n", encoding="ascii")
    (tmp_path / "data" / TOKEN_FILE).chmod(0o600)
    with pytest.raises(WebRefused, match="has 6 characters, must have at least 32"):
        dashboard_of(settings)


# ---- without keys


def test_the_settings_of_a_dashboard_hold_no_key_wherever_it_was_written(tmp_path: Path) -> None:
    settings_in(tmp_path)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "ballast_venue__secret").write_text("canary-b", encoding="ascii")
    (secrets / "ballast_venue__secret").chmod(0o600)
    env = {"BALLAST_VENUE__API_KEY": "canary-a", "BALLAST_SECRETS_DIR": str(secrets)}
    whole = load(tmp_path / "portfolio.yaml", env)
    assert set(whole.secrets()) == {"canary-a", "canary-b"}
    assert settings_without_keys(tmp_path / "portfolio.yaml", env).secrets() == ()


# ---- beside the bot


async def test_paper_is_served_in_the_bots_own_loop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    async with dashboard_beside(settings_in(tmp_path, f"web: {{port: {port}}}\nlog: {{format: text}}\n")):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"server:" not in answer.lower()
    said = capsys.readouterr().err
    assert f"dashboard: http://127.0.0.1:{port}" in said
    assert (tmp_path / "data" / TOKEN_FILE).read_text(encoding="ascii").strip() in said
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_second_start_does_not_tell_the_token_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_in(tmp_path, "web: {port: 0}\nlog: {format: text}\n")
    for _ in range(2):
        async with dashboard_beside(settings):
            pass
    assert capsys.readouterr().err.count("dashboard token") == 1


async def test_a_log_for_machines_tells_the_address_and_never_the_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capture_logs() as lines:
        async with dashboard_beside(settings_in(tmp_path, "web: {port: 0}\nlog: {format: json}\n")):
            pass
    (line,) = [each for each in lines if each["event"] == "dashboard"]
    assert line["url"].startswith("http://127.0.0.1:")
    token = (tmp_path / "data" / TOKEN_FILE).read_text(encoding="ascii").strip()
    said = capsys.readouterr()
    assert token not in str(lines) + said.out + said.err


async def test_a_bot_whose_port_is_taken_runs_without_a_dashboard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings = settings_in(tmp_path, f"web: {{port: {other.getsockname()[1]}}}\n")
        ran = False
        async with dashboard_beside(settings):
            ran = True
    assert ran
    said = capsys.readouterr()
    assert "cannot listen on 127.0.0.1" in said.out + said.err
    assert "dashboard: http" not in said.err


@pytest.mark.parametrize("more", ["web: {enabled: false}\n", "mode: testnet\n"])
async def test_it_is_served_beside_the_bot_in_paper_alone_and_where_it_is_wanted(tmp_path: Path, more: str) -> None:
    text = CONFIG.replace("mode: paper\n", "") if more.startswith("mode") else CONFIG
    file = tmp_path / "portfolio.yaml"
    file.write_text(f'{text}store: {{url: "sqlite+aiosqlite:///{tmp_path}/b.db"}}\n{more}', encoding="utf-8")
    async with dashboard_beside(load(file, {})):
        assert not (tmp_path / TOKEN_FILE).exists()


def test_names_of_a_proxy_are_host_names(tmp_path: Path) -> None:
    assert settings_in(tmp_path, "web: {names: [ballast.example], behind_tls: true}\n").web.names == (
        "ballast.example",
    )
    for wrong in ("https://x", "x:8787", "*", ""):
        with pytest.raises(Exception, match=r"web\.names"):
            settings_in(tmp_path, f"web: {{names: ['{wrong}']}}\n")


# ---- what if

TARGETS: dict[str, Any] = {
    "stables": {"weight": "0.1"},
    "sleeves": {"majors": {"weight": "0.9", "assets": {"BTC": "0.6", "ETH": "0.4"}}},
}


def test_an_edit_changes_the_weights_it_names_and_no_other() -> None:
    edit = {"stables": {"weight": "0.2"}, "sleeves": {"majors": {"weight": "0.8", "assets": {"BTC": "0.5"}}}}
    made = edited(TARGETS, edit)
    assert made == {
        "stables": {"weight": "0.2"},
        "sleeves": {"majors": {"weight": "0.8", "assets": {"BTC": "0.5", "ETH": "0.4"}}},
    }
    assert TARGETS["stables"] == {"weight": "0.1"}


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ({"sleeves": {"minors": {"weight": "0.1"}}}, "minors: is no sleeve, must be one of majors"),
        ({"sleeves": {"majors": {"assets": {"SOL": "0.1"}}}}, r"majors\.SOL: has no weight of its own"),
    ],
)
def test_an_edit_of_what_is_not_there_is_refused(edit: dict[str, Any], why: str) -> None:
    with pytest.raises(WhatIfRefused, match=why):
        edited(TARGETS, edit)


def url_of(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/data/ballast.db"


async def test_the_last_snapshot_is_planned_with_edited_targets_and_the_record_stays_as_it_was(tmp_path: Path) -> None:
    plans = await a_record(tmp_path)
    policy_targets = load(_config(tmp_path), {}).policy().targets
    (sleeve, *_) = policy_targets.sleeves
    weight = policy_targets.sleeves[sleeve].weight / 2
    stables = policy_targets.stables.weight + weight
    edit = {"stables": {"weight": f"{stables:f}"}, "sleeves": {sleeve: {"weight": f"{weight:f}"}}}
    before = (tmp_path / "data" / "ballast.db").read_bytes()
    made = await Planner(url_of(tmp_path), MAIN)(edit)
    assert made["now"] == plans[-1].body()
    was = {item["asset"]: item["target"] for item in made["now"]["exposures"]}
    now = {item["asset"]: item["target"] for item in made["plan"]["exposures"]}
    assert now == {asset: pytest.approx(target / 2) for asset, target in was.items()}
    assert (tmp_path / "data" / "ballast.db").read_bytes() == before


def _config(folder: Path) -> Path:
    file = folder / "c.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


async def test_weights_that_do_not_sum_to_one_are_refused_in_the_words_of_the_configuration(tmp_path: Path) -> None:
    await a_record(tmp_path)
    with pytest.raises(WhatIfRefused, match="sum to"):
        await asyncio.to_thread(planned, url_of(tmp_path), MAIN, {"stables": {"weight": "0.99"}})


async def test_nothing_recorded_is_nothing_to_plan_with(tmp_path: Path) -> None:
    with pytest.raises(WhatIfRefused, match="there is no record"):
        await asyncio.to_thread(planned, url_of(tmp_path), MAIN, {})


async def test_one_plan_is_made_at_a_time(tmp_path: Path) -> None:
    await a_record(tmp_path)
    planner = Planner(url_of(tmp_path), MAIN)
    first = asyncio.create_task(planner({}))
    await asyncio.sleep(0.01)
    with pytest.raises(WhatIfRefused, match="another plan is being made"):
        await planner({})
    assert (await first)["plan"]["version"] == 1
