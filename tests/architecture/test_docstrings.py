"""A module says what it owns, and is named after it."""

from __future__ import annotations

import ast

from tests.architecture.source import BOT, modules, named, tree

NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler"}


def test_each_module_begins_with_a_docstring() -> None:
    silent = [named(path) for path in modules() if not (ast.get_docstring(tree(path)) or "").strip()]
    assert not silent, f"say in the first line what the module owns: {silent}"


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [
        named(path) for path in modules() if set(path.relative_to(BOT).with_suffix("").parts) & NAMES_THAT_SAY_NOTHING
    ]
    assert not vague, f"name these after what they hold: {vague}"
