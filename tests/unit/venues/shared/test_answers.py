"""Processes of one machine that ask a venue once for all, and never believe what is too old, broken or unsure."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.core.snapshot import Book, Funding, Ticker
from bot.ports.venue import Gap
from bot.venues.shared import codecs
from bot.venues.shared.answers import ASKING_MOST_S, Question
from bot.venues.shared.codecs import Codec
from bot.venues.shared.run_folder import digest_of
from tests.unit.venues.shared.meeting import NOON, Process, Time

KEEP = timedelta(seconds=7)
TICKER = Ticker(bid=Decimal("1.10"), ask=Decimal("1.2000"), last=None, quote_volume=Decimal("1E+9"), at=NOON)
HOLDS = """
import asyncio, sys
from pathlib import Path
from bot.clocks import SystemClock
from bot.venues.shared.answers import Answers
from bot.venues.shared.run_folder import RunFolder
from tests.unit.venues.shared.test_answers import BRIEF, a_question

async def forever():
    print("asks", flush=True)
    await asyncio.sleep(600)

folder = RunFolder(Path(sys.argv[1]), lambda: float(sys.argv[2]), "first", print)
asyncio.run(Answers(folder, SystemClock(), 1.0, BRIEF).get(a_question(), forever))
"""
BRIEF = timedelta(seconds=5)


def a_question(text: str = "quotes", **over: Any) -> Question:
    return Question(**{"text": text, "slot": "quotes", "keep": KEEP, "codec": codecs.QUOTES, **over})


class Venue:
    """Counts what it is asked; answers when ``ready`` is set."""

    def __init__(self, *answers: Any) -> None:
        self.asked = 0
        self.ready = asyncio.Event()
        self.ready.set()
        self._answers = answers or ({"BTC/USDT": TICKER},)

    async def ask(self) -> Any:
        self.asked += 1
        await self.ready.wait()
        return self._answers[min(self.asked, len(self._answers)) - 1]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def pair(tmp_path: Path, time: Time) -> tuple[Process, Process]:
    return Process(tmp_path / "run", time), Process(tmp_path / "run", time)


async def test_two_processes_that_need_the_same_ask_once(pair: tuple[Process, Process]) -> None:
    venue = Venue()
    venue.ready.clear()
    asking = [asyncio.ensure_future(each.answers().get(a_question(), venue.ask)) for each in pair]
    await asyncio.sleep(0.1)
    venue.ready.set()
    (first, _), (second, at) = await asyncio.gather(*asking)
    assert first == second == {"BTC/USDT": TICKER}
    assert (venue.asked, at) == (1, NOON)


@pytest.mark.parametrize(
    ("codec", "value"),
    [
        (codecs.QUOTES, {"BTC/USDT": TICKER, "ETH/USDT": Ticker()}),
        (codecs.FUNDING, {"BTC/USDT:USDT": Funding(rate=Decimal("-0.00010000"), next_at=NOON, at=NOON)}),
        (codecs.BOOK, Book(bids=((Decimal("1.10"), Decimal("2E-8")),), asks=(), at=NOON)),
        (codecs.POINTS, [(1_700_000_000_123.0, Decimal("0.00010000"))]),
        (codecs.AHEAD, timedelta(microseconds=-1_234_567)),
        (codecs.NUMBERS, {"BTC/USDT": Decimal("1.50")}),
        (codecs.CANDLES, np.array([[1.0, 2.1, 3.2, 0.1, 1 / 3, 5e9]] * 3)),
        (codecs.CANDLES, np.empty((0, 6))),
    ],
)
def test_what_is_written_down_is_read_again_digit_by_digit(codec: Codec[Any], value: Any) -> None:
    again = codec.decode(codec.encode(value))
    if isinstance(value, np.ndarray):
        assert again.shape == value.shape
        assert again.tobytes() == value.tobytes()
    else:
        assert again == value
        assert repr(again) == repr(value)


async def test_who_asks_now_is_not_taken_for_one_that_has_been_asking_since_the_last_answer(
    pair: tuple[Process, Process], time: Time
) -> None:
    venue, (one, two) = Venue(), pair
    await one.answers().get(a_question(), venue.ask)
    time.forward(3_600)
    with one.folder.locked(f"{digest_of('quotes')}.lock") as lock:  # had, and not yet written into
        assert lock is not None
        waiting = asyncio.ensure_future(two.answers().get(a_question(), venue.ask))
        await asyncio.sleep(0.1)
        assert (venue.asked, two.told) == (1, [])
    await waiting
    assert venue.asked == 2


async def test_an_answer_is_told_again_for_as_long_as_its_rule_says(pair: tuple[Process, Process], time: Time) -> None:
    venue = Venue()
    await pair[0].answers().get(a_question(), venue.ask)
    time.forward(7.0)
    assert (await pair[1].answers().get(a_question(), venue.ask))[1] == NOON
    assert venue.asked == 1
    time.forward(0.1)
    assert (await pair[1].answers().get(a_question(), venue.ask))[1] == time.at
    assert venue.asked == 2


async def test_what_is_not_whole_yet_stands_for_a_moment_only(pair: tuple[Process, Process], time: Time) -> None:
    venue, question = Venue(), a_question(whole=lambda _answer: False)
    await pair[0].answers().get(question, venue.ask)
    time.forward(5.0)
    await pair[1].answers().get(question, venue.ask)
    assert venue.asked == 1
    time.forward(0.1)
    await pair[1].answers().get(question, venue.ask)
    assert venue.asked == 2


def later(time: Time) -> None:
    time.at += timedelta(hours=1)


def earlier(time: Time) -> None:
    time.at -= timedelta(hours=1)


def started_anew(time: Time) -> None:
    time.boot = "second"


def back_to_zero(time: Time) -> None:
    time.machine_s = 1.0


@pytest.mark.parametrize("changed", [later, earlier, started_anew, back_to_zero])
async def test_a_clock_that_was_set_or_a_machine_that_was_started_anew_makes_nobody_believe_an_old_answer(
    pair: tuple[Process, Process], time: Time, changed: Callable[[Time], None]
) -> None:
    venue = Venue()
    await pair[0].answers().get(a_question(), venue.ask)
    changed(time)
    await pair[1].answers().get(a_question(), venue.ask)
    assert venue.asked == 2


async def test_another_question_of_the_same_slot_is_another_question(pair: tuple[Process, Process]) -> None:
    venue = Venue()
    await pair[0].answers().get(a_question(), venue.ask)
    await pair[1].answers().get(a_question("quotes of another day"), venue.ask)
    assert venue.asked == 2


@pytest.mark.parametrize("spoilt", [b"", b"half", None, b"0" * 32 + b"\n{}\n", b"\xff\n\xff"])
async def test_a_file_that_is_broken_is_told_once_and_asked_over(
    pair: tuple[Process, Process], spoilt: bytes | None
) -> None:
    venue, (one, two) = Venue(), pair
    await one.answers().get(a_question(), venue.ask)
    path = one.path / digest_of("quotes")
    answers = two.answers()
    for _ in range(2):
        path.write_bytes(path.read_bytes()[:-9] if spoilt is None else spoilt)
        assert (await answers.get(a_question(), venue.ask))[0] == {"BTC/USDT": TICKER}
    assert venue.asked == 3
    assert len(two.told) == 1
    assert "is broken, so the venue is asked" in two.told[0]
    assert (await one.answers().get(a_question(), venue.ask))[0] == {"BTC/USDT": TICKER}
    assert venue.asked == 3  # and is whole again


async def test_a_full_disk_costs_nothing_but_the_sharing(pair: tuple[Process, Process]) -> None:
    venue, (one, two) = Venue(), pair
    answers = one.answers()
    for number in range(2):
        (one.path / f".{digest_of('quotes')}.{os.getpid()}.{number}").symlink_to("/dev/full")
        assert (await answers.get(a_question(), venue.ask))[0] == {"BTC/USDT": TICKER}
    assert [text.rpartition(": ")[2] for text in one.told] == ["No space left on device"]
    await two.answers().get(a_question(), venue.ask)
    assert venue.asked == 3
    assert not [path for path in one.path.iterdir() if path.is_symlink()]


async def test_a_folder_that_went_away_costs_nothing_but_the_sharing(pair: tuple[Process, Process]) -> None:
    venue, (one, _) = Venue(), pair
    answers = one.answers()
    one.path.rmdir()
    for _ in range(2):
        assert (await answers.get(a_question(), venue.ask))[0] == {"BTC/USDT": TICKER}
    assert venue.asked == 2
    assert len(one.told) == 2  # no lock, no file; once each


async def test_a_gap_is_told_to_those_who_waited_and_to_nobody_after_them(
    pair: tuple[Process, Process], time: Time
) -> None:
    venue = Venue(Gap("quotes", "down"), {"BTC/USDT": TICKER})
    venue.ready.clear()
    asking = [asyncio.ensure_future(each.answers().get(a_question(), venue.ask)) for each in pair]
    await asyncio.sleep(0.1)
    venue.ready.set()
    assert [value for value, _ in await asyncio.gather(*asking)] == [Gap("quotes", "down")] * 2
    assert venue.asked == 1
    time.forward(0.1)
    assert (await pair[1].answers().get(a_question(), venue.ask))[0] == {"BTC/USDT": TICKER}


async def test_what_asking_raises_is_the_askers_own_and_the_next_asks(pair: tuple[Process, Process]) -> None:
    async def refused() -> Any:
        await asyncio.sleep(0.05)
        raise LookupError("no")

    venue = Venue()
    asks: list[Callable[[], Awaitable[Any]]] = [refused, venue.ask]
    both = [each.answers().get(a_question(), ask) for each, ask in zip(pair, asks, strict=True)]
    first, second = await asyncio.gather(*both, return_exceptions=True)
    assert isinstance(first, LookupError)
    assert not isinstance(second, BaseException)
    assert venue.asked == 1


def holder(one: Process) -> subprocess.Popen[str]:
    """A process that asks, and gets no answer."""
    one.folder.open()
    made = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(one.path), str(one.time.machine_s)], stdout=subprocess.PIPE, text=True
    )
    assert made.stdout is not None
    assert made.stdout.readline() == "asks\n"
    return made


async def test_who_waits_for_a_process_that_is_killed_asks_at_once_and_for_one_that_stands_still_not_for_ever(
    pair: tuple[Process, Process], time: Time
) -> None:
    venue, (one, two) = Venue(), pair
    with holder(one) as still:
        try:
            still.send_signal(signal.SIGSTOP)
            waiting = asyncio.ensure_future(two.answers().get(a_question(), venue.ask))
            await asyncio.sleep(0.2)
            assert venue.asked == 0
            time.forward(ASKING_MOST_S + 1)
            await waiting
            assert venue.asked == 1
            assert [text for text in two.told if "not waited for" in text]
            time.forward(8)
            waiting = asyncio.ensure_future(two.answers().get(a_question(), venue.ask))
            await waiting  # nobody waits for it again
            assert venue.asked == 2
            assert (await one.answers().get(a_question(), venue.ask))[0] == {"BTC/USDT": TICKER}
            assert venue.asked == 2  # what was told without the lock is told to all
        finally:
            still.kill()
    time.forward(8)
    with holder(one) as asking:
        waiting = asyncio.ensure_future(two.answers().get(a_question(), venue.ask))
        await asyncio.sleep(0.2)
        assert venue.asked == 2
        asking.kill()
        await asyncio.wait_for(waiting, 60)
        assert venue.asked == 3


@pytest.mark.parametrize("mode", [0o750, 0o707])
def test_a_folder_that_others_may_enter_is_left_alone(tmp_path: Path, mode: int) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(mode)
    told: list[str] = []
    one = Process(tmp_path / "run", Time(), told)
    with pytest.raises(AssertionError):
        _ = one.folder
    assert "must be a folder of this user alone" in told[0]


def test_a_link_is_no_folder_of_ours(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to(tmp_path / "there")
    with pytest.raises(AssertionError):
        _ = Process(tmp_path / "run", Time()).folder


def test_files_that_nobody_touched_for_days_go(tmp_path: Path) -> None:
    folder = Process(tmp_path / "run", Time()).folder
    inside = folder.of("binance").path
    for name, at in (("old", 1_000_000), ("new", 1_200_000)):
        (inside / name).touch()
        os.utime(inside / name, (at, at))
    folder.of("binance")
    assert [path.name for path in inside.iterdir()] == ["new"]
