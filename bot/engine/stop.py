"""Owns the kill level: its sources, the highest of them, what is sticky (R-G1). Sends and cancels nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.core.snapshot import KILL_LEVELS, Kill
from bot.ports.alerts import Alerts
from bot.ports.errors import StoreError
from bot.ports.store import ControlRow, Controls

#: How old the last look may be for anything to leave, by the wall clock: it goes on while a machine sleeps.
LOOKED_WITHIN: Final = timedelta(seconds=5)
CANCELS: frozenset[Kill] = frozenset({"halt", "flatten"})  # levels under which own open orders are cancelled


class SourceUnreadable(Exception):
    """A source of the kill level that cannot be read now; its text says why."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One source's word: level, why, who, since when (host time; None where nobody wrote it down)."""

    level: Kill = "off"
    reason: str = ""
    by: str = ""
    at: datetime | None = None


OFF = Standing()
PEOPLE = ("cli", "web", "dashboard", "file", "environment", "signal")  # whoever stands behind a request; before a colon


def severity(level: Kill) -> int:
    """0 for off, growing."""
    return KILL_LEVELS.index(level)


def asked_for(row: ControlRow) -> Standing:
    """What a request of a level asks for; a level nobody knows is the highest: unknown is never harmless."""
    level: Kill = next((known for known in KILL_LEVELS if known == row.value), "flatten")
    return Standing(level, row.why, row.who, row.at)


class KillWatch:
    """Effective level = the highest source. `look` reads them; `level` answers at once, from the last look.

    ``file`` answers the level the operator's file asks for, ``checks`` answer nothing; both raise `SourceUnreadable`,
    the latter by the name of what they check. A source that cannot be read freezes while it cannot. What a file or a
    signal set is written into the control table, so that only a resume there lowers it; a source that still says more
    keeps it. ``utc_now``: the host's wall clock, by which `unseen` tells that nobody looked lately.
    """

    def __init__(
        self,
        controls: Controls,
        alerts: Alerts,
        *,
        file: Callable[[], Kill] | None = None,
        checks: Mapping[str, Callable[[], None]] | None = None,
        environment: Kill = "off",
        utc_now: Callable[[], datetime] | None = None,
    ) -> None:
        self._controls = controls
        self._alerts = alerts
        self._file = file
        self._checks = checks or {}
        self._owed: list[Standing] = []  # set, and not yet in the table
        self._writing = asyncio.Lock()
        self._sources: dict[str, Standing] = {}
        self._rose = asyncio.Event()
        self._utc_now = utc_now
        self._looked_at: datetime | None = None
        self._looking = asyncio.Lock()
        if environment != "off":
            self._put("environment", Standing(environment, "BALLAST_KILL_SWITCH", "environment"))

    @property
    def standing(self) -> Standing:
        """The strongest source; of equal ones the durable one."""
        words = [self._sources.get("table", OFF), *self._sources.values(), *self._owed]
        return max(words, key=lambda item: severity(item.level))

    @property
    def level(self) -> Kill:
        """The effective level, without waiting for anything."""
        return self.standing.level

    @property
    def unseen(self) -> str:
        """Why the level may be another one than it was when it was looked at; empty where it is known, or no clock is.

        A machine that slept wakes with the level of before, and an order of before may be the first to go on.
        """
        if self._utc_now is None:
            return ""
        if self._looked_at is None:
            return "the kill switch was not looked at yet"
        age = self._utc_now() - self._looked_at
        if timedelta(0) <= age <= LOOKED_WITHIN:
            return ""
        most = LOOKED_WITHIN.total_seconds()
        return f"the kill switch was looked at {age.total_seconds():.1f} s ago, must be within {most:.0f} s"

    @property
    def rose(self) -> asyncio.Event:
        """Set when the level went up; whoever acts on it clears it."""
        return self._rose

    def set(self, level: Kill, by: str, reason: str) -> None:
        """Somebody asks for a level, at once and for good (a signal, the daemon's last resort)."""
        before = self.level
        self._owed.append(Standing(level, reason, by))
        self._note(before)

    def unreadable(self, name: str, why: str) -> None:
        """Freeze while ``name`` cannot be read."""
        if self._sources.get(f"unreadable {name}") is None:
            self._alerts.send("critical", f"{name} cannot be read, frozen while it cannot: {why}", key=f"kill:{name}")
        self._put(f"unreadable {name}", Standing("freeze", f"{name} cannot be read: {why}", name))

    def readable(self, name: str) -> None:
        """Lift what `unreadable` laid on."""
        if self._sources.pop(f"unreadable {name}", None) is not None:
            self._alerts.send("info", f"{name} can be read again", key=f"kill:{name}:again")

    def hold(self, name: str, why: str) -> None:
        """Freeze while something lasts that nobody has to resume from; told once."""
        if f"held {name}" not in self._sources:
            self._alerts.send("critical", f"frozen while it lasts: {why}", key=f"hold:{name}")
        self._put(f"held {name}", Standing("freeze", why, name))

    def release(self, name: str) -> None:
        """Lift what `hold` laid on."""
        if self._sources.pop(f"held {name}", None) is not None:
            self._alerts.send("info", f"{name} is well again", key=f"hold:{name}:again")

    async def look(self) -> None:
        """Read file and table, and write down what was set and is not in the table yet.

        One after the other: an older answer that comes later must not lower what a newer one said.
        """
        async with self._looking:
            begun = None if self._utc_now is None else self._utc_now()
            await self._look()
            self._looked_at = begun

    async def look_if_old(self) -> None:
        """Look where the last look is half as old as it may be: whoever looks otherwise may be kept waiting."""
        if self._utc_now is None:
            return
        age = None if self._looked_at is None else self._utc_now() - self._looked_at
        if age is None or not timedelta(0) <= age <= LOOKED_WITHIN / 2:
            await self.look()

    async def _look(self) -> None:
        self._look_at_file()
        for name, check in self._checks.items():
            try:
                check()
            except SourceUnreadable as error:
                self.unreadable(name, str(error))
            else:
                self.readable(name)
        try:
            await self._write_owed()
            row = await self._controls.kill()
        except StoreError as error:
            self.unreadable("the control table", str(error))
            return
        self.readable("the control table")
        if row is None:
            self._sources.pop("table", None)
            return
        self._put("table", asked_for(row))

    def _look_at_file(self) -> None:
        if self._file is None:
            return
        try:
            level = self._file()
        except SourceUnreadable as error:
            self.unreadable("the kill switch in the file", str(error))
            return
        self.readable("the kill switch in the file")
        before = self._sources.get("file", OFF).level
        if level == "off":
            self._sources.pop("file", None)
        elif level != before:
            word = Standing(level, "kill_switch in the configuration file", "file")
            self._put("file", word)
            if severity(level) > severity(self._sources.get("table", OFF).level):
                self._owed.append(word)

    async def _write_owed(self) -> None:
        """One at a time: the watch and a cycle may look together, and a request is written once."""
        async with self._writing:
            await self._write_each()

    async def _write_each(self) -> None:
        while self._owed:
            word = self._owed[0]
            await self._controls.request("kill", word.level, word.by, word.reason)
            # The table answers for it from here on; until it is read the source itself must not fall.
            self._sources["table"] = max(self._sources.get("table", OFF), word, key=lambda item: severity(item.level))
            self._owed.pop(0)

    def _put(self, name: str, word: Standing) -> None:
        before = self.level
        self._sources[name] = word
        self._note(before)

    def _note(self, before: Kill) -> None:
        if severity(self.level) <= severity(before):
            return
        self._rose.set()
        now = self.standing
        # What a person asked for is no news that has to be read before that person may resume.
        person = now.by.partition(":")[0] in PEOPLE
        self._alerts.send(
            "warning" if person else "critical",
            f"kill level {now.level}: {now.reason} ({now.by})",
            key=f"level:{now.level}",
        )
