"""Owns what goes wrong between the exchange and its clients: a plan applied request by request, and what of it bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.core.numbers import canonical_json, milliseconds
from bot.local_exchange.app import Answer
from bot.local_exchange.app import Asked as Request
from bot.local_exchange.purse import Purse
from bot.ports.clock import Clock
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.faults import Asked, Fault, FaultKind, Schedule

OWN = "/local/"
COUNTS = "/local/faults"
HTML = {"content-type": "text/html"}
TOO_MANY, BANNED, FORBIDDEN = 429, 418, 403
KEPT_MOST = 64  # answers kept to be given again, wrongly
V5 = "/v5/"
V5_KINDS = {
    "/v5/order/create": Asked.CREATE,
    "/v5/order/cancel": Asked.CANCEL,
    "/v5/order/cancel-all": Asked.CANCEL,
    "/v5/asset/transfer/inter-transfer": Asked.TRANSFER,
    "/v5/earn/place-order": Asked.TRANSFER,
}
V5_LOOKED_UP = ("/v5/order/", "/v5/execution/", "/v5/earn/order")
V5_PUBLIC = ("/v5/market/", "/v5/system/", "/v5/earn/product")
LOOKED_UP = ("/order", "/openOrder", "/openOrders", "/allOrders", "/myTrades", "/userTrades")
OF_ACCOUNT = ("/account", "/balance", "/positionRisk", "/income", "/positionSide/dual", "/symbolConfig")


def kind_of(method: str, path: str) -> Asked:
    """What a request asks for, as plans name it."""
    if path.startswith(V5):
        return _kind_of_v5(method, path)
    name = path[path.find("/v") + 3 :] if "/v" in path else path
    if method == "POST":
        if name == "/order":
            return Asked.CREATE
        moves = path.startswith("/sapi/") and ("transfer" in name or "subscribe" in name or "redeem" in name)
        return Asked.TRANSFER if moves else Asked.SETTING
    if method == "DELETE":
        return Asked.CANCEL
    if name in LOOKED_UP:
        return Asked.LOOKUP
    return Asked.ACCOUNT if path.startswith("/sapi/") or name in OF_ACCOUNT else Asked.MARKET


def _kind_of_v5(method: str, path: str) -> Asked:
    if method == "POST":
        return V5_KINDS.get(path, Asked.SETTING)
    if path.startswith(V5_LOOKED_UP):
        return Asked.LOOKUP
    return Asked.MARKET if path.startswith(V5_PUBLIC) else Asked.ACCOUNT


class FaultyLine:
    """The `Faults` of an `App`: each request meets what the plan has for it.

    After a 429 or a 418 the line stays closed as long as Retry-After said (host seconds); who asks meanwhile is counted
    in ``asked_too_early``. Its own path tells the counts; nothing goes wrong on the exchange's other own paths.
    With a ``purse`` the account is one wallet: what its owner withdraws may lie in either of the engine's two.
    """

    def __init__(self, exchange: Exchange, clock: Clock, plan: Iterable[Fault], purse: Purse | None = None) -> None:
        self.schedule = Schedule(plan, clock.now())
        self.asked_too_early = 0
        self._exchange = exchange
        self._clock = clock
        self._purse = purse
        self._quiet_until_s = clock.mono()
        self._quiet_status = TOO_MANY
        self._answers: dict[str, Answer] = {}
        self._now: ContextVar[Fault | None] = ContextVar("fault of this request", default=None)

    def counts(self) -> Mapping[str, Any]:
        """What bit, what was due and had nothing to bite, what still waits."""
        return {
            "bitten": {kind.value: count for kind, count in sorted(self.schedule.bitten.items())},
            "missed": {kind.value: count for kind, count in sorted(self.schedule.missed.items())},
            "waiting": self.schedule.waiting,
            "asked_too_early": self.asked_too_early,
        }

    async def before(self, asked: Request) -> Answer | None:
        """Strike the exchange, hold the request up, or answer in the exchange's place."""
        self._now.set(None)
        if asked.path.startswith(OWN):
            told = (asked.method, asked.path) == ("GET", COUNTS)
            return Answer(200, canonical_json(self.counts()).encode()) if told else None
        at = max(self._clock.now(), self._exchange.now)
        left_s = self._quiet_until_s - self._clock.mono()
        if left_s > 0:
            self.asked_too_early += 1
            return self._closed(asked.path, left_s)
        due = self.schedule.due(kind_of(asked.method, asked.path), at, path=f"{asked.method} {asked.path}")
        if not due:
            return None
        fault = self._strike(due, at)
        return None if fault is None else await self._meet(fault, asked.path)

    def _strike(self, due: Sequence[Fault], at: datetime) -> Fault | None:
        if self._purse is None:
            self._exchange.advance(at)
            return self.schedule.strike(self._exchange, due)
        self._purse.before(at)
        self._exchange.advance(at)
        if not any(fault.kind is FaultKind.WITHDRAWAL for fault in due):
            self._purse.back()
            return self.schedule.strike(self._exchange, due)
        with self._purse.for_spot():
            return self.schedule.strike(self._exchange, due)

    async def _meet(self, fault: Fault, path: str) -> Answer | None:
        seconds = float(fault.seconds)
        if fault.kind is FaultKind.DELAY:
            self.schedule.bit(fault)
            await self._clock.sleep(seconds)
            return None
        if fault.kind in (FaultKind.RATE_LIMITED, FaultKind.BANNED):
            self.schedule.bit(fault)
            self._quiet_until_s = self._clock.mono() + seconds
            self._quiet_status = BANNED if fault.kind is FaultKind.BANNED else TOO_MANY
            return self._closed(path, seconds)
        if fault.kind is FaultKind.DROP_BEFORE or (fault.kind is not FaultKind.DROP_AFTER and not fault.done):
            return self._spoil(fault, path, "", Answer(200, b"{}"))
        self._now.set(fault)
        return None

    async def after(self, asked: Request, answer: Answer) -> Answer:
        """Spoil the answer to a request that the exchange has done."""
        fault = self._now.get()
        name = f"{asked.method} {asked.path}"
        spoilt = answer if fault is None else self._spoil(fault, asked.path, name, answer)
        if _is_success(answer) and not asked.path.startswith(OWN):
            self._answers.pop(name, None)
            self._answers[name] = answer
            if len(self._answers) > KEPT_MOST:
                del self._answers[next(iter(self._answers))]
        return spoilt

    def _spoil(self, fault: Fault, path: str, name: str, answer: Answer) -> Answer:
        make = _SPOILT.get(fault.kind)
        if fault.kind is FaultKind.SERVER_ERROR:
            made: Answer | None = _failed(fault, path)
        else:
            made = make(fault, answer) if make else self._other(fault, name)
        if made is None:
            self.schedule.miss(fault)
            return answer
        self.schedule.bit(fault)
        return made

    def _other(self, fault: Fault, name: str) -> Answer | None:
        """An answer given before: to this very question, or to quite another one; None where there was none."""
        if fault.kind is FaultKind.DUPLICATE:
            return self._answers.get(name)
        return next((kept for other, kept in reversed(self._answers.items()) if other != name), None)

    def _closed(self, path: str, left_s: float) -> Answer:
        if path.startswith(V5):
            return _closed_v5(left_s, banned=self._quiet_status == BANNED)
        until_ms = milliseconds(self._clock.now()) + math.ceil(left_s * 1000)
        text = (
            f"Way too much request weight used; IP banned until {until_ms}. "
            "Please use WebSocket Streams for live updates to avoid bans."
            if self._quiet_status == BANNED
            else "Too many requests; please use WebSocket Streams for live updates to avoid polling the API."
        )
        body = canonical_json({"code": -1003, "msg": text}).encode()
        return Answer(self._quiet_status, body, {"retry-after": f"{left_s:.3f}"})


def _is_success(answer: Answer) -> bool:
    """A refusal is never kept to be given again: nobody could tell whose it is. Bybit's come with HTTP's 200."""
    refused_v5 = answer.body.startswith(b'{"retCode":') and not answer.body.startswith(b'{"retCode":0,')
    return answer.status == 200 and answer.ending == "whole" and not refused_v5  # noqa: PLR2004 - OK


def _closed_v5(left_s: float, *, banned: bool) -> Answer:
    """Bybit bans an address by HTTP 403; 429 is what its front answers when it is asked too much."""
    said = {"retCode": 10018, "retMsg": "403, access too frequent. Please try again later."}
    if not banned:
        said = {"retCode": 10006, "retMsg": "Too many visits. Exceeded the API Rate Limit."}
    body = canonical_json({**said, "result": {}, "retExtInfo": {}}).encode()
    return Answer(FORBIDDEN if banned else TOO_MANY, body, {"retry-after": f"{left_s:.3f}"})


def _failed(fault: Fault, path: str) -> Answer:
    if path.startswith(V5):
        said = {"retCode": 10016, "retMsg": "Internal System Error.", "result": {}, "retExtInfo": {}}
        return Answer(fault.status, canonical_json(said).encode())
    text = "Unknown error, please check your request or try again later."
    return Answer(fault.status, canonical_json({"code": -1000, "msg": text}).encode())


def _page(fault: Fault, _answer: Answer) -> Answer:
    title = f"{fault.status} Bad Gateway"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(fault.status, page.encode(), HTML)


_SPOILT: Mapping[FaultKind, Callable[[Fault, Answer], Answer]] = {
    FaultKind.DROP_BEFORE: lambda _fault, answer: replace(answer, ending="closed"),
    FaultKind.DROP_AFTER: lambda _fault, answer: replace(answer, ending="closed"),
    FaultKind.RESET: lambda _fault, answer: replace(answer, ending="reset"),
    FaultKind.TRUNCATED: lambda _fault, answer: replace(answer, ending="short"),
    FaultKind.HTML: _page,
    FaultKind.EMPTY: lambda _fault, answer: replace(answer, body=b""),
}
