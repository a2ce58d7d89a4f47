"""The daemon as a real process on a real file: it ends cleanly, survives being killed, and obeys the kill switch."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.engine.verify import Report, verify
from bot.ports.store import OrderRow
from bot.store.sql import SqlRecord

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("running.py")
PATIENCE_S = 60.0
pytestmark = pytest.mark.timeout(300)

CONFIG = """
mode: testnet
cycle: 10m
kill_switch: off
venue: {id: binance, environment: local}
local: {seed: 7, speed: 1200}
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.60, assets: {BTC: 0.6, ETH: 0.4}}
    others: {weight: 0.30, assets: [SOL, BNB]}
pace: {increment_interval: 10m}
"""


class Bot:
    """One data folder, and the processes that come and go on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "portfolio.yaml"
        self.file.write_text(CONFIG, encoding="utf-8")
        self.log = folder / "log.jsonl"
        self.running: subprocess.Popen[bytes] | None = None

    def start(self, *cycles: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                [sys.executable, str(SCRIPT), str(self.file), *cycles],
                cwd=self.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log,
            )  # fmt: skip
        return self.running

    def lines(self, event: str) -> list[dict[str, object]]:
        if not self.log.exists():
            return []
        found = []
        for line in self.log.read_text(encoding="utf-8").splitlines():
            try:
                body = json.loads(line)
            except ValueError:
                continue
            if body.get("event") == event:
                found.append(body)
        return found

    def wait_for(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not done():
            assert self.running is not None
            assert self.running.poll() is None, self.log.read_text(encoding="utf-8")[-3_000:]
            assert time.monotonic() < until, self.log.read_text(encoding="utf-8")[-3_000:]
            time.sleep(0.05)

    def cycles(self, count: int) -> None:
        """Wait until ``count`` more cycles were told."""
        before = len(self.lines("cycle"))
        self.wait_for(lambda: len(self.lines("cycle")) >= before + count)

    async def proven(self) -> tuple[Report, list[OrderRow]]:
        record = SqlRecord(f"sqlite+aiosqlite:///{self.folder}/data/ballast.db")
        try:
            return await verify(record), list(await record.orders(10_000))
        finally:
            await record.close()


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> None:
    time.sleep(seconds)
    process.kill()
    process.wait(10)


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    made = Bot(tmp_path)
    yield made
    if made.running is not None and made.running.poll() is None:
        made.running.kill()
        made.running.wait(10)


async def test_sigterm_ends_it_in_time_with_everything_recorded(bot: Bot) -> None:
    process = bot.start()
    bot.cycles(5)
    told_at = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert time.monotonic() - told_at < 8
    report, orders = await bot.proven()
    assert report.clean, report.lines
    assert orders
    assert not [row.intent.client_id for row in orders if row.state in ("submitted", "unknown", "intended")]
    # Whoever comes next neither waits for a lease nor starts anew.
    bot.start("2")
    assert bot.running is not None
    assert bot.running.wait(PATIENCE_S) == 0
    assert [line["fence"] for line in bot.lines("leads")] == [1, 2]
    again, _ = await bot.proven()
    assert again.decisions == report.decisions + 2


async def test_killed_at_random_moments_it_sends_nothing_twice_and_loses_nothing(bot: Bot) -> None:
    chance = random.Random(11)
    for _ in range(4):
        process = bot.start()
        bot.cycles(chance.randint(1, 3))
        kill_after(process, chance.random())
    bot.start("3")
    assert bot.running is not None
    assert bot.running.wait(PATIENCE_S) == 0, bot.log.read_text(encoding="utf-8")[-3_000:]
    report, orders = await bot.proven()
    assert report.clean, report.lines
    assert not [row.intent.client_id for row in orders if row.state in ("submitted", "intended")]
    assert sum(row.state == "filled" for row in orders) >= 4


async def test_a_halt_in_the_file_stops_the_running_bot_and_only_a_resume_lifts_it(bot: Bot) -> None:
    bot.start()
    bot.cycles(2)
    bot.file.write_text(CONFIG.replace("kill_switch: off", "kill_switch: halt"), encoding="utf-8")
    bot.wait_for(lambda: bool(bot.lines("own orders cancelled")))
    bot.file.write_text(CONFIG, encoding="utf-8")
    bot.cycles(4)
    halted = bot.lines("cycle")[-3:]
    assert [(line["kill"], line["sent"]) for line in halted] == [("halt", 0)] * 3
    assert bot.running is not None
    bot.running.send_signal(signal.SIGTERM)
    assert bot.running.wait(10) == 0
    report, _ = await bot.proven()
    assert report.clean, report.lines


def test_a_second_process_on_the_same_record_is_refused(bot: Bot) -> None:
    first = bot.start()
    bot.cycles(1)
    second = subprocess.run(
        [sys.executable, str(SCRIPT), str(bot.file)],
        cwd=bot.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert second.returncode != 0
    assert "another process on this machine runs portfolio 'main'" in second.stderr
    assert first.poll() is None
    bot.cycles(1)
