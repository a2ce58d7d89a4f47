"""Owns the worth of holdings that stand still, hour after hour: exact, in whole units, by columns where it can be."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
DIGITS: Final = 27  # one less than what is reckoned with: whatever is longer would be rounded
BITS: Final = 62  # of a whole number that columns can hold
UNIT_DIGITS: Final = 12  # of the unit value, as the record keeps it
NEAR_A_TIE: Final = 10**12  # parts of a unit: nearer to a half than one of them, and the way of rounding matters


def worths(ticks: Ints, worth_of_tick: Sequence[Decimal], still: Decimal) -> tuple[list[int], int] | None:
    """``still`` + ticks x what a tick of each column is worth, per row, in whole units of 10**-scale; and the scale.

    ``ticks``: (n, k). None where a number would have more digits than decisions are reckoned with.
    """
    parts = [still, *worth_of_tick]
    scale = max(0, *(-int(part.as_tuple().exponent) for part in parts))
    whole = [int(part.scaleb(scale)) for part in parts]
    if any(part.scaleb(scale) % 1 for part in parts):
        return None
    made = [whole[0] + each for each in _summed(ticks, whole[1:])]
    return None if max(map(abs, made)) >= 10**DIGITS else (made, scale)


def _summed(ticks: Ints, each: Sequence[int]) -> list[int]:
    """Rows of ticks x each, without rounding: each is cut into parts whose sums of products columns can hold."""
    most = int(np.abs(ticks).max(initial=1))
    width = BITS - most.bit_length() - len(each).bit_length()
    longest = max((abs(value).bit_length() for value in each), default=0)
    if width < 1:
        return [sum(one * value for one, value in zip(row, each, strict=True)) for row in ticks.tolist()]
    made: list[int] = [0] * len(ticks)
    for shift in range(0, longest + 1, width):
        mask = (1 << width) - 1
        part = np.array([(abs(value) >> shift & mask) * (1 if value >= 0 else -1) for value in each], dtype=np.int64)
        made = [whole + (one << shift) for whole, one in zip(made, (ticks @ part).tolist(), strict=True)]
    return made


def units(worth: Sequence[int], unit: Decimal, before: Decimal, scale: int) -> list[int] | None:
    """The unit value after each hour, in 1e-12: the one before x worth / worth before, rounded half even every time.

    ``worth`` is in whole units of 10**-scale, ``before`` what was held before the first. None where whole units cannot
    tell it: so near a half that the 28 digits of a decision might, or with a worth before that is no whole units.
    """
    shifted = before.scaleb(scale)
    if shifted % 1 or shifted <= 0:
        return None
    made = []
    last, base = int(unit.scaleb(UNIT_DIGITS)), int(shifted)
    for each in worth:
        last, rest = divmod(last * each, base)
        apart = 2 * rest - base
        if abs(apart) * NEAR_A_TIE < base:
            return None
        if apart > 0:
            last += 1
        made.append(last)
        base = each
    return made
