"""The fleet's page, call and metrics: every portfolio of a record, and nothing of it where there is no fleet."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clocks import host_utc_now
from bot.ports.fleet import Offer, Worker
from bot.ports.store import Identity, Run
from bot.store.sql import SqlControls, SqlStore
from bot.store.sql.posts import SqlPosts
from bot.store.sql.roster import SqlRoster
from bot.web.rooms import OPEN_MOST
from bot.web.standing import FREE
from bot.wiring_web import Others, recorded_cycle_s
from tests.unit.cli.recorded import a_record
from tests.unit.web.rooms import NOW, Hands, Room, a_beat, a_room, some_terms

OTHER = Identity("other", "paper", "binance", "local")
THIRD = Identity("third", "paper", "binance", "local")


async def a_fleet_at(folder: Path) -> str:
    """Two portfolios more, one of them led, by a worker that could not lead the second."""
    url = f"sqlite+aiosqlite:///{folder / 'data' / 'ballast.db'}"
    roster, store = SqlRoster(url, "worker-1", host_utc_now), SqlStore(url, host_utc_now)
    await roster.open()
    idle = Identity("idle", "testnet", "binance", "local")
    await roster.bind([OTHER, idle])
    await store.open(OTHER, migrate=False)
    fence = await store.lead("worker-1", 60)
    await store.start_run(Run("9.9", {}, "{}", "hash"), fence)
    beat = a_beat(portfolio="other", equity="123.45", kill={**FREE, "level": "freeze"}, unknown_orders=2)
    await store.beat(beat, fence)
    offers = {"other": Offer("9.9", "hash"), "idle": Offer("9.9", "hash")}
    me = Worker("worker-1", "here", 7, "9.9", host_utc_now(), offers, {"idle": "needs a key"})
    await roster.muster(me, 60)
    await store.close()
    await roster.close()
    return url


PAGES = ("/", "/decisions", "/orders", "/futures", "/liquidity", "/what-if", "/controls")


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'data' / 'ballast.db'}"
    posts = SqlPosts(url, host_utc_now)
    others = Others(url, posts, some_terms(tmp_path, Hands()))
    async with a_room(tmp_path, posts=posts, others=others) as made:
        await a_fleet_at(tmp_path)
        await a_record(tmp_path, identity=THIRD, beat=a_beat(portfolio="third"), at=NOW)
        await made.sign_in()
        yield made
        assert made.desk.rooms is not None
        await made.desk.rooms.close()
    await posts.close()


async def book_of(room: Room, name: str) -> int:
    """A portfolio's number, as the page's links have it."""
    body = (await room.browser.get("/api/v1/fleet")).json()
    return int(next(each["book"] for each in body["portfolios"] if each["portfolio"] == name))


async def test_the_page_lists_every_portfolio_with_its_leader_and_its_trouble(room: Room) -> None:
    page = (await room.browser.get("/portfolios")).text
    assert 'href="/portfolios"' in (await room.browser.get("/")).text
    for word in ("other", "idle", "worker-1", "nobody", "123.45", "freeze", "9.9", "needs a key", "1 of 4 led"):
        assert word in page, word


async def test_the_call_tells_machines_the_same(room: Room) -> None:
    body = (await room.browser.get("/api/v1/fleet")).json()
    found = {each["portfolio"]: each for each in body["portfolios"]}
    assert (found["other"]["leader"], found["other"]["fence"], found["other"]["kill"]) == ("worker-1", 1, "freeze")
    assert (found["idle"]["leader"], found["idle"]["equity"]) == (None, None)
    assert body["workers"][0]["leads"] == 1


async def test_the_metrics_have_the_portfolio_as_a_label_and_leave_out_what_is_unknown(room: Room) -> None:
    text = (await room.browser.get("/metrics/fleet")).text
    label = 'mode="paper",portfolio="other",venue="binance"'
    assert f"ballast_portfolio_equity{{{label}}} 123.45" in text
    assert f"ballast_portfolio_led{{{label}}} 1.0" in text
    assert f"ballast_portfolio_orders_unknown{{{label}}} 2.0" in text
    assert 'ballast_portfolio_kill_level{level="freeze",mode="paper",portfolio="other",venue="binance"} 1.0' in text
    assert 'ballast_portfolio_led{mode="testnet",portfolio="idle",venue="binance"} 0.0' in text
    assert 'ballast_portfolio_equity{mode="testnet",portfolio="idle"' not in text


async def test_each_row_leads_to_its_portfolios_own_pages(room: Room) -> None:
    base = f"/portfolios/{await book_of(room, 'third')}"
    assert f'href="{base}/"' in (await room.browser.get("/portfolios")).text
    assert (await room.browser.get(base)).headers["location"] == f"{base}/"
    found = {path: await room.browser.get(f"{base}{path}") for path in PAGES}
    assert {path: answer.status_code for path, answer in found.items()} == dict.fromkeys(PAGES, 200)
    for path, answer in found.items():
        links = re.findall(r'(?:href|action)="(/[^"]*)"', answer.text)
        inside = [link for link in links if not link.startswith(("/static/", "/sign-out"))]
        assert "<strong>third</strong>" in answer.text, path
        assert {link for link in inside if not link.startswith(f"{base}/")} == {"/portfolios"}, path
    assert (await room.browser.get(f"{base}/data/equity.json")).status_code == 200
    decision = re.search(rf'href="({base}/decisions/[^"]+)"', found["/decisions"].text)
    assert decision
    assert (await room.browser.get(decision[1])).status_code == 200
    # One that never decided waits for its first decision.
    waiting = await room.browser.get(f"/portfolios/{await book_of(room, 'other')}/")
    assert "Nothing is recorded yet for other" in waiting.text


async def test_what_is_asked_for_there_is_asked_of_that_portfolio_and_by_the_same_marks(room: Room) -> None:
    book = await book_of(room, "third")
    base = f"/portfolios/{book}"
    unmarked = await room.browser.post(f"{base}/kill", data={"level": "halt"})
    assert unmarked.status_code == 403
    pressed = await room.press(f"{base}/kill", level="halt", back="/")
    assert (pressed.status_code, pressed.headers["location"]) == (303, f"{base}/?said=kill")
    assert (await room.press(f"{base}/resume", confirm="go on")).status_code == 422
    third = SqlControls(f"sqlite+aiosqlite:///{room.folder / 'data' / 'ballast.db'}", THIRD, host_utc_now)
    assert [(each.what, each.value, each.who) for each in await third.read(0)] == [("kill", "halt", "dashboard")]
    await third.close()
    assert await room.asked() == []
    assert "Trading is stopped" in (await room.browser.get(f"{base}/")).text
    assert "Trading is stopped" not in (await room.browser.get("/")).text


async def test_nobody_comes_in_without_the_token_nor_to_a_portfolio_that_is_not_there(room: Room) -> None:
    base = f"/portfolios/{await book_of(room, 'third')}"
    async with room.stranger() as stranger:
        answer = await stranger.get(f"{base}/")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={base}/")
        assert (await stranger.post(f"{base}/kill", data={"level": "halt"})).status_code == 401
    for path in ("/portfolios/999/", "/portfolios/x/", "/portfolios/", f"/portfolios/{2**40}/", f"{base}/sign-in"):
        assert (await room.browser.get(path)).status_code == 404, path


async def test_only_so_many_are_kept_open(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'data' / 'ballast.db'}"
    posts = SqlPosts(url, host_utc_now)
    async with a_room(tmp_path, posts=posts, others=Others(url, posts, some_terms(tmp_path, Hands()))) as room:
        roster = SqlRoster(url, "one", host_utc_now)
        books = await roster.bind([Identity(f"p{each}", "paper", "binance", "local") for each in range(OPEN_MOST + 2)])
        await roster.close()
        await room.sign_in()
        for book in [*books, books[0]]:
            assert (await room.browser.get(f"/portfolios/{book}/")).status_code == 200
        rooms = room.desk.rooms
        assert rooms is not None
        assert rooms.open == (*books[3:], books[0])
        await rooms.close()
        assert rooms.open == ()
    await posts.close()


def test_a_cycle_is_as_long_as_the_run_wrote_down() -> None:
    assert recorded_cycle_s({"cycle": "2m"}, "production") == 120
    assert recorded_cycle_s({"cycle": "2m", "local.speed": "60"}, "local") == 2
    assert recorded_cycle_s({"cycle": "2m", "local.speed": "step"}, "local") == recorded_cycle_s({}, "local") == 0


async def test_a_record_of_one_has_no_such_page(tmp_path: Path) -> None:
    async with a_room(tmp_path) as alone:
        await alone.sign_in()
        assert 'href="/portfolios"' not in (await alone.browser.get("/")).text
        assert (await alone.browser.get("/portfolios")).status_code == 404
