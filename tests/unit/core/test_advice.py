from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from bot.core.advice import Advice, VenueSeen, advice, bands, break_even
from bot.core.instruments import Market
from bot.core.plan import plan
from bot.core.policy import Policy, changed_keys
from bot.core.snapshot import parse
from tests.unit.cli.snapshots import a_snapshot

TAKER: Mapping[str, Any] = {"style": "taker"}


def a_policy(
    assets: Any = ("BTC", "ETH"),
    weight: str = "0.9",
    stables: Mapping[str, Any] | None = None,
    sleeve: Mapping[str, Any] | None = None,
    targets: Mapping[str, Any] | None = None,
    **groups: Any,
) -> Policy:
    wanted = {"weight": weight, "assets": list(assets) if isinstance(assets, tuple) else assets, **(sleeve or {})}
    groups.setdefault("execution", TAKER)
    return Policy.model_validate(
        {"targets": {"sleeves": {"majors": wanted}, "stables": dict(stables or {}), **(targets or {})}, **groups}
    )


def told(found: list[Advice], key: str) -> list[str]:
    return [each.text for each in found if each.key == key]


def test_a_plain_configuration_has_nothing_to_be_told() -> None:
    assert advice(a_policy()) == []


def test_s9_a_band_of_one_point_is_warned_of_with_a_better_one() -> None:
    policy = a_policy({"BTC": "0.5", "ETH": "0.5"}, triggers={"band": {"points": "0.01"}})
    found = advice(policy)
    assert [each.key for each in found] == ["triggers.band", "triggers.band"]
    assert "band of 1.0 points is under 2 points" in found[0].text
    assert "9.0 points or more" in found[0].text


def test_a_narrow_band_that_is_a_fifth_of_a_small_target_is_left_alone() -> None:
    small = {"BTC": "0.95", "ETH": "0.05"}  # ETH: target 4.5, band 1.125 points = 25 %
    assert told(advice(a_policy(small)), "triggers.band") == []


def test_a_band_within_four_round_trips_of_price_is_a_whipsaw() -> None:
    policy = a_policy({"BTC": "0.5", "ETH": "0.5"}, triggers={"band": {"points": "0.002"}})
    whipsaw = [each for each in told(advice(policy), "triggers.band") if "whipsaw" in each]
    assert len(whipsaw) == 2
    wider = a_policy({"BTC": "0.5", "ETH": "0.5"}, triggers={"band": {"points": "0.003"}})
    assert not [each for each in told(advice(wider), "triggers.band") if "whipsaw" in each]


def test_a_sleeves_own_band_is_named_as_the_sleeves() -> None:
    policy = a_policy(sleeve={"band": {"points": "0.01"}})
    assert {each.key for each in advice(policy)} == {"targets.sleeves.majors.band"}


def test_the_bands_are_those_that_the_plan_uses() -> None:
    policy = a_policy({"BTC": "0.8", "ETH": "0.2"})
    body = plan(parse(json.dumps(a_snapshot())), policy).body()
    seen = {item["asset"]: round(item["band"][1] - item["target"], 9) for item in body["exposures"]}
    assert {row.asset: float(row.band or 0) for row in bands(policy)} == seen


def test_at_its_break_even_drift_a_correction_just_pays() -> None:
    policy = a_policy()
    drift = break_even(policy, Decimal("0.5"))
    assert drift == Decimal("0.017844444")
    worth = Decimal("1.5") * Decimal("0.25") * 60 / 365 * drift * drift
    assert float(worth) == pytest.approx(float(Decimal("0.0011") * drift), rel=1e-6)


def test_a_livelier_coin_pays_sooner() -> None:
    rows = bands(a_policy(), {"BTC": Decimal("1.0")})
    by_asset = {row.asset: row.break_even for row in rows}
    assert by_asset["BTC"] == pytest.approx(by_asset["ETH"] / 4)


def test_a_target_that_history_set_has_its_own_band() -> None:
    policy = a_policy(targets={"model": "risk-parity"})
    btc, eth = bands(policy, {}, {"BTC": Decimal("0.04")})
    assert (btc.target, btc.band) == (Decimal("0.04"), Decimal("0.01"))  # a quarter of it
    assert eth.target == Decimal("0.45")


def test_a_switched_off_band_has_a_break_even_and_no_warning() -> None:
    policy = a_policy(triggers={"band": {"points": None, "relative": None}})
    assert [row.band for row in bands(policy)] == [None, None]
    assert told(advice(policy), "triggers.band") == []


@pytest.mark.parametrize(
    ("groups", "key"),
    [
        ({"limits": {"leverage": "5"}}, "limits.leverage"),
        ({"limits": {"leverage": "5"}, "hedge": {"leverage": "4"}}, "hedge.leverage"),
        ({"bridge": {"leverage_cap": "4"}}, "bridge.leverage_cap"),
        (
            {"limits": {"leverage": "5"}, "sleeve": {"hedge": {"leverage": "4"}}},
            "targets.sleeves.majors.hedge.leverage",
        ),
    ],
)
def test_leverage_over_three_is_warned_of(groups: dict[str, Any], key: str) -> None:
    assert any("over 3" in text for text in told(advice(a_policy(**groups)), key))


def test_leverage_of_three_is_not() -> None:
    assert advice(a_policy(hedge={"leverage": "3"})) == []


@pytest.mark.parametrize(("floor", "warned"), [("0.09", True), ("0.081", True), ("0.08", False)])
def test_a_floor_under_two_points_below_the_stables_target_is_warned_of(floor: str, warned: bool) -> None:
    found = told(advice(a_policy(stables={"weight": "0.1", "floor": floor})), "targets.stables.floor")
    assert bool(found) is warned
    assert all("8.0 % or less" in text for text in found)


def test_no_stables_at_all_are_no_near_floor() -> None:
    assert advice(a_policy(weight="1", stables={"weight": "0", "floor": "0"})) == []


@pytest.mark.parametrize("level", ["freeze", "halt", "flatten"])
def test_a_kill_switch_left_on_is_warned_of(level: str) -> None:
    assert f"is {level}, left on" in told(advice(a_policy(), kill=level), "kill_switch")[0]
    assert advice(a_policy(), kill="off") == []


def test_futures_on_with_hedging_off_is_fine() -> None:
    assert advice(a_policy(hedge={"enabled": False})) == []


@pytest.mark.parametrize(
    ("signals", "key"),
    [
        ({"averages": {"slow": 1281}}, "signals.averages.slow"),
        ({"rsi": {"period": 1}}, "signals.rsi.period"),
        ({"macd": {"fast": 1}}, "signals.macd.fast"),
        ({"profile": {"bars": 2000}}, "signals.profile.bars"),
    ],
)
def test_a_period_no_window_can_hold_is_an_error_and_comes_first(signals: dict[str, Any], key: str) -> None:
    found = advice(a_policy(signals=signals, triggers={"band": {"points": "0.01"}}))
    assert (found[0].level, found[0].key) == ("error", key)
    assert "must be at" in found[0].text


def test_the_longest_period_a_window_holds_is_no_error() -> None:
    found = advice(a_policy(signals={"averages": {"slow": 1280}}))
    assert [each.level for each in found] == ["warning"]  # the regime's window is shorter
    assert advice(a_policy(signals={"averages": {"slow": 512}})) == []


def test_periods_do_not_matter_where_signals_are_off() -> None:
    assert advice(a_policy(signals={"enabled": False, "rsi": {"period": 1}})) == []


@pytest.mark.parametrize(
    "groups",
    [
        {"bridge": {"leverage": "3", "stop": "0.2"}},
        {"targets": {"model": "momentum", "regimes": {"bear": {"stables": "0.4"}}, "risk_parity": {"lift": True}}},
        {"sleeve": {"weighting": "inverse-volatility", "calendar": "monthly", "bridge": {"stop": "0.2"}}},
        {"triggers": {"calendar": "weekly", "slot_age": "3d", "trend": False}},
        {"regime": {"confirm": 5}, "stress": {"enabled": False}, "macro": {"before": "1h"}, "liquidity": {"days": 3}},
        {"convert": {"slice": "0.01"}, "savings": {"enabled": True}, "spike": {"atr": "4"}, "add": {"route": "bridge"}},
        {"hedge": {"bear_size": "0.2", "index": {"max": "0.2"}}, "approve": "manual"},
        {"limits": {"drawdown": "0.5", "depeg": "0.02", "fees_per_day": "0.01", "loss_per_day": "0.2"}},
        {"limits": {"asset_over_target": "0.2"}, "narrative": {"overheated": "70"}},
        {"narrative": {"parabolic_return": "2"}},
        {"pace": {"cooldown": "8h"}},
        {"trim": {"increment": "0.02", "prefer": "hedge", "route": "cheapest"}},
        {"sleeve": {"trim": {"route": "cheapest"}}, "costs": {"tax_rate": "0.25"}},
        {"windows": {"schedule": ["Mon-Fri 13:00-17:00"]}},
        {"limits": {"gross": "1.2"}},
        {"targets": {"keep": {"BTC": "0.1"}}},
        {"execution": {"style": "twap", "slice_max": "0.01"}},
        {"execution": {"style": "maker-then-taker", "maker_wait": "30s", "slice_max": "0.01"}},
    ],
)
def test_a_configured_key_whose_rule_acts_is_not_named(groups: dict[str, Any]) -> None:
    policy = a_policy(**groups)
    assert len(changed_keys(policy)) > 1  # beside execution.style
    assert advice(policy) == []


# ---- windows and the venue


def a_venue(symbols: tuple[str, ...] = ("BTC/USDT", "ETH/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"), **over: Any) -> Any:
    markets = {symbol: Market.model_validate({"maker": "0.0002", "taker": "0.001"}) for symbol in symbols}
    return VenueSeen(**{"name": "binance", "markets": markets, "swaps": True, **over})


def test_a_narrative_that_may_be_traded_at_any_hour_is_warned_of() -> None:
    (text,) = told(advice(a_policy(sleeve={"narrative": True})), "windows.schedule")
    assert "BTC, ETH may be thin" in text
    hours = {"schedule": ["Mon-Fri 13:00-17:00"]}
    assert told(advice(a_policy(sleeve={"narrative": True}, windows=hours)), "windows.schedule") == []


@pytest.mark.parametrize(("volume", "thin"), [("49999999", True), ("50000000", False)])
def test_where_volume_is_known_it_says_what_is_thin(volume: str, thin: bool) -> None:
    """A step of 5 % of 100,000 is a tenth of the depth, 0.1 % of volume, at a volume of 50,000,000."""
    volumes = {"BTC": Decimal(10**10), "ETH": Decimal(volume)}
    for narrative in (True, False):
        found = advice(
            a_policy(sleeve={"narrative": narrative}), venue=a_venue(volumes=volumes, equity=Decimal(100_000))
        )
        texts = told(found, "windows.schedule")
        assert bool(texts) is thin
        assert all("always, and ETH may be thin" in text for text in texts)


def test_a_venue_that_lists_everything_has_nothing_to_be_told() -> None:
    assert advice(a_policy(), venue=a_venue()) == []


def test_a_target_the_venue_does_not_list_is_warned_of() -> None:
    found = advice(a_policy(), venue=a_venue(("BTC/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT")))
    assert [each.key for each in found] == ["targets.sleeves.majors.assets"]
    assert "binance does not list ETH/USDT" in found[0].text


def test_a_market_that_is_closed_is_not_listed() -> None:
    venue = a_venue()
    closed = venue.markets["ETH/USDT"].model_copy(update={"active": False})
    markets = {**venue.markets, "ETH/USDT": closed}
    assert told(advice(a_policy(), venue=a_venue(markets=markets)), "targets.sleeves.majors.assets")


@pytest.mark.parametrize("over", [{"swaps": False}, {"symbols": ("BTC/USDT", "ETH/USDT")}])
def test_futures_on_a_venue_without_them_are_warned_of_once(over: dict[str, Any]) -> None:
    found = advice(a_policy(), venue=a_venue(**over))
    assert [each.key for each in found] == ["venue.futures"]
    assert advice(a_policy(futures=False), venue=a_venue(**over)) == []


def test_a_coin_without_its_perpetual_is_warned_of_unless_nothing_wants_one() -> None:
    venue = a_venue(("BTC/USDT", "ETH/USDT", "BTC/USDT:USDT"))
    (text,) = told(advice(a_policy(), venue=venue), "targets.sleeves.majors.instruments")
    assert "does not list ETH/USDT:USDT" in text
    assert advice(a_policy(sleeve={"instruments": ["spot"]}), venue=venue) == []
    alias = {"1000ETH": {"asset": "ETH", "multiplier": "1000"}}
    named = a_venue(("BTC/USDT", "ETH/USDT", "BTC/USDT:USDT", "1000ETH/USDT:USDT"))
    assert advice(a_policy(aliases=alias), venue=named) == []


@pytest.mark.parametrize(
    ("live", "can", "levels"),
    [(True, True, ["error"]), (True, None, ["warning"]), (True, False, []), (False, True, [])],
)
def test_live_with_a_key_that_can_withdraw_is_an_error(live: bool, can: bool | None, levels: list[str]) -> None:
    found = advice(a_policy(), venue=a_venue(live=live, can_withdraw=can))
    assert [each.level for each in found if each.key == "venue.api_key"] == levels
