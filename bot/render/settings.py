"""Owns how the settings in force look."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from bot.render.plan import plain_table


def settings_view(rows: Sequence[tuple[str, object, str]]) -> Table:
    """Key, value as a file would have it, and where it came from; defaults are dim."""
    table = plain_table()
    table.add_column("key", overflow="fold")
    table.add_column("value", overflow="fold")
    table.add_column("from", overflow="fold")
    for key, value, origin in rows:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        table.add_row(key, Text(text), origin, style="dim" if origin == "default" else "")
    return table
