"""Two processes of one machine at one exchange: the market is asked as often as by one alone."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path

from bot.clocks import ConstantClock
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import make_keys
from tests.unit.local_exchange.still_scene import an_exchange

ROUNDS = 5
EACH_ITS_OWN = ("exchangeInfo", "/time", "/feeds")  # of each process at its start: lists, and its clock is measured


async def asked_by(processes: int, folder: Path) -> Counter[str]:
    """What an exchange is asked by so many processes that read the same at the same time."""
    exchange, pair = an_exchange(usdt=1000), make_keys()
    clock = ConstantClock(exchange.now, 1.0)
    server = LocalExchange(exchange, clock, key=pair.key, secret=pair.secret, save=None)
    url = await server.start()
    arguments = (sys.executable, "-m", "tests.wire.reader", url, str(folder), str(ROUNDS))
    pipe = asyncio.subprocess.PIPE
    readers = [await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe) for _ in range(processes)]
    try:
        for each in readers:
            assert each.stdout is not None
            assert await each.stdout.readline() == b"ready\n"
        told = await asyncio.gather(*(each.communicate(b"go\n") for each in readers))
    finally:
        for each in readers:
            if each.returncode is None:
                each.kill()
        await server.stop()
    assert [out.decode().split()[-1] for out, _ in told] == [str(5 * ROUNDS)] * processes
    return Counter({path: count for path, count in server.requests_by_path.items() if not path.endswith(EACH_ITS_OWN)})


async def test_two_processes_ask_a_venue_what_one_does(tmp_path: Path) -> None:
    one = await asked_by(1, tmp_path / "one")
    assert one["GET /api/v3/klines"] == one["GET /api/v3/depth"] == 1
    two = await asked_by(2, tmp_path / "two")
    assert two == one
