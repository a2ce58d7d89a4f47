from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from math import sqrt
from statistics import correlation, stdev
from typing import Any

import pytest

from bot.core.advice import Advice
from bot.core.outlook import Outlook, findings, outlook, venue_seen, volatilities
from bot.core.plan import plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot, parse
from tests.unit.cli.snapshots import a_snapshot

DAY_MS = 86_400_000
END_MS = 1_767_571_200_000  # 2026-01-05 00:00 UTC: the last bar closes there
FALLS = [100.0 + 10 * (number % 3) for number in range(40)] + [60.0 + (number % 2) for number in range(20)]
WAVES = [50.0 + 5 * (number % 4) for number in range(60)]


def a_policy(assets: Mapping[str, str] | None = None, **groups: Any) -> Policy:
    sleeve = {"weight": "0.9", "assets": assets or {"BTC": "0.6", "ETH": "0.4"}}
    return Policy.model_validate({"targets": {"sleeves": {"majors": sleeve}}, **groups})


def days_of(closes: Sequence[float], volume: float = 1_000.0, *, end_ms: int = END_MS) -> list[list[float]]:
    first = end_ms - len(closes) * DAY_MS
    return [
        [first + number * DAY_MS, close, close, close, close, volume / close] for number, close in enumerate(closes)
    ]


def a_history(**by_asset: list[list[float]]) -> Snapshot:
    candles = {f"{asset}/USDT": {"1d": bars} for asset, bars in by_asset.items()}
    return parse(json.dumps(a_snapshot(candles=candles)))


def seen_of(snapshot: Snapshot, policy: Policy) -> Outlook:
    return outlook(snapshot, policy, plan(snapshot, policy).assessment)


def warned(seen: Outlook, policy: Policy) -> list[Advice]:
    return list(findings(seen, policy))


def returns(closes: Sequence[float]) -> list[float]:
    return [after / before - 1 for before, after in pairwise(closes)]


def test_r_t8_the_whole_target_is_held_at_its_weights_with_stables_at_rest() -> None:
    seen = seen_of(a_history(BTC=days_of(FALLS), ETH=days_of(WAVES)), a_policy())
    earned = [0.54 * one + 0.36 * other for one, other in zip(returns(FALLS), returns(WAVES), strict=True)]
    assert seen.days == 59
    assert seen.volatility == pytest.approx(stdev(earned) * sqrt(365))
    worth, peak, worst = 1.0, 1.0, 0.0
    for each in earned:
        worth *= 1 + each
        peak = max(peak, worth)
        worst = max(worst, 1 - worth / peak)
    assert seen.drawdown == pytest.approx(worst)
    assert seen.correlation == pytest.approx(correlation(returns(FALLS), returns(WAVES)))
    assert (f"{seen.since:%Y-%m-%d}", f"{seen.until:%Y-%m-%d}") == ("2025-11-06", "2026-01-05")


def test_r_t8_each_asset_has_its_own_risk() -> None:
    seen = seen_of(a_history(BTC=days_of(FALLS), ETH=days_of(WAVES)), a_policy())
    btc, eth = seen.assets
    assert btc.volatility == pytest.approx(stdev(returns(FALLS)) * sqrt(365))
    assert btc.drawdown == pytest.approx(0.5)  # from 120 to 60
    assert eth.drawdown == pytest.approx(15 / 65)


def test_r_t8_an_exit_of_more_than_five_days_is_warned_of_with_what_would_do() -> None:
    """54 % of 100,000 at 1 % of a volume of 1,000,000 takes 5.4 days."""
    snapshot = a_history(BTC=days_of(FALLS, 1e6), ETH=days_of(WAVES, 1e9))
    seen = seen_of(snapshot, a_policy())
    assert seen.exit_days == pytest.approx(5.4)
    (finding,) = warned(seen, a_policy())
    assert finding.key == "targets.sleeves.majors"
    assert "leaving BTC's target of 54.0% takes 5.4 days at 1% of its volume, over 5; a target of 50.0%" in finding.text


def test_r_t8_an_exit_within_five_days_is_not_warned_of() -> None:
    seen = seen_of(a_history(BTC=days_of(FALLS, 1.08e6), ETH=days_of(WAVES, 1e9)), a_policy())
    assert seen.exit_days == pytest.approx(5.0)
    assert warned(seen, a_policy()) == []


def test_r_t8_a_drawdown_limit_that_the_target_itself_would_have_tripped_is_warned_of() -> None:
    snapshot = a_history(BTC=days_of(FALLS, 1e9), ETH=days_of(WAVES, 1e9))
    tight, wide = a_policy(limits={"drawdown": "0.2"}), a_policy()
    seen = seen_of(snapshot, tight)
    (finding,) = warned(seen, tight)
    assert finding.key == "limits.drawdown"
    assert f"fell by {seen.drawdown:.1%}" in finding.text
    assert warned(seen, wide) == []


def test_r_t8_without_enough_history_of_one_asset_the_whole_is_unknown_and_never_a_number() -> None:
    seen = seen_of(a_history(BTC=days_of(FALLS, 1e9), ETH=days_of(WAVES[:20], 1e9)), a_policy())
    assert (seen.volatility, seen.drawdown, seen.correlation, seen.days) == (None, None, None, 0)
    assert seen.missing == ("ETH",)
    assert seen.assets[0].volatility is not None
    assert seen.assets[1].volatility is None
    assert [each.key for each in warned(seen, a_policy())] == ["targets"]


def test_r_t8_without_any_candles_nothing_is_known_and_nothing_fails() -> None:
    seen = seen_of(a_history(), a_policy())
    assert (seen.volatility, seen.exit_days, seen.since) == (None, None, None)
    assert seen.missing == ("BTC", "ETH")


def test_a_day_without_a_bar_makes_no_return_over_two_days() -> None:
    bars = days_of(FALLS)
    whole = seen_of(a_history(BTC=bars), a_policy({"BTC": "1"}))
    holed = seen_of(a_history(BTC=[*bars[:30], *bars[31:]]), a_policy({"BTC": "1"}))
    assert (whole.days, holed.days) == (59, 57)


def test_only_days_that_all_assets_have_count_for_the_whole() -> None:
    seen = seen_of(a_history(BTC=days_of(FALLS), ETH=days_of(WAVES[:45])), a_policy())
    assert seen.days == 44
    assert seen.assets[0].days == 59


def test_one_asset_alone_has_no_correlation() -> None:
    seen = seen_of(a_history(BTC=days_of(FALLS)), a_policy({"BTC": "1"}))
    assert seen.correlation is None
    assert seen.volatility is not None


def test_an_unknown_equity_leaves_the_days_to_leave_unknown() -> None:
    snapshot = a_history(BTC=days_of(FALLS, 1.0), ETH=days_of(WAVES, 1.0))
    blind = snapshot.model_copy(update={"tickers": {}})
    seen = seen_of(blind, a_policy())
    assert seen.exit_days is None
    assert warned(seen, a_policy()) == []


def test_the_venue_is_seen_with_the_median_of_what_is_traded_in_a_day() -> None:
    policy = a_policy()
    snapshot = a_history(BTC=days_of(FALLS, 1e6))
    seen = venue_seen(snapshot, policy, plan(snapshot, policy).assessment, live=True, can_withdraw=False)
    assert float(seen.volumes["BTC"]) == pytest.approx(1e6)
    assert seen.volumes["ETH"] == Decimal(2_000_000_000)  # the ticker's, without candles
    assert (seen.name, seen.swaps, seen.live, seen.can_withdraw) == ("binance", True, True, False)


def test_volatilities_are_those_the_cost_gate_reads_and_unknown_ones_are_left_out() -> None:
    policy = a_policy()
    blind = plan(a_history(), policy).assessment
    assert volatilities(blind) == {}
    first = END_MS - 400 * DAY_MS // 6
    four_hours = [[first + number * DAY_MS // 6, *[100.0 + number % 5] * 4, 1.0] for number in range(400)]
    candles = {"BTC/USDT": {"1d": days_of(FALLS), "4h": four_hours}}
    snapshot = parse(json.dumps(a_snapshot(candles=candles)))
    assessed = plan(snapshot, policy).assessment
    read = assessed.exposure("BTC").readings.volatility
    assert read is not None
    assert {asset: float(value) for asset, value in volatilities(assessed).items()} == {"BTC": read}
