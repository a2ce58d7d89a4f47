"""Owns what a running bot says after each decision: a block where something changed, one line where nothing did."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from bot.render.orders import order_words
from bot.render.plan import assets_table, orders_table, refusal_of, sentence_of, stables_line, verdict_words, wish_words
from bot.render.words import counted, instant, money

Body = Mapping[str, Any]
NUMBERS: Final = re.compile(r"[-+−]?\d[\d.,:TZ-]*")
WHOLE_EVERY: Final = 60  # cycles after which the table is shown again though nothing changed


class Teller:
    """Remembers what it said last, so that a cycle a second stays readable."""

    def __init__(self, currency: str = "", *, sends: bool = True) -> None:
        self._currency = currency
        self._doing = "Does" if sends else "Would do"
        self._said: frozenset[str] = frozenset()
        self._quiet = 0

    def block(self, body: Body, did: Sequence[Body] = (), notes: Sequence[str] = ()) -> RenderableType:
        """What to show of one cycle: its plan's body, the orders that came of it, and what else there is to say."""
        gist = _gist(body)
        news = bool(body["actions"] or did or notes or gist != self._said)
        before, self._said = self._said, gist
        self._quiet = 0 if news else self._quiet + 1
        if not news and self._quiet % WHOLE_EVERY:
            return self._line(body)
        parts: list[RenderableType] = [Text(), self._head(body), assets_table(body), stables_line(body)]
        if body["actions"]:
            parts += [Text(self._doing, style="bold"), orders_table(body["actions"])]
            parts += [sentence_of(item) for item in body["actions"]]
        parts += [refusal_of(item) for item in body["blocked"] if _key(item) not in before]
        parts += _folded("still refused", [wish_words(item) for item in body["blocked"] if _key(item) in before])
        parts += [_hold(item) for item in body["holds"] if _key(item) not in before]
        same = [item["asset"] for item in body["holds"] if _key(item) in before]
        parts += _folded("hold as before" if len(same) != 1 else "holds as before", same)
        parts += [Text(f"Did  {order_words(row)}", style="cyan") for row in did]
        parts += [Text(note, style="yellow") for note in notes]
        return Group(*parts)

    def _head(self, body: Body) -> Text:
        return Text.assemble(
            (instant(body["at"]), "bold"),
            f"  decision {body['decision_id']}  equity ",
            (f"{money(body['equity'])} {self._currency}".rstrip(), "bold"),
            f"  regime {body['regime']}  stress {body['stress']}",
        )

    def _line(self, body: Body) -> Text:
        waiting = [f"{item['kind']} {item['asset']} waits: {_gates(item)}" for item in body["blocked"]]
        word = counted(len(body["holds"]), "asset holds", "assets hold")
        farthest = _farthest(body)
        said = "; ".join(filter(None, [word, farthest, *waiting]))
        return Text(f"{instant(body['at'])}  equity {money(body['equity'])}  {said}", style="dim")


def _hold(item: Body) -> Text:
    nearest = f"; nearest: {item['nearest']}" if item["nearest"] else ""
    return Text.assemble((f"{item['asset']} holds", "dim"), f" ({item['rule']}): {item['why']}{nearest}.")


def _folded(what: str, names: Sequence[str]) -> list[RenderableType]:
    return [Text(f"{', '.join(names)} {what}.", style="dim")] if names else []


def _gates(item: Body) -> str:
    return ", ".join(each["gate"] for each in item["gates"]["not_passed"] if each["verdict"] != "resize")


def _farthest(body: Body) -> str:
    """The asset nearest to the edge of its band or farthest beyond it."""
    known = [item for item in body["exposures"] if item["drift"] is not None and item["band"][1] > item["target"]]
    if not known:
        return ""
    item = max(known, key=lambda each: abs(each["drift"]) / (each["band"][1] - each["target"]))
    return f"{item['asset']} at {abs(item['drift']) / (item['band'][1] - item['target']):.0%} of its band"


def _key(item: Body) -> str:
    """What an entry says but for its numbers: two cycles that differ in numbers only say the same."""
    gates = "".join(verdict_words(each) for each in item["gates"]["not_passed"]) if "gates" in item else ""
    return NUMBERS.sub("#", f"{item['asset']} {item.get('kind', 'hold')} {item['rule']} {gates or item['why']}")


def _gist(body: Body) -> frozenset[str]:
    around = f"{body['regime']} {body['stress']} {sorted(body['alarms'])} {sorted(body['unknown'])}"
    trends = {f"{item['asset']} is {item['trend']}" for item in body["exposures"]}
    return frozenset({around, *trends, *(_key(item) for item in (*body["holds"], *body["blocked"]))})
