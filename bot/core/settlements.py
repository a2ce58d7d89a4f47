"""Owns which settlements of funding change nothing: those that ring no alarm, and those whose end nobody sees. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core.costs import RATES_AVERAGED
from bot.core.market import HOUR_MS, asked_of
from bot.core.policy import Policy
from bot.core.readings.parameters import timeframe_ms
from bot.core.readings.regime import DAY_MS, FEED_AGE_MS
from bot.core.readings.stress import LEAST_RATES, LEVELS, swings

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LATE_MS: Final = FEED_AGE_MS + DAY_MS  # after which a settlement that never came changes nothing any more
MS: Final = timedelta(milliseconds=1)
A_YEAR_MS: Final = 365 * DAY_MS
NEVER_MS: Final = np.iinfo(np.int64).max
SLACK: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Settlements:
    """Of one perpetual, oldest first, (m,) each: instants, rates as fractions, and the interval each belongs to."""

    times_ms: Ints
    rates: Floats
    intervals_ms: Ints


def window_ms(policy: Policy) -> int:
    """How long settled rates are known."""
    return policy.stress.funding_history // MS


def felt(policy: Policy, majors: Iterable[Settlements], known_ms: Ints) -> Flags:
    """(n,): instants at which what is known of funding may ring or still its alarm (R-S10).

    ``known_ms``: all instants at which other rates are known than before, rising.
    """
    made = np.zeros(len(known_ms), dtype=np.bool_)
    if not policy.stress.enabled or not len(known_ms):
        return made
    asked = asked_of(policy)
    step_ms, back_ms = max(timeframe_ms(policy.signals.timeframe), HOUR_MS), (LEVELS * asked.calm_closes + 2) * DAY_MS
    slots = (known_ms - known_ms % step_ms)[:, None] - np.arange(0, back_ms, step_ms)
    closes = np.column_stack([known_ms, slots])
    before_ms = np.append(known_ms[0] - DAY_MS, known_ms[:-1])
    for each in majors:
        # By the rates of now, and by those known until now: an alarm that rang before may stop.
        for upto_ms in (known_ms[:, None], before_ms[:, None]):
            ends = np.searchsorted(each.times_ms, np.minimum(closes, upto_ms), side="right")
            first_ms = np.maximum(closes - int(asked.funding_ms), upto_ms - window_ms(policy) - 1)
            starts = np.searchsorted(each.times_ms, first_ms, side="right")
            some, still = ends - starts >= LEAST_RATES, np.zeros(ends.shape, dtype=np.bool_)
            sure, swung = swings(each.rates, starts[some], ends[some], asked)
            still[some] = sure & (swung == 0)
            made |= ~still.all(axis=1)
    return made


def outlived(policy: Policy, settled: Settlements) -> Flags:
    """(m,): settlements after which, while they are known, funding was so calm that what was before counts no more.

    What was over a limit stands until three settled rates are under half of it (R-W6).
    """
    limits = [policy.hedge_for(asset).funding_limit for asset in policy.assets]
    limits += [policy.bridge_for(asset).funding_limit for asset in policy.assets]
    count = len(settled.rates)
    if count < 2 * RATES_AVERAGED:
        return np.zeros(count, dtype=np.bool_)
    yearly = A_YEAR_MS / float(settled.intervals_ms.min())
    means = np.convolve(settled.rates, np.full(RATES_AVERAGED, 1 / RATES_AVERAGED), "valid")  # each with its last rate
    calm = np.abs(means) * yearly < float(min(limits)) / 2 - SLACK
    ends_ms = np.where(calm, settled.times_ms[RATES_AVERAGED - 1 :], NEVER_MS)
    first_ms = np.append(np.minimum.accumulate(ends_ms[::-1])[::-1], np.full(RATES_AVERAGED, NEVER_MS))
    # The first mean without a settlement is the one that begins after it.
    made: Flags = first_ms[1 : count + 1] <= settled.times_ms + window_ms(policy)
    return made
