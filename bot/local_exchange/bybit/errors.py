"""Owns Bybit's error answers: a code and a text inside an answer that HTTP calls a success. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

OK = 200
FORBIDDEN = 403


class V5Error(Exception):
    """A refusal: ``retCode`` and ``retMsg``; only an address that asks too often is refused by HTTP itself."""

    def __init__(self, code: int, msg: str, *, status: int = OK, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg
        self.status = status
        self.headers = dict(headers or {})


def bad(what: str) -> V5Error:
    """A parameter that is missing or not legal."""
    return V5Error(10001, f"params error: {what}")


def not_served(path: str, method: str) -> V5Error:
    """No such endpoint here under this method."""
    return V5Error(10017, f"Request path not found or request method is invalid: {method} {path}", status=404)


def bad_key(why: str = "") -> V5Error:
    """A key that this exchange never issued, or one for the other dialect."""
    return V5Error(10003, f"API key is invalid.{why}")


def bad_sign(origin: str) -> V5Error:
    """The signature is not the secret's over what came."""
    return V5Error(10004, f"Error sign, please check your signature generation algorithm. origin_string[{origin}]")


def bad_time(at_ms: int, now_ms: int, window_ms: int) -> V5Error:
    """Older than its window or from the future."""
    return V5Error(
        10002,
        "invalid request, please check your server timestamp or recv_window param. "
        f"req_timestamp[{at_ms}],server_timestamp[{now_ms}],recv_window[{window_ms}]",
    )


def bad_symbol(*, swap: bool) -> V5Error:
    """A symbol that is not listed on this side."""
    return bad("symbol invalid") if swap else V5Error(170121, "Invalid symbol.")


def no_such_order(*, swap: bool) -> V5Error:
    """What is to be cancelled is not open."""
    if swap:
        return V5Error(110001, "order not exists or too late to cancel")
    return V5Error(170213, "Order does not exist.")


def twice(*, swap: bool) -> V5Error:
    """A client id that an order had before, whatever became of that order."""
    return V5Error(110072, "OrderLinkedID is duplicate") if swap else V5Error(170141, "Duplicate clientOrderId")
