from __future__ import annotations

import asyncio
import csv
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.core.events import Event
from bot.store.sql import SqlStore
from tests.unit.cli.ran import Ballast
from tests.unit.cli.recorded import MAIN, a_record
from tests.unit.cli.snapshots import a_config_file


@pytest.fixture
def config(ballast: Ballast) -> str:
    return str(a_config_file(ballast.folder))


def a_fill(trade: str, qty: str, price: str, *, day: int, symbol: str = "BTC/USDT") -> Event:
    body = {
        "client_id": None,
        "trade_id": trade,
        "symbol": symbol,
        "qty": qty,
        "price": price,
        "fee": "1",
        "fee_asset": "USDT",
        "fee_value": "1",
        "equity": "100000",
        "asset": symbol.partition("/")[0],
        "purpose": "spot",
    }
    return Event(f"fill:{symbol}:{trade}", datetime(2026, 1, day, tzinfo=UTC), "fill", body)


def a_flow(asset: str, amount: str, *, kind: str = "deposit", day: int = 1) -> Event:
    at = datetime(2026, 1, day, tzinfo=UTC)
    return Event(f"flow:{asset}:{day}", at, "flow", {"asset": asset, "amount": amount, "kind": kind})


async def a_book(ballast: Ballast, events: list[Event]) -> None:
    """A record with one sale of 0.06 BTC on the 10th at 50,000 (by `a_record`), and these events."""
    await a_record(ballast.folder)
    store = SqlStore(f"sqlite+aiosqlite:///{ballast.folder / 'data' / 'ballast.db'}", lambda: datetime.now(UTC))
    await store.open(MAIN, migrate=False)
    fence = await store.lead("test", 60)
    await store.append(events, fence)
    await store.release(fence)
    await store.close()


TWO_LOTS = [a_fill("b1", "0.05", "40000", day=1), a_fill("b2", "0.05", "48000", day=2)]


def test_a_sale_is_of_the_oldest_coins_or_of_the_dearest(ballast: Ballast, config: str) -> None:
    asyncio.run(a_book(ballast, TWO_LOTS))
    oldest = ballast("lots", "--config", config, "--json").json
    dearest = ballast("lots", "--config", config, "--method", "highest-cost", "--json").json
    assert (oldest["method"], dearest["method"]) == ("fifo", "highest-cost")
    gains = []
    for body in (oldest, dearest):
        sold = [each for each in body["lots"] if each["what"] == "sold"]
        assert sum(Decimal(each["amount"]) for each in sold) == Decimal("0.06")
        gains.append(sum(Decimal(each["gain"]) for each in sold))
        (held,) = [each for each in body["lots"] if each["what"] == "held"]
        assert held["amount"] == "0.04"
    assert gains[0] > gains[1] > 0


def test_the_table_has_what_is_held_what_was_sold_and_each_assets_gain(ballast: Ballast, config: str) -> None:
    asyncio.run(a_book(ballast, TWO_LOTS))
    ran = ballast("lots", "--config", config)
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert ran.code == 0
    assert "BTC 2026-01-02 0.04 48,020.00 1,920.80" in lines
    assert any(line.startswith("BTC 2026-01-10 2026-01-01 0.05 ") for line in lines)
    assert any(line.startswith("BTC gained ") and "unknown" not in line for line in lines)


def test_coins_sold_that_were_bought_before_the_record_have_no_cost_and_no_gain(ballast: Ballast, config: str) -> None:
    asyncio.run(a_book(ballast, []))
    (sold,) = ballast("lots", "--config", config, "--json").json["lots"]
    assert (sold["opened_at"], sold["cost"], sold["gain"]) == (None, None, None)
    assert "BTC gained ? USDT, and 1 of 1 sales whose gain is unknown." in ballast("lots", "--config", config).out


def test_coins_that_came_without_a_trade_are_a_lot_of_unknown_cost(ballast: Ballast, config: str) -> None:
    asyncio.run(a_book(ballast, [a_flow("BTC", "0.1"), a_flow("USDT", "500"), a_flow("ETH", "-1", kind="withdrawal")]))
    rows = ballast("lots", "--config", config, "--json").json["lots"]
    assert [(row["what"], row["asset"], row["amount"], row["cost"]) for row in rows] == [
        ("held", "BTC", "0.04", None),
        ("sold", "BTC", "0.06", None),
        ("sent", "ETH", "1", None),
    ]
    assert rows[0]["transferred"] is True


def test_csv_holds_the_same_and_nothing_a_spreadsheet_takes_for_a_formula(ballast: Ballast, config: str) -> None:
    bad = "=cmd|'/c calc'!A1"
    flow = Event("flow:bad", datetime(2026, 1, 1, tzinfo=UTC), "flow", {"asset": bad, "amount": "2", "kind": "deposit"})
    asyncio.run(a_book(ballast, [*TWO_LOTS, flow]))
    ran = ballast("lots", "--config", config, "--csv")
    rows = list(csv.DictReader(ran.out.splitlines()))
    body = ballast("lots", "--config", config, "--json").json["lots"]
    assert [row["amount"] for row in rows] == [each["amount"] for each in body]
    assert [row["gain"] for row in rows] == [each["gain"] or "" for each in body]
    assert {row["asset"] for row in rows} == {"BTC", f"'{bad}"}


def test_an_empty_record_says_that_there_are_no_lots(ballast: Ballast, config: str) -> None:
    ran = ballast("lots", "--config", config)
    assert ran.code == 1
    assert "`ballast run` makes one" in ran.err


def test_a_market_against_another_currency_is_named(ballast: Ballast, config: str) -> None:
    asyncio.run(a_book(ballast, [a_fill("t9", "1", "0.03", day=1, symbol="ETH/BTC")]))
    ran = ballast("lots", "--config", config)
    assert (ran.code, ran.out) == (1, "")
    assert "ETH/BTC is not traded against USDT" in ran.err


def test_csv_and_json_at_once_are_refused(ballast: Ballast, config: str) -> None:
    assert "must be one of the two" in ballast("lots", "--config", config, "--csv", "--json").err
