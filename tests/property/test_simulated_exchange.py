"""Whatever is asked of the exchange: no coin appears or vanishes, nothing is owed, and a restart changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.instruments import base_of, is_swap, quote_of
from bot.venues.simulated.exchange import Exchange, IncomeKind, OrderRequest, Refusal
from bot.venues.simulated.records import OrderType, Side, Tif
from bot.venues.simulated.scene import ScriptedFlow
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, D, StillScene, minutes

OPENING = {"USDT": D(20_000), "BTC": D("3.5")}
FINE = D("0.00001")
PRICES = st.decimals("60", "160", places=5)


@dataclass(frozen=True)
class Step:
    """One thing that happens: time passes, then somebody asks for something."""

    wait: float
    what: str
    symbol: str
    side: Side
    type: OrderType
    tif: Tif
    amount: Decimal
    price: Decimal
    reduce_only: bool
    number: int


# What happens without the client: share, span and sign come from the step's number.
OUTSIDE: dict[str, Callable[[Exchange, Step, Decimal, timedelta], object]] = {
    "isolated": lambda exchange, _step, _share, _span: exchange.set_margin_mode(SWAP, "isolated"),
    "cross": lambda exchange, _step, _share, _span: exchange.set_margin_mode(SWAP, "cross"),
    "manual": lambda exchange, step, _share, _span: exchange.outside.manual_trade(step.symbol, step.side, step.amount),
    "by hand": lambda exchange, step, _share, _span: exchange.outside.manual_cancel(step.symbol),
    "adl": lambda exchange, _step, share, _span: exchange.outside.adl(SWAP, share),
    "liquidation": lambda exchange, _step, _share, _span: exchange.outside.liquidate(),
    "halt": lambda exchange, step, _share, span: exchange.outside.halt(step.symbol, span),
    "delist": lambda exchange, step, _share, _span: exchange.outside.delist(step.symbol),
    "relist": lambda exchange, step, _share, _span: exchange.outside.relist(step.symbol),
    "filters": lambda exchange, step, share, _span: exchange.outside.change_filters(step.symbol, step=FINE / share),
    "depeg": lambda exchange, _step, share, span: exchange.outside.depeg("USDT", share, span),
    "crash": lambda exchange, _step, share, span: exchange.outside.crash("BTC", share / 2, span),
    "cut": lambda exchange, _step, share, _span: exchange.outside.fill_part(share),
    "before": lambda exchange, _step, share, _span: exchange.outside.fill_before_cancel(share),
    "after": lambda exchange, _step, share, span: exchange.outside.fill_after_cancel(share, span),
}
STEPS = st.builds(
    Step,
    wait=st.sampled_from([0, 0.3, 1, 7.5, 60, 500]),
    what=st.sampled_from(
        ["place"] * 6
        + ["cancel", "cancel_all", "transfer", "transfer", "back", "deposit", "withdraw", "leverage"]
        + ["park", "recall"]
        + [*OUTSIDE]
    ),
    symbol=st.sampled_from([SPOT, SWAP]),
    side=st.sampled_from(["buy", "sell"]),
    type=st.sampled_from(["limit", "limit", "market"]),
    tif=st.sampled_from(["gtc", "gtc", "ioc", "fok", "post_only"]),
    amount=st.decimals("0.001", "40", places=5),
    price=PRICES,
    reduce_only=st.booleans(),
    number=st.integers(1, 6),
)
PATHS = st.lists(PRICES, min_size=1, max_size=8)


def a_scene(spot: list[Decimal], swap: list[Decimal]) -> StillScene:
    # Step times tick is finer than the last unit of money: every fill has something to round.
    listed = {
        symbol: market.model_copy(update={"step": FINE, "tick": FINE}) for symbol, market in StillScene().listed.items()
    }
    return StillScene(
        listed=listed,
        moves={
            SPOT: [(START, D(100)), *((minutes(97 * n), price) for n, price in enumerate(spot, 1))],
            SWAP: [(START, D(100)), *((minutes(89 * n), price) for n, price in enumerate(swap, 1))],
        },
        settlements={SWAP: [(minutes(480 * n), D("0.0007") * (-1) ** n) for n in range(1, 12)]},
        scripted=[
            ScriptedFlow(minutes(33), "USDT", D("12.34567891"), "deposit"),
            ScriptedFlow(minutes(700), "BTC", D("-1.5"), "withdrawal"),
        ],
    )


def act(exchange: Exchange, step: Step) -> None:
    name = f"c{step.number}"
    if step.what == "place":
        price = step.price if step.type == "limit" else None
        tif = step.tif if step.type == "limit" else "gtc"
        reduce_only = step.reduce_only and is_swap(step.symbol)
        exchange.place(
            OrderRequest(step.symbol, step.side, step.type, step.amount, price, tif, reduce_only, client_id=name)
        )
    elif step.what == "cancel":
        exchange.cancel(step.symbol, client_id=name)
    elif step.what == "cancel_all":
        exchange.cancel_all(step.symbol)
    elif step.what == "transfer":
        exchange.transfer("USDT", step.amount * 20, "spot", "futures")
    elif step.what == "back":
        exchange.transfer("USDT", step.amount * 5, "futures", "spot")
    elif step.what == "park":
        exchange.transfer("USDT", step.amount * 90, "spot", "earn")
    elif step.what == "recall":
        exchange.transfer("USDT", step.amount * 10, "earn", "spot")
    elif step.what == "deposit":
        exchange.deposit("USDT", step.amount)
    elif step.what == "withdraw":
        exchange.withdraw("BTC", step.amount)
    elif step.what == "leverage":
        exchange.set_leverage(SWAP, step.number * 5)
    else:
        OUTSIDE[step.what](exchange, step, 1 / D(step.number), timedelta(minutes=step.number))


def take(exchange: Exchange, step: Step) -> str:
    """Do one step; the answer as text."""
    exchange.advance(exchange.now + (minutes(step.wait) - START))
    try:
        act(exchange, step)
    except Refusal as refusal:
        return refusal.code
    return "done"


def reckoned(exchange: Exchange) -> tuple[dict[str, Decimal], Decimal, Decimal]:
    """Spot coins, futures wallet and savings as opening, trades, flows, transfers and income say they must be."""
    coins: defaultdict[str, Decimal] = defaultdict(Decimal, OPENING)
    wallet = D(0)
    for trade in exchange.trades(SPOT, limit=10_000):
        sign = 1 if trade.side == "buy" else -1
        coins[base_of(SPOT)] += sign * trade.amount
        coins[quote_of(SPOT)] -= sign * trade.quote
        coins[trade.fee_asset] -= trade.fee
    for trade in exchange.trades(SWAP, limit=10_000):
        wallet += trade.realised - trade.fee
    for flow in exchange.flows(limit=10_000):
        coins[flow.asset] += flow.amount if flow.kind == "deposit" else -flow.amount
    saved = sum((one.amount for one in exchange.interest(limit=10_000)), D(0))
    for move in exchange.transfers(limit=10_000):
        moved = -move.amount if move.to == "spot" else move.amount
        coins[move.asset] -= moved
        if "futures" in (move.source, move.to):
            wallet += moved
        else:
            saved += moved
    for income in exchange.income(limit=10_000):
        if income.kind in (IncomeKind.FUNDING_FEE, IncomeKind.INSURANCE_CLEAR):
            wallet += income.amount
    return dict(coins), wallet, saved


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=25), PATHS, PATHS)
def test_every_coin_is_accounted_for_to_the_last_unit(
    steps: list[Step], spot: list[Decimal], swap: list[Decimal]
) -> None:
    exchange = Exchange(a_scene(spot, swap), opening=OPENING)
    for step in steps:
        take(exchange, step)
        coins, wallet, saved = reckoned(exchange)
        assert {asset: balance.free + balance.locked for asset, balance in exchange.balances().items()} == coins
        assert exchange.futures().wallet_balance == wallet
        assert exchange.earn().get("USDT", D(0)) == saved
        assert saved >= 0
        assert wallet == sum(income.amount for income in exchange.income(limit=10_000))


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=25), PATHS, PATHS)
def test_what_positions_cost_and_realised_is_what_their_trades_paid(
    steps: list[Step], spot: list[Decimal], swap: list[Decimal]
) -> None:
    exchange = Exchange(a_scene(spot, swap), opening=OPENING)
    for step in steps:
        take(exchange, step)
    trades = exchange.trades(SWAP, limit=10_000)
    signs = [(1 if trade.side == "buy" else -1, trade) for trade in trades]
    paid = sum((sign * trade.quote for sign, trade in signs), D(0))
    quantity = sum((sign * trade.amount for sign, trade in signs), D(0))
    realised = sum((trade.realised for trade in trades), D(0))
    positions = exchange.positions()
    assert quantity == sum((position.quantity for position in positions), D(0))
    cost = sum((position.quantity * position.mark_price - position.unrealised for position in positions), D(0))
    assert paid + realised == cost


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=25), PATHS, PATHS)
def test_no_spot_balance_is_ever_negative_and_nothing_overfills(
    steps: list[Step], spot: list[Decimal], swap: list[Decimal]
) -> None:
    exchange = Exchange(a_scene(spot, swap), opening=OPENING)
    for step in steps:
        take(exchange, step)
        assert all(balance.free >= 0 and balance.locked >= 0 for balance in exchange.balances().values())
        for symbol in (SPOT, SWAP):
            assert all(0 <= order.filled <= order.amount for order in exchange.orders(symbol, limit=10_000))
            assert all(order.is_open == (order in exchange.open_orders()) for order in exchange.orders(symbol))


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=25), PATHS, PATHS)
def test_reduce_only_never_grows_or_flips_a_position(
    steps: list[Step], spot: list[Decimal], swap: list[Decimal]
) -> None:
    exchange = Exchange(a_scene(spot, swap), opening=OPENING)
    for step in steps:
        take(exchange, step)
    reducing = {order.order_id for order in exchange.orders(SWAP, limit=10_000) if order.reduce_only}
    quantity = D(0)
    for trade in exchange.trades(SWAP, limit=10_000):
        after = quantity + (trade.amount if trade.side == "buy" else -trade.amount)
        if trade.order_id in reducing:
            assert abs(after) < abs(quantity)
            assert after * quantity >= 0
        quantity = after


@settings(max_examples=150)
@given(st.lists(STEPS, min_size=1, max_size=20), PATHS, PATHS, st.data())
def test_a_restart_at_any_point_changes_nothing(
    steps: list[Step], spot: list[Decimal], swap: list[Decimal], data: st.DataObject
) -> None:
    scene = a_scene(spot, swap)
    cut = data.draw(st.integers(0, len(steps) - 1))
    straight, broken = Exchange(scene, opening=OPENING), Exchange(scene, opening=OPENING)
    for number, step in enumerate(steps):
        if number == cut:
            broken = Exchange(scene, state=broken.dump())
        assert take(straight, step) == take(broken, step)
    assert straight.dump() == broken.dump()


@settings(max_examples=50)
@given(st.lists(STEPS, max_size=20), PATHS, PATHS)
def test_the_same_requests_give_the_same_bytes(steps: list[Step], spot: list[Decimal], swap: list[Decimal]) -> None:
    made = [Exchange(a_scene(spot, swap), opening=OPENING) for _ in range(2)]
    assert [[take(exchange, replace(step)) for step in steps] for exchange in made[:1]] == [
        [take(exchange, replace(step)) for step in steps] for exchange in made[1:]
    ]
    assert made[0].dump() == made[1].dump()
