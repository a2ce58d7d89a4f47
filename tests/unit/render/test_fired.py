from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.core.events import Event
from bot.core.registry import RULES
from bot.render.fired import KINDS, Fired, fired_body, fired_of, fired_view
from tests.unit.render.bodies import EVEN, OVER, a_body, one_line

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def rule_of(made: Fired, name: str) -> dict[str, Any]:
    return next(row for row in fired_body(made)["rules"] if row["rule"] == name)


def a_flow(kind: str, at: datetime = NOON) -> Event:
    return Event(f"flow:{kind}", at, "flow", {"at": at.isoformat(), "asset": "USDT", "amount": "8000", "kind": kind})


def test_nothing_decided_has_a_row_for_every_kind_and_rule_and_none_of_them_spoke() -> None:
    made = fired_body(fired_of([]))
    assert [row["kind"] for row in made["kinds"]] == list(KINDS)
    assert [row["rule"] for row in made["rules"]] == [each.id for each in RULES] == made["silent"]
    assert {row["count"] for row in made["kinds"]} == {0}
    assert all(row["first"] is None for row in made["kinds"])
    assert (made["decisions"], made["since"], made["until"]) == (0, None, None)


def test_a_kind_is_counted_by_action_and_shows_the_first_decision_with_its_reason() -> None:
    first, second = a_body(OVER), a_body(OVER, at="2026-01-05T12:10:00Z")
    (trim,) = [item for item in first["actions"] if item["kind"] == "trim"]
    row = next(row for row in fired_body(fired_of([first, second]))["kinds"] if row["kind"] == "trim")
    assert row["count"] == 2
    assert row["first"] == {
        "decision_id": first["decision_id"], "at": first["at"], "asset": "BTC", "rule": "R-A3", "why": trim["why"]
    }  # fmt: skip


def test_a_rule_acts_where_an_action_names_it_or_bears_its_mark_once_per_decision() -> None:
    made = fired_of([a_body(OVER), a_body(OVER, at="2026-01-05T12:10:00Z"), a_body(EVEN)])
    assert {name: rule_of(made, name)["acted"] for name in ("R-W2", "R-A1", "R-A2", "R-A3")} == dict.fromkeys(
        ("R-W2", "R-A1", "R-A2", "R-A3"), 2
    )
    assert rule_of(made, "R-A6")["acted"] == 0
    assert "R-A6" in fired_body(made)["silent"]


def test_a_gate_refuses_and_a_wish_it_refused_is_no_action() -> None:
    frozen = a_body(OVER, control={"kill": "freeze"})
    assert frozen["actions"] == []
    made = fired_of([frozen])
    assert rule_of(made, "R-G1") == {
        "rule": "R-G1", "acted": 0, "refused": 1, "held": 0, "read": 0, "first": frozen["decision_id"]
    }  # fmt: skip
    assert rule_of(made, "R-A3")["refused"] == 1
    trim = next(row for row in fired_body(made)["kinds"] if row["kind"] == "trim")
    assert (trim["count"], trim["refused"], trim["first"]) == (0, 1, None)


def test_a_hold_counts_for_the_rule_that_holds() -> None:
    still = a_body(EVEN)
    assert {item["rule"] for item in still["holds"]} == {"R-W2"}
    assert rule_of(fired_of([still]), "R-W2") == {
        "rule": "R-W2", "acted": 0, "refused": 0, "held": 1, "read": 0, "first": still["decision_id"]
    }  # fmt: skip


def test_a_reading_counts_where_it_says_something_and_not_where_it_is_false() -> None:
    calm = a_body(EVEN)
    alarmed = {**calm, "stress": 2, "alarms": ["correlation", "volatility"], "regime": "bear"}
    made = fired_of([calm, alarmed])
    read = {name: rule_of(made, name)["read"] for name in ("R-S7", "R-S8", "R-S9", "R-S14", "R-S15", "R-T2")}
    assert read == {"R-S7": 1, "R-S8": 1, "R-S9": 0, "R-S14": 1, "R-S15": 1, "R-T2": 1}


def test_money_from_outside_is_read_by_the_next_decision_and_own_transfers_by_none() -> None:
    before, after = a_body(EVEN, at="2026-01-05T11:00:00Z"), a_body(EVEN, at="2026-01-05T13:00:00Z")
    made = fired_of([before, after], [a_flow("transfer"), a_flow("deposit"), a_flow("withdrawal")])
    assert rule_of(made, "R-W9") == {
        "rule": "R-W9", "acted": 0, "refused": 0, "held": 0, "read": 2, "first": after["decision_id"]
    }  # fmt: skip
    assert "R-W9" in fired_body(fired_of([before, after], [a_flow("transfer")]))["silent"]


def test_people_see_the_kinds_the_rules_that_spoke_and_those_that_never_did() -> None:
    said = one_line(fired_view(fired_of([a_body(OVER)])))
    assert "1 decision from 2026-01-05 12:00:00 UTC" in said
    assert "BTC: R-W2: net 64.0%" in said
    spoke, silent = said.split("Never spoke")
    assert "R-A3" in spoke
    assert "R-A14" in silent
    assert "R-T8" in silent
    assert "it speaks in `check`" in silent
