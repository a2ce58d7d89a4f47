"""What the processes of one machine may ask together: one budget, one quiet, nothing lost by a death or a bad file."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.ports.errors import RateLimited
from bot.venues.ccxt.limits import PATIENCE_S, Traffic
from bot.venues.shared.budget import DEBT_MOST_S, Budget
from tests.unit.venues.shared.meeting import Process, Time

TAKES = """
import asyncio, sys
from pathlib import Path
from bot.clocks import boot_id, boot_s
from bot.venues.shared.budget import Budget
from bot.venues.shared.run_folder import RunFolder

async def main():
    budget = Budget(RunFolder(Path(sys.argv[1]), boot_s, boot_id(), print), "address")
    for _ in range(int(sys.argv[2])):
        await asyncio.sleep(await budget.take("api", 1.0, per_s=100.0, most=10.0))
        print(boot_s(), flush=True)

asyncio.run(main())
"""
HOLDS = """
import sys, time
from pathlib import Path
from bot.clocks import boot_id, boot_s
from bot.venues.shared.run_folder import RunFolder

with RunFolder(Path(sys.argv[1]), boot_s, boot_id(), print).locked("address.api") as file:
    print(file is not None, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def pair(tmp_path: Path, time: Time) -> tuple[Process, Process]:
    return Process(tmp_path / "run", time), Process(tmp_path / "run", time)


def started(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)


async def take(budget: Budget, cost: float = 1.0, *, urgent: bool = False) -> float:
    return await budget.take("api", cost, per_s=2.0, most=10.0, urgent=urgent)


async def test_two_processes_take_no_more_than_one_would(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    both = [started(TAKES, str(tmp_path / "run"), "60") for _ in range(2)]
    took = [sorted(float(line) for line in each.communicate(timeout=60)[0].split()) for each in both]
    assert [len(each) for each in took] == [60, 60]
    times = sorted(at for each in took for at in each)
    for first, _ in enumerate(times):
        for last in range(first, len(times)):
            most = 10.0 + 100.0 * (times[last] - times[first]) + 3  # a timer may wake a little early
            assert last - first <= most
    assert times[-1] - times[0] > 1.0


async def test_a_read_waits_for_what_others_took_and_an_order_does_not(
    pair: tuple[Process, Process], time: Time
) -> None:
    one, two = (Budget(each.folder, "address") for each in pair)
    assert await take(one, 10) == 0.0
    assert await take(two, 4) == 0.0  # the bucket is empty, not in debt
    assert await take(one) == 2.0
    assert await take(two, 3, urgent=True) == 0.0
    assert await take(two) == 4.0
    time.forward(4.5)
    assert await take(one) == 0.0
    time.forward(3_600)
    assert await take(one, 10) == 0.0
    assert await take(two, 1) == 0.0
    assert await take(two, 1) == 0.5  # an hour's rest is no hour's tokens


async def test_nothing_is_taken_where_it_would_take_too_long(pair: tuple[Process, Process], time: Time) -> None:
    one, two = (Budget(each.folder, "address") for each in pair)
    await take(one, 30)
    for _ in range(3):
        assert await take(two, 1) == 10.0
    assert DEBT_MOST_S == PATIENCE_S
    traffic = Traffic(time, {"api": 10}, machine=two)
    with pytest.raises(RateLimited, match="this machine has asked too much: quiet for"):
        await traffic.take(1.0, 20.0, "api", 1.0, urgent=False)
    time.forward(9)
    assert await take(two, 1) == 1.0


async def test_what_the_venue_counts_goes_over_what_we_count(pair: tuple[Process, Process], time: Time) -> None:
    one, two = (Budget(each.folder, "address") for each in pair)
    common = Traffic(time, {"api": 6_000}, machine=one)
    ours = Traffic(time, {"api": 6_000}, common=common)
    ours.used("api", 5_900)
    assert await two.take("api", 100, per_s=85.0, most=600.0) == 0.0
    ours.used("api", 6_170)
    assert await two.take("api", 1, per_s=85.0, most=600.0) == 2.0
    ours.used("api", 100)  # a new minute: ours fill up as they do
    assert await two.take("api", 1, per_s=85.0, most=600.0) > 2.0


async def test_a_pause_of_one_process_stops_all_and_ends_by_itself(pair: tuple[Process, Process], time: Time) -> None:
    def a_key(process: Process, key: str) -> Traffic:
        common = Traffic(time, {}, machine=Budget(process.folder, "address"))
        return Traffic(time, {}, common=common, machine=Budget(process.folder, key))

    limited, other, same = a_key(pair[0], "key-1"), a_key(pair[1], "key-2"), a_key(pair[1], "key-1")
    limited.pause(30, "GET /api/v3/depth 429 Too many requests")
    for each in (other, same):
        with pytest.raises(RateLimited, match=r"quiet for 30\.0 s more: GET /api/v3/depth 429"):
            each.check()
    assert other.paused_until is not None
    time.forward(30)
    for each in (other, same):
        each.check(order=True)

    limited.pause(30, "too many orders", orders_only=True)
    with pytest.raises(RateLimited):
        same.check(order=True)
    same.check()
    other.check(order=True)  # orders are counted by account


@pytest.mark.parametrize("spoilt", [b"", b"half", b"\0" * 400])
async def test_a_record_that_is_broken_is_begun_anew(pair: tuple[Process, Process], spoilt: bytes) -> None:
    one, two = (Budget(each.folder, "address") for each in pair)
    await take(one, 12)
    one.pause(30, "quiet")
    (pair[0].path / "address.api").write_bytes(spoilt)
    (pair[0].path / "address").write_bytes(spoilt)
    assert two.quiet() == (0.0, "")
    assert await take(two, 12) == 0.0
    assert await take(one) == 1.0
    two.pause(5, "again")
    assert one.quiet() == (5.0, "again")


async def test_an_earlier_start_of_the_machine_is_of_no_account(pair: tuple[Process, Process], time: Time) -> None:
    await take(Budget(pair[0].folder, "address"), 30)
    Budget(pair[0].folder, "address").pause(30, "quiet")
    time.boot, time.machine_s = "second", 5.0
    again = Budget(pair[1].folder, "address")
    assert again.quiet() == (0.0, "")
    assert await take(again) == 0.0


async def test_where_no_record_can_be_kept_each_goes_by_itself(pair: tuple[Process, Process], time: Time) -> None:
    one, _ = pair
    budget = Budget(one.folder, "address")
    one.path.rmdir()
    assert await take(budget, 30) == await take(budget, 30) == 0.0
    traffic = Traffic(time, {}, machine=budget)
    traffic.pause(30, "429")
    with pytest.raises(RateLimited):
        traffic.check()
    assert len(one.told) == 1


async def test_a_process_that_dies_or_stands_still_with_the_record_keeps_nobody_off(
    pair: tuple[Process, Process],
) -> None:
    one, _ = pair
    budget = Budget(one.folder, "address")
    with started(HOLDS, str(one.path)) as holding:
        try:
            assert holding.stdout is not None
            assert holding.stdout.readline() == "True\n"
            holding.send_signal(signal.SIGSTOP)
            assert await take(budget, 30) == 0.0
            assert "is held by a process that stands still" in one.told[0]
        finally:
            holding.kill()
    await asyncio.to_thread(holding.wait, 10)
    await take(budget, 12)
    assert await take(budget) == 1.0
