"""Three small accounts, reckoned by hand to the last unit: the simulated exchange trades, the ledger tells it apart.

Each case is a sheet: what was done, what it did to money, coins and contracts, and below it what equity changed by and
from where. The exchange, the facts it tells and the bookkeeper must all come to the sheet's numbers.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from bot.backtest.ledger import Bookkeeper, Ledger
from bot.core.events import Event
from bot.core.numbers import plain
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.mapping import events_of
from bot.venues.simulated.records import Side, TradeRecord
from tests.unit.venues.simulated.accounts import an_exchange, an_order
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, D, StillScene, minutes


class Sheet:
    """An exchange, and the facts that a bot on it would have recorded."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._mids: dict[str, Decimal | None] = {}
        self.book = Bookkeeper("USDT", self._mids)
        self._told: set[str] = set()
        self._trades = 0

    def order(
        self, side: Side, amount: str, price: str, mid: str, *, symbol: str = SPOT, purpose: str = "spot"
    ) -> None:
        """Send an order whose decision saw ``mid``, and book what filled."""
        name = f"order{len(self._mids)}"
        self._mids[name] = D(mid)
        self.exchange.place(an_order(side, amount, price, symbol=symbol, client_id=name))
        for trade in self.exchange.trades(symbol):
            if trade.client_id == name:
                self._book(trade, purpose)

    def _book(self, trade: TradeRecord, purpose: str) -> None:
        sign = 1 if trade.side == "buy" else -1
        body = {
            "client_id": trade.client_id,
            "symbol": trade.symbol,
            "asset": "BTC",
            "qty": plain(sign * trade.amount),
            "price": plain(trade.price),
            "fee": plain(trade.fee),
            "fee_asset": trade.fee_asset,
            "fee_value": plain(trade.fee * (trade.price if trade.fee_asset == "BTC" else 1)),
            "purpose": purpose,
        }
        self.book.take(Event(f"fill:{trade.trade_id}", trade.at, "fill", body))

    def decide(self, at: datetime, price: str) -> Decimal:
        """A decision that sees the account at a price: equity."""
        self.exchange.advance(at)
        for event in events_of(self.exchange, START):
            if event.key not in self._told:
                self._told.add(event.key)
                self.book.take(event)
        spot = {name: each.free + each.locked for name, each in self.exchange.balances().items()}
        coins = spot.get("BTC", D(0))
        held = sum((each.quantity for each in self.exchange.positions()), D(0))
        equity = spot.get("USDT", D(0)) + self.exchange.futures().margin_balance + coins * D(price)
        body = {
            "equity": plain(equity),
            "coins": {"BTC": plain(coins)} if coins else {},
            "contracts": {"BTC": plain(held)} if held else {},
            "prices_by_asset": {"BTC": price},
            "marks": {"BTC": price} if held else {},
            "worth": {"BTC": "0", "USDT": "0"},
        }
        self.book.take(Event(f"seen:{at}", at, "seen", body))
        return equity

    def ledger(self) -> Ledger:
        made = self.book.ledger()
        assert made is not None
        return made


def test_fees_in_base() -> None:
    """10,000 USDT and 2 BTC at a mid of 100; fee 0.1 %, of a buy in coins.

    | what              | USDT       | BTC    | fee                     | against the mid of 100     |
    | ---               | --:        | --:    | --:                     | --:                        |
    | opening           | 10,000     | 2      |                         |                            |
    | buy 3 at 100.1    | -300.3     | +2.997 | 0.003 BTC = 0.3003 USDT | 2.997 x 0.1 = 0.2997 worse |
    | price goes to 110 |            |        |                         |                            |
    | sum               | 9,699.7    | 4.997  | 0.3003                  | 0.2997                     |

    equity: 10,000 + 2 x 100 = 10,200, then 9,699.7 + 4.997 x 110 = 10,249.37: +49.37
    prices: (2 + 2.997) x 10 = 49.97; 49.97 - 0.3003 - 0.2997 = 49.37
    """
    sheet = Sheet(an_exchange(scene := StillScene()))
    assert sheet.decide(START, "100") == D(10_200)
    sheet.order("buy", "3", "100.1", "100")
    scene.move(SPOT, minutes(1), "110")
    assert sheet.decide(minutes(2), "110") == D("10249.37")
    made = sheet.ledger()
    assert made.parts["spot"] == {"gain": D("49.97"), "fees": D("-0.3003"), "spread": D("-0.2997"), "funding": D(0)}
    assert (made.change, made.unexplained) == (D("49.37"), D(0))


def test_funding_over_a_flip() -> None:
    """1,000 USDT of margin; fee 0.05 %; short 2 for a hedge, then 5 bought: 2 close it, 3 stay as a bridge.

    | minute | what                    | contracts | wallet     | of it                                       |
    | --:    | ---                     | --:       | --:        | ---                                         |
    | 0      | sell 2 at 99.9, mid 100 | -2        | -0.0999    | fee of 199.8                                |
    | 480    | funding 0.1 % at 100    | -2        | +0.2       | 2 x 100 x 0.001, shorts receive             |
    | 501    | buy 2 at 110.1, mid 110 | 0         | -20.5101   | 2 x (99.9 - 110.1) = -20.4, fee 0.1101      |
    | 501    | buy 3 at 110.1, mid 110 | +3        | -0.16515   | fee of 330.3                                |
    | 960    | funding 0.2 % at 110    | +3        | -0.66      | 3 x 110 x 0.002, longs pay                  |
    | end    | mark 110                | +3        | (-0.3)     | 3 x (110 - 110.1), not realised             |

    change: -0.0999 + 0.2 - 20.5101 - 0.16515 - 0.66 - 0.3 = -21.53515
    hedge:  prices 2 x (100 - 110) = -20, fees -0.0999 - 0.1101 = -0.21, spread -0.2 - 0.2 = -0.4, funding +0.2
    bridge: prices 3 x (110 - 110) = 0, fees -0.16515, spread 3 x -0.1 = -0.3, funding -0.66
    """
    scene = StillScene(settlements={SWAP: [(minutes(480), D("0.001")), (minutes(960), D("0.002"))]})
    scene.move(SWAP, minutes(500), "110")
    sheet = Sheet(an_exchange(scene, opening={"USDT": D(1_000)}, futures="1000"))
    assert sheet.decide(START, "100") == 1_000
    sheet.order("sell", "2", "99.9", "100", symbol=SWAP, purpose="hedge")
    sheet.decide(minutes(490), "100")
    sheet.exchange.advance(minutes(501))
    sheet.order("buy", "2", "110.1", "110", symbol=SWAP, purpose="hedge")
    sheet.order("buy", "3", "110.1", "110", symbol=SWAP, purpose="bridge")
    assert sheet.decide(minutes(1_000), "110") == D("978.46485")
    made = sheet.ledger()
    assert made.parts["hedge"] == {"gain": D(-20), "fees": D("-0.21"), "spread": D("-0.4"), "funding": D("0.2")}
    assert made.parts["bridge"] == {"gain": D(0), "fees": D("-0.16515"), "spread": D("-0.3"), "funding": D("-0.66")}
    assert (made.change, made.unexplained) == (D("-21.53515"), D(0))


def test_a_liquidation() -> None:
    """100 USDT of margin; short 5 at 99.9 while the mid is 100; taken away at a mark of 119 with a fee of 1.25 %.

    | minute | what                    | contracts | wallet    | of it                                          |
    | --:    | ---                     | --:       | --:       | ---                                            |
    | 0      | sell 5 at 99.9, mid 100 | -5        | -0.24975  | fee of 499.5                                   |
    | 2      | mark 118                | -5        | (-90.5)   | 5 x (99.9 - 118), not realised                 |
    | 3      | taken away at 119       | 0         | -95.5     | 5 x (99.9 - 119)                               |
    | 3      | the venue's fee         | 0         | -7.4375   | 595 at 1.25 %                                  |
    | 3      | insurance               | 0         | +3.18725  | what the wallet was short of                   |

    change: -0.24975 - 95.5 - 7.4375 + 3.18725 = -100: all of it
    told by facts: spread 5 x -0.1 = -0.5, fee -0.24975, prices up to those of the decision that missed it
    5 x (100 - 119) = -95, insurance +3.18725; the venue's own fee is in no order of the bot's: -7.4375 not explained
    """
    scene = StillScene()
    sheet = Sheet(an_exchange(scene, opening={"USDT": D(100)}, futures="100"))
    assert sheet.decide(START, "100") == 100
    sheet.order("sell", "5", "99.9", "100", symbol=SWAP, purpose="hedge")
    scene.move(SWAP, minutes(1), "118")
    assert sheet.decide(minutes(2), "118") == D("9.25025")
    scene.move(SWAP, minutes(3), "119")
    assert sheet.decide(minutes(4), "119") == 0
    made = sheet.ledger()
    assert made.parts["hedge"] == {"gain": D(-95), "fees": D("-0.24975"), "spread": D("-0.5"), "funding": D(0)}
    assert (made.other, made.change, made.unexplained) == (D("3.18725"), D(-100), D("-7.4375"))
