"""Bars per second of the backtest over recorded prices: every hour decided, and quiet hours passed.

`python benchmarks/backtest.py [FOLDER] [HOURS]`; FOLDER (else MARKET_DATA/perp_1h) holds recorded candles. CPU
seconds of this process, loading left out. The plain job is bands alone; the full one is `config/tactical.yaml`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

from bot.backtest.run import run
from bot.settings import Settings, load
from bot.settings.loading import load_text
from bot.venues.simulated.tape import TapeScene
from bot.wiring_past import Span, past

TACTICAL: Final = Path(__file__).parents[1] / "config" / "tactical.yaml"
PLAIN: Final = """
mode: paper
cycle: 1h
targets:
  stables: {{weight: 0.05, floor: 0.0}}
  sleeves: {{all: {{weight: 0.95, assets: [{coins}]}}}}
signals: {{enabled: false}}
stress: {{enabled: false, majors: [{first}, {second}]}}
regime: {{index: {first}}}
triggers: {{band: {{points: 0.05, relative: 0.5}}, sleeve_band: {{points: null, relative: null}}}}
execution: {{style: taker}}
paper: {{balances: {{USDT: 1000000}}}}
"""


def plain(coins: list[str]) -> Settings:
    """A drift band over these coins, nothing else."""
    return load_text(PLAIN.format(coins=", ".join(coins), first=coins[0], second=coins[1]), {})


async def measured(name: str, settings: Settings, span: Span, *, screen: bool) -> float:
    """Bars per CPU second."""
    job = await past(settings, span, name=name, screen=screen)
    begun = time.process_time()
    result = await run(job)
    took = time.process_time() - begun
    decided = len(await job.parts.record.decisions(10_000_000))
    kind = "screened" if screen else "every bar"
    said = f"{name:<12} {kind:<10} {len(result.curve):>6} bars {decided:>6} decided {len(result.trades):>5} fills"
    print(f"{said} {took:8.2f} s {len(result.curve) / took:>9,.0f} bars/s")
    return len(result.curve) / took


def main(folder: Path, hours: int) -> None:
    """Measure each job both ways over the last ``hours`` of the folder."""
    scene = TapeScene(folder)
    end = scene.end or scene.start
    span = Span(folder, max(scene.start, end - timedelta(hours=hours)), end)
    coins = sorted({name.partition("/")[0] for name in scene.markets()})
    for name, settings in (
        (f"plain {len(coins)}", plain(coins)),
        ("plain 10", plain(coins[:10])),
        ("tactical", load(TACTICAL, {})),
    ):
        fast, slow = (asyncio.run(measured(name, settings, span, screen=screen)) for screen in (True, False))
        print(f"{name:<12} {fast / slow:.1f} x")


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(os.environ["MARKET_DATA"]) / "perp_1h"
    main(place, int(sys.argv[2]) if len(sys.argv) > 2 else 2_000)  # noqa: PLR2004 - arguments
