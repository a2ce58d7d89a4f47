"""The whole rulebook over recorded prices: every hour decided, and quiet hours passed; whole decisions compared.

    python benchmarks/backtest.py [--hours 300] [--since 2021-05-01 ...] [--jobs tactical ...]

MARKET_DATA names the folder whose `perp_1h` holds candles and whose `funding` holds rates. Processor seconds of this
process, prices read before. `tactical` and `core-satellite` are those presets, `all` is every coin that is recorded
under the tactical rules, `plain` the bands alone. An hour that is not a hold (it acts, refuses or tells a fact) has to
be decided however fast everything else is: its share bounds what a screen can win.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bot.backtest.result import Result
from bot.backtest.run import run
from bot.settings import Settings, load
from bot.settings.loading import load_text
from bot.venues.simulated.tape import TapeScene
from bot.wiring_past import Span, past

CONFIGS: Final = Path(__file__).parents[1] / "config"
SINCE: Final = ("2021-05-10", "2022-05-01", "2023-02-01")
ALL: Final = """
mode: paper
cycle: 1h
targets:
  stables: {{weight: 0.15, floor: 0.05}}
  sleeves:
    majors: {{weight: 0.35, assets: {{BTC: 0.6, ETH: 0.4}}}}
    mid_caps: {{weight: 0.30, assets: [{mid}]}}
    narratives: {{weight: 0.20, assets: [{small}], narrative: true, cap: 0.25}}
triggers: {{calendar: monthly}}
windows: {{schedule: [Mon-Fri 06:00-22:00]}}
paper: {{balances: {{USDT: 100000}}}}
"""
PLAIN: Final = """
mode: paper
cycle: 1h
targets:
  stables: {{weight: 0.05, floor: 0.0}}
  sleeves: {{all: {{weight: 0.95, assets: [{coins}]}}}}
signals: {{enabled: false}}
stress: {{enabled: false, majors: [BTC, ETH]}}
triggers: {{band: {{points: 0.05, relative: 0.5}}, sleeve_band: {{points: null, relative: null}}}}
execution: {{style: taker}}
paper: {{balances: {{USDT: 100000}}}}
"""


@dataclass(frozen=True)
class Lived:
    """A run: what came of it, its processor seconds, how many hours were decided and how many of those were holds."""

    result: Result
    seconds: float
    decided: int


def jobs(coins: list[str]) -> dict[str, Settings]:
    """The jobs by name, over the coins there are."""
    rest = [coin for coin in coins if coin not in ("BTC", "ETH")]
    every = ALL.format(mid=", ".join(rest[:10]), small=", ".join(rest[10:]))
    return {
        "tactical": load(CONFIGS / "tactical.yaml", {}),
        "core-satellite": load(CONFIGS / "core-satellite.yaml", {}),
        "all": load_text(every, {}),
        "plain": load_text(PLAIN.format(coins=", ".join(coins)), {}),
    }


async def lived(name: str, settings: Settings, span: Span, *, screen: bool) -> Lived:
    """One run."""
    job = await past(settings, span, name=name, screen=screen)
    begun = time.process_time()
    result = await run(job)
    took = time.process_time() - begun
    return Lived(result, took, len(await job.parts.record.decisions(10_000_000)))


def compared(name: str, since: str, fast: Lived, slow: Lived) -> str:
    """A row of the table."""
    same = fast.result.decisions == slow.result.decisions and fast.result.trades == slow.result.trades
    hours = len(slow.result.curve)
    busy = 1 - slow.result.counts.get("holds", 0) / hours
    parts = (
        name, since, f"{hours:,}", f"{busy:.0%}", f"{fast.decided / hours:.0%}", f"{slow.seconds:.1f} s",
        f"{fast.seconds:.1f} s", f"{slow.seconds / fast.seconds:.1f} ×", "yes" if same else "NO",
    )  # fmt: skip
    return f"| {' | '.join(parts)} |"


def main() -> None:
    """Measure each job over each stretch, both ways."""
    options = argparse.ArgumentParser(description="The rulebook over recorded prices, every hour and screened.")
    options.add_argument("--hours", type=int, default=300)
    options.add_argument("--since", nargs="+", default=list(SINCE))
    options.add_argument("--jobs", nargs="+", default=["tactical", "core-satellite", "all", "plain"])
    given = options.parse_args()
    folder = Path(os.environ["MARKET_DATA"]) / "perp_1h"
    known = jobs(sorted({name.partition("/")[0] for name in TapeScene(folder).markets()}))
    print("| job | from | hours | not a hold | decided | every hour | screened | faster | same decisions |")
    print("| --- | --- | --: | --: | --: | --: | --: | --: | --- |")
    for name in given.jobs:
        for since in given.since:
            begun = datetime.fromisoformat(since).replace(tzinfo=UTC)
            span = Span(folder, begun, begun + timedelta(hours=given.hours))
            fast, slow = (asyncio.run(lived(name, known[name], span, screen=screen)) for screen in (True, False))
            print(compared(name, since, fast, slow), flush=True)


if __name__ == "__main__":
    main()
