"""What is measured: one step is one process that tells of one or more engines on one width of a job."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from benchmarks.peers.environments import BACKTRADER, FREQTRADE, NAUTILUS, QUICK, ROOT, Environment

HERE = Path(__file__).parent
SECTIONS = ("backtest", "live", "start")
PROFILE = "profile"  # of ours
CYCLES = 20  # of the daemon and of freqtrade's bot before their memory is read
COINS_OF_THE_DAEMON = 4  # what the local exchange's portfolio holds
DAEMON = "bot.daemon, bot.wiring, bot.engine.cycle, bot.store.sql, bot.venues.ccxt.client"
BOT = "freqtrade.freqtradebot, freqtrade.exchange"
# Of the daemon and the bot: from nothing to a first cycle done, then what stays in memory.
HELP, VERSION = "`ballast --help`", "`freqtrade --version`"
IMPORTS, THEIR_IMPORTS = "the daemon's imports, ccxt with them", "freqtrade's bot, imported"
RUNS, THEIR_RUNS = "the daemon", "freqtrade's bot"


@dataclass(frozen=True)
class Step:
    """One process; ``module`` is of this package, or a command that is launched and measured from outside."""

    section: str
    width: int
    name: str
    module: str
    arguments: tuple[str, ...] = ()
    environment: Environment | None = None  # ours
    size: str = ""  # what else the figures depend on
    gives: tuple[str, ...] = ()
    once: bool = False
    extra: bool = False

    @property
    def key(self) -> str:
        """Under which its samples are kept."""
        return "/".join(part for part in (self.section, self.size, str(self.width), self.name) if part)

    @property
    def engines(self) -> tuple[str, ...]:
        """Whom it tells of."""
        return self.gives or (self.name,)

    def python(self) -> str:
        """The interpreter that it runs in."""
        return str(self.environment.python) if self.environment else sys.executable

    def command(self, folder: Path) -> list[str]:
        """What is run; FOLDER in an argument is where prices and candles lie."""
        arguments = [each.replace("FOLDER", str(folder)) for each in self.arguments]
        if self.module:
            return [self.python(), "-m", f"benchmarks.peers.{self.module}", *arguments]
        return [sys.executable, "-I", "-S", str(HERE / "launch.py"), self.python(), *arguments]

    def stamp(self) -> str:
        """Of the sources that its figures come from."""
        mine = HERE / (f"{self.module}.py" if self.module else "launch.py")
        shared = [HERE / "job.py", mine]
        if self.environment:
            return digest((*shared, self.environment.pins))
        beside = [*(ROOT / "benchmarks").glob("*.py"), HERE / "ours.py", ROOT / "requirements.lock"]
        return digest((*shared, *beside, *(ROOT / "bot").rglob("*.py")))

    def wanted(self, only: Sequence[str], *, extras: bool) -> bool:
        """Whether it was asked for by name; no name asks for all, but for the extras."""
        named = bool({self.name, *self.engines} & set(only))
        return named or ((not only or self.section in only) and (extras or not self.extra))


def digest(paths: Iterable[Path]) -> str:
    """Of files by name and content."""
    return _digest(tuple(sorted(set(paths))))


@cache
def _digest(paths: tuple[Path, ...]) -> str:
    made = hashlib.sha256()
    for path in paths:
        made.update(path.name.encode() + path.read_bytes())
    return made.hexdigest()[:16]


def backtests(coins: Sequence[int], bars: int) -> list[Step]:
    """Every engine on every width; at the narrowest ours is also profiled and decides every bar, once."""
    made = []
    for count in coins:
        prices = f"FOLDER/{bars}-{count}.npy"
        asked = [
            Step("backtest", count, "ballast", "on_ours", (prices, "1")),
            Step("backtest", count, "vectorbt", "on_vectorbt", (prices, "2"), QUICK, gives=("vectorbt", "numba loop")),
            Step("backtest", count, "bt", "on_bt", (prices, "1"), QUICK),
            Step("backtest", count, "NautilusTrader", "on_nautilus", (prices,), NAUTILUS, extra=True),
            Step("backtest", count, "backtrader", "on_backtrader", (prices,), BACKTRADER, extra=True),
            Step("backtest", count, "freqtrade", "on_freqtrade_past", (prices,), FREQTRADE, extra=True),
        ]
        if count == min(coins):
            asked.append(Step("backtest", count, "ballast, every bar", "on_ours", (prices, "1", "every"), once=True))
            asked.append(Step("backtest", count, PROFILE, "on_ours", (prices, "1", PROFILE), once=True))
        made += [replace(each, size=str(bars)) for each in asked]
    return made


def lives(pairs: Sequence[int]) -> list[Step]:
    """Our whole cycle and freqtrade's process() over the same candles; of the fewest pairs ours is also profiled."""
    made = []
    for count in pairs:
        candles = f"FOLDER/candles-{count}.npy"
        made += [
            Step("live", count, "ballast", "on_ours_live", (str(count), "9"), gives=("quiet", "new bar")),
            Step("live", count, "freqtrade", "on_freqtrade", (candles, "5"), FREQTRADE),
        ]
        if count == min(pairs):
            made.append(Step("live", count, PROFILE, "on_ours_live", (str(count), "9", PROFILE), once=True))
    return made


def starts() -> list[Step]:
    """Whole processes, from nothing; the daemon and the bot go on for some cycles."""
    count = COINS_OF_THE_DAEMON
    return [
        Step("start", 0, HELP, "", ("-m", "bot", "--help")),
        Step("start", 0, VERSION, "", ("-m", "freqtrade", "--version"), FREQTRADE),
        Step("start", 0, IMPORTS, "", ("-c", f"import {DAEMON}")),
        Step("start", 0, THEIR_IMPORTS, "", ("-c", f"import {BOT}"), FREQTRADE),
        Step("start", 0, PROFILE, "on_imports", once=True),
        Step("start", count, RUNS, "on_ours_daemon", (str(CYCLES),)),
        Step("start", count, THEIR_RUNS, "on_freqtrade", (f"FOLDER/candles-{count}.npy", str(CYCLES)), FREQTRADE),
    ]


def names(steps: Iterable[Step]) -> list[str]:
    """What may be asked for by name."""
    return sorted({each for step in steps for each in (step.section, *step.engines)}, key=str.lower)
