"""Owns the asking of an address: time-out, size, status. Sends nothing but GET, keeps nothing, parses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.feeds.reading import Unusable

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_S: Final = 10.0
BODY_MOST_BYTES: Final = 2 * 1024 * 1024
REDIRECTS_MOST: Final = 3
OK: Final = 200
HEADERS: Final = {"Accept": "application/json, text/calendar;q=0.9", "User-Agent": "ballast"}


class Asker:
    """One HTTP session for all feeds, opened at the first question; ``timeout_s`` host seconds for a whole answer."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, url: str) -> str:
        """The text an address answers with; raises `Unusable` in words that hold no part of the address."""
        import aiohttp  # noqa: PLC0415 - only who has such a feed pays for it

        if self._session is None:
            limit = aiohttp.ClientTimeout(total=self._timeout_s)
            self._session = aiohttp.ClientSession(timeout=limit, headers=HEADERS)
        try:
            async with self._session.get(url, max_redirects=REDIRECTS_MOST) as answer:
                if answer.status != OK:
                    raise Unusable(f"answered {answer.status}{_meaning(answer.status)}")
                return await _text(answer)
        except TimeoutError:
            raise Unusable(f"timed out after {self._timeout_s:g} s") from None
        except aiohttp.TooManyRedirects:
            raise Unusable(f"redirected more than {REDIRECTS_MOST} times") from None
        except aiohttp.ClientError as error:
            # Its words may hold the address, and an address may hold a key.
            raise Unusable(f"cannot be asked ({type(error).__name__})") from None

    async def close(self) -> None:
        """Let go; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _meaning(status: int) -> str:
    return {
        401: ": the key is missing or wrong",
        403: ": forbidden",
        404: ": no such page",
        429: ": asked too often",
    }.get(status, "")


async def _text(answer: aiohttp.ClientResponse) -> str:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > BODY_MOST_BYTES:
            answer.close()
            raise Unusable(f"answered more than {BODY_MOST_BYTES // 1024 // 1024} MiB")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unusable(f"answered with what is no UTF-8 (byte {error.start})") from None
