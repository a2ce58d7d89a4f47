"""Canary keys over a wire that fails and repeats what it was told: they stand in no log, no file, no body (I15)."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.eavesdropper import a_wire, answer

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("running.py")
KEY = "canaryKEYcanaryKEYcanaryKEYcanaryKEYcanaryKEYcanaryKEYcanary0001"
SECRET = "canarySECRETcanarySECRETcanarySECRETcanarySECRETcanarySECRET0002"
HEADER = f"x-mbx-apikey: {KEY}".encode()
CONFIG = """
mode: testnet
cycle: 10m
venue: {id: binance, environment: local}
targets:
  stables: {weight: 0.5, floor: 0.05}
  sleeves: {majors: {weight: 0.5, assets: [BTC, ETH]}}
log: {level: debug}
limits: {age_max: {quotes: 6h, balances: 6h, positions: 6h, funding: 6h}}
"""
pytestmark = pytest.mark.timeout(300)


def trick(number: int, line: str, head: str) -> bytes | None:
    """Three of eleven requests go wrong, each in its own way, once the bot has begun."""
    if number < 30 or HEADER.decode() not in head.lower().replace(KEY.lower(), KEY):
        return None
    if number % 11 == 2:
        return b""
    if number % 11 == 5:
        return answer(502, f"<html>no upstream for key {KEY}</html>")
    if number % 11 == 8:
        return answer(401, {"code": -2014, "msg": f"API-key {KEY} with {SECRET} is not known; {line[:40]}"})
    return None


def without_header(request: bytes) -> bytes:
    return b"\r\n".join(line for line in request.split(b"\r\n") if line.lower() != HEADER.lower())


def everything_in(folder: Path, *, but: Path) -> bytes:
    """Every byte of every file, and every row of the record with what is deflated in it made readable."""
    found = [path.read_bytes() for path in folder.rglob("*") if path.is_file() and path != but]
    with closing(sqlite3.connect(folder / "data" / "ballast.db")) as record:
        for (table,) in record.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in record.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - its own tables
                found += [inflated(value) if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(found)


def inflated(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


async def test_the_keys_stand_nowhere_but_in_the_header_they_belong_into(tmp_path: Path) -> None:
    file = tmp_path / "portfolio.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    async with a_wire(KEY, SECRET, speed=600) as wire:
        wire.trick = trick
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "BALLAST_LOCAL__URL": wire.url,
            "BALLAST_LOCAL__SPEED": "600",
            "BALLAST_VENUE__API_KEY": KEY,
            "BALLAST_VENUE__SECRET": SECRET,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), str(file), "6", cwd=tmp_path, env=env,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), 120)
    told = said.decode()
    assert process.returncode == 0, told[-3_000:]
    # It went wrong, it was told of, and the canaries were there to be found.
    assert wire.tricks > 10
    assert "in the environment, where" in told
    assert sum(HEADER.lower() in request.lower() for request in wire.asked) > 30
    record = everything_in(tmp_path, but=file)
    assert b"not known; GET" in record  # what the wire said of the keys was written down, without them
    assert b"********" in record
    places = {
        "the log": said,
        "a file": record,
        "a request": b"".join(map(without_header, wire.asked)),
        "an answer": b"".join(wire.answered),
    }
    for what, text in places.items():
        for canary in (KEY, SECRET):
            assert canary.encode() not in text, f"{canary[:12]}… stands in {what}"
    assert SECRET.encode() not in b"".join(wire.asked)
