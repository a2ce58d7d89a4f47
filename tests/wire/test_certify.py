"""The acceptance run over a wire that can lie: what passes, what must not, and that nothing is ever left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.cli.certify import certified, cost_of, terms_of
from bot.clocks import ConstantClock
from bot.engine.certify import Item, Report, Verdict
from bot.local_exchange.app import Terms as Wire
from bot.local_exchange.server import LocalExchange
from bot.ports.errors import Fenced, Rejected
from bot.settings import Settings, load
from bot.venues.certificates import certificate_of, path_of, write_certificate
from bot.venues.simulated.exchange import Exchange, OrderRequest
from bot.venues.simulated.generated import make_scene
from bot.wiring import data_folder
from bot.wiring_host import locked
from tests.builders import D
from tests.e2e.eavesdropper import Eavesdropper, a_wire

KEY, SECRET = "k" * 64, "s" * 64
ENV = {"BALLAST_VENUE__API_KEY": KEY, "BALLAST_VENUE__SECRET": SECRET}
pytestmark = pytest.mark.timeout(180)


@dataclass
class Bench:
    """A live configuration beside an exchange that plays its venue."""

    settings: Settings
    wire: Eavesdropper
    told: list[Item] = field(default_factory=list)

    async def certified(self, *, limit: str | None = None, asset: str = "BTC", samples: int = 1) -> Report:
        terms = terms_of(self.settings, asset=asset, limit=D(limit) if limit else None, samples=samples)
        terms, _ = await cost_of(self.settings, terms, stand_in=self.wire.url)
        return await certified(self.settings, terms, self.told.append, stand_in=self.wire.url)

    def verdict(self, name: str) -> Verdict:
        return next(item.verdict for item in self.told if item.name == name)

    def sent(self) -> int:
        return sum(b"POST /api/v3/order" in request or b"POST /fapi/v1/order" in request for request in self.wire.asked)

    def nothing_is_left(self) -> None:
        exchange = self.wire.exchange
        assert exchange.open_orders() == []
        assert not exchange.positions()
        money, coins = exchange.balances()["USDT"], exchange.balances().get("BTC")
        assert money.locked == 0
        assert D(39_990) < money.free <= D(40_000)
        assert coins is None or coins.free < D("0.0001")


def a_configuration(folder: Path, *, futures: bool = True, venue: str = "binance") -> Settings:
    file = folder / "portfolio.yaml"
    file.write_text(
        "portfolio: real\nmode: live\n"
        f"venue: {{id: {venue}, environment: production, futures: {str(futures).lower()}}}\n"
        f'store: {{url: "sqlite+aiosqlite:///{folder}/live.db"}}\n'
        "targets:\n  stables: {weight: 0.5, floor: 0.05}\n  sleeves: {majors: {weight: 0.5, assets: [BTC]}}\n",
        encoding="utf-8",
    )
    return load(file, ENV)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with a_wire(KEY, SECRET, speed=1) as wire:
        yield Bench(a_configuration(tmp_path), wire)


async def test_a_sound_venue_passes_and_its_certificate_is_what_live_asks_for(bench: Bench) -> None:
    report = await bench.certified(samples=2)
    assert report.in_the_way == []
    assert {item.verdict for item in report.items} == {Verdict.PASS}
    assert report.account == "binance:1"
    assert len(report.items) == len({item.name for item in report.items})
    bench.nothing_is_left()
    folder = data_folder(bench.settings)
    write_certificate(folder, report.body())
    made = certificate_of(folder, "binance", futures=True)
    assert (made.version, made.at, made.futures) == (report.version, report.at, True)


async def test_one_wallet_and_answers_that_only_acknowledge_pass_over_bybits_wire(tmp_path: Path) -> None:
    settings = a_configuration(tmp_path, venue="bybit")
    exchange = Exchange(make_scene("tour", 3), opening={"USDT": D(40_000)})
    server = LocalExchange(
        exchange, ConstantClock(exchange.now, 1), key=KEY, secret=SECRET, save=None, terms=Wire(unified=True)
    )
    url = await server.start()
    try:
        terms, _ = await cost_of(settings, terms_of(settings, asset="BTC", samples=1), stand_in=url)
        report = await certified(settings, terms, lambda _item: None, stand_in=url)
    finally:
        await server.stop()
    assert report.in_the_way == []
    assert report.account == "bybit:1"
    said = {item.name: item for item in report.items}
    assert "the answer is an acknowledgement" in said["client id"].evidence
    assert said["nothing left"].evidence.startswith("no order of it")
    assert {name for name, item in said.items() if item.verdict == Verdict.UNKNOWN} == {"transfer", "transfer back"}
    assert exchange.open_orders() == []
    assert exchange.positions() == []


async def test_a_venue_without_perpetuals_wanted_is_tried_on_spot_alone(bench: Bench, tmp_path: Path) -> None:
    spot = Bench(a_configuration(tmp_path, futures=False), bench.wire)
    report = await spot.certified()
    assert report.passed
    assert not [request for request in bench.wire.asked if b"POST /fapi" in request or b"asset/transfer" in request]
    write_certificate(data_folder(spot.settings), report.body())
    assert not certificate_of(data_folder(spot.settings), "binance").futures


async def test_a_client_id_that_does_not_come_back_fails_and_its_order_is_taken_out(bench: Bench) -> None:
    bench.wire.change = lambda text: text.replace(b'lientOrderId":"bc', b'lientOrderId":"zz')
    report = await bench.certified()
    assert not report.passed
    assert bench.verdict("client id") == Verdict.FAIL
    assert bench.sent() > 0
    bench.nothing_is_left()
    path = write_certificate(data_folder(bench.settings), report.body())
    with pytest.raises(Exception, match="does not say that binance passed"):
        certificate_of(path.parent.parent, "binance")


async def test_a_fee_that_is_not_the_markets_fails(bench: Bench) -> None:
    bench.wire.change = lambda text: text.replace(b'"takerCommission":"0.001"', b'"takerCommission":"0.000"')
    report = await bench.certified()
    assert [item.name for item in report.in_the_way] == ["fees"]
    bench.nothing_is_left()


async def test_a_position_of_another_size_than_was_filled_fails_and_is_closed(bench: Bench) -> None:
    seen: list[bytes] = []

    def doubled(text: bytes) -> bytes:
        if b'"positionAmt":"-0.002"' in text and len(seen) < 1:
            seen.append(text)
            return text.replace(b'"positionAmt":"-0.002"', b'"positionAmt":"-0.004"')
        return text

    bench.wire.change = doubled
    report = await bench.certified()
    assert seen
    assert bench.verdict("short") == Verdict.FAIL
    assert not report.passed
    bench.nothing_is_left()


async def test_a_key_that_can_withdraw_ends_it_before_the_first_order(bench: Bench) -> None:
    bench.wire.change = lambda text: text.replace(b'"enableWithdrawals":false', b'"enableWithdrawals":true ')
    report = await bench.certified()
    assert bench.verdict("key") == Verdict.FAIL
    assert not report.passed
    assert bench.sent() == 0


@pytest.mark.parametrize("at", ["client id", "look-up, filled", "transfer", "short"])
async def test_ended_in_the_middle_it_takes_away_what_it_made(bench: Bench, at: str) -> None:
    terms, _ = await cost_of(bench.settings, terms_of(bench.settings, asset="BTC", samples=1), stand_in=bench.wire.url)

    def tell(item: Item) -> None:
        bench.told.append(item)
        if item.name == at:
            task.cancel()

    task = asyncio.ensure_future(certified(bench.settings, terms, tell, stand_in=bench.wire.url))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (bench.told[-1].name, bench.told[-1].verdict) == ("nothing left", Verdict.PASS)
    assert "transfer back" not in {item.name for item in bench.told}
    bench.nothing_is_left()


async def test_what_a_killed_run_left_is_cancelled_and_a_strangers_order_is_not(bench: Bench) -> None:
    place = bench.wire.exchange.place
    place(OrderRequest("BTC/USDT", "buy", "limit", amount=D("0.001"), price=D(50_000), client_id="bcleftover"))
    place(OrderRequest("BTC/USDT", "buy", "limit", amount=D("0.001"), price=D(50_000), client_id="by-hand"))
    report = await bench.certified()
    assert report.passed
    assert [order.client_id for order in bench.wire.exchange.open_orders()] == ["by-hand"]


async def test_a_position_that_is_there_already_is_not_touched(bench: Bench) -> None:
    bench.wire.exchange.transfer("USDT", D(1_000), "spot", "futures")
    bench.wire.exchange.place(OrderRequest("BTC/USDT:USDT", "sell", "market", amount=D("0.002"), client_id="by-hand"))
    with pytest.raises(Rejected, match=r"there is a position of -0\.002 BTC/USDT:USDT: name another --asset"):
        await bench.certified()
    assert bench.sent() == 0


async def test_a_limit_under_what_a_run_needs_is_refused(bench: Bench) -> None:
    with pytest.raises(Rejected, match=r"a run on BTC/USDT needs \d+\.\d\d USDT at stake, the limit is 20"):
        await bench.certified(limit="20")
    with pytest.raises(Rejected, match=r"NOPE/USDT, NOPE/USDT:USDT: not listed here"):
        await bench.certified(asset="NOPE")
    assert bench.sent() == 0


async def test_beside_a_bot_at_work_it_does_not_start(bench: Bench) -> None:
    lock, _ = locked(bench.settings, data_folder(bench.settings))
    with lock, pytest.raises(Fenced, match="another process on this machine runs portfolio 'real'"):
        await bench.certified()
    assert bench.sent() == 0


def test_the_built_in_exchange_certifies_nobody(tmp_path: Path) -> None:
    body = {"venue": "binance", "environment": "local", "at": "2026-01-01T00:00:00Z", "version": "1", "passed": True}
    written = write_certificate(tmp_path, body)
    assert written != path_of(tmp_path, "binance")
    with pytest.raises(Exception, match="needs a certificate of binance"):
        certificate_of(tmp_path, "binance")
    written.rename(path_of(tmp_path, "binance"))
    with pytest.raises(Exception, match="is of the built-in exchange"):
        certificate_of(tmp_path, "binance")


def test_a_certificate_of_spot_alone_is_none_for_perpetuals(tmp_path: Path) -> None:
    body = {"venue": "binance", "environment": "demo", "at": "2026-01-01T00:00:00Z", "version": "1", "passed": True}
    write_certificate(tmp_path, body | {"futures": False})
    assert certificate_of(tmp_path, "binance").version == "1"
    with pytest.raises(Exception, match=r"is about spot only, and venue\.futures is true"):
        certificate_of(tmp_path, "binance", futures=True)
