"""A noun's text is the one that pydantic and the JSON encoder would have made of it, whatever it holds."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bot.core.instruments import Market
from bot.core.memory import Memory
from bot.core.numbers import canonical_json, jsonable
from bot.core.snapshot import Balance, Book, Funding, History, OpenOrder, Position, Snapshot, Ticker
from bot.core.texts import fields_of, joined, text_of, texts_of_list, texts_of_map
from tests.builders import NOON, a_snapshot


def as_dumped(noun: BaseModel) -> str:
    return canonical_json(noun.model_dump(exclude_defaults=True, exclude_none=True))


PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    Decimal: st.decimals(0, 10**12, places=4) | st.sampled_from([Decimal("1E-9"), Decimal("5E+3"), Decimal("0.0")]),
    datetime: st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    str: st.text(max_size=4),
    float: st.floats(0, 2e12),
    int: st.integers(0, 9),
    bool: st.booleans(),
    type(None): st.none(),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation, unchecked: what matters here is how they are written."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return values_of(args[0])
    if origin is Literal:
        return st.sampled_from(args)
    if origin is tuple and args[1] is not ...:
        return st.tuples(*map(values_of, args))
    if origin is tuple:
        return st.lists(values_of(args[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(max_size=3), values_of(args[1]), max_size=2)
    if origin is not None:
        return st.one_of(*map(values_of, args))
    return PLAIN[kind] if kind in PLAIN else nouns(kind)


def nouns(kind: Any) -> st.SearchStrategy[Any]:
    if is_dataclass(kind) and isinstance(kind, type):
        return st.builds(kind, **{name: values_of(each) for name, each in get_type_hints(kind).items()})
    fields = {name: values_of(field.annotation) for name, field in kind.model_fields.items()}
    given = {name: field.is_required() for name, field in kind.model_fields.items()}
    return st.fixed_dictionaries(
        {name: fields[name] for name in fields if given[name]},
        optional={name: fields[name] for name in fields if not given[name]},
    ).map(lambda values: kind.model_construct(**values))


@pytest.mark.parametrize("kind", [Ticker, Funding, Market, Book, Balance, Position, OpenOrder, History])
@given(data=st.data())
@settings(max_examples=25)
def test_the_text_of_any_noun_is_that_of_its_dump(kind: type[BaseModel], data: st.DataObject) -> None:
    noun = data.draw(nouns(kind))
    assert text_of(noun) == as_dumped(noun)


@given(memory=nouns(Memory))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_the_fields_of_a_memory_joined_are_its_dump(memory: Memory) -> None:
    for _ in range(2):
        assert joined(fields_of("memory of this test", memory)) == as_dumped(memory)


def test_an_instant_of_another_zone_and_a_name_in_quotes_are_written_as_ever() -> None:
    east = datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    noun = OpenOrder(symbol='a"\\\u20ac/\n', side="buy", amount=Decimal("1.50"), client_id="x", state="open")
    assert text_of(noun) == as_dumped(noun)
    assert text_of(Ticker(last=Decimal("2E-9"), at=east)) == '{"at":"2026-03-01T00:00:00Z","last":"0.000000002"}'
    assert text_of(Ticker(at=east.astimezone(UTC))) == text_of(Ticker(at=east))


def test_a_field_that_goes_back_to_its_default_goes_out_of_the_text() -> None:
    full = Memory(halted_assets=("BTC",), wishes={"a": 1})
    assert fields_of("another memory", full) == {"halted_assets": '["BTC"]', "wishes": '{"a":1}'}
    assert fields_of("another memory", full.model_copy(update={"wishes": {}})) == {"halted_assets": '["BTC"]'}


def test_the_texts_of_nouns_are_those_of_the_whole() -> None:
    tickers = {"B/USDT": Ticker(bid=Decimal("1.0"), at=NOON), 'a"/USDT': Ticker(last=Decimal("2E-9"))}
    dumped = {name: noun.model_dump(exclude_defaults=True, exclude_none=True) for name, noun in tickers.items()}
    for _ in range(2):
        assert texts_of_map("tickers", tickers) == canonical_json(dumped)
    assert texts_of_list("tickers", tickers.values()) == canonical_json(list(dumped.values()))


def a_full_snapshot(**over: Any) -> Snapshot:
    return a_snapshot(
        books={"BTC/USDT": {"bids": [["99", "1"]], "asks": [["101", "2.50"]], "at": NOON}},
        history={"BTC/USDT:USDT": {"funding": [[1_700_000_000_000.0, "0.0001"]], "spread_median": "0.0002"}},
        orders=[{"symbol": "BTC/USDT", "side": "buy", "amount": "1", "client_id": "x", "state": "open"}],
        gaps=["funding: timed out"],
        feeds={"sentiment": {"market": [[1_700_000_000_000.0, "31"]]}},
        candles={"BTC/USDT": {"4h": [[0, 1, 2, 0.5, 1.5, 10], [14_400_000, 1.5, 2, 1, 1.25, 3]]}},
        **over,
    )


def test_the_text_of_a_snapshot_is_that_of_its_parts_written_at_once() -> None:
    for snapshot in (a_snapshot(), a_full_snapshot(), a_snapshot(balances={}, positions=[])):
        written = json.dumps(
            jsonable(snapshot.without_bars()), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        assert snapshot.text == written


def test_a_changed_copy_has_a_text_and_digests_of_its_own() -> None:
    snapshot = a_full_snapshot()
    before = (snapshot.text, snapshot.digest, snapshot.window, snapshot.balances_since)
    later = snapshot.model_copy(update={"at": NOON + timedelta(hours=1)})
    bars = np.array([[0.0, 1, 2, 0.5, 1.5, 11]])
    moved = snapshot.model_copy(update={"candles": {"BTC/USDT": {"4h": bars}}})
    held = snapshot.model_copy(
        update={"balances": (Balance(wallet="spot", asset="BTC", free=Decimal(1), at=NOON - timedelta(hours=1)),)}
    )
    assert later.text != before[0]
    assert len({before[1], later.digest, moved.digest, held.digest}) == 4
    assert (later.window == before[2], moved.window == before[2]) == (True, False)
    assert held.balances_since == NOON - timedelta(hours=1)
    assert (snapshot.text, snapshot.digest, snapshot.window, snapshot.balances_since) == before
