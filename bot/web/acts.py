"""Owns the pages that ask: signing in and out, kill, resume, approvals, freezing an asset, what-if. Only requests."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError

from bot.alerts.unread import READ
from bot.web.api import ask, must_be_read, planned_of
from bot.web.bullets import bullets
from bot.web.desk import Desk
from bot.web.guard import COOKIE, cookie_of, too_many_tries
from bot.web.marks import fields_of, form_of
from bot.web.shapes import DecisionId, KillAsked, TargetsEdit, Text
from bot.web.sheets import Sheets

WORD: Final = "resume"
ACCEPT: Final = "accept"
JUDGED: Final = ("approve", "reject")
_ID: TypeAdapter[str] = TypeAdapter(DecisionId)
_TEXT: TypeAdapter[str] = TypeAdapter(Text)


def signing_of(desk: Desk, sheets: Sheets) -> APIRouter:
    """In and out."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    _signing(router, desk, sheets)
    return router


def acts_of(desk: Desk, sheets: Sheets) -> APIRouter:
    """Every other form's end."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    _asking(router, desk)
    _judging(router, desk)
    _accepting(router, desk)
    _planning(router, desk, sheets)
    return router


def _signing(router: APIRouter, desk: Desk, sheets: Sheets) -> None:
    access = desk.access

    @router.get("/sign-in")
    async def sign_in(request: Request) -> Response:
        if access.session(cookie_of(request.headers)):
            return RedirectResponse(_inside(request.query_params.get("next", "/")), 303)
        return sheets.bare("sign_in", next=_inside(request.query_params.get("next", "/")), why="")

    @router.post("/sign-in")
    async def signed_in(request: Request) -> Response:
        client = request.client.host if request.client else ""
        form = await fields_of(request)
        to = _inside(form.get("next", "/"))
        wait_s = access.wait_s(client)
        if wait_s > 0:
            refusal = too_many_tries(wait_s)
            answer = sheets.bare("sign_in", 429, next=to, why=refusal.why)
            answer.headers.update(dict(refusal.headers))
            return answer
        if not access.is_token(form.get("token", "").strip(), client):
            return sheets.bare("sign_in", 401, next=to, why="This is not the token.")
        done = RedirectResponse(to, 303)
        # Behind a proxy with TLS the cookie goes over TLS alone.
        secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        done.set_cookie(COOKIE, access.open(), httponly=True, samesite="strict", secure=secure, path="/")
        return done

    @router.post("/sign-out")
    async def signed_out(request: Request) -> Response:
        await form_of(request)
        access.end(cookie_of(request.headers))
        done = RedirectResponse("/sign-in", 303)
        done.delete_cookie(COOKIE, path="/")
        return done


def _asking(router: APIRouter, desk: Desk) -> None:
    @router.post("/kill")
    async def kill(request: Request) -> Response:
        form = await form_of(request)
        try:
            asked = KillAsked.model_validate({"level": form.get("level", "halt"), "reason": form.get("reason", "")})
        except ValidationError:
            raise HTTPException(422, "level must be freeze, halt or flatten, the reason one short line") from None
        await ask(desk, request, "kill", asked.level, asked.reason)
        return _back(request, form, "kill")

    @router.post("/resume")
    async def resume(request: Request) -> Response:
        form = await form_of(request)
        if form.get("confirm", "").strip().lower() != WORD:
            raise HTTPException(422, f"type {WORD} to resume; nothing was changed")
        await must_be_read(desk)
        await ask(desk, request, "resume", "", _text(form.get("reason", "")))
        return _back(request, form, "resume")

    @router.post("/read")
    async def read(request: Request) -> Response:
        form = await form_of(request)
        number = form.get("number", "")
        if not number.isascii() or not number.isdigit():
            raise HTTPException(422, "number is no alert's number")
        await ask(desk, request, READ, number, "")
        return _back(request, form, "read")


def _judging(router: APIRouter, desk: Desk) -> None:
    async def judged(request: Request, what: str) -> Response:
        form = await form_of(request)
        try:
            decision_id = _ID.validate_python(form.get("decision_id", ""))
        except ValidationError:
            raise HTTPException(422, "decision_id is no decision's id") from None
        row = await desk.terms.panorama.told(decision_id)
        if row is None:
            raise HTTPException(404, f"{decision_id}: begins no decision's id, or those of several")
        await ask(desk, request, what, row.decision_id, _text(form.get("reason", "")))
        return _back(request, form, what)

    @router.post("/approve")
    async def approve(request: Request) -> Response:
        return await judged(request, "approve")

    @router.post("/reject")
    async def reject(request: Request) -> Response:
        return await judged(request, "reject")

    async def asset_asked(request: Request, what: str) -> Response:
        form = await form_of(request)
        plan = await desk.plan()
        known = [item["asset"] for item in plan["exposures"]] if plan else []
        if form.get("asset", "") not in known:
            raise HTTPException(422, f"asset must be one of {', '.join(known) or 'those of a first decision'}")
        await ask(desk, request, what, form["asset"], _text(form.get("reason", "")))
        return _back(request, form, what)

    @router.post("/halt-asset")
    async def halt_asset(request: Request) -> Response:
        return await asset_asked(request, "halt-asset")

    @router.post("/rearm")
    async def rearm(request: Request) -> Response:
        return await asset_asked(request, "rearm")


def _accepting(router: APIRouter, desk: Desk) -> None:
    @router.post("/accept")
    async def accept(request: Request) -> Response:
        form = await form_of(request)
        edit = (await desk.beat()).get("edit") or {}
        if form.get("confirm", "").strip().lower() != ACCEPT:
            raise HTTPException(422, f"type {ACCEPT} to let the edit take effect; nothing was changed")
        if not edit or form.get("edit", "") != edit["id"]:
            raise HTTPException(409, "this edit does not wait any more; look again at what does")
        await ask(desk, request, ACCEPT, edit["id"], _text(form.get("reason", "")))
        return _back(request, form, ACCEPT)


def _planning(router: APIRouter, desk: Desk, sheets: Sheets) -> None:
    panorama = desk.terms.panorama

    async def targets() -> Mapping[str, Any]:
        found: Mapping[str, Any] = (await panorama.policy()).get("targets", {})
        return found

    @router.get("/what-if")
    async def blank(request: Request) -> Response:
        if not await desk.plan():
            return await sheets.page(request, "waiting")
        return await sheets.page(request, "what_if", targets=await targets(), given={}, why="", made=None, rows=[])

    @router.post("/what-if")
    async def tried(request: Request) -> Response:
        form = await form_of(request)
        if not await desk.plan():
            return await sheets.page(request, "waiting")
        base = await targets()
        made: Mapping[str, Any] | None = None
        why = ""
        try:
            made = await planned_of(desk, edit_of(form, base))
        except ValueError as error:
            why = str(error)
        except HTTPException as error:
            why = str(error.detail)
        rows = _compared(made) if made else []
        status = 422 if why else 200
        return await sheets.page(
            request, "what_if", status, targets=base, given=form, why=why, made=made and made["plan"], rows=rows
        )


def edit_of(form: Mapping[str, str], targets: Mapping[str, Any]) -> TargetsEdit:
    """The edit that a form of percents asks for: only what differs; a ValueError says which field is wrong.

    Fields are `stables`, `sleeve:NAME` and, where weights within a sleeve are fixed, `asset:NAME:ASSET`.
    """
    edit: dict[str, Any] = {"sleeves": {}}
    stables = _changed(form, "stables", targets.get("stables", {}).get("weight"))
    if stables is not None:
        edit["stables"] = {"weight": stables}
    for name, sleeve in targets.get("sleeves", {}).items():
        made: dict[str, Any] = {}
        weight = _changed(form, f"sleeve:{name}", sleeve["weight"])
        if weight is not None:
            made["weight"] = weight
        if isinstance(sleeve["assets"], dict):
            new = {asset: _changed(form, f"asset:{name}:{asset}", share) for asset, share in sleeve["assets"].items()}
            made |= {"assets": changed} if (changed := {k: v for k, v in new.items() if v is not None}) else {}
        if made:
            edit["sleeves"][name] = made
    return TargetsEdit.model_validate(edit)


def _changed(form: Mapping[str, str], field: str, now: object) -> str | None:
    """A percent as a share, or None where it is not there or as it was."""
    text = form.get(field, "").strip().replace(",", ".")
    if not text:
        return None
    try:
        share = Decimal(text) / 100
    except InvalidOperation:
        share = Decimal(-1)
    if not share.is_finite() or not 0 <= share <= 1:
        raise ValueError(f"{field}: is {text[:20]!r}, must be a percentage from 0 to 100")
    share = share.quantize(Decimal("1e-9")).normalize()
    return None if now is not None and share == Decimal(str(now)) else f"{share:f}"


def _compared(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each asset's target now and as it would be, and where the approved actions would leave it."""
    before = {item["asset"]: item["target"] for item in made["now"]["exposures"]}
    after = made["plan"]["after"]["exposures"]
    drawn = bullets(made["plan"]["exposures"])
    return [
        {"bullet": each, "was": before.get(each.asset), "target": each.item["target"], "after": after.get(each.asset)}
        for each in drawn
    ]


def _text(text: str) -> str:
    try:
        return _TEXT.validate_python(text)
    except ValidationError:
        raise HTTPException(422, "the reason must be one line of at most 200 characters") from None


def _back(request: Request, form: Mapping[str, str], said: str) -> Response:
    base = request.scope.get("root_path", "")  # of one of a fleet's portfolios
    return RedirectResponse(f"{base}{_inside(form.get('back', '/controls'))}?said={said}", 303)


def _inside(path: str) -> str:
    """A path of ours; anything else is the overview, so that no link leads out through us."""
    plain = path.isascii() and path.isprintable() and not set(path) & set("\\?#\"'<> ")
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
