"""Who comes in and who does not: token, sessions, host, origin, marks, sizes, rates; the headers of every answer."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.web.access import BURST, SESSION_S, TRIES_MOST, TRIES_OF_ALL, TRIES_WITHIN_S, Access
from bot.web.guard import BODY_MOST
from bot.web.terms import WebRefused
from tests.unit.web.rooms import BASE, TOKEN, Hands, Room, a_room, some_terms

BEARER = f"Bearer {TOKEN}"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with a_room(tmp_path) as made:
        yield made


async def test_a_page_sends_a_stranger_to_sign_in_and_then_back(room: Room) -> None:
    away = await room.browser.get("/orders")
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=/orders")
    assert "Sign in" in (await room.browser.get("/sign-in?next=/orders")).text
    back = await room.browser.post("/sign-in", data={"token": TOKEN, "next": "/orders"})
    assert (back.status_code, back.headers["location"]) == (303, "/orders")
    assert (await room.browser.get("/orders")).status_code == 200


async def test_a_machine_is_told_401_instead_of_being_sent_to_a_page(room: Room) -> None:
    for path in ("/api/v1/status", "/metrics", "/stream", "/data/equity.json", "/api/v1/openapi.json"):
        assert (await room.browser.get(path)).status_code == 401, path
    assert (await room.browser.post("/api/v1/kill", json={})).status_code == 401


async def test_the_token_opens_the_api_and_a_wrong_one_does_not(room: Room) -> None:
    ask = room.browser.get
    assert (await ask("/api/v1/status", headers={"authorization": BEARER})).status_code == 200
    assert (await ask("/api/v1/status", headers={"authorization": "Bearer wrong"})).status_code == 401
    assert (await ask("/api/v1/status", headers={"authorization": f"Basic {TOKEN}"})).status_code == 401


async def test_the_session_cookie_is_for_this_site_and_not_for_scripts(room: Room) -> None:
    cookie = (await room.sign_in()).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    again = await room.browser.post(
        "/sign-in", data={"token": TOKEN}, headers={"x-forwarded-proto": "https", "cookie": ""}
    )
    assert "secure" in again.headers["set-cookie"].lower()


async def test_signing_out_ends_the_session_itself(room: Room) -> None:
    await room.sign_in()
    key = room.browser.cookies["ballast"]
    await room.press("/sign-out")
    assert (await room.browser.get("/", headers={"cookie": f"ballast={key}"})).status_code == 303


async def test_a_session_ends_by_itself(room: Room) -> None:
    await room.sign_in()
    room.hands.seconds += SESSION_S - 1
    assert (await room.browser.get("/orders")).status_code == 200
    room.hands.seconds += 1
    assert (await room.browser.get("/orders")).status_code == 303


async def test_guessing_tokens_is_stopped_and_the_right_one_waits_too(room: Room) -> None:
    for _ in range(TRIES_MOST):
        assert (await room.sign_in("guess")).status_code == 401
    refused = await room.sign_in()
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= TRIES_WITHIN_S + 1
    bearer = await room.browser.get("/api/v1/status", headers={"authorization": BEARER})
    assert bearer.status_code == 429, "the API is no way around it"
    room.hands.seconds += TRIES_WITHIN_S
    assert (await room.sign_in()).status_code == 303


async def test_guessing_through_the_api_counts_as_well(room: Room) -> None:
    for _ in range(TRIES_MOST):
        assert (await room.browser.get("/metrics", headers={"authorization": "Bearer x"})).status_code == 401
    assert (await room.browser.get("/metrics", headers={"authorization": "Bearer x"})).status_code == 429
    assert (await room.sign_in()).status_code == 429


def test_guessing_from_many_addresses_is_stopped_together() -> None:
    access = Access(TOKEN, Hands().mono)
    for number in range(TRIES_OF_ALL):
        assert access.wait_s(f"10.0.0.{number}") == 0
        assert not access.is_token("guess", f"10.0.0.{number}")
    assert access.wait_s("10.9.9.9") > 0


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8787", "127.0.0.1.evil.example", "", "[::2]", "x@y:z"])
async def test_a_rebound_host_is_refused_even_with_the_token(room: Room, host: str) -> None:
    answer = await room.browser.get("/api/v1/status", headers={"host": host, "authorization": BEARER})
    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["localhost:8787", "127.0.0.1:1", "[::1]:8787", "LOCALHOST", "localhost."])
async def test_its_own_names_are_answered_on_any_port(room: Room, host: str) -> None:
    assert (await room.browser.get("/healthz", headers={"host": host})).status_code == 200


async def test_the_names_of_a_proxy_are_answered_where_they_are_configured(tmp_path: Path) -> None:
    async with a_room(tmp_path, recorded=False, names=("ballast.example",)) as room:
        assert (await room.browser.get("/healthz", headers={"host": "ballast.example"})).status_code == 200
        assert (await room.browser.get("/healthz", headers={"host": "other.example"})).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"origin": "http://[x"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
async def test_a_form_from_another_site_is_refused_even_with_session_and_mark(
    room: Room, headers: dict[str, str]
) -> None:
    await room.sign_in()
    mark = await room.mark()
    answer = await room.browser.post("/kill", data={"mark": mark, "level": "halt"}, headers=headers)
    assert answer.status_code == 403
    assert not await room.asked()


async def test_a_script_of_another_site_reads_nothing_but_a_link_may_lead_here(room: Room) -> None:
    await room.sign_in()
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert (await room.browser.get("/stream", headers=elsewhere)).status_code == 403
    assert (await room.browser.get("/api/v1/status", headers=elsewhere)).status_code == 403
    assert (await room.browser.get("/", headers={**elsewhere, "sec-fetch-mode": "navigate"})).status_code == 200
    assert "access-control-allow-origin" not in (await room.browser.get("/")).headers


@pytest.mark.parametrize(
    "path", ["/kill", "/resume", "/approve", "/reject", "/halt-asset", "/rearm", "/read", "/what-if"]
)
async def test_no_form_works_without_the_sessions_mark(room: Room, path: str) -> None:
    await room.sign_in()
    fields = {"level": "halt", "confirm": "resume", "asset": "BTC", "decision_id": "d"}
    assert (await room.browser.post(path, data=fields)).status_code == 403
    assert (await room.browser.post(path, data={**fields, "mark": "of another session"})).status_code == 403
    assert not await room.asked()


async def test_a_session_needs_its_mark_for_the_api_too(room: Room) -> None:
    await room.sign_in()
    assert (await room.browser.post("/api/v1/kill", json={})).status_code == 403
    marked = {"x-ballast-mark": await room.mark()}
    assert (await room.browser.post("/api/v1/kill", json={}, headers=marked)).status_code == 202


async def test_a_long_body_and_one_without_a_length_are_refused(room: Room) -> None:
    headers = {"authorization": BEARER}
    long = await room.browser.post("/api/v1/kill", content=b"x" * (BODY_MOST + 1), headers=headers)
    assert long.status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{}"

    assert (await room.browser.post("/api/v1/kill", content=pieces(), headers=headers)).status_code == 411


async def test_too_many_requests_of_one_client_are_refused_until_it_slows_down(room: Room) -> None:
    codes = [(await room.browser.get("/healthz")).status_code for _ in range(int(BURST) + 5)]
    assert codes.count(429) == 5
    room.hands.seconds += 1
    assert (await room.browser.get("/healthz")).status_code == 200


async def test_every_answer_forbids_what_no_page_needs(room: Room) -> None:
    await room.sign_in()
    for path in ("/", "/healthz", "/api/v1/status", "/nowhere", "/static/app.js", "/sign-in"):
        headers = (await room.browser.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert (await room.browser.get("/")).headers["cache-control"] == "no-store"


async def test_no_page_holds_what_the_policy_would_block(room: Room) -> None:
    await room.sign_in()
    for path in ("/", "/decisions", "/orders", "/futures", "/liquidity", "/what-if", "/controls"):
        text = (await room.browser.get(path)).text
        assert "<script>" not in text
        assert "style=" not in text
        assert " onclick" not in text
        assert "http://" not in text.replace("http://www.w3.org/", "")


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a b", ""]
)
async def test_signing_in_never_leads_out(room: Room, to: str) -> None:
    done = await room.browser.post("/sign-in", data={"token": TOKEN, "next": to})
    assert done.headers["location"] == "/"


async def test_a_file_outside_the_static_folder_is_not_served(room: Room) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/vendor/../../app.py"):
        assert (await room.browser.get(path)).status_code in (404, 303), path


def test_an_address_that_others_reach_needs_the_word_of_the_operator(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "192.168.1.5", "::", "ballast.example"):  # noqa: S104 - that is the point
        with pytest.raises(WebRefused, match=r"web\.host: is .*behind_tls"):
            some_terms(tmp_path, Hands(), host=host).must_be_safe()
        some_terms(tmp_path, Hands(), host=host, behind_tls=True).must_be_safe()
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2"):
        some_terms(tmp_path, Hands(), host=host).must_be_safe()


def test_a_weak_token_is_refused_whatever_the_address(tmp_path: Path) -> None:
    with pytest.raises(WebRefused, match="has 8 characters, must have at least 32"):
        some_terms(tmp_path, Hands(), token="password", behind_tls=True).must_be_safe()


async def test_static_files_are_as_their_checksums_say(room: Room) -> None:
    lines = (await room.browser.get("/static/vendor/SHA256SUMS")).text.splitlines()
    assert {line.split()[1] for line in lines} == {"uPlot.iife.min.js", "uPlot.min.css", "uPlot.LICENSE"}
    for line in lines:
        told, name = line.split()
        content = (await room.browser.get(f"/static/vendor/{name}")).content
        assert hashlib.sha256(content).hexdigest() == told, f"{BASE}/static/vendor/{name}"
