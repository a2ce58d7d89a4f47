"""Owns what an acceptance run found: items with verdict and evidence, and whether all that is needed passed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.core.numbers import utc_text


class Verdict(StrEnum):
    """What an item came to; `unknown` was not seen either way, which is no pass where the item is needed."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was looked at. ``needed``: without a pass there is no certificate."""

    name: str
    verdict: Verdict
    evidence: str
    needed: bool

    @property
    def stands(self) -> bool:
        """Whether a certificate can be had with this item as it came out."""
        return self.verdict == Verdict.PASS or (self.verdict == Verdict.UNKNOWN and not self.needed)


@dataclass(slots=True)
class Report:
    """What one run found, in the order in which it was found. ``futures``: perpetuals were part of it."""

    venue: str
    environment: str
    account: str
    at: datetime
    version: str
    libraries: Mapping[str, str]
    symbols: tuple[str, ...]
    futures: bool
    items: list[Item] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything needed passed and nothing failed."""
        return bool(self.items) and all(item.stands for item in self.items)

    @property
    def in_the_way(self) -> list[Item]:
        """Why there is no certificate."""
        return [item for item in self.items if not item.stands]

    def body(self) -> dict[str, Any]:
        """As the certificate's JSON says it."""
        return {
            "venue": self.venue,
            "environment": self.environment,
            "account": self.account,
            "at": utc_text(self.at),
            "version": self.version,
            "libraries": dict(self.libraries),
            "symbols": list(self.symbols),
            "futures": self.futures,
            "passed": self.passed,
            "items": [
                {"name": item.name, "verdict": item.verdict.value, "evidence": item.evidence, "needed": item.needed}
                for item in self.items
            ],
        }
