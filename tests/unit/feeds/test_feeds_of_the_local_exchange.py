"""The built-in exchange's `/local/feeds`, asked over its own socket by the same reader as any other address."""

from __future__ import annotations

from datetime import timedelta

from bot.core.numbers import milliseconds
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import make_keys
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.generated import tour
from tests.unit.feeds.addresses import SetClock, over_http, some_feeds

KEYS = make_keys()


async def test_dominance_sentiment_and_events_come_from_the_generated_market() -> None:
    scene = tour(7)
    clock = SetClock(scene.start + timedelta(days=2))
    exchange = Exchange(scene, at=scene.start)
    server = LocalExchange(exchange, clock, key=KEYS.key, secret=KEYS.secret, save=None)
    url = await server.start() + "/local/feeds"
    asked = over_http(url)
    feeds = some_feeds(clock, dominance=asked, sentiment=asked, macro=asked)
    try:
        read = await feeds.read()
        clock.at += timedelta(hours=6)
        later = await feeds.read()
    finally:
        await feeds.close()
        await server.stop()
    told = scene.feeds(scene.start + timedelta(days=2))
    assert read.dominance is not None
    assert read.dominance[-1] == (told.dominance or ())[-1]
    assert {name: points[-1] for name, points in (read.sentiment or {}).items()} == {
        name: points[-1] for name, points in (told.sentiment or {}).items()
    }
    assert read.macro == told.macro
    assert feeds.gaps() == ()
    assert later.dominance is not None
    assert milliseconds(clock.at) - later.dominance[-1][0] < 3_600_000
    assert read.dominance[-1] in later.dominance
