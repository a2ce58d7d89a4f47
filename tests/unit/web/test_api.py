"""The API: what each call answers, and that nothing it is sent makes it fail or answer what it does not document."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bot.web.server import Dashboard
from tests.unit.cli.recorded import a_record
from tests.unit.web.rooms import NOW, TOKEN, Hands, Room, a_beat, a_room, some_terms

BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with a_room(tmp_path) as made:
        made.browser.headers.update(BEARER)
        yield made


async def test_status_tells_the_beat_the_kill_level_and_the_health(room: Room) -> None:
    body = (await room.browser.get("/api/v1/status")).json()
    assert body["equity"] == "100000.00"
    assert body["kill"] == {"level": "off", "reason": None, "by": None, "at": None, "in_force": True}
    assert body["health"]["ready"] is True
    assert {item["asset"] for item in body["exposures"]} >= {"BTC", "ETH"}
    assert body["requests"] == {"GET /x": 3}


async def test_decisions_are_newest_first_and_paged_by_number(room: Room) -> None:
    both = (await room.browser.get("/api/v1/decisions")).json()
    assert [body["number"] for body in both] == [2, 1]
    (first,) = (await room.browser.get("/api/v1/decisions?before=2")).json()
    assert first["number"] == 1
    assert (await room.browser.get(f"/api/v1/decisions/{first['decision_id'][:7]}")).json() == first
    assert (await room.browser.get("/api/v1/decisions/zz")).status_code == 404
    assert (await room.browser.get("/api/v1/plan")).json() == both[0]
    assert (await room.browser.get("/api/v1/decisions?before=1")).json() == []


async def test_orders_and_positions_are_as_recorded(room: Room) -> None:
    (order,) = (await room.browser.get("/api/v1/orders")).json()
    assert (order["side"], order["filled"], order["state"]) == ("sell", "0.06", "filled")
    assert (await room.browser.get("/api/v1/orders?skip=1")).json() == []
    held = (await room.browser.get("/api/v1/positions")).json()
    assert {item["asset"] for item in held["balances"]} >= {"BTC", "USDT"}
    assert held["at"].startswith("2026-01-05T12:10")


async def test_killing_and_resuming_are_written_down_under_the_apis_name(room: Room) -> None:
    killed = await room.browser.post("/api/v1/kill", json={"level": "flatten", "reason": "test"})
    assert (killed.status_code, killed.json()) == (202, {"id": 1, "what": "kill", "value": "flatten"})
    assert (await room.browser.get("/api/v1/status")).json()["kill"]["level"] == "flatten"
    assert (await room.browser.post("/api/v1/resume", json={"confirm": "yes"})).status_code == 422
    assert (await room.browser.post("/api/v1/resume", json={"confirm": "resume"})).status_code == 202
    assert [(row.what, row.who, row.why) for row in await room.asked()] == [
        ("kill", "api", "test"),
        ("resume", "api", "asked for on the api"),
    ]


async def test_before_the_first_decision_nothing_is_made_up(tmp_path: Path) -> None:
    async with a_room(tmp_path, recorded=False) as room:
        room.browser.headers.update(BEARER)
        status = (await room.browser.get("/api/v1/status")).json()
        assert status["equity"] is None
        assert status["health"]["ready"] is False
        assert (await room.browser.get("/api/v1/plan")).status_code == 404
        orders = await room.browser.get("/api/v1/orders")
        assert orders.status_code == 503
        assert "`ballast run` makes one" in orders.json()["detail"]
        assert (await room.browser.get("/metrics")).status_code == 200
        assert (await room.browser.get("/readyz")).status_code == 503
        assert (await room.browser.get("/healthz")).json() == {"alive": True}


async def test_ready_follows_the_cycles_and_alive_does_not(room: Room) -> None:
    assert (await room.browser.get("/readyz")).status_code == 200
    room.hands.seconds += 61
    assert (await room.browser.get("/readyz")).status_code == 503
    assert (await room.browser.get("/healthz")).status_code == 200
    room.desk.terms = replace(room.desk.terms, cycle_s=600.0)
    assert (await room.browser.get("/readyz")).status_code == 200


async def test_what_is_sent_wrongly_is_named_and_not_repeated(room: Room) -> None:
    answer = await room.browser.post(
        "/api/v1/kill", content=b'{"level": "\\ud800", "secret": 1}', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert {fault["loc"][-1] for fault in answer.json()["detail"]} == {"level", "secret"}
    assert "ud800" not in answer.text
    assert not await room.asked()


async def test_the_schema_tells_every_call_and_no_page(room: Room) -> None:
    schema = (await room.browser.get("/api/v1/openapi.json")).json()
    calls = {(method, path) for path, item in schema["paths"].items() for method in item}
    read = {"status", "decisions", "decisions/{decision_id}", "orders", "positions", "plan"}
    asked = {"kill", "resume", "plan"}
    wanted = {("get", f"/api/v1/{name}") for name in read} | {("post", f"/api/v1/{name}") for name in asked}
    assert calls == wanted
    for item in schema["paths"].values():
        for call in item.values():
            assert {"401", "403", "422", "429", "503"} <= call["responses"].keys()
            assert call["security"]


async def test_metrics_are_for_those_who_have_the_token(room: Room) -> None:
    text = (await room.browser.get("/metrics")).text
    assert "ballast_equity 100000.0" in text
    assert 'ballast_decisions_total{outcome="actions"} 1.0' in text
    async with room.stranger() as stranger:
        assert (await stranger.get("/metrics")).status_code == 401


# ---- everything that could be sent


CALLS = (
    "GET status",
    "GET decisions",
    "GET decisions/{decision_id}",
    "GET orders",
    "GET positions",
    "GET plan",
    "POST plan",
    "POST kill",
    "POST resume",
)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


class Hurrying(Hands):
    """A second passes with every look: the door's limits have their own tests, and here one client asks hundreds."""

    def mono(self) -> float:
        self.seconds += 1.0
        return self.seconds

    def utc_now(self) -> datetime:
        return NOW


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard on a real socket, in a loop and a thread of its own; its address."""
    folder = tmp_path_factory.mktemp("served")
    told: list[str] = []
    started, ending = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        await a_record(folder, beat=a_beat(), at=NOW)

        async def planner(_edit: Any) -> Any:
            body = await dashboard.desk.plan()
            return {"now": body, "plan": body}

        dashboard = Dashboard(some_terms(folder, Hurrying(), port=0, what_if=planner))
        await dashboard.start()
        told.append(dashboard.url)
        started.set()
        await ending.wait()
        await dashboard.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(30)
    yield told[0]
    loop.call_soon_threadsafe(ending.set)
    thread.join(30)
    loop.close()


@pytest.fixture(scope="module")
def schema(served: str) -> Any:
    return schemathesis.openapi.from_url(f"{served}/api/v1/openapi.json", headers=BEARER)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: f"{mode.value} data")
@pytest.mark.parametrize("call", CALLS)
def test_nothing_that_is_sent_makes_it_fail_or_answer_what_it_does_not_document(
    schema: Any, call: str, mode: GenerationMode
) -> None:
    method, path = call.split()
    operation = schema[f"/api/v1/{path}"][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    def send(case: Any) -> None:
        case.call_and_validate(headers=BEARER, checks=CHECKS)

    try:
        send()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "a call without parameters cannot be sent anything wrong"


def test_the_schema_is_json_that_any_tool_reads(schema: Any) -> None:
    assert json.loads(json.dumps(schema.raw_schema))["openapi"].startswith("3.")
