"""Whatever is traded, paid, put in and taken out: a record adds up to the change of equity, to a last digit."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.backtest.ledger import PURPOSES
from tests.unit.backtest.events import D, booked, fill, flow, funding, seen

SWAP = "BTC/USDT:USDT"
LAST_DIGIT = D("1e-40")
units = st.integers(-400, 400).filter(bool).map(lambda value: D(value) / 100)
prices = st.integers(5_000, 20_000).map(lambda value: D(value) / 100)
moves = st.lists(
    st.tuples(st.sampled_from(["spot", "hedge", "index", "bridge", "pay", "flow"]), units, prices, prices), max_size=12
)


class Account:
    """Money, coins and contracts as a venue would keep them."""

    def __init__(self) -> None:
        self.money, self.coins, self.contracts = D(10_000), D(10), D(0)

    def equity(self, price: Decimal) -> Decimal:
        return self.money + (self.coins + self.contracts) * price


@given(st.lists(st.tuples(moves, prices), min_size=1, max_size=5))
def test_all_that_happened_explains_all_that_changed(
    hours: list[tuple[list[tuple[str, Decimal, Decimal, Decimal]], Decimal]],
) -> None:
    account, events = Account(), [seen(0, "11000", coins={"BTC": "10"})]
    references: dict[str, str | None] = {}
    came = D(0)
    for hour, (told, price) in enumerate(hours, 1):
        for number, (what, qty, paid, mid) in enumerate(told):
            name, at = f"{hour}:{number}", hour - 1 + number / 100
            if what == "pay":
                account.money -= qty
                events.append(funding(at, str(qty)))
            elif what == "flow":
                account.coins += qty
                came += qty * price
                events.append(flow(at, str(qty), "BTC", "deposit" if qty > 0 else "withdrawal"))
            else:
                references[name] = str(mid)
                symbol = "BTC/USDT" if what == "spot" else SWAP
                fee = abs(qty) * D("0.001")
                in_base = what == "spot" and qty > 0
                worth = fee * paid
                account.money -= qty * paid + (D(0) if in_base else worth)
                if what == "spot":
                    account.coins += qty - (fee if in_base else D(0))
                else:
                    account.contracts += qty
                told_fee = {"fee": str(fee if in_base else worth), "fee_asset": "BTC" if in_base else "USDT"}
                events.append(
                    fill(
                        at,
                        str(qty),
                        str(paid),
                        symbol=symbol,
                        purpose=what,
                        client_id=name,
                        fee_value=str(worth),
                        **told_fee,
                    )
                )
        shown = {"BTC": str(price)}
        held = {"BTC": str(account.contracts)} if account.contracts else {}
        coins = {"BTC": str(account.coins)}
        events.append(seen(hour, str(account.equity(price)), coins=coins, contracts=held, prices=shown, marks=shown))
    made, _ = booked(events, references)
    # A mean entry price is a quotient, so that what is left may be its last digit, forty places behind the point.
    assert abs(made.unexplained) < LAST_DIGIT
    assert made.flows == came
    assert abs(made.net(PURPOSES) - made.change) < LAST_DIGIT
    assert abs(made.change - sum(made.by_asset.values())) < LAST_DIGIT
