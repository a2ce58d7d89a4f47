from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.core.policy import (
    Policy,
    Sleeve,
    canonical,
    changed_keys,
    config_hash,
    format_duration,
    overlaid,
    parse_duration,
    parse_window,
)
from bot.core.policy.fields import Number

MAJORS: Mapping[str, Any] = {"weight": "0.7", "assets": {"BTC": "0.6", "ETH": "0.4"}}
OTHERS: Mapping[str, Any] = {"weight": "0.2", "assets": ["SOL", "BNB"]}


def a_policy(
    majors: Mapping[str, Any] = MAJORS,
    others: Mapping[str, Any] = OTHERS,
    stables: Mapping[str, Any] | None = None,
    targets: Mapping[str, Any] | None = None,
    **groups: Any,
) -> Policy:
    sleeves = {"majors": dict(majors), "others": dict(others)}
    wanted = {"sleeves": sleeves, "stables": dict(stables or {}), **(targets or {})}
    return Policy.model_validate({"targets": wanted, **groups})


def refusal(**keys: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        a_policy(**keys)
    return "\n".join(each["msg"] for each in caught.value.errors())


def test_targets_alone_are_a_whole_policy_with_the_rulebooks_defaults() -> None:
    policy = a_policy()
    assert policy.trim.increment == Decimal("0.05")
    assert policy.trim.speed.strong_up == 0
    assert policy.targets.stables.floor == Decimal("0.05")
    assert policy.pace.increment_interval == timedelta(minutes=15)
    assert policy.limits.age_max.quotes == timedelta(seconds=30)
    assert policy.windows.schedule == "always"
    assert policy.hedge.index.max == Decimal("0.25")
    assert policy.stress.scale == (Decimal("0.9"), Decimal("0.75"), Decimal("0.5"))
    assert policy.cycle == timedelta(seconds=60)


def test_a_policy_without_targets_is_refused() -> None:
    with pytest.raises(ValidationError, match="targets"):
        Policy.model_validate({})


def test_every_key_says_what_it_does() -> None:
    silent: list[str] = []

    def walk(where: str, model: type[Any]) -> None:
        for name, field in model.model_fields.items():
            if not field.description:
                silent.append(f"{where}{name}")
            inner = field.annotation
            if isinstance(inner, type) and hasattr(inner, "model_fields"):
                walk(f"{where}{name}.", inner)

    walk("", Policy)
    walk("sleeve.", Sleeve)
    assert silent == []


# ---- R-T1, R-T2, R-T6: sums, names, floors ------------------------------------------------------


def test_sleeves_and_stables_that_do_not_sum_to_one_are_refused_with_the_sum() -> None:
    said = refusal(majors={**MAJORS, "weight": "0.75"})
    sums = "targets.sleeves + targets.stables sum to 1.05 (majors 0.75, others 0.2, stables 0.1), must be 1"
    assert said == f"targets.sleeves: {sums}"


def test_weights_within_a_sleeve_that_do_not_sum_to_one_are_refused_with_the_sum() -> None:
    said = refusal(majors={"weight": "0.7", "assets": {"BTC": "0.6", "ETH": "0.3"}})
    assert said == "targets.sleeves.majors.assets: sum to 0.9 (BTC 0.6, ETH 0.3), must be 1"


def test_a_coin_in_two_sleeves_is_refused_with_both_names() -> None:
    said = refusal(others={"weight": "0.2", "assets": ["BTC"]})
    assert said == "targets.sleeves.others.assets: names BTC, which is in sleeve majors already"


def test_a_stable_coin_in_a_sleeve_is_refused() -> None:
    assert "names USDT, which is one of targets.stables.assets" in refusal(others={"weight": "0.2", "assets": ["USDT"]})


@pytest.mark.parametrize(("floor", "refused"), [("0.0999", False), ("0.1", True), ("0.2", True)])
def test_a_floor_must_be_under_the_stables_target(floor: str, *, refused: bool) -> None:
    if refused:
        assert "targets.stables.floor" in refusal(stables={"floor": floor})
    else:
        assert a_policy(stables={"floor": floor}).targets.stables.floor == Decimal(floor)


def test_floor_and_stables_may_both_be_zero() -> None:
    policy = a_policy({**MAJORS, "weight": "0.8"}, stables={"weight": 0, "floor": 0})
    assert policy.targets.stables.weight == 0


def test_a_cap_under_the_weight_or_without_a_narrative_is_refused() -> None:
    assert "at least the sleeve's weight" in refusal(others={**OTHERS, "narrative": True, "cap": "0.1"})
    assert "narrative: true" in refusal(others={**OTHERS, "cap": "0.3"})


def test_an_overlay_scales_what_it_does_not_name() -> None:
    policy = a_policy(targets={"regimes": {"bear": {"stables": "0.55"}}})
    weights, stables = overlaid(policy.targets, policy.targets.regimes["bear"])
    assert stables == Decimal("0.55")
    assert weights == {"majors": Decimal("0.35"), "others": Decimal("0.1")}


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        ({"stables": "0.5", "sleeves": {"majors": "0.6"}}, "must be at most 1"),
        ({"stables": "0.5", "sleeves": {"majors": "0.2", "others": "0.2"}}, "leaves nothing to scale"),
        ({"sleeves": {"minors": "0.2"}}, "is no sleeve, must be one of majors, others"),
        ({"stables": "0.05"}, "must be under the stables of targets.regimes.bear"),
    ],
)
def test_an_overlay_that_cannot_sum_to_one_or_breaks_the_floor_is_refused(overlay: dict[str, Any], said: str) -> None:
    assert said in refusal(targets={"regimes": {"bear": overlay}})


def test_every_contradiction_is_named_at_once() -> None:
    said = refusal(majors={**MAJORS, "weight": "0.75"}, others={"weight": "0.2", "assets": ["BTC"]}).split("\n")
    assert len(said) == 2


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"bridge": {"leverage": 4}}, "leverage is 4, must be at most leverage_cap 3"),
        ({"hedge": {"leverage": 5}}, "hedge.leverage: is 5, must be at most limits.leverage 3"),
        ({"others": {**OTHERS, "bridge": {"leverage": 4}}}, "targets.sleeves.others.bridge: leverage is 4"),
        ({"others": {**OTHERS, "hedge": {"leverage": 9}}}, "targets.sleeves.others.hedge.leverage: is 9"),
        ({"targets": {"keep": {"DOGE": 1}}}, "targets.keep.DOGE: is in no sleeve"),
        ({"accounting_currency": "USDC"}, "must be one of targets.stables.assets (USDT)"),
        ({"targets": {"model": "core-satellite"}}, "must be core or satellite"),
        ({"signals": {"averages": {"fast": 200}}}, "fast is 200, must be under slow 200"),
        ({"limits": {"price_collar": "0.2"}}, "must be at most safety_collar"),
        ({"others": {**OTHERS, "weighting": "fixed"}}, "write a map"),
        ({"majors": {**MAJORS, "weighting": "equal"}}, "make it a list"),
        ({"others": {**OTHERS, "instruments": ["futures"]}}, "must hold spot"),
        ({"cycle": "250ms"}, "must be at least 1s"),
        ({"triggers": {"calendar": "every now and then, or so"}}, "cron line"),
        ({"triggers": {"calendar": "0 0 31 2 *"}}, "cron line"),
    ],
)
def test_keys_that_contradict_one_another_are_refused(keys: dict[str, Any], said: str) -> None:
    assert said in refusal(**keys)


def test_a_cron_line_is_a_calendar() -> None:
    assert a_policy(triggers={"calendar": "0 8 * * MON"}).triggers.calendar == "0 8 * * MON"


# ---- R-T3: what holds for a coin ----------------------------------------------------------------


def test_a_sleeves_key_wins_over_its_role_and_the_role_over_the_portfolio() -> None:
    policy = a_policy(
        {**MAJORS, "role": "core", "trim": {"increment": "0.01"}},
        {**OTHERS, "role": "satellite"},
        targets={"model": "core-satellite"},
        trim={"increment": "0.07", "speed": {"weakening_up": "0.3"}},
    )
    assert policy.trim_for("BTC").increment == Decimal("0.01")  # the sleeve's own
    assert policy.trim_for("BTC").spot_share == Decimal("0.5")  # the role's
    assert policy.trim_for("BTC").speed.weakening_up == Decimal("0.3")  # the portfolio's
    assert policy.trim_for("SOL").increment == Decimal("0.07")
    assert policy.add_for("SOL").route == "bridge"
    assert policy.add_for("BTC").route == "spot"
    assert (policy.band_for("BTC").points, policy.band_for("BTC").relative) == (Decimal("0.10"), None)
    assert (policy.band_for("SOL").points, policy.band_for("SOL").relative) == (Decimal("0.05"), Decimal("0.25"))
    assert not policy.bridge_for("BTC").enabled
    assert policy.calendar_for("majors") == "quarterly"
    assert policy.calendar_for("others") is None


def test_a_nested_key_of_a_sleeve_leaves_its_neighbours_alone() -> None:
    policy = a_policy(others={**OTHERS, "trim": {"speed": {"strong_up": "0.25"}}})
    assert policy.trim_for("SOL").speed.strong_up == Decimal("0.25")
    assert policy.trim_for("SOL").speed.overextended == Decimal("0.5")
    assert policy.trim_for("BTC") == policy.trim


def test_null_written_in_a_sleeve_differs_from_nothing_written() -> None:
    policy = a_policy({**MAJORS, "calendar": None, "band": {"relative": None}}, triggers={"calendar": "weekly"})
    assert policy.calendar_for("majors") is None
    assert policy.calendar_for("others") == "weekly"
    assert policy.band_for("BTC").relative is None
    assert policy.band_for("SOL").relative == Decimal("0.25")
    assert Policy.model_validate(canonical(policy)).calendar_for("majors") is None


def test_hedges_and_bridges_are_closed_where_futures_are() -> None:
    spot_only = a_policy(others={**OTHERS, "instruments": ["spot"]})
    assert spot_only.instruments_for("SOL") == {"spot"}
    assert not spot_only.hedge_for("SOL").enabled
    assert spot_only.hedge_for("BTC").enabled
    none = a_policy(futures=False)
    assert none.instruments_for("BTC") == {"spot"}
    assert not none.bridge_for("BTC").enabled


def test_assets_and_sleeves_are_walked_in_order_of_name() -> None:
    policy = a_policy()
    assert policy.assets == ("BNB", "BTC", "ETH", "SOL")
    assert policy.sleeve_of("ETH") == "majors"
    assert policy.sleeve_of("USDT") is None
    assert policy.trim_for("PEPE") == policy.trim


def test_a_copy_with_changes_forgets_what_was_worked_out_and_is_checked() -> None:
    policy = a_policy()
    assert policy.trim_for("BTC").increment == Decimal("0.05")
    changed = policy.model_copy(update={"trim": policy.trim.model_copy(update={"increment": "0.02"})})
    assert changed.trim_for("BTC").increment == Decimal("0.02")
    assert policy.trim_for("BTC").increment == Decimal("0.05")
    with pytest.raises(ValidationError):
        policy.model_copy(update={"cycle": "soon"})


# ---- one written form ---------------------------------------------------------------------------


def test_the_canonical_form_reads_back_to_an_equal_policy_after_json() -> None:
    policy = a_policy(
        {**MAJORS, "role": "core", "band": {"points": "0.03"}},
        {**OTHERS, "narrative": True, "cap": "0.25", "trim": {"speed": {"strong_up": 1}}},
        targets={"regimes": {"bear": {"stables": "0.4"}}, "keep": {"BTC": "0.25"}},
        aliases={"1000PEPE": {"asset": "PEPE", "multiplier": 1000}},
        windows={"schedule": ["Mon-Fri 13:00-17:00"]},
        costs={"tax_rate": "0.26"},
    )
    back = Policy.model_validate(json.loads(json.dumps(canonical(policy))))
    assert back == policy
    assert config_hash(back) == config_hash(policy)
    assert back.band_for("BTC") == policy.band_for("BTC")


def test_the_hash_does_not_depend_on_how_a_number_or_a_map_was_written() -> None:
    one = a_policy(
        {"weight": "0.70", "assets": {"ETH": "0.40", "BTC": "0.6"}}, trim={"increment": "0.050"}, cycle="60s"
    )
    two = a_policy(cycle="1m")
    assert config_hash(one) == config_hash(two)
    assert list(one.targets.sleeves["majors"].assets) == list(two.targets.sleeves["majors"].assets)
    assert config_hash(two) != config_hash(a_policy(cycle="2m"))


def test_changed_keys_name_what_differs_from_the_defaults_only() -> None:
    policy = a_policy(
        {**MAJORS, "trim": {"increment": "0.01"}, "role": "core"},
        hedge={"index": {"max": "0.1"}, "leverage": "2.0"},
        targets={"keep": {"BTC": 1}},
    )
    assert changed_keys(policy) == [
        ("targets.sleeves.majors.weighting", "fixed", "equal"),
        ("targets.sleeves.majors.role", "core", None),
        ("targets.sleeves.majors.trim.increment", Decimal("0.01"), None),
        ("targets.keep.BTC", Decimal(1), None),
        ("hedge.index.max", Decimal("0.1"), Decimal("0.25")),
    ]


# ---- kinds of value -----------------------------------------------------------------------------


@given(st.integers(min_value=0, max_value=3650 * 86_400_000))
def test_durations_survive_being_written(milliseconds: int) -> None:
    span = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(span)) == span


@pytest.mark.parametrize("text", ["", "15", "m", "1.5h", "-1s", "1h30m", " 1s", "1S", "1w", "01s", "٣s", "9999999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration(text)


@given(st.decimals(min_value=0, max_value=1, allow_nan=False, allow_infinity=False, places=9))
def test_fractions_survive_being_written(fraction: Decimal) -> None:
    policy = a_policy(trim={"spot_share": str(fraction)})
    assert policy.trim.spot_share == fraction
    assert Policy.model_validate(canonical(policy)).trim.spot_share == fraction


@pytest.mark.parametrize(
    "value", ["NaN", "inf", "-Infinity", Decimal("NaN"), float("nan"), float("inf"), "1_0", "", True, None, [], "1e-40"]
)
def test_what_is_no_finite_exact_number_is_refused(value: object) -> None:
    with pytest.raises(Exception, match="must be a number from 0 to 1"):
        Number("0", "1").validate(value)


def test_a_percentage_is_recognised() -> None:
    assert "(60 % is 0.6)" in refusal(trim={"spot_share": 60})


@pytest.mark.parametrize(
    ("text", "days", "start", "end"),
    [
        ("Mon-Fri 13:00-17:00", {0, 1, 2, 3, 4}, 780, 1020),
        ("Sat-Mon 00:00-24:00", {5, 6, 0}, 0, 1440),
        ("Sun 22:00-02:00", {6}, 1320, 120),
        ("08:30-09:00", set(range(7)), 510, 540),
    ],
)
def test_a_schedules_line_is_read(text: str, days: set[int], start: int, end: int) -> None:
    assert parse_window(text) == (frozenset(days), start, end)


@pytest.mark.parametrize("text", ["", "Mon", "Mon 13-17", "Foo 13:00-17:00", "Mon 25:00-26:00", "Mon 13:00-13:00"])
def test_what_is_no_line_of_a_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be days and hours"):
        parse_window(text)


def test_a_default_is_spelt_as_the_record_spells_it() -> None:
    policy = a_policy()
    back = Policy.model_validate(json.loads(json.dumps(canonical(policy))))
    assert repr(policy) == repr(back)
