"""Owns what a rule is in the registry, and the articles that rules come from. Literals only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ARTICLES: Final[Mapping[str, str]] = {
    "A": "How to Create a Tactical Rebalancing Framework",
    "B": "Dynamic Rebalancing: When to Trim Winners and Add to Laggards",
}

MACHINE: Final = ("needed by a machine",)
USER: Final = ("the user's request",)
ALLOCATION: Final = ("A: Define Your Target Allocations", "B: Step 1")
WHEN: Final = ("A: Calendar vs Tactical", "A: Thresholds", "B: Step 2")
TREND: Final = ("A: Trend-Respecting", "B: Step 3", "B: When to Trim", "B: When to Add")
VOLATILITY: Final = ("A: Volatility-Based Rebalancing",)
FUNDING: Final = ("B: Crucial Consideration: Funding Rates",)
NARRATIVE: Final = ("A: Narrative Rebalancing", "B: Pitfall 4")
REGIME: Final = ("A: its skeleton (regime)", "B: Pitfall 4")
FLOOR: Final = ("A: Execution Blueprint (buffer)", "A: Thresholds (floor)", "B: Step 1 (dry powder)")
TRIM: Final = ("A: Execution Blueprint (increments)", "B: How to Trim")
HEDGE: Final = ("B: Strategy 1", "B: Model 2, step 3")
ADD: Final = ("B: How to Add", "B: Strategy 2", "B: Pitfall 3")
CALM: Final = ("A: Execution Blueprint (spikes, liquidity windows)",)
FREQUENCY: Final = ("A: Thresholds (micro-rebalancing)", "B: Pitfall 1", "B: Pitfall 2")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it does in a sentence, and what it stands on.

    ``keys`` dotted, as the configuration has them: NAME for a name of the operator's choice, ``*`` for all of a group.
    ``source``: article and section, or whose wish it is. ``module``: where it is decided; None while nothing does.
    """

    id: str
    says: str
    keys: tuple[str, ...]
    source: tuple[str, ...]
    module: str | None
