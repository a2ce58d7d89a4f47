"""Owns the reading of a feed's file, again only when it changed. Writes nothing, watches nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bot.feeds.reading import Name, Reading, Unusable
from bot.feeds.texts import FORMATS, read_text

FILE_MOST_BYTES: Final = 8 * 1024 * 1024
Stamp = tuple[int, int, int]


class FeedFile:
    """One file; its format is its name's ending. Blocks for as long as a read takes."""

    def __init__(self, name: Name, path: str) -> None:
        self._name = name
        self._path = Path(path)
        self._seen: Stamp | None = None

    def changed(self) -> Reading | None:
        """The reading, or None while the file is the one already read; raises `Unusable` naming the file.

        A file that cannot be used is told once for each change, and again by every call while it cannot be opened.
        """
        form = FORMATS.get(self._path.suffix.lower())
        if form is None:
            raise Unusable(f"{self._path}: ends in {self._path.suffix!r}, must be one of {', '.join(FORMATS)}")
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._seen:
                return None
            if found.st_size > FILE_MOST_BYTES:
                raise Unusable(f"{self._path}: has {found.st_size} bytes, must have at most {FILE_MOST_BYTES}")
            text = self._path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Unusable(f"{self._path}: is no UTF-8 text (byte {error.start})") from None
        except OSError as error:
            self._seen = None
            raise Unusable(f"{self._path}: cannot be read: {error.strerror or error}") from None
        self._seen = stamp
        try:
            return read_text(self._name, text, form)
        except Unusable as error:
            raise Unusable(f"{self._path}: {error}") from None
