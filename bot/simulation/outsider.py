"""Owns what people, markets and the machine do to a simulated world: by a fault's word, at its moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.core.numbers import ONE, ZERO
from bot.simulation.faults import Fault
from bot.venues.simulated.exchange import Refusal

if TYPE_CHECKING:
    from bot.simulation.world import World

PLACES = Decimal("1e-8")
SHAKEN_FOR = timedelta(hours=8)
HOLDING = Decimal("0.0001")


class Outsider:
    """Acts on a world; what the exchange refuses did not happen and leaves no mark."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._death_s = 1.0
        self._lifting: dict[str, Callable[[], object]] = {}
        self._does: Mapping[str, Callable[[Fault, str], object]] = {
            "manual_trade": self._manual_trade,
            "manual_cancel": self._manual_cancel,
            "venue_expires": self._venue_expires,
            "deposit": self._deposit,
            "withdrawal": self._withdrawal,
            "halted": self._halted,
            "delisted": self._delisted,
            "filters": self._filters,
            "depeg": self._depeg,
            "flash_crash": self._flash_crash,
            "adl": self._adl,
            "liquidation": self._liquidation,
            "venue_skew": self._venue_skew,
            "late_visibility": self._late_visibility,
            "partial_fill": self._partial_fill,
            "fill_before_cancel": self._fill_before_cancel,
            "fill_after_cancel": self._fill_after_cancel,
        }

    def does(self, fault: Fault) -> None:
        """Do what the fault says to the symbol that its number picks."""
        symbols = self._world.symbols
        try:
            self._does[fault.kind](fault, symbols[fault.nth % len(symbols)])
        except Refusal:
            return
        self._world.seen.bit(fault.kind)

    def lift(self) -> None:
        """End whatever is in force."""
        for lifted in list(self._lifting.values()):
            lifted()
        self._lifting.clear()

    @property
    def in_force(self) -> bool:
        """Whether a market or the venue is not as it should be."""
        return bool(self._lifting)

    def death_lasts(self, seconds: float) -> None:
        """How long the process stays dead, should this kill it."""
        self._death_s = seconds

    def death_s(self) -> float:
        """Host seconds until the supervisor starts it again."""
        lasted, self._death_s = self._death_s, 1.0
        return lasted

    def _until(self, name: str, seconds: float, lifted: Callable[[], object]) -> None:
        """Lift something by itself after venue seconds, or when all is healed."""
        self._lifting[name] = lifted

        def end() -> None:
            if self._lifting.pop(name, None) is not None:
                lifted()

        self._world.later(seconds, end)

    # ---- the owner's hand

    def _manual_trade(self, fault: Fault, symbol: str) -> None:
        exchange = self._world.exchange
        held = exchange.balances()
        base = symbol.partition("/")[0]
        share = Decimal(str(fault.size))
        price = exchange.scene.price(symbol, exchange.now)
        if base in held and held[base].free > 0 and fault.nth % 2:
            exchange.outside.manual_trade(symbol, "sell", held[base].free * share)
        elif price:
            exchange.outside.manual_trade(symbol, "buy", held["USDT"].free * share / price)

    def _manual_cancel(self, fault: Fault, symbol: str) -> None:
        del fault, symbol
        if not self._world.exchange.outside.manual_cancel():
            self._nothing()

    def _venue_expires(self, fault: Fault, symbol: str) -> None:
        del fault, symbol
        gone = self._world.exchange.outside.manual_cancel()
        self._world.expired.update(order.client_id for order in gone)
        if not gone:
            self._nothing()

    def _deposit(self, fault: Fault, symbol: str) -> None:
        asset = symbol.partition("/")[0] if fault.nth % 3 == 0 else "USDT"
        there = self._world.exchange.balances()
        held = there[asset].free if asset in there else ZERO
        amount = ((held or ONE) * Decimal(str(fault.size))).quantize(PLACES)
        self._world.exchange.outside.deposit(asset, max(amount, PLACES))

    def _withdrawal(self, fault: Fault, symbol: str) -> None:
        asset = symbol.partition("/")[0] if fault.nth % 3 == 0 else "USDT"
        there = self._world.exchange.balances()
        held = there[asset].free if asset in there else ZERO
        self._world.exchange.outside.withdraw(asset, (held * Decimal(str(fault.size))).quantize(PLACES))

    # ---- the venue's and the market's

    def _halted(self, fault: Fault, symbol: str) -> None:
        outside = self._world.exchange.outside
        outside.halt(symbol)
        self._until(f"halted {symbol}", fault.size, lambda: outside.resume(symbol))

    def _delisted(self, fault: Fault, symbol: str) -> None:
        outside = self._world.exchange.outside
        outside.delist(symbol)
        self._until(f"delisted {symbol}", fault.size, lambda: outside.relist(symbol))

    def _filters(self, fault: Fault, symbol: str) -> None:
        market = self._world.exchange.scene.markets().get(symbol)
        if market is None:  # delisted: there is nothing to be changed
            return self._nothing()
        times = max(2, int(fault.size))
        step = None if market.step is None or fault.nth % 2 else market.step * times
        least = None if market.min_notional is None else market.min_notional * times
        return self._world.exchange.outside.change_filters(symbol, step=step, min_notional=least)

    def _depeg(self, fault: Fault, symbol: str) -> None:
        del symbol
        outside = self._world.exchange.outside
        self._world.shaken_until = self._world.time.now() + SHAKEN_FOR
        outside.depeg("USDT", ONE - Decimal(str(fault.size)), timedelta(hours=6))
        self._lifting["depeg"] = lambda: outside.repeg("USDT")

    def _flash_crash(self, fault: Fault, symbol: str) -> None:
        base = symbol.partition("/")[0]
        self._world.shaken_until = self._world.time.now() + SHAKEN_FOR
        self._world.exchange.outside.crash(base, Decimal(str(fault.size)), timedelta(minutes=10 + fault.nth % 200))

    def _adl(self, fault: Fault, symbol: str) -> None:
        del symbol
        held = self._world.exchange.positions()
        if not held:
            return self._tomorrow(fault)
        self._world.exchange.outside.adl(held[fault.nth % len(held)].symbol, Decimal(str(fault.size)))
        return None

    def _liquidation(self, fault: Fault, symbol: str) -> None:
        del symbol
        if not self._world.exchange.positions():
            return self._tomorrow(fault)
        self._world.exchange.outside.liquidate()
        return None

    def _tomorrow(self, fault: Fault) -> None:
        """Nothing to strike yet: wait for it, as long as things may go wrong."""

        def again() -> None:
            if not self._world.healed:
                self.does(fault)

        self._world.later(self._world.plan.cycle_s * 0.99, again)
        self._nothing()

    def _venue_skew(self, fault: Fault, symbol: str) -> None:
        del symbol
        sign = 1 if fault.nth % 2 else -1
        self._world.exchange.outside.skew(timedelta(seconds=sign * fault.size), timedelta(hours=2))

    def _late_visibility(self, fault: Fault, symbol: str) -> None:
        del symbol
        self._world.exchange.outside.veil(timedelta(seconds=fault.size), timedelta(hours=1))

    # ---- how the next requests go

    def _partial_fill(self, fault: Fault, symbol: str) -> None:
        del symbol
        self._world.exchange.outside.fill_part(Decimal(str(fault.size)))

    def _fill_before_cancel(self, fault: Fault, symbol: str) -> None:
        del symbol
        self._world.exchange.outside.fill_before_cancel(Decimal(str(fault.size)))

    def _fill_after_cancel(self, fault: Fault, symbol: str) -> None:
        del symbol
        delay = timedelta(seconds=1 + fault.nth % 90)
        self._world.exchange.outside.fill_after_cancel(Decimal(str(fault.size)), delay)

    def _nothing(self) -> None:
        from bot.venues.simulated.exchange import RefusalCode  # noqa: PLC0415 - a word, for the one who has nothing

        raise Refusal(RefusalCode.REDUCE_ONLY_REJECTED, "there is no position")
