"""The plain job on NautilusTrader: one pair and one stream of bars per coin, market orders filled at the bar's close.

    python -m benchmarks.peers.on_nautilus PRICES.npy     (in its own environment) prints a JSON line

The strategy decides once, when the last coin's bar of an hour has come. Coins are counted to eight digits, as money is.
Timed is the engine's run; bars are made and sorted before.
"""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FeeModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, CurrencyType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from benchmarks.peers.job import BEGUN_MS, CASH, DIGITS, FEE, HOUR_MS, Rule, prices_of, reference

SPOT = Venue("PLAIN")
LOT = 8  # digits of a quantity
DEEP, MOST = 1e12, 1e13  # money and coins a bar: no order of the job moves the price


class Fees(FeeModel):
    """A purchase's fee comes out of the coins, so that it is one of what is received."""

    def get_commission(self, order: object, quantity: Quantity, price: Price, _pair: object) -> Money:
        """In USDT."""
        rate = FEE / (1 - FEE) if order.side == OrderSide.BUY else FEE  # type: ignore[attr-defined]
        return Money(float(quantity) * float(price) * rate, USDT)


def pair(name: str, digits: int) -> CurrencyPair:
    """A coin against USDT."""
    coin, symbol = Currency(name, LOT, 0, name, CurrencyType.CRYPTO), Symbol(f"{name}USDT")
    nothing, rate = Decimal(0), Decimal(str(FEE))
    return CurrencyPair(
        instrument_id=InstrumentId(symbol, SPOT), raw_symbol=symbol, base_currency=coin, quote_currency=USDT,
        price_precision=digits, price_increment=Price(10.0**-digits, digits),
        size_precision=LOT, size_increment=Quantity(10.0**-LOT, LOT),
        margin_init=nothing, margin_maint=nothing, maker_fee=rate, taker_fee=rate, ts_event=0, ts_init=0,
    )  # fmt: skip


class Drifts(Strategy):
    """Trades what the job's rule says."""

    def __init__(self, pairs: list[CurrencyPair], kinds: list[BarType]) -> None:
        """Over these pairs."""
        super().__init__(StrategyConfig(strategy_id="DRIFTS-1"))
        self.pairs, self.kinds = pairs, kinds
        self.column = {kind: at for at, kind in enumerate(kinds)}
        self.coin = {each.id: at for at, each in enumerate(pairs)}
        self.rule, self.price, self.held = Rule(len(pairs)), np.zeros(len(pairs)), np.zeros(len(pairs))
        self.come, self.curve = 0, list[float]()

    def on_start(self) -> None:
        """Ask for every stream."""
        for kind in self.kinds:
            self.subscribe_bars(kind)

    def on_order_filled(self, event: object) -> None:
        """Coins came or went."""
        quantity, bought = float(event.last_qty), event.order_side == OrderSide.BUY  # type: ignore[attr-defined]
        self.held[self.coin[event.instrument_id]] += quantity if bought else -quantity  # type: ignore[attr-defined]

    def on_bar(self, bar: Bar) -> None:
        """At every bar; what is due is asked at an hour's last."""
        self.price[self.column[bar.bar_type]] = float(bar.close)
        self.come += 1
        if self.come < len(self.pairs):
            return
        self.come = 0
        cash = float(self.portfolio.account(SPOT).balance_total(USDT))
        self.curve.append(cash + float(self.held @ self.price))
        for coin, money in self.rule.due(self.price, self.held, cash):
            amount = abs(money) / self.price[coin] * (1 - FEE if money > 0 else 1.0)
            side = OrderSide.BUY if money > 0 else OrderSide.SELL
            quantity = self.pairs[coin].make_qty(amount, round_down=True)
            self.submit_order(self.order_factory.market(self.pairs[coin].id, side, quantity))


def bars_of(kind: BarType, column: np.ndarray, digits: int) -> list[Bar]:
    """One coin's bars, each at its close."""
    made = []
    for hour, close in enumerate(column.tolist()):
        price, at = Price(close, digits), (BEGUN_MS + hour * HOUR_MS) * 1_000_000
        made.append(Bar(kind, price, price, price, price, Quantity(min(MOST, DEEP / close), LOT), at, at))
    return made


def main(path: str) -> None:
    """Measure and compare the curve with the reference's."""
    closes = prices_of(path)
    digits = [max(0, DIGITS - 1 - int(np.floor(np.log10(column.min())))) for column in closes.T]
    pairs = [pair(f"C{coin:03}", each) for coin, each in enumerate(digits)]
    kinds = [BarType.from_str(f"{each.id}-1-HOUR-LAST-EXTERNAL") for each in pairs]
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id=TraderId("PLAIN-1"), logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=True), run_analysis=False,
        )
    )  # fmt: skip
    engine.add_venue(SPOT, OmsType.NETTING, AccountType.CASH, [Money(CASH, USDT)], fee_model=Fees())
    for each in pairs:
        engine.add_instrument(each)
    streams = [bars_of(kind, column, each) for kind, column, each in zip(kinds, closes.T, digits, strict=True)]
    engine.add_data([bar for hour in zip(*streams, strict=True) for bar in hour])
    drifts = Drifts(pairs, kinds)
    engine.add_strategy(drifts)
    at = time.process_time()
    engine.run()
    seconds = [time.process_time() - at]
    apart = float(np.abs(np.array(drifts.curve) / reference(closes).equity - 1).max())
    print(json.dumps({"engine": "NautilusTrader", "coins": len(pairs), "seconds": seconds, "apart": apart}))
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
