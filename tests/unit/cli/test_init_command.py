from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.core.snapshot import Balance, Ticker
from bot.render.first_config import RISKS, Answers, Risk, first_config, shares_held, within
from bot.settings import load, load_text
from tests.builders import NOON, D
from tests.unit.cli.ran import Ballast


def test_a_first_configuration_is_written_and_passes_check(ballast: Ballast) -> None:
    told = {"venue": "binance", "environment": "local", "targets": "BTC=0.5, eth=0.3", "risk": "balanced"}
    ran = ballast("init", "my.yaml", *(word for name, value in told.items() for word in (f"--{name}", value)))
    assert (ran.code, ran.err) == (0, "")
    assert "next: ballast plan --config my.yaml" in ran.out
    path = ballast.folder / "my.yaml"
    settings = load(path, {})
    assert (settings.mode, settings.portfolio, settings.venue.id) == ("paper", "my", "binance")
    assert ballast("check", "--config", path).code == 0
    assert ballast("plan", "--config", path).code in (0, 2)


@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("environment", ["local", "production", "testnet", "demo"])
def test_every_answer_makes_a_file_that_loads_with_the_weights_asked_for(risk: Risk, environment: str) -> None:
    wanted = {"BTC": D("0.37"), "ETH": D("0.21"), "SOL": D("0.11")}
    mode = "paper" if environment in ("local", "production") else "testnet"
    text = first_config(Answers("binance", environment, mode, "mine", wanted, risk))
    settings = load_text(text, {})
    sleeve = settings.targets.sleeves["coins"]
    assert sleeve.weight == D("0.69")
    assert settings.targets.stables.weight == D("0.31")
    shares = sleeve.assets
    assert isinstance(shares, Mapping)
    for coin, weight in wanted.items():
        assert abs(shares[coin] * sleeve.weight - weight) < D("0.0002")
    assert sum(shares.values()) == 1
    assert "api_key" not in text.lower().replace("ballast_venue__api_key", "")


def test_a_file_that_is_there_is_not_touched(ballast: Ballast) -> None:
    (ballast.folder / "my.yaml").write_text("mine", encoding="utf-8")
    ran = ballast("init", "my.yaml", "--targets", "BTC=0.5")
    assert (ran.code, ran.err) == (1, "my.yaml is there already; name a file that is not\n")
    assert (ballast.folder / "my.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--targets", "BTC"], "is no coin and share"),
        (["--targets", "BTC=x"], "is no coin and share"),
        (["--targets", "BTC=NaN"], "must lie between 0 and 1"),
        (["--targets", "BTC=1.5"], "must lie between 0 and 1"),
        (["--targets", "BTC=0.5,BTC=0.2"], "BTC stands there twice"),
        (["--targets", "BTC=0.7,ETH=0.28"], "at most 0.95 is left by the stablecoin floor of 0.05"),
        (["--targets", "BTC=0.5", "--risk", "wild"], "must be one of cautious, balanced, bold"),
        (["--targets", "BTC=0.5", "--environment", "mars"], "must be one of local, production, testnet, demo"),
        (["--targets", "BTC=0.5", "--venue", "Binance!"], "venue.id"),
        (["--targets", "BTC=0.5", "--holdings"], "one or the other"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(ballast: Ballast, arguments: list[str], line: str) -> None:
    ran = ballast("init", "my.yaml", *arguments)
    assert ran.code == 1
    assert len(ran.err.splitlines()) == 1
    assert line in ran.err
    assert not (ballast.folder / "my.yaml").exists()


def test_where_nobody_can_be_asked_the_usual_answers_are_taken(ballast: Ballast) -> None:
    assert ballast("init").code == 0
    assert set(load(ballast.folder / "portfolio.yaml", {}).policy().assets) == {"BTC", "ETH", "SOL"}


def test_todays_holdings_become_the_targets(ballast: Ballast) -> None:
    ballast.environment.setenv("BALLAST_LOCAL__BALANCES", '{"USDT": "40000", "BTC": "0.6"}')
    ran = ballast("init", "held.yaml", "--holdings", "--environment", "local", "--risk", "cautious")
    assert ran.code == 0, ran.err
    assert list(load(ballast.folder / "held.yaml", {}).policy().assets) == ["BTC"]


def a_balance(asset: str, free: str) -> Balance:
    return Balance(wallet="spot", asset=asset, free=D(free))


def test_holdings_are_shares_of_everything_without_crumbs_and_stablecoins() -> None:
    quotes = {f"{coin}/USDT": Ticker(last=D(price), at=NOON) for coin, price in (("BTC", "50000"), ("ETH", "2000"))}
    held = [a_balance("BTC", "1"), a_balance("ETH", "0.1"), a_balance("USDC", "49800"), a_balance("OLD", "5")]
    assert shares_held(held, quotes, "USDT") == {"BTC": D("0.5")}
    assert shares_held([], quotes, "USDT") == {}


def test_holdings_leave_room_for_the_stablecoins_that_a_risk_keeps() -> None:
    assert within({"BTC": D("0.9"), "ETH": D("0.1")}, "cautious") == {"BTC": D("0.675"), "ETH": D("0.075")}
    assert within({"BTC": D("0.5")}, "cautious") == {"BTC": D("0.5")}
