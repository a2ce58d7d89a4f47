"""Owns the account's arithmetic: equity, coins, futures, stables, from a snapshot to a ledger and its exposures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.assessment import Exposure, Readings, Stables
from bot.core.desk import Ledger, contract_of
from bot.core.facts import Since
from bot.core.instruments import base_of, is_swap, spot_symbol
from bot.core.kept import KeptBeside
from bot.core.memory import Memory
from bot.core.numbers import ONE, ZERO, fraction, plain
from bot.core.policy import Policy
from bot.core.prices import Price, pegs, price_of, quoted, stale
from bot.core.snapshot import Balance, Position, Snapshot

Prices = Mapping[str, Decimal | None]
_UNREAD = Readings()
TARGET_ZERO_BAND = Decimal("0.005")


@dataclass(slots=True)
class _Count:
    """What one pass over a snapshot adds up."""

    coins: dict[str, Decimal] = field(default_factory=dict)
    free: dict[str, Decimal] = field(default_factory=dict)
    contracts: dict[str, Decimal] = field(default_factory=dict)
    index: dict[str, Decimal] = field(default_factory=dict)
    margins: dict[str, Decimal] = field(default_factory=dict)
    equity: Decimal = ZERO
    stables_spot: Decimal = ZERO
    stables_locked: Decimal = ZERO
    stables_held: Decimal = ZERO  # in the spot or unified wallet, cash or not: the margin balance of a unified account
    no_cash: frozenset[str] = frozenset()  # stables off their peg, or of unknown worth (R-G12)
    earn: Decimal = ZERO
    futures_free: Decimal = ZERO
    futures_balance: Decimal = ZERO
    unrealised: Decimal = ZERO
    maintenance: Decimal = ZERO
    unknown: list[str] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    blind: bool = False  # something held has no sane price: E is unknown


def prices(snapshot: Snapshot, policy: Policy) -> tuple[dict[str, Price], dict[str, Price]]:
    """Spot price and perpetual mark of every configured asset, per coin; each is the other's second source."""
    spot: dict[str, Price] = {}
    marks: dict[str, Price] = {}
    held = {position.symbol: position for position in snapshot.positions}
    for asset in policy.assets:
        contract = contract_of(asset, policy)
        symbol = spot_symbol(asset, policy.accounting_currency)
        ticker = snapshot.tickers.get(contract.symbol)
        position = held.get(contract.symbol)
        fresh = ticker is not None and not stale(ticker.at, snapshot.at, policy.limits.age_max.quotes)
        raw_mark = (position.mark_price if position else None) or (quoted(ticker).value if fresh else None)
        listed = snapshot.markets.get(contract.symbol)
        per_coin = raw_mark / contract.coins if raw_mark and (listed is None or listed.active) else None
        spot[asset] = price_of(symbol, snapshot, policy, (per_coin,))
        known = spot[asset].value or _doubted(symbol, snapshot, policy)
        if position is not None and position.mark_price:
            mark = Price(position.mark_price)
        else:
            mark = price_of(contract.symbol, snapshot, policy, (known and known * contract.coins,))
        marks[asset] = _near(mark, contract.coins, known, policy)
    return spot, marks


def _doubted(symbol: str, snapshot: Snapshot, policy: Policy) -> Decimal | None:
    """A fresh quote where no price is known: what the perpetual has to be near to, since one of the two lies."""
    ticker = snapshot.tickers.get(symbol)
    if ticker is None or symbol in snapshot.memory.last_good_prices:
        return None
    return None if stale(ticker.at, snapshot.at, policy.limits.age_max.quotes) else quoted(ticker).value


def _near(mark: Price, coins: Decimal, spot: Decimal | None, policy: Policy) -> Price:
    """The mark per coin; none where it is as far from a known spot price as a jump that nothing confirms (R-G3)."""
    if mark.value is None:
        return mark
    per_coin = mark.value / coins
    apart = abs(per_coin / spot - ONE) if spot else ZERO
    if spot and apart > policy.limits.price_jump:
        return Price(None, f"mark {plain(per_coin)} is {apart:.0%} away from the spot price {plain(spot)}")
    return Price(per_coin, mark.note)


def ledger(snapshot: Snapshot, policy: Policy) -> tuple[Ledger, list[str], Mapping[str, list[str]]]:
    """The account as a ledger; what is unknown; notes by asset. E is None when something held cannot be valued."""
    spot, marks = prices(snapshot, policy)
    found = pegs(snapshot, policy)
    count = _Count(no_cash=frozenset(policy.targets.stables.assets) if found.unknown else found.off)
    if count.no_cash:
        count.unknown.append(f"pegs: {found.why}")
    for asset, price in spot.items():
        if price.note:
            count.notes.setdefault(asset, []).append(price.note)
    for balance in snapshot.balances:
        _count_balance(balance, snapshot, policy, spot, count)
    for position in snapshot.positions:
        _count_position(position, snapshot, policy, marks, count)
    reserved = _reserved(snapshot, policy, count.stables_locked)
    unified = snapshot.account.unified
    return (
        Ledger(
            equity=_equity(snapshot, count),
            prices={asset: price.value for asset, price in spot.items()},
            marks={asset: price.value for asset, price in marks.items()},
            coins=count.coins,
            free=count.free,
            contracts=count.contracts,
            index=count.index,
            margins=count.margins,
            maintenance=count.maintenance,
            stables_spot=count.stables_spot,
            futures_available=count.futures_free,
            futures_balance=count.stables_held if unified else count.futures_balance,
            unrealised=count.unrealised,
            movable=unified or "transfer" in snapshot.account.can,
            earn=count.earn,
            reserved=reserved,
            unified=unified,
        ),
        count.unknown,
        count.notes,
    )


def _equity(snapshot: Snapshot, count: _Count) -> Decimal | None:
    """E, or None with the reason among what is unknown."""
    if any(gap.startswith(("balances", "positions")) for gap in snapshot.gaps):
        count.blind = True
    count.unknown.extend(snapshot.gaps)
    equity = count.equity + count.futures_balance + count.unrealised
    if equity <= 0:
        count.blind = True
        count.unknown.append("equity: the account holds nothing that counts")
    return None if count.blind else equity


def _count_balance(
    balance: Balance, snapshot: Snapshot, policy: Policy, spot: Mapping[str, Price], count: _Count
) -> None:
    stables = policy.targets.stables.assets
    if balance.asset in stables:
        worth = _stable_price(balance.asset, snapshot, policy)
        if worth is None:
            if balance.total:
                count.blind = True
                count.unknown.append(f"{balance.asset}: no price against {policy.accounting_currency}")
            return
        _count_stable(balance, worth, count)
        return
    if balance.asset not in policy.assets:
        return
    count.coins[balance.asset] = count.coins.get(balance.asset, ZERO) + balance.total
    if balance.wallet in ("spot", "unified"):
        count.free[balance.asset] = count.free.get(balance.asset, ZERO) + balance.free
    if not balance.total:
        return
    price = spot[balance.asset]
    if price.value is None:
        count.blind = True
        count.unknown.append(f"{balance.asset}: {price.note}")
        return
    count.equity += balance.total * price.value


def _count_stable(balance: Balance, worth: Decimal, count: _Count) -> None:
    """What is off its peg counts in E and as collateral, never as cash (R-G12)."""
    cash = ZERO if balance.asset in count.no_cash else worth
    if balance.wallet == "futures":
        count.futures_free += balance.free * cash
        count.futures_balance += balance.total * worth
        return
    count.equity += balance.total * worth
    if balance.wallet == "earn":
        count.earn += balance.total * cash
        return
    count.stables_held += balance.total * worth
    count.stables_spot += balance.free * cash
    count.stables_locked += balance.locked * cash


def _stable_price(asset: str, snapshot: Snapshot, policy: Policy) -> Decimal | None:
    if asset == policy.accounting_currency:
        return ONE
    return quoted(snapshot.tickers.get(spot_symbol(asset, policy.accounting_currency))).value


def _count_position(
    position: Position, snapshot: Snapshot, policy: Policy, marks: Mapping[str, Price], count: _Count
) -> None:
    base = base_of(position.symbol)
    alias = policy.aliases.get(base)
    asset = alias.asset if alias else base
    if asset not in policy.assets or not position.contracts:
        return
    coins = position.quantity * (alias.multiplier if alias else ONE)
    mark = marks[asset].value
    if mark is None:
        count.blind = True
        count.unknown.append(f"{position.symbol}: {marks[asset].note or 'no mark price'}")
        return
    hedged = sum(
        (
            item.contracts
            for item in snapshot.memory.hedges
            if item.symbol == position.symbol and item.purpose == "index"
        ),
        ZERO,
    ) * (alias.multiplier if alias else ONE)
    index = -min(hedged, -coins) if coins < 0 else ZERO
    count.contracts[asset] = count.contracts.get(asset, ZERO) + coins - index
    if index:
        count.index[asset] = count.index.get(asset, ZERO) + index
    notional = abs(coins) * mark
    market = snapshot.markets.get(position.symbol)
    rate = (market.maintenance_rate if market else None) or Decimal("0.01")
    count.margins[asset] = position.initial_margin or notional / (position.leverage or ONE)
    count.maintenance += position.maintenance_margin if position.maintenance_margin is not None else notional * rate
    if position.entry_price is not None:
        entry = position.entry_price / (alias.multiplier if alias else ONE)
        count.unrealised += coins * (mark - entry)
    elif position.unrealised_pnl is not None:
        count.unrealised += position.unrealised_pnl
    else:
        count.blind = True
        count.unknown.append(f"{position.symbol}: neither entry price nor unrealised PnL")


def _reserved(snapshot: Snapshot, policy: Policy, locked: Decimal) -> Decimal:
    """What own open and unknown orders may still take, fees included, beyond what the venue has locked for them."""
    wanted = ZERO
    for order in snapshot.orders:
        opens = is_swap(order.symbol) or order.side == "buy"
        if not opens or order.reduce_only or order.price is None:
            continue
        market = snapshot.markets.get(order.symbol)
        fee = market.taker if market else Decimal("0.001")
        leverage = policy.bridge.leverage if order.side == "buy" else policy.hedge.leverage
        share = ONE / leverage if is_swap(order.symbol) else ONE
        wanted += abs(order.rest) * order.price * (share + fee)
    return max(ZERO, wanted - locked)


def stables(book: Ledger, policy: Policy) -> Stables:
    """L, P and where the stables are, accounting currency."""
    floor = policy.targets.stables.floor * (book.equity or ZERO)
    return Stables(
        liquid=book.liquid,
        spot_free=book.stables_spot,
        futures_available=book.futures_available,
        futures_wallet=book.futures_balance,
        earn=book.earn,
        margin=book.margin,
        dry_powder=max(ZERO, book.liquid - floor),
    )


def band_of(asset: str, target: Decimal, policy: Policy) -> Decimal:
    """The band's half-width: the tighter of points and relative x target; half a point around a target of 0 (R-W2)."""
    if target == 0:
        return TARGET_ZERO_BAND
    band = policy.band_for(asset)
    widths = [width for width in (band.points, band.relative * target if band.relative is not None else None) if width]
    return fraction(min(widths)) if widths else ONE


def exposures(
    book: Ledger,
    targets: Mapping[str, Decimal],
    policy: Policy,
    readings: Mapping[str, Readings],
    notes: Mapping[str, list[str]],
    risk: Mapping[str, Decimal] | None = None,
) -> tuple[Exposure, ...]:
    """Every configured asset, by name; ``risk``: fractions of E short (- long) for R-T5: bands look past it."""
    made = []
    for asset in policy.assets:
        band = band_of(asset, targets[asset], policy)
        target = fraction(targets[asset] - (risk or {}).get(asset, ZERO))
        net = book.net(asset)
        made.append(
            Exposure(
                asset=asset,
                sleeve=policy.sleeve_of(asset) or "",
                price=book.prices.get(asset),
                coins=book.coins.get(asset, ZERO),
                coins_free=book.free.get(asset, ZERO),
                contracts=book.contracts.get(asset, ZERO),
                index_contracts=book.index.get(asset, ZERO),
                spot=fraction(book.spot_weight(asset)),
                futures=fraction(book.futures_weight(asset)),
                net=net,
                target=target,
                band_low=fraction(max(ZERO, target - band)),
                band_high=fraction(target + band),
                drift=fraction(net - target),
                readings=readings.get(asset, _UNREAD),
                notes=tuple(notes.get(asset, ())),
            )
        )
    return tuple(made)


def worth_of(snapshot: Snapshot, policy: Policy, book: Ledger) -> Mapping[str, Decimal]:
    """What each configured asset and stable adds to E: coins, stables, unrealised PnL; a price unknown adds nothing."""
    made = {asset: book.coins.get(asset, ZERO) * (book.prices.get(asset) or ZERO) for asset in policy.assets}
    made |= dict.fromkeys(policy.targets.stables.assets, ZERO)
    for balance in snapshot.balances:
        if balance.asset in policy.targets.stables.assets:
            made[balance.asset] += balance.total * (_stable_price(balance.asset, snapshot, policy) or ZERO)
    for position in snapshot.positions:
        alias = policy.aliases.get(base_of(position.symbol))
        asset, each = (alias.asset, alias.multiplier) if alias else (base_of(position.symbol), ONE)
        mark = book.marks.get(asset)
        if mark is not None and position.entry_price is not None:
            made[asset] += position.quantity * (mark * each - position.entry_price)
        elif mark is not None:
            made[asset] += position.unrealised_pnl or ZERO
    return made


def rescoped(worth: Mapping[str, Decimal], memory: Memory) -> Decimal:
    """What of E a change of the configuration alone brought or took since E was last seen, accounting currency.

    An asset that is configured no more left as it was last seen, less what was sold since; one that is new came as it
    is worth now. 0 where nobody wrote down what was configured.
    """
    then = memory.seen.worth if memory.seen is not None else None
    if then is None:
        return ZERO
    came = sum((value for name, value in worth.items() if name not in then), ZERO)
    gone = {name: value for name, value in then.items() if name not in worth}
    traded = sum((item.coins * item.price for item in memory.since if item.asset in gone and not item.swap), ZERO)
    return came - sum(gone.values(), ZERO) - traded


def drawdown(book: Ledger, memory: Memory, at: datetime, rescope: Decimal = ZERO) -> Decimal | None:
    """How far the unit value (flows and ``rescope`` taken out) is under its peak, now; None while unknown (R-G13)."""
    if not book.equity or not memory.unit_peak or not memory.unit_value or not memory.equity_seen:
        return None
    return ONE - unit_value(book, memory, at, rescope)[0] / memory.unit_peak


def unit_value(book: Ledger, memory: Memory, at: datetime, rescope: Decimal = ZERO) -> tuple[Decimal, Decimal]:
    """What a unit put in at the first start is worth now, and what of E is in doubt, accounting currency (R-G13).

    It grows by what prices, fills and funding explain. A change that nothing explains, or a flow that E does not show,
    stays out of it: flows are told early and late. What a day did not explain was profit or loss after all.
    """
    unit, equity = memory.unit_value, book.equity
    if unit is None or not memory.equity_seen or not equity:
        return unit or ONE, ZERO
    # Money that came shares in neither gain nor loss of before.
    came = sum((_worth_of(item, book) for item in memory.since if item.flow), ZERO)
    base = memory.equity_seen + rescope
    change = (unexplained(book, memory, rescope) or ZERO) * equity
    if abs(change) <= UNEXPLAINED * equity:
        change = ZERO
    if base <= 0 or equity - came - change <= 0:
        return unit, ZERO
    unit, doubt = unit * (equity - came - change) / base, change
    if memory.doubt is not None:
        doubt += memory.doubt.amount
        old = at - memory.doubt.at >= BELIEVED_AFTER or abs(doubt) <= UNEXPLAINED * equity
        if old and doubt < equity:
            return unit * equity / (equity - doubt), ZERO
    return unit, doubt


def _worth_of(item: Since, book: Ledger) -> Decimal:
    """A change since E was seen, at the prices of now; coins of no known price are worth nothing yet."""
    return item.money + item.coins * (book.prices.get(item.asset) or ZERO)


UNEXPLAINED = Decimal("0.005")  # of E
AGREE_AFTER = timedelta(seconds=30)  # between two reads of an unexplained change
BELIEVED_AFTER = timedelta(days=1)  # venues list what came and went within hours


def unexplained(book: Ledger, memory: Memory, rescope: Decimal = ZERO) -> Decimal | None:
    """What of E since it was last seen neither prices, fills, flows, funding nor ``rescope`` explain, as a fraction."""
    known = _UNEXPLAINED.of(book.prices, memory)  # a plan asks several times, of ledgers that differ in coins alone
    for equity, marks, told, found in known:
        if marks is book.marks and (equity, told) == (book.equity, rescope):
            return found
    known.append((book.equity, book.marks, rescope, _unexplained(book, memory, rescope)))
    return known[-1][3]


_Asked = tuple[Decimal | None, Prices, Decimal, Decimal | None]
_UNEXPLAINED: KeptBeside[Prices, Memory, list[_Asked]] = KeptBeside(lambda _prices, _memory: [], 4)


def _unexplained(book: Ledger, memory: Memory, rescope: Decimal) -> Decimal | None:
    seen = memory.seen
    if seen is None or not book.equity or not (seen.coins or seen.contracts or seen.prices):
        return None
    expected = seen.equity + rescope
    for held, then, now in ((seen.coins, seen.prices, book.prices), (seen.contracts, seen.marks, book.marks)):
        for asset, amount in held.items():
            if asset not in now and seen.worth is not None:
                continue  # configured no more: told by `rescoped`
            before, after = then.get(asset), now.get(asset)
            if before is None or after is None:
                return None
            expected += amount * (after - before)
    for item in memory.since:
        price = (book.marks if item.swap else book.prices).get(item.asset)
        expected += item.money + (item.coins * (price - item.price) if item.coins and price is not None else ZERO)
    return (book.equity - expected) / book.equity
