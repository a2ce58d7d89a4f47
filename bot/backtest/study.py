"""Owns the study: trials shared by any number of workers over one database, each window after window; Optuna's room.

A study remembers what it is about and refuses a worker that is about something else. A worker beats while it plays; one
that is silent is taken for dead, and its trial goes on elsewhere with the windows it had behind it.
"""

from __future__ import annotations

import os
import platform
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any, Final

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError, TrialPruned
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState

from bot.backtest.luck import AIMS
from bot.backtest.metrics import Floats
from bot.backtest.space import Space, refused
from bot.backtest.windows import Window
from bot.clocks import host_utc_now
from bot.settings.placed import flow, with_values

StorageFailed = StorageInternalError

ABOUT: Final = "about"
WORKER, VALUES, WINDOWS, REFUSED = "worker", "values", "windows", "refused"
RETRIED: Final = "failed_trial"  # what Optuna's retry says of the trial that one takes the place of
BEATS: Final = 3  # in the time after which a silent worker is taken for dead
RETRIES: Final = 3  # of one trial: what kills every worker is given up
STARTUP: Final = 8  # whole trials before one is stopped early
PLACES: Final = 10  # of a daily return, as it is kept
LOOK_EVERY_S: Final = 1.0
DONE: Final = (TrialState.COMPLETE, TrialState.PRUNED)
WORDS: Final[Mapping[str, str]] = {
    "version": "version of Ballast",
    "config": "configuration",
    "data": "recorded data",
    "windows": "span or number of windows",
    "space": "space",
    "aim": "aim",
}


class StudyRefused(Exception):
    """A study that is about something else, or that another worker took over: one line."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a study is about: all that makes two trials comparable, and what a worker needs to play one."""

    name: str
    text: str  # the configuration's
    env: Mapping[str, str]
    space: Space
    windows: tuple[Window, ...]  # without the final one
    aim: str
    about: Mapping[str, str]  # digests, by the keys of WORDS


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial: its values as the configuration would have them written, daily returns of the windows it played."""

    number: int
    state: str  # whole | stopped | refused | running | waiting | given up
    values: Mapping[str, str]
    daily: tuple[Floats, ...]
    value: float | None
    from_dead: bool = False
    worker: str = ""
    why: str = ""


@dataclass(slots=True)
class _Drawer:
    trial: optuna.Trial

    def draw_int(self, name: str, low: int, high: int, step: int, *, log: bool) -> int:
        return self.trial.suggest_int(name, low, high, step=step, log=log)

    def draw_float(self, name: str, low: float, high: float, step: float | None, *, log: bool) -> float:
        return self.trial.suggest_float(name, low, high, step=step, log=log)

    def draw_word(self, name: str, words: Sequence[str]) -> str:
        return str(self.trial.suggest_categorical(name, list(words)))


#: (text of a configuration, window) -> daily returns.
Play = Callable[[str, Window], Floats]


@dataclass(slots=True)
class Study:
    """A worker's hand on a study; see `joined`."""

    terms: Terms
    dead_after: timedelta
    worker: str
    _storage: RDBStorage
    _study: optuna.Study
    _again: RetryHeartbeatStaleTrialCallback
    _mine: int | None = field(default=None)

    # ---- working

    def work(self, trials: int, play: Play, told: Callable[[int], None]) -> None:
        """Play trials until the study has ``trials`` at their end, whoever played them; ``told`` hears how many.

        Interrupted, what was being played is handed back for others to go on with.
        """
        while True:
            self.must_be_mine()
            states = [each.state for each in self._study.get_trials(deepcopy=False)]
            ended, running = sum(state in DONE for state in states), states.count(TrialState.RUNNING)
            told(ended)
            if ended >= trials:
                return
            if ended + running >= trials and TrialState.WAITING not in states:
                self._rescue()  # others play the last ones; one of them may have died
                threading.Event().wait(LOOK_EVERY_S)
                continue
            self._one(play)

    def _one(self, play: Play) -> None:
        try:
            with _hushed():
                self._study.optimize(lambda trial: self._objective(trial, play), n_trials=1)
        except KeyboardInterrupt:
            if self._mine is not None:
                with _hushed():
                    self._again(self._study, self._study.trials[self._mine])
            raise
        finally:
            self._mine = None

    def _objective(self, trial: optuna.Trial, play: Play) -> float:
        self._mine = trial.number
        trial.set_user_attr(WORKER, self.worker)
        values = self.terms.space.draw(_Drawer(trial))
        text = with_values(self.terms.text, values)
        trial.set_user_attr(VALUES, {name: flow(value) for name, value in values.items()})
        why = refused(text, self.terms.env)
        if why:
            trial.set_user_attr(REFUSED, why)
            raise TrialPruned(why)
        # What a worker before this one had behind it, where it died.
        played: list[list[float]] = list(trial.user_attrs.get(WINDOWS, []))
        aim = AIMS[self.terms.aim]
        value = None
        for number, window in enumerate(self.terms.windows):
            if number >= len(played):
                played.append([round(float(each), PLACES) for each in play(text, window)])
                trial.set_user_attr(WINDOWS, played)
            value = aim(np.concatenate([np.array(each) for each in played[: number + 1]]))
            if value is None:
                continue
            trial.report(value, number)
            if number + 1 < len(self.terms.windows) and trial.should_prune():
                raise TrialPruned
        if value is None:
            trial.set_user_attr(REFUSED, f"it has no {self.terms.aim}: nothing ever moved")
            raise TrialPruned
        return value

    def _rescue(self) -> None:
        """Hand on what the dead were playing, also what they died over before their first beat."""
        with _hushed():
            fail_stale_trials(self._study)
            for each in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                begun = each.datetime_start
                # Optuna dates by the machine's own wall clock, without a zone.
                silent = begun is not None and host_utc_now() - begun.astimezone(UTC) > 2 * self.dead_after
                if silent and WORKER not in each.user_attrs:
                    self._study.tell(each.number, state=TrialState.FAIL, skip_if_finished=True)
                    self._again(self._study, each)

    # ---- what is known

    def must_be_mine(self) -> None:
        """Raise `StudyRefused` where the study is about something else."""
        held = self._study.user_attrs.get(ABOUT, {})
        differing = [word for key, word in WORDS.items() if held.get(key) != self.terms.about[key]]
        if differing:
            key = next(key for key, word in WORDS.items() if word == differing[0])
            raise StudyRefused(
                f"study {self.terms.name!r} was begun with another {', another '.join(differing)} "
                f"({held.get(key, 'unknown')}, asked for is {self.terms.about[key]}): name another with --study"
            )

    def tried(self) -> list[Tried]:
        """Every trial, in the order they were begun; those that died or were handed back stand in others' place."""
        return [made for each in self._study.get_trials(deepcopy=False) if (made := _tried(each)) is not None]

    def close(self) -> None:
        """Let go of the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def note(self, key: str, value: Any = None) -> Any:
        """Keep something beside the trials (when given), and read it; None where there is none."""
        if value is not None:
            self._study.set_user_attr(key, value)
        return self._study.user_attrs.get(key)


def joined(url: str, terms: Terms, dead_after: timedelta) -> Study:
    """Begin a study or join it; ``url`` names a synchronous driver. Raises `StudyRefused`, and what the driver raises.

    ``dead_after``: how long a worker may be silent.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seconds = max(1, int(dead_after / timedelta(seconds=1)))
    with _hushed():
        again = RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)
        storage = RDBStorage(
            url,
            engine_kwargs={"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {"pool_pre_ping": True},
            heartbeat_interval=max(1, seconds // BEATS),
            grace_period=seconds,
            heartbeat_stale_trial_callback=again,
        )
        study = optuna.create_study(
            storage=storage,
            study_name=terms.name,
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(constant_liar=True),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP),
        )
    if ABOUT not in study.user_attrs:
        study.set_user_attr(ABOUT, dict(terms.about))
        own = terms.space.of(terms.text, terms.env)
        if own is not None:  # the operator's own values first: what is found must beat them
            with _hushed():
                study.enqueue_trial(own, skip_if_exists=True)
    made = Study(terms, dead_after, f"{platform.node()}:{os.getpid()}", storage, study, again)
    made.must_be_mine()
    return made


def _tried(trial: FrozenTrial) -> Tried | None:
    known = trial.user_attrs
    states = {
        TrialState.COMPLETE: "whole",
        TrialState.PRUNED: "refused" if REFUSED in known else "stopped",
        TrialState.RUNNING: "running",
        TrialState.WAITING: "waiting",
    }
    state = states.get(trial.state)
    if state is None:
        return None
    return Tried(
        number=trial.number,
        state=state,
        values=known.get(VALUES, {}),
        daily=tuple(np.array(each) for each in known.get(WINDOWS, [])),
        value=trial.value if trial.state == TrialState.COMPLETE else None,
        from_dead=RETRIED in trial.system_attrs,
        worker=str(known.get(WORKER, "")),
        why=str(known.get(REFUSED, "")),
    )


@contextmanager
def _hushed() -> Iterator[None]:
    """Without Optuna's word, on every call, that beats and retries may change in a later version of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
