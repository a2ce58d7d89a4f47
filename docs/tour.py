# noqa: INP001 - a script beside what it makes
"""Owns the documented run: `python docs/tour.py [FOLDER]` plays config/tour.yaml and writes docs/tour.md of it.

FOLDER, where the record is to stay, must not hold one yet; without it the record is thrown away.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bot.core.registry import BY_ID
from bot.render.fired import ELSEWHERE, WAYS

HERE: Final = Path(__file__).resolve().parent
CONFIG: Final = HERE.parent / "config" / "tour.yaml"
PAGE: Final = HERE / "tour.md"

#: What a person types, in this order: a rally, an operator's flatten, a crash and a bear market.
STEPS: Final[Sequence[tuple[str, ...]]] = (
    ("run", "--cycles", "150"),
    ("kill", "flatten", "--reason", "shown in the tour"),
    ("run", "--cycles", "2"),
    ("resume", "--yes"),
    ("run", "--cycles", "376"),
)

#: A second, short run with a record of its own: a breaker so tight that the first dip trips it while a bridge stands.
BREAKER_LIMIT: Final = "0.005"
BREAKER_STEP: Final = ("run", "--cycles", "6")

#: Why a rule has nothing to say in this run.
SILENT: Final[Mapping[str, str]] = {
    **{rule: f"not in decisions: {where}" for rule, where in ELSEWHERE.items()},
    "R-T6": "its gate speaks for it: R-G7",
    "R-T9": "nothing is to be kept (`targets.keep`)",
    "R-S11": "Bitcoin's share of this market never swings by 3 points within a week",
    "R-W3": "liquid stables never fell under the floor by the tolerance",
    "R-W6": "costly funding speaks through R-A4, R-A8, R-A9 and R-A13",
    "R-W7": "no pair broke and no position vanished",
    "R-A5": "dry powder always reached for the laggards",
    "R-A7": "no short ever stood beyond its coins",
    "R-A15": "nothing was wanted back within a month of its trim",
    "R-A18": "no narrative was over its cap",
    "R-G2": "in `step` nothing grows old",
    "R-G7": "no rule ever wished for more than what lies over the floor",
    "R-G9": "no rule ever wished for more short than coins",
    "R-G12": "one stable alone is measured against nothing",
    "R-G14": "no order was large or far enough",
    "R-G15": "every order changed something",
    "R-G16": "everything in the account is configured",
    "R-G17": "plans are approved by themselves (`approve: auto`)",
}


class StepFailed(RuntimeError):
    """A command of the tour that did not end well."""


def ballast(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a command says on stdout, run in ``folder`` on the tour's configuration; raises StepFailed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BALLAST_")}
    done = subprocess.run(  # noqa: S603 - our own command line, with words of our own
        [sys.executable, "-m", "bot", *arguments, "--config", str(CONFIG)],
        cwd=folder, env={**clean, "PYTHONPATH": str(HERE.parent), **(env or {})},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
        message = f"`ballast {' '.join(arguments)}` ended with {done.returncode}: {lines[-1][:500]}"
        raise StepFailed(message)
    return done.stdout


def play(folder: Path, steps: Sequence[tuple[str, ...]] = STEPS) -> None:
    """Run the steps in ``folder``, which holds the record afterwards; raises StepFailed."""
    for step in steps:
        ballast(folder, *step)


def break_early(folder: Path) -> None:
    """The second run: the drawdown breaker, met with a bridge open; raises StepFailed."""
    ballast(folder, *BREAKER_STEP, env={"BALLAST_LIMITS__DRAWDOWN": BREAKER_LIMIT})


def told(folder: Path) -> dict[str, Any]:
    """The tally of what was played; raises StepFailed."""
    body: dict[str, Any] = json.loads(ballast(folder, "decisions", "--fired", "--json"))
    return body


def page(body: Mapping[str, Any], verdict: str, broken: Mapping[str, Any]) -> str:
    """docs/tour.md from the tally, the last line of `verify`, and the second run's tally."""
    lines = [
        "# The tour",
        "",
        "Made by `make tour` from the record of one run; don't edit it. The market is the scenario `tour` of the",
        "built-in exchange, the configuration [config/tour.yaml](../config/tour.yaml): one seed, one market, the same",
        "decisions on every machine.",
        "",
        f"{body['decisions']} decisions from {body['since'][:10]} to {body['until'][:10]}; `ballast verify` says:",
        f"{verdict}.",
        "",
        "```",
        "export BALLAST_CONFIG=config/tour.yaml",
        *(f"ballast {' '.join(_quoted(word) for word in step)}" for step in STEPS),
        "ballast verify",
        "ballast decisions --fired",
        "ballast explain DECISION",
        "```",
        "",
        "## Every kind of action",
        "",
        "| kind | times | refused | first decision | at (UTC) | its reason |",
        "| --- | ---: | ---: | --- | --- | --- |",
        *map(_kind_row, body["kinds"]),
        "",
        "## The breaker alone",
        "",
        "A bridge seldom stands just when a drawdown trips the breaker (R-G13). With a limit of half a percent,",
        f"in a folder of its own: `BALLAST_LIMITS__DRAWDOWN={BREAKER_LIMIT} ballast {' '.join(BREAKER_STEP)}`.",
        "",
        "| kind | times | refused | first decision | at (UTC) | its reason |",
        "| --- | ---: | ---: | --- | --- | --- |",
        *(_kind_row(row) for row in broken["kinds"] if row["kind"] == "close"),
        "",
        "## What spoke",
        "",
        "In how many decisions a rule acted (an action names it, bears its mark or was made smaller by it), was",
        "refused or refused, held, or was read.",
        "",
        f"| rule | {' | '.join(WAYS)} | what it does |",
        f"| --- |{' ---: |' * len(WAYS)} --- |",
        *(_rule_row(row) for row in body["rules"] if row["first"]),
        "",
        "## What never spoke, and why",
        "",
        "| rule | why |",
        "| --- | --- |",
        *(f"| {rule} | {SILENT.get(rule, 'nothing in this market called for it')} |" for rule in body["silent"]),
        "",
    ]
    return "\n".join(lines)


def _kind_row(row: Mapping[str, Any]) -> str:
    first = row["first"]
    if first is None:
        return f"| {row['kind']} | 0 | {row['refused']} | | | never |"
    why = f"{first['asset']}: {first['why']}".replace("|", "\\|")
    where = f"`{first['decision_id']}` | {first['at'][:16].replace('T', ' ')}"
    return f"| {row['kind']} | {row['count']} | {row['refused']} | {where} | {why} |"


def _rule_row(row: Mapping[str, Any]) -> str:
    counts = " | ".join(str(row[way] or "") for way in WAYS)
    return f"| [{row['rule']}](rules.md#{row['rule'].lower()}) | {counts} | {BY_ID[row['rule']].says} |"


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word


def main(arguments: Sequence[str]) -> int:
    """Play, then write the page; 1 where a command failed."""
    with tempfile.TemporaryDirectory() as thrown_away:
        folder = Path(arguments[0]) if arguments else Path(thrown_away)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            play(folder)
            verdict = ballast(folder, "verify").strip().splitlines()[-1]
            with tempfile.TemporaryDirectory() as aside:
                break_early(Path(aside))
                broken = told(Path(aside))
            PAGE.write_text(page(told(folder), verdict, broken), encoding="utf-8")
        except StepFailed as error:
            sys.stderr.write(f"tour: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
