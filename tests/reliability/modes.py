"""The failure modes and the tests that hold each of them: where `docs/reliability.md` has its table from.

A mode is what goes wrong and what is done then, in a line; its tests are node ids. ``not_here`` says why a mode, or a
part of it, cannot happen here or is not defended against.
"""

from __future__ import annotations

from tests.reliability.mode import Mode
from tests.reliability.modes_inside import INSIDE
from tests.reliability.modes_outside import OUTSIDE

__all__ = ["MODES", "Mode"]

MODES: tuple[Mode, ...] = (*OUTSIDE, *INSIDE)
# fmt: skip
