"""Owns the composition of a tuning: configuration, space, recordings and storage in; workers and a report out."""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bot import __version__
from bot.backtest.compare import daily_of, measured
from bot.backtest.metrics import Floats
from bot.backtest.space import Space
from bot.backtest.study import Play, StorageFailed, Study, StudyRefused, Terms, Tried, joined
from bot.backtest.tuned import Final_, Found, report, top_of
from bot.backtest.windows import Window, windows
from bot.core.numbers import canonical_json, digest
from bot.core.policy import RuleKeys
from bot.settings import load_text
from bot.settings.placed import with_values
from bot.settings.yaml_text import read_yaml
from bot.venues.simulated.recordings import read_candles, read_funding
from bot.wiring_past import Span
from bot.wiring_sweep import played

DRIVERS: Final[Mapping[str, str]] = {
    "sqlite": "sqlite",
    "sqlite+aiosqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+asyncpg": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
STORAGE_SHAPE: Final = "sqlite:///tune.db or postgresql://user@host/database"
HIDDEN: Final = "********"
DIGEST: Final = 12
BASE, FINAL, LOOKED, YOURS = "yours: windows", "final", "final: looked at after", "yours"
MARK: Final = "# ballast tune: "


@dataclass(frozen=True, slots=True)
class Tuning:
    """One tuning as asked for; goes from process to process."""

    name: str
    text: str
    env: Mapping[str, str]
    space: Space
    storage: str
    folder: Path
    cuts: tuple[Window, ...]  # the last is the final one
    aim: str
    about: Mapping[str, str]
    trials: int
    dead_after: timedelta

    @property
    def terms(self) -> Terms:
        """What the study is about."""
        return Terms(self.name, self.text, self.env, self.space, self.cuts[:-1], self.aim, self.about)


def storage_url(text: str) -> str:
    """An address of a study with a driver of ours; raises StudyRefused."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise StudyRefused(f"--storage: is no address, must be {STORAGE_SHAPE}") from None
    driver = DRIVERS.get(url.drivername)
    if driver is None:
        raise StudyRefused(f"--storage: {url.drivername} is not known here, must be {STORAGE_SHAPE}")
    if driver == "sqlite" and not url.database:
        raise StudyRefused("--storage: names no file, must be such as sqlite:///tune.db")
    return url.set(drivername=driver).render_as_string(hide_password=False)


def shown_storage(text: str) -> str:
    """The address without who is behind it and what it is opened with."""
    url = make_url(text)
    query = {key: HIDDEN if "pass" in key.lower() else value for key, value in url.query.items()}
    hidden = url.set(password=HIDDEN if url.password else None, query=query)
    return hidden.render_as_string(hide_password=False).replace("%2A", "*")


def about(
    text: str, env: Mapping[str, str], folder: Path, space: Space, cuts: tuple[Window, ...], aim: str
) -> dict[str, str]:
    """Digests of all that makes two trials comparable; raises `TapeError`."""
    rows = {row.key: row.value for row in load_text(text, env).rows()}
    config = {key: value for key, value in rows.items() if _matters(key)}
    return {
        "version": __version__,
        "config": digest(canonical_json(config), length=DIGEST),
        "data": _data_digest(folder),
        "windows": digest(canonical_json([each.body() for each in cuts]), length=DIGEST),
        "space": space.digest(),
        "aim": aim,
    }


def _matters(key: str) -> bool:
    return key.partition(".")[0] in RuleKeys.model_fields or key.startswith(("paper.", "venue."))


def _data_digest(folder: Path) -> str:
    """Of what is recorded, whatever the files are called and however they are written."""
    whole = hashlib.sha256()
    for coin, bars in sorted(read_candles(folder).items()):
        whole.update(coin.encode() + np.ascontiguousarray(bars).tobytes())
    for coin, rates in sorted(read_funding(folder).items()):
        whole.update(coin.encode() + rates.times_ms.tobytes() + repr(rates.rates).encode())
    return whole.hexdigest()[:DIGEST]


def cuts_of(since: datetime, until: datetime, count: int) -> tuple[Window, ...]:
    """``count`` windows for trials and a final one as long, which none of them sees; raises `WindowError`."""
    return windows(since, until, count + 1)


# ---- working


def tune(tuning: Tuning, *, jobs: int = 1, told: Callable[[int], None] = lambda _ended: None) -> dict[str, Any]:
    """Work on a study until it is done, in ``jobs`` processes, and tell what came of it (see `tuned.report`).

    Raises `StudyRefused` with one line that holds no secret, and what a past raises.
    """
    with (
        _in_one_line(tuning),
        _ended_like_interrupted(),
        closing(joined(tuning.storage, tuning.terms, tuning.dead_after)) as study,
    ):
        _together(study, tuning, jobs, told)
        return _report(study, tuning)


def _together(study: Study, tuning: Tuning, jobs: int, told: Callable[[int], None]) -> None:
    """Work with ``jobs`` − 1 more processes; where this one fails or is told to end, they are."""
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=_other, args=(tuning,)) for _ in range(jobs - 1)]
    for each in others:
        each.start()
    done = False
    try:
        study.work(tuning.trials, _player(tuning), told)
        done = True
    finally:
        for each in others:
            if not done:
                each.terminate()
        for each in others:
            each.join()


def _other(tuning: Tuning) -> None:
    with (
        suppress(KeyboardInterrupt),
        _ended_like_interrupted(),
        closing(joined(tuning.storage, tuning.terms, tuning.dead_after)) as study,
    ):
        study.work(tuning.trials, _player(tuning), lambda _ended: None)


@contextmanager
def _ended_like_interrupted() -> Iterator[None]:
    """SIGTERM does as Ctrl-C does: what is being played is handed back at once."""

    def interrupted(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _in_one_line(tuning: Tuning) -> Iterator[None]:
    """What the storage raises as one line without its password."""
    try:
        yield
    except (SQLAlchemyError, StorageFailed) as error:
        cause = getattr(error, "orig", None) or error.__cause__ or error
        cause = getattr(cause, "orig", None) or cause
        said = " ".join(str(cause).split())
        password = make_url(tuning.storage).password
        said = said.replace(password, HIDDEN) if password else said
        raise StudyRefused(f"--storage {shown_storage(tuning.storage)}: {said}") from None


def _player(tuning: Tuning) -> Play:
    def play(text: str, window: Window) -> Floats:
        settings = load_text(text, tuning.env)
        return daily_of(played(settings, Span(tuning.folder, window.since, window.until), tuning.name))

    return play


# ---- the report


def _report(study: Study, tuning: Tuning) -> dict[str, Any]:
    """Look at the final window with the best and the operator's own, each once for all workers."""
    tried = study.tried()
    ended = sum(each.state in ("whole", "stopped", "refused") for each in tried)
    looked = study.note(LOOKED)
    if looked is None:
        looked = study.note(LOOKED, ended)
    return report(
        Found(
            study=tuning.name,
            aim=tuning.aim,
            windows=tuning.cuts[:-1],
            final=tuning.cuts[-1],
            tried=tried,
            base=_base(study, tuning, tried),
            base_final=_final(study, tuning, YOURS, tuning.text),
            finals={
                each.number: _final(study, tuning, str(each.number), text_of(tuning, each.values))
                for each in top_of(tried)
            },
            looked_after=int(looked),
        )
    )


def text_of(tuning: Tuning, values: Mapping[str, str]) -> str:
    """The configuration's text with a trial's values in their places."""
    return with_values(tuning.text, {key: read_yaml(value) for key, value in values.items()})


def _base(study: Study, tuning: Tuning, tried: list[Tried]) -> list[Floats]:
    """Daily returns of the operator's own configuration by window; of a trial with its very values, if there is one."""
    known = study.note(BASE)
    if known is None:
        own, play = load_text(tuning.text, tuning.env).policy(), _player(tuning)
        whole = (each for each in tried if each.state == "whole")
        same = next(
            (each for each in whole if load_text(text_of(tuning, each.values), tuning.env).policy() == own), None
        )
        found = same.daily if same else [play(tuning.text, window) for window in tuning.cuts[:-1]]
        known = study.note(BASE, [each.tolist() for each in found])
    return [np.array(each) for each in known]


def _final(study: Study, tuning: Tuning, name: str, text: str) -> Final_:
    known = study.note(f"{FINAL}: {name}")
    if known is None:
        window = tuning.cuts[-1]
        span = Span(tuning.folder, window.since, window.until)
        result = played(load_text(text, tuning.env), span, tuning.name)
        known = study.note(f"{FINAL}: {name}", {"daily": daily_of(result).tolist(), "figures": measured(result)})
    return Final_(np.array(known["daily"]), known["figures"])


# ---- the best, written down


def write_best(tuning: Tuning, body: Mapping[str, Any], own: Path, out: Path) -> None:
    """Write the best trial's configuration; raises `StudyRefused` for a file that no tuning wrote, OSError."""
    row = body["top"][0]
    if out.exists() and (out.samefile(own) or not out.read_text(encoding="utf-8").startswith(MARK)):
        raise StudyRefused(f"--out {out}: is there and no tuning wrote it; name another")
    what = f"trial {row['trial']} of study {tuning.name}, {tuning.aim} {row['in']:.3f} in-sample"
    outside = "unknown" if row["out"] is None else f"{row['out']:.3f}"
    out.write_text(f"{MARK}{what}, {outside} on the final window\n{text_of(tuning, row['values'])}", encoding="utf-8")
