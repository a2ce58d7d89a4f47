# noqa: INP001 - a script beside what it makes
"""Owns docs/presets.md: `python docs/presets.py FOLDER` tells what the presets' backtests in FOLDER/NAME came to.

`make presets` makes such a folder. Presets that are not in it are named as missing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bot.backtest.report import report
from bot.backtest.result import SUMMARY, read

HERE: Final = Path(__file__).resolve().parent
PAGE: Final = HERE / "presets.md"
KEPT: Final = "<!-- kept: what follows is written by hand -->"
NAMES: Final = ("tactical", "dynamic", "core-satellite", "momentum", "risk-parity")
PARTS: Final = ("held", "rebalancing", "hedges", "bridges", "fees", "spread", "funding", "savings", "unexplained")
RIVALS: Final = ("held", "calendar", "bands", "unhedged")
DAY: Final = 10  # characters of an instant
HEADS: Final = (
    "preset", "equity", "gain", "held", "calendar only", "bands only", "never hedged", "a year, 90 % of histories",
    "deepest fall", "held", "Sharpe", "held",
)  # fmt: skip
INTRO: Final = """\
# The presets over real prices

Each preset of `config/` over 22 Binance perpetuals, hourly, October 2020 to June 2023, with funding where it was
recorded (BTC and ETH throughout, nine more around November 2022): after 210 days of history, {since} to {until},
decided every {cycle} h, {cycles} decisions each. Every cycle is the daemon's own (paper composition, fees 0.1 % and
0.05 %, spreads and depth modelled from turnover); the account opens with 40,000 USDT and 0.6 BTC and buys its targets
in within the pace. Commit {commit}, `make presets`, which runs

```
ballast backtest --config config/tactical.yaml --data FOLDER --cycle {cycle}h --out DIR
```
"""


def main() -> None:
    """Write the page, keep what is written by hand below it."""
    folder = Path(sys.argv[1])
    bodies = {name: report(read(folder / name)) for name in NAMES if (folder / name / SUMMARY).exists()}
    if not bodies:
        sys.exit(f"{folder}: holds no backtest of a preset; `make presets` makes them")
    by_hand = PAGE.read_text(encoding="utf-8").partition(KEPT)[2]
    PAGE.write_text("\n".join(_page(bodies)) + f"\n{KEPT}{by_hand}", encoding="utf-8")


def _page(bodies: Mapping[str, Mapping[str, Any]]) -> list[str]:
    first = next(iter(bodies.values()))
    cycle = int(str(first["config"]["cycle"]).removesuffix("s")) // 3600
    losses = sum(body["figures"]["total"] < 0 for body in bodies.values())
    better = sum(body["figures"]["total"] > _rival(body, "held")["figures"]["total"] for body in bodies.values())
    missing = [name for name in NAMES if name not in bodies]
    lines = [
        INTRO.format(
            since=first["since"][:DAY],
            until=first["until"][:DAY],
            cycle=cycle,
            cycles=f"{first['cycles']:,}",
            commit=_commit(),
        ),
        f"{losses} of {len(bodies)} presets lost money; {better} of {len(bodies)} did better than their first targets,",
        "bought and held. The intervals are wide: two years prove no skill.",
        *([f"Not run: {', '.join(missing)}."] if missing else []),
        "",
        f"| {' | '.join(HEADS)} |",
        f"| --- | --- |{' --: |' * (len(HEADS) - 2)}",
        *(_gains(name, body) for name, body in bodies.items()),
        "",
        "Where the change came from, in USDT ([what the parts are](report.md)); every row adds up:",
        "",
        f"| preset | {' | '.join(PARTS)} | change |",
        f"| --- |{' --: |' * (len(PARTS) + 1)}",
        *(_parts(name, body) for name, body in bodies.items()),
        "",
        "What the same targets would have come to with plain bands of so many points of equity (gain, costs, trades):",
        "",
        f"| preset | {' | '.join(each['name'] for each in first['bands'])} |",
        f"| --- |{' --- |' * len(first['bands'])}",
        *(_bands(name, body) for name, body in bodies.items()),
        "",
        "| preset | actions by kind | orders | turnover a year | costs | tracking |",
        "| --- | --- | --- | --: | --: | --: |",
        *(_done(name, body) for name, body in bodies.items()),
        "",
    ]
    return lines + [line for name in bodies for line in _picture(name)]


def _rival(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return next(each for each in body["rivals"] if each["key"] == key)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("-", "−").replace("core−", "core-").replace("risk−", "risk-")


def _share(value: float | None) -> str:
    return "?" if value is None else f"{value:.0%}".replace("%", " %")


def _money(value: object) -> str:
    return f"{Decimal(str(value)):,.0f}"


def _gains(name: str, body: Mapping[str, Any]) -> str:
    mine, held = body["figures"], _rival(body, "held")["figures"]
    rivals = [_share(_rival(body, key)["figures"]["total"]) for key in RIVALS]
    between = mine["intervals"].get("cagr")
    sure = "too short" if between is None else f"{_share(between[0])} … {_share(between[1])}"
    sharpe = ["?" if each["sharpe"] is None else f"{each['sharpe']:.2f}" for each in (mine, held)]
    equity = f"{_money(body['equity']['first'])} to {_money(body['equity']['last'])}"
    falls = [_share(each["drawdown"]) for each in (mine, held)]
    return _row([name, equity, _share(mine["total"]), *rivals, sure, *falls, *sharpe])


def _parts(name: str, body: Mapping[str, Any]) -> str:
    values = {part["key"]: part["value"] for part in body["attribution"]["parts"]}
    return _row([name, *(_money(values[key]) for key in PARTS), _money(body["attribution"]["change"])])


def _bands(name: str, body: Mapping[str, Any]) -> str:
    cells = [
        f"{_share(each['figures']['total'])}, {_money(each['costs'])}, {each['trades']:,}" for each in body["bands"]
    ]
    return _row([name, *cells])


def _done(name: str, body: Mapping[str, Any]) -> str:
    def kinds(of: str, say: Callable[[str], str] = str) -> str:
        found = {key.partition(".")[2]: count for key, count in body["counts"].items() if key.startswith(f"{of}.")}
        return ", ".join(f"{say(kind)} {count:,}" for kind, count in sorted(found.items()))

    paid = sum(Decimal(body["traded"][each]) for each in ("fees", "slippage"))
    turnover = f"{body['traded']['turnover_per_year']:.1f} ×"
    return _row([name, kinds("actions"), kinds("orders"), turnover, _money(paid), _share(body["tracking"]["error"])])


def _picture(name: str) -> list[str]:
    file = f"img/report-{name}-desktop.png"
    return [f"![the report of {name}]({file})", ""] if (HERE / file).exists() else []


def _commit() -> str:
    asked = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - our own words


if __name__ == "__main__":
    main()
