# noqa: INP001 - a script beside what it makes
"""Owns the recorded session: `python docs/session.py` types what a newcomer types and writes docs/session.md."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "session.md"
COLUMNS = 110
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TOKEN = re.compile(r"(?<=dashboard token: )\S+")
LOGGED = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z \[")  # the log, which says the same to machines
LINES_MOST = 40  # of one command's output; a page is no log

HEAD = """# A session at the terminal

Made by `make session`, on a machine without network: these commands were typed one after the other, and this is what
they said. Long output is cut where `…` stands. The money is simulated, and so is the market of the built-in exchange.
"""
#: What is typed, and what to say before it.
SESSION = (
    ("A configuration out of a few answers", "ballast init my.yaml --targets BTC=0.5,ETH=0.3 --risk balanced"),
    ("What it means", "ballast check"),
    ("What it would do now, without doing it", "ballast plan"),
    ("A few cycles", "ballast run --cycles 4"),
    ("How things stand", "ballast status"),
    ("Why one asset was (not) traded", "ballast why BTC"),
    ("What was traded", "ballast trades --limit 6"),
    ("What another file would do", "ballast plan --diff bolder.yaml"),
    ("Stop, and go on", 'ballast kill halt --reason "lunch"'),
    ("", "ballast run --cycles 1"),
    ("", "ballast resume --yes"),
    ("Is the record sound, and decided as it says?", "ballast verify"),
    ("Keep it", "ballast backup kept.db"),
)


def spoken(folder: Path, typed: str) -> str:
    """What a command said to a person at a terminal of so many columns."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BALLAST_")}
    env = {
        **clean, "COLUMNS": str(COLUMNS), "LINES": "50", "NO_COLOR": "1", "TERM": "dumb", "PYTHONPATH": str(ROOT),
        "BALLAST_CONFIG": "my.yaml", "BALLAST_WEB__PORT": "0",
    }  # fmt: skip
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "bot", *shlex.split(typed)[1:]]
    process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=its, stderr=its)  # noqa: S603
    os.close(its)
    said = b""
    with suppress(OSError):  # the other side is closed: the command has ended
        while part := os.read(ours, 65_536):
            said += part
    os.close(ours)
    if process.wait(60) not in (0, 2):
        raise SystemExit(f"{typed}: exit code {process.returncode}\n{said.decode()}")
    lines = [TOKEN.sub("…", line.rstrip()) for line in ESCAPES.sub("", said.decode()).rstrip().splitlines()]
    lines = [line for line in lines if not LOGGED.match(line)]
    return "\n".join([*lines[:LINES_MOST], *(["…"] if len(lines) > LINES_MOST else [])])


def main() -> None:
    """Type them, and write the page."""
    parts = [HEAD]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for before, typed in SESSION:
            if "bolder.yaml" in typed:
                careful = (folder / "my.yaml").read_text(encoding="utf-8")
                edits = {
                    "BTC: 0.625, ETH: 0.375": "BTC: 0.4, ETH: 0.6",
                    "{enabled: true}": "{enabled: true, leverage: 3}",
                }
                for was, now in edits.items():
                    careful = careful.replace(was, now)
                (folder / "bolder.yaml").write_text(careful, encoding="utf-8")
            said = spoken(folder, typed)
            parts.append(f"{f'**{before}**{chr(10)}{chr(10)}' if before else ''}```\n$ {typed}\n{said}\n```\n")
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)}: {len(SESSION)} commands\n")


if __name__ == "__main__":
    main()
