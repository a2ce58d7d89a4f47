"""Owns what must be true before real money is traded: said in the environment, confirmed, a key that cannot withdraw.

Reads only; it sends no order and confirms nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.engine.trouble import LOOK_AT_THE_KEY
from bot.ports.errors import StoreRefused, Unauthorized, VenueError
from bot.ports.store import Controls
from bot.ports.venue import Account

CONFIRMED = "live"  # what an operator's confirmation is in the control table; its value is the account


@dataclass(frozen=True, slots=True)
class LiveTerms:
    """What the operator said: ``said`` is the environment's BALLAST_LIVE, ``unchecked_key`` venue.unchecked_key."""

    portfolio: str
    said: str | None
    unchecked_key: bool


def must_be_said(terms: LiveTerms) -> None:
    """Raise StoreRefused unless the environment names the very portfolio."""
    if terms.said != terms.portfolio:
        was = "is not set" if terms.said is None else f"is {terms.said}"
        raise StoreRefused(f"mode live: BALLAST_LIVE {was}, must be {terms.portfolio}, the portfolio that may trade")


async def account_of(account: Account) -> str:
    """What names the account, as the venue tells it; raises VenueError where it does not."""
    try:
        kind = await account.kind()
    except Unauthorized as error:
        raise Unauthorized(f"the venue does not take the key: {error}; {LOOK_AT_THE_KEY}") from error
    if not kind.id:
        raise VenueError("mode live: the venue does not say whose account this is, so that nothing can be bound to it")
    return kind.id


async def key_must_be_harmless(account: Account, terms: LiveTerms) -> None:
    """Raise Unauthorized for a key that may withdraw, or that may for all anybody knows."""
    report = await account.key()
    if report.can_withdraw:
        raise Unauthorized("mode live: the key may withdraw, must be one that cannot: make another at the venue")
    if report.can_withdraw is None and not terms.unchecked_key:
        why = f" ({report.note})" if report.note else ""
        raise Unauthorized(
            f"mode live: the venue does not say whether the key may withdraw{why}; look there yourself, "
            "then set venue.unchecked_key: true"
        )


async def must_be_confirmed(controls: Controls, account: str) -> None:
    """Raise StoreRefused unless the newest confirmation in the control table is of this account."""
    words = [row for row in await controls.read(0) if row.what == CONFIRMED]
    if not words:
        raise StoreRefused(f"mode live: nobody confirmed that {account} is to be traded; `ballast live confirm` asks")
    if words[-1].value != account:
        raise StoreRefused(
            f"mode live: confirmed was {words[-1].value}, the key is of {account}; `ballast live confirm` asks anew"
        )
