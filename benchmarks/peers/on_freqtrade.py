"""freqtrade's live iteration without a network: `FreqtradeBot.process()` on a new candle, dry run, SQLite in memory.

    python -m benchmarks.peers.on_freqtrade CANDLES.npy REPEATS     (in freqtrade's environment) prints a JSON line

CANDLES are (pairs, candles, 6): milliseconds, open, high, low, close, volume. They lie in memory, indicators are RSI,
two EMAs, MACD, ATR and a realised volatility: about what this bot reads of a bar. No pair is entered. `start`:
processor seconds from nothing to the first process() done; `resident_mb` and `peak_mb`: of this process after the last.
"""

# ruff: noqa: PLC0415 - what is imported is what is timed

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
import warnings
from pathlib import Path
from unittest.mock import MagicMock, PropertyMock, patch

import numpy as np

from benchmarks.peers.memory import resident

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
EXCHANGE = "freqtrade.exchange.exchange.Exchange"
STRATEGY = """
import talib.abstract as ta
from freqtrade.strategy import IStrategy


class Reads(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1h"
    minimal_roi = {"0": 100}
    stoploss = -0.99
    process_only_new_candles = False
    startup_candle_count = 200

    def populate_indicators(self, dataframe, metadata):
        dataframe["rsi"] = ta.RSI(dataframe)
        dataframe["fast"], dataframe["slow"] = ta.EMA(dataframe, timeperiod=50), ta.EMA(dataframe, timeperiod=200)
        dataframe["histogram"] = ta.MACD(dataframe)["macdhist"]
        dataframe["atr"] = ta.ATR(dataframe)
        dataframe["volatility"] = dataframe["close"].pct_change().rolling(24).std()
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 0
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = 0
        return dataframe
"""


def market(name: str) -> dict:
    """A spot market as ccxt lists one."""
    nothing = {"min": None, "max": None}
    return {
        "id": f"{name}USDT", "symbol": f"{name}/USDT", "base": name, "quote": "USDT", "active": True, "type": "spot",
        "spot": True, "swap": False, "future": False, "margin": False, "linear": None, "contract": False,
        "precision": {"price": 12, "amount": 8, "cost": 8}, "maker": 0.001, "taker": 0.001, "info": {},
        "limits": {each: dict(nothing) for each in ("amount", "price", "cost", "leverage")},
    }  # fmt: skip


def config(names: list[str], folder: str, *, strategy: str = "Reads", mode: str = "dry_run") -> dict:
    """A dry run over these pairs, or its past."""
    from freqtrade.enums import RunMode

    side = {"price_side": "same", "use_order_book": False}
    return {
        "dry_run": True, "runmode": RunMode(mode), "strategy": strategy, "strategy_path": folder,
        "user_data_dir": Path(folder), "datadir": Path(folder), "stake_currency": "USDT", "stake_amount": 100.0,
        "tradable_balance_ratio": 0.99, "dry_run_wallet": 100_000.0, "max_open_trades": len(names), "timeframe": "1h",
        "fee": 0.001, "db_url": "sqlite://", "pairlists": [{"method": "StaticPairList", "allow_inactive": True}],
        "exchange": {
            "name": "binance", "pair_whitelist": [f"{name}/USDT" for name in names], "pair_blacklist": [],
            "enable_ws": False, "key": "", "secret": "",
        },
        "entry_pricing": side, "exit_pricing": side, "original_config": {}, "export": "none", "internals": {},
        "unfilledtimeout": {"entry": 10, "exit": 10, "exit_timeout_count": 0, "unit": "minutes"},
        "candle_type_def": "spot", "dataformat_ohlcv": "feather", "dataformat_trades": "feather",
        "initial_state": "running", "trading_mode": "spot", "margin_mode": "", "timerange": "",
    }  # fmt: skip


def frames(names: list[str], candles: np.ndarray) -> dict:
    """Candles by pair, the last of them just closed."""
    import pandas as pd

    past = candles.shape[1]
    at = pd.date_range(end=pd.Timestamp.now(tz="UTC").floor("h") - pd.Timedelta(hours=1), periods=past, freq="h")
    made = {}
    for name, each in zip(names, candles, strict=True):
        frame = pd.DataFrame(each[:, 1:], columns=["open", "high", "low", "close", "volume"])
        frame.insert(0, "date", at)
        made[f"{name}/USDT"] = frame
    return made


def silenced(names: list[str]) -> None:
    """No call of the exchange leaves the process."""
    listed = PropertyMock(return_value={f"{name}/USDT": market(name) for name in names})
    silent = {name: MagicMock() for name in ("reload_markets", "validate_config", "validate_timeframes")}
    silent |= {name: MagicMock(return_value={}) for name in ("refresh_latest_ohlcv", "get_tickers", "fetch_ticker")}
    silent |= {"markets": listed, "check_time_offset": MagicMock(), "get_fee": MagicMock(return_value=0.001)}
    silent |= {name: PropertyMock(return_value=2) for name in ("precisionMode", "precision_mode_price")}
    for name, answer in silent.items():
        patch(f"{EXCHANGE}.{name}", answer).start()
    patch("freqtrade.exchange.binance.Binance.additional_exchange_init", MagicMock()).start()


def main(path: str, repeats: int) -> None:
    """Measure."""
    candles = np.load(path)
    pairs = len(candles)
    from freqtrade.enums import CandleType
    from freqtrade.freqtradebot import FreqtradeBot

    names = [f"C{number:03}" for number in range(pairs)]
    silenced(names)
    patch("freqtrade.freqtradebot.RPCManager", MagicMock()).start()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "reads.py").write_text(STRATEGY, encoding="utf-8")
        bot = FreqtradeBot(config(names, folder))
        for pair, frame in frames(names, candles).items():
            bot.exchange._klines[(pair, "1h", CandleType.SPOT)] = frame  # noqa: SLF001 - where a refresh puts them
        bot.process()
        start, seconds = time.process_time(), []
        for _ in range(repeats):
            at = time.process_time()
            bot.process()
            seconds.append(time.process_time() - at)
    seen, _ = bot.dataprovider.get_analyzed_dataframe(f"{names[0]}/USDT", "1h")
    if "volatility" not in seen.columns:
        raise SystemExit("freqtrade analysed nothing")
    told = {"engine": "freqtrade", "pairs": pairs, "seconds": seconds, "start": start, **resident()}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
