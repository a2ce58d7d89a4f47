"""Owns what an acceptance run learns of orders that rest: echo, look-up, visibility, duplicates, cancels, refusals."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from bot.core.numbers import floor_to, plain
from bot.core.orders import TERMINAL, OrderIntent, OrderState, OrderView, Placed
from bot.engine.certify.bench import LOOK_EVERY_S, LOOK_FOR_S, Bench, at_rest, read
from bot.engine.certify.notes import Notes, Part
from bot.ports.errors import Transient
from bot.ports.venue import Gap

THOUSAND = 1000  # milliseconds in a second


async def echo(bench: Bench, notes: Notes) -> None:
    """One order from its sending to its end, and its id again before and after that."""
    intent = await bench.resting()
    placed, view, why = await bench.place(intent)
    if placed != Placed.ACCEPTED:
        notes.holds("client id", f"an order that should rest was {placed.value}: {why}", true=False)
        return
    shown, _ = await bench.seen(intent)
    where = "the answer and the look-up" if view is not None else "the look-up (the answer is an acknowledgement)"
    echoed = shown.client_id == intent.client_id and (view is None or view.client_id == intent.client_id)
    notes.holds("client id", f"{intent.client_id} comes back in {where}", true=echoed)
    notes.holds("look-up, open", f"by client id: {shown.state.value}", true=at_rest(shown))
    await _again(bench, notes, intent, "duplicate, open")
    after = await bench.cancel(intent)
    _gone(notes, "cancel", after)
    shown, _ = await bench.seen(intent, ended=True)
    notes.holds("look-up, cancelled", f"by client id: {shown.state.value}", true=shown.state == OrderState.CANCELLED)
    _gone(notes, "cancel twice", await bench.cancel(intent))
    await _again(bench, notes, intent, "duplicate, closed")


async def _again(bench: Bench, notes: Notes, intent: OrderIntent, name: str) -> None:
    """The same id through a line that remembers nothing, as after a restart."""
    before = await _listed(bench, intent.symbol)
    stood = intent.client_id not in bench.ended
    async with bench.ports.again() as broker:
        placed, _, why = await bench.place(intent, broker)
    after = await _listed(bench, intent.symbol)
    more = {venue_id for venue_id in after if venue_id not in before}
    words = f"sent again it was {placed.value}{f' ({why})' if why else ''}"
    if placed == Placed.UNKNOWN:
        notes.unknown(name, words)
    elif not more:
        # Refused was the second: the first is as it was.
        (bench.ended.discard if stood else bench.ended.add)(intent.client_id)
        notes.holds(name, f"{words}; no second order", true=True)
    elif name == "duplicate, closed":
        # Venues forget ids of closed orders. The bot never sends an id twice, so that this is a fact, not a fault.
        notes.holds(name, f"{words}; taken as a new order: that an id is used once is ours to keep", true=True)
        await bench.cancel(intent)
    else:
        notes.holds(name, f"{words}; two orders stand under one id", true=False)


async def _listed(bench: Bench, symbol: str) -> set[str | None]:
    return {view.venue_id for view in read(await bench.ports.account.open_orders([symbol]))}


def _gone(notes: Notes, name: str, after: OrderView | Gap) -> None:
    if isinstance(after, Gap):
        notes.unknown(name, f"{after.what}: {after.why}")
    else:
        evidence = f"the answer says {after.state.value}, filled {plain(after.filled)}"
        notes.holds(name, evidence, true=after.state in TERMINAL)


async def visibility(bench: Bench, notes: Notes) -> None:
    """How long a look-up and the list of open orders lag behind an order and its end."""
    shown_s: list[float] = []
    listed_s: list[float] = []
    gone_s: list[float] = []
    for _ in range(bench.terms.samples):
        intent = await bench.resting()
        placed, _, why = await bench.place(intent)
        if placed != Placed.ACCEPTED:
            notes.holds("visibility", f"order {len(shown_s) + 1} was {placed.value}: {why}", true=False)
            return
        shown_s.append((await bench.seen(intent))[1])
        listed_s.append(await _until_listed(bench, intent, stands=True))
        await bench.cancel(intent)
        await bench.seen(intent, ended=True)
        gone_s.append(await _until_listed(bench, intent, stands=False))
    words = [f"{name} {_times(found)}" for name, found in (("look-up", shown_s), ("list", listed_s), ("gone", gone_s))]
    notes.holds("visibility", f"{bench.terms.samples} orders, median and most: {'; '.join(words)}", true=True)


async def _until_listed(bench: Bench, intent: OrderIntent, *, stands: bool) -> float:
    clock, started_s = bench.ports.clock, bench.ports.clock.mono()
    while True:
        views = read(await bench.ports.account.open_orders([intent.symbol]))
        took_s = clock.mono() - started_s
        if any(view.client_id == intent.client_id for view in views) is stands:
            return took_s
        if took_s > LOOK_FOR_S:
            raise Transient(f"{intent.client_id}: {'not' if stands else 'still'} listed after {took_s:.0f} s")
        await clock.sleep(LOOK_EVERY_S)


def _times(found_s: list[float]) -> str:
    return f"{median(found_s) * THOUSAND:.0f} and {max(found_s) * THOUSAND:.0f} ms"


async def refusals(bench: Bench, notes: Notes) -> None:
    """What is off the grid or too small is refused for certain, not lost."""
    rests = await bench.resting()
    market = bench.markets[bench.terms.spot]
    if market.tick is None or market.step is None:
        return
    off = replace(rests, price=rests.price + market.tick / 2)
    placed, _, why = await bench.place(off)
    notes.holds("off the grid", f"{placed.value}: {why}", true=placed == Placed.REJECTED)
    rests = await bench.resting()
    least = market.smallest(rests.price)
    small = floor_to(least / 2, market.step)
    if not small or small >= least:
        notes.unknown("too small", f"nothing on the grid is under the least of {plain(least)}")
        return
    placed, _, why = await bench.place(replace(rests, qty=small))
    notes.holds("too small", f"{placed.value}: {why}", true=placed == Placed.REJECTED)


async def post_only(bench: Bench, notes: Notes) -> None:
    """An order that must not take rests where it can, and does not trade where it would take."""
    rests = await bench.resting(tif="post_only")
    placed, _, why = await bench.place(rests)
    if placed != Placed.ACCEPTED:
        notes.unknown("post-only", f"under the market it was {placed.value} ({why}); execution.style taker needs none")
        return
    shown, _ = await bench.seen(rests)
    await bench.cancel(rests)
    symbol = bench.terms.spot
    _, ask = await bench.best(symbol)
    price = bench.through(symbol, ask, buy=True)
    takes = bench.intent(symbol, bench.size(symbol, ask), price, tif="post_only")
    placed, _, why = await bench.place(takes)
    if placed == Placed.ACCEPTED:
        ended, _ = await bench.seen(takes, ended=True)
        evidence = f"through the book it was {ended.state.value}, filled {plain(ended.filled)}"
        notes.holds("post-only", evidence, true=at_rest(shown) and not ended.filled)
        return
    evidence = f"under the market {shown.state.value}, through the book {placed.value}: {why}"
    notes.holds("post-only", evidence, true=at_rest(shown) and placed == Placed.REJECTED)


RESTING = (
    Part(
        {
            "client id": True,
            "look-up, open": True,
            "duplicate, open": True,
            "cancel": True,
            "look-up, cancelled": True,
            "cancel twice": True,
            "duplicate, closed": True,
        },
        echo,
    ),
    Part({"visibility": True}, visibility),
    Part({"off the grid": True, "too small": False}, refusals),
    Part({"post-only": False}, post_only),
)
