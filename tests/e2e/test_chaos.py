"""A bot beside an exchange where much goes wrong, and then nothing any more: record and venue agree in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.beside import CONFIG, Beside
from tests.e2e.folder import FULL, Folder

CYCLES, CALM = (300, 20) if FULL else (30, 4)
SPEED, STARTS = 300, 12
# A cycle is a second here: what is read may be some seconds old without being late.
SLOW = CONFIG.replace("cycle: 1m", "cycle: 5m").replace("15m", "2h").replace("funding: 1h", "funding: 4h")
# States of an order that never came to the venue, of one whose fate is not known, and of one that may still fill.
ABSENT = {"denied", "absent", "rejected"}
UNSURE = {"intended", "submitted", "unknown"}
RESTING = {"open", "partly_filled"}
OURS = "bt"  # b and the letter of mode testnet
pytestmark = pytest.mark.timeout(1_500 if FULL else 300)


@contextmanager
def an_exchange(path: Path, *more: str) -> Iterator[Beside]:
    """Serve in ``path`` until the end of the block; what it says at its end is in its log."""
    folder = Folder(path)
    folder.path.mkdir(exist_ok=True)
    folder.log.write_bytes(b"")
    arguments = ("--port", "0", "--state", "exchange.sqlite", "--keys", "keys", "--speed", str(SPEED), *more)
    with folder.running("local-exchange", *arguments) as process:
        folder.wait(process, lambda: "local exchange at " in folder.tail())
        url = folder.tail().partition("local exchange at ")[2].partition(",")[0]
        yield Beside(url, path / "keys", SPEED)


def run(path: Path, venue: Beside, cycles: int) -> Folder:
    """Run it as a supervisor does: a start that meets a fault ends with one line, and is tried again."""
    bot = Folder(path, {**venue.env, "BALLAST_CONFIG": "portfolio.yaml"})
    bot.path.mkdir(exist_ok=True)
    (bot.path / "portfolio.yaml").write_text(SLOW, encoding="utf-8")
    for _ in range(STARTS):
        done = bot.ballast("run", "--cycles", str(cycles))
        assert "Traceback" not in done.stderr, done.stderr[-3_000:]
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr[-3_000:]
    return bot


@pytest.mark.parametrize("seed", range(20) if FULL else [7])
def test_chaos_leaves_a_proven_record_and_once_it_is_over_record_and_venue_agree(seed: int, tmp_path: Path) -> None:
    with an_exchange(tmp_path / "exchange", "--chaos", str(seed)) as venue:
        run(tmp_path / "bot", venue, CYCLES).proven()
        told: dict[str, Any] = venue._get("/local/faults")  # noqa: SLF001 - the exchange's own path
    assert sum(told["bitten"].values()) >= 10
    assert len(told["bitten"]) >= 5
    assert "faults that bit: " in Folder(tmp_path / "exchange").tail()

    with an_exchange(tmp_path / "exchange") as venue:
        bot = run(tmp_path / "bot", venue, CALM)
        there = [row for row in venue.orders() if row["clientOrderId"].startswith(OURS)]
    rows = {row["client_id"]: row for row in bot.orders()}
    assert there
    assert [key for key, times in Counter(row["clientOrderId"] for row in there).items() if times > 1] == []
    assert {row["clientOrderId"] for row in there} == {key for key, row in rows.items() if row["state"] not in ABSENT}
    assert [row for row in rows.values() if row["state"] in UNSURE] == []
    over = [row for row in there if rows[row["clientOrderId"]]["state"] not in RESTING]
    filled = {row["clientOrderId"]: Decimal(row["executedQty"]) for row in over}
    assert {key: Decimal(rows[key]["filled"]) for key in filled} == filled
    bot.proven()
