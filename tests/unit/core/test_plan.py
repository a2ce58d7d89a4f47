from __future__ import annotations

from decimal import Decimal
from typing import Any

from bot.core.assess import readings
from bot.core.plan import plan
from bot.core.snapshot import build
from tests.rules.accounts import AT, account, actions, decide, policy, reads, seen

RANGE = {name: reads() for name in ("BTC", "ETH", "SOL")}
OFF: dict[str, Any] = {"hedge": {"enabled": False}}


def test_given_readings_decide_as_computed_ones_do() -> None:
    snapshot, wanted = seen({"BTC": 58}, 42, trends={"BTC": "range"}), policy({"BTC": 50})
    assert plan(snapshot, wanted, table=readings(snapshot, wanted)).to_json() == plan(snapshot, wanted).to_json()


def test_a_decision_is_named_after_the_snapshot_and_the_configuration() -> None:
    snapshot = seen({"BTC": 58}, 42)
    first = decide(snapshot, policy({"BTC": 50}), RANGE)
    assert first.decision_id == decide(snapshot, policy({"BTC": 50}), RANGE).decision_id
    assert first.decision_id != decide(snapshot, policy({"BTC": 49}), RANGE).decision_id
    assert first.decision_id != decide(seen({"BTC": 58}, "42.1"), policy({"BTC": 50}), RANGE).decision_id
    assert (len(first.decision_id), first.decision_id[0]) == (16, "d")


def test_every_asset_has_a_word() -> None:
    made = decide(seen({"BTC": 58, "ETH": 12}, 30), policy({"BTC": 50, "ETH": 12, "SOL": 8}, **OFF), RANGE)
    spoken = {item.asset for item in made.holds} | {item.asset for item in actions(made)}
    spoken |= {item.wish.asset for item in made.blocked}
    assert spoken == {"BTC", "ETH", "SOL"}


def test_the_most_overweight_for_its_band_goes_first_then_by_name() -> None:
    wanted = policy({"BTC": 40, "ETH": 20, "SOL": 8}, **OFF)
    made = decide(seen({"BTC": 46, "ETH": 25, "SOL": "10.4"}, "18.6"), wanted, RANGE)
    assert [item.asset for item in actions(made)] == ["BTC", "SOL", "ETH"]  # 6/5 and 2.4/2 alike, 5/5


def test_sales_come_before_purchases() -> None:
    wanted = policy({"BTC": 40, "ETH": 40}, **OFF)
    made = decide(seen({"BTC": 46, "ETH": 32}, 22), wanted, RANGE)
    assert [item.kind for item in actions(made)] == ["trim", "add"]


def test_with_equity_unknown_every_asset_holds_and_says_why() -> None:
    body = account({"BTC": 58, "ETH": 12}, 30)
    del body["tickers"]["ETH/USDT"], body["tickers"]["ETH/USDT:USDT"]
    made = decide(body, policy({"BTC": 50, "ETH": 12}), RANGE)
    assert (made.actions, made.blocked, made.events) == ((), (), ())
    assert {(item.asset, item.rule) for item in made.holds} == {("BTC", "R-G3"), ("ETH", "R-G3")}
    assert made.after.liquid_stables is None


def test_an_approved_step_opens_its_episode_and_a_blocked_one_does_not() -> None:
    made = decide(seen({"BTC": 58}, 42), policy({"BTC": 50}, **OFF), RANGE)
    (event,) = made.events
    assert (event.kind, event.at, event.key) == ("episode.opened", AT, f"{made.decision_id}:BTC:opened")
    assert event.body == {
        "subject": "BTC", "direction": "trim", "goal": 0.5, "rule": "R-A3", "sign": "down", "judged": True,
    }  # fmt: skip
    halted = decide(seen({"BTC": 58}, 42, control={"kill": "halt"}), policy({"BTC": 50}, **OFF), RANGE)
    assert halted.events == ()


def episode(subject: str = "BTC", sign: str = "down") -> dict[str, Any]:
    body = {"subject": subject, "direction": "trim" if sign == "down" else "add", "goal": "0.5", "rule": "R-A3"}
    return {"memory": {"episodes": [{**body, "sign": sign, "opened_at": AT, "judged": True}]}}


def ended(weight: Any, **more: Any) -> list[Any]:
    made = decide(seen({"BTC": weight}, 100 - Decimal(weight), **more), policy({"BTC": 50}, **OFF), {"BTC": reads()})
    return [item.body["why"] for item in made.events if item.kind == "episode.ended"]


def test_an_episode_ends_at_its_goal_when_it_turns_or_when_its_asset_is_gone() -> None:
    assert ended(50, **episode()) == ["at its goal"]
    assert ended(49, **episode()) == ["at its goal"]
    assert ended(44, **episode()) == ["at its goal"]
    assert ended(53, **episode()) == []
    assert ended(56, **episode(sign="up")) == ["at its goal"]
    assert ended(47, **episode(sign="up")) == []
    assert ended(50, **episode("DOGE")) == ["no longer configured"]


def test_an_open_episode_is_not_opened_again() -> None:
    made = decide(seen({"BTC": 58}, 42, **episode()), policy({"BTC": 50}, **OFF), RANGE)
    assert actions(made) != []
    assert made.events == ()


def test_after_is_the_account_as_the_actions_leave_it() -> None:
    made = decide(seen({"BTC": 58}, 42), policy({"BTC": 50}, **OFF), RANGE)
    assert made.after.exposures == {"BTC": Decimal("0.53")}
    assert made.after.liquid_stables == Decimal("0.46995")
    assert made.after.gross_leverage == Decimal("0.53")


def test_money_on_its_way_is_still_liquid_in_the_end() -> None:
    made = decide(seen({"BTC": 58}, 42), policy({"BTC": 50}), RANGE)
    assert [item.kind for item in actions(made)] == ["transfer"]
    assert made.after.liquid_stables == Decimal("0.42")


def test_facts_decide_alike_in_whatever_order_they_come() -> None:
    hedges = [
        {"symbol": "BTC/USDT:USDT", "purpose": purpose, "contracts": "0.01", "opened_at": AT}
        for purpose in ("hedge", "index")
    ]
    broken = [
        {"action": action, "symbol": "BTC/USDT:USDT", "contracts": "-0.01", "opened_at": AT}
        for action in ("d2-1", "d1-1")
    ]
    flows = [{"at": AT, "asset": "USDT", "amount": amount, "kind": "deposit"} for amount in ("1", "2")]
    history = {"BTC/USDT:USDT": {"funding": [[1, "0.0001"], [2, "0.0002"]]}}

    def made(turn: int) -> str:
        memory = {name: facts[::turn] for name, facts in (("hedges", hedges), ("broken", broken), ("flows", flows))}
        body = account({"BTC": 58}, 32, futures=10, shorts={"BTC": 1}, memory=memory, history=history)
        body["history"] = {"BTC/USDT:USDT": {"funding": history["BTC/USDT:USDT"]["funding"][::turn]}}
        body["account"] = {"can": ["swap", "transfer"][::turn]}
        body["control"] = {"halted_assets": ["XRP", "ADA"][::turn]}
        body["gaps"] = ["books: timed out", "feeds: timed out"][::turn]
        return plan(build(body), policy({"BTC": 50}), table=RANGE).to_json()

    assert made(1) == made(-1)
