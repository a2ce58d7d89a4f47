"""Owns the result of a record: what a bot that lived decided, in the form that a run over the past leaves. Reads only.

Of a long record not every decision is looked at again: those that acted, and so many others evenly apart. Fills,
payments, flows and the ledger come from every recorded fact all the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from bot.backtest.result import Result
from bot.backtest.tally import Tally
from bot.ports.panorama import Turn
from bot.ports.store import DecisionRow, Record

LOOKED_AT: Final = 4_000  # decisions that are read whole
PAGE: Final = 500


class Lived(Record, Protocol):
    """What is asked of a record: all that `Record` answers, decisions by number and without their plans."""

    async def turns_after(self, number: int, limit: int) -> Sequence[Turn]:
        """See `bot.ports.panorama.Panorama`."""
        ...

    async def numbered(self, numbers: Sequence[int]) -> Mapping[int, DecisionRow]:
        """See `bot.ports.panorama.Panorama`."""
        ...


async def lived(
    record: Lived,
    *,
    name: str,
    currency: str,
    config: Mapping[str, Any],
    since: datetime | None = None,
    until: datetime | None = None,
) -> Result | None:
    """What came of the decisions from ``since`` to ``until``; None where there is none."""
    turns = await _turns(record, since, until)
    if not turns:
        return None
    numbers = chosen(turns)
    tally = Tally(currency)
    for first in range(0, len(numbers), PAGE):
        page = numbers[first : first + PAGE]
        rows = await record.numbered(page)
        for number in page:
            if number in rows:
                tally.take_body(json.loads(rows[number].plan_json))
    tally.counts.clear()
    tally.counts.update(_counts(turns))
    notes = []
    if len(numbers) < len(turns):
        notes.append(
            f"{len(numbers):,} of {len(turns):,} decisions are looked at, all that acted: a low between is unseen"
        )
    return await tally.result(record, name=name, config=config, notes=notes)


async def _turns(record: Lived, since: datetime | None, until: datetime | None) -> list[Turn]:
    found: list[Turn] = []
    number = 0
    while page := await record.turns_after(number, PAGE * 10):
        number = page[-1].number
        found += [turn for turn in page if (since is None or turn.at >= since) and (until is None or turn.at <= until)]
    return found


def chosen(turns: Sequence[Turn], most: int = LOOKED_AT) -> list[int]:
    """The numbers of the decisions that are looked at: first, last, all that acted, and every so many of the others."""
    step = max(1, len(turns) // most)
    last = len(turns) - 1
    return [
        turn.number
        for place, turn in enumerate(turns)
        if place % step == 0 or place == last or turn.outcome == "actions"
    ]


def _counts(turns: Sequence[Turn]) -> Counter[str]:
    counts: Counter[str] = Counter(decisions=len(turns))
    counts["holds"] = sum(turn.outcome == "hold" for turn in turns)
    for turn in turns:
        for word in ("actions", "blocked"):
            for told in turn.summary.get(word, ()):
                counts[f"{word}.{str(told).partition(' ')[0]}"] += 1
    return counts
