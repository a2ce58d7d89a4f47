"""Owns faults as data: what they are called, where they strike, how a seed draws a plan of them, its JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any, NamedTuple

from bot.simulation.portfolios import DRAWN, PORTFOLIOS


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """``kind`` strikes the ``nth`` ``operation`` (counted from 1) of a ``component``; ``size`` says how hard.

    What a size is depends on the kind: seconds, a factor, a share; see `KINDS`.
    """

    component: str
    operation: str
    nth: int
    kind: str
    size: float = 1.0

    def __str__(self) -> str:
        return f"{self.component}.{self.operation}#{self.nth} {self.kind} {self.size:g}"


class Kind(NamedTuple):
    """One way to fail: where, how hard (log-uniform between the two), how often an operation comes in a cycle."""

    component: str
    operations: tuple[str, ...]
    least: float
    most: float
    unit: str
    drawn: bool = True  # by seeds; what is not strikes the reference histories alone


READS = ("markets", "quotes", "funding", "balances", "positions", "book", "kind", "flows")
LOOKUPS = ("find", "fills", "open_orders")
_V, _S, _P, _W = "venue", "store", "process", "world"
_WHEN = ("cycle", "place")
KINDS: Mapping[str, Kind] = {
    # the wire, on writes
    "timeout_before": Kind(_V, ("place", "cancel", "move"), 1, 60, "s"),
    "timeout_after": Kind(_V, ("place", "cancel", "move"), 1, 60, "s"),
    "reset_after": Kind(_V, ("place", "cancel", "move"), 0.001, 1, "s"),
    "error_before": Kind(_V, ("place", "cancel", "move"), 0.01, 10, "s"),
    "error_after": Kind(_V, ("place", "cancel", "move"), 0.01, 10, "s"),
    "malformed_after": Kind(_V, ("place", "move"), 0.01, 1, "s"),
    "late_accept": Kind(_V, ("place",), 1, 60, "s"),
    "rejected": Kind(_V, ("place", "move", "prepare"), 0.01, 1, "s"),
    "refused_unheard": Kind(_V, ("place",), 0.01, 10, "s"),
    "cancel_fails": Kind(_V, ("cancel",), 1, 20, "times"),
    "limited": Kind(_V, ("place", "move", "find", "balances", "quotes"), 1, 120, "s"),
    "banned": Kind(_V, ("place", "find", "quotes"), 60, 7_200, "s"),
    "unauthorized": Kind(_V, ("balances", "positions", "place"), 1, 1, ""),
    "slow_answer": Kind(_V, ("place", "find", "quotes", "balances", "cancel"), 0.1, 30, "s"),
    # reads
    "read_timeout": Kind(_V, (*READS, *LOOKUPS), 1, 30, "s"),
    "read_malformed": Kind(_V, (*READS, *LOOKUPS), 1, 1, ""),
    "read_gap": Kind(_V, (*READS, *LOOKUPS, "find_move"), 1, 1, ""),
    "outage": Kind(_V, ("quotes", "find", "place"), 10, 14_400, "s"),
    "stale_balances": Kind(_V, ("balances",), 1, 4, "reads"),
    "empty_balances": Kind(_V, ("balances",), 1, 3, "reads"),
    "zero_balances": Kind(_V, ("balances",), 1, 3, "reads"),
    "absurd_price": Kind(_V, ("quotes",), 0.01, 100, "x"),
    "zero_price": Kind(_V, ("quotes",), 1, 1, ""),
    "missing_price": Kind(_V, ("quotes",), 1, 1, ""),
    "stale_price": Kind(_V, ("quotes",), 60, 7_200, "s"),
    "funding_unknown": Kind(_V, ("funding",), 1, 5, "reads"),
    "duplicate_fills": Kind(_V, ("fills",), 1, 3, "times"),
    "slow_report": Kind(_V, ("place",), 1, 110, "s"),
    "hidden": Kind(_V, ("place",), 1, 110, "s"),
    "late_trades": Kind(_V, ("place",), 1, 7_200, "s"),
    "stale_view": Kind(_V, ("find",), 1, 6, "times"),
    "forgotten": Kind(_V, ("find",), 1, 1, "", drawn=False),
    # the record
    "locked": Kind(_S, ("begin", "read"), 1, 8, "times"),
    "full_before": Kind(_S, ("commit",), 1, 8, "times"),
    "answer_lost": Kind(_S, ("commit",), 1, 1, ""),
    "io_error": Kind(_S, ("read",), 1, 4, "times"),
    "crash_before": Kind(_S, ("commit",), 0.1, 3_600, "s"),
    "crash_after": Kind(_S, ("commit",), 0.1, 3_600, "s"),
    # the process
    "crash": Kind(_P, ("step",), 0.1, 7_200, "s"),
    "crash_again": Kind(_P, ("step",), 0.1, 60, "s"),
    "sigterm": Kind(_P, ("step",), 0.1, 3_600, "s"),
    "freeze": Kind(_P, ("step",), 60, 21_600, "s"),
    "halt": Kind(_P, ("step",), 60, 21_600, "s"),
    "flatten": Kind(_P, ("step",), 60, 21_600, "s"),
    "second_process": Kind(_P, ("step",), 10, 7_200, "s"),
    "clock_ahead": Kind(_P, ("step",), 0.1, 120, "s"),
    "clock_behind": Kind(_P, ("step",), 0.1, 120, "s"),
    "suspended": Kind(_P, ("step",), 1, 14_400, "s"),
    # the account and the market, at a cycle's begin or just before an order arrives
    "manual_trade": Kind(_W, _WHEN, 0.001, 0.2, "share"),
    "manual_cancel": Kind(_W, ("place", "cancel"), 1, 1, ""),
    "venue_expires": Kind(_W, ("place", "cancel"), 1, 1, ""),
    "deposit": Kind(_W, _WHEN, 0.001, 0.5, "share"),
    "withdrawal": Kind(_W, _WHEN, 0.001, 0.5, "share"),
    "halted": Kind(_W, _WHEN, 60, 86_400, "s"),
    "delisted": Kind(_W, _WHEN, 3_600, 86_400, "s"),
    "filters": Kind(_W, _WHEN, 2, 100, "x"),
    "depeg": Kind(_W, ("cycle",), 0.005, 0.3, "share"),
    "flash_crash": Kind(_W, _WHEN, 0.05, 0.6, "share"),
    "adl": Kind(_W, ("cycle",), 0.1, 1, "share"),
    "liquidation": Kind(_W, ("cycle",), 1, 1, ""),
    "venue_skew": Kind(_W, ("cycle",), 0.1, 120, "s"),
    "late_visibility": Kind(_W, _WHEN, 1, 110, "s"),
    "partial_fill": Kind(_W, ("place",), 0.01, 0.95, "share"),
    "fill_before_cancel": Kind(_W, ("cancel",), 0.05, 1, "share"),
    "fill_after_cancel": Kind(_W, ("cancel",), 0.05, 1, "share"),
}
FAULTS_MAX = 60  # in the first two days
PER_STEP = 90  # steps of the daemon in a cycle, about, less those of the quiet time; where process faults are spread


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that goes wrong in one history, and how its turns are taken."""

    seed: int
    days: float
    cycle_s: int
    mode: str
    faults: tuple[Fault, ...]
    portfolio: str = "cash"  # what the account opens with: see `PORTFOLIOS`
    quiet: int = 8  # cycles at the end, at least, in which nothing goes wrong any more

    def to_json(self) -> str:
        """One line; `read_plan` reads it back."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def only(self, faults: Iterable[Fault]) -> Plan:
        """The same history with these faults instead."""
        return replace(self, faults=tuple(sorted(faults)))


def read_plan(text: str) -> Plan:
    """A plan from its JSON; raises ValueError saying what is wrong."""
    try:
        raw: dict[str, Any] = json.loads(text)
        faults = tuple(Fault(**each) for each in raw.pop("faults"))
        plan = Plan(faults=faults, **raw)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no plan of faults: {error}") from None
    if plan.portfolio not in PORTFOLIOS:
        raise ValueError(f"portfolio {plan.portfolio!r} must be one of {', '.join(PORTFOLIOS)}")
    for each in faults:
        known = KINDS.get(each.kind)
        if known is None or each.component != known.component or each.operation not in known.operations:
            raise ValueError(f"{each}: there is no such fault; kinds are {', '.join(KINDS)}")
    return plan


def drawn(seed: int, days: float, cycle_s: int, modes: Sequence[str]) -> Plan:
    """Swarm sampling: each seed draws which kinds there are at all, how often each, and how hard, log-uniform."""
    random = Random(f"plan {seed}")  # noqa: S311 - a seed is meant to be replayed
    cycles = max(4, int(days * 86_400 / cycle_s))
    kinds = [name for name in KINDS if KINDS[name].drawn and random.random() < random.choice((0.1, 0.25, 0.5))]
    random.shuffle(kinds)
    found: dict[tuple[str, str, int], Fault] = {}
    for name in kinds:
        kind = KINDS[name]
        for _ in range(_times(random, kind, days)):
            operation = random.choice(kind.operations)
            nth = _nth(random, kind, operation, cycles)
            fault = Fault(kind.component, operation, nth, name, _size(random, kind))
            found.setdefault((fault.component, fault.operation, fault.nth), fault)
            if len(found) >= FAULTS_MAX * max(1, days / 2):
                break
    _crash_again(random, found, cycles)
    mode, portfolio = random.choice(list(modes)), random.choice(list(DRAWN))
    return Plan(seed, days, cycle_s, mode, tuple(sorted(found.values())), portfolio)


def _times(random: Random, kind: Kind, days: float) -> int:
    """Most kinds a few times; what ends or stops the process rarely."""
    most = (3 if kind.component == "process" else 8) * max(1, days / 2)
    return max(1, round(math.exp(random.uniform(0, math.log(most)))))


def _nth(random: Random, kind: Kind, operation: str, cycles: int) -> int:
    """Writes are rare and early, reads come with every cycle."""
    if kind.component == "process":
        return random.randrange(PER_STEP, max(PER_STEP + 1, cycles * PER_STEP))
    if operation in ("place", "find", "cancel", "move", "prepare", "find_move"):
        return max(1, round(math.exp(random.uniform(0, math.log(max(4, cycles / 2))))))
    if kind.component == "store":
        return random.randrange(10, 10 + cycles * 4)
    return random.randrange(2, max(4, cycles * 9 // 10))


def _size(random: Random, kind: Kind) -> float:
    if kind.least >= kind.most:
        return kind.least
    return float(f"{math.exp(random.uniform(math.log(kind.least), math.log(kind.most))):.4g}")


def _crash_again(random: Random, found: dict[tuple[str, str, int], Fault], cycles: int) -> None:
    """Crashes while the one before is still being recovered from; without one before there is one."""
    first = [fault for fault in found.values() if fault.kind == "crash"]
    for fault in [each for each in found.values() if each.kind == "crash_again"]:
        del found[fault.component, fault.operation, fault.nth]
        if not first:
            at = _nth(random, KINDS["crash"], "step", cycles)
            first.append(found.setdefault(("process", "step", at), Fault("process", "step", at, "crash", 1.0)))
        at = random.choice(first).nth + max(1, round(math.exp(random.uniform(0, math.log(2_000)))))
        found.setdefault(("process", "step", at), Fault("process", "step", at, "crash_again", fault.size))
