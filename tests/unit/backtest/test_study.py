"""A study over a real SQLite file, with windows that cost nothing to play."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bot.backtest.metrics import Floats
from bot.backtest.space import read_space
from bot.backtest.study import Study, StudyRefused, Terms, joined
from bot.backtest.windows import Window, windows
from bot.settings.placed import value_at
from tests.unit.backtest.tapes import CONFIG

BEGUN = datetime(2022, 1, 1, tzinfo=UTC)
SPACE = "triggers.band.points: {from: 0.03, to: 0.10, step: 0.01}\ntriggers.goal: [target, edge, midpoint]\n"
ABOUT = dict.fromkeys(("version", "config", "data", "windows", "space", "aim"), "same")
DEAD_AFTER = timedelta(seconds=3)
OWN = CONFIG + "triggers: {band: {points: 0.05}, goal: target}\n"


def terms(**about: str) -> Terms:
    cuts = windows(BEGUN, BEGUN + timedelta(days=30), 3)
    return Terms("tested", OWN, {}, read_space(SPACE, "space.yaml"), cuts, "sharpe", {**ABOUT, **about})


def joins(folder: Path, **about: str) -> Study:
    return joined(f"sqlite:///{folder}/tune.db", terms(**about), DEAD_AFTER)


def play(text: str, window: Window) -> Floats:
    """Noise of the window, and the more gain the wider the band."""
    noise = np.random.default_rng(zlib.crc32(window.since.isoformat().encode())).normal(0, 0.01, 10)
    made: Floats = noise + float(value_at(text, "triggers.band.points")) / 10
    return made


def nothing(_ended: int) -> None:
    """Nobody listens."""


class Stopped:
    """Plays so many windows, then is interrupted."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.played: list[Window] = []

    def __call__(self, text: str, window: Window) -> Floats:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.played.append(window)
        return play(text, window)


def test_trials_begin_with_the_operators_own_values_and_end_at_the_number_asked_for(tmp_path: Path) -> None:
    study, heard = joins(tmp_path), list[int]()
    study.work(12, play, heard.append)
    tried = study.tried()
    assert len(tried) == 12
    assert tried[0].values == {"triggers.band.points": "0.05", "triggers.goal": "target"}
    assert heard == list(range(13))
    whole = [each for each in tried if each.state == "whole"]
    assert all(len(each.daily) == 3 for each in whole)
    assert max(whole, key=lambda each: each.value or 0.0).values["triggers.band.points"] > "0.05"


def test_a_trial_that_falls_behind_is_stopped_between_windows(tmp_path: Path) -> None:
    study = joins(tmp_path)
    study.work(20, play, nothing)
    stopped = [each for each in study.tried() if each.state == "stopped"]
    assert stopped
    assert all(1 <= len(each.daily) < 3 and each.value is None for each in stopped)


def test_a_second_worker_goes_on_where_the_study_is(tmp_path: Path) -> None:
    joins(tmp_path).work(3, play, nothing)
    heard: list[int] = []
    joins(tmp_path).work(5, play, heard.append)
    assert heard == [3, 4, 5]
    joins(tmp_path).work(5, Stopped(0), nothing)  # it is done: nothing is played


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("config", "another configuration (same, asked for is other)"),
        ("data", "another recorded data (same, asked for is other)"),
        ("space", "another space (same, asked for is other)"),
        ("version", "another version of Ballast (same, asked for is other)"),
        ("windows", "another span or number of windows (same, asked for is other)"),
        ("aim", "another aim (same, asked for is other)"),
    ],
)
def test_who_is_about_something_else_is_refused_in_one_line(tmp_path: Path, key: str, line: str) -> None:
    joins(tmp_path)
    with pytest.raises(StudyRefused) as told:
        joins(tmp_path, **{key: "other"})
    assert str(told.value) == f"study 'tested' was begun with {line}: name another with --study"


def test_an_interrupted_worker_hands_its_trial_back_and_the_next_goes_on_with_the_windows_behind_it(
    tmp_path: Path,
) -> None:
    first = Stopped(2)
    with pytest.raises(KeyboardInterrupt):
        joins(tmp_path).work(1, first, nothing)
    second = Stopped(99)
    study = joins(tmp_path)
    study.work(1, second, nothing)
    (tried,) = study.tried()
    assert (tried.state, tried.from_dead, len(tried.daily)) == ("whole", True, 3)
    assert [*first.played, *second.played] == list(study.terms.windows)  # none twice


def test_a_draw_whose_values_do_not_fit_together_is_refused_with_the_reason_and_never_played(tmp_path: Path) -> None:
    space = read_space("signals.averages: [{fast: 50, slow: 200}]\n".replace("]", ", {fast: 9, slow: 8}]"), "s")
    study = joined(f"sqlite:///{tmp_path}/tune.db", replace(terms(), space=space), DEAD_AFTER)
    played = Stopped(99)
    study.work(6, lambda _text, window: played(OWN, window), nothing)
    by_state = {state: [each for each in study.tried() if each.state == state] for state in ("whole", "refused")}
    assert by_state["whole"]
    assert by_state["refused"]
    assert all("signals.averages" in each.why and not each.daily for each in by_state["refused"])
    assert len(played.played) == sum(len(each.daily) for each in study.tried())


def test_what_never_moves_has_no_figure_and_is_no_candidate(tmp_path: Path) -> None:
    still: Callable[[str, Window], Floats] = lambda _text, _window: np.zeros(10)  # noqa: E731
    study = joins(tmp_path)
    study.work(2, still, nothing)
    assert [each.state for each in study.tried()] == ["refused", "refused"]
    assert study.tried()[0].why == "it has no sharpe: nothing ever moved"
