"""Owns what is known of a tradable instrument: its symbol's parts and the venue's filters. No I/O."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.core.numbers import ONE, ZERO, ceil_to, floor_to

Kind = Literal["spot", "swap"]


def is_swap(symbol: str) -> bool:
    """Whether a ccxt symbol names a perpetual (``BTC/USDT:USDT``) rather than spot (``BTC/USDT``)."""
    return ":" in symbol


def base_of(symbol: str) -> str:
    """``BTC`` of ``BTC/USDT`` and of ``BTC/USDT:USDT``."""
    return symbol.partition("/")[0]


def quote_of(symbol: str) -> str:
    """``USDT`` of ``BTC/USDT`` and of ``BTC/USDT:USDT``."""
    return symbol.partition("/")[2].partition(":")[0]


def spot_symbol(asset: str, currency: str) -> str:
    """The spot symbol of an asset against a currency, as ccxt writes it."""
    return f"{asset}/{currency}"


def swap_symbol(asset: str, currency: str) -> str:
    """The linear perpetual's symbol of an asset, as ccxt writes it."""
    return f"{asset}/{currency}:{currency}"


class Market(BaseModel):
    """A venue's filters and fees for one symbol; steps and minima in base units, fees as fractions (None = unknown).

    ``contract_size`` is base units per contract (1 where the venue counts base units); other amounts are base units.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: Decimal | None = Field(default=None, gt=0, allow_inf_nan=False)
    tick: Decimal | None = Field(default=None, gt=0, allow_inf_nan=False)
    min_amount: Decimal | None = Field(default=None, ge=0, allow_inf_nan=False)
    min_notional: Decimal | None = Field(default=None, ge=0, allow_inf_nan=False)
    maker: Decimal = Field(gt=-1, lt=1, allow_inf_nan=False)
    taker: Decimal = Field(ge=0, lt=1, allow_inf_nan=False)
    contract_size: Decimal = Field(default=ONE, gt=0, allow_inf_nan=False)
    maintenance_rate: Decimal | None = Field(default=None, ge=0, lt=1, allow_inf_nan=False)
    active: bool = True

    def down(self, amount: Decimal) -> Decimal:
        """``amount`` (base units) cut to the step."""
        return max(ZERO, floor_to(amount, self.step))

    def up(self, amount: Decimal) -> Decimal:
        """``amount`` (base units) raised to the step."""
        return ceil_to(amount, self.step)

    def smallest(self, price: Decimal, *, reduce_only: bool = False) -> Decimal:
        """The least amount (base units) the venue takes at ``price``; a reduce-only order owes no minimum notional."""
        least = max(self.min_amount or ZERO, self.step or ZERO)
        if not reduce_only and self.min_notional:
            least = max(least, self.up(self.min_notional / price))
        return least
