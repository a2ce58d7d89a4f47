"""What the pages show of a record, and what their forms ask for."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.ports.errors import StoreError
from bot.ports.panorama import Head
from bot.ports.store import Identity
from bot.render.words import percent
from bot.store.sql.panorama import SqlPanorama
from bot.web.acts import edit_of
from bot.web.pages import _events, window
from bot.web.terms import WhatIfRefused
from tests.unit.cli.recorded import MAIN
from tests.unit.web.rooms import Room, a_beat, a_signed_in_room

TARGETS = {
    "stables": {"weight": "0.1"},
    "sleeves": {
        "majors": {"weight": "0.6", "assets": {"BTC": "0.6", "ETH": "0.4"}},
        "caps": {"weight": "0.3", "assets": ["SOL"]},
    },
}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with a_signed_in_room(tmp_path) as made:
        yield made


async def test_the_overview_tells_equity_regime_and_every_asset_in_words(room: Room) -> None:
    text = (await room.browser.get("/")).text
    assert "100,000.00" in text
    assert "neutral" in text or "bull" in text or "bear" in text
    for item in (await room.desk.plan())["exposures"]:
        assert f'aria-label="{item["asset"]}: net {percent(item["net"])} (spot {percent(item["spot"])}' in text
    assert "ETH" in text
    assert "Was refused" in text


async def test_only_what_is_out_of_its_band_is_shown_when_asked(room: Room) -> None:
    everything, outside = (await room.browser.get("/")).text, (await room.browser.get("/?only=out")).text
    assert 'aria-label="BTC: net' in everything
    plan = await room.desk.plan()
    out = [item["asset"] for item in plan["exposures"] if not item["band"][0] < item["net"] < item["band"][1]]
    for item in plan["exposures"]:
        assert (f'aria-label="{item["asset"]}: net' in outside) == (item["asset"] in out)


@pytest.mark.parametrize("path", ["/", "/decisions", "/orders", "/futures", "/liquidity", "/what-if", "/controls"])
async def test_every_page_works_before_the_first_decision(tmp_path: Path, path: str) -> None:
    async with a_signed_in_room(tmp_path, recorded=False) as room:
        answer = await room.browser.get(path)
        assert answer.status_code == 200
        assert "ballast run" in answer.text or "yet" in answer.text


@pytest.mark.parametrize("path", ["/", "/decisions", "/orders", "/futures", "/controls"])
async def test_every_page_works_between_the_first_decision_and_the_first_beat(tmp_path: Path, path: str) -> None:
    async with a_signed_in_room(tmp_path) as room:
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "ballast.db")) as database:
            database.execute("DELETE FROM status")
            database.commit()
        answer = await room.browser.get(path)
        assert answer.status_code == 200
        assert (await room.browser.get("/metrics")).status_code == 200


async def test_the_timeline_tells_each_wish_with_what_stood_in_its_way(room: Room) -> None:
    text = (await room.browser.get("/decisions")).text
    assert "Trim BTC" in text
    assert "acted" in text
    first = (await room.desk.terms.panorama.turns(10))[-1]
    page = (await room.browser.get(f"/decisions/{first.decision_id}")).text
    assert "sell" in page
    assert "What followed" in page
    assert "BTC/USDT" in page


async def test_a_decision_nobody_made_is_a_page_that_says_so(room: Room) -> None:
    answer = await room.browser.get("/decisions/zzz")
    assert answer.status_code == 404
    assert "begins no decision" in answer.text
    assert (await room.browser.get("/decisions/A.B")).status_code == 422
    assert (await room.browser.get("/nowhere")).status_code == 404


async def test_orders_fills_futures_and_liquidity_are_told(room: Room) -> None:
    orders = (await room.browser.get("/orders")).text
    assert "BTC/USDT" in orders
    assert "50,000" in orders
    assert "No hedge and no bridge is open" in (await room.browser.get("/futures")).text
    assert "No candles are recorded yet" in (await room.browser.get("/liquidity")).text


async def test_one_click_stops_the_bot_and_the_page_says_so_before_the_bot_does(room: Room) -> None:
    answer = await room.press("/kill", level="halt", back="/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?said=kill")
    (asked,) = await room.asked()
    assert (asked.what, asked.value, asked.who) == ("kill", "halt", "dashboard")
    text = (await room.browser.get("/")).text
    assert "Trading is stopped: <strong>halt</strong>" in text
    assert "has not confirmed it yet" in text


async def test_resuming_needs_the_word(room: Room) -> None:
    await room.press("/kill", level="flatten")
    for word in ("", "yes", "resum"):
        assert (await room.press("/resume", confirm=word)).status_code == 422
    assert [row.what for row in await room.asked()] == ["kill"]
    assert (await room.press("/resume", confirm=" Resume ")).status_code == 303
    assert [row.what for row in await room.asked()] == ["kill", "resume"]
    assert "may trade" in (await room.browser.get("/")).text


async def test_nothing_is_resumed_over_a_critical_alert_that_nobody_read(room: Room) -> None:
    with contextlib.closing(sqlite3.connect(room.folder / "data" / "ballast.db")) as database:
        at = "2026-01-05T12:11:00.000000Z"
        database.execute("INSERT INTO alerts VALUES (1, 900, ?, 'critical', 'a leg is missing')", (at,))
        database.commit()
    await room.press("/kill", level="halt")
    refused = await room.press("/resume", confirm="resume")
    assert refused.status_code == 409
    assert "a leg is missing" in refused.text
    page = (await room.browser.get("/controls")).text
    assert "1 critical alert is unread, the last: a leg is missing" in page
    assert (await room.press("/read", number="x")).status_code == 422
    assert (await room.press("/read", number="900")).status_code == 303
    assert (await room.press("/resume", confirm="resume")).status_code == 303
    assert [(row.what, row.value) for row in await room.asked()] == [("kill", "halt"), ("read", "900"), ("resume", "")]


async def test_a_level_nobody_knows_is_refused(room: Room) -> None:
    assert (await room.press("/kill", level="pause")).status_code == 422
    assert (await room.press("/kill", level="halt", reason="x" * 201)).status_code == 422
    assert not await room.asked()


async def test_an_asset_is_frozen_and_released_by_request(room: Room) -> None:
    assert (await room.press("/halt-asset", asset="BTC", reason="delisting?")).status_code == 303
    assert (await room.press("/rearm", asset="BTC")).status_code == 303
    assert (await room.press("/halt-asset", asset="NOPE")).status_code == 422
    assert [(row.what, row.value) for row in await room.asked()] == [("halt-asset", "BTC"), ("rearm", "BTC")]


EDIT = {"id": "1234abcd", "raises": ["limits.leverage: 3 → 5"]}


async def test_an_edit_that_raises_risk_is_shown_and_accepted_with_the_typed_word(tmp_path: Path) -> None:
    async with a_signed_in_room(tmp_path, beat=a_beat(edit=EDIT)) as room:
        page = (await room.browser.get("/controls")).text
        assert "limits.leverage: 3 → 5" in page
        assert 'href="/controls#edit"' in (await room.browser.get("/")).text
        assert (await room.press("/accept", edit="1234abcd", confirm="yes")).status_code == 422
        assert (await room.press("/accept", edit="of before", confirm="accept")).status_code == 409
        assert await room.asked() == []
        assert (await room.press("/accept", edit="1234abcd", confirm=" Accept ")).status_code == 303
        assert [(row.what, row.value) for row in await room.asked()] == [("accept", "1234abcd")]


async def test_alerts_that_did_not_reach_people_are_shown(tmp_path: Path) -> None:
    post = {"waiting": 1, "delivered": 4, "undelivered": 2, "why": "no answer within 20 s"}
    async with a_signed_in_room(tmp_path, beat=a_beat(alerts=post)) as room:
        for page in ("/", "/controls"):
            told = (await room.browser.get(page)).text
            assert "2 alerts could not be delivered to people: no answer within 20 s" in told
        assert "4 delivered, 1 waiting, 2 undelivered" in told


async def test_no_edit_no_form(room: Room) -> None:
    assert "An edit of the configuration" not in (await room.browser.get("/controls")).text
    assert (await room.press("/accept", edit="", confirm="accept")).status_code == 409


async def test_a_plan_is_approved_under_its_whole_id(room: Room) -> None:
    last = (await room.desk.terms.panorama.turns(1))[0]
    assert (await room.press("/approve", decision_id=last.decision_id[:6])).status_code == 303
    assert (await room.press("/reject", decision_id=last.decision_id)).status_code == 303
    assert (await room.press("/approve", decision_id="zzzz")).status_code == 404
    assert (await room.press("/approve", decision_id="no id")).status_code == 422
    assert [(row.what, row.value) for row in await room.asked()] == [
        ("approve", last.decision_id),
        ("reject", last.decision_id),
    ]


async def test_what_somebody_wrote_is_shown_as_text_and_never_as_markup(room: Room) -> None:
    await room.press("/kill", level="halt", reason="<script>alert(1)</script>")
    text = (await room.browser.get("/controls")).text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text


async def test_a_form_that_is_no_text_is_refused(room: Room) -> None:
    answer = await room.browser.post("/kill", content=b"mark=\xff\xfe", headers={"content-type": "text/plain"})
    assert answer.status_code == 400


async def test_an_edited_target_is_planned_and_shown(tmp_path: Path) -> None:
    asked: list[Mapping[str, Any]] = []

    async def planner(edit: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(edit)
        return {"now": decided[0], "plan": decided[0]}

    async with a_signed_in_room(tmp_path, what_if=planner) as room:
        decided = [await room.desk.plan()]
        form = await room.browser.get("/what-if")
        assert 'name="sleeve:majors"' in form.text
        answer = await room.press("/what-if", stables="30", **{"sleeve:majors": "70,0"})
    assert answer.status_code == 200
    assert "New target" in answer.text
    assert asked == [{"stables": {"weight": "0.3"}, "sleeves": {"majors": {"weight": "0.7"}}}]


async def test_what_cannot_be_planned_is_told_in_the_form(tmp_path: Path) -> None:
    async def refusing(_edit: Mapping[str, Any]) -> Mapping[str, Any]:
        raise WhatIfRefused("targets: weights sum to 1.2, must sum to 1")

    async with a_signed_in_room(tmp_path, what_if=refusing) as room:
        answer = await room.press("/what-if", stables="30")
        assert answer.status_code == 422
        assert "must sum to 1" in answer.text
        assert "must be a percentage" in (await room.press("/what-if", stables="half")).text
    async with a_signed_in_room(tmp_path, recorded=False, what_if=None) as room:
        assert "without a planner" in (await room.press("/what-if", stables="30")).text


def test_an_edit_holds_only_what_differs() -> None:
    form = {"stables": "10.0", "sleeve:majors": "60", "sleeve:caps": "30.5", "asset:majors:BTC": "70", "sleeve:x": "9"}
    edit = edit_of(form, TARGETS).model_dump(exclude_none=True)
    assert edit == {"sleeves": {"caps": {"weight": "0.305"}, "majors": {"assets": {"BTC": "0.7"}}}}


@pytest.mark.parametrize("text", ["-1", "101", "NaN", "Infinity", "1e9", "ten", "1 0"])
def test_a_percentage_that_is_none_names_its_field(text: str) -> None:
    with pytest.raises(ValueError, match="stables: is"):
        edit_of({"stables": text}, TARGETS)


def test_the_next_window_is_what_a_wish_waits_for_or_the_schedule() -> None:
    blocked = [
        {"gates": {"not_passed": [{"gate": "R-G5", "until": "2026-01-06T13:00:00Z"}, {"gate": "R-G6", "until": None}]}},
        {"gates": {"not_passed": [{"gate": "R-G5", "until": "2026-01-05T13:00:00Z"}, {"gate": "R-G5"}]}},
    ]
    policy = {"windows": {"schedule": ["Mon-Fri 13:00-17:00", "Sat 10:00-11:00"]}}
    assert window({"blocked": blocked}, policy) == "opens 2026-01-05 13:00 UTC"
    assert window({"blocked": []}, policy) == "Mon-Fri 13:00-17:00, Sat 10:00-11:00"
    assert window({"blocked": []}, {}) == "always open"


async def test_an_open_page_hears_of_a_request_and_its_stream_ends_with_the_dashboard(room: Room) -> None:
    heard = _events(room.desk)
    first = await anext(heard)
    assert first.startswith("retry:")
    await room.press("/kill", level="freeze")
    told = await asyncio.wait_for(anext(heard), 5)
    assert '"control": 1' in told
    await room.desk.watch.stop()
    with contextlib.suppress(StopAsyncIteration):
        for _ in range(3):
            await asyncio.wait_for(anext(heard), 5)
        pytest.fail("a stream outlived its dashboard")
    assert room.desk.watch.listeners == 0


class Ailing(SqlPanorama):
    """A record whose disk fails while ``ill``."""

    ill = False

    async def head(self) -> Head:
        if self.ill:
            raise StoreError("the record failed: disk I/O error")
        return await super().head()


async def test_a_record_that_cannot_be_read_is_told_and_heals(tmp_path: Path) -> None:
    panorama = Ailing(f"sqlite+aiosqlite:///{tmp_path / 'data' / 'ballast.db'}", MAIN)
    async with a_signed_in_room(tmp_path, panorama=panorama) as room:
        panorama.ill = True
        assert "disk I/O error" in (await room.browser.get("/orders")).text
        assert (await room.browser.get("/readyz")).status_code == 503
        panorama.ill = False
        assert "disk I/O error" not in (await room.browser.get("/orders")).text
        assert (await room.browser.get("/readyz")).status_code == 200


async def test_a_silent_bot_is_named_on_every_page(tmp_path: Path) -> None:
    async with a_signed_in_room(tmp_path, beat=a_beat(beat_at="2026-11-20T11:00:00Z")) as room:
        assert "Is it running?" in (await room.browser.get("/orders")).text
        room.desk.terms = replace(room.desk.terms, cycle_s=3_600.0)
        assert "Is it running?" not in (await room.browser.get("/orders")).text


async def test_the_chart_has_a_point_for_every_decision(room: Room) -> None:
    times, worth, falls = (await room.browser.get("/data/equity.json")).json()
    assert len(times) == len(worth) == len(falls)
    assert times == sorted(times)


async def test_a_record_of_another_portfolio_shows_nothing_of_it(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'data' / 'ballast.db'}"
    other = SqlPanorama(url, Identity("other", "paper", "binance", "local"))
    async with a_signed_in_room(tmp_path, portfolio="other", panorama=other) as room:
        text = (await room.browser.get("/")).text
        assert "holds nothing of portfolio &#39;other&#39;" in text
        assert "100,000.00" not in text
