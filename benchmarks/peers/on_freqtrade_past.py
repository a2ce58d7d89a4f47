"""The plain job on freqtrade's backtesting: a trade per coin whose position is adjusted at the open after each close.

    python -m benchmarks.peers.on_freqtrade_past PRICES.npy     (in freqtrade's environment) prints a JSON line

A candle opens at the close before it, so that what freqtrade does at an open is done at the job's close. It takes a
purchase's fee out of the money and charges it when coins are sold: the fee is taken off its cash here, and a millionth
more is bought. It walks coins in their own order, not sales first, which counts only where cash is short.
"""

# ruff: noqa: PLC0415 - what is imported is patched first

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.peers.job import BEGUN_MS, CASH, FEE, Rule, prices_of, reference
from benchmarks.peers.on_freqtrade import config, silenced

STRATEGY = """
from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy


class Drifts(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1h"
    minimal_roi = {"0": 10**9}
    stoploss = -0.999999
    use_exit_signal = False
    startup_candle_count = 0
    position_adjustment_enable = True

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 0
        dataframe.loc[dataframe.index[0], "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe

    def custom_stake_amount(self, pair, current_time, current_rate, proposed_stake, **more):
        return self.job.opened(pair, current_time)

    def adjust_trade_position(self, trade, current_time, current_rate, current_profit, min_stake, max_stake, **more):
        if self.job.at != current_time:
            self.job.decide(current_time, Trade.get_trades_proxy(is_open=True), self.wallets.get_free("USDT"))
        money = self.job.wanted.pop(trade.pair, 0.0)
        if money < 0:  # a sale is asked for in what was paid for the coins
            return money / (trade.amount * current_rate) * trade.stake_amount
        return min(money, max_stake) or None
"""


class Job:
    """What is due at each candle."""

    def __init__(self, closes: np.ndarray, pairs: list[str]) -> None:
        """Nothing is held; the first bar's purchases are known."""
        self.closes, self.column = closes, {pair: at for at, pair in enumerate(pairs)}
        self.pairs, self.rule, self.curve = pairs, Rule(len(pairs)), [CASH]
        self.at: object = None
        self.wanted = {pairs[at]: money for at, money in self.rule.due(closes[0], np.zeros(len(pairs)), CASH)}

    def opened(self, pair: str, at: object) -> float:
        """Money for the first purchase, less its fee."""
        self.at = at
        return self.wanted.pop(pair) * (1 - FEE)

    def decide(self, at: object, trades: list, cash: float) -> None:
        """Value everything and ask the rule."""
        self.at = at
        price, held = self.closes[len(self.curve)], np.zeros(len(self.pairs))
        for each in trades:
            held[self.column[each.pair]] = each.amount
            cash -= each.amount * each.open_rate * each.fee_open  # what freqtrade charges when it sells
        self.curve.append(cash + float(held @ price))
        self.wanted = {
            self.pairs[one]: money * (1 - FEE if money > 0 else 1.0) for one, money in self.rule.due(price, held, cash)
        }


def frames(closes: np.ndarray, pairs: list[str]) -> dict:
    """A candle from each close to the next, and one more at the end."""
    import pandas as pd

    at = pd.date_range(pd.Timestamp(BEGUN_MS, unit="ms", tz="UTC"), periods=len(closes) + 1, freq="h")
    made = {}
    for pair, column in zip(pairs, closes.T, strict=True):
        opened, closed = np.concatenate((column[:1], column)), np.concatenate((column, column[-1:]))
        made[pair] = pd.DataFrame({
            "date": at, "open": opened, "high": np.maximum(opened, closed), "low": np.minimum(opened, closed),
            "close": closed, "volume": 1e12,
        })  # fmt: skip
    return made


def main(path: str) -> None:
    """Measure and compare the curve with the reference's."""
    closes = prices_of(path)
    names = [f"C{number:03}" for number in range(closes.shape[1])]
    pairs = [f"{name}/USDT" for name in names]
    silenced(names)
    from freqtrade.optimize.backtesting import Backtesting

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "drifts.py").write_text(STRATEGY, encoding="utf-8")
        asked = config(names, folder, strategy="Drifts", mode="backtest")
        asked |= {"dry_run_wallet": CASH, "tradable_balance_ratio": 1.0, "stake_amount": "unlimited", "fee": FEE}
        asked |= {"enable_protections": False, "backtest_cache": "none", "position_adjustment_enable": True}
        past = Backtesting(asked)
        strategy = past.strategylist[0]
        past._set_strategy(strategy)  # noqa: SLF001 - what its start() does before it loads candles from files
        strategy.job = Job(closes, pairs)
        candles = frames(closes, pairs)
        first, last = (candles[pairs[0]]["date"].iloc[at].to_pydatetime() for at in (0, -1))
        at = time.process_time()
        past.backtest(processed=strategy.advise_all_indicators(candles), start_date=first, end_date=last)
        seconds = [time.process_time() - at]
    curve = np.array(strategy.job.curve)
    apart = float(np.abs(curve / reference(closes).equity[: len(curve)] - 1).max())
    told = {"engine": "freqtrade", "coins": len(names), "seconds": seconds, "apart": apart, "bars": len(curve)}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
