"""Owns which price is believed: sane, fresh, or unknown (R-G2, R-G3). Pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.instruments import spot_symbol
from bot.core.numbers import ONE, from_float, plain
from bot.core.policy import Policy
from bot.core.snapshot import Book, Snapshot, Ticker

AGREE = Decimal("0.05")  # how near a second source must be to confirm a jump


@dataclass(frozen=True, slots=True)
class Price:
    """A price per base unit in quote, or why there is none (``value`` None)."""

    value: Decimal | None
    note: str = ""


def stale(at: datetime | None, now: datetime, limit: timedelta) -> bool:
    """Whether something read at ``at`` (None = with the snapshot) is older than ``limit``."""
    return at is not None and now - at > limit


def quoted(ticker: Ticker | None) -> Price:
    """The mid of bid and ask; without both, the last price, flagged; nothing sane, nothing."""
    if ticker is None:
        return Price(None, "no ticker")
    bid, ask, last = ticker.bid, ticker.ask, ticker.last
    if bid is not None and ask is not None:
        if bid <= 0 or ask <= 0:
            return Price(None, f"bid {plain(bid)} or ask {plain(ask)} is not above 0")
        if bid > ask:
            return Price(None, f"crossed: bid {plain(bid)} over ask {plain(ask)}")
        return Price((bid + ask) / 2)
    if last is None:
        return Price(None, "no bid, ask or last price")
    if last <= 0:
        return Price(None, f"last price {plain(last)} is not above 0")
    return Price(last, "no bid and ask: last price")


def price_of(symbol: str, snapshot: Snapshot, policy: Policy, seconds: Iterable[Decimal | None] = ()) -> Price:
    """The price of a symbol: fresh (R-G2), sane, and not a jump that no second source confirms (R-G3).

    Where nobody knows an earlier one, a second source that is far away makes it unknown as well: one of the two lies.
    """
    ticker = snapshot.tickers.get(symbol)
    limit = policy.limits.age_max.quotes
    if ticker is not None and stale(ticker.at, snapshot.at, limit):
        age = int((snapshot.at - ticker.at).total_seconds()) if ticker.at else 0
        return Price(None, f"quote {age} s old, at most {int(limit.total_seconds())} s")
    price = quoted(ticker)
    if price.value is None:
        return price
    reference = snapshot.memory.last_good_prices.get(symbol) or _last_close(symbol, snapshot)
    if not reference or reference <= 0:
        return _first(price.value, price.note, (*seconds, _book_mid(symbol, snapshot, limit)), policy)
    jump = abs(price.value / reference - ONE)
    if jump <= policy.limits.price_jump:
        return price
    # The last close is a second source where it is not the reference itself: after a long pause, say.
    sources = [item for item in (*seconds, _book_mid(symbol, snapshot, limit), _last_close(symbol, snapshot)) if item]
    if any(abs(price.value / item - ONE) <= AGREE for item in sources):
        return Price(price.value, f"jumped {jump:.0%}, confirmed by a second source")
    return Price(
        None, f"jumped {jump:.0%} from {plain(reference)} with no second source, at most {policy.limits.price_jump:.0%}"
    )


def _first(value: Decimal, note: str, sources: Iterable[Decimal | None], policy: Policy) -> Price:
    """A price before which there was none: as it is, unless all that could confirm it are somewhere else."""
    known = [item for item in sources if item]
    most = policy.limits.price_jump
    if not known or any(abs(value / item - ONE) <= most for item in known):
        return Price(value, note)
    apart = abs(value / known[0] - ONE)
    return Price(
        None, f"{plain(value)} is {apart:.0%} away from {plain(known[0])} of a second source, at most {most:.0%}"
    )


def _last_close(symbol: str, snapshot: Snapshot) -> Decimal | None:
    frames = snapshot.candles.get(symbol, {})
    closes = [(float(bars[-1][0]), frame, bars[-1][4]) for frame, bars in frames.items() if len(bars)]
    return from_float(max(closes)[2]) if closes else None


def book_of(symbol: str, snapshot: Snapshot, limit: timedelta | None) -> Book | None:
    """The book of a symbol, if it has both sides and is no older than ``limit`` (R-G2; None = any age)."""
    book = snapshot.books.get(symbol)
    if book is None or not book.bids or not book.asks:
        return None
    return None if limit is not None and stale(book.at, snapshot.at, limit) else book


def _book_mid(symbol: str, snapshot: Snapshot, limit: timedelta) -> Decimal | None:
    book = book_of(symbol, snapshot, limit)
    return (book.bids[0][0] + book.asks[0][0]) / 2 if book is not None else None


def half_spread(symbol: str, snapshot: Snapshot, limit: timedelta | None = None) -> Decimal | None:
    """Half the spread over the mid, from a book no older than ``limit``, else from the ticker; None = unknown."""
    book = book_of(symbol, snapshot, limit)
    if book is not None:
        bid, ask = book.bids[0][0], book.asks[0][0]
    else:
        ticker = snapshot.tickers.get(symbol)
        if ticker is None or not ticker.bid or not ticker.ask:
            return None
        bid, ask = ticker.bid, ticker.ask
    return (ask - bid) / (ask + bid) if 0 < bid <= ask else None


def candles_symbol(asset: str, swap: str, snapshot: Snapshot, policy: Policy) -> str:
    """Where an asset's candles are: under its spot symbol, else its perpetual."""
    spot = spot_symbol(asset, policy.accounting_currency)
    return spot if spot in snapshot.candles else swap


def day_volume(symbol: str, other: str, snapshot: Snapshot) -> Decimal | None:
    """Traded in 24 h, quote: the ticker's, else summed from the newest candles of ``symbol`` or ``other``."""
    ticker = snapshot.tickers.get(symbol)
    if ticker is not None and ticker.quote_volume is not None:
        return ticker.quote_volume
    for name in (symbol, other):
        frames = snapshot.candles.get(name, {})
        known = [(float(bars[-1, 0] - bars[-2, 0]), frame) for frame, bars in frames.items() if len(bars) > 1]
        if known:
            length, frame = min(known)  # the finest bars
            count = max(1, int(86_400_000 // length))
            recent = frames[frame][-count:]
            return from_float(float((recent[:, 4] * recent[:, 5]).sum()) * (1.0 if count > 1 else 86_400_000 / length))
    return None


@dataclass(frozen=True, slots=True)
class Pegs:
    """Which stables are off the others, or that nobody can tell (two only, apart)."""

    off: frozenset[str] = frozenset()
    unknown: bool = False
    why: str = ""


def pegs(snapshot: Snapshot, policy: Policy) -> Pegs:
    """Stables measured against the median of those quoted (R-G12); one alone is measured against nothing."""
    currency = policy.accounting_currency
    quoted_at: dict[str, Decimal] = {currency: ONE}
    for asset in policy.targets.stables.assets:
        price = quoted(snapshot.tickers.get(spot_symbol(asset, currency))).value if asset != currency else ONE
        if price is not None:
            quoted_at[asset] = price
    dollar = quoted(snapshot.tickers.get(spot_symbol(currency, "USD"))).value
    if dollar is not None:  # a dollar pair stands for the dollar itself
        quoted_at["USD"] = ONE / dollar
    limit = policy.limits.depeg
    if len(quoted_at) < 2:  # noqa: PLR2004 - nothing to compare with
        return Pegs()
    ranked = sorted(quoted_at.values())
    if len(ranked) == 2:  # noqa: PLR2004 - two only: nobody can tell which one moved
        apart = ranked[1] / ranked[0] - ONE
        return Pegs(unknown=True, why=f"two stables {apart:.2%} apart") if apart > limit else Pegs()
    middle = (
        ranked[len(ranked) // 2] if len(ranked) % 2 else (ranked[len(ranked) // 2 - 1] + ranked[len(ranked) // 2]) / 2
    )
    off = {name: price / middle - ONE for name, price in quoted_at.items() if abs(price / middle - ONE) > limit}
    why = ", ".join(f"{name} {move:+.2%}" for name, move in sorted(off.items()))
    return Pegs(frozenset(off) - {"USD"}, why=why)
