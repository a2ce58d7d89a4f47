"""Owns Binance's error answers: status, code and text, as its own clients know them. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class WireError(Exception):
    """A refusal on the wire: HTTP status and ``{"code": …, "msg": …}``."""

    def __init__(self, code: int, msg: str, *, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg
        self.status = status
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """What the client reads."""
        return {"code": self.code, "msg": self.msg}


def mandatory(name: str) -> WireError:
    """A parameter that must be there is not, or is empty."""
    return WireError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, legal: str) -> WireError:
    """A parameter holds characters outside its legal range."""
    return WireError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def empty(name: str) -> WireError:
    """An optional parameter was sent without a value."""
    return WireError(-1105, f"Parameter '{name}' was empty.")


def twice(name: str) -> WireError:
    """The same parameter was sent more than once."""
    return WireError(-1101, f"Duplicate values for parameter '{name}' detected.")


def unread(read: int, sent: int) -> WireError:
    """Spot refuses parameters that it does not know."""
    return WireError(-1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.")


def not_required(name: str) -> WireError:
    """A parameter that this order type must not carry."""
    return WireError(-1106, f"Parameter '{name}' sent when not required.")


def unknown_path(path: str, method: str) -> WireError:
    """No such endpoint under this method."""
    return WireError(-5000, f"Path {path}, Method {method} is invalid", status=404)


def bad_symbol() -> WireError:
    """A symbol that is not listed on this side of the venue."""
    return WireError(-1121, "Invalid symbol.")


def no_such_order() -> WireError:
    """A lookup found nothing."""
    return WireError(-2013, "Order does not exist.")


def unknown_order() -> WireError:
    """A cancel found nothing that is open."""
    return WireError(-2011, "Unknown order sent.")


def key_format() -> WireError:
    """The key header is missing or is no key at all."""
    return WireError(-2014, "API-key format invalid.", status=401)


def key_unknown(why: str = "") -> WireError:
    """A key of the right form that this exchange never issued, or one for the other dialect."""
    return WireError(-2015, f"Invalid API-key, IP, or permissions for action.{why}", status=401)


def bad_signature() -> WireError:
    """The HMAC over the raw bytes does not match."""
    return WireError(-1022, "Signature for this request is not valid.")


def outside_window() -> WireError:
    """The request is older than its recvWindow allows."""
    return WireError(-1021, "Timestamp for this request is outside of the recvWindow.")


def ahead_of_time(limit_ms: int) -> WireError:
    """The request comes from the venue's future."""
    return WireError(-1021, f"Timestamp for this request was {limit_ms}ms ahead of the server's time.")


def window_too_wide(limit_ms: int) -> WireError:
    """A recvWindow above what the venue grants."""
    return WireError(-1131, f"recvWindow must be less than {limit_ms}")


def filter_failure(name: str) -> WireError:
    """A spot order that breaks one of the symbol's filters."""
    return WireError(-1013, f"Filter failure: {name}")
