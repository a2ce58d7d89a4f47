"""Owns the bot's memory: facts folded from recorded events, nothing else. No I/O, no opinions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bot.core.events import Event
from bot.core.facts import (
    Bridge,
    Broken,
    Doubt,
    Ended,
    Episode,
    Flow,
    Hedge,
    Instant,
    LastTrade,
    Number,
    Seen,
    Since,
    Turnover,
    Vanished,
)
from bot.core.instruments import base_of, is_swap
from bot.core.kept import Kept
from bot.core.lots import Lot, after_fill, after_flow
from bot.core.numbers import ONE, ZERO

__all__ = ["Bridge", "Broken", "Ended", "Episode", "Hedge", "Instant", "Memory", "fold", "fold_all"]

HOUR = timedelta(hours=1)
MOVES = ("transfer", "park", "recall")  # kinds of wishes that move money between own wallets alone
TICKED = Decimal("0.1")  # what coins may be worth more or less when told than when they came
NOT_TAKEN = ("rejected", "denied", "absent")  # states of an order that no venue accepted


class Memory(BaseModel):
    """Facts folded from events; empty on a first start. Fractions are of equity, amounts in base units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    episodes: tuple[Episode, ...] = ()
    ended: dict[str, Ended] = Field(default_factory=dict)
    last_trades: dict[str, LastTrade] = Field(default_factory=dict)
    turnover: Turnover | None = None
    unit_peak: Number | None = None
    unit_value: Number | None = None
    hedges: tuple[Hedge, ...] = ()
    bridges: tuple[Bridge, ...] = ()
    broken: tuple[Broken, ...] = ()
    residuals: dict[str, Number] = Field(default_factory=dict)
    fired_slots: dict[str, Instant] = Field(default_factory=dict)
    first_seen: Instant | None = None
    flows: tuple[Flow, ...] = ()
    equity_seen: Number | None = None
    wishes: dict[str, int] = Field(default_factory=dict)
    orders_last_hour: int | None = None
    owned: tuple[str, ...] | None = None
    last_good_prices: dict[str, Number] = Field(default_factory=dict)
    stopped_bridges: dict[str, Instant] = Field(default_factory=dict)
    vanished: dict[str, Vanished] = Field(default_factory=dict)
    last_bear_hedge: dict[str, Instant] = Field(default_factory=dict)
    spikes: dict[str, Instant] = Field(default_factory=dict)
    last_parked_at: Instant | None = None
    surplus_since: Instant | None = None
    risk_budgets: dict[str, Number] = Field(default_factory=dict)
    day_fees: Number | None = None
    day_start_equity: Number | None = None
    approvals: dict[str, str] = Field(default_factory=dict)
    # ---- beyond the contract's list
    submitted_at: tuple[Instant, ...] = ()  # sends of the last hour, for `orders_last_hour`
    halted_assets: tuple[str, ...] = ()  # by R-G15 or an operator, until re-armed
    day: str | None = None  # the UTC day that `day_fees` and `day_start_equity` count
    day_start_at: Instant | None = None  # when that equity was seen: what came or went earlier that day is in it
    seen: Seen | None = None
    since: tuple[Since, ...] = ()  # folded after `seen`, emptied by the next one
    doubt: Doubt | None = None  # kept out of the unit value until a flow explains it, or it has stood too long (R-W9)
    lots: dict[str, tuple[Lot, ...]] | None = None  # what coins cost, oldest first; None: nobody kept count (R-G10)
    sent: dict[str, str] = Field(default_factory=dict)  # client id -> wish of orders whose outcome is not known

    def episode(self, subject: str) -> Episode | None:
        """The open episode of a subject, if any."""
        return _EPISODES.of(self.episodes).get(subject)

    def at(self, now: datetime) -> Memory:
        """This memory as a decision at ``now`` sees it: what counts by hour or by UTC day is cut to size."""
        recent = tuple(at for at in self.submitted_at if at > now - HOUR)
        day = now.astimezone(UTC).date().isoformat()
        today = {} if self.day in (day, None) else {"day_fees": None, "day_start_equity": None, "day_start_at": None}
        turnover = self.turnover if self.turnover and self.turnover.day == day else None
        return self.model_copy(
            update={"orders_last_hour": len(recent), "submitted_at": recent, "turnover": turnover, **today}
        )


def _by_subject(episodes: tuple[Episode, ...]) -> Mapping[str, Episode]:
    return {item.subject: item for item in reversed(episodes)}  # the first of a subject stands


_EPISODES: Kept[tuple[Episode, ...], Mapping[str, Episode]] = Kept(_by_subject, 8)
Step = Callable[[Memory, Event], dict[str, Any]]


def fold(memory: Memory, event: Event) -> Memory:
    """The memory after one event: the only way it changes. Kinds it does not know change nothing."""
    step = _STEPS.get(event.kind)
    return memory.model_copy(update=step(memory, event)) if step else memory


def fold_all(events: Iterable[Event], memory: Memory | None = None) -> Memory:
    """Fold many events in order."""
    made = memory or Memory()
    for event in events:
        made = fold(made, event)
    return made


def _episode_opened(memory: Memory, event: Event) -> dict[str, Any]:
    others = tuple(item for item in memory.episodes if item.subject != event.body["subject"])
    opened = Episode(opened_at=event.at, **event.body)
    return {"episodes": tuple(sorted((*others, opened), key=lambda item: item.subject))}


def _episode_worked(memory: Memory, event: Event) -> dict[str, Any]:
    """``left``: what of the increment is not yet filled; it is 0 when the increment is done."""
    update: dict[str, Any] = {"left": Decimal(str(event.body["left"]))}
    if event.body.get("filled"):
        update["last_increment_at"] = event.at
    if "taker_turn" in event.body:
        update["taker_turn"] = event.body["taker_turn"]
    if "judged" in event.body:
        update["judged"] = event.body["judged"]
    return {
        "episodes": tuple(
            item.model_copy(update=update) if item.subject == event.body["subject"] else item
            for item in memory.episodes
        )
    }


def _episode_ended(memory: Memory, event: Event) -> dict[str, Any]:
    subject = event.body["subject"]
    episode = memory.episode(subject)
    if episode is None:
        return {}
    ended = dict(memory.ended)
    # Cooldown and whipsaw protect against trading to and fro; an episode that never traded owes none.
    if episode.last_increment_at is not None:
        why = str(event.body.get("why", ""))
        ended[subject] = Ended(at=event.at, sign=episode.sign, rule=episode.rule, why=why)
    return {"episodes": tuple(item for item in memory.episodes if item.subject != subject), "ended": ended}


def _fill(memory: Memory, event: Event) -> dict[str, Any]:
    """A booked fill: signed ``qty``, ``price``, ``fee_value`` in accounting currency, the decision's ``equity``."""
    body = event.body
    qty, price = Decimal(str(body["qty"])), Decimal(str(body["price"]))
    equity = Decimal(str(body["equity"])) if body.get("equity") else None
    # Told late, or stamped before midnight by a venue whose clock is behind, it takes nothing of the day that has begun
    # away: what that day may cost and turn over is counted on, with this in it (R-G6, R-G18).
    day = max(event.at.date().isoformat(), memory.day or "")
    asset = str(body.get("asset") or base_of(str(body["symbol"])))
    update: dict[str, Any] = {
        "last_trades": {**memory.last_trades, asset: LastTrade(at=event.at, direction="up" if qty > 0 else "down")}
    }
    if equity:
        turnover = memory.turnover if memory.turnover and memory.turnover.day == day else Turnover(day=day)
        side = "bought" if qty > 0 else "sold"
        share = abs(qty) * price / equity
        update["turnover"] = turnover.model_copy(update={side: getattr(turnover, side) + share})
        fee = Decimal(str(body.get("fee_value", 0))) / equity
        update["day_fees"] = (memory.day_fees or ZERO if memory.day == day else ZERO) + fee
        update["day"] = day
        if memory.day != day:
            update |= {"day_start_equity": equity, "day_start_at": event.at}
    swap = is_swap(str(body["symbol"]))
    each = Decimal(str(body.get("coins_each", 1)))  # coins of the asset in one base unit of the symbol
    fee_paid = Decimal(str(body.get("fee_value", 0)))
    happened = Since(asset=asset, swap=swap, coins=qty * each, price=price / each, money=-fee_paid)
    update["since"] = (*memory.since, happened)
    if swap:
        update |= _futures_fill(memory, event, qty, price)
        update |= _by_kind(memory, event, asset)
    else:
        update["lots"] = after_fill(memory.lots or {}, event.at, asset, body)
    # Its own late trades mend a pair as the repair's do.
    mended = {str(body.get(name) or "") for name in ("repairs", "action")}
    update["broken"] = tuple(_less_broken(memory.broken, str(body["symbol"]), qty, mended))
    return update


def _by_kind(memory: Memory, event: Event, asset: str) -> dict[str, Any]:
    """What only some actions' fills leave behind: a stopped bridge's ban, a bear hedge's date (R-A14, R-A6)."""
    if event.body.get("kind") == "stop":
        return {"stopped_bridges": {**memory.stopped_bridges, asset: event.at}}
    if event.body.get("kind") == "hedge" and str(event.body.get("reason", "")).startswith("R-A6"):
        return {"last_bear_hedge": {**memory.last_bear_hedge, asset: event.at}}
    return {}


def _less_broken(broken: tuple[Broken, ...], symbol: str, qty: Decimal, mended: set[str]) -> Iterable[Broken]:
    for item in broken:
        if item.action not in mended or item.symbol != symbol:
            yield item
            continue
        rest = item.contracts - qty
        if rest * item.contracts > 0:
            yield item.model_copy(update={"contracts": rest})


def _futures_fill(memory: Memory, event: Event, qty: Decimal, price: Decimal) -> dict[str, Any]:
    """Longs of purpose bridge and shorts of the other purposes grow and shrink by their own fills."""
    body = event.body
    symbol, purpose, reason = str(body["symbol"]), str(body.get("purpose", "hedge")), str(body.get("reason", ""))
    if purpose == "bridge":
        bridges = {item.symbol: item for item in memory.bridges}
        bridge = bridges.pop(symbol, None)
        had = bridge.contracts if bridge else ZERO
        left = had + qty
        margin = (bridge.margin * left / had if qty < 0 else bridge.margin) if bridge and had else ZERO
        if qty > 0:
            margin += qty * price / Decimal(str(body.get("leverage") or ONE))
        if left > 0:
            opened = bridge.opened_at if bridge else event.at
            why = bridge.reason if bridge else reason
            paid = bridge.funding_paid if bridge else ZERO
            bridges[symbol] = Bridge(
                symbol=symbol, contracts=left, margin=margin, opened_at=opened, reason=why, funding_paid=paid
            )
        return {"bridges": tuple(bridges[key] for key in sorted(bridges))}
    hedges: dict[tuple[str, str], Hedge] = {(item.symbol, item.purpose): item for item in memory.hedges}
    if qty > 0:
        return {"hedges": _bought_back(hedges, symbol, purpose, qty)}
    hedge = hedges.get((symbol, purpose))
    left = (hedge.contracts if hedge else ZERO) - qty
    fact = {"symbol": symbol, "purpose": purpose, "contracts": left, "opened_at": event.at, "reason": reason}
    hedges[symbol, purpose] = hedge.model_copy(update={"contracts": left}) if hedge else Hedge.model_validate(fact)
    return {"hedges": tuple(hedges[key] for key in sorted(hedges))}


def _bought_back(hedges: dict[tuple[str, str], Hedge], symbol: str, purpose: str, qty: Decimal) -> tuple[Hedge, ...]:
    """Shorts less ``qty``: of its own purpose first; what is more than that was short for another one."""
    for key in ((symbol, purpose), *((symbol, other) for other in ("hedge", "risk", "index") if other != purpose)):
        hedge = hedges.pop(key, None)
        if hedge is None:
            continue
        if hedge.contracts > qty:
            hedges[key] = hedge.model_copy(update={"contracts": hedge.contracts - qty})
        qty = max(ZERO, qty - hedge.contracts)
    return tuple(hedges[key] for key in sorted(hedges))


def _seen_fact(memory: Memory, body: Mapping[str, Any], event: Event, equity: Decimal) -> Seen:
    strange, before = body.get("unexplained"), memory.seen
    since = event.at if strange == "new" else before.unexplained_since if strange and before else None
    parts = {name: body.get(name) or {} for name in ("coins", "contracts", "prices_by_asset", "marks")}
    return Seen(
        at=event.at,
        equity=equity,
        coins=parts["coins"],
        contracts=parts["contracts"],
        prices=parts["prices_by_asset"],
        marks=parts["marks"],
        unexplained_since=since,
        worth=body.get("worth"),
    )


def _seen(memory: Memory, event: Event) -> dict[str, Any]:
    """Once a cycle: equity, unit value and good prices as that decision saw them."""
    body = event.body
    day = event.at.date().isoformat()
    update: dict[str, Any] = {"first_seen": memory.first_seen or event.at, "lots": memory.lots or {}}
    if body.get("prices"):
        prices = {symbol: Decimal(str(price)) for symbol, price in body["prices"].items()}
        update["last_good_prices"] = {**memory.last_good_prices, **prices}
    if body.get("spikes"):
        update["spikes"] = {**memory.spikes, **dict.fromkeys(body["spikes"], event.at)}
    if body.get("equity") is not None:
        equity = Decimal(str(body["equity"]))
        unit = Decimal(str(body.get("unit_value", 1)))
        update |= {
            "seen": _seen_fact(memory, body, event, equity),
            "since": (),
            "doubt": _doubt(memory.doubt, Decimal(str(body.get("doubt", 0))), event.at),
            "equity_seen": equity,
            "unit_value": unit,
            "unit_peak": max(memory.unit_peak or unit, unit),
        }
        if memory.day_start_equity is not None and body.get("rescoped"):
            # What is counted in E changed, so the day's start is told in what is counted now (R-G18).
            update["day_start_equity"] = memory.day_start_equity + Decimal(str(body["rescoped"]))
        if memory.day != day:
            # Without what nothing explains: balances that read as nothing at midnight must hide no loss (R-G18).
            start = equity - Decimal(str(body.get("doubt", 0)))
            update |= {"day": day, "day_fees": ZERO, "day_start_equity": start, "day_start_at": event.at}
    return update


def _flow(memory: Memory, event: Event) -> dict[str, Any]:
    kept = tuple(item for item in memory.flows if item.at > event.at - timedelta(days=7))
    flow = Flow(at=event.at, **{name: event.body[name] for name in ("asset", "amount", "kind")})
    # What went between own wallets changed nothing; interest is income, and yet explained.
    outside = flow.kind in ("deposit", "withdrawal", "interest", "other")
    came = _came(memory, flow, event.body.get("value")) if outside else Since()
    update: dict[str, Any] = {"flows": (*kept, flow)}
    if flow.kind in ("deposit", "withdrawal"):
        update["lots"] = after_flow(memory.lots or {}, flow.at, flow.asset, flow.amount)
    seen = memory.seen
    if seen is None or event.at > seen.at:
        return {**update, "since": (*memory.since, came)}
    if not came.flow:
        return update
    # Told of late: it explains what was in doubt, or it was taken for profit and is to be given back.
    value = came.money + came.coins * seen.prices.get(came.asset, ZERO)
    rest = (memory.doubt.amount if memory.doubt else ZERO) - value
    if came.coins and abs(rest) <= abs(value) * TICKED:
        rest = ZERO
    return {**update, "doubt": _doubt(memory.doubt, rest, seen.at)}


def _came(memory: Memory, flow: Flow, value: object) -> Since:
    """A flow as a change of the account: coins at no price, or money; what was not configured is not in E."""
    own = flow.kind in ("deposit", "withdrawal")
    if value is not None:
        return Since(money=Decimal(str(value)), flow=own)
    seen = memory.seen
    coin = seen is not None and (flow.asset in seen.prices or flow.asset in seen.coins)
    if coin or any(base_of(symbol) == flow.asset for symbol in memory.last_good_prices):
        return Since(asset=flow.asset, coins=flow.amount, flow=own)
    counted = seen is None or seen.worth is None or flow.asset in seen.worth
    return Since(money=flow.amount if counted else ZERO, flow=own)


def _doubt(before: Doubt | None, amount: Decimal, at: datetime) -> Doubt | None:
    """The doubt that is left, as old as it is; None without one."""
    same = before is not None and before.amount * amount > 0
    return Doubt(at=before.at if before is not None and same else at, amount=amount) if amount else None


def _funding_paid(memory: Memory, event: Event) -> dict[str, Any]:
    """Funding of a symbol (+ = we paid), shared over its hedges or its bridge by size."""
    symbol, paid = str(event.body["symbol"]), Decimal(str(event.body["paid"]))
    whole = sum((item.contracts for item in memory.hedges if item.symbol == symbol), ZERO)
    return {
        "since": (*memory.since, Since(money=-paid)),
        "hedges": tuple(
            item.model_copy(update={"funding_paid": item.funding_paid + paid * item.contracts / whole})
            if item.symbol == symbol and whole
            else item
            for item in memory.hedges
        ),
        "bridges": tuple(
            item.model_copy(update={"funding_paid": item.funding_paid + paid}) if item.symbol == symbol else item
            for item in memory.bridges
        ),
    }


def _vanished(memory: Memory, event: Event) -> dict[str, Any]:
    symbol = str(event.body["symbol"])
    return {
        "vanished": {**memory.vanished, symbol: Vanished(at=event.at, how=str(event.body.get("how", "unknown")))},
        "hedges": tuple(item for item in memory.hedges if item.symbol != symbol),
        "bridges": tuple(item for item in memory.bridges if item.symbol != symbol),
    }


def _submitted(memory: Memory, event: Event) -> dict[str, Any]:
    recent = tuple(at for at in memory.submitted_at if at > event.at - HOUR)
    wish = str(event.body.get("wish", ""))
    wishes = {**memory.wishes, wish: memory.wishes.get(wish, 0) + 1} if wish else memory.wishes
    order = str(event.body.get("client_id", ""))
    sent = {**memory.sent, order: wish} if wish and order else memory.sent
    return {"submitted_at": (*recent, event.at), "wishes": wishes, "sent": sent}


def _order_state(memory: Memory, event: Event) -> dict[str, Any]:
    """R-G15 counts what was accepted: a send that no venue took is no try; one of unknown outcome counts on."""
    order, state = str(event.body["client_id"]), event.body["state"]
    wish = memory.sent.get(order)
    if wish is None or state in ("submitted", "unknown"):
        return {}
    sent = {name: own for name, own in memory.sent.items() if name != order}
    if state not in NOT_TAKEN:
        return {"sent": sent}
    left = memory.wishes.get(wish, 0) - 1
    others = {key: count for key, count in memory.wishes.items() if key != wish}
    return {"sent": sent, "wishes": {**others, **({wish: left} if left > 0 else {})}}


def _move_submitted(memory: Memory, event: Event) -> dict[str, Any]:
    wish = str(event.body.get("wish", ""))
    return {"wishes": {**memory.wishes, wish: memory.wishes.get(wish, 0) + 1}} if wish else {}


def _move_state(memory: Memory, event: Event) -> dict[str, Any]:
    """Money that arrived ends the count of tries; parked money starts the day's wait."""
    if event.body.get("state") != "filled":
        return {}
    wishes = {
        key: count for key, count in memory.wishes.items() if key.partition(":")[2].partition(":")[0] not in MOVES
    }
    parked = {"last_parked_at": event.at} if event.body.get("to") == "earn" else {}
    return {"wishes": wishes, **parked}


def _approved(memory: Memory, event: Event) -> dict[str, Any]:
    fresh = {key: until for key, until in memory.approvals.items() if until > event.at.isoformat()}
    return {"approvals": {**fresh, **dict.fromkeys(event.body["keys"], str(event.body["until"]))}}


def _judged(memory: Memory, event: Event) -> dict[str, Any]:
    subject = event.body["subject"]
    return {
        "episodes": tuple(
            item.model_copy(update={"judged": True}) if item.subject == subject else item for item in memory.episodes
        )
    }


def _without(memory: Memory, assets: Collection[str]) -> dict[str, Any]:
    """The counts of R-G15 without those of some assets; their orders on the way count no more either."""
    return {
        "wishes": {key: count for key, count in memory.wishes.items() if key.partition(":")[0] not in assets},
        "sent": {order: key for order, key in memory.sent.items() if key.partition(":")[0] not in assets},
    }


def _moved(memory: Memory, event: Event) -> dict[str, Any]:
    """A change of the position was observed: the wishes of that asset start counting anew (R-G15)."""
    return _without(memory, [str(event.body["asset"])])


def _rearmed(memory: Memory, event: Event) -> dict[str, Any]:
    assets = set(event.body.get("assets") or memory.halted_assets)
    return {
        **_without(memory, assets),
        "halted_assets": tuple(item for item in memory.halted_assets if item not in assets),
        "vanished": {s: v for s, v in memory.vanished.items() if base_of(s) not in assets},
    }


_STEPS: Mapping[str, Step] = {
    "episode.opened": _episode_opened,
    "episode.worked": _episode_worked,
    "episode.ended": _episode_ended,
    "fill": _fill,
    "seen": _seen,
    "flow": _flow,
    "funding": _funding_paid,
    "position.vanished": _vanished,
    "position.moved": _moved,
    "order.submitted": _submitted,
    "order.state": _order_state,
    "move.submitted": _move_submitted,
    "move.state": _move_state,
    "approved": _approved,
    "episode.judged": _judged,
    "spikes": lambda m, e: {"spikes": {**m.spikes, **dict.fromkeys(e.body["assets"], e.at)}},
    "surplus": lambda m, e: {"surplus_since": (m.surplus_since or e.at) if e.body["idle"] else None},
    "budgets": lambda _m, e: {"risk_budgets": {name: Decimal(str(share)) for name, share in e.body["shares"].items()}},
    "asset.halted": lambda m, e: {"halted_assets": tuple(sorted({*m.halted_assets, str(e.body["asset"])}))},
    "asset.rearmed": _rearmed,
    "adopted": lambda m, e: {"owned": tuple(sorted({*(m.owned or ()), *e.body["assets"]}))},
    "slot.fired": lambda m, e: {"fired_slots": {**m.fired_slots, str(e.body["sleeve"]): e.at}},
    "residual": lambda m, e: {
        "residuals": {
            **{k: v for k, v in m.residuals.items() if k != e.body["asset"]},
            **({str(e.body["asset"]): Decimal(str(e.body["amount"]))} if Decimal(str(e.body["amount"])) else {}),
        }
    },
    "pair.broken": lambda m, e: {"broken": (*m.broken, Broken(opened_at=e.at, **e.body))},
    "pair.mended": lambda m, e: {
        "broken": tuple(
            b for b in m.broken if b.action != e.body["action"] or b.symbol != e.body.get("symbol", b.symbol)
        )
    },
    "peak.reset": lambda m, _e: {"unit_peak": m.unit_value},
}
