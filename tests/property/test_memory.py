"""Memory is the fold of events and nothing else: known events change what they name, in their order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.core.events import Event
from bot.core.memory import Memory, fold, fold_all

START = datetime(2026, 3, 5, tzinfo=UTC)
ASSETS = ("BTC", "ETH")
AMOUNT = st.integers(1, 500).map(lambda number: Decimal(number) / 100)


def _fill(asset: str, qty: Decimal, sign: int, swap: bool, purpose: str) -> tuple[str, dict[str, Any]]:
    symbol = f"{asset}/USDT:USDT" if swap else f"{asset}/USDT"
    body = {"symbol": symbol, "qty": str(qty * sign), "price": "100", "equity": "100000", "fee_value": "1"}
    return "fill", {**body, "purpose": purpose if swap else "spot", "leverage": "2"}


def _opened(asset: str, up: bool) -> tuple[str, dict[str, Any]]:
    return "episode.opened", {
        "subject": asset,
        "direction": "add" if up else "trim",
        "goal": 0.5,
        "rule": "R-W2",
        "sign": "up" if up else "down",
    }


ASSET = st.sampled_from(ASSETS)
BODIES = st.one_of(
    st.builds(_fill, ASSET, AMOUNT, st.sampled_from([1, -1]), st.booleans(), st.sampled_from(["hedge", "bridge"])),
    st.builds(_opened, ASSET, st.booleans()),
    st.builds(
        lambda asset, left: ("episode.worked", {"subject": asset, "left": str(left), "filled": True}), ASSET, AMOUNT
    ),
    st.builds(lambda asset: ("episode.ended", {"subject": asset}), ASSET),
    st.builds(lambda asset: ("order.submitted", {"wish": f"{asset}:trim:"}), ASSET),
    st.builds(lambda asset: ("position.moved", {"asset": asset}), ASSET),
    st.builds(lambda asset: ("asset.halted", {"asset": asset}), ASSET),
    st.builds(lambda asset: ("asset.rearmed", {"assets": [asset]}), ASSET),
    st.builds(lambda asset: ("adopted", {"assets": [asset]}), ASSET),
    st.builds(lambda asset, amount: ("residual", {"asset": asset, "amount": str(amount)}), ASSET, AMOUNT),
    st.builds(lambda amount: ("seen", {"equity": str(amount), "unit_value": str(amount)}), AMOUNT),
    st.builds(lambda asset, paid: ("funding", {"symbol": f"{asset}/USDT:USDT", "paid": str(paid)}), ASSET, AMOUNT),
    st.just(("a.kind.of.the.record", {"anything": 1})),
)


def _events(bodies: list[tuple[str, dict[str, Any]]]) -> list[Event]:
    return [Event(f"k{at}", START + timedelta(minutes=at), kind, body) for at, (kind, body) in enumerate(bodies)]


def _sum(amounts: list[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


EVENTS = st.lists(BODIES, max_size=40).map(_events)


@given(EVENTS, st.integers(0, 40))
def test_a_checkpoint_and_the_events_after_it_are_the_whole_fold(events: list[Event], cut: int) -> None:
    whole = fold_all(events)
    assert fold_all(events[cut:], fold_all(events[:cut])) == whole
    kept = Memory.model_validate_json(fold_all(events[:cut]).model_dump_json())
    assert fold_all(events[cut:], kept) == whole


@given(EVENTS)
def test_folding_the_same_events_twice_over_gives_the_same_memory_and_leaves_the_first_alone(
    events: list[Event],
) -> None:
    first = fold_all(events)
    before = first.model_dump_json()
    assert fold_all(events).model_dump_json() == before
    fold_all(events, first)
    assert first.model_dump_json() == before


SETTLING = ("episode.ended", "position.moved", "asset.halted", "asset.rearmed", "adopted", "residual")


@given(EVENTS, st.sampled_from(SETTLING), ASSET)
def test_facts_that_settle_something_are_the_same_said_twice(events: list[Event], kind: str, asset: str) -> None:
    body = {"subject": asset, "asset": asset, "assets": [asset], "amount": "1"}
    event = Event("again", START + timedelta(days=1), kind, body)
    once = fold(fold_all(events), event)
    assert fold(once, event) == once


@given(EVENTS)
def test_what_it_does_not_know_changes_nothing(events: list[Event]) -> None:
    memory = fold_all(events)
    assert fold(memory, Event("x", START, "decision.recorded", {"anything": [1]})) is memory


@given(EVENTS)
def test_no_position_is_ever_negative_and_one_episode_stands_per_subject(events: list[Event]) -> None:
    memory = Memory()
    for event in events:
        memory = fold(memory, event)
        assert all(item.contracts > 0 for item in memory.hedges)
        assert all(item.contracts > 0 for item in memory.bridges)
        subjects = [item.subject for item in memory.episodes]
        assert subjects == sorted(set(subjects))
        assert len({(item.symbol, item.purpose) for item in memory.hedges}) == len(memory.hedges)


@given(st.lists(AMOUNT, min_size=1, max_size=8), st.lists(AMOUNT, max_size=8))
def test_a_hedge_is_what_was_shorted_less_what_was_bought_back(shorted: list[Decimal], bought: list[Decimal]) -> None:
    bodies = [_fill("BTC", qty, -1, swap=True, purpose="hedge") for qty in shorted]
    covered = [min(_sum(shorted), _sum(bought[: at + 1])) for at in range(len(bought))]
    parts = [now - before for before, now in zip([Decimal(0), *covered], covered, strict=False)]
    bodies += [_fill("BTC", qty, 1, swap=True, purpose="hedge") for qty in parts if qty]
    memory = fold_all(_events(bodies))
    left = _sum(shorted) - (covered[-1] if covered else 0)
    assert sum(item.contracts for item in memory.hedges) == left


@given(EVENTS, st.integers(0, 200))
def test_what_counts_by_hour_or_day_is_cut_to_the_present(events: list[Event], hours: int) -> None:
    now = START + timedelta(hours=hours)
    seen = fold_all(events).at(now)
    assert seen.orders_last_hour == len(seen.submitted_at)
    assert all(now - at < timedelta(hours=1) for at in seen.submitted_at)
    assert seen.turnover is None or seen.turnover.day == now.date().isoformat()
    assert seen.at(now) == seen


@given(st.permutations(range(6)))
def test_the_order_of_events_is_part_of_what_they_say(order: list[int]) -> None:
    """An episode that ended after it was opened is gone; one opened after an end stands."""
    events = [Event(f"k{at}", START, *_opened("BTC", up=True)) for at in range(3)]
    events += [Event(f"e{at}", START, "episode.ended", {"subject": "BTC"}) for at in range(3)]
    last = events[order[-1]]
    memory = fold_all([events[at] for at in order])
    assert bool(memory.episodes) == (last.kind == "episode.opened")
