"""Owns the desk: the account as a plan in the making sees it, and what the plan has already decided. Values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeVar

from bot.core.assessment import Assessment, Exposure, Trigger
from bot.core.copies import changed
from bot.core.instruments import Market, base_of, is_swap, spot_symbol, swap_symbol
from bot.core.kept import Kept
from bot.core.memory import Bridge, Hedge, Memory
from bot.core.numbers import ONE, ZERO, fraction
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.core.wishes import Leg, Wish

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Contract:
    """The perpetual of an asset: ``coins`` of the asset in one base unit of the symbol (1000 for `1000PEPE`)."""

    symbol: str
    coins: Decimal = ONE


def contract_of(asset: str, policy: Policy) -> Contract:
    """The linear perpetual of an asset, through the configured aliases."""
    known = _CONTRACTS.of(policy)
    if asset not in known:
        known[asset] = _contract_of(asset, policy)
    return known[asset]


def _contract_of(asset: str, policy: Policy) -> Contract:
    currency = policy.accounting_currency
    for name, alias in policy.aliases.items():
        if alias.asset == asset:
            return Contract(swap_symbol(name, currency), alias.multiplier)
    return Contract(swap_symbol(asset, currency))


def _none_yet(_policy: Policy) -> dict[str, Contract]:
    return {}


def _by_subject(triggers: tuple[Trigger, ...]) -> Mapping[tuple[str, str], list[Trigger]]:
    made: dict[tuple[str, str], list[Trigger]] = {}
    for item in triggers:
        made.setdefault((item.subject, item.direction), []).append(item)
    return made


_TRIGGERS: Kept[tuple[Trigger, ...], Mapping[tuple[str, str], list[Trigger]]] = Kept(_by_subject, 8)
_CONTRACTS: Kept[Policy, dict[str, Contract]] = Kept(_none_yet, 16)


def is_lift(bridge: Bridge) -> bool:
    """Whether a long was opened to lift a share of risk (R-T5) rather than to become spot."""
    return bridge.reason.startswith("R-T5")


@dataclass(frozen=True)
class Ledger:
    """Coins and money as previous actions of the plan leave them. Prices and marks per coin, in quote; None unknown.

    ``contracts`` are signed coins of purpose hedge, risk and bridge; ``index`` those of index hedges.
    """

    equity: Decimal | None
    prices: Mapping[str, Decimal | None]
    marks: Mapping[str, Decimal | None]
    coins: Mapping[str, Decimal]
    free: Mapping[str, Decimal]
    contracts: Mapping[str, Decimal]
    index: Mapping[str, Decimal]
    margins: Mapping[str, Decimal]  # initial margin by asset
    maintenance: Decimal
    stables_spot: Decimal  # good stables free in the spot wallet, less what unknown buys may take
    futures_available: Decimal
    futures_balance: Decimal  # excluding unrealised PnL
    unrealised: Decimal
    movable: bool  # whether money can go between the wallets (or they are one)
    earn: Decimal
    reserved: Decimal = ZERO  # held back by buys that are open or unknown
    unified: bool = False
    # Weights worked out so far; a copy has those of them that its changes leave as they are.
    _nets: dict[str, Decimal] = field(default_factory=dict, init=False, repr=False, compare=False)
    _sizes: dict[str, Decimal] = field(default_factory=dict, init=False, repr=False, compare=False)
    _gross: list[Decimal] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def liquid(self) -> Decimal:
        """L: what buys and margin can be paid from at once."""
        if self.unified:
            return self.stables_spot - self.reserved
        return self.stables_spot - self.reserved + (self.futures_available if self.movable else ZERO)

    @property
    def margin(self) -> Decimal:
        """Initial margin in use."""
        return sum(self.margins.values(), ZERO)

    def net(self, asset: str) -> Decimal:
        """Net exposure, a fraction of E: spot long minus futures short (R-A9's index hedges apart)."""
        known = self._nets.get(asset)
        if known is None:
            known = self._nets[asset] = fraction(self.spot_weight(asset) + self.futures_weight(asset))
        return known

    def spot_weight(self, asset: str) -> Decimal:
        """Spot value over E; 0 coins weigh 0 even where the price is unknown."""
        return self._weight(self.coins.get(asset, ZERO), self.prices.get(asset))

    def futures_weight(self, asset: str) -> Decimal:
        """Signed perpetual notional over E, index hedges apart."""
        return self._weight(self.contracts.get(asset, ZERO), self.marks.get(asset) or self.prices.get(asset))

    def _weight(self, amount: Decimal, price: Decimal | None) -> Decimal:
        if not amount or price is None or not self.equity:
            return ZERO
        return amount * price / self.equity

    def index_weight(self, asset: str) -> Decimal:
        """Signed index hedge over E: in gross and margin, not in net (R-A9)."""
        return self._weight(self.index.get(asset, ZERO), self.marks.get(asset) or self.prices.get(asset))

    @property
    def gross(self) -> Decimal:
        """(spot value of risk assets + abs futures notional) / E."""
        if not self._gross:
            names = sorted({*self.coins, *self.contracts, *self.index})
            self._gross.append(fraction(sum([self.size(name) for name in names], ZERO)))
        return self._gross[0]

    def size(self, asset: str) -> Decimal:
        """What of gross exposure is an asset's, a fraction of E, not rounded."""
        known = self._sizes.get(asset)
        if known is None:
            spot, futures, index = self.spot_weight(asset), self.futures_weight(asset), self.index_weight(asset)
            known = self._sizes[asset] = spot + abs(futures) + abs(index)
        return known

    def but(self, asset: str, **changes: Any) -> Ledger:
        """A copy in which only amounts of ``asset`` and of money changed; prices and E stand."""
        nets, sizes = self._nets.copy(), self._sizes.copy()
        nets.pop(asset, None)
        sizes.pop(asset, None)
        return changed(self, **changes, _nets=nets, _sizes=sizes, _gross=[])

    def without_equity(self) -> Ledger:
        """The same account, its worth not known."""
        return changed(self, equity=None, _nets={}, _sizes={}, _gross=[])

    @property
    def futures_notional(self) -> Decimal:
        """Sum of abs perpetual notional in accounting currency."""
        total = ZERO
        for name in sorted({*self.contracts, *self.index}):
            mark = self.marks.get(name) or self.prices.get(name) or ZERO
            total += (abs(self.contracts.get(name, ZERO)) + abs(self.index.get(name, ZERO))) * mark
        return total

    @property
    def distance(self) -> Decimal | None:
        """Cross distance to liquidation: (margin balance - maintenance) / abs(notional); None without a position."""
        notional = self.futures_notional
        return (self.futures_balance + self.unrealised - self.maintenance) / notional if notional else None


@dataclass(frozen=True)
class Desk:
    """What rules and gates look at: snapshot, policy, assessment, and the ledger after the actions approved so far."""

    snapshot: Snapshot
    policy: Policy
    seen: Assessment
    ledger: Ledger
    decision_id: str = ""
    approved: tuple[Wish, ...] = ()
    moving: Mapping[str, Decimal] = field(default_factory=dict)  # wallet -> money on its way there by this plan
    refused: tuple[Wish, ...] = ()
    _next: list[tuple[Wish, Desk]] = field(default_factory=list, init=False, repr=False, compare=False)
    _once: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def memory(self) -> Memory:
        """Facts, as of this decision."""
        return self.snapshot.memory

    @property
    def equity(self) -> Decimal:
        """E; callers have asked that it is known."""
        return self.ledger.equity or ZERO

    @property
    def floor(self) -> Decimal:
        """The stablecoin floor in accounting currency (R-T6)."""
        return self.policy.targets.stables.floor * self.equity

    @property
    def dry_powder(self) -> Decimal:
        """P = max(0, L - floor x E)."""
        return max(ZERO, self.ledger.liquid - self.floor)

    @property
    def pending(self) -> tuple[Decimal, Decimal]:
        """What own open and unknown orders may still buy and sell, fractions of E (R-G6, R-G8)."""
        bought, sold = ZERO, ZERO
        for order in self.snapshot.orders:
            size = abs(order.rest) * (order.price or ZERO)
            bought, sold = (bought + size, sold) if order.side == "buy" else (bought, sold + size)
        return (bought / self.equity, sold / self.equity) if self.equity else (ZERO, ZERO)

    @property
    def pending_gross(self) -> Decimal:
        """What own open and unknown orders may still add to gross exposure, a fraction of E (R-G8)."""
        opening = ZERO
        for order in self.snapshot.orders:
            if not order.reduce_only and (is_swap(order.symbol) or order.side == "buy"):
                opening += abs(order.rest) * (order.price or ZERO)
        return fraction(opening / self.equity) if self.equity else ZERO

    def once(self, what: str, make: Callable[[], T]) -> T:
        """What no wish of a plan changes, worked out once for all desks of it; it goes with them."""
        if what not in self._once:
            self._once[what] = make()
        made: T = self._once[what]
        return made

    def exposure(self, asset: str) -> Exposure:
        """The asset as first assessed."""
        return self.seen.exposure(asset)

    def drift(self, asset: str) -> Decimal:
        """Net exposure after previous actions minus target."""
        return fraction(self.ledger.net(asset) - self.exposure(asset).target)

    def trigger(self, asset: str, direction: Literal["over", "under"]) -> Trigger | None:
        """The first trigger on an asset in one direction."""
        return next(iter(self.triggers(asset, direction)), None)

    def triggers(self, subject: str, direction: Literal["over", "under", "refill"]) -> Sequence[Trigger]:
        """All triggers on an asset (or the stables) in one direction, in the order of precedence."""
        return _TRIGGERS.of(self.seen.triggers).get((subject, direction), ())

    def why(self, asset: str, direction: Literal["over", "under"]) -> str:
        """All trigger sentences of one direction on an asset, as one (R-W8)."""
        return "; ".join(f"{item.rule}: {item.why}" for item in self.triggers(asset, direction))

    def market(self, symbol: str) -> Market | None:
        """The venue's filters for a symbol."""
        return self.snapshot.markets.get(symbol)

    def spot(self, asset: str) -> str:
        """The spot symbol of an asset."""
        return spot_symbol(asset, self.policy.accounting_currency)

    def contract(self, asset: str) -> Contract:
        """The perpetual of an asset."""
        return contract_of(asset, self.policy)

    def taker(self, symbol: str) -> Decimal:
        """The taker fee, a fraction; an unlisted symbol costs a cautious 0.1 %."""
        market = self.market(symbol)
        return market.taker if market else Decimal("0.001")

    def asset_of(self, symbol: str) -> tuple[str, Decimal]:
        """The asset behind a symbol and the coins in one base unit of it."""
        base = base_of(symbol)
        alias = self.policy.aliases.get(base) if is_swap(symbol) else None
        return (alias.asset, alias.multiplier) if alias else (base, ONE)

    def touched(self, asset: str) -> Wish | None:
        """The last action on an asset approved in this plan."""
        return next((item for item in reversed(self.approved) if item.asset == asset), None)

    def asked(self, asset: str) -> Wish | None:
        """The wish of a higher class on an asset in this plan, approved or refused: normal actions wait for it."""
        wishes = (*self.approved, *self.refused)
        return next((item for item in wishes if item.asset == asset and item.cls not in ("normal", "yield")), None)

    def hedges(self, asset: str, purpose: str) -> tuple[Hedge, ...]:
        """The recorded shorts of one purpose on an asset."""
        symbol = self.contract(asset).symbol
        return tuple(item for item in self.memory.hedges if item.symbol == symbol and item.purpose == purpose)

    def risk_short(self, asset: str) -> Decimal:
        """Coins short of purpose risk on an asset (R-T5): bands, hedges and additions look past them."""
        if not self.memory.hedges:
            return ZERO
        coins = sum((item.contracts for item in self.hedges(asset, "risk")), ZERO) * self.contract(asset).coins
        return min(coins, max(ZERO, -self.ledger.contracts.get(asset, ZERO)))

    def lifted(self, asset: str) -> Decimal:
        """Coins long to lift an asset's share of risk (R-T5): bands, trims and conversions look past them."""
        if not self.memory.bridges:
            return ZERO
        contract = self.contract(asset)
        own = (item for item in self.memory.bridges if item.symbol == contract.symbol and is_lift(item))
        coins = sum((item.contracts for item in own), ZERO) * contract.coins
        return min(coins, max(ZERO, self.ledger.contracts.get(asset, ZERO)))

    def episodes_up(self) -> bool:
        """Whether an addition is being worked."""
        return any(item.sign == "up" for item in self.memory.episodes)

    def action_id(self, index: int) -> str:
        """The id that the ``index``-th approved action will have."""
        return f"{self.decision_id}-{index + 1}"

    def after(self, wish: Wish) -> Desk:
        """The desk once ``wish`` is done at its reference prices; unspent moves count where they leave at once."""
        if not self._next or self._next[0][0] is not wish:  # several gates ask of the same wish
            self._next[:] = [(wish, self._after(wish))]
        return self._next[0][1]

    def _after(self, wish: Wish) -> Desk:
        ledger = self.ledger
        for leg in wish.legs:
            ledger = self._traded(ledger, leg)
        moving = dict(self.moving)
        for move in wish.moves:
            moving[move.to] = moving.get(move.to, ZERO) + move.amount
            ledger = _moved(ledger, move.source, move.amount)
        return changed(self, ledger=ledger, approved=(*self.approved, wish), moving=moving, _next=[])

    def without(self, wish: Wish) -> Desk:
        """The desk once ``wish`` is refused."""
        return changed(self, refused=(*self.refused, wish), _next=[])

    def _traded(self, ledger: Ledger, leg: Leg) -> Ledger:
        asset, coins = self.asset_of(leg.symbol)
        fee = leg.notional * self.taker(leg.symbol)
        amount = leg.qty * coins
        if not is_swap(leg.symbol):
            money = -leg.notional - fee if leg.qty > 0 else leg.notional - fee
            return ledger.but(
                asset,
                coins={**ledger.coins, asset: ledger.coins.get(asset, ZERO) + amount},
                free={**ledger.free, asset: ledger.free.get(asset, ZERO) + amount},
                stables_spot=ledger.stables_spot + money,
            )
        book = "index" if leg.purpose == "index" else "contracts"
        held: Mapping[str, Decimal] = getattr(ledger, book)
        before, after = held.get(asset, ZERO), held.get(asset, ZERO) + amount
        had = ledger.margins.get(asset, ZERO)
        if abs(after) > abs(before):
            margin = had + leg.notional / (leg.leverage or ONE)
        else:
            margin = had * abs(after) / abs(before) if before else ZERO
        wallet = {"futures_available": ledger.futures_available - (margin - had) - fee} if not ledger.unified else {}
        spot = {"stables_spot": ledger.stables_spot - (margin - had) - fee} if ledger.unified else {}
        return ledger.but(
            asset,
            **{book: {**held, asset: after}},
            **wallet,
            **spot,
            margins={**ledger.margins, asset: margin},
            futures_balance=ledger.futures_balance - fee,
        )


def _moved(ledger: Ledger, source: str, amount: Decimal) -> Ledger:
    """Money on its way has left its wallet and has not arrived (R-A20); L loses it until it has."""
    if source == "spot":
        return changed(ledger, stables_spot=ledger.stables_spot - amount)
    if source == "futures":
        return changed(
            ledger,
            futures_available=ledger.futures_available - amount,
            futures_balance=ledger.futures_balance - amount,
        )
    return changed(ledger, earn=ledger.earn - amount)
