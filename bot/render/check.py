"""Owns how the configuration's own findings look: bands beside their break-even, and lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from bot.core.advice import Advice, BandRow
from bot.core.numbers import plain
from bot.render.plan import plain_table
from bot.render.words import percent


def check_body(found: Sequence[Advice], rows: Sequence[BandRow]) -> dict[str, Any]:
    """The findings as machines see them; fractions as text, exact."""
    return {
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
            }
            for row in rows
        ],
    }


def bands_view(rows: Sequence[BandRow]) -> Table:
    """Each asset's band, and the drift from which a correction pays for itself."""
    table = plain_table()
    table.add_column("asset", no_wrap=True, style="bold")
    table.add_column("sleeve", overflow="fold")
    for name in ("target", "band", "break-even"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        pays = row.band is None or row.break_even <= row.band
        table.add_row(
            row.asset,
            row.sleeve,
            percent(row.target),
            "off" if row.band is None else f"± {row.band * 100:.1f}",
            Text(f"± {row.break_even * 100:.1f}", style="" if pays else "yellow"),
        )
    return table
