"""Owns what a running bot says after each decision: a block where something changed, one line where nothing did."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from bot.render.orders import order_words
from bot.render.plan import assets_table, orders_table, sentence_of, stables_line, verdict_words, wish_words
from bot.render.words import instant, money

Body = Mapping[str, Any]
NUMBERS: Final = re.compile(r"[-+−]?\d[\d.,:TZ-]*")
SLACK: Final = 1e-6  # a share of exactly 2 % is one, whatever floats make of it
WHOLE_EVERY: Final = 60  # cycles after which the table is shown again though nothing changed


class Teller:
    """Remembers what it said last, so that a cycle a second stays readable."""

    def __init__(self, currency: str = "", *, sends: bool = True) -> None:
        self._currency = currency
        self._sends = sends
        self._said: frozenset[str] = frozenset()
        self._quiet = 0

    def block(self, body: Body, did: Sequence[Body] = (), notes: Sequence[str] = ()) -> RenderableType:
        """What to show of one cycle: its plan's body, the orders that came of it, and what else there is to say."""
        gist = _gist(body)
        news = bool(body["actions"] or did or notes or gist != self._said)
        before, self._said = self._said, gist
        self._quiet = 0 if news else self._quiet + 1
        whole = not before or (not news and self._quiet % WHOLE_EVERY == 0)
        if not news and not whole:
            return self._line(body)
        refused = [item for item in body["blocked"] if whole or _key(item) not in before]
        holds = [item for item in body["holds"] if whole or _key(item) not in before]
        about = {item["asset"] for item in (*body["actions"], *refused, *holds)}
        about |= {item["asset"] for item in body["exposures"] if _trend(item) not in before}
        about &= {item["asset"] for item in body["exposures"]}  # what is parked is no asset with a band
        parts: list[RenderableType] = [Text(), self._head(body)]
        parts += [assets_table(body, about)] if about else []
        parts.append(stables_line(body))
        if body["actions"] and not self._sends:
            parts += [Text("Would do", style="bold"), orders_table(body["actions"])]
        parts += [sentence_of(item) for item in body["actions"]]
        parts += [Text(f"   did {order_words(row)}", style="cyan") for row in did]
        parts += _together([(wish_words(item), _refusal(item)) for item in refused], "is refused", "are refused")
        parts += _folded("still refused", [_short(item) for item in body["blocked"] if item not in refused])
        parts += _together([(item["asset"], _reason(item)) for item in holds], "holds", "hold")
        same = [*dict.fromkeys(item["asset"] for item in body["holds"] if item not in holds)]
        parts += _folded("hold as before" if len(same) != 1 else "holds as before", same)
        parts += [Text(note, style="yellow") for note in notes]
        return Group(*parts)

    def _head(self, body: Body) -> Text:
        return Text.assemble(
            (instant(body["at"]), "bold"),
            f"  {body['decision_id']}  equity ",
            (f"{money(body['equity'])} {self._currency}".rstrip(), "bold"),
            "" if body["regime"] == "unknown" else f"  {body['regime']}",
            (f"  stress {body['stress']}", "red") if body["stress"] else "",
        )

    def _line(self, body: Body) -> Text:
        """Short enough for 80 columns."""
        said = f"{len({item['asset'] for item in body['holds']})} hold"
        if body["blocked"]:
            gates = sorted({gate for item in body["blocked"] for gate in _gates(item).split(", ")})
            said += f", {len(body['blocked'])} wait ({', '.join(gates)})"
        else:
            said += _farthest(body)
        worth = f"{money(body['equity'])} {self._currency}".rstrip()
        return Text(f"{instant(body['at'])}  {worth}  {said}", style="dim")


def _together(said: Sequence[tuple[str, str]], one: str, several: str) -> list[RenderableType]:
    """Who is told the same is told it once."""
    by_words: dict[str, list[str]] = {}
    for name, words in said:
        known = by_words.setdefault(words, [])
        known += [] if name in known else [name]  # an asset may hold for one reason on both sides
    return [
        Text.assemble((f"{', '.join(names)} {one if len(names) == 1 else several}", "yellow"), f": {words}.")
        for words, names in by_words.items()
    ]


def _reason(item: Body) -> str:
    nearest = f"; nearest: {item['nearest']}" if item["nearest"] else ""
    return f"{item['rule']}: {item['why']}{nearest}"


def _refusal(item: Body) -> str:
    """A refusal in the gates' words: why it was wanted stands in the table, and in `explain`."""
    return ". ".join(verdict_words(each) for each in item["gates"]["not_passed"] if each["verdict"] != "resize")


def _folded(what: str, names: Sequence[str]) -> list[RenderableType]:
    return [Text(f"{', '.join(names)} {what}.", style="dim")] if names else []


def _short(item: Body) -> str:
    return f"{item['kind'].replace('_', ' ')} {item['asset']} ({_gates(item)})"


def _gates(item: Body) -> str:
    names = [each["gate"] for each in item["gates"]["not_passed"] if each["verdict"] != "resize"]
    return ", ".join(dict.fromkeys(names))


def _farthest(body: Body) -> str:
    """The asset nearest to the edge of its band or farthest beyond it, for the end of a line."""
    known = [item for item in body["exposures"] if item["drift"] is not None and item["band"][1] > item["target"]]
    if not known:
        return ""
    item = max(known, key=lambda each: abs(each["drift"]) / (each["band"][1] - each["target"]))
    share = abs(item["drift"]) / (item["band"][1] - item["target"])
    # Cut, not rounded: 100 % is where an asset triggers.
    return f", {item['asset']} at {math.floor(share * 100 + SLACK)}% of its band"


def _key(item: Body) -> str:
    """What an entry says but for its numbers; of a refusal, which gates refuse."""
    said = _gates(item) if "gates" in item else NUMBERS.sub("#", item["why"])
    return f"{item['asset']} {item.get('kind', 'hold')} {item['rule']} {said}"


def _trend(item: Body) -> str:
    return f"{item['asset']} is {item['trend']}"


def _gist(body: Body) -> frozenset[str]:
    around = f"{body['regime']} {body['stress']} {sorted(body['alarms'])} {sorted(body['unknown'])}"
    trends = {_trend(item) for item in body["exposures"]}
    return frozenset({around, *trends, *(_key(item) for item in (*body["holds"], *body["blocked"]))})
