from __future__ import annotations

from typing import Any

import pytest

from bot.render.difference import difference_body, difference_view
from bot.render.plan import plan_view, verdict_words, wish_words
from tests.unit.render.bodies import EVEN, a_body, one_line, text_of


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(width: int) -> None:
    body = a_body()
    text = text_of(plan_view(body, "USDT"), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for leg in body["actions"][0]["legs"]:
        assert f"{leg['side']} {leg['amount']} {leg['symbol']}" in text
    assert "·····├────┼────┤····●" in text
    assert "100,000.00 USDT" in text


def test_an_action_is_told_with_both_its_legs_its_reason_its_cost_and_its_worth() -> None:
    body = a_body()
    said = one_line(plan_view(body))
    action = body["actions"][0]
    assert action["kind"] == "trim"
    assert len(action["legs"]) == 2
    assert f"Trim BTC −5.0 points ({action['rule']}): {action['why']}" in said
    assert "2,995.00" in said
    assert "worth 118.36" in said


def test_every_refusal_shows_its_gate_and_the_nearest_that_would_let_it_through() -> None:
    body = a_body(control={"kill": "freeze", "reason": "looking"})
    verdicts = [each for item in body["blocked"] for each in item["gates"]["not_passed"]]
    assert verdicts
    said = one_line(plan_view(body))
    for each in verdicts:
        assert f"{each['gate']} vetoes: {each['why']}; nearest: {each['nearest']}" in said


def test_a_deferral_names_its_instant() -> None:
    body = a_body(groups={"windows": {"schedule": ["Mon-Fri 13:00-17:00"]}}, at="2026-01-03T12:00:00Z")
    said = one_line(plan_view(body))
    assert "R-G5 defers: outside the window Mon-Fri 13:00-17:00; nearest: window opens 2026-01-05T13:00:00Z" in said


def test_an_instant_that_the_nearest_does_not_name_is_told() -> None:
    verdict = {"gate": "R-G6", "verdict": "defer", "until": "2026-01-05T13:00:00Z", "why": "too soon", "nearest": ""}
    assert verdict_words(verdict) == "R-G6 defers until 2026-01-05 13:00:00 UTC: too soon"
    named = {**verdict, "until": "2026-01-05T13:00:00.25Z", "nearest": "from 2026-01-05T13:00:00.25Z"}
    assert verdict_words(named) == "R-G6 defers: too soon; nearest: from 2026-01-05T13:00:00Z"


def test_a_size_that_rounds_to_nothing_is_left_out() -> None:
    action = {"kind": "add", "asset": "BNB", "rule": "R-A11", "exposure_change": 0.0004}
    assert wish_words(action) == "Add BNB (R-A11)"
    assert wish_words({**action, "exposure_change": 0.0006}) == "Add BNB +0.1 points (R-A11)"


def test_every_hold_shows_its_rule_its_reason_and_its_nearest() -> None:
    body = a_body(EVEN)
    assert not body["actions"]
    said = one_line(plan_view(body))
    for item in body["holds"]:
        assert f"{item['asset']} {item['rule']}: {item['why']} {item['nearest']}" in said


def test_what_is_unknown_is_shown_as_unknown() -> None:
    tickers: dict[str, Any] = {}
    body = a_body(tickers=tickers)
    assert body["equity"] is None
    text = text_of(plan_view(body, "USDT"))
    assert "equity ? USDT" in text
    assert "·····├────┼────┤·····" in text
    assert "Unknown: " in text


def test_brackets_in_a_reason_are_shown_as_they_are() -> None:
    body = a_body()
    body["holds"][0]["why"] = "asked [twice] :ok:"
    assert "asked [twice] :ok:" in text_of(plan_view(body))


def test_two_configurations_that_would_do_the_same_differ_in_nothing() -> None:
    body = a_body()
    assert difference_body(body, body)["differences"] == []
    assert "would do the same now" in one_line(difference_view(body, body))


def test_what_another_configuration_would_do_differently_is_told_by_asset() -> None:
    old, new = a_body(), a_body(groups={"trim": {"increment": "0.02"}})
    found = difference_body(old, new)["differences"]
    assert [each["asset"] for each in found] == ["BTC"]
    assert any("−5.0 points" in line for line in found[0]["old"])
    assert any("−2.0 points" in line for line in found[0]["new"])
    text = text_of(difference_view(old, new), 80)
    assert max(map(len, text.splitlines())) <= 80
