"""Owns the taking out of secrets, by their exact values, from what is logged. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Redactor:
    """A structlog processor."""

    secrets: tuple[str, ...] = field(default_factory=tuple)

    def __call__(self, _logger: Any, _name: str, line: Any) -> Any:
        """The line with every secret replaced."""
        return {key: self._clean(value) for key, value in line.items()}

    def _clean(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        for secret in self.secrets:
            value = value.replace(secret, "********")
        return value
