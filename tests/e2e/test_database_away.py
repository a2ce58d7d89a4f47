"""A record on a PostgreSQL server that goes away under a trading bot, and a line to it cut at the worst moment."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.beside import Beside, a_bot, agreed, an_exchange
from tests.e2e.cut import a_cut_line
from tests.e2e.fleet import Started, a_fleet
from tests.e2e.folder import FULL
from tests.server import Postgres, a_server

AWAY_S = 60.0 if FULL else 8.0
CUTS = 60 if FULL else 5
pytestmark = pytest.mark.timeout(900 if FULL else 300)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server whose commits outlive it."""
    with a_server(durable=True) as made:
        yield made


def test_a_server_that_is_stopped_and_started_again_loses_and_doubles_nothing_and_needs_nobody(
    tmp_path: Path, server: Postgres
) -> None:
    with an_exchange(tmp_path / "exchange") as venue:
        bot = a_bot(tmp_path / "bot", venue, BALLAST_STORE__URL=server.make_database(), BALLAST_WEB__ENABLED="false")
        with bot.running("run") as process:
            bot.wait(process, lambda: venue.health()["order_requests"] > 3)
            server.stop()
            time.sleep(1.0)  # what was under way ends
            sent = venue.health()["order_requests"]
            time.sleep(AWAY_S)
            assert process.poll() is None, bot.tail()
            assert venue.health()["order_requests"] == sent  # nothing leaves that cannot be written
            server.start()
            told = bot.wait_cycles(process, 4)
            assert told[-1]["kill"] == "off"  # and nobody had to resume
            bot.wait(process, lambda: venue.health()["order_requests"] > sent)
        assert process.returncode == 0, bot.tail()
        done = bot.ballast("run", "--cycles", "1")
        assert done.returncode == 0, done.stderr
        assert agreed(bot, venue) > 0


def test_a_line_that_is_cut_between_commit_and_answer_loses_and_doubles_nothing(
    tmp_path: Path, server: Postgres
) -> None:
    with (
        an_exchange(tmp_path / "exchange") as venue,
        a_cut_line(server.socket, tmp_path / "line", nth=61) as line,
    ):
        url = server.make_database()
        cut = url.replace(str(server.socket), str(line.folder))
        bot = a_bot(tmp_path / "bot", venue, BALLAST_STORE__URL=cut, BALLAST_WEB__ENABLED="false")
        with bot.running("run") as process:
            for due in range(5, CUTS + 1, 5):  # each few with a patience of their own
                bot.wait(process, partial(lambda due: line.cuts >= due, due))
            bot.wait_cycles(process, 1)
        bot.env = {**bot.env, "BALLAST_STORE__URL": url}
        done = bot.ballast("run", "--cycles", "1")
        assert done.returncode == 0, done.stderr
        assert agreed(bot, venue) > 0


def test_a_fleet_whose_server_is_stopped_and_started_again_loses_and_doubles_nothing_and_needs_nobody(
    tmp_path: Path, server: Postgres, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("desk-01", "desk-02", "desk-03")
    with a_fleet(tmp_path, server.make_database(), names) as fleet:
        workers = [fleet.work("one"), fleet.work("two")]
        venue = Beside(fleet.url, tmp_path / "keys" / names[0], fleet.speed)
        fleet.wait(lambda: cycled(workers) >= set(names), "each has decided")
        fleet.wait(lambda: venue.health()["order_requests"] > 3, "orders are sent")
        server.stop()
        time.sleep(1.0)  # what was under way ends
        sent = venue.health()["order_requests"]
        time.sleep(AWAY_S)
        assert [worker.process.poll() for worker in workers] == [None, None], fleet.tails()
        assert venue.health()["order_requests"] == sent  # nothing leaves that cannot be written
        server.start()
        back = datetime.now().astimezone()
        # Two cycles each: what was under way is looked up with the first.
        fleet.wait(lambda: trading(workers, back) >= set(names), "all trade again by themselves")
        fleet.wait(lambda: venue.health()["order_requests"] > sent, "orders are sent again")
        for worker in workers:
            worker.signal(signal.SIGTERM)
        assert [worker.process.wait(120) for worker in workers] == [0, 0], fleet.tails()
    assert sum(fleet.agreed(name) for name in names) > 0
    fleet.proven(monkeypatch, capsys)


def cycled(workers: list[Started]) -> set[str]:
    """Portfolios that have had a cycle."""
    return {line["portfolio"] for worker in workers for line in worker.folder.told("cycle")}


def trading(workers: list[Started], since: datetime) -> set[str]:
    """Portfolios with two cycles since then in which nothing was stopped."""
    lines = [line for worker in workers for line in worker.folder.told("cycle")]
    free = Counter(
        line["portfolio"]
        for line in lines
        if line["kill"] == "off" and datetime.fromisoformat(line["timestamp"]) > since
    )
    return {name for name, count in free.items() if count > 1}
