"""A process that reads a market as a fleet's worker does: ``python -m tests.wire.reader URL RUN_FOLDER ROUNDS``.

It says "ready", begins at the next line it is told, and ends by telling how much it was answered.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bot.ports.venue import Gap
from bot.settings import load_text
from bot.wiring_places import Places, nearby_of

TEXT = """
mode: paper
venue: {{environment: local, futures: true}}
local: {{url: "{url}", speed: 1}}
targets:
  stables: {{weight: 0.10, floor: 0.05}}
  sleeves: {{majors: {{weight: 0.90, assets: {{BTC: 0.5, ETH: 0.5}}}}}}
limits: {{age_max: {{quotes: 1h, funding: 2h}}}}
"""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def keep(_name: str, _state: bytes | None = None) -> bytes | None:
    return None


async def read(url: str, folder: Path, rounds: int) -> int:
    places = Places(nearby_of(folder))
    settings = load_text(TEXT.format(url=url), {})
    world = await places.world(settings, keep)
    answered = 0
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    begin = world.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for _ in range(rounds):
        market = world.market
        found = [
            await market.quotes(),
            await market.funding(),
            await market.candles("BTC/USDT", "1d", begin.replace(year=begin.year - 1), 100),
            await market.book("BTC/USDT", 20),
            await market.funding_history("BTC/USDT:USDT", begin),
        ]
        answered += sum(not isinstance(each, Gap) for each in found)
    await world.stack.aclose()
    await places.close()
    return answered


if __name__ == "__main__":
    say(str(asyncio.run(read(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))))
