"""`ballast certify` as a person starts it: asked at a terminal, rehearsed beside a local exchange, ended by Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.beside import CONFIG, Beside, an_exchange
from tests.e2e.folder import Folder

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    with an_exchange(tmp_path_factory.mktemp("exchange"), speed=1) as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path, exchange: Beside) -> Folder:
    (tmp_path / "portfolio.yaml").write_text(CONFIG, encoding="utf-8")
    return Folder(tmp_path, exchange.env)


ARGUMENTS = ("certify", "--config", "portfolio.yaml", "--samples", "1")


def asked(folder: Folder, word: str) -> tuple[int, str, str]:
    """Run it at a terminal where somebody types ``word``: exit code, stdout, stderr."""
    mine, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            folder.command(*ARGUMENTS, "--limit", "400"), cwd=folder.path, env=folder.environment(),
            stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        os.write(mine, f"{word}\n".encode())
        out, err = process.communicate(timeout=120)
    finally:
        os.close(mine)
        os.close(theirs)
    return process.returncode, out, err


def test_a_typed_amount_starts_it_and_the_table_says_what_passed(folder: Folder, exchange: Beside) -> None:
    code, out, err = asked(folder, "400 usdt")
    assert code == 0, err
    assert "never more than 400.00" in out
    assert "binance (local), account binance:1" in out
    assert out.rstrip().endswith("binance.local.json")
    assert "pass     client id: " in err
    body = json.loads((folder.path / "data" / "certificates" / "binance.local.json").read_text(encoding="utf-8"))
    assert (body["passed"], body["venue"], body["environment"]) == (True, "binance", "local")
    assert body["libraries"]["ccxt"]
    assert exchange.open_orders() == []


def test_any_other_word_ends_it_before_an_order(folder: Folder, exchange: Beside) -> None:
    before = exchange.health()["order_requests"]
    code, _, err = asked(folder, "yes")
    assert code == 1
    assert err.endswith("not done: that was not 400 usdt\n")
    assert exchange.health()["order_requests"] == before
    assert not (folder.path / "data" / "certificates").exists()


def test_told_to_end_in_the_middle_it_leaves_nothing_and_writes_nothing(folder: Folder, exchange: Beside) -> None:
    with folder.running(*ARGUMENTS, "--yes") as process:
        folder.wait(process, lambda: "look-up, open" in folder.tail())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert "pass     nothing left" in folder.tail()
    assert "ended before its end" in folder.tail()
    assert exchange.open_orders() == []
    assert not (folder.path / "data" / "certificates").exists()
