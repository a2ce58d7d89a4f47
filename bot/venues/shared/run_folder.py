"""Owns the folder in which processes of one machine meet: whose it is, locks that die with their process, records.

Nothing in it must outlive the machine, and all of it may be lost: who finds nothing there asks for itself.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final

FORGOTTEN_S: Final = 2 * 86_400.0  # files that nobody touched for so long are of nobody


@dataclass(slots=True)
class RunFolder:
    """A folder of ours alone. ``boot_s``: seconds since the machine started, ``boot``: which start that was.

    ``tell`` is told each thing that is wrong, once.
    """

    path: Path
    boot_s: Callable[[], float]
    boot: str
    tell: Callable[[str], None]
    _told: set[str] = field(default_factory=set)

    def open(self) -> bool:
        """Make it, 0700; whether it can be used: one that is somebody else's, or open to others, is left alone."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.path.lstat()
        except OSError as error:
            self.trouble("folder", f"{self.path}: cannot be made: {error.strerror}")
            return False
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            self.trouble("folder", f"{self.path}: must be a folder of this user alone (mode 0700)")
            return False
        return True

    def of(self, *names: str) -> RunFolder:
        """A folder within it, by a digest of names that may be secret."""
        made = RunFolder(self.path / digest_of(*names), self.boot_s, self.boot, self.tell, self._told)
        try:
            made.path.mkdir(mode=0o700, exist_ok=True)
            made._forget()
        except OSError as error:
            self.trouble("folder", f"{made.path}: cannot be made: {error.strerror}")
        return made

    def trouble(self, about: str, why: str) -> None:
        """Tell what is wrong, the first time."""
        if about not in self._told:
            self._told.add(about)
            self.tell(why)

    @contextmanager
    def locked(self, name: str) -> Iterator[int | None]:
        """Hold a file's lock, if that can be had at once; its descriptor, None where another process has it.

        The kernel lets go of it with the process. Raises OSError where the file cannot be used.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(self.path / name, flags, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            yield file
        finally:
            os.close(file)

    def _forget(self) -> None:
        """Files count by the newest of them: the machine's wall clock may have been set."""
        ages = {each: each.stat().st_mtime for each in self.path.iterdir()}
        newest = max(ages.values(), default=0.0)
        for each, at in ages.items():
            if newest - at > FORGOTTEN_S:
                each.unlink(missing_ok=True)


def digest_of(*names: str) -> str:
    """A short name for many."""
    return blake2b("\n".join(names).encode(), digest_size=12).hexdigest()
