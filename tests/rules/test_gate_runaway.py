"""R-G15: nothing sent again and again in vain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.rules.accounts import actions
from tests.rules.gated import BTC, SWAP, safety, stopped, trim, unhedge


def test_r_g15_the_third_order_without_an_effect_halts_the_asset() -> None:
    key = {"memory": {"wishes": {f"BTC:trim:{BTC}:-": 3}}}
    assert stopped(trim(**key), "R-G15", "veto")
    assert trim(memory={"wishes": {f"BTC:trim:{BTC}:-": 2}}).actions != ()


@pytest.mark.parametrize("more", [{"control": {"halted_assets": ["BTC"]}}, {"memory": {"halted_assets": ["BTC"]}}])
def test_r_g15_a_halted_asset_is_left_alone(more: Mapping[str, Any]) -> None:
    assert stopped(trim(**more), "R-G15", "veto")
    assert trim(control={"halted_assets": ["ETH"]}).actions != ()


@pytest.mark.parametrize("more", [{"control": {"halted_assets": ["BTC"]}}, {"memory": {"halted_assets": ["BTC"]}}])
def test_r_g15_safety_acts_on_a_halted_asset_too(more: Mapping[str, Any]) -> None:
    assert [item.cls for item in actions(safety(**more))] == ["safety"]


def test_r_g15_safety_has_a_counter_of_its_own() -> None:
    tries = {"wishes": {f"BTC:safety unhedge:{SWAP}:+": 3}}
    assert [item.cls for item in actions(safety(memory=tries))] == ["safety"]
    assert unhedge(memory=tries).actions != ()
    assert stopped(unhedge(memory={"wishes": {f"BTC:unhedge:{SWAP}:+": 3}}), "R-G15", "veto")


@pytest.mark.parametrize("state", ["open", "unknown"])
def test_r_g15_not_even_safety_doubles_an_order_in_flight(state: str) -> None:
    order = {"symbol": SWAP, "side": "buy", "amount": "0.02", "price": "50000", "client_id": "b1", "state": state}
    assert stopped(safety(orders=[order]), "R-G15")


@pytest.mark.parametrize("state", ["open", "unknown"])
def test_r_g15_nothing_new_beside_an_order_in_flight(state: str) -> None:
    order = {"symbol": BTC, "side": "sell", "amount": "0.01", "price": "50000", "client_id": "b1", "state": state}
    assert stopped(trim(orders=[order]), "R-G15")
    assert trim(orders=[{**order, "symbol": "ETH/USDT"}]).actions != ()
