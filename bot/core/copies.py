"""Owns the cheap copy of a frozen value. Pure.

`dataclasses.replace` asks for every field by name and sets each again through the guard that keeps a value frozen; a
plan makes thousands of copies that change one or two.
"""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


def changed(value: T, **changes: Any) -> T:
    """A copy of a frozen dataclass without slots and without `__post_init__`, with some of its fields changed."""
    made = object.__new__(type(value))
    fields = made.__dict__
    fields.update(value.__dict__)
    fields.update(changes)
    return made
