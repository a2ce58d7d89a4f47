"""Owns the v5 endpoints of the account: its one wallet, its mode, its fees, its positions and their settings."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from bot.core.instruments import base_of, quote_of, spot_symbol
from bot.core.numbers import ONE, ZERO, milliseconds, plain
from bot.local_exchange.bybit import errors, refusals, rows
from bot.local_exchange.bybit.calls import LINEAR, Call, Endpoint, Routes
from bot.local_exchange.calls import listing_id, money, text
from bot.venues.simulated.exchange import FuturesWallet, IncomeKind, PositionRecord, Refusal
from bot.venues.simulated.records import MarginMode

UNIFIED_2_PRO = 6  # ``unifiedMarginStatus``
MODES: dict[str, MarginMode] = {"REGULAR_MARGIN": "cross", "ISOLATED_MARGIN": "isolated"}
RATE_PLACES = Decimal("1e-8")


def wallet_balance(call: Call) -> dict[str, Any]:
    """The unified account: every coin, and the sums in dollars; only the settlement coin backs perpetuals here."""
    call.said.one_of("accountType", ("UNIFIED",))
    wallet = call.exchange.futures()
    asked = call.said.text_or_none("coin")
    coins = _coins(call, wallet)
    known = [row for row in coins if row["usdValue"]]
    equity = sum((Decimal(row["usdValue"]) for row in known), ZERO)
    locked = sum((held.locked for asset, held in call.exchange.balances().items() if asset == wallet.asset), ZERO)
    margin_balance = _held(call, wallet.asset)[0] + wallet.unrealised
    wanted = None if asked is None else asked.split(",")
    row = {
        "accountType": "UNIFIED",
        "accountLTV": "",
        "accountIMRate": _rate(wallet.initial_margin, margin_balance),
        "accountMMRate": _rate(wallet.maintenance_margin, margin_balance),
        "totalEquity": money(equity),
        "totalWalletBalance": money(equity - wallet.unrealised),
        "totalMarginBalance": money(margin_balance),
        "totalAvailableBalance": money(max(ZERO, margin_balance - wallet.initial_margin - locked)),
        "totalPerpUPL": money(wallet.unrealised),
        "totalInitialMargin": money(wallet.initial_margin),
        "totalMaintenanceMargin": money(wallet.maintenance_margin),
        "coin": [row for row in coins if wanted is None or row["coin"] in wanted],
    }
    return {"list": [row]}


def _rate(part: Decimal, whole: Decimal) -> str:
    return plain((part / whole).quantize(RATE_PLACES)) if whole > 0 else ""


def _held(call: Call, asset: str) -> tuple[Decimal, Decimal]:
    """Coins of an asset, in whichever of the engine's wallets, and how many of them spot orders lock."""
    held = call.exchange.balances().get(asset)
    total, locked = (held.free + held.locked, held.locked) if held else (ZERO, ZERO)
    wallet = call.exchange.futures()
    return total + (wallet.wallet_balance if asset == wallet.asset else ZERO), locked


def _coins(call: Call, wallet: FuturesWallet) -> list[dict[str, Any]]:
    assets = sorted({*call.exchange.balances(), wallet.asset})
    return [_coin(call, wallet, asset) for asset in assets]


def _coin(call: Call, wallet: FuturesWallet, asset: str) -> dict[str, Any]:
    total, locked = _held(call, asset)
    backs = asset == wallet.asset
    unrealised = wallet.unrealised if backs else ZERO
    bound = wallet.initial_margin - wallet.order_margin if backs else ZERO
    price = _dollars(call, asset)
    realised = call.exchange.income(limit=call.exchange.rules.history_max) if backs else ()
    return {
        "coin": asset,
        "equity": money(total + unrealised),
        # What nobody quotes here has no value that could be told.
        "usdValue": "" if price is None else money((total + unrealised) * price),
        "walletBalance": money(total),
        "free": "",
        "locked": money(locked),
        "spotHedgingQty": "0",
        "borrowAmount": "0",
        "spotBorrow": "0",
        "availableToBorrow": "",
        "availableToWithdraw": "",
        "accruedInterest": "0",
        "totalOrderIM": money(wallet.order_margin if backs else ZERO),
        "totalPositionIM": money(bound),
        "totalPositionMM": money(wallet.maintenance_margin if backs else ZERO),
        "unrealisedPnl": money(unrealised),
        "cumRealisedPnl": money(
            sum((one.amount for one in realised if one.kind is not IncomeKind.TRANSFER), ZERO),
        ),
        "bonus": "0",
        "marginCollateral": backs,
        "collateralSwitch": backs,
    }


def _dollars(call: Call, asset: str) -> Decimal | None:
    """A dollar is what the settlement coin is."""
    if asset == call.purse.coin:
        return ONE
    symbol = spot_symbol(asset, call.purse.coin)
    return call.scene.price(symbol, call.at) if symbol in call.listing.markets else None


def account_info(call: Call) -> dict[str, Any]:
    """One wallet, and whether positions share it or have margin of their own."""
    isolated = any(call.exchange.margin_mode(symbol) == "isolated" for symbol in call.listed(swap=True))
    return {
        "unifiedMarginStatus": UNIFIED_2_PRO,
        "marginMode": "ISOLATED_MARGIN" if isolated else "REGULAR_MARGIN",
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
        "updatedTime": str(milliseconds(call.scene.start)),
        "dcpStatus": "OFF",
        "timeWindow": 0,
        "smpGroup": 0,
    }


def fee_rate(call: Call) -> dict[str, Any]:
    """Live fees of one symbol or of all of a category, as fractions."""
    swap = call.category(default=LINEAR) == LINEAR
    symbol, base = call.symbol_or_none(swap=swap), call.said.text_or_none("baseCoin")
    asked = [symbol] if symbol else [one for one in call.listed(swap=swap) if base in (None, base_of(one))]
    made = [
        {
            "symbol": listing_id(one),
            "takerFeeRate": plain(call.listing.markets[one].taker),
            "makerFeeRate": plain(call.listing.markets[one].maker),
        }
        for one in asked
    ]
    return {"category": call.category(default=LINEAR), "list": made}


def set_margin_mode(call: Call) -> dict[str, Any]:
    """For the whole account, or for none of it; while something is open it cannot change."""
    wanted = call.said.one_of("setMarginMode", (*MODES, "PORTFOLIO_MARGIN"))
    if wanted not in MODES:
        raise errors.V5Error(3400045, "Set margin mode failed: portfolio margin is not offered here")
    mode, symbols = MODES[wanted], call.listed(swap=True)
    before = {symbol: call.exchange.margin_mode(symbol) for symbol in symbols}
    try:
        for symbol in symbols:
            call.exchange.set_margin_mode(symbol, mode)
    except Refusal as refusal:
        for symbol in symbols:
            if call.exchange.margin_mode(symbol) != before[symbol]:
                call.exchange.set_margin_mode(symbol, before[symbol])
        raise errors.V5Error(3400045, f"Set margin mode failed: {refusal.why}") from refusal
    return {"reasons": []}


def not_for_unified(_call: Call) -> dict[str, Any]:
    """What only accounts of the older kind may ask."""
    raise errors.V5Error(100028, "The API cannot be accessed by unified account users.")


# ---- positions


def positions(call: Call) -> dict[str, Any]:
    """A symbol's position, held or not, or those that are held; leverage stands in each row."""
    if not call.swap():
        raise errors.bad("category invalid")
    symbol = call.symbol_or_none(swap=True)
    base, settle = call.said.text_or_none("baseCoin"), call.said.text_or_none("settleCoin")
    if not (symbol or base or settle):
        raise errors.bad("Missing some parameters that must be filled in, symbol or settleCoin")
    held = {position.symbol: position for position in call.exchange.positions()}
    if symbol:
        found: Iterable[str] = [symbol]
    else:
        found = [one for one in held if base in (None, base_of(one)) and settle in (None, quote_of(one))]
    listed = [_position(call, one, held.get(one)) for one in sorted(found)]
    given, cursor = call.said.page(list(enumerate(listed))[::-1], lambda row: row[0], 20, 200)
    return {"category": LINEAR, "list": [row for _, row in given], "nextPageCursor": cursor}


def _position(call: Call, symbol: str, held: PositionRecord | None) -> dict[str, Any]:
    side = "" if held is None else rows.SIDES["buy" if held.quantity > 0 else "sell"]
    updated = "0" if held is None else str(milliseconds(held.updated_at))
    isolated = held is not None and held.margin_mode == "isolated"
    return {
        "positionIdx": 0,
        "riskId": 1,
        "riskLimitValue": "1000000000",
        "symbol": listing_id(symbol),
        "side": side,
        "size": "0" if held is None else plain(abs(held.quantity)),
        "avgPrice": "0" if held is None else plain(held.entry_price),
        "entryPrice": "0" if held is None else plain(held.entry_price),
        "positionValue": "" if held is None else money(abs(held.notional)),
        "tradeMode": 0,
        "autoAddMargin": 0,
        "positionStatus": "Normal",
        "leverage": str(call.exchange.leverage(symbol)),
        "markPrice": text(held.mark_price if held else call.scene.price(symbol, call.at)),
        "liqPrice": "" if held is None or held.liquidation_price is None else money(held.liquidation_price),
        "bustPrice": "",
        "positionIM": "" if held is None else money(held.initial_margin),
        "positionMM": "" if held is None else money(held.maintenance_margin),
        "positionBalance": money(held.isolated_wallet) if isolated and held else "0",
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "0",
        "sessionAvgPrice": "",
        "unrealisedPnl": "" if held is None else money(held.unrealised),
        "curRealisedPnl": "0",
        "cumRealisedPnl": "0",
        "adlRankIndicator": 0 if held is None else 2,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "createdTime": updated,
        "updatedTime": updated,
        "seq": 0 if held is None else call.at_ms,
    }


def set_leverage(call: Call) -> dict[str, Any]:
    """Both sides alike, as one-way positions demand; no change is an error here."""
    if not call.swap():
        raise errors.bad("category invalid")
    symbol = call.symbol(swap=True)
    buys, sells = call.said.decimal("buyLeverage"), call.said.decimal("sellLeverage")
    if buys != sells:
        raise errors.bad("buyLeverage and sellLeverage must be equal in one-way mode")
    if buys != int(buys) or not 1 <= buys <= call.exchange.rules.leverage_max:
        raise errors.bad("leverage invalid")
    if int(buys) == call.exchange.leverage(symbol):
        raise errors.V5Error(110043, "leverage not modified")
    call.purse.for_margin()
    try:
        call.exchange.set_leverage(symbol, int(buys))
    except Refusal as refusal:
        raise refusals.of_leverage(refusal) from refusal
    return {}


def switch_mode(call: Call) -> dict[str, Any]:
    """One-way is no change; hedge mode is refused."""
    if not call.swap():
        raise errors.bad("category invalid")
    call.symbol_or_none(swap=True)
    if call.said.one_of("mode", ("0", "3")) == "0":
        raise errors.V5Error(110025, "Position mode is not modified")
    try:
        call.exchange.set_position_mode(hedged=True)
    except Refusal as refusal:
        raise refusals.of(refusal, swap=True) from refusal
    return {}


ROUTES: Routes = {
    ("GET", "/v5/account/wallet-balance"): Endpoint(wallet_balance, signed=True),
    ("GET", "/v5/account/info"): Endpoint(account_info, signed=True),
    ("GET", "/v5/account/fee-rate"): Endpoint(fee_rate, signed=True),
    ("POST", "/v5/account/set-margin-mode"): Endpoint(set_margin_mode, signed=True),
    ("GET", "/v5/position/list"): Endpoint(positions, signed=True),
    ("POST", "/v5/position/set-leverage"): Endpoint(set_leverage, signed=True),
    ("POST", "/v5/position/switch-isolated"): Endpoint(not_for_unified, signed=True),
    ("POST", "/v5/position/switch-mode"): Endpoint(switch_mode, signed=True),
}
