"""Owns the end of an acceptance run: nothing it made stays at the venue, whatever ended it, and that is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from bot.core.instruments import base_of, is_swap
from bot.core.numbers import ZERO, plain
from bot.core.orders import OrderView
from bot.engine.certify.bench import LOOK_EVERY_S, PREFIX, Bench, failure, read
from bot.engine.certify.notes import Notes
from bot.engine.certify.perpetual import bring_back
from bot.ports.errors import Denied, VenueError

TRIES = 5
NAME = "nothing left"


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Run it through every cancellation, then let the cancellation go on."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


async def clean(bench: Bench, notes: Notes) -> None:
    """Cancel, sell, close and move back what the run left; one verdict on what is there afterwards."""
    done: list[str] = []
    wrong: list[str] = []
    for step in (_cancelled, _sold, _closed, _returned):
        try:
            done += await step(bench)
        except (VenueError, Denied) as error:
            wrong.append(failure(error) if isinstance(error, VenueError) else str(error))
    try:
        wrong += await _left(bench)
    except VenueError as error:
        wrong.append(f"what is left could not be read, so look at the venue: {failure(error)}")
    evidence = "; ".join([*wrong, *done]) or "no order of it, no position, no coins, no money in another wallet"
    notes.holds(NAME, evidence, true=not wrong)


async def leftovers(bench: Bench) -> list[str]:
    """Cancel what an earlier run that was ended by force left in the book; what was done."""
    views = read(await bench.ports.account.open_orders(bench.symbols))
    return [await _cancel(bench, view) for view in views if view.client_id.startswith(PREFIX)]


async def _standing(bench: Bench) -> list[OrderView]:
    views = read(await bench.ports.account.open_orders(bench.symbols))
    return [view for view in views if view.venue_id not in bench.strangers]


async def _cancel(bench: Bench, view: OrderView) -> str:
    """An order known by the list only: by the id that it stands under."""
    intent = bench.intent(view.symbol, view.amount or ZERO, view.price or ZERO)
    named = type(intent)(**{**_fields(intent), "client_id": view.client_id})
    await bench.ports.broker.cancel(named)
    return f"cancelled {view.client_id} on {view.symbol}"


def _fields(intent: Any) -> dict[str, Any]:
    return {name: getattr(intent, name) for name in intent.__dataclass_fields__}


async def _cancelled(bench: Bench) -> list[str]:
    """First what we sent, by our ids (a venue may show them under others), then whatever still stands."""
    done = []
    for name, intent in bench.orders.items():
        if name not in bench.ended:
            await bench.cancel(intent)
            done.append(f"cancelled {name}")
    for _ in range(TRIES):
        standing = await _standing(bench)
        if not standing:
            break
        done += [await _cancel(bench, view) for view in standing]
        await bench.ports.clock.sleep(LOOK_EVERY_S)
    return done


async def _sold(bench: Bench) -> list[str]:
    """The coins that our own orders brought in and that are still there."""
    symbol = bench.terms.spot
    bought = sum((bench.filled.get(name, ZERO) for name, one in bench.orders.items() if one.symbol == symbol), ZERO)
    if bought <= 0:
        return []
    gain = await bench.coins(base_of(symbol)) - bench.base_before
    market = bench.markets[symbol]
    qty = market.down(min(gain, bought))
    bid, _ = await bench.best(symbol)
    if qty < market.smallest(bid):
        return [f"{plain(max(gain, ZERO))} {base_of(symbol)} stays: less than can be sold"] if qty > 0 else []
    _, view = await bench.trade(symbol, -qty)
    return [f"sold {plain(view.filled)} {base_of(symbol)}"]


async def _closed(bench: Bench) -> list[str]:
    """The position that our own orders opened: the perpetual was flat before them."""
    symbol = bench.terms.swap
    if symbol is None or not any(is_swap(one.symbol) for one in bench.orders.values()):
        return []
    position = await bench.position()
    if position is None:
        return []
    _, view = await bench.trade(symbol, -position.quantity, reduce_only=True)
    return [f"closed {plain(view.filled)} {symbol}"]


async def _returned(bench: Bench) -> list[str]:
    if not bench.lent:
        return []
    words, done = await bring_back(bench)
    return [words] if done else [f"not brought back: {words}"]


async def _left(bench: Bench) -> list[str]:
    wrong = [f"order {view.client_id or view.venue_id} stands on {view.symbol}" for view in await _standing(bench)]
    if bench.terms.swap is not None:
        position = await bench.position()
        wrong += [f"a position of {plain(position.quantity)} {position.symbol}"] if position else []
    return wrong + ([f"{plain(bench.lent)} {bench.terms.quote} in the futures wallet"] if bench.lent else [])
