"""`ballast shadow` over a bot that traded with the local exchange over HTTP, as a bot on a test venue does."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.e2e.folder import Folder

CONFIG = """
mode: testnet
cycle: 60s
venue: {id: binance, environment: local}
local: {scenario: random, seed: 3, speed: step, balances: {USDT: 100000}}
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.60, assets: {BTC: 0.6, ETH: 0.4}}
    others: {weight: 0.30, assets: [SOL]}
signals: {enabled: false}
stress: {enabled: false}
execution: {style: maker-then-taker}
pace: {increment_interval: 1m, turnover_per_day: 1.0, orders_per_minute: 100, orders_per_hour: 10000}
log: {level: warning, format: json}
"""


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    tmp_path = tmp_path_factory.mktemp("traded")
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    made = Folder(tmp_path, {"BALLAST_CONFIG": "config.yaml"})
    done = made.ballast("run", "--cycles", "14")
    assert done.returncode == 0, done.stderr[-2_000:]
    return made


def test_orders_before_the_day_asked_for_are_left_out(traded: Folder) -> None:
    assert traded.json("shadow")["orders"] > 0
    assert traded.json("shadow", "--from", "2099-01-01")["orders"] == 0


def test_the_engine_behind_the_test_venue_is_papers_own_so_the_gap_is_none_until_a_fill_is_worse(
    traded: Folder,
) -> None:
    before = traded.digest()
    body = traded.json("shadow")
    takers = body["takers"]
    assert takers["orders"] == takers["compared"] > 3
    assert takers["gap_bp"] == pytest.approx(0.0, abs=1e-9)
    assert takers["filled_share"] == takers["paper_filled_share"]
    # A cycle of a minute reads a quote while an order rests: paper fills those that were filled, and no others.
    makers = body["makers"]
    assert makers["told"] > 5
    assert makers["untold"] <= 3  # those of the last cycle, after which nothing was read: one an asset
    assert makers["both"] == makers["filled"]
    assert (makers["missed"], makers["only_really_filled"]) == (0, 0)
    assert body["gate"]["orders"] == takers["orders"] + makers["filled"]
    assert body["gate"]["fees_bp"] == pytest.approx(body["gate"]["fees_assumed_bp"], rel=0.1)
    assert traded.json("shadow") == body
    assert traded.digest() == before  # it looked and left all as it was

    with closing(sqlite3.connect(traded.path / "data" / "ballast.db")) as record, record:
        # Every buy as if the venue had filled it 0.1 % dearer than its book.
        record.execute("UPDATE fills SET price = CAST(price * 1.001 AS TEXT) WHERE CAST(qty AS REAL) > 0")
    worse = traded.json("shadow")["takers"]
    assert worse["gap_bp"] == pytest.approx(10.0, rel=0.1)
    assert worse["paper_slippage_bp"] == pytest.approx(takers["paper_slippage_bp"])
    shown = traded.ballast("shadow")
    assert shown.returncode == 0
    assert "gap 10.0" in " ".join(shown.stdout.split())
