"""Owns the readings (R-S1 to R-S6): functions of closed bars, never of an earlier reading. No I/O, clock or state."""

from __future__ import annotations

from bot.core.readings.anchors import anchor, bars_needed
from bot.core.readings.bars import bars_key
from bot.core.readings.columns import Columns, RegimeColumns, columns, regime_columns
from bot.core.readings.levels import Levels, levels
from bot.core.readings.parameters import Parameters, parameters
from bot.core.readings.table import AssetTable, row, table, table_at
from bot.core.readings.together import rows_at

__all__ = [
    "AssetTable",
    "Columns",
    "Levels",
    "Parameters",
    "RegimeColumns",
    "anchor",
    "bars_key",
    "bars_needed",
    "columns",
    "levels",
    "parameters",
    "regime_columns",
    "row",
    "rows_at",
    "table",
    "table_at",
]
