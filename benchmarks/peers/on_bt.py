"""The plain job on bt: one algo that trades what is due at each close.

python -m benchmarks.peers.on_bt PRICES.npy REPEATS     (in the peers' environment) prints a JSON line
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import bt
import numpy as np
import pandas as pd

from benchmarks.peers.job import CASH, FEE, Rule, prices_of, reference

warnings.filterwarnings("ignore")


def commission(quantity: float, price: float) -> float:
    """A purchase's fee comes out of the coins, so that it is one of what is received."""
    return abs(quantity) * price * (FEE / (1 - FEE) if quantity > 0 else FEE)


class Drifts(bt.Algo):
    """Trades what the job's rule says."""

    def __init__(self, closes: np.ndarray, names: list[str]) -> None:
        """One rule over these columns."""
        super().__init__()
        self.closes, self.names, self.bar = closes, names, 0
        self.rule = Rule(len(names))

    def __call__(self, target: bt.Strategy) -> bool:
        """At every bar."""
        price, kids = self.closes[self.bar], target.children
        self.bar += 1
        held = np.array([kids[name].position if name in kids else 0.0 for name in self.names])
        for coin, money in self.rule.due(price, held, target.capital):
            quantity = money / price[coin] * (1 - FEE if money > 0 else 1.0)
            target.transact(quantity, child=self.names[coin])
        return True


def main(path: str, repeats: int) -> None:
    """Measure and compare the curve with the reference's."""
    closes = prices_of(path)
    names = [f"C{number:03}" for number in range(closes.shape[1])]
    frame = pd.DataFrame(closes, columns=names, index=pd.date_range("2021-01-01", periods=len(closes), freq="h"))
    seconds = []
    for _ in range(repeats):
        test = bt.Backtest(
            bt.Strategy("plain", [Drifts(closes, names)], names), frame, initial_capital=CASH, commissions=commission,
            integer_positions=False, progress_bar=False,
        )  # fmt: skip
        at = time.process_time()
        test.run()
        seconds.append(time.process_time() - at)
    curve = test.strategy.values.to_numpy()[-len(closes) :]
    apart = float(np.abs(curve / reference(closes).after - 1).max())
    print(json.dumps({"engine": "bt", "coins": len(names), "seconds": seconds, "apart": apart}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
