"""Owns the outside readings of a portfolio: when each is asked again, what of it still holds, why one is missing.

A reading outlives a failed question until its own age ends it, then it is absent: unknown, not zero. Nothing here ever
raises into a cycle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from bot.core.numbers import milliseconds
from bot.core.snapshot import Feeds, MacroEvent, Point
from bot.feeds.files import FeedFile
from bot.feeds.http import TIMEOUT_S, Asker
from bot.feeds.kept import Kept, decode, encode, source_of
from bot.feeds.reading import NAMES, Name, Points, Reading, Unusable, joined, thinned
from bot.feeds.texts import form_of, read_text
from bot.ports.clock import Clock
from bot.ports.errors import PortError
from bot.ports.venue import Gap

KEPT_AS: Final = "feeds"
EVENTS_BEFORE: Final = timedelta(days=7)
EVENTS_AHEAD: Final = timedelta(days=60)
EVENTS_MOST: Final = 500
DELISTING: Final = "delisting"

#: Reads what was kept under a name, after writing it where a state is given (the store's `keep`).
Keep = Callable[[str, bytes | None], Awaitable[bytes | None]]


class SourceKeys(Protocol):
    """The keys of one feed, as the settings have them."""

    @property
    def kind(self) -> Literal["http", "file"]:
        """An address that is asked, or a file that is read."""

    @property
    def url(self) -> str | None:
        """The address, for kind http."""

    @property
    def path(self) -> str | None:
        """The file, for kind file."""

    @property
    def every(self) -> timedelta:
        """Venue time between two questions."""

    @property
    def max_age(self) -> timedelta:
        """Venue time from which what was told is stale."""


class FeedKeys(Protocol):
    """The section `feeds` of the settings."""

    @property
    def dominance(self) -> SourceKeys | None:
        """R-S11."""

    @property
    def sentiment(self) -> SourceKeys | None:
        """R-S12."""

    @property
    def macro(self) -> SourceKeys | None:
        """R-S13."""


@dataclass(slots=True)
class _Feed:
    """One configured feed and what is known of it."""

    name: Name
    keys: SourceKeys
    file: FeedFile | None
    series: dict[str, Points] = field(default_factory=dict)
    events: tuple[MacroEvent, ...] = ()
    asked_at: datetime | None = None
    told_at: datetime | None = None
    failure: str = ""

    def due(self, now: datetime) -> bool:
        """Whether it may be asked again; looking whether a file changed costs nothing."""
        return (
            self.file is not None or self.asked_at is None or not self.asked_at <= now < self.asked_at + self.keys.every
        )

    def take(self, reading: Reading, now: datetime) -> None:
        """A file holds its whole history; an address may tell the newest value only, so its points add up."""
        self.series = dict(reading.series) if self.file else joined(self.series, reading.series)
        if not self.file:
            self.series = {name: thinned(points, milliseconds(now)) for name, points in self.series.items()}
        self.events = reading.events
        self.told_at = now
        self.failure = ""


class OutsideFeeds:
    """The configured feeds as one port (`FeedSource`).

    ``keep`` carries the points of addresses over a restart (a swing over seven days is known again at once); without it
    a restart forgets them and they add up anew. Files and calendars are read again. ``timeout_s`` is host time.
    """

    def __init__(self, keys: FeedKeys, clock: Clock, keep: Keep | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        self._clock = clock
        self._keep = keep
        self._asker = Asker(timeout_s)
        self._loaded = keep is None
        self._trouble: dict[str, str] = {}
        self._gaps: tuple[Gap, ...] = ()
        found: dict[Name, SourceKeys | None] = {
            "dominance": keys.dominance,
            "sentiment": keys.sentiment,
            "macro": keys.macro,
        }
        self._feeds = [
            _Feed(name, own, FeedFile(name, own.path or "") if own.kind == "file" else None)
            for name in NAMES
            if (own := found[name]) is not None
        ]

    async def read(self) -> Feeds:
        """What holds now; a feed that is not configured, or that nobody can vouch for, is None."""
        await self._load()
        now = self._clock.now()
        due = [feed for feed in self._feeds if feed.due(now)]
        asked = [feed for feed in due if feed.file is None]
        urls = sorted({feed.keys.url or "" for feed in asked})
        answers = dict(zip(urls, await asyncio.gather(*(self._answer(url) for url in urls)), strict=True))
        for feed in due:
            self._renew(feed, answers, now)
        if any(not feed.failure and feed.series for feed in asked):
            await self._save()
        # An answer may have taken seconds: what holds is judged by the time there is now.
        return self._standing(self._clock.now())

    def gaps(self) -> tuple[Gap, ...]:
        """The configured feeds, or series of one, that the last `read` had to leave out, and why."""
        return self._gaps

    @property
    def notes(self) -> tuple[str, ...]:
        """Every trouble of the last `read`, also where an earlier value still holds; one line each."""
        failing = [f"feed {feed.name}: {feed.failure}" for feed in self._feeds if feed.failure]
        missing = [f"{gap.what}: {gap.why}" for gap in self._gaps]
        return tuple(dict.fromkeys((*missing, *failing, *(f"feed history: {why}" for why in self._trouble.values()))))

    async def close(self) -> None:
        """Let go of the connections; safe to call twice."""
        await self._asker.close()

    # ---- asking

    async def _answer(self, url: str) -> str | Unusable:
        try:
            return await self._asker.ask(url)
        except Unusable as error:
            return error

    def _renew(self, feed: _Feed, answers: Mapping[str, str | Unusable], now: datetime) -> None:
        feed.asked_at = now
        try:
            reading: Reading | None
            if feed.file is not None:
                reading = feed.file.changed()
                if reading is None:
                    return
            else:
                answer = answers[feed.keys.url or ""]
                if isinstance(answer, Unusable):
                    raise answer
                reading = read_text(feed.name, answer, form_of(answer))
        except Unusable as error:
            feed.failure = str(error)
        else:
            feed.take(reading, now)

    # ---- keeping

    async def _load(self) -> None:
        if self._loaded or self._keep is None:
            return
        try:
            state = await self._keep(KEPT_AS, None)
        except PortError as error:
            self._trouble["load"] = f"was not read back: {error}"
            return
        self._loaded = True
        self._trouble.pop("load", None)
        for feed in self._feeds:
            if state is not None and feed.keys.url is not None:
                try:
                    feed.series = decode(state, feed.name, source_of(feed.keys.url))
                except Unusable as error:
                    self._trouble["kept"] = str(error)

    async def _save(self) -> None:
        if self._keep is None or not self._loaded:
            return
        kept: Kept = {
            feed.name: (source_of(feed.keys.url), feed.series)
            for feed in self._feeds
            if feed.keys.url is not None and feed.series
        }
        try:
            await self._keep(KEPT_AS, encode(kept))
        except PortError as error:
            self._trouble["save"] = f"was not kept: {error}"
        else:
            self._trouble.pop("save", None)

    # ---- what holds

    def _standing(self, now: datetime) -> Feeds:
        gaps: list[Gap] = []
        series = {feed.name: _fresh(feed, now, gaps) for feed in self._feeds if feed.name != "macro"}
        macro = next((_calendar(feed, now, gaps) for feed in self._feeds if feed.name == "macro"), None)
        self._gaps = tuple(gaps)
        dominance = series.get("dominance") or {}
        return Feeds(
            dominance=dominance.get("dominance"),
            sentiment=series.get("sentiment") or None,
            macro=macro,
        )


def _fresh(feed: _Feed, now: datetime, gaps: list[Gap]) -> dict[str, tuple[Point, ...]]:
    """The series whose newest point is not stale; a gap for each that is left out."""
    now_ms, limit_ms = milliseconds(now), feed.keys.max_age / timedelta(milliseconds=1)
    made: dict[str, tuple[Point, ...]] = {}
    if not feed.series:
        gaps.append(Gap(f"feed {feed.name}", feed.failure or "has told nothing yet"))
    for name, points in sorted(feed.series.items()):
        shown = thinned(points, now_ms)
        if shown and now_ms - shown[-1][0] <= limit_ms:
            made[name] = shown
            continue
        age = _age(timedelta(milliseconds=now_ms - shown[-1][0])) if shown else ""
        why = f"its newest value is {age} old, at most {_age(feed.keys.max_age)}" if age else "has no value before now"
        what = f"feed {feed.name}" if len(feed.series) == 1 else f"feed {feed.name} {name}"
        gaps.append(Gap(what, f"{why}; {feed.failure}" if feed.failure else why))
    return made


def _calendar(feed: _Feed, now: datetime, gaps: list[Gap]) -> tuple[MacroEvent, ...] | None:
    """The events around now. A calendar nobody vouches for any more leaves what is announced for good: delistings."""
    why = _stale(feed, now)
    if why:
        gaps.append(Gap("feed macro", f"{why}; {feed.failure}" if feed.failure and why != feed.failure else why))
    first, last = now - EVENTS_BEFORE, now + EVENTS_AHEAD
    near = [
        item
        for item in feed.events
        if (item.impact == DELISTING and item.start <= last) or (not why and item.end >= first and item.start <= last)
    ]
    return None if why and not near else tuple(near[:EVENTS_MOST])


def _stale(feed: _Feed, now: datetime) -> str:
    """Why a calendar is not to be believed; empty where it is.

    An address vouches for its answer; of a file nobody knows whether it is still kept up once all it names is over.
    """
    if feed.told_at is None:
        return feed.failure or "has told nothing yet"
    if feed.file is None:
        age = now - feed.told_at
        return f"was last told {_age(age)} ago, at most {_age(feed.keys.max_age)}" if age > feed.keys.max_age else ""
    ends = [item.end for item in feed.events if item.impact != DELISTING]
    if ends and now - max(ends) > feed.keys.max_age:
        return (
            f"its last event ended {_age(now - max(ends))} ago, at most {_age(feed.keys.max_age)}: add what comes next"
        )
    return ""


def _age(span: timedelta) -> str:
    """An age as people say it: the two largest units."""
    minutes = int(span.total_seconds() // 60)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min" if minutes else f"{span.total_seconds():g} s"
