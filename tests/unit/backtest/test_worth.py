from __future__ import annotations

import random
from decimal import Decimal

import numpy as np
import pytest

from bot.backtest.worth import units, worths
from bot.engine.arithmetic import exact


@pytest.mark.parametrize("seed", range(5))
def test_worth_by_columns_is_the_sum_of_exact_products(seed: int) -> None:
    rng = random.Random(seed)
    ticks = np.array([[rng.randint(1, 10 ** rng.randint(1, 7)) for _ in range(7)] for _ in range(20)])
    each = [Decimal(rng.randint(-(10**11), 10**11)).scaleb(-rng.randint(4, 9)) for _ in range(7)]
    still = Decimal(rng.randint(0, 10**10)).scaleb(-6)
    found = worths(ticks, each, still)
    assert found is not None
    made, scale = found
    with exact():
        told = [
            still + sum((int(tick) * size for tick, size in zip(row, each, strict=True)), Decimal(0)) for row in ticks
        ]
    assert [Decimal(one).scaleb(-scale) for one in made] == told


def test_what_has_more_digits_than_decisions_reckon_with_is_not_told() -> None:
    assert worths(np.array([[10**9]]), [Decimal("123456789012345.678901")], Decimal(0)) is None


def test_the_unit_value_is_rounded_every_hour_as_the_record_has_it() -> None:
    rng = random.Random(1)
    worth = [rng.randint(9 * 10**12, 11 * 10**12) for _ in range(200)]
    before, unit = Decimal("10000.12345678"), Decimal("1.234567890123")
    found = units(worth, unit, before, 8)
    with exact():
        told, last = [], before
        for one in worth:
            unit, last = (unit * Decimal(one).scaleb(-8) / last).quantize(Decimal("1e-12")), Decimal(one).scaleb(-8)
            told.append(unit)
    assert found is not None
    assert [Decimal(one).scaleb(-12) for one in found] == told


def test_a_unit_value_on_the_edge_of_rounding_is_not_told() -> None:
    assert units([3], Decimal("0.000000000001"), Decimal(2), 0) is None  # 1.5 of its least unit
