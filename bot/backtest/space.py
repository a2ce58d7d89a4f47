"""Owns the space of a tuning: which keys of the configuration may be what, read from a file and checked key by key.

A space is a YAML map of dotted keys: `triggers.band.points: {from: 0.03, to: 0.10, step: 0.01}` for a range (numbers or
durations, `log: true` for numbers that matter by their ratio), `triggers.goal: [target, edge]` for choices (any value).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

from bot.core.advice import advice
from bot.core.numbers import canonical_json, digest
from bot.core.policy import RuleKeys, format_duration, parse_duration, shown
from bot.settings import ConfigError, Settings, load_text
from bot.settings.errors import did_you_mean
from bot.settings.keys import place_of
from bot.settings.placed import flow, value_at, with_values
from bot.settings.yaml_text import read_yaml

NOT_TUNED: Final = frozenset({"approve", "accounting_currency"})
RANGE_KEYS: Final = frozenset({"from", "to", "step", "log"})
MOST_KEYS: Final = 50
MOST_CHOICES: Final = 100
DIGITS: Final = 4  # significant, of a number without a step
SECOND: Final = timedelta(seconds=1)
RANGE_SHAPE: Final = "a range {from: 0.03, to: 0.10, step: 0.01} or a list of choices"


class SpaceError(Exception):
    """A space that cannot be searched: one line for each thing wrong."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


class Drawer(Protocol):
    """Who draws: a trial of a study."""

    def draw_int(self, name: str, low: int, high: int, step: int, *, log: bool) -> int:
        """A whole number from ``low`` to ``high``."""
        ...

    def draw_float(self, name: str, low: float, high: float, step: float | None, *, log: bool) -> float:
        """A number from ``low`` to ``high``, in steps where there are some."""
        ...

    def draw_word(self, name: str, words: Sequence[str]) -> str:
        """One of ``words``."""
        ...


@dataclass(frozen=True, slots=True)
class Choices:
    """One of several values; their words are what a study remembers."""

    values: tuple[Any, ...]

    @property
    def words(self) -> list[str]:
        """Each value on one line of YAML."""
        return [flow(value) for value in self.values]

    def draw(self, name: str, drawer: Drawer) -> Any:
        """One of them."""
        words = self.words
        return self.values[words.index(drawer.draw_word(name, words))]

    def placed(self, value: Any) -> Any:
        """What a study remembers of ``value``; None where it is none of these."""
        return word if (word := flow(value)) in self.words else None

    def edges(self) -> Sequence[Any]:
        """What must each be allowed by itself."""
        return self.values

    def body(self) -> Any:
        """As JSON."""
        return self.words


@dataclass(frozen=True, slots=True)
class Range:
    """From ``low`` to ``high``, both included: numbers, or seconds where ``lasting``."""

    low: Decimal
    high: Decimal
    step: Decimal | None = None
    log: bool = False
    whole: bool = False
    lasting: bool = False

    def draw(self, name: str, drawer: Drawer) -> Any:
        """A value as the configuration has it, exact."""
        low, high = self.low, self.high
        if self.step is None:
            drawn = drawer.draw_float(name, float(low), float(high), None, log=self.log)
            return min(max(Decimal(f"{drawn:.{DIGITS}g}"), low), high)
        if self.whole or self.lasting:
            return self._value(Decimal(drawer.draw_int(name, int(low), int(high), int(self.step), log=self.log)))
        drawn = drawer.draw_float(name, float(low), float(high), float(self.step), log=False)
        return low + self.step * round((Decimal(repr(drawn)) - low) / self.step)

    def placed(self, value: Any) -> Any:
        """What a study remembers of ``value``; None where the range has it not."""
        number = _number(value, lasting=self.lasting)
        if number is None or not self.low <= number <= self.high:
            return None
        if self.step is None:
            return float(number)
        if (number - self.low) % self.step:
            return None
        return int(number) if self.whole or self.lasting else float(number)

    def edges(self) -> Sequence[Any]:
        """What must each be allowed by itself."""
        return self._value(self.low), self._value(self.high)

    def body(self) -> Any:
        """As JSON."""
        made: dict[str, Any] = {"from": self._value(self.low), "to": self._value(self.high)}
        return made | ({"step": self._value(self.step)} if self.step is not None else {}) | {"log": self.log}

    def _value(self, number: Decimal) -> Any:
        if self.lasting:
            return format_duration(int(number) * SECOND)
        return int(number) if self.whole else number


@dataclass(frozen=True, slots=True)
class Space:
    """What may be tried, by key."""

    keys: Mapping[str, Choices | Range]

    def draw(self, drawer: Drawer) -> dict[str, Any]:
        """A value for every key."""
        return {name: each.draw(name, drawer) for name, each in self.keys.items()}

    def of(self, text: str, env: Mapping[str, str]) -> dict[str, Any] | None:
        """What a study would remember of a configuration's own values; None where one lies outside."""
        rows = {row.key: row.value for row in load_text(text, env).rows()}
        found: dict[str, Any] = {}
        for name, each in self.keys.items():
            try:
                value = value_at(text, name)
            except KeyError:  # the default; a row has numbers as text
                value = rows.get(name)
                value = read_yaml(value) if isinstance(value, str) else value
            found[name] = each.placed(value)
        return None if None in found.values() else found

    def body(self) -> dict[str, Any]:
        """As JSON."""
        return {name: each.body() for name, each in sorted(self.keys.items())}

    def digest(self) -> str:
        """Equal for equal spaces."""
        return digest(canonical_json(self.body()), length=12)


def read_space(text: str, name: str) -> Space:
    """What a space's text says; raises `SpaceError`. Whether the configuration allows it, `check_space` tells."""
    try:
        written = read_yaml(text)
    except ValueError as error:
        raise SpaceError([f"{name}: {error}"]) from None
    if not isinstance(written, Mapping) or not written:
        raise SpaceError([f"{name}: must be a map of keys, each {RANGE_SHAPE}"])
    if len(written) > MOST_KEYS:
        raise SpaceError([f"{name}: holds {len(written)} keys, must hold at most {MOST_KEYS}"])
    found: dict[str, Choices | Range] = {}
    wrong: list[str] = []
    for key, value in written.items():
        problem = _unknown(key.split("."))
        made = problem or _read(value)
        if isinstance(made, str):
            wrong.append(f"{name}: {key}: {made}")
        else:
            found[key] = made
    if wrong:
        raise SpaceError(wrong)
    return Space(found)


def check_space(space: Space, name: str, text: str, env: Mapping[str, str]) -> None:
    """Try each end and choice by itself in a configuration's text; raises `SpaceError` for those `check` refuses."""
    base = load_text(text, env)
    known = {each.line() for each in advice(base.policy()) if each.level == "error"}
    wrong: list[str] = []
    for key, each in space.keys.items():
        origin = base.origins.get(key, "")
        if origin.startswith(("environment", "secret")):
            wrong.append(f"{name}: {key}: is set by {origin}, which is stronger than any file; take it out")
            continue
        for value in each.edges():
            why = refused(with_values(text, {key: value}), env, known)
            if why:
                shape = shown(flow(value)).strip("'") if isinstance(value, list | Mapping) else shown(value)
                wrong.append(f"{name}: {key}: {shape} is refused: {why}")
    if wrong:
        raise SpaceError(wrong)


def refused(text: str, env: Mapping[str, str], known: frozenset[str] | set[str] = frozenset()) -> str:
    """Why `check` refuses a configuration, but for what is ``known``; empty where it does not."""
    try:
        settings = load_text(text, env, name="")
    except ConfigError as error:
        return "; ".join(line.removeprefix(": ") for line in error.lines)
    lines = [each.line() for each in advice(settings.policy()) if each.level == "error"]
    return "; ".join(line.removeprefix("error: ") for line in lines if line not in known)


def _unknown(path: Sequence[str]) -> str:
    """Why a key cannot be tuned; empty where it can."""
    names = frozenset(RuleKeys.model_fields) - NOT_TUNED
    if path[0] not in names:
        if path[0] in Settings.model_fields:
            return "is no key that a decision over the past depends on"
        return f"is no known key; {did_you_mean(path[0], names)}"
    for length in range(1, len(path)):
        above = place_of(Settings, path[:length])
        if above is not None and above.section is not None and path[length] not in above.names:
            return f"is no known key; {did_you_mean(path[length], above.names)}"
    return "" if place_of(Settings, path) is not None else "is no known key; nothing may stand below a single value"


def _read(value: Any) -> Choices | Range | str:
    """What may be drawn, or what is wrong with it."""
    if isinstance(value, list):
        return _choices(value)
    if not isinstance(value, Mapping):
        return f"is {shown(value)}, must be {RANGE_SHAPE}"
    strange = sorted(set(value) - RANGE_KEYS)
    if strange:
        return f"has a key {strange[0]}, must be {RANGE_SHAPE}"
    missing = [name for name in ("from", "to") if name not in value]
    if missing:
        return f"lacks {missing[0]}, must be {RANGE_SHAPE}"
    return _range(value)


def _choices(values: Sequence[Any]) -> Choices | str:
    made = Choices(tuple(values))
    words = made.words
    twice = next((word for word in words if words.count(word) > 1), None)
    if twice is not None:
        return f"holds {twice} twice"
    if not 1 < len(words) <= MOST_CHOICES:
        return f"holds {len(words)} choices, must hold 2 to {MOST_CHOICES}"
    return made


def _range(value: Mapping[str, Any]) -> Range | str:
    lasting = isinstance(value["from"], str)
    ends = {name: _number(value.get(name), lasting=lasting) for name in ("from", "to", "step")}
    for name in ("from", "to", *(["step"] if value.get("step") is not None else [])):
        if ends[name] is None:
            kind = "a duration such as 4h, as from is" if lasting else "a number"
            return f"{name} is {shown(value[name])}, must be {kind}"
    low, high, step = ends["from"], ends["to"], ends["step"]
    log = value.get("log", False)
    if low is None or high is None or not low < high:
        return f"from {shown(value['from'])} must be below to {shown(value['to'])}"
    if step is not None and not 0 < step <= high - low:
        return f"step {shown(value['step'])} must be above 0 and at most the way from {shown(value['from'])} to its end"
    if not isinstance(log, bool):
        return f"log is {shown(log)}, must be true or false"
    if log and (low <= 0 or lasting or step is not None):
        return "log is for numbers above 0 without a step"
    whole = all(isinstance(value[name], int) for name in ("from", "to", *(["step"] if step is not None else [])))
    if lasting and step is None:
        return "lacks step, which a range of durations must have"
    step = Decimal(1) if whole and step is None else step
    if step is not None and (high - low) % step:
        return f"step {shown(value.get('step'))} does not lead from {shown(value['from'])} to {shown(value['to'])}"
    return Range(low, high, step, log, whole, lasting)


def _number(value: Any, *, lasting: bool) -> Decimal | None:
    if lasting:
        try:
            return Decimal(parse_duration(value) // SECOND) if isinstance(value, str) else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)
