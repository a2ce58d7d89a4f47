from __future__ import annotations

import itertools

import pytest

from bot.core.orders import LIVE, TERMINAL, TRANSITIONS, IllegalTransition, OrderState, client_id, moved


def test_every_state_has_its_row_and_terminal_states_take_nothing_more() -> None:
    assert set(TRANSITIONS) == set(OrderState)
    assert {state.value for state in TERMINAL} == {"filled", "cancelled", "rejected", "expired", "absent", "denied"}
    assert not TERMINAL & LIVE


@pytest.mark.parametrize(("now", "to"), list(itertools.product(OrderState, OrderState)))
def test_an_order_goes_only_where_there_is_a_road(now: OrderState, to: OrderState) -> None:
    if to == now or to in TRANSITIONS[now]:
        assert moved(now, to) == to
        return
    with pytest.raises(IllegalTransition, match=f"order state {now} cannot become {to}"):
        moved(now, to)


def test_what_is_unknown_leaves_only_on_proof() -> None:
    assert OrderState.DENIED not in TRANSITIONS[OrderState.UNKNOWN]
    assert OrderState.ABSENT in TRANSITIONS[OrderState.UNKNOWN]
    assert [state for state in OrderState if OrderState.ABSENT in TRANSITIONS[state]] == [OrderState.UNKNOWN]


def test_every_live_state_reaches_an_end() -> None:
    for state in LIVE:
        assert TRANSITIONS[state] & TERMINAL


def test_a_client_id_is_a_function_of_the_decision() -> None:
    first = client_id("paper", "main", "d1", "d1-1", 0, 0)
    assert first == client_id("paper", "main", "d1", "d1-1", 0, 0)
    assert (len(first), first[:2], first.isalnum(), first.islower()) == (26, "bp", True, True)
    others = {
        client_id("live", "main", "d1", "d1-1", 0, 0),
        client_id("paper", "second", "d1", "d1-1", 0, 0),
        client_id("paper", "main", "d2", "d1-1", 0, 0),
        client_id("paper", "main", "d1", "d1-2", 0, 0),
        client_id("paper", "main", "d1", "d1-1", 1, 0),
        client_id("paper", "main", "d1", "d1-1", 0, 1),
    }
    assert len(others - {first}) == 6
