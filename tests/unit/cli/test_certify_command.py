"""`ballast certify`: refused before anybody is connected to where it cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.certify import _must_agree, terms_of
from bot.cli.told import Told
from bot.settings import Settings, load
from tests.builders import D
from tests.unit.cli.ran import Ballast

TEXT = """
mode: {mode}
venue: {{id: binance, environment: {environment}}}
targets: {{sleeves: {{majors: {{weight: 0.9, assets: [BTC]}}}}}}
store: {{url: "sqlite+aiosqlite:///{folder}/live.db"}}
"""


def a_file(folder: Path, *, mode: str = "testnet", environment: str = "demo") -> Path:
    path = folder / "portfolio.yaml"
    path.write_text(TEXT.format(mode=mode, environment=environment, folder=folder), encoding="utf-8")
    return path


def settings_of(folder: Path, *, mode: str = "testnet", environment: str = "demo") -> Settings:
    return load(a_file(folder, mode=mode, environment=environment), {})


@pytest.mark.parametrize("mode", ["paper", "dry-run"])
def test_a_mode_that_sends_nothing_is_named(ballast: Ballast, tmp_path: Path, mode: str) -> None:
    ran = ballast("certify", "--config", a_file(tmp_path, mode=mode, environment="production"))
    assert ran.code == 1
    assert f"mode is {mode}, must be testnet or live: an acceptance run sends real orders" in ran.err


def test_the_built_in_exchange_must_run_beside(ballast: Ballast, tmp_path: Path) -> None:
    ran = ballast("certify", "--config", a_file(tmp_path, environment="local"))
    assert ran.code == 1
    assert "local.url names no exchange; `ballast local-exchange` runs one to rehearse on" in ran.err


def test_without_a_key_nothing_is_tried(ballast: Ballast, tmp_path: Path) -> None:
    ran = ballast("certify", "--config", a_file(tmp_path))
    assert ran.code == 1
    assert "needs BALLAST_VENUE__API_KEY and BALLAST_VENUE__SECRET" in ran.err
    assert not list(tmp_path.glob("certificates/*"))


def test_another_venue_can_be_named(ballast: Ballast, tmp_path: Path) -> None:
    ran = ballast("certify", "--config", a_file(tmp_path, environment="local"), "--venue", "kraken")
    assert ran.code == 1
    assert "venue.id: is kraken, must be binance or bybit with venue.environment local" in ran.err


@pytest.mark.parametrize("limit", ["much", "0", "-5", "nan"])
def test_a_limit_is_an_amount_of_money(ballast: Ballast, tmp_path: Path, limit: str) -> None:
    ran = ballast("certify", "--config", a_file(tmp_path), f"--limit={limit}")
    assert ran.code == 64
    assert f"{limit}, must be an amount of money such as 50" in ran.err


@pytest.mark.parametrize(
    ("mode", "environment", "yes", "why"),
    [
        ("live", "production", True, "real money is agreed to by a person at a terminal"),
        ("live", "production", False, "real money is agreed to by a person at a terminal"),
        ("testnet", "demo", False, "--yes says yes to play money"),
    ],
)
def test_nobody_at_a_terminal_is_nobody_who_agreed(
    tmp_path: Path, mode: str, environment: str, yes: bool, why: str
) -> None:
    settings = settings_of(tmp_path, mode=mode, environment=environment)
    terms = terms_of(settings, asset="btc", limit=D(50), samples=1)
    with pytest.raises(Told, match=f"nobody to ask, since stdin is no terminal: {why}; nothing was sent"):
        _must_agree(settings, terms, yes=yes)


def test_play_money_can_be_agreed_to_beforehand(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    terms = terms_of(settings, asset="btc", samples=1)
    _must_agree(settings, terms, yes=True)
    assert (terms.spot, terms.swap, terms.limit) == ("BTC/USDT", "BTC/USDT:USDT", D(0))


def test_two_runs_never_share_a_client_id(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert terms_of(settings, asset="BTC", samples=1).run != terms_of(settings, asset="BTC", samples=1).run
