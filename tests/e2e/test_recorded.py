"""Recorded candles through the crash of May 2021, over HTTP through ccxt, orders too."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.folder import Folder

CYCLES = 400
pytestmark = pytest.mark.timeout(1_500)


@pytest.mark.skipif("not __import__('os').environ.get('ACCEPTANCE')", reason="minutes long: make acceptance")
def test_the_crash_of_may_2021_is_traded_within_the_floor_and_never_net_short(
    tmp_path: Path, market_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {
        "BALLAST_MODE": "testnet",
        "BALLAST_LOCAL__TAPE": str(market_data / "perp_1h"),
        "BALLAST_LOCAL__START": "2021-05-10",
        "BALLAST_LOCAL__SPEED": "step",
        "BALLAST_CYCLE": "1h",
    }
    bot = Folder(tmp_path, env)
    begun = time.monotonic()
    done = bot.ballast("run", "--cycles", str(CYCLES))
    took = time.monotonic() - begun
    assert done.returncode == 0, done.stderr[-3_000:]
    decisions = bot.decisions()
    filled = [row for row in bot.orders() if row["state"] == "filled"]
    assets = {row["asset"] for row in filled}
    with capsys.disabled():
        print(f"{CYCLES / took:.1f} cycles/s, {len(filled)} orders filled in {len(assets)} assets")  # noqa: T201
    assert len(decisions) == CYCLES
    assert len(filled) >= 20
    assert len(assets) >= 4
    hedges = [row["side"] for row in filled if row["purpose"] == "hedge"]
    assert {"sell", "buy"} <= set(hedges)
    assert [each["at"] for each in decisions if each["stables"]["liquid"] < each["stables"]["floor"]] == []
    assert [row for each in decisions for row in each["exposures"] if row["net"] < 0] == []
    bot.proven()
