"""The generated pages: what they say of a schema and of tests, and that the ones in docs/ are current."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from bot.render.docs import Covered, configuration_keys, configuration_markdown, rule_tests, rules_markdown
from bot.settings import Settings, config_schema

ROOT = Path(__file__).resolve().parents[3]
MAKE = "make it anew: make docs"


def a_schema(**properties: Any) -> dict[str, Any]:
    group = {"title": "Group", "description": "A group.", "type": "object", "properties": properties}
    return {"properties": {"group": {"$ref": "#/$defs/Group"}}, "$defs": {"Group": group}}


def the_key(**told: Any) -> tuple[str, str, str, str, str]:
    (key,) = configuration_keys(a_schema(key={"type": "string", **told}))
    return (key.path, key.kind, key.default, key.text, key.rules)


def test_a_key_is_shown_with_its_kind_default_words_and_rule() -> None:
    assert the_key(type="number", minimum=0.0, maximum=1.0, default=0.05, description="A step (R-A2, R-A3).") == (
        "group.key",
        "number, 0 to 1",
        "`0.05`",
        "A step.",
        "R-A2, R-A3",
    )


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"type": "boolean"}, "`true`, `false`"),
        ({"type": "integer", "minimum": 1, "maximum": 9}, "whole number, 1 to 9"),
        ({"type": "number", "exclusiveMinimum": 0.0}, "number, over 0"),
        ({"type": "number", "exclusiveMinimum": 0.0, "maximum": 1.0}, "number, over 0 and up to 1"),
        ({"type": "string", "examples": ["30s", "30d"]}, "duration"),
        ({"enum": ["a", "b"]}, "`a`, `b`"),
        ({"type": ["string", "null"]}, "text or `null`"),
        ({"anyOf": [{"type": "number", "minimum": 1.0}, {"type": "null"}]}, "number, at least 1 or `null`"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "map to number"),
        ({"anyOf": [{"const": "always"}, {"type": "array", "items": {"type": "string"}}]}, "`always` or list of text"),
    ],
)
def test_the_kind_of_a_value_is_said_in_words(told: dict[str, Any], kind: str) -> None:
    assert the_key(**told)[1] == kind


def test_a_description_without_a_rule_is_left_as_it_is() -> None:
    assert the_key(description="Time (UTC) of a step.")[3:] == ("Time (UTC) of a step.", "")


def test_every_setting_a_file_may_hold_is_on_the_page() -> None:
    shown = {key.path for key in configuration_keys(config_schema())}
    for path in _leaves("", Settings(targets={"sleeves": {"majors": {"weight": "0.9", "assets": ["BTC"]}}})):
        if path not in ("venue.api_key", "venue.secret", "venue.password"):
            assert path in shown


def _leaves(prefix: str, section: Any) -> list[str]:
    found = []
    for name in type(section).model_fields:
        value = getattr(section, name)
        if hasattr(type(value), "model_fields"):
            found += _leaves(f"{prefix}{name}.", value)
        else:
            found.append(f"{prefix}{name}")
    return found


def test_every_key_is_described() -> None:
    assert [key.path for key in configuration_keys(config_schema()) if not key.text] == []


def test_names_of_the_operators_choice_and_parts_of_groups_are_shown() -> None:
    keys = {key.path: key for key in configuration_keys(config_schema())}
    assert keys["targets.sleeves.NAME.weight"].kind == "number, 0 to 1"
    assert keys["targets.sleeves.NAME.trim"].kind == "keys of `trim`"
    assert keys["targets.sleeves.NAME.band"].kind == "keys of `triggers.band`"
    assert keys["feeds.dominance"].default == "`null`"
    assert keys["feeds.dominance.every"].default == "`15m`"
    assert "venue.secret" not in keys


def test_the_page_says_what_a_role_changes() -> None:
    page = configuration_markdown(config_schema())
    assert "| `core` | `trim.increment` | `0.04` |" in page
    assert "| `satellite` | `add.route` | `bridge` |" in page


TESTS = """
def test_R_A1_a_winner_is_trimmed(): ...
async def test_r_a1_a_strong_winner_is_left_alone(): ...
def test_r_a10_without_support_nothing_is_added(): ...
def test_R_A1_and_R_G7_meet(): ...
def test_mr_a1_is_no_rule(): ...
def helper_r_a1(): ...
"""


def test_tests_are_found_by_the_rules_in_their_names(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "test_some.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "builders.py").write_text("def test_R_A2_x(): ...", encoding="utf-8")
    assert rule_tests(tmp_path) == {
        "R-A1": Covered(
            acts=["test_R_A1_a_winner_is_trimmed", "test_R_A1_and_R_G7_meet"],
            holds=["test_r_a1_a_strong_winner_is_left_alone"],
        ),
        "R-A10": Covered(holds=["test_r_a10_without_support_nothing_is_added"]),
        "R-G7": Covered(acts=["test_R_A1_and_R_G7_meet"]),
    }


def test_the_rules_page_names_defaults_sources_modules_and_tests() -> None:
    page = rules_markdown(config_schema(), {"R-G1": Covered(acts=["test_one", "test_two"], holds=["test_still"])})
    (row,) = [line for line in page.splitlines() if ">R-G1 |" in line.replace("</a>", ">")]
    assert "`kill_switch` `off`" in row
    assert "the user's request" in row
    assert "`bot.core.gates.kill`" in row
    assert row.endswith("| `test_one` and 1 more | `test_still` |")


def _pages() -> Any:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["configuration", "rules"])
def test_the_page_in_docs_is_current(name: str) -> None:
    assert (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") == _pages().page(name), MAKE


def test_a_page_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert _pages().main(["colours"]) == 2
    assert capsys.readouterr().err == "docs: 'colours' is no page, must be one of configuration, rules\n"
