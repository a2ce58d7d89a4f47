"""Owns what an acceptance run looks at without an order: clock, key, filters, prices, wallets, funding."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np

from bot.core.instruments import Market
from bot.core.numbers import ZERO, milliseconds, plain
from bot.engine.certify.bench import Bench, read
from bot.engine.certify.notes import Notes, Part

SKEW_MOST = timedelta(seconds=2.5)  # half of what signatures may be old
FUNDING_MOST = Decimal("0.03")  # of notional in one interval: venues cap it under that
FUNDING_WITHIN = timedelta(hours=25)
APART_MOST = Decimal("0.02")  # a bulk quote from the book, as a fraction
BAR = timedelta(minutes=15)
BARS = 20
SECOND = timedelta(seconds=1)


async def account(bench: Bench, notes: Notes) -> None:
    """Whose account, what the key may do, whether clocks agree."""
    clock = bench.ports.clock
    before = clock.now()
    told = read(await bench.ports.market.now())
    middle = before + (clock.now() - before) / 2
    skew = (told - middle) / bench.terms.time_scale
    evidence = f"the venue's clock is {skew / SECOND:+.3f} s from ours, at most {SKEW_MOST / SECOND} s"
    notes.holds("clock", evidence, true=abs(skew) <= SKEW_MOST)
    kind = await bench.ports.account.kind()
    can = ", ".join(kind.can) or "spot only"
    wallets = "one wallet" if kind.unified else "separate wallets"
    notes.holds("account", f"{kind.id or 'the venue does not name it'}; {wallets}; {can}", true=bool(kind.id))
    key = await bench.ports.account.key()
    facts = {"spot": key.can_trade_spot, "futures": key.can_trade_swap, "withdraw": key.can_withdraw}
    words = {True: "yes", False: "no", None: "the venue does not say"}
    evidence = ", ".join(f"{name} {words[value]}" for name, value in facts.items())
    evidence += f" ({key.note})" if key.note else ""
    if key.can_withdraw is None and key.can_trade_spot is not False:
        notes.unknown("key", evidence)
    else:
        notes.holds("key", evidence, true=not key.can_withdraw and key.can_trade_spot is not False)


async def prices(bench: Bench, notes: Notes) -> None:
    """Filters and fees of what is traded, quotes against the book, closed candles."""
    lacking = [f"{symbol}: {each}" for symbol in bench.symbols for each in _lacking(bench.markets[symbol])]
    words = [_filters(symbol, bench.markets[symbol]) for symbol in bench.symbols]
    notes.holds("filters", "; ".join(lacking or words), true=not lacking)
    quotes = read(await bench.ports.market.quotes())
    quote = quotes.get(bench.terms.spot)
    bid, ask = await bench.best(bench.terms.spot)
    if quote is None or quote.bid is None or quote.ask is None:
        notes.holds("quotes", f"{bench.terms.spot} has no bid and ask among {len(quotes)} quotes", true=False)
    else:
        apart = max(abs(quote.bid / bid - 1), abs(quote.ask / ask - 1))
        evidence = f"{len(quotes)} symbols at once; bid {quote.bid} ask {quote.ask}, book {bid} {ask}"
        notes.holds("quotes", evidence, true=ZERO < quote.bid <= quote.ask and apart <= APART_MOST)
    now = bench.ports.clock.now()
    bars = read(await bench.ports.market.candles(bench.terms.spot, "15m", now - BAR * BARS, BARS))
    closed = (
        bool(len(bars)) and milliseconds(now) + SECOND / timedelta(milliseconds=1) >= bars[-1, 0] + BAR.seconds * 1000
    )
    sound = bool(len(bars)) and bool(np.isfinite(bars).all()) and bool((np.diff(bars[:, 0]) > 0).all())
    notes.holds("candles", f"{len(bars)} of 15m, all finite, in order and closed", true=closed and sound)


async def wallets(bench: Bench, notes: Notes) -> None:
    """What the wallets hold, and that an order which was never sent is nowhere."""
    rows = await bench.balances()
    names = [(row.wallet, row.asset) for row in rows]
    held = [f"{plain(row.total)} {row.asset} ({row.wallet})" for row in rows if row.total and row.asset in _ours(bench)]
    sound = len(names) == len(set(names)) and any(row.asset == bench.terms.quote and row.free for row in rows)
    notes.holds("balances", f"{len(rows)} rows; {', '.join(held) or f'no {bench.terms.quote}'}", true=sound)
    found = await bench.find(await bench.resting())
    if found is None:
        notes.holds("look-up of nothing", "an id that was never sent is nowhere", true=True)
    else:
        notes.holds("look-up of nothing", f"an id that was never sent: {found}", true=False)


async def funding(bench: Bench, notes: Notes) -> None:
    """The perpetual's funding: a rate that can be, and when it is next paid."""
    symbol = bench.terms.swap
    one = read(await bench.ports.market.funding()).get(symbol or "")
    if one is None or one.next_at is None:
        notes.holds("funding", f"{symbol} has none, or not when it is paid", true=False)
        return
    ahead = one.next_at - bench.ports.clock.now()
    evidence = f"{plain(one.rate)} every {plain(one.interval_hours)} h, next in {ahead / timedelta(hours=1):.1f} h"
    sound = abs(one.rate) <= FUNDING_MOST and timedelta() <= ahead + SECOND and ahead <= FUNDING_WITHIN
    notes.holds("funding", evidence, true=sound)


def _ours(bench: Bench) -> tuple[str, str]:
    return bench.terms.quote, bench.terms.spot.partition("/")[0]


def _lacking(market: Market) -> list[str]:
    told = {"no step": market.step, "no tick": market.tick, "no least": market.min_amount or market.min_notional}
    return [name for name, value in told.items() if not value] + ([] if market.active else ["is halted"])


def _filters(symbol: str, market: Market) -> str:
    least = plain(market.min_notional) if market.min_notional else "none"
    return f"{symbol} step {market.step} tick {market.tick} least value {least} fee {market.maker} {market.taker}"


READS = (
    Part({"clock": True, "account": True, "key": False}, account),
    Part({"filters": True, "quotes": True, "candles": True}, prices),
    Part({"balances": True, "look-up of nothing": True}, wallets),
)
FUNDING = Part({"funding": True}, funding)
