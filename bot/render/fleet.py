"""Owns how a fleet looks: the JSON of `fleet status`, and a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from bot.core.numbers import utc_text
from bot.ports.fleet import Post, View
from bot.render.plan import plain_table
from bot.render.words import instant, money

SHORT = 8


def fleet_body(view: View) -> dict[str, Any]:
    """Workers with how many they lead, portfolios with leader, lease, last cycle, equity, kill level and trouble."""
    led = Counter(post.holder for post in view.posts if post.holder)
    clashing: dict[str, set[tuple[str, str]]] = {}
    troubles: dict[str, list[str]] = {}
    for worker in view.workers:
        for name, offer in worker.offers.items():
            clashing.setdefault(name, set()).add((offer.version, offer.config))
        for name, why in worker.troubles.items():
            troubles.setdefault(name, []).append(f"{worker.name}: {why}")
    return {
        "at": utc_text(view.at),
        "workers": [
            {
                "name": worker.name,
                "host": worker.host,
                "pid": worker.pid,
                "version": worker.version,
                "since": utc_text(worker.started_at),
                "draining": worker.draining,
                "offers": len(worker.offers),
                "leads": led[worker.name],
            }
            for worker in view.workers
        ],
        "portfolios": [_portfolio(post, troubles, clashing) for post in view.posts],
    }


def _portfolio(
    post: Post, troubles: Mapping[str, list[str]], clashing: Mapping[str, set[tuple[str, str]]]
) -> dict[str, Any]:
    name, beat = post.identity.portfolio, post.body
    told = troubles.get(name, [])
    if len(clashing.get(name, ())) > 1:
        told = [*told, "two versions or configurations of it are in the fleet: frozen"]
    return {
        "portfolio": name,
        "book": post.book,
        "mode": post.identity.mode,
        "venue": post.identity.venue,
        "environment": post.identity.environment,
        "leader": post.holder or None,
        "fence": post.fence,
        "lease_age_s": None if post.lease_age_s is None else round(post.lease_age_s, 1),
        "lease_left_s": None if post.lease_left_s is None else round(post.lease_left_s, 1),
        "beat_age_s": None if post.beat_age_s is None else round(post.beat_age_s, 1),
        "last_cycle_at": beat.get("last_cycle_at"),
        "decisions": beat.get("decisions"),
        "equity": beat.get("equity"),
        "kill": (beat.get("kill") or {}).get("level"),
        "orders_open": beat.get("orders_open"),
        "unknown_orders": beat.get("unknown_orders"),
        "failures": beat.get("failures"),
        "version": post.version or None,
        "config": post.config or None,
        "trouble": "; ".join(told) or None,
    }


def fleet_view(body: Mapping[str, Any]) -> RenderableType:
    """Workers, then portfolios; what is wrong in red."""
    workers = plain_table()
    for title in ("worker", "version", "leads", "of", "since"):
        workers.add_column(title, no_wrap=True)
    for each in body["workers"]:
        name = f"{each['name']} (draining)" if each["draining"] else each["name"]
        workers.add_row(name, each["version"], str(each["leads"]), str(each["offers"]), instant(each["since"]))
    table = plain_table()
    for title in (
        "portfolio",
        "leader",
        "fence",
        "led for",
        "lease",
        "last cycle",
        "beat",
        "equity",
        "kill",
        "version",
        "config",
    ):
        table.add_column(
            title, no_wrap=True, justify="right" if title in {"fence", "led for", "lease", "beat", "equity"} else "left"
        )
    notes = []
    for each in body["portfolios"]:
        kill = each["kill"] or "?"
        table.add_row(
            f"{each['portfolio']} ({each['mode']})",
            Text(each["leader"] or "nobody", style="" if each["leader"] else "red"),
            str(each["fence"]),
            _seconds(each["lease_age_s"]),
            _seconds(each["lease_left_s"]),
            instant(each["last_cycle_at"]) if each["last_cycle_at"] else "never",
            _seconds(each["beat_age_s"]),
            money(each["equity"]) if each["equity"] else "?",
            Text(kill, style="" if kill == "off" else "bold red"),
            each["version"] or "?",
            (each["config"] or "?")[:SHORT],
        )
        if each["trouble"]:
            notes.append(Text(f"{each['portfolio']}: {each['trouble']}", style="red"))
    led = sum(each["leader"] is not None for each in body["portfolios"])
    told = Text(f"{led} of {len(body['portfolios'])} portfolios led by {len(body['workers'])} workers")
    return Group(told, Text(), workers, Text(), table, *notes)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} s"
