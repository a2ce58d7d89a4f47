"""The whole rulebook over recorded prices: every hour decided, and quiet hours passed; whole decisions compared.

    python benchmarks/backtest.py [--hours 300] [--since 2021-05-01 ...] [--jobs tactical ...]
    python benchmarks/backtest.py --whole [--jobs tactical ...]

MARKET_DATA names the folder whose `perp_1h` holds candles and whose `funding` holds rates. Processor seconds of this
process, prices read before. The five presets by their names; `all` is every coin that is recorded under the tactical
rules, `plain` the bands alone. ``--whole`` plays all that is recorded, the presets unless others are named, and says on
the way how far it is. An hour that is not a hold (it acts or refuses) has to be decided however fast everything
else is: its share bounds what a screen can win. Ends with 1 where anything differs: decisions, fills,
payments, counts, memory or the equity curve.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from bot.backtest.result import Result
from bot.backtest.run import run
from bot.core.memory import Memory
from bot.settings import Settings, load
from bot.settings.loading import load_text
from bot.venues.simulated.tape import TapeScene
from bot.wiring_past import Span, past

CONFIGS: Final = Path(__file__).parents[1] / "config"
SINCE: Final = ("2021-05-10", "2022-05-01", "2023-02-01")
PRESETS: Final = ("tactical", "core-satellite", "dynamic", "momentum", "risk-parity")
TOLD_EVERY: Final = 500  # hours
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
    """A run: what came of it and is remembered, its processor seconds, and how many hours were decided."""

    result: Result
    memory: Memory
    seconds: float
    decided: int


def jobs(coins: list[str]) -> dict[str, Settings]:
    """The jobs by name, over the coins there are."""
    rest = [coin for coin in coins if coin not in ("BTC", "ETH")]
    every = ALL.format(mid=", ".join(rest[:10]), small=", ".join(rest[10:]))
    return {
        **{name: load(CONFIGS / f"{name}.yaml", {}) for name in PRESETS},
        "all": load_text(every, {}),
        "plain": load_text(PLAIN.format(coins=", ".join(coins)), {}),
    }


def telling(what: str) -> Callable[[int, int], None]:
    """Says on standard error how far a run is, and what processor time it takes to its end."""
    begun, heard = time.process_time(), [0]

    def told(done: int, of: int) -> None:
        if done and (done >= heard[0] + TOLD_EVERY or done == of):
            heard[0] = done
            spent = time.process_time() - begun
            left = spent / done * (of - done)
            print(f"{what}: {done:,} of {of:,} hours, {spent:.0f} s, {left:.0f} s to go", file=sys.stderr, flush=True)

    return told


async def lived(name: str, settings: Settings, span: Span, *, screen: bool, tell: bool) -> Lived:
    """One run."""
    job = await past(settings, span, name=name, screen=screen)
    told = telling(f"{name}, {'screened' if screen else 'every hour'}") if tell else None
    begun = time.process_time()
    result = await run(job, told=told)
    took = time.process_time() - begun
    return Lived(result, await job.parts.store.memory(), took, len(await job.parts.record.decisions(10_000_000)))


def differing(fast: Lived, slow: Lived) -> list[str]:
    """What the two runs do not have in common."""
    mine, other = fast.result, slow.result
    parts = {
        "decisions": mine.decisions == other.decisions,
        "fills": mine.trades == other.trades,
        "payments": mine.payments == other.payments,
        "counts": mine.counts == other.counts,
        "memory": fast.memory == slow.memory,
        "curve": np.array_equal(mine.curve.times_ms, other.curve.times_ms)
        and all(
            np.allclose(getattr(mine.curve, word), getattr(other.curve, word), rtol=1e-12, atol=2e-9, equal_nan=True)
            for word in ("equity", "liquid", "price", "spot", "futures", "target")
        ),
    }
    return [what for what, same in parts.items() if not same]


def compared(name: str, since: str, fast: Lived, slow: Lived) -> str:
    """A row of the table."""
    apart = differing(fast, slow)
    hours = len(slow.result.curve)
    busy = 1 - slow.result.counts.get("holds", 0) / hours
    parts = (
        name, since, f"{hours:,}", f"{busy:.0%}", f"{fast.decided / hours:.0%}", f"{slow.seconds:.1f} s",
        f"{fast.seconds:.1f} s", f"{slow.seconds / fast.seconds:.1f} ×", f"NO: {', '.join(apart)}" if apart else "yes",
    )  # fmt: skip
    return f"| {' | '.join(parts)} |"


def main() -> int:
    """Measure each job over each stretch, both ways; 1 where they differ."""
    options = argparse.ArgumentParser(description="The rulebook over recorded prices, every hour and screened.")
    options.add_argument("--hours", type=int, default=300)
    options.add_argument("--since", nargs="+", default=list(SINCE))
    options.add_argument("--jobs", nargs="+", default=None)
    options.add_argument("--whole", action="store_true", help="all that is recorded instead of stretches of it")
    given = options.parse_args()
    folder = Path(os.environ["MARKET_DATA"]) / "perp_1h"
    known = jobs(sorted({name.partition("/")[0] for name in TapeScene(folder).markets()}))
    asked = given.jobs or (PRESETS if given.whole else ("tactical", "core-satellite", "all", "plain"))
    print("| job | from | hours | not a hold | decided | every hour | screened | faster | same |")
    print("| --- | --- | --: | --: | --: | --: | --: | --: | --- |")
    alike = True
    for name in asked:
        for since in ("the first",) if given.whole else given.since:
            span = Span(folder)
            if not given.whole:
                begun = datetime.fromisoformat(since).replace(tzinfo=UTC)
                span = Span(folder, begun, begun + timedelta(hours=given.hours))
            fast, slow = (
                asyncio.run(lived(name, known[name], span, screen=screen, tell=given.whole)) for screen in (True, False)
            )
            alike &= not differing(fast, slow)
            print(compared(name, since, fast, slow), flush=True)
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
