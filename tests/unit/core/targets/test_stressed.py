"""What stress makes of targets (R-A16), with the numbers of S12."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.core.policy import Policy
from bot.core.targets.stressed import stressed

D = Decimal


def a_policy(**stress: object) -> Policy:
    sleeves = {
        "majors": {"weight": "0.4", "assets": {"BTC": "0.6", "ETH": "0.4"}},
        "mid": {"weight": "0.3", "assets": ["BNB", "SOL"]},
        "narrative": {"weight": "0.2", "assets": ["DOGE", "LINK"]},
    }
    return Policy.model_validate({"targets": {"stables": {"weight": "0.1"}, "sleeves": sleeves}, "stress": stress})


TARGETS = {"BTC": D("0.24"), "ETH": D("0.16"), "BNB": D("0.15"), "SOL": D("0.15"), "DOGE": D("0.1"), "LINK": D("0.1")}


def test_s12_at_stress_2_sleeves_of_40_30_20_become_36_75_and_22_5_and_15() -> None:
    made = stressed(TARGETS, 2, a_policy())
    assert made["BTC"] + made["ETH"] == D("0.3675")
    assert (made["BTC"], made["ETH"]) == (D("0.2205"), D("0.147"))
    assert made["BNB"] + made["SOL"] == D("0.225")
    assert made["DOGE"] + made["LINK"] == D("0.15")
    assert 1 - sum(made.values()) == D("0.2575")


@pytest.mark.parametrize(
    ("level", "alts", "majors"), [(1, "0.135", "0.387"), (2, "0.1125", "0.3675"), (3, "0.075", "0.335")]
)
def test_each_level_has_its_scale(level: int, alts: str, majors: str) -> None:
    made = stressed(TARGETS, level, a_policy())
    assert made["SOL"] == D(alts)
    assert made["BTC"] + made["ETH"] == D(majors)


def test_without_stress_targets_stand() -> None:
    assert stressed(TARGETS, 0, a_policy()) == TARGETS
    assert stressed(TARGETS, 3, a_policy(enabled=False)) == TARGETS


def test_without_majors_all_that_is_freed_goes_to_stables() -> None:
    assert stressed({"SOL": D("0.5"), "BTC": D(0)}, 2, a_policy()) == {"SOL": D("0.375"), "BTC": 0}


def test_a_small_major_is_trimmed_less_but_never_bought() -> None:
    made = stressed({"BTC": D("0.05"), "SOL": D("0.85")}, 2, a_policy())
    # 30 % of the 22.5 points freed would lift BTC from 3.75 to 10.5.
    assert made == {"BTC": D("0.05"), "SOL": D("0.6375")}
