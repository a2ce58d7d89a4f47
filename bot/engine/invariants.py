"""Owns what must hold of every record, each as a named function over it (I-numbers of the reliability notes). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.core.events import Event
from bot.core.instruments import is_swap
from bot.core.numbers import ONE, ZERO
from bot.core.orders import IllegalTransition, OrderIntent, OrderState, moved
from bot.core.policy import Policy
from bot.core.snapshot import KILL_LEVELS, Snapshot
from bot.engine.net_shorts import NetShorts
from bot.ports.store import DecisionRow, OrderRow

ROUNDING = Decimal("1e-8")  # of E: recorded fractions have nine places
SET_BACK = timedelta(minutes=10)  # by which our clock may have been set between a decision and what it sent
Moved = tuple[str, Decimal, str, str]  # asset, amount, from, to


@dataclass(frozen=True, slots=True)
class Stables:
    """Liquid stables and floor as fractions of E, as one decision saw them."""

    equity: Decimal
    liquid: Decimal
    floor: Decimal
    safety: bool  # an action of class safety is not asked about the floor


@dataclass(slots=True)
class Evidence:
    """What a record says, small enough to hold at once; `add` takes a decision with its inputs."""

    events: Sequence[Event] = ()
    orders: Sequence[OrderRow] = ()
    fills: Sequence[Mapping[str, Any]] = ()
    decided: dict[str, datetime] = field(default_factory=dict)
    cycles: Counter[str] = field(default_factory=Counter)
    pruned: set[str] = field(default_factory=set)
    stables: dict[str, Stables] = field(default_factory=dict)
    steps: dict[tuple[str, str], Decimal] = field(default_factory=dict)  # decision and symbol -> step
    leverages: dict[tuple[str, str], Decimal] = field(default_factory=dict)  # of the positions a decision found
    moves: dict[tuple[str, str], list[Moved]] = field(default_factory=dict)  # decision and action -> what it moves
    shorts: NetShorts = field(default_factory=NetShorts)

    def add(self, row: DecisionRow, body: Mapping[str, Any], snapshot: Snapshot | None, policy: Policy) -> None:
        """Take what the checks need of one decision and let the rest go."""
        self.decided[row.decision_id] = row.at
        self.cycles[row.cycle_id] += 1
        for action in body["actions"]:
            legs = [leg for leg in action["legs"] if "symbol" not in leg]
            self.moves[row.decision_id, action["id"]] = [
                (leg["asset"], Decimal(leg["amount"]), leg["from"], leg["to"]) for leg in legs
            ]
        cash = body["stables"]
        if body["equity"] is not None and cash["liquid"] is not None:
            self.stables[row.decision_id] = Stables(
                Decimal(body["equity"]),
                Decimal(str(cash["liquid"])),
                Decimal(str(cash["floor"])),
                any(action["class"] == "safety" for action in body["actions"]),
            )
        if snapshot is None:
            self.pruned.add(row.decision_id)
            return
        for symbol in {leg["symbol"] for action in body["actions"] for leg in action["legs"] if "symbol" in leg}:
            market = snapshot.markets.get(symbol)
            if market is not None and market.step is not None:
                self.steps[row.decision_id, symbol] = market.step
        for position in snapshot.positions:
            self.leverages[row.decision_id, position.symbol] = position.leverage or ONE
        self.shorts.add(row, body, snapshot, policy)


def intent_before_send(seen: Evidence) -> list[str]:
    """I1: whatever was sent was committed with a decision before."""
    faults = []
    sends = [(place, event) for place, event in enumerate(seen.events) if event.kind == "order.submitted"]
    at = {str(event.body["client_id"]): (place, event) for place, event in sends}
    committed = _committed(seen)
    for row in seen.orders:
        name = row.intent.client_id
        if row.state not in (OrderState.INTENDED, OrderState.DENIED) and name not in at:
            faults.append(f"{name} is {row.state} and was never said to be sent")
        elif name in at and _was_early(seen, committed, row.intent.decision_id, *at[name]):
            faults.append(f"{name} was sent before its decision {row.intent.decision_id}")
    known = {row.intent.client_id for row in seen.orders}
    return faults + [f"{name} was sent without an intent" for name in at if name not in known]


def sent_once(seen: Evidence) -> list[str]:
    """I2: no client id twice, none sent twice."""
    ids = Counter(row.intent.client_id for row in seen.orders)
    sends = Counter(str(event.body["client_id"]) for event in seen.events if event.kind == "order.submitted")
    return [f"{name} stands {count} times" for name, count in (*ids.items(), *sends.items()) if count > 1]


def order_has_decision(seen: Evidence) -> list[str]:
    """I3: every order has its decision, and every decision that acted its snapshot."""
    acted = {row.intent.decision_id for row in seen.orders}
    missing = [f"decision {name} has orders and is not recorded" for name in sorted(acted - seen.decided.keys())]
    return missing + [f"decision {name} has orders and no snapshot" for name in sorted(acted & seen.pruned)]


def filled_within_intent(seen: Evidence) -> list[str]:
    """I4: no order filled more than it was allowed."""
    return [
        f"{row.intent.client_id} filled {row.filled:f} of {abs(row.intent.qty):f}"
        for row in seen.orders
        if row.filled > abs(row.intent.qty) or (row.sent_qty is not None and abs(row.sent_qty) > abs(row.intent.qty))
    ]


def fills_add_up(seen: Evidence) -> list[str]:
    """I5: no trade twice; an order's fills are what it filled."""
    trades = Counter((str(fill["symbol"]), str(fill["trade_id"])) for fill in seen.fills)
    faults = [
        f"trade {symbol} {trade} is booked {count} times" for (symbol, trade), count in trades.items() if count > 1
    ]
    whole: dict[str, Decimal] = {}
    for fill in seen.fills:
        name = str(fill["client_id"])
        whole[name] = whole.get(name, ZERO) + abs(Decimal(str(fill["qty"])))
    for row in seen.orders:
        booked = whole.get(row.intent.client_id, ZERO)
        if booked != row.filled:
            faults.append(f"{row.intent.client_id}: fills add up to {booked:f}, filled is {row.filled:f}")
    return faults


def floor_respected(seen: Evidence) -> list[str]:
    """I7: no decision's own orders took liquid stables under the floor that they stood over (R-G7)."""
    orders = {row.intent.client_id: row for row in seen.orders}
    spent: dict[str, Decimal] = {}
    for fill in seen.fills:
        row = orders.get(str(fill["client_id"]))
        if row is not None:
            name = row.intent.decision_id
            leverage = row.intent.leverage or seen.leverages.get((name, row.intent.symbol), ONE)
            spent[name] = spent.get(name, ZERO) + _takes(fill, row, leverage)
    faults = []
    for name, money in spent.items():
        known = seen.stables.get(name)
        if known is None or known.safety or money <= 0 or known.liquid < known.floor:
            continue
        after = known.liquid - money / known.equity
        if after < known.floor - ROUNDING:
            faults.append(f"decision {name} took liquid stables to {after:.6f} of E, floor {known.floor}")
    return faults


def _takes(fill: Mapping[str, Any], row: OrderRow, leverage: Decimal) -> Decimal:
    """Liquid stables that a fill took (+) or freed (-): price of spot, margin of futures, and the fee."""
    qty, price = Decimal(str(fill["qty"])), Decimal(str(fill["price"]))
    fee = Decimal(str(fill.get("fee_value") or 0)) if fill.get("fee_asset") != row.intent.asset else ZERO
    if not is_swap(row.intent.symbol):
        return qty * price + fee
    margin = abs(qty) * price / leverage
    return fee - margin if row.intent.reduce_only else fee + margin


def never_net_short(seen: Evidence) -> list[str]:
    """I8: no own order made a coin net short (index hedges apart), and one that is believed is not left alone."""
    return seen.shorts.faults(seen.fills, seen.orders)


def nothing_sent_while_stopped(seen: Evidence) -> list[str]:
    """I9: after a stop was acknowledged nothing leaves that its level forbids, until a resume."""
    orders = {row.intent.client_id: row for row in seen.orders}
    faults, level = [], "off"
    for event in seen.events:
        if event.kind == "control":
            what, value = event.body.get("what"), str(event.body.get("value"))
            level = "off" if what == "resume" else _higher(level, value) if what == "kill" else level
        elif event.kind == "move.submitted" and level != "off":
            if level != "freeze" or not event.body.get("while_frozen", True):
                faults.append(f"{event.body['client_id']} was sent under kill level {level}")
        elif event.kind == "order.submitted" and level != "off":
            row = orders.get(str(event.body["client_id"]))
            if row is not None and row.state == OrderState.DENIED:
                continue  # about to leave when the stop came: our own permit kept it
            if row is None or not _let_through(level, row.intent):
                faults.append(f"{event.body['client_id']} was sent under kill level {level}")
    return faults


def _higher(level: str, asked: str) -> str:
    """The level in force once another is asked for: only a resume lowers it; one that nobody knows is the highest."""
    levels: list[str] = list(KILL_LEVELS)
    return max(level, asked if asked in levels else levels[-1], key=levels.index)


def _let_through(level: str, intent: OrderIntent) -> bool:
    if level == "flatten":
        return intent.kind == "flatten" and intent.reduce_only
    return level == "freeze" and intent.while_frozen


def decided_once(seen: Evidence) -> list[str]:
    """I12: a cycle decides once, and nothing leaves after its time."""
    faults = [f"cycle {name} decided {count} times" for name, count in seen.cycles.items() if count > 1]
    # What our own permit denied was about to leave, and did not.
    left = {row.intent.client_id: row.intent for row in seen.orders if row.state != OrderState.DENIED}
    for event in seen.events:
        intent = left.get(str(event.body.get("client_id"))) if event.kind == "order.submitted" else None
        if intent is not None and event.at >= intent.sent_before:
            faults.append(f"{intent.client_id} was sent at {event.at}, had to leave before {intent.sent_before}")
    return faults


def whole_steps(seen: Evidence) -> list[str]:
    """I13: every quantity is a multiple of its market's step."""
    faults = []
    for row in seen.orders:
        step = seen.steps.get((row.intent.decision_id, row.intent.symbol))
        sent = row.sent_qty if row.sent_qty is not None else row.intent.qty
        if step is not None and (row.intent.qty % step or sent % step):
            faults.append(f"{row.intent.client_id}: {sent:f} {row.intent.symbol} is no multiple of {step:f}")
    return faults


def legal_histories(seen: Evidence) -> list[str]:
    """I16: every order and every transfer went only where orders may go."""
    now: dict[str, OrderState] = {}
    faults = []
    for event in seen.events:
        if event.kind not in ("order.submitted", "order.state", "move.state"):
            continue
        name = str(event.body["client_id"])
        to = OrderState.SUBMITTED if event.kind == "order.submitted" else OrderState(str(event.body["state"]))
        try:
            now[name] = moved(now.get(name, OrderState.INTENDED), to)
        except IllegalTransition as error:
            faults.append(f"{name}: {error}")
    ends = {row.intent.client_id: row.state for row in seen.orders}
    return faults + [
        f"{name} is {ends[name]}, its history ends {to}" for name, to in now.items() if ends.get(name, to) != to
    ]


def moved_as_decided(seen: Evidence) -> list[str]:
    """I17: every transfer that was sent is one that its decision made before, and was sent once."""
    faults = []
    left = {action: list(moves) for action, moves in seen.moves.items()}
    committed = _committed(seen)
    for place, event in _sent_moves(seen):
        body = event.body
        decision, action = str(body["decision_id"]), str(body["action_id"])
        name = str(body["client_id"])
        what = (str(body["asset"]), Decimal(str(body["amount"])), str(body["source"]), str(body["to"]))
        if _was_early(seen, committed, decision, place, event):
            faults.append(f"transfer {name} was sent before its decision {decision}")
        elif what not in left.get((decision, action), []):
            faults.append(f"transfer {name} of {what[1]:f} {what[0]} is not what {decision} made, or was sent twice")
        else:
            left[decision, action].remove(what)
    return faults


def moved_one_after_the_other(seen: Evidence) -> list[str]:
    """I18: while nobody knows what became of a transfer no other is sent, not of its own decision either."""
    faults: list[str] = []
    unknown: dict[str, None] = {}
    for event in seen.events:
        name = str(event.body.get("client_id"))
        if event.kind == "move.submitted" and "decision_id" in event.body:
            faults += [f"transfer {name} was sent while {other} had no known outcome" for other in unknown]
        elif event.kind == "move.state":
            unknown.pop(name, None)
            if event.body["state"] == OrderState.UNKNOWN:
                unknown[name] = None
    return faults


def _sent_moves(seen: Evidence) -> Iterator[tuple[int, Event]]:
    """The words before each transfer; those of records from before they said what is moved cannot be looked at."""
    words = enumerate(seen.events)
    return ((place, event) for place, event in words if event.kind == "move.submitted" and "decision_id" in event.body)


def _committed(seen: Evidence) -> dict[str, int]:
    """Where among all events each decision was committed: its own word stands in the same transaction."""
    return {event.key.removesuffix(":seen"): place for place, event in enumerate(seen.events) if event.kind == "seen"}


def _was_early(seen: Evidence, committed: Mapping[str, int], decision: str, place: int, sent: Event) -> bool:
    """Whether something left before its decision: by the order of the record, since clocks are set back a little."""
    decided = seen.decided.get(decision)
    return decided is None or place < committed.get(decision, -1) or sent.at < decided - SET_BACK


INVARIANTS: Mapping[str, Callable[[Evidence], list[str]]] = {
    "I1 committed before sent": intent_before_send,
    "I2 sent once": sent_once,
    "I3 order, decision, snapshot": order_has_decision,
    "I4 filled within the intent": filled_within_intent,
    "I5 fills add up": fills_add_up,
    "I7 stable floor": floor_respected,
    "I8 never net short": never_net_short,
    "I9 nothing sent while stopped": nothing_sent_while_stopped,
    "I12 decided once, sent in time": decided_once,
    "I13 whole steps": whole_steps,
    "I16 legal histories": legal_histories,
    "I17 moved as decided": moved_as_decided,
    "I18 one transfer after the other": moved_one_after_the_other,
}
