"""What must be true before real money is traded; each refusal is one line that says what would be right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.clocks import host_utc_now
from bot.core.snapshot import AccountKind
from bot.engine import live
from bot.ports.errors import StoreRefused, Unauthorized, VenueError
from bot.ports.venue import KeyReport
from bot.store.memory import MemoryControls, MemoryDatabase
from bot.venues.certificates import certificate_of
from bot.venues.simulated.venue import SimulatedVenue
from tests.unit.engine.world import MINE, a_world

GOOD = {"venue": "binance", "at": "2026-01-01T00:00:00+00:00", "version": "0.1.0", "passed": True}


def terms(said: str | None = "main", *, unchecked_key: bool = False) -> live.LiveTerms:
    return live.LiveTerms("main", said, unchecked_key)


@pytest.mark.parametrize(("said", "words"), [(None, "is not set"), ("", "is "), ("other", "is other")])
def test_the_environment_must_name_the_portfolio(said: str | None, words: str) -> None:
    with pytest.raises(StoreRefused, match=f"BALLAST_LIVE {words}, must be main"):
        live.must_be_said(terms(said))
    live.must_be_said(terms())


async def an_account(*, withdraw: bool | None = False, name: str | None = "binance:7") -> SimulatedVenue:
    world = await a_world()

    class Said(SimulatedVenue):
        async def key(self) -> KeyReport:
            return KeyReport(True, True, withdraw, True, "said by nobody" if withdraw is None else "")  # noqa: FBT003

        async def kind(self) -> AccountKind:
            return AccountKind(id=name)

    return Said(world.exchange, world.clock)


async def test_a_key_that_may_withdraw_is_refused_and_an_unknown_one_needs_a_word() -> None:
    await live.key_must_be_harmless(await an_account(), terms())
    with pytest.raises(Unauthorized, match="the key may withdraw, must be one that cannot"):
        await live.key_must_be_harmless(await an_account(withdraw=True), terms(unchecked_key=True))
    unknown = await an_account(withdraw=None)
    with pytest.raises(Unauthorized, match=r"does not say .* \(said by nobody\).* venue.unchecked_key: true"):
        await live.key_must_be_harmless(unknown, terms())
    await live.key_must_be_harmless(unknown, terms(unchecked_key=True))


async def test_an_account_without_a_name_cannot_be_bound() -> None:
    assert await live.account_of(await an_account()) == "binance:7"
    with pytest.raises(VenueError, match="whose account"):
        await live.account_of(await an_account(name=None))


async def test_the_newest_confirmation_must_be_of_this_account() -> None:
    controls = MemoryControls(MemoryDatabase(), MINE, host_utc_now)
    with pytest.raises(StoreRefused, match=r"nobody confirmed that binance:7 .*`ballast live confirm`"):
        await live.must_be_confirmed(controls, "binance:7")
    await controls.request(live.CONFIRMED, "binance:7", "anna", "typed")
    await live.must_be_confirmed(controls, "binance:7")
    await controls.request(live.CONFIRMED, "binance:8", "anna", "typed")
    with pytest.raises(StoreRefused, match="confirmed was binance:8, the key is of binance:7"):
        await live.must_be_confirmed(controls, "binance:7")


def a_certificate(folder: Path, body: Any) -> Path:
    path = folder / "certificates" / "binance.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return path


def test_without_a_certificate_the_refusal_says_where_it_would_be(tmp_path: Path) -> None:
    with pytest.raises(VenueError, match=r"needs a certificate of binance at .*certificates/binance\.json"):
        certificate_of(tmp_path, "binance")
    a_certificate(tmp_path, GOOD)
    assert certificate_of(tmp_path, "binance").version == "0.1.0"
    with pytest.raises(VenueError, match="certificate of bybit"):
        certificate_of(tmp_path, "bybit")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        {},
        GOOD | {"passed": False},
        GOOD | {"passed": "yes"},
        GOOD | {"venue": "bybit"},
        GOOD | {"at": "yesterday"},
        GOOD | {"at": "2026-01-01T00:00:00"},
        {key: value for key, value in GOOD.items() if key != "version"},
    ],
)
def test_a_file_that_does_not_say_that_the_venue_passed_is_no_certificate(tmp_path: Path, body: Any) -> None:
    a_certificate(tmp_path, body)
    with pytest.raises(VenueError, match="is no certificate of binance"):
        certificate_of(tmp_path, "binance")
