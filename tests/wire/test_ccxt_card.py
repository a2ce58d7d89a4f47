"""What `ballast venues` tells: facts that the wire bears out, for people and for machines."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from bot.cli.app import run
from bot.core.numbers import canonical_json
from bot.ports.venue import Gap
from bot.render.venues import venue_view, venues_view
from bot.venues.ccxt.card import cards
from bot.venues.ccxt.venue import PROFILES
from tests.contract.venue.conftest import World, world

ALL = ("binance", "bybit", "bingx", "weex", "mexc")
__all__ = ["world"]  # the fixture of the venue contract


def told(view: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=120).print(view)
    return out.getvalue()


def test_every_venue_with_a_profile_has_a_card() -> None:
    assert [card.id for card in cards()] == list(PROFILES) == list(ALL)
    text = told(venues_view([card.body() for card in cards()]))
    assert all(name in text for name in (*ALL, "flexible savings", "requests a cycle", "equity for 1 % steps"))


@pytest.mark.parametrize("name", ALL)
def test_what_is_missing_says_what_is_done_instead(name: str) -> None:
    (card,) = cards(name)
    assert card.lacks
    assert all(one.what and one.instead for one in card.lacks)
    assert card.body() == json.loads(canonical_json(card.body())) | {
        key: card.body()[key]
        for key in ("least_order", "least_balance", "requests_a_cycle", "weight_a_cycle", "paced_s")
    }
    text = " ".join(told(venue_view(card.body())).split())
    assert all(one.what in text for one in card.lacks)


@pytest.mark.parametrize(("name", "plays"), [("binance", True), ("bybit", True), *((name, False) for name in ALL[2:])])
def test_testnet_is_a_mode_where_there_is_a_world_without_real_money(name: str, plays: bool) -> None:
    (card,) = cards(name)
    assert (("testnet" in card.modes), set(card.environments) != {"production"}) == (plays, plays)


def test_five_cards_stand_side_by_side_in_a_narrow_terminal() -> None:
    out = io.StringIO()
    bodies = [card.body() for card in cards()]
    view = venues_view(bodies)
    Console(file=out, width=80).print(view)
    assert len(out.getvalue().splitlines()) == view.row_count + 1  # its head, and no row folded


def test_a_venue_without_a_profile_is_for_watching_only() -> None:
    (card,) = cards("kraken")
    assert (card.own_profile, list(card.modes), card.works["orders"]) == (False, ["paper", "dry-run"], False)
    assert "unified calls" in told(venue_view(card.body()))


async def test_a_cycle_asks_as_often_as_the_card_says(world: World, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["world"]
    if name == "simulated":
        pytest.skip("the simulated venue asks nobody")
    (card,) = cards(name)
    venue: Any = world.venue
    for _ in range(2):  # what is asked seldom is asked in the first
        world.clock.at += timedelta(minutes=1)
        before = dict(venue.requests)
        for read in (venue.quotes, venue.funding, venue.balances, venue.positions):
            assert not isinstance(await read(), Gap)
    asked = {path: count - before.get(path, 0) for path, count in venue.requests.items() if count - before.get(path, 0)}
    assert sum(asked.values()) == len(card.requests), asked


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["venues", "mexc", "--json"]) == 0
    (body,) = json.loads(capsys.readouterr().out)
    assert (body["id"], body["works"]["transfers between wallets"], body["works"]["flexible savings"]) == (
        "mexc",
        True,
        False,
    )
    assert body["weight_a_cycle"] == "26"


def test_a_venue_that_ccxt_does_not_have_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["venues", "atlantis"]) == 1
    assert capsys.readouterr().err == "venue.id: is atlantis, must be one that ccxt has\n"
