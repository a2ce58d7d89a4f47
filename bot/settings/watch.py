"""Owns the look at the operator's file while the bot runs: the kill switch in it, and edits. Takes no edit over."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.snapshot import Kill
from bot.engine.stop import SourceUnreadable
from bot.settings.errors import ConfigError
from bot.settings.loading import kill_switch_of, load_text
from bot.settings.risk import raised
from bot.settings.settings import Settings

EDIT_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Waiting:
    """An edit that raises risk and waits for a yes: its name, which is its content's, and what it raises."""

    id: str
    raises: tuple[str, ...]


class ConfigWatch:
    """The operator's file, looked at by its content's hash. A broken edit changes nothing but `broken`.

    ``confirms``: an edit that raises risk stays `waiting` until somebody said yes to it. The kill switch in the file is
    no part of that: what it set, only a resume lowers.
    """

    def __init__(
        self, path: Path | None, settings: Settings, env: Mapping[str, str], *, confirms: bool = False
    ) -> None:
        self._confirms = confirms
        self.waiting: Waiting | None = None
        self._path = path
        self._env = env
        self._hash = b""
        self._text: str | None = None
        self._said: tuple[str, Kill] | None = None  # a text's kill switch: asked for often, edited rarely
        self._first = True
        self.settings = settings
        self.broken = ""
        self.pending: Settings | None = None

    def level(self) -> Kill:
        """The kill switch that the file asks for now; raises `SourceUnreadable`."""
        if self._path is None:
            return "off"
        self._look(self._path)
        if self._text is None:
            raise SourceUnreadable(self.broken)
        if self._said is None or self._said[0] is not self._text:
            try:
                self._said = (self._text, kill_switch_of(self._text))
            except ConfigError as error:
                raise SourceUnreadable(f"{self._path}: {error.lines[0]}") from error
        return self._said[1]

    def check(self) -> None:
        """Raise `SourceUnreadable` while the file is no valid configuration; asked after `level`."""
        if self.broken:
            raise SourceUnreadable(self.broken)

    def _look(self, path: Path) -> None:
        try:
            raw = path.read_bytes()
            text = raw.decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self._text, self._hash = None, b""
            self.broken = f"{path}: cannot be read: {error}"
            return
        hashed = hashlib.sha256(raw).digest()
        if hashed == self._hash:
            return
        self._hash, self._text = hashed, text
        first, self._first = self._first, False
        try:
            fresh = load_text(text, self._env, name=str(path))
        except ConfigError as error:
            self.broken, self.pending = error.lines[0], None
            return
        self.broken = ""
        self.pending = None if first and fresh == self.settings else fresh

    def take(self, accepted: Container[str] = ()) -> tuple[Settings, list[str]] | None:
        """The new configuration, once, with the keys of it that need a restart; None while nothing is new.

        ``accepted``: the names of edits that somebody said yes to.
        """
        fresh, self.waiting = self.pending, None
        if fresh is not None and self._confirms and (lines := raised(self.settings, fresh)):
            edit = Waiting(edit_id(self._hash), tuple(lines))
            if edit.id not in accepted:
                self.waiting = edit
                return None
        self.pending = None
        if fresh is None or fresh == self.settings:
            return None
        fixed = self.settings.fixed_until_restart(fresh)
        self.settings = fresh
        return fresh, fixed


def edit_id(hashed: bytes) -> str:
    """What an edit is called, by the hash (SHA-256) of its content."""
    return hashed.hex()[:EDIT_ID_LENGTH]


def edit_of(path: Path) -> str:
    """The name of the file's content as it is now; raises OSError."""
    return edit_id(hashlib.sha256(path.read_bytes()).digest())
