"""Owns how options name instants and spans of time; what is neither is told in one line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.cli.told import Told


def day_of(option: str, text: str) -> datetime:
    """An instant, UTC where no zone is named; raises Told."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Told(f"{option}: {text!r} is no date, must look like 2021-05-10 or 2021-05-10T08:00Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def duration_of(option: str, text: str) -> timedelta:
    """A span such as 15m; raises Told."""
    from bot.core.policy import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise Told(f"{option}: {error}") from None
