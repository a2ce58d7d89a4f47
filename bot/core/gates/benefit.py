"""Owns cost against benefit, judged once per episode for the whole way (R-G10, R-A2). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.copies import changed
from bot.core.costs import benefit_of, cost_of
from bot.core.desk import Desk
from bot.core.futures import tax_of, taxed_whole
from bot.core.numbers import ONE, fraction
from bot.core.sizing import sign_of
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Cost, Wish

GATE = "R-G10"
LIFT = "R-T5"


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Benefit above 0 and at least `costs.min_ratio` times the cost; both are recorded for the step."""
    exposure = desk.exposure(wish.asset)
    target = _target(wish, desk)
    before = fraction(desk.ledger.net(wish.asset) - target)
    cost = changed(cost_of(wish.legs, desk), tax=tax_of(wish.legs, desk))
    step_benefit = benefit_of(before, before + wish.exposure_change, exposure.readings, desk)
    taxed = taxed_whole(wish.legs, desk)
    told = f"{wish.why}; {taxed}" if taxed else wish.why
    priced = changed(wish, why=told, cost=cost, benefit=step_benefit)
    episode = desk.memory.episode(wish.asset)
    same_way = episode is not None and (sign_of(episode) == "up") == (wish.exposure_change > 0)
    if episode is not None and episode.judged and same_way:
        return priced, passed(GATE)
    goal = wish.goal if wish.goal is not None else target
    after = fraction(goal - target)
    way = abs(before - after) / abs(wish.exposure_change) if wish.exposure_change else ONE
    times = max(ONE, way)
    whole = changed(_times(cost, times), tax=tax_of(wish.scaled(times).legs, desk))
    benefit = benefit_of(before, after, exposure.readings, desk)
    ratio = desk.policy.costs.min_ratio
    if benefit > 0 and benefit >= ratio * whole.total:
        return priced, passed(GATE)
    why = f"benefit {benefit / desk.equity:.4%} against cost {whole.total / desk.equity:.4%} of E"
    why += f" ({taxed})" if taxed else ""
    nearest = f"benefit {ratio * whole.total / desk.equity:.4%} of E, now {benefit / desk.equity:.4%}"
    return priced, Verdict(GATE, "veto", why, nearest)


def _target(wish: Wish, desk: Desk) -> Decimal:
    """What distance counts from: the target, or the net exposure at its budget where a share of risk is lifted."""
    risk = desk.seen.risk.get(wish.asset)
    return risk.at_budget if wish.rule == LIFT and risk is not None else desk.exposure(wish.asset).target


def _times(cost: Cost, factor: Decimal) -> Cost:
    return Cost(cost.fees * factor, cost.spread * factor, cost.impact * factor, cost.funding * factor)
