"""The import contracts: kept by bot/, complete over its rooms, and able to catch what they forbid."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import BOT, ROOT, named

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

# Rooms that need not stand in a contract's list: those above the composition root, and whom the contract protects.
COMPOSING = {
    "__main__", "cli", "wiring", "wiring_data", "wiring_fleet", "wiring_places", "wiring_sweep", "wiring_tune",
    "simulation", "fleet",
}  # fmt: skip
FREE = {
    "ccxt has one room": COMPOSING,
    "SQL has one room": COMPOSING | {"wiring_past", "wiring_web"},
    "outside the core, only its front door": {"__main__", "core", "simulation", "fleet"},
}


def lint(folder: Path) -> tuple[int, str]:
    """Run the contracts over the `bot` package in a folder: exit code and what was said."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--config", str(ROOT / ".importlinter"), "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def contracts() -> dict[str, dict[str, list[str]]]:
    parsed = configparser.ConfigParser()
    parsed.read(ROOT / ".importlinter", encoding="utf-8")
    return {
        parsed[section]["name"]: {key: value.split("\n") for key, value in parsed[section].items()}
        for section in parsed.sections()
        if section.startswith("importlinter:contract:")
    }


def rooms(folder: Path) -> set[str]:
    files = {path.stem for path in folder.glob("*.py")}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return (files | packages) - {"__init__"}


def test_every_contract_is_kept() -> None:
    code, said = lint(ROOT)
    assert code == 0, said
    assert " 0 broken" in said


@pytest.mark.parametrize("contract", FREE)
def test_every_room_stands_in_the_contract_or_is_named_as_free(contract: str) -> None:
    listed = {pattern.split(".")[1] for pattern in contracts()[contract]["source_modules"] if pattern}
    missing = rooms(BOT) - listed - FREE[contract]
    assert not missing, f"add to `{contract}` in .importlinter: {sorted(f'*.{room}' for room in missing)}"


def test_every_folder_of_bot_is_a_package_since_the_contracts_see_no_other() -> None:
    folders = {path.parent for path in BOT.rglob("*.py")}
    assert not [named(folder) for folder in folders if not (folder / "__init__.py").is_file()]


def test_every_part_of_the_core_but_the_nouns_and_the_front_door_is_behind_it() -> None:
    nouns = set(re.findall(r"\w+", contracts()["the core, top to bottom"]["layers"][-1]))
    hidden = contracts()["outside the core, only its front door"]["forbidden_modules"]
    reachable = (
        rooms(BOT / "core")
        - nouns
        - {"plan", "screen", "advice", "outlook", "registry", "lots"}
        - {pattern.split(".")[-1] for pattern in hidden}
    )
    assert not reachable, f"reachable from outside the core: {sorted(reachable)}"


BREACHES = {
    "the house, top to bottom": ("ports/__init__.py", "import bot.engine"),
    "the core, top to bottom": ("core/numbers.py", "import bot.core.sizing"),
    "rules are blind to one another": ("core/rules/one.py", "import bot.core.rules.other"),
    "gates are blind to one another": ("core/gates/one.py", "import bot.core.gates.other"),
    "triggers are blind to one another": ("core/triggers/one.py", "import bot.core.triggers.other"),
    "venues are blind to one another": ("venues/simulated.py", "import bot.venues.readonly"),
    "the core does no I/O": ("core/decide.py", "import time"),
    "ccxt has one room": ("settings.py", "import bot.venues.ccxt"),
    "SQL has one room": ("daemon.py", "import bot.store.sql"),
    "the dashboard sees ports and record types only": ("web/__init__.py", "import bot.store"),
    "the local exchange is not the bot": ("local_exchange.py", "import bot.settings"),
    "outside the core, only its front door": ("cli/__init__.py", "import bot.core.rules.one"),
}
STUBS = {
    "__init__.py": "",
    "engine.py": "",
    "core/__init__.py": "",
    "core/sizing.py": "",
    "core/rules/__init__.py": "",
    "core/rules/other.py": "",
    "core/gates/__init__.py": "",
    "core/gates/other.py": "",
    "core/triggers/__init__.py": "",
    "core/triggers/other.py": "",
    "venues/__init__.py": "",
    "venues/readonly.py": "",
    "venues/ccxt.py": "import ccxt",
    "store/__init__.py": "",
    "store/sql.py": "import sqlalchemy",
}


def planted(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / "bot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    return folder


def test_every_contract_catches_its_planted_breach(tmp_path: Path) -> None:
    assert BREACHES.keys() == contracts().keys()
    code, said = lint(planted(tmp_path, STUBS | dict(BREACHES.values())))
    assert code == 1, said
    assert {name for name in BREACHES if f"{name} BROKEN" in said} == BREACHES.keys(), said


def test_the_same_house_without_the_breaches_is_kept(tmp_path: Path) -> None:
    code, said = lint(planted(tmp_path, STUBS | {path: "" for path, _ in BREACHES.values()}))
    assert code == 0, said


def test_a_module_without_a_place_is_refused(tmp_path: Path) -> None:
    code, said = lint(planted(tmp_path, STUBS | {"attic.py": ""}))
    assert code == 1, said
    assert "attic" in said
