"""Owns the dashboard as one ASGI application: routes, errors in plain words, the guard around all of it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from bot.ports.errors import StoreError
from bot.web.access import Access
from bot.web.acts import acts_of, signing_of
from bot.web.api import api_of, outside_of
from bot.web.desk import Desk
from bot.web.fleet import fleet_of
from bot.web.guard import MACHINES, Guard
from bot.web.pages import pages_of
from bot.web.rooms import UNDER, Rooms
from bot.web.sheets import STATIC, Sheets
from bot.web.terms import Terms
from bot.web.watch import Watch

TITLE = "Ballast"
SAYS = "Reads the bot's record and writes its requests. Send the token: `Authorization: Bearer …`."


def desk_of(terms: Terms) -> Desk:
    """What a dashboard works with; raises WebRefused where its terms are not safe."""
    terms.must_be_safe()
    access = Access(terms.token, terms.mono)
    rooms = Rooms(terms.others, access) if terms.others is not None else None
    return Desk(terms, access, Watch(terms.panorama, terms.mono), rooms=rooms)


def app_of(desk: Desk) -> Guard:
    """The application. The desk's watch is started and stopped by whoever serves it."""
    app = FastAPI(
        title=TITLE,
        description=SAYS,
        version=desk.terms.version,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they would ask another host for their scripts
        redoc_url=None,
    )
    sheets = Sheets(desk)
    for router in (
        api_of(desk), outside_of(desk), pages_of(desk, sheets), fleet_of(desk, sheets), signing_of(desk, sheets),
        acts_of(desk, sheets),
    ):  # fmt: skip
        app.include_router(router)
    if desk.rooms is not None:
        desk.rooms.build = lambda other: _room_of(other, sheets)
        app.mount(UNDER, desk.rooms, name="others")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _in_plain_words(app, sheets)
    return Guard(app, desk.access, desk.terms.hosts)


def _room_of(desk: Desk, beside: Sheets) -> FastAPI:
    """The pages of another portfolio of the same record; who is signed in is known at the door."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    sheets = Sheets(desk, beside.markup)
    for router in (pages_of(desk, sheets), acts_of(desk, sheets)):
        app.include_router(router)
    _in_plain_words(app, sheets)
    return app


def _in_plain_words(app: FastAPI, sheets: Sheets) -> None:
    def told(request: Request, status: int, why: str, detail: Any = None) -> Response:
        if request.url.path.startswith(MACHINES):
            return JSONResponse({"detail": why if detail is None else detail}, status)
        return sheets.bare("problem", status, code=status, why=why)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        answer = told(request, error.status_code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> Response:
        # Without what was sent: it may hold what cannot be written as JSON, and nobody needs it back.
        faults = [{"loc": list(each["loc"]), "msg": str(each["msg"])} for each in error.errors()]
        words = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
        return told(request, 422, words, faults)

    @app.exception_handler(StoreError)
    async def unreadable(request: Request, error: StoreError) -> Response:
        return told(request, 503, str(error))
