"""Owns the endpoints of flexible savings under /sapi/v1/simple-earn: products, positions, moves and their histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from bot.core.numbers import ZERO, from_milliseconds, milliseconds, plain
from bot.local_exchange import orders, refusals
from bot.local_exchange.calls import Call, Endpoint, Routes, money
from bot.local_exchange.errors import WireError
from bot.venues.simulated.exchange import IncomeRecord, ProductRecord, Refusal, TransferRecord
from bot.venues.simulated.records import WalletName
from bot.venues.simulated.savings import product_id

SEE_WEIGHT = 150
PAUSE = timedelta(seconds=3)  # between two moves of the same direction
SPAN = timedelta(days=30)
SPAN_MOST = timedelta(days=90)
SOURCES = frozenset({"SPOT", "FUND", "ALL"})
DESTINATIONS = frozenset({"SPOT", "FUND"})
REWARDS = frozenset({"BONUS", "REALTIME", "REWARDS", "ALL"})

Row = TypeVar("Row")


def products(call: Call) -> dict[str, Any]:
    """What is offered."""
    asset = call.said.text_or_none("asset")
    found = [one for one in call.exchange.products() if asset in (None, one.asset)]
    return _page(call, found, _product)


def _product(one: ProductRecord) -> dict[str, Any]:
    return {
        "asset": one.asset,
        "latestAnnualPercentageRate": money(one.rate),
        "tierAnnualPercentageRate": {},
        "airDropPercentageRate": "0.00000000",
        "canPurchase": True,
        "canRedeem": True,
        "isSoldOut": False,
        "hot": False,
        "minPurchaseAmount": money(one.least),
        "productId": one.product,
        "subscriptionStartTime": 0,
        "status": "PURCHASING",
    }


def positions(call: Call) -> dict[str, Any]:
    """What is saved, with what it was paid."""
    asset, product = call.said.text_or_none("asset"), call.said.text_or_none("productId")
    saved = call.exchange.earn()
    found = [
        one
        for one in call.exchange.products()
        if one.asset in saved and asset in (None, one.asset) and product in (None, one.product)
    ]
    return _page(call, found, lambda one: _position(call, one, saved[one.asset]))


def _position(call: Call, one: ProductRecord, amount: Decimal) -> dict[str, Any]:
    paid = [record for record in _paid(call) if record.asset == one.asset]
    total = sum((record.amount for record in paid), ZERO)
    lately = sum((record.amount for record in paid if record.at > call.at - timedelta(days=1)), ZERO)
    return {
        "totalAmount": money(amount),
        "tierAnnualPercentageRate": {},
        "latestAnnualPercentageRate": money(one.rate),
        "yesterdayAirdropPercentageRate": "0.00000000",
        "asset": one.asset,
        "airDropAsset": "",
        "canRedeem": True,
        "collateralAmount": "0.00000000",
        "productId": one.product,
        "yesterdayRealTimeRewards": money(lately),
        "cumulativeBonusRewards": "0.00000000",
        "cumulativeRealTimeRewards": money(total),
        "cumulativeTotalRewards": money(total),
        "autoSubscribe": False,
    }


def quota(call: Call) -> dict[str, Any]:
    """How much more the product would take."""
    one = _named(call)
    return {"leftPersonalQuota": money(max(ZERO, one.quota - call.exchange.earn().get(one.asset, ZERO)))}


def subscribe(call: Call) -> dict[str, Any]:
    """Bring coins from the spot wallet; nothing is ever brought by itself, ``autoSubscribe`` or not."""
    one, amount = _named(call), call.said.decimal("amount")
    call.said.flag("autoSubscribe")
    if _account(call, "sourceAccount", SOURCES) == "FUND":
        raise WireError(-6012, "Balance not enough.")  # there is no funding wallet, so nothing lies in it
    return {"purchaseId": _moved(call, one.asset, amount, "spot", "earn"), "success": True}


def redeem(call: Call) -> dict[str, Any]:
    """Take coins back to the spot wallet, where they are before the answer is."""
    one = _named(call)
    whole = call.said.flag("redeemAll")
    amount = call.exchange.earn().get(one.asset, ZERO) if whole else call.said.decimal("amount")
    if _account(call, "destAccount", DESTINATIONS) != "SPOT":
        raise WireError(-1130, "Data sent for parameter 'destAccount' is not valid.")
    if not amount:
        raise WireError(-6006, "Redeem amount error.")
    return {"redeemId": _moved(call, one.asset, amount, "earn", "spot"), "success": True}


def _named(call: Call) -> ProductRecord:
    product = call.said.text("productId")
    found = next((one for one in call.exchange.products() if one.product == product), None)
    if found is None:
        raise WireError(-6001, "Daily product not exist.")
    return found


def _account(call: Call, name: str, legal: frozenset[str]) -> str:
    said = call.said.text_or_none(name) or "SPOT"
    if said not in legal:
        raise WireError(-1130, f"Data sent for parameter '{name}' is not valid.")
    return said


def _moved(call: Call, asset: str, amount: Decimal, source: WalletName, to: WalletName) -> int:
    before = _moves(call, source, to)
    if before and call.at - before[-1].at < PAUSE:
        raise WireError(-6009, "Request frequency too high.")
    try:
        return call.exchange.transfer(asset, amount, source, to).transfer_id
    except Refusal as refusal:
        raise refusals.of_savings(refusal, redeems=source == "earn") from refusal


def _moves(call: Call, source: WalletName, to: WalletName) -> list[TransferRecord]:
    made = call.exchange.transfers(limit=call.exchange.rules.history_max)
    return [one for one in made if (one.source, one.to) == (source, to)]


def subscriptions(call: Call) -> dict[str, Any]:
    """What was brought, newest first."""

    def row(one: TransferRecord) -> dict[str, Any]:
        return _move(one) | {
            "purchaseId": one.transfer_id,
            "productId": product_id(one.asset),
            "type": "NORMAL",
            "sourceAccount": "SPOT",
            "status": "SUCCESS",
        }

    return _page(call, _history(call, _moves(call, "spot", "earn"), "purchaseId"), row)


def redemptions(call: Call) -> dict[str, Any]:
    """What was taken back, newest first."""

    def row(one: TransferRecord) -> dict[str, Any]:
        # Here Binance says projectId where everything else says productId.
        return _move(one) | {
            "projectId": product_id(one.asset),
            "redeemId": one.transfer_id,
            "destAccount": "SPOT",
            "status": "PAID",
        }

    return _page(call, _history(call, _moves(call, "earn", "spot"), "redeemId"), row)


def _move(one: TransferRecord) -> dict[str, Any]:
    return {"amount": money(one.amount), "asset": one.asset, "time": milliseconds(one.at)}


def _history(call: Call, made: Sequence[TransferRecord], number: str) -> list[TransferRecord]:
    wanted = call.said.whole_or_none(number)
    asset, product = call.said.text_or_none("asset"), call.said.text_or_none("productId")
    return [
        one
        for one in _within(call, made, lambda one: one.at)
        if wanted in (None, one.transfer_id) and asset in (None, one.asset) and product in (None, product_id(one.asset))
    ]


def rewards(call: Call) -> dict[str, Any]:
    """What was paid, newest first: all of it by the plain rate, nothing as a bonus."""
    kind, asset = call.said.text("type"), call.said.text_or_none("asset")
    product = call.said.text_or_none("productId")
    if kind not in REWARDS:
        raise WireError(-1130, "Data sent for parameter 'type' is not valid.")
    found = [
        one
        for one in _within(call, _paid(call), lambda one: one.at)
        if kind != "BONUS" and asset in (None, one.asset) and product in (None, product_id(one.asset))
    ]
    return _page(call, found, _reward)


def _reward(one: IncomeRecord) -> dict[str, Any]:
    return {
        "asset": one.asset,
        "rewards": plain(one.amount),
        "projectId": product_id(one.asset),
        "type": "REALTIME",
        "time": milliseconds(one.at),
    }


def _paid(call: Call) -> list[IncomeRecord]:
    return call.exchange.interest(limit=call.exchange.rules.history_max)


def _within(call: Call, rows: Sequence[Row], at: Callable[[Row], datetime]) -> list[Row]:
    """Newest first: of the span, of thirty days from the end it names, or of the last thirty; at most ninety."""
    orders.refuse_long_spans(call, SPAN_MOST, WireError(-1127, "More than 90 days between startTime and endTime."))
    start, end = call.said.span()
    first = from_milliseconds(start) if start is not None else None
    # A millisecond's end belongs to it: instants have microseconds, the wire has none.
    last = from_milliseconds(end + 1) if end is not None else None
    if last is None:
        last = first + SPAN if first is not None else call.at + timedelta(microseconds=1)
    if first is None:
        first = last - SPAN
    return [row for row in rows if first <= at(row) < last][::-1]


def _page(call: Call, found: Sequence[Row], row: Callable[[Row], dict[str, Any]]) -> dict[str, Any]:
    size = min(max(call.said.whole_or_none("size") or 10, 1), 100)
    page = max(call.said.whole_or_none("current") or 1, 1)
    return {"rows": [row(one) for one in found[(page - 1) * size : page * size]], "total": len(found)}


_EARN = "/sapi/v1/simple-earn/flexible"
ROUTES: Routes = {
    ("GET", f"{_EARN}/list"): Endpoint(products, SEE_WEIGHT, signed=True),
    ("GET", f"{_EARN}/position"): Endpoint(positions, SEE_WEIGHT, signed=True),
    ("GET", f"{_EARN}/personalLeftQuota"): Endpoint(quota, SEE_WEIGHT, signed=True),
    ("POST", f"{_EARN}/subscribe"): Endpoint(subscribe, signed=True),
    ("POST", f"{_EARN}/redeem"): Endpoint(redeem, signed=True),
    ("GET", f"{_EARN}/history/subscriptionRecord"): Endpoint(subscriptions, SEE_WEIGHT, signed=True),
    ("GET", f"{_EARN}/history/redemptionRecord"): Endpoint(redemptions, SEE_WEIGHT, signed=True),
    ("GET", f"{_EARN}/history/rewardsRecord"): Endpoint(rewards, SEE_WEIGHT, signed=True),
}
