"""The plain job on vectorbt: a cash-sharing group whose orders one numba function sizes per bar; and a bare numba loop.

    python -m benchmarks.peers.on_vectorbt PRICES.npy REPEATS     (in the peers' environment) prints a JSON line each

The first call compiles and is told apart. The bare loop is what a machine can do that records nothing.
"""

# ruff: noqa: ANN001, ANN201, ARG001 - what numba compiles says nothing of types

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
import vectorbt as vbt
from numba import njit
from vectorbt.portfolio import nb

from benchmarks.peers.job import CASH, FEE, HALF, NEAR, SLACK, band, prices_of, reference, targets

warnings.filterwarnings("ignore")


@njit
def valued(price, held, cash, target, width, moving):
    """What all is worth, and whether something may be due: most bars ask no more than this."""
    worth = cash
    for one in range(len(price)):
        worth += held[one] * price[one]
    due = False
    for one in range(len(price)):
        drift = held[one] * price[one] / worth - target[one]
        due |= (moving[one] != 0) | (abs(drift) >= width[one] - SLACK)
    return worth, due


@njit
def sized(price, held, cash, target, width, moving, wanted):
    """What one bar trades, in money by coin (``wanted``), and the order to trade it in; empty where nothing is due."""
    coins = len(price)
    worth = cash
    for one in range(coins):
        worth += held[one] * price[one]
    due, sold = False, False
    drift = np.empty(coins)
    for one in range(coins):
        drift[one] = held[one] * price[one] / worth - target[one]
        if moving[one] != 0 and -moving[one] * drift[one] <= NEAR:
            moving[one] = 0
        due |= moving[one] != 0 or abs(drift[one]) >= width[one] - SLACK
        sold |= moving[one] < 0 or drift[one] >= width[one] - SLACK
    if not due:
        return np.empty(0, np.int64)
    rank = np.empty(coins)
    count = 0
    for one in range(coins):
        wanted[one] = 0.0
        rank[one] = np.inf
        over = moving[one] < 0 or drift[one] >= width[one] - SLACK
        edge = HALF * width[one] if sold else width[one]
        under = moving[one] > 0 or drift[one] <= -edge + SLACK
        moving[one] = 1.0 if under else (-1.0 if over else 0.0)
        if moving[one] != 0:
            rank[one] = (1e6 if drift[one] < 0 else 0.0) - abs(drift[one] / width[one])
            count += 1
    order = np.argsort(rank)[:count]
    for one in order:
        money = -drift[one] * worth
        if money > 0:
            money = min(money, max(0.0, cash) / (1 + FEE))
            cash -= money
        else:
            cash -= money * (1 - FEE)
        wanted[one] = money
    return order


@njit
def loop(closes, cash, target, width):
    """The whole job and its equity curve, nothing recorded."""
    bars, coins = closes.shape
    held, moving, wanted = np.zeros(coins), np.zeros(coins), np.zeros(coins)
    equity = np.empty(bars)
    for bar in range(bars):
        price = closes[bar]
        equity[bar], due = valued(price, held, cash, target, width, moving)
        if not due:
            continue
        for one in sized(price, held, cash, target, width, moving, wanted):
            money = wanted[one]
            held[one] += money / price[one] * (1 - FEE if money > 0 else 1.0)
            cash -= money if money > 0 else money * (1 - FEE)
    return equity


@njit
def begun(c, coins):
    """State of the group: what moves, what is wanted."""
    return np.zeros(coins), np.zeros(coins)


@njit
def decided(c, moving, wanted, target, width):
    """Sizes the bar's orders from holdings and cash, and puts them in order."""
    price, cash = c.close[c.i], c.last_cash[c.group]
    _, due = valued(price, c.last_position, cash, target, width, moving)
    if not due:
        wanted[:] = 0.0
        return (wanted,)
    order = sized(price, c.last_position, cash, target, width, moving, wanted)
    place = 0
    if len(order) == 0:
        wanted[:] = 0.0
    else:
        chosen = np.zeros(c.group_len, np.bool_)
        for one in order:
            c.call_seq_now[place] = one
            chosen[one] = True
            place += 1
        for one in range(c.group_len):
            if not chosen[one]:
                c.call_seq_now[place] = one
                place += 1
    return (wanted,)


@njit
def ordered(c, wanted):
    """One coin's order; a purchase's fee comes out of the coins."""
    money, price = wanted[c.col], c.close[c.i, c.col]
    if money == 0.0:
        return nb.order_nothing_nb()
    if money > 0:
        return nb.order_nb(size=money * (1 - FEE) / price, price=price, fees=FEE / (1 - FEE))
    return nb.order_nb(size=money / price, price=price, fees=FEE)


def simulated(frame: pd.DataFrame) -> np.ndarray:
    """The equity curve that vectorbt gives."""
    bars, coins = frame.shape
    target = targets(coins)
    made = vbt.Portfolio.from_order_func(
        frame, ordered,
        pre_group_func_nb=begun, pre_group_args=(coins,),
        pre_segment_func_nb=decided, pre_segment_args=(target, band(target)),
        init_cash=CASH, group_by=True, cash_sharing=True, call_seq="default", freq="1h", max_orders=bars * 2,
        update_value=False, ffill_val_price=False, fill_pos_record=False, attach_call_seq=False,
    )  # fmt: skip
    return made.value().to_numpy()


def timed(run, repeats: int) -> tuple[np.ndarray, float, list[float]]:
    """The curve, seconds of the first call, and of ``repeats`` more."""
    seconds = []
    for _ in range(repeats + 1):
        at = time.process_time()
        curve = run()
        seconds.append(time.process_time() - at)
    return curve, seconds[0], seconds[1:]


def main(path: str, repeats: int) -> None:
    """Measure both and compare their curves with the reference's."""
    closes = prices_of(path)
    coins = closes.shape[1]
    asked = reference(closes)
    frame = pd.DataFrame(closes, index=pd.date_range("2021-01-01", periods=len(closes), freq="h"))
    target = targets(coins)
    runs = {
        "vectorbt": (lambda: simulated(frame), asked.after),
        "numba loop": (lambda: loop(closes, CASH, target, band(target)), asked.equity),
    }
    for name, (run, course) in runs.items():
        curve, first, seconds = timed(run, repeats)
        apart = float(np.abs(curve / course - 1).max())
        print(json.dumps({"engine": name, "coins": coins, "seconds": seconds, "first": first, "apart": apart}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
