"""Owns what an error means: for a read whether to ask again, for a write whether it was placed. Sends nothing.

Two tables (rows are tested one by one). A READ is asked again on `ccxt.OperationFailed` and below, and on an answer cut
off in transit; anything else is raised. A WRITE is judged first by whether its request left the process at all: if not,
it was not placed, whatever was raised. If it left, only the classes in `DEFINITE`, or a complete refusal that the
venue's profile knows, say "not placed"; the rest is unknown and is looked up by client id.
"""

from __future__ import annotations

import re

import aiohttp
import ccxt.async_support as ccxt

from bot.core.orders import Placed
from bot.ports.errors import Denied, Malformed, RateLimited, Rejected, Transient, Unauthorized, VenueError

# What a parser meets in an answer that is JSON but not the venue's: no key, no number, a list for a map.
PARSING = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
# What a read may meet that is the venue's or the wire's doing.
READING = (ccxt.BaseError, aiohttp.ClientError, OSError, TimeoutError, *PARSING)

LIMITED = (ccxt.RateLimitExceeded, ccxt.DDoSProtection)
DEFINITE = (
    *LIMITED,
    ccxt.InvalidNonce,
    ccxt.AuthenticationError,
    ccxt.AccountSuspended,
    ccxt.ArgumentsRequired,
    ccxt.BadRequest,
    ccxt.InsufficientFunds,
    ccxt.InvalidOrder,
    ccxt.OperationRejected,
    ccxt.ExchangeClosedByUser,
)
QUERY = re.compile(r"(https?://[^\s?]+)\?\S*")
LINE = 200


def line(error: BaseException) -> str:
    """An error as one short line, without the query of an address: that one is signed."""
    text = QUERY.sub(r"\1", " ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= LINE else text[: LINE - 1] + "…"


def cut_off(error: BaseException) -> bool:
    """Whether the answer was cut off in transit, which ccxt calls a bare ExchangeError."""
    return isinstance(error.__cause__, aiohttp.ClientPayloadError)


def is_retryable_read(error: BaseException) -> bool:
    """Whether asking again may help; never for a cancellation, since that is no `Exception` of these."""
    return isinstance(error, ccxt.OperationFailed) or cut_off(error)


def of_read(error: BaseException, what: str) -> VenueError:
    """The port's error for a read that failed for good."""
    why = f"{what}: {line(error)}{_because(error)}"
    if isinstance(error, VenueError):
        return error
    if isinstance(error, LIMITED):
        return RateLimited(why, retry_after_s=retry_after_s(error) or 1.0)
    if isinstance(error, ccxt.AuthenticationError | ccxt.AccountSuspended):
        return Unauthorized(why)
    if isinstance(error, ccxt.BadResponse) or not isinstance(
        error, ccxt.BaseError | aiohttp.ClientError | OSError | TimeoutError
    ):
        return Malformed(why)
    if isinstance(error, ccxt.ExchangeError) and not cut_off(error):
        return Rejected(why)
    return Transient(why)


def _because(error: BaseException) -> str:
    """What the wire itself said: ccxt only names the address that was asked."""
    cause = error.__cause__
    return f": {line(cause)}" if isinstance(cause, aiohttp.ClientError | OSError) and str(cause) else ""


def of_write(error: BaseException, *, left: bool, known: Placed | None = None) -> tuple[Placed, str]:
    """The verdict on a write that raised; ``known`` is what the profile reads in the venue's own code."""
    why = line(error)
    if not left:
        if isinstance(error, Denied | RateLimited):
            return Placed.DENIED, why
        return Placed.REJECTED, f"never left: {why}"
    if isinstance(error, ccxt.DuplicateOrderId):
        return Placed.EXISTS, why
    if known is not None:
        return known, why
    if isinstance(error, DEFINITE):
        return Placed.REJECTED, why
    return Placed.UNKNOWN, why


def retry_after_s(error: BaseException) -> float | None:
    """What Retry-After asked for, host seconds."""
    headers = getattr(error, "headers", None) or {}
    said = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    try:
        return float(said) if said is not None else None
    except ValueError:
        return None  # a date, or nonsense: the caller has its own floor
