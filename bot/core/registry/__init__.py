"""Owns the list of rules: what each does, is set by and comes from, and the module that makes it true. Literals only.

Texts and tables about rules are made from here; a test holds it against keys, modules and tests.
"""

from collections.abc import Mapping
from typing import Final

from bot.core.registry.actions import ACTIONS
from bot.core.registry.gates import GATES
from bot.core.registry.readings import READINGS
from bot.core.registry.rule import ARTICLES, Rule
from bot.core.registry.targets import TARGETS
from bot.core.registry.triggers import TRIGGERS

GROUPS: Final[Mapping[str, tuple[Rule, ...]]] = {
    "Targets": TARGETS,
    "Readings": READINGS,
    "Triggers": TRIGGERS,
    "Actions": ACTIONS,
    "Gates": GATES,
}
RULES: Final[tuple[Rule, ...]] = tuple(each for group in GROUPS.values() for each in group)
BY_ID: Final[Mapping[str, Rule]] = {each.id: each for each in RULES}

__all__ = ["ARTICLES", "BY_ID", "GROUPS", "RULES", "Rule"]
