"""A bot and a local exchange in two processes: what a dry run sends, and what a killed bot leaves behind."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from tests.e2e.beside import CONFIG, a_bot, agreed, an_exchange
from tests.e2e.folder import FULL

KILLS = 20 if FULL else 4
pytestmark = pytest.mark.timeout(1_500 if FULL else 300)


def test_a_dry_run_and_a_plan_print_the_orders_and_the_exchange_counts_none(tmp_path: Path) -> None:
    with an_exchange(tmp_path / "exchange") as venue:
        bot = a_bot(tmp_path / "bot", venue, BALLAST_MODE="dry-run", BALLAST_LOG__FORMAT="text")
        planned = bot.ballast("plan")
        assert planned.returncode == 2, planned.stderr
        assert not (bot.path / "data").exists()
        done = bot.ballast("run", "--cycles", "1")
        assert done.returncode == 0, done.stderr
        assert venue.health()["order_requests"] == 0
        orders = bot.orders()
        assert orders
        assert {each["state"] for each in orders} == {"denied"}
        for each in orders:
            assert each["symbol"] in done.stdout
            assert each["symbol"] in planned.stdout
        before = bot.digest()
        again = bot.ballast("plan", "--json")
        assert again.returncode == 2, again.stderr
        kinds = {(action["kind"], action["asset"]) for action in json.loads(again.stdout)["actions"]}
        recorded = {(action["kind"], action["asset"]) for action in bot.decisions()[0]["actions"]}
        assert kinds == recorded
        assert bot.digest() == before
        assert venue.health()["order_requests"] == 0


def test_a_bot_killed_at_random_moments_leaves_no_duplicate_and_no_orphan(tmp_path: Path) -> None:
    chance = random.Random(29)
    with an_exchange(tmp_path / "exchange") as venue:
        bot = a_bot(tmp_path / "bot", venue)
        seen = [0]
        for _ in range(KILLS):
            with bot.running("run") as process:
                bot.wait(process, lambda: len(bot.told("leads")) > 0)
                time.sleep(chance.uniform(0.5, 8.0))
                process.kill()
                process.wait(10)
            restarted = bot.ballast("run", "--cycles", "1")
            assert restarted.returncode == 0, restarted.stderr
            seen.append(agreed(bot, venue))
        assert seen[-1] >= KILLS
        assert seen == sorted(seen)


def test_a_halt_in_the_file_stops_orders_within_a_second_and_only_a_resume_lifts_it(tmp_path: Path) -> None:
    with an_exchange(tmp_path / "exchange") as venue:
        bot = a_bot(tmp_path / "bot", venue)
        file = bot.path / "portfolio.yaml"
        with bot.running("run") as process:
            for level in ("halt", "freeze"):
                sent = venue.health()["order_requests"]
                bot.wait(process, lambda before=sent: venue.health()["order_requests"] > before + 2)  # type: ignore[misc]
                file.write_text(CONFIG.replace("kill_switch: off", f"kill_switch: {level}"), encoding="utf-8")
                time.sleep(1.0)
                stopped = venue.health()["order_requests"]
                told = bot.wait_cycles(process, 2)
                assert [(line["kill"], line["sent"]) for line in told[-1:]] == [(level, 0)]
                assert venue.health()["order_requests"] == stopped
                assert venue.open_orders() == []
                file.write_text(CONFIG, encoding="utf-8")
                assert [line["kill"] for line in bot.wait_cycles(process, 3)] == [level] * 3
                assert venue.health()["order_requests"] == stopped
                lifted = bot.ballast("resume", "--yes")
                assert lifted.returncode == 0, lifted.stderr
                bot.wait(process, lambda: bot.told("cycle")[-1]["kill"] == "off")

            file.write_text("targets: [", encoding="utf-8")
            bot.wait(process, lambda: bot.told("cycle")[-1]["kill"] == "freeze")
            assert [line["sent"] for line in bot.wait_cycles(process, 2)][-1] == 0
            file.write_text(CONFIG, encoding="utf-8")
            bot.wait(process, lambda: bot.told("cycle")[-1]["kill"] == "off")
        assert process.returncode == 0
        bot.proven()
