"""Owns how the configuration's own findings look: bands beside their break-even, the target's history, lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.core.advice import Advice, BandRow
from bot.core.numbers import jsonable, plain
from bot.core.outlook import Outlook
from bot.render.plan import plain_table, wish_words
from bot.render.words import UNKNOWN, counted, percent


def check_body(
    found: Sequence[Advice],
    rows: Sequence[BandRow],
    history: Outlook | None = None,
    now: Mapping[str, Any] | None = None,
    card: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The findings as machines see them; fractions of money as text, exact.

    `history`, `now` (what a plan would do) and `venue` (its card) only where there is one.
    """
    told: dict[str, Any] = {} if history is None else {"history": history_body(history)}
    if now is not None:
        told["now"] = {name: now[name] for name in ("actions", "blocked", "holds")}
    if card is not None:
        told["venue"] = jsonable(dict(card))
    return {
        **told,
        "errors": [{"key": each.key, "text": each.text} for each in found if each.level == "error"],
        "warnings": [{"key": each.key, "text": each.text} for each in found if each.level == "warning"],
        "bands": [
            {
                "asset": row.asset,
                "sleeve": row.sleeve,
                "target": plain(row.target),
                "band": None if row.band is None else plain(row.band),
                "break_even": plain(row.break_even),
                "volatility": plain(row.volatility),
                "fee": plain(row.fee),
            }
            for row in rows
        ],
    }


def history_body(seen: Outlook) -> dict[str, Any]:
    """What the target means, as machines see it: readings are numbers, unknown ones null."""
    made: dict[str, Any] = jsonable(asdict(seen))
    return made


def history_view(seen: Outlook, drawdown_limit: Decimal, volume_share: Decimal) -> RenderableType:
    """What the target means over the history at hand (R-T8): each asset, then the whole."""
    table = plain_table()
    table.add_column("asset", no_wrap=True, style="bold")
    for name in ("target", "volatility", "worst fall", "volume a day", "days to leave"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in seen.assets:
        table.add_row(
            row.asset,
            percent(row.target),
            percent(row.volatility),
            percent(row.drawdown),
            UNKNOWN if row.volume is None else f"{row.volume:,.0f}",
            UNKNOWN if row.exit_days is None else f"{row.exit_days:,.2f}",
        )
    leaves = UNKNOWN if seen.exit_days is None else f"{seen.exit_days:,.2f}"
    span = f"{seen.since:%Y-%m-%d} to {seen.until:%Y-%m-%d}" if seen.since and seen.until else "history too short"
    whole = Text.assemble(
        ("The target as a whole", "bold"),
        f" over {counted(seen.days, 'day')} ({span}): volatility {percent(seen.volatility)} a year, ",
        f"worst drawdown {percent(seen.drawdown)} (limits.drawdown {percent(drawdown_limit)}), ",
        f"mean correlation {UNKNOWN if seen.correlation is None else f'{seen.correlation:.2f}'}, ",
        f"{leaves} days to leave at {percent(volume_share)} of volume.",
    )
    return Group(table, whole)


def now_view(now: Mapping[str, Any]) -> Text:
    """What the configuration would do at this moment, a line for each wish; `ballast plan` tells it whole."""
    acts, refused, held = (len(now[name]) for name in ("actions", "blocked", "holds"))
    text = Text.assemble(
        ("Now", "bold"),
        f" it would do {counted(acts, 'thing')}, {counted(refused, 'wish', 'wishes')} would be refused and "
        f"{counted(held, 'asset')} held; `ballast plan` says why.",
    )
    for each in now["actions"]:
        text.append(f"\n  {wish_words(each)}", style="green")
    for each in now["blocked"]:
        gates = ", ".join(dict.fromkeys(verdict["gate"] for verdict in each["gates"]["not_passed"]))
        text.append(f"\n  {wish_words(each)}: refused by {gates}", style="yellow")
    return text


def bands_view(rows: Sequence[BandRow]) -> Table:
    """Each asset's band, and the drift from which a correction pays for itself."""
    table = plain_table()
    table.add_column("asset", no_wrap=True, style="bold")
    table.add_column("sleeve", overflow="fold")
    for name in ("target", "band", "break-even", "at a fee of"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        pays = row.band is None or row.break_even <= row.band
        table.add_row(
            row.asset,
            row.sleeve,
            percent(row.target),
            "off" if row.band is None else f"± {row.band * 100:.1f}",
            Text(f"± {row.break_even * 100:.1f}", style="" if pays else "yellow"),
            f"{row.fee * 100:.3f} %",
        )
    return table
