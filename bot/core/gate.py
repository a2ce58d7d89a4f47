"""Owns the table of gates and classes, and the only place where `Approved` is built. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.core.copies import changed
from bot.core.desk import Desk
from bot.core.gates import (
    benefit,
    breaker,
    collar,
    data,
    depeg,
    filters,
    floor,
    kill,
    leverage,
    net_short,
    pace,
    runaway,
    scope,
    spike,
    window,
)
from bot.core.verdicts import Approved, Refused, Verdict
from bot.core.wishes import CLASSES, ActionClass, Wish

Judge = Callable[[Wish, Desk], tuple[Wish, Verdict]]
ALL = frozenset(CLASSES)
NOT_SAFETY = ALL - {"safety"}
_A = frozenset[ActionClass]


@dataclass(frozen=True, slots=True)
class Row:
    """One gate and the classes it is asked of (rulebook section 7's table)."""

    judge: Judge
    classes: frozenset[ActionClass]


#: Asked in this order: a gate that makes a wish smaller comes before those that measure it.
TABLE: tuple[Row, ...] = (
    Row(kill.judge, ALL),
    Row(data.fresh, ALL),
    Row(data.sane, ALL),
    Row(scope.judge, ALL),
    Row(runaway.judge, ALL),
    Row(depeg.judge, ALL),
    Row(breaker.tripped, NOT_SAFETY),
    Row(breaker.budgets, _A({"normal", "yield"})),
    Row(spike.judge, NOT_SAFETY),
    Row(window.schedule, _A({"normal"})),
    Row(pace.interval, _A({"floor", "derisk", "upkeep", "normal"})),
    Row(pace.cooldown, _A({"normal"})),
    Row(benefit.judge, _A({"normal"})),
    Row(pace.turnover, _A({"derisk", "normal"})),
    Row(collar.judge, ALL),
    Row(window.live, _A({"floor", "derisk", "upkeep", "normal"})),
    Row(floor.judge, NOT_SAFETY),
    Row(filters.judge, ALL),
    Row(leverage.judge, _A({"floor", "derisk", "upkeep", "normal"})),
    Row(net_short.judge, ALL - {"yield"}),
    Row(pace.orders, NOT_SAFETY),
    Row(breaker.approved, _A({"normal", "yield"})),
)


_ASKED = {cls: tuple(row.judge for row in TABLE if cls in row.classes) for cls in CLASSES}


def judge(wish: Wish, desk: Desk) -> Approved | Refused:
    """Ask every gate of the wish's class; all that did not pass are kept, with what would have let it through."""
    wish = changed(wish, wanted=wish.exposure_change)
    passed = 0
    smaller: list[Verdict] = []
    refused: list[Verdict] = []
    for asked in _ASKED[wish.cls]:
        made, verdict = asked(wish, desk)
        if verdict.verdict in ("defer", "veto"):
            refused.append(verdict)
            if made.cost is not wish.cost or made.benefit is not wish.benefit:
                wish = changed(wish, cost=made.cost, benefit=made.benefit)  # what it was judged by is recorded as well
            continue
        wish = made
        if verdict.verdict == "pass":
            passed += 1
        else:
            smaller.append(verdict)
    if refused:
        return Refused(wish, passed, (*smaller, *refused))
    return Approved(wish, passed, tuple(smaller))
