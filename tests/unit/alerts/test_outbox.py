from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.alerts.outbox import TRIES_MAX, WAITING_MAX, Level, Manners, Outbox
from bot.alerts.people import apprise_channel
from bot.ports.errors import PortError

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Now:
    """A clock whose waits cost nothing."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at
        self.host = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def mono(self) -> float:
        return self.host

    async def sleep(self, host_s: float) -> None:
        self.slept.append(host_s)
        self.host += host_s
        await asyncio.sleep(0)

    async def until(self, venue_at: datetime) -> None:
        self.at = max(self.at, venue_at)


class Post:
    """A channel that remembers what it was given, and fails as long as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.letters: list[tuple[str, str, Level]] = []
        self.came = asyncio.Event()

    async def __call__(self, title: str, text: str, level: Level) -> str:
        if self.failures:
            self.failures -= 1
            return "refused"
        self.letters.append((title, text, level))
        self.came.set()
        return ""


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def send(self, level: Level, text: str, *, key: str = "") -> None:
        self.lines.append(f"{level}: {text}")


def outbox(post: Callable[..., Any], *, now: Now | None = None, inner: Heard | None = None, **manners: Any) -> Outbox:
    clock = now or Now()
    return Outbox(inner or Heard(), post, clock, clock.now, sender="main (paper)", manners=Manners(**manners))


async def settled(box: Outbox) -> None:
    for _ in range(50):
        await asyncio.sleep(0)
    assert box.delivery() is not None


async def test_an_alert_is_passed_on_at_once_and_delivered_by_the_task() -> None:
    post, heard = Post(), Heard()
    box = outbox(post, inner=heard)
    box.send("critical", "halted")
    assert heard.lines == ["critical: halted"]
    assert post.letters == []
    box.start()
    await settled(box)
    assert post.letters == [("main (paper): critical", "halted", "critical")]
    assert box.delivery().delivered == 1
    await box.close()


async def test_what_is_below_the_least_level_goes_to_the_log_alone() -> None:
    post, heard = Post(), Heard()
    box = outbox(post, inner=heard, least="warning")
    box.start()
    box.send("info", "a day went by")
    await settled(box)
    assert (heard.lines, post.letters) == (["info: a day went by"], [])
    await box.close()


async def test_the_same_words_under_the_same_key_are_not_said_again_within_five_minutes() -> None:
    post, now = Post(), Now()
    box = outbox(post, now=now)
    box.start()
    for _ in range(3):
        box.send("warning", "the feed is stale", key="feed")
    box.send("warning", "the feed is gone", key="feed")
    await settled(box)
    assert [text for _, text, _ in post.letters] == ["the feed is stale", "the feed is gone"]
    now.host += 301
    box.send("warning", "the feed is stale", key="feed")
    await settled(box)
    assert len(post.letters) == 3
    await box.close()


async def test_a_failing_channel_is_tried_again_with_growing_pauses() -> None:
    post, now = Post(failures=2), Now()
    box = outbox(post, now=now)
    box.start()
    box.send("warning", "spread")
    await settled(box)
    assert len(post.letters) == 1
    assert now.slept == [5.0, 10.0]
    assert box.delivery().undelivered == 0
    await box.close()


async def test_what_cannot_be_delivered_is_counted_and_lets_the_next_one_through() -> None:
    post = Post(failures=TRIES_MAX)
    box = outbox(post)
    box.start()
    box.send("warning", "lost")
    await settled(box)
    box.send("warning", "told")
    await settled(box)
    assert [text for _, text, _ in post.letters] == ["told"]
    assert (box.delivery().undelivered, box.delivery().why) == (1, "refused")
    await box.close()


async def test_a_full_queue_gives_up_the_least_important_oldest_one() -> None:
    box = outbox(Post())
    for number in range(WAITING_MAX):
        box.send("critical", f"critical {number}")
    box.send("warning", "a warning")
    assert box.delivery().waiting == WAITING_MAX
    assert box.delivery().undelivered == 1
    assert "wait" in box.delivery().why


async def test_quiet_hours_keep_warnings_and_let_critical_ones_pass() -> None:
    post, now = Post(), Now(NOON.replace(hour=23))
    box = outbox(post, now=now, quiet=(time(22), time(7)))
    box.start()
    box.send("warning", "drift")
    box.send("critical", "halted")
    await settled(box)
    assert [text for _, text, _ in post.letters] == ["halted"]
    now.at = NOON + timedelta(days=1)
    box.send("warning", "spread")
    await settled(box)
    assert [text for _, text, _ in post.letters] == ["halted", "drift", "spread"]
    await box.close()


@pytest.mark.parametrize(("hour", "silent"), [(21, False), (22, True), (3, True), (6, True), (7, False), (12, False)])
def test_quiet_hours_may_go_over_midnight(hour: int, silent: bool) -> None:
    assert Manners(quiet=(time(22), time(7))).silent(NOON.replace(hour=hour)) is silent


async def test_a_digest_gathers_warnings_into_one_letter() -> None:
    post, now = Post(), Now()
    box = outbox(post, now=now, digest_s=600)
    box.start()
    box.send("warning", "drift")
    box.send("warning", "spread")
    await settled(box)
    assert post.letters == []
    now.host += 600
    box.send("warning", "depth")
    await settled(box)
    assert len(post.letters) == 1
    title, text, level = post.letters[0]
    assert (title, level) == ("main (paper): 3 alerts, warning at most", "warning")
    assert [line.rsplit(": ", 1)[1] for line in text.splitlines()] == ["drift", "spread", "depth"]
    await box.close()


async def test_the_end_tries_once_more_and_counts_what_is_left() -> None:
    post = Post()
    told = outbox(post, quiet=(time(0), time(23, 59)))
    told.start()
    told.send("warning", "drift")
    await settled(told)
    await told.close()
    assert len(post.letters) == 1
    lost = outbox(Post(failures=100), quiet=(time(0), time(23, 59)))
    lost.start()
    lost.send("warning", "drift")
    await settled(lost)
    await lost.close()
    assert (lost.delivery().undelivered, lost.delivery().waiting) == (1, 0)


@asynccontextmanager
async def webhook(status: int) -> Any:
    got: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        got.append(json.loads(await request.text()))
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"json://127.0.0.1:{port}/hook", got
    finally:
        await runner.cleanup()


async def test_apprise_brings_a_message_to_a_webhook() -> None:
    async with webhook(200) as (url, got):
        assert await apprise_channel([url])("main: critical", "halted", "critical") == ""
    assert [(each["title"], each["message"], each["type"]) for each in got] == [("main: critical", "halted", "failure")]


async def test_a_webhook_that_refuses_is_said_without_its_address() -> None:
    async with webhook(500) as (url, _):
        why = await apprise_channel([url])("main: warning", "drift", "warning")
    assert why == "at least one address did not take it"


def test_an_address_that_apprise_does_not_know_is_named_by_number_not_by_its_token() -> None:
    with pytest.raises(PortError, match=r"alerts\.urls: number 2 \(tgramm://\.\.\.\) is no address") as caught:
        apprise_channel(["json://localhost", "tgramm://123:secret/chat"])
    assert "secret" not in str(caught.value)


async def test_news_that_meets_the_end_does_not_keep_the_post_open() -> None:
    box = outbox(Post())
    box.start()
    await settled(box)
    box.send("critical", "the last word")
    async with asyncio.timeout(2):
        await box.close()
    assert box.delivery().delivered == 1
