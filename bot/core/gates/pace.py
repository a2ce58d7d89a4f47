"""Owns the pace: interval, cooldown, whipsaw, turnover and the rate of orders (R-G6). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.desk import Desk
from bot.core.memory import Ended
from bot.core.numbers import ONE, ZERO, utc_text
from bot.core.sizing import CLOSE_ENOUGH, STRETCH, left_of, percent, sign_of
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Wish

GATE = "R-G6"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def _subject(wish: Wish) -> str:
    return str(wish.notes.get("subject", wish.asset))


def interval(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Time between two increments of an episode; what is left of an increment does not wait."""
    episode = desk.memory.episode(_subject(wish))
    if episode is None or episode.last_increment_at is None or not wish.whole:
        return wish, passed(GATE)
    policy = desk.policy
    keys = policy.add_for(wish.asset) if wish.exposure_change > 0 else policy.trim_for(wish.asset)
    if left_of(episode, keys.increment) is not None:
        return wish, passed(GATE)
    ready = episode.last_increment_at + desk.policy.pace.increment_interval
    if desk.snapshot.at >= ready:
        return wish, passed(GATE)
    nearest = f"{_span(desk.policy.pace.increment_interval)} between increments: from {utc_text(ready)}"
    return wish, Verdict(GATE, "defer", "the last increment was too recent", nearest, until=ready)


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
        return wish, passed(GATE)
    pace = desk.policy.pace
    turned = ended.sign is not None and ended.sign != sign
    wait = max(pace.whipsaw, pace.cooldown) if turned else pace.cooldown
    ready = ended.at + wait
    if desk.snapshot.at >= ready:
        return wish, passed(GATE)
    what = "whipsaw guard" if turned else "cooldown"
    nearest = f"{what} of {_span(wait)}: from {utc_text(ready)}"
    return wish, Verdict(GATE, "defer", f"{what} after the last episode", nearest, until=ready)


def turnover(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """max(bought, sold) of the UTC day, orders under way included: made smaller, then put off to the next day."""
    pace = desk.policy.pace
    limit = pace.turnover_derisk if wish.cls == "derisk" else pace.turnover_per_day
    done = desk.memory.turnover
    bought, sold = desk.pending
    bought, sold = (bought + done.bought, sold + done.sold) if done else (bought, sold)
    for earlier in desk.approved:
        plus, minus = _sides(earlier, desk)
        bought, sold = bought + plus, sold + minus
    plus, minus = _sides(wish, desk)
    room = min((limit - bought) / plus if plus else ONE, (limit - sold) / minus if minus else ONE)
    if room >= ONE:
        return wish, passed(GATE)
    used = f"turnover of the day {percent(max(bought, sold))} of {percent(limit)}"
    # What is left of the day may be no step any more: a crumb is not traded, and not told as the venue's business.
    if room * max(plus, minus) <= min(CLOSE_ENOUGH, max(plus, minus) * STRETCH):
        tomorrow = (desk.snapshot.at + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
        nearest = f"turnover under {percent(limit)}, now {percent(max(bought, sold))}; from {utc_text(tomorrow)}"
        return wish, Verdict(GATE, "defer", used, nearest, until=tomorrow)
    nearest = f"a budget of {percent(max(bought + plus, sold + minus))} a day, now {percent(limit)}"
    return wish.scaled(room), Verdict(GATE, "resize", used, nearest, scale=room)


def _sides(wish: Wish, desk: Desk) -> tuple[Decimal, Decimal]:
    """Bought and sold of a wish, fractions of E."""
    bought = sum((leg.notional for leg in wish.legs if leg.qty > 0), ZERO)
    sold = sum((leg.notional for leg in wish.legs if leg.qty < 0), ZERO)
    return bought / desk.equity, sold / desk.equity


def orders(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Orders per minute and per hour: this plan's, and those sent in the last minute and hour."""
    pace, now = desk.policy.pace, desk.snapshot.at
    planned = sum(len(earlier.legs) for earlier in desk.approved) + len(wish.legs)
    last_hour = desk.memory.orders_last_hour or 0
    minute = [at for at in desk.memory.submitted_at if at > now - MINUTE]
    for word, span, sent, count, limit in (
        ("minute", MINUTE, minute, len(minute), pace.orders_per_minute),
        ("hour", HOUR, list(desk.memory.submitted_at), last_hour, pace.orders_per_hour),
    ):
        if count + planned <= limit:
            continue
        why = f"{count} orders sent in the last {word}, {planned} more with this"
        free = _free_at(sent, span, count + planned - limit)
        when = f"from {utc_text(free)}" if free else "the next cycle"
        nearest = f"at most {limit} in one {word}, with this {count + planned}; {when}"
        return wish, Verdict(GATE, "defer", why, nearest, until=free)
    return wish, passed(GATE)


def _free_at(sent: Sequence[datetime], span: timedelta, over: int) -> datetime | None:
    """When so many of the sends will be longer ago than the span; None where there are not as many."""
    return sorted(sent)[over - 1] + span if 0 < over <= len(sent) else None


def _span(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:g} min" if minutes < HOUR.total_seconds() / 30 else f"{minutes / 60:g} h"
