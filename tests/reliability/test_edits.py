"""Edits of the configuration that are well written and dangerous."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.unit.test_daemon import TEXT, World


async def test_an_edit_beyond_the_limits_leaves_the_running_bot_as_it_was(tmp_path: Path) -> None:
    world = World(tmp_path)
    daemon = world.daemon()
    sane = f"{TEXT}hedge: {{leverage: 2}}\n"
    world.file.write_text(sane, encoding="utf-8")

    def edit(number: int) -> None:
        if number == 1:
            world.file.write_text(sane.replace("leverage: 2", "leverage: 10"), encoding="utf-8")

    world.after_plan = edit
    assert await daemon.run(4) == 0
    assert "hedge.leverage" in world.alerts.texts
    assert "must be at most limits.leverage 3" in world.alerts.texts
    assert daemon.kill.level == "freeze"
    assert daemon._policy.hedge.leverage == Decimal(2)  # noqa: SLF001 - what is in force

    world.after_plan = lambda _number: None
    world.file.write_text(sane, encoding="utf-8")
    again = world.daemon()
    assert await again.run(1) == 0
    assert again.kill.level == "off"
