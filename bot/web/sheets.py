"""Owns the templates and how values are written in them; the markup lies in templates/, what is in it escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from bot.render.plan import leg_words, verdict_words, wish_words
from bot.render.status import post_words
from bot.render.words import amount, counted, instant, money, percent, points, reading, sentence, times
from bot.web.desk import Desk
from bot.web.guard import Visitor

HERE: Final = Path(__file__).resolve().parent
STATIC: Final = HERE / "static"
DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
SIZES: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00)")
UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def environment() -> Environment:
    """Templates with autoescape, refusing names nobody gave."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "amount": amount,
        "percent": percent,
        "points": points,
        "money": money,
        "instant": instant,
        "moment": moment,
        "sentence": sentence,
        "times": times,
        "plainly": plainly,
        "wish": wish_words,
        "verdict": lambda verdict: plainly(verdict_words(verdict)),
        "leg": leg_words,
        "age": age,
        "compact": compact,
        "readings": readings,
    }
    made.globals |= {"counted": counted, "post_words": post_words}
    return made


class Sheets:
    """Renders pages for one desk."""

    def __init__(self, desk: Desk, markup: Environment | None = None) -> None:
        self._desk = desk
        self.markup = markup or environment()
        for name in self.markup.list_templates():
            self.markup.get_template(name)  # compiled now: later a cycle in the same loop would wait for it

    async def page(self, request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page within the frame: what every page shows is asked for here."""
        desk = self._desk
        plan = await desk.plan()
        beat = await desk.beat()
        visitor: Visitor | None = getattr(request.state, "visitor", None)
        frame = {
            "terms": desk.terms,
            "beat": beat,
            "plan": plan,
            "kill": await desk.standing(beat),
            "pulse": desk.pulse(beat),
            "failed": desk.watch.failed,
            "mark": visitor.mark if visitor else "",
            "base": desk.terms.base,
            "path": request.url.path.removeprefix(desk.terms.base),
            "said": SAID.get(request.query_params.get("said", ""), ""),
        }
        text = self.markup.get_template(f"{name}.html").render({**frame, **values})
        return HTMLResponse(text, status)

    def bare(self, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page for somebody who has not signed in, or when nothing can be read."""
        text = self.markup.get_template(f"{name}.html").render({"terms": self._desk.terms, **values})
        return HTMLResponse(text, status)


#: What a page says after something was asked for, by the word in its address.
SAID: Final[Mapping[str, str]] = {
    "kill": "It is asked for; the bot obeys within a second.",
    "resume": "Resumed: the bot may trade again.",
    "approve": "Approved: the bot carries it out with its next cycle, as far as every other gate lets it.",
    "reject": "Rejected.",
    "accept": "Accepted: the bot takes the edit over with one of its next two cycles.",
    "halt-asset": "Frozen: with its next cycle the bot leaves this asset alone until it is released.",
    "read": "Noted as read.",
    "rearm": "Released: the bot trades this asset again from its next cycle on.",
}


def moment(value: object) -> str:
    """``5 Jan 09:50``: short, for lists whose page names the year elsewhere."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    return f"{value.day} {value:%b %H:%M}" if isinstance(value, datetime) else "?"


def plainly(text: object) -> str:
    """A sentence whose instants are written for people: ``from 2026-01-05 01:05 UTC``."""
    return INSTANT.sub(r"\1 \2 UTC", str(text))


def age(value: timedelta | float | None) -> str:
    """``3 d 4 h``, ``12 min``, ``8 s``; seconds where it is a number; ``?`` where unknown."""
    if value is None:
        return "?"
    span = value if isinstance(value, timedelta) else timedelta(seconds=value)
    if span < timedelta(0):
        return f"−{age(-span)}"
    if span >= DAY:
        return f"{span.days} d {(span % DAY) // HOUR} h"
    if span >= HOUR:
        return f"{span // HOUR} h {(span % HOUR) // MINUTE} min"
    return f"{span // MINUTE} min" if span >= MINUTE else f"{span.total_seconds():.0f} s"


def compact(value: object) -> str:
    """``12.3M``, for a cell; ``?`` where it is no number."""
    try:
        number = float(Decimal(str(value)))
    except InvalidOperation:
        return "?"
    for size, sign in SIZES:
        if abs(number) >= size:
            return f"{number / size:.3g}{sign}"
    return f"{number:.3g}"


def readings(values: Mapping[str, Any]) -> list[str]:
    """Readings in words; flags only where they are true."""
    return [reading(name, value) for name, value in values.items() if value is not False]


def duration(text: object) -> timedelta | None:
    """A configuration's ``30d`` as a span; None where it is none."""
    value = str(text)
    unit = UNITS.get(value[-1:])
    try:
        return timedelta(**{unit: float(value[:-1])}) if unit else None
    except ValueError:
        return None
