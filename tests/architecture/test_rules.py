"""A rule that a module makes true is named by two tests at least, and by one in which it holds still.

A test names a rule by its id in the test's own name (`test_r_a1_…`), and says that it holds still by one of the words
`bot.render.docs.STILL`.
"""

from __future__ import annotations

import pytest

from bot.core.registry import BY_ID, RULES, Rule
from bot.render.docs import Covered, rule_tests
from tests.architecture.source import ROOT

FOUND = rule_tests(ROOT / "tests")


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.module], ids=lambda rule: rule.id)
def test_a_rule_is_named_by_two_tests_and_holds_still_in_one(rule: Rule) -> None:
    covered = FOUND.get(rule.id, Covered())
    named = [*covered.acts, *covered.holds]
    assert len(named) > 1, f"{rule.id} ({rule.module}): {len(named)} tests are named after it, must be two at least"
    assert covered.holds, f"{rule.id} ({rule.module}): no test named after it shows it holding still"


def test_no_test_is_named_after_a_rule_that_does_not_exist() -> None:
    assert sorted(FOUND.keys() - BY_ID.keys()) == []
