"""MEXC as documented: contracts of 0.001 coins, numbers for sides and types, an order's number for an answer."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from bot.core.instruments import is_swap
from bot.core.numbers import from_milliseconds, milliseconds, plain
from bot.venues.simulated.exchange import OrderRecord, OrderRequest, OrderStatus, Refusal, RefusalCode
from bot.venues.simulated.records import Side, Tif, WalletName
from tests.wire.replay.stage import KEY, SECRET, Asked, D, Route, Said, Wire, route

SIZE = D("0.001")  # coins of a contract
SPOT_TYPES: Mapping[str, Tif] = {"LIMIT": "gtc", "IMMEDIATE_OR_CANCEL": "ioc", "LIMIT_MAKER": "post_only"}
SWAP_TYPES: Mapping[int, Tif] = {1: "gtc", 2: "post_only", 3: "ioc"}
SIDES: Mapping[int, tuple[Side, bool]] = {1: ("buy", False), 2: ("buy", True), 3: ("sell", False), 4: ("sell", True)}
STATES = {
    OrderStatus.NEW: 2,
    OrderStatus.PARTIALLY_FILLED: 2,
    OrderStatus.FILLED: 3,
    OrderStatus.CANCELED: 4,
    OrderStatus.EXPIRED: 4,
}
SPOT_FRAMES = {"60m": "1h", "4h": "4h", "1d": "1d"}
SWAP_FRAMES = {"Min60": "1h", "Hour4": "4h", "Day1": "1d"}
ACCOUNTS: Mapping[str, WalletName] = {"SPOT": "spot", "FUTURES": "futures"}


class MexcWire(Wire):
    """The routes and shapes."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.common = frozenset({"timestamp", "recvWindow", "signature"})

    def id_of(self, symbol: str) -> str:
        return symbol.partition(":")[0].replace("/", "_" if is_swap(symbol) else "")

    def listing(self) -> dict[str, Any]:
        return LISTING | {"symbol": self.id, "baseAsset": self.asset}

    def contract(self) -> dict[str, Any]:
        return CONTRACT | {"symbol": self.id_of(self.swap), "baseCoin": self.asset}

    def signed(self, asked: Asked) -> bool:
        if asked.path.startswith("/api/v3/"):
            query, _, signature = asked.query.rpartition("&signature=")
            return asked.headers.get("x-mexc-apikey") == KEY and signature == _hmac(query)
        text = f"{KEY}{asked.headers.get('request-time')}{asked.body or asked.query}"
        return asked.headers.get("apikey") == KEY and asked.headers.get("signature") == _hmac(text)

    def refused(self, refusal: Refusal, asked: Asked) -> Said:
        spot = asked.path.startswith("/api/v3/")
        if refusal.code is RefusalCode.ORDER_NOT_FOUND:
            if spot:
                cancels = asked.method == "DELETE"
                code, text = (-2011, "Unknown order sent.") if cancels else (-2013, "Order does not exist.")
                return Said({"code": code, "msg": text}, 400)
            return Said({"success": False, "code": 2040, "message": "Order not exist"})
        poor = refusal.code in (RefusalCode.INSUFFICIENT_BALANCE, RefusalCode.INSUFFICIENT_MARGIN)
        if spot:
            return Said({"code": 10101 if poor else 30002, "msg": refusal.why}, 400)
        nothing = refusal.code is RefusalCode.REDUCE_ONLY_REJECTED
        code = 2005 if poor else 2009 if nothing else 2003
        return Said({"success": False, "code": code, "message": refusal.why})

    def routes(self) -> Mapping[tuple[str, str], Route]:
        made = {
            "GET /api/v3/time": route(lambda _: {"serverTime": self.at_ms}),
            "GET /api/v3/exchangeInfo": route(lambda _: {"symbols": self.each(self.listing)}),
            "GET /api/v1/contract/detail": route(lambda _: ok(self.each(self.contract))),
            "GET /api/v3/ticker/bookTicker": route(self.book_tickers),
            "GET /api/v3/ticker/24hr": route(
                lambda _: self.each(lambda: {"symbol": self.id, "quoteVolume": "1000000"})
            ),
            "GET /api/v1/contract/ticker": route(self.contract_tickers),
            "GET /api/v1/contract/funding_rate/history": route(self.settled, "symbol page_num page_size"),
            "GET /api/v1/contract/funding_rate/*": route(self.funding_rate),
            "GET /api/v3/klines": route(self.spot_klines, "symbol interval startTime endTime limit"),
            "GET /api/v1/contract/kline/*": route(self.swap_klines, "interval start"),
            "GET /api/v3/depth": route(lambda _: self.levels(self.spot), "symbol limit"),
            "GET /api/v1/contract/depth/*": route(self.depth, "limit"),
            "GET /api/v3/uid": route(lambda _: {"uid": "99"}, private=True),
            "GET /api/v3/account": route(self.spot_balance, private=True),
            "GET /api/v1/private/account/assets": route(self.swap_balance, private=True),
            "GET /api/v1/private/position/open_positions": route(self.positions, private=True),
            "GET /api/v1/private/position/leverage": route(self.leverage, "symbol", private=True),
            "GET /api/v1/private/position/position_mode": route(lambda _: ok(2), private=True),
            "POST /api/v1/private/position/change_leverage": route(
                self.set_leverage, "symbol leverage openType positionType", private=True
            ),
            "GET /api/v1/private/position/funding_records": route(self.funding, "page_num page_size", private=True),
            "GET /api/v3/capital/deposit/hisrec": route(lambda _: [], "startTime limit", private=True),
            "GET /api/v3/capital/withdraw/history": route(lambda _: [], "startTime limit", private=True),
            "POST /api/v3/capital/transfer": route(
                self.transfer, "asset amount fromAccountType toAccountType", private=True
            ),
            "GET /api/v3/capital/transfer": route(
                self.transfers, "fromAccountType toAccountType startTime page size", private=True
            ),
            "POST /api/v3/order": route(
                self.create_spot, "symbol side type quantity price newClientOrderId", private=True
            ),
            "POST /api/v1/private/order/create": route(
                self.create_swap, "symbol vol type openType price side externalOid", "leverage", private=True
            ),
            "GET /api/v3/order": route(
                lambda asked: self.spot_order(self.find_spot(asked)),
                "symbol",
                "origClientOrderId orderId",
                private=True,
            ),
            "GET /api/v1/private/order/external/*/*": route(
                lambda asked: ok(self.swap_order(self.exchange.order(self.swap, client_id=asked.parts[1]))),
                private=True,
            ),
            "GET /api/v1/private/order/get/*": route(
                lambda asked: ok(self.swap_order(self.exchange.order(self.swap, order_id=int(asked.parts[0])))),
                "symbol",
                private=True,
            ),
            "DELETE /api/v3/order": route(
                lambda asked: self.spot_order(
                    self.exchange.cancel(self.spot, client_id=asked.said["origClientOrderId"])
                ),
                "symbol origClientOrderId",
                private=True,
            ),
            "POST /api/v1/private/order/cancel_with_external": route(self.cancel_swap, "list", private=True),
            "GET /api/v3/openOrders": route(
                lambda _: [self.spot_order(one) for one in self.exchange.open_orders() if not is_swap(one.symbol)],
                may="symbol",
                private=True,
            ),
            "GET /api/v1/private/order/list/open_orders": route(
                lambda _: ok([self.swap_order(one) for one in self.exchange.open_orders() if is_swap(one.symbol)]),
                "page_size",
                private=True,
            ),
            "GET /api/v3/myTrades": route(self.spot_trades, "symbol startTime limit", private=True),
            "GET /api/v1/private/order/list/order_deals": route(
                self.swap_trades, "symbol page_num page_size start_time end_time", private=True
            ),
        }
        return {(name.split(" ")[0], name.split(" ")[1]): one for name, one in made.items()}

    # ---- market data

    def book_tickers(self, asked: Asked) -> Any:
        del asked
        return self.each(self.book_ticker)

    def book_ticker(self) -> Any:
        if self.price(self.spot) is None:
            return None
        bid, ask = self.bid_ask(self.spot)
        return {"symbol": self.id, "bidPrice": plain(bid), "bidQty": "1", "askPrice": plain(ask), "askQty": "1"}

    def contract_tickers(self, asked: Asked) -> Any:
        del asked
        return ok(self.each(self.contract_ticker))

    def contract_ticker(self) -> Any:
        funding = self.scene.funding(self.swap, self.clock.now())
        if funding is None:
            return None
        return {
            "symbol": self.id_of(self.swap),
            "fairPrice": str(self.price(self.swap)),
            "fundingRate": str(funding.rate),
            "amount24": "1000000",
            "timestamp": self.at_ms,
        }

    def funding_rate(self, asked: Asked) -> Any:
        assert asked.parts == (self.id_of(self.swap),)
        return ok(
            {"symbol": self.id_of(self.swap), "fundingRate": "0", "collectCycle": 8, "nextSettleTime": self.at_ms}
        )

    def settled(self, asked: Asked) -> Any:
        """Newest first."""
        page, size = int(asked.said["page_num"]), int(asked.said["page_size"])
        rows = self.rates(self.swap, 0)[::-1][(page - 1) * size : page * size]
        return ok(
            {
                "resultList": [
                    {"symbol": self.id_of(self.swap), "fundingRate": str(rate), "settleTime": at} for at, rate in rows
                ]
            }
        )

    def spot_klines(self, asked: Asked) -> Any:
        said = asked.said
        rows = self.bars(
            self.spot, SPOT_FRAMES[said["interval"]], int(said["startTime"]), int(said["endTime"]), int(said["limit"])
        )
        return [[int(row[0]), *map(str, row[1:]), int(row[0]) + 3_600_000, "1"] for row in rows]

    def swap_klines(self, asked: Asked) -> Any:
        rows = self.bars(
            self.swap, SWAP_FRAMES[asked.said["interval"]], int(asked.said["start"]) * 1000, self.at_ms, 2000
        )
        names = ("open", "high", "low", "close", "vol")
        columns = {name: [row[place] for row in rows] for place, name in enumerate(names, 1)}
        return ok({"time": [int(row[0]) // 1000 for row in rows], **columns})

    def depth(self, asked: Asked) -> Any:
        assert asked.parts == (self.id_of(self.swap),)
        return ok({name: [[*row, 1] for row in rows] for name, rows in self.levels(self.swap).items()})

    # ---- account

    def spot_balance(self, asked: Asked) -> Any:
        del asked
        rows = [
            {"asset": asset, "free": plain(one.free), "locked": plain(one.locked)}
            for asset, one in self.exchange.balances().items()
        ]
        return {"canTrade": True, "canWithdraw": True, "balances": rows}

    def swap_balance(self, asked: Asked) -> Any:
        del asked
        wallet = self.exchange.futures()
        row = {
            "currency": "USDT",
            "positionMargin": plain(wallet.initial_margin),
            "availableBalance": plain(wallet.available),
            "frozenBalance": plain(wallet.order_margin),
            "equity": plain(wallet.margin_balance),
            "unrealized": plain(wallet.unrealised),
        }
        return ok([row])

    def positions(self, asked: Asked) -> Any:
        del asked
        return ok(
            [
                {
                    "positionId": 1,
                    "symbol": self.id_of(one.symbol),
                    "positionType": 1 if one.quantity > 0 else 2,
                    "openType": 2,
                    "holdVol": float(abs(one.quantity) / SIZE),
                    "openAvgPrice": plain(one.entry_price),
                    "liquidatePrice": plain(one.liquidation_price or D(0)),
                    "im": plain(one.initial_margin),
                    "leverage": one.leverage,
                }
                for one in self.exchange.positions()
            ]
        )

    def leverage(self, asked: Asked) -> Any:
        del asked
        return ok([{"positionType": side, "leverage": self.exchange.leverage(self.swap)} for side in (1, 2)])

    def set_leverage(self, asked: Asked) -> Any:
        assert asked.said["openType"] == 2
        self.exchange.set_leverage(self.swap, int(asked.said["leverage"]))
        return {"success": True, "code": 0}

    def funding(self, asked: Asked) -> Any:
        rows = [one for one in self.exchange.income() if one.kind.value == "funding_fee"][::-1]
        page, size = int(asked.said["page_num"]), int(asked.said["page_size"])
        return ok(
            {
                "resultList": [
                    {
                        "id": one.income_id,
                        "symbol": self.id_of(one.symbol),
                        "funding": plain(one.amount),
                        "settleTime": milliseconds(one.at),
                    }
                    for one in rows[(page - 1) * size : page * size]
                ]
            }
        )

    def transfer(self, asked: Asked) -> Any:
        said = asked.said
        made = self.exchange.transfer(
            said["asset"], D(said["amount"]), ACCOUNTS[said["fromAccountType"]], ACCOUNTS[said["toAccountType"]]
        )
        return {"tranId": str(made.transfer_id)}

    def transfers(self, asked: Asked) -> Any:
        said = asked.said
        wanted = (ACCOUNTS[said["fromAccountType"]], ACCOUNTS[said["toAccountType"]])
        rows = [
            {
                "tranId": str(one.transfer_id),
                "asset": one.asset,
                "amount": plain(one.amount),
                "fromAccountType": said["fromAccountType"],
                "toAccountType": said["toAccountType"],
                "status": "SUCCESS",
                "timestamp": milliseconds(one.at),
            }
            for one in self.exchange.transfers(from_milliseconds(int(said["startTime"])))
            if (one.source, one.to) == wanted
        ]
        return {"rows": rows if said["page"] == "1" else [], "total": len(rows)}

    # ---- orders

    def create_spot(self, asked: Asked) -> Any:
        said = asked.said
        side: Side = "buy" if said["side"] == "BUY" else "sell"
        amount, price, tif = D(said["quantity"]), D(said["price"]), SPOT_TYPES[said["type"]]
        made = self.exchange.place(
            OrderRequest(self.spot, side, "limit", amount, price, tif, client_id=said["newClientOrderId"])
        )
        return {"symbol": self.id, "orderId": str(made.order_id), "price": said["price"], "origQty": said["quantity"]}

    def create_swap(self, asked: Asked) -> Any:
        said = asked.said
        assert (said["symbol"], said["openType"]) == (self.id_of(self.swap), 2)
        side, reduces = SIDES[said["side"]]
        amount, price = D(str(said["vol"])) * SIZE, D(str(said["price"]))
        tif = SWAP_TYPES[said["type"]]
        made = self.exchange.place(
            OrderRequest(self.swap, side, "limit", amount, price, tif, reduces, said["externalOid"])
        )
        return ok({"orderId": str(made.order_id), "ts": self.at_ms})

    def find_spot(self, asked: Asked) -> OrderRecord:
        number = asked.said.get("orderId")
        return self.exchange.order(
            self.spot, client_id=asked.said.get("origClientOrderId"), order_id=int(number) if number else None
        )

    def cancel_swap(self, asked: Asked) -> Any:
        (one,) = asked.said["list"]
        assert one["symbol"] == self.id_of(self.swap)
        made = self.exchange.cancel(self.swap, client_id=one["externalOid"])
        return ok([{"orderId": made.order_id, "errorCode": 0, "errorMsg": "success"}])

    def spot_order(self, one: OrderRecord) -> dict[str, Any]:
        kinds = {tif: word for word, tif in SPOT_TYPES.items()}
        partly = one.status is OrderStatus.EXPIRED and one.filled
        word = "PARTIALLY_CANCELED" if partly else one.status.value.upper().replace("EXPIRED", "CANCELED")
        return {
            "symbol": self.id_of(one.symbol),
            "orderId": str(one.order_id),
            "clientOrderId": one.client_id,
            "price": plain(one.price or D(0)),
            "origQty": plain(one.amount),
            "executedQty": plain(one.filled),
            "cummulativeQuoteQty": plain(one.quote_filled),
            "status": word,
            "type": kinds[one.tif],
            "side": one.side.upper(),
            "time": milliseconds(one.created_at),
            "updateTime": milliseconds(one.updated_at),
        }

    def swap_order(self, one: OrderRecord) -> dict[str, Any]:
        kinds = {tif: number for number, tif in SWAP_TYPES.items()}
        sides = {said: number for number, said in SIDES.items()}
        return {
            "orderId": str(one.order_id),
            "symbol": self.id_of(one.symbol),
            "externalOid": one.client_id,
            "price": float(one.price or 0),
            "vol": float(one.amount / SIZE),
            "dealVol": float(one.filled / SIZE),
            "dealAvgPrice": float(one.average or 0),
            "state": STATES[one.status],
            "side": sides[one.side, one.reduce_only],
            "orderType": kinds[one.tif],
            "createTime": milliseconds(one.created_at),
            "updateTime": milliseconds(one.updated_at),
        }

    def spot_trades(self, asked: Asked) -> Any:
        rows = self.exchange.trades(
            self.spot, from_milliseconds(int(asked.said["startTime"])), int(asked.said["limit"])
        )
        return [
            {
                "symbol": self.id_of(one.symbol),
                "id": str(one.trade_id),
                "orderId": str(one.order_id),
                "clientOrderId": one.client_id,
                "price": plain(one.price),
                "qty": plain(one.amount),
                "quoteQty": plain(one.quote),
                "commission": plain(one.fee),
                "commissionAsset": one.fee_asset,
                "time": milliseconds(one.at),
                "isBuyer": one.side == "buy",
                "isMaker": one.maker,
            }
            for one in rows
        ]

    def swap_trades(self, asked: Asked) -> Any:
        said = asked.said
        rows = self.exchange.trades(self.swap, from_milliseconds(int(said["start_time"])), 10_000)[::-1]
        page, size = int(said["page_num"]), int(said["page_size"])
        return ok(
            [
                {
                    "id": str(one.trade_id),
                    "symbol": self.id_of(one.symbol),
                    "side": 1 if one.side == "buy" else 3,
                    "vol": float(one.amount / SIZE),
                    "price": float(one.price),
                    "fee": plain(one.fee),
                    "feeCurrency": one.fee_asset,
                    "timestamp": milliseconds(one.at),
                    "orderId": str(one.order_id),
                    "positionMode": 2,
                    "taker": not one.maker,
                }
                for one in rows[(page - 1) * size : page * size]
            ]
        )


def _hmac(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def ok(data: Any) -> dict[str, Any]:
    return {"success": True, "code": 0, "data": data}


LISTING = {
    "status": "1",
    "baseAsset": "BTC",
    "baseAssetPrecision": 3,
    "quoteAsset": "USDT",
    "quotePrecision": 1,
    "quoteAssetPrecision": 1,
    "baseSizePrecision": "0.001",
    "quoteAmountPrecision": "5",
    "maxQuoteAmount": "2000000",
    "isSpotTradingAllowed": True,
    "makerCommission": "0.001",
    "takerCommission": "0.001",
}
CONTRACT = {
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "contractSize": 0.001,
    "minLeverage": 1,
    "maxLeverage": 125,
    "volUnit": 1,
    "priceUnit": 0.1,
    "minVol": 1,
    "maxVol": 1000000,
    "takerFeeRate": 0.0005,
    "makerFeeRate": 0.0002,
    "state": 0,
}
