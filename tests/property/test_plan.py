"""What holds of every plan, whatever the account: drawn accounts, drawn readings, drawn policies."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.core.assessment import Readings, Trend
from bot.core.instruments import is_swap
from bot.core.plan import plan
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot, build
from bot.core.wishes import Wish
from tests.rules.accounts import AT, account, actions, after, policy

ASSETS = ("BTC", "ETH", "SOL")
#: Fractions are kept to nine decimals, and a step of the market is the least that can be traded.
CENT = Decimal("0.01")
#: Fractions are kept to nine decimals, and nothing smaller than a step can be traded.
CRUMB = Decimal("0.00002")


@dataclass(frozen=True)
class Case:
    """An account (JSON values), a policy and the readings it is seen with."""

    account: Mapping[str, Any]
    policy: Policy
    table: Mapping[str, Readings]

    @property
    def snapshot(self) -> Snapshot:
        return build(self.account)

    def plan(self, snapshot: Snapshot | None = None) -> Plan:
        return plan(snapshot or self.snapshot, self.policy, table=self.table)


def _seldom() -> st.SearchStrategy[bool]:
    return st.sampled_from([False, False, False, True])


def _readings() -> st.SearchStrategy[Readings]:
    return st.builds(
        Readings,
        trend=st.sampled_from([None, *Trend]),
        regime_trend=st.sampled_from([None, *Trend]),
        exhausted=st.booleans(),
        overextended=_seldom(),
        parabolic=_seldom(),
        bottoming=st.booleans(),
        at_support=st.booleans(),
        oversold=st.booleans(),
        volatility=st.sampled_from([None, 0.1, 0.5, 1.0]),
        rsi=st.floats(0, 100),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    cuts = sorted(draw(st.lists(st.integers(5, 90), min_size=3, max_size=3, unique=True)))
    targets = {name: high - low for name, low, high in zip(ASSETS, [0, *cuts], cuts, strict=False)}
    cash = Decimal(100 - cuts[-1]) / 100
    floor = draw(st.sampled_from(["0", "0.02", "0.05"])) if cash > Decimal("0.05") else "0"
    return policy(
        targets,
        stables={"floor": floor, "refill": draw(st.sampled_from(["0", "0.005"]))},
        keep=draw(st.sampled_from([{}, {"BTC": "0.3"}])),
        futures=draw(st.booleans()),
        triggers={"goal": draw(st.sampled_from(["target", "midpoint", "edge"]))},
        trim={
            "increment": draw(st.sampled_from(["0.02", "0.05"])),
            "spot_share": draw(st.sampled_from(["0", "0.3", "0.6", "1"])),
            "prefer": draw(st.sampled_from(["sale", "hedge"])),
        },
        hedge={
            "enabled": draw(st.booleans()),
            "max_ratio": draw(st.sampled_from(["0.3", "1"])),
            "leverage": draw(st.sampled_from(["1", "2", "3"])),
        },
        costs={"min_ratio": draw(st.sampled_from(["0", "1"]))},
        limits={"gross": "3"},
        windows={"schedule": draw(st.sampled_from(["always", "always", "always", ["Mon-Fri 13:00-17:00"]]))},
    )


@st.composite
def cases(draw: st.DrawFn, *, sound: bool = False) -> Case:
    """``sound``: nothing is net short to begin with and nothing is in flight."""
    raw = [draw(st.integers(0, 100)) for _ in ASSETS] + [
        draw(st.integers(1, 60)),
        draw(st.sampled_from([0, 0, 1, 2, 5, 10, 40])),
    ]
    whole = sum(raw)
    *weights, cash, futures = (Decimal(part * 10_000 // whole) / 100 for part in raw)
    shorts: dict[str, Decimal] = {}
    longs: dict[str, Decimal] = {}
    for name, weight in zip(ASSETS, weights, strict=True):
        way = draw(st.sampled_from(["none", "none", "none", "short", "long"]))
        room = 2 * (futures - sum(shorts.values(), sum(longs.values(), Decimal(0))) / 2)
        size = min(Decimal(draw(st.integers(1, 100))) / (100 if sound else 80) * weight, room).quantize(CENT)
        if way == "short" and size > 0:
            shorts[name] = size
        elif way == "long" and size > 0:
            longs[name] = min(size, Decimal(5))
    body = account(
        dict(zip(ASSETS, weights, strict=True)),
        cash,
        futures=futures,
        shorts=shorts,
        longs=longs,
        books={f"{name}/USDT": draw(st.sampled_from([10**9, 10**9, 100_000, 10_000])) for name in ASSETS},
        funding={f"{name}/USDT:USDT": {"rate": draw(st.sampled_from(["0", "-0.0005", "0.0003"]))} for name in ASSETS},
        account={"can": draw(st.sampled_from([["swap", "transfer"], ["swap"], []]))},
        control={"kill": draw(st.sampled_from(["off"] * 9 + ["freeze"]))},
        memory=draw(memories()),
    )
    return Case(body, draw(policies()), {name: draw(_readings()) for name in ASSETS})


@st.composite
def memories(draw: st.DrawFn) -> dict[str, Any]:
    episodes = []
    for name in draw(st.sets(st.sampled_from(ASSETS), max_size=2)):
        up = draw(st.booleans())
        episodes.append(
            {
                "subject": name,
                "direction": "add" if up else "trim",
                "sign": "up" if up else "down",
                "goal": str(Decimal(draw(st.integers(0, 100))) / 100),
                "opened_at": AT.replace(hour=draw(st.integers(0, 11))),
                "rule": "R-A11" if up else "R-A3",
                "last_increment_at": AT.replace(hour=draw(st.integers(10, 11))),
                "left": draw(st.sampled_from([None, "0", "0.00001", "0.01", "0.03"])),
                "judged": True,
            }
        )
    sold = draw(st.sampled_from(["0", "0.1", "0.19"]))
    return {"episodes": episodes, "turnover": {"day": "2026-03-05", "sold": sold, "bought": "0"}}


# ---- the same input, the same bytes


def _shuffled(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        items = list(value.items())
        rng.shuffle(items)
        return {key: _shuffled(item, rng) for key, item in items}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        items = [_shuffled(item, rng) for item in value]
        rng.shuffle(items)
        return items
    return value


@given(cases(), st.integers(0, 1000))
def test_the_order_of_lists_and_maps_changes_no_byte(case: Case, seed: int) -> None:
    body = case.account
    turned = _shuffled(dict(body), random.Random(seed))
    first, second = case.plan(), plan(build(turned), case.policy, table=case.table)
    assert first.to_json() == second.to_json()
    assert first.to_json() == case.plan().to_json()


# ---- trims, reduce-only


@given(cases(sound=True))
def test_a_trim_neither_goes_under_its_goal_nor_turns_the_drift(case: Case) -> None:
    made = case.plan()
    for wish in actions(made):
        if wish.kind != "trim":
            continue
        exposure = made.assessment.exposure(wish.asset)
        assert wish.goal is not None
        assert -exposure.net <= wish.exposure_change < 0
        assert exposure.net + wish.exposure_change >= wish.goal - CRUMB
        if exposure.drift > 0 and wish.goal >= exposure.target:
            assert exposure.drift + wish.exposure_change >= -CRUMB


@given(cases())
def test_a_reduce_only_leg_never_grows_or_turns_a_position(case: Case) -> None:
    snapshot = case.snapshot
    size = {item.symbol: item.quantity for item in snapshot.positions}
    for wish in actions(case.plan(snapshot)):
        for leg in wish.legs:
            before = size.get(leg.symbol, Decimal(0))
            size[leg.symbol] = before + leg.qty
            if leg.reduce_only:
                assert abs(size[leg.symbol]) <= abs(before)
                assert size[leg.symbol] * before >= 0


# ---- after a plan


def _directions(made: Plan) -> dict[str, bool]:
    return {
        item.asset: item.exposure_change > 0
        for item in actions(made)
        if item.cls in ("normal", "floor") and item.exposure_change
    }


@given(cases(sound=True))
def test_after_a_whole_plan_the_next_one_never_turns_on_an_asset(case: Case) -> None:
    snapshot = case.snapshot
    first = case.plan(snapshot)
    second = case.plan(after(snapshot, first))
    before, then = _directions(first), _directions(second)
    turned = {name for name in before if name in then and before[name] != then[name]}
    assert not turned, (first.to_json(), second.to_json())


@given(cases(sound=True), st.integers(0, 12))
def test_any_prefix_of_fills_leaves_no_net_short_and_the_floor(case: Case, filled: int) -> None:
    snapshot = case.snapshot
    made = case.plan(snapshot)
    fell = after(snapshot, made, only=filled)
    now = case.plan(fell).assessment
    assert now.equity is not None
    for item in now.exposures:
        assert item.coins >= 0
        short = -min(Decimal(0), item.contracts)
        had = -min(Decimal(0), made.assessment.exposure(item.asset).contracts)
        assert short <= item.coins or short <= had
        assert item.net >= -CRUMB or item.net >= made.assessment.exposure(item.asset).net
    floor = case.policy.targets.stables.floor
    seen = made.assessment
    assert seen.equity is not None
    moved = any(item.moves for item in actions(made))
    if seen.stables.liquid >= floor * seen.equity and not moved:
        # Equity itself falls by the fees: what was the floor of before.
        assert now.stables.liquid >= floor * now.equity - CRUMB * seen.equity or _only_upkeep(actions(made))


def _only_upkeep(wishes: list[Wish]) -> bool:
    """Buying back a short takes its fee from the wallet even at the floor: safety and upkeep are not asked (R-G7)."""
    return all(item.cls in ("safety", "upkeep") for item in wishes)


# ---- scaling


def _scaled(body: Mapping[str, Any], factor: int) -> dict[str, Any]:
    def times(value: Any) -> str:
        return f"{Decimal(str(value)) * factor:f}"

    made = dict(body)
    made["balances"] = [
        {**item, "free": times(item["free"]), "locked": times(item["locked"])} for item in body["balances"]
    ]
    sizes = ("contracts", "initial_margin", "maintenance_margin")
    made["positions"] = [{**item, **{key: times(item[key]) for key in sizes}} for item in body["positions"]]
    made["books"] = {
        symbol: {side: [[price, times(amount)] for price, amount in levels] for side, levels in book.items()}
        for symbol, book in body["books"].items()
    }
    made["markets"] = {
        symbol: {**market, **{key: times(market[key]) for key in ("step", "min_notional")}}
        for symbol, market in body["markets"].items()
    }
    made["tickers"] = {
        symbol: {**ticker, "quote_volume": times(ticker["quote_volume"])} for symbol, ticker in body["tickers"].items()
    }
    return made


@given(cases(sound=True), st.sampled_from([10, 100]))
def test_an_account_ten_times_as_large_trades_ten_times_as_much(case: Case, factor: int) -> None:
    assume(not case.policy.targets.keep)  # in coins, which would have to grow too
    small = case.plan()
    large = plan(build(_scaled(case.account, factor)), case.policy, table=case.table)
    assume(not any(item.moves for item in [*actions(small), *actions(large)]))  # transfers are in whole cents
    mine = [(leg.symbol, leg.qty * factor) for item in actions(small) for leg in item.legs]
    assert mine == [(leg.symbol, leg.qty) for item in actions(large) for leg in item.legs]
    assert [item.why for item in small.holds if "dry powder" not in item.why] == [
        item.why for item in large.holds if "dry powder" not in item.why
    ]


# ---- unknown is not zero


@given(cases(sound=True), st.sampled_from(["price", "balance", "trend", "funding"]), st.sampled_from(ASSETS))
def test_what_is_not_known_never_adds_risk(case: Case, what: str, asset: str) -> None:
    body, table = {**case.account}, dict(case.table)
    if what == "price":
        body["tickers"] = {key: item for key, item in body["tickers"].items() if not key.startswith(asset)}
        body["books"] = {key: item for key, item in body["books"].items() if not key.startswith(asset)}
    elif what == "balance":
        body["gaps"] = [f"balances of {asset}: timed out"]
    elif what == "trend":
        table[asset] = Readings(volatility=0.5)
    else:
        body["funding"] = {key: item for key, item in body["funding"].items() if not key.startswith(asset)}
    made = plan(build(body), case.policy, table=table)
    held = any(item["asset"] == asset and Decimal(item["free"]) for item in body["balances"])
    everything = what == "balance" or (what == "price" and held)
    for wish in actions(made):
        if wish.cls in ("safety", "upkeep"):
            continue
        assert not everything, wish
        if wish.asset == asset and what in ("price", "trend"):
            assert wish.kind != "add"
        if wish.asset == asset and what == "funding":
            assert not any(is_swap(leg.symbol) and not leg.reduce_only for leg in wish.legs)
    if everything:
        assert all(item.cls == "safety" for item in actions(made))


def test_the_cases_are_worth_drawing() -> None:
    """The strategy gives plans with trims, adds, conversions and blocked wishes; else the properties say little."""
    kinds: set[str] = set()

    @settings(max_examples=400)
    @given(cases(sound=True))
    def look(case: Case) -> None:
        made = case.plan()
        kinds.update(item.kind for item in actions(made))
        kinds.update("blocked" for _ in made.blocked)

    look()
    assert {"trim", "add", "unhedge", "convert", "transfer", "blocked"} <= kinds, kinds
