"""Owns a venue's certificate on disk: that the acceptance run passed, with the date and version live mode asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.ports.errors import VenueError

FOLDER = "certificates"
LARGEST = 1 << 20  # bytes
OWN = "local"  # the built-in exchange: what it passes says nothing about a venue


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a venue passed: when, by which version of the bot; ``futures``: perpetuals were part of it."""

    venue: str
    at: datetime
    version: str
    futures: bool = True


def certificate_of(folder: Path, venue: str, *, futures: bool = False) -> Certificate:
    """The certificate in a data folder; raises VenueError with one line where there is none, or none that holds.

    ``futures``: it must be about perpetuals too.
    """
    path = path_of(folder, venue)
    if not path.is_file():
        raise VenueError(
            f"mode live needs a certificate of {venue} at {path}, and there is none: `ballast certify` makes it; "
            "until then use testnet or dry-run"
        )
    try:
        made = _read(path, venue)
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise VenueError(f"{path}: is no certificate of {venue}: {error}; make it anew") from error
    if futures and not made.futures:
        raise VenueError(f"{path}: is about spot only, and venue.futures is true; make it anew with futures")
    return made


def path_of(folder: Path, venue: str, environment: str = "production") -> Path:
    """Where a certificate lies; one of the built-in exchange apart, where nobody takes it for the venue's."""
    return folder / FOLDER / (f"{venue}.{OWN}.json" if environment == OWN else f"{venue}.json")


def write_certificate(folder: Path, body: Mapping[str, Any]) -> Path:
    """Put what a run found in its place, whole or not at all; raises VenueError where it cannot be written.

    A run that did not pass takes the place of an earlier one that did: what holds is what was seen last.
    """
    path = path_of(folder, str(body["venue"]), str(body["environment"]))
    draft = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise VenueError(f"{path}: the certificate could not be written: {error}") from error
    return path


def _read(path: Path, venue: str) -> Certificate:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    body = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(body, dict):
        raise TypeError("it holds no object")
    futures = body.get("futures", True) is True
    made = Certificate(str(body["venue"]), datetime.fromisoformat(body["at"]), str(body["version"]), futures)
    if made.venue != venue or body["passed"] is not True or made.at.tzinfo is None:
        raise ValueError(f"it does not say that {venue} passed, and when")
    if body.get("environment") == OWN:
        raise ValueError("it is of the built-in exchange")
    return made
