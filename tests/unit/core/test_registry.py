"""The registry of rules: complete, in words, with keys that exist and modules that can be imported."""

from __future__ import annotations

from importlib import import_module

import pytest

from bot.core.registry import ARTICLES, BY_ID, GROUPS, RULES, Rule
from bot.render.docs import CITED, cited_rules, configuration_keys, keys_of
from bot.settings import config_schema

COUNTS = {"T": 9, "S": 15, "W": 10, "A": 20, "G": 18}
KEYS = configuration_keys(config_schema())


def test_every_rule_of_the_rulebook_is_there_once_and_in_order() -> None:
    assert [rule.id for rule in RULES] == [
        f"R-{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)
    ]
    assert len(BY_ID) == sum(COUNTS.values())
    assert [len(group) for group in GROUPS.values()] == list(COUNTS.values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_it_does_in_one_sentence_of_its_own(rule: Rule) -> None:
    assert rule.says.endswith(".")
    assert rule.says.count(". ") == 0
    assert 40 <= len(rule.says) <= 120
    assert [other.id for other in RULES if other.says == rule.says] == [rule.id]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_comes_from_an_article_and_section_or_from_a_named_need(rule: Rule) -> None:
    assert rule.source
    for each in rule.source:
        article, _, section = each.partition(": ")
        assert each in ("needed by a machine", "the user's request") or (article in ARTICLES and section)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.module], ids=lambda rule: rule.id)
def test_the_module_of_a_rule_can_be_imported(rule: Rule) -> None:
    assert rule.module is not None
    assert import_module(rule.module).__doc__


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_key_a_rule_names_is_one_of_the_configuration(rule: Rule) -> None:
    for name in rule.keys:
        assert keys_of(Rule("", "", (name,), (), None), KEYS), f"{rule.id} names {name}, which is no key"


def test_every_rule_a_keys_description_names_has_that_key() -> None:
    of_rule = {rule.id: {key.path for key in keys_of(rule, KEYS)} for rule in RULES}
    missing = [
        f"{rule}: {key.path}" for key in KEYS for rule in cited_rules(key.rules) if key.path not in of_rule[rule]
    ]
    assert not missing, f"name these keys in the registry: {missing}"


def test_ranges_of_rules_are_read_as_every_rule_between() -> None:
    assert cited_rules("R-S7 to R-S9, R-A1") == ["R-S7", "R-S8", "R-S9", "R-A1"]
    assert CITED.findall("Whether it is (R-W2, R-A1). Or not (ever).") == ["R-W2, R-A1"]
