"""Our daemon as it trades: ccxt's client over HTTP to the local exchange, which is a process of its own.

    python -m benchmarks.peers.on_ours_daemon CYCLES     prints a JSON line

`start`: processor seconds from nothing to the first cycle recorded. `seconds`: of the cycles after it. `resident_mb`
and `peak_mb`: of this process after the last, read by itself.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

import bot.clocks
from benchmarks.peers.memory import resident
from benchmarks.soak_exchange import Stepped, beside
from bot.daemon import Daemon
from bot.settings import load
from bot.wiring import compose
from bot.wiring_host import set_up_logging

CONFIG = """
mode: testnet
cycle: 1h
venue: {id: binance, environment: local}
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.60, assets: {BTC: 0.5, ETH: 0.5}}
    others: {weight: 0.30, assets: [SOL, BNB]}
log: {level: warning, format: json}
"""
SEED = 7


async def measured(cycles: int, folder: Path) -> list[float]:
    """Processor seconds since the process began, at the end of each cycle."""
    file = folder / "portfolio.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    async with beside(folder, SEED) as exchange:
        env = {
            "BALLAST_STORE__URL": f"sqlite+aiosqlite:///{folder}/ballast.db",
            "BALLAST_LOCAL__URL": exchange.url,
            "BALLAST_LOCAL__SPEED": "1",
            "BALLAST_SECRETS_DIR": str(folder / "keys"),
        }
        # Venue time goes on as soon as a cycle has ended: nobody waits an hour for the next.
        bot.clocks.OffsetClock = lambda start, _speed: Stepped(start, exchange)  # type: ignore[assignment,misc]
        settings = load(file, env)
        set_up_logging(settings)
        body = await compose(settings, config_path=file, env=env)
        ended: list[float] = []
        code = await Daemon(body, on_cycle=lambda *_: ended.append(time.process_time())).run(cycles)
        if code or len(ended) != cycles:
            raise SystemExit(f"the daemon ended with {code} after {len(ended)} of {cycles} cycles")
        return ended


def main(cycles: int) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        ended = asyncio.run(measured(cycles, Path(folder)))
    later = [after - before for before, after in itertools.pairwise(ended)]
    print(json.dumps({"engine": "the daemon", "seconds": later, "start": ended[0], **resident()}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
