"""Owns the endpoints under /sapi but savings: status, transfers, key permissions, fees, flows."""

from __future__ import annotations

from typing import Any

from bot.core.numbers import milliseconds, plain
from bot.local_exchange import orders, refusals
from bot.local_exchange.calls import Call, Endpoint, Routes, listing_id
from bot.local_exchange.errors import WireError
from bot.venues.simulated.exchange import FlowRecord, Refusal, RefusalCode
from bot.venues.simulated.records import WalletName

_TRANSFERS: dict[str, tuple[WalletName, WalletName]] = {
    "MAIN_UMFUTURE": ("spot", "futures"),
    "UMFUTURE_MAIN": ("futures", "spot"),
}
_TRANSFER_WORDS = {pair: word for word, pair in _TRANSFERS.items()}


def status(_call: Call) -> dict[str, Any]:
    """Whether the venue works."""
    return {"status": 0, "msg": "normal"}


def _direction(call: Call) -> tuple[WalletName, WalletName]:
    direction = _TRANSFERS.get(call.said.text("type").upper())
    if direction is None:
        raise WireError(-1130, "Data sent for parameter 'type' is not valid.")
    return direction


def transfer(call: Call) -> dict[str, Any]:
    """Move money between spot and futures; it arrives before the answer does."""
    source, to = _direction(call)
    asset, amount = call.said.text("asset"), call.said.decimal("amount")
    try:
        moved = call.exchange.transfer(asset, amount, source, to)
    except Refusal as refusal:
        if refusal.code in (RefusalCode.INSUFFICIENT_BALANCE, RefusalCode.INSUFFICIENT_MARGIN):
            raise WireError(-5013, "Asset transfer failed: insufficient balance") from refusal
        raise refusals.of(refusal, swap=False) from refusal
    return {"tranId": moved.transfer_id}


def transfers(call: Call) -> dict[str, Any]:
    """Moves of one direction, newest first, by pages."""
    direction = _direction(call)
    found = [
        record
        for record in call.exchange.transfers(limit=call.exchange.rules.history_max)
        if (record.source, record.to) == direction
    ]
    found = orders.window(found, lambda record: record.at, call, len(found) or 1, len(found) or 1)[::-1]
    size = min(max(call.said.whole_or_none("size") or 10, 1), 100)
    page = max(call.said.whole_or_none("current") or 1, 1)
    rows = [
        {
            "asset": record.asset,
            "amount": plain(record.amount),
            "type": _TRANSFER_WORDS[record.source, record.to],
            "status": "CONFIRMED",
            "tranId": record.transfer_id,
            "timestamp": milliseconds(record.at),
        }
        for record in found[(page - 1) * size : page * size]
    ]
    return {"total": len(found), "rows": rows} if rows else {"total": len(found)}


def restrictions(call: Call) -> dict[str, Any]:
    """What the key may do: trade and move between own wallets, never withdraw."""
    return {
        "ipRestrict": False,
        "createTime": milliseconds(call.scene.start),
        "enableReading": True,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": True,
        "permitsUniversalTransfer": True,
        "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False,
        "enableSpotAndMarginTrading": True,
        "enableWithdrawals": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
    }


def trade_fees(call: Call) -> list[dict[str, Any]]:
    """Live fees of spot symbols, as fractions."""
    symbols, _ = call.symbols()
    return [
        {
            "symbol": listing_id(symbol),
            "makerCommission": plain(call.listing.markets[symbol].maker),
            "takerCommission": plain(call.listing.markets[symbol].taker),
        }
        for symbol in symbols
    ]


def nothing_funded(_call: Call) -> list[Any]:
    """There is no funding wallet, so nothing lies in it."""
    return []


def coins(call: Call) -> list[dict[str, Any]]:
    """Every coin with its spot balance; nothing goes in or out over a chain."""
    held = call.exchange.balances()
    names = {part for symbol in call.listing.spot.values() for part in symbol.split("/")} | set(held)
    rows = []
    for name in sorted(names):
        balance = held.get(name)
        rows.append(
            {
                "coin": name,
                "name": name,
                "free": plain(balance.free) if balance else "0",
                "locked": plain(balance.locked) if balance else "0",
                "freeze": "0",
                "withdrawing": "0",
                "ipoing": "0",
                "ipoable": "0",
                "storage": "0",
                "isLegalMoney": False,
                "trading": True,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "networkList": [],
            }
        )
    return rows


def deposits(call: Call) -> list[dict[str, Any]]:
    """Money that came from outside, newest first."""
    return [_flow(flow) | {"status": 1, "insertTime": milliseconds(flow.at)} for flow in _flows(call, "deposit")]


def withdrawals(call: Call) -> list[dict[str, Any]]:
    """Money that went outside, newest first."""
    rows = []
    for flow in _flows(call, "withdrawal"):
        applied = flow.at.strftime("%Y-%m-%d %H:%M:%S")
        rows.append(_flow(flow) | {"status": 6, "applyTime": applied, "completeTime": applied, "transactionFee": "0"})
    return rows


def _flows(call: Call, kind: str) -> list[FlowRecord]:
    coin = call.said.text_or_none("coin")
    found = [
        flow
        for flow in call.exchange.flows(limit=call.exchange.rules.history_max)
        if flow.kind == kind and coin in (None, flow.asset)
    ]
    return orders.window(found, lambda flow: flow.at, call, 1_000, 1_000)[::-1]


def _flow(flow: FlowRecord) -> dict[str, Any]:
    return {
        "id": str(flow.flow_id),
        "amount": plain(flow.amount),
        "coin": flow.asset,
        "network": flow.asset,
        "address": "",
        "addressTag": "",
        "txId": f"local-{flow.flow_id}",
        "transferType": 0,
    }


ROUTES: Routes = {
    ("GET", "/sapi/v1/system/status"): Endpoint(status),
    ("POST", "/sapi/v1/asset/transfer"): Endpoint(transfer, signed=True),
    ("GET", "/sapi/v1/asset/transfer"): Endpoint(transfers, signed=True),
    ("GET", "/sapi/v1/account/apiRestrictions"): Endpoint(restrictions, signed=True),
    ("GET", "/sapi/v1/asset/tradeFee"): Endpoint(trade_fees, signed=True),
    ("POST", "/sapi/v1/asset/get-funding-asset"): Endpoint(nothing_funded, signed=True),
    ("GET", "/sapi/v1/capital/config/getall"): Endpoint(coins, 10, signed=True),
    ("GET", "/sapi/v1/capital/deposit/hisrec"): Endpoint(deposits, signed=True),
    ("GET", "/sapi/v1/capital/withdraw/history"): Endpoint(withdrawals, 10, signed=True),
}
