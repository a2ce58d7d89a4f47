"""One bot, two venues' wires, much going wrong on either: the record proves itself and agrees with the exchange."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.e2e.beside import CONFIG, Beside
from tests.e2e.folder import FULL, Folder

CYCLES, CALM = (500, 20) if FULL else (60, 4)
SPEED, STARTS = 300, 20
AT_ONCE = 100  # cycles of one process: a long run is restarted now and then
# A cycle is a second here: what is read may be some seconds old without being late. Faster, a start on a busy machine
# would last so long that more faults came due meanwhile than it met.
SLOW = CONFIG.replace("cycle: 1m", "cycle: 5m").replace("15m", "3h").replace("funding: 1h", "funding: 6h")
# States of an order that never came to the venue, of one whose fate is not known, and of one that may still fill.
ABSENT = {"denied", "absent", "rejected"}
UNSURE = {"intended", "submitted", "unknown"}
RESTING = {"open", "partly_filled"}
OURS = "bt"  # b and the letter of mode testnet
SEEDS = {"binance": 11, "bybit": 12}
pytestmark = pytest.mark.timeout(9_000 if FULL else 400)


@contextmanager
def an_exchange(path: Path, venue: str, *more: str, speed: int = SPEED) -> Iterator[Beside]:
    """Serve a kind of account in ``path`` until the end of the block; what it says at its end is in its log."""
    folder = Folder(path)
    folder.path.mkdir(exist_ok=True)
    folder.log.write_bytes(b"")
    arguments = ("--venue", venue, "--port", "0", "--state", "exchange.sqlite", "--keys", "keys", "--speed", str(speed))
    with folder.running("local-exchange", *arguments, *more) as process:
        folder.wait(process, lambda: "local exchange at " in folder.tail())
        url = folder.tail().partition("local exchange at ")[2].partition(",")[0]
        yield Beside(url, path / "keys", speed)


def run(path: Path, venue: Beside, name: str, cycles: int) -> Folder:
    """Run it as a supervisor does: a start that meets a fault ends with one line, and is tried again."""
    bot = Folder(path, {**venue.env, "BALLAST_CONFIG": "portfolio.yaml"})
    bot.path.mkdir(exist_ok=True)
    (bot.path / "portfolio.yaml").write_text(SLOW.replace("id: binance", f"id: {name}"), encoding="utf-8")
    for begun in range(0, cycles, AT_ONCE):
        for _ in range(STARTS):
            done = bot.ballast("run", "--cycles", str(min(AT_ONCE, cycles - begun)))
            assert "Traceback" not in done.stderr, done.stderr[-3_000:]
            if done.returncode == 0:
                break
        assert done.returncode == 0, done.stderr[-3_000:]
    return bot


def at_binance(venue: Beside) -> dict[str, tuple[str, Decimal]]:
    """Our orders by client id: the venue's number and what filled."""
    rows = [row for row in venue.orders() if row["clientOrderId"].startswith(OURS)]
    assert [key for key, times in Counter(row["clientOrderId"] for row in rows).items() if times > 1] == []
    return {row["clientOrderId"]: (str(row["orderId"]), Decimal(row["executedQty"])) for row in rows}


def at_bybit(venue: Beside) -> dict[str, tuple[str, Decimal]]:
    """The same in Bybit's dialect, page by page."""
    rows: list[dict[str, Any]] = []
    for category in ("spot", "linear"):
        cursor = ""
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = v5(venue, "/v5/order/history", {"category": category, "limit": "50", **more})
            rows += [row for row in page["list"] if row["orderLinkId"].startswith(OURS)]
            cursor = page["nextPageCursor"].replace("%3A", ":")
            if not cursor:
                break
    assert [key for key, times in Counter(row["orderLinkId"] for row in rows).items() if times > 1] == []
    return {row["orderLinkId"]: (row["orderId"], Decimal(row["cumExecQty"])) for row in rows}


def v5(venue: Beside, path: str, said: dict[str, str]) -> Any:
    key, secret = ((venue.keys / f"ballast_venue__{name}").read_text() for name in ("api_key", "secret"))
    stamp = str(round(datetime.fromisoformat(venue.health()["venue_time"]).timestamp() * 1000))
    window, query = "600000", urlencode(said)
    signed = hmac.new(secret.encode(), f"{stamp}{key}{window}{query}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "X-BAPI-API-KEY": key,
        "X-BAPI-TIMESTAMP": stamp,
        "X-BAPI-RECV-WINDOW": window,
        "X-BAPI-SIGN": signed,
    }
    line = http.client.HTTPConnection(venue.url.removeprefix("http://"), timeout=10)
    try:
        line.request("GET", f"{path}?{query}", headers=headers)
        body = json.loads(line.getresponse().read())
        assert body["retCode"] == 0, body
        return body["result"]
    finally:
        line.close()


@pytest.mark.parametrize("name", ["binance", "bybit"])
def test_chaos_on_either_wire_leaves_a_proven_record_that_agrees_with_the_exchange(name: str, tmp_path: Path) -> None:
    with an_exchange(tmp_path / "exchange", name, "--chaos", str(SEEDS[name])) as venue:
        run(tmp_path / "bot", venue, name, CYCLES).proven()
        told: dict[str, Any] = venue._get("/local/faults")  # noqa: SLF001 - the exchange's own path
    assert sum(told["bitten"].values()) >= 20
    assert len(told["bitten"]) >= 5

    with an_exchange(tmp_path / "exchange", name) as venue:
        bot = run(tmp_path / "bot", venue, name, CALM)
        there = (at_bybit if name == "bybit" else at_binance)(venue)
    rows = {row["client_id"]: row for row in bot.orders()}
    assert there
    assert set(there) == {key for key, row in rows.items() if row["state"] not in ABSENT}
    assert [row for row in rows.values() if row["state"] in UNSURE] == []
    over = {key: filled for key, (_, filled) in there.items() if rows[key]["state"] not in RESTING}
    assert {key: Decimal(rows[key]["filled"]) for key in over} == over
    bot.proven()
