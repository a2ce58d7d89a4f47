"""Owns /api/v1, /metrics and the health calls: the machines' door. Answers from the record; writes requests only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPBearer

from bot.render.decisions import decision_body
from bot.render.orders import order_body
from bot.render.status import status_body
from bot.web import metrics
from bot.web.desk import Desk
from bot.web.guard import visitor_of
from bot.web.marks import must_be_marked
from bot.web.shapes import (
    MOST_NUMBER,
    Asked,
    DecisionId,
    Faults,
    KillAsked,
    Order,
    Plan,
    Positions,
    Problem,
    ResumeAsked,
    Status,
    TargetsEdit,
)
from bot.web.standing import drawdown
from bot.web.terms import WhatIfRefused

#: Answers that every call may give, whatever it is about.
ALWAYS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Problem, "description": "No token, or a wrong one."},
    403: {"model": Problem, "description": "Asked for from another site, or without the session's mark."},
    422: {"model": Faults, "description": "Something sent is not as it must be."},
    429: {"model": Problem, "description": "Too often."},
    503: {"model": Problem, "description": "There is no record, or it cannot be read."},
}
UNREADABLE: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": Problem, "description": "The body cannot be read."},
    411: {"model": Problem, "description": "No length was sent."},
    413: {"model": Problem, "description": "The body is too long."},
}
MISSING: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Problem, "description": "There is no such."}}
UNREAD: Final[dict[str, Any]] = {"model": Problem, "description": "Critical alerts are unread."}
# The guard has checked it already; this tells the OpenAPI so.
_TOKEN = HTTPBearer(auto_error=False, description="The token in web.token beside the record.")
Limit = Annotated[int, Query(ge=1, le=500)]


def api_of(desk: Desk) -> APIRouter:
    """The versioned calls."""
    router = APIRouter(prefix="/api/v1", responses=ALWAYS, dependencies=[Depends(_TOKEN)])
    _reading(router, desk)
    _planning(router, desk)
    _asking(router, desk)
    return router


def _reading(router: APIRouter, desk: Desk) -> None:
    panorama = desk.terms.panorama

    @router.get("/status")
    async def status() -> Status:
        """How things stand."""
        return Status.model_validate(await status_of(desk))

    @router.get("/decisions", response_model=list[Plan])
    async def decisions(
        limit: Limit = 20, before: Annotated[int | None, Query(ge=1, le=MOST_NUMBER)] = None
    ) -> Response:
        """Recorded decisions, newest first; ``before``: those below this number."""
        turns = await panorama.turns(limit, before=before)
        return StreamingResponse(_list_of(desk, [turn.number for turn in turns]), media_type="application/json")

    @router.get("/decisions/{decision_id}", responses=MISSING)
    async def decision(decision_id: Annotated[DecisionId, Path()]) -> Plan:
        """One decision, by its id or how it begins."""
        row = await panorama.told(decision_id)
        if row is None:
            raise HTTPException(404, f"{decision_id}: begins no decision's id, or those of several")
        return Plan.model_validate(decision_body(row))

    @router.get("/orders")
    async def orders(limit: Limit = 20, skip: Annotated[int, Query(ge=0, le=MOST_NUMBER)] = 0) -> list[Order]:
        """Recorded orders, newest first."""
        return [Order.model_validate(order_body(row)) for row in await panorama.page_of_orders(limit, skip=skip)]

    @router.get("/positions")
    async def positions() -> Positions:
        """What the account held when the last decision was made."""
        seen = await panorama.inputs()
        return Positions(
            at=seen.get("at"), balances=list(seen.get("balances", ())), positions=list(seen.get("positions", ()))
        )


async def _list_of(desk: Desk, numbers: Sequence[int]) -> AsyncIterator[str]:
    """Decisions as one JSON list, each as the text it was recorded as, one at a time: many are megabytes."""
    before = "["
    for number in numbers:
        row = (await desk.terms.panorama.numbered([number])).get(number)
        if row is not None:
            more = {
                "number": row.number,
                "outcome": row.outcome,
                "recorded": {"cycle_id": row.cycle_id, "version": row.version, "mode": row.mode},
            }
            yield f"{before}{row.plan_json.rstrip().removesuffix('}')},{json.dumps(more).removeprefix('{')}"
            before = ","
        await asyncio.sleep(0)
    yield "[]" if before == "[" else "]"


def _planning(router: APIRouter, desk: Desk) -> None:
    @router.get("/plan", responses=MISSING)
    async def plan() -> Plan:
        """The last decision: what is wanted now, and what stands in the way."""
        body = await desk.plan()
        if not body:
            raise HTTPException(404, "nothing was decided yet")
        return Plan.model_validate(body)

    @router.post("/plan", responses={**UNREADABLE, 409: {"model": Problem, "description": "It cannot be planned."}})
    async def planned(edit: TargetsEdit, request: Request) -> Plan:
        """What would be done now if the targets were so; nothing is sent or recorded."""
        must_be_marked(request, None)
        return Plan.model_validate((await planned_of(desk, edit))["plan"])


def _asking(router: APIRouter, desk: Desk) -> None:
    @router.post("/kill", status_code=202, responses=UNREADABLE)
    async def kill(asked: KillAsked, request: Request) -> Asked:
        """Stop trading until `resume`; in force within a second."""
        must_be_marked(request, None)
        return await ask(desk, request, "kill", asked.level, asked.reason)

    @router.post("/resume", status_code=202, responses={**UNREADABLE, 409: UNREAD})
    async def resume(asked: ResumeAsked, request: Request) -> Asked:
        """Let the bot trade again; the word must be written out, and critical alerts read."""
        must_be_marked(request, None)
        await must_be_read(desk)
        return await ask(desk, request, "resume", "", asked.reason)


def outside_of(desk: Desk) -> APIRouter:
    """/healthz, /readyz and /metrics."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> dict[str, bool]:
        return {"alive": True}

    @router.get("/readyz")
    async def readyz(response: Response) -> dict[str, bool]:
        await desk.watch.look()
        ready = not desk.watch.failed and desk.pulse(await desk.beat()).ready
        response.status_code = 200 if ready else 503
        return {"ready": ready}

    @router.get("/metrics")
    async def scrape() -> Response:
        plan, beat = await desk.plan(), await desk.beat()
        if plan:
            await desk.tally.count(desk.terms.panorama)
        memory = desk.terms.memory_bytes
        facts = metrics.Facts(
            beat, plan, await desk.standing(beat), desk.pulse(beat), desk.tally,
            drawdown(await desk.terms.panorama.memory()) if plan else None,
            memory() if memory else None, desk.watch.listeners,
        )  # fmt: skip
        return Response(metrics.exposition(facts), media_type=metrics.CONTENT_TYPE)

    return router


async def status_of(desk: Desk) -> dict[str, Any]:
    """The body of `status`: the last beat, the kill level as it stands, and whether the bot lives."""
    known = bool(await desk.plan())
    beat = await desk.beat()
    pulse = desk.pulse(beat)
    health = {
        "fresh": pulse.fresh,
        "ready": pulse.ready,
        "beat_age_s": pulse.beat_s,
        "cycle_age_s": pulse.cycle_s,
        "limit_s": pulse.most_s,
    }
    return status_body(
        beat or {"waiting_for": ["a first cycle"]},
        kill=asdict(await desk.standing(beat)),
        health=health,
        drawdown=drawdown(await desk.terms.panorama.memory()) if known else None,
    )


async def planned_of(desk: Desk, edit: TargetsEdit) -> Mapping[str, Any]:
    """The what-if as bodies of two plans, ``now`` and ``plan``; an HTTP 409 with the reasons where there is none."""
    if desk.terms.what_if is None:
        raise HTTPException(409, "this dashboard was put together without a planner")
    try:
        return await desk.terms.what_if(edit.model_dump(exclude_none=True))
    except WhatIfRefused as refused:
        raise HTTPException(409, "; ".join(refused.lines)) from None


async def must_be_read(desk: Desk) -> None:
    """Raise an HTTP 409 while a critical alert is unread: nothing is resumed over one."""
    left = await desk.unread()
    if left:
        raise HTTPException(409, f"{len(left)} critical alerts are unread, the last: {left[-1].text}; read them first")


async def ask(desk: Desk, request: Request, what: str, value: str, why: str) -> Asked:
    """Write a request down under the visitor's name."""
    who = visitor_of(request.state).who
    made = await desk.terms.controls.request(what, value, who, why or f"asked for on the {who}")
    await desk.watch.look()
    return Asked(id=made, what=what, value=value)
