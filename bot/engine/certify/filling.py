"""Owns what an acceptance run learns of orders that fill: look-up, cancel race, trades, fees, balances."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from bot.core.instruments import base_of, is_swap
from bot.core.numbers import ONE, ZERO, plain
from bot.core.orders import TERMINAL, Fill, OrderIntent, OrderState, OrderView, Placed
from bot.engine.certify.bench import LOOK_EVERY_S, LOOK_FOR_S, Bench, read
from bot.engine.certify.notes import Notes, Part
from bot.ports.errors import Transient
from bot.ports.venue import Gap

LOOK_BACK = timedelta(minutes=10)
FEE_SLACK = Decimal("1.05")  # venues round fees up
NEAR = Decimal("1e-5")  # of what was traded: venues round balances


async def spot(bench: Bench, notes: Notes) -> None:
    """Buy the least, look at it from every side, sell it again."""
    symbol, terms = bench.terms.spot, bench.terms
    base = base_of(symbol)
    _, ask = await bench.best(symbol)
    coins, money = await bench.coins(base), await bench.coins(terms.quote)
    bought, view = await bench.trade(symbol, bench.size(symbol, ask))
    words = f"{plain(view.filled)} of {plain(bought.qty)} {base}, by client id: {view.state.value}"
    notes.holds("look-up, filled", words, true=view.state == OrderState.FILLED and view.filled == bought.qty)
    late = await bench.cancel(bought)
    told = isinstance(late, OrderView) and late.state in TERMINAL and late.filled == view.filled
    notes.holds("cancel, too late", f"answers {_said(late)}", true=told)
    fills, took_s = await traded(bench, bought, view.filled)
    names = [fill.trade_id for fill in fills]
    ours = all(fill.client_id in (bought.client_id, None) for fill in fills)
    evidence = f"{len(fills)} listed after {took_s * 1000:.0f} ms, each with an id of its own"
    notes.holds("trades", evidence, true=ours and len(names) == len(set(names)))
    fees(bench, notes, "fees", symbol, fills)
    await _booked(bench, notes, fills, (coins, money))
    market = bench.markets[symbol]
    sold, view = await bench.trade(symbol, -market.down(await bench.coins(base) - coins))
    left = await bench.coins(base) - coins
    evidence = f"{plain(view.filled)} of {plain(-sold.qty)} {base} sold, {plain(left)} left, which is under a step"
    done = abs(left) < (market.step or ZERO) + view.filled * NEAR
    notes.holds("sold again", evidence, true=done and view.state == OrderState.FILLED)
    for each in (bought, sold):
        bench.permit.over(each.client_id)


def _said(found: OrderView | Gap) -> str:
    return f"{found.what}: {found.why}" if isinstance(found, Gap) else f"{found.state.value} {plain(found.filled)}"


async def traded(bench: Bench, intent: OrderIntent, filled: Decimal) -> tuple[list[Fill], float]:
    """Our trades of an order once they add up, and host seconds until then; raises `Transient`."""
    clock, started_s = bench.ports.clock, bench.ports.clock.mono()
    sign = 1 if intent.qty > 0 else -1
    while True:
        since = clock.now() - LOOK_BACK * bench.terms.time_scale
        found = [one for one in read(await bench.ports.account.fills(intent.symbol, since)) if _of(one, intent)]
        took_s = clock.mono() - started_s
        if sum((one.qty for one in found), ZERO) == sign * filled:
            return found, took_s
        if took_s > LOOK_FOR_S:
            raise Transient(f"trades of {intent.client_id} do not add up to {plain(filled)} after {took_s:.0f} s")
        await clock.sleep(LOOK_EVERY_S)


def _of(fill: Fill, intent: OrderIntent) -> bool:
    return fill.client_id == intent.client_id


def fees(bench: Bench, notes: Notes, name: str, symbol: str, fills: Sequence[Fill]) -> None:
    """What was charged against what the market's own terms say; in a third coin nobody can tell."""
    value = sum((abs(fill.qty) * fill.price for fill in fills), ZERO)
    parts = [_in_quote(fill, symbol) for fill in fills]
    known = [part for part in parts if part is not None]
    coins = ", ".join(sorted({fill.fee_asset for fill in fills})) or "nothing"
    taker = bench.markets[symbol].taker
    if not value or len(known) < len(parts):
        notes.unknown(name, f"charged in {coins}, whose worth is not asked for here; the market says {plain(taker)}")
        return
    rate = sum(known, ZERO) / value
    evidence = f"{plain(rate.quantize(Decimal('1e-7')))} of the value, in {coins}; the market says {plain(taker)}"
    if not rate and taker:
        notes.unknown(name, evidence)
    else:
        notes.holds(name, evidence, true=rate <= taker * FEE_SLACK + Decimal("1e-6"))


def _in_quote(fill: Fill, symbol: str) -> Decimal | None:
    quote = symbol.partition("/")[2].partition(":")[0]
    if fill.fee_asset == quote:
        return fill.fee
    return fill.fee * fill.price if fill.fee_asset == base_of(symbol) and not is_swap(symbol) else None


async def _booked(bench: Bench, notes: Notes, fills: Sequence[Fill], before: tuple[Decimal, Decimal]) -> None:
    """Balances are what they were, plus trades, minus fees (I6)."""
    base, quote = base_of(bench.terms.spot), bench.terms.quote
    due = {base: before[0], quote: before[1]}
    for fill in fills:
        due[base] += fill.qty
        due[quote] -= fill.qty * fill.price
        if fill.fee_asset in due:
            due[fill.fee_asset] -= fill.fee
    value = sum((abs(fill.qty) for fill in fills), ZERO)
    slack = {base: value * NEAR, quote: sum((abs(fill.qty) * fill.price for fill in fills), ZERO) * NEAR}
    started_s = bench.ports.clock.mono()
    while True:
        now = {coin: await bench.coins(coin) for coin in due}
        wrong = [coin for coin in due if abs(now[coin] - due[coin]) > slack[coin]]
        if not wrong or bench.ports.clock.mono() - started_s > LOOK_FOR_S:
            break
        await bench.ports.clock.sleep(LOOK_EVERY_S)
    words = ", ".join(f"{coin} {plain(now[coin])}, reckoned {plain(due[coin])}" for coin in due)
    notes.holds("balances add up", words, true=not wrong)


async def race(bench: Bench, notes: Notes) -> None:
    """Two cancels of one order at once: both must tell its end, and nothing may stand afterwards."""
    intent = await bench.resting()
    placed, _, why = await bench.place(intent)
    if placed != Placed.ACCEPTED:
        notes.holds("cancel race", f"the order was {placed.value}: {why}", true=False)
        return
    first, second = await asyncio.gather(bench.cancel(intent), bench.cancel(intent))
    shown, _ = await bench.seen(intent, ended=True)
    ends = [found for found in (first, second) if isinstance(found, OrderView) and found.state in TERMINAL]
    evidence = f"two at once answer {_said(first)} and {_said(second)}; the look-up says {shown.state.value}"
    notes.holds("cancel race", evidence, true=bool(ends) and shown.filled <= abs(intent.qty) * ONE)


FILLING = (
    Part({"cancel race": True}, race),
    Part(
        {
            "look-up, filled": True,
            "cancel, too late": True,
            "trades": True,
            "fees": False,
            "balances add up": True,
            "sold again": True,
        },
        spot,
    ),
)
