"""Owns how decisions become a timeline: holds and repeated refusals folded into one line. Reads a panorama, no more."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.ports.panorama import Panorama, Turn
from bot.render.decisions import decision_body

PAGE: Final = 12  # entries
KEPT: Final = 200  # decisions' words in memory
WORDS: Final = ("decision_id", "triggers", "actions", "blocked", "holds")
LOOKED_AT: Final = 500  # decisions at a time
LOOKS_MOST: Final = 4  # so that a page of a quiet record costs no more than one of a busy one


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a decision that acted, or a run of decisions that said the same. ``body``: the newest one's words."""

    newest: Turn
    oldest: Turn
    count: int
    body: Mapping[str, Any] | None = None

    @property
    def outcome(self) -> str:
        """hold, actions or blocked."""
        return self.newest.outcome


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first; ``before`` leads to the next page, None where the record begins."""

    entries: Sequence[Entry]
    before: int | None


class Bodies:
    """Keeps what was last told of decisions: a page that follows the bot asks for the same ones again and again."""

    def __init__(self, panorama: Panorama) -> None:
        self._panorama = panorama
        self._known: OrderedDict[int, Mapping[str, Any]] = OrderedDict()

    async def of(self, number: int) -> Mapping[str, Any] | None:
        """A decision's words; one at a time, so that a cycle in the same loop gets its turn in between."""
        if number not in self._known:
            await asyncio.sleep(0)
            row = (await self._panorama.numbered([number])).get(number)
            if row is None:
                return None
            body = decision_body(row)
            self._known[number] = {name: body.get(name, ()) for name in WORDS}
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(number)
        return self._known[number]


async def timeline(panorama: Panorama, bodies: Bodies, *, before: int | None = None, limit: int = PAGE) -> Page:
    """A page of the timeline below a decision's number."""
    entries: list[Entry] = []
    start = before
    ended = False
    for _ in range(LOOKS_MOST):
        turns = await panorama.turns(LOOKED_AT, before=start)
        ended = len(turns) < LOOKED_AT
        for turn in turns:
            if entries and _alike(entries[-1].oldest, turn):
                entries[-1] = Entry(entries[-1].newest, turn, entries[-1].count + 1)
            else:
                entries.append(Entry(turn, turn, 1))
        if ended or len(entries) > limit:
            break
        start = turns[-1].number
    shown = entries[:limit]
    more = len(entries) > limit or not ended
    told = [replace(entry, body=await bodies.of(entry.newest.number)) for entry in shown]
    return Page(told, shown[-1].oldest.number if more and shown else None)


def _alike(newer: Turn, older: Turn) -> bool:
    """Whether two neighbours say the same; a decision that acted stands alone."""
    if "actions" in (newer.outcome, older.outcome) or newer.outcome != older.outcome:
        return False
    return set(newer.summary.get("blocked", ())) == set(older.summary.get("blocked", ()))
