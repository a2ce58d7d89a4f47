"""The table of gates and classes."""

from __future__ import annotations

from bot.core.gate import TABLE
from bot.core.wishes import CLASSES, ActionClass


def test_the_table_of_gates_and_classes_is_the_rulebooks() -> None:
    asked = {f"{row.judge.__module__.rpartition('.')[2]}.{row.judge.__name__}": row.classes for row in TABLE}
    everyone = set(CLASSES)
    work = {"floor", "derisk", "upkeep", "normal"}
    expected: dict[str, set[ActionClass] | set[str]] = {
        "kill.judge": everyone,
        "data.fresh": everyone,
        "data.sane": everyone,
        "scope.judge": everyone,
        "runaway.judge": everyone,
        "window.schedule": {"normal"},
        "window.live": work,
        "pace.interval": work,
        "pace.cooldown": {"normal"},
        "pace.turnover": {"derisk", "normal"},
        "benefit.judge": {"normal"},
        "collar.judge": everyone,
        "filters.judge": everyone,
        "floor.judge": everyone - {"safety"},
        "leverage.judge": work,
        "net_short.judge": everyone - {"yield"},
    }
    assert {name: set(asked[name]) for name in expected} == expected
