"""Owns the ban on a net short, in coins, orders in flight counted (R-G9, R-A7). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.desk import Desk, Ledger
from bot.core.instruments import is_swap
from bot.core.numbers import ONE, ZERO, plain
from bot.core.sizing import percent
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Wish

GATE = "R-G9"
BETA_UNKNOWN = Decimal("1.5")


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """After the wish and everything in flight, no asset it touches is short more coins than its ratio of the held."""
    after = desk.after(wish).ledger
    for asset in sorted({desk.asset_of(leg.symbol)[0] for leg in wish.legs}):
        sold, shorted = _in_flight(asset, desk)
        fees = sum(
            (abs(leg.qty) * desk.taker(leg.symbol) for leg in wish.legs if leg.qty > 0 and not is_swap(leg.symbol)),
            ZERO,
        )
        coins = after.coins.get(asset, ZERO) - sold - fees
        short = max(ZERO, -(after.contracts.get(asset, ZERO) + after.index.get(asset, ZERO))) + shorted
        before = max(ZERO, -(desk.ledger.contracts.get(asset, ZERO) + desk.ledger.index.get(asset, ZERO))) + shorted
        index = max(ZERO, -after.index.get(asset, ZERO))
        ratio = min(ONE, desk.policy.hedge_for(asset).max_ratio)
        if coins < 0 or (short - index > coins * ratio and _worse(coins, short, asset, desk, sold, before)):
            why = f"{asset}: short {plain(short)} coins against {plain(coins)} held"
            return wish, Verdict(
                GATE, "veto", why, f"at most {plain(coins * ratio)} coins short, with this {plain(short)}"
            )
    if any(is_swap(leg.symbol) and leg.qty < 0 and not leg.reduce_only for leg in wish.legs):
        before, then = _portfolio(desk.ledger, desk), _portfolio(after, desk)
        if then < min(ZERO, before):
            why = f"the portfolio would be net short: beta-weighted exposure {percent(then)}"
            return wish, Verdict(GATE, "veto", why, f"at least 0.0%, with this {percent(then)}, now {percent(before)}")
    return wish, passed(GATE)


def _portfolio(ledger: Ledger, desk: Desk) -> Decimal:
    """Sum of beta x (spot + longs - all shorts), index hedges among them, fractions of E (R-A7)."""
    betas = desk.seen.market.betas
    names = [item.asset for item in desk.seen.exposures]
    return sum((betas.get(name, BETA_UNKNOWN) * (ledger.net(name) + ledger.index_weight(name)) for name in names), ZERO)


def _worse(coins: Decimal, short: Decimal, asset: str, desk: Desk, sold: Decimal, before: Decimal) -> bool:
    """Whether the wish itself takes the account nearer to a net short; what repairs one is never barred."""
    held = desk.ledger.coins.get(asset, ZERO) - sold
    return short - coins > before - held


def _in_flight(asset: str, desk: Desk) -> tuple[Decimal, Decimal]:
    """Coins that own open and unknown orders may still sell and short."""
    sold = shorted = ZERO
    for order in desk.snapshot.orders:
        name, coins = desk.asset_of(order.symbol)
        if name != asset or order.side != "sell":
            continue
        if is_swap(order.symbol):
            shorted += ZERO if order.reduce_only else abs(order.rest) * coins
        else:
            sold += abs(order.rest)
    return sold, shorted
