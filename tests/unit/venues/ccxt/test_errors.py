"""What an error means, row by row: for a read whether to ask again, for a write whether it was placed."""

from __future__ import annotations

import asyncio

import aiohttp
import ccxt.async_support as ccxt
import pytest

from bot.core.orders import Placed
from bot.ports.errors import Denied, Malformed, RateLimited, Rejected, Transient, Unauthorized, VenueError
from bot.venues.ccxt import errors
from bot.venues.ccxt.profiles.binance import Binance


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def tagged(error: BaseException, code: int | None, status: int = 400) -> BaseException:
    error.code = code  # type: ignore[attr-defined]
    error.http_status = status  # type: ignore[attr-defined]
    return error


CUT_OFF = caused(ccxt.ExchangeError("binance POST"), aiohttp.ClientPayloadError("cut"))


@pytest.mark.parametrize(
    ("error", "again", "kind"),
    [
        (ccxt.RequestTimeout("late"), True, Transient),
        (ccxt.ExchangeNotAvailable("503"), True, Transient),
        (ccxt.OnMaintenance("closed"), True, Transient),
        (ccxt.NetworkError("no way"), True, Transient),
        (ccxt.OperationFailed("-1000"), True, Transient),
        (ccxt.InvalidNonce("-1021"), True, Transient),
        (ccxt.RateLimitExceeded("429"), True, RateLimited),
        (ccxt.DDoSProtection("418"), True, RateLimited),
        (ccxt.BadResponse("html"), True, Malformed),
        (ccxt.NullResponse("nothing"), True, Malformed),
        (CUT_OFF, True, Transient),
        (ccxt.ExchangeError("bare"), False, Rejected),
        (ccxt.BadSymbol("-1121"), False, Rejected),
        (ccxt.BadRequest("-1102"), False, Rejected),
        (ccxt.OrderNotFound("-2013"), False, Rejected),
        (ccxt.NotSupported("no"), False, Rejected),
        (ccxt.AuthenticationError("-2014"), False, Unauthorized),
        (ccxt.PermissionDenied("-2015"), False, Unauthorized),
        (ccxt.AccountSuspended("gone"), False, Unauthorized),
        (ccxt.AccountNotEnabled("off"), False, Unauthorized),
        (KeyError("symbol"), False, Malformed),
        (TypeError("None"), False, Malformed),
        (ValueError("NaN"), False, Malformed),
        (ArithmeticError("x"), False, Malformed),
        (OSError("socket"), False, Transient),
        (aiohttp.ClientError("wire"), False, Transient),
    ],
)
def test_a_read_is_asked_again_or_raised_as(error: BaseException, again: bool, kind: type[VenueError]) -> None:
    assert errors.is_retryable_read(error) is again
    assert type(errors.of_read(error, "quotes")) is kind


def test_a_cancellation_is_never_asked_again() -> None:
    assert not errors.is_retryable_read(asyncio.CancelledError())
    assert not errors.is_retryable_read(KeyboardInterrupt())


UNKNOWN, REJECTED, EXISTS = Placed.UNKNOWN, Placed.REJECTED, Placed.EXISTS


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ccxt.RateLimitExceeded("-1003"), REJECTED),
        (ccxt.DDoSProtection("429"), REJECTED),
        (ccxt.InvalidNonce("-1021"), REJECTED),
        (ccxt.AuthenticationError("-2014"), REJECTED),
        (ccxt.PermissionDenied("-2015"), REJECTED),
        (ccxt.AccountSuspended("gone"), REJECTED),
        (ccxt.ArgumentsRequired("price"), REJECTED),
        (ccxt.BadRequest("-1102"), REJECTED),
        (ccxt.BadSymbol("-1121"), REJECTED),
        (ccxt.InsufficientFunds("-2019"), REJECTED),
        (ccxt.InvalidOrder("-4164"), REJECTED),
        (ccxt.OrderImmediatelyFillable("maker"), REJECTED),
        (ccxt.OrderNotFillable("-5022"), REJECTED),
        (ccxt.OperationRejected("-4131"), REJECTED),
        (ccxt.MarketClosed("shut"), REJECTED),
        (ccxt.ExchangeClosedByUser("closed"), REJECTED),
        (ccxt.DuplicateOrderId("twice"), EXISTS),
        (tagged(ccxt.InvalidOrder("-2010 Duplicate order sent."), -2010), EXISTS),
        (tagged(ccxt.InvalidOrder("-4116"), -4116), EXISTS),
        (tagged(ccxt.ExchangeError("a code ccxt has no class for"), -4999), REJECTED),
        (tagged(ccxt.OperationFailed("-1000"), -1000), UNKNOWN),
        (tagged(ccxt.OperationFailed("-1001"), -1001), UNKNOWN),
        (tagged(ccxt.OperationFailed("-1006"), -1006), UNKNOWN),
        (tagged(ccxt.RequestTimeout("-1007"), -1007), UNKNOWN),
        (tagged(ccxt.OperationFailed("-1008"), -1008, 503), UNKNOWN),
        (tagged(ccxt.ExchangeError("a code with a 5xx"), -4999, 500), UNKNOWN),
        (ccxt.RequestTimeout("10 s"), UNKNOWN),
        (caused(ccxt.ExchangeNotAvailable("hung up"), aiohttp.ServerDisconnectedError()), UNKNOWN),
        (ccxt.ExchangeNotAvailable("502"), UNKNOWN),
        (ccxt.OperationFailed("nobody knows"), UNKNOWN),
        (ccxt.BadResponse("html"), UNKNOWN),
        (ccxt.NullResponse("nothing"), UNKNOWN),
        (ccxt.ExchangeError("bare"), UNKNOWN),
        (CUT_OFF, UNKNOWN),
        (ValueError("a bug"), UNKNOWN),
        (RuntimeError("session is closed"), UNKNOWN),
        (asyncio.CancelledError(), UNKNOWN),
        (Denied("a second request of one intent"), UNKNOWN),
    ],
)
def test_a_write_that_left_is_judged_by_what_was_raised(error: BaseException, verdict: Placed) -> None:
    placed, why = errors.of_write(error, left=True, known=Binance().refusal(error))
    assert placed is verdict
    assert why


@pytest.mark.parametrize(
    "error",
    [
        caused(ccxt.ExchangeNotAvailable("refused"), aiohttp.ClientError("connect")),
        ccxt.RequestTimeout("while connecting"),
        ccxt.ExchangeError("bare"),
        asyncio.CancelledError(),
        Rejected("off the step"),
    ],
)
def test_a_write_that_never_left_was_not_placed_whatever_was_raised(error: BaseException) -> None:
    assert errors.of_write(error, left=False)[0] is Placed.REJECTED


@pytest.mark.parametrize("error", [Denied("kill level halt"), RateLimited("quiet")])
def test_a_write_that_we_kept_here_is_denied(error: BaseException) -> None:
    assert errors.of_write(error, left=False) == (Placed.DENIED, str(error))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7"}, 7.0), ({"retry-after": "0"}, 0.0), ({"Retry-After": "Wed, 21 Oct"}, None), ({}, None)],
)
def test_retry_after_is_read_in_any_case(headers: dict[str, str], seconds: float | None) -> None:
    error = ccxt.RateLimitExceeded("429")
    error.headers = headers
    assert errors.retry_after_s(error) == seconds


def test_an_errors_line_tells_the_address_without_its_signed_query() -> None:
    error = ccxt.RequestTimeout("binance GET https://x.example/api/v3/account?timestamp=1&signature=abcdef timed out")
    assert errors.line(error) == "binance GET https://x.example/api/v3/account timed out"
    assert errors.line(ccxt.RequestTimeout("what? nothing")) == "what? nothing"
