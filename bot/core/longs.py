"""Owns the longs that stand still: which bridges are neither stopped nor due to become spot, hour by hour. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Exposure
from bot.core.costs import funding_view
from bot.core.desk import Desk, contract_of, is_lift
from bot.core.memory import Bridge, Memory
from bot.core.numbers import milliseconds
from bot.core.snapshot import Position, Snapshot
from bot.core.stirring import Said

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
SLACK: Final = 1e-9
MONEY_SLACK: Final = 1e-6


def odd(desk: Desk, memory: Memory) -> bool:
    """Whether a long stands that has no form here: in a bear market, of no entry, or for a share of risk."""
    held = [item for item in desk.seen.exposures if item.contracts > 0]
    if not held and not memory.bridges:
        return False
    known = {contract_of(item.asset, desk.policy).symbol for item in held}
    if desk.seen.regime == "bear" or any(is_lift(one) for one in memory.bridges):
        return True
    return known != {one.symbol for one in memory.bridges} or any(
        _position(desk.snapshot, symbol) is None for symbol in known
    )


def stand(desk: Desk, memory: Memory, mark: Floats, said: Said, at_ms: Ints) -> Flags:
    """(n,): every bridge stays as it is (R-A13, R-A14); ``mark`` (n, k) by asset."""
    made = np.ones(len(at_ms), dtype=np.bool_)
    for place, item in enumerate(desk.seen.exposures):
        if item.contracts > 0:
            symbol = contract_of(item.asset, desk.policy).symbol
            fact = next(one for one in memory.bridges if one.symbol == symbol)
            made &= _stands(desk, item, fact, mark[:, place], at_ms)
            supported = said.supported[:, place] & _in_half_a_loss(desk, item, fact, mark[:, place])
            made &= ~said.recovered[:, place] & ~supported
    return made


def _stands(desk: Desk, item: Exposure, fact: Bridge, mark: Floats, at_ms: Ints) -> Flags:
    keys = desk.policy.bridge_for(item.asset)
    view = funding_view(fact.symbol, desk)
    if view is not None and view.paid_by_long() > keys.funding_limit:
        return np.zeros(len(at_ms), dtype=np.bool_)
    paid, loss = float(fact.funding_paid), _loss(desk, item, fact, mark)
    notional = float(fact.contracts * contract_of(item.asset, desk.policy).coins) * mark
    made: Flags = (loss < float(keys.stop) - SLACK) & (at_ms < milliseconds(fact.opened_at + keys.max_age))
    made &= paid < float(keys.funding_budget) * notional - MONEY_SLACK
    if paid > 0:
        young = at_ms < milliseconds(fact.opened_at + keys.stagnation)
        made &= young | (paid < -loss * notional - MONEY_SLACK)
    return made


def _loss(desk: Desk, item: Exposure, fact: Bridge, mark: Floats) -> Floats:
    """Mark against entry plus funding paid, as a share of the entry's notional."""
    position = _position(desk.snapshot, fact.symbol)
    assert position is not None and position.entry_price is not None  # noqa: S101, PT018 - else it is an odd one
    entry = float(position.entry_price / contract_of(item.asset, desk.policy).coins)
    made: Floats = (entry - mark) / entry + float(fact.funding_paid / (fact.contracts * position.entry_price))
    return made


def _in_half_a_loss(desk: Desk, item: Exposure, fact: Bridge, mark: Floats) -> Flags:
    loss = _loss(desk, item, fact, mark)
    made: Flags = (loss > -SLACK) & (loss < float(desk.policy.bridge_for(item.asset).stop) / 2 + SLACK)
    return made


def _position(snapshot: Snapshot, symbol: str) -> Position | None:
    found = next((item for item in snapshot.positions if item.symbol == symbol and item.side == "long"), None)
    return found if found is not None and found.entry_price and found.contracts else None
