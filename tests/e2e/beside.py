"""`ballast local-exchange` in a process of its own, as a bot and an onlooker see it."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.e2e.folder import Folder

ASSETS = ("BTC", "ETH", "SOL", "BNB")
# States of an order that never came to the venue.
ABSENT = {"denied", "absent", "rejected"}
OURS = "bt"  # b and the letter of mode testnet

# As fast as a venue beside the bot may be: whatever is read is a second or two old when it is used.
CONFIG = """
mode: testnet
cycle: 1m
kill_switch: off
venue: {id: binance, environment: local}
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.60, assets: {BTC: 0.5, ETH: 0.5}}
    others: {weight: 0.30, assets: [SOL, BNB]}
pace: {increment_interval: 1m, turnover_per_day: 1.0, orders_per_minute: 100, orders_per_hour: 10000}
execution: {slice_max: 0.003}
limits: {fees_per_day: 0.05, age_max: {quotes: 15m, balances: 15m, positions: 15m, funding: 1h}}
"""


@dataclass(frozen=True, slots=True)
class Beside:
    """A running exchange: where it answers and where its key pair is."""

    url: str
    keys: Path
    speed: int

    @property
    def env(self) -> dict[str, str]:
        """What a bot needs to trade there."""
        return {
            "BALLAST_LOCAL__URL": self.url,
            "BALLAST_LOCAL__SPEED": str(self.speed),
            "BALLAST_SECRETS_DIR": str(self.keys),
        }

    def health(self) -> dict[str, Any]:
        body: dict[str, Any] = self._get("/local/health")
        return body

    def orders(self) -> list[dict[str, Any]]:
        """Every order of the account, spot and futures, as the venue answers."""
        return [
            row
            for asset in ASSETS
            for path in ("/api/v3/allOrders", "/fapi/v1/allOrders")
            for row in self._signed(path, symbol=f"{asset}USDT")
        ]

    def open_orders(self) -> list[dict[str, Any]]:
        return [row for path in ("/api/v3/openOrders", "/fapi/v1/openOrders") for row in self._signed(path)]

    def _signed(self, path: str, **said: str) -> list[dict[str, Any]]:
        key, secret = ((self.keys / f"ballast_venue__{name}").read_text() for name in ("api_key", "secret"))
        at = round(datetime.fromisoformat(self.health()["venue_time"]).timestamp() * 1000)
        query = urlencode({**said, "timestamp": at, "recvWindow": 60_000})
        signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        rows: list[dict[str, Any]] = self._get(f"{path}?{query}&signature={signature}", {"X-MBX-APIKEY": key})
        return rows

    def _get(self, target: str, headers: dict[str, str] | None = None) -> Any:
        line = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            line.request("GET", target, headers=headers or {})
            answer = line.getresponse()
            body = json.loads(answer.read())
            assert answer.status == 200, body
            return body
        finally:
            line.close()


@contextmanager
def an_exchange(path: Path, *, speed: int = 60) -> Iterator[Beside]:
    """Serve in ``path`` until the end of the block."""
    path.mkdir(exist_ok=True)
    folder = Folder(path)
    arguments = ("--port", "0", "--state", "exchange.sqlite", "--keys", "keys", "--speed", str(speed))
    with folder.running("local-exchange", *arguments) as process:
        folder.wait(process, lambda: "local exchange at " in folder.tail())
        url = folder.tail().partition("local exchange at ")[2].partition(",")[0]
        yield Beside(url, path / "keys", speed)
        assert process.poll() is None, folder.tail()


def a_bot(path: Path, venue: Beside, **env: str) -> Folder:
    path.mkdir()
    (path / "portfolio.yaml").write_text(CONFIG, encoding="utf-8")
    return Folder(path, {**venue.env, "BALLAST_CONFIG": "portfolio.yaml", **env})


def agreed(bot: Folder, venue: Beside) -> int:
    """Record and venue hold the same orders, once each, filled alike; how many."""
    there = Counter(row["clientOrderId"] for row in venue.orders() if row["clientOrderId"].startswith(OURS))
    filled = {row["clientOrderId"]: Decimal(row["executedQty"]) for row in venue.orders()}
    rows = {row["client_id"]: row for row in bot.orders()}
    assert not [key for key, times in there.items() if times > 1]
    assert {key for key, row in rows.items() if row["state"] not in ABSENT} == set(there)
    assert not [row for row in rows.values() if row["state"] in {"intended", "submitted", "unknown"}]
    assert {key: Decimal(rows[key]["filled"]) for key in there} == {key: filled[key] for key in there}
    assert venue.open_orders() == []
    bot.proven()
    return len(there)
