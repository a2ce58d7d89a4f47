"""Owns cycles' turns and names: when one is due, which a venue time falls into, which one a record ran last. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.core.numbers import milliseconds

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def turn_at(at: datetime, cycle: timedelta) -> int:
    """The number of the turn that venue time ``at`` falls into: whole cycles since 1970."""
    return (at - EPOCH) // cycle


def due_at(turn: int, cycle: timedelta) -> datetime:
    """When a turn begins, venue time."""
    return EPOCH + turn * cycle


def named(turn: int, cycle: timedelta, early_at: datetime | None = None) -> str:
    """A cycle's name: its length in milliseconds, its turn and, of one beside its turn, its own time.

    A cycle beside its turn bears the number of the turn that ran last, so that numbers never fall in a record.
    """
    name = f"{cycle // MILLISECOND}:{turn}"
    return name if early_at is None else f"{name}:{milliseconds(early_at)}"


def last_turn(cycle_id: str, at: datetime, cycle: timedelta) -> int:
    """The turn that the last decision of a record was: by its name, where cycles are still as long, else by its time.

    Its time alone does not tell: where the clock was set back since the turn began it lies before that turn, which
    would then be run twice.
    """
    length, _, rest = cycle_id.partition(":")
    turn = rest.partition(":")[0]
    by_time = turn_at(at, cycle)
    same = length == str(cycle // MILLISECOND) and turn.isdecimal()
    return max(int(turn), by_time) if same else by_time
