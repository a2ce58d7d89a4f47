"""`ballast compare`: what it refuses, before anything is played."""

from __future__ import annotations

import pytest

from tests.unit.backtest.tapes import BEGUN, CONFIG, tape
from tests.unit.cli.ran import Ballast

START = BEGUN.isoformat()


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("near.yaml",), 64, "needs two configurations or more; for one there is `ballast backtest`"),
        (("near.yaml", "near.yaml"), 64, "the same file stands twice"),
        (("near.yaml", "nowhere.yaml"), 1, "nowhere.yaml: cannot be read"),
        (("near.yaml", "odd.yaml"), 1, "odd.yaml: bands: is no known key"),
        (("near.yaml", "wide.yaml", "--windows", "9"), 1, "must have at least 3"),
        (("near.yaml", "wide.yaml", "--to", "2031-01-01"), 1, "where the recordings end"),
        (("near.yaml", "wide.yaml", "--from", "soon"), 1, "--from: 'soon' is no date"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    ballast: Ballast, arguments: tuple[str, ...], code: int, line: str
) -> None:
    tape(ballast.folder / "tape", hours=24 * 12)
    for name, more in (("near", ""), ("wide", ""), ("odd", "bands: 3\n")):
        (ballast.folder / f"{name}.yaml").write_text(CONFIG + more, encoding="utf-8")
    begun = () if "--from" in arguments else ("--from", START)
    done = ballast("compare", *arguments, "--data", "tape", *begun)
    assert (done.code, done.out) == (code, "")
    assert line in done.err
    assert done.err.count("\n") == 1, done.err
