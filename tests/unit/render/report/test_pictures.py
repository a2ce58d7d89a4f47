from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bot.backtest.report import report
from bot.render.report.pictures import NAMES, write_pictures
from tests.unit.backtest.results import a_curve, a_result
from tests.unit.render.report.bodies import a_body

PNG = b"\x89PNG\r\n\x1a\n"


def test_every_picture_is_a_png_of_some_size(tmp_path: Path) -> None:
    made = write_pictures(a_body(), tmp_path)
    assert [path.name for path in made] == list(NAMES)
    for path in made:
        assert path.read_bytes().startswith(PNG)
        assert 5_000 < path.stat().st_size < 300_000


def test_the_same_body_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    for one, other in zip(write_pictures(a_body(), first), write_pictures(a_body(), second), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_result_that_never_knew_its_equity_is_drawn_too(tmp_path: Path) -> None:
    body = report(a_result(a_curve([[100]] * 3, [0.5], equity=[float("nan")] * 3)))
    assert len(write_pictures(body, tmp_path)) == len(NAMES)


def test_nothing_loads_what_draws_until_something_is_drawn() -> None:
    code = (
        "import sys; import bot.cli.app, bot.cli.report, bot.render.report.pictures; print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
