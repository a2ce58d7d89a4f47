"""Owns the pages that show: what is asked of the record for each, handed to its template. Changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

from bot.core.numbers import utc_text
from bot.render.decisions import decision_body, waiting_for_yes
from bot.render.orders import order_body
from bot.web.bullets import Bullet, bullets
from bot.web.desk import Desk
from bot.web.futures import held, rates, sums
from bot.web.heat import Heat
from bot.web.shapes import MOST_NUMBER, DecisionId
from bot.web.sheets import Sheets
from bot.web.standing import drawdown
from bot.web.timeline import Bodies, timeline
from bot.web.watch import LISTENERS_MOST

ROWS: Final = 50
DID: Final = 6
POINTS: Final = 600
PING_S: Final = 15.0
Before = Annotated[int | None, Query(ge=1, le=MOST_NUMBER)]
Skip = Annotated[int, Query(ge=0, le=MOST_NUMBER)]
WINDOW: Final = "R-G5"  # the gate that waits for a window


def pages_of(desk: Desk, sheets: Sheets) -> APIRouter:
    """Every page that only shows."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    _overview(router, desk, sheets)
    _decisions(router, desk, sheets)
    _markets(router, desk, sheets)
    _controls(router, desk, sheets)
    _live(router, desk)
    return router


def _overview(router: APIRouter, desk: Desk, sheets: Sheets) -> None:
    panorama = desk.terms.panorama

    @router.get("/")
    async def overview(request: Request, only: Annotated[str, Query(max_length=10)] = "") -> HTMLResponse:
        plan = await desk.plan()
        if not plan:
            return await sheets.page(request, "waiting")
        drawn = bullets(plan["exposures"])
        outside = [each for each in drawn if each.state not in ("inside", "unknown")]
        policy = await panorama.policy()
        memory = await panorama.memory()
        return await sheets.page(
            request,
            "overview",
            sleeves=_by_sleeve(outside if only == "out" else drawn),
            drawn=len(drawn),
            outside=len(outside),
            only=only,
            policy=policy,
            memory=memory,
            drawdown=drawdown(memory),
            window=window(plan, policy),
            fills=await panorama.page_of_fills(DID),
            alerts=await panorama.alerts(DID),
            waiting=waiting_for_yes(plan),
        )

    @router.get("/data/equity.json")
    async def equity() -> JSONResponse:
        """Columns for the chart: seconds since the epoch, equity, fall of the unit value from its peak in percent."""
        found = await panorama.worth(POINTS)
        peak, falls = 0.0, []
        for each in found:
            unit = None if each.unit_value is None else float(each.unit_value)
            peak = max(peak, unit or 0.0)
            falls.append(None if unit is None or not peak else round((unit / peak - 1) * 100, 4))
        return JSONResponse([[each.at.timestamp() for each in found], [float(each.equity) for each in found], falls])


def _decisions(router: APIRouter, desk: Desk, sheets: Sheets) -> None:
    panorama = desk.terms.panorama
    bodies = Bodies(panorama)

    @router.get("/decisions")
    async def decisions(request: Request, before: Before = None) -> HTMLResponse:
        page = await timeline(panorama, bodies, before=before) if await desk.plan() else None
        return await sheets.page(request, "decisions", page=page, before=before)

    @router.get("/decisions/{decision_id}")
    async def decision(request: Request, decision_id: Annotated[DecisionId, Path()]) -> HTMLResponse:
        row = await panorama.told(decision_id)
        if row is None:
            raise HTTPException(404, f"{decision_id}: begins no decision's id, or those of several")
        body = decision_body(row)
        orders = [order_body(each) for each in await panorama.page_of_orders(ROWS, decision_id=row.decision_id)]
        return await sheets.page(
            request,
            "decision",
            body=body,
            sleeves=_by_sleeve(bullets(body["exposures"])),
            orders=orders[::-1],
            fills=(await panorama.page_of_fills(ROWS, decision_id=row.decision_id))[::-1],
            waiting=waiting_for_yes(body),
            raw=json.dumps(body, indent=1),
        )

    @router.get("/orders")
    async def orders(request: Request, skip: Skip = 0) -> HTMLResponse:
        known = bool(await desk.plan())
        found = [order_body(row) for row in await panorama.page_of_orders(ROWS + 1, skip=skip)] if known else []
        fills = await panorama.page_of_fills(ROWS, skip=skip) if known else []
        more = skip + ROWS if len(found) > ROWS else None
        return await sheets.page(request, "orders", orders=found[:ROWS], fills=fills, skip=skip, step=ROWS, more=more)


def _markets(router: APIRouter, desk: Desk, sheets: Sheets) -> None:
    panorama = desk.terms.panorama
    heat = Heat(panorama, desk.terms.mono)

    @router.get("/futures")
    async def futures(request: Request) -> HTMLResponse:
        plan = await desk.plan()
        if not plan:
            return await sheets.page(request, "waiting")
        inputs, memory = await panorama.inputs(), await panorama.memory()
        payments = await panorama.funding(ROWS * 10)
        return await sheets.page(
            request,
            "futures",
            held=held(memory, await panorama.policy(), datetime.fromisoformat(plan["at"])),
            broken=memory.broken,
            positions=inputs.get("positions", ()),
            rates=rates(inputs),
            payments=payments[:ROWS],
            sums=sums(payments),
            counted_payments=len(payments),
        )

    @router.get("/liquidity")
    async def liquidity(request: Request) -> HTMLResponse:
        if not await desk.plan():
            return await sheets.page(request, "waiting")
        table = await heat.table(await panorama.inputs())
        return await sheets.page(request, "liquidity", table=table)


def _controls(router: APIRouter, desk: Desk, sheets: Sheets) -> None:
    panorama = desk.terms.panorama

    @router.get("/controls")
    async def controls(request: Request) -> HTMLResponse:
        plan = await desk.plan()
        memory = await panorama.memory() if plan else None
        return await sheets.page(
            request,
            "controls",
            waiting=waiting_for_yes(plan) if plan else [],
            assets=[item["asset"] for item in plan["exposures"]] if plan else [],
            frozen=memory.halted_assets if memory else (),
            requests=await panorama.requests(ROWS) if plan else (),
            alerts=await panorama.alerts(ROWS) if plan else (),
            unread=await desk.unread(),
        )


def _live(router: APIRouter, desk: Desk) -> None:
    watch = desk.watch

    @router.get("/stream")
    async def stream() -> StreamingResponse:
        """One event for every change of the record; the page then asks for itself anew."""
        if watch.listeners >= LISTENERS_MOST:
            raise HTTPException(503, f"{LISTENERS_MOST} pages are open already")
        return StreamingResponse(_events(desk), media_type="text/event-stream")


async def _events(desk: Desk) -> AsyncIterator[str]:
    watch = desk.watch
    async with watch.listening() as queue:
        yield f"retry: 2000\n\n{_event(desk)}"
        while not watch.ending:
            try:
                await asyncio.wait_for(queue.get(), PING_S)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            yield _event(desk)


def _event(desk: Desk) -> str:
    head = desk.watch.head
    beat_at = utc_text(head.beat_at) if head.beat_at else None
    told = {"number": head.number, "beat_at": beat_at, "control": head.control, "failed": desk.watch.failed}
    return f"event: head\ndata: {json.dumps(told)}\n\n"


def window(plan: Mapping[str, Any], policy: Mapping[str, Any]) -> str:
    """When trading is next allowed: what a deferred wish waits for, else the schedule as it is configured."""
    waits = [
        each["until"]
        for action in plan["blocked"]
        for each in action["gates"]["not_passed"]
        if each["gate"] == WINDOW and each.get("until")
    ]
    if waits:
        return f"opens {min(waits)[:16].replace('T', ' ')} UTC"
    schedule = policy.get("windows", {}).get("schedule", "always")
    return "always open" if schedule == "always" else ", ".join([schedule] if isinstance(schedule, str) else schedule)


def _by_sleeve(drawn: Sequence[Bullet]) -> list[tuple[str, list[Bullet]]]:
    made: dict[str, list[Bullet]] = {}
    for each in drawn:
        made.setdefault(each.sleeve, []).append(each)
    return list(made.items())
