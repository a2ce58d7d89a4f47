"""The exchange through the bot's ports: what it answers, and that it keeps before it answers."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from bot.core.memory import Memory, fold_all
from bot.core.orders import MoveIntent, OrderIntent, OrderState, Placed
from bot.core.snapshot import Balance
from bot.ports.errors import Denied, Rejected
from bot.ports.venue import FeedSource, Gap, Venue
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.scene import ScriptedFlow
from bot.venues.simulated.venue import SimulatedVenue
from tests.unit.venues.simulated.accounts import HandClock, a_move, an_exchange, an_intent, an_order
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, D, StillScene, minutes


def yes(intent: OrderIntent | MoveIntent) -> None:
    del intent


def no(intent: OrderIntent | MoveIntent) -> None:
    raise Denied(f"{intent.client_id}: kill switch")


def a_venue(scene: StillScene | None = None, *, futures: str = "0") -> tuple[SimulatedVenue, Exchange, HandClock]:
    exchange, clock = an_exchange(scene, futures=futures), HandClock()
    return SimulatedVenue(exchange, clock), exchange, clock


def test_it_is_a_whole_venue_and_a_feed() -> None:
    made = a_venue()[0]
    venue: Venue = made
    feed: FeedSource = made
    assert isinstance(venue, SimulatedVenue)
    assert isinstance(feed, SimulatedVenue)


async def test_an_accepted_order_answers_with_its_fill() -> None:
    venue, _, _ = a_venue()
    placed, view, why = await venue.place(an_intent("15", "100.1"), yes)
    assert (placed, why) == (Placed.ACCEPTED, "")
    assert view is not None
    assert (view.state, view.filled, view.price_avg, view.side) == (OrderState.EXPIRED, D(10), D("100.1"), "buy")
    assert await venue.find(an_intent("15", "100.1")) == view


async def test_a_refused_order_and_an_open_twin_are_told_apart() -> None:
    venue, _, _ = a_venue()
    assert (await venue.place(an_intent("0.0001"), yes))[0] == Placed.REJECTED
    await venue.place(an_intent("1", "99", tif="gtc"), yes)
    assert (await venue.place(an_intent("1", "99", tif="gtc"), yes))[0] == Placed.EXISTS


async def test_a_denied_intent_never_reaches_the_exchange() -> None:
    venue, exchange, _ = a_venue(futures="100")
    before = exchange.dump()
    assert await venue.place(an_intent(), no) == (Placed.DENIED, None, "bpone: kill switch")
    assert await venue.move(a_move(), no) == (Placed.DENIED, "bpmove: kill switch")
    assert exchange.order_requests == 0
    assert exchange.dump() == before


async def test_the_permit_is_asked_at_the_time_of_the_engine() -> None:
    venue, exchange, clock = a_venue()
    clock.at = minutes(3)
    seen = []
    await venue.place(an_intent(), lambda intent: seen.append((intent.client_id, exchange.now)))
    assert seen == [("bpone", minutes(3))]


async def test_what_was_never_placed_is_absent_and_cannot_be_cancelled() -> None:
    venue, _, _ = a_venue()
    assert await venue.find(an_intent()) is None
    assert isinstance(await venue.cancel(an_intent()), Gap)


async def test_a_cancel_tells_what_is_true_when_the_fill_came_first() -> None:
    scene = StillScene()
    venue, _, clock = a_venue(scene)
    await venue.place(an_intent("1", "98", tif="gtc"), yes)
    scene.move(SPOT, minutes(1), "97")
    clock.at = minutes(5)
    view = await venue.cancel(an_intent("1", "98"))
    assert not isinstance(view, Gap)
    assert (view.state, view.filled) == (OrderState.FILLED, D(1))


async def test_every_change_is_kept_before_it_is_answered_and_nothing_else_is() -> None:
    scene = StillScene()
    kept: list[bytes] = []

    async def keep(state: bytes) -> None:
        kept.append(state)

    exchange, clock = an_exchange(scene), HandClock()
    venue = SimulatedVenue(exchange, clock, keep)
    await venue.open()
    assert len(kept) == 1
    clock.at = minutes(1)
    await venue.balances()
    assert len(kept) == 1
    await venue.place(an_intent("1", "98", tif="gtc"), yes)
    assert kept[-1] == exchange.dump()
    scene.move(SPOT, minutes(2), "97")
    clock.at = minutes(5)
    await venue.balances()
    restored = Exchange(scene, state=kept[-1])
    assert restored.trades(SPOT) == exchange.trades(SPOT)
    assert len(restored.trades(SPOT)) == 1


async def test_a_keep_that_fails_comes_out_and_is_tried_again() -> None:
    failing = True
    kept: list[bytes] = []

    async def keep(state: bytes) -> None:
        if failing:
            raise OSError("disk full")
        kept.append(state)

    exchange = an_exchange()
    venue = SimulatedVenue(exchange, HandClock(), keep)
    with pytest.raises(OSError, match="disk full"):
        await venue.balances()
    failing = False
    await venue.close()
    assert kept == [exchange.dump()]


async def test_the_futures_wallet_shows_its_balance_without_unrealised_profit() -> None:
    scene = StillScene()
    venue, exchange, clock = a_venue(scene, futures="1000")
    exchange.set_leverage(SWAP, 2)
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    scene.move(SWAP, minutes(1), "90")
    clock.at = minutes(2)
    balances = await venue.balances()
    assert not isinstance(balances, Gap)
    futures = next(one for one in balances if one.wallet == "futures")
    wallet = exchange.futures()
    assert futures.total == wallet.wallet_balance
    assert futures.free == wallet.available
    positions = await venue.positions()
    assert not isinstance(positions, Gap)
    assert (positions[0].side, positions[0].quantity, positions[0].unrealised_pnl) == ("short", D(-5), D("49.5"))


async def test_spot_balances_have_what_orders_hold_as_locked() -> None:
    venue, exchange, _ = a_venue()
    exchange.place(an_order("sell", "0.5", "120"))
    balances = await venue.balances()
    assert not isinstance(balances, Gap)
    assert Balance(wallet="spot", asset="BTC", free=D("1.5"), locked=D("0.5"), at=START) in balances


async def test_quotes_have_bid_ask_and_mark_and_leave_out_what_has_no_price() -> None:
    scene = StillScene()
    scene.no_book.add(SWAP)
    venue, _, clock = a_venue(scene)
    quotes = await venue.quotes()
    assert not isinstance(quotes, Gap)
    assert (quotes[SPOT].bid, quotes[SPOT].ask, quotes[SPOT].last) == (D("99.9"), D("100.1"), D(100))
    assert (quotes[SWAP].bid, quotes[SWAP].last) == (None, D(100))
    scene.move(SWAP, minutes(1), None)
    clock.at = minutes(2)
    quotes = await venue.quotes()
    assert not isinstance(quotes, Gap)
    assert SWAP not in quotes
    assert (await venue.markets())[SWAP].active is False


async def test_only_closed_bars_are_given() -> None:
    venue, _, clock = a_venue()
    clock.at = minutes(150)
    bars = await venue.candles(SPOT, "1h", START, 10)
    assert isinstance(bars, np.ndarray)
    assert len(bars) == 2
    limited = await venue.candles(SPOT, "1h", START, 1)
    assert isinstance(limited, np.ndarray)
    assert len(limited) == 1
    assert isinstance(await venue.candles("NO/USDT", "1h", START, 1), Gap)
    assert isinstance(await venue.candles(SPOT, "7s", START, 1), Gap)


async def test_a_book_is_cut_to_the_depth_asked_for() -> None:
    scene = StillScene()
    scene.no_book.add(SWAP)
    venue, _, _ = a_venue(scene)
    book = await venue.book(SPOT, 3)
    assert not isinstance(book, Gap)
    assert (len(book.bids), len(book.asks)) == (3, 3)
    assert isinstance(await venue.book(SWAP, 3), Gap)


async def test_fills_are_signed_and_carry_client_ids_and_fees() -> None:
    venue, _, _ = a_venue()
    await venue.place(an_intent("-1", "99.9"), yes)
    fills = await venue.fills(SPOT, START)
    assert not isinstance(fills, Gap)
    assert [(one.client_id, one.qty, one.fee_asset) for one in fills] == [("bpone", D(-1), "USDT")]


async def test_flows_and_funding_are_events_that_the_memory_folds() -> None:
    scene = StillScene(
        settlements={SWAP: [(minutes(480), D("0.001"))]},
        scripted=[
            ScriptedFlow(minutes(5), "USDT", D(50), "deposit"),
            ScriptedFlow(minutes(6), "USDT", D(20), "withdrawal"),
        ],
    )
    venue, exchange, clock = a_venue(scene, futures="1000")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    clock.at = minutes(500)
    events = await venue.flows(START)
    assert not isinstance(events, Gap)
    assert [(event.kind, event.body.get("amount") or event.body.get("paid")) for event in events] == [
        ("flow", "1000"),
        ("flow", "50"),
        ("flow", "-20"),
        ("funding", "-0.5"),
    ]
    assert len({event.key for event in events}) == len(events)
    assert len(fold_all(events, Memory()).flows) == 3
    later = await venue.flows(minutes(6))
    assert not isinstance(later, Gap)
    assert later == events[2:]


async def test_prepare_sets_leverage_and_refuses_what_is_not_offered() -> None:
    venue, exchange, _ = a_venue()
    await venue.prepare(SWAP, D(3), "cross")
    assert exchange.leverage(SWAP) == 3
    version = exchange.version
    await venue.prepare(SWAP, D(3), "cross")
    assert exchange.version == version
    for symbol, leverage in ((SWAP, "2.5"), (SPOT, "3")):
        with pytest.raises(Rejected):
            await venue.prepare(symbol, D(leverage), "cross")


async def test_prepare_sets_isolated_margin_and_the_position_says_so() -> None:
    venue, exchange, _ = a_venue()
    exchange.transfer("USDT", D(1000), "spot", "futures")
    await venue.prepare(SWAP, D(3), "isolated")
    await venue.place(an_intent("-3", "99.9", symbol=SWAP), yes)
    positions = await venue.positions()
    assert not isinstance(positions, Gap)
    (position,) = positions
    assert (position.margin_mode, position.leverage, position.initial_margin) == ("isolated", D(3), D(100))
    with pytest.raises(Rejected, match="while a position or an order is open"):
        await venue.prepare(SWAP, D(3), "cross")


async def test_a_transfer_is_made_once_and_found_again() -> None:
    venue, exchange, _ = a_venue()
    assert await venue.find_move(a_move()) == Placed.REJECTED
    assert await venue.move(a_move(), yes) == (Placed.ACCEPTED, "")
    assert (await venue.move(a_move(), yes))[0] == Placed.EXISTS
    assert await venue.find_move(a_move()) == Placed.ACCEPTED
    assert exchange.futures().wallet_balance == D(100)
    assert (await venue.move(a_move("1000000", client_id="b"), yes))[0] == Placed.REJECTED
    assert (await venue.move(a_move(source="earn", client_id="c"), yes))[0] == Placed.REJECTED


async def test_open_orders_are_those_of_the_symbols_or_all() -> None:
    venue, exchange, clock = a_venue(futures="1000")
    exchange.place(an_order("buy", "1", "90", client_id="bp1"))
    exchange.place(an_order("sell", "1", "110", symbol=SWAP, client_id="bp2"))
    clock.at = START + timedelta(seconds=1)
    for symbols, ids in (([], ["bp1", "bp2"]), ([SWAP], ["bp2"]), (["NO/USDT"], [])):
        views = await venue.open_orders(symbols)
        assert not isinstance(views, Gap)
        assert [view.client_id for view in views] == ids
