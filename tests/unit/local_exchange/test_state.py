"""The state file: one owner, one world, one process, and what was saved is there."""

from __future__ import annotations

import os
import sqlite3
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from bot.local_exchange.state import FileState, StateError
from bot.settings import load
from tests.unit.local_exchange.still_scene import START

SCENE = "tour seed 7"


def test_a_fresh_file_has_keys_and_nothing_saved(tmp_path: Path) -> None:
    state = FileState.open(tmp_path / "deep" / "exchange.db", SCENE)
    assert state.load() is None
    assert state.keys.key != state.keys.secret
    state.close()


def test_the_file_and_what_lies_beside_it_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        state = FileState.open(tmp_path / "exchange.db", SCENE)
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
        state.close()
    finally:
        os.umask(before)


async def test_keys_state_and_time_come_back_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "exchange.db"
    first = FileState.open(path, SCENE)
    await first.save(b"one", START)
    await first.save(b"two", START + timedelta(microseconds=1))
    first.close()
    again = FileState.open(path, SCENE)
    saved = again.load()
    assert saved is not None
    assert (saved.engine, saved.at) == (b"two", START + timedelta(microseconds=1))
    assert again.keys == first.keys
    again.close()


def as_killed(path: Path) -> Path:
    """A copy of what a killed process leaves on disk, its log included."""
    copy = path.with_name("copy.db")
    for suffix in ("", "-wal"):
        Path(f"{copy}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    return copy


async def test_what_was_saved_is_there_for_who_never_closed(tmp_path: Path) -> None:
    path = tmp_path / "exchange.db"
    killed = FileState.open(path, SCENE)
    await killed.save(b"filled", START)
    copy = as_killed(path)
    left = FileState.open(copy, SCENE)
    saved = left.load()
    assert saved is not None
    assert saved.engine == b"filled"
    left.close()
    killed.close()


def test_a_file_in_use_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "exchange.db"
    first = FileState.open(path, SCENE)
    with pytest.raises(StateError, match="in use by another local exchange"):
        FileState.open(path, SCENE)
    first.close()
    FileState.open(path, SCENE).close()


def test_an_account_does_not_move_to_another_world(tmp_path: Path) -> None:
    path = tmp_path / "exchange.db"
    FileState.open(path, SCENE).close()
    with pytest.raises(StateError, match="holds an account of 'tour seed 7', asked for is 'tour seed 8'"):
        FileState.open(path, "tour seed 8")
    FileState.open(path, SCENE).close()


def test_a_strange_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but somebody's notes\n" * 100)
    with pytest.raises(StateError, match="is not a local exchange's state file"):
        FileState.open(text, SCENE)
    assert text.read_text().startswith("not a database")
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE exchange (name TEXT)")
    connection.close()
    with pytest.raises(StateError, match="is not a local exchange's state file"):
        FileState.open(other, SCENE)


def test_the_key_pair_is_handed_out_as_a_bots_secret_files(tmp_path: Path) -> None:
    state = FileState.open(tmp_path / "exchange.sqlite", "a scene")
    state.hand_out(tmp_path / "keys")
    state.hand_out(tmp_path / "keys")
    state.close()
    text = "targets: {sleeves: {majors: {weight: 0.9, assets: [BTC]}}}\n"
    (tmp_path / "portfolio.yaml").write_text(text, encoding="utf-8")
    read = load(tmp_path / "portfolio.yaml", {"BALLAST_SECRETS_DIR": str(tmp_path / "keys")})
    assert read.venue.api_key is not None
    assert read.venue.secret is not None
    assert read.venue.api_key.get_secret_value() == state.keys.key
    assert read.venue.secret.get_secret_value() == state.keys.secret
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}
