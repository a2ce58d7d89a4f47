"""Owns the stable floor: no order of the bot takes L under it, at its worst price, fees included (R-G7, R-T6). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bot.core.copies import changed
from bot.core.desk import Desk
from bot.core.instruments import is_swap
from bot.core.numbers import ONE, ZERO, floor_to
from bot.core.sizing import percent
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Leg, Wish

GATE = "R-G7"
FILLABLE = Decimal("0.0005")  # a buy sized to the floor still bids this far over the reference


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Spot buys, opened margin and parking at their worst; what the same wish sells or releases pays for them first."""
    spends = [leg for leg in wish.legs if _spends(leg)]
    parked = sum((move.amount for move in wish.moves if move.to == "earn"), ZERO)
    if not spends and not parked:
        return wish, passed(GATE)
    room = _Room.of(wish, desk)
    if room.holds(spends, desk, ONE) and parked <= room.powder:
        return wish, passed(GATE)
    floor = percent(desk.policy.targets.stables.floor)
    worst = parked + sum((_takes(leg, desk, _worst(leg)) for leg in spends), ZERO)
    least = parked + sum((_takes(leg, desk, _least(leg)) for leg in spends), ZERO)
    bought = sum((_takes(leg, desk, _least(leg)) for leg in spends if not is_swap(leg.symbol)), ZERO)
    short_of_cash = bought > room.cash
    have = room.cash if short_of_cash else room.powder
    why = f"takes up to {worst:.2f}, dry powder {max(ZERO, have):.2f} over the floor of {floor}"
    nearest = f"{bought if short_of_cash else least:.2f} of dry powder, now {max(ZERO, have):.2f}"
    share = min(room.powder / least, room.cash / bought if bought else ONE)
    if share <= 0:
        return wish, Verdict(GATE, "defer", why, nearest)
    if share < ONE:
        return _capped(wish.scaled(share), desk), Verdict(GATE, "resize", why, nearest, scale=share)
    return _capped(wish, desk), passed(GATE)  # smaller only in its limit prices


@dataclass(frozen=True, slots=True)
class _Room:
    """What a wish may spend, accounting currency: of L over the floor, and of the spot wallet alone."""

    powder: Decimal
    cash: Decimal

    @classmethod
    def of(cls, wish: Wish, desk: Desk) -> _Room:
        brought = sum((_brings(leg, desk) for leg in wish.legs), ZERO)
        cash = desk.ledger.stables_spot - desk.ledger.reserved + brought
        released = _released(wish, desk)
        free = released if desk.ledger.movable else ZERO
        powder = desk.ledger.liquid - desk.floor + brought + free
        return cls(powder, cash + (released if desk.ledger.unified else ZERO))

    def holds(self, spends: list[Leg], desk: Desk, share: Decimal) -> bool:
        """Whether legs at ``share`` of their size stay inside it at their worst price."""
        spot = sum((_takes(leg, desk, _worst(leg)) for leg in spends if not is_swap(leg.symbol)), ZERO)
        whole = sum((_takes(leg, desk, _worst(leg)) for leg in spends), ZERO)
        return whole * share <= self.powder and spot * share <= self.cash


def _released(wish: Wish, desk: Desk) -> Decimal:
    """Margin that the wish's own reduce-only legs set free, less their fees: they go before what they pay for."""
    total = ZERO
    for leg in wish.legs:
        asset, coins = desk.asset_of(leg.symbol)
        held = abs(desk.ledger.contracts.get(asset, ZERO)) + abs(desk.ledger.index.get(asset, ZERO))
        if is_swap(leg.symbol) and leg.reduce_only and held:
            part = min(ONE, abs(leg.qty) * coins / held)
            total += desk.ledger.margins.get(asset, ZERO) * part - leg.notional * desk.taker(leg.symbol)
    return total


def _capped(wish: Wish, desk: Desk) -> Wish:
    """Lower limit prices of what is bought, so that the worst case stays inside the room."""
    room = _Room.of(wish, desk)
    spends = [leg for leg in wish.legs if _spends(leg)]
    fixed = sum((_takes(leg, desk, _worst(leg)) for leg in spends if leg.qty < 0), ZERO)
    spot = sum((_takes(leg, desk, leg.price) for leg in spends if leg.qty > 0 and not is_swap(leg.symbol)), ZERO)
    whole = sum((_takes(leg, desk, leg.price) for leg in spends if leg.qty > 0), ZERO)
    if not whole:
        return wish
    reach = (room.powder - fixed) / whole
    legs = []
    for leg in wish.legs:
        if _spends(leg) and leg.qty > 0:
            own = reach if is_swap(leg.symbol) else min(reach, room.cash / spot)
            market = desk.market(leg.symbol)
            cap = floor_to(leg.price * own, market.tick if market else None)
            legs.append(changed(leg, limit=min(leg.limit, cap) if leg.limit is not None else cap))
        else:
            legs.append(leg)
    return changed(wish, legs=tuple(legs))


def _spends(leg: Leg) -> bool:
    return not leg.reduce_only and (is_swap(leg.symbol) or leg.qty > 0)


def _worst(leg: Leg) -> Decimal:
    """The price at which a leg takes most: a buy's limit; a short as far over its reference as its limit lies under it.

    A short's limit is the least it sells for, and the better it sells, the more margin it takes.
    """
    limit = leg.price if leg.limit is None else leg.limit
    return limit if leg.qty > 0 else max(limit, 2 * leg.price - limit)


def _least(leg: Leg) -> Decimal:
    """The price by which what does not fit is sized: a buy's limit comes down after that, a short has none above it."""
    nearest = leg.price * (ONE + FILLABLE)
    return nearest if leg.qty > 0 else max(_worst(leg), nearest)


def _takes(leg: Leg, desk: Desk, price: Decimal) -> Decimal:
    fee = desk.taker(leg.symbol)
    share = ONE / (leg.leverage or ONE) if is_swap(leg.symbol) else ONE
    return abs(leg.qty) * price * (share + fee)


def _brings(leg: Leg, desk: Desk) -> Decimal:
    """What a sale brings at least: at its limit, after fees."""
    if is_swap(leg.symbol) or leg.qty >= 0:
        return ZERO
    return abs(leg.qty) * (leg.limit or leg.price) * (ONE - desk.taker(leg.symbol))
