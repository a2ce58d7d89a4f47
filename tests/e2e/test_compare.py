"""`ballast compare` from outside: two configurations over one generated past, each in a process of its own."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.backtest.run import run
from bot.wiring_past import Span, past
from tests.e2e.folder import Folder
from tests.unit.backtest.tapes import BEGUN, CONFIG, settings, tape

START, DAYS = BEGUN + timedelta(days=15), 8
END = START + timedelta(days=DAYS)
NEAR = CONFIG.replace("cycle: 1h", "cycle: 4h") + "signals: {enabled: false}\nstress: {enabled: false}\n"
WIDE = NEAR + "triggers: {band: {points: 0.20, relative: null}}\n"


async def test_two_configurations_are_compared_window_by_window_as_each_backtest_tells_it(tmp_path: Path) -> None:
    tape(tmp_path / "tape", hours=24 * 24)
    for name, text in (("near", NEAR), ("wide", WIDE)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    done = Folder(tmp_path).ballast(
        "compare", "near.yaml", "wide.yaml", "--data", "tape", "--windows", "2", "--jobs", "2", "--json",
        "--from", START.isoformat(), "--to", END.isoformat(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert [len(each["runs"]) for each in body["windows"]] == [2, 2]
    alone = await run(await past(settings(NEAR), Span(tmp_path / "tape", START, END), name="near"))
    mine = body["whole"]["runs"]["near"]
    assert mine["times"] == pytest.approx(alone.curve.equity[-1] / alone.curve.equity[0])
    assert mine["fills"] == len(alone.trades) > 0
    assert mine["fees"] == pytest.approx(float(sum(trade.fee or Decimal(0) for trade in alone.trades)))
    assert sum(each["runs"]["near"]["fills"] for each in body["windows"]) == mine["fills"]
