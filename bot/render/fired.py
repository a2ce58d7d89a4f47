"""Owns the tally of a record: which kinds of action happened, and how often each rule spoke. Made from plans alone."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.core.events import Event
from bot.core.numbers import utc_text
from bot.core.registry import RULES
from bot.core.wishes import ActionKind
from bot.render.plan import plain_table
from bot.render.words import counted, instant

Body = Mapping[str, Any]
KINDS: Final[tuple[str, ...]] = get_args(ActionKind)
NAMED: Final = re.compile(r"R-[TSWAG]\d+")
#: The four ways in which a rule can speak in a decision.
WAYS: Final = ("acted", "refused", "held", "read")

#: Rules that show in every decision or in none, and where they show instead.
ELSEWHERE: Final[Mapping[str, str]] = {
    "R-T1": "every target is made of it",
    "R-T3": "it sets defaults when the configuration is read",
    "R-T4": "it sets defaults when the configuration is read",
    "R-T7": "every target is made in its order",
    "R-T8": "it speaks in `check`",
    "R-S2": "trends are made of its averages",
}


def _flagged(*names: str) -> Callable[[Body], bool]:
    return lambda body: any(item["readings"].get(name) is True for item in body["exposures"] for name in names)


def _alarmed(name: str) -> Callable[[Body], bool]:
    return lambda body: name in body["alarms"]


#: What a decision shows of the readings, which no action names: true where the reading said something.
SIGNS: Final[Mapping[str, Callable[[Body], bool]]] = {
    "R-T2": lambda body: body["regime"] == "bear",
    "R-S1": _flagged("overbought", "oversold"),
    "R-S3": _flagged("rolling_over", "rolling_up"),
    "R-S4": _flagged("bearish_divergence", "bullish_divergence"),
    "R-S5": _flagged("at_support", "at_resistance"),
    "R-S6": _flagged("overextended", "exhausted", "bottoming", "parabolic"),
    "R-S7": _alarmed("volatility"),
    "R-S8": _alarmed("correlation"),
    "R-S9": _alarmed("liquidity"),
    "R-S10": _alarmed("funding"),
    "R-S11": _alarmed("dominance"),
    "R-S12": lambda body: any("sentiment" in item["why"] for item in body["triggers"]),
    "R-S13": _alarmed("macro"),
    "R-S14": lambda body: body["regime"] in ("bull", "bear"),
    "R-S15": lambda body: body["stress"] > 0,
}

#: What an action shows of the rules that shaped it without being named in it.
SHAPED: Final[Mapping[str, Callable[[Body], bool]]] = {
    "R-A1": lambda item: item["kind"] == "trim",
    "R-A2": lambda item: item["rule"] == "R-A3",
    "R-A4": lambda item: item["kind"] == "trim" and "all sold" in item["why"],
    "R-A5": lambda item: item["kind"] in ("add", "bridge") and bool(item["funded_by"]),
    "R-A10": lambda item: item["kind"] in ("add", "bridge"),
    "R-A18": lambda item: "narrative flagged" in item["why"],
    "R-W1": lambda item: "calendar:" in item["why"],
}


@dataclass(slots=True)
class KindRow:
    """One kind of action: decisions' actions of it, refused wishes of it, and the first that was let through."""

    kind: str
    count: int = 0
    refused: int = 0
    first: str | None = None  # decision id
    at: str | None = None
    asset: str | None = None
    rule: str | None = None
    why: str | None = None


@dataclass(slots=True)
class RuleRow:
    """One rule: in how many decisions it acted, refused, held or was read, and the first of them."""

    rule: str
    says: str
    acted: int = 0
    refused: int = 0
    held: int = 0
    read: int = 0
    first: str | None = None  # decision id

    @property
    def fired(self) -> bool:
        """Whether it spoke at all."""
        return self.first is not None


@dataclass(slots=True)
class Fired:
    """The tally of some decisions: every kind of the plan contract and every rule of the registry has its row."""

    decisions: int = 0
    since: str | None = None
    until: str | None = None
    kinds: dict[str, KindRow] = field(default_factory=lambda: {kind: KindRow(kind) for kind in KINDS})
    rules: dict[str, RuleRow] = field(default_factory=lambda: {each.id: RuleRow(each.id, each.says) for each in RULES})

    def silent(self) -> list[RuleRow]:
        """Rules that never spoke."""
        return [row for row in self.rules.values() if not row.fired]


#: Facts that reach a decision without a word in it, and whose business they are.
TOLD: Final[Mapping[str, str]] = {"flow": "R-W9", "position.vanished": "R-W7", "pair.broken": "R-W7"}
OWN_MOVES: Final = ("transfer", "interest", "funding")  # flows that are no money from or to outside


def fired_of(bodies: Iterable[Body], events: Iterable[Event] = ()) -> Fired:
    """Count decisions and facts, each oldest first. A rule counts once per decision and way (`WAYS`)."""
    made = Fired()
    facts = deque(_facts(events))
    for body in bodies:
        while facts and facts[0][0] <= body["at"]:
            _count(made.rules[facts.popleft()[1]], "read", body)
        made.decisions += 1
        made.since = made.since or body["at"]
        made.until = body["at"]
        for item in body["actions"]:
            _count_kind(made.kinds[item["kind"]], body, item)
        for item in body["blocked"]:
            made.kinds[item["kind"]].refused += 1
        for rule, way in dict.fromkeys(_spoken(body)):
            row = made.rules.get(rule)
            if row is not None:
                _count(row, way, body)
    return made


def _facts(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    """Instant and rule of every fact that is somebody's business."""
    for item in events:
        if item.kind in TOLD and not (item.kind == "flow" and item.body.get("kind") in OWN_MOVES):
            yield utc_text(item.at), TOLD[item.kind]


def _count(row: RuleRow, way: str, body: Body) -> None:
    setattr(row, way, getattr(row, way) + 1)
    row.first = row.first or body["decision_id"]


def _count_kind(row: KindRow, body: Body, item: Body) -> None:
    row.count += 1
    if row.first is None:
        row.first, row.at = body["decision_id"], body["at"]
        row.asset, row.rule, row.why = item["asset"], item["rule"], item["why"]


def _spoken(body: Body) -> Iterator[tuple[str, str]]:
    """Rule and way, as often as the decision says it."""
    for item in body["actions"]:
        yield from ((rule, "acted") for rule in _behind(item))
        # A gate that made an action smaller shaped what was done.
        yield from ((each["gate"], "acted") for each in item["gates"]["not_passed"])
    for item in body["blocked"]:
        yield from ((rule, "refused") for rule in _behind(item))
        yield from ((each["gate"], "refused") for each in item["gates"]["not_passed"] if each["verdict"] != "resize")
    for item in body["holds"]:
        yield from ((rule, "held") for rule in {item["rule"], *NAMED.findall(item["why"])})
    yield from ((item["rule"], "read") for item in body["triggers"])
    yield from ((rule, "read") for rule in SIGNS if SIGNS[rule](body))


def _behind(item: Body) -> set[str]:
    """The rules an action or a wish names, or bears the mark of."""
    named = {item["rule"], *NAMED.findall(item["why"])}
    return named | {rule for rule, shows in SHAPED.items() if shows(item)}


def fired_body(made: Fired) -> dict[str, Any]:
    """The tally for machines."""
    return {
        "decisions": made.decisions,
        "since": made.since,
        "until": made.until,
        "kinds": [
            {
                "kind": row.kind, "count": row.count, "refused": row.refused,
                "first": None if row.first is None else {
                    "decision_id": row.first, "at": row.at, "asset": row.asset, "rule": row.rule, "why": row.why
                },
            }
            for row in made.kinds.values()
        ],
        "rules": [
            {"rule": row.rule, **{way: getattr(row, way) for way in WAYS}, "first": row.first}
            for row in made.rules.values()
        ],
        "silent": [row.rule for row in made.silent()],
    }  # fmt: skip


def fired_view(made: Fired) -> RenderableType:
    """The tally for people: kinds, rules that spoke, rules that never did."""
    span = f" from {instant(made.since)} to {instant(made.until)}" if made.decisions else ""
    parts: list[RenderableType] = [Text(f"{counted(made.decisions, 'decision')}{span}", style="bold"), Text()]
    parts += [_kinds_table(made), Text(), _rules_table(made)]
    silent = made.silent()
    if silent:
        parts += [Text(), Text("Never spoke", style="bold"), _silent_table(silent)]
    return Group(*parts)


def _kinds_table(made: Fired) -> Table:
    table = plain_table()
    table.add_column("kind", no_wrap=True)
    for name in ("done", "refused"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("first decision", no_wrap=True, style="cyan")
    table.add_column("why", overflow="fold")
    for row in made.kinds.values():
        why = f"{row.asset}: {row.why}" if row.first else "never"
        table.add_row(row.kind, str(row.count), str(row.refused), row.first or "", why, style=_dim(row.count))
    return table


def _rules_table(made: Fired) -> Table:
    table = plain_table()
    table.add_column("rule", no_wrap=True)
    for way in WAYS:
        table.add_column(way, justify="right", no_wrap=True)
    table.add_column("what it does", overflow="fold")
    for row in made.rules.values():
        if row.fired:
            table.add_row(row.rule, *(str(getattr(row, way) or "") for way in WAYS), row.says)
    return table


def _silent_table(silent: list[RuleRow]) -> Table:
    table = plain_table()
    table.add_column("rule", no_wrap=True)
    table.add_column("what it does", overflow="fold")
    for row in silent:
        where = ELSEWHERE.get(row.rule)
        table.add_row(row.rule, f"{row.says} (not in decisions: {where})" if where else row.says)
    return table


def _dim(count: int) -> str:
    return "" if count else "dim"
