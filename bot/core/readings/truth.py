"""Owns three-valued columns: yes, no and unknown as int8 codes, and how they combine. Knows no indicator.

Unknown is neither an alarm nor a confirmation: beside a known part it counts as no; among unknown parts only, the whole
is unknown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

YES = 1
NO = 0
UNKNOWN = -1

Truth = NDArray[np.int8]


def truth(condition: NDArray[np.bool_], known: NDArray[np.bool_]) -> Truth:
    """The condition where it is known, else `UNKNOWN`. Shapes (n,) and (n,) to (n,)."""
    # One byte an element throughout: a yes is 1, an unknown is 0 - 1.
    return (condition & known).view(np.int8) - (~known).view(np.int8)


def either(*parts: Truth) -> Truth:
    """Yes if any part is, unknown if all are, else no."""
    return at_least(1, *parts)


def both(*parts: Truth) -> Truth:
    """Yes if every part is, unknown if all are unknown, else no."""
    return at_least(len(parts), *parts)


def at_least(count: int, *parts: Truth) -> Truth:
    """Yes if `count` parts or more are, unknown if all are unknown, else no."""
    stacked = np.stack(parts)
    confirmed = (stacked == YES).sum(axis=0) >= count
    return truth(confirmed, (stacked != UNKNOWN).any(axis=0))


def spoken(code: int) -> bool | None:
    """A code as a value that leaves the readings."""
    return None if code == UNKNOWN else code == YES
