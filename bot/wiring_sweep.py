"""Owns the composition of many pasts at once: each configuration in a process of its own, with its progress told."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.backtest.result import Result
from bot.backtest.run import run
from bot.core.numbers import utc_text
from bot.settings import Settings, load_text
from bot.venues.simulated.recordings import TapeError
from bot.venues.simulated.tape import TapeScene
from bot.wiring_host import set_up_logging
from bot.wiring_past import Span, past

LOOK_EVERY_S = 0.2
Told = Callable[[Sequence[tuple[int, int]]], None]

# What a process was given at its start: a place for each job's (done, of how many).
_counters: Any = None


class PlayerDied(Exception):
    """A process ended before its past did: one line."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One configuration to be played: its name, its text and the environment it is read under."""

    name: str
    text: str
    env: Mapping[str, str]

    def settings(self) -> Settings:
        """Read anew; raises ConfigError."""
        return load_text(self.text, self.env, name=self.name)


def ends_of(span: Span) -> tuple[datetime, datetime]:
    """When a span begins and ends, where it does not say; raises `TapeError`."""
    scene = TapeScene(span.folder, span.since)
    end = scene.end or scene.start
    until = end if span.until is None else span.until
    if not scene.start < until <= end:
        asked = f"--to: {utc_text(until)} must be after {utc_text(scene.start)} and no later than {utc_text(end)}"
        raise TapeError(f"{asked}, where the recordings end")
    return scene.start, until


def played(settings: Settings, span: Span, name: str, told: Callable[[int, int], None] | None = None) -> Result:
    """One past in this process, without its decisions' bodies; raises `TapeError`, ValueError."""
    quiet = settings.model_copy(update={"log": settings.log.model_copy(update={"level": "error"})})
    set_up_logging(quiet)

    async def work() -> Result:
        return await run(await past(settings, span, name=name), told=told)

    return replace(asyncio.run(work()), decisions=())


def play_all(asked: Sequence[Asked], span: Span, *, jobs: int, told: Told | None = None) -> list[Result]:
    """Every configuration over one span, ``jobs`` at a time, in their order; ``told`` hears (done, of how many) of all.

    Raises what a past raises, and `PlayerDied` where a process ended by itself.
    """
    spawn = multiprocessing.get_context("spawn")
    counters = spawn.Array("q", 2 * len(asked))
    with ProcessPoolExecutor(min(jobs, len(asked)), spawn, initializer=_given, initargs=(counters,)) as pool:
        futures = [pool.submit(_play, number, each, span) for number, each in enumerate(asked)]
        try:
            _wait(futures, counters, told)
            return [each.result() for each in futures]
        except BrokenExecutor:
            raise PlayerDied("a process that played a past ended by itself; was there memory enough?") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _wait(futures: Sequence[Future[Result]], counters: Any, told: Told | None) -> None:
    """Until all are done, or one failed."""
    left = set(futures)
    while left:
        done, left = wait(left, timeout=LOOK_EVERY_S, return_when=FIRST_COMPLETED)
        if told is not None:
            told(list(zip(counters[0::2], counters[1::2], strict=True)))
        for each in done:
            each.result()


def _given(counters: Any) -> None:
    global _counters  # noqa: PLW0603 - what a process is given at its start has no other place to be
    _counters = counters


def _play(number: int, asked: Asked, span: Span) -> Result:
    def told(done: int, whole: int) -> None:
        _counters[2 * number], _counters[2 * number + 1] = done, whole

    return played(asked.settings(), span, asked.name, told)
