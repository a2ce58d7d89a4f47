"""A bot that is killed outright leaves nothing resting where the venue has a dead-man's switch."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.beside import CONFIG, Beside
from tests.e2e.folder import Folder
from tests.e2e.test_two_wires import an_exchange, v5

# Time goes as fast as the host's, so that prices hardly move while an order rests.
SPEED = 1
WINDOW_S = {"binance": 5, "bybit": 3}
# There is too much BTC, which is trimmed by a hedge: a purchase rests on spot, a sale on the perpetual.
MAKER = (
    CONFIG.replace("cycle: 1m", "cycle: 8s")
    .replace("stables: {weight: 0.10", "stables: {weight: 0.65")
    .replace("majors: {weight: 0.60", "majors: {weight: 0.20")
    .replace("others: {weight: 0.30", "others: {weight: 0.15")
    .replace("execution: {slice_max: 0.003}", "execution: {style: maker-then-taker, maker_wait: 4h}")
)
MAKER += "trim: {prefer: hedge, spot_share: 0}\n"
CANCELLED = {"CANCELED", "Cancelled"}
OPEN = {"NEW", "New", "PARTIALLY_FILLED", "PartiallyFilled"}
pytestmark = pytest.mark.timeout(240)


def statuses(venue: Beside, name: str) -> list[str]:
    """Of every order on the BTC perpetual, which both venues' switches cover."""
    if name == "binance":
        return [row["status"] for row in venue._signed("/fapi/v1/allOrders", symbol="BTCUSDT")]  # noqa: SLF001
    said = {"category": "linear", "symbol": "BTCUSDT"}
    rows: list[dict[str, Any]] = v5(venue, "/v5/order/history", said)["list"]
    return [row["orderStatus"] for row in rows]


@pytest.mark.parametrize("name", ["binance", "bybit"])
def test_orders_of_a_killed_bot_go_by_themselves(name: str, tmp_path: Path) -> None:
    with an_exchange(tmp_path / "exchange", name, speed=SPEED) as venue:
        bot = Folder(tmp_path / "bot", {**venue.env, "BALLAST_CONFIG": "portfolio.yaml"})
        bot.path.mkdir()
        text = MAKER.replace("id: binance", f"id: {name}, dead_man: {WINDOW_S[name]}s")
        (bot.path / "portfolio.yaml").write_text(text, encoding="utf-8")

        def rests() -> bool:
            time.sleep(0.3)
            return bool(OPEN & set(statuses(venue, name)))

        process = bot.start("run")
        try:
            bot.wait(process, rests)
            time.sleep(2 * WINDOW_S[name])
            assert not CANCELLED & set(statuses(venue, name)), "nothing goes while the bot is heard"
            bot.wait(process, rests)
        finally:
            process.kill()
            process.wait(10)
        until = time.monotonic() + 6 * WINDOW_S[name]
        while rests() and time.monotonic() < until:
            continue
        assert CANCELLED & set(statuses(venue, name)), statuses(venue, name)
        assert not rests()
        assert "dead-man" not in bot.log.read_text(encoding="utf-8")
