"""The plain drift-band job: equity and trades are those of a reference of a few lines, to the ticks of its prices."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from benchmarks.peers import job, ours
from bot.core.numbers import milliseconds

COINS, BARS = 8, 5_000


def test_the_plain_job_trades_as_its_reference_and_ends_with_its_equity(tmp_path: Path) -> None:
    closes = job.prices(COINS, BARS)
    asked = job.reference(closes)
    made = asyncio.run(ours.played(ours.tape(tmp_path, closes), COINS, BARS))
    assert len(asked.trades) > 2 * COINS, "nothing left its band"
    trades = [((milliseconds(each.at) - job.BEGUN_MS) // job.HOUR_MS, int(each.asset[1:])) for each in made.trades]
    assert sorted(trades) == sorted((bar, coin) for bar, coin, _ in asked.trades)
    # A tick on each side of the close and whole steps of coins: what nobody trades on paper.
    assert np.abs(made.curve.equity / asked.equity - 1).max() < 1e-6
