"""The peers' own environments: made when they are asked for, pinned by requirements*.txt beside this file.

The bot needs none of them, and they pin what the bot does not. One is made anew when its pins change; a peer that
cannot be installed is told by its reason and leaves the others alone.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOLD = 160  # letters of a reason
PIP = ("-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r")


@dataclass(frozen=True)
class Environment:
    """Where a peer lives."""

    name: str
    pins: Path

    @property
    def folder(self) -> Path:
        """A virtual environment in the checkout."""
        return ROOT / f".venv-{self.name}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def key(self) -> str:
        """What it is made of: its pins, and this interpreter's version."""
        return hashlib.sha256(self.pins.read_bytes() + sys.version.encode()).hexdigest()


def pinned(name: str, file: str) -> Environment:
    """An environment and its file here."""
    return Environment(name, Path(__file__).parent / file)


QUICK = pinned("peers", "requirements.txt")  # vectorbt, bt and numba
FREQTRADE = pinned("freqtrade", "requirements-freqtrade.txt")
BACKTRADER = pinned("backtrader", "requirements-backtrader.txt")
NAUTILUS = pinned("nautilus", "requirements-nautilus.txt")


def run(command: Sequence[str]) -> str:
    """Run; why it could not, in a line, or nothing."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else last_line(done.stderr) or f"{command[0]} ended with {done.returncode}"


def last_line(text: str) -> str:
    """What a program said last, short enough for a table."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:TOLD].replace("|", "/") if lines else ""


def made(environment: Environment, tell: Callable[[str], None] = lambda _: None) -> str:
    """Make it where it is not there as pinned; why that could not be done, or nothing."""
    ready, key = environment.folder / ".ready", environment.key()
    if environment.python.exists() and ready.exists() and ready.read_text(encoding="utf-8") == key:
        return ""
    tell(f"making {environment.folder.name} of {environment.pins.name} ...")
    if reason := run([sys.executable, "-m", "venv", "--clear", str(environment.folder)]):
        return reason
    python, uv = str(environment.python), Path(sys.executable).with_name("uv")
    quick = [str(uv), "pip", "install", "--quiet", "--python", python, "-r", str(environment.pins)]
    if not uv.exists() or run(quick):
        reason = run([python, *PIP, str(environment.pins)])
    if reason:
        shutil.rmtree(environment.folder, ignore_errors=True)
        return reason
    ready.write_text(key, encoding="utf-8")
    return ""
