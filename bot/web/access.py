"""Owns who may come in: the token, sessions, anti-forgery marks, and how often anybody may try. Serves nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SESSION_S: Final = 12 * 3600.0
SESSIONS_MOST: Final = 100
CLIENTS_MOST: Final = 1_000
TRIES_MOST: Final = 5  # wrong tokens of one client within the window
TRIES_OF_ALL: Final = 50  # and of all clients together
TRIES_WITHIN_S: Final = 300.0
BURST: Final = 240.0  # requests of one client at once
PER_SECOND: Final = 40.0  # and for as long as it likes


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who signed in. ``mark`` goes into every form and must come back with it."""

    mark: str
    until: float


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(slots=True)
class Access:
    """Sessions and limits in this process' memory; ``mono`` is host time.

    A session's key is kept as its hash, so that what is in memory lets nobody in.
    """

    token: str
    mono: Callable[[], float]
    _sessions: OrderedDict[str, Session] = field(default_factory=OrderedDict)
    _wrong: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)
    _buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict)

    def wait_s(self, client: str) -> float:
        """Seconds until this client may try a token again; 0 when it may now."""
        now = self.mono()
        mine = self._recent(self._wrong.get(client, []), now)
        everybody = self._recent([at for tries in self._wrong.values() for at in tries], now)
        waits = [0.0]
        if len(mine) >= TRIES_MOST:
            waits.append(mine[-TRIES_MOST] + TRIES_WITHIN_S - now)
        if len(everybody) >= TRIES_OF_ALL:
            waits.append(sorted(everybody)[-TRIES_OF_ALL] + TRIES_WITHIN_S - now)
        return max(waits)

    def is_token(self, offered: str, client: str) -> bool:
        """Whether it is the token; compared in constant time, a wrong one is counted against the client."""
        if hmac.compare_digest(offered.encode(), self.token.encode()):
            self._wrong.pop(client, None)
            return True
        now = self.mono()
        self._wrong[client] = [*self._recent(self._wrong.pop(client, []), now), now][-TRIES_OF_ALL:]
        while len(self._wrong) > CLIENTS_MOST:
            self._wrong.popitem(last=False)
        return False

    def open(self) -> str:
        """Make a session and return its key, for the cookie."""
        key = secrets.token_urlsafe(32)
        self._sessions[_hashed(key)] = Session(secrets.token_urlsafe(32), self.mono() + SESSION_S)
        while len(self._sessions) > SESSIONS_MOST:
            self._sessions.popitem(last=False)
        return key

    def session(self, key: str) -> Session | None:
        """The session of a cookie, or None where there is none or it ended."""
        found = self._sessions.get(_hashed(key)) if key else None
        if found is not None and found.until <= self.mono():
            self.end(key)
            return None
        return found

    def end(self, key: str) -> None:
        """Sign out."""
        self._sessions.pop(_hashed(key), None)

    def too_often(self, client: str) -> bool:
        """Count one request; whether it is one too many."""
        now = self.mono()
        bucket = self._buckets.pop(client, None) or _Bucket(BURST, now)
        bucket.left = min(BURST, bucket.left + (now - bucket.at) * PER_SECOND)
        bucket.at = now
        self._buckets[client] = bucket
        while len(self._buckets) > CLIENTS_MOST:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            return True
        bucket.left -= 1
        return False

    @staticmethod
    def _recent(tries: list[float], now: float) -> list[float]:
        return [at for at in tries if now - at < TRIES_WITHIN_S]


def same(mine: str, offered: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(mine.encode(), offered.encode())


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
