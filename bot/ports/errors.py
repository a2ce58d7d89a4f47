"""Owns what may go wrong beyond the ports, sorted by what we do next.

::

    PortError
    ├── VenueError
    │   ├── Transient        timeout or 5xx on a READ       retried with a limit, then a Gap in the snapshot
    │   ├── RateLimited      with retry-after               wait, counted; a ban stops all calls until it ends
    │   ├── Rejected         the venue said no              recorded; never sent again as it is
    │   ├── OutcomeUnknown   a WRITE nobody can answer for  look up by client id; nothing new on that instrument
    │   ├── Unauthorized     key, IP, permission            freeze, alert
    │   └── Malformed        does not parse                 a Gap and an alert
    ├── Denied               our own permit said no         recorded; nothing left the process
    └── StoreError
        ├── StoreAway        cannot be reached or written   send nothing, wait: it comes back by itself
        ├── Fenced           another process leads          stop at once
        └── Refused          the record cannot be used      one line to the operator, nothing is sent
"""

from __future__ import annotations

from datetime import datetime


class PortError(Exception):
    """Anything that may come out of a port."""


class VenueError(PortError):
    """Something between us and the venue."""


class Transient(VenueError):
    """A read that timed out or met a 5xx; trying again may help."""


class RateLimited(VenueError):
    """The venue asks for quiet until ``until`` (venue time), or for ``retry_after_s`` host seconds."""

    def __init__(self, why: str, *, retry_after_s: float = 1.0, until: datetime | None = None) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s
        self.until = until


class Rejected(VenueError):
    """The venue definitely said no; nothing was placed."""


class OutcomeUnknown(VenueError):
    """A write whose outcome nobody can tell yet."""


class Unauthorized(VenueError):
    """Key, signature, IP or permission."""


class Malformed(VenueError):
    """An answer that does not parse, or holds what cannot be."""


class Denied(PortError):
    """Our own permit refused the send in the last line before the socket."""


class StoreError(PortError):
    """The record cannot be written or read."""


class StoreAway(StoreError):
    """The record cannot be reached or written now: a server that is down, a line that was cut, a disk that is full."""


class Fenced(StoreError):
    """Another process leads this portfolio; this one must not write or send any more."""


class StoreRefused(StoreError):
    """The record exists but must not be used so: another account or mode, unfinished intents."""
