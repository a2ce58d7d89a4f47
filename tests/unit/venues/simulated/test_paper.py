"""A paper account stands in what was seen of a market, and in nothing else."""

from __future__ import annotations

from datetime import timedelta

from bot.core.snapshot import Book, Funding, Ticker
from bot.ports.venue import Gap, MarketData
from bot.venues.simulated.exchange import Exchange, IncomeKind, RefusalCode
from bot.venues.simulated.paper import ObservedMarket, ObservedScene
from bot.venues.simulated.venue import SimulatedVenue
from tests.unit.venues.simulated.accounts import HandClock, an_exchange, an_order, refusal_of
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, D, StillScene, minutes


def a_ticker(price: str, *, spread: str = "0.2", volume: str | None = "2000000") -> Ticker:
    half = D(spread) / 2
    return Ticker(
        bid=D(price) - half, ask=D(price) + half, last=D(price), quote_volume=None if volume is None else D(volume)
    )


def a_paper_account(scene: ObservedScene | None = None) -> tuple[Exchange, ObservedScene]:
    scene = scene or ObservedScene(START)
    scene.saw_markets(StillScene().markets())
    return Exchange(scene, opening={"USDT": D(10_000), "BTC": D(2)}), scene


def test_without_an_observation_the_market_is_closed() -> None:
    exchange, _ = a_paper_account()
    assert refusal_of(exchange, an_order()) == RefusalCode.MARKET_CLOSED


def test_an_order_takes_from_the_book_that_was_seen() -> None:
    exchange, scene = a_paper_account()
    scene.saw_quotes({SPOT: a_ticker("100")}, START)
    scene.saw_book(SPOT, Book(bids=((D("99.9"), D(1)),), asks=((D("100.1"), D(1)), (D(101), D(5)))), START)
    assert exchange.place(an_order("buy", "3", "100.5", tif="ioc")).filled == D(1)


def test_without_a_book_depth_is_a_thousandth_of_the_days_volume() -> None:
    exchange, scene = a_paper_account()
    scene.saw_quotes({SPOT: a_ticker("100", volume="20000")}, START)
    made = scene.book(SPOT, START)
    assert made is not None
    depth = sum(size for _, size in made.asks)
    assert abs(depth * made.asks[0][0] - D(20)) < D("0.000001")
    assert exchange.place(an_order("buy", "3", "110", tif="ioc")).filled < D("0.2")


def test_without_volume_or_spread_nothing_is_offered() -> None:
    exchange, scene = a_paper_account()
    scene.saw_quotes({SPOT: a_ticker("100", volume=None)}, START)
    assert exchange.place(an_order("buy", "1", "110", tif="ioc")).filled == 0
    scene.saw_quotes({SPOT: Ticker(last=D(100), quote_volume=D(10**9))}, START)
    assert exchange.place(an_order("buy", "1", "110", tif="ioc")).filled == 0


def test_a_price_grows_stale_and_then_nothing_trades() -> None:
    exchange, scene = a_paper_account()
    scene.saw_quotes({SPOT: a_ticker("100")}, START)
    exchange.advance(minutes(5))
    assert refusal_of(exchange, an_order("buy", "1", "50")) is None
    exchange.advance(minutes(5.1))
    assert refusal_of(exchange, an_order("buy", "1", "50")) == RefusalCode.MARKET_CLOSED


def test_a_book_that_newer_quotes_outlived_is_not_used() -> None:
    _, scene = a_paper_account()
    scene.saw_book(SPOT, Book(bids=((D(50), D(1)),), asks=((D(51), D(1)),)), START)
    scene.saw_quotes({SPOT: a_ticker("100")}, minutes(0.5))
    near = scene.book(SPOT, minutes(0.5))
    scene.saw_quotes({SPOT: a_ticker("100")}, minutes(2))
    made = scene.book(SPOT, minutes(2))
    assert near is not None
    assert near.asks[0][0] == D(51)
    assert made is not None
    assert made.asks[0][0] == D("100.1")


def test_a_crossed_book_and_a_senseless_price_are_no_observation() -> None:
    _, scene = a_paper_account()
    scene.saw_quotes({SPOT: Ticker(bid=D(0), ask=D(0), last=D(0)), SWAP: Ticker()}, START)
    scene.saw_book(SPOT, Book(bids=((D(101), D(1)),), asks=((D(100), D(1)),)), START)
    assert scene.price(SPOT, START) is None
    assert scene.price(SWAP, START) is None
    assert scene.book(SPOT, START) is None


def test_a_resting_order_is_met_by_the_range_that_was_seen() -> None:
    exchange, scene = a_paper_account()
    scene.saw_quotes({SPOT: a_ticker("100")}, START)
    exchange.place(an_order("buy", "1", "98"))
    scene.saw_quotes({SPOT: a_ticker("97")}, minutes(1))
    scene.saw_quotes({SPOT: a_ticker("100")}, minutes(2))
    exchange.advance(minutes(3))
    assert [(trade.price, trade.maker) for trade in exchange.trades(SPOT)] == [(D(98), True)]


def test_a_resting_order_waits_while_nothing_is_seen() -> None:
    exchange, scene = a_paper_account()
    scene.saw_quotes({SPOT: a_ticker("100")}, START)
    exchange.place(an_order("buy", "1", "98"))
    exchange.advance(minutes(600))
    assert exchange.trades(SPOT) == []


def _short(exchange: Exchange) -> None:
    exchange.transfer("USDT", D(1000), "spot", "futures")
    exchange.place(an_order("sell", "1", "99.9", symbol=SWAP))


def _funding_paid(exchange: Exchange) -> list[tuple[object, object]]:
    return [(one.at, one.amount) for one in exchange.income() if one.kind == IncomeKind.FUNDING_FEE]


def test_funding_settles_when_its_instant_passes_at_the_rate_last_seen() -> None:
    exchange, scene = a_paper_account()
    scene.saw_quotes({SWAP: a_ticker("100")}, START)
    _short(exchange)
    scene.saw_funding({SWAP: Funding(rate=D("0.001"), next_at=minutes(480))}, START)
    scene.saw_funding({SWAP: Funding(rate=D("0.002"), next_at=minutes(480))}, minutes(470))
    scene.saw_funding({SWAP: Funding(rate=D("0.009"), next_at=minutes(960))}, minutes(490))
    exchange.advance(minutes(500))
    assert _funding_paid(exchange) == [(minutes(480), D("0.2"))]
    exchange.advance(minutes(1000))
    assert _funding_paid(exchange)[1:] == [(minutes(960), D("0.9"))]


def test_settlements_missed_while_away_are_charged_once_at_the_first_rate_seen() -> None:
    exchange, scene = a_paper_account()
    scene.saw_quotes({SWAP: a_ticker("100")}, START)
    _short(exchange)
    state = exchange.dump()
    back = minutes(1000)
    scene = ObservedScene(START)
    exchange = Exchange(scene, state=state)
    scene.resume(exchange.now)
    exchange.advance(back)
    scene.saw_markets(StillScene().markets())
    scene.saw_quotes({SWAP: a_ticker("100")}, back)
    scene.saw_funding({SWAP: Funding(rate=D("0.001"), next_at=minutes(1440))}, back)
    exchange.advance(back + timedelta(seconds=1))
    exchange.advance(minutes(1400))
    assert [amount for _, amount in _funding_paid(exchange)] == [D("0.1"), D("0.1")]  # at 480 and at 960


async def test_the_market_passes_everything_on_and_shows_it_to_the_scene() -> None:
    clock = HandClock()
    inner = SimulatedVenue(an_exchange(StillScene()), clock)
    scene = ObservedScene(START)
    market: MarketData = ObservedMarket(inner, scene, clock)
    account = SimulatedVenue(Exchange(scene, opening={"USDT": D(1000)}), clock)
    assert await market.markets() == await inner.markets()
    assert await market.quotes() == await inner.quotes()
    assert await market.funding() == await inner.funding()
    assert await market.now() == START
    assert scene.price(SPOT, START) == D(100)
    assert scene.price(SWAP, START) == D(100)
    assert await market.book(SPOT, 5) == await inner.book(SPOT, 5)
    positions = await account.positions()
    assert positions == []
    seen = scene.book(SPOT, START)
    assert seen is not None
    assert len(seen.asks) == 5


async def test_a_gap_is_no_observation() -> None:
    class Silent(SimulatedVenue):
        async def quotes(self) -> Gap:
            return Gap("quotes", "timed out")

    clock = HandClock()
    scene = ObservedScene(START)
    market = ObservedMarket(Silent(an_exchange(), clock), scene, clock)
    assert isinstance(await market.quotes(), Gap)
    assert scene.price(SPOT, START) is None
