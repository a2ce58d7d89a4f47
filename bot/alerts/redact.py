"""Owns the taking out of secrets, by their exact values, from what is logged or written down. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HIDDEN = "********"


@dataclass(slots=True)
class Redactor:
    """A structlog processor, and the same for a text."""

    secrets: tuple[str, ...] = field(default_factory=tuple)

    def __call__(self, _logger: Any, _name: str, line: Any) -> Any:
        """The line with every secret replaced, however deep it stands."""
        return {self.text(str(key)): self._clean(value) for key, value in line.items()}

    def text(self, text: str) -> str:
        """A text with every secret replaced, the longest first: one may stand within another."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def _clean(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._clean(each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(each) for each in value]
        return self.text(value if isinstance(value, str) else str(value))
