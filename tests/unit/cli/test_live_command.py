"""`ballast live confirm`: asked only where it means something, and only of a person."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.clocks import host_utc_now
from bot.settings import load
from bot.store.sql import SqlControls
from bot.wiring_host import notes_of
from tests.unit.cli.ran import Ballast

TEXT = """
portfolio: real
mode: {mode}
venue: {{id: {venue}, environment: {environment}}}
targets: {{sleeves: {{majors: {{weight: 0.9, assets: [BTC]}}}}}}
store: {{url: "sqlite+aiosqlite:///{folder}/live.db"}}
"""


def a_file(folder: Path, *, mode: str = "live", venue: str = "binance", environment: str = "production") -> Path:
    path = folder / "portfolio.yaml"
    path.write_text(TEXT.format(mode=mode, venue=venue, environment=environment, folder=folder), encoding="utf-8")
    return path


def test_a_mode_that_needs_no_confirmation_is_named(ballast: Ballast, tmp_path: Path) -> None:
    ran = ballast("live", "confirm", "--config", a_file(tmp_path, mode="paper", environment="local"))
    assert ran.code == 1
    assert ran.err.endswith("mode is paper, must be live: nothing else needs a confirmation\n")


def test_without_a_key_there_is_nobody_to_ask_about(ballast: Ballast, tmp_path: Path) -> None:
    ran = ballast("live", "confirm", "--config", a_file(tmp_path))
    assert ran.code == 1
    assert "needs BALLAST_VENUE__API_KEY and BALLAST_VENUE__SECRET" in ran.err
    assert not list(tmp_path.glob("*.db"))


async def test_the_word_is_found_again_by_the_book_it_was_given_for(tmp_path: Path) -> None:
    from bot.cli.live import _write  # noqa: PLC0415 - what is done once a person typed it
    from bot.wiring import identity_of  # noqa: PLC0415

    settings = load(a_file(tmp_path), {})
    await _write(settings, "binance:7")
    controls = SqlControls(settings.store.url, identity_of(settings), host_utc_now)
    try:
        rows = await controls.read(0)
        assert await controls.kill() is None
    finally:
        await controls.close()
    assert [(row.what, row.value) for row in rows] == [("live", "binance:7")]
    assert rows[0].who


@pytest.mark.parametrize(("env", "told"), [({}, False), ({"BALLAST_VENUE__SECRET": "s"}, True)])
def test_keys_in_the_environment_are_spoken_of_at_the_start(tmp_path: Path, env: dict[str, str], told: bool) -> None:
    assert "BALLAST_VENUE__SECRET" not in os.environ
    notes = notes_of(load(a_file(tmp_path), env))
    assert bool(notes) is told
    assert not told or notes[0].startswith("venue.secret: in the environment")
