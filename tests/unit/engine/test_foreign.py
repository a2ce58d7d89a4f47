"""Another writer on the account, and a record that is older than the account: found, frozen, said (I3, R-G1)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from bot.core.orders import Fill
from bot.engine.cycle import Engine
from bot.engine.permit import SendPermit
from bot.ports.venue import Gap
from bot.venues.simulated.exchange import OrderRequest
from bot.venues.simulated.mapping import request_of
from tests.builders import D, a_policy, an_intent
from tests.unit.engine.filed import Filed
from tests.unit.engine.world import FlakyVenue, World, a_world
from tests.unit.venues.simulated.scenes import SPOT


def level(world: World) -> str:
    return world.kill.level


def by_hand(world: World, amount: str = "-1", name: str = "by-hand") -> None:
    side: Literal["buy", "sell"] = "buy" if D(amount) > 0 else "sell"
    world.exchange.place(OrderRequest(SPOT, side, "market", amount=abs(D(amount)), client_id=name))


async def test_a_trade_under_an_id_of_our_own_make_that_the_record_does_not_hold_freezes() -> None:
    world = await a_world()
    await world.cycle()
    stranger = an_intent(decision_id="of another machine", qty="-1", price="90")
    world.exchange.place(request_of(stranger))
    outcome = await world.cycle()
    assert level(world) == "freeze"
    assert world.kill.standing.by == "trade search"
    assert stranger.client_id in world.kill.standing.reason
    assert "another bot is on this account" in world.alerts.texts
    # Found before the decision: the very cycle that saw it sent nothing.
    assert not [item for item in outcome.sent if item.filled]
    row = await world.controls.kill()
    assert row is None  # written down with the next look, which is the next cycle's first act
    await world.cycle()
    row = await world.controls.kill()
    assert row is not None
    assert row.value == "freeze"


async def test_another_modes_letter_is_another_writer_too() -> None:
    world = await a_world()
    await world.cycle()
    live = "bl" + "a" * 24
    world.exchange.place(request_of(replace(an_intent(qty="-1", price="150", tif="gtc"), client_id=live)))
    await world.cycle(later=timedelta(minutes=50))
    assert level(world) == "off"
    await world.cycle()  # the hour is over
    assert level(world) == "freeze"
    assert live in world.kill.standing.reason
    assert world.kill.standing.by == "orphan sweep"


async def test_after_a_resume_it_is_not_frozen_again_for_the_same_trade() -> None:
    world = await a_world()
    await world.cycle()
    world.exchange.place(request_of(an_intent(decision_id="of another machine", qty="-1", price="90")))
    await world.cycle()
    await world.cycle()
    await world.controls.request("resume", "", "anna", "it was me, elsewhere")
    for _ in range(3):
        await world.cycle()
    assert level(world) == "off"
    again = await world.restarted()
    await again.cycle()
    assert level(again) == "off"


async def test_what_a_person_trades_is_told_of_and_freezes_nothing() -> None:
    world = await a_world()
    await world.cycle()
    by_hand(world)
    await world.cycle()
    assert "-1 BTC/USDT at" in world.alerts.texts
    assert "was traded by somebody else" in world.alerts.texts
    assert level(world) == "off"


async def test_a_flood_of_strangers_orders_is_another_program() -> None:
    world = await a_world()
    await world.cycle()
    for number in range(9):
        by_hand(world, name=f"other-{number}")
    await world.cycle(later=timedelta(minutes=5))
    assert level(world) == "off"
    by_hand(world, name="other-9")
    await world.cycle(later=timedelta(minutes=5))
    assert level(world) == "freeze"
    assert "10 orders within an hour that are not ours" in world.kill.standing.reason


async def test_own_trades_are_known_by_the_venues_number_where_it_names_no_client_id() -> None:
    class Mute(FlakyVenue):
        """A venue whose list of trades names only its own order numbers."""

        async def fills(self, symbol: str, since: datetime) -> Sequence[Fill] | Gap:
            found = await super().fills(symbol, since)
            return found if isinstance(found, Gap) else [replace(fill, client_id=None) for fill in found]

    world = await a_world()
    await world.cycle()
    await world.cycle()
    assert world.held() < D(600)
    world.venue.__class__ = Mute
    again = await world.restarted()
    again.venue.__class__ = Mute
    await again.cycle()
    by_hand(again)
    await again.cycle()
    assert again.alerts.texts.count("was traded by somebody else") == 1
    assert level(again) == "off"


async def test_an_empty_record_before_an_account_that_we_traded_yesterday_freezes() -> None:
    world = await a_world()
    await world.cycle()
    assert world.held() < D(600)
    lost = await a_world(scene=world.scene, exchange=world.exchange, clock=world.clock)
    await lost.cycle()
    assert level(lost) == "freeze"
    assert "the record is an older copy" in lost.kill.standing.reason


async def test_an_empty_record_before_an_account_that_only_people_traded_says_nothing() -> None:
    world = await a_world()
    by_hand(world)
    await world.cycle()
    assert level(world) == "off"
    assert "somebody else" not in world.alerts.texts


async def test_trades_that_cannot_be_read_are_asked_for_again() -> None:
    class Deaf(FlakyVenue):
        deaf = 1

        async def fills(self, symbol: str, since: datetime) -> Sequence[Fill] | Gap:
            if symbol == SPOT and self.deaf:
                self.deaf -= 1
                return Gap("fills", "timed out")
            return await super().fills(symbol, since)

    world = await a_world()
    await world.cycle()
    lost = await a_world(scene=world.scene, exchange=world.exchange, clock=world.clock)
    lost.venue.__class__ = Deaf
    lost.venue.answers = ["refused"] * 9
    await lost.cycle(later=timedelta(0))
    await lost.cycle()
    assert level(lost) == "freeze"


async def test_open_orders_that_cannot_be_listed_are_looked_through_with_the_next_cycle() -> None:
    world = await a_world()
    world.exchange.place(request_of(an_intent(decision_id="of another machine", qty="-1", price="150", tif="gtc")))
    world.venue.lists_gap = True
    await world.cycle()
    assert level(world) == "off"
    world.venue.lists_gap = False
    await world.cycle(later=timedelta(minutes=1))
    assert (level(world), world.kill.standing.by) == ("freeze", "orphan sweep")


async def test_where_nothing_is_sent_nobody_is_in_the_way() -> None:
    world = await a_world()
    world.exchange.place(request_of(an_intent(decision_id="the real bot", qty="-1", price="150", tif="gtc")))
    parts = replace(world.parts, sends=False)
    engine = Engine(parts, world.kill, SendPermit(lambda: world.kill.level, lambda: float("inf"), world.clock))
    engine.lead(1)
    await engine.cycle("c1", a_policy())
    assert level(world) == "off"


# ---- over a record in a file


async def test_a_record_restored_from_a_backup_is_told_by_the_venues_newer_trades(tmp_path: Path) -> None:
    bot = Filed(tmp_path)
    assert (await bot.life(2)).level == "off"
    shutil.copy(bot.file, bot.copy)
    before = bot.exchange.order_requests
    assert (await bot.life(2)).level == "off"
    assert bot.exchange.order_requests > before  # what the backup knows nothing of
    sent = bot.exchange.order_requests
    for leftover in (bot.file, Path(f"{bot.file}-wal"), Path(f"{bot.file}-shm")):
        leftover.unlink(missing_ok=True)
    shutil.copy(bot.copy, bot.file)
    kill = await bot.life(2)
    assert kill.level == "freeze"
    assert "the record is an older copy" in kill.standing.reason
    assert bot.exchange.order_requests == sent
    assert "kill level freeze: trades that this record knows nothing of" in bot.alerts.texts


async def test_a_record_that_is_the_newest_word_goes_on(tmp_path: Path) -> None:
    bot = Filed(tmp_path)
    for _ in range(3):
        assert (await bot.life(1)).level == "off"
