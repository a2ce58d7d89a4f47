"""Owns the drawdown breaker, the operator's yes and the day's budgets (R-G13, R-G17, R-G18). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.desk import Desk
from bot.core.exposure import drawdown
from bot.core.numbers import ONE, ZERO, utc_text
from bot.core.sizing import percent
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Wish

BREAKER = "R-G13"
APPROVAL = "R-G17"
BUDGETS = "R-G18"
DAY = timedelta(days=1)
OUTSIDE = ("deposit", "withdrawal")  # flows that change equity without being profit or loss


def tripped(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Unit value a limit or more under its peak: nothing but safety until an operator resumes."""
    limit = desk.policy.limits.drawdown
    fall = _fall(desk)
    if fall is None or fall < limit:
        return wish, passed(BREAKER)
    why = f"unit value {percent(fall)} under its peak, breaker at {percent(limit)}"
    return wish, Verdict(
        BREAKER, "veto", why, f"{percent(limit)} at most, now {percent(fall)}; or an operator's `resume`"
    )


def _fall(desk: Desk) -> Decimal | None:
    """The drawdown; wishes change neither prices nor what the account is worth."""
    return desk.once("drawdown", lambda: drawdown(desk.ledger, desk.memory, desk.snapshot.at, desk.seen.rescoped))


def approved(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """`approve: manual`: the wish waits for an operator's yes, which has an expiry."""
    if desk.policy.approve == "auto":
        return wish, passed(APPROVAL)
    until = desk.memory.approvals.get(wish.key)
    if until is not None and datetime.fromisoformat(until) > desk.snapshot.at:
        return wish, passed(APPROVAL)
    return wish, Verdict(APPROVAL, "defer", "waits for an operator's yes", f"`ballast approve {desk.decision_id}`")


def budgets(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Fees and loss of the UTC day; abs net of an asset at most its target + `asset_over_target`, in flight counted."""
    limits, memory = desk.policy.limits, desk.memory
    fees = memory.day_fees or ZERO
    if fees >= limits.fees_per_day:
        return wish, _spent(desk, "fees", fees, limits.fees_per_day)
    loss = desk.once("loss", lambda: _loss(desk))
    if loss >= limits.loss_per_day:
        return wish, _spent(desk, "loss", loss, limits.loss_per_day)
    if wish.asset in desk.policy.assets and wish.exposure_change > 0:
        after = desk.ledger.net(wish.asset) + wish.exposure_change + _in_flight(wish.asset, desk)
        most = desk.exposure(wish.asset).target + limits.asset_over_target
        if after > most:
            nearest = f"at most {percent(most)} of {wish.asset}, with this {percent(after)}"
            return wish, Verdict(BUDGETS, "veto", f"{wish.asset} would be {percent(after)}", nearest)
    return wish, passed(BUDGETS)


def _loss(desk: Desk) -> Decimal:
    """What the day has lost, a fraction of what it began with."""
    day_start = desk.memory.day_start_equity
    start = day_start and day_start + desk.seen.rescoped
    return (start - desk.equity - _withdrawn(desk)) / start if start else ZERO


def _spent(desk: Desk, what: str, spent: Decimal, limit: Decimal) -> Verdict:
    """A budget of the day that is used up, and when the next day brings a new one."""
    tomorrow = (desk.snapshot.at + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    nearest = f"{what} under {percent(limit)} a day, now {percent(spent)}; from {utc_text(tomorrow)}"
    return Verdict(BUDGETS, "veto", f"{what} of the day {percent(spent)}", nearest)


def _withdrawn(desk: Desk) -> Decimal:
    """What left by withdrawals less deposits since the day's equity was first seen, which has what went before.

    Accounting currency: no loss. Coins at today's price.
    """
    day, began = desk.snapshot.at.date(), desk.memory.day_start_at
    stables = desk.policy.targets.stables.assets
    total = ZERO
    for flow in desk.memory.flows:
        if flow.at.date() != day or flow.kind not in OUTSIDE or (began is not None and flow.at <= began):
            continue
        price = ONE if flow.asset in stables else desk.ledger.prices.get(flow.asset) or ZERO
        total -= flow.amount * price
    return total


def _in_flight(asset: str, desk: Desk) -> Decimal:
    """What own open and unknown buys may still add: of spot, of longs, and of shorts bought back."""
    total = ZERO
    for order in desk.snapshot.orders:
        name, coins = desk.asset_of(order.symbol)
        if name == asset and order.rest > 0:
            total += order.rest * coins * (desk.ledger.prices.get(asset) or ZERO)
    return total / desk.equity
