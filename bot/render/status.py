"""Owns how the bot's last beat looks: the JSON that `status` promises, and a panel for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from bot.render.plan import assets_table
from bot.render.words import counted, instant, money, whole_seconds

#: What `status --json` always has (plan contract), and what stands there while it is unknown.
PROMISED: Final[Mapping[str, Any]] = {
    "mode": None,
    "venue": None,
    "environment": None,
    "kill": {"level": "off", "reason": None, "by": None, "at": None},
    "cycles": 0,
    "decisions": 0,
    "last_cycle_at": None,
    "equity": None,
    "exposures": [],
    "orders_open": 0,
    "unknown_orders": 0,
    "waiting_for": [],
    "version": None,
}


def status_body(beat: Mapping[str, Any], **over: Any) -> dict[str, Any]:
    """The beat with every promised key; ``over`` replaces what is known better now."""
    return {**PROMISED, **beat, **over}


def post_words(post: Mapping[str, Any] | None) -> str:
    """Which alerts people did not get, of the beat's `alerts`; "" while none is known to be lost."""
    if not post or not post["undelivered"]:
        return ""
    return f"{counted(post['undelivered'], 'alert')} could not be delivered to people: {post['why'] or 'unknown why'}"


def status_view(body: Mapping[str, Any], currency: str = "") -> RenderableType:
    """Who trades what where, whether it may, what it holds, what it waits for."""
    kill = body["kill"]
    free = kill["level"] == "off"
    parts: list[RenderableType] = [
        Text.assemble(
            (f"{body['mode']}", "bold"),
            f" on {body['venue']} ({body['environment']})   equity ",
            (f"{money(body['equity'])} {currency}".rstrip(), "bold"),
        ),
        Text.assemble(
            "kill switch ",
            (str(kill["level"]), "green" if free else "bold red"),
            "" if free else f": {kill['reason'] or 'no reason given'} (by {kill['by'] or '?'}, {instant(kill['at'])})",
        ),
        Text(
            f"{body['decisions']:,} decisions, the last at {instant(body['last_cycle_at'])}   "
            f"open orders {body['orders_open']}, unknown {body['unknown_orders']}"
        ),
    ]
    post = post_words(body.get("alerts"))
    parts += [Text(post, style="red")] if post else []
    raises = (body.get("edit") or {}).get("raises", ())
    parts += [Text(f"an edit waits for `ballast accept`, it raises risk: {each}", style="yellow") for each in raises]
    parts += [Text(f"waits: {whole_seconds(each)}", style="yellow") for each in body["waiting_for"]]
    if body["exposures"]:
        parts += [Text(), assets_table(body)]
    return Panel(Group(*parts), title=f"Ballast {body['version'] or ''}".rstrip(), expand=False)
