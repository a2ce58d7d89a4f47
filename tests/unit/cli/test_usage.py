from __future__ import annotations

import subprocess
import sys

import pytest

from bot import __version__
from bot.cli.app import app
from tests.unit.cli.ran import Ballast

ALONE = sorted(
    command.name or command.callback.__name__.replace("_", "-")
    for command in app.registered_commands
    if command.callback
)
COMMANDS = [[name] for name in ALONE] + [
    ["config"],
    ["config", "show"],
    ["config", "schema"],
    ["db"],
    ["db", "upgrade"],
    ["live"],
    ["live", "confirm"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_says_what_it_does_with_an_example(ballast: Ballast, command: list[str]) -> None:
    ran = ballast(*command, "--help")
    assert ran.code == 0
    paragraphs = [" ".join(part.split()) for part in ran.out.split("\n\n")]
    assert paragraphs[0].startswith(f"Usage: ballast {' '.join(command)}")
    assert paragraphs[1].endswith(".")
    assert any(part.startswith(f"Example: ballast {' '.join(command)}") for part in paragraphs)


def test_the_list_of_commands_cuts_no_sentence(ballast: Ballast) -> None:
    ran = ballast("--help")
    assert ran.code == 0
    assert "..." not in ran.out.partition("Commands:")[2]
    assert max(map(len, ran.out.splitlines())) <= 80
    for name in ALONE:
        assert f"  {name} " in ran.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--snapshto", "x"],
        ["plan", "--snapshto", "x"],
        ["pln"],
        ["kill"],
        ["kill", "softly"],
        ["decisions", "--limit", "many"],
        ["decisions", "--limit", "0"],
        ["config", "shwo"],
        ["plan", "superfluous"],
        ["local-exchange", "--scenario", "calm"],
        ["local-exchange", "--balances", "USDT"],
        ["local-exchange", "--speed", "0"],
        ["local-exchange", "--start", "yesterday"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_on_stderr_and_exit_code_64(ballast: Ballast, arguments: list[str]) -> None:
    ran = ballast(*arguments)
    assert ran.code == 64
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1
    assert ran.err.rstrip().endswith("--help`")


@pytest.mark.parametrize("arguments", [[], ["config"], ["db"]], ids=["ballast", "config", "db"])
def test_without_a_command_it_shows_the_commands(ballast: Ballast, arguments: list[str]) -> None:
    ran = ballast(*arguments)
    assert ran.code == 64
    assert "Commands:" in ran.err


def test_the_version_is_printed(ballast: Ballast) -> None:
    assert ballast("version").out == ballast("--version").out == f"{__version__}\n"


def test_help_is_quick_since_it_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom bot.cli.app import run\nrun(['--help'])\n"
        "heavy = {'numpy', 'talib', 'ccxt', 'sqlalchemy', 'pydantic', 'aiohttp', 'rich.table'} & {*sys.modules}\n"
        "sys.exit(f'imported {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
