"""Owns the list of what an acceptance run looks at, and how each part notes what it saw. Asks no venue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.engine.certify.bench import Bench, failure
from bot.engine.certify.report import Item, Verdict
from bot.ports.errors import PortError, VenueError

Tell = Callable[[Item], None]


@dataclass(slots=True)
class Notes:
    """Where a part of the run puts its verdicts. ``names``: what the part owes an answer for, and whether needed."""

    names: dict[str, bool]
    tell: Tell
    items: list[Item] = field(default_factory=list)

    def add(self, name: str, verdict: Verdict, evidence: str) -> None:
        """One verdict; a name that is not owed is a mistake of ours and raises KeyError."""
        item = Item(name, verdict, evidence, self.names[name])
        self.items.append(item)
        self.tell(item)

    def holds(self, name: str, evidence: str, *, true: bool) -> None:
        """Pass where it is so, fail where it is not."""
        self.add(name, Verdict.PASS if true else Verdict.FAIL, evidence)

    def unknown(self, name: str, evidence: str) -> None:
        """Nobody could tell."""
        self.add(name, Verdict.UNKNOWN, evidence)

    def rest(self, why: str) -> None:
        """Everything owed that has no verdict yet is unknown."""
        known = {item.name for item in self.items}
        for name in self.names:
            if name not in known:
                self.unknown(name, why)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the run: what it looks at (and whether that is needed), and how."""

    names: dict[str, bool]
    act: Callable[[Bench, Notes], Awaitable[None]]

    async def run(self, bench: Bench, tell: Tell) -> list[Item]:
        """Its verdicts: what a failing venue keeps from being seen is unknown, never a pass."""
        notes = Notes(dict(self.names), tell)
        why = "was not come to"
        try:
            await self.act(bench, notes)
        except VenueError as error:
            why = failure(error)
        except PortError as error:
            why = f"our own permit: {error}"
        notes.rest(why)
        return notes.items
