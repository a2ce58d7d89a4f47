"""Every gate that stops or shrinks a wish names the nearest thing that would have let it through, with both numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.assess import assess
from bot.core.desk import Desk
from bot.core.gate import TABLE
from bot.core.gates import data
from bot.core.plan_record import Plan
from bot.core.verdicts import Verdict
from bot.core.wishes import Leg, Wish
from tests.rules.accounts import AT, SATURDAY, account, decide, hold, policy, reads, seen
from tests.rules.gated import BTC, FLOOR, OFF, RANGE, SWAP, add, episode, floor, safety, trim
from tests.rules.scenarios import SCENARIOS, load

NUMBER = r"\d[\d,]*(?:\.\d+)?"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
#: Nobody can put a number on an operator's word, nor on what is not there at all.
WORDS = re.compile(r"an operator's `[a-z]+|`ballast approve|now (?:none|halted by the venue)$|now none[:;]")


def figures(text: str) -> int:
    """How many numbers and instants a text names."""
    return len(TIME.findall(text)) + len(re.findall(rf"(?<![\w.-]){NUMBER}", TIME.sub(" ", text)))


def told(nearest: str) -> bool:
    return bool(WORDS.search(nearest)) or figures(nearest) >= 2


def not_passed(made: Plan) -> Iterator[Verdict]:
    for done in made.actions:
        yield from done.not_passed
    for refused in made.blocked:
        yield from refused.not_passed


def aged(kind: str, seconds: int) -> Plan:
    body = account({"BTC": 58}, 40, futures=2, shorts={"BTC": 1})
    at = (AT - timedelta(seconds=seconds)).isoformat()
    body[kind] = [{**item, "at": at} for item in body[kind]]
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


def market(**filters: Any) -> Plan:
    body = account({"BTC": 58}, 42)
    body["markets"][BTC] |= filters
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


def book(bid: str, ask: str, size: str = "1000") -> Plan:
    body = account({"BTC": 58}, 42)
    body["books"] = {BTC: {"bids": [[bid, size]], "asks": [[ask, size]]}}
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


def bookless() -> Plan:
    body = account({"BTC": 58}, 42)
    body["books"], body["tickers"][BTC]["quote_volume"] = {}, None
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


def pair(memory: Mapping[str, Any] | None = None, **config: Any) -> Plan:
    """A short of 2 points that is owed."""
    broken = {"broken": [{"action": "d1-1", "symbol": SWAP, "contracts": "-0.04", "opened_at": AT}], **(memory or {})}
    futures = config.pop("futures", 2)
    weight = config.pop("weight", 52)
    wanted = policy({"BTC": config.pop("target", 50), "ETH": 10}, **config)
    return decide(seen({"BTC": weight}, 98 - weight - futures, futures=futures, memory=broken), wanted, RANGE)


def pegs() -> Plan:
    body = account({"BTC": 58}, 22)
    body["balances"].append({"wallet": "spot", "asset": "USDC", "free": "20000", "locked": "0"})
    body["tickers"]["USDC/USDT"] = {"bid": "0.985", "ask": "0.985", "last": "0.985"}
    stables = {"floor": "0.05", "assets": ["USDT", "USDC"]}
    return decide(body, policy({"BTC": 50}, stables=stables, **OFF), RANGE)


def spiking(**readings: Any) -> Plan:
    return decide(seen({"BTC": 58}, 42), policy({"BTC": 50}, **OFF), {"BTC": reads(**readings)})


def sends(seconds: int, count: int) -> dict[str, Any]:
    at = [AT - timedelta(seconds=seconds)] * count
    return {"memory": {"submitted_at": at, "orders_last_hour": count}}


ORDER = {"symbol": BTC, "side": "sell", "amount": "0.01", "price": "50000", "client_id": "b1", "state": "open"}
YESTERDAY = {"BTC": {"at": AT - timedelta(hours=1), "sign": "down"}}
BAR = {"last_bar_true_range": 4.0, "atr_before": 1.0, "closed_at": AT - timedelta(minutes=10)}

#: Gate -> scenes in which it stops or shrinks something.
SCENES: Mapping[str, Mapping[str, Callable[[], Plan]]] = {
    "R-G1": {"freeze": lambda: trim(control={"kill": "freeze"}), "halt": lambda: safety(control={"kill": "halt"})},
    "R-G2": {
        "balances": lambda: aged("balances", 121),
        "positions": lambda: aged("positions", 121),
        "feed": lambda: add(gaps=("feed dominance: 3 h old",)),
    },
    "R-G4": {
        "bar": lambda: spiking(**BAR),
        "move": lambda: spiking(atr=10.0, close=49_000.0),
        "spread": lambda: book("49800", "50200"),
        "before": lambda: trim(memory={"spikes": {"BTC": AT - timedelta(minutes=5)}}),
    },
    "R-G5": {
        "schedule": lambda: trim(config={"windows": {"schedule": ["Mon-Fri 13:00-17:00"]}}, at=SATURDAY),
        "spread": lambda: book("49960", "50040"),
        "depth": lambda: trim(books={BTC: 20_000}),
        "nothing": bookless,
    },
    "R-G6": {
        "interval": lambda: trim(**episode(5)),
        "cooldown": lambda: trim(memory={"ended": YESTERDAY}),
        "whipsaw": lambda: add(memory={"ended": YESTERDAY}),
        "turnover": lambda: trim(memory={"turnover": {"day": "2026-03-05", "sold": "0.2"}}),
        "less turnover": lambda: trim(memory={"turnover": {"day": "2026-03-05", "sold": "0.17"}}),
        "minute": lambda: trim(**sends(5, 10)),
        "hour": lambda: trim(**sends(600, 240)),
        "only a count": lambda: trim(memory={"orders_last_hour": 240}),
    },
    "R-G7": {"cut": lambda: decide(seen({"BTC": 42}, 8, earn=50), policy({"BTC": 50}), RANGE)},
    "R-G8": {
        "gross": lambda: decide(seen({"BTC": 42}, 58), policy({"BTC": 50}, limits={"gross": "0.45"}, **OFF), RANGE),
        "margin": lambda: pair(futures=Decimal("0.5")),
        "distance": lambda: pair(futures=Decimal("0.7"), hedge={"leverage": "3"}, limits={"top_up_distance": "0.34"}),
    },
    "R-G9": {"coins": lambda: decide(
        seen({"BTC": 2}, 88, futures=10, orders=[{**ORDER, "amount": "0.001"}],
             memory={"broken": [{"action": "d1-1", "symbol": SWAP, "contracts": "-0.04", "opened_at": AT}]}),
        policy({"BTC": 2, "ETH": 40}, hedge={"unwind": "0"}), RANGE)},
    "R-G10": {"cost": lambda: spiking(volatility=0.05)},
    "R-G11": {
        "value": lambda: market(min_notional="5001"),
        "amount": lambda: market(min_amount="0.11"),
        "step": lambda: market(step="0.2"),
        "halted": lambda: market(active=False),
    },
    "R-G12": {"pegs": pegs},
    "R-G13": {"fall": lambda: trim(memory={"unit_peak": "2.6", "unit_value": "1", "equity_seen": "100000"})},
    "R-G14": {"value": lambda: trim(70, {"trim": {"increment": "0.15"}})},
    "R-G15": {
        "tries": lambda: trim(memory={"wishes": {f"BTC:trim:{BTC}:-": 3}}),
        "halted": lambda: trim(memory={"halted_assets": ["BTC"]}),
        "in flight": lambda: trim(orders=[ORDER]),
        "unknown": lambda: trim(orders=[{**ORDER, "state": "unknown"}]),
    },
    "R-G16": {"owned": lambda: trim(memory={"owned": []})},
    "R-G17": {"approve": lambda: trim(config={"approve": "manual"})},
    "R-G18": {
        "fees": lambda: trim(memory={"day_fees": "0.006", "day_start_equity": "100000", "day": "2026-03-05"}),
        "loss": lambda: trim(memory={"day_start_equity": "120000", "day": "2026-03-05"}),
        "asset": lambda: add(
            orders=[{**ORDER, "symbol": SWAP, "side": "buy", "amount": "0.2"}],
            config={"limits": {"asset_over_target": "0.01"}}),
    },
}  # fmt: skip
EACH = [(gate, name) for gate, scenes in SCENES.items() for name in scenes]


@pytest.mark.parametrize(("gate", "name"), EACH, ids=[f"{gate} {name}" for gate, name in EACH])
def test_what_a_gate_did_not_let_through_names_the_nearest_thing_with_both_numbers(gate: str, name: str) -> None:
    found = [item for item in not_passed(SCENES[gate][name]()) if item.gate == gate]
    assert found
    for item in found:
        assert told(item.nearest), f"{item.why!r}: {item.nearest!r}"


def test_every_gate_has_a_scene_here() -> None:
    asked = {f"R-G{number}" for number in range(1, 19)}
    assert set(SCENES) == asked - {"R-G3"}  # without a price nothing is wished; its gate is asked below
    assert len({row.judge.__module__ for row in TABLE}) == 15


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_refusal_of_the_scenarios_names_both_numbers(name: str) -> None:
    for item in not_passed(decide(*load(name))):
        assert told(item.nearest), f"{item.gate}: {item.why!r}: {item.nearest!r}"


def test_a_number_and_nothing_to_compare_it_with_is_not_enough() -> None:
    assert not told("at most 20.0%")
    assert not told("a sane price")
    assert told("at most 20.0%, now 25.0%")
    assert told("15 min between increments: from 2026-03-05T12:01:10Z")
    assert told("an operator's `resume`")


def test_r_g3_names_the_price_that_is_not_there() -> None:
    state, wanted = seen({"BTC": 58}, 42), policy({"BTC": 50}, **OFF)
    desk = Desk(state, wanted, *assess(state, wanted, RANGE))
    wish = Wish("R-A3", "trim", "normal", "ETH", "", legs=(Leg("ETH/USDT", Decimal(-1), Decimal(2_500)),))
    _, verdict = data.sane(wish, desk)
    assert (verdict.verdict, verdict.nearest) == ("defer", "a sane price of ETH/USDT, now none")
    _, verdict = data.sane(replace(wish, cls="upkeep"), replace(desk, ledger=replace(desk.ledger, equity=None)))
    assert verdict.nearest == "a sane price for everything held, now none"


def test_an_order_too_many_says_when_the_next_may_go() -> None:
    (verdict,) = [item for item in not_passed(trim(**sends(5, 10))) if item.gate == "R-G6"]
    assert verdict.until == AT + timedelta(seconds=55)
    assert verdict.nearest == "at most 10 in one minute, with this 11; from 2026-03-05T12:01:05Z"
    (verdict,) = [item for item in not_passed(trim(**sends(600, 240))) if item.gate == "R-G6"]
    assert verdict.nearest == "at most 240 in one hour, with this 241; from 2026-03-05T12:50:10Z"


def test_a_wide_spread_is_told_as_a_spread_and_not_as_a_move() -> None:
    (verdict,) = [item for item in not_passed(book("49800", "50200")) if item.gate == "R-G4"]
    assert verdict.nearest.startswith("a spread of at most 50.0 bp, now 80.0 bp; 30 min of calm: from ")


def test_holds_over_kept_coins_name_both_numbers() -> None:
    wanted = policy({"BTC": 50}, keep={"BTC": "1.2"}, **OFF)
    found = hold(decide(seen({"BTC": 60}, 40), wanted, RANGE), "BTC", "R-T9")
    assert found.nearest == "over 1.2 coins held and some free, now 1.2 and 1.2; or one to hedge"


def test_what_is_let_through_has_nothing_to_name() -> None:
    assert list(not_passed(trim())) == []
    assert list(not_passed(floor())) == []
    assert FLOOR["stables"]["floor"] == "0.10"
