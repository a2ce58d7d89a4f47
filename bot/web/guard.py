"""Owns the door before every route: host, origin, size, rate, who asks; and the headers of every answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.access import Access

COOKIE: Final = "ballast"
BODY_MOST: Final = 64 * 1024
OPEN_PATHS: Final = ("/sign-in", "/healthz", "/readyz")
STATIC: Final = "/static/"
MACHINES: Final = (
    "/api/",
    "/metrics",
    "/stream",
    "/data/",
    "/healthz",
    "/readyz",
)  # answered in JSON, never redirected
CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # not no-referrer: a form's Origin would then be null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. ``mark``: what a form of this session must bring; "" for a machine with the token."""

    who: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer given at the door."""

    status: int
    why: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Guard:
    """ASGI middleware; routes find a `Visitor` in ``request.state.visitor``, or None on the open paths."""

    app: ASGIApp
    access: Access
    hosts: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        path: str = scope["path"]

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(MutableHeaders(scope=message), path)
            await send(message)

        client = str((scope.get("client") or ("",))[0])
        refusal = self._at_the_door(scope["method"], headers, client)
        visitor = None if refusal else self._visitor(headers, client)
        if isinstance(visitor, Refusal):
            refusal, visitor = visitor, None
        if refusal is None and visitor is None and not _is_open(path):
            refusal = _who_are_you(scope, path)
        if refusal is not None:
            await _answer(refusal, path, dressed)
            return
        scope.setdefault("state", {})["visitor"] = visitor
        await self.app(scope, receive, dressed)

    def _at_the_door(self, method: str, headers: Headers, client: str) -> Refusal | None:
        host = headers.get("host", "")
        if _name_of(host) not in self.hosts:
            return Refusal(421, f"host {host[:80]!r} is none of this dashboard's names; web.names lists them")
        if self.access.too_often(client):
            return Refusal(429, "too many requests", (("retry-after", "5"),))
        if not _same_origin(method, headers, host):
            return Refusal(403, "asked for from another site")
        if method in CHANGING:
            length = headers.get("content-length", "")
            if not length.isdigit():
                return Refusal(411, "content-length is missing")
            if int(length) > BODY_MOST:
                return Refusal(413, f"the body has {length} bytes, must have at most {BODY_MOST}")
        return None

    def _visitor(self, headers: Headers, client: str) -> Visitor | Refusal | None:
        kind, _, offered = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and offered:
            wait_s = self.access.wait_s(client)
            if wait_s > 0:
                return too_many_tries(wait_s)
            if self.access.is_token(offered.strip(), client):
                return Visitor("api")
            return Refusal(401, "the token is wrong", (("www-authenticate", "Bearer"),))
        session = self.access.session(cookie_of(headers))
        return None if session is None else Visitor("dashboard", session.mark)


def too_many_tries(wait_s: float) -> Refusal:
    """The answer to who tries tokens."""
    seconds = int(wait_s) + 1
    return Refusal(429, f"too many wrong tokens; try again in {seconds} s", (("retry-after", str(seconds)),))


def cookie_of(headers: Headers) -> str:
    """The session's key, or ""."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _name_of(host: str) -> str:
    """A Host header without its port, lower case."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _same_origin(method: str, headers: Headers, host: str) -> bool:
    """Whether a browser that says where it comes from comes from here; one that says nothing sends no cookie."""
    site = headers.get("sec-fetch-site", "same-origin")
    navigates = headers.get("sec-fetch-mode") == "navigate" and method == "GET"
    if site not in ("same-origin", "none") and not navigates:
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(STATIC)


def _who_are_you(scope: Scope, path: str) -> Refusal:
    if path.startswith(MACHINES) or scope["method"] not in ("GET", "HEAD"):
        return Refusal(401, "sign in, or send the token: Authorization: Bearer …", (("www-authenticate", "Bearer"),))
    return Refusal(303, "sign in first", (("location", f"/sign-in?next={quote(path, safe='/')}"),))


def _dress(headers: MutableHeaders, path: str) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    headers.setdefault("cache-control", "no-cache" if path.startswith(STATIC) else "no-store")


async def _answer(refusal: Refusal, path: str, send: Send) -> None:
    machine = path.startswith(MACHINES)
    body = json.dumps({"detail": refusal.why}) if machine else f"{refusal.why}\n"
    kind = "application/json" if machine else "text/plain; charset=utf-8"
    raw = [(name.encode(), value.encode()) for name, value in refusal.headers]
    data = body.encode()
    raw += [(b"content-type", kind.encode()), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": data})


def visitor_of(state: Any) -> Visitor:
    """Whom the guard let in; raises where a route was reached without it."""
    visitor = getattr(state, "visitor", None)
    if not isinstance(visitor, Visitor):
        raise PermissionError("a route that needs a visitor was reached without one")
    return visitor
