"""Owns the written form of a fault plan: a JSON list, read with one-line errors, written back equal. No behaviour."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from bot.core.numbers import ZERO, jsonable
from bot.venues.simulated.faults import ANY, Asked, Fault, FaultKind

PATH = re.compile(r"(GET|POST|PUT|DELETE) /\S*")


class PlanError(ValueError):
    """A plan that cannot be followed; the text says where, what it is and what it must be."""


class Shape(NamedTuple):
    """Which fields a kind takes beside when it bites, and on which requests it does where none are named."""

    must: str = ""
    may: str = ""
    on: str = ANY


K = FaultKind
SHAPES: Mapping[FaultKind, Shape] = {
    K.DELAY: Shape("seconds"),
    K.DROP_BEFORE: Shape(),
    K.DROP_AFTER: Shape(),
    K.RESET: Shape(may="done"),
    K.TRUNCATED: Shape(may="done"),
    K.HTML: Shape(may="done status"),
    K.EMPTY: Shape(may="done"),
    K.SERVER_ERROR: Shape(may="done status"),
    K.RATE_LIMITED: Shape("seconds"),
    K.BANNED: Shape("seconds"),
    K.WRONG: Shape(may="done"),
    K.DUPLICATE: Shape(may="done"),
    K.LATE_VISIBILITY: Shape("seconds", "for_s", Asked.CREATE),
    K.PARTIAL_FILL: Shape(may="share", on=Asked.CREATE),
    K.FILL_BEFORE_CANCEL: Shape(may="share", on=Asked.CANCEL),
    K.FILL_AFTER_CANCEL: Shape(may="share seconds", on=Asked.CANCEL),
    K.HALT: Shape("symbol", "for_s"),
    K.DELIST: Shape("symbol"),
    K.FILTERS: Shape("symbol", "step tick min_amount min_notional"),
    K.MANUAL_TRADE: Shape("symbol", "side share"),
    K.DEPOSIT: Shape("asset amount"),
    K.WITHDRAWAL: Shape("asset", "share"),
    K.DEPEG: Shape("asset price", "for_s"),
    K.CRASH: Shape("asset", "share for_s"),
    K.ADL: Shape(may="symbol share"),
    K.LIQUIDATION: Shape(may="symbol"),
    K.SKEW: Shape("seconds", "for_s"),
}
WHEN = "at_s on nth times"
SERVER_STATUSES = range(500, 600)


def read_plan(text: str) -> tuple[Fault, ...]:
    """The faults of a JSON text; raises `PlanError`."""
    try:
        said = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"is no JSON: {error}") from error
    if not isinstance(said, list):
        raise PlanError(f"is {type(said).__name__}, must be a list of faults")
    return tuple(_read(f"faults[{place}]", row) for place, row in enumerate(said))


def plan_text(plan: Iterable[Fault]) -> str:
    """A plan as `read_plan` reads it, one fault a line; what is as it would be anyway is left out."""
    return "[\n" + ",\n".join(f"  {json.dumps(_row(fault))}" for fault in plan) + "\n]\n"


def _row(fault: Fault) -> dict[str, Any]:
    shape = SHAPES[fault.kind]
    plain = Fault(fault.kind, on=shape.on)
    named = (*WHEN.split(), *shape.must.split(), *shape.may.split())
    row = {name: jsonable(getattr(fault, name)) for name in named if getattr(fault, name) != getattr(plain, name)}
    return {"fault": fault.kind.value, **row}


def _read(where: str, row: Any) -> Fault:
    if not isinstance(row, dict) or not isinstance(row.get("fault"), str):
        raise PlanError(f'{where}: is {row!r}, must be an object with a "fault"')
    said = dict(row)
    name = said.pop("fault")
    if name not in list(FaultKind):
        raise PlanError(f"{where}.fault: is {name!r}, must be one of {', '.join(FaultKind)}")
    kind = FaultKind(name)
    shape = SHAPES[kind]
    known = (*WHEN.split(), *shape.must.split(), *shape.may.split())
    for given in said:
        if given not in known:
            raise PlanError(f"{where}.{given}: is no field of {kind}; it has {', '.join(known)}")
    for needed in shape.must.split():
        if needed not in said:
            raise PlanError(f"{where}.{needed}: is missing, a {kind} needs it")
    made = {given: _value(f"{where}.{given}", given, value) for given, value in said.items()}
    if "seconds" in made and kind is not FaultKind.SKEW and made["seconds"] <= 0:
        raise PlanError(f"{where}.seconds: is {said['seconds']!r}, must be above 0; only a clock goes back")
    if kind is FaultKind.CRASH and made.get("share") == 1:
        raise PlanError(f"{where}.share: is 1, a crash must leave something")
    if kind is FaultKind.FILTERS and not any(each in made for each in shape.may.split()):
        raise PlanError(f"{where}: changes no filter; name one of {shape.may.replace(' ', ', ')}")
    return Fault(kind, **{"on": shape.on, **made})


def _value(where: str, name: str, value: Any) -> Any:
    read, must = READERS[name]
    try:
        return read(name, value)
    except (ValueError, TypeError, InvalidOperation):
        raise PlanError(f"{where}: is {value!r}, must be {must}") from None


def _number(name: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise TypeError(name)
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(name)
    return number


def _above(name: str, value: Any) -> Decimal:
    number = _number(name, value)
    if number <= 0:
        raise ValueError(name)
    return number


def _not_under(name: str, value: Any) -> Decimal:
    number = _number(name, value)
    if number < ZERO:
        raise ValueError(name)
    return number


def _share(name: str, value: Any) -> Decimal:
    number = _above(name, value)
    if number > 1:
        raise ValueError(name)
    return number


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(name)
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError(name)
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(name)
    return value


def _side(name: str, value: Any) -> str:
    if value not in {"buy", "sell"}:
        raise ValueError(name)
    return str(value)


def _status(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in SERVER_STATUSES:
        raise ValueError(name)
    return value


def _on(name: str, value: Any) -> str:
    said = _text(name, value)
    if said != ANY and said not in list(Asked) and PATH.fullmatch(said) is None:
        raise ValueError(name)
    return said


_POSITIVE = (_above, "a number above 0")
_NAME = (_text, "a name")
READERS: Mapping[str, tuple[Callable[[str, Any], Any], str]] = {
    "at_s": (_not_under, "a number of seconds from 0"),
    "on": (_on, f"any, {', '.join(Asked)}, or a method and a path"),
    "nth": (_count, "a whole number from 1"),
    "times": (_count, "a whole number from 1"),
    "seconds": (_number, "a number of seconds"),
    "for_s": (_above, "a number of seconds above 0"),
    "done": (_flag, "true or false"),
    "status": (_status, "a status from 500 to 599"),
    "share": (_share, "a share above 0 and at most 1"),
    "symbol": _NAME,
    "asset": _NAME,
    "side": (_side, "buy or sell"),
    **dict.fromkeys(("amount", "price", "step", "tick", "min_amount", "min_notional"), _POSITIVE),
}
