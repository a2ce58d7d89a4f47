"""Owns what the dashboard is told when it is put together: whose record, which ports, where it listens. Opens none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from bot.ports.fleet import Posts
from bot.ports.panorama import Panorama
from bot.ports.store import Controls

#: Plans the last snapshot with edited targets (`targets` of the plan's policy, merged); raises `WhatIfRefused`.
WhatIf = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
#: A dashboard's terms for another portfolio of the same record, by its book, its pages under a base; None: no such.
Others = Callable[[int, str], Awaitable["Terms | None"]]
TOKEN_LEAST = 32  # characters
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class WhatIfRefused(Exception):
    """Edited targets that cannot be planned; a line for each thing wrong."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class WebRefused(Exception):
    """Terms under which no dashboard is served, or an address that cannot be had; one clear line."""


@dataclass(frozen=True, slots=True)
class Terms:
    """A dashboard's composition. ``cycle_s``: host seconds between two decisions. ``mono``: host seconds.

    ``behind_tls``: the operator says that a proxy with TLS stands before it, under one of ``names``.
    ``kill_switch``: what the configuration itself says, which `resume` cannot lift.
    """

    portfolio: str
    mode: str
    venue: str
    environment: str
    currency: str
    version: str
    panorama: Panorama
    controls: Controls
    token: str
    utc_now: Callable[[], datetime]
    mono: Callable[[], float]
    cycle_s: float
    host: str = "127.0.0.1"
    port: int = 8787
    behind_tls: bool = False
    names: tuple[str, ...] = ()
    kill_switch: str = "off"
    what_if: WhatIf | None = None
    memory_bytes: Callable[[], int] | None = None
    posts: Posts | None = None  # of a fleet's record
    others: Others | None = None  # the terms of its other portfolios
    base: str = ""  # what its pages' addresses begin with: one of a fleet's others

    @property
    def hosts(self) -> frozenset[str]:
        """Host names under which a request may ask for it, lower case and without a port."""
        own = () if self.host in ("0.0.0.0", "::") else (self.host,)  # noqa: S104 - compared, not bound
        return frozenset(name.lower() for name in (*LOOPBACK_NAMES, *own, *self.names))

    def must_be_safe(self) -> None:
        """Raise WebRefused for a weak token, or an address others can reach without TLS before it."""
        if len(self.token) < TOKEN_LEAST:
            raise WebRefused(
                f"the dashboard's token has {len(self.token)} characters, must have at least {TOKEN_LEAST}; "
                "remove the file that holds it and a new one is made"
            )
        if is_loopback(self.host):
            return
        if not self.behind_tls:
            raise WebRefused(
                f"web.host: is {self.host}, which others can reach; must be 127.0.0.1, or web.behind_tls must be true, "
                "which says that a proxy with TLS (or a container's own loopback port) stands before it"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
