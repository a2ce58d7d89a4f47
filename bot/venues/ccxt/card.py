"""Owns what a venue can do here, as facts: what works, what is missing and what the bot does instead. Asks nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt

from bot.ports.errors import VenueError
from bot.venues.ccxt.dead_man import must_fit
from bot.venues.ccxt.profiles import Environment, Lack, Profile, Setup
from bot.venues.ccxt.profiles.generic import Generic
from bot.venues.ccxt.venue import PROFILES

ENVIRONMENTS: tuple[Environment, ...] = ("production", "testnet", "demo")
STEP = Decimal("0.01")  # of equity: the least correction worth having
MILLISECONDS = Decimal(1000)


@dataclass(frozen=True, slots=True)
class Card:
    """One venue. Weights are what ccxt's throttle charges, ``paced_s`` how long it spreads a cycle's reads over."""

    id: str
    own_profile: bool
    modes: Sequence[str]
    environments: Sequence[str]
    works: Mapping[str, bool]
    lacks: Sequence[Lack]
    least_order: Mapping[str, Decimal]  # in the quote currency, as commonly listed; the venue's listing counts
    requests: Mapping[str, Decimal]  # a cycle's bulk reads and their weights
    candles_a_page: Mapping[str, int]
    orders_a_second: int
    paced_s: Decimal | None

    @property
    def least_balance(self) -> Decimal | None:
        """Equity at which a correction of one percent is an order that the venue takes on spot."""
        least = self.least_order.get("spot")
        return least / STEP if least is not None else None

    def body(self) -> dict[str, Any]:
        """As machines read it."""
        return {
            "id": self.id,
            "own_profile": self.own_profile,
            "modes": list(self.modes),
            "environments": list(self.environments),
            "works": dict(self.works),
            "instead": [{"lacks": one.what, "instead": one.instead} for one in self.lacks],
            "least_order": dict(self.least_order),
            "least_balance": self.least_balance,
            "requests_a_cycle": dict(self.requests),
            "weight_a_cycle": sum(self.requests.values(), Decimal(0)) if self.requests else None,
            "paced_s": self.paced_s,
            "candles_a_page": dict(self.candles_a_page),
            "orders_a_second": self.orders_a_second,
        }


def cards(venue_id: str | None = None) -> list[Card]:
    """The card of one ccxt id, or of every venue with a profile of its own; raises `VenueError` on an unknown id."""
    if venue_id is None:
        return [_card(made()) for made in PROFILES.values()]
    made = PROFILES.get(venue_id)
    return [_card(made() if made is not None else Generic(venue_id))]


def switch_refused(venue_id: str, window: timedelta) -> str:
    """Why a venue has no dead-man's switch of this length, as one line; "" where it has. Asks nobody."""
    made = PROFILES.get(venue_id)
    try:
        must_fit(made() if made is not None else Generic(venue_id), window)
    except VenueError as error:
        return str(error)
    return ""


def _card(profile: Profile) -> Card:
    own = profile.id in PROFILES
    real = Setup("production")
    works = {
        "spot": True,
        "perpetuals": profile.has_swap(real),
        "orders": profile.trades,
        "one wallet for both": profile.unified,
        "transfers between wallets": profile.has_transfers(real),
        "flexible savings": profile.has_savings(real),
        "post-only on spot": profile.trades and profile.post_only["spot"],
        "post-only on perpetuals": profile.trades and profile.post_only["swap"],
        "look-up by our own id": profile.trades,
        "an order's outcome in its answer": profile.trades and not profile.acknowledges,
        "a flip in one order": profile.trades and not profile.two_sided,
        "a dead-man's switch": profile.dead_man_s is not None,
        "isolated margin": profile.trades and "a margin mode to look up" not in {one.what for one in profile.lacks},
        "what a key may do": profile.trades and "what a key may do" not in {one.what for one in profile.lacks},
    }
    environments = _environments(profile)
    play_money = ("testnet",) if set(environments) - {"production"} else ()
    return Card(
        id=profile.id,
        own_profile=own,
        modes=("paper", "dry-run", *play_money, "live") if profile.trades else ("paper", "dry-run"),
        environments=environments,
        works=works,
        lacks=profile.lacks,
        least_order={str(side): least for side, least in profile.least_order.items()},
        requests=profile.reads,
        candles_a_page={str(side): most for side, most in profile.candles_most.items()},
        orders_a_second=profile.orders_per_s if profile.trades else 0,
        paced_s=_paced_s(profile),
    )


def _environments(profile: Profile) -> list[str]:
    """Which of a venue's worlds can be connected to; a local exchange plays two of them besides."""
    found: list[str] = [environment for environment in ENVIRONMENTS if profile.offers(environment)]
    return [*found, "local"] if profile.id in ("binance", "bybit") else found


def _paced_s(profile: Profile) -> Decimal | None:
    if not profile.reads:
        return None
    rate_ms = Decimal(str(getattr(ccxt, profile.id)().rateLimit))
    return sum(profile.reads.values(), Decimal(0)) * rate_ms / MILLISECONDS
