"""Owns reading a form and its anti-forgery mark; knows no page."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import HTTPException, Request

from bot.web.access import same
from bot.web.guard import visitor_of

FIELDS_MOST = 1_000
HEADER = "x-ballast-mark"
FIELD = "mark"


async def form_of(request: Request) -> dict[str, str]:
    """A form's fields, the last one of each name, its mark checked; an HTTP 400 where it is none."""
    found = await fields_of(request)
    must_be_marked(request, found.pop(FIELD, ""))
    return found


async def fields_of(request: Request) -> dict[str, str]:
    """A form's fields with nothing checked; only signing in has no mark yet."""
    try:
        text = (await request.body()).decode("utf-8")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MOST, errors="strict"))
    except ValueError:
        raise HTTPException(400, "the form cannot be read") from None


def must_be_marked(request: Request, mark: str | None) -> None:
    """Raise an HTTP 403 unless a session's request brings its mark, in the form or a header; a token needs none."""
    visitor = visitor_of(request.state)
    offered = request.headers.get(HEADER, "") if mark is None else mark
    if visitor.mark and not same(visitor.mark, offered):
        raise HTTPException(403, "this form is of another session: load the page again")
