"""Owns `plan`, the one door to the pure core: a snapshot and a policy in, a plan out. No I/O, no clock, no chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from bot.core.assess import assess
from bot.core.assess import readings as table
from bot.core.assessment import Readings
from bot.core.costs import SETTLED
from bot.core.decide import inside, proposers
from bot.core.desk import Desk
from bot.core.events import Event
from bot.core.gate import judge
from bot.core.gates import benefit
from bot.core.gates.kill import while_frozen
from bot.core.gates.spike import spikes
from bot.core.kept import Kept, Lately
from bot.core.memory import Episode
from bot.core.numbers import canonical_json, digest, fraction
from bot.core.plan_record import After, Plan, number
from bot.core.policy import Policy, config_hash
from bot.core.readings import bars_needed
from bot.core.rules import breaker, exits, margin
from bot.core.rules.broken import settled
from bot.core.sizing import AT_GOAL, CLOSE_ENOUGH, least_way, sign_of
from bot.core.snapshot import History, Snapshot
from bot.core.triggers import calendar
from bot.core.verdicts import Approved, Refused
from bot.core.wishes import Hold, Wish

__all__ = ["bars_needed", "plan", "table", "while_frozen"]


def plan(snapshot: Snapshot, policy: Policy, *, table: Mapping[str, Readings] | None = None) -> Plan:
    """What would be done now, why, and what stood in the way; equal inputs give equal bytes.

    ``table`` replaces the readings by given ones (asset -> last row); else they are computed from the candles.
    """
    snapshot = _in_order(snapshot)
    seen, ledger = assess(snapshot, policy, table)
    hashed = _HASHES.of(policy)
    decision_id = "d" + digest(hashed, snapshot.digest, length=15)
    desk = Desk(snapshot, policy, seen, ledger, decision_id)
    desk, approved, blocked, holds = _one_pass(desk)
    spoken = (
        {item.asset for item in holds} | {item.wish.asset for item in approved} | {item.wish.asset for item in blocked}
    )
    holds.extend(inside(item) for item in seen.exposures if item.asset not in spoken and ledger.equity)
    return Plan(
        decision_id=decision_id,
        at=snapshot.at,
        config_hash=hashed,
        assessment=seen,
        actions=tuple(approved),
        blocked=tuple(blocked),
        holds=tuple(holds),
        after=_after(desk),
        venue=snapshot.venue,
        events=tuple(_facts(desk, [item.wish for item in approved], blocked)),
        stables_floor=policy.targets.stables.floor,
    )


def _in_order(snapshot: Snapshot) -> Snapshot:
    """The snapshot with every list that carries no order of its own in one order: equal content, equal bytes."""
    _ORDERED.turn()
    _HISTORIES.turn()
    SETTLED.turn()
    parts: dict[str, Any] = {}
    for name in ("memory", "account", "control"):
        noun = getattr(snapshot, name)
        if changed := _out_of_order(noun):
            parts[name] = noun.model_copy(update=changed)
    histories = {symbol: changed for symbol, item in snapshot.history.items() if (changed := _HISTORIES.of(item))}
    if histories:
        history = snapshot.history
        parts["history"] = history | {name: history[name].model_copy(update=new) for name, new in histories.items()}
    gaps = tuple(sorted(snapshot.gaps))
    if gaps != snapshot.gaps:
        parts["gaps"] = gaps
    return snapshot.model_copy(update=parts) if parts else snapshot


def _out_of_order(noun: BaseModel) -> dict[str, Any]:
    """The lists of a noun that must change, in order."""
    lists = ((name, value) for name, value in noun if isinstance(value, tuple) and len(value) > 1)
    return {name: ordered for name, value in lists if (ordered := _ORDERED.of(value)) is not value}


def _ordered(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """The items by their text; the very tuple where it is in order."""
    ordered = tuple(sorted(items, key=_text))
    return items if all(mine is theirs for mine, theirs in zip(items, ordered, strict=True)) else ordered


def _text(item: object) -> str:
    return canonical_json(item.model_dump() if isinstance(item, BaseModel) else item)


_ORDERED: Lately[tuple[Any, ...], tuple[Any, ...]] = Lately(_ordered)
_HISTORIES: Lately[History, dict[str, Any]] = Lately(_out_of_order)
_HASHES: Kept[Policy, str] = Kept(config_hash, 16)


def _one_pass(desk: Desk) -> tuple[Desk, list[Approved], list[Refused], list[Hold]]:
    """Each wish is gated on the account as the previous actions leave it (rulebook section 5)."""
    approved: list[Approved] = []
    blocked: list[Refused] = []
    holds: list[Hold] = []
    for propose in proposers(desk):
        for wish in propose(desk):
            if isinstance(wish, Hold):
                holds.append(wish)
                continue
            judged = judge(wish, desk)
            if isinstance(judged, Approved):
                approved.append(judged)
                desk = desk.after(judged.wish)
            else:
                blocked.append(judged)
                desk = desk.without(judged.wish)
    return desk, approved, blocked, holds


def _after(desk: Desk) -> After:
    ledger = desk.ledger
    if not ledger.equity:
        return After({}, None, None)
    return After(
        {item.asset: ledger.net(item.asset) for item in desk.seen.exposures},
        fraction((ledger.liquid + sum(desk.moving.values(), Decimal(0))) / ledger.equity),
        ledger.gross,
    )


def _facts(desk: Desk, approved: list[Wish], blocked: list[Refused]) -> Iterator[Event]:
    """What the decision states as facts, committed with it."""
    open_now = {item.subject: item for item in desk.memory.episodes}
    for subject, episode in sorted(open_now.items()):
        why = _over(desk, episode) or _not_worth_it(episode, blocked)
        if why:
            yield _event(desk, f"{subject}:ended", "episode.ended", {"subject": subject, "why": why})
            del open_now[subject]
    yield from _slots(desk, open_now)
    yield from _opened(desk, approved, open_now)
    for action, symbol in sorted(settled(desk)):
        yield _event(desk, f"{action}:{symbol}:mended", "pair.mended", {"action": action, "symbol": symbol})
    spiking = [item.asset for item in desk.seen.exposures if spikes(desk, item)]
    if spiking:
        yield _event(desk, "spikes", "spikes", {"assets": spiking})
    idle = margin.surplus(desk)
    if idle != (desk.memory.surplus_since is not None):
        yield _event(desk, "surplus", "surplus", {"idle": idle})
    if breaker.trips(desk):
        yield _event(desk, "breaker", "breaker.tripped", {})


def _event(desk: Desk, name: str, kind: str, body: dict[str, Any]) -> Event:
    return Event(f"{desk.decision_id}:{name}", desk.snapshot.at, kind, body)


def _slots(desk: Desk, open_now: dict[str, Episode]) -> Iterator[Event]:
    """Calendar slots that this decision is the first to see, and an episode per asset they move (R-W1)."""
    memory, at = desk.memory, desk.snapshot.at
    if not desk.seen.equity:
        return
    for sleeve, slot in sorted(calendar.due(desk.policy, memory, at).items()):
        yield _event(desk, f"{sleeve}:slot", "slot.fired", {"sleeve": sleeve, "slot": slot.isoformat()})
    for item in desk.seen.triggers:
        if item.rule != calendar.RULE or item.subject in open_now or item.goal is None:
            continue
        body = {
            "subject": item.subject,
            "direction": "calendar",
            "goal": number(item.goal),
            "rule": item.rule,
            "sign": "down" if item.direction == "over" else "up",
        }
        yield _event(desk, f"{item.subject}:opened", "episode.opened", body)
        open_now[item.subject] = Episode.model_validate({**body, "opened_at": at})


def _opened(desk: Desk, approved: list[Wish], open_now: dict[str, Episode]) -> Iterator[Event]:
    """Episodes that approved actions open; one opened by a slot is judged by its first action (R-G10)."""
    for wish in approved:
        subject = str(wish.notes.get("subject", wish.asset))
        if wish.direction is None or wish.goal is None:
            continue
        known = open_now.get(subject)
        if known is not None:
            if not known.judged and wish.cls == "normal":
                yield _event(desk, f"{subject}:judged", "episode.judged", {"subject": subject})
            continue
        body = {
            "subject": subject,
            "direction": wish.direction,
            "goal": number(wish.goal),
            "rule": wish.rule,
            "sign": "up" if wish.exposure_change > 0 else "down",
            "judged": True,
        }
        yield _event(desk, f"{subject}:opened", "episode.opened", body)
        open_now[subject] = Episode.model_validate({**body, "opened_at": desk.snapshot.at})


def _not_worth_it(episode: Episode, blocked: list[Refused]) -> str:
    """A slot's episode whose whole way costs more than it is worth ends at its first judgement."""
    if episode.direction != "calendar" or episode.judged:
        return ""
    for item in blocked:
        if item.wish.asset == episode.subject and any(word.gate == benefit.GATE for word in item.not_passed):
            return "not worth its cost"
    return ""


def _over(desk: Desk, episode: Episode) -> str:
    """Why an episode has ended; empty while it goes on. Asked of the account as it was read, not as planned."""
    if not desk.seen.equity:
        return ""
    if episode.subject == "stables":
        return "" if any(item.subject == "stables" for item in desk.seen.triggers) else "the floor is refilled"
    if episode.subject not in desk.policy.assets:
        return "no longer configured"
    if episode.direction == "derisk" and desk.seen.stress <= 0 and desk.seen.regime != "bear":
        return "stress and bear are over"
    if episode.rule == exits.RULE and not exits.leaving(desk, desk.exposure(episode.subject)):
        return "its reason is gone"
    exposure = desk.exposure(episode.subject)
    down, near, goal = sign_of(episode) == "down", CLOSE_ENOUGH, episode.goal
    if episode.direction == "derisk":  # not under a target that has risen since; a crumb is not worth a step
        near, goal = least_way(desk.policy, episode.subject), max(goal, exposure.target)
    gap = exposure.net - goal if down else goal - exposure.net
    if gap <= near:
        return AT_GOAL
    other = desk.trigger(episode.subject, "under" if down else "over")
    return "its reason is gone" if other is not None else ""
