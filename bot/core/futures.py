"""Owns the arithmetic of legs: when a perpetual may be opened, margin, legs, a sale's tax (R-A4, R-A12, R-A20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal

from bot.core.costs import funding_view
from bot.core.desk import Desk
from bot.core.instruments import is_swap
from bot.core.lots import Lot, less, tax_of_sale, uncosted
from bot.core.numbers import CENT, ONE, ZERO, fraction, plain
from bot.core.orders import Purpose
from bot.core.sizing import percent
from bot.core.snapshot import Position
from bot.core.wishes import Hold, Leg, Move, Wish

MARGIN_HEADROOM = Decimal("1.1")  # a little more than is needed, so that a tick does not ask for a second transfer
TRIES = 2  # transfers sent without money arriving, after which the leg is given up for now
LEAST_MOVE = Decimal(1)
HALF = Decimal("0.5")  # of a band over the neutral target, from which a bear regime hedges
BEAR_HEDGE = "R-A6"
COMPLETED_WITHIN = timedelta(days=1)  # a bear hedge, from its first fill
AFTER_STOP = timedelta(days=7)  # no new bridge where one was stopped (R-A14)
DELISTING = "delisting"  # a macro event of this impact named after the asset
NOT_REOPENED = timedelta(hours=24)  # after a position vanished without an order of ours (R-W7)


def no_futures(desk: Desk, asset: str) -> str:
    """Why no perpetual of an asset may be opened at all; empty when one may."""
    policy = desk.policy
    if not policy.futures or "futures" not in policy.instruments_for(asset):
        return "futures off"
    if "swap" not in desk.snapshot.account.can:
        return "no futures on this account"
    symbol = desk.contract(asset).symbol
    market = desk.market(symbol)
    if market is None or not market.active or desk.ledger.marks.get(asset) is None:
        return "no perpetual"
    if delisted(desk, asset):
        return "its delisting is announced"
    gone = desk.memory.vanished.get(symbol)
    if gone is not None and gone.how == "liquidation":
        return f"liquidated on {gone.at:%Y-%m-%d}: an operator re-arms it"
    if gone is not None and desk.snapshot.at - gone.at < NOT_REOPENED:
        return f"its position vanished on {gone.at:%Y-%m-%d %H:%M}"
    return ""


def delisted(desk: Desk, asset: str) -> bool:
    """Whether a macro event that has begun announces the asset's delisting (R-A17)."""
    return any(
        item.impact.lower() == DELISTING and item.name == asset and item.start <= desk.snapshot.at
        for item in desk.snapshot.feeds.macro or ()
    )


def paced(desk: Desk, asset: str) -> datetime | None:
    """When the next increment of upkeep may follow the asset's last trade (R-G6); None = now.

    Hedges and bridges have no episode whose increments could be counted: the last fill is what there is.
    """
    last = desk.memory.last_trades.get(asset)
    ready = last.at + desk.policy.pace.increment_interval if last is not None else None
    return ready if ready is not None and desk.snapshot.at < ready else None


def no_short(desk: Desk, asset: str) -> str:
    """Why the hedge share is 0 (R-A4); empty when a short may be opened."""
    hedge = desk.policy.hedge_for(asset)
    why = no_futures(desk, asset)
    if why or not hedge.enabled:
        return why or "hedging off"
    funding = funding_view(desk.contract(asset).symbol, desk)
    if funding is None:
        return "funding unknown"
    if funding.paid_by_short() > hedge.funding_limit:
        return f"shorts pay {percent(funding.paid_by_short())} a year, limit {percent(hedge.funding_limit)}"
    distance = desk.ledger.distance
    if distance is not None and distance < desk.policy.limits.top_up_distance:
        return f"distance to liquidation {percent(distance)} under {percent(desk.policy.limits.top_up_distance)}"
    if desk.ledger.contracts.get(asset, ZERO) > 0:
        return "a bridge is closed first"
    return _no_margin(desk, asset, margin_of(desk, asset, hedge.min_size * desk.equity, hedge.leverage))


def bear_hedged(desk: Desk, asset: str) -> bool:
    """Whether a bear hedge stands (R-A6); one opened beside a trim's short goes on under the older one's reason."""
    facts = desk.hedges(asset, "hedge")
    return any(item.reason.startswith(BEAR_HEDGE) for item in facts) or (bool(facts) and _lately(desk, asset))


def bear_hedge(desk: Desk, asset: str) -> Decimal:
    """Coins that a bear regime shorts of an overweight instead of selling it (R-A6); 0 where it has nothing to do.

    One short of `hedge.bear_size` at most; what slices and fills left of it is completed within a day.
    """
    exposure, hedge = desk.exposure(asset), desk.policy.hedge_for(asset)
    over = fraction(desk.ledger.net(asset) - desk.seen.neutral.get(asset, exposure.target))
    band = desk.seen.neutral_bands.get(asset, exposure.band)
    if desk.seen.regime != "bear" or over < fraction(HALF * band) or no_short(desk, asset):
        return ZERO
    own = [item for item in desk.hedges(asset, "hedge") if item.reason.startswith(BEAR_HEDGE)]
    young = any(desk.snapshot.at - item.opened_at < COMPLETED_WITHIN for item in own)
    if not young and (bear_hedged(desk, asset) or _lately(desk, asset)):
        return ZERO
    worth, contract = mark(desk, asset), desk.contract(asset)
    stands = sum((item.contracts for item in own), ZERO) * contract.coins * worth / desk.equity
    held, contracts = desk.ledger.coins.get(asset, ZERO), desk.ledger.contracts.get(asset, ZERO)
    room = held * min(ONE, hedge.max_ratio) + min(ZERO, contracts)
    coins = min(min(hedge.bear_size - stands, over) * desk.equity / worth, room)
    return coins if coins > 0 and coins * worth >= hedge.min_size * desk.equity else ZERO


def _lately(desk: Desk, asset: str) -> bool:
    """Whether a bear hedge was opened on the asset less than `max_age` ago."""
    last = desk.memory.last_bear_hedge.get(asset)
    return last is not None and desk.snapshot.at - last < desk.policy.hedge_for(asset).max_age


def no_long(desk: Desk, asset: str, *, lifting: bool = False) -> str:
    """Why no bridge may be opened (R-A12, R-A14); empty when one may. ``lifting``: it is for a share of risk (R-T5)."""
    bridge = desk.policy.bridge_for(asset)
    why = no_futures(desk, asset)
    if why or not bridge.enabled:
        return why or "bridges off"
    why = _stands(desk, asset, lifting=lifting)
    if why:
        return why
    funding = funding_view(desk.contract(asset).symbol, desk)
    if funding is None or funding.paid_by_long() >= bridge.funding_limit:
        paid = f"longs pay {percent(funding.paid_by_long())} a year" if funding else ""
        return f"{paid}, limit {percent(bridge.funding_limit)}" if paid else "funding unknown"
    stopped = desk.memory.stopped_bridges.get(asset)
    if stopped is not None and desk.snapshot.at - stopped < AFTER_STOP:
        return f"a bridge was stopped on {stopped:%Y-%m-%d}"
    if _losing(desk, asset) >= bridge.stop / 2:
        return f"the bridge that stands lost {percent(_losing(desk, asset))}: it is not enlarged"
    distance = desk.ledger.distance
    if distance is not None and distance < bridge.liquidation_distance:
        return f"distance to liquidation {percent(distance)} under {percent(bridge.liquidation_distance)}"
    return _no_margin(desk, asset, ONE)


def _stands(desk: Desk, asset: str, *, lifting: bool) -> str:
    """What of the asset's one position forbids a bridge: one-way mode has one side (R-A20)."""
    if desk.ledger.index.get(asset, ZERO) < 0:
        return "an index hedge stands on its perpetual"
    if desk.lifted(asset) and not lifting:
        return "a long lifts its share of risk"
    return "the short is closed first" if desk.ledger.contracts.get(asset, ZERO) < 0 else ""


def _losing(desk: Desk, asset: str) -> Decimal:
    """What the long on an asset lost, mark against entry; 0 without one (R-A14: never doubled)."""
    symbol = desk.contract(asset).symbol
    held = next((item for item in desk.snapshot.positions if item.symbol == symbol and item.side == "long"), None)
    if held is None or not held.entry_price or not held.contracts:
        return ZERO
    entry = held.entry_price / desk.contract(asset).coins
    return max(ZERO, (entry - mark(desk, asset)) / entry)


def _no_margin(desk: Desk, asset: str, need: Decimal) -> str:
    """Margin lies there, comes, or can be brought: by a transfer that has not failed again and again."""
    reach = margin_in_reach(desk, asset)
    if reach is None or reach >= need:
        return ""
    if desk.memory.wishes.get(f"{asset}:transfer:", 0) >= TRIES:
        return "margin did not arrive"
    return f"no margin: {reach:.2f} in reach of the futures wallet"


def margin_in_reach(desk: Desk, asset: str) -> Decimal | None:
    """What the futures wallet has, is being sent, or could be sent, for margin; None where one wallet serves both."""
    ledger = desk.ledger
    if ledger.unified:
        return None
    here = own_margin(desk)
    if not ledger.movable or desk.memory.wishes.get(f"{asset}:transfer:", 0) >= TRIES:
        return here
    return here + desk.moving.get("futures", ZERO) + own_cash(desk)


def brought(desk: Desk) -> Decimal:
    """What this plan's spot sales bring once they are filled, less fees: promised, not there yet."""
    legs = (leg for earlier in desk.approved for leg in earlier.legs)
    return sum((leg.notional * (ONE - desk.taker(leg.symbol)) for leg in legs if _sells_spot(leg)), ZERO)


def own_cash(desk: Desk) -> Decimal:
    """Spot stables that lie there now: what this plan's sales may bring can't be moved before they are filled."""
    promised = brought(desk) + (released(desk) if desk.ledger.unified else ZERO)
    return max(ZERO, desk.ledger.stables_spot - desk.ledger.reserved - promised)


def released(desk: Desk) -> Decimal:
    """Margin that this plan's closing legs set free once they are filled: promised, not there yet."""
    legs = [leg for earlier in desk.approved for leg in earlier.legs if leg.reduce_only]
    margins = {item.symbol: _margin_each(item) for item in desk.snapshot.positions} if legs else {}
    return sum((abs(leg.qty) * margins.get(leg.symbol, ZERO) for leg in legs), ZERO)


def _margin_each(position: Position) -> Decimal:
    """Initial margin of one contract."""
    if not position.contracts:
        return ZERO
    worth = (position.mark_price or position.entry_price or ZERO) / (position.leverage or ONE)
    return position.initial_margin / position.contracts if position.initial_margin is not None else worth


def own_margin(desk: Desk) -> Decimal:
    """What of the futures wallet is free now, without margin that this plan may set free."""
    return max(ZERO, desk.ledger.futures_available - released(desk))


def own_powder(desk: Desk) -> Decimal:
    """Dry powder that lies there now: without what this plan's spot sales may bring and its closings set free."""
    return max(ZERO, _surely(desk))


def buying_power(desk: Desk) -> Decimal:
    """Dry powder for spot: this plan's sales may pay, as a buy is scaled to what they bring; freed margin may not."""
    return max(ZERO, _surely(desk) + brought(desk))


def _surely(desk: Desk) -> Decimal:
    """L over the floor, were nothing of this plan's sales and closings filled."""
    freed = released(desk) if desk.ledger.movable else ZERO
    return desk.ledger.liquid - brought(desk) - freed - desk.floor


def sales(desk: Desk) -> tuple[str, ...]:
    """The actions of this plan that sell spot, whatever for: what buys with their money names them in `funded_by`."""
    return tuple(
        desk.action_id(index) for index, earlier in enumerate(desk.approved) if any(map(_sells_spot, earlier.legs))
    )


def _sells_spot(leg: Leg) -> bool:
    return leg.qty < 0 and not is_swap(leg.symbol)


def backed(desk: Desk, wish: Wish) -> Wish | Hold:
    """An opening no larger than what lies there, and what the same action sells before it, carries over the floor.

    Execution scales buys alone by what funds them, so margin must not lean on another action's sale (R-T6). Nor is
    spot money moved twice by wishes that were thought of together.
    """
    have, moved = own_cash(desk), sum((item.amount for item in wish.moves if item.source == "spot"), ZERO)
    if moved > have:
        why = f"another transfer of this plan takes what lies there: {moved:.2f} wanted, {have:.2f} left"
        return Hold(wish.asset, "R-A20", why, f"{moved:.2f} in the spot wallet, now {have:.2f}")
    opens = [leg for leg in wish.legs if is_swap(leg.symbol) and not leg.reduce_only]
    if not opens or not (brought(desk) or released(desk)) or wish.cls == "safety":
        return wish
    margin = sum((margin_of(desk, wish.asset, leg.notional, leg.leverage or ONE) for leg in opens), ZERO)
    buys = sum((leg.notional for leg in wish.legs if leg.qty > 0 and not is_swap(leg.symbol)), ZERO)
    brings = sum((leg.notional * (ONE - desk.taker(leg.symbol)) for leg in wish.legs if _sells_spot(leg)), ZERO)
    room = max(ZERO, _surely(desk) + brings)
    share = min(ONE, room / (margin + buys), ONE if desk.ledger.unified else own_margin(desk) / margin)
    if share > 0:
        return wish.scaled(share) if share < ONE else wish
    have = min(room, room if desk.ledger.unified else own_margin(desk))
    why = f"its margin waits for what this plan sells and closes: {have:.2f} lies there now"
    return Hold(wish.asset, wish.rule, why, f"{margin + buys:.2f} of free margin over the floor, now {have:.2f}")


def prefund(desk: Desk, asset: str, now: Decimal, way: Decimal, why: str) -> Wish | None:
    """The transfer that must have arrived before margin ``now`` can be used; ``way`` the margin of the whole way.

    None when the margin lies there, or comes with this plan already.
    """
    have = own_margin(desk)
    if desk.ledger.unified or have >= now:
        return None
    amount = max(now, way) * MARGIN_HEADROOM - have
    amount = min(amount, own_cash(desk)).quantize(CENT, ROUND_FLOOR)
    if desk.moving.get("futures", ZERO) >= now or amount < LEAST_MOVE:
        return None
    whole = f" ({way:.2f} for its whole way)" if way > now else ""
    text = f"R-A20: {why} needs {now:.2f} of margin{whole}, the futures wallet has {have:.2f}: {amount:.2f} is moved"
    move = Move(desk.policy.accounting_currency, amount, "spot", "futures")
    return Wish("R-A20", "transfer", "upkeep", asset, text, moves=(move,))


def margin_of(desk: Desk, asset: str, notional: Decimal, leverage: Decimal) -> Decimal:
    """Initial margin and the opening fee."""
    symbol = desk.contract(asset).symbol
    return notional * (ONE / _leverage(desk, symbol, leverage) + desk.taker(symbol))


def _leverage(desk: Desk, symbol: str, wanted: Decimal) -> Decimal:
    """The leverage that a standing position has: another one would call margin for all of it (R-A20)."""
    held = next((item for item in desk.snapshot.positions if item.symbol == symbol and item.contracts), None)
    if held is None or not held.leverage or held.leverage > desk.policy.limits.leverage:
        return wanted
    return held.leverage


def opened(desk: Desk, asset: str, coins: Decimal, purpose: Purpose, leverage: Decimal) -> Leg:
    """A leg that opens ``coins`` (signed) of an asset's perpetual at its mark; asked only where there is one."""
    contract = desk.contract(asset)
    kept = _leverage(desk, contract.symbol, leverage)
    return Leg(contract.symbol, coins / contract.coins, mark(desk, asset) * contract.coins, purpose, leverage=kept)


def closed(desk: Desk, asset: str, coins: Decimal, purpose: Purpose) -> Leg:
    """A reduce-only leg of ``coins`` (signed: + buys a short back)."""
    contract = desk.contract(asset)
    return Leg(contract.symbol, coins / contract.coins, mark(desk, asset) * contract.coins, purpose, reduce_only=True)


def covers(desk: Desk, asset: str) -> tuple[Leg, ...]:
    """Reduce-only legs that buy back all that is short of an asset, one for each purpose that memory knows of."""
    index = -min(ZERO, desk.ledger.index.get(asset, ZERO))
    short = -min(ZERO, desk.ledger.contracts.get(asset, ZERO))
    if desk.ledger.marks.get(asset) is None:
        return ()
    last = (closed(desk, asset, index, "index"),) if index else ()
    return (*covering(desk, asset, short), *last)


def covering(desk: Desk, asset: str, coins: Decimal) -> tuple[Leg, ...]:
    """Reduce-only legs that buy ``coins`` of a short back: what hedges first, then what is short for risk (R-T5).

    Each leg says whose it is, so that no purpose is thought to stand longer than it does. A part under the venue's
    least goes with the other one.
    """
    hedge = -min(ZERO, desk.ledger.contracts.get(asset, ZERO)) - desk.risk_short(asset)
    first = max(ZERO, min(coins, hedge))
    legs = [closed(desk, asset, part, purpose) for part, purpose in _purposes(first, coins - first) if part > 0]
    market = desk.market(desk.contract(asset).symbol)
    if len(legs) > 1 and market and any(leg.qty < market.smallest(leg.price, reduce_only=True) for leg in legs):
        return (closed(desk, asset, coins, "hedge" if first >= coins - first else "risk"),)
    return tuple(legs)


def least_rest(desk: Desk, asset: str, short: Decimal, coins: Decimal) -> Decimal:
    """``coins`` of a short to buy back, or the whole of it where the venue would not take the rest alone (R-G11)."""
    contract = desk.contract(asset)
    market = desk.market(contract.symbol)
    small = (
        market is not None and market.smallest(mark(desk, asset) * contract.coins) > (short - coins) / contract.coins
    )
    return short if small else coins


def _purposes(hedge: Decimal, risk: Decimal) -> tuple[tuple[Decimal, Purpose], ...]:
    return (hedge, "hedge"), (risk, "risk")


def mark(desk: Desk, asset: str) -> Decimal:
    """The mark price per coin, else the spot price; raises ValueError where neither is known."""
    price = desk.ledger.marks.get(asset) or desk.ledger.prices.get(asset)
    if price is None:
        message = f"{asset} has no price"
        raise ValueError(message)
    return price


def sellable(desk: Desk, asset: str) -> Decimal:
    """Coins that may be sold now: free, and beyond those kept (R-T9)."""
    kept = desk.policy.targets.keep.get(asset, ZERO)
    return max(ZERO, min(desk.ledger.free.get(asset, ZERO), desk.ledger.coins.get(asset, ZERO) - kept))


def free_needed(desk: Desk, asset: str) -> str:
    """Free coins that a sale would need beyond those kept, and those there are (R-T9)."""
    kept, free = desk.policy.targets.keep.get(asset, ZERO), desk.ledger.free.get(asset, ZERO)
    return f"more than {plain(kept)} free coins (kept), now {plain(free)}"


def sale(desk: Desk, asset: str, coins: Decimal) -> tuple[Leg, ...]:
    """A spot sale outside a split trim, with the same share of the short on those coins closed before it (R-A8)."""
    price = desk.ledger.prices.get(asset) or mark(desk, asset)
    sold = Leg(desk.spot(asset), -coins, price)
    held = desk.ledger.coins.get(asset, ZERO)
    short = -min(ZERO, desk.ledger.contracts.get(asset, ZERO))
    if not short or not held or desk.ledger.marks.get(asset) is None:
        return (sold,)
    return (*covering(desk, asset, short * coins / held), sold)


def tax_of(legs: Sequence[Leg], desk: Desk) -> Decimal:
    """The tax that spot sales are expected to cost, accounting currency; 0 while `costs.tax_rate` is off (R-G10).

    First in, first out, of the gain alone, after what this plan sells before; what nobody knows the cost of is taxed
    whole.
    """
    rate = desk.policy.costs.tax_rate
    if not rate:
        return ZERO
    return sum((tax_of_sale(own, coins, price, rate) for _asset, coins, price, own in _sold(legs, desk)), ZERO)


def taxed_whole(legs: Sequence[Leg], desk: Desk) -> str:
    """Which sold coins are taxed whole, since nobody knows what they cost; empty where there are none."""
    if not desk.policy.costs.tax_rate or desk.memory.lots is None:
        return ""
    words = []
    for asset, coins, _price, own in _sold(legs, desk):
        unknown = uncosted(own, coins)
        if unknown:
            words.append(f"what {plain(unknown)} of {plain(coins)} {asset} cost is unknown: taxed whole")
    return "; ".join(words)


def _sold(legs: Sequence[Leg], desk: Desk) -> Iterator[tuple[str, Decimal, Decimal, tuple[Lot, ...]]]:
    """Spot sales of a wish: asset, coins, price, and the lots that earlier sales leave of it."""
    gone: dict[str, Decimal] = {}
    for leg in (*(leg for wish in desk.approved for leg in wish.legs), *legs):
        if leg.qty >= 0 or is_swap(leg.symbol):
            continue
        asset, _ = desk.asset_of(leg.symbol)
        before = gone.get(asset, ZERO)
        gone[asset] = before - leg.qty
        if any(leg is own for own in legs):
            yield asset, -leg.qty, leg.price, less((desk.memory.lots or {}).get(asset, ()), before)


def change_of(desk: Desk, legs: tuple[Leg, ...]) -> Decimal:
    """What legs change in net exposure, fractions of E; index legs change none."""
    return sum((leg.qty * leg.price for leg in legs if leg.purpose != "index"), ZERO) / desk.equity


def longs(desk: Desk) -> Decimal:
    """Notional of all bridges over E."""
    names = sorted(name for name, coins in desk.ledger.contracts.items() if coins > 0)
    return sum((desk.ledger.futures_weight(name) for name in names), ZERO)


def parts_of(
    powder: Decimal, size: Decimal, way: Decimal, increment: Decimal, leverage: Decimal, *, by_route: bool
) -> tuple[Decimal, Decimal]:
    """Margin of a bridge and spot bought beside it, fractions of E (R-A11).

    By the route: margin min(increment, way / k, P / 2), so that as much stays to convert. Else what P lacks:
    margin min(P, (w - P) / (k - 1)) and the rest of P in spot; nothing where P reaches.
    """
    if by_route:
        return max(ZERO, min(increment, way / leverage, powder / 2)), ZERO
    if size <= powder or leverage <= 1:
        return ZERO, ZERO
    margin = min(powder, (size - powder) / (leverage - 1))
    return margin, powder - margin
