"""`ballast data` from outside: a recorded past fetched over the wire of the local exchange, and looked at."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from bot.venues.simulated.recordings import read_candles, read_funding
from tests.e2e.folder import Folder
from tests.unit.backtest.tapes import BEGUN, CONFIG, tape

pa_parquet = pytest.importorskip("pyarrow.parquet")
HOURS = 24 * 60
START = BEGUN + timedelta(days=55)


def bot(folder: Path) -> Folder:
    made = tape(folder / "tape", hours=HOURS)
    local = f"local: {{tape: {made}, start: {START.date().isoformat()}, speed: step}}\n"
    (folder / "config.yaml").write_text(CONFIG + local, encoding="utf-8")
    return Folder(folder, {"BALLAST_CONFIG": "config.yaml"})


def fetched(mine: Folder, *arguments: str) -> list[dict[str, object]]:
    done = mine.ballast("data", "fetch", "--from", BEGUN.isoformat(), "--out", "got", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    body: list[dict[str, object]] = json.loads(done.stdout)
    return body


def test_what_is_fetched_is_what_was_recorded_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    mine = bot(tmp_path)
    assert fetched(mine, "--symbols", "BTC,eth", "--to", (BEGUN + timedelta(days=10)).isoformat()) == [
        {"coin": "BTC", "bars": 240, "fresh": 240, "missing": 0},
        {"coin": "ETH", "bars": 240, "fresh": 240, "missing": 0},
    ]
    upto = 55 * 24
    assert fetched(mine, "--symbols", "BTC") == [{"coin": "BTC", "bars": upto, "fresh": upto - 240, "missing": 0}]
    assert fetched(mine, "--symbols", "BTC") == [{"coin": "BTC", "bars": upto, "fresh": 0, "missing": 0}]
    theirs, mine_read = read_candles(tmp_path / "tape"), read_candles(tmp_path / "got")
    assert np.allclose(mine_read["BTC"], theirs["BTC"][:upto], rtol=1e-6)
    assert np.allclose(mine_read["ETH"], theirs["ETH"][:240], rtol=1e-6)
    rates, recorded = read_funding(tmp_path / "got"), read_funding(tmp_path / "tape")
    count = len(rates["BTC"].rates)
    assert count > 100
    assert rates["BTC"].rates == recorded["BTC"].rates[-count:] or rates["BTC"].rates == recorded["BTC"].rates[:count]
    checked = mine.ballast("data", "check", "got", "--json")
    assert checked.returncode == 0, checked.stdout
    assert [item["findings"] for item in json.loads(checked.stdout)] == [[], []]


def test_an_interrupted_fetch_keeps_what_it_had(tmp_path: Path) -> None:
    mine = bot(tmp_path)
    fetched(mine, "--symbols", "BTC", "--spot", "--to", (BEGUN + timedelta(days=5)).isoformat())
    path = tmp_path / "got" / "BTCUSDT.parquet"
    half = pa_parquet.read_table(path).slice(0, 50)
    pa_parquet.write_table(half, path)
    (tmp_path / "got" / "BTCUSDT.half").write_bytes(b"cut off")
    assert fetched(mine, "--symbols", "BTC", "--spot", "--to", (BEGUN + timedelta(days=5)).isoformat()) == [
        {"coin": "BTC", "bars": 120, "fresh": 70, "missing": 0}
    ]


def test_what_cannot_be_fetched_or_checked_is_one_line(tmp_path: Path) -> None:
    mine = bot(tmp_path)
    cases = {
        ("fetch", "--symbols", "NONE", "--from", "2021-01-01", "--out", "got"): "the venue lists no such perpetual",
        ("fetch", "--symbols", " ", "--from", "2021-01-01", "--out", "got"): "--symbols: is empty",
        ("fetch", "--symbols", "BTC", "--from", "never", "--out", "got"): "--from: 'never' is no date",
        ("check", "nowhere"): "nowhere: holds no candles",
    }
    for arguments, told in cases.items():
        done = mine.ballast("data", *arguments)
        assert (done.returncode, done.stdout) == (1, ""), arguments
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert told in done.stderr
