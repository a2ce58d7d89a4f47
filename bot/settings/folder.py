"""Owns a folder of portfolios: one file, one portfolio, and which part of the environment is whose. Starts nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.core.numbers import canonical_json
from bot.settings.errors import ConfigError
from bot.settings.layers import KEYS, LIVE, PREFIX, SECRETS_DIR, read_text
from bot.settings.loading import load_text
from bot.settings.settings import Settings
from bot.settings.yaml_text import scalars_at_top

OF: Final = f"{PREFIX}OF_"  # BALLAST_OF_NAME__VENUE__API_KEY is the key of portfolio `name` alone
NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
APART: Final = ("kill_switch", "web", "log", "store", "alerts")  # what two machines may see differently
TRADING: Final = ("testnet", "live")  # modes whose orders reach an account
PORTFOLIO: Final = f"{PREFIX}PORTFOLIO"
STORE: Final = f"{PREFIX}STORE__URL"


@dataclass(frozen=True, slots=True)
class Portfolio:
    """One file of the folder as it is in force here. ``hash`` is over all that decides, keys left out."""

    name: str
    path: Path
    env: Mapping[str, str]
    settings: Settings
    hash: str


@dataclass(slots=True)
class Folder:
    """The portfolios of a folder; `read` looks again, and reads only files that changed.

    ``env`` is the process' environment, ``store`` the record's address for all of them. `wrong` has a line for each
    thing that is wrong, by the file's name; the other portfolios are read all the same.
    """

    path: Path
    env: Mapping[str, str]
    store: str
    wrong: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _seen: dict[str, tuple[tuple[int, int, int], Portfolio | None]] = field(default_factory=dict)

    def read(self) -> Mapping[str, Portfolio]:
        """Every portfolio that can be read, by name; raises ConfigError where the folder itself cannot be used."""
        try:
            files = sorted(path for path in self.path.iterdir() if path.suffix == ".yaml" and path.is_file())
        except OSError as error:
            raise ConfigError([f"{self.path}: cannot be read: {error.strerror}"]) from None
        self._must_be_apart([path.stem for path in files])
        found: dict[str, Portfolio] = {}
        for path in files:
            one = self._one(path)
            if one is not None:
                found[one.name] = one
        names = {path.stem for path in files}
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}
        self.wrong = {name: lines for name, lines in self.wrong.items() if name in names}
        self._must_trade_apart(found)
        return found

    def strangers(self) -> Sequence[str]:
        """Variables of portfolios that are not in the folder: a name mistyped is an account without its keys."""
        marks = tuple(f"{mark_of(name)}__" for name in self._seen)
        return sorted(name for name in self.env if name.startswith(OF) and not name.startswith(marks))

    def secrets(self, name: str | None = None) -> tuple[str, ...]:
        """The secret values of a portfolio, else of all, for those who must never write one."""
        seen = [self._seen[name]] if name in self._seen else self._seen.values()
        return tuple(secret for _, one in seen if one for secret in one.settings.secrets())

    def env_of(self, name: str) -> Mapping[str, str]:
        """The environment as one portfolio sees it: everybody's variables, and its own over them."""
        mark = f"{mark_of(name)}__"
        shared = {key: value for key, value in self.env.items() if not key.startswith(OF)}
        own = {f"{PREFIX}{key.removeprefix(mark)}": value for key, value in self.env.items() if key.startswith(mark)}
        made = {**shared, **own, PORTFOLIO: name, STORE: self.store}
        secrets, live = made.pop(SECRETS_DIR, ""), made.pop(LIVE, "")
        if secrets and (Path(secrets) / name).is_dir():
            made[SECRETS_DIR] = str(Path(secrets) / name)
        if name in [each.strip() for each in live.split(",")]:
            made[LIVE] = name
        return made

    def _must_be_apart(self, names: Sequence[str]) -> None:
        """Raise ConfigError for names that one variable could mean both of, and for keys that would be everybody's."""
        lines = [
            f"{PREFIX}VENUE__{key.upper()}: is set, and would be the key of every portfolio; "
            f"must be {OF}NAME__VENUE__{key.upper()}, or a secret file in a folder of the portfolio's name"
            for key in KEYS
            if f"{PREFIX}VENUE__{key.upper()}" in self.env
        ]
        marks: dict[str, str] = {}
        for name in names:
            other = marks.setdefault(mark_of(name), name)
            if other != name:
                lines.append(f"{self.path}: {other}.yaml and {name}.yaml have the same variables; rename one")
        if lines:
            raise ConfigError(lines)

    def _must_trade_apart(self, found: dict[str, Portfolio]) -> None:
        """Leave out all but the first that trade on one key: each would take the other's coins for its own."""
        traders: dict[tuple[str, str, str], str] = {}
        for name, one in list(found.items()):
            venue = one.settings.venue
            if one.settings.mode not in TRADING or venue.api_key is None:
                continue
            key = (venue.id, venue.environment, venue.api_key.get_secret_value())
            other = traders.setdefault(key, name)
            if other != name:
                self.wrong[name] = (f"{one.path}: trades on the key of {other}; each portfolio needs its own account",)
                del found[name]

    def _one(self, path: Path) -> Portfolio | None:
        name = path.stem
        try:
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            known = self._seen.get(name)
            if known is not None and known[0] == stamp:
                if known[1] is not None:
                    self.wrong.pop(name, None)
                return known[1]
            made = self._made(name, path)
        except (ConfigError, OSError) as error:
            lines = tuple(error.lines) if isinstance(error, ConfigError) else (f"{path}: cannot be read: {error}",)
            self.wrong[name] = lines
            self._seen[name] = ((0, 0, 0), None)
            return None
        self.wrong.pop(name, None)
        self._seen[name] = (stamp, made)
        return made

    def _made(self, name: str, path: Path) -> Portfolio:
        if not NAME.fullmatch(name) or "__" in name:
            raise ConfigError(
                [f"{path}: {name!r} is no portfolio's name, must be a to z, 0 to 9, - and single _, at most 40"]
            )
        env, text = self.env_of(name), read_text(path)
        settings = load_text(text, env, name=str(path))
        said = [each for each in scalars_at_top(text, "portfolio") if each != name]
        if said:
            raise ConfigError([f"{path}: portfolio: is {said[0]}, must be {name} as its file is, or left out"])
        return Portfolio(name, path, env, settings, hash_of(settings))


def mark_of(name: str) -> str:
    """What a portfolio's own variables begin with."""
    return f"{OF}{name.upper().replace('-', '_')}"


def hash_of(settings: Settings) -> str:
    """One hash over everything that decides what a portfolio does; two machines must have the same."""
    told = {row.key: row.value for row in settings.rows() if row.key.partition(".")[0] not in APART}
    return hashlib.sha256(canonical_json(told).encode()).hexdigest()
