"""Owns the delivery of one message through Apprise. Addresses hold tokens: they never appear in what it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from bot.ports.errors import PortError

Level = Literal["info", "warning", "critical"]
KINDS = {"info": "info", "warning": "warning", "critical": "failure"}


def apprise_channel(urls: Sequence[str]) -> Callable[[str, str, Level], Awaitable[str]]:
    """A channel to all ``urls``; raises PortError where Apprise does not know an address (named by its number only)."""
    import apprise  # noqa: PLC0415 - 0.1 s that only those pay who want to be told

    people = apprise.Apprise()
    for number, url in enumerate(urls, 1):
        if not people.add(url):
            scheme = url.partition("://")[0] if "://" in url else "?"
            raise PortError(f"alerts.urls: number {number} ({scheme}://...) is no address that Apprise knows")

    async def deliver(title: str, text: str, level: Level) -> str:
        told = await people.async_notify(body=text, title=title, notify_type=apprise.NotifyType(KINDS[level]))
        return "" if told else "at least one address did not take it"

    return deliver
