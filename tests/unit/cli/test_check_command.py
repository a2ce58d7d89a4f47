from __future__ import annotations

import pytest

from bot import folder
from tests.unit.cli.ran import Ballast
from tests.unit.cli.snapshots import CONFIG, a_config_file, a_market, a_snapshot_file

TAKER = "execution: {style: taker}\n"


def test_a_sound_configuration_shows_its_bands_beside_what_they_have_to_earn(ballast: Ballast) -> None:
    ran = ballast("check", "--config", a_config_file(ballast.folder, CONFIG + TAKER))
    assert (ran.code, ran.err) == (0, "")
    btc = next(line for line in ran.out.splitlines() if line.startswith("BTC"))
    assert btc.split() == ["BTC", "majors", "54.0", "%", "±", "5.0", "±", "1.8", "0.100", "%"]
    assert "warning" not in ran.out


def test_s9_a_band_of_one_point_is_warned_of_and_is_no_error(ballast: Ballast) -> None:
    text = f"{CONFIG}{TAKER}triggers: {{band: {{points: 0.01}}}}\n"
    ran = ballast("check", "--config", a_config_file(ballast.folder, text))
    assert ran.code == 0
    warned = [line for line in ran.out.splitlines() if line.startswith("warning: triggers.band: ")]
    assert len(warned) == 2


def test_a_period_that_no_window_holds_is_an_error(ballast: Ballast) -> None:
    text = f"{CONFIG}{TAKER}signals: {{averages: {{slow: 2000}}}}\n"
    ran = ballast("check", "--config", a_config_file(ballast.folder, text))
    assert ran.code == 1
    assert "error: signals.averages.slow: is 2000, must be at most 1280" in ran.out


def test_json_holds_the_same_findings(ballast: Ballast) -> None:
    text = f"{CONFIG}kill_switch: halt\nsignals: {{rsi: {{period: 1}}}}\nweb: {{port: 9000}}\n"
    ran = ballast("check", "--config", a_config_file(ballast.folder, text), "--json")
    assert ran.code == 1
    assert [each["key"] for each in ran.json["errors"]] == ["signals.rsi.period"]
    assert [each["key"] for each in ran.json["warnings"]] == ["kill_switch"]
    assert [each["asset"] for each in ran.json["bands"]] == ["BTC", "ETH"]


def test_the_environment_is_part_of_what_is_checked(ballast: Ballast) -> None:
    ballast.environment.setenv("BALLAST_KILL_SWITCH", "freeze")
    ballast.environment.setenv("BALLAST_CONFIG", str(a_config_file(ballast.folder, CONFIG + TAKER)))
    assert "warning: kill_switch: is freeze" in ballast("check").out


def test_a_dead_mans_switch_that_the_venue_does_not_have_is_an_error_where_orders_leave(ballast: Ballast) -> None:
    live = CONFIG.replace("mode: paper", "mode: live") if "mode: paper" in CONFIG else f"{CONFIG}mode: live\n"
    text = f"{live}{TAKER}venue: {{id: weex, environment: production, dead_man: 2m}}\n"
    ran = ballast("check", "--config", a_config_file(ballast.folder, text))
    assert ran.code == 1
    assert "error: venue.dead_man: weex has no dead-man's switch, must be 0s" in ran.out
    fits = text.replace("weex", "bybit")
    assert "dead_man" not in ballast("check", "--config", a_config_file(ballast.folder, fits)).out
    watched = text.replace("mode: live", "mode: dry-run")
    assert "warning: venue.dead_man" in ballast("check", "--config", a_config_file(ballast.folder, watched)).out


FEES = {"BTC": "0.0019", "ETH": "0.0004"}

BAD = [
    ("colour: red\n", "colour"),
    ("cycle: 1m\ncycle: 2m\n", "cycle"),
    ("targets: {sleeves: {a: {weight: 0.5, assets: [BTC]}}}\n", "must be 1"),
    ("targets: {stables: {floor: 0.2}, sleeves: {a: {weight: 0.9, assets: [BTC]}}}\n", "targets.stables.floor"),
]


@pytest.mark.parametrize(("text", "named"), BAD, ids=[named for _, named in BAD])
@pytest.mark.parametrize("command", ["check", "plan", "decisions", "snapshot", "kill"])
def test_a_bad_configuration_is_one_clear_line_and_nothing_is_written(
    ballast: Ballast, command: str, text: str, named: str
) -> None:
    whole = text if "targets" in text else CONFIG + text
    path = a_config_file(ballast.folder, whole)
    ran = ballast(command, *(["halt"] if command == "kill" else []), "--config", path)
    assert ran.code == 1
    assert len(ran.err.splitlines()) == 1
    assert ran.err.startswith(str(path))
    assert named in ran.err
    assert ran.out == (f"error: {ran.err}" if command == "check" else "")
    assert [each.name for each in ballast.folder.iterdir()] == [path.name]


def test_a_configuration_that_is_not_there_is_named(ballast: Ballast) -> None:
    ran = ballast("config", "show", "--config", "nowhere.yaml")
    assert (ran.code, ran.err) == (1, "nowhere.yaml: cannot be read: No such file or directory\n")


def test_the_settings_in_force_tell_where_they_come_from_and_keep_their_secrets(ballast: Ballast) -> None:
    ballast.environment.setenv("BALLAST_VENUE__API_KEY", "abcdef")
    ballast.environment.setenv("BALLAST_TARGETS__STABLES__FLOOR", "0.06")
    ran = ballast("config", "show", "--config", a_config_file(ballast.folder), "--json")
    assert ran.json["targets.stables.floor"] == {"value": "0.06", "from": "environment BALLAST_TARGETS__STABLES__FLOOR"}
    assert ran.json["trim.increment"] == {"value": "0.05", "from": "default"}
    table = ballast("config", "show", "--config", a_config_file(ballast.folder))
    assert "abcdef" not in ran.out + table.out
    assert table.code == 0


def test_the_schema_is_the_one_that_editors_are_given(ballast: Ballast) -> None:
    from bot.settings import config_schema  # noqa: PLC0415 - only here

    assert ballast("config", "schema").json == config_schema()


def days_of(volume: float, count: int = 60) -> list[list[float]]:
    """Daily bars up to the snapshot's own day."""
    first = 1_767_571_200_000 - count * 86_400_000
    return [[first + day * 86_400_000, *[100.0 + 10 * (day % 3)] * 4, volume] for day in range(count)]


def test_r_t8_with_candles_at_hand_it_says_what_the_target_means(ballast: Ballast) -> None:
    candles = {"BTC/USDT": {"1d": days_of(5_000)}, "ETH/USDT": {"1d": days_of(5_000_000)}}
    snapshot = a_snapshot_file(ballast.folder, candles=candles)
    asked = ["check", "--config", str(a_config_file(ballast.folder, CONFIG + TAKER)), "--snapshot", str(snapshot)]
    ran = ballast(*asked)
    said = " ".join(ran.out.split())
    assert ran.code == 0
    assert "The target as a whole over 59 days (2025-11-06 to 2026-01-05): volatility" in said
    assert "(limits.drawdown 60.0 %), mean correlation 1.00" in said
    # 54,000 at 1 % of a median volume of 550,000 a day.
    assert "warning: targets.sleeves.majors: leaving BTC's target of 54.0% takes 9.8 days" in said
    body = ballast(*asked, "--json").json
    assert body["history"]["assets"][0]["exit_days"] == pytest.approx(54_000 / 5_500)
    assert body["history"]["days"] == 59


def test_r_t8_without_candles_unknown_stands_there_and_not_a_number(ballast: Ballast) -> None:
    config, snapshot = a_config_file(ballast.folder, CONFIG + TAKER), a_snapshot_file(ballast.folder)
    ran = ballast("check", "--config", config, "--snapshot", snapshot)
    assert "volatility ? a year" in " ".join(ran.out.split())
    assert "under 30 days of history of BTC, ETH" in ran.out


def test_a_snapshots_venue_is_asked_what_it_lists(ballast: Ballast) -> None:
    markets = {symbol: a_market(spot=True) for symbol in ("BTC/USDT",)}
    snapshot = a_snapshot_file(ballast.folder, markets=markets)
    ran = ballast("check", "--config", a_config_file(ballast.folder, CONFIG + TAKER), "--snapshot", snapshot)
    assert "targets.sleeves.majors.assets: has ETH, and binance does not list ETH/USDT" in ran.out
    assert "warning: venue.futures: is true, and binance has no perpetuals" in ran.out


def test_the_venues_own_fees_say_what_a_band_has_to_earn_and_what_would_be_done_is_told(ballast: Ballast) -> None:
    markets = {f"{asset}/USDT": {**a_market(spot=True), "taker": fee} for asset, fee in FEES.items()}
    snapshot = a_snapshot_file(ballast.folder, {"BTC": 0.7, "ETH": 0.2}, markets=markets)
    asked = ["check", "--config", str(a_config_file(ballast.folder, CONFIG + TAKER)), "--snapshot", str(snapshot)]
    body = ballast(*asked, "--json").json
    btc, eth = body["bands"]
    assert (btc["fee"], eth["fee"]) == ("0.0019", "0.0004")
    assert float(btc["break_even"]) == pytest.approx(4 * float(eth["break_even"]), rel=1e-6)  # 0.20 % to 0.05 %
    planned = ballast("plan", *asked[1:], "--json").json
    assert body["now"]["actions"] == planned["actions"]
    said = ballast(*asked).out
    assert f"Now it would do {len(planned['actions'])} thing" in said
    for each in planned["actions"]:
        assert f"{each['kind'].capitalize()} {each['asset']}" in said


def test_without_being_told_to_it_asks_no_venue(ballast: Ballast) -> None:
    """A venue nobody could reach from here."""
    text = f"{CONFIG}{TAKER}venue: {{id: binance, environment: production}}\n"
    assert ballast("check", "--config", a_config_file(ballast.folder, text)).code == 0


def test_the_built_in_exchange_answers_for_itself(ballast: Ballast) -> None:
    config = a_config_file(ballast.folder, CONFIG.replace("ETH: 0.4", "NOSUCH: 0.4") + TAKER)
    ran = ballast("check", "--venue", "--config", config)
    assert "has NOSUCH, and binance does not list NOSUCH/USDT" in ran.out
    assert "what the bot does instead" in ran.out, "the venue's card"
    assert not (ballast.folder / "data").exists()


def test_a_venue_that_cannot_be_asked_is_an_error_beside_the_other_findings(ballast: Ballast) -> None:
    text = f"{CONFIG}{TAKER}mode: live\nkill_switch: halt\nvenue: {{environment: production}}\n"
    ran = ballast("check", "--venue", "--config", a_config_file(ballast.folder, text))
    assert ran.code == 1
    assert "warning: kill_switch: is halt" in ran.out
    assert "error: venue: cannot be asked: " in ran.out
    assert "BALLAST_VENUE__API_KEY" in ran.out


PRESETS = sorted(path.name for path in folder("config").glob("*.yaml"))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_sound_and_says_what_it_is_for(ballast: Ballast, preset: str) -> None:
    path = folder("config") / preset
    ran = ballast("check", "--config", path)
    assert (ran.code, ran.err) == (0, "")
    first, second = path.read_text(encoding="utf-8").splitlines()[:2]
    assert first == "# yaml-language-server: $schema=schema.json"
    assert second.startswith("# ")


def test_the_presets_are_those_of_the_contract() -> None:
    assert PRESETS == [
        "binance-demo.yaml",
        "binance-paper.yaml",
        "bingx-paper.yaml",
        "bybit-paper.yaml",
        "bybit-testnet.yaml",
        "core-satellite.yaml",
        "dynamic.yaml",
        "live.example.yaml",
        "mexc-paper.yaml",
        "momentum.yaml",
        "paper.yaml",
        "risk-parity.yaml",
        "tactical.yaml",
        "tour.yaml",
        "weex-paper.yaml",
    ]
