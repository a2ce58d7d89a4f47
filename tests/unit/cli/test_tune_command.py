"""`ballast tune`: what it refuses before anything is played, and that no password is ever said."""

from __future__ import annotations

import pytest

from bot.wiring_tune import shown_storage, storage_url
from tests.unit.backtest.tapes import BEGUN, CONFIG, tape
from tests.unit.cli.ran import Ballast

SPACE = "triggers.goal: [target, edge]\n"
SECRET = "tr0ub4dor"


def asked(ballast: Ballast, *more: str, storage: str = "sqlite:///tune.db", space: str = SPACE) -> tuple[int, str]:
    if not (ballast.folder / "tape").exists():
        tape(ballast.folder / "tape", hours=24 * 20)
    (ballast.folder / "own.yaml").write_text(CONFIG, encoding="utf-8")
    (ballast.folder / "space.yaml").write_text(space, encoding="utf-8")
    given = ("--config", "own.yaml", "--space", "space.yaml", "--storage", storage, "--data", "tape")
    done = ballast("tune", *given, "--from", BEGUN.isoformat(), *more)
    assert done.out == ""
    return done.code, done.err


@pytest.mark.parametrize(
    ("more", "code", "line"),
    [
        (("--aim", "luck"), 64, "--aim: is luck, must be sharpe, sortino, calmar, cagr"),
        (("--windows", "9"), 1, "10 windows of 20.0 days in all have 2.0 days each"),
        (("--to", "2031-01-01"), 1, "where the recordings end"),
        (("--dead-after", "soon"), 1, "--dead-after: 'soon' is no duration"),
        (("--config", "nowhere.yaml"), 1, "nowhere.yaml: cannot be read"),
        (("--space", "nowhere.yaml"), 1, "nowhere.yaml: cannot be read"),
        (("--data", "nowhere"), 1, "nowhere is no folder"),
    ],
)
def test_what_cannot_be_tuned_is_one_line(ballast: Ballast, more: tuple[str, ...], code: int, line: str) -> None:
    told = asked(ballast, *more)
    assert told[0] == code
    assert line in told[1]
    assert told[1].count("\n") == 1, told[1]
    assert not (ballast.folder / "tune.db").exists()


def test_every_fault_of_a_space_has_its_line(ballast: Ballast) -> None:
    code, said = asked(ballast, space="triggers.goal: [edge, middle]\ntriggers.bnd: 1\n")
    assert code == 1
    assert said.count("\n") == 1  # what is no space is told first
    code, said = asked(ballast, space="triggers.goal: [edge, middle]\ntrim.spot_share: [0.5, 2]\n")
    assert [line.partition(" is refused")[0] for line in said.splitlines()] == [
        "space.yaml: triggers.goal: 'middle'",
        "space.yaml: trim.spot_share: 2",
    ]


@pytest.mark.parametrize(
    ("storage", "line"),
    [
        ("tune.db", "--storage: is no address, must be sqlite:///tune.db or postgresql://user@host/database"),
        ("mysql://x/y", "--storage: mysql is not known here, must be"),
        ("sqlite://", "--storage: names no file"),
    ],
)
def test_an_address_that_is_none_is_refused_with_what_would_be_right(ballast: Ballast, storage: str, line: str) -> None:
    code, said = asked(ballast, storage=storage)
    assert (code, said.startswith(line)) == (1, True), said


def test_a_database_that_does_not_answer_is_one_line_without_the_password(ballast: Ballast) -> None:
    code, said = asked(ballast, storage=f"postgresql://me:{SECRET}@127.0.0.1:1/tune?password={SECRET}x")
    assert code == 1
    assert said.startswith("--storage postgresql+psycopg://me:********@127.0.0.1:1/tune")
    assert "refused" in said
    assert SECRET not in said
    assert said.count("\n") == 1


def test_the_stores_own_addresses_lead_to_the_same_databases() -> None:
    assert storage_url("sqlite+aiosqlite:///data/tune.db") == "sqlite:///data/tune.db"
    for scheme in ("postgres", "postgresql", "postgresql+asyncpg"):
        assert storage_url(f"{scheme}://me:{SECRET}@host/db") == f"postgresql+psycopg://me:{SECRET}@host/db"
    assert SECRET not in shown_storage(f"postgresql://me:{SECRET}@host/db?password={SECRET}")
