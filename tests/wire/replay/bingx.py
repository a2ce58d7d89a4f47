"""BingX as documented: separate wallets, orders in the query, numbers for codes, the engine behind it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from bot.core.instruments import is_swap
from bot.core.numbers import from_milliseconds, milliseconds, plain
from bot.venues.simulated.exchange import OrderRecord, OrderRequest, Refusal, RefusalCode
from bot.venues.simulated.records import Side, Tif, WalletName
from tests.wire.replay.stage import KEY, SECRET, Asked, D, Route, Said, Wire, route

CODES = {
    RefusalCode.ORDER_NOT_FOUND: 109421,
    RefusalCode.DUPLICATE_CLIENT_ID: 101481,
    RefusalCode.INSUFFICIENT_BALANCE: 100202,
    RefusalCode.INSUFFICIENT_MARGIN: 101204,
    RefusalCode.REDUCE_ONLY_REJECTED: 101205,
}
TIFS: Mapping[str, Tif] = {"GTC": "gtc", "IOC": "ioc", "PostOnly": "post_only"}
TYPES: Mapping[str, WalletName] = {"spot": "spot", "USDTMPerp": "futures"}


class BingxWire(Wire):
    """The routes and shapes."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.common = frozenset({"timestamp", "signature"})

    def id_of(self, symbol: str) -> str:
        return symbol.partition(":")[0].replace("/", "-")

    def contract(self) -> dict[str, Any]:
        return CONTRACT | {"symbol": self.id, "asset": self.asset}

    def signed(self, asked: Asked) -> bool:
        query, _, signature = asked.query.rpartition("&signature=")
        made = hmac.new(SECRET.encode(), unquote(query).encode(), hashlib.sha256).hexdigest()
        return asked.headers.get("x-bx-apikey") == KEY and signature == made and "x-source-key" not in asked.headers

    def refused(self, refusal: Refusal, asked: Asked) -> Said:
        del asked
        return Said({"code": CODES.get(refusal.code, 109400), "msg": refusal.why, "data": {}})

    def routes(self) -> Mapping[tuple[str, str], Route]:
        made = {
            "GET swap/v2/server/time": route(lambda _: ok({"serverTime": self.at_ms}), may="timestamp"),
            "GET swap/v2/quote/contracts": route(lambda _: ok(self.each(self.contract)), may="timestamp"),
            "GET spot/v1/common/symbols": route(
                lambda _: ok({"symbols": self.each(lambda: LISTING | {"symbol": self.id})}), may="timestamp"
            ),
            "GET spot/v1/ticker/24hr": route(self.spot_tickers, may="timestamp"),
            "GET swap/v2/quote/ticker": route(self.swap_tickers, may="timestamp"),
            "GET swap/v2/quote/premiumIndex": route(self.premium, may="timestamp"),
            "GET swap/v2/quote/fundingRate": route(self.settled, "symbol startTime limit", "timestamp"),
            "GET spot/v1/market/kline": route(
                lambda asked: self.klines(self.spot, asked),
                "symbol interval startTime endTime limit",
                "timestamp timeZone",
            ),
            "GET swap/v3/quote/klines": route(
                lambda asked: self.klines(self.swap, asked), "symbol interval startTime endTime limit", "timestamp"
            ),
            "GET spot/v1/market/depth": route(lambda _: ok(self.levels(self.spot)), "symbol limit", "timestamp"),
            "GET swap/v2/quote/depth": route(lambda _: ok(self.levels(self.swap)), "symbol limit", "timestamp"),
            "GET account/v1/uid": route(lambda _: ok({"uid": 777}), private=True),
            "GET v1/account/apiPermissions": route(
                lambda _: ok({"permissions": [1, 2, 3, 4], "ipAddresses": ["127.0.0.1"]}), private=True
            ),
            "GET spot/v1/account/balance": route(self.spot_balance, private=True),
            "GET swap/v3/user/balance": route(self.swap_balance, private=True),
            "GET swap/v2/user/positions": route(self.positions, private=True),
            "GET spot/v1/user/commissionRate": route(
                lambda _: ok({"takerCommissionRate": 0.001, "makerCommissionRate": 0.001}), "symbol", private=True
            ),
            "GET swap/v2/user/commissionRate": route(
                lambda _: ok({"commission": {"takerCommissionRate": 0.0005, "makerCommissionRate": 0.0002}}),
                private=True,
            ),
            "POST spot/v1/trade/order": route(
                self.create_spot, "symbol type side newClientOrderId timeInForce quantity price", private=True
            ),
            "POST swap/v2/trade/order": route(
                self.create_swap,
                "symbol type side clientOrderID timeInForce quantity price positionSide",
                "reduceOnly",
                private=True,
            ),
            "GET spot/v1/trade/query": route(
                lambda asked: ok(self.order(self.find(self.spot, asked))),
                "symbol",
                "clientOrderID orderId",
                private=True,
            ),
            "GET swap/v2/trade/order": route(
                lambda asked: ok({"order": self.order(self.find(self.swap, asked))}),
                "symbol",
                "clientOrderID orderId",
                private=True,
            ),
            "POST spot/v1/trade/cancel": route(
                lambda asked: ok(self.order(self.cancel(self.spot, asked))), "symbol clientOrderID", private=True
            ),
            "DELETE swap/v2/trade/order": route(
                lambda asked: ok({"order": self.order(self.cancel(self.swap, asked))}),
                "symbol clientOrderID",
                private=True,
            ),
            "GET spot/v1/trade/openOrders": route(
                lambda _: ok({"orders": self.resting(swap=False)}), may="symbol", private=True
            ),
            "GET swap/v2/trade/openOrders": route(
                lambda _: ok({"orders": self.resting(swap=True)}), may="symbol", private=True
            ),
            "GET spot/v1/trade/myTrades": route(self.spot_trades, "symbol startTime limit", private=True),
            "GET swap/v2/trade/fillHistory": route(
                self.swap_trades, "symbol startTs endTs pageIndex pageSize", private=True
            ),
            "GET swap/v2/trade/leverage": route(self.leverage, "symbol", private=True),
            "POST swap/v2/trade/leverage": route(self.set_leverage, "symbol side leverage", private=True),
            "GET swap/v2/trade/marginType": route(
                lambda _: ok({"marginType": MODES[self.exchange.margin_mode(self.swap)]}), "symbol", private=True
            ),
            "POST swap/v2/trade/marginType": route(self.set_margin, "symbol marginType", private=True),
            "GET swap/v1/positionSide/dual": route(lambda _: ok({"dualSidePosition": "false"}), private=True),
            "GET swap/v2/user/income": route(self.income, "startTime limit", private=True),
            "GET api/v3/capital/deposit/hisrec": route(lambda _: [], "startTime limit", private=True),
            "GET api/v3/capital/withdraw/history": route(lambda _: [], "startTime limit", private=True),
            "POST api/asset/v1/transfer": route(self.transfer, "fromAccount toAccount asset amount", private=True),
            "GET api/v3/asset/transferRecord": route(
                self.transfers, "fromAccount toAccount startTime pageSize", private=True
            ),
        }
        return {(name.split(" ")[0], f"/openApi/{name.split(' ')[1]}"): one for name, one in made.items()}

    # ---- market data

    def spot_tickers(self, asked: Asked) -> Any:
        del asked
        return ok(self.each(self.spot_ticker))

    def spot_ticker(self) -> Any:
        if self.price(self.spot) is None:
            return None
        bid, ask = self.bid_ask(self.spot)
        return {"symbol": self.id, "bidPrice": float(bid), "askPrice": float(ask), "quoteVolume": 1_000_000.0}

    def swap_tickers(self, asked: Asked) -> Any:
        del asked
        return ok(
            self.each(
                lambda: {"symbol": self.id, "lastPrice": str(self.price(self.swap)), "quoteVolume": "1000000"},
            )
        )

    def premium(self, asked: Asked) -> Any:
        del asked
        return ok(self.each(self.rate))

    def rate(self) -> Any:
        funding = self.scene.funding(self.swap, self.clock.now())
        if funding is None:
            return None
        return {
            "symbol": self.id,
            "markPrice": str(self.price(self.swap)),
            "indexPrice": str(self.price(self.swap)),
            "lastFundingRate": str(funding.rate),
            "nextFundingTime": milliseconds(funding.next_at) if funding.next_at else 0,
            "fundingIntervalHours": 8,
        }

    def settled(self, asked: Asked) -> Any:
        rows = self.rates(self.swap, int(asked.said["startTime"]))[: int(asked.said["limit"])]
        return ok([{"symbol": self.id, "fundingRate": str(rate), "fundingTime": at} for at, rate in rows])

    def klines(self, symbol: str, asked: Asked) -> Any:
        said = asked.said
        rows = self.bars(symbol, said["interval"], int(said["startTime"]), int(said["endTime"]), int(said["limit"]))
        if symbol == self.spot:
            return ok([[*row, int(row[0]) + 3_599_999, row[5]] for row in rows])
        return ok(
            [
                {"time": int(at), "open": str(o), "high": str(h), "low": str(low), "close": str(c), "volume": str(v)}
                for at, o, h, low, c, v in rows
            ]
        )

    # ---- account

    def spot_balance(self, asked: Asked) -> Any:
        del asked
        rows = [
            {"asset": asset, "free": plain(one.free), "locked": plain(one.locked)}
            for asset, one in self.exchange.balances().items()
        ]
        return ok({"balances": rows})

    def swap_balance(self, asked: Asked) -> Any:
        del asked
        wallet = self.exchange.futures()
        row = {
            "asset": "USDT",
            "balance": plain(wallet.wallet_balance),
            "equity": plain(wallet.margin_balance),
            "unrealizedProfit": plain(wallet.unrealised),
            "availableMargin": plain(wallet.available),
            "usedMargin": plain(wallet.initial_margin),
            "freezedMargin": plain(wallet.order_margin),
        }
        return ok([row])

    def positions(self, asked: Asked) -> Any:
        del asked
        return ok(
            [
                {
                    "symbol": self.id_of(one.symbol),
                    "positionId": "1",
                    "positionSide": "LONG" if one.quantity > 0 else "SHORT",
                    "onlyOnePosition": True,
                    "isolated": one.margin_mode == "isolated",
                    "positionAmt": plain(abs(one.quantity)),
                    "avgPrice": plain(one.entry_price),
                    "markPrice": plain(one.mark_price),
                    "leverage": one.leverage,
                    "initialMargin": plain(one.initial_margin),
                    "unrealizedProfit": plain(one.unrealised),
                    "liquidationPrice": float(one.liquidation_price or 0),
                }
                for one in self.exchange.positions()
            ]
        )

    def leverage(self, asked: Asked) -> Any:
        del asked
        leverage = self.exchange.leverage(self.swap)
        return ok({"longLeverage": leverage, "shortLeverage": leverage, "symbol": self.id})

    def set_leverage(self, asked: Asked) -> Any:
        assert asked.said["side"] == "BOTH"
        return ok({"leverage": self.exchange.set_leverage(self.swap, int(asked.said["leverage"]))})

    def set_margin(self, asked: Asked) -> Any:
        self.exchange.set_margin_mode(self.swap, "isolated" if asked.said["marginType"] == "ISOLATED" else "cross")
        return ok({})

    def income(self, asked: Asked) -> Any:
        rows = self.exchange.income(from_milliseconds(int(asked.said["startTime"])), 1000)
        return ok(
            [
                {
                    "symbol": self.id_of(one.symbol) if one.symbol else "",
                    "incomeType": one.kind.value.upper(),
                    "income": plain(one.amount),
                    "asset": one.asset,
                    "time": milliseconds(one.at),
                    "tranId": str(one.income_id),
                }
                for one in rows
            ]
        )

    def transfer(self, asked: Asked) -> Any:
        said = asked.said
        made = self.exchange.transfer(
            said["asset"], D(said["amount"]), TYPES[said["fromAccount"]], TYPES[said["toAccount"]]
        )
        return ok({"transferId": str(made.transfer_id)})

    def transfers(self, asked: Asked) -> Any:
        said = asked.said
        wanted = (TYPES[said["fromAccount"]], TYPES[said["toAccount"]])
        rows = [
            {
                "transferId": str(one.transfer_id),
                "asset": one.asset,
                "amount": plain(one.amount),
                "status": "CONFIRMED",
                "timestamp": milliseconds(one.at),
            }
            for one in self.exchange.transfers(from_milliseconds(int(said["startTime"])))
            if (one.source, one.to) == wanted
        ]
        return {"total": len(rows), "rows": rows}

    # ---- orders

    def create_spot(self, asked: Asked) -> Any:
        said = asked.said
        return ok(self.order(self._place(self.spot, asked, said["newClientOrderId"], reduce_only=False)))

    def create_swap(self, asked: Asked) -> Any:
        said = asked.said
        assert said["positionSide"] == "BOTH"
        reduces = said.get("reduceOnly", "false").lower() == "true"
        made = self._place(self.swap, asked, said["clientOrderID"], reduce_only=reduces)
        short = {"symbol": self.id, "orderId": made.order_id, "side": said["side"], "positionSide": "BOTH"}
        return ok({"order": short | {"type": "LIMIT", "clientOrderID": made.client_id}})

    def _place(self, symbol: str, asked: Asked, client_id: str, *, reduce_only: bool) -> OrderRecord:
        said = asked.said
        assert said["symbol"] == self.id
        assert said["type"] == "LIMIT"
        side: Side = "buy" if said["side"] == "BUY" else "sell"
        tif = TIFS[said["timeInForce"]]
        amount, price = D(said["quantity"]), D(said["price"])
        return self.exchange.place(OrderRequest(symbol, side, "limit", amount, price, tif, reduce_only, client_id))

    def find(self, symbol: str, asked: Asked) -> OrderRecord:
        said = asked.said
        number = said.get("orderId")
        return self.exchange.order(
            symbol, client_id=said.get("clientOrderID"), order_id=int(number) if number else None
        )

    def cancel(self, symbol: str, asked: Asked) -> OrderRecord:
        return self.exchange.cancel(symbol, client_id=asked.said["clientOrderID"])

    def resting(self, *, swap: bool) -> list[Any]:
        return [self.order(one) for one in self.exchange.open_orders() if is_swap(one.symbol) is swap]

    def order(self, one: OrderRecord) -> dict[str, Any]:
        words = {"gtc": "GTC", "ioc": "IOC", "post_only": "PostOnly"}
        row = {
            "symbol": self.id_of(one.symbol),
            "orderId": one.order_id,
            "clientOrderID": one.client_id,
            "price": plain(one.price or D(0)),
            "origQty": plain(one.amount),
            "executedQty": plain(one.filled),
            "cummulativeQuoteQty": plain(one.quote_filled),
            "status": one.status.value.upper(),
            "type": "LIMIT",
            "side": one.side.upper(),
            "timeInForce": words[one.tif],
            "time": milliseconds(one.created_at),
            "updateTime": milliseconds(one.updated_at),
        }
        if is_swap(one.symbol):
            average = "0" if one.average is None else plain(one.average)
            row |= {"positionSide": "BOTH", "avgPrice": average, "reduceOnly": one.reduce_only}
        return row

    def spot_trades(self, asked: Asked) -> Any:
        rows = self.exchange.trades(
            self.spot, from_milliseconds(int(asked.said["startTime"])), int(asked.said["limit"])
        )
        return ok(
            {
                "fills": [
                    {
                        "symbol": self.id_of(one.symbol),
                        "id": one.trade_id,
                        "orderId": one.order_id,
                        "price": plain(one.price),
                        "qty": plain(one.amount),
                        "quoteQty": plain(one.quote),
                        "commission": plain(-one.fee),
                        "commissionAsset": one.fee_asset,
                        "time": milliseconds(one.at),
                        "isBuyer": one.side == "buy",
                        "isMaker": one.maker,
                    }
                    for one in rows
                ]
            }
        )

    def swap_trades(self, asked: Asked) -> Any:
        rows = self.exchange.trades(self.swap, from_milliseconds(int(asked.said["startTs"])), 500)
        return ok(
            {
                "fill_history_orders": [
                    {
                        "symbol": self.id_of(one.symbol),
                        "tradeId": str(one.trade_id),
                        "orderId": str(one.order_id),
                        "side": one.side.upper(),
                        "positionSide": "BOTH",
                        "price": plain(one.price),
                        "qty": plain(one.amount),
                        "commission": plain(-one.fee),
                        "commissionAsset": one.fee_asset,
                        "filledTime": one.at.isoformat(),
                    }
                    for one in rows
                ]
                if asked.said["pageIndex"] == "1"
                else []
            }
        )


def ok(data: Any) -> dict[str, Any]:
    return {"code": 0, "msg": "", "data": data}


MODES = {"cross": "CROSSED", "isolated": "ISOLATED"}
CONTRACT = {
    "contractId": "100",
    "size": "0.001",
    "quantityPrecision": 3,
    "pricePrecision": 1,
    "feeRate": 0.0005,
    "makerFeeRate": 0.0002,
    "takerFeeRate": 0.0005,
    "tradeMinLimit": 0,
    "tradeMinQuantity": 0.001,
    "tradeMinUSDT": 5,
    "currency": "USDT",
    "asset": "BTC",
    "status": 1,
    "apiStateOpen": "true",
    "apiStateClose": "true",
}
LISTING = {
    "minQty": 0.001,
    "maxQty": 100,
    "minNotional": 5,
    "maxNotional": 100000,
    "status": 1,
    "tickSize": 0.1,
    "stepSize": 0.001,
    "apiStateSell": True,
    "apiStateBuy": True,
}
