from __future__ import annotations

import json
import subprocess
import sys
from decimal import ROUND_UP, Context, localcontext
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.ran import Ballast
from tests.unit.cli.snapshots import CONFIG, a_config_file, a_snapshot, a_snapshot_file

OVER = {"BTC": 0.64, "ETH": 0.20}
EVEN = {"BTC": 0.54, "ETH": 0.36}


def test_s4_a_trim_is_split_into_a_sale_and_a_short_and_the_exit_code_is_2(ballast: Ballast) -> None:
    ran = ballast(
        "plan", "--config", a_config_file(ballast.folder), "--snapshot", a_snapshot_file(ballast.folder, OVER), "--json"
    )
    assert (ran.code, ran.err) == (2, "")
    legs = ran.json["actions"][0]["legs"]
    assert [(leg["symbol"], leg["side"], leg["amount"]) for leg in legs] == [
        ("BTC/USDT", "sell", "0.0599"),
        ("BTC/USDT:USDT", "sell", "0.0399"),
    ]


def test_where_nothing_is_to_do_the_exit_code_is_0(ballast: Ballast) -> None:
    ran = ballast(
        "plan", "--config", a_config_file(ballast.folder), "--snapshot", a_snapshot_file(ballast.folder, EVEN)
    )
    assert ran.code == 0
    assert "Would do" not in ran.out
    assert "inside its band" in ran.out


def test_the_table_shows_what_json_shows(ballast: Ballast) -> None:
    asked: list[str | Path] = [
        "plan",
        "--config",
        a_config_file(ballast.folder),
        "--snapshot",
        a_snapshot_file(ballast.folder, OVER),
    ]
    ran = ballast(*asked)
    assert ran.code == 2
    for leg in ballast(*asked, "--json").json["actions"][0]["legs"]:
        assert f"{leg['side']} {leg['amount']} {leg['symbol']}" in ran.out


def test_the_same_snapshot_gives_the_same_bytes_in_any_order_of_its_lists(ballast: Ballast) -> None:
    config = a_config_file(ballast.folder)
    body = a_snapshot(OVER)
    turned = {name: body[name] for name in reversed(body)} | {"balances": list(reversed(body["balances"]))}
    outs = set()
    for name, value in (("one", body), ("other", turned)):
        path = ballast.folder / f"{name}.json"
        path.write_text(json.dumps(value), encoding="utf-8")
        outs.add(ballast("plan", "--config", config, "--snapshot", path, "--json").out)
    assert len(outs) == 1


def test_an_asset_that_only_the_new_configuration_trades_is_told_with_its_share(ballast: Ballast) -> None:
    asked: list[str | Path] = [
        "plan",
        "--config",
        a_config_file(ballast.folder),
        "--snapshot",
        a_snapshot_file(ballast.folder, {"BTC": 0.57, "ETH": 0.33}),
        "--diff",
        a_config_file(ballast.folder, f"{CONFIG}triggers: {{band: {{points: 0.025}}}}\n", "new.yaml"),
    ]
    ran = ballast(*asked)
    assert ran.code == 0  # today's configuration holds
    said = " ".join(ran.out.split())
    assert "without it 0.0 % would be traded" in said
    found = {each["asset"]: each for each in ballast(*asked, "--json").json["differences"]}
    assert found["BTC"]["old_trades"] == 0
    assert found["BTC"]["new_trades"] == pytest.approx(0.03, abs=0.001)


def test_a_decision_is_reckoned_alike_whatever_a_library_did_to_the_decimal_context(ballast: Ballast) -> None:
    asked: list[str | Path] = [
        "plan",
        "--config",
        a_config_file(ballast.folder),
        "--snapshot",
        a_snapshot_file(ballast.folder, OVER),
        "--json",
    ]
    with localcontext(Context(prec=6, rounding=ROUND_UP)):
        strange = ballast(*asked).out
    assert strange == ballast(*asked).out


def test_diff_tells_what_another_configuration_would_do(ballast: Ballast) -> None:
    new = a_config_file(ballast.folder, f"{CONFIG}trim: {{increment: 0.02}}\n", "new.yaml")
    asked: list[str | Path] = [
        "plan",
        "--config",
        a_config_file(ballast.folder),
        "--snapshot",
        a_snapshot_file(ballast.folder, OVER),
    ]
    ran = ballast(*asked, "--diff", new)
    assert ran.code == 2
    assert "−5.0 points" in ran.out
    assert "−2.0 points" in ran.out
    assert "This edit would trade 2.0 % of the book now; without it 5.0 % would be traded." in " ".join(ran.out.split())
    body = ballast(*asked, "--diff", new, "--json").json
    (btc,) = body["differences"]
    assert btc["asset"] == "BTC"
    assert btc["old_trades"] == pytest.approx(0.05, abs=0.0002)
    assert btc["new_trades"] == pytest.approx(0.02, abs=0.0002)
    assert (body["old_trades"], body["new_trades"]) == (btc["old_trades"], btc["new_trades"])


BAD_SNAPSHOTS: list[tuple[dict[str, Any], str]] = [
    ({"balances": [{"wallet": "spot", "asset": "USDT", "free": "NaN"}]}, "balances[0].free"),
    ({"tickers": {"BTC/USDT": {"bid": 1, "ask": "x"}}}, "tickers.BTC/USDT.ask"),
    ({"tickers": {"BTC/USDT": {"bid": -1, "ask": 1}}}, "tickers.BTC/USDT.bid"),
    ({"venue": None}, "venue"),
    ({"colour": "red"}, "colour"),
    ({"candles": {"BTC/USDT": {"4h": [[1, 2, 3, -1, 2, 1]]}}}, "price that is not above 0"),
]


@pytest.mark.parametrize(("over", "named"), BAD_SNAPSHOTS, ids=[named for _, named in BAD_SNAPSHOTS])
def test_a_bad_snapshot_is_named_on_stderr_and_nothing_is_written(
    ballast: Ballast, over: dict[str, Any], named: str
) -> None:
    config, path = a_config_file(ballast.folder), a_snapshot_file(ballast.folder, OVER, **over)
    before = sorted(ballast.folder.rglob("*"))
    ran = ballast("plan", "--config", config, "--snapshot", path)
    assert (ran.code, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 1
    assert named in ran.err
    assert sorted(ballast.folder.rglob("*")) == before


def test_a_snapshot_without_a_field_and_one_that_is_no_json_are_named(ballast: Ballast) -> None:
    config, path = a_config_file(ballast.folder), ballast.folder / "s.json"
    body = a_snapshot(OVER)
    del body["markets"]
    path.write_text(json.dumps(body), encoding="utf-8")
    ran = ballast("plan", "--config", config, "--snapshot", path)
    assert (ran.code, ran.err) == (1, f"{path}: markets: is missing\n")
    path.write_text("{", encoding="utf-8")
    assert ballast("plan", "--config", config, "--snapshot", path).code == 1
    missing = ballast("plan", "--config", config, "--snapshot", ballast.folder / "none.json")
    assert (missing.code, len(missing.err.splitlines())) == (1, 1)


def test_a_snapshot_file_needs_no_network_no_database_and_no_clock(tmp_path: Path) -> None:
    script = (
        "import sys, socket\n"
        "def closed(*_): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = closed\n"
        "from bot.cli.app import run\n"
        f"code = run(['plan', '--config', {str(a_config_file(tmp_path))!r}, '--snapshot', "
        f"{str(a_snapshot_file(tmp_path, OVER))!r}, '--json'])\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "found = tops & {'ccxt', 'sqlalchemy', 'alembic', 'sqlite3', 'aiohttp'}\n"
        "own = {'bot.store', 'bot.venues', 'bot.wiring', 'bot.engine.observe', 'bot.clocks'} & {*sys.modules}\n"
        "sys.exit(f'imported {sorted(found | own)}' if found | own else code)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["actions"]


def test_without_a_snapshot_a_difference_is_seen_with_what_both_configurations_look_at(ballast: Ballast) -> None:
    """The new configuration's own coins have candles, quotes and books, though the old one never asks for them."""
    quick = "local: {speed: step}\n"
    old = a_config_file(ballast.folder, quick + CONFIG)
    new = a_config_file(ballast.folder, quick + CONFIG.replace("ETH: 0.4", "BNB: 0.4"), "new.yaml")
    body = ballast("plan", "--config", old, "--diff", new, "--json").json
    (bnb,) = [item for item in body["new"]["exposures"] if item["asset"] == "BNB"]
    assert bnb["price"] is not None
    assert bnb["trend"] is not None
    unread = [each for each in body["new"]["unknown"] if "BNB" in each]
    alone = ballast("plan", "--config", new, "--json").json
    assert unread == [each for each in alone["unknown"] if "BNB" in each]
    assert [item["asset"] for item in body["new"]["actions"]] == [item["asset"] for item in alone["actions"]]
