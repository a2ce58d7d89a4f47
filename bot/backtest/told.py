"""Owns when a past tells of funding: at which cycles what is known of it changes, and what is known there then."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from bot.core.desk import contract_of
from bot.core.numbers import from_milliseconds
from bot.core.policy import Policy
from bot.core.screen import LATE_MS, Settlements, felt, outlived, window_ms
from bot.core.snapshot import Funding, History, Snapshot
from bot.venues.simulated.recordings import Rates

Ints = NDArray[np.int64]
#: (symbol) -> all settlements, None where there are none.
Recorded = Callable[[str], Rates | None]


class Told:
    """Of one run: ``rows`` (n,) are the cycles that see another rate, or other rates in the window, than those before.

    ``paid`` those among them at which a position may have paid, or whose marks it pays by; ``felt`` those at which
    stress may change with it. A settlement that is overdue makes every cycle one of them while anybody waits for it.
    """

    def __init__(self, policy: Policy, rates: Recorded, times_ms: Ints) -> None:
        names = {*policy.assets, *policy.stress.majors, policy.regime.index}
        symbols = {contract_of(name, policy).symbol for name in names}
        self._majors = {contract_of(name, policy).symbol for name in policy.stress.majors if policy.stress.enabled}
        self._rates = {symbol: found for symbol in sorted(symbols) if (found := rates(symbol)) is not None}
        self._times = times_ms
        self._window_ms = window_ms(policy)
        self.paid = np.zeros(len(times_ms), dtype=np.bool_)
        for found in self._rates.values():
            self._mark(found.times_ms, self.paid)
            self._mark_before(found.times_ms)
            self._mark_late(found)
        settled = {name: _settlements(found) for name, found in self._rates.items()}
        majors = [settled[name] for name in sorted(self._majors & self._rates.keys())]
        known = self.paid.copy()
        for each in majors:
            for beyond in (0, 1):  # the alarm of funding counts it no more, and then it is forgotten
                self._mark(each.times_ms + self._window_ms + beyond, known)
        self.felt = np.zeros(len(times_ms), dtype=np.bool_)
        self.felt[known] = felt(policy, majors, times_ms[known])
        self.rows = self.paid | self.felt
        for each in settled.values():
            self._mark(each.times_ms[~outlived(policy, each)] + self._window_ms + 1, self.rows)

    def _mark(self, at_ms: Ints, rows: NDArray[np.bool_]) -> None:
        """The first cycle at each of these instants or after it."""
        at = np.searchsorted(self._times, at_ms)
        rows[at[(at < len(self._times)) & (at_ms >= self._times[0])]] = True

    def _mark_before(self, at_ms: Ints) -> None:
        """Between two cycles is paid by the marks of the first."""
        at = np.searchsorted(self._times, at_ms, side="right") - 1
        some = (at >= 0) & (at_ms < self._times[-1])
        self.paid[at[some & (self._times[np.maximum(at, 0)] != at_ms)]] = True

    def _mark_late(self, rates: Rates) -> None:
        row = np.searchsorted(rates.times_ms, self._times, side="right") - 1
        late = self._times - (rates.times_ms + rates.intervals_ms)[np.maximum(row, 0)]
        self.paid |= (row >= 0) & (late >= 0) & (late <= LATE_MS)

    def at(self, row: int, snapshot: Snapshot, funding: Mapping[str, Funding]) -> Snapshot | None:
        """A snapshot that knows what the cycle of a row does; ``funding``: as it is then.

        None where an engine may not have asked for what was settled by then: it asks when a settlement is due.
        """
        at = int(self._times[row])
        history: dict[str, History] = dict(snapshot.history)
        for symbol, rates in self._rates.items():
            known = history.get(symbol)
            if known is None or not known.funding:
                if symbol in self._majors or (known is not None and known.funding is not None):
                    return None
                continue
            before = snapshot.funding.get(symbol)
            if before is None or before.next_at is None:
                return None
            first, last = np.searchsorted(rates.times_ms, [known.funding[-1][0], at], side="right").tolist()
            if (first < last) != (before.next_at <= from_milliseconds(at)):
                return None
            news = [(int(rates.times_ms[each]), rates.rates[each]) for each in range(first, last)]
            if news or known.funding[0][0] < at - self._window_ms:
                kept = [point for point in (*known.funding, *news) if point[0] >= at - self._window_ms]
                history[symbol] = known.model_copy(update={"funding": tuple(kept)})
        told = {symbol: funding[symbol] for symbol in sorted(self._rates) if symbol in funding}
        return snapshot.model_copy(update={"funding": told, "history": history})


def _settlements(rates: Rates) -> Settlements:
    return Settlements(rates.times_ms, np.array([float(rate) for rate in rates.rates]), rates.intervals_ms)
