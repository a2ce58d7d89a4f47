"""Owns which world an address is of: a local exchange is on this machine, a venue is not. Asks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from bot.venues.ccxt.profiles import Setup

DEAD = "http://127.0.0.1:9"  # discard: what must never be asked goes nowhere


def check_world(setup: Setup, urls: Mapping[str, Any]) -> None:
    """A local exchange is on this machine and nothing else is; raises ValueError."""
    local = setup.environment == "local"
    for name, url in flat(urls).items():
        if url != DEAD and _is_loopback(url) is not local:
            wanted = "an address of this machine, like http://127.0.0.1:8788" if local else "the venue's own"
            raise ValueError(f"venue.environment {setup.environment}: {name} is {url}, must be {wanted}")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def flat(urls: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Addresses by name; ccxt nests some venues' by product."""
    found: dict[str, str] = {}
    for name, url in urls.items():
        found |= flat(url, f"{prefix}{name}.") if isinstance(url, Mapping) else {prefix + name: str(url)}
    return found


def base_of(url: str | None) -> str:
    """A local exchange's address without a slash at its end; raises ValueError without one."""
    if url is None:
        raise ValueError("venue.environment local needs the local exchange's address, e.g. http://127.0.0.1:8788")
    return url.rstrip("/")
