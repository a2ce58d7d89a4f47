"""What holds of every plan with futures in it: drawn accounts in every regime, whatever part of a plan is filled."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.core.assessment import Readings, Trend
from bot.core.instruments import is_swap
from bot.core.numbers import utc_text
from bot.core.plan import plan
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.sizing import CLOSE_ENOUGH
from bot.core.snapshot import Snapshot, build
from bot.core.wishes import Wish
from tests.property.executions import Outcomes, executed, outcomes
from tests.rules.accounts import AT, account, actions, after, keys, spot, swap
from tests.rules.days import charts, moves

ASSETS = ("BTC", "ETH", "SOL")
CENT = Decimal("0.01")
#: Nothing smaller than a step can be traded, and fractions are kept to nine decimals.
CRUMB = Decimal("0.00002")
CHARTS = {
    "bear": charts({"BTC": moves(0, drift=-0.003), "ETH": moves(1, drift=-0.003), "SOL": moves(2, drift=-0.003)}),
    "unknown": {},
}


@dataclass(frozen=True)
class Case:
    """An account (JSON values), a policy and the readings it is seen with."""

    account: Mapping[str, Any] = field(repr=False)  # as long as its candles are
    policy: Policy
    table: Mapping[str, Readings]

    def plan(self, snapshot: Snapshot | None = None) -> Plan:
        return plan(snapshot or build(self.account), self.policy, table=self.table)


def _readings() -> st.SearchStrategy[Readings]:
    seldom = st.sampled_from([False, False, False, True])
    return st.builds(
        Readings,
        trend=st.sampled_from([Trend.RANGE, Trend.STABILISING_DOWN, Trend.STRONG_DOWN, Trend.STRONG_UP]),
        regime_trend=st.sampled_from([None, Trend.STRONG_DOWN, Trend.RANGE]),
        bottoming=st.booleans(),
        at_support=st.booleans(),
        recovered=st.booleans(),
        exhausted=seldom,
        parabolic=seldom,
        volatility=st.sampled_from([None, 0.5, 1.0]),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    cuts = sorted(draw(st.lists(st.integers(10, 85), min_size=3, max_size=3, unique=True)))
    targets = {name: high - low for name, low, high in zip(ASSETS, [0, *cuts], cuts, strict=False)}
    made = keys(
        targets,
        stables={"floor": draw(st.sampled_from(["0", "0.05", "0.10"])), "refill": "0"},
        model=None,
        add={"route": draw(st.sampled_from(["spot", "bridge"])), "increment": draw(st.sampled_from(["0.02", "0.05"]))},
        trim={
            "route": draw(st.sampled_from(["fixed", "cheapest"])),
            "prefer": draw(st.sampled_from(["sale", "sale", "hedge"])),
        },
        hedge={
            "leverage": draw(st.sampled_from(["1", "2", "3"])),
            "max_ratio": draw(st.sampled_from(["0.5", "1"])),
            "index": {"enabled": draw(st.booleans())},
        },
        bridge={"leverage": draw(st.sampled_from(["2", "3"]))},
        costs={"min_ratio": "0"},
        savings={"enabled": True},
    )
    made.pop("model")
    return Policy.model_validate(made)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Nothing is net short to begin with, nothing is in flight; a futures wallet with hedges and bridges in it."""
    raw = [draw(st.integers(0, 60)) for _ in ASSETS] + [
        draw(st.one_of(st.integers(0, 2), st.integers(0, 60))),
        draw(st.integers(2, 40)),
    ]
    *weights, cash, futures = (Decimal(part * 10_000 // sum(raw)) / 100 for part in raw)
    shorts: dict[str, Decimal] = {}
    longs: dict[str, Decimal] = {}
    facts: dict[str, list[dict[str, Any]]] = {"hedges": [], "bridges": []}
    room = futures
    for name, weight in zip(ASSETS, weights, strict=True):
        way = draw(st.sampled_from(["none", "short", "long"]))
        most = (weight * draw(st.integers(5, 50)) / 100) if way == "short" else Decimal(draw(st.integers(1, 5)))
        size = min(most, room).quantize(CENT)
        opened = utc_text(AT - timedelta(days=draw(st.integers(0, 40))))
        if way == "none" or size <= 0:
            continue
        room -= size  # half of it is margin at 2
        (shorts if way == "short" else longs)[name] = size
        fact = {"symbol": swap(name), "contracts": str(size), "opened_at": opened}
        if way == "short":
            facts["hedges"].append({**fact, "purpose": "hedge", "reason": draw(st.sampled_from(["R-A3", "R-A6"]))})
        else:
            facts["bridges"].append(fact)
    body = account(
        dict(zip(ASSETS, weights, strict=True)),
        cash,
        futures=futures,
        shorts=shorts,
        longs=longs,
        earn=draw(st.sampled_from([0, 10])),
        funding={swap(name): {"rate": draw(st.sampled_from(["0", "0", "-0.0005", "0.0003"]))} for name in ASSETS},
        candles=CHARTS[draw(st.sampled_from(["bear", "unknown", "unknown"]))],
        account={"can": ["swap", "transfer", "earn"]},
        savings={"USDT": {"product": "USDT001", "rate": "0.04", "instant": True}},
        memory=facts,
    )
    entry = draw(st.sampled_from(["1", "1", "0.95", "1.02", "1.15"]))
    body["positions"] = [
        {**item, "entry_price": f"{Decimal(item['entry_price']) * Decimal(entry):f}"} for item in body["positions"]
    ]
    return Case(body, draw(policies()), {name: draw(_readings()) for name in ASSETS})


# ---- any prefix of fills


@settings(max_examples=300)
@given(cases(), outcomes())
def test_any_prefix_of_fills_leaves_nothing_net_short_and_leverage_within_its_cap(case: Case, said: Outcomes) -> None:
    """Nor is a wallet overdrawn: a snapshot with a balance under 0 is refused."""
    snapshot = build(case.account)
    made = case.plan(snapshot)
    fell = executed(snapshot, made, case.policy, said)
    now = case.plan(fell).assessment
    for item in now.exposures:
        before = made.assessment.exposure(item.asset)
        assert item.coins >= 0
        assert -item.contracts <= item.coins, (item, made.to_json())
        assert item.net >= min(Decimal(0), before.net) - CRUMB, (item, made.to_json())
    for position in fell.positions:
        assert (position.leverage or 0) <= case.policy.limits.leverage


@settings(max_examples=300)
@given(cases(), outcomes())
def test_any_prefix_of_fills_leaves_the_floor_where_it_was_kept_before(case: Case, said: Outcomes) -> None:
    snapshot = build(case.account)
    made = case.plan(snapshot)
    seen = made.assessment
    floor = case.policy.targets.stables.floor
    assume(seen.equity and seen.stables.liquid >= floor * seen.equity)
    # A loss that a stop or a breaker realises is not held back by the floor.
    assume(not any(item.cls == "safety" for item in actions(made)))
    now = case.plan(executed(snapshot, made, case.policy, said)).assessment
    assert now.equity is not None
    # Fees come out of L and of E alike: the floor is a share of what E is now.
    assert now.stables.liquid >= floor * now.equity - CRUMB * now.equity, made.to_json()


@given(cases())
def test_a_conversion_keeps_net_exposure_within_one_round(case: Case) -> None:
    snapshot = build(case.account)
    made = case.plan(snapshot)
    for index, wish in enumerate(actions(made)):
        if wish.rule != "R-A13" or wish.kind != "convert":
            continue
        start = sum(len(item.legs) for item in actions(made)[:index])
        nets = [
            case.plan(after(snapshot, made, only=start + part)).assessment.exposure(wish.asset).net for part in range(3)
        ]
        # half a point of equity, or the venue's least where that is more
        assert abs(nets[1] - nets[0]) <= Decimal("0.0051"), made.to_json()
        assert abs(nets[2] - nets[0]) <= Decimal("0.0002"), made.to_json()


# ---- after a plan


@settings(max_examples=200)
@given(cases())
def test_after_a_whole_plan_the_next_one_never_turns_and_holds_what_reached_its_goal(case: Case) -> None:
    snapshot = build(case.account)
    first = case.plan(snapshot)
    second = case.plan(after(snapshot, first))
    then = {item.asset: item for item in actions(second) if item.cls != "safety" and item.exposure_change}
    for wish in actions(first):
        follows = then.get(wish.asset)
        if wish.cls == "safety" or not wish.exposure_change or follows is None:
            continue
        assert wish.exposure_change * follows.exposure_change > 0, (wish, follows)
        # The bear regime's steps are goals on a way that its hedge goes on with.
        if wish.goal is not None and wish.cls == "normal" and wish.asset not in _working(second):
            assert abs(second.assessment.exposure(wish.asset).net - wish.goal) > CLOSE_ENOUGH, (wish, follows)


def _working(made: Plan) -> set[str]:
    """Assets that something else than their own drift moves."""
    return {item.asset for item in actions(made) if item.cls != "normal"}


# ---- the same input, the same bytes; the same account ten times as large


def _turned(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, _turned(item, rng)) for key, item in value.items()]
        return dict(rng.sample(items, len(items)))
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_turned(item, rng) for item in rng.sample(value, len(value))]
    return value


@settings(max_examples=50)
@given(cases(), st.integers(0, 1000))
def test_the_order_of_inputs_changes_no_byte(case: Case, seed: int) -> None:
    turned = build(_turned(dict(case.account), random.Random(seed)))
    assert case.plan(turned).to_json() == case.plan().to_json()


def _times(body: Mapping[str, Any], factor: int) -> dict[str, Any]:
    """Balances, positions, books, minima, steps and volumes alike; prices and rates as they are."""

    def grown(item: Mapping[str, Any], *names: str) -> dict[str, Any]:
        return {**item, **{name: f"{Decimal(str(item[name])) * factor:f}" for name in names if name in item}}

    sizes = ("contracts", "initial_margin", "maintenance_margin")
    books = {
        symbol: {
            side: [[price, f"{Decimal(str(amount)) * factor:f}"] for price, amount in book[side]]
            for side in ("bids", "asks")
        }
        for symbol, book in body["books"].items()
    }
    facts = {name: [grown(item, "contracts") for item in items] for name, items in body["memory"].items()}
    charts_too = {
        symbol: {frame: [[*bar[:5], bar[5] * factor] for bar in bars] for frame, bars in frames.items()}
        for symbol, frames in body["candles"].items()
    }
    return {
        **body,
        "balances": [grown(item, "free", "locked") for item in body["balances"]],
        "positions": [grown(item, *sizes) for item in body["positions"]],
        "books": books,
        "markets": {symbol: grown(item, "step", "min_notional") for symbol, item in body["markets"].items()},
        "tickers": {symbol: grown(item, "quote_volume") for symbol, item in body["tickers"].items()},
        "candles": charts_too,
        "memory": facts,
    }


@settings(max_examples=50)
@given(cases(), st.sampled_from([10, 100]))
def test_scaling_the_account_and_its_market_scales_the_orders_alone(case: Case, factor: int) -> None:
    small, large = case.plan(), case.plan(build(_times(case.account, factor)))
    # Transfers are in whole cents and have a least of their own.
    assume(not any(item.moves for item in [*actions(small), *actions(large)]))
    mine = [(item.rule, leg.symbol, leg.qty * factor) for item in actions(small) for leg in item.legs]
    assert mine == [(item.rule, leg.symbol, leg.qty) for item in actions(large) for leg in item.legs]


# ---- unknown is not zero


def _opened(wishes: list[Wish]) -> dict[tuple[str, bool], Decimal]:
    """What is opened or bought by symbol and side: all that raises gross or net exposure."""
    found: dict[tuple[str, bool], Decimal] = {}
    for wish in wishes:
        for leg in wish.legs:
            closes = is_swap(leg.symbol) and leg.reduce_only and leg.qty < 0
            sells = not is_swap(leg.symbol) and leg.qty < 0
            if not closes and not sells:
                key = (leg.symbol, leg.qty > 0)
                found[key] = found.get(key, Decimal(0)) + abs(leg.qty)
    return found


def _without(body: Mapping[str, Any], what: str, asset: str) -> dict[str, Any]:
    made = {**body}
    if what == "funding":
        made["funding"] = {key: item for key, item in body["funding"].items() if key != swap(asset)}
    elif what == "balance":
        made["gaps"] = [f"balances of {asset}: timed out"]
    elif what == "price":
        for part in ("tickers", "books"):
            made[part] = {key: item for key, item in body[part].items() if key != spot(asset)}
    elif what == "book":
        made["books"] = {key: item for key, item in body["books"].items() if not key.startswith(asset)}
        made["tickers"] = {
            key: {"last": item["last"]} if key.startswith(asset) else item for key, item in body["tickers"].items()
        }
    elif what == "feed":
        made["gaps"] = ["feed sentiment: its newest value is 3 d old"]
    return made


@given(cases(), st.sampled_from(["funding", "balance", "price", "book", "feed", "trend"]), st.sampled_from(ASSETS))
def test_what_becomes_unknown_never_adds_an_order_that_raises_exposure(case: Case, what: str, asset: str) -> None:
    table = {**case.table, asset: Readings(volatility=0.5)} if what == "trend" else case.table
    blind = plan(build(_without(case.account, what, asset)), case.policy, table=table)
    free = [item for item in actions(blind) if item.cls != "safety"]
    kinds = {item.kind for item in free if what == "feed" or item.asset == asset}
    if what == "feed":
        assert not kinds & {"add", "bridge", "park"}
        return
    known = _opened(actions(case.plan()))
    new = {key: qty for key, qty in _opened(free).items() if key not in known and key[0].startswith(asset)}
    assert not new, (what, asset, new, blind.to_json())
    if what == "balance":
        assert not free
    if what == "funding":
        assert not any(leg.symbol == swap(asset) and not leg.reduce_only for item in free for leg in item.legs)
    if what in ("price", "book", "trend"):
        assert not kinds & {"add", "bridge"}


def test_the_cases_are_worth_drawing() -> None:
    """The strategy gives bridges, conversions, stops, hedges of every purpose, parking; else the rest says little."""
    kinds: set[str] = set()

    @settings(max_examples=200)
    @given(cases())
    def look(case: Case) -> None:
        kinds.update(item.kind for item in actions(case.plan()))

    look()
    wanted = {"add", "bridge", "convert", "stop", "hedge", "unhedge", "index_hedge", "derisk", "trim", "park", "recall"}
    assert wanted <= kinds, sorted(wanted - kinds)
