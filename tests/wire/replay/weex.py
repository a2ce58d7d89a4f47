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
from tests.wire.replay.stage import KEY, PASSPHRASE, SECRET, Asked, D, Route, Said, Wire, route

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

    def id_of(self, symbol: str) -> str:
        return symbol.partition(":")[0].replace("/", "")

    def listing(self, shape: dict[str, Any]) -> dict[str, Any]:
        return shape | {"symbol": self.id, "baseAsset": self.asset}

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
            "GET /api/v3/exchangeInfo": route(lambda _: {"symbols": self.each(lambda: self.listing(LISTING))}),
            "GET /capi/v3/market/exchangeInfo": route(lambda _: {"symbols": self.each(lambda: self.listing(CONTRACT))}),
            "GET /api/v3/market/ticker/24hr": route(self.spot_tickers),
            "GET /capi/v3/market/ticker/24hr": route(
                lambda _: self.each(lambda: {"symbol": self.id, "quoteVolume": "1000000"})
            ),
            "GET /capi/v3/market/premiumIndex": route(self.premium),
            "GET /capi/v3/market/fundingRate": route(self.settled, "symbol startTime limit"),
            "GET /api/v3/market/klines": route(self.spot_klines, "symbol interval", "limit"),
            "GET /capi/v3/market/historyKlines": route(self.swap_klines, "symbol interval startTime endTime"),
            "GET /api/v3/market/depth": route(lambda _: self.levels(self.spot), "symbol", "limit"),
            "GET /capi/v3/market/depth": route(lambda _: self.levels(self.swap), "symbol", "limit"),
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
                lambda asked: self.order(self.find(self.spot, asked)), may="origClientOrderId orderId", private=True
            ),
            "GET /capi/v3/order": route(
                lambda asked: self.order(self.find(self.swap, asked)), may="origClientOrderId orderId", private=True
            ),
            "DELETE /api/v3/order": route(
                lambda asked: self.cancel(self.spot, asked), "origClientOrderId", private=True
            ),
            "DELETE /capi/v3/order": route(
                lambda asked: self.cancel(self.swap, asked), "origClientOrderId", private=True
            ),
            "GET /api/v3/openOrders": route(lambda _: self.resting(swap=False), may="symbol", private=True),
            "GET /capi/v3/openOrders": route(lambda _: self.resting(swap=True), may="symbol", private=True),
            "GET /capi/v3/order/history": route(
                lambda _: [self.order(one) for one in self.exchange.orders(self.swap)], "symbol limit", private=True
            ),
            "GET /api/v3/myTrades": route(
                lambda asked: self.trades(self.spot, asked), "symbol startTime limit", private=True
            ),
            "GET /capi/v3/userTrades": route(
                lambda asked: self.trades(self.swap, asked), "symbol startTime limit", private=True
            ),
        }
        return {(name.split(" ")[0], name.split(" ")[1]): one for name, one in made.items()}

    # ---- market data

    def spot_tickers(self, asked: Asked) -> Any:
        del asked
        return self.each(self.spot_ticker)

    def spot_ticker(self) -> Any:
        if self.price(self.spot) is None:
            return None
        bid, ask = self.bid_ask(self.spot)
        return {"symbol": self.id, "bidPrice": plain(bid), "askPrice": plain(ask), "quoteVolume": "1000000"}

    def premium(self, asked: Asked) -> Any:
        del asked
        return self.each(self.rate)

    def rate(self) -> Any:
        funding = self.scene.funding(self.swap, self.clock.now())
        if funding is None:
            return None
        return {
            "symbol": self.id,
            "markPrice": str(self.price(self.swap)),
            "lastFundingRate": str(funding.rate),
            "nextFundingTime": milliseconds(funding.next_at) if funding.next_at else 0,
            "time": self.at_ms,
            "collectCycle": 480,
        }

    def settled(self, asked: Asked) -> Any:
        rows = self.rates(self.swap, int(asked.said["startTime"]))[: int(asked.said["limit"])]
        return [{"symbol": self.id, "fundingRate": str(rate), "fundingTime": at} for at, rate in rows]

    def spot_klines(self, asked: Asked) -> Any:
        """Its newest, whatever was asked for."""
        most = int(asked.said.get("limit", 100))
        frame = asked.said["interval"]
        rows = self.bars(self.spot, frame, self.at_ms - most * HOURS[frame] * 3_600_000, self.at_ms, most)
        return [[int(row[0]), *map(str, row[1:]), int(row[0]) + 3_599_999, "1"] for row in rows]

    def swap_klines(self, asked: Asked) -> Any:
        said = asked.said
        rows = self.bars(self.swap, said["interval"], int(said["startTime"]), int(said["endTime"]), 100)
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
                "symbol": self.id_of(one.symbol),
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
        leverage, mode = str(self.exchange.leverage(self.swap)), self.exchange.margin_mode(self.swap)
        names = ("crossLeverage", "isolatedLongLeverage", "isolatedShortLeverage")
        row = {"symbol": self.id, "marginType": MODES[mode], "separatedType": "COMBINED"}
        return [row | dict.fromkeys(names, leverage)]

    def set_leverage(self, asked: Asked) -> Any:
        said = asked.said
        self.exchange.set_leverage(self.swap, int(said.get("crossLeverage") or said["isolatedLongLeverage"]))
        return {"code": "200", "msg": "success", "requestTime": self.at_ms}

    def set_margin(self, asked: Asked) -> Any:
        isolated = asked.said["marginType"] == "ISOLATED"
        self.exchange.set_margin_mode(self.swap, "isolated" if isolated else "cross")
        return {"code": "200", "msg": "success", "requestTime": self.at_ms}

    def income(self, asked: Asked) -> Any:
        rows = self.exchange.income(from_milliseconds(int(asked.said["startTime"])), 100)
        items = [
            {
                "billId": one.income_id,
                "asset": one.asset,
                "symbol": self.id_of(one.symbol) if one.symbol else "",
                "income": plain(one.amount),
                "incomeType": KINDS.get(one.kind.value, one.kind.value),
                "time": milliseconds(one.at),
            }
            for one in rows
        ]
        return {"hasNextPage": False, "items": items}

    # ---- orders

    def create_spot(self, asked: Asked) -> Any:
        made = self._place(self.spot, asked, reduce_only=False)
        return {
            "symbol": self.id,
            "orderId": made.order_id,
            "clientOrderId": made.client_id,
            "transactTime": self.at_ms,
        }

    def create_swap(self, asked: Asked) -> Any:
        """Side and positionSide say whether it opens or reduces."""
        said = asked.said
        opens = (said["side"], said["positionSide"]) in {("BUY", "LONG"), ("SELL", "SHORT")}
        made = self._place(self.swap, asked, reduce_only=not opens)
        return {"orderId": str(made.order_id), "clientOrderId": made.client_id, "success": True}

    def _place(self, symbol: str, asked: Asked, *, reduce_only: bool) -> OrderRecord:
        said = asked.said
        assert (said["symbol"], said["type"]) == (self.id, "LIMIT")
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
            "symbol": self.id_of(one.symbol),
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
        swap = {"realizedPnl": "0", "side": "BUY"} if symbol == self.swap else {}
        return [
            {
                "symbol": self.id_of(one.symbol),
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


HOURS = {"1h": 1, "4h": 4, "1d": 24}
MODES = {"cross": "CROSSED", "isolated": "ISOLATED"}
LISTING = {
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
