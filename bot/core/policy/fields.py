"""Owns the kinds of value a configuration key can hold and the words for a wrong one; knows no key and no rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NamedTuple

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

UNITS: Final[Mapping[str, timedelta]] = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SLOTS: Final = ("daily", "weekly", "monthly", "quarterly")
MINUTES_PER_DAY: Final = 24 * 60
CRON_FIELDS: Final = 5
SOME_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)  # where the search for a first occurrence starts
LONGEST: Final = timedelta(days=3650)
OPEN_END: Final = "1000000000"  # what no key comes near: a limit on everything
LARGEST: Final = Decimal(10) ** 15
MOST_DECIMALS: Final = 18
PERCENT: Final = 100
DURATION: Final = r"^(0|[1-9][0-9]{0,11})(ms|s|m|h|d)$"
NUMBER: Final = r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?"
WINDOW: Final = r"(?:([A-Z][a-z]{2})(?:-([A-Z][a-z]{2}))? )?([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])"


def wrong(text: str) -> PydanticCustomError:
    """Return an error whose message is `text`, ready for people: what the value is and what would be right."""
    return PydanticCustomError("ballast", "{text}", {"text": text})


def shown(value: object) -> str:
    """Write a value as its file would, in at most 60 characters."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return format_duration(value)
    text = f"{value:f}" if isinstance(value, Decimal) and value.is_finite() and abs(value) < LARGEST else str(value)
    text = " ".join(text.split())
    text = text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - one line on a terminal
    return f"'{text}'" if isinstance(value, str) else text


def parse_duration(text: str) -> timedelta:
    """Read `250ms`, `30s`, `15m`, `4h` or `30d` exactly; raises ValueError."""
    found = re.fullmatch(DURATION, text)
    if found is None:
        message = f"{text!r} is no duration; write a whole number and ms, s, m, h or d, as in 15m"
        raise ValueError(message)
    span = int(found[1]) * (UNITS[found[2]] // UNITS["ms"])
    if span > LONGEST // UNITS["ms"]:
        message = f"{text!r} is longer than {LONGEST.days}d"
        raise ValueError(message)
    return timedelta(milliseconds=span)


def format_duration(span: timedelta) -> str:
    """Write a duration in the largest unit that holds it exactly: equal durations give equal text."""
    if not span:
        return "0s"
    for unit, length in UNITS.items():
        if span % length == timedelta(0):
            return f"{span // length}{unit}"
    return f"{span // timedelta(microseconds=1)}us"


@dataclass(frozen=True, slots=True)
class Number:
    """A finite decimal (or, if `whole`, an int) between two ends; `above` leaves out the lower one."""

    low: str
    high: str = OPEN_END
    above: bool = False
    whole: bool = False

    @property
    def words(self) -> str:
        """What would be right."""
        kind = "whole number" if self.whole else "number"
        if self.high == OPEN_END:
            return f"a {kind} {'above' if self.above else 'of at least'} {self.low}"
        if self.above:
            return f"a {kind} above {self.low} and up to {self.high}"
        return f"a {kind} from {self.low} to {self.high}"

    def validate(self, value: object) -> Decimal | int:
        """Return the exact number; raises with what the value is and what it must be."""
        number = self._read(value)
        if not number.is_finite():
            raise wrong(f"is {shown(value)}, must be {self.words}")
        low, high = Decimal(self.low), Decimal(self.high)
        if number > high and self.high == OPEN_END:
            raise wrong(f"is {shown(value)}, must be {self.words}, and at most {OPEN_END}")
        if not low <= number <= high or (self.above and number == low):
            hint = f" ({shown(number)} % is {number / 100:f})" if self.high == "1" and 1 < number <= PERCENT else ""
            raise wrong(f"is {shown(value)}, must be {self.words}{hint}")
        if int(number.as_tuple().exponent) < -MOST_DECIMALS:
            raise wrong(f"is {shown(value)}, must be {self.words}, with at most {MOST_DECIMALS} decimals")
        if self.whole:
            if number != int(number):
                raise wrong(f"is {shown(value)}, must be {self.words}")
            return int(number)
        # One text per number: what a sentence quotes must not depend on how the file spelt it (3 and 3.0).
        return Decimal(f"{number.normalize():f}") if number else Decimal(0)

    def _read(self, value: object) -> Decimal:
        if isinstance(value, Decimal):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return Decimal(value)
        if isinstance(value, float):
            return Decimal(repr(value))
        if isinstance(value, str) and re.fullmatch(NUMBER, value, re.ASCII):
            return Decimal(value)
        raise wrong(f"is {shown(value)}, must be {self.words}")

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic ask `validate`."""
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Show editors a plain number with its ends."""
        low, high = (int(end) if self.whole else float(end) for end in (self.low, self.high))
        shape: JsonSchemaValue = {"type": "integer" if self.whole else "number"}
        shape["exclusiveMinimum" if self.above else "minimum"] = low
        return shape if self.high == OPEN_END else {**shape, "maximum": high}


@dataclass(frozen=True, slots=True)
class Span:
    """A duration written as `15m`; `zero` lets it be nothing."""

    zero: bool = False

    def validate(self, value: object) -> timedelta:
        """Return the exact duration; raises with what the value is and what it must be."""
        right = f"must be a duration{' or 0s' if self.zero else ' above 0'} such as 250ms, 30s, 15m, 4h or 30d"
        try:
            span = value if isinstance(value, timedelta) else parse_duration(value if isinstance(value, str) else "")
        except ValueError:
            raise wrong(f"is {shown(value)}, {right}, of at most {LONGEST.days}d") from None
        if span < timedelta(0) or span > LONGEST or (not span and not self.zero):
            raise wrong(f"is {shown(value)}, {right}")
        return span

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic ask `validate`."""
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Show editors the pattern."""
        return {"type": "string", "pattern": DURATION, "examples": ["30s", "15m", "4h", "30d"]}


class Window(NamedTuple):
    """Weekdays (Monday 0) and minutes of the UTC day, half open; an `end` up to `start` is the next day's."""

    days: frozenset[int]
    start: int
    end: int


def parse_window(text: str) -> Window:
    """Read `Mon-Fri 13:00-17:00`, `Sat 00:00-24:00` or `22:00-02:00` (UTC); raises ValueError."""
    found = re.fullmatch(WINDOW, text)
    first, last = (found[1], found[2] or found[1]) if found else (None, None)
    minutes = [int(found[i]) * 60 + int(found[i + 1]) for i in (3, 5)] if found else [-1, -1]
    known = first is None or (first in DAYS and last in DAYS)
    if not known or not 0 <= minutes[0] < MINUTES_PER_DAY or minutes[1] > MINUTES_PER_DAY or minutes[0] == minutes[1]:
        message = f"is {shown(text)}, must be days and hours in UTC such as Mon-Fri 13:00-17:00"
        raise ValueError(message)
    if first is None or last is None:
        return Window(frozenset(range(7)), *minutes)
    start = DAYS.index(first)
    count = (DAYS.index(last) - start) % 7 + 1
    return Window(frozenset((start + step) % 7 for step in range(count)), *minutes)


def _schedule(value: object) -> str | tuple[str, ...]:
    if value == "always":
        return "always"
    if not isinstance(value, list | tuple) or not value:
        raise wrong(f"is {shown(value)}, must be always or a list of hours in UTC such as ['Mon-Fri 13:00-17:00']")
    return tuple(_window(line) for line in value)


def _window(text: object) -> str:
    line = text if isinstance(text, str) else shown(text)
    try:
        parse_window(line)
    except ValueError as error:
        raise wrong(str(error)) from None
    return line


def _calendar(text: str) -> str:
    if text in SLOTS:
        return text
    message = f"is {shown(text)}, must be {', '.join(SLOTS)} or a cron line such as '0 8 * * MON'"
    if len(text.split()) != CRON_FIELDS:
        raise wrong(message)
    try:
        next(CronSim(text, SOME_DAY))
    except (CronSimError, StopIteration):
        raise wrong(message) from None
    return text


def _asset(text: str) -> str:
    if not re.fullmatch(r"[^\s/:,]{1,30}", text) or text == "stables":
        message = f"is {shown(text)}, must be a coin's code such as BTC"
        raise wrong(message)
    if text.islower():
        message = f"is {shown(text)}, must be a coin's code: write {text.upper()}"
        raise wrong(message)
    return text


Fraction = Annotated[Decimal, Number("0", "1")]
Share = Annotated[Decimal, Number("0", "1", above=True)]
Positive = Annotated[Decimal, Number("0", above=True)]
AtLeastZero = Annotated[Decimal, Number("0")]
AtLeastOne = Annotated[Decimal, Number("1")]
Leverage = Annotated[Decimal, Number("1", "125")]
Points100 = Annotated[Decimal, Number("0", "100")]
Count = Annotated[int, Number("1", "100000", whole=True)]
Natural = Annotated[int, Number("0", whole=True)]
Port = Annotated[int, Number("0", "65535", whole=True)]
Duration = Annotated[timedelta, Span()]
DurationOrZero = Annotated[timedelta, Span(zero=True)]
Asset = Annotated[str, AfterValidator(_asset)]
SleeveName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Calendar = Annotated[str, AfterValidator(_calendar)]
Schedule = Annotated[
    Literal["always"] | tuple[str, ...],
    PlainValidator(_schedule),
    WithJsonSchema({"anyOf": [{"const": "always"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
Timeframe = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"]


def share(default: str, about: str) -> Any:
    """Declare a key holding an exact number, with its default and what it does."""
    # As a written number is read: the record spells a default 3, and a sentence made again must not differ by 3.0.
    return Field(default=Decimal(f"{Decimal(default).normalize():f}"), description=about)


def lasting(default: str, about: str) -> Any:
    """Declare a key holding a duration, with its default and what it does."""
    return Field(default=parse_duration(default), description=about)


def key(default: object, about: str) -> Any:
    """Declare a key holding anything else, with its default and what it does."""
    return Field(default=default, description=about)


def part(default: type[object], about: str) -> Any:
    """Declare a group of keys, made of its own defaults."""
    return Field(default_factory=default, description=about)
