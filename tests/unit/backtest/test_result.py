from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from bot.backtest.result import CURVE, Curve, Payment, Result, ResultError, Trade, read, write

AT = datetime(2026, 1, 5, tzinfo=UTC)


def curve(rows: int = 3, assets: tuple[str, ...] = ("BTC", "ETH")) -> Curve:
    times = np.arange(rows, dtype=np.int64) * 3_600_000
    block = np.arange(rows * len(assets), dtype=np.float64).reshape(rows, len(assets)) / 7
    equity = np.linspace(100, 110, rows)
    return Curve(times, equity, equity / 10, np.zeros(rows), assets, block, block, -block, block, block, block)


def result(**over: object) -> Result:
    trade = Trade(
        AT,
        "d1",
        "d1-1",
        "trim",
        "R-A3",
        "spot",
        "BTC/USDT",
        "BTC",
        Decimal("-0.1"),
        Decimal(50000),
        None,
        Decimal("5.0"),
    )
    given: dict[str, object] = {
        "name": "tactical",
        "config": {"cycle": "1h"},
        "currency": "USDT",
        "since": AT,
        "until": AT + timedelta(hours=2),
        "curve": curve(),
        "trades": (trade,),
        "payments": (Payment(AT, "funding", "BTC/USDT:USDT", Decimal("-0.25")),),
        "decisions": ({"decision_id": "d1", "actions": []},),
        "counts": {"cycles": 3},
        "notes": ("spot was played at perpetual prices",),
    }
    return Result(**{**given, **over})  # type: ignore[arg-type]


def test_a_result_comes_back_from_its_folder_as_it_was(tmp_path: Path) -> None:
    made = result()
    write(made, tmp_path / "out")
    back = read(tmp_path / "out")
    for name in ("name", "config", "currency", "since", "until", "trades", "payments", "decisions", "counts", "notes"):
        assert getattr(back, name) == getattr(made, name), name
    for name in ("times_ms", "equity", "liquid", "flows", "price", "spot", "futures", "target", "low", "high"):
        assert np.array_equal(getattr(back.curve, name), getattr(made.curve, name)), name


def test_what_was_unknown_comes_back_as_unknown(tmp_path: Path) -> None:
    made = result(curve=curve())
    made.curve.price[1, 0] = np.nan
    write(made, tmp_path)
    back = read(tmp_path).curve
    assert np.isnan(back.price[1, 0])
    assert not np.isnan(back.price[0]).any()


def test_a_curve_without_assets_is_a_curve(tmp_path: Path) -> None:
    write(result(curve=curve(assets=())), tmp_path)
    assert read(tmp_path).curve.price.shape == (3, 0)


def test_a_second_run_into_the_same_folder_replaces_the_first(tmp_path: Path) -> None:
    write(result(), tmp_path)
    write(result(name="dynamic", trades=()), tmp_path)
    assert (read(tmp_path).name, read(tmp_path).trades) == ("dynamic", ())


def test_net_is_spot_and_futures_together() -> None:
    assert not curve().net.any()


def test_a_missing_file_is_named_with_the_command_that_writes_it(tmp_path: Path) -> None:
    write(result(), tmp_path)
    (tmp_path / CURVE).unlink()
    with pytest.raises(ResultError, match=r"curve\.csv: is missing; `ballast backtest --out .*` writes it"):
        read(tmp_path)


def test_a_folder_of_something_else_is_one_line(tmp_path: Path) -> None:
    write(result(), tmp_path)
    (tmp_path / CURVE).write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ResultError, match=r"curve\.csv: has no column at, equity"):
        read(tmp_path)
    (tmp_path / "summary.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ResultError, match="is no result of `ballast backtest --out`"):
        read(tmp_path)
