"""Owns the v5 endpoints of what comes, goes and stays: the key, deposits, withdrawals, transfers, savings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from bot.core.numbers import ZERO, milliseconds, plain
from bot.local_exchange.bybit import errors
from bot.local_exchange.bybit.calls import Call, Endpoint, Routes
from bot.local_exchange.bybit.errors import V5Error
from bot.local_exchange.calls import money
from bot.venues.simulated.exchange import FlowRecord, IncomeRecord, ProductRecord, Refusal, RefusalCode, TransferRecord
from bot.venues.simulated.savings import product_id

SUCCESS_DEPOSIT = 3
MONTH_MS = timedelta(days=30) // timedelta(milliseconds=1)
ACCOUNTS = ("UNIFIED", "FUND", "SPOT", "CONTRACT", "OPTION", "INVESTMENT")
SAVING = "FlexibleSaving"
_EARN_REFUSALS: dict[RefusalCode, tuple[int, str]] = {
    RefusalCode.NO_SAVINGS: (180002, "Invalid coin"),
    RefusalCode.MIN_AMOUNT: (180005, "The amount is below the minimum of the product"),
    RefusalCode.SAVINGS_QUOTA: (180006, "The amount exceeds what the product takes"),
    RefusalCode.INSUFFICIENT_BALANCE: (180007, "Insufficient balance"),
    RefusalCode.DUPLICATE_TRANSFER: (180008, "orderLinkId is duplicate"),
}


def query_api(call: Call) -> dict[str, Any]:
    """What the key may do: trade and save, never withdraw; and that the account is a unified one."""
    begun = milliseconds(call.scene.start)
    return {
        "id": "1",
        "note": "local exchange",
        "apiKey": call.key,
        "readOnly": 0,
        "secret": "",
        "permissions": {
            "ContractTrade": ["Order", "Position"],
            "Spot": ["SpotTrade"],
            "Wallet": ["AccountTransfer"],
            "Options": [],
            "Derivatives": ["DerivativesTrade"],
            "CopyTrading": [],
            "BlockTrade": [],
            "Exchange": [],
            "NFT": [],
            "Affiliate": [],
            "Earn": ["Earn"],
        },
        "ips": ["*"],
        "type": 1,
        "deadlineDay": 90,
        "expiredAt": "",
        "createdAt": str(begun),
        "unified": 0,
        "uta": 1,
        "userID": 1,
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_DEFAULT",
        "kycRegion": "",
    }


# ---- what comes and goes


def deposits(call: Call) -> dict[str, Any]:
    """Money that came, newest first."""

    def row(one: FlowRecord) -> dict[str, Any]:
        return {
            "coin": one.asset,
            "chain": "LOCAL",
            "amount": plain(one.amount),
            "txID": f"local-{one.flow_id}",
            "status": SUCCESS_DEPOSIT,
            "toAddress": "",
            "tag": "",
            "depositFee": "",
            "successAt": str(milliseconds(one.at)),
            "confirmations": "1",
            "txIndex": "",
            "blockHash": "",
            "batchReleaseLimit": "-1",
            "depositType": "0",
            "fromAddress": "",
        }

    return _flows(call, "deposit", row)


def withdrawals(call: Call) -> dict[str, Any]:
    """Money that went, newest first."""

    def row(one: FlowRecord) -> dict[str, Any]:
        at = str(milliseconds(one.at))
        return {
            "withdrawId": str(one.flow_id),
            "txID": f"local-{one.flow_id}",
            "coin": one.asset,
            "chain": "LOCAL",
            "amount": plain(one.amount),
            "withdrawFee": "0",
            "toAddress": "",
            "tag": "",
            "status": "success",
            "createTime": at,
            "updateTime": at,
            "withdrawType": 0,
        }

    return _flows(call, "withdrawal", row)


def _flows(
    call: Call, kind: Literal["deposit", "withdrawal"], row: Callable[[FlowRecord], dict[str, Any]]
) -> dict[str, Any]:
    coin = call.said.text_or_none("coin")
    first, last = _month_ms(call)
    found = [
        one
        for one in call.exchange.flows(limit=call.exchange.rules.history_max)
        if one.kind == kind and coin in (None, one.asset) and first <= milliseconds(one.at) <= last
    ]
    newest = sorted(found, key=lambda one: one.flow_id, reverse=True)
    given, cursor = call.said.page(newest, lambda one: one.flow_id, 50, 50)
    return {"rows": [row(one) for one in given], "nextPageCursor": cursor}


def _month_ms(call: Call) -> tuple[int, int]:
    start, end = call.said.span_ms()
    if start is not None and end is not None and end - start > MONTH_MS:
        raise errors.bad("the time range between startTime and endTime cannot exceed 30 days")
    last = end if end is not None else call.at_ms if start is None else start + MONTH_MS
    return (last - MONTH_MS if start is None else start), last


def transfer(call: Call) -> dict[str, Any]:
    """Between wallets of a unified account there is nothing to move, and its funding wallet is not kept here."""
    said = call.said
    try:
        UUID(said.text("transferId"))
    except ValueError as error:
        raise V5Error(131203, "request parameter error: transferId must be a UUID") from error
    source, to = said.one_of("fromAccountType", ACCOUNTS), said.one_of("toAccountType", ACCOUNTS)
    said.text("coin")
    if said.decimal("amount") <= 0:
        raise V5Error(131215, "Amount error")
    if source == to:
        raise V5Error(131211, "fromAccountType can't be the same as toAccountType")
    if source == "FUND" and to == "UNIFIED":
        raise V5Error(131212, "Insufficient balance")
    if source == "UNIFIED" and to == "FUND":
        raise V5Error(131231, "Transfers into this account are not supported")
    raise V5Error(131207, "account not exist")


def transfers(call: Call) -> dict[str, Any]:
    """What came through the funding wallet, which keeps nothing: each deposit passes it, and each withdrawal."""
    coin, wanted = call.said.text_or_none("coin"), call.said.text_or_none("transferId")
    status = call.said.one_of("status", ("SUCCESS", "PENDING", "FAILED"), "SUCCESS")
    first, last = call.week_ms()
    found = [
        one
        for one in call.exchange.flows(limit=call.exchange.rules.history_max)
        if status == "SUCCESS"
        and coin in (None, one.asset)
        and wanted in (None, str(UUID(int=one.flow_id)))
        and (wanted or first <= milliseconds(one.at) <= last)
    ]
    newest = sorted(found, key=lambda one: one.flow_id, reverse=True)
    given, cursor = call.said.page(newest, lambda one: one.flow_id, 20, 50)
    return {"list": [_transfer(one) for one in given], "nextPageCursor": cursor}


def _transfer(one: FlowRecord) -> dict[str, Any]:
    came = one.kind == "deposit"
    return {
        "transferId": str(UUID(int=one.flow_id)),
        "coin": one.asset,
        "amount": plain(one.amount),
        "fromAccountType": "FUND" if came else "UNIFIED",
        "toAccountType": "UNIFIED" if came else "FUND",
        "timestamp": str(milliseconds(one.at)),
        "status": "SUCCESS",
    }


def coin_balances(call: Call) -> dict[str, Any]:
    """Coins of one account kind: all are in the unified one, none in the others."""
    kind = call.said.one_of("accountType", ACCOUNTS)
    asked = call.said.text_or_none("coin")
    rows = []
    if kind == "UNIFIED":
        wallet = call.exchange.futures()
        held = {asset: (one.free, one.free + one.locked) for asset, one in call.exchange.balances().items()}
        _, total = held.get(wallet.asset, (ZERO, ZERO))
        held[wallet.asset] = (call.purse.free(), total + wallet.wallet_balance)
        rows = [
            {"coin": asset, "transferBalance": money(free), "walletBalance": money(total), "bonus": ""}
            for asset, (free, total) in sorted(held.items())
            if asked is None or asset in asked.split(",")
        ]
    return {"memberId": "1", "accountType": kind, "balance": rows}


def coins(call: Call) -> dict[str, Any]:
    """Every coin; nothing goes in or out over a chain."""
    names = {part for symbol in call.listing.spot.values() for part in symbol.split("/")} | set(
        call.exchange.balances()
    )
    asked = call.said.text_or_none("coin")
    rows = [
        {"name": name, "coin": name, "remainAmount": "0", "chains": []}
        for name in sorted(names)
        if asked in (None, name)
    ]
    return {"rows": rows}


# ---- savings


def _saving(call: Call) -> None:
    if call.said.one_of("category", (SAVING, "OnChain")) != SAVING:
        raise V5Error(180001, "Invalid parameter: only FlexibleSaving is offered here")


def products(call: Call) -> dict[str, Any]:
    """What is offered."""
    _saving(call)
    coin = call.said.text_or_none("coin")
    rows = [
        {
            "category": SAVING,
            "estimateApr": f"{plain(one.rate * 100)}%",
            "coin": one.asset,
            "minStakeAmount": plain(one.least),
            "maxStakeAmount": plain(one.quota),
            "precision": "8",
            "productId": one.product,
            "status": "Available",
            "bonusEvents": [],
            "minRedeemAmount": "0.00000001",
            "maxRedeemAmount": "",
            "duration": "Flexible",
            "term": 0,
            "swapCoin": "",
            "swapCoinPrecision": "",
            "stakeExchangeRate": "",
            "redeemExchangeRate": "",
            "rewardDistributionType": "Compound",
            "rewardIntervalMinute": 1_440,
            "redeemProcessingMinute": "0",
        }
        for one in call.exchange.products()
        if coin in (None, one.asset)
    ]
    return {"list": rows}


def place_earn(call: Call) -> dict[str, Any]:
    """Bring coins into savings or take them back, at once; the client's id makes sure that it happens once."""
    said = call.said
    _saving(call)
    stakes = said.one_of("orderType", ("Stake", "Redeem")) == "Stake"
    said.one_of("accountType", ("UNIFIED", "FUND"))
    product = _product(call)
    amount, link = said.decimal("amount"), said.link_id()
    if link is None:
        raise V5Error(180001, "Invalid parameter: orderLinkId is required")
    if said.text("accountType") == "FUND":
        # There is no funding wallet: nothing lies in it, and nothing may go there.
        raise V5Error(*_EARN_REFUSALS[RefusalCode.INSUFFICIENT_BALANCE])
    try:
        if stakes:
            with call.purse.for_spot():
                done = call.exchange.transfer(product.asset, amount, "spot", "earn", client_id=link)
        else:
            done = call.exchange.transfer(product.asset, amount, "earn", "spot", client_id=link)
    except Refusal as refusal:
        known = _EARN_REFUSALS.get(refusal.code)
        raise V5Error(*known) if known else V5Error(180001, f"Invalid parameter: {refusal.why}") from refusal
    return {"orderId": _earn_id(done.transfer_id), "orderLinkId": link}


def _product(call: Call) -> ProductRecord:
    wanted, coin = call.said.text("productId"), call.said.text("coin")
    found = next((one for one in call.exchange.products() if (one.product, one.asset) == (wanted, coin)), None)
    if found is None:
        raise V5Error(180001, "Invalid parameter: no such product")
    return found


def _earn_id(number: int) -> str:
    return str(UUID(int=number))


def earn_orders(call: Call) -> dict[str, Any]:
    """Moves into savings and back, newest first; by an id, the one that has it."""
    _saving(call)
    said = call.said
    number, link, product = (
        said.text_or_none("orderId"),
        said.text_or_none("orderLinkId"),
        said.text_or_none("productId"),
    )
    first, last = call.week_ms()
    named = bool(number or link)
    found = [
        one
        for one in _moves(call)
        if number in (None, _earn_id(one.transfer_id))
        and link in (None, one.client_id)
        and product in (None, product_id(one.asset))
        and (named or first <= milliseconds(one.at) <= last)
    ]
    given, cursor = said.page(found, lambda one: one.transfer_id, 50, 100)
    return {"list": [_earn_order(one) for one in given], "nextPageCursor": cursor}


def _moves(call: Call) -> list[TransferRecord]:
    made = call.exchange.transfers(limit=call.exchange.rules.history_max)
    return [one for one in made if "earn" in (one.source, one.to)][::-1]


def _earn_order(one: TransferRecord) -> dict[str, Any]:
    at = str(milliseconds(one.at))
    return {
        "coin": one.asset,
        "orderValue": plain(one.amount),
        "orderType": "Stake" if one.to == "earn" else "Redeem",
        "orderId": _earn_id(one.transfer_id),
        "orderLinkId": one.client_id,
        "status": "Success",
        "createdAt": at,
        "updatedAt": at,
        "productId": product_id(one.asset),
        "swapOrderValue": "",
        "estimateRedeemTime": at,
        "estimateStakeTime": at,
    }


def earn_positions(call: Call) -> dict[str, Any]:
    """What is saved, with what it was paid."""
    _saving(call)
    coin, product = call.said.text_or_none("coin"), call.said.text_or_none("productId")
    saved, paid = call.exchange.earn(), _paid(call)
    rows = [
        {
            "coin": one.asset,
            "productId": one.product,
            "amount": plain(saved[one.asset]),
            "totalPnl": plain(_sum(record.amount for record in paid if record.asset == one.asset)),
            "claimableYield": "0",
            "id": "",
            "status": "",
            "orderId": "",
            "estimateRedeemTime": "",
            "estimateStakeTime": "",
            "estimateInterestCalculationTime": "",
            "settlementTime": "",
        }
        for one in call.exchange.products()
        if one.asset in saved and coin in (None, one.asset) and product in (None, one.product)
    ]
    return {"list": rows}


def yields(call: Call) -> dict[str, Any]:
    """What savings were paid, newest first."""
    _saving(call)
    product = call.said.text_or_none("productId")
    first, last = call.week_ms()
    found = [
        one
        for one in _paid(call)[::-1]
        if product in (None, product_id(one.asset)) and first <= milliseconds(one.at) <= last
    ]
    given, cursor = call.said.page(found, lambda one: one.income_id, 50, 100)
    rows = [
        {
            "productId": product_id(one.asset),
            "coin": one.asset,
            "id": str(one.income_id),
            "amount": plain(one.amount),
            "yieldType": "Normal",
            "distributionMode": "Reinvest",
            "effectiveStakingAmount": "",
            "orderId": "",
            "status": "Success",
            "createdAt": str(milliseconds(one.at)),
        }
        for one in given
    ]
    return {"yield": rows, "nextPageCursor": cursor}


def _paid(call: Call) -> Sequence[IncomeRecord]:
    return call.exchange.interest(limit=call.exchange.rules.history_max)


def _sum(amounts: Any) -> Decimal:
    return sum(amounts, ZERO)


ROUTES: Routes = {
    ("GET", "/v5/user/query-api"): Endpoint(query_api, signed=True),
    ("GET", "/v5/asset/deposit/query-record"): Endpoint(deposits, signed=True),
    ("GET", "/v5/asset/withdraw/query-record"): Endpoint(withdrawals, signed=True),
    ("POST", "/v5/asset/transfer/inter-transfer"): Endpoint(transfer, signed=True),
    ("GET", "/v5/asset/transfer/query-inter-transfer-list"): Endpoint(transfers, signed=True),
    ("GET", "/v5/asset/transfer/query-account-coins-balance"): Endpoint(coin_balances, signed=True),
    ("GET", "/v5/asset/coin/query-info"): Endpoint(coins, signed=True),
    ("GET", "/v5/earn/product"): Endpoint(products),
    ("POST", "/v5/earn/place-order"): Endpoint(place_earn, signed=True),
    ("GET", "/v5/earn/order"): Endpoint(earn_orders, signed=True),
    ("GET", "/v5/earn/position"): Endpoint(earn_positions, signed=True),
    ("GET", "/v5/earn/yield"): Endpoint(yields, signed=True),
}
