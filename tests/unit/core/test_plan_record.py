from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from bot.core.plan_record import money, number
from tests.rules.accounts import account, decide, policy, reads
from tests.rules.scenarios import load

TOP = {
    "version", "decision_id", "at", "config_hash", "equity", "regime", "stress", "alarms", "unknown", "exposures",
    "stables", "triggers", "actions", "blocked", "holds", "after",
}  # fmt: skip


def body(name: str) -> dict[str, Any]:
    snapshot, wanted = load(name)
    made: dict[str, Any] = json.loads(decide(snapshot, wanted).to_json())
    return made


def test_a_plan_holds_every_key_of_the_contract() -> None:
    made = body("S4")
    assert set(made) >= TOP
    exposure = made["exposures"][0]
    assert set(exposure) >= {
        "asset", "sleeve", "spot", "futures", "net", "target", "band", "drift", "trend", "readings",
    }  # fmt: skip
    action = made["actions"][0]
    assert set(action) >= {
        "id", "rule", "kind", "class", "asset", "exposure_change", "funded_by", "depends_on", "legs", "cost", "benefit",
        "gates", "why",
    }  # fmt: skip
    assert set(action["legs"][0]) >= {"symbol", "side", "amount", "notional", "reduce_only"}
    assert set(action["cost"]) == {"fees", "spread", "impact", "funding", "total"}
    assert set(made["stables"]) == {"liquid", "dry_powder", "earn", "margin", "floor"}
    assert set(made["after"]) == {"exposures", "liquid_stables", "gross_leverage"}


def test_the_contracts_own_example_reads_as_it_is_written() -> None:
    made = body("S4")
    assert made["equity"] == "100000.00"
    (btc,) = [item for item in made["exposures"] if item["asset"] == "BTC"]
    assert (btc["net"], btc["target"], btc["band"], btc["drift"]) == (0.6, 0.5, [0.45, 0.55], 0.1)
    assert btc["trend"] == "range"
    assert made["triggers"] == [
        {"rule": "R-W2", "subject": "BTC", "why": "net 60.0% is 10.0 points over target 50.0%, band ±5.0"}
    ]
    sale, short = made["actions"][0]["legs"]
    assert (sale["amount"], sale["notional"], sale["side"]) == ("0.06", "3000.00", "sell")
    assert (short["amount"], short["notional"], short["reduce_only"]) == ("0.04", "2000.00", False)
    assert made["actions"][0]["exposure_change"] == -0.05
    assert made["after"]["exposures"]["BTC"] == 0.55
    assert made["after"]["gross_leverage"] == 0.79


def test_money_and_amounts_are_text_and_fractions_are_numbers() -> None:
    for name in ("S4", "S8", "S16"):
        for action in body(name)["actions"]:
            assert isinstance(action["exposure_change"], float)
            assert all(isinstance(leg[key], str) for leg in action["legs"] for key in ("amount", "notional"))


def test_what_did_not_pass_says_what_would_have() -> None:
    (refused,) = body("S21-shut")["blocked"]
    (verdict,) = refused["gates"]["not_passed"]
    assert set(verdict) == {"gate", "verdict", "until", "why", "nearest"}
    assert (verdict["gate"], verdict["until"]) == ("R-G5", "2026-03-09T13:00:00Z")
    assert refused["gates"]["passed"] > 10


def test_a_transfer_is_a_leg_from_one_wallet_to_another() -> None:
    made = decide(account({"BTC": 58}, 42), policy({"BTC": 50}), {"BTC": reads()}).body()
    assert made["actions"][0]["legs"] == [{"asset": "USDT", "amount": "1760", "from": "spot", "to": "futures"}]


def test_what_is_unknown_is_null_and_named() -> None:
    made = body("S16")
    assert "ETH trend" in made["unknown"]
    blind = account({"BTC": 58}, 42)
    blind["tickers"] = {}
    seen = decide(blind, policy({"BTC": 50}), {}).body()
    assert seen["equity"] is None
    assert (seen["exposures"][0]["net"], seen["stables"]["liquid"]) == (None, None)
    assert seen["after"] == {"exposures": {}, "liquid_stables": None, "gross_leverage": None}


def test_a_fraction_has_nine_decimals_at_most_and_no_negative_nothing() -> None:
    assert number(Decimal(1) / 3) == 0.333333333
    assert str(number(Decimal("-0.0000000001"))) == "0.0"
    assert number(None) is None


@pytest.mark.parametrize(("amount", "text"), [("1.005", "1.00"), ("1234567.891", "1234567.89"), ("-0.5", "-0.50")])
def test_money_is_written_to_the_cent(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text
    assert money(None) is None
