from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.venues.simulated.recordings import COLUMNS, TapeError, read_candles
from tests.unit.backtest.tapes import bars, closes

pa = pytest.importorskip("pyarrow")
pa_feather = pytest.importorskip("pyarrow.feather")
pa_parquet = pytest.importorskip("pyarrow.parquet")
ROWS = {coin: bars(closes(price, 24, seed)) for seed, (coin, price) in enumerate({"BTC": 30_000, "ETH": 900}.items())}


def table(coin: str, *, long: bool = False) -> Any:
    columns = dict(zip(COLUMNS, ROWS[coin].T, strict=True))
    made = {name: pa.array(values) for name, values in columns.items()}
    return pa.table({**made, **({"symbol": pa.array([f"{coin}USDT"] * 24)} if long else {})})


def test_arrow_files_are_read_like_parquet(tmp_path: Path) -> None:
    pa_feather.write_feather(table("BTC"), tmp_path / "BTCUSDT.arrow")
    pa_parquet.write_table(table("ETH"), tmp_path / "ETHUSDT.parquet")
    found = read_candles(tmp_path)
    assert all(np.array_equal(found[coin], rows) for coin, rows in ROWS.items())


def test_one_long_file_holds_many_coins(tmp_path: Path) -> None:
    pa_parquet.write_table(pa.concat_tables([table(coin, long=True) for coin in ROWS]), tmp_path / "all.parquet")
    found = read_candles(tmp_path)
    assert found.keys() == ROWS.keys()
    assert all(np.array_equal(found[coin], rows) for coin, rows in ROWS.items())


def test_a_coin_in_a_long_file_and_in_its_own_is_refused(tmp_path: Path) -> None:
    pa_parquet.write_table(table("BTC", long=True), tmp_path / "all.parquet")
    pa_parquet.write_table(table("BTC"), tmp_path / "BTCUSDT.parquet")
    with pytest.raises(TapeError, match="BTC is recorded twice"):
        read_candles(tmp_path)


def test_a_symbol_in_another_currency_is_named(tmp_path: Path) -> None:
    long = table("BTC").append_column("symbol", pa.array(["BTCEUR"] * 24))
    pa_parquet.write_table(long, tmp_path / "all.parquet")
    with pytest.raises(TapeError, match="symbol 'BTCEUR' must be a coin and USDT"):
        read_candles(tmp_path)
