"""Owns flexible savings: what is offered, what money in them earns by venue time, when that is paid. No I/O."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Context, Decimal

from bot.core.numbers import ZERO
from bot.venues.simulated.booking import book_interest
from bot.venues.simulated.fees import at_most
from bot.venues.simulated.records import ProductRecord, Refusal, RefusalCode
from bot.venues.simulated.state import Earning, State
from bot.venues.simulated.view import View

DAY = timedelta(days=1)
YEAR = timedelta(days=365)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE_MICROSECOND = timedelta(microseconds=1)
LAST_FRACTION = Decimal("1e-18")
# Of its own, so that no library's rounding is found in an account's bytes.
_LONG = Context(prec=60, rounding=ROUND_FLOOR)


def product_id(asset: str) -> str:
    """The name of the one product there is for a coin."""
    return f"{asset}001"


def products(view: View) -> list[ProductRecord]:
    """An instant product for each stablecoin of the rules that is traded here, by asset."""
    traded = {view.settle, *(part for symbol in view.scene.markets() for part in symbol.partition(":")[0].split("/"))}
    rules = view.rules
    return [
        ProductRecord(product_id(asset), asset, rules.savings_rate, rules.savings_min, rules.savings_quota)
        for asset in sorted(traded & set(rules.savings_assets))
    ]


def check_subscription(view: View, asset: str, amount: Decimal) -> None:
    """Raise `Refusal` where nothing is offered, or less or more is brought than the product takes."""
    product = next((one for one in products(view) if one.asset == asset), None)
    if product is None:
        raise Refusal(RefusalCode.NO_SAVINGS, f"no savings are offered for {asset} here")
    if amount < product.least:
        raise Refusal(RefusalCode.MIN_AMOUNT, f"{amount} {asset} are less than the {product.least} that savings take")
    if saved(view.state, asset) + amount > product.quota:
        raise Refusal(RefusalCode.SAVINGS_QUOTA, f"with {amount} {asset} more there were more than {product.quota}")


def saved(state: State, asset: str) -> Decimal:
    """Coins in savings, with the interest that was paid so far."""
    held = state.earning.get(asset)
    return held.amount if held else ZERO


def put(view: View, asset: str, amount: Decimal) -> None:
    """Bring coins, or take them out (below 0); what they earned until now stays owed."""
    state = view.state
    held = state.earning.get(asset) or Earning(ZERO, ZERO, state.now)
    grown = _grown(held, state.now, view.rules.savings_rate)
    state.earning[asset] = replace(grown, amount=grown.amount + amount)
    state.touch()


def paydays(view: View, to: datetime) -> list[datetime]:
    """Midnights (UTC) in (now, to] at which somebody is owed something."""
    if not view.state.earning:
        return []
    first = EPOCH + ((view.state.now - EPOCH) // DAY + 1) * DAY
    return [first + DAY * number for number in range((to - first) // DAY + 1)]


def pay(view: View) -> None:
    """Pay what is owed, down to the last whole unit, into savings; the rest of a unit stays owed."""
    state = view.state
    for asset, held in sorted(state.earning.items()):
        grown = _grown(held, state.now, view.rules.savings_rate)
        due = at_most(grown.owed)
        if due:
            book_interest(state, asset, due)
        if grown.amount + due:
            state.earning[asset] = replace(grown, amount=grown.amount + due, owed=grown.owed - due)
        else:
            del state.earning[asset]


def _grown(held: Earning, at: datetime, rate: Decimal) -> Earning:
    """The same savings with what they earned since they were last reckoned."""
    passed = Decimal((at - held.since) // ONE_MICROSECOND)
    earned = _LONG.divide(_LONG.multiply(held.amount * rate, passed), YEAR // ONE_MICROSECOND)
    return replace(held, owed=held.owed + _LONG.quantize(earned, LAST_FRACTION), since=at)
