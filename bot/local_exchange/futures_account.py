"""Owns the endpoints under /fapi about the futures account: wallet, positions, income, leverage and modes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.core.instruments import quote_of
from bot.core.numbers import ZERO, milliseconds, plain
from bot.local_exchange import orders, refusals
from bot.local_exchange.calls import Call, Endpoint, Routes, listing_id, money, text
from bot.local_exchange.errors import WireError
from bot.venues.simulated.exchange import FuturesWallet, IncomeKind, IncomeRecord, PositionRecord, Refusal
from bot.venues.simulated.records import MarginMode

NOTIONAL_CAP = 1_000_000_000
WEEK = timedelta(days=7)
MARGIN_MODES: Mapping[str, MarginMode] = {"CROSSED": "cross", "ISOLATED": "isolated"}
_INCOME_WORDS = {
    IncomeKind.REALISED_PNL: "REALIZED_PNL",
    IncomeKind.COMMISSION: "COMMISSION",
    IncomeKind.FUNDING_FEE: "FUNDING_FEE",
    IncomeKind.TRANSFER: "TRANSFER",
    IncomeKind.INSURANCE_CLEAR: "INSURANCE_CLEAR",
}


def account_v3(call: Call) -> dict[str, Any]:
    """The wallet's sums, per asset (there is one), and the positions that are held; v3 says no leverage."""
    wallet = call.exchange.futures()
    return _sums(wallet) | {
        "assets": [_asset(wallet, call.at_ms)],
        "positions": [_account_position(position) for position in call.exchange.positions()],
    }


def account_v2(call: Call) -> dict[str, Any]:
    """As v3, with the account's rights and every symbol, held or not, with its leverage."""
    wallet = call.exchange.futures()
    held = {position.symbol: position for position in call.exchange.positions()}
    rows = []
    for symbol in call.listing.swap.values():
        position = held.get(symbol)
        row = _account_position(position) if position else _no_position(symbol)
        rows.append(
            row
            | {
                "leverage": str(call.exchange.leverage(symbol)),
                "isolated": call.exchange.margin_mode(symbol) == "isolated",
                "entryPrice": text(position.entry_price if position else None),
                "maxNotional": str(NOTIONAL_CAP),
                "positionInitialMargin": row["initialMargin"],
                "openOrderInitialMargin": "0",
                "bidNotional": "0",
                "askNotional": "0",
            }
        )
    rights = {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }
    return rights | _sums(wallet) | {"assets": [_asset(wallet, call.at_ms)], "positions": rows}


def _sums(wallet: FuturesWallet) -> dict[str, Any]:
    return {
        "totalInitialMargin": money(wallet.initial_margin),
        "totalMaintMargin": money(wallet.maintenance_margin),
        "totalWalletBalance": money(wallet.wallet_balance),
        "totalUnrealizedProfit": money(wallet.unrealised),
        "totalMarginBalance": money(wallet.margin_balance),
        "totalPositionInitialMargin": money(wallet.initial_margin - wallet.order_margin),
        "totalOpenOrderInitialMargin": money(wallet.order_margin),
        "totalCrossWalletBalance": money(wallet.cross_wallet),
        "totalCrossUnPnl": money(wallet.cross_unrealised),
        "availableBalance": money(max(ZERO, wallet.available)),
        "maxWithdrawAmount": money(max(ZERO, wallet.withdrawable)),
    }


def _asset(wallet: FuturesWallet, at_ms: int) -> dict[str, Any]:
    # An asset whose updateTime is 0 is dropped by clients as never used.
    return {
        "asset": wallet.asset,
        "walletBalance": money(wallet.wallet_balance),
        "unrealizedProfit": money(wallet.unrealised),
        "marginBalance": money(wallet.margin_balance),
        "maintMargin": money(wallet.maintenance_margin),
        "initialMargin": money(wallet.initial_margin),
        "positionInitialMargin": money(wallet.initial_margin - wallet.order_margin),
        "openOrderInitialMargin": money(wallet.order_margin),
        "crossWalletBalance": money(wallet.cross_wallet),
        "crossUnPnl": money(wallet.cross_unrealised),
        "availableBalance": money(max(ZERO, wallet.available)),
        "maxWithdrawAmount": money(max(ZERO, wallet.withdrawable)),
        "marginAvailable": True,
        "updateTime": at_ms,
    }


def _account_position(position: PositionRecord) -> dict[str, Any]:
    return {
        "symbol": listing_id(position.symbol),
        "positionSide": "BOTH",
        "positionAmt": plain(position.quantity),
        "unrealizedProfit": money(position.unrealised),
        **_isolated(position),
        "notional": money(position.notional),
        "initialMargin": money(position.initial_margin),
        "maintMargin": money(position.maintenance_margin),
        "updateTime": milliseconds(position.updated_at),
    }


def _isolated(position: PositionRecord) -> dict[str, str]:
    """A position's own margin, with its profit and without; zeros for a cross one."""
    if position.margin_mode == "cross":
        return {"isolatedMargin": "0", "isolatedWallet": "0"}
    return {
        "isolatedMargin": money(position.isolated_wallet + position.unrealised),
        "isolatedWallet": money(position.isolated_wallet),
    }


def _no_position(symbol: str) -> dict[str, Any]:
    zeros = dict.fromkeys(
        (
            "positionAmt",
            "unrealizedProfit",
            "isolatedMargin",
            "notional",
            "isolatedWallet",
            "initialMargin",
            "maintMargin",
        ),
        "0",
    )
    return {"symbol": listing_id(symbol), "positionSide": "BOTH", "updateTime": 0} | zeros


def balance(call: Call) -> list[dict[str, Any]]:
    """The wallet by asset; ``balance`` is without unrealised profit."""
    wallet = call.exchange.futures()
    row = _asset(wallet, call.at_ms)
    kept = (
        "asset",
        "crossWalletBalance",
        "crossUnPnl",
        "availableBalance",
        "maxWithdrawAmount",
        "marginAvailable",
        "updateTime",
    )
    return [{"accountAlias": "local", "balance": row["walletBalance"]} | {name: row[name] for name in kept}]


def position_risk_v3(call: Call) -> list[dict[str, Any]]:
    """Positions that are held, without leverage and margin type: v3 dropped both."""
    return [_risk(position) for position in _asked(call)]


def position_risk_v2(call: Call) -> list[dict[str, Any]]:
    """Every symbol, held or not, with leverage and margin type."""
    held = {position.symbol: _risk(position) for position in _asked(call)}
    asked = call.symbol_or_none()
    rows = []
    for symbol in [asked] if asked else list(call.listing.swap.values()):
        mark = call.scene.price(symbol, call.at)
        row = held.get(symbol) or _flat_risk(symbol, text(mark))
        more = {
            "leverage": str(call.exchange.leverage(symbol)),
            "marginType": call.exchange.margin_mode(symbol),
            "isAutoAddMargin": "false",
            "maxNotionalValue": str(NOTIONAL_CAP),
        }
        rows.append(row | more)
    return rows


def _asked(call: Call) -> list[PositionRecord]:
    symbol = call.symbol_or_none()
    return [position for position in call.exchange.positions() if symbol in (None, position.symbol)]


def _risk(position: PositionRecord) -> dict[str, Any]:
    return {
        "symbol": listing_id(position.symbol),
        "positionSide": "BOTH",
        "positionAmt": plain(position.quantity),
        "entryPrice": plain(position.entry_price),
        "breakEvenPrice": plain(position.entry_price),
        "markPrice": plain(position.mark_price),
        "unRealizedProfit": money(position.unrealised),
        "liquidationPrice": text(position.liquidation_price),
        **_isolated(position),
        "notional": money(position.notional),
        "marginAsset": quote_of(position.symbol),
        "initialMargin": money(position.initial_margin),
        "maintMargin": money(position.maintenance_margin),
        "positionInitialMargin": money(position.initial_margin),
        "openOrderInitialMargin": "0",
        "adl": 1,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": milliseconds(position.updated_at),
    }


def _flat_risk(symbol: str, mark: str) -> dict[str, Any]:
    zeros = dict.fromkeys(
        (
            "positionAmt",
            "entryPrice",
            "breakEvenPrice",
            "unRealizedProfit",
            "liquidationPrice",
            "isolatedMargin",
            "notional",
        ),
        "0",
    )
    return {"symbol": listing_id(symbol), "positionSide": "BOTH", "markPrice": mark, "updateTime": 0} | zeros


def income(call: Call) -> list[dict[str, Any]]:
    """What changed the wallet, oldest first; without a start the last seven days."""
    symbol, kind = call.symbol_or_none(), call.said.text_or_none("incomeType")
    start, _ = call.said.span()
    since = call.at - WEEK if start is None else None
    found = [
        record
        for record in call.exchange.income(limit=call.exchange.rules.history_max)
        if symbol in (None, record.symbol)
        and kind in (None, _INCOME_WORDS[record.kind])
        and (since is None or record.at >= since)
    ]
    return [_income(record) for record in orders.window(found, lambda record: record.at, call, 100, 1_000)]


def _income(record: IncomeRecord) -> dict[str, Any]:
    return {
        "symbol": listing_id(record.symbol) if record.symbol else "",
        "incomeType": _INCOME_WORDS[record.kind],
        "income": money(record.amount),
        "asset": record.asset,
        "info": _INCOME_WORDS[record.kind],
        "time": milliseconds(record.at),
        "tranId": record.income_id,
        "tradeId": "" if record.trade_id is None else str(record.trade_id),
    }


def set_leverage(call: Call) -> dict[str, Any]:
    """The leverage as it stands afterwards."""
    symbol, wanted = call.symbol(), call.said.whole("leverage")
    if not 1 <= wanted <= call.exchange.rules.leverage_max:
        raise WireError(-4028, f"Leverage {wanted} is not valid")
    try:
        leverage = call.exchange.set_leverage(symbol, wanted)
    except Refusal as refusal:
        raise refusals.of(refusal, swap=True) from refusal
    return {"symbol": listing_id(symbol), "leverage": leverage, "maxNotionalValue": str(NOTIONAL_CAP)}


def set_margin_type(call: Call) -> dict[str, Any]:
    """Cross or isolated, while nothing is open on the symbol; no change is an error here."""
    symbol, wanted = call.symbol(), MARGIN_MODES.get(call.said.text("marginType").upper())
    if wanted is None:
        raise WireError(-4049, "Invalid margin type.")
    if wanted == call.exchange.margin_mode(symbol):
        raise WireError(-4046, "No need to change margin type.")
    if call.exchange.open_orders(symbol):
        raise WireError(-4047, "Margin type cannot be changed if there exists open orders.")
    try:
        call.exchange.set_margin_mode(symbol, wanted)
    except Refusal as refusal:
        raise refusals.of(refusal, swap=True) from refusal
    return {"code": 200, "msg": "success"}


def position_side(_call: Call) -> dict[str, Any]:
    """One-way is all there is."""
    return {"dualSidePosition": False}


def set_position_side(call: Call) -> dict[str, Any]:
    """One-way is no change; hedge mode is refused."""
    call.said.text("dualSidePosition")
    if not call.said.flag("dualSidePosition"):
        raise WireError(-4059, "No need to change position side.")
    try:
        call.exchange.set_position_mode(hedged=True)
    except Refusal as refusal:
        raise refusals.of(refusal, swap=True) from refusal
    return {"code": 200, "msg": "success"}


def symbol_config(call: Call) -> list[dict[str, Any]]:
    """Margin type and leverage by symbol."""
    symbols, _ = call.symbols()
    return [
        {
            "symbol": listing_id(symbol),
            "marginType": "ISOLATED" if call.exchange.margin_mode(symbol) == "isolated" else "CROSSED",
            "isAutoAddMargin": False,
            "leverage": call.exchange.leverage(symbol),
            "maxNotionalValue": str(NOTIONAL_CAP),
        }
        for symbol in symbols
    ]


def leverage_bracket(call: Call) -> Any:
    """One bracket a symbol: the engine's maintenance rate does not grow with size."""
    symbols, _ = call.symbols()
    rules = call.exchange.rules
    rows = []
    for symbol in symbols:
        rate = call.listing.markets[symbol].maintenance_rate
        bracket = {
            "bracket": 1,
            "initialLeverage": rules.leverage_max,
            "notionalCap": NOTIONAL_CAP,
            "notionalFloor": 0,
            "maintMarginRatio": float(rules.maintenance_rate if rate is None else rate),
            "cum": 0.0,
        }
        rows.append({"symbol": listing_id(symbol), "notionalCoef": 1.0, "brackets": [bracket]})
    return rows


def commission_rate(call: Call) -> dict[str, Any]:
    """Live fees of one symbol, as fractions."""
    symbol = call.symbol()
    market = call.listing.markets[symbol]
    return {
        "symbol": listing_id(symbol),
        "makerCommissionRate": plain(market.maker),
        "takerCommissionRate": plain(market.taker),
        "rpiCommissionRate": "0",
    }


ROUTES: Routes = {
    ("GET", "/fapi/v2/account"): Endpoint(account_v2, 5, signed=True),
    ("GET", "/fapi/v3/account"): Endpoint(account_v3, 5, signed=True),
    ("GET", "/fapi/v2/balance"): Endpoint(balance, 5, signed=True),
    ("GET", "/fapi/v3/balance"): Endpoint(balance, 5, signed=True),
    ("GET", "/fapi/v2/positionRisk"): Endpoint(position_risk_v2, 5, signed=True),
    ("GET", "/fapi/v3/positionRisk"): Endpoint(position_risk_v3, 5, signed=True),
    ("GET", "/fapi/v1/income"): Endpoint(income, 30, signed=True),
    ("POST", "/fapi/v1/leverage"): Endpoint(set_leverage, signed=True),
    ("POST", "/fapi/v1/marginType"): Endpoint(set_margin_type, signed=True),
    ("GET", "/fapi/v1/positionSide/dual"): Endpoint(position_side, 30, signed=True),
    ("POST", "/fapi/v1/positionSide/dual"): Endpoint(set_position_side, signed=True),
    ("GET", "/fapi/v1/symbolConfig"): Endpoint(symbol_config, 5, signed=True),
    ("GET", "/fapi/v1/leverageBracket"): Endpoint(leverage_bracket, signed=True),
    ("GET", "/fapi/v1/commissionRate"): Endpoint(commission_rate, 20, signed=True),
}
