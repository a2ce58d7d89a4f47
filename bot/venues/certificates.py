"""Owns the proof that a venue was seen to behave as the bot expects; mode live trades on no other. Writes none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.ports.errors import VenueError

FOLDER = "certificates"
LARGEST = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a venue passed: when, by which version of the bot."""

    venue: str
    at: datetime
    version: str


def certificate_of(folder: Path, venue: str) -> Certificate:
    """The certificate in a data folder; raises VenueError with one line where there is none, or none that holds."""
    path = folder / FOLDER / f"{venue}.json"
    if not path.is_file():
        raise VenueError(
            f"mode live needs a certificate of {venue} at {path}, and there is none: `ballast certify` makes it; "
            "until then use testnet or dry-run"
        )
    try:
        return _read(path, venue)
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise VenueError(f"{path}: is no certificate of {venue}: {error}; make it anew") from error


def _read(path: Path, venue: str) -> Certificate:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    body = json.loads(path.read_text(encoding="utf-8"))
    made = Certificate(str(body["venue"]), datetime.fromisoformat(body["at"]), str(body["version"]))
    if made.venue != venue or body["passed"] is not True or made.at.tzinfo is None:
        raise ValueError(f"it does not say that {venue} passed, and when")
    return made
