"""Which actions rest, at what price, and in how many slices an increment goes out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bot.core.instruments import Market
from bot.core.orders import OrderState
from bot.core.plan import plan
from bot.core.plan_record import Plan
from bot.core.snapshot import Book, Snapshot, Ticker
from bot.core.verdicts import Approved, Refused, Verdict
from bot.core.wishes import Leg, Wish
from bot.engine.action import cut, recorded_facts, sliced
from bot.engine.resting import in_the_way, own_side, rests
from tests.builders import NOON, D, a_market, a_policy, a_snapshot
from tests.unit.engine.test_execute import a_leg, a_wish, executed
from tests.unit.engine.world import a_world
from tests.unit.venues.simulated.scenes import SPOT, SWAP

MAKER = a_policy(execution={"style": "maker-then-taker", "slice_max": "0.10"})
TWAP = a_policy(execution={"style": "twap", "slice_max": "0.02"})
EPISODIC: dict[str, Any] = {"cls": "normal", "direction": "trim", "goal": D("0.5")}


def planned(*wishes: Wish, snapshot: Snapshot | None = None) -> Plan:
    made = plan(snapshot or a_snapshot(), MAKER)
    return replace(made, actions=tuple(Approved(wish, 0, ()) for wish in wishes))


def quoted(bid: str | None, ask: str | None, book: tuple[str, str] | None = None, **over: Any) -> Snapshot:
    ticker = Ticker(bid=None if bid is None else D(bid), ask=None if ask is None else D(ask), at=NOON)
    books = {SPOT: Book(bids=((D(book[0]), D(1)),), asks=((D(book[1]), D(1)),), at=NOON)} if book else {}
    return a_snapshot().model_copy(update={"tickers": {SPOT: ticker}, "books": books, **over})


# ---- which


@pytest.mark.parametrize(
    ("over", "patient"),
    [
        ({}, True),
        ({"cls": "derisk"}, False),
        ({"cls": "safety"}, False),
        ({"cls": "upkeep"}, False),
        ({"cls": "floor"}, False),
        ({"repairs": "d1-1"}, False),
        ({"direction": None}, False),
        ({"goal": None}, False),
    ],
)
def test_only_what_can_wait_and_has_an_episode_rests(over: dict[str, Any], patient: bool) -> None:
    made = planned(a_wish(a_leg("-5"), **{**EPISODIC, **over}))
    assert rests(made, 0, MAKER, a_snapshot()) is patient


@pytest.mark.parametrize(("turn", "patient"), [(None, True), (False, True), (True, False)])
def test_an_episode_whose_order_rested_in_vain_takes(turn: bool | None, patient: bool) -> None:
    episode = {"subject": "BTC", "direction": "trim", "goal": "0.5", "opened_at": NOON, "rule": "R-A3"}
    snapshot = a_snapshot(memory={"episodes": [{**episode, "taker_turn": turn}]})
    assert rests(planned(a_wish(a_leg("-5"), **EPISODIC)), 0, MAKER, snapshot) is patient


@pytest.mark.parametrize("word", ["funded_by", "depends_on"])
def test_what_another_action_leans_on_does_not_rest(word: str) -> None:
    sale = a_wish(a_leg("-5"), **EPISODIC)
    name = planned(sale).action_id(0)
    made = planned(sale, a_wish(a_leg("4", SWAP), **{**EPISODIC, word: (name,)}))
    assert [rests(made, number, MAKER, a_snapshot()) for number in (0, 1)] == [False, True]


def test_only_what_cannot_wait_has_its_way_made() -> None:
    made = planned()
    wish = a_wish(a_leg("-5"), a_leg("-3", SWAP))
    for cls, gate, names in (
        ("normal", "R-G15", frozenset()),
        ("derisk", "R-G5", frozenset()),
        ("derisk", "R-G15", {SPOT, SWAP}),
        ("safety", "R-G15", {SPOT, SWAP}),
    ):
        over: dict[str, Any] = {"cls": cls}
        blocked = (Refused(replace(wish, **over), 0, (Verdict(gate, "defer"),)),)
        assert in_the_way(replace(made, blocked=blocked)) == names


# ---- at what price


@pytest.mark.parametrize(
    ("qty", "limit", "snapshot", "price"),
    [
        ("-1", "98", quoted("99.9", "100.1"), "100.1"),
        ("1", "102", quoted("99.9", "100.1"), "99.9"),
        ("-1", None, quoted("99.9", "100.1"), "100.1"),
        ("1", None, quoted("99.9", "100.1"), "99.9"),
        ("1", "99.5", quoted("99.9", "100.1"), "99.5"),  # the floor's cap is lower than the bid (R-G7)
        ("-1", "100.4", quoted("99.9", "100.1"), "100.4"),
        ("-1", "98", quoted("99.9", "100.1", ("99.7", "100.3")), "100.3"),  # the book knows better than the ticker
        ("-1", "98", quoted("99.91", "100.11"), "100.2"),  # on the tick, away from the other side
        ("1", "102", quoted("99.91", "100.11"), "99.9"),
        ("-1", "98", quoted("99.91", "100.11", markets={}), "100.11"),
        ("1", "102", quoted("0.04", "100.1"), None),
        ("1", "102", quoted(None, "100.1"), None),
        ("-1", "98", quoted("99.9", None), None),
        ("-1", "98", quoted("0", "100.1"), None),
        ("-1", "98", quoted("100.1", "100.1"), None),
        ("-1", "98", quoted("99.9", "100.1", tickers={}), None),
    ],
)
def test_a_resting_price_is_the_best_of_its_own_side(
    qty: str, limit: str | None, snapshot: Snapshot, price: str | None
) -> None:
    leg = Leg(SPOT, D(qty), D(100), limit=None if limit is None else D(limit))
    assert own_side(leg, snapshot) == (None if price is None else D(price))


# ---- how much


@pytest.mark.parametrize(
    ("coins", "slices"),
    [("10", 1), ("20", 1), ("20.001", 2), ("40", 2), ("50", 3), ("60", 3), ("61", 4)],
)
def test_twap_makes_the_fewest_equal_slices(coins: str, slices: int) -> None:
    wish = a_wish(a_leg(f"-{coins}"))
    share = sliced(wish, D(100_000), TWAP, {SPOT: a_market(SPOT)})
    assert share == Decimal(1) / slices


def test_safety_is_never_sliced_and_nothing_becomes_too_small() -> None:
    markets = {SPOT: a_market(SPOT)}
    assert sliced(a_wish(a_leg("-60"), cls="safety"), D(100_000), TWAP, markets) == 1
    assert sliced(a_wish(a_leg("-60")), None, TWAP, markets) == 1
    assert sliced(a_wish(), D(100_000), TWAP, markets) == 1
    large = {SPOT: a_market(SPOT, min_notional=D(3_000))}
    assert sliced(a_wish(a_leg("-60")), D(100_000), TWAP, large) == 1
    assert sliced(a_wish(a_leg("-60")), D(100_000), TWAP, {}) == Decimal(1) / 3


def test_an_amount_is_cut_to_whole_steps_towards_nothing() -> None:
    market = Market(step=D("0.1"), maker=D(0), taker=D(0))
    assert (cut(D("1.29"), market), cut(D("-1.29"), market), cut(D("-1.29"), None)) == (D("1.2"), D("-1.2"), D("-1.29"))


def test_an_action_that_the_plan_does_not_hold_has_no_facts() -> None:
    assert recorded_facts(planned(a_wish(a_leg("-5"))).to_json(), "d0-9") is None


# ---- own orders never meet


async def test_nothing_is_sent_against_an_own_order_that_rests() -> None:
    world = await a_world(policy=MAKER)
    sent = await executed(world, a_wish(a_leg("-5"), **EPISODIC), a_wish(a_leg("5"), rule="R-A4"))
    assert [item.state for item in sent] == [OrderState.OPEN, OrderState.DENIED]
    assert "an own order stands on it" in sent[1].why
    assert world.held() == D(600)


async def test_a_leg_that_is_less_than_a_step_is_left_out() -> None:
    world = await a_world(policy=MAKER)
    sent = await executed(world, a_wish(a_leg("-0.0004"), a_leg("-5", SWAP), **EPISODIC))
    assert [(item.symbol, item.state) for item in sent] == [(SWAP, OrderState.OPEN)]
