"""Owns the fleet's page, call and metrics: every portfolio of the record, who leads it, how it stands. Only shows."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from prometheus_client.core import GaugeMetricFamily, Metric

from bot.core.snapshot import KILL_LEVELS
from bot.ports.fleet import Posts, View
from bot.render.fleet import fleet_body
from bot.web import metrics
from bot.web.desk import Desk
from bot.web.sheets import Sheets

LABELS: Final = ("portfolio", "mode", "venue")


def fleet_of(desk: Desk, sheets: Sheets) -> APIRouter:
    """`/portfolios`, `/api/v1/fleet` and `/metrics/fleet`; nothing where the record is no fleet's."""
    router = APIRouter(include_in_schema=False)
    posts = desk.terms.posts
    if posts is not None:
        _routes(router, posts, sheets)
    return router


def _routes(router: APIRouter, posts: Posts, sheets: Sheets) -> None:
    @router.get("/portfolios", response_class=HTMLResponse)
    async def portfolios(request: Request) -> HTMLResponse:
        return await sheets.page(request, "portfolios", fleet=fleet_body(await posts.view()))

    @router.get("/api/v1/fleet")
    async def fleet() -> dict[str, Any]:
        """What `ballast fleet status --json` prints."""
        return fleet_body(await posts.view())

    @router.get("/metrics/fleet")
    async def scrape() -> Response:
        return Response(metrics.text_of(families(await posts.view())), media_type=metrics.CONTENT_TYPE)


def families(view: View) -> list[Metric]:
    """The fleet's numbers by portfolio; what is unknown is left out, never written as 0."""
    workers = GaugeMetricFamily("ballast_fleet_workers", "Workers that spoke within the lease's time.")
    workers.add_metric([], len(view.workers))
    led = GaugeMetricFamily("ballast_portfolio_led", "1 while somebody leads the portfolio.", labels=LABELS)
    fence = GaugeMetricFamily("ballast_portfolio_fence", "Fencing number: how often it was taken over.", labels=LABELS)
    equity = GaugeMetricFamily("ballast_portfolio_equity", "Equity in accounting currency.", labels=LABELS)
    beat = GaugeMetricFamily("ballast_portfolio_beat_age_seconds", "Seconds since its last word.", labels=LABELS)
    unknown = GaugeMetricFamily("ballast_portfolio_orders_unknown", "Orders whose outcome nobody knows.", labels=LABELS)
    failures = GaugeMetricFamily("ballast_portfolio_failures", "Cycles that failed in a row.", labels=LABELS)
    kill = GaugeMetricFamily(
        "ballast_portfolio_kill_level", "1 for the kill level in force (R-G1).", labels=(*LABELS, "level")
    )
    for post in view.posts:
        mine = [post.identity.portfolio, post.identity.mode, post.identity.venue]
        told = post.body
        led.add_metric(mine, float(bool(post.holder)))
        fence.add_metric(mine, post.fence)
        for family, value in (
            (equity, told.get("equity")),
            (beat, post.beat_age_s),
            (unknown, told.get("unknown_orders")),
            (failures, told.get("failures")),
        ):
            if value is not None:
                family.add_metric(mine, float(value))
        level = (told.get("kill") or {}).get("level")
        for each in KILL_LEVELS if level else ():
            kill.add_metric([*mine, each], float(each == level))
    return [workers, led, fence, equity, beat, unknown, failures, kill]
