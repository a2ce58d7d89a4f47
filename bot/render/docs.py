"""Owns the generated pages of docs/: the configuration from its schema, the rules from their registry. Opens no socket.

Both are functions of what they are given, so that a test can say whether a page is current.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.core.policy import ROLE_DEFAULTS
from bot.core.registry import ARTICLES, GROUPS, Rule

NAME: Final = "NAME"  # stands for a name of the operator's choice
CITED: Final = re.compile(r" \(([^()]*\b(?:R-[TSWAG]\d+|section \d+)[^()]*)\)")
RULE_ID: Final = re.compile(r"R-([TSWAG])(\d+)(?: to R-[TSWAG](\d+))?")
IN_A_NAME: Final = re.compile(r"(?:^|_)r_([tswag]\d+)(?=_|$)")
#: A test says in its name that a rule held still; without one of these words it says that the rule acted.
STILL: Final = frozenset(
    {
        "alone",
        "holds",
        "leaves",
        "never",
        "no",
        "not",
        "nothing",
        "refused",
        "stand",
        "stands",
        "still",
        "wait",
        "waits",
    }
    | {"without"}
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the configuration as the page shows it; ``default`` as a file would have it, empty when required."""

    path: str
    kind: str
    default: str
    text: str
    rules: str


@dataclass(slots=True)
class Covered:
    """The tests that name a rule: those in which it acts, and those in which it holds still."""

    acts: list[str] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)


# ---- the configuration


def configuration_markdown(schema: Mapping[str, Any]) -> str:
    """`docs/configuration.md` out of the configuration's JSON schema (`bot.settings.config_schema`)."""
    alone = [name for name in schema["properties"] if not _section(schema, schema["properties"][name])]
    groups = [name for name in schema["properties"] if name not in alone]
    keys = configuration_keys(schema)
    parts = [
        "# Configuration",
        "",
        "Made from the code by `make docs`; edit the descriptions there. One YAML file per portfolio. The environment",
        "(`BALLAST_` and the key in capitals, `__` between levels: `BALLAST_TARGETS__MODEL`) is stronger than the",
        "file, secret files are stronger than both. Fractions are of equity, times UTC, durations such as `30s`, `4h`,",
        "`30d`. What is left out takes its default; `config show` prints what is in force and where it came from.",
        "",
        "The account's `venue.api_key`, `venue.secret` and `venue.password` never stand in the file: they come from",
        "`BALLAST_VENUE__API_KEY` and so on, or from secret files. `NAME` stands for a name of your choice.",
        "",
        "Rules are described in [rules.md](rules.md).",
        "",
        "## The portfolio",
        "",
        *_key_table([key for key in keys if key.path in alone]),
    ]
    for name in groups:
        own = schema["properties"][name]
        about = own.get("description") or (_section(schema, own) or {}).get("description", "")
        parts += [
            "",
            f"## {name}",
            "",
            about,
            "",
            *_key_table([key for key in keys if key.path.startswith(f"{name}.")]),
        ]
        if name == "targets":
            parts += ["", *_roles()]
    return "\n".join(parts) + "\n"


def configuration_keys(schema: Mapping[str, Any]) -> list[Key]:
    """Every key a file may hold, in the order of the code; ``NAME`` for names of the operator's choice."""
    return list(_keys(schema, "", schema))


def _keys(schema: Mapping[str, Any], prefix: str, section: Mapping[str, Any]) -> Iterator[Key]:
    required = section.get("required", ())
    for name, told in section["properties"].items():
        path = f"{prefix}{name}"
        inner = _section(schema, told)
        named = _named(told)
        under = _section(schema, named) if named is not None else None
        if inner is None or ("." in path and _nullable(told)):
            yield _key(schema, path, told, required=name in required)
        if inner is not None and not inner["title"].endswith("Part"):
            yield from _keys(schema, f"{path}.", inner)
        elif inner is not None:
            yield _key(schema, path, told, required=False)
        if under is not None:
            yield from _keys(schema, f"{path}.{NAME}.", under)


def _key(schema: Mapping[str, Any], path: str, told: Mapping[str, Any], *, required: bool) -> Key:
    text = told.get("description", "")
    cited = CITED.findall(text)
    default = "" if required or "default" not in told else _code(told["default"])
    return Key(path, _kind(schema, told), default, CITED.sub("", text), "; ".join(cited))


def _section(schema: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The group of keys that stands at a key, also where it may be null."""
    for each in (told, *told.get("anyOf", ())):
        if "$ref" in each:
            found: Mapping[str, Any] = schema["$defs"][each["$ref"].rpartition("/")[2]]
            return found
    return None


def _named(told: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What stands under each name of an open map."""
    patterns = list(told.get("patternProperties", {}).values())
    values = patterns[0] if patterns else told.get("additionalProperties")
    return values if isinstance(values, Mapping) else None


def _nullable(told: Mapping[str, Any]) -> bool:
    return any(each.get("type") == "null" for each in told.get("anyOf", ()))


def _kind(schema: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """The kind of a value in words: `number, 0 to 1`, `duration`, `off, freeze`, `list of text`."""
    branches = told.get("anyOf") or told.get("oneOf")
    if branches:
        return " or ".join(dict.fromkeys(_kind(schema, each) for each in branches))
    if "$ref" in told:
        name = told["$ref"].rpartition("/")[2]
        return f"keys of `{_whole(schema, name)}`" if name.endswith("Part") else "map of the keys below"
    if "enum" in told:
        return ", ".join(f"`{each}`" for each in told["enum"])
    if "const" in told:
        return f"`{told['const']}`"
    kinds = told["type"] if isinstance(told["type"], list) else [told["type"]]
    return " or ".join(_plain_kind(schema, told, each) for each in kinds)


def _whole(schema: Mapping[str, Any], part: str) -> str:
    """The portfolio's own group, of which a sleeve may write a part."""
    wanted = f"#/$defs/{part.removesuffix('Part')}"
    groups = {"": schema, **{f"{name}.": _section(schema, told) for name, told in schema["properties"].items()}}
    return next(
        f"{prefix}{name}"
        for prefix, section in groups.items()
        for name, told in (section or {"properties": {}})["properties"].items()
        if told.get("$ref") == wanted
    )


def _plain_kind(schema: Mapping[str, Any], told: Mapping[str, Any], kind: str) -> str:
    if kind == "array":
        return f"list of {_kind(schema, told['items'])}"
    if kind == "object":
        values = _named(told)
        return "map" if values is None else f"map to {_kind(schema, values)}"
    if kind == "string":
        return "duration" if "30d" in told.get("examples", ()) else "text"
    if kind in ("number", "integer"):
        return ("whole number" if kind == "integer" else "number") + _ends(told)
    return {"boolean": "`true`, `false`", "null": "`null`"}[kind]


def _ends(told: Mapping[str, Any]) -> str:
    low, high = told.get("minimum"), told.get("maximum")
    if "exclusiveMinimum" in told:
        over = f", over {told['exclusiveMinimum']:g}"
        return over if high is None else f"{over} and up to {high:g}"
    if low is not None:
        return f", at least {low:g}" if high is None else f", {low:g} to {high:g}"
    return ""


def _code(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if text else ""


def _key_table(keys: Sequence[Key]) -> list[str]:
    rows = [[f"`{key.path}`", key.kind, key.default or "(required)", key.text, key.rules] for key in keys]
    return _table(["key", "value", "default", "what it does", "rule"], rows)


def _roles() -> list[str]:
    rows = [
        [f"`{role}`", f"`{key}`", _code(value)]
        for role, layer in ROLE_DEFAULTS.items()
        for key, value in _flat("", layer)
    ]
    about = "A sleeve's role changes these defaults; what the sleeve itself writes is stronger (R-T3)."
    return [about, "", *_table(["role", "key of the sleeve", "default"], rows)]


def _flat(prefix: str, layer: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in layer.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


# ---- the rules


def rules_markdown(schema: Mapping[str, Any], tests: Mapping[str, Covered]) -> str:
    """`docs/rules.md`: every rule with its keys, their defaults, its source, its module and the tests that name it."""
    keys = configuration_keys(schema)
    parts = [
        "# Rules",
        "",
        "Made from the code's own registry by `make docs`. A rule is done when one test named after it shows it acting",
        "and another shows it holding still. Keys are described in [configuration.md](configuration.md).",
        "",
        "Sources:",
        "",
        *(f"- {letter}: “{title}”" for letter, title in ARTICLES.items()),
    ]
    for title, own in GROUPS.items():
        rows = [_rule_row(rule, keys, tests.get(rule.id, Covered())) for rule in own]
        header = ["rule", "what it does", "keys and defaults", "source", "where", "acts in", "holds still in"]
        parts += ["", f"## {title}", "", *_table(header, rows)]
    return "\n".join(parts) + "\n"


def keys_of(rule: Rule, keys: Sequence[Key]) -> list[Key]:
    """The keys a rule names, in the order of the configuration; ``*`` stands for all of a group."""
    patterns = [re.compile(re.escape(each).replace(r"\*", ".+")) for each in rule.keys]
    return [key for key in keys if any(each.fullmatch(key.path) for each in patterns)]


def _rule_row(rule: Rule, keys: Sequence[Key], covered: Covered) -> list[str]:
    shown = "<br>".join(f"`{key.path}` {key.default}".rstrip() for key in keys_of(rule, keys))
    where = f"`{rule.module}`" if rule.module else "not yet"
    counts = [_shown_tests(covered.acts), _shown_tests(covered.holds)]
    return [f'<a id="{rule.id.lower()}"></a>{rule.id}', rule.says, shown, "; ".join(rule.source), where, *counts]


def _shown_tests(names: Sequence[str]) -> str:
    """The first of them, and how many more there are: a page is read by people."""
    if not names:
        return "none"
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"`{names[0]}`{more}"


def rule_tests(folder: Path) -> dict[str, Covered]:
    """Rule id -> the tests under a folder whose names hold the id as `r_a1` (any case), in order of name."""
    found: dict[str, Covered] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                name = node.name.lower()
                still = bool(STILL & set(name.split("_")))
                for rule in IN_A_NAME.findall(name):
                    covered = found.setdefault(f"R-{rule.upper()}", Covered())
                    (covered.holds if still else covered.acts).append(node.name)
    for covered in found.values():
        covered.acts.sort()
        covered.holds.sort()
    return found


def cited_rules(text: str) -> list[str]:
    """The rule ids a text names, ranges such as `R-S1 to R-S6` written out."""
    return [
        f"R-{letter}{number}"
        for letter, first, last in RULE_ID.findall(text)
        for number in range(int(first), int(last or first) + 1)
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
