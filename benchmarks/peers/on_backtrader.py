"""The plain job on backtrader: a feed per coin, market orders filled at the close they were decided at.

    python -m benchmarks.peers.on_backtrader PRICES.npy     (in its own environment) prints a JSON line

Timed from the strategy's start, when the feeds have been read, to the end of the run.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta

import backtrader
import numpy as np
from backtrader.utils.date import date2num

from benchmarks.peers.job import BEGUN_MS, CASH, FEE, Rule, prices_of, reference


class Closes(backtrader.feed.DataBase):
    """A column of closes in memory."""

    params = (("column", None), ("times", None))

    def start(self) -> None:
        """Before the first bar."""
        super().start()
        self.at = 0

    def _load(self) -> bool:
        """One bar more."""
        if self.at >= len(self.p.times):
            return False
        close, lines = float(self.p.column[self.at]), self.lines
        lines.datetime[0] = self.p.times[self.at]
        lines.open[0] = lines.high[0] = lines.low[0] = lines.close[0] = close
        lines.volume[0] = lines.openinterest[0] = 0.0
        self.at += 1
        return True


class Fee(backtrader.CommInfoBase):
    """A purchase's fee comes out of the coins, so that it is one of what is received."""

    params = (("stocklike", True), ("commtype", backtrader.CommInfoBase.COMM_PERC), ("commission", FEE))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:  # noqa: ARG002, FBT001
        return abs(size) * price * (FEE / (1 - FEE) if size > 0 else FEE)


class Drifts(backtrader.Strategy):
    """Trades what the job's rule says."""

    def start(self) -> None:
        """The feeds have been read."""
        self.rule, self.curve, self.began = Rule(len(self.datas)), [], time.process_time()

    def next(self) -> None:
        """At every bar."""
        price = np.array([each.close[0] for each in self.datas])
        held = np.array([self.getposition(each).size for each in self.datas])
        cash = self.broker.getcash()
        self.curve.append(cash + float(held @ price))
        for coin, money in self.rule.due(price, held, cash):
            if money > 0:
                self.buy(self.datas[coin], size=money / price[coin] * (1 - FEE))
            else:
                self.sell(self.datas[coin], size=-money / price[coin])


def main(path: str) -> None:
    """Measure and compare the curve with the reference's."""
    closes = prices_of(path)
    begun = datetime.fromtimestamp(BEGUN_MS / 1e3, UTC).replace(tzinfo=None)
    times = [date2num(begun + timedelta(hours=hour)) for hour in range(len(closes))]
    brain = backtrader.Cerebro(stdstats=False)
    for coin, column in enumerate(closes.T):
        brain.adddata(Closes(column=column, times=times), name=f"C{coin:03}")
    brain.addstrategy(Drifts)
    brain.broker.setcash(CASH)
    brain.broker.addcommissioninfo(Fee())
    brain.broker.set_coc(True)  # at the close, not at the next bar's open
    (drifts,) = brain.run()
    seconds = [time.process_time() - drifts.began]
    apart = float(np.abs(np.array(drifts.curve) / reference(closes).equity - 1).max())
    print(json.dumps({"engine": "backtrader", "coins": closes.shape[1], "seconds": seconds, "apart": apart}))


if __name__ == "__main__":
    main(sys.argv[1])
