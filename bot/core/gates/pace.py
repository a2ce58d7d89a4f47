"""Owns the pace: interval, cooldown, whipsaw, turnover and the rate of orders (R-G6). Pure."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from bot.core.desk import Desk
from bot.core.memory import Ended
from bot.core.numbers import ONE, ZERO, utc_text
from bot.core.sizing import left_of, percent, sign_of
from bot.core.verdicts import Verdict
from bot.core.wishes import Wish

GATE = "R-G6"
DAY = timedelta(days=1)


def _subject(wish: Wish) -> str:
    return str(wish.notes.get("subject", wish.asset))


def interval(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Time between two increments of an episode; what is left of an increment does not wait."""
    episode = desk.memory.episode(_subject(wish))
    if episode is None or episode.last_increment_at is None or not wish.whole:
        return wish, Verdict(GATE, "pass")
    policy = desk.policy
    keys = policy.add_for(wish.asset) if wish.exposure_change > 0 else policy.trim_for(wish.asset)
    if left_of(episode, keys.increment) is not None:
        return wish, Verdict(GATE, "pass")
    ready = episode.last_increment_at + desk.policy.pace.increment_interval
    if desk.snapshot.at >= ready:
        return wish, Verdict(GATE, "pass")
    return wish, Verdict(GATE, "defer", "the last increment was too recent", f"from {utc_text(ready)}", until=ready)


def cooldown(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """From the end of one episode to the opening of the next; longer where the direction turns."""
    subject = _subject(wish)
    sign = "up" if wish.exposure_change > 0 else "down"
    ended, episode = desk.memory.ended.get(subject), desk.memory.episode(subject)
    if episode is not None and sign_of(episode) != sign and episode.last_increment_at is not None:
        ended = Ended(at=desk.snapshot.at, sign=sign_of(episode))  # this very plan ends it: its reason has turned
    elif episode is not None and sign_of(episode) == sign:
        ended = None
    if ended is None:
        return wish, Verdict(GATE, "pass")
    pace = desk.policy.pace
    turned = ended.sign is not None and ended.sign != sign
    ready = ended.at + (max(pace.whipsaw, pace.cooldown) if turned else pace.cooldown)
    if desk.snapshot.at >= ready:
        return wish, Verdict(GATE, "pass")
    what = "whipsaw guard" if turned else "cooldown"
    return wish, Verdict(GATE, "defer", f"{what} after the last episode", f"from {utc_text(ready)}", until=ready)


def turnover(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """max(bought, sold) of the UTC day within the budget: made smaller, then put off to the next day."""
    pace = desk.policy.pace
    limit = pace.turnover_derisk if wish.cls == "derisk" else pace.turnover_per_day
    done = desk.memory.turnover
    bought, sold = (done.bought, done.sold) if done else (ZERO, ZERO)
    for earlier in desk.approved:
        plus, minus = _sides(earlier, desk)
        bought, sold = bought + plus, sold + minus
    plus, minus = _sides(wish, desk)
    room = min((limit - bought) / plus if plus else ONE, (limit - sold) / minus if minus else ONE)
    if room >= ONE:
        return wish, Verdict(GATE, "pass")
    used = f"turnover of the day {percent(max(bought, sold))} of {percent(limit)}"
    if room <= 0:
        tomorrow = (desk.snapshot.at + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
        return wish, Verdict(GATE, "defer", used, f"from {utc_text(tomorrow)}", until=tomorrow)
    return wish.scaled(room), Verdict(
        GATE, "resize", used, f"a budget of {percent(max(bought + plus, sold + minus))}", scale=room
    )


def _sides(wish: Wish, desk: Desk) -> tuple[Decimal, Decimal]:
    """Bought and sold of a wish, fractions of E."""
    bought = sum((leg.notional for leg in wish.legs if leg.qty > 0), ZERO)
    sold = sum((leg.notional for leg in wish.legs if leg.qty < 0), ZERO)
    return bought / desk.equity, sold / desk.equity


def orders(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Orders per minute (this plan's, and the last minute's sends) and per hour."""
    pace = desk.policy.pace
    now = desk.snapshot.at
    planned = sum(len(earlier.legs) for earlier in desk.approved) + len(wish.legs)
    minute = sum(1 for at in desk.memory.submitted_at if at > now - timedelta(minutes=1))
    hour = desk.memory.orders_last_hour or 0
    if minute + planned > pace.orders_per_minute:
        why = f"{minute + planned} orders in a minute"
        return wish, Verdict(GATE, "defer", why, f"at most {pace.orders_per_minute}; the next cycle")
    if hour + planned > pace.orders_per_hour:
        return wish, Verdict(GATE, "defer", f"{hour + planned} orders in an hour", f"at most {pace.orders_per_hour}")
    return wish, Verdict(GATE, "pass")
