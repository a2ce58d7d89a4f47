"""R-T1, R-T6, R-T9: what the account should hold, the floor under it, and coins that are kept."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from bot.core.assessment import Trend
from bot.core.policy import Policy
from tests.rules.accounts import actions, approved, decide, hold, keys, legs, policy, reads, seen

SLEEVES = {
    "majors": {"weight": "0.5", "assets": {"BTC": "0.6", "ETH": "0.4"}},
    "alts": {"weight": "0.3", "assets": ["SOL", "XRP"]},
}
RANGE = {name: reads() for name in ("BTC", "ETH", "SOL", "XRP")}
#: BTC may be added to; ETH runs on, so that it sells nothing that would pay for it.
TIGHT = policy({"BTC": 50, "ETH": 37}, stables={"floor": "0.10"})
RUNNING = {"BTC": reads(), "ETH": reads(Trend.STRONG_UP)}


def test_r_t1_targets_are_sleeve_times_share_fixed_or_equal_and_sum_to_one_with_stables() -> None:
    made = decide(seen({"BTC": 30, "ETH": 20, "SOL": 15, "XRP": 15}, 20), policy(sleeves=SLEEVES), RANGE)
    targets = {item.asset: item.target for item in made.assessment.exposures}
    assert targets == {
        name: Decimal(t) for name, t in (("BTC", "0.3"), ("ETH", "0.2"), ("SOL", "0.15"), ("XRP", "0.15"))
    }
    assert sum(targets.values()) + Decimal("0.2") == 1
    assert made.actions == ()


def test_r_t1_targets_that_do_not_sum_to_one_are_refused_with_their_sum() -> None:
    body = keys(sleeves=SLEEVES)
    body["targets"]["stables"]["weight"] = "0.25"
    with pytest.raises(ValidationError, match=r"sum to 1\.05"):
        Policy.model_validate(body)


def test_r_t6_an_addition_stops_at_the_floor_fees_included() -> None:
    made = decide(seen({"BTC": 44, "ETH": 43}, 13), TIGHT, RUNNING)
    add = approved(made, "BTC")
    spent = add.wish.legs[0]
    assert spent.limit is not None
    assert Decimal("2.98") < legs(add.wish)["BTC/USDT"] < 3
    assert spent.qty * spent.limit * Decimal("1.001") <= 3_000  # at its worst price
    assert made.after.liquid_stables is not None
    assert made.after.liquid_stables >= Decimal("0.10")


def test_r_t6_with_dry_powder_enough_the_addition_is_whole() -> None:
    made = decide(seen({"BTC": 44, "ETH": 38}, 18), TIGHT, RUNNING)
    assert legs(approved(made, "BTC").wish) == {"BTC/USDT": Decimal(5)}


def test_r_t6_at_the_floor_nothing_is_bought() -> None:
    made = decide(seen({"BTC": 44, "ETH": 46}, 10), TIGHT, RUNNING)
    assert actions(made, "BTC") == []
    assert hold(made, "BTC").rule == "R-A11"


def test_r_t9_coins_beyond_those_kept_are_sold_and_the_rest_is_hedged() -> None:
    wanted = policy({"BTC": 50}, keep={"BTC": "1.16"})  # of 1.2 coins; a step would sell 0.06
    made = decide(seen({"BTC": 60}, 35, futures=5), wanted, RANGE)
    assert legs(approved(made, "BTC").wish) == {"BTC/USDT": Decimal(-2), "BTC/USDT:USDT": Decimal(-3)}


def test_r_t9_coins_kept_are_never_sold() -> None:
    wanted = policy({"BTC": 50}, keep={"BTC": "1.2"})
    made = decide(seen({"BTC": 60}, 35, futures=5), wanted, RANGE)
    assert legs(approved(made, "BTC").wish) == {"BTC/USDT:USDT": Decimal(-5)}
    without = policy({"BTC": 50}, keep={"BTC": "1.2"}, hedge={"enabled": False})
    made = decide(seen({"BTC": 60}, 40), without, RANGE)
    assert made.actions == ()
    assert hold(made, "BTC").rule == "R-T9"


def test_r_t9_with_few_coins_kept_the_split_is_the_usual_one() -> None:
    wanted = policy({"BTC": 50}, keep={"BTC": "0.25"})
    made = decide(seen({"BTC": 60}, 35, futures=5), wanted, RANGE)
    assert legs(approved(made, "BTC").wish) == {"BTC/USDT": Decimal(-3), "BTC/USDT:USDT": Decimal(-2)}


def test_r_t9_not_even_the_floor_sells_coins_kept() -> None:
    wanted = policy({"BTC": 80}, stables={"floor": "0.10", "refill": "0"}, keep={"BTC": "1.84"})
    made = decide(seen({"BTC": 92}, 6, futures=2), wanted, RANGE)
    assert [leg for item in actions(made) for leg in item.legs] == []
    less = policy({"BTC": 80}, stables={"floor": "0.10", "refill": "0"}, keep={"BTC": "1.80"})
    (sale,) = [item for item in actions(decide(seen({"BTC": 92}, 6, futures=2), less, RANGE)) if item.cls == "floor"]
    assert legs(sale) == {"BTC/USDT": Decimal(-2)}
