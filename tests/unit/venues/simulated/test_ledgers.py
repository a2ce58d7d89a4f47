"""Three small accounts reckoned by hand, equal to the last unit: fees in base, funding over a flip, a liquidation."""

from __future__ import annotations

from bot.venues.simulated.exchange import Exchange, IncomeKind, Rules
from tests.unit.venues.simulated.accounts import an_exchange, an_order
from tests.unit.venues.simulated.scenes import SPOT, SWAP, D, StillScene, minutes


def booked(exchange: Exchange) -> list[tuple[IncomeKind, object]]:
    return [(one.kind, one.amount) for one in exchange.income() if one.kind != IncomeKind.TRANSFER]


def test_fees_in_base_leave_less_than_was_filled() -> None:
    exchange = an_exchange()  # 10,000 USDT, 2 BTC
    bought = exchange.place(an_order("buy", "3", "100.1"))
    assert (bought.filled, bought.quote_filled) == (D(3), D("300.3"))
    assert exchange.balances()["BTC"].free == D("4.997")  # 2 + 3 - 0.003
    assert exchange.balances()["USDT"].free == D("9699.7")  # 10,000 - 300.3
    exchange.place(an_order("sell", "4.997", "99.9"))
    assert [(one.fee, one.fee_asset) for one in exchange.trades(SPOT)] == [
        (D("0.003"), "BTC"),
        (D("0.4992003"), "USDT"),
    ]
    assert exchange.balances()["BTC"].free == 0
    assert exchange.balances()["USDT"].free == D("10198.4010997")  # 9,699.7 + 499.2003 - 0.4992003


def test_fees_in_quote_are_paid_on_top_and_locked_beforehand() -> None:
    exchange = Exchange(StillScene(), opening={"USDT": D(1000)}, rules=Rules(fees_in_base=False))
    exchange.place(an_order("buy", "3", "100.1"))
    assert exchange.balances()["BTC"].free == D(3)
    assert exchange.balances()["USDT"].free == D("699.3997")  # 1,000 - 300.3 - 0.3003
    exchange.place(an_order("buy", "1", "90"))
    assert exchange.balances()["USDT"].locked == D("90.0909")  # 90 and 1.01 times its fee


def test_funding_over_a_flip() -> None:
    settlements = {SWAP: [(minutes(480), D("0.001")), (minutes(960), D("0.002"))]}
    scene = StillScene(settlements=settlements)
    scene.move(SWAP, minutes(500), "110")
    exchange = an_exchange(scene, futures="1000")
    exchange.place(an_order("sell", "2", "99.9", symbol=SWAP))
    exchange.advance(minutes(501))
    exchange.place(an_order("buy", "5", "110.1", symbol=SWAP))
    exchange.advance(minutes(1000))
    assert booked(exchange) == [
        (IncomeKind.COMMISSION, D("-0.0999")),  # 199.8 at 0.05 %
        (IncomeKind.FUNDING_FEE, D("0.2")),  # 2 short at 100 and 0.1 %: received
        (IncomeKind.REALISED_PNL, D("-20.4")),  # 2 x (99.9 - 110.1)
        (IncomeKind.COMMISSION, D("-0.27525")),  # 550.5 at 0.05 %
        (IncomeKind.FUNDING_FEE, D("-0.66")),  # 3 long at 110 and 0.2 %: paid
    ]
    (position,) = exchange.positions()
    assert (position.quantity, position.entry_price) == (D(3), D("110.1"))
    assert exchange.futures().wallet_balance == D("978.76485")


def test_a_liquidation() -> None:
    scene = StillScene()
    exchange = an_exchange(scene, futures="100")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    scene.move(SWAP, minutes(1), "118")  # 99.75025 - 90.5 = 9.25025 over 5.9
    exchange.advance(minutes(2))
    assert exchange.positions()
    scene.move(SWAP, minutes(3), "119")  # 99.75025 - 95.5 = 4.25025 under 5.95
    exchange.advance(minutes(4))
    assert booked(exchange) == [
        (IncomeKind.COMMISSION, D("-0.24975")),
        (IncomeKind.REALISED_PNL, D("-95.5")),
        (IncomeKind.COMMISSION, D("-7.4375")),  # 595 at 1.25 %
        (IncomeKind.INSURANCE_CLEAR, D("3.18725")),
    ]
    assert exchange.futures().wallet_balance == 0
    assert exchange.balances()["USDT"].free == D(9900)
