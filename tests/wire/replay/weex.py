"""WEEX as documented: acknowledgements, sides on every perpetual order, sizes in coins, the engine behind it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from bot.core.instruments import is_swap
from bot.core.numbers import from_milliseconds, milliseconds, plain
from bot.venues.simulated.exchange import OrderRecord, OrderRequest, Refusal, RefusalCode
from bot.venues.simulated.records import Side, Tif
from tests.unit.venues.simulated.scenes import SPOT, SWAP
from tests.wire.replay.stage import KEY, PASSPHRASE, SECRET, Asked, D, Route, Said, Wire, route

ID = "BTCUSDT"
CODES = {
    RefusalCode.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    RefusalCode.INSUFFICIENT_BALANCE: (-1142, "available amount not enough"),
    RefusalCode.INSUFFICIENT_MARGIN: (-1142, "available amount not enough"),
    RefusalCode.DUPLICATE_CLIENT_ID: (-1142, "DUPLICATE_CLIENT_ORDER_ID"),
    RefusalCode.LEVERAGE: (-3313, "Leverage exceeds maximum limit."),
}
TIFS: Mapping[str, Tif] = {"GTC": "gtc", "IOC": "ioc"}
KINDS = {"funding_fee": "position_funding", "transfer": "transfer_in"}


class WeexWire(Wire):
    """The routes and shapes."""

    def signed(self, asked: Asked) -> bool:
        target = asked.path + (f"?{asked.query}" if asked.query else "")
        text = f"{asked.headers.get('access-timestamp')}{asked.method}{target}{asked.body}"
        made = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
        given = [asked.headers.get(name) for name in ("access-key", "access-passphrase", "access-sign")]
        return given == [KEY, PASSPHRASE, made]

    def refused(self, refusal: Refusal, asked: Asked) -> Said:
        missing = (-3200 if "/capi/" in asked.path else -2200, "Order does not exist.")
        not_found = refusal.code is RefusalCode.ORDER_NOT_FOUND
        code, text = missing if not_found else CODES.get(refusal.code, (-1142, "Parameter is invalid."))
        return Said({"code": code, "msg": f"{text} {refusal.why}"}, 400)

    def routes(self) -> Mapping[tuple[str, str], Route]:
        made = {
            "GET /api/v3/time": route(lambda _: {"serverTime": self.at_ms}),
            "GET /api/v3/exchangeInfo": route(lambda _: {"symbols": [LISTING]}),
            "GET /capi/v3/market/exchangeInfo": route(lambda _: {"symbols": [CONTRACT]}),
            "GET /api/v3/market/ticker/24hr": route(self.spot_tickers),
            "GET /capi/v3/market/ticker/24hr": route(lambda _: [{"symbol": ID, "quoteVolume": "1000000"}]),
            "GET /capi/v3/market/premiumIndex": route(self.premium),
            "GET /capi/v3/market/fundingRate": route(self.settled, "symbol startTime limit"),
            "GET /api/v3/market/klines": route(self.spot_klines, "symbol interval", "limit"),
            "GET /capi/v3/market/historyKlines": route(self.swap_klines, "symbol interval startTime endTime"),
            "GET /api/v3/market/depth": route(lambda _: self.levels(SPOT), "symbol", "limit"),
            "GET /capi/v3/market/depth": route(lambda _: self.levels(SWAP), "symbol", "limit"),
            "GET /api/v3/account/": route(self.spot_balance, private=True),
            "GET /capi/v3/account/balance": route(self.swap_balance, private=True),
            "GET /capi/v3/account/position/allPosition": route(self.positions, private=True),
            "GET /capi/v3/account/symbolConfig": route(self.config, may="symbol", private=True),
            "POST /capi/v3/account/leverage": route(
                self.set_leverage,
                "symbol marginType",
                "crossLeverage isolatedLongLeverage isolatedShortLeverage",
                private=True,
            ),
            "POST /capi/v3/account/marginType": route(
                self.set_margin, "symbol marginType", "separatedType", private=True
            ),
            "POST /capi/v3/account/income": route(self.income, "startTime endTime limit", private=True),
            "POST /api/v3/order": route(
                self.create_spot, "symbol side type quantity price newClientOrderId timeInForce", private=True
            ),
            "POST /capi/v3/order": route(
                self.create_swap,
                "symbol side type quantity price newClientOrderId timeInForce positionSide",
                private=True,
            ),
            "GET /api/v3/order": route(
                lambda asked: self.order(self.find(SPOT, asked)), may="origClientOrderId orderId", private=True
            ),
            "GET /capi/v3/order": route(
                lambda asked: self.order(self.find(SWAP, asked)), may="origClientOrderId orderId", private=True
            ),
            "DELETE /api/v3/order": route(lambda asked: self.cancel(SPOT, asked), "origClientOrderId", private=True),
            "DELETE /capi/v3/order": route(lambda asked: self.cancel(SWAP, asked), "origClientOrderId", private=True),
            "GET /api/v3/openOrders": route(lambda _: self.resting(swap=False), may="symbol", private=True),
            "GET /capi/v3/openOrders": route(lambda _: self.resting(swap=True), may="symbol", private=True),
            "GET /capi/v3/order/history": route(
                lambda _: [self.order(one) for one in self.exchange.orders(SWAP)], "symbol limit", private=True
            ),
            "GET /api/v3/myTrades": route(
                lambda asked: self.trades(SPOT, asked), "symbol startTime limit", private=True
            ),
            "GET /capi/v3/userTrades": route(
                lambda asked: self.trades(SWAP, asked), "symbol startTime limit", private=True
            ),
        }
        return {(name.split(" ")[0], name.split(" ")[1]): one for name, one in made.items()}

    # ---- market data

    def spot_tickers(self, asked: Asked) -> Any:
        del asked
        if self.price(SPOT) is None:
            return []
        bid, ask = self.bid_ask(SPOT)
        return [{"symbol": ID, "bidPrice": plain(bid), "askPrice": plain(ask), "quoteVolume": "1000000"}]

    def premium(self, asked: Asked) -> Any:
        del asked
        funding = self.scene.funding(SWAP, self.clock.now())
        if funding is None:
            return []
        row = {
            "symbol": ID,
            "markPrice": str(self.price(SWAP)),
            "lastFundingRate": str(funding.rate),
            "nextFundingTime": milliseconds(funding.next_at) if funding.next_at else 0,
            "time": self.at_ms,
            "collectCycle": 480,
        }
        return [row]

    def settled(self, asked: Asked) -> Any:
        rows = self.rates(SWAP, int(asked.said["startTime"]))[: int(asked.said["limit"])]
        return [{"symbol": ID, "fundingRate": str(rate), "fundingTime": at} for at, rate in rows]

    def spot_klines(self, asked: Asked) -> Any:
        """Its newest, whatever was asked for."""
        most = int(asked.said.get("limit", 100))
        rows = self.bars(SPOT, self.at_ms - most * 3_600_000, self.at_ms, most)
        return [[int(row[0]), *map(str, row[1:]), int(row[0]) + 3_599_999, "1"] for row in rows]

    def swap_klines(self, asked: Asked) -> Any:
        said = asked.said
        rows = self.bars(SWAP, int(said["startTime"]), int(said["endTime"]), 100)
        return [[int(row[0]), *map(str, row[1:]), int(row[0]) + 3_599_999, "1"] for row in rows]

    # ---- account

    def spot_balance(self, asked: Asked) -> Any:
        del asked
        rows = [
            {"asset": asset, "free": plain(one.free), "locked": plain(one.locked)}
            for asset, one in self.exchange.balances().items()
        ]
        return {"canTrade": True, "uid": 42, "balances": rows}

    def swap_balance(self, asked: Asked) -> Any:
        del asked
        wallet = self.exchange.futures()
        return [
            {
                "asset": "USDT",
                "balance": plain(wallet.wallet_balance),
                "availableBalance": plain(wallet.available),
                "frozen": plain(wallet.order_margin),
                "unrealizePnl": plain(wallet.unrealised),
            }
        ]

    def positions(self, asked: Asked) -> Any:
        del asked
        return [
            {
                "id": 1,
                "asset": "USDT",
                "symbol": ID,
                "side": "LONG" if one.quantity > 0 else "SHORT",
                "marginType": MODES[one.margin_mode],
                "separatedMode": "COMBINED",
                "leverage": str(one.leverage),
                "size": plain(abs(one.quantity)),
                "openValue": plain(abs(one.quantity) * one.entry_price),
                "marginSize": plain(one.initial_margin),
                "unrealizePnl": plain(one.unrealised),
                "liquidatePrice": plain(one.liquidation_price or D(0)),
            }
            for one in self.exchange.positions()
        ]

    def config(self, asked: Asked) -> Any:
        del asked
        leverage, mode = str(self.exchange.leverage(SWAP)), self.exchange.margin_mode(SWAP)
        names = ("crossLeverage", "isolatedLongLeverage", "isolatedShortLeverage")
        row = {"symbol": ID, "marginType": MODES[mode], "separatedType": "COMBINED"}
        return [row | dict.fromkeys(names, leverage)]

    def set_leverage(self, asked: Asked) -> Any:
        said = asked.said
        self.exchange.set_leverage(SWAP, int(said.get("crossLeverage") or said["isolatedLongLeverage"]))
        return {"code": "200", "msg": "success", "requestTime": self.at_ms}

    def set_margin(self, asked: Asked) -> Any:
        isolated = asked.said["marginType"] == "ISOLATED"
        self.exchange.set_margin_mode(SWAP, "isolated" if isolated else "cross")
        return {"code": "200", "msg": "success", "requestTime": self.at_ms}

    def income(self, asked: Asked) -> Any:
        rows = self.exchange.income(from_milliseconds(int(asked.said["startTime"])), 100)
        items = [
            {
                "billId": one.income_id,
                "asset": one.asset,
                "symbol": ID if one.symbol else "",
                "income": plain(one.amount),
                "incomeType": KINDS.get(one.kind.value, one.kind.value),
                "time": milliseconds(one.at),
            }
            for one in rows
        ]
        return {"hasNextPage": False, "items": items}

    # ---- orders

    def create_spot(self, asked: Asked) -> Any:
        made = self._place(SPOT, asked, reduce_only=False)
        return {"symbol": ID, "orderId": made.order_id, "clientOrderId": made.client_id, "transactTime": self.at_ms}

    def create_swap(self, asked: Asked) -> Any:
        """Side and positionSide say whether it opens or reduces."""
        said = asked.said
        opens = (said["side"], said["positionSide"]) in {("BUY", "LONG"), ("SELL", "SHORT")}
        made = self._place(SWAP, asked, reduce_only=not opens)
        return {"orderId": str(made.order_id), "clientOrderId": made.client_id, "success": True}

    def _place(self, symbol: str, asked: Asked, *, reduce_only: bool) -> OrderRecord:
        said = asked.said
        assert (said["symbol"], said["type"]) == (ID, "LIMIT")
        side: Side = "buy" if said["side"] == "BUY" else "sell"
        amount, price, tif = D(said["quantity"]), D(said["price"]), TIFS[said["timeInForce"]]
        client_id = said["newClientOrderId"]
        return self.exchange.place(OrderRequest(symbol, side, "limit", amount, price, tif, reduce_only, client_id))

    def find(self, symbol: str, asked: Asked) -> OrderRecord:
        said = asked.said
        number = said.get("orderId")
        return self.exchange.order(
            symbol, client_id=said.get("origClientOrderId"), order_id=int(number) if number else None
        )

    def cancel(self, symbol: str, asked: Asked) -> Any:
        made = self.exchange.cancel(symbol, client_id=asked.said["origClientOrderId"])
        return {"orderId": str(made.order_id), "origClientOrderId": made.client_id, "status": "CANCELED"}

    def resting(self, *, swap: bool) -> list[Any]:
        return [self.order(one) for one in self.exchange.open_orders() if is_swap(one.symbol) is swap]

    def order(self, one: OrderRecord) -> dict[str, Any]:
        row = {
            "symbol": ID,
            "orderId": one.order_id,
            "clientOrderId": one.client_id,
            "price": plain(one.price or D(0)),
            "origQty": plain(one.amount),
            "executedQty": plain(one.filled),
            "cummulativeQuoteQty": plain(one.quote_filled),
            "status": one.status.value.upper(),
            "timeInForce": one.tif.upper(),
            "type": "LIMIT",
            "side": one.side.upper(),
            "time": milliseconds(one.created_at),
            "updateTime": milliseconds(one.updated_at),
        }
        if is_swap(one.symbol):
            opens = "LONG" if (one.side == "buy") is not one.reduce_only else "SHORT"
            average = "0" if one.average is None else plain(one.average)
            row |= {"positionSide": opens, "avgPrice": average, "reduceOnly": one.reduce_only}
        return row

    def trades(self, symbol: str, asked: Asked) -> Any:
        said = asked.said
        swap = {"realizedPnl": "0", "side": "BUY"} if symbol == SWAP else {}
        return [
            {
                "symbol": ID,
                "id": one.trade_id,
                "orderId": one.order_id,
                "price": plain(one.price),
                "qty": plain(one.amount),
                "quoteQty": plain(one.quote),
                "commission": plain(one.fee),
                "commissionAsset": one.fee_asset,
                "time": milliseconds(one.at),
                **({**swap, "side": one.side.upper()} if swap else {"isBuyer": one.side == "buy"}),
            }
            for one in self.exchange.trades(symbol, from_milliseconds(int(said["startTime"])), int(said["limit"]))
        ]


MODES = {"cross": "CROSSED", "isolated": "ISOLATED"}
LISTING = {
    "symbol": ID,
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "tickSize": "0.1",
    "stepSize": "0.001",
    "minTradeAmount": "0.001",
    "maxTradeAmount": "1000",
    "takerFeeRate": "0.001",
    "makerFeeRate": "0.001",
    "enableTrade": True,
}
CONTRACT = {
    "symbol": ID,
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "pricePrecision": 1,
    "quantityPrecision": 3,
    "contractVal": "0.0001",  # to be ignored
    "minOrderSize": "0.001",
    "maxOrderSize": "1000",
    "takerFeeRate": "0.0005",
    "makerFeeRate": "0.0002",
    "minLeverage": 1,
    "maxLeverage": 125,
}
