"""A record that is damaged, cut short, or no database at all is refused in one line and left as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.clocks import host_utc_now
from bot.ports.errors import StoreRefused
from bot.ports.store import Identity
from bot.store.sql import SqlStore
from bot.store.sql.soundness import must_be_sound

MINE = Identity("main", "paper", "binance", "local")


async def a_record(folder: Path) -> tuple[str, Path]:
    file = folder / "b.db"
    url = f"sqlite+aiosqlite:///{file}"
    store = SqlStore(url, host_utc_now)
    await store.open(MINE, migrate=True)
    await store.keep("x", b"y" * 20_000)
    await store.close()
    return url, file


async def test_a_sound_record_and_none_at_all_are_let_through(tmp_path: Path) -> None:
    url, _ = await a_record(tmp_path)
    await must_be_sound(url)
    await must_be_sound(f"sqlite+aiosqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("how", ["scribbled over", "cut short", "no database"])
async def test_a_damaged_record_is_refused_and_not_touched(tmp_path: Path, how: str) -> None:
    url, file = await a_record(tmp_path)
    raw = file.read_bytes()
    if how == "scribbled over":
        broken = raw[:4096] + b"\xff" * 8192 + raw[12288:]
    else:
        broken = raw[: len(raw) // 2] if how == "cut short" else b"this is a text about a database" * 500
    file.write_bytes(broken)
    with pytest.raises(StoreRefused, match=r"b\.db is damaged \(.*put a backup in its place"):
        await must_be_sound(url)
    assert file.read_bytes() == broken
