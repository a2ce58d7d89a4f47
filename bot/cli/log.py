"""Owns how log lines are written: JSON for machines, one short line for people, secrets redacted by exact value."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final

import structlog

from bot.clocks import host_utc_now
from bot.core.numbers import jsonable, utc_text

REDACTED: Final = "********"
SHORTEST_SECRET: Final = 4  # characters: a shorter one would blot out ordinary words
Event = MutableMapping[str, Any]


def write_log(*, level: str, as_json: bool, secrets: Iterable[str] = (), tell: Callable[[str], None]) -> None:
    """Send every log line of the program to ``tell``, from ``level`` on."""
    render = _json if as_json else _text
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _dated,
            structlog.processors.format_exc_info,
            render,
            _redacting([each for each in secrets if len(each) >= SHORTEST_SECRET]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: _Lines(tell),
        cache_logger_on_first_use=False,
    )


def to_stdout(line: str) -> None:
    """Write a line at once: whoever follows a pipe sees each cycle as it ends."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class _Lines:
    """What structlog calls with a rendered line, whatever its level."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def msg(self, line: str) -> None:
        self._tell(line)

    debug = info = warning = warn = error = critical = fatal = exception = log = msg


def _dated(_logger: object, _name: str, event: Event) -> Event:
    event["ts"] = utc_text(host_utc_now())
    return event


def _json(_logger: object, _name: str, event: Mapping[str, Any]) -> str:
    first = {name: event[name] for name in ("ts", "level", "event")}
    return json.dumps(jsonable({**first, **event}), ensure_ascii=False, default=str)


def _text(_logger: object, _name: str, event: Event) -> str:
    """``warning: text (key=value, …)``; the alert's own key and empty values are left out."""
    exception = event.pop("exception", None)
    known = {"event", "level", "ts", "key"}
    rest = ", ".join(
        f"{name}={value}" for name, value in event.items() if name not in known and value not in ("", None)
    )
    line = f"{event['level']}: {event['event']}{f' ({rest})' if rest else ''}"
    return f"{line}\n{exception}" if exception else line


def _redacting(secrets: list[str]) -> Callable[[object, str, str], str]:
    # As JSON would write it, a secret may look otherwise.
    forms = sorted({form for each in secrets for form in (each, json.dumps(each)[1:-1])}, key=len, reverse=True)

    def redact(_logger: object, _name: str, line: str) -> str:
        for form in forms:
            line = line.replace(form, REDACTED)
        return line

    return redact
