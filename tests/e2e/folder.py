"""A folder where a bot lives: its processes, its configuration and its record, from outside as a person has them."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90.0
ALL = "100000"
FULL = bool(os.environ.get("CAMPAIGN"))  # `make campaign`: the long versions


@dataclass(slots=True)
class Folder:
    """``ballast …`` runs in ``path`` under ``env``; a bot started in the background writes to ``log``."""

    path: Path
    env: Mapping[str, str] = field(default_factory=dict)
    program: str = "bot"

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", self.program, *arguments]

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BALLAST_")}
        return {**clean, "PYTHONPATH": str(ROOT), **self.env, **(env or {})}

    def ballast(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments), cwd=self.path, env=self.environment(env),
            capture_output=True, text=True, timeout=1_800 if FULL else 300, check=False,
        )  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command in the background, whatever it says into the log."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command(*arguments), cwd=self.path, env=self.environment(), stdout=log, stderr=log
            )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command in the background; told to end, or killed where it does not."""
        process = self.start(*arguments)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)

    def json(self, *arguments: str) -> Any:
        done = self.ballast(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def decisions(self) -> list[dict[str, Any]]:
        """All of them, oldest first."""
        found: list[dict[str, Any]] = self.json("decisions", "--limit", ALL)
        return found[::-1]

    def orders(self) -> list[dict[str, Any]]:
        """All of them, oldest first."""
        found: list[dict[str, Any]] = self.json("orders", "--limit", ALL)
        return found[::-1]

    def proven(self) -> None:
        """`ballast verify` finds nothing."""
        done = self.ballast("verify")
        assert done.returncode == 0, done.stdout + done.stderr

    def told(self, event: str) -> list[dict[str, Any]]:
        """Lines of the log about ``event``."""
        found = []
        for line in self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else ():
            try:
                body = json.loads(line)
            except ValueError:
                continue
            if isinstance(body, dict) and body.get("event") == event:
                found.append(body)
        return found

    def tail(self) -> str:
        return self.log.read_text(encoding="utf-8")[-3_000:] if self.log.exists() else ""

    def wait(self, process: subprocess.Popen[bytes], done: Callable[[], bool]) -> None:
        """Wait until something is so, while the process lives."""
        until = time.monotonic() + PATIENCE_S
        while not done():
            assert process.poll() is None, self.tail()
            assert time.monotonic() < until, self.tail()
            time.sleep(0.05)

    def wait_cycles(self, process: subprocess.Popen[bytes], count: int) -> list[dict[str, Any]]:
        """Wait for ``count`` more cycles and return their lines."""
        before = len(self.told("cycle"))
        self.wait(process, lambda: len(self.told("cycle")) >= before + count)
        return self.told("cycle")[before:]

    def digest(self) -> str:
        """Of everything the database holds on disk."""
        whole = hashlib.sha256()
        for path in sorted(self.path.glob("data/ballast.db*")):
            whole.update(path.name.encode() + path.read_bytes())
        return whole.hexdigest()
