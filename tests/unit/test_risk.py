"""Which edits raise risk: each is named with what it was and is; what lowers risk or only differs is not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.settings import Settings, load
from bot.settings.risk import LESS, MORE, NEITHER, ON, leaves, raised

BASE = """
mode: live
kill_switch: freeze
approve: manual
venue: {id: binance, environment: production, dead_man: 2m}
windows: {schedule: [Mon-Fri 13:00-17:00]}
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.60, assets: {BTC: 0.5, ETH: 0.5}, instruments: [spot]}
    others: {weight: 0.30, assets: [SOL, BNB], cap: 0.4, narrative: true}
"""
GROUPS = ("limits.", "pace.", "spike.", "windows.", "hedge.", "bridge.", "targets.stables.", "execution.")


@pytest.fixture
def made(tmp_path: Path) -> Settings:
    return settings(tmp_path, BASE)


def settings(folder: Path, text: str) -> Settings:
    path = folder / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, {})


EDITS = [
    ("targets:", "limits: {leverage: 5}\ntargets:", ["limits.leverage: 3 → 5"]),
    ("targets:", "limits: {gross: 2.5}\ntargets:", ["limits.gross: 1.5 → 2.5"]),
    ("targets:", "limits: {age_max: {quotes: 5m}}\ntargets:", ["limits.age_max.quotes: 30s → 5m"]),
    ("floor: 0.05", "floor: 0.01", ["targets.stables.floor: 0.05 → 0.01"]),
    ("approve: manual", "approve: auto", ["approve: manual → auto"]),
    ("dead_man: 2m", "dead_man: 0s", ["venue.dead_man: 2m → 0s"]),
    ("[Mon-Fri 13:00-17:00]", "always", ["windows.schedule: hours → always"]),
    ("cap: 0.4", "cap: 0.9", ["targets.sleeves.others.cap: 0.4 → 0.9"]),
    (", instruments: [spot]", "", ["instruments of BTC: futures new", "instruments of ETH: futures new"]),
    ("cap: 0.4", "cap: 0.4, bridge: {leverage: 3}", ["bridge.leverage of BNB: 2 → 3", "bridge.leverage of SOL: 2 → 3"]),
]


@pytest.mark.parametrize(("was", "now", "lines"), EDITS, ids=[lines[0] for _, _, lines in EDITS])
def test_an_edit_that_raises_risk_is_named_and_its_way_back_is_not(
    was: str, now: str, lines: list[str], made: Settings, tmp_path: Path
) -> None:
    edited = settings(tmp_path, BASE.replace(was, now))
    found = raised(made, edited)
    assert set(lines) <= set(found)
    assert raised(edited, made) == [] or was == ", instruments: [spot]"


def test_more_cash_less_leverage_and_another_signal_raise_nothing(made: Settings, tmp_path: Path) -> None:
    text = BASE.replace("weight: 0.10", "weight: 0.20").replace("weight: 0.60", "weight: 0.50")
    edited = settings(tmp_path, f"{text}limits: {{leverage: 2}}\nsignals: {{rsi: {{period: 20}}}}\n")
    assert raised(made, edited) == []


def test_a_key_of_the_whole_is_said_once_and_not_for_each_coin(made: Settings, tmp_path: Path) -> None:
    edited = settings(tmp_path, f"{BASE}bridge: {{leverage: 3}}\n")
    assert raised(made, edited) == ["bridge.leverage: 2 → 3"]


def test_every_number_of_what_limits_the_bot_is_judged(made: Settings) -> None:
    """A new limit must say which way is the bolder one."""
    numbers = {key for key, value in leaves(made) if isinstance(value, int | Decimal | timedelta) and value is not True}
    limiting = {key for key in numbers if key.startswith(GROUPS)}
    assert limiting
    assert limiting <= MORE | LESS | ON | NEITHER
    assert {key for key, _ in leaves(made)} >= MORE | LESS | ON | NEITHER
    assert not MORE & LESS
