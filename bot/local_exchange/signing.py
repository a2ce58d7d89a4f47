"""Owns the proof that a request comes from the key's holder and is fresh: HMAC on the raw bytes, timestamp, window."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass, field

from bot.local_exchange import errors
from bot.local_exchange.parameters import Parameters

KEY_LENGTH = 64
KEY_FORM = re.compile(r"^[A-Za-z0-9]{16,128}$")
RECV_WINDOW_MS = 5_000
RECV_WINDOW_MOST_MS = 60_000
AHEAD_MOST_MS = 1_000
_SIGNATURE = re.compile(rb"(?:^|&)signature=([^&]*)")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An API key and its secret, as this exchange issued them; the secret never shows in a repr."""

    key: str
    secret: str = field(repr=False)


def make_keys() -> KeyPair:
    """A fresh pair in Binance's form: 64 letters and digits each."""
    alphabet = string.ascii_letters + string.digits
    key, secret = ("".join(secrets.choice(alphabet) for _ in range(KEY_LENGTH)) for _ in range(2))
    return KeyPair(key, secret)


def signed_part(query: bytes, body: bytes) -> tuple[bytes, str | None]:
    """The bytes that were signed (query then body, without the signature) and the signature, None when there is none.

    Nothing is decoded or encoded anew: some clients sign unescaped JSON, and only the bytes as sent can prove it.
    """
    signature: str | None = None
    parts = []
    for raw in (query, body):
        found = _SIGNATURE.search(raw)
        if found is None:
            parts.append(raw)
            continue
        signature = found.group(1).decode("ascii", "replace")
        parts.append(raw[: found.start()] + raw[found.end() :])
    return b"".join(parts), signature


def sign(secret: str, payload: bytes) -> str:
    """HMAC-SHA256 in lower-case hex."""
    return hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


def check_key(pair: KeyPair, header: str | None) -> None:
    """Refuse a missing, malformed or unknown key; raises `errors.WireError`."""
    if not header or not KEY_FORM.match(header):
        raise errors.key_format()
    if not hmac.compare_digest(header.encode(), pair.key.encode()):
        raise errors.key_unknown()


def check_time(parameters: Parameters, now_ms: int, scale: float) -> None:
    """Refuse a request outside its window against venue time; raises `errors.WireError`.

    ``scale`` is venue seconds per host second: a request under way for one host second is ``scale`` venue seconds old,
    so what the venue grants in time is granted times ``scale``.
    """
    timestamp = parameters.whole("timestamp")
    asked = parameters.decimal_or_none("recvWindow")
    window_ms = int(RECV_WINDOW_MS * scale) if asked is None else int(asked)
    most_ms = int(RECV_WINDOW_MOST_MS * scale)
    if window_ms > most_ms:
        raise errors.window_too_wide(most_ms)
    ahead_ms = int(AHEAD_MOST_MS * scale)
    if timestamp >= now_ms + ahead_ms:
        raise errors.ahead_of_time(ahead_ms)
    if now_ms - timestamp > window_ms:
        raise errors.outside_window()


def check_signature(pair: KeyPair, query: bytes, body: bytes) -> None:
    """Refuse what the secret did not sign; raises `errors.WireError`."""
    payload, signature = signed_part(query, body)
    if not signature:
        raise errors.mandatory("signature")
    if not hmac.compare_digest(sign(pair.secret, payload).encode(), signature.lower().encode()):
        raise errors.bad_signature()
